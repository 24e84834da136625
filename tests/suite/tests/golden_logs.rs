//! L9 and L3 for ever: a log that any release wrote folds to what it folded to then, and is decided as it was then.

use mizan::core::Name;
use mizan::core::fold::STATE_CODE;
use mizan::core::policy::{Conflict, Policies, Policy, Verdict};
use mizan::engine::Journal;
use mizan::replay::{PolicyRegistry, Verification, verify};
use mizan_suite::golden::{Golden, all, events, folded, folder, rest};
use mizan_testkit::policies;
use std::collections::BTreeSet;

fn verified(golden: &Golden, policies: &Policies) -> Verification {
    let journal = Journal::open(Box::new(golden.log.clone())).expect("it folds");
    verify(&journal, None, &PolicyRegistry::of(policies), &mut |_| {}).expect("it folds")
}

#[test]
fn every_log_of_every_release_folds_to_what_it_folded_to() {
    for (release, golden) in all() {
        let state = folded(&events(&golden.log));
        let name = &golden.name;
        assert_eq!(rest(&state), golden.rest, "{release} {name}: it says something else now");
        // Another layout of the state has other bytes.
        if golden.state_code == STATE_CODE {
            assert_eq!(state.hash(), golden.state, "{release} {name}: the state is another");
        }
    }
}

#[test]
fn every_event_of_every_release_has_the_same_bytes_when_it_is_written_again() {
    for (release, golden) in all() {
        for (event, bytes) in events(&golden.log).iter().zip(golden.log.events()) {
            assert_eq!(&event.to_bytes(), bytes, "{release} {} event {}", golden.name, event.seq);
        }
    }
}

#[test]
fn every_decision_of_every_release_is_taken_as_it_was() {
    for (release, golden) in all() {
        let verified = verified(&golden, &policies());
        let name = &golden.name;
        assert!(
            verified.holds() && verified.causes.is_empty(),
            "{release} {name}: a rule gives another answer and has no new version: {verified:#?}"
        );
        assert_eq!(verified.decisions.confirmed, golden.decisions, "{release} {name}");
        assert_eq!(verified.intents.confirmed, golden.intents, "{release} {name}");
    }
}

#[test]
fn a_policy_that_was_changed_without_a_new_version_is_caught() {
    /// Says that it is `longest/1` and takes the shortest.
    struct Shortest;
    impl Policy for Shortest {
        fn id(&self) -> Name {
            "longest/1".into()
        }
        fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
            let all = conflict.candidates.iter().enumerate();
            let best = all.min_by_key(|(_, one)| one.value.to_string().len());
            best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
        }
    }
    let changed = Policies::default().with(Shortest);
    let quarrels = all().into_iter().filter(|(_, golden)| golden.name == "quarrels");
    let mut seen = 0;
    for (release, golden) in quarrels {
        let verified = verified(&golden, &changed);
        assert_eq!(verified.decisions.differs, 2, "{release}: the two that it decided");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn this_release_has_logs_with_every_kind_of_fact() {
    let this = env!("CARGO_PKG_VERSION");
    let logs: Vec<Golden> = all()
        .into_iter()
        .filter(|(release, _)| release == this)
        .map(|(_, golden)| golden)
        .collect();
    let of = logs.iter().flat_map(|golden| events(&golden.log));
    let kinds: BTreeSet<&str> = of.map(|event| event.fact.kind()).collect();
    assert!(kinds.len() >= 27, "{this} has logs of its own with every kind of fact: {kinds:?}");
    let files = std::fs::read_dir(folder().join(this)).expect("the folder").flatten();
    let bytes: u64 = files.map(|file| file.metadata().map_or(0, |found| found.len())).sum();
    assert!(bytes < 300_000, "{bytes} bytes are too many to keep for ever");
}
