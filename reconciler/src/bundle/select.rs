//! Select: the events that the wanted records need, and the numbers that records and events have without the others.

use crate::engine::Journal;
use mizan_core::event::Subject;
use mizan_core::fold::State;
use mizan_core::{CommandId, Event, Fact, RecordId, Seq};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept, and under which numbers.
pub(super) struct Selection<'j> {
    state: &'j State,
    /// The records that are kept; `None`: all.
    wanted: Option<BTreeSet<RecordId>>,
    commands: BTreeSet<CommandId>,
    numbers: BTreeMap<RecordId, RecordId>,
    order: Vec<RecordId>,
    /// The kept events, in order: an event's new position is its place here.
    kept: Vec<Seq>,
    /// Records so far, in the numbers of the original.
    records: u32,
}

impl<'j> Selection<'j> {
    /// The records, and all that they refer to or are copies of, as far as the log says it.
    pub(super) fn of(journal: &'j Journal, events: &[Event], records: &[RecordId]) -> Self {
        let mut wanted: BTreeSet<RecordId> = records.iter().copied().collect();
        loop {
            let before = wanted.len();
            for event in events {
                follow(&event.fact, &mut wanted);
            }
            for (id, record) in journal.state().each_record() {
                // The number of copies is part of the original.
                if wanted.contains(&id) {
                    wanted.extend(record.copy_of);
                } else if record.copy_of.is_some_and(|from| wanted.contains(&from)) {
                    wanted.insert(id);
                }
            }
            if wanted.len() == before {
                break;
            }
        }
        Self {
            state: journal.state(),
            wanted: (!records.is_empty()).then_some(wanted),
            commands: BTreeSet::new(),
            numbers: BTreeMap::new(),
            order: Vec::new(),
            kept: Vec::new(),
            records: 0,
        }
    }

    /// The event without the records that are left out; `None` where nothing of it is left.
    pub(super) fn keep(&mut self, event: Event) -> Option<Event> {
        let seq = event.seq;
        let event = self.part(event)?;
        self.kept.push(seq);
        Some(event)
    }

    fn part(&mut self, mut event: Event) -> Option<Event> {
        let keep = match &mut event.fact {
            Fact::Linked { record, .. } => {
                if record.0 >= self.records {
                    self.records = record.0 + 1;
                }
                let kept = self.wants(*record);
                if kept {
                    self.number(*record);
                }
                kept
            }
            Fact::Forked { from, .. } => {
                let copy = RecordId(self.records);
                self.records += 1;
                let kept = self.wants(copy) && self.wants(*from);
                if kept {
                    self.number(copy);
                }
                kept
            }
            Fact::Observed { entity, side, ext, .. } => {
                // Rows that belong to no record say nothing about one.
                let record = self.state.record_of(entity, side, ext);
                record.map_or(self.wanted.is_none(), |record| self.wants(record))
            }
            Fact::Decided { record, .. }
            | Fact::Resolved { record, .. }
            | Fact::Unresolved { record, .. }
            | Fact::Erased { record, .. }
            | Fact::Shadowed { record, .. } => self.wants(*record),
            Fact::Intent { command } => {
                let kept = self.wants(command.record);
                if kept {
                    self.commands.insert(command.id);
                }
                kept
            }
            Fact::Done { command, .. }
            | Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. }
            | Fact::Drifted { command, .. } => self.commands.contains(command),
            Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => match subject {
                Subject::Record(record) => self.wants(*record),
                Subject::Row { entity, side, ext } => self
                    .state
                    .record_of(entity, side, ext)
                    .map_or(self.wanted.is_none(), |record| self.wants(record)),
            },
            Fact::Swept { freed, .. } => {
                freed.retain(|record| self.wants(*record));
                true
            }
            Fact::Unreadable { .. } | Fact::Readable { .. } | Fact::Approved { .. } => {
                self.wanted.is_none()
            }
            // A signed root is over other bytes.
            Fact::Checkpointed { .. } => false,
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Redecided { .. } => true,
        };
        keep.then_some(event)
    }

    fn wants(&self, record: RecordId) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&record))
    }

    fn number(&mut self, record: RecordId) {
        if !self.numbers.contains_key(&record) {
            let number = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
            self.numbers.insert(record, RecordId(number));
            self.order.push(record);
        }
    }

    /// The number of a record in the bundle.
    pub(super) fn record(&self, record: RecordId) -> RecordId {
        self.numbers.get(&record).copied().unwrap_or(RecordId(u32::MAX))
    }

    /// The position in the bundle of the last kept event up to one of the original.
    pub(super) fn position(&self, at: Seq) -> Seq {
        Seq(self.kept.partition_point(|kept| *kept <= at) as u64)
    }

    /// Which record each record of the bundle was.
    pub(super) fn into_records(self) -> Vec<RecordId> {
        self.order
    }
}

/// Adds what a wanted record refers to.
fn follow(fact: &Fact, wanted: &mut BTreeSet<RecordId>) {
    match fact {
        Fact::Decided { record, decision } if wanted.contains(record) => {
            wanted.extend(&decision.refers_to);
        }
        Fact::Intent { command } if wanted.contains(&command.record) => {
            wanted.extend(&command.refers_to);
        }
        Fact::Forked { from, refers_to, .. } if wanted.contains(from) => wanted.extend(refers_to),
        Fact::Decided { .. }
        | Fact::Intent { .. }
        | Fact::Forked { .. }
        | Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Observed { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Linked { .. }
        | Fact::Done { .. }
        | Fact::Deleted { .. }
        | Fact::Refused { .. }
        | Fact::Withdrawn { .. }
        | Fact::Parked { .. }
        | Fact::Unparked { .. }
        | Fact::Resolved { .. }
        | Fact::Unresolved { .. }
        | Fact::Redecided { .. }
        | Fact::Approved { .. }
        | Fact::Drifted { .. }
        | Fact::Unreadable { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. }
        | Fact::Erased { .. }
        | Fact::Shadowed { .. } => {}
    }
}
