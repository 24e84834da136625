//! Policies: who wins where two sides changed one field, or one deleted what the other changed.

use crate::id::{Name, SideId};
use crate::schema::{DeletePolicy, Entity, Field, Rivalry};
use crate::value::Value;

/// One of the values that want to be the field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The side that shows it; `None` for the value that was merged before and is not delivered yet.
    pub side: Option<&'a SideId>,
    /// The value, in the log's terms.
    pub value: &'a Value,
}

/// A field that was changed on more than one side, to values that do not agree.
#[derive(Clone, Copy, Debug)]
pub struct Conflict<'a> {
    /// The record's entity.
    pub entity: &'a Entity,
    /// The field.
    pub field: &'a Field,
    /// The value that all had before.
    pub base: Option<&'a Value>,
    /// The candidates, sorted by side; the merged value, if it is one, comes first.
    pub candidates: &'a [Candidate<'a>],
}

/// A policy's answer: one value, never one per side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The candidate at this index wins.
    Take(usize),
    /// A value made from the candidates wins.
    Merged(Value),
    /// A person must say; the rest of the record goes on.
    Park,
}

/// Decides conflicts: a pure function of its arguments, total, without a clock or a random source (L22).
///
/// ```
/// use mizan_core::policy::{Conflict, Policy, Verdict};
/// use mizan_core::{DeletePolicy, Entity, Name};
///
/// /// The greatest value wins.
/// struct Greatest;
///
/// impl Policy for Greatest {
///     fn id(&self) -> Name {
///         "greatest/1".into()
///     }
///     fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
///         let best = conflict.candidates.iter().enumerate().max_by(|a, b| a.1.value.cmp(b.1.value));
///         best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
///     }
///     fn on_delete(&self, entity: &Entity) -> DeletePolicy {
///         entity.on_delete
///     }
/// }
/// ```
pub trait Policy: Send + Sync {
    /// Name and version, as decisions record it.
    fn id(&self) -> Name;

    /// Decides one field.
    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict;

    /// Decides delete against edit.
    fn on_delete(&self, entity: &Entity) -> DeletePolicy;
}

/// The policy that the configuration declares, field by field.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared;

impl Policy for Declared {
    fn id(&self) -> Name {
        Name::new_static("declared/1")
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        match &conflict.field.rivalry {
            Rivalry::Manual => Verdict::Park,
            Rivalry::Prefer(side) => {
                let preferred = conflict.candidates.iter().position(|one| one.side == Some(side));
                // The preferred side has no new value: what was merged stays; three sides without a
                // preferred one among them are a person's business.
                let merged = conflict.candidates.iter().position(|one| one.side.is_none());
                match preferred.or(merged) {
                    Some(index) => Verdict::Take(index),
                    None => Verdict::Park,
                }
            }
        }
    }

    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        entity.on_delete
    }
}
