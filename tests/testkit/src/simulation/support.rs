//! What a simulation can and cannot do with a set-up of the user's own; it says so before the first history.

use crate::Law;
use crate::profile::Offers;
use crate::world::{MOMENT_MS, taggable};
use mizan_adapters::Conditional;
use mizan_core::policy::Policies;
use mizan_core::{Entity, Field, Meaning, Rivalry, Rule, Schema, SchemaError, SideId, Type};

/// A set-up that cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// Less than two sides, or none of the entities.
    Empty,
    /// The schema is not sound.
    Schema(SchemaError),
    /// A side of the schema that was not described.
    Side(SideId),
    /// Something about a field or an entity that the simulated users cannot do yet.
    Field {
        /// The entity, and its field if it is about one.
        at: String,
        /// What it is.
        why: &'static str,
    },
    /// A field is decided by a policy that was not given.
    Policy {
        /// The entity and its field.
        at: String,
        /// The policy's name.
        name: String,
    },
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("a simulation wants at least two sides and one entity with a field")
            }
            Self::Schema(error) => error.fmt(f),
            Self::Side(side) => {
                write!(
                    f,
                    "the schema names side `{side}`; describe it with `.side(\"{side}\", ..)`"
                )
            }
            Self::Field { at, why } => write!(f, "`{at}` cannot be simulated: {why}"),
            Self::Policy { at, name } => {
                write!(f, "`{at}` is decided by `{name}`; give that policy with `.policy(..)`")
            }
        }
    }
}

impl std::error::Error for Unsupported {}

/// Checks everything that would otherwise be left out in silence.
pub(super) fn check(
    schema: &Schema,
    sides: &[SideId],
    policies: &Policies,
) -> Result<(), Unsupported> {
    let fields = schema.entities.iter().map(|entity| entity.fields.len()).sum::<usize>();
    if sides.len() < 2 || fields == 0 {
        return Err(Unsupported::Empty);
    }
    if let Some(side) = schema.sides.iter().find(|side| !sides.contains(side)) {
        return Err(Unsupported::Side(side.clone()));
    }
    for entity in &schema.entities {
        if let Some(why) = entity_fault(entity, sides) {
            return Err(Unsupported::Field { at: entity.name.to_string(), why });
        }
        for field in &entity.fields {
            let at = || format!("{}.{}", entity.name, field.name);
            if let Some(why) = field_fault(entity, field) {
                return Err(Unsupported::Field { at: at(), why });
            }
            if let Rivalry::Custom(name) = &field.rivalry
                && !policies.knows(name)
            {
                return Err(Unsupported::Policy { at: at(), name: name.to_string() });
            }
        }
    }
    Ok(())
}

fn entity_fault(entity: &Entity, sides: &[SideId]) -> Option<&'static str> {
    let two_way =
        |side| entity.sides.get(side).is_some_and(|on| on.creates && on.updates && on.deletes);
    let counters = entity.fields.iter().filter(|field| field.meaning == Meaning::Counter);
    let keys = entity.fields.iter().filter(|field| entity.key.contains(&field.name));
    let whole = |field: &Field| sides.iter().all(|side| field.sides.contains_key(side));
    if !sides.iter().all(two_way) {
        Some("every side must be allowed to create, update and delete its rows")
    } else if counters.count() > 1 {
        Some("an entity can have one counter")
    } else if !keys.clone().all(|key| matches!(key.kind, Type::Text | Type::Decimal)) {
        Some("keys must be texts or decimals")
    } else if !keys.clone().all(whole) {
        Some("every side must carry the key")
    } else if entity.copies.is_some() {
        Some("copies of records are not followed by the oracle")
    } else if !entity
        .fields
        .iter()
        .any(|field| taggable(field) && !entity.key.contains(&field.name))
    {
        Some("it needs a text, decimal, date or moment besides its key, for users to edit")
    } else {
        None
    }
}

fn field_fault(entity: &Entity, field: &Field) -> Option<&'static str> {
    let rules = || field.sides.values().flat_map(|on| &on.normaliser.0);
    let short = |rule: &Rule| matches!(rule, Rule::MaxLen(most) if *most < 8);
    let coarse = |rule: &Rule| matches!(rule, Rule::Granularity(ms) if *ms > MOMENT_MS);
    if let Type::Ref(to) = &field.kind
        && *to == entity.name
    {
        return Some("references to the own entity can go in circles");
    }
    if matches!(field.kind, Type::Items(_) | Type::Any) {
        Some("lists and free JSON carry no tags")
    } else if field.meaning == Meaning::Set {
        Some("sets carry no tags")
    } else if field.meaning == Meaning::Counter && field.kind != Type::Decimal {
        Some("a counter must be a decimal")
    } else if field.group.is_some() {
        Some("groups of fields are not followed by the oracle")
    } else if field.stocktake.is_some() {
        Some("stock counts are not followed by the oracle")
    } else if field.rivalry == Rivalry::KeepBoth {
        Some("copies of records are not followed by the oracle")
    } else if field.sides.values().any(|on| !on.writable || on.create_only) {
        Some("every side that carries it must let it be written")
    } else if rules().any(short) {
        Some("texts must keep at least eight characters, or values could not be told apart")
    } else if rules().any(coarse) {
        Some("moments must be kept to the day at least, or values could not be told apart")
    } else {
        None
    }
}

/// The laws that no reconciler can promise with such a side (LAWS 1.6).
pub(super) fn may_break(offers: &Offers) -> Vec<Law> {
    let mut laws = Vec::new();
    let compares = offers.conditional == Conditional::ReadCompareWrite;
    if !offers.idempotent {
        laws.extend([Law::NoResurrect, Law::Counter]);
    }
    if !offers.idempotent && !offers.marker {
        laws.push(Law::NoFalseConflict);
        if !offers.unique_key || !offers.find_by_key {
            laws.extend([Law::NoDuplicate, Law::NoLostUpdate]);
        }
    }
    if compares && offers.races {
        laws.extend([Law::NoLostUpdate, Law::Counter]);
    }
    laws
}
