//! Conflicts that wait for a person: which there are, what each is about, and the person's word on them.
//!
//! The functions read a log and give data back; what a person decides comes back as one `Fact`, to be appended with
//! [`Engine::append`](crate::Engine::append). The next sync carries it out; `examples/answer_conflicts.rs` does all of
//! it. The program `mizan conflicts` only prints.

mod answer;
mod history;
mod undo;
mod why;

pub use answer::{Answer, ConflictError, Pick, resolve, value_of};
pub use history::Since;
pub use undo::{Restored, Undo, undo};
pub(crate) use why::Chosen;
pub use why::Why;

use crate::engine::{EngineError, Journal};
use crate::explain::label;
use crate::preview::Preview;
use history::{About, Begun, History};
use mizan_core::bodies::image_of;
use mizan_core::fold::{Presence, Record};
use mizan_core::policy::Policy;
use mizan_core::{Entity, FieldSet, Image, Name, RecordId, Schema, Seq, SideId, Timestamp, Value};
use serde::Serialize;
use std::collections::BTreeSet;

/// For whom a conflict waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// For a person.
    Waiting,
    /// For news: a person has set it aside.
    Skipped,
    /// For the next sync: a person has decided.
    Answered,
}

/// One record in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// For whom it waits.
    pub status: Status,
    /// Fields that are open, those that were set aside among them.
    pub fields: Vec<Name>,
    /// Fields that a person has set aside.
    pub skipped: Vec<Name>,
    /// It was deleted on one side and changed on another.
    pub disputed: bool,
    /// The oldest thing that is open: when it began.
    pub since: Option<Since>,
}

/// One record in conflict, with all that a person needs to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What a list says of it.
    #[serde(flatten)]
    pub summary: Summary,
    /// The log's head; a decision names it, so that it is refused when something new has been seen meanwhile.
    pub at: Seq,
    /// Sides whose row was deleted.
    pub gone_on: Vec<SideId>,
    /// Sides that still have a row.
    pub here_on: Vec<SideId>,
    /// The open fields.
    pub open: Vec<OpenField>,
}

/// One field in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenField {
    /// The field.
    pub field: Name,
    /// The group that it is decided with.
    pub group: Option<Name>,
    /// A person has set it aside.
    pub skipped: bool,
    /// The value that holds for the record until somebody decides.
    pub merged: Value,
    /// Each side that carries it.
    pub sides: Vec<Shown>,
    /// When it began.
    pub since: Option<Since>,
    /// Why it waits.
    pub why: Why,
}

/// One side's view of a field in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The side.
    pub side: SideId,
    /// What it showed when it last agreed.
    pub base: Value,
    /// What it showed when the conflict began; `None`: it was no part of it.
    pub then: Option<Value>,
    /// What it shows now.
    pub now: Value,
    /// It has a value of its own that is not decided about.
    pub changed: bool,
    /// When its row was changed last, as the side says.
    pub stamp: Option<Timestamp>,
}

/// The records in conflict, in the order of their ids; `all` adds those that were set aside and those that a person
/// has decided about and no sync has carried out.
///
/// # Errors
/// When the log cannot be read.
pub fn list(journal: &Journal, schema: &Schema, all: bool) -> Result<Vec<Summary>, EngineError> {
    let state = journal.state();
    let wanted: BTreeSet<RecordId> = if all {
        let open =
            state.each_record().filter(|(_, one)| one.disputed || !open_bits(one).is_empty());
        open.map(|(id, _)| id).collect()
    } else {
        state.conflicts.clone()
    };
    let history = History::of(journal, &wanted)?;
    let found = wanted.iter().filter_map(|id| summary(journal, schema, &history, *id));
    Ok(found.filter(|one| all || one.status == Status::Waiting).collect())
}

/// One record in conflict; `None` where nothing is open there.
///
/// # Errors
/// When the log cannot be read.
pub fn show(
    journal: &Journal,
    schema: &Schema,
    policy: &dyn Policy,
    id: RecordId,
) -> Result<Option<Detail>, EngineError> {
    let state = journal.state();
    let history = History::of(journal, &BTreeSet::from([id]))?;
    let Some(summary) = summary(journal, schema, &history, id) else { return Ok(None) };
    let (Some(record), Some(entity)) = (state.record(id), schema.entity(&summary.entity)) else {
        return Ok(None);
    };
    let on = |wanted: Presence| {
        let slots = record.slots.iter().filter(move |(_, slot)| slot.presence == wanted);
        slots.map(|(side, _)| side.clone()).collect::<Vec<_>>()
    };
    let preview = Preview::of(state, schema, journal, id, policy)?;
    let merged = image_of(journal, &record.merged)?;
    let mut open = Vec::new();
    for bit in open_bits(record).iter() {
        let Some(field) = entity.fields.get(bit) else { continue };
        let begun = history.get(id, &About::Field(field.name.clone()));
        open.push(OpenField {
            field: field.name.clone(),
            group: field.group.clone(),
            skipped: record.skipped.contains(bit),
            merged: value_in(&merged, &field.name),
            sides: shown(journal, record, entity, bit, begun)?,
            since: begun.map(|begun| begun.since),
            why: why::why(preview.as_ref(), record, entity, bit),
        });
    }
    let (gone_on, here_on) = (on(Presence::Gone), on(Presence::Here));
    Ok(Some(Detail { summary, at: state.head, gone_on, here_on, open }))
}

/// The fields in which some side has a value that is not decided about.
pub(crate) fn open_bits(record: &Record) -> FieldSet {
    record.slots.values().fold(FieldSet::EMPTY, |open, slot| open.union(slot.changed))
}

fn value_in(image: &Image, field: &Name) -> Value {
    image.get(field).cloned().unwrap_or(Value::Null)
}

fn summary(journal: &Journal, schema: &Schema, history: &History, id: RecordId) -> Option<Summary> {
    let state = journal.state();
    let record = state.record(id)?;
    let entity = schema.entity(&record.entity)?;
    let bits = open_bits(record);
    if bits.is_empty() && !record.disputed {
        return None;
    }
    let names = |bits: FieldSet| {
        let fields = bits.iter().filter_map(|bit| entity.fields.get(bit));
        fields.map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    let status = if record.resolution.is_some() {
        Status::Answered
    } else if record.in_conflict() {
        Status::Waiting
    } else {
        Status::Skipped
    };
    let skipped = FieldSet(bits.0 & record.skipped.0);
    Some(Summary {
        record: id,
        entity: record.entity.clone(),
        label: label(state, schema, journal, id),
        status,
        fields: names(bits),
        skipped: names(skipped),
        disputed: record.disputed,
        since: history.oldest(id),
    })
}

fn shown(
    journal: &Journal,
    record: &Record,
    entity: &Entity,
    bit: usize,
    begun: Option<&Begun>,
) -> Result<Vec<Shown>, EngineError> {
    let field = &entity.fields[bit];
    let mut sides = Vec::new();
    for (side, slot) in &record.slots {
        if !field.sides.contains_key(side) || slot.presence != Presence::Here {
            continue;
        }
        let then = begun.and_then(|begun| {
            let own = begun.values.iter().find(|loser| loser.side.as_ref() == Some(side))?;
            Some(own.value.clone())
        });
        sides.push(Shown {
            side: side.clone(),
            base: value_in(&image_of(journal, &slot.base)?, &field.name),
            then,
            now: value_in(&image_of(journal, &slot.seen)?, &field.name),
            changed: slot.changed.contains(bit),
            stamp: slot.stamp,
        });
    }
    Ok(sides)
}
