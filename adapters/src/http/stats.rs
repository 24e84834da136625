//! Counts of what went over the wire, for `status` and for tests.

use super::Effect;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What was sent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tries sent, repeated ones included.
    pub requests: u64,
    /// Of these, reads.
    pub reads: u64,
    /// Of these, writes.
    pub writes: u64,
    /// Of these, repeated ones.
    pub retries: u64,
    /// Answers that asked to slow down.
    pub throttled: u64,
    /// How often a request had to wait for the limiter or before a retry.
    pub waits: u64,
    /// Time waited in all, in milliseconds.
    pub waited_ms: u64,
}

impl Stats {
    /// Time waited in all, in whole seconds.
    #[must_use]
    pub fn waited_s(&self) -> u64 {
        self.waited_ms / 1000
    }
}

/// The counters behind [`Stats`].
///
/// Relaxed order is enough: each is read alone, for people.
#[derive(Debug, Default)]
pub(super) struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    waits: AtomicU64,
    waited_ms: AtomicU64,
}

impl Counters {
    pub(super) fn sent(&self, effect: Effect, again: bool) {
        match effect {
            Effect::Read => &self.reads,
            Effect::Write => &self.writes,
        }
        .fetch_add(1, Ordering::Relaxed);
        if again {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn waited(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Stats {
        let reads = self.reads.load(Ordering::Relaxed);
        let writes = self.writes.load(Ordering::Relaxed);
        Stats {
            requests: reads + writes,
            reads,
            writes,
            retries: self.retries.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
            waited_ms: self.waited_ms.load(Ordering::Relaxed),
        }
    }
}
