//! Verify: every recorded decision and every intent computed again from the state before it (L3, L6, L20, L51).

mod decisions;
mod intents;
mod vectors;

use super::differ::Difference;
use super::images::Images;
use super::registry::PolicyRegistry;
use super::rules::RulesUnknown;
use super::walk::Walk;
use crate::engine::{EngineError, Journal};
use decisions::Decisions;
use intents::{Intents, Leftover};
use mizan_core::bodies::MissingBody;
use mizan_core::event::Event;
use mizan_core::{ContentHash, Fact, Name, RecordId, Schema, Seq};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use vectors::Vectors;

/// Findings that a report lists; beyond them it only counts.
const LISTED_MAX: usize = 1_000;

/// Events between two words about how far it is.
const TOLD_EVERY: u64 = 4_096;

/// Why something cannot be computed again; none of these is a failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "because", content = "what")]
pub enum Unverifiable {
    /// The policy of that name and version is not registered here.
    Policy(Name),
    /// The entity's rules of then are not known.
    Rules {
        /// The entity.
        entity: Name,
        /// Why.
        why: RulesUnknown,
    },
    /// Contents that were decided on were erased.
    Erased,
    /// Contents that were decided on are not there, and no event says that they were erased.
    Missing,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The same came out.
    pub confirmed: u64,
    /// Something else came out.
    pub differs: u64,
    /// They could not be computed.
    pub unverifiable: u64,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.confirmed + self.differs + self.unverifiable
    }
}

/// What is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A decision (L3).
    Decided,
    /// An intent (L51).
    Intent,
}

/// Something that did not come out as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The event.
    pub seq: Seq,
    /// What it is.
    pub kind: Kind,
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// In what it differs.
    pub differences: Vec<Difference>,
    /// Asked twice, the policy gave two answers: it is no function (L22).
    pub unsteady: bool,
}

/// A cause for which things could not be computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Which.
    pub why: Unverifiable,
    /// How many decisions and intents.
    pub count: u64,
    /// The first of them.
    pub first: Seq,
}

/// What computing a whole log again said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The events gone through; each outcome among them had its intent before it (L6).
    pub events: u64,
    /// Decisions (L3).
    pub decisions: Tally,
    /// The decisions in which two sides disagreed about a field.
    pub conflicts: u64,
    /// Intents (L51).
    pub intents: Tally,
    /// What came out otherwise, oldest first; at most a thousand, the tallies have all.
    pub findings: Vec<Finding>,
    /// Why things could not be computed.
    pub causes: Vec<Cause>,
    /// Events after which a record knew less than before (L20).
    pub forgotten: Vec<Seq>,
}

impl Verification {
    /// True where nothing came out otherwise; what could not be computed is no objection.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.decisions.differs == 0 && self.intents.differs == 0 && self.forgotten.is_empty()
    }
}

/// Computes every decision and every intent of a log again.
///
/// A decision is computed twice where a policy of the user's own was asked: one whose answers depend on anything but
/// its arguments shows itself. `current` stands in for rules that the log has not kept; `told` hears how far it is.
///
/// ```
/// use mizan::engine::Journal;
/// use mizan::replay::{PolicyRegistry, verify};
/// use mizan::store::MemoryLog;
///
/// let journal = Journal::open(Box::new(MemoryLog::default()))?;
/// let verified = verify(&journal, None, &PolicyRegistry::default(), &mut |_| {})?;
/// assert!(verified.holds());
/// # Ok::<(), mizan::EngineError>(())
/// ```
///
/// # Errors
/// When an event cannot be read or does not follow, which includes an outcome without an intent before it (L6).
pub fn verify(
    journal: &Journal,
    current: Option<&Schema>,
    registry: &PolicyRegistry,
    told: &mut dyn FnMut(Seq),
) -> Result<Verification, EngineError> {
    let images = Images::of(journal);
    let mut court = Court::default();
    let mut decisions = Decisions::new(registry);
    let (mut intents, mut vectors) = (Intents::default(), Vectors::default());
    let (state, _) = walk(journal, current).each(&mut |step| {
        if step.event.seq.0.is_multiple_of(TOLD_EVERY) {
            told(step.event.seq);
        }
        court.hear(step.event);
        vectors.step(step, &mut court);
        decisions.step(step, &images, &mut court);
        intents.step(step, &images, &mut court);
        Ok(ControlFlow::Continue(()))
    })?;
    vectors.end(&state, &mut court);
    decisions.close(&mut court);
    let mut left = intents.left();
    if !left.is_empty() {
        // A plan is carried out in parts: what was true when it was made need not be true when a later part leaves.
        walk(journal, current).each(&mut |step| {
            left.retain(|one| !one.planned_at(step, &images));
            let more = !left.is_empty();
            Ok(if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    Ok(court.close(left, intents.confirmed()))
}

fn walk<'a>(journal: &'a Journal, current: Option<&'a Schema>) -> Walk<'a> {
    match current {
        Some(schema) => Walk::over(journal).with(schema),
        None => Walk::over(journal),
    }
}

/// Who and what a judgement is about.
#[derive(Clone, Debug)]
struct Case {
    seq: Seq,
    kind: Kind,
    record: RecordId,
    entity: Name,
}

/// What became of computing one thing again.
enum Verdict {
    Confirmed,
    Differs { differences: Vec<Difference>, unsteady: bool },
    Unverifiable(Unverifiable),
    Lacks(MissingBody),
}

/// Collects judgements. What was erased may be known only at the end, so they are final only then.
#[derive(Default)]
struct Court {
    report: Verification,
    findings: Vec<(Case, Verdict)>,
    erased: BTreeSet<ContentHash>,
    erased_events: BTreeSet<Seq>,
}

impl Court {
    fn hear(&mut self, event: &Event) {
        self.report.events += 1;
        if let Fact::Erased { events, bodies, .. } = &event.fact {
            self.erased.extend(bodies);
            self.erased_events.extend(events);
        }
    }

    fn judge(&mut self, case: Case, verdict: Verdict) {
        match verdict {
            Verdict::Confirmed => self.tally(case.kind).confirmed += 1,
            Verdict::Differs { .. } | Verdict::Unverifiable(_) | Verdict::Lacks(_) => {
                self.findings.push((case, verdict));
            }
        }
    }

    fn tally(&mut self, kind: Kind) -> &mut Tally {
        match kind {
            Kind::Decided => &mut self.report.decisions,
            Kind::Intent => &mut self.report.intents,
        }
    }

    fn close(mut self, left: Vec<Leftover>, later: u64) -> Verification {
        // Those that a second look confirmed are neither left nor judged yet.
        self.report.intents.confirmed += later - left.len() as u64;
        let mut findings = std::mem::take(&mut self.findings);
        findings.extend(left.into_iter().map(Leftover::verdict));
        findings.sort_by_key(|(case, _)| case.seq);
        let mut causes: BTreeMap<Unverifiable, (u64, Seq)> = BTreeMap::new();
        for (case, verdict) in findings {
            let why = match verdict {
                Verdict::Confirmed => continue,
                Verdict::Differs { .. } if self.erased_events.contains(&case.seq) => {
                    Unverifiable::Erased
                }
                Verdict::Differs { differences, unsteady } => {
                    self.tally(case.kind).differs += 1;
                    if self.report.findings.len() < LISTED_MAX {
                        let Case { seq, kind, record, entity } = case;
                        let finding = Finding { seq, kind, record, entity, differences, unsteady };
                        self.report.findings.push(finding);
                    }
                    continue;
                }
                Verdict::Unverifiable(why) => why,
                Verdict::Lacks(MissingBody(hash)) if self.erased.contains(&hash) => {
                    Unverifiable::Erased
                }
                Verdict::Lacks(_) => Unverifiable::Missing,
            };
            self.tally(case.kind).unverifiable += 1;
            causes.entry(why).or_insert((0, case.seq)).0 += 1;
        }
        let causes = causes.into_iter();
        self.report.causes =
            causes.map(|(why, (count, first))| Cause { why, count, first }).collect();
        self.report
    }
}
