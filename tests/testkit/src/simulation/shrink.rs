//! Shrinking: steps are left out, halves first, as long as the same law still breaks.

use super::history::{Variant, run};
use super::story::Story;
use crate::Law;

/// Histories that shrinking may run.
const TRIES_MAX: usize = 3_000;

/// The smallest story found that breaks the same law.
#[must_use]
pub fn shrink(story: &Story, law: Law, variant: Variant) -> Story {
    shrink_by(story, &mut |story| run(story, variant).violations.iter().any(|one| one.law == law))
}

/// The smallest story found that still breaks what `broken` looks for.
pub(super) fn shrink_by(story: &Story, broken: &mut dyn FnMut(&Story) -> bool) -> Story {
    let mut best = story.clone();
    let mut tries = 0;
    let mut breaks = |story: &Story| {
        tries += 1;
        tries <= TRIES_MAX && broken(story)
    };
    loop {
        let before = best.clone();
        let mut size = (best.steps.len() / 2).max(1);
        loop {
            let mut at = 0;
            while at < best.steps.len() {
                let mut smaller = best.clone();
                let end = (at + size).min(smaller.steps.len());
                smaller.steps.drain(at..end);
                if breaks(&smaller) {
                    best = smaller;
                } else {
                    at += size;
                }
            }
            if size == 1 {
                break;
            }
            size /= 2;
        }
        for at in 0..best.steps.len() {
            while let Some(step) = best.steps.get(at).and_then(|step| step.simpler()) {
                let mut simpler = best.clone();
                simpler.steps[at] = step;
                if !breaks(&simpler) {
                    break;
                }
                best = simpler;
            }
        }
        if best == before {
            return best;
        }
    }
}
