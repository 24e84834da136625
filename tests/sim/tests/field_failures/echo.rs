//! Echoes and loops: what we wrote ourselves is no news, and what a user wrote at the same moment is.

use mizan_core::{Rounding, Rule, Value};
use mizan_testkit::scenario::{A, B, C, Item, Rules, Scenario, number};
use mizan_testkit::{Law, Moment, Vice};

/// Ann is on every side, and nothing is left to do.
fn ann_everywhere(rules: Rules) -> (Scenario, Item) {
    let mut s = rules.begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    s.writes();
    (s, ann)
}

#[test]
fn f01_an_edit_right_after_our_write_is_pushed() {
    for moment in [Moment::BeforeWrite, Moment::AfterWrite] {
        for field in ["name", "note"] {
            let (mut s, ann) = ann_everywhere(Rules::new().prefers(B));
            s.edits(A, ann, "name", "Anna");
            s.meanwhile(B, moment, move |world| {
                world.user_sets(B, ann.0, field, &Value::text("typed meanwhile"));
            });
            s.syncs();
            s.syncs();
            s.assert_all_show(ann, field, "typed meanwhile");
            s.ends();
        }
    }
}

#[test]
fn f02_an_echo_is_known_however_late_it_comes() {
    let (mut s, ann) = ann_everywhere(Rules::new());
    s.edits(A, ann, "name", "Anna");
    s.syncs();
    assert_eq!(s.writes(), 1);
    s.passes(365 * 86_400_000);
    s.restarts();
    s.syncs();
    assert_eq!(s.writes(), 0);
    s.assert_all_show(ann, "name", "Anna");
    s.ends();
}

#[test]
fn f03_one_row_is_never_linked_to_two_of_another_side() {
    let mut s = Rules::new().begin();
    let email = Value::text("ann@example.org");
    let one = s.creates(A, "customer", &[("email", email.clone()), ("name", Value::text("Ann"))]);
    let two = s.creates(A, "customer", &[("email", email.clone()), ("name", Value::text("Anna"))]);
    s.types_in(B, one, &[("email", email), ("name", Value::text("Annie"))]);
    let report = s.syncs();
    assert_eq!(report.standing.parked, 3, "a person must say which of the two it is");
    s.edits(A, two, "name", "Anne");
    s.syncs();
    assert_eq!(s.writes(), 0);
    s.assert_shows(B, one, "name", "Annie");
}

#[test]
fn f04_two_quick_edits_cross_and_come_to_rest() {
    let (mut s, ann) = ann_everywhere(Rules::new().prefers(A));
    s.edits(A, ann, "name", "Anna");
    s.meanwhile(B, Moment::BeforeWrite, move |world| {
        world.user_sets(B, ann.0, "name", &Value::text("Anne"));
    });
    s.syncs();
    s.syncs();
    s.assert_all_show(ann, "name", "Anna");
    assert_eq!(s.losers(ann, "name"), [Value::text("Anne")]);
    assert_eq!(s.writes(), 1, "the value that lost was sent nowhere");
    s.ends();
}

#[test]
fn f05_reading_that_touches_rows_causes_no_writing() {
    let (mut s, ann) = ann_everywhere(Rules::new().vice(B, Vice::TouchedByReads));
    for _ in 0..5 {
        let report = s.syncs();
        assert!(report.complete && report.rounds == 1, "{report:?}");
    }
    assert_eq!(s.writes(), 0);
    s.assert_all_show(ann, "name", "Ann");
    // The cursor follows the stamps that our own reads move, so there is an event in each sync, and no command.
    s.allows(&[Law::LogSilent]);
    s.ends();
}

#[test]
fn f06_a_key_in_another_spelling_is_the_same_key() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    let email = Value::text(" Ann@Example.ORG");
    s.types_in(B, ann, &[("email", email), ("name", Value::text("Ann"))]);
    s.syncs();
    assert_eq!(s.everywhere(ann), [1, 1]);
    assert_eq!(s.records(ann), 1, "both rows are one record");
    assert_eq!(s.conflicts(ann), ["email"], "which spelling holds is a person's business");
    assert_eq!(s.writes(), 0);
    s.ends();
}

#[test]
fn f07_what_a_side_makes_of_our_values_is_no_edit() {
    let rules = Rules::new().stores(B, "name", vec![Rule::Trim, Rule::MaxLen(8)]).stores(
        B,
        "credit",
        vec![Rule::Decimal { scale: 2, mode: Rounding::HalfUp }],
    );
    let mut s = rules.begin();
    let ann = s.creates_customer(A, "Ann");
    s.edits(A, ann, "name", "  Ann of the long name");
    s.edits(A, ann, "credit", number("10.255"));
    s.syncs();
    assert_eq!(s.writes(), 1);
    s.assert_shows(B, ann, "name", "Ann of t");
    s.assert_shows(B, ann, "credit", number("10.26"));
    s.sweeps();
    assert_eq!(s.writes(), 0, "the short name did not come back");
    s.assert_shows(A, ann, "name", "  Ann of the long name");
    s.assert_shows(A, ann, "credit", number("10.255"));
    s.ends();
}

#[test]
fn f07_nor_is_what_it_makes_of_them_and_never_said() {
    let (mut s, ann) = ann_everywhere(Rules::new().vice(B, Vice::TrimsUnsaid));
    s.edits(A, ann, "name", "Ann of the very long name");
    s.syncs();
    assert_eq!(s.writes(), 1);
    s.sweeps();
    s.sweeps();
    assert_eq!(s.writes(), 0);
    s.assert_shows(A, ann, "name", "Ann of the very long name");
    s.assert_shows(B, ann, "name", "Ann of the v");
    assert!(s.events().iter().any(|event| event.fact.kind() == "drifted"), "it is reported");
}

#[test]
fn f08_answers_without_the_row_do_not_make_conflicts() {
    let (mut s, ann) = ann_everywhere(Rules::new().offers(B, |offers| offers.ack_body = false));
    for name in ["Anna", "Anne", "Annie"] {
        s.edits(A, ann, "name", name);
        s.syncs();
        assert_eq!(s.writes(), 1);
        s.assert_all_show(ann, "name", name);
    }
    assert!(s.losers(ann, "name").is_empty());
    s.ends();
}

#[test]
fn f09_what_is_relayed_to_a_third_side_does_not_come_back() {
    let mut s = Rules::between(3).begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    assert_eq!(s.writes(), 2);
    s.edits(C, ann, "name", "Anna");
    s.syncs();
    assert_eq!(s.writes(), 2, "A and B are written once each");
    s.sweeps();
    assert_eq!(s.writes(), 0);
    s.assert_all_show(ann, "name", "Anna");
    s.ends();
}

#[test]
fn f10_with_default_rules_a_second_sync_does_nothing() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    let bob = s.creates_customer(B, "Bob");
    s.creates_order(A, "o-1", ann);
    s.creates_order(B, "o-2", bob);
    s.syncs();
    assert_eq!(s.writes(), 4);
    s.news();
    s.syncs();
    assert_eq!((s.writes(), s.news()), (0, 0));
    s.ends();
}

#[test]
fn f07_an_answer_that_shows_what_was_sent_is_held_against_what_is_stored() {
    let rules = Rules::new().vice(B, Vice::AckAsSent).stores(B, "name", vec![Rule::Trim]);
    let (mut s, ann) = ann_everywhere(rules);
    s.edits(A, ann, "name", " Anna ");
    s.syncs();
    s.sweeps();
    assert_eq!(s.writes(), 1);
    s.assert_shows(A, ann, "name", " Anna ");
    s.assert_shows(B, ann, "name", "Anna");
    s.ends();
}
