//! As of: how everything was after an event (L54).

mod lists;

pub use lists::{EntityThen, RecordLine, lines, overview};

use super::HistoryError;
use super::slice::{Slice, events_of};
use crate::engine::Journal;
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::command::Command;
use mizan_core::event::{ParkedFor, RefusedBy};
use mizan_core::fold::{Presence, Record, State, fold};
use mizan_core::{
    CommandId, ContentHash, Entity, Ext, FieldSet, Image, Name, RecordId, Schema, Seq, SideId,
    Timestamp, Value,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Progress is told of every so many events.
const TELL_EVERY: u64 = 10_000;

/// Everything as it was after an event.
#[derive(Clone, Debug)]
pub struct Past {
    /// The event.
    pub at: Seq,
    /// When it was appended; `None` before the first.
    pub time: Option<Timestamp>,
    /// What the log folded to then.
    pub state: State,
}

/// Everything as it was after an event: the fold of the log up to there (L54).
///
/// The newest snapshot is used where it is not younger; `tell` is told how far the fold is.
///
/// ```
/// use mizan::core::{Fact, Seq, SideId, Timestamp};
/// use mizan::engine::Journal;
/// use mizan::history::as_of;
/// use mizan::store::MemoryLog;
///
/// let mut journal = Journal::open(Box::new(MemoryLog::default()))?;
/// for name in ["shop", "books"] {
///     journal.append_facts(Timestamp(7), vec![Fact::SideAttached { side: SideId::new(name) }])?;
/// }
/// let past = as_of(&journal, Seq(1), &mut |_| {})?;
/// assert_eq!((past.state.sides.len(), journal.state().sides.len()), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the position lies beyond the log, or the log cannot be read.
pub fn as_of(journal: &Journal, at: Seq, tell: &mut dyn FnMut(Seq)) -> Result<Past, HistoryError> {
    if at > journal.head() {
        return Err(HistoryError::Beyond { at, head: journal.head() });
    }
    let time = journal.event(at)?.map(|event| event.at);
    if at == journal.head() {
        return Ok(Past { at, time, state: journal.state().clone() });
    }
    let mut state = snapshot_before(journal, at)?.unwrap_or_default();
    fold_to(journal, &mut state, at, tell)?;
    Ok(Past { at, time, state })
}

/// Goes on from a state to a later position.
pub(super) fn fold_to(
    journal: &Journal,
    state: &mut State,
    at: Seq,
    tell: &mut dyn FnMut(Seq),
) -> Result<(), HistoryError> {
    if state.head >= at {
        return Ok(());
    }
    journal.try_each_event(state.head, &mut |event| {
        fold(state, event)?;
        if event.seq.0.is_multiple_of(TELL_EVERY) {
            tell(event.seq);
        }
        let end = event.seq >= at;
        Ok(if end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(())
}

fn snapshot_before(journal: &Journal, at: Seq) -> Result<Option<State>, HistoryError> {
    let Some(snapshot) = journal.snapshot()?.filter(|snapshot| snapshot.at <= at) else {
        return Ok(None);
    };
    if ContentHash::of("mizan.state.v1", &snapshot.bytes) != snapshot.state_hash {
        return Ok(None);
    }
    Ok(State::from_bytes(&snapshot.bytes).filter(|state| state.head == snapshot.at))
}

/// How a record stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In balance, as far as was known.
    Settled,
    /// Something was to be decided.
    Undecided,
    /// A field, or its life, was in conflict.
    Conflict,
    /// A side was owed a command.
    Owed,
    /// A command was under way or in doubt.
    Pending,
    /// Its last command had been refused.
    Refused,
    /// It waited for a person.
    Parked,
    /// It was deleted.
    Dead,
}

impl Standing {
    pub(super) fn of(state: &State, id: RecordId, record: &Record) -> Self {
        if record.parked.is_some() {
            Self::Parked
        } else if record.pending.is_some() {
            Self::Pending
        } else if record.in_conflict() && !state.undecided.contains(&id) {
            Self::Conflict
        } else if record.refused.is_some() {
            Self::Refused
        } else if state.undecided.contains(&id) {
            Self::Undecided
        } else if record.owes() {
            Self::Owed
        } else if record.dead {
            Self::Dead
        } else {
            Self::Settled
        }
    }

    /// In a word, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Settled => "in balance",
            Self::Undecided => "to be decided",
            Self::Conflict => "in conflict",
            Self::Owed => "to be written",
            Self::Pending => "write under way",
            Self::Refused => "refused",
            Self::Parked => "parked",
            Self::Dead => "deleted",
        }
    }
}

/// One field of a record, then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldThen {
    /// The field.
    pub field: Name,
    /// The value that held; `None`: not known.
    pub merged: Option<Value>,
    /// What each side showed that had a row.
    pub sides: BTreeMap<SideId, Option<Value>>,
}

/// One side of a record, then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideThen {
    /// The side.
    pub side: SideId,
    /// Its row, the last one where that was gone.
    pub ext: Option<Ext>,
    /// `here`, `gone` or `missing`.
    pub presence: Presence,
    /// Fields that were not written there yet.
    pub behind: Vec<Name>,
    /// Fields in which it had a value of its own that was not decided about.
    pub open: Vec<Name>,
}

/// A command that had no outcome yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingThen {
    /// The command.
    pub command: CommandId,
    /// `create`, `update` or `delete`.
    pub verb: &'static str,
    /// On which side.
    pub side: SideId,
    /// Where its intent stands.
    pub intent: Seq,
    /// What it sets.
    pub sets: Image,
}

/// A record as it was after an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordThen {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people, then.
    pub label: String,
    /// The event.
    pub at: Seq,
    /// When it was appended.
    pub time: Option<Timestamp>,
    /// How it stood.
    pub standing: Standing,
    /// Which of its lives it was in.
    pub life: u32,
    /// Its fields.
    pub fields: Vec<FieldThen>,
    /// Its sides.
    pub sides: Vec<SideThen>,
    /// The command that was under way.
    pub pending: Option<PendingThen>,
    /// Why its last command had been refused.
    pub refused: Option<(SideId, RefusedBy)>,
    /// Why it waited for a person.
    pub parked: Option<ParkedFor>,
}

/// A record as it was after an event; `None` where it had not begun, or its entity is not configured.
///
/// It reads the record's own events and no others, so that it costs the same in a log of any size.
///
/// # Errors
/// When the position lies beyond the log, or the log cannot be read.
pub fn record_as_of(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
    at: Seq,
) -> Result<Option<RecordThen>, HistoryError> {
    if at > journal.head() {
        return Err(HistoryError::Beyond { at, head: journal.head() });
    }
    let time = journal.event(at)?.map(|event| event.at);
    let events = events_of(journal, id, at)?;
    let mut slice = Slice::new(journal, id, &events)?;
    for event in &events {
        slice.step(event)?;
    }
    let (Some(record), Some(inside)) = (slice.record(), slice.inside()) else { return Ok(None) };
    let Some(entity) = schema.entity(&record.entity) else { return Ok(None) };
    let standing = Standing::of(slice.state(), slice.small(), inside);
    let images = images_of(journal, &record);
    let fields = entity.fields.iter().map(|field| field_then(&images, &field.name)).collect();
    let pending = record.pending.and_then(|id| slice.state().pending.get(&id));
    Ok(Some(RecordThen {
        record: id,
        entity: record.entity.clone(),
        label: label_in(&images, entity).unwrap_or_else(|| id.to_string()),
        at,
        time,
        standing,
        life: record.life,
        fields,
        sides: sides_then(&record, entity),
        pending: pending.map(|pending| pending_then(journal, &pending.command, pending.seq)),
        refused: record.refused.as_ref().map(|refusal| (refusal.side.clone(), refusal.why)),
        parked: record.parked,
    }))
}

/// A record as its own events alone give it, up to a position; `None` before its first row.
///
/// It is the record of [`as_of`], with what it refers to in the order of their numbers.
///
/// # Errors
/// When the log cannot be read.
pub fn record_alone(
    journal: &Journal,
    id: RecordId,
    at: Seq,
) -> Result<Option<Record>, HistoryError> {
    let events = events_of(journal, id, at)?;
    let mut slice = Slice::new(journal, id, &events)?;
    for event in &events {
        slice.step(event)?;
    }
    Ok(slice.record())
}

/// What was merged, and what each side showed that had a row; an image that was erased is not known.
struct Images {
    merged: Image,
    sides: BTreeMap<SideId, Image>,
}

fn images_of(bodies: &dyn Bodies, record: &Record) -> Images {
    let image = |hash| image_of(bodies, hash).unwrap_or_default();
    let here = record.slots.iter().filter(|(_, slot)| slot.presence == Presence::Here);
    let sides = here.map(|(side, slot)| (side.clone(), image(&slot.seen))).collect();
    Images { merged: image(&record.merged), sides }
}

fn field_then(images: &Images, field: &Name) -> FieldThen {
    let shown = |(side, image): (&SideId, &Image)| (side.clone(), image.get(field).cloned());
    FieldThen {
        field: field.clone(),
        merged: images.merged.get(field).cloned(),
        sides: images.sides.iter().map(shown).collect(),
    }
}

/// The record's natural key in what was merged or shown.
fn label_in(images: &Images, entity: &Entity) -> Option<String> {
    std::iter::once(&images.merged).chain(images.sides.values()).find_map(|image| {
        let values = entity.key.iter().filter_map(|field| image.get(field));
        let parts: Vec<String> =
            values.filter(|value| !value.is_null()).map(ToString::to_string).collect();
        if parts.is_empty() { None } else { Some(parts.join(" / ")) }
    })
}

fn sides_then(record: &Record, entity: &Entity) -> Vec<SideThen> {
    let names = |bits: FieldSet| {
        let fields = bits.iter().filter_map(|bit| entity.fields.get(bit));
        fields.map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    let slots = record.slots.iter();
    slots
        .map(|(side, slot)| SideThen {
            side: side.clone(),
            ext: slot.ext.clone(),
            presence: slot.presence,
            // All bits of a dead record say that its row is to go.
            behind: if record.dead { Vec::new() } else { names(slot.behind) },
            open: names(slot.changed),
        })
        .collect()
}

fn pending_then(bodies: &dyn Bodies, command: &Command, intent: Seq) -> PendingThen {
    PendingThen {
        command: command.id,
        verb: command.operation.verb(),
        side: command.side.clone(),
        intent,
        sets: image_of(bodies, &command.set).unwrap_or_default(),
    }
}
