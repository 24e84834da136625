//! Version vectors only rise (L20).

use super::Court;
use crate::replay::walk::Step;
use mizan_core::event::Subject;
use mizan_core::fold::State;
use mizan_core::{Fact, RecordId, Seq, SideId, VersionVector};

/// What a record knew.
struct Knew {
    seq: Seq,
    record: RecordId,
    life: u32,
    contains: VersionVector,
    deleters: VersionVector,
    slots: Vec<(SideId, VersionVector)>,
}

/// Holds each record's vectors after an event against those before it.
#[derive(Default)]
pub(super) struct Vectors(Option<Knew>);

impl Vectors {
    pub(super) fn step(&mut self, step: &Step<'_>, court: &mut Court) {
        self.end(step.before, court);
        let Some(id) = touched(step.before, &step.event.fact) else { return };
        let Some(record) = step.before.record(id) else { return };
        let slots = record.slots.iter();
        self.0 = Some(Knew {
            seq: step.event.seq,
            record: id,
            life: record.life,
            contains: record.contains.clone(),
            deleters: record.deleters_knew.clone(),
            slots: slots.map(|(side, slot)| (side.clone(), slot.knows.clone())).collect(),
        });
    }

    pub(super) fn end(&mut self, after: &State, court: &mut Court) {
        let Some(knew) = self.0.take() else { return };
        let rises = after.record(knew.record).is_some_and(|now| {
            let slot = |(side, knows): &(SideId, VersionVector)| {
                now.slots.get(side).is_some_and(|slot| slot.knows.covers(knows))
            };
            now.life >= knew.life
                && now.contains.covers(&knew.contains)
                && now.deleters_knew.covers(&knew.deleters)
                && knew.slots.iter().all(slot)
        });
        if !rises {
            court.report.forgotten.push(knew.seq);
        }
    }
}

/// The record that an event changes.
fn touched(state: &State, fact: &Fact) -> Option<RecordId> {
    match fact {
        Fact::Observed { entity, side, ext, .. } => state.record_of(entity, side, ext),
        Fact::Linked { record, .. }
        | Fact::Decided { record, .. }
        | Fact::Resolved { record, .. }
        | Fact::Unresolved { record, .. }
        | Fact::Forked { from: record, .. }
        | Fact::Parked { subject: Subject::Record(record), .. }
        | Fact::Unparked { subject: Subject::Record(record), .. } => Some(*record),
        Fact::Intent { command } => Some(command.record),
        Fact::Done { command, .. }
        | Fact::Deleted { command }
        | Fact::Refused { command, .. }
        | Fact::Withdrawn { command, .. } => {
            state.pending.get(command).map(|pending| pending.command.record)
        }
        Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Parked { subject: Subject::Row { .. }, .. }
        | Fact::Unparked { subject: Subject::Row { .. }, .. }
        | Fact::Redecided { .. }
        | Fact::Approved { .. }
        | Fact::Drifted { .. }
        | Fact::Unreadable { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. }
        | Fact::Erased { .. }
        | Fact::Shadowed { .. } => None,
    }
}
