//! The world's own look into the log: which intents are durable, and which record stands for which thing.

use super::World;
use super::ghost::Thing;
use crate::failing::FailingLog;
use crate::law::Law;
use mizan_core::{CommandId, Event, Fact, RecordId, Seq};
use std::collections::{BTreeMap, BTreeSet};

/// What the world has read of the log so far.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) log: FailingLog,
    head: Seq,
    /// Every intent in the log.
    pub intents: BTreeSet<CommandId>,
    /// Intents without an outcome.
    pub open: BTreeMap<CommandId, RecordId>,
    /// The thing that a record stands for.
    pub things: BTreeMap<RecordId, usize>,
    /// When a record began.
    pub linked_at: BTreeMap<RecordId, i64>,
    /// Records so far.
    pub records: u32,
    /// Commands that were carried out, and how often.
    pub applied: BTreeMap<CommandId, u32>,
}

impl Watch {
    pub(super) fn new(log: FailingLog) -> Self {
        Self {
            log,
            head: Seq(0),
            intents: BTreeSet::new(),
            open: BTreeMap::new(),
            things: BTreeMap::new(),
            linked_at: BTreeMap::new(),
            records: 0,
            applied: BTreeMap::new(),
        }
    }
}

impl World {
    /// Reads what was appended since the last look.
    pub fn catch_up(&mut self) {
        for bytes in self.watch.log.events_after(self.watch.head) {
            let seq = self.watch.head.next();
            self.watch.head = seq;
            match Event::from_bytes(seq, &bytes) {
                Ok(event) => self.note(&event),
                Err(error) => self.broke(Law::Prefix, format!("event {seq}: {error}")),
            }
        }
    }

    /// The log is an older one: which record stands for what is read again, and what was sent is remembered.
    pub(crate) fn restored(&mut self) {
        self.watch.head = Seq(0);
        self.watch.open.clear();
        self.watch.things.clear();
        self.watch.linked_at.clear();
        self.watch.records = 0;
        self.catch_up();
        self.tell(|| "the log is an older one".to_owned());
    }

    /// The process died: what it had on its way is in doubt.
    pub fn died(&mut self) {
        self.catch_up();
        for record in self.watch.open.values() {
            if let Some(thing) = self.watch.things.get(record) {
                self.ghost.things[*thing].doubtful = true;
            }
        }
        self.coverage.note("process died");
        self.tell(|| "the process dies".to_owned());
    }

    fn note(&mut self, event: &Event) {
        match &event.fact {
            Fact::Intent { command } => {
                self.watch.intents.insert(command.id);
                self.watch.open.insert(command.id, command.record);
            }
            Fact::Done { command, .. }
            | Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. } => {
                self.watch.open.remove(command);
            }
            Fact::Forked { from, .. } => {
                let original = self.watch.things.get(from).copied();
                let about = original.and_then(|thing| self.ghost.things.get(thing)).cloned();
                let Some(about) = about else { return };
                let copy = RecordId(self.watch.records);
                self.watch.records += 1;
                self.watch.things.insert(copy, self.ghost.things.len());
                self.watch.linked_at.insert(copy, event.at.0);
                let mut thing = Thing::new(about.entity, Vec::new());
                thing.poisoned = about.poisoned;
                thing.copy = true;
                self.ghost.things.push(thing);
                self.coverage.note("copy made");
            }
            Fact::Linked { record, entity, side, ext, .. } => {
                self.watch.records = self.watch.records.max(record.0 + 1);
                self.watch.linked_at.entry(*record).or_insert(event.at.0);
                let index = self.setup.side_index(side);
                let cell = index
                    .and_then(|index| self.sides[index].rows.get(&(entity.clone(), ext.clone())));
                if let Some(thing) = cell.map(|cell| cell.thing) {
                    self.watch.things.entry(*record).or_insert(thing);
                }
            }
            Fact::Observed { entity, side, ext, seen: None, .. } => {
                let Some(index) = self.setup.side_index(side) else { return };
                let cell = self.sides[index].rows.get(&(entity.clone(), ext.clone()));
                let gone = cell.is_none_or(|cell| {
                    !cell.live && cell.deleted_at.is_some_and(|at| at <= event.at.0)
                });
                if !gone {
                    self.broke(Law::Absence, format!("{ext} is said to be gone and is there"));
                }
            }
            _ => {}
        }
    }
}
