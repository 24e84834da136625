//! Checks that can fail: without one of its largest design choices the engine breaks the law that the choice carries.
//!
//! All other choices are tried by `mizan-sim ablations`; it needs the feature `ablate`, as these tests do.
#![cfg(feature = "ablate")]

use mizan_testkit::simulation::ablations::{ALL, Bound, ablate};
use mizan_testkit::simulation::campaign::{Campaign, campaign};
use mizan_testkit::simulation::{Switch, Variant};
use mizan_testkit::{Law, Profile};

const BOUND: Bound = Bound { histories: 400, seed: 1, threads: 2 };

fn breaks(switch: Switch, law: Law) {
    let ablation = ALL.iter().find(|one| one.switch() == switch).expect("every switch is listed");
    let proof = ablate(ablation, BOUND);
    let proof = proof.unwrap_or_else(|| panic!("nothing breaks without {}", switch.name()));
    assert!(proof.laws.contains(&law), "without {} only {:?}", switch.name(), proof.laws);
}

#[test]
fn without_a_base_of_what_was_shown() {
    breaks(Switch::ShownBase, Law::NoFalseConflict);
}

#[test]
fn without_intents_before_writes() {
    breaks(Switch::IntentFirst, Law::WriteAhead);
}

#[test]
fn without_owners() {
    breaks(Switch::Ownership, Law::Ownership);
}

#[test]
fn without_decisions_field_by_field() {
    breaks(Switch::FieldMerge, Law::NoFalseConflict);
}

#[test]
fn without_recorded_losers() {
    breaks(Switch::RecordLosers, Law::NoLostUpdate);
}

#[test]
fn without_evidence_of_absence() {
    breaks(Switch::AbsenceEvidence, Law::Absence);
}

#[test]
fn without_quarantine_in_doubt() {
    breaks(Switch::Quarantine, Law::DoubtIsAState);
}

#[test]
fn without_expected_images() {
    breaks(Switch::Expect, Law::NoBlindOverwrite);
}

#[test]
fn with_every_choice_in_place_the_same_histories_break_nothing() {
    let what = Campaign {
        histories: BOUND.histories,
        seed: BOUND.seed,
        profile: Profile::Full,
        sides: 2,
        steps: (5, 45),
        threads: BOUND.threads,
        stop: false,
        variant: Variant::default(),
    };
    let found = campaign(&what, &|_| {});
    assert!(found.broken.is_empty(), "{:?}", found.broken);
}
