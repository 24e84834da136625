//! Effects, order, queues: one intent has one effect, and one bad record holds up no other.

use mizan_core::{Field, Rounding, Rule, Type, Value};
use mizan_testkit::scenario::{A, B, Item, Rules, Scenario, number};
use mizan_testkit::{Law, Moment, Trouble, Vice};

const NAMES: [&str; 4] = ["Ann", "Bob", "Cem", "Dee"];

fn peopled(rules: Rules) -> (Scenario, Vec<Item>) {
    let mut s = rules.begin();
    let all = NAMES.iter().map(|name| s.creates_customer(A, name)).collect();
    s.syncs();
    s.writes();
    (s, all)
}

#[test]
fn f79_one_record_that_is_refused_holds_up_no_other() {
    let (mut s, all) = peopled(Rules::new());
    s.edits(A, all[0], "name", "not allowed!");
    all[1..].iter().for_each(|item| s.edits(A, *item, "note", "fine"));
    let report = s.syncs();
    assert_eq!((report.standing.refused, s.writes()), (1, 3));
    all[1..].iter().for_each(|item| s.assert_all_show(*item, "note", "fine"));
    s.edits(A, all[0], "name", "allowed");
    s.syncs();
    s.assert_all_show(all[0], "name", "allowed");
    s.ends();
}

#[test]
fn f79_nor_does_one_whose_writes_always_end_in_an_error() {
    let (mut s, all) = peopled(Rules::new().vice(B, Vice::AlwaysFails));
    all.iter().for_each(|item| s.edits(A, *item, "note", "fine"));
    for _ in 0..3 {
        s.syncs();
        s.passes(1_000);
    }
    let delivered =
        all.iter().filter(|item| s.shows(B, **item, "note") == Some(Value::text("fine")));
    assert_eq!(delivered.count(), 3);
    assert!(s.ends_breaking().contains(&Law::Terminate), "and it is never said to be done");
}

#[test]
fn f80_refused_credentials_pause_a_side_and_drop_nothing() {
    let (mut s, all) = peopled(Rules::new());
    all.iter().for_each(|item| s.edits(A, *item, "note", "kept"));
    for _ in 0..4 {
        s.next(B, Trouble::Unauthorized);
    }
    let report = s.syncs();
    assert_eq!(report.exit_code(), 1);
    let asked = s.asked(B);
    s.syncs();
    s.syncs();
    all.iter().for_each(|item| s.assert_all_show(*item, "note", "kept"));
    assert!(asked <= 4 + 4, "the side is not asked again and again");
    s.ends();
}

#[test]
fn f81_work_under_way_when_the_process_is_killed_is_taken_up_again() {
    for append in 1..10 {
        for after in [false, true] {
            let (mut s, all) = peopled(Rules::new());
            all.iter().for_each(|item| s.edits(A, *item, "note", "one"));
            s.dies(append, after);
            s.passes(1_000);
            let report = s.syncs();
            assert_eq!(report.standing.in_doubt, 0);
            all.iter().for_each(|item| s.assert_all_show(*item, "note", "one"));
            assert_eq!(s.writes(), 4, "and no write has two effects");
            s.ends();
        }
    }
}

#[test]
fn f85_another_tag_in_lists_than_in_reads_makes_no_update_fail() {
    for vice in [Vice::TagListDiffers, Vice::TagFlickers, Vice::Tagged] {
        let (mut s, all) = peopled(Rules::new().vice(B, vice).vice(A, vice));
        for name in ["Anna", "Anne"] {
            s.edits(A, all[0], "name", name);
            let report = s.syncs();
            assert_eq!((report.counts.updated, report.counts.withdrawn), (1, 0), "{vice:?}");
        }
        s.edits(B, all[0], "note", "back");
        s.syncs();
        s.assert_all_show(all[0], "note", "back");
        s.ends();
    }
}

#[test]
fn f86_a_write_that_was_answered_and_not_stored_is_noticed() {
    let (mut s, all) = peopled(Rules::new().vice(B, Vice::Forgets));
    s.edits(A, all[0], "name", "Anna");
    s.syncs();
    s.sweeps();
    // The side shows the old name after our write: that is an edit by somebody there, and it is seen as one.
    assert!(s.events().iter().any(|event| event.fact.kind() == "observed" && event.at.0 > 1_010));
    assert!(!s.ends_breaking().is_empty());
}

#[test]
fn f87_an_older_state_that_comes_late_does_not_replace_a_newer_one() {
    let (mut s, all) = peopled(Rules::new());
    s.edits(A, all[0], "note", "shipped");
    s.syncs();
    s.edits(A, all[0], "note", "delivered");
    s.syncs();
    s.next(A, Trouble::ListStale);
    s.syncs();
    s.next(B, Trouble::ListStale);
    s.syncs();
    s.assert_all_show(all[0], "note", "delivered");
    s.ends();
}

#[test]
fn f88_a_change_told_many_times_has_one_effect() {
    let rules = Rules::new().vice(A, Vice::RowsTwice).vice(A, Vice::PageRepeated);
    let (mut s, all) = peopled(rules);
    let order = s.creates_order(A, "o-1", all[0]);
    s.syncs();
    s.writes();
    s.moves_stock(A, order, -1);
    s.syncs();
    s.syncs();
    assert_eq!(s.writes(), 1);
    s.assert_all_show(order, "stock", 99);
    s.ends();
}

#[test]
fn f88_a_movement_whose_answer_is_lost_is_made_once() {
    for trouble in [Trouble::AnswerLost, Trouble::RequestLost] {
        let (mut s, all) = peopled(Rules::new());
        let order = s.creates_order(A, "o-1", all[0]);
        s.syncs();
        s.moves_stock(A, order, -1);
        s.next(B, trouble);
        s.meanwhile(B, Moment::BeforeWrite, move |world| world.user_moves(B, order.0, -10));
        s.syncs();
        s.passes(1_000);
        s.syncs();
        s.assert_all_show(order, "stock", 89);
        s.ends();
    }
}

#[test]
fn f91_a_halfpenny_is_rounded_once_and_not_fought_over() {
    for (mode, stored) in [
        (Rounding::HalfUp, "163.73"),
        (Rounding::HalfEven, "163.72"),
        (Rounding::Truncate, "163.72"),
    ] {
        let rules = Rules::new().field("order", Field::new("total", Type::Decimal)).stores(
            B,
            "total",
            vec![Rule::Decimal { scale: 2, mode }],
        );
        let mut s = rules.begin();
        let ann = s.creates_customer(A, "Ann");
        let order = s.creates_order(A, "o-1", ann);
        s.edits(A, order, "total", number("163.725"));
        s.syncs();
        s.assert_shows(B, order, "total", number(stored));
        s.writes();
        s.sweeps();
        s.sweeps();
        assert_eq!(s.writes(), 0, "{mode:?}");
        s.assert_shows(A, order, "total", number("163.725"));
        s.ends();
    }
}

#[test]
fn f92_a_row_that_is_final_is_not_tried_for_ever_and_gets_no_second() {
    let (mut s, all) = peopled(Rules::new().vice(B, Vice::Locks));
    let locked = all[2];
    s.edits(A, locked, "name", "corrected");
    s.syncs();
    let asked = s.asked(B);
    for _ in 0..10 {
        s.syncs();
    }
    assert_eq!(s.asked(B), asked, "a refusal holds until there is news");
    assert_eq!(s.everywhere(locked), [1, 1]);
    s.assert_shows(B, locked, "name", "Cem");
    let report = s.syncs();
    assert_eq!(report.exit_code(), 3, "a person must make a credit note");
    s.ends();
}

#[test]
fn f95_what_waits_for_another_record_holds_up_nothing_else() {
    let (mut s, all) = peopled(Rules::new());
    let (email, name) = (Value::text("bad@example.org"), Value::text("Bad!"));
    let bad = s.creates(A, "customer", &[("email", email), ("name", name)]);
    let waits = s.creates_order(A, "o-1", bad);
    let goes = s.creates_order(A, "o-2", all[0]);
    let report = s.syncs();
    assert_eq!((report.standing.refused, report.standing.blocked), (1, 1));
    assert_eq!((s.everywhere(goes), s.everywhere(waits)), (vec![1, 1], vec![1, 0]));
    s.edits(A, bad, "name", "Good");
    s.syncs();
    assert_eq!(s.everywhere(waits), [1, 1]);
    s.ends();
}
