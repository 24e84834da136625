//! Faults: by chance with a seed, or exactly the next request that fits.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Faults by chance, each in requests per thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The effect happens, the answer is lost.
    pub answer_lost: u32,
    /// 500 and no effect.
    pub error_before: u32,
    /// The effect happens, the answer is 500.
    pub error_after: u32,
    /// 429 and no effect.
    pub throttled: u32,
    /// The effect happens, the answer's body is cut in the middle.
    pub truncated: u32,
    /// Every answer takes so many milliseconds longer.
    pub slow_ms: u64,
}

/// Rarer faults by chance, each in requests per thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RareFaults {
    /// 401 and no effect, as if the token had expired.
    pub unauthorized: u32,
    /// A page past the first repeats the page before it.
    pub duplicate_page: u32,
    /// An adjustment has no effect and answers 200 with an `errors` key.
    pub adjustment_errors: u32,
    /// How many requests in a row a 429 by chance refuses; 0 counts as 1.
    pub throttle_burst: u32,
}

/// A fault that strikes exactly once, at the next request that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneFault {
    /// `GET`, `POST`, `PUT` or `DELETE`; empty for any.
    pub method: String,
    /// Beginning of the path after `/2.0`, as in `/products`.
    pub path: String,
    /// What happens.
    pub kind: FaultKind,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The effect happens, the answer is lost.
    AnswerLost,
    /// 500 and no effect.
    ErrorBefore,
    /// The effect happens, the answer is 500.
    ErrorAfter,
    /// 429 and no effect.
    Throttled,
    /// The effect happens, the answer's body is cut in the middle.
    Truncated,
    /// 401 and no effect, as if the token had expired.
    Unauthorized,
    /// A page past the first repeats the page before it.
    DuplicatePage,
    /// An adjustment has no effect and answers 200 with an `errors` key.
    AdjustmentErrors,
    /// The effect happens, the answer comes so many milliseconds later.
    Slow(u64),
}

/// Picks the fault of each request.
pub(crate) struct Dice {
    pub(crate) faults: Faults,
    pub(crate) rare: RareFaults,
    queue: VecDeque<OneFault>,
    burst_left: u32,
    state: u64,
}

impl Dice {
    pub(crate) fn new(faults: Faults, rare: RareFaults, seed: u64) -> Self {
        // Zero is the one state that xorshift never leaves.
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self { faults, rare, queue: VecDeque::new(), burst_left: 0, state }
    }

    pub(crate) fn queue(&mut self, fault: OneFault) {
        self.queue.push_back(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.burst_left = 0;
    }

    /// The fault that strikes this request, if one does.
    pub(crate) fn pick(&mut self, method: &str, path: &str) -> Option<FaultKind> {
        let fits = |fault: &OneFault| {
            (fault.method.is_empty() || fault.method.eq_ignore_ascii_case(method))
                && path.starts_with(&fault.path)
        };
        if let Some(at) = self.queue.iter().position(fits) {
            return self.queue.remove(at).map(|fault| fault.kind);
        }
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return Some(FaultKind::Throttled);
        }
        let kind = self.by_chance()?;
        if kind == FaultKind::Throttled {
            self.burst_left = self.rare.throttle_burst.saturating_sub(1);
        }
        Some(kind)
    }

    fn by_chance(&mut self) -> Option<FaultKind> {
        let (faults, rare) = (self.faults, self.rare);
        let chances = [
            (faults.answer_lost, FaultKind::AnswerLost),
            (faults.error_before, FaultKind::ErrorBefore),
            (faults.error_after, FaultKind::ErrorAfter),
            (faults.throttled, FaultKind::Throttled),
            (faults.truncated, FaultKind::Truncated),
            (rare.unauthorized, FaultKind::Unauthorized),
            (rare.duplicate_page, FaultKind::DuplicatePage),
            (rare.adjustment_errors, FaultKind::AdjustmentErrors),
        ];
        let hit = chances.into_iter().find(|(chance, _)| *chance > 0 && self.draw() < *chance);
        hit.map(|(_, kind)| kind)
    }

    /// A number below 1,000 (xorshift: the same seed, the same faults).
    fn draw(&mut self) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        u32::try_from((self.state >> 11) % 1_000).unwrap_or(0)
    }
}
