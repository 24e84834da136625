//! Traces: whole logs of simulated histories, as files that the pure functions are held against without a simulation.
//!
//! `core/tests/traces.rs` asks `ingest`, `link`, `decide`, `plan`, `settle` and `fold` again, at every position of
//! every trace, and wants the answers that are in the log. A difference is a change of behaviour: either a bug, or a
//! decision that needs a new version of the policy and new traces.

use super::{Story, Variant, run};
use crate::oracle::LogBodies;
use crate::policies;
use crate::profile::Profile;
use crate::setup::Setup;
use mizan_core::behaviour::behaviour;
use mizan_core::fold::{State, fold};
use mizan_core::{ContentHash, Event, Image, Seq};
use serde::{Deserialize, Serialize};

/// One history's log with everything that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Where it comes from.
    pub name: String,
    /// The rules, as JSON.
    pub schema: String,
    /// The events, in order.
    pub events: Vec<Vec<u8>>,
    /// The images that they refer to.
    pub bodies: Vec<Vec<u8>>,
    /// The hash of the state at the end.
    pub state: ContentHash,
    /// The first bytes of what the pure functions would do next, before the first event and after every one.
    pub behaviour: Vec<[u8; 4]>,
}

/// Runs one history and keeps its log.
#[must_use]
pub fn trace(seed: u64, profile: Profile, sides: usize, steps: (usize, usize)) -> Trace {
    let story = Story::drawn(seed, profile, sides, steps.0, steps.1);
    let outcome = run(&story, Variant::default());
    let schema = Setup::drawn(seed, profile, sides).schema;
    let bodies = LogBodies(&outcome.log);
    let next = |state: &State| {
        let hash = behaviour(state, &schema, &bodies, &policies()).expect("the bodies are there");
        [hash.0[0], hash.0[1], hash.0[2], hash.0[3]]
    };
    let mut state = State::default();
    let mut told = vec![next(&state)];
    for (seq, bytes) in (1..).zip(outcome.log.events()) {
        let event = Event::from_bytes(Seq(seq), bytes).expect("the simulation wrote it");
        fold(&mut state, &event).expect("the simulation folded it");
        told.push(next(&state));
    }
    Trace {
        name: format!("{} {sides} {seed}", profile.name()),
        schema: serde_json::to_string(&schema)
            .expect("a schema has nothing that cannot be written"),
        events: outcome.log.events().to_vec(),
        bodies: outcome
            .log
            .bodies()
            // The log keeps the rules beside the images; a trace has them as its schema.
            .filter(|(hash, bytes)| ContentHash::of(Image::DOMAIN, bytes) == **hash)
            .map(|(_, bytes)| bytes.to_vec())
            .collect(),
        state: state.hash(),
        behaviour: told,
    }
}

/// A few histories of every profile, with two sides and with three.
#[must_use]
pub fn traces(each: u64) -> Vec<Trace> {
    let mut traces = Vec::new();
    for profile in Profile::ALL {
        for sides in [2, 3] {
            traces.extend((0..each).map(|seed| trace(7_000 + seed, *profile, sides, (10, 60))));
        }
    }
    traces
}

/// Traces as bytes.
#[must_use]
pub fn to_bytes(traces: &[Trace]) -> Vec<u8> {
    postcard::to_stdvec(traces).expect("a trace has nothing that cannot be written")
}
