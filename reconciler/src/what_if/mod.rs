//! What-if: the decisions of a log as other rules would have taken them (LAWS 3.4).
//!
//! At each recorded decision the other rules are asked about the very state that the recorded ones were asked about.
//! Until the other answer has another effect, a record is in both worlds the same, and what is said of it is exact. From
//! then on the record is *tainted*: what its sides showed later was caused by commands that would not have been sent. It
//! is still compared, and counted apart as hypothetical, never as fact.

mod compare;
mod report;
mod simulate;
mod taint;

use crate::engine::{EngineError, Journal};
use crate::explain::label;
use crate::replay::{Images, Walk};
pub(crate) use compare::{Answer, Compared};
use mizan_core::compare::aligned;
use mizan_core::decide::decide;
use mizan_core::event::Decision;
use mizan_core::fold::{State, fold};
use mizan_core::policy::Policy;
use mizan_core::{Event, Fact, RecordId, Schema, Seq};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use taint::Taints;

pub use compare::{FieldChange, How};
pub use report::{
    Change, Commands, Counted, Divergence, Hypothetical, Money, NotComparable, WhatIf, comparable,
};

pub use simulate::{EndsOtherwise, Simulated, simulate};

/// Divergences that a report lists; the counts have all.
const LISTED_MAX: usize = 1_000;

/// Asks other rules at every recorded decision after `from`.
///
/// `other` must have the entities and fields of the log ([`comparable`]); it is asked with the changes that the log
/// recorded, so that rules about who wins are exact, and rules about what a side makes of values are as they were.
///
/// ```
/// use mizan::engine::Journal;
/// use mizan::what_if::what_if;
/// use mizan::core::policy::Declared;
/// use mizan::core::{Schema, Seq};
/// use mizan::store::MemoryLog;
///
/// let journal = Journal::open(Box::new(MemoryLog::default()))?;
/// let report = what_if(&journal, &Schema::default(), &Declared, Seq(0), &mut |_| {})?;
/// assert_eq!(report.compared, 0);
/// # Ok::<(), mizan::EngineError>(())
/// ```
///
/// # Errors
/// When the log cannot be read or folded.
pub fn what_if(
    journal: &Journal,
    other: &Schema,
    policy: &dyn Policy,
    from: Seq,
    told: &mut dyn FnMut(Seq),
) -> Result<WhatIf, EngineError> {
    let images = Images::of(journal);
    let mut asked = Asked {
        images: &images,
        other,
        schema: other.clone(),
        policy,
        from,
        state: State::default(),
        taints: Taints::default(),
        last: None,
        report: WhatIf::begin(from, policy.id()),
    };
    Walk::over(journal).each(&mut |step| {
        if step.event.seq.0.is_multiple_of(4_096) {
            told(step.event.seq);
        }
        asked.step(step.event)?;
        Ok(ControlFlow::Continue(()))
    })?;
    asked.close();
    let Asked { taints, mut report, schema, .. } = asked;
    report.to = journal.head();
    (report.diverged, report.referring) = taints.counts();
    let name = |record: RecordId| label(journal.state(), &schema, &images, record);
    report.finish(&name);
    Ok(report)
}

/// A decision whose copies may still follow.
struct Open {
    record: RecordId,
    compared: Compared,
    /// The copies that the other rules would make.
    copies: usize,
    recorded_copies: usize,
}

/// The other rules on their way through a log.
struct Asked<'a> {
    images: &'a Images<'a>,
    other: &'a Schema,
    /// The same in the log's order of fields, as far as it is declared.
    schema: Schema,
    policy: &'a dyn Policy,
    from: Seq,
    /// The log's state, with the clocks noted as the other rules note them.
    state: State,
    taints: Taints,
    last: Option<Open>,
    report: WhatIf,
}

impl Asked<'_> {
    fn step(&mut self, event: &Event) -> Result<(), EngineError> {
        if let Fact::Forked { .. } = &event.fact {
            if let Some(last) = &mut self.last {
                last.recorded_copies += 1;
            }
        } else {
            self.close();
        }
        self.taints.follow(&self.state, event);
        let mut folded = None;
        if let Fact::Decided { record, decision } = &event.fact
            && event.seq > self.from
        {
            folded = self.decided(event, *record, decision);
        }
        fold(&mut self.state, folded.as_ref().unwrap_or(event))?;
        if let Fact::EntityDeclared { .. } = &event.fact {
            self.schema = aligned(self.other, &self.state);
        }
        Ok(())
    }

    /// Asks about one decision; returns the event as it is folded, with what the other rules note of clocks.
    fn decided(&mut self, event: &Event, id: RecordId, recorded: &Decision) -> Option<Event> {
        let entity = &self.state.record(id)?.entity;
        let entity = self.schema.entity(entity)?.clone();
        self.taints.by_reference(&self.state, id, recorded, event.seq);
        let answer = decide(&self.state, &self.schema, self.images, id, self.policy);
        let Some(outcome) = answer.ok().flatten() else {
            self.report.unknown += 1;
            return None;
        };
        let copies = outcome.facts.len().saturating_sub(1);
        let fresh: BTreeMap<_, _> =
            outcome.images.iter().map(|body| (body.hash, &body.image)).collect();
        let Some(Fact::Decided { decision: other, .. }) = outcome.facts.first() else {
            return None;
        };
        let answer = Answer { images: self.images, fresh: &fresh, entity: &entity };
        let compared = Compared::of(&answer, event.seq, recorded, other);
        let same_stamps = recorded.stamps == other.stamps;
        let mut folded = None;
        if !same_stamps && !compared.effect && !self.taints.is(id) {
            let decision = Decision { stamps: other.stamps.clone(), ..recorded.clone() };
            folded = Some(Event { fact: Fact::Decided { record: id, decision }, ..event.clone() });
        }
        self.last = Some(Open { record: id, compared, copies, recorded_copies: 0 });
        folded
    }

    /// The last decision is whole: it counts.
    fn close(&mut self) {
        let Some(open) = self.last.take() else { return };
        let Open { record, mut compared, copies, recorded_copies } = open;
        compared.effect |= copies != recorded_copies;
        if self.taints.is(record) {
            self.report.suppose(&compared);
            return;
        }
        self.report.count(&compared);
        if compared.effect {
            self.taints.diverged(record, compared.at, compared.life.is_some());
            self.report.diverge(record, compared, LISTED_MAX);
        }
    }
}
