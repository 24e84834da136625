//! The declared policy is lawful, whatever a field says about its conflicts.

use mizan_core::policy::Declared;
use mizan_core::{Field, FieldOnSide, Normaliser, Rivalry, Rounding, Rule, SideId, Type};
use mizan_testkit::policy_laws::{PolicyCheck, check_policy};
use mizan_testkit::strategies::{decimals, texts, values};
use mizan_testkit::{Profile, Setup};

/// A decimal on two sides, of which one keeps two digits; conflicts are decided as said.
fn total(rivalry: Rivalry) -> Field {
    let on =
        |rules| FieldOnSide { normaliser: Normaliser(rules), writable: true, create_only: false };
    let rounds = vec![Rule::Decimal { scale: 2, mode: Rounding::HalfUp }];
    let sides = [("erp", rounds), ("shop", Vec::new())];
    let sides = sides.map(|(side, rules)| (SideId::new(side), on(rules)));
    Field { rivalry, sides: sides.into(), ..Field::new("total", Type::Decimal) }
}

mod prefer {
    use super::*;
    mizan_testkit::policy_laws! {
        policy: Declared,
        field: total(Rivalry::Prefer(SideId::new("shop"))),
        values: decimals(),
        sides: 2..=4,
        promises: [Incremental],
    }
}

mod newest {
    use super::*;
    mizan_testkit::policy_laws! {
        policy: Declared,
        field: total(Rivalry::Newest),
        values: decimals(),
        sides: 2..=3,
        promises: [Symmetric, Incremental, ReadsStamps],
    }
}

mod greatest {
    use super::*;
    mizan_testkit::policy_laws! {
        policy: Declared,
        field: total(Rivalry::Greatest),
        values: decimals(),
        sides: 2..=4,
        promises: [Symmetric, Incremental],
    }
}

mod least {
    use super::*;
    mizan_testkit::policy_laws! {
        policy: Declared,
        field: total(Rivalry::Least),
        values: values(&total(Rivalry::Least)),
        sides: 2..=4,
        promises: [Symmetric, Incremental],
    }
}

mod keep_both {
    use super::*;
    mizan_testkit::policy_laws! {
        policy: Declared,
        field: Field { rivalry: Rivalry::KeepBoth, ..Field::new("name", Type::Text) },
        values: texts(),
        promises: [],
    }
}

mod manual {
    use super::*;
    mizan_testkit::policy_laws! {
        policy: Declared,
        field: total(Rivalry::Manual),
        values: decimals(),
        promises: [Symmetric, Incremental],
        cases: 64,
    }
}

#[test]
fn every_field_of_the_simulated_set_ups_is_decided_lawfully() {
    for sides in 2..=4 {
        for seed in 0..3 {
            let setup = Setup::drawn(seed, Profile::Full, sides);
            for entity in &setup.schema.entities {
                for field in &entity.fields {
                    let check = PolicyCheck::of(&Declared, entity.clone(), &field.name).cases(64);
                    let broken = check.all(&values(field));
                    assert!(broken.is_empty(), "{}", broken[0]);
                    let broken = check.all(&texts());
                    assert!(broken.is_empty(), "{}", broken[0]);
                }
            }
        }
    }
}

#[test]
fn the_function_checks_what_the_macro_checks() {
    let setup = Setup::drawn(3, Profile::Full, 3);
    let entity = setup.schema.entity("order").expect("it is in every set-up");
    assert!(check_policy(&Declared, entity, "qty", &decimals()).is_empty());
}
