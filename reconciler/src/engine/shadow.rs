//! Shadow: other rules are asked beside those in force, and nothing follows from their answers (LAWS 3.4).

use super::{Engine, EngineError, Journal};
use crate::what_if::{Answer, Compared};
use mizan_core::bodies::Outcome;
use mizan_core::compare::aligned;
use mizan_core::decide::decide;
use mizan_core::event::{Decision, FieldDecision, Found};
use mizan_core::policy::Policy;
use mizan_core::{ContentHash, Entity, Fact, Name, RecordId, Schema, Seq};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rules that run beside.
pub(super) struct Shadow {
    schema: Schema,
    policy: Arc<dyn Policy>,
    /// Each entity's rules as bytes, with their hash: kept in the log beside what they would have decided.
    rules: BTreeMap<Name, (ContentHash, Vec<u8>)>,
}

/// Decisions that go into one batch, and what the rules beside make of them.
#[derive(Default)]
pub(super) struct Decided {
    pub(super) outcome: Outcome,
    /// By the place of the decision among the facts.
    beside: Vec<(usize, Beside)>,
}

/// What the rules beside would have decided.
struct Beside {
    record: RecordId,
    entity: Name,
    policy: Name,
    fields: Vec<FieldDecision>,
    life: mizan_core::event::Life,
}

impl Decided {
    pub(super) fn add(&mut self, engine: &Engine, id: RecordId, decided: Outcome) {
        let at = self.outcome.facts.len();
        if let Some(shadow) = &engine.shadow
            && let Some(Fact::Decided { decision, .. }) = decided.facts.first()
            && let Some(beside) = shadow.asked(&engine.journal, id, decision)
        {
            self.beside.push((at, beside));
        }
        self.outcome.extend(decided);
    }
}

impl Shadow {
    /// What the rules beside make of a record, where something else would follow from it. What they cannot be asked is
    /// passed over: they never stand in the way.
    fn asked(&self, journal: &Journal, id: RecordId, decision: &Decision) -> Option<Beside> {
        let state = journal.state();
        let entity = self.schema.entity(&state.record(id)?.entity)?;
        let outcome = decide(state, &self.schema, journal, id, self.policy.as_ref()).ok()??;
        let fresh = outcome.images.iter().map(|body| (body.hash, &body.image)).collect();
        let Some(Fact::Decided { decision: other, .. }) = outcome.facts.first() else {
            return None;
        };
        let answer = Answer { images: journal, fresh: &fresh, entity };
        let compared = Compared::of(&answer, Seq(0), decision, other);
        compared.effect.then(|| Beside {
            record: id,
            entity: entity.name.clone(),
            policy: self.policy.id(),
            fields: compared.fields.iter().map(|change| told(other, change)).collect(),
            life: other.life,
        })
    }
}

/// A field as the rules beside decide it; one that was simply taken has no decision of its own.
fn told(other: &Decision, change: &crate::what_if::FieldChange) -> FieldDecision {
    let known = other.fields.iter().find(|one| one.field == change.field);
    known.cloned().unwrap_or_else(|| FieldDecision {
        field: change.field.clone(),
        found: Found::Owner,
        winner: change.other.winner.clone(),
        value: change.other_value.clone(),
        losers: Vec::new(),
    })
}

impl Engine {
    /// Asks other rules beside those in force about every decision from now on: where something else would follow from
    /// their answer, a [`Fact::Shadowed`] says so. No command of theirs is ever made.
    ///
    /// `schema` has the entities and fields of the engine's own; what it does not have is not asked about.
    pub fn shadow(&mut self, schema: &Schema, policy: Arc<dyn Policy>) {
        let rules =
            |entity: &Entity| (entity.name.clone(), (entity.params_hash(), entity.params()));
        self.shadow = Some(Shadow {
            schema: aligned(schema, self.journal.state()),
            policy,
            rules: schema.entities.iter().map(rules).collect(),
        });
    }

    pub(super) fn append_decided(&mut self, decided: Decided) -> Result<(), EngineError> {
        let Decided { mut outcome, beside } = decided;
        self.report.counts.decided += outcome.facts.len();
        self.report.counts.shadowed += beside.len();
        let head = self.journal.head().0;
        let mut bodies = Vec::new();
        for (at, Beside { record, entity, policy, fields, life }) in beside {
            let rules = self.shadow.as_ref().and_then(|shadow| shadow.rules.get(&entity));
            let Some((params, bytes)) = rules else { continue };
            if !bodies.iter().any(|(known, _)| known == params) {
                bodies.push((*params, bytes.clone()));
            }
            let (decided, params) = (Seq(head + 1 + at as u64), *params);
            outcome.facts.push(Fact::Shadowed { record, decided, policy, params, fields, life });
        }
        self.journal.append_beside(self.clock.now(), outcome, bodies)
    }
}
