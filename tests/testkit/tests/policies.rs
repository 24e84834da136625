//! The declared policy is lawful, and unlawful ones are caught.

use mizan_core::policy::{Conflict, Declared, Policy, Verdict};
use mizan_core::{DeletePolicy, Entity, Name, Value};
use mizan_testkit::policy_laws::{decimals, policy_laws, texts};
use mizan_testkit::{Profile, Setup};

fn each_field(policy: &dyn Policy, sides: usize) -> Result<(), String> {
    for seed in 0..8 {
        let setup = Setup::drawn(seed, Profile::Full, sides);
        for entity in &setup.schema.entities {
            for field in &entity.fields {
                policy_laws(policy, entity, field, texts(), 128)?;
                policy_laws(policy, entity, field, decimals(), 128)?;
            }
        }
    }
    Ok(())
}

#[test]
fn the_declared_policy_is_lawful() {
    for sides in 2..=4 {
        each_field(&Declared, sides).expect("every law holds");
    }
}

/// A policy made of one function.
struct Of(fn(&Conflict<'_>) -> Verdict);

impl Policy for Of {
    fn id(&self) -> Name {
        "of/1".into()
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        self.0(conflict)
    }

    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        entity.on_delete
    }
}

fn breaks(law: &str, policy: fn(&Conflict<'_>) -> Verdict) {
    let error = each_field(&Of(policy), 3).expect_err("an unlawful policy is caught");
    assert!(error.contains(law), "{law} is not in: {error}");
}

#[test]
fn taking_the_first_depends_on_the_order() {
    breaks("L23", |_| Verdict::Take(0));
}

#[test]
fn taking_one_too_many_is_an_invention() {
    breaks("L25", |conflict| Verdict::Take(conflict.candidates.len()));
}

#[test]
fn adding_to_what_all_agree_on_never_rests() {
    breaks("L28", |conflict| {
        let greatest = conflict.candidates.iter().map(|one| one.value).max();
        Verdict::Merged(Value::text(format!("{}x", greatest.unwrap_or(&Value::Null))))
    });
}

#[test]
fn the_greatest_value_is_lawful() {
    each_field(
        &Of(|conflict| {
            let best =
                conflict.candidates.iter().enumerate().max_by(|a, b| a.1.value.cmp(b.1.value));
            best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
        }),
        3,
    )
    .expect("every law holds");
}
