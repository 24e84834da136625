//! Digests: one hash over every byte that a run of seeds leaves in its logs (L1).

use super::history::{Variant, run};
use super::story::Story;
use crate::Profile;
use mizan_core::{ContentHash, HashWriter};
use std::ops::Range;

/// The hash of the logs of some seeds, in order; two processes anywhere must agree on it.
#[must_use]
pub fn digest(
    seeds: Range<u64>,
    profile: Profile,
    sides: usize,
    steps: (usize, usize),
) -> ContentHash {
    let mut hash = HashWriter::new("mizan.sim.digest.v1");
    for seed in seeds {
        let story = Story::drawn(seed, profile, sides, steps.0, steps.1);
        let log = run(&story, Variant::default()).log;
        hash.int(seed);
        hash.int(log.events().len() as u64);
        for event in log.events() {
            hash.int(event.len() as u64);
            hash.raw(event);
        }
    }
    hash.finish()
}
