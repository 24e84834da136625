//! Doubt: commands without an outcome are resolved by evidence, before anything else is read or written (L39).

use super::execute::ShownBy;
use super::observe::shown;
use super::{Engine, EngineError};
use mizan_adapters::{Adapter, Answer, Fault, Fetched, Order, Probe};
use mizan_core::ablate::{Switch, off};
use mizan_core::bodies::{Outcome, image_of};
use mizan_core::compare::is_counter;
use mizan_core::event::{ParkedFor, Subject, Undone};
use mizan_core::fold::Pending;
use mizan_core::settle::{RowTrace, Trace, create_in_doubt, update_in_doubt};
use mizan_core::{Entity, Fact, Image, Operation};
use std::sync::Arc;

/// How long a write may take effect after its answer was missed, where the configuration says nothing.
const VISIBILITY_MS: i64 = 60_000;

/// One doubt and what is needed to resolve it.
struct Doubt {
    pending: Pending,
    entity: Entity,
    adapter: Arc<dyn Adapter>,
    sent: Image,
    /// The write can no longer take effect unseen.
    late: bool,
    /// Even a first request whose repetition was answered otherwise can no longer take effect.
    overdue: bool,
}

impl Engine {
    /// Resolves what can be resolved; the rest stays in doubt and keeps only its own stream back.
    pub(super) async fn resolve_doubts(&mut self) -> Result<(), EngineError> {
        let pending: Vec<Pending> = self.state().pending.values().cloned().collect();
        for pending in pending {
            let side = pending.command.side.clone();
            if self.down.contains(&side) {
                continue;
            }
            let Some(adapter) = self.adapter(&side) else { continue };
            let Some(entity) = self.schema.entity(&pending.command.entity).cloned() else {
                continue;
            };
            let sent = image_of(&self.journal, &pending.command.set)?;
            let bound = self.settings.visibility_ms.get(&side).copied().unwrap_or(VISIBILITY_MS);
            // Where a repeated command has one effect, a late first one changes nothing.
            let repeats = adapter.capabilities(&entity.name).idempotent;
            let overdue = self.clock.now().0 >= pending.since.0 + bound;
            let late = repeats || overdue || off(Switch::WaitForLate);
            let doubt = Doubt { pending, entity, adapter, sent, late, overdue };
            match self.resolve(&doubt).await? {
                Ok(None) => {}
                Ok(Some(outcome)) => {
                    self.report.counts.doubts_resolved += 1;
                    if outcome.facts.iter().any(|fact| matches!(fact, Fact::Done { .. })) {
                        self.count_done(&doubt.pending.command.operation);
                    }
                    self.journal.append(self.clock.now(), outcome)?;
                }
                Err(fault) => self.trouble(&side, Some(&doubt.entity.name), &fault),
            }
        }
        Ok(())
    }

    async fn resolve(
        &mut self,
        doubt: &Doubt,
    ) -> Result<Result<Option<Outcome>, Fault>, EngineError> {
        let capabilities = doubt.adapter.capabilities(&doubt.entity.name);
        if capabilities.idempotent {
            return self.repeat(doubt).await;
        }
        match &doubt.pending.command.operation {
            Operation::Create => self.resolve_create(doubt).await,
            Operation::Update { ext, .. } | Operation::Delete { ext, .. } => {
                let ticket = self.journal.head();
                let fetched = match doubt.adapter.get(&doubt.entity.name, ext).await {
                    Ok(fetched) => fetched,
                    Err(fault) => return Ok(Err(fault)),
                };
                Ok(Ok(self.resolve_row(doubt, fetched, ticket, RowTrace::None)?))
            }
        }
    }

    async fn resolve_create(
        &mut self,
        doubt: &Doubt,
    ) -> Result<Result<Option<Outcome>, Fault>, EngineError> {
        let capabilities = doubt.adapter.capabilities(&doubt.entity.name);
        let command = &doubt.pending.command;
        let marker = command.marker();
        let keyed = doubt.entity.key_of(&doubt.sent).is_some();
        let found = if (capabilities.marker && off(Switch::MarkerSearch))
            || (!capabilities.marker && off(Switch::KeySearch))
        {
            Ok(Vec::new())
        } else if capabilities.marker {
            doubt.adapter.find(&doubt.entity.name, Probe::Marker(&marker)).await
        } else if capabilities.find_by_key && keyed {
            doubt.adapter.find(&doubt.entity.name, Probe::Key(&doubt.sent)).await
        } else {
            let subject = Subject::Record(command.record);
            let why = Undone::NotApplied;
            let facts = vec![
                Fact::Withdrawn { command: command.id, why },
                Fact::Parked { subject, why: ParkedFor::Undecidable },
            ];
            return Ok(Ok(Some(Outcome { facts, images: Vec::new() })));
        };
        let rows = match found {
            Ok(rows) => rows.into_iter().map(shown).collect(),
            Err(fault) => return Ok(Err(fault)),
        };
        // With a unique key a second create is refused if the first arrives late, so it may be sent at once.
        let conclusive = doubt.late || capabilities.unique_key;
        let trace = Trace { rows, conclusive, marked: capabilities.marker };
        let (state, journal) = (self.state(), &self.journal);
        Ok(Ok(create_in_doubt(state, &doubt.entity, journal, command, &doubt.sent, trace)?))
    }

    fn resolve_row(
        &self,
        doubt: &Doubt,
        fetched: Fetched,
        ticket: mizan_core::Seq,
        trace: RowTrace,
    ) -> Result<Option<Outcome>, EngineError> {
        let command = &doubt.pending.command;
        let deletes = matches!(command.operation, Operation::Delete { .. });
        let Some(ext) = command.operation.ext() else { return Ok(None) };
        match fetched {
            Fetched::NotFound if deletes => {
                Ok(Some(Outcome::fact(Fact::Deleted { command: command.id })))
            }
            Fetched::NotFound => {
                let why = Undone::Gone;
                let mut outcome = Outcome::fact(Fact::Withdrawn { command: command.id, why });
                let gone = Fetched::NotFound;
                outcome.extend(self.fetched(&doubt.entity, &command.side, ext, gone, ticket)?);
                Ok(Some(outcome))
            }
            Fetched::Found(row) if deletes => {
                if !doubt.late {
                    return Ok(None);
                }
                let why = Undone::NotApplied;
                let mut outcome = Outcome::fact(Fact::Withdrawn { command: command.id, why });
                let found = Fetched::Found(row);
                outcome.extend(self.fetched(&doubt.entity, &command.side, ext, found, ticket)?);
                Ok(Some(outcome))
            }
            Fetched::Found(row) => {
                let ours = row.marker.as_deref() == Some(command.marker().as_str());
                let trace = if ours { RowTrace::Ours } else { trace };
                let again = row.clone();
                let mut outcome = update_in_doubt(
                    self.state(),
                    &doubt.entity,
                    &self.journal,
                    command,
                    &doubt.sent,
                    shown(row),
                    trace,
                )?;
                let withdrawn =
                    outcome.facts.iter().any(|fact| matches!(fact, Fact::Withdrawn { .. }));
                if withdrawn {
                    if !doubt.late {
                        return Ok(None);
                    }
                    // What the row shows instead of ours is news.
                    let (side, found) = (&command.side, Fetched::Found(again));
                    outcome.extend(self.fetched(&doubt.entity, side, ext, found, ticket)?);
                }
                Ok(Some(outcome))
            }
        }
    }

    /// True where the command sets a counter.
    fn moves(doubt: &Doubt) -> bool {
        let fields = doubt.pending.command.fields;
        fields.iter().any(|bit| doubt.entity.fields.get(bit).is_some_and(is_counter))
    }

    /// The side takes the same command twice with one effect: it is sent again, and the answer is the evidence.
    async fn repeat(
        &mut self,
        doubt: &Doubt,
    ) -> Result<Result<Option<Outcome>, Fault>, EngineError> {
        let command = &doubt.pending.command;
        let expect = match &command.operation {
            Operation::Create => None,
            Operation::Update { .. } | Operation::Delete { .. } if off(Switch::Expect) => None,
            Operation::Update { expect, .. } | Operation::Delete { expect, .. } => {
                Some(image_of(&self.journal, expect)?)
            }
        };
        let order = Order { command, set: &doubt.sent, expect: expect.as_ref() };
        let answer = match doubt.adapter.execute(order).await {
            Ok(answer) => answer,
            Err(fault) => return Ok(Err(fault)),
        };
        match answer {
            // Should the row become again what the first request expects, that could still be carried out, and a
            // movement planned anew would be made twice.
            Answer::Changed(_) if !doubt.overdue && Self::moves(doubt) => Ok(Ok(None)),
            Answer::Changed(row) => {
                let ticket = self.journal.head();
                let row = Fetched::Found(row);
                self.resolve_row(doubt, row, ticket, RowTrace::Refused).map(Ok)
            }
            // The first request may be what stands in the way, and still be carried out.
            Answer::Refused { .. } if !doubt.overdue => Ok(Ok(None)),
            answer => {
                let planned =
                    mizan_core::plan::Planned { command: command.clone(), set: doubt.sent.clone() };
                let mut parents = Vec::new();
                let outcome = self.judge(&planned, Ok(answer), ShownBy::LaterRead, &mut parents)?;
                Ok(Ok(Some(outcome)))
            }
        }
    }
}
