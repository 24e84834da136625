//! Strategies for proptest, public and composable: values, images, disputes, histories, logs and policies.

use crate::policy_laws::{Claim, Dispute};
use crate::simulation::{Story, Variant, run};
use crate::{Profile, Setup, SplitMix64, Step};
use mizan_core::policy::{Conflict, Policy, Promises, Stamp, Verdict};
use mizan_core::{
    ContentHash, Entity, Event, Field, FieldOnSide, Image, Name, Normaliser, Rounding, Rule, Seq,
    SideId, Timestamp, Type, Value,
};
use mizan_store::MemoryLog;
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

/// Images of an entity: any value in any field, and fields that are not known.
pub fn image(entity: &Entity) -> BoxedStrategy<Image> {
    let fields = entity.fields.iter().map(|field| (field.name.clone(), values(field)));
    fields.fold(Just(Image::default()).boxed(), |made, (name, value)| {
        (made, option::weighted(0.9, value))
            .prop_map(move |(mut made, value)| {
                value.into_iter().for_each(|value| made.set(&name, value));
                made
            })
            .boxed()
    })
}

/// Steps of users, syncs with faults and crashes, and time that passes, for a set-up of so many sides.
pub fn step(sides: usize) -> impl Strategy<Value = Step> + Clone + use<> {
    any::<u64>().prop_map(move |seed| Step::drawn(&mut SplitMix64::new(seed), sides, true))
}

/// Histories: any part of one is one, so they shrink to a few steps.
pub fn history(
    sides: usize,
    steps: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<Step>> + Clone + use<> {
    vec(step(sides), steps)
}

/// Stories: a set-up drawn from a seed, and a history in it.
pub fn story(
    profile: Profile,
    sides: usize,
    steps: std::ops::Range<usize>,
) -> impl Strategy<Value = Story> + Clone + use<> {
    (0..u64::from(u32::MAX), history(sides, steps)).prop_map(move |(seed, steps)| Story {
        seed,
        profile,
        sides,
        steps,
    })
}

/// A log as a run of the real engine in a random world leaves it, for projections, audits and laws of the core.
#[derive(Clone)]
pub struct RandomLog {
    /// The story that led to it.
    pub story: Story,
    /// The set-up: schema, sides, what they offer.
    pub setup: Setup,
    /// The log.
    pub log: MemoryLog,
    /// Its events, in order.
    pub events: Vec<Event>,
}

/// The story alone: it leads to the same log, and fits on a page.
impl std::fmt::Debug for RandomLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the log of this story:\n{}", self.story)
    }
}

/// Valid logs: random structures are mostly states that nothing ever reaches, and find what cannot happen.
pub fn log(
    profile: Profile,
    sides: usize,
    steps: std::ops::Range<usize>,
) -> impl Strategy<Value = RandomLog> + Clone + use<> {
    story(profile, sides, steps).prop_map(|story| {
        let log = run(&story, Variant::default()).log;
        let setup = Setup::drawn(story.seed, story.profile, story.sides);
        let events = (1u64..).zip(log.events()).map(|(seq, bytes)| {
            Event::from_bytes(Seq(seq), bytes).expect("the engine writes events that can be read")
        });
        let events = events.collect();
        RandomLog { story, setup, log, events }
    })
}

/// A policy of those that [`policy_table`] draws: lawful by how it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TablePolicy {
    /// A random order of all values, the finer before the coarser: whatever sides make of a value never comes first.
    Order(u64),
    /// The side that comes first in a random order of sides.
    Side(u64),
    /// Always a person.
    Person,
}

impl TablePolicy {
    fn rank(seed: u64, text: &str) -> ContentHash {
        let mut bytes = seed.to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        ContentHash::of("mizan.testkit.table.v1", &bytes)
    }
}

/// How much a value says: no normaliser makes more of it.
fn fineness(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.chars().count() + 1,
        Value::Decimal(number) => usize::try_from(number.scale()).unwrap_or(0) + 1,
        Value::List(items) => items.len() + 1,
        Value::Null => 0,
        Value::Bool(_) | Value::Date(_) | Value::Instant(_) | Value::Map(_) | Value::Ref(_) => 1,
    }
}

impl Policy for TablePolicy {
    fn id(&self) -> Name {
        Name::new(match self {
            Self::Order(seed) => format!("table/order-{seed}"),
            Self::Side(seed) => format!("table/side-{seed}"),
            Self::Person => "table/person".to_owned(),
        })
    }

    fn promises(&self) -> Promises {
        match self {
            Self::Order(_) | Self::Person => Promises::ALL,
            Self::Side(_) => Promises::NONE,
        }
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let all = conflict.candidates.iter().enumerate();
        let best = match self {
            Self::Person => None,
            Self::Order(seed) => all.max_by_key(|(_, one)| {
                let rank = Self::rank(*seed, &format!("{:?}", one.value));
                (fineness(one.value), rank, one.value)
            }),
            Self::Side(seed) => {
                all.max_by_key(|(_, one)| one.side.map(|side| Self::rank(*seed, side.as_str())))
            }
        };
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}

/// Random correct policies, to test a reconciler with; register them as `table`.
pub fn policy_table() -> impl Strategy<Value = TablePolicy> + Clone + use<> {
    proptest::prop_oneof![
        4 => any::<u64>().prop_map(TablePolicy::Order),
        2 => any::<u64>().prop_map(TablePolicy::Side),
        1 => Just(TablePolicy::Person),
    ]
}
