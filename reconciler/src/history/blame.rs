//! Blame: whose each value of a record is, since when, by which rule, and what carried it.

use super::HistoryError;
use super::derivation::{Carried, carried};
use super::trace::{How, Origin, Trace};
use crate::engine::Journal;
use crate::explain::label;
use mizan_core::{Fact, Name, RecordId, Schema, Seq, Timestamp, Value};
use serde::Serialize;

/// A record, field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// Its fields, in their order.
    pub fields: Vec<FieldBlame>,
}

/// Whose a field's value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldBlame {
    /// The field.
    pub field: Name,
    /// The merged value; `None`: not known.
    pub value: Option<Value>,
    /// Whose it is; `None` where nothing was ever decided about it.
    pub origin: Option<Origin>,
    /// The decision that gave it.
    pub decided: Option<DecidedAt>,
    /// The commands that carried it since.
    pub carried: Vec<Carried>,
}

/// Where a value was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecidedAt {
    /// The decision.
    pub seq: Seq,
    /// When it was appended.
    pub at: Timestamp,
    /// How the value was come by.
    pub how: How,
    /// The policy; `None` for the making of a copy.
    pub policy: Option<Name>,
}

/// Whose the values of a record are; `None` where it had not begun, or its entity is not configured.
///
/// ```no_run
/// # fn show(journal: &mizan::engine::Journal, schema: &mizan::core::Schema, id: mizan::core::RecordId)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// for field in mizan::history::blame(journal, schema, id)?.into_iter().flat_map(|blame| blame.fields) {
///     println!("{}: {:?}", field.field, field.origin);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// When the log cannot be read.
pub fn blame(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
) -> Result<Option<Blame>, HistoryError> {
    let Some(trace) = Trace::of(journal, schema, id, journal.head())? else { return Ok(None) };
    let fields = trace.entity.fields.iter().enumerate().map(|(bit, field)| {
        let touches = &trace.touches[bit];
        let value = trace.merged.get(&field.name).cloned();
        // A later decision that left the value as it was is not the one that gave it.
        let given = touches
            .iter()
            .rev()
            .take_while(|touch| touches.last().is_some_and(|last| touch.origin == last.origin));
        let given = given.last();
        let decided = given.and_then(|touch| {
            let event = trace.events.get(&touch.seq)?;
            let policy = if let Fact::Decided { decision, .. } = &event.fact {
                Some(decision.policy.clone())
            } else {
                None
            };
            Some(DecidedAt { seq: touch.seq, at: event.at, how: touch.how, policy })
        });
        let after = given.map(|touch| touch.seq).unwrap_or_default();
        FieldBlame {
            field: field.name.clone(),
            value,
            origin: touches.last().map(|touch| touch.origin.clone()),
            decided,
            carried: carried(journal, &trace, bit, after),
        }
    });
    Ok(Some(Blame {
        record: id,
        entity: trace.entity.name.clone(),
        label: label(journal.state(), schema, journal, id),
        fields: fields.collect(),
    }))
}
