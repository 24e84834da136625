//! Deletes: absence is not deletion, and what was deleted stays so.

use mizan_core::check::Limits;
use mizan_core::{DeletePolicy, Value};
use mizan_testkit::scenario::{A, B, Item, Rules, Scenario};
use mizan_testkit::{Law, Trouble, Vice};

const NAMES: [&str; 12] =
    ["Ann", "Bob", "Cem", "Dee", "Eva", "Fay", "Gus", "Hal", "Ida", "Jan", "Kim", "Lea"];

fn peopled(rules: Rules) -> (Scenario, Vec<Item>) {
    let mut s = rules.begin();
    let all = NAMES.iter().map(|name| s.creates_customer(A, name)).collect();
    s.syncs();
    s.writes();
    (s, all)
}

#[test]
fn f67_a_side_that_lost_everything_empties_nobody_else() {
    let (mut s, all) = peopled(Rules::new().guards(Limits::default()));
    all.iter().for_each(|item| s.deletes(B, *item));
    for _ in 0..3 {
        let report = s.syncs();
        assert_eq!(report.exit_code(), 4);
        assert_eq!(report.violations.len(), 1);
        assert_eq!((report.violations[0].count, report.violations[0].of), (12, 12));
    }
    assert_eq!(s.writes(), 0);
    all.iter().for_each(|item| assert_eq!(s.everywhere(*item), [1, 0]));
}

#[test]
fn f52_a_peer_that_was_made_anew_is_stopped_at_the_guard() {
    // Every row is gone and others are there: the old ones are not deleted elsewhere without a person's word.
    let (mut s, all) = peopled(Rules::new().guards(Limits::default()));
    all.iter().for_each(|item| s.deletes(B, *item));
    let new = s.creates_customer(B, "Zoe");
    let report = s.syncs();
    assert_eq!((report.exit_code(), s.writes()), (4, 0));
    all.iter().for_each(|item| assert_eq!(s.rows(A, *item), 1));
    assert_eq!(s.everywhere(new), [0, 1], "the whole plan waits");
}

#[test]
fn f63_ids_that_point_at_other_records_are_stopped_at_the_guard() {
    let limits = Limits { updates_free: 3, updates_percent: 20, ..Limits::default() };
    let (mut s, all) = peopled(Rules::new().guards(limits));
    for item in &all {
        s.edits(B, *item, "name", "somebody else");
    }
    let report = s.syncs();
    assert_eq!(report.exit_code(), 4);
    assert_eq!(report.violations[0].verb, "updates");
    assert_eq!(s.writes(), 0);
    s.assert_shows(A, all[0], "name", "Ann");
}

#[test]
fn f69_a_listing_that_is_empty_for_a_moment_deletes_nothing() {
    let (mut s, all) = peopled(Rules::new());
    s.next(B, Trouble::ListEmpty);
    s.sweeps();
    s.next(A, Trouble::ListEmpty);
    s.sweeps();
    assert_eq!(s.writes(), 0);
    all.iter().for_each(|item| assert_eq!(s.everywhere(*item), [1, 1]));
    s.ends();
}

#[test]
fn f70_a_guard_says_what_it_stopped_and_is_passed_once_for_exactly_that() {
    let (mut s, all) = peopled(Rules::new().guards(Limits::default()));
    all[..8].iter().for_each(|item| s.deletes(B, *item));
    let report = s.syncs();
    assert_eq!(
        report.violations[0].to_string(),
        "8 deletes of 12 rows of customer on A; the limit is 10 %"
    );
    let plan = report.plan.expect("it shows what it would do");
    assert_eq!(plan.commands.len(), 8);
    s.approves(report.plan_hash.expect("it can be named"));
    let report = s.syncs();
    assert_eq!((report.exit_code(), s.writes()), (0, 8));
    // The approval is used up.
    all[8..].iter().for_each(|item| s.deletes(B, *item));
    s.creates_customer(B, "Zoe");
    let report = s.syncs();
    assert_eq!((report.exit_code(), s.writes()), (0, 5), "4 are below the limit");
    s.ends();
}

#[test]
fn f70_an_approval_is_for_no_other_plan() {
    let (mut s, all) = peopled(Rules::new().guards(Limits::default()));
    all[..8].iter().for_each(|item| s.deletes(B, *item));
    let report = s.syncs();
    s.approves(report.plan_hash.expect("it can be named"));
    s.deletes(B, all[8]);
    let report = s.syncs();
    assert_eq!((report.exit_code(), s.writes()), (4, 0));
}

#[test]
fn f71_an_edit_is_not_lost_to_a_delete_that_had_not_seen_it() {
    let (mut s, all) = peopled(Rules::new());
    s.edits(A, all[0], "note", "a day's work");
    s.deletes(B, all[0]);
    s.syncs();
    s.assert_all_show(all[0], "note", "a day's work");
    assert_eq!(s.everywhere(all[0]), [1, 1]);
    s.ends();

    let (mut s, all) = peopled(Rules::new().on_delete(DeletePolicy::DeleteWins));
    s.edits(A, all[0], "note", "a day's work");
    s.deletes(B, all[0]);
    s.syncs();
    assert_eq!(s.everywhere(all[0]), [0, 0]);
    assert!(s.losers(all[0], "note").contains(&Value::text("a day's work")), "it is on record");
    s.ends();
}

#[test]
fn f72_a_sync_that_fails_deletes_nothing() {
    for trouble in [
        Trouble::ListFails,
        Trouble::SecondPageFails,
        Trouble::ListCut,
        Trouble::RowLeftOut,
        Trouble::RowUnreadable,
        Trouble::Down,
    ] {
        let (mut s, all) = peopled(Rules::new().page_size(5));
        s.next(B, trouble);
        s.sweeps();
        assert_eq!(s.writes(), 0, "{trouble:?}");
        all.iter().for_each(|item| assert_eq!(s.everywhere(*item), [1, 1], "{trouble:?}"));
        s.ends();
    }
}

#[test]
fn f73_a_side_that_was_away_for_years_brings_nothing_back() {
    let (mut s, all) = peopled(Rules::new());
    s.deletes(A, all[0]);
    for _ in 0..5 {
        s.next(B, Trouble::Down);
        s.syncs();
        s.passes(400 * 86_400_000);
        s.restarts();
    }
    assert_eq!(s.everywhere(all[0]), [0, 1]);
    s.syncs();
    assert_eq!(s.everywhere(all[0]), [0, 0]);
    // Nor does an old copy that a listing still shows.
    s.next(B, Trouble::ListStale);
    s.syncs();
    assert_eq!(s.everywhere(all[0]), [0, 0]);
    s.ends();
}

#[test]
fn f74_a_row_deleted_and_made_again_with_its_key_is_there_once_and_new() {
    let fields = [("email", Value::text("ann@example.org")), ("note", Value::text("the new one"))];
    for seen_between in [false, true] {
        let (mut s, all) = peopled(Rules::new().prefers(A));
        s.deletes(A, all[0]);
        if seen_between {
            s.syncs();
            assert_eq!(s.everywhere(all[0]), [0, 0]);
        }
        s.types_in(A, all[0], &fields);
        s.syncs();
        s.syncs();
        assert_eq!(s.everywhere(all[0]), [1, 1], "{}", s.told());
        s.assert_all_show(all[0], "note", "the new one");
        s.ends();
    }
}

#[test]
fn f75_a_stale_listing_after_a_write_drives_no_second_create_and_no_delete() {
    let (mut s, _) = peopled(Rules::new().offers(B, |offers| offers.stale_reads = true));
    let zoe = s.creates_customer(A, "Zoe");
    s.syncs();
    s.next(B, Trouble::ListStale);
    s.syncs();
    assert_eq!(s.everywhere(zoe), [1, 1]);
    s.edits(A, zoe, "name", "Zoey");
    s.syncs();
    s.next(B, Trouble::ListStale);
    s.syncs();
    s.assert_all_show(zoe, "name", "Zoey");
    s.ends();
}

#[test]
fn f76_a_row_that_one_listing_does_not_show_is_asked_for_before_it_is_gone() {
    let (mut s, all) = peopled(Rules::new());
    s.next(B, Trouble::RowLeftOut);
    s.next(B, Trouble::GetFails);
    let report = s.sweeps();
    assert!(!report.complete, "nobody knows, and it is said");
    s.next(B, Trouble::RowLeftOut);
    s.sweeps();
    assert_eq!(s.writes(), 0);
    all.iter().for_each(|item| assert_eq!(s.everywhere(*item), [1, 1]));
    s.ends();
}

#[test]
fn f76_a_direct_read_that_lies_is_beyond_any_reconciler() {
    let (mut s, all) = peopled(Rules::new().vice(B, Vice::GetHides));
    s.next(B, Trouble::RowLeftOut);
    s.next(B, Trouble::GetHides);
    s.sweeps();
    assert_eq!(s.writes(), 2, "a side that says in so many words that a row is gone is believed");
    all.iter().for_each(|item| assert_eq!(s.everywhere(*item), [1, 1], "it is made again"));
    assert!(s.ends_breaking().contains(&Law::Absence));
}

#[test]
fn f78_a_row_that_is_gone_under_a_write_is_decided_and_not_dropped() {
    for policy in [DeletePolicy::EditWins, DeletePolicy::DeleteWins] {
        let (mut s, all) = peopled(Rules::new().on_delete(policy));
        let order = s.creates_order(A, "o-1", all[0]);
        s.syncs();
        s.moves_stock(A, order, -2);
        s.meanwhile(B, mizan_testkit::Moment::BeforeWrite, move |world| {
            world.user_deletes(B, order.0);
        });
        s.syncs();
        s.syncs();
        let there = if policy == DeletePolicy::EditWins { 1 } else { 0 };
        assert_eq!(s.everywhere(order), [there, there], "{policy:?}");
        if there == 1 {
            s.assert_all_show(order, "stock", 98);
        }
        s.ends();
    }
}
