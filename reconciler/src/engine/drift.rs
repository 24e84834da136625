//! Drift: a side stored something else than was sent, which is what its declared rules predict (LAWS 1.7 b).
//!
//! The base is what the side shows, so nothing is written again; what is left to do is to tell a person what to declare.

use super::report::{Drift, DriftingField};
use super::{Engine, EngineError, Journal};
use crate::explain::label;
use mizan_core::bodies::{Outcome, image_of};
use mizan_core::compare::{expected, same};
use mizan_core::fold::Presence;
use mizan_core::suggest::suggest;
use mizan_core::{
    Command, CommandId, Fact, FieldSet, Image, Name, RecordId, Schema, Seq, SideId, Value,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Drifts of one sync that are listed one by one; all are counted.
const LISTED_MAX: usize = 1_000;

/// Examples that a suggestion is made from.
const EXAMPLES_MAX: usize = 20;

/// A side, an entity and a field.
type Place = (SideId, Name, Name);

/// What was sent and what was stored.
#[derive(Debug, Default)]
pub(super) struct Examples(BTreeMap<Place, Seen>);

#[derive(Debug, Default)]
struct Seen {
    count: usize,
    examples: Vec<(Value, Value)>,
}

impl Engine {
    /// Keeps in mind what a write's outcome says about drift.
    pub(super) fn note_drift(&mut self, command: &Command, sent: &Image, outcome: &Outcome) {
        for fact in &outcome.facts {
            let Fact::Drifted { fields, .. } = fact else { continue };
            let Some(stored) = stored(outcome) else { continue };
            for field in fields {
                let key = (command.side.clone(), command.entity.clone(), field.clone());
                let Seen { count, examples } = self.drifts.0.entry(key).or_default();
                *count += 1;
                if let (Some(sent), Some(stored)) = (sent.get(field), stored.get(field))
                    && examples.len() < EXAMPLES_MAX
                {
                    examples.push((sent.clone(), stored.clone()));
                }
                if self.report.drifts.len() < LISTED_MAX {
                    self.report.drifts.push(Drift {
                        side: command.side.clone(),
                        entity: command.entity.clone(),
                        record: command.record,
                        label: String::new(),
                        field: field.clone(),
                        command: command.id,
                    });
                }
            }
        }
    }

    /// Puts names and suggestions into the report.
    pub(super) fn tell_drifts(&mut self) {
        for drift in &mut self.report.drifts {
            drift.label = label(self.journal.state(), &self.schema, &self.journal, drift.record);
        }
        let drifts = std::mem::take(&mut self.drifts.0);
        for ((side, entity, field), Seen { count, examples }) in drifts {
            let examples: Vec<_> = examples.iter().map(|(sent, stored)| (sent, stored)).collect();
            let rules = suggest(&examples);
            let suggest = rules.map(|side| side.0.iter().map(ToString::to_string).collect());
            self.report.drifting.push(DriftingField { side, entity, field, count, suggest });
        }
    }
}

fn stored(outcome: &Outcome) -> Option<&Image> {
    let seen = outcome
        .facts
        .iter()
        .find_map(|fact| if let Fact::Done { seen, .. } = fact { Some(*seen) } else { None })?;
    outcome.images.iter().find(|body| body.hash == seen).map(|body| &body.image)
}

/// A field in which a side shows something else than what was sent to it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The side.
    pub side: SideId,
    /// The entity.
    pub entity: Name,
    /// The field.
    pub field: Name,
    /// The records of which that is so.
    pub records: usize,
}

/// Walks the log for the fields that drift now: the last write of them came back otherwise, and what the side shows is
/// not what the rules of today predict.
///
/// # Errors
/// When the log cannot be read.
pub fn standing(journal: &Journal, schema: &Schema) -> Result<Vec<Standing>, EngineError> {
    let mut counts: BTreeMap<Place, usize> = BTreeMap::new();
    for (record, side, field) in last_drifted(journal)? {
        if let Some(entity) = drifts_now(journal, schema, record, &side, &field)? {
            *counts.entry((side, entity, field)).or_default() += 1;
        }
    }
    let standing = |((side, entity, field), records)| Standing { side, entity, field, records };
    Ok(counts.into_iter().map(standing).collect())
}

/// What each command that is under way sets.
type UnderWay = BTreeMap<CommandId, (RecordId, SideId, Name, FieldSet)>;

fn last_drifted(journal: &Journal) -> Result<BTreeSet<(RecordId, SideId, Name)>, EngineError> {
    let mut under_way = UnderWay::new();
    let mut last: Option<(CommandId, RecordId, SideId)> = None;
    let mut drifted = BTreeSet::new();
    journal.each_event(Seq(0), &mut |event| match &event.fact {
        Fact::Intent { command } => {
            let sets =
                (command.record, command.side.clone(), command.entity.clone(), command.fields);
            under_way.insert(command.id, sets);
        }
        Fact::Done { command, .. } => {
            let Some((record, side, entity, fields)) = under_way.remove(command) else { return };
            let names = journal.state().entities.get(&entity);
            for bit in fields.iter() {
                if let Some(name) = names.and_then(|names| names.get(bit)) {
                    drifted.remove(&(record, side.clone(), name.clone()));
                }
            }
            last = Some((*command, record, side));
        }
        Fact::Drifted { command, fields } => {
            if let Some((_, record, side)) = last.as_ref().filter(|(done, ..)| done == command) {
                drifted.extend(fields.iter().map(|field| (*record, side.clone(), field.clone())));
            }
        }
        Fact::Deleted { command }
        | Fact::Refused { command, .. }
        | Fact::Withdrawn { command, .. } => {
            under_way.remove(command);
        }
        Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Observed { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Linked { .. }
        | Fact::Decided { .. }
        | Fact::Parked { .. }
        | Fact::Unparked { .. }
        | Fact::Resolved { .. }
        | Fact::Unresolved { .. }
        | Fact::Forked { .. }
        | Fact::Redecided { .. }
        | Fact::Approved { .. }
        | Fact::Unreadable { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. }
        | Fact::Erased { .. }
        | Fact::Shadowed { .. } => {}
    })?;
    Ok(drifted)
}

/// The record's entity, where the side still shows something else than the rules of today predict.
fn drifts_now(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
    side: &SideId,
    name: &Name,
) -> Result<Option<Name>, EngineError> {
    let state = journal.state();
    let Some(record) = state.record(id) else { return Ok(None) };
    let Some(slot) = record.slots.get(side).filter(|slot| slot.presence == Presence::Here) else {
        return Ok(None);
    };
    let entity = schema.entity(&record.entity);
    let Some(field) = entity.and_then(|entity| entity.fields.iter().find(|f| f.name == *name))
    else {
        return Ok(None);
    };
    let merged = image_of(journal, &record.merged)?;
    let predicted = expected(state, field, side, merged.get(name).unwrap_or(&Value::Null));
    let seen = image_of(journal, &slot.seen)?;
    let drifts = predicted.is_some() && !same(seen.get(name), predicted.as_ref());
    Ok(drifts.then(|| record.entity.clone()))
}
