//! Every history of a few steps over a small alphabet, from two starts: what luck does not find.
//!
//! Histories that begin alike are run together: the world and the log are copied where they part. A step that did
//! nothing, or in which nothing could go wrong, leads to a history that is run anyway, shorter or with a plain sync;
//! it is counted and not run again.

use super::campaign::Failure;
use super::history::{Outcome, Run, Variant};
use super::story::Story;
use crate::{Coverage, Crash, Faults, Law, Mishap, Profile, Setup, Step};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What to go through.
#[derive(Clone, Debug)]
pub struct Exhaustive {
    /// Steps of each history.
    pub length: usize,
    /// The steps.
    pub alphabet: Vec<Step>,
    /// The seed of the set-up.
    pub seed: u64,
    /// What the sides offer.
    pub profile: Profile,
    /// Threads.
    pub threads: usize,
    /// What is broken on purpose.
    pub variant: Variant,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Histories of that length: all of them.
    pub histories: u64,
    /// Those that differ, of that length and shorter, each run to its end and judged.
    pub judged: u64,
    /// How many broke each law.
    pub broken: BTreeMap<Law, u64>,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// What happened.
    pub coverage: Coverage,
}

/// Failures of each law that are kept.
const KEPT: u64 = 3;

const fn edit(side: usize, field: usize, late: i64) -> Step {
    Step::Edit { side, pick: 0, field, late }
}

const fn crash(append: u32, after: bool) -> Step {
    Step::Sync { salt: 0, crash: Some(Crash { append, after }) }
}

/// Twelve steps that most laws can be broken with.
pub const SMALL: [Step; 12] = [
    Step::Create { side: 0, order: false },
    edit(0, 0, 0),
    edit(1, 0, 0),
    Step::Clear { side: 1, pick: 0, field: 0 },
    Step::Move { side: 1, pick: 0, by: -2 },
    Step::Delete { side: 0, pick: 0 },
    Step::Delete { side: 1, pick: 1 },
    Step::Sync { salt: 0, crash: None },
    Step::Mishap(Mishap::AnswerLost),
    Step::Mishap(Mishap::RequestLost),
    crash(4, false),
    Step::Mishap(Mishap::EditBeforeWrite),
];

/// Eight more: rows that meet, orders, fields with owners, movements, late commits, listings that fail or are cut.
pub const MORE: [Step; 8] = [
    Step::Create { side: 1, order: true },
    Step::Twin { side: 1, pick: 0 },
    edit(0, 2, 0),
    edit(1, 1, 40),
    Step::Undo { side: 0, pick: 0, field: 0 },
    Step::Move { side: 0, pick: 0, by: 3 },
    crash(3, true),
    Step::Mishap(Mishap::ListingCut),
];

/// All twenty steps.
#[must_use]
pub fn full() -> Vec<Step> {
    SMALL.iter().chain(&MORE).copied().collect()
}

/// The two starts: nothing, and a customer with an order, known on both sides and at rest.
const STARTS: [&[Step]; 2] = [
    &[],
    &[Step::Create { side: 0, order: false }, Step::Create { side: 0, order: true }, Step::Heal],
];

/// The first seed from `from` on whose set-up has no faults of its own, late commits, and a field with an owner.
#[must_use]
pub fn quiet_seed(from: u64, profile: Profile) -> u64 {
    let quiet = |seed: &u64| {
        let setup = Setup::drawn(*seed, profile, 2);
        let fields = setup.schema.entities.iter().flat_map(|entity| &entity.fields);
        let owned = fields.filter(|field| field.owner.is_some()).count();
        setup.faults == Faults::none() && setup.late_commits && owned > 0
    };
    (from..=u64::MAX).find(quiet).unwrap_or(from)
}

/// Goes through all of them; `progress` is told how many of the parts are done.
pub fn exhaustive(what: &Exhaustive, progress: &(dyn Fn(usize, usize) + Sync)) -> Found {
    // A part is a start and the first two steps.
    let letters = what.alphabet.len();
    let parts = STARTS.len() * letters * letters;
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let found = Mutex::new(Found::default());
    let judged = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..what.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let part = next.fetch_add(1, Ordering::Relaxed);
                    if part >= parts {
                        return;
                    }
                    let start = STARTS[part / (letters * letters)];
                    let pair = part % (letters * letters);
                    let walk = Walk { what, start, found: &found, judged: &judged };
                    walk.part(pair / letters, pair % letters);
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, parts);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let each = u32::try_from(what.length).map_or(u64::MAX, |n| (letters as u64).saturating_pow(n));
    found.histories = each.saturating_mul(STARTS.len() as u64);
    found.judged = judged.into_inner();
    found
}

/// The histories of one start.
struct Walk<'a> {
    what: &'a Exhaustive,
    start: &'static [Step],
    found: &'a Mutex<Found>,
    judged: &'a AtomicU64,
}

impl Walk<'_> {
    fn part(&self, first: usize, second: usize) {
        let setup = Setup::drawn(self.what.seed, self.what.profile, 2);
        let mut run = Run::begin(setup, self.what.variant);
        let mut steps = self.start.to_vec();
        self.start.iter().for_each(|step| run.step(*step));
        // What several parts have in common is judged in the first of them.
        if first == 0 && second == 0 {
            self.judge(&run, &steps);
        }
        for (at, letter) in [first, second].into_iter().enumerate().take(self.what.length) {
            let step = self.what.alphabet[letter];
            steps.push(step);
            if !run.matters(step) {
                return;
            }
            if at == 0 && second == 0 {
                self.judge(&run, &steps);
            }
        }
        if self.what.length >= 2 {
            self.judge(&run, &steps);
            self.deeper(&run, &mut steps, self.what.length - 2);
        }
    }

    fn deeper(&self, run: &Run, steps: &mut Vec<Step>, left: usize) {
        if left == 0 {
            return;
        }
        for step in &self.what.alphabet {
            let mut next = run.fork();
            steps.push(*step);
            if next.matters(*step) {
                self.judge(&next, steps);
                self.deeper(&next, steps, left - 1);
            }
            steps.pop();
        }
    }

    fn judge(&self, run: &Run, steps: &[Step]) {
        let outcome = run.fork().end();
        self.judged.fetch_add(1, Ordering::Relaxed);
        if !outcome.violations.is_empty() {
            self.note(outcome, steps);
        } else if self.judged.load(Ordering::Relaxed).is_multiple_of(64) {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.coverage.add(&outcome.coverage);
        }
    }

    fn note(&self, outcome: Outcome, steps: &[Step]) {
        let Exhaustive { seed, profile, .. } = *self.what;
        let story = Story { seed, profile, sides: 2, steps: steps.to_vec() };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.coverage.add(&outcome.coverage);
        let mut laws: Vec<Law> = Vec::new();
        for violation in outcome.violations {
            let allowed = profile.may_break().contains(&violation.law);
            if allowed || laws.contains(&violation.law) {
                continue;
            }
            laws.push(violation.law);
            let count = found.broken.entry(violation.law).or_default();
            *count += 1;
            if *count <= KEPT {
                found.failures.push(Failure { story: story.clone(), violation });
            }
        }
    }
}
