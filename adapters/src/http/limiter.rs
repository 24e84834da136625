//! The gate in front of a remote: so many requests per period, so many at a time, shared by all tasks.

use super::stats::{Counters, Stats};
use super::window::{Admission, Window};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// What a remote allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests per period; `None` lifts it. The default is the 300 that Qoyod grants a company.
    pub requests_max: Option<u32>,
    /// The period.
    pub period: Duration,
    /// Requests under way at the same time. Few by default: the remote is someone's bookkeeping at work.
    pub concurrent_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_max: Some(300), period: Duration::from_secs(60), concurrent_max: 4 }
    }
}

/// The gate was closed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopping, no more requests are sent")]
pub struct Closed;

/// Leave to send one request; it counts as under way until dropped.
#[derive(Debug)]
pub struct Permit {
    _slot: OwnedSemaphorePermit,
}

/// The gate; clones share it, and all clients of one account should.
///
/// Requests go in the order in which they asked. The count is of moments of sending: latency may still bunch them
/// at the remote, which then answers 429 and is obeyed.
#[derive(Clone)]
pub struct Limiter {
    inner: Arc<Inner>,
}

struct Inner {
    slots: Arc<Semaphore>,
    /// Held by the one task that waits for the window, so that the others queue behind it in order.
    turn: tokio::sync::Mutex<()>,
    window: Mutex<Window>,
    closing: Notify,
    counters: Counters,
}

impl Limiter {
    /// A gate with these limits; a limit of 0 counts as 1.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let slots = limits.concurrent_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            inner: Arc::new(Inner {
                slots: Arc::new(Semaphore::new(slots)),
                turn: tokio::sync::Mutex::new(()),
                window: Mutex::new(Window::new(limits.requests_max, limits.period)),
                closing: Notify::new(),
                counters: Counters::default(),
            }),
        }
    }

    /// Waits until one request may go.
    ///
    /// # Errors
    /// [`Closed`] once [`Limiter::close`] was called.
    pub async fn acquire(&self) -> Result<Permit, Closed> {
        let began = Instant::now();
        let slot = Arc::clone(&self.inner.slots).acquire_owned().await.map_err(|_| Closed)?;
        let turn = self.inner.turn.lock().await;
        loop {
            if self.inner.slots.is_closed() {
                return Err(Closed);
            }
            let admission = self.window().admit(Instant::now());
            match admission {
                Admission::Now => break,
                Admission::Until(until) => self.wait_until(until).await?,
            }
        }
        drop(turn);
        let waited = began.elapsed();
        if waited >= Duration::from_millis(1) {
            self.inner.counters.waited(waited);
        }
        Ok(Permit { _slot: slot })
    }

    /// Sends nothing for this long, in any task; the remote asked for it.
    pub fn pause_for(&self, time: Duration) {
        let now = Instant::now();
        // A pause beyond what the clock can count is none that anybody meant.
        if let Some(until) = now.checked_add(time) {
            self.window().pause_until(until);
        }
    }

    /// How long the pause still takes.
    #[must_use]
    pub fn paused_for(&self) -> Duration {
        self.window().paused_for(Instant::now())
    }

    /// Lets nothing more through, for a graceful stop; those who wait are told at once.
    pub fn close(&self) {
        self.inner.slots.close();
        self.inner.closing.notify_waiters();
    }

    /// Counts of what passed.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.read()
    }

    /// Sleeps before a retry, or until the gate closes.
    pub(super) async fn rest(&self, time: Duration) -> Result<(), Closed> {
        self.wait_until(Instant::now() + time).await?;
        self.inner.counters.waited(time);
        Ok(())
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    async fn wait_until(&self, until: Instant) -> Result<(), Closed> {
        let closing = self.inner.closing.notified();
        tokio::pin!(closing);
        // Listen first and look second, or a close between the two would be missed.
        closing.as_mut().enable();
        if self.inner.slots.is_closed() {
            return Err(Closed);
        }
        tokio::select! {
            () = sleep_until(until) => Ok(()),
            () = closing => Err(Closed),
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        // No code between lock and unlock can leave the window half changed, so a poisoned one is as good.
        self.inner.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
