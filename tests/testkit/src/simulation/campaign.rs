//! Campaigns: many histories on a few threads.

use super::history::{Broken, Outcome, Variant, run};
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
    /// How many broke each law that no reconciler can keep with such sides.
    pub allowed: BTreeMap<Law, u64>,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// What happened.
    pub coverage: Coverage,
}

/// Failures of each law that are kept.
const KEPT: u64 = 3;
/// Of so many histories one is run twice (L1).
const TWICE_EVERY: u64 = 8;
/// Of so many histories one is run throttled too (L44).
const THROTTLED_EVERY: u64 = 16;

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

/// L44: the same history, with requests put off after its last step, ends in the same rows.
///
/// Of two sides that offer everything, with rules that read no clock, and where nothing was in conflict: who meets whom,
/// and with that who is preferred to whom, may depend on when a side was reached.
fn throttled(what: &Campaign, seed: u64, story: &Story, outcome: &Outcome) -> Option<Violation> {
    let fit = what.variant.broken == Broken::Nothing
        && what.profile == Profile::Full
        && what.sides == 2
        && seed % THROTTLED_EVERY == 1;
    let rivals = ["conflict", "delete", "edit lost", "owner", "change put back"];
    let met = |what: &&&str| rivals.iter().any(|rival| what.starts_with(rival));
    if !fit || !outcome.violations.is_empty() || outcome.coverage.0.keys().any(|what| met(&what)) {
        return None;
    }
    let slow = run(story, Variant { throttled: true, ..what.variant });
    if let Some(violation) = slow.violations.into_iter().next() {
        return Some(violation);
    }
    let differs = outcome.rest.iter().find(|(place, shown)| slow.rest.get(place) != Some(shown));
    let ((side, thing), shown) = differs?;
    let instead = slow.rest.get(&(*side, *thing)).map_or("nothing", String::as_str);
    let what = format!("thing {thing} on side {side} is {shown}, and throttled it is {instead}");
    Some(Violation { law: Law::Throttled, what })
}

fn one(what: &Campaign, seed: u64, found: &Mutex<Findings>) -> bool {
    let (least, most) = what.steps;
    let story = Story::drawn(seed, what.profile, what.sides, least, most);
    let mut outcome = run(&story, what.variant);
    if seed.is_multiple_of(TWICE_EVERY) && run(&story, what.variant).log != outcome.log {
        let what = "the same seed leads to another log".to_owned();
        outcome.violations.push(Violation { law: Law::Determinism, what });
    }
    outcome.violations.extend(throttled(what, seed, &story, &outcome));
    let allowed = what.profile.may_break();
    let (mut given, kept): (Vec<Violation>, Vec<Violation>) =
        outcome.violations.into_iter().partition(|one| allowed.contains(&one.law));
    outcome.violations = kept;
    given.dedup_by_key(|one| one.law);
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    for violation in given {
        *found.allowed.entry(violation.law).or_default() += 1;
    }
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
