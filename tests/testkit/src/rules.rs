//! Set-ups with every rule that an entity can have: clocks, orders of values, groups, sets, copies, a custom policy.

use crate::rng::SplitMix64;
use crate::setup::{CUSTOMER, ORDER, Offered};
use mizan_core::policy::{Conflict, Policies, Policy, Verdict};
use mizan_core::{
    Entity, Field, FieldOnSide, Meaning, Name, Normaliser, Rivalry, Rule, SideId, Type,
};

/// The group of fields that change together.
pub const GROUP: &str = "address";
/// The fields of that group.
pub const GROUPED: [&str; 2] = ["street", "city"];
/// The field that is a set.
pub const TAGS: &str = "tags";

/// The longest text wins, of equally long ones the greater.
struct Longest;

impl Policy for Longest {
    fn id(&self) -> Name {
        Name::new_static("longest/1")
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let all = conflict.candidates.iter().enumerate();
        let best = all.max_by_key(|(_, one)| (one.value.to_string().len(), one.value));
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}

/// The policies that simulated set-ups name.
#[must_use]
pub fn policies() -> Policies {
    Policies::default().with(Longest)
}

/// Draws other rules for an entity's fields, and adds a group and a set.
pub(crate) fn enrich(rng: &mut SplitMix64, sides: &[Offered], entity: &mut Entity) {
    let copies = rng.per_mille(300);
    for field in &mut entity.fields {
        if field.meaning == Meaning::Value && field.owner.is_none() {
            field.rivalry = drawn(rng, sides, copies);
        }
    }
    let group = drawn(rng, sides, false);
    let group = match group {
        // A group has no order.
        Rivalry::Greatest | Rivalry::Least => Rivalry::Newest,
        Rivalry::Prefer(_)
        | Rivalry::Manual
        | Rivalry::Newest
        | Rivalry::KeepBoth
        | Rivalry::Custom(_) => group,
    };
    if entity.name == CUSTOMER {
        for name in GROUPED {
            entity.fields.push(Field {
                group: Some(Name::new(GROUP)),
                ..field(sides, name, Type::Text, group.clone(), &[])
            });
        }
    }
    if entity.name == ORDER {
        entity.fields.push(Field {
            meaning: Meaning::Set,
            ..field(sides, TAGS, Type::Any, Rivalry::Manual, &[Rule::Set])
        });
    }
    for on in entity.sides.values_mut() {
        let exact = u32::try_from(rng.between(1, 40)).unwrap_or(1);
        on.clock_ms = rng.per_mille(800).then_some(exact);
    }
    if copies {
        entity.copies = entity.key.first().cloned();
    }
}

fn drawn(rng: &mut SplitMix64, sides: &[Offered], copies: bool) -> Rivalry {
    match rng.below(8) {
        0 => Rivalry::Manual,
        1 => Rivalry::Prefer(sides[rng.below(sides.len())].0.clone()),
        2 | 3 => Rivalry::Newest,
        4 => Rivalry::Greatest,
        5 => Rivalry::Least,
        6 => Rivalry::Custom("longest".into()),
        _ if copies => Rivalry::KeepBoth,
        _ => Rivalry::Newest,
    }
}

fn field(sides: &[Offered], name: &str, kind: Type, rivalry: Rivalry, rules: &[Rule]) -> Field {
    let on = || FieldOnSide {
        normaliser: Normaliser(rules.to_vec()),
        writable: true,
        create_only: false,
    };
    let sides = sides.iter().map(|(side, _)| (SideId::clone(side), on())).collect();
    Field { rivalry, sides, ..Field::new(name, kind) }
}
