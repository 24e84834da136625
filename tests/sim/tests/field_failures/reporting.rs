//! Reporting, preview and replay: what is said is what happened.

use mizan_core::Value;
use mizan_core::fold::{State, fold};
use mizan_testkit::scenario::{A, B, Rules};
use mizan_testkit::{Law, Trouble};

#[test]
fn f96_a_plan_alone_writes_to_no_side() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    let report = s.plans();
    assert_eq!(report.plan.map(|plan| plan.commands.len()), Some(1));
    assert_eq!((s.writes(), s.asked(B)), (0, 0));
    assert!(s.events().iter().all(|event| event.fact.kind() != "intent"));
    s.syncs();
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.ends();
}

#[test]
fn f97_beginning_anew_removes_nothing_that_only_one_side_has() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    let bob = s.creates_customer(A, "Bob");
    let cem = s.creates_customer(B, "Cem");
    s.edits(A, ann, "note", "only here");
    s.loses_the_log();
    s.syncs();
    for item in [ann, bob, cem] {
        assert_eq!(s.everywhere(item), [1, 1]);
    }
    s.assert_all_show(ann, "note", "only here");
    s.allows(&[Law::NoFalseConflict]);
    s.ends();
}

#[test]
fn f98_a_sync_that_could_not_read_does_not_say_success() {
    for (trouble, times) in [(Trouble::ListFails, 1), (Trouble::Down, 1), (Trouble::ListCut, 4)] {
        let mut s = Rules::new().begin();
        let ann = s.creates_customer(A, "Ann");
        s.creates_customer(A, "Bob");
        (0..times).for_each(|_| s.next(A, trouble));
        let report = s.syncs();
        assert_eq!((report.exit_code(), report.complete), (1, false), "{trouble:?}");
        s.syncs();
        assert_eq!(s.everywhere(ann), [1, 1]);
        s.ends();
    }
}

#[test]
fn f98_counts_are_those_of_the_events() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    s.creates_customer(B, "Bob");
    let report = s.syncs();
    let new = s.news() - 7; // what a new log begins with
    let done = s.events().iter().filter(|event| event.fact.kind() == "done").count();
    assert_eq!((report.counts.events, report.counts.created), (new, done));
    s.deletes(A, ann);
    let report = s.syncs();
    assert_eq!((report.counts.deleted, s.writes()), (1, 3));
    s.ends();
}

#[test]
fn f101_a_replay_folds_every_event_that_is_stored() {
    let mut s = Rules::new().prefers(A).begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    s.syncs();
    let (events, mut state) = (s.events(), State::default());
    let folded = events.iter().filter(|event| fold(&mut state, event).is_ok()).count();
    assert_eq!((folded as u64, state.head.0), (s.news(), s.state().head.0));
    assert_eq!(state.hash(), s.state().hash());
    assert_eq!(s.losers(ann, "name"), [Value::text("Anne")]);
    s.ends();
}

#[test]
fn f105_a_row_that_cannot_be_read_is_never_skipped_in_silence() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    let bob = s.creates_customer(A, "Bob");
    s.garbles(A, ann);
    let report = s.syncs();
    assert_eq!((report.standing.unreadable, report.exit_code()), (1, 3));
    assert!(s.events().iter().any(|event| event.fact.kind() == "unreadable"));
    assert_eq!((s.everywhere(ann), s.everywhere(bob)), (vec![1, 0], vec![1, 1]));
    s.mends(A, ann);
    s.syncs();
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.ends();
}
