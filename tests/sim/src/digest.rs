//! `mizan-sim --digest`: what two processes compare (L1).

use mizan_testkit::Profile;
use mizan_testkit::simulation::digest::digest;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Seeds of one line.
const SEEDS: u64 = 100;

/// Prints the hash of all log bytes for each hundred seeds; equal output is equal logs.
pub(crate) fn print(
    profile: Profile,
    seeds: std::ops::Range<u64>,
    sides: usize,
    steps: (usize, usize),
    threads: usize,
) {
    let next = AtomicU64::new(seeds.start);
    let lines = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(SEEDS, Ordering::Relaxed);
                    if from >= seeds.end {
                        return;
                    }
                    let to = (from + SEEDS).min(seeds.end);
                    let hash = digest(from..to, profile, sides, steps);
                    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.insert(from, (to, hash));
                }
            });
        }
    });
    for (from, (to, hash)) in lines.into_inner().unwrap_or_else(PoisonError::into_inner) {
        println!("{} seeds {from} to {}: {hash}", profile.name(), to - 1);
    }
}
