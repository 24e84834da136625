//! The limit of requests: a sliding window of 60 seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

/// The requests of the last 60 seconds: those let in, and all that came.
#[derive(Default)]
pub(crate) struct Window {
    admitted: VecDeque<Instant>,
    seen: VecDeque<Instant>,
    /// The most requests that any 60 seconds saw, refused ones included.
    pub(crate) most: usize,
}

impl Window {
    /// Lets a request in, or says how many whole seconds to wait.
    pub(crate) fn admit(&mut self, limit: Option<u32>) -> Result<(), u64> {
        let now = Instant::now();
        forget(&mut self.seen, now);
        forget(&mut self.admitted, now);
        self.seen.push_back(now);
        self.most = self.most.max(self.seen.len());
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        if limit.is_some_and(|limit| self.admitted.len() >= limit) {
            let oldest = self.admitted.front().map(|first| now.duration_since(*first));
            return Err(WINDOW.saturating_sub(oldest.unwrap_or_default()).as_secs() + 1);
        }
        self.admitted.push_back(now);
        Ok(())
    }
}

fn forget(requests: &mut VecDeque<Instant>, now: Instant) {
    while requests.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
        requests.pop_front();
    }
}
