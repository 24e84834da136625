//! The sliding window behind the limiter, without tasks and sleeping: moments in, decisions out.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The grain of the timer. Waiting one grain more than the period keeps both ends of a closed window apart.
const GRAIN: Duration = Duration::from_millis(1);

/// Whether a request may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, and is counted.
    Now,
    /// Not before this moment; ask again then.
    Until(Instant),
}

/// At most `max` requests in any period, and none before a moment that the remote named.
///
/// It holds one moment per admitted request of the last period, so it is exact: a fixed window that starts anew
/// each minute would let twice the number through around its edge.
#[derive(Clone, Debug)]
pub struct Window {
    max: Option<usize>,
    period: Duration,
    admitted: VecDeque<Instant>,
    closed_until: Option<Instant>,
}

impl Window {
    /// A window; no `max` lifts the count but not the pauses. A `max` of 0 counts as 1, since nothing would ever pass.
    #[must_use]
    pub fn new(max: Option<u32>, period: Duration) -> Self {
        let max = max.map(|max| usize::try_from(max.max(1)).unwrap_or(usize::MAX));
        Self { max, period, admitted: VecDeque::new(), closed_until: None }
    }

    /// Admits a request at this moment, or says when to ask again.
    ///
    /// Moments must not run backwards.
    pub fn admit(&mut self, now: Instant) -> Admission {
        if let Some(until) = self.closed_until {
            if now < until {
                return Admission::Until(until);
            }
            self.closed_until = None;
        }
        let Some(max) = self.max else { return Admission::Now };
        while self.admitted.front().is_some_and(|first| *first + self.period + GRAIN <= now) {
            self.admitted.pop_front();
        }
        match self.admitted.front() {
            Some(first) if self.admitted.len() >= max => {
                Admission::Until(*first + self.period + GRAIN)
            }
            _ => {
                self.admitted.push_back(now);
                Admission::Now
            }
        }
    }

    /// Admits nothing before this moment; a later pause stays.
    pub fn pause_until(&mut self, until: Instant) {
        self.closed_until = Some(self.closed_until.map_or(until, |old| old.max(until)));
    }

    /// How long the pause still takes.
    #[must_use]
    pub fn paused_for(&self, now: Instant) -> Duration {
        self.closed_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}
