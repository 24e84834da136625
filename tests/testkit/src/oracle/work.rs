//! L42: once users have stopped, a record gets the commands that its changes call for, and no more.

use crate::law::{Law, Violation};
use mizan_core::event::Life;
use mizan_core::fold::{State, fold};
use mizan_core::{CommandId, Event, Fact, RecordId, Seq};
use mizan_store::MemoryLog;
use std::collections::BTreeMap;

/// Counts the commands after `from`, by record, against what the log itself gives cause for.
///
/// Cause for one command to each side: a change that a side shows, a row that is gone, a row that is linked, a
/// decision that is still due. Cause for one more try: a command that was withdrawn or refused, was in doubt at the
/// beginning, or left something owed.
#[must_use]
pub fn check_work(log: &MemoryLog, from: Seq, sides: usize) -> Vec<Violation> {
    let mut state = State::default();
    let mut count = Count { others: sides.saturating_sub(1).max(1), ..Count::default() };
    for (seq, bytes) in (1..).zip(log.events()) {
        let Ok(event) = Event::from_bytes(Seq(seq), bytes) else { return Vec::new() };
        if event.seq > from {
            count.event(&state, &event);
        }
        if fold(&mut state, &event).is_err() {
            return Vec::new();
        }
        if event.seq == from {
            count.begin(&state);
        }
    }
    let over = count.records.iter().filter(|(_, one)| one.commands > one.causes);
    over.map(|(record, one)| Violation {
        law: Law::Bounded,
        what: format!("{record} got {} commands for {} causes", one.commands, one.causes),
    })
    .collect()
}

#[derive(Default)]
struct One {
    commands: usize,
    causes: usize,
}

#[derive(Default)]
struct Count {
    /// The sides that a change on one of them is sent to.
    others: usize,
    records: BTreeMap<RecordId, One>,
    of: BTreeMap<CommandId, RecordId>,
}

impl Count {
    fn begin(&mut self, state: &State) {
        for (id, record) in state.each_record() {
            let due = state.undecided.contains(&id) || record.owes();
            let causes =
                usize::from(due) * (self.others + 1) + usize::from(record.pending.is_some());
            self.cause(id, causes);
        }
        self.of.extend(state.pending.iter().map(|(id, pending)| (*id, pending.command.record)));
    }

    fn cause(&mut self, record: RecordId, causes: usize) {
        self.records.entry(record).or_default().causes += causes;
    }

    fn event(&mut self, state: &State, event: &Event) {
        match &event.fact {
            Fact::Observed { entity, side, ext, .. } => {
                if let Some(record) = state.record_of(entity, side, ext) {
                    self.cause(record, self.others + 1);
                }
            }
            // Dying and coming back each take a command for every side.
            Fact::Decided { record, decision } if decision.life != Life::Alive => {
                self.cause(*record, self.others + 1);
            }
            Fact::Linked { record, .. } => self.cause(*record, self.others + 1),
            Fact::Forked { .. } => {
                let copy = u32::try_from(state.records.len()).unwrap_or(u32::MAX);
                self.cause(RecordId(copy), self.others + 1);
            }
            Fact::Intent { command } => {
                self.of.insert(command.id, command.record);
                self.records.entry(command.record).or_default().commands += 1;
            }
            Fact::Done { command, changed, missing, .. } => {
                if let Some(record) = self.of.get(command).copied() {
                    let quicker = usize::from(!changed.is_empty()) * self.others;
                    self.cause(record, quicker + usize::from(!missing.is_empty()));
                }
            }
            Fact::Withdrawn { command, .. } | Fact::Refused { command, .. } => {
                if let Some(record) = self.of.get(command).copied() {
                    self.cause(record, 1);
                }
            }
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Swept { .. }
            | Fact::Decided { .. }
            | Fact::Deleted { .. }
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
}
