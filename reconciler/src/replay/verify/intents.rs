//! Intents: each is implied by a decision before it, and is what the plan said when it was made (L51).

use super::decisions::known;
use super::{Case, Court, Kind, Verdict};
use crate::replay::differ::{Differ, Difference};
use crate::replay::images::Images;
use crate::replay::walk::Step;
use mizan_core::bodies::MissingBody;
use mizan_core::fold::{Record, State};
use mizan_core::plan::{BlockedBy, Plan, Planned, plan_of};
use mizan_core::{
    Command, ContentHash, Entity, Fact, Operation, RecordId, Schema, Seq, command_id,
};
use std::collections::BTreeMap;

/// An intent that is not what the plan says just before it, and may be what it said when it was made.
pub(super) struct Leftover {
    case: Case,
    command: Command,
    /// The positions at which it may have been planned.
    from: Seq,
    to: Seq,
    differences: Vec<Difference>,
}

impl Leftover {
    /// True where it is what the plan says at this step.
    pub(super) fn planned_at(&self, step: &Step<'_>, images: &Images<'_>) -> bool {
        let here = step.before.head;
        if here < self.from || here > self.to {
            return false;
        }
        let Ok(schema) = known(step.rules.of(&self.command.entity), &self.command.entity) else {
            return false;
        };
        plan_of(step.before, schema, images, self.command.record)
            .is_ok_and(|plan| plan.commands.iter().any(|one| alike(one, &self.command)))
    }

    pub(super) fn verdict(self) -> (Case, Verdict) {
        (self.case, Verdict::Differs { differences: self.differences, unsteady: false })
    }
}

#[derive(Default)]
pub(super) struct Intents {
    /// Where the last one was planned: those of one plan share it.
    planned_at: Option<Seq>,
    /// Where each record's last command ended: one plan has one command for a record, so the next was planned later.
    ended: BTreeMap<RecordId, Seq>,
    left: Vec<Leftover>,
    looked_at_again: u64,
}

impl Intents {
    /// Those that need a second look.
    pub(super) fn left(&mut self) -> Vec<Leftover> {
        std::mem::take(&mut self.left)
    }

    /// How many needed it.
    pub(super) fn confirmed(&self) -> u64 {
        self.looked_at_again
    }

    pub(super) fn step(&mut self, step: &Step<'_>, images: &Images<'_>, court: &mut Court) {
        let Fact::Intent { command } = &step.event.fact else {
            if let Some(record) = ends(step.before, &step.event.fact) {
                self.ended.insert(record, step.event.seq);
            }
            return;
        };
        let case = Case {
            seq: step.event.seq,
            kind: Kind::Intent,
            record: command.record,
            entity: command.entity.clone(),
        };
        match self.judge(step, command, images) {
            Ok(None) => court.judge(case, Verdict::Confirmed),
            Ok(Some((from, to, differences))) => {
                let command = command.clone();
                self.looked_at_again += 1;
                self.left.push(Leftover { case, command, from, to, differences });
            }
            Err(verdict) => court.judge(case, verdict),
        }
    }

    /// `None`: as planned. Else what differs here, and where it may have been planned.
    fn judge(
        &mut self,
        step: &Step<'_>,
        command: &Command,
        images: &Images<'_>,
    ) -> Result<Option<(Seq, Seq, Vec<Difference>)>, Verdict> {
        let Some(record) = step.before.record(command.record) else { return Ok(None) };
        let nothing = |what: &str, now: &str| {
            let mut differ = Differ::new(None::<&Entity>);
            differ.text(what, "an intent".to_owned(), now.to_owned());
            Verdict::Differs { differences: differ.found(), unsteady: false }
        };
        if record.decided_at == Seq(0) {
            return Err(nothing("what implies it", "no decision about the record before it"));
        }
        let Some(range) = self.planned(step.before, record, command) else {
            return Err(nothing("its id", "not one that this log could have given it"));
        };
        let schema = known(step.rules.of(&command.entity), &command.entity)?;
        match differs(step.before, schema, images, command) {
            Ok(differences) if differences.is_empty() => Ok(None),
            Ok(differences) => Ok(Some((range.0, range.1, differences))),
            Err(missing) => Err(Verdict::Lacks(missing)),
        }
    }

    /// The positions at which a command may have been planned, by its id.
    fn planned(&mut self, state: &State, record: &Record, command: &Command) -> Option<(Seq, Seq)> {
        let log_id = state.log_id.unwrap_or(ContentHash([0; 32]));
        let epoch = match &command.operation {
            Operation::Create => state.epoch_of(command.record),
            Operation::Update { .. } | Operation::Delete { .. } => state.epoch,
        };
        let fits = |at: Seq| {
            let Command { id, record: number, side, operation, set, .. } = command;
            command_id(&log_id, epoch, *number, record.life, side, operation, set, at) == *id
        };
        let ended = self.ended.get(&command.record).copied().unwrap_or_default();
        let after = record.decided_at.max(ended);
        if command.operation == Operation::Create {
            return fits(state.head).then_some((after, state.head));
        }
        let last = self.planned_at.filter(|at| *at >= after && fits(*at));
        let found =
            last.or_else(|| (after.0..=state.head.0).rev().map(Seq).find(|at| fits(*at)))?;
        self.planned_at = Some(found);
        Some((found, found))
    }
}

/// The record whose command an event ends.
fn ends(state: &State, fact: &Fact) -> Option<RecordId> {
    match fact {
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
        | Fact::Observed { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Linked { .. }
        | Fact::Decided { .. }
        | Fact::Intent { .. }
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
    }
}

/// The same wish, whenever it was made.
fn alike(planned: &Planned, command: &Command) -> bool {
    Command { id: command.id, ..planned.command.clone() } == *command
}

fn differs(
    state: &State,
    schema: &Schema,
    images: &Images<'_>,
    command: &Command,
) -> Result<Vec<Difference>, MissingBody> {
    let plan = plan_of(state, schema, images, command.record)?;
    if plan.commands.iter().any(|one| alike(one, command)) {
        return Ok(Vec::new());
    }
    let mut differ = Differ::new(schema.entities.first());
    match plan.commands.first() {
        Some(planned) => differ.commands(images, command, &planned.command, &planned.set),
        None => differ.text("plan", command.to_string(), waits(&plan, state, command)),
    }
    Ok(differ.found())
}

/// Why nothing is planned.
fn waits(plan: &Plan, state: &State, command: &Command) -> String {
    match plan.blocked.first().map(|blocked| &blocked.why) {
        Some(BlockedBy::Parent(parent)) => format!("nothing: it waits for {parent}"),
        Some(BlockedBy::UnknownParent(entity)) => format!("nothing: it waits for a {entity}"),
        Some(BlockedBy::Refused(_)) => "nothing: its last command was refused".to_owned(),
        None if state.undecided.contains(&command.record) => {
            "nothing: the record has to be decided first".to_owned()
        }
        None => "nothing: no side is owed anything".to_owned(),
    }
}
