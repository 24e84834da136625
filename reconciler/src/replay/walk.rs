//! Walk: every event of a log with the state before it.

use super::rules::Rules;
use crate::engine::{EngineError, Journal};
use chrono::{DateTime, NaiveDate};
use mizan_core::fold::{State, fold};
use mizan_core::{Event, Schema, Seq, Timestamp};
use std::ops::ControlFlow;
use std::str::FromStr;

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

/// A point of a log as a person names it: a position, or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// After this event.
    Seq(Seq),
    /// After everything that was appended up to this moment.
    Moment(Timestamp),
}

impl Position {
    /// Where that is in a log; beyond its end is its end.
    ///
    /// # Errors
    /// When an event cannot be read.
    pub fn of(self, journal: &Journal) -> Result<Seq, EngineError> {
        match self {
            Self::Seq(seq) => Ok(seq.min(journal.head())),
            Self::Moment(moment) => position_at(journal, moment),
        }
    }
}

/// What a person typed is neither a position nor a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no position of the log: write a number (`1234`), a day in UTC (`2026-03-01`, all of it), or a moment \
     (`2026-03-01T09:30:00Z`)"
)]
pub struct NoPosition(pub String);

impl FromStr for Position {
    type Err = NoPosition;

    /// ```
    /// use mizan::core::Seq;
    /// use mizan::replay::Position;
    /// assert_eq!("1234".parse(), Ok(Position::Seq(Seq(1234))));
    /// assert_eq!("2026-03-01".parse::<Position>(), "2026-03-01T23:59:59.999Z".parse());
    /// assert!("yesterday".parse::<Position>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(Seq(seq)));
        }
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Moment(Timestamp(moment.timestamp_millis())));
        }
        let day =
            text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_milli_opt(23, 59, 59, 999));
        let end = day.ok_or_else(|| NoPosition(text.to_owned()))?;
        Ok(Self::Moment(Timestamp(end.and_utc().timestamp_millis())))
    }
}

/// The last position that was appended at or before a moment (L54); 0 where everything came later.
///
/// A clock that was set back does not take events back with it: what follows a later event counts as later.
///
/// # Errors
/// When an event cannot be read.
pub fn position_at(journal: &Journal, moment: Timestamp) -> Result<Seq, EngineError> {
    let mut found = Seq(0);
    journal.try_each_event(Seq(0), &mut |event| {
        if event.at > moment {
            return Ok(ControlFlow::Break(()));
        }
        found = event.seq;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
