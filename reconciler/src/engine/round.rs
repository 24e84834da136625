//! Rounds: the loop, until nothing is left to do.

use super::shadow::Decided;
use super::{Engine, EngineError, Report, Stage, Standing, SyncOptions};
use mizan_core::ablate::{Switch, off};
use mizan_core::check::check;
use mizan_core::decide::{decide, decision_order};
use mizan_core::link::link;
use mizan_core::plan::{Blocked, BlockedBy, Plan, plan};
use mizan_core::{Fact, Operation, RecordId, Seq};
use std::collections::BTreeSet;

/// Decisions that go into one batch.
const DECISIONS_PER_BATCH: usize = 1_000;

impl Engine {
    /// Reconciles: rounds until a round brings nothing new, or a guard, a person or a failing side ends it.
    ///
    /// # Errors
    /// When the log itself fails; what fails outside is in the report.
    pub async fn sync(&mut self, options: &SyncOptions) -> Result<Report, EngineError> {
        let begun_at = self.journal.head();
        self.report = Report::default();
        self.down.clear();
        self.tries.clear();
        self.unsettled.clear();
        self.swept.clear();
        self.drifts = super::drift::Examples::default();
        for round in 1..=self.settings.rounds_max.max(1) {
            self.report.rounds = round;
            let before = self.journal.head();
            self.cursors_moved = 0;
            if self.round(options, round == 1).await? {
                break;
            }
            if self.journal.head().0 == before.0 + self.cursors_moved {
                self.report.complete = true;
                break;
            }
        }
        self.stand(begun_at)?;
        self.tell_drifts();
        Ok(std::mem::take(&mut self.report))
    }

    /// One round; true where the sync ends here whatever the round brought.
    async fn round(&mut self, options: &SyncOptions, first: bool) -> Result<bool, EngineError> {
        if !options.plan_only {
            self.resolve_doubts().await?;
        }
        self.observe(options, first).await?;
        self.link_rows()?;
        let mut approved = false;
        let mut adopted = false;
        loop {
            self.decide_all()?;
            let plan = self.plan_only(options)?;
            let adopts = !options.plan_only && !adopted && !off(Switch::AdoptOrphans);
            if adopts && self.adopt_orphans(&plan)? {
                adopted = true;
                continue;
            }
            let violations = if approved {
                Vec::new()
            } else {
                check(&plan, self.state(), &self.settings.limits)
            };
            if options.plan_only || !violations.is_empty() {
                self.report.plan_hash = Some(plan.hash());
                self.report.complete = violations.is_empty() && self.report.problems.is_empty();
                self.report.violations = violations;
                self.report.plan = Some(plan);
                return Ok(true);
            }
            approved |= self.state().approved.contains(&plan.hash());
            if plan.commands.is_empty() {
                return Ok(false);
            }
            let before = self.journal.head();
            let tried = self.execute(plan).await?;
            if tried == 0 || self.journal.head() == before {
                return Ok(false);
            }
        }
    }

    /// Decides again what was decided before the record that it refers to was known: from then on the parent knows
    /// its child (LAWS 1.7 g, T1).
    fn adopt_orphans(&mut self, plan: &Plan) -> Result<bool, EngineError> {
        let orphan = |blocked: &Blocked| match blocked.why {
            BlockedBy::Parent(parent) => {
                let children = self.state().children.get(&parent);
                !children.is_some_and(|children| children.contains(&blocked.record))
            }
            BlockedBy::UnknownParent(_) | BlockedBy::Refused(_) => false,
        };
        let orphans: BTreeSet<RecordId> =
            plan.blocked.iter().filter(|one| orphan(one)).map(|one| one.record).collect();
        let before = self.journal.head();
        let mut batch = Decided::default();
        for id in orphans {
            let decided =
                decide(self.state(), &self.schema, &self.journal, id, self.policy.as_ref())?;
            if let Some(decided) = decided {
                batch.add(self, id, decided);
            }
        }
        self.append_decided(batch)?;
        Ok(self.journal.head() != before)
    }

    fn plan_only(&self, options: &SyncOptions) -> Result<Plan, EngineError> {
        let mut plan = plan(self.state(), &self.schema, &self.journal)?;
        if !options.only.is_empty() {
            plan.commands.retain(|planned| options.only.contains(&planned.command.entity));
        }
        plan.commands.retain(|planned| self.may_try(&planned.command));
        plan.commands.retain(|planned| {
            let command = &planned.command;
            let key = (command.entity.clone(), command.side.clone());
            command.operation != Operation::Create
                || !self.unread.contains(&key)
                || off(Switch::UnreadCreatesNothing)
        });
        // Batches are per side; entities keep their order, so parents still go first.
        Ok(plan)
    }

    fn link_rows(&mut self) -> Result<(), EngineError> {
        if off(Switch::ListAllFirst) {
            self.listed.extend(self.schema.entities.iter().map(|entity| entity.name.clone()));
        }
        let facts = link(self.state(), &self.listed);
        let linked = facts.iter().filter(|fact| matches!(fact, Fact::Linked { .. }));
        self.report.counts.linked += linked.count();
        self.journal.append_facts(self.clock.now(), facts)
    }

    fn decide_all(&mut self) -> Result<(), EngineError> {
        let order = decision_order(self.state(), &self.schema);
        if !order.is_empty() {
            self.progress.at(Stage::Deciding);
        }
        let mut batch = Decided::default();
        for id in order {
            // A decision about a deletion looks at other records' decisions: those go in one by one.
            let alone = self.state().record(id).is_some_and(|record| {
                record.slots.values().any(|s| s.presence == mizan_core::fold::Presence::Gone)
            });
            if alone || batch.outcome.facts.len() >= DECISIONS_PER_BATCH {
                self.append_decided(std::mem::take(&mut batch))?;
            }
            let decided =
                decide(self.state(), &self.schema, &self.journal, id, self.policy.as_ref())?;
            if let Some(decided) = decided {
                batch.add(self, id, decided);
            }
        }
        self.append_decided(batch)
    }

    /// Counts what is left.
    fn stand(&mut self, begun_at: Seq) -> Result<(), EngineError> {
        self.report.counts.events = self.journal.head().0 - begun_at.0;
        let blocked = plan(self.state(), &self.schema, &self.journal)?.blocked;
        let waiting = blocked.iter().filter(|blocked| match blocked.why {
            mizan_core::plan::BlockedBy::Parent(_)
            | mizan_core::plan::BlockedBy::UnknownParent(_) => true,
            mizan_core::plan::BlockedBy::Refused(_) => false,
        });
        let blocked = waiting.count();
        if !self.state().pending.is_empty() {
            let doubts = std::mem::take(&mut self.report.recovered);
            self.report.problems.extend(doubts);
        }
        // What was not read may be owed something, or be what is owed.
        self.report.complete &= self.report.problems.is_empty() && self.unread.is_empty();
        let state = self.journal.state();
        self.report.standing = Standing {
            conflicts: state.conflicts.len(),
            parked: state.parked.len(),
            refused: state.refused.len(),
            in_doubt: state.pending.len(),
            unreadable: state.unreadable.len(),
            blocked,
            set_aside: state.records.iter().filter(|one| !one.skipped.is_empty()).count(),
        };
        Ok(())
    }
}
