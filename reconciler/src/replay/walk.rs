//! Walk: every event of a log with the state before it.

use super::rules::Rules;
use crate::engine::{EngineError, Journal};
use mizan_core::fold::{State, fold};
use mizan_core::{Event, Schema, Seq};
use std::ops::ControlFlow;

/// One event of a walk.
pub struct Step<'a> {
    /// The event.
    pub event: &'a Event,
    /// The state that it was appended to.
    pub before: &'a State,
    /// The rules that were in force.
    pub rules: &'a Rules,
}

/// Goes through a log from its first event on.
///
/// ```
/// use mizan::engine::Journal;
/// use mizan::replay::Walk;
/// use mizan::core::{Fact, SideId, Timestamp};
/// use mizan::store::MemoryLog;
/// use std::ops::ControlFlow;
///
/// let mut journal = Journal::open(Box::new(MemoryLog::default()))?;
/// let fact = Fact::SideAttached { side: SideId::new("shop") };
/// journal.append_facts(Timestamp(0), vec![fact])?;
///
/// let mut kinds = Vec::new();
/// let walked = Walk::over(&journal).each(&mut |step| {
///     kinds.push((step.before.sides.len(), step.event.fact.kind()));
///     Ok(ControlFlow::Continue(()))
/// })?;
/// assert_eq!(kinds, [(0, "side_attached")]);
/// assert_eq!(walked.0.hash(), journal.state().hash());
/// # Ok::<(), mizan::EngineError>(())
/// ```
pub struct Walk<'a> {
    journal: &'a Journal,
    current: Option<&'a Schema>,
    to: Seq,
}

impl<'a> Walk<'a> {
    /// Goes through all of a log.
    #[must_use]
    pub fn over(journal: &'a Journal) -> Self {
        Self { journal, current: None, to: Seq(u64::MAX) }
    }

    /// Takes the configured rules where a log has not kept its own, and they are the same.
    #[must_use]
    pub fn with(mut self, current: &'a Schema) -> Self {
        self.current = Some(current);
        self
    }

    /// Stops after this position.
    #[must_use]
    pub fn to(mut self, to: Seq) -> Self {
        self.to = to;
        self
    }

    /// Shows each event to `visit`; returns the state after the last one that was gone through, and the rules then in
    /// force. A visitor that breaks has not let its event happen.
    ///
    /// # Errors
    /// When an event cannot be read or does not follow, and what `visit` fails with.
    pub fn each(
        self,
        visit: &mut dyn FnMut(&Step<'_>) -> Result<ControlFlow<()>, EngineError>,
    ) -> Result<(State, Rules), EngineError> {
        let (mut state, mut rules) = (State::default(), Rules::new(self.current));
        let (journal, to) = (self.journal, self.to);
        journal.try_each_event(Seq(0), &mut |event| {
            if event.seq > to {
                return Ok(ControlFlow::Break(()));
            }
            let step = Step { event, before: &state, rules: &rules };
            if visit(&step)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            fold(&mut state, event)?;
            rules.follow(event, &state, journal)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((state, rules))
    }

    /// The state after the last event, and the rules then in force (L54).
    ///
    /// # Errors
    /// As [`Walk::each`].
    pub fn end(self) -> Result<(State, Rules), EngineError> {
        self.each(&mut |_| Ok(ControlFlow::Continue(())))
    }
}
