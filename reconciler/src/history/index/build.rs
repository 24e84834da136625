//! Building: one walk over what is new.

use super::block::{Block, Entry};
use super::bytes::{Parts, put};
use super::{Index, mark_of};
use crate::engine::{EngineError, Journal};
use mizan_core::event::Subject;
use mizan_core::fold::State;
use mizan_core::{CommandId, ContentHash, Event, Ext, Fact, Name, RecordId, Seq, SideId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The kinds of facts, as `mizan log --kind` spells them; their numbers in the index are their places here.
pub const KINDS: [&str; 27] = [
    "opened",
    "side_attached",
    "entity_declared",
    "policy_set",
    "observed",
    "cursor",
    "swept",
    "linked",
    "decided",
    "intent",
    "done",
    "deleted",
    "refused",
    "withdrawn",
    "parked",
    "unparked",
    "resolved",
    "unresolved",
    "forked",
    "redecided",
    "approved",
    "drifted",
    "unreadable",
    "readable",
    "checkpointed",
    "erased",
    "shadowed",
];

/// A number that none of the kinds has: a fact that this list does not know is found by everything but its kind.
const KIND_UNKNOWN: u8 = u8::MAX;

/// Progress is told of every so many events.
const TELL_EVERY: u64 = 10_000;

/// Outcomes are followed by what is said about them in the same batch; so many closed commands are remembered.
const CLOSED_MAX: usize = 64;

/// What an event to come may be about.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    /// Commands without an outcome.
    commands: BTreeMap<CommandId, Of>,
    /// Commands whose outcome came just now.
    closed: Vec<(CommandId, Of)>,
    /// What was seen of rows that belong to no record, by entity, side and row.
    rows: BTreeMap<(Name, SideId, Ext), Vec<u64>>,
}

/// Whose a command is.
#[derive(Clone, Debug)]
struct Of {
    record: RecordId,
    side: SideId,
    entity: Name,
}

impl Open {
    fn of(&self, id: &CommandId) -> Option<&Of> {
        let closed = || self.closed.iter().rev().find(|(known, _)| known == id).map(|(_, of)| of);
        self.commands.get(id).or_else(closed)
    }

    fn close(&mut self, id: &CommandId) {
        if let Some(of) = self.commands.remove(id) {
            if self.closed.len() >= CLOSED_MAX {
                self.closed.drain(..CLOSED_MAX / 2);
            }
            self.closed.push((*id, of));
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend((self.commands.len() as u64).to_le_bytes());
        for (id, of) in &self.commands {
            put(out, &id.0.0);
            out.extend(u64::from(of.record.0).to_le_bytes());
            put(out, of.side.as_str().as_bytes());
            put(out, of.entity.as_bytes());
        }
        out.extend((self.rows.len() as u64).to_le_bytes());
        for ((entity, side, ext), positions) in &self.rows {
            put(out, entity.as_bytes());
            put(out, side.as_str().as_bytes());
            put(out, ext.as_str().as_bytes());
            super::bytes::put_large(out, positions);
        }
    }

    pub(super) fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let mut open = Self::default();
        for _ in 0..parts.number()? {
            let id = CommandId(ContentHash(parts.bytes()?.try_into().ok()?));
            let record = RecordId(u32::try_from(parts.number()?).ok()?);
            let (side, entity) = (SideId::new(parts.text()?), Name::new(parts.text()?));
            open.commands.insert(id, Of { record, side, entity });
        }
        for _ in 0..parts.number()? {
            let (entity, side) = (Name::new(parts.text()?), SideId::new(parts.text()?));
            let row = (entity, side, Ext::new(parts.text()?));
            open.rows.insert(row, parts.large()?);
        }
        Some(open)
    }
}

/// Takes in all events after the index's head.
pub(super) fn extend(
    index: &mut Index,
    journal: &Journal,
    tell: &mut dyn FnMut(Seq),
) -> Result<(), EngineError> {
    let state = journal.state();
    // The last block alone has room, and its end must be told anew.
    journal.try_each_event(index.head(), &mut |event| {
        add(index, state, event);
        if index.last.len() >= index.block_events {
            index.last.settle(mark_of(&event.to_bytes()));
            let next = Block::after(index.last.last(), index.last.latest());
            index.full.push(std::mem::replace(&mut index.last, next));
        }
        if event.seq.0.is_multiple_of(TELL_EVERY) {
            tell(event.seq);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mark = match journal.event_bytes(index.head())? {
        Some(bytes) => mark_of(&bytes),
        None => ContentHash([0; 32]),
    };
    index.last.settle(mark);
    Ok(())
}

/// What an event is about.
#[derive(Default)]
struct About {
    side: Option<Name>,
    entity: Option<Name>,
    records: Vec<RecordId>,
}

fn add(index: &mut Index, state: &State, event: &Event) {
    let about = about(index, state, event);
    let entry = Entry {
        at: event.at.0,
        kind: kind_of(&event.fact),
        side: about.side.as_ref(),
        entity: about.entity.as_ref(),
    };
    if !index.last.push(&entry) {
        // More names than a column can tell apart: the event is found by its record and its place alone.
        index.last.push(&Entry { side: None, entity: None, ..entry });
    }
    about.records.into_iter().for_each(|record| index.last.about(record, event.seq));
}

fn kind_of(fact: &Fact) -> u8 {
    let at = KINDS.iter().position(|kind| *kind == fact.kind());
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(KIND_UNKNOWN)
}

fn entity_of(state: &State, record: RecordId) -> Option<Name> {
    state.record(record).map(|record| record.entity.clone())
}

/// A row belongs to a record from now on: what was seen of it before is about that record, too.
fn adopt(index: &mut Index, row: &(Name, SideId, Ext), record: RecordId) {
    for at in index.open.rows.remove(row).into_iter().flatten() {
        index.last.about(record, Seq(at));
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one arm a fact")]
fn about(index: &mut Index, state: &State, event: &Event) -> About {
    let on = |side: &SideId, entity: &Name, records: Vec<RecordId>| About {
        side: Some(side.0.clone()),
        entity: Some(entity.clone()),
        records,
    };
    let of = |record: RecordId| About {
        side: None,
        entity: entity_of(state, record),
        records: vec![record],
    };
    match &event.fact {
        Fact::Opened { .. } | Fact::Approved { .. } | Fact::Checkpointed { .. } => About::default(),
        Fact::SideAttached { side } => About { side: Some(side.0.clone()), ..About::default() },
        Fact::EntityDeclared { entity, .. }
        | Fact::PolicySet { entity, .. }
        | Fact::Redecided { entity, .. } => {
            About { entity: Some(entity.clone()), ..About::default() }
        }
        Fact::Observed { entity, side, ext, .. } => {
            let record = state.record_of(entity, side, ext);
            if record.is_none() {
                let row = (entity.clone(), side.clone(), ext.clone());
                index.open.rows.entry(row).or_default().push(event.seq.0);
            }
            on(side, entity, record.into_iter().collect())
        }
        Fact::Cursor { side, entity, .. }
        | Fact::Unreadable { side, entity, .. }
        | Fact::Readable { side, entity, .. } => on(side, entity, Vec::new()),
        Fact::Swept { side, entity, freed } => on(side, entity, freed.clone()),
        Fact::Linked { record, entity, side, ext, .. } => {
            adopt(index, &(entity.clone(), side.clone(), ext.clone()), *record);
            on(side, entity, vec![*record])
        }
        Fact::Decided { record, .. }
        | Fact::Resolved { record, .. }
        | Fact::Unresolved { record, .. }
        | Fact::Erased { record, .. }
        | Fact::Shadowed { record, .. } => of(*record),
        Fact::Forked { from, side, .. } => {
            About { side: side.as_ref().map(|side| side.0.clone()), ..of(*from) }
        }
        Fact::Intent { command } => {
            let (record, side) = (command.record, command.side.clone());
            let entity = command.entity.clone();
            let about = on(&side, &entity, vec![record]);
            index.open.commands.insert(command.id, Of { record, side, entity });
            about
        }
        Fact::Done { command, ext, .. } => {
            let about = outcome(index, command);
            if let (Some(side), Some(entity), [record]) =
                (&about.side, &about.entity, about.records.as_slice())
            {
                adopt(index, &(entity.clone(), SideId(side.clone()), ext.clone()), *record);
            }
            index.open.close(command);
            about
        }
        Fact::Deleted { command }
        | Fact::Refused { command, .. }
        | Fact::Withdrawn { command, .. } => {
            let about = outcome(index, command);
            index.open.close(command);
            about
        }
        Fact::Drifted { command, .. } => outcome(index, command),
        Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => match subject {
            Subject::Record(record) => of(*record),
            Subject::Row { entity, side, .. } => on(side, entity, Vec::new()),
        },
    }
}

fn outcome(index: &Index, command: &CommandId) -> About {
    index.open.of(command).map_or_else(About::default, |of| About {
        side: Some(of.side.0.clone()),
        entity: Some(of.entity.clone()),
        records: vec![of.record],
    })
}
