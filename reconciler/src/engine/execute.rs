//! Execute: intents first, durable; then the writes; then what became of them.

use super::observe::shown;
use super::{Engine, EngineError, Problem, Stage};
use futures_util::StreamExt;
use mizan_adapters::{Adapter, Answer, Fault, Fetched, Order, Refusal, Row};
use mizan_core::ablate::{Switch, off};
use mizan_core::bodies::{Outcome, image_of};
use mizan_core::event::{RefusedBy, Undone};
use mizan_core::plan::{Plan, Planned};
use mizan_core::settle::done;
use mizan_core::{Command, Fact, Image, Operation, RecordId};
use std::sync::Arc;

/// Writes whose intents are made durable together, for each that a side carries out at the same time.
const BATCH_PER_SLOT: usize = 8;

/// A record whose commands came to nothing so often in one sync is left for the next.
const TRIES_MAX: u32 = 5;

/// What shows the row after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShownBy {
    /// The answer to the write: nobody can have touched the row in between.
    Answer,
    /// A later read, or the answer to a repetition: a user may have been quicker (LAWS 1.7 b, T2).
    LaterRead,
}

/// A write on its way, with everything that it needs.
struct Task {
    planned: Planned,
    expect: Option<Image>,
    adapter: Arc<dyn Adapter>,
}

impl Engine {
    /// Carries out a plan, in batches; returns how many commands were tried.
    pub(super) async fn execute(&mut self, plan: Plan) -> Result<usize, EngineError> {
        let of = plan.commands.len();
        let mut tried = 0;
        let mut left = plan.commands.into_iter().peekable();
        while let Some(first) = left.peek() {
            let side = first.command.side.clone();
            let Some(adapter) = self.adapter(&side) else { return Ok(tried) };
            let parallel = adapter.capabilities(&first.command.entity).parallel.max(1);
            let mut batch = Vec::new();
            while batch.len() < parallel * BATCH_PER_SLOT {
                let Some(planned) = left.next_if(|next| next.command.side == side) else { break };
                if self.may_try(&planned.command) {
                    batch.push(planned);
                }
            }
            tried += batch.len();
            self.run_batch(batch, adapter, parallel).await?;
            self.progress.at(Stage::Writing { done: of - left.len(), of });
        }
        Ok(tried)
    }

    pub(super) fn may_try(&self, command: &Command) -> bool {
        !self.down.contains(&command.side)
            && self.tries.get(&command.record).is_none_or(|tries| *tries < TRIES_MAX)
    }

    async fn run_batch(
        &mut self,
        batch: Vec<Planned>,
        adapter: Arc<dyn Adapter>,
        parallel: usize,
    ) -> Result<(), EngineError> {
        let mut intents = Outcome::default();
        let mut tasks = Vec::with_capacity(batch.len());
        for planned in batch {
            let expect = match &planned.command.operation {
                Operation::Create => None,
                Operation::Update { .. } | Operation::Delete { .. } if off(Switch::Expect) => None,
                Operation::Update { expect, .. } | Operation::Delete { expect, .. } => {
                    Some(image_of(&self.journal, expect)?)
                }
            };
            intents.keep(planned.set.clone());
            intents.facts.push(Fact::Intent { command: planned.command.clone() });
            tasks.push(Task { planned, expect, adapter: adapter.clone() });
        }
        // Durable before a byte leaves (L6).
        if !off(Switch::IntentFirst) {
            self.journal.append(self.clock.now(), std::mem::take(&mut intents))?;
        }
        let mut answers: Vec<_> = futures_util::stream::iter(tasks.into_iter().enumerate())
            .map(|(index, task)| async move {
                let (answer, shown) = send(&task).await;
                (index, answer, shown, task)
            })
            .buffer_unordered(parallel)
            .collect()
            .await;
        // Outcomes enter the log in the order of the commands, however the answers came.
        answers.sort_by_key(|(index, ..)| *index);
        self.journal.append(self.clock.now(), intents)?;
        let mut outcomes = Outcome::default();
        let mut parents = Vec::new();
        for (_, answer, shown, task) in answers {
            outcomes.extend(self.judge(&task.planned, answer, shown, &mut parents)?);
        }
        self.journal.append(self.clock.now(), outcomes)?;
        self.look_at(parents).await
    }

    /// Turns an answer into facts.
    pub(super) fn judge(
        &mut self,
        planned: &Planned,
        answer: Result<Answer, Fault>,
        shown_by: ShownBy,
        parents: &mut Vec<Command>,
    ) -> Result<Outcome, EngineError> {
        let (command, id) = (&planned.command, planned.command.id);
        let Some(entity) = self.schema.entity(&command.entity).cloned() else {
            return Ok(Outcome::default());
        };
        let withdrawn = |why| Outcome::fact(Fact::Withdrawn { command: id, why });
        if !went_as_planned(&answer, shown_by) {
            self.unsettled.insert(command.side.clone());
        }
        match answer {
            Ok(Answer::Done { ext, row }) => {
                self.count_done(&command.operation);
                let exact = row.is_some() && shown_by == ShownBy::Answer;
                let row = row.unwrap_or_else(|| Row {
                    ext,
                    image: planned.set.clone(),
                    stamp: None,
                    tag: None,
                    marker: None,
                });
                let row = shown(row);
                let (state, sent) = (self.state(), &planned.set);
                let outcome = done(state, &entity, &self.journal, command, sent, row, exact)?;
                self.note_drift(command, sent, &outcome);
                Ok(outcome)
            }
            Ok(Answer::Deleted) => {
                self.report.counts.deleted += 1;
                Ok(Outcome::fact(Fact::Deleted { command: id }))
            }
            Ok(Answer::Gone) => {
                self.came_to_nothing(command.record);
                let mut outcome = withdrawn(Undone::Gone);
                if let Some(ext) = command.operation.ext() {
                    let (side, ticket) = (&command.side, self.journal.head());
                    let gone = Fetched::NotFound;
                    outcome.extend(self.fetched(&entity, side, ext, gone, ticket)?);
                }
                Ok(outcome)
            }
            Ok(Answer::Changed(row)) => {
                self.came_to_nothing(command.record);
                let mut outcome = withdrawn(Undone::Changed);
                let ext = row.ext.clone();
                let (side, ticket) = (&command.side, self.journal.head());
                let found = Fetched::Found(row);
                outcome.extend(self.fetched(&entity, side, &ext, found, ticket)?);
                Ok(outcome)
            }
            Ok(Answer::Refused { why, message }) => {
                self.report.counts.refused += 1;
                if why == Refusal::BadReference {
                    parents.push(command.clone());
                }
                let why = refused_by(&why);
                Ok(Outcome::fact(Fact::Refused { command: id, why, message }))
            }
            Err(fault) => {
                self.trouble(&command.side, Some(&command.entity), &fault);
                Ok(match fault {
                    Fault::NotSent(_) | Fault::Unauthorized(_) => {
                        self.came_to_nothing(command.record);
                        withdrawn(Undone::NotSent)
                    }
                    Fault::InDoubt(_) | Fault::BadAnswer(_) if off(Switch::Doubt) => {
                        withdrawn(Undone::NotApplied)
                    }
                    // It may have been done: the intent stays open, and that is the record of it (L39).
                    Fault::InDoubt(_) | Fault::BadAnswer(_) => Outcome::default(),
                })
            }
        }
    }

    pub(super) fn count_done(&mut self, operation: &Operation) {
        match operation {
            Operation::Create => self.report.counts.created += 1,
            Operation::Update { .. } => self.report.counts.updated += 1,
            Operation::Delete { .. } => self.report.counts.deleted += 1,
        }
    }

    pub(super) fn came_to_nothing(&mut self, record: RecordId) {
        self.report.counts.withdrawn += 1;
        let tries = self.tries.entry(record).or_default();
        *tries += 1;
        if *tries == TRIES_MAX {
            let side = self.state().record(record).and_then(|r| r.slots.keys().next().cloned());
            if let Some(side) = side {
                let what = format!(
                    "record {record} changed under every write; it is left for the next sync"
                );
                self.report.problems.insert(Problem { side, entity: None, what });
            }
        }
    }

    /// A reference was refused: the parent may have been deleted there, so it is read again (T7).
    async fn look_at(&mut self, refused: Vec<Command>) -> Result<(), EngineError> {
        for command in refused.into_iter().filter(|_| !off(Switch::RereadParent)) {
            for parent in &command.refers_to {
                let Some(record) = self.state().record(*parent) else { continue };
                let (name, side) = (record.entity.clone(), &command.side);
                let Some(ext) = record.live_ext(side).cloned() else { continue };
                let Some(entity) = self.schema.entity(&name).cloned() else { continue };
                let Some(adapter) = self.adapter(side) else { continue };
                let ticket = self.journal.head();
                match adapter.get(&name, &ext).await {
                    Ok(fetched) => {
                        let outcome = self.fetched(&entity, side, &ext, fetched, ticket)?;
                        self.journal.append(self.clock.now(), outcome)?;
                    }
                    Err(fault) => self.trouble(side, Some(&name), &fault),
                }
            }
        }
        Ok(())
    }
}

fn refused_by(why: &Refusal) -> RefusedBy {
    match why {
        Refusal::KeyTaken(_) => RefusedBy::KeyTaken,
        Refusal::BadReference => RefusedBy::Reference,
        Refusal::Locked => RefusedBy::Locked,
        Refusal::Invalid => RefusedBy::Rules,
        Refusal::Unsupported => RefusedBy::Unsupported,
    }
}

/// True where the answer itself shows the row as the write left it, or that it is gone as wished.
fn went_as_planned(answer: &Result<Answer, Fault>, shown_by: ShownBy) -> bool {
    match answer {
        Ok(Answer::Done { row, .. }) => row.is_some() && shown_by == ShownBy::Answer,
        Ok(Answer::Deleted) => true,
        Ok(Answer::Gone | Answer::Changed(_) | Answer::Refused { .. }) | Err(_) => false,
    }
}

/// Sends one write, and reads the row where the answer does not carry it.
async fn send(task: &Task) -> (Result<Answer, Fault>, ShownBy) {
    let command = &task.planned.command;
    let order = Order { command, set: &task.planned.set, expect: task.expect.as_ref() };
    match task.adapter.execute(order).await {
        Ok(Answer::Done { ext, row: None }) => {
            let row = match task.adapter.get(&command.entity, &ext).await {
                Ok(Fetched::Found(row)) => Some(row),
                // The write was answered; what the row looks like now, the next listing will say.
                Ok(Fetched::NotFound) | Err(_) => None,
            };
            (Ok(Answer::Done { ext, row }), ShownBy::LaterRead)
        }
        answer => (answer, ShownBy::Answer),
    }
}
