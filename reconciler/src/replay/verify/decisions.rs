//! Decisions, computed again from the state before them (L3).

use super::{Case, Court, Kind, Unverifiable, Verdict};
use crate::replay::differ::{Differ, Difference};
use crate::replay::images::Images;
use crate::replay::registry::{PolicyRegistry, Recorded};
use crate::replay::rules::Then;
use crate::replay::walk::Step;
use mizan_core::bodies::Outcome;
use mizan_core::decide::decide;
use mizan_core::event::Decision;
use mizan_core::{Entity, Fact, Name, RecordId, Schema};
use std::collections::{BTreeMap, VecDeque};

/// A decision whose copies may still follow.
struct Open {
    case: Case,
    differences: Vec<Difference>,
    unsteady: bool,
    copies: VecDeque<Fact>,
}

pub(super) struct Decisions<'a> {
    registry: &'a PolicyRegistry,
    policies: BTreeMap<Name, Recorded>,
    open: Option<Open>,
}

impl<'a> Decisions<'a> {
    pub(super) fn new(registry: &'a PolicyRegistry) -> Self {
        Self { registry, policies: BTreeMap::new(), open: None }
    }

    pub(super) fn step(&mut self, step: &Step<'_>, images: &Images<'_>, court: &mut Court) {
        if let Fact::Forked { .. } = &step.event.fact {
            if let Some(open) = &mut self.open {
                let now = open.copies.pop_front();
                note_copy(open, Some(&step.event.fact), now.as_ref());
            }
            return;
        }
        self.close(court);
        let Fact::Decided { record, decision } = &step.event.fact else { return };
        if decision.fields.iter().any(|field| field.found.is_conflict()) {
            court.report.conflicts += 1;
        }
        let Some(entity) = step.before.record(*record).map(|record| record.entity.clone()) else {
            return;
        };
        let case = Case { seq: step.event.seq, kind: Kind::Decided, record: *record, entity };
        match self.again(step, *record, decision, &case.entity, images) {
            Ok((differences, unsteady, copies)) => {
                self.open = Some(Open { case, differences, unsteady, copies });
            }
            Err(verdict) => court.judge(case, verdict),
        }
    }

    /// The last decision is whole: what it said about copies has been seen.
    pub(super) fn close(&mut self, court: &mut Court) {
        let Some(mut open) = self.open.take() else { return };
        while let Some(now) = open.copies.pop_front() {
            note_copy(&mut open, None, Some(&now));
        }
        let Open { case, differences, unsteady, .. } = open;
        let verdict = match differences.is_empty() {
            true => Verdict::Confirmed,
            false => Verdict::Differs { differences, unsteady },
        };
        court.judge(case, verdict);
    }

    fn again(
        &mut self,
        step: &Step<'_>,
        record: RecordId,
        decision: &Decision,
        entity: &Name,
        images: &Images<'_>,
    ) -> Result<(Vec<Difference>, bool, VecDeque<Fact>), Verdict> {
        let then = step.rules.of(entity);
        let schema = known(then, entity)?;
        let policy = self
            .policies
            .entry(decision.policy.clone())
            .or_insert_with(|| self.registry.recorded(&decision.policy));
        policy.begin();
        let ask = |policy: &Recorded| {
            decide(step.before, schema, images, record, policy).map_err(Verdict::Lacks)
        };
        let mut outcome = ask(policy)?;
        if let Some(missing) = policy.missing() {
            return Err(Verdict::Unverifiable(Unverifiable::Policy(missing)));
        }
        let mut unsteady = false;
        if policy.asked_own() {
            let second = ask(policy)?;
            unsteady = second != outcome;
            // A policy that was right by chance is told by the time that it was not.
            if unsteady && same(outcome.as_ref(), record, decision) {
                outcome = second;
            }
        }
        let mut differ = Differ::new(schema.entities.first());
        let in_force = then.map(|then| then.policy.to_string()).unwrap_or_default();
        differ.text("policy in force", decision.policy.to_string(), in_force);
        compare(&mut differ, images, outcome.as_ref(), decision);
        let copies = outcome.map(|outcome| outcome.facts.into_iter().skip(1).collect());
        Ok((differ.found(), unsteady, copies.unwrap_or_default()))
    }
}

/// The rules of an entity at a step, as a schema of it alone.
pub(super) fn known<'a>(then: Option<&'a Then>, entity: &Name) -> Result<&'a Schema, Verdict> {
    let why = match then.map(|then| then.schema.as_ref()) {
        Some(Ok(schema)) => return Ok(schema),
        Some(Err(why)) => *why,
        None => crate::replay::rules::RulesUnknown::NotKept,
    };
    Err(Verdict::Unverifiable(Unverifiable::Rules { entity: entity.clone(), why }))
}

fn decided_in(outcome: Option<&Outcome>) -> Option<&Decision> {
    outcome?.facts.iter().find_map(|fact| {
        if let Fact::Decided { decision, .. } = fact { Some(decision) } else { None }
    })
}

fn same(outcome: Option<&Outcome>, record: RecordId, decision: &Decision) -> bool {
    let again = outcome.and_then(|outcome| outcome.facts.first());
    matches!(again, Some(Fact::Decided { record: id, decision: now }) if *id == record && now == decision)
}

fn compare(
    differ: &mut Differ<'_>,
    images: &Images<'_>,
    outcome: Option<&Outcome>,
    recorded: &Decision,
) {
    match (outcome, decided_in(outcome)) {
        (_, Some(now)) if now == recorded => {}
        (Some(outcome), Some(now)) => {
            let fresh = outcome.images.iter().map(|body| (body.hash, &body.image)).collect();
            differ.decisions(images, recorded, now, &fresh);
        }
        (Some(_) | None, _) => {
            let waits = "none: the record waits for an outcome or a person".to_owned();
            differ.text("decision", "one was taken".to_owned(), waits);
        }
    }
}

fn note_copy(open: &mut Open, recorded: Option<&Fact>, now: Option<&Fact>) {
    let mut differ = Differ::new(None::<&Entity>);
    differ.copies(recorded, now);
    open.differences.extend(differ.found());
}
