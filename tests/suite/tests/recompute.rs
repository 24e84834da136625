//! L3 and L51 over whole simulated histories, by the library's own verifier: it has only the log, and the policy.

use mizan::engine::Journal;
use mizan::replay::{PolicyRegistry, Verification, replay, verify};
use mizan_testkit::simulation::{Story, Variant, run};
use mizan_testkit::{Profile, policies};

fn verified(seed: u64, profile: Profile, sides: usize) -> Verification {
    let story = Story::drawn(seed, profile, sides, 10, 60);
    let outcome = run(&story, Variant::default());
    let journal = Journal::open(Box::new(outcome.log)).expect("the simulation folded it");
    let replayed = replay(&journal, journal.head(), &mut |_| {}).expect("it folds");
    assert!(replayed.holds(), "{profile:?} {sides} {seed}: {replayed:#?}");
    // Nothing but the log: the rules are in it.
    let registry = PolicyRegistry::of(&policies());
    verify(&journal, None, &registry, &mut |_| {}).expect("it folds")
}

#[test]
fn every_decision_and_every_intent_of_every_history_comes_out_again() {
    let (mut decisions, mut intents, mut conflicts) = (0, 0, 0);
    for profile in Profile::ALL {
        for sides in [2, 3] {
            for seed in 0..40 {
                let verified = verified(9_000 + seed, *profile, sides);
                assert!(
                    verified.holds() && verified.causes.is_empty(),
                    "{profile:?} {sides} {seed}: {verified:#?}"
                );
                decisions += verified.decisions.confirmed;
                intents += verified.intents.confirmed;
                conflicts += verified.conflicts;
            }
        }
    }
    // Were there none, nothing would have been checked.
    assert!(
        decisions > 5_000 && intents > 5_000 && conflicts > 500,
        "{decisions} {intents} {conflicts}"
    );
}
