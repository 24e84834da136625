//! Strategies for proptest, public and composable: values, images, disputes, histories, logs and policies.

use crate::policy_laws::{Claim, Dispute};
use mizan_core::policy::Stamp;
use mizan_core::{
    Entity, Field, FieldOnSide, Name, Normaliser, Rounding, Rule, SideId, Timestamp, Type, Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::any;
use proptest::strategy::{BoxedStrategy, Just, Strategy};

/// Texts, with those that normalisers change.
pub fn texts() -> impl Strategy<Value = Value> + Clone + use<> {
    "[a-c ]{0,12}".prop_map(Value::text)
}

/// Decimals with more digits than some sides keep.
pub fn decimals() -> impl Strategy<Value = Value> + Clone + use<> {
    (-100_000i64..100_000).prop_map(|n| Value::decimal(rust_decimal::Decimal::new(n, 3)))
}

/// Values of a field, by its type; nothing at all among them.
pub fn values(field: &Field) -> BoxedStrategy<Value> {
    let known = of_type(&field.kind);
    proptest::prop_oneof![9 => known, 1 => Just(Value::Null)].boxed()
}

fn of_type(kind: &Type) -> BoxedStrategy<Value> {
    let day = || chrono::NaiveDate::from_ymd_opt(2024, 1, 1).expect("the day exists");
    match kind {
        Type::Text | Type::Any => texts().boxed(),
        Type::Decimal => decimals().boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Date => {
            (0u64..2_000).prop_map(move |days| Value::Date(day() + chrono::Days::new(days))).boxed()
        }
        Type::Instant => (0i64..2_000_000_000_000).prop_map(Value::Instant).boxed(),
        Type::Ref(entity) => {
            let entity = entity.clone();
            let row = move |n: u8| {
                Value::row_ref(&entity, &SideId::new("A"), mizan_core::Ext::new(format!("a{n}")))
            };
            (1u8..9).prop_map(row).boxed()
        }
        Type::Items(items) => {
            let items: Vec<(Name, BoxedStrategy<Value>)> =
                items.iter().map(|item| (item.name.clone(), of_type(&item.kind))).collect();
            let item = items.into_iter().fold(
                Just(std::collections::BTreeMap::new()).boxed(),
                |made, (name, value)| {
                    (made, value)
                        .prop_map(move |(mut made, value)| {
                            made.insert(name.clone(), value);
                            made
                        })
                        .boxed()
                },
            );
            vec(item.prop_map(Value::Map), 0..4).prop_map(Value::List).boxed()
        }
    }
}

/// An entity and a field of it, as carried by at least `count` sides: those that are missing are made up, and every
/// other one of them rounds, trims or cuts what it stores.
#[must_use]
pub fn with_sides(entity: &Entity, field: &Field, count: usize) -> (Entity, Field) {
    let mut field = field.clone();
    let mut number = 0;
    while field.sides.len() < count {
        number += 1;
        let side = SideId::new(format!("side{number}"));
        let rules = match (&field.kind, number % 2) {
            (Type::Decimal, 0) => vec![Rule::Decimal { scale: 2, mode: Rounding::HalfUp }],
            (Type::Text, 0) => vec![Rule::Trim, Rule::MaxLen(9)],
            (Type::Instant, 0) => vec![Rule::Granularity(1_000)],
            (
                Type::Decimal
                | Type::Text
                | Type::Instant
                | Type::Bool
                | Type::Date
                | Type::Ref(_)
                | Type::Items(_)
                | Type::Any,
                _,
            ) => Vec::new(),
        };
        let on = FieldOnSide { normaliser: Normaliser(rules), writable: true, create_only: false };
        field.sides.entry(side).or_insert(on);
    }
    let mut entity = entity.clone();
    for known in &mut entity.fields {
        if known.name == field.name {
            *known = field.clone();
        }
    }
    (entity, field)
}

/// Disputes between sides: values are few, so that some of them coincide, with each other and with what was before.
pub fn dispute<S>(sides: &[SideId], values: S) -> impl Strategy<Value = Dispute> + use<S>
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    let sides = sides.to_vec();
    let count = sides.len();
    let stamp = option::of((0i64..4, 0usize..3).prop_map(|(at, within)| Stamp {
        at: Timestamp(at * 1_000),
        within_ms: [1, 1_000, 2_500][within],
    }));
    let pick = || 0usize..4;
    (
        vec(values, 4),
        option::of(pick()),
        option::of((pick(), stamp.clone())),
        vec((pick(), stamp), count),
    )
        .prop_map(move |(pool, base, merged, shown)| {
            let claim = |side, (value, stamp): (usize, Option<Stamp>)| Claim {
                side,
                value: pool[value].clone(),
                stamp,
            };
            let merged = merged.map(|one| claim(None, one));
            let shown = sides.iter().cloned().zip(shown).map(|(side, one)| claim(Some(side), one));
            let claims = merged.into_iter().chain(shown).collect();
            Dispute { base: base.map(|at| pool[at].clone()), claims }
        })
}

/// Disputes about a field, between the sides that carry it.
pub fn conflict(field: &Field) -> BoxedStrategy<Dispute> {
    let sides: Vec<SideId> = field.sides.keys().cloned().collect();
    dispute(&sides, values(field)).boxed()
}
