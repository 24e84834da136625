//! Campaigns: many histories on a few threads.

use super::history::{Variant, run};
use super::story::Story;
use crate::{Coverage, Law, Profile, Violation};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What to run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// How many histories.
    pub histories: u64,
    /// The first seed; the others follow it.
    pub seed: u64,
    /// What the sides offer.
    pub profile: Profile,
    /// How many sides.
    pub sides: usize,
    /// Fewest and most steps.
    pub steps: (usize, usize),
    /// Threads.
    pub threads: usize,
    /// Stop at the first violation.
    pub stop: bool,
    /// What is broken on purpose.
    pub variant: Variant,
}

/// A story that broke a law.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The story as drawn.
    pub story: Story,
    /// The first law that it broke, and how.
    pub violation: Violation,
}

/// What a campaign found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Histories that were run.
    pub histories: u64,
    /// How many broke each law.
    pub broken: BTreeMap<Law, u64>,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// What happened.
    pub coverage: Coverage,
}

/// Failures of each law that are kept.
const KEPT: u64 = 3;
/// Of so many histories one is run twice (L1).
const TWICE_EVERY: u64 = 8;

/// Runs a campaign; `progress` is told the number of histories done.
pub fn campaign(what: &Campaign, progress: &(dyn Fn(u64) + Sync)) -> Findings {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let found = Mutex::new(Findings::default());
    std::thread::scope(|scope| {
        for _ in 0..what.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= what.histories {
                        return;
                    }
                    let broke = one(what, what.seed.wrapping_add(index), &found);
                    if broke && what.stop {
                        stop.store(true, Ordering::Relaxed);
                    }
                    progress(index);
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one(what: &Campaign, seed: u64, found: &Mutex<Findings>) -> bool {
    let (least, most) = what.steps;
    let story = Story::drawn(seed, what.profile, what.sides, least, most);
    let mut outcome = run(&story, what.variant);
    if seed.is_multiple_of(TWICE_EVERY) && run(&story, what.variant).log != outcome.log {
        let what = "the same seed leads to another log".to_owned();
        outcome.violations.push(Violation { law: Law::Determinism, what });
    }
    let allowed = what.profile.may_break();
    outcome.violations.retain(|one| !allowed.contains(&one.law));
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found.histories += 1;
    found.coverage.add(&outcome.coverage);
    let mut laws: Vec<Law> = Vec::new();
    for violation in outcome.violations {
        if laws.contains(&violation.law) {
            continue;
        }
        laws.push(violation.law);
        let count = found.broken.entry(violation.law).or_default();
        *count += 1;
        if *count <= KEPT {
            found.failures.push(Failure { story: story.clone(), violation });
        }
    }
    !laws.is_empty()
}
