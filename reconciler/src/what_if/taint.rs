//! Which records are no longer what they would be, and since when.

use mizan_core::event::{Decision, Life};
use mizan_core::fold::{Presence, State};
use mizan_core::{Event, Fact, RecordId, Seq};
use std::collections::BTreeMap;

/// Why a record is tainted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taint {
    /// The first decision that would have had another effect, or rested on such a record.
    at: Seq,
    /// It refers to such a record, and was decided as recorded itself.
    by_reference: bool,
    /// Whether it would be alive is in question: then those that refer to it are in question too.
    life: bool,
}

/// The tainted records.
#[derive(Default)]
pub(super) struct Taints(BTreeMap<RecordId, Taint>);

impl Taints {
    pub(super) fn is(&self, record: RecordId) -> bool {
        self.0.contains_key(&record)
    }

    /// Records that were decided otherwise, and those that refer to them where it matters.
    pub(super) fn counts(&self) -> (u64, u64) {
        let referring = self.0.values().filter(|taint| taint.by_reference).count() as u64;
        (self.0.len() as u64 - referring, referring)
    }

    pub(super) fn diverged(&mut self, record: RecordId, at: Seq, life: bool) {
        self.0.insert(record, Taint { at, by_reference: false, life });
    }

    /// Whether a tainted record would have been deleted, or survived, cannot be known.
    pub(super) fn follow(&mut self, before: &State, event: &Event) {
        let record = match &event.fact {
            Fact::Observed { entity, side, ext, seen: None, .. } => {
                before.record_of(entity, side, ext)
            }
            Fact::Decided { record, decision } if decision.life != Life::Alive => Some(*record),
            Fact::Deleted { command } => {
                before.pending.get(command).map(|pending| pending.command.record)
            }
            // A copy of a tainted record might not be there at all.
            Fact::Forked { from, .. } if self.is(*from) => {
                let copy = RecordId(u32::try_from(before.records.len()).unwrap_or(u32::MAX));
                let taint = Taint { at: event.seq, by_reference: true, life: true };
                self.0.insert(copy, taint);
                None
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
            | Fact::Intent { .. }
            | Fact::Done { .. }
            | Fact::Refused { .. }
            | Fact::Withdrawn { .. }
            | Fact::Parked { .. }
            | Fact::Unparked { .. }
            | Fact::Resolved { .. }
            | Fact::Unresolved { .. }
            | Fact::Forked { .. }
            | Fact::Redecided { .. }
            | Fact::Approved { .. }
            | Fact::Drifted { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. }
            | Fact::Erased { .. }
            | Fact::Shadowed { .. } => None,
        };
        if let Some(taint) = record.and_then(|record| self.0.get_mut(&record)) {
            taint.life = true;
        }
    }

    /// A decision rests on other records in one way: whether they live. A child of a record whose price differs is as
    /// it was; a child of one that might be dead is not.
    pub(super) fn by_reference(
        &mut self,
        state: &State,
        id: RecordId,
        recorded: &Decision,
        at: Seq,
    ) {
        if self.is(id) {
            return;
        }
        let matters = |other: &RecordId| self.0.get(other).is_some_and(|taint| taint.life);
        let gone = state.record(id).is_some_and(|record| {
            record.slots.values().any(|slot| slot.presence == Presence::Gone)
        });
        let mut children = state.children.get(&id).into_iter().flatten().filter(|_| gone);
        if recorded.refers_to.iter().any(matters) || children.any(matters) {
            self.0.insert(id, Taint { at, by_reference: true, life: gone });
        }
    }
}
