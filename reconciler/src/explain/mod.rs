//! Explain: why a record has the value that it has, as a chain of facts from the log (L53).

mod tell;

use crate::engine::{EngineError, Journal};
use crate::history::{Derivation, HistoryError};
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::event::{Event, Subject};
use mizan_core::fold::{RowState, State};
use mizan_core::{Ext, Fact, Image, Name, RecordId, Schema, Seq, SideId, Timestamp, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use tell::Teller;

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The event.
    pub seq: Seq,
    /// When it was appended.
    pub at: Timestamp,
    /// `observed`, `decided`, `intent`, `done`, ...
    pub kind: &'static str,
    /// What it says, in words.
    pub text: String,
}

/// The chain for one record, or for one of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// The field, or `None` for all.
    pub field: Option<Name>,
    /// The merged value of the field now.
    pub value: Option<Value>,
    /// Why the field has its value, as a graph that can be replayed (L53).
    pub derivation: Option<Derivation>,
    /// The events that led to it, oldest first.
    pub steps: Vec<Step>,
}

/// A record by what a person types: `r12`, `entity:KEY` or `entity:side:ID`.
///
/// ```no_run
/// # fn show(state: &mizan_core::fold::State, schema: &mizan_core::Schema) {
/// let record = mizan::explain::find_record(state, schema, "product:COF-250");
/// # }
/// ```
#[must_use]
pub fn find_record(state: &State, schema: &Schema, text: &str) -> Option<RecordId> {
    if let Some(number) = text.strip_prefix('r').and_then(|number| number.parse().ok()) {
        let id = RecordId(number);
        return state.record(id).map(|_| id);
    }
    let (entity_name, rest) = text.split_once(':')?;
    let entity = schema.entity(entity_name)?;
    if let Some((side, ext)) = rest.split_once(':') {
        let found = state.record_of(&entity.name, &SideId::new(side), &Ext::new(ext));
        if found.is_some() {
            return found;
        }
    }
    let [field] = entity.key.as_slice() else { return None };
    let image: Image = [(field.clone(), Value::text(rest))].into_iter().collect();
    let key = entity.key_of(&image)?;
    let rows = state.keys.get(&(entity.name.clone(), key))?;
    rows.iter().find_map(|(side, ext)| {
        match state.rows.get(&(entity.name.clone(), side.clone(), ext.clone()))? {
            RowState::Linked(record) => Some(*record),
            RowState::Unlinked(_) => None,
        }
    })
}

/// A record's name for people: its natural key, else its id.
#[must_use]
pub fn label(state: &State, schema: &Schema, bodies: &dyn Bodies, id: RecordId) -> String {
    let named = || {
        let record = state.record(id)?;
        let entity = schema.entity(&record.entity)?;
        let mut hashes = vec![record.merged];
        hashes.extend(record.slots.values().map(|slot| slot.seen));
        hashes.into_iter().find_map(|hash| {
            let image = image_of(bodies, &hash).ok()?;
            let parts: Vec<String> = entity
                .key
                .iter()
                .filter_map(|field| image.get(field))
                .filter(|value| !value.is_null())
                .map(ToString::to_string)
                .collect();
            if parts.is_empty() { None } else { Some(parts.join(" / ")) }
        })
    };
    named().unwrap_or_else(|| id.to_string())
}

/// Walks over the events of one record and tells what led to its value.
///
/// # Errors
/// When the log cannot be read.
pub fn explain(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
    field: Option<&Name>,
) -> Result<Option<Explanation>, HistoryError> {
    let state = journal.state();
    let Some(record) = state.record(id) else { return Ok(None) };
    let Some(entity) = schema.entity(&record.entity) else { return Ok(None) };
    let bit = match field {
        None => None,
        Some(field) => match entity.bit(field) {
            Some(bit) => Some(bit as usize),
            None => return Ok(None),
        },
    };
    let mut facts = Vec::new();
    each_event_of(journal, id, &mut |event| facts.push(event.clone()))?;
    let (commands, sent) = (BTreeMap::new(), BTreeMap::new());
    let mut teller = Teller { journal, entity, bit, id, commands, done: None, sent };
    let steps = facts.iter().filter_map(|event| teller.tell(event)).collect();
    let merged = image_of(journal, &record.merged).map_err(EngineError::from)?;
    let derivation = match field {
        Some(field) => Derivation::of(journal, schema, id, field)?,
        None => None,
    };
    Ok(Some(Explanation {
        derivation,
        record: id,
        entity: entity.name.clone(),
        label: label(state, schema, journal, id),
        field: field.cloned(),
        value: field.and_then(|field| merged.get(field).cloned()),
        steps,
    }))
}

/// Calls `visit` for every event about a record: its rows, decisions, commands and their outcomes, oldest first.
///
/// Which they are is in the log's [index](crate::history::Index), so that it costs what the record has and not what the
/// log has.
///
/// # Errors
/// When the log cannot be read.
pub fn each_event_of(
    journal: &Journal,
    id: RecordId,
    visit: &mut dyn FnMut(&Event),
) -> Result<(), EngineError> {
    let places = journal.with_index(|index| index.of_record(journal.state(), id))?;
    journal.each_event_at(&places, &mut |event| {
        visit(event);
        Ok(ControlFlow::Continue(()))
    })
}

/// As [`each_event_of`], by reading the whole log: what the index is held against.
///
/// # Errors
/// When the log cannot be read.
pub fn scan_events_of(
    journal: &Journal,
    id: RecordId,
    visit: &mut dyn FnMut(&Event),
) -> Result<(), EngineError> {
    let state = journal.state();
    let mut commands = BTreeSet::new();
    journal.each_event(Seq(0), &mut |event| {
        let concerns = match &event.fact {
            Fact::Observed { entity, side, ext, .. } => {
                state.record_of(entity, side, ext) == Some(id)
            }
            Fact::Linked { record, .. }
            | Fact::Decided { record, .. }
            | Fact::Resolved { record, .. }
            | Fact::Unresolved { record, .. }
            | Fact::Erased { record, .. }
            | Fact::Shadowed { record, .. } => *record == id,
            Fact::Forked { from, .. } => {
                *from == id || state.record(id).is_some_and(|one| one.copy_of == Some(*from))
            }
            Fact::Redecided { entity, .. } => {
                state.record(id).is_some_and(|record| record.entity == *entity)
            }
            Fact::Intent { command } => {
                if command.record == id {
                    commands.insert(command.id);
                }
                command.record == id
            }
            Fact::Done { command, .. }
            | Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. }
            | Fact::Drifted { command, .. } => commands.contains(command),
            Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => {
                *subject == Subject::Record(id)
            }
            Fact::Swept { freed, .. } => freed.contains(&id),
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Approved { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. } => false,
        };
        if concerns {
            visit(event);
        }
    })
}
