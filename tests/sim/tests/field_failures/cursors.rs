//! Cursors, pages and late data: nothing is passed over, and what fails leaves the cursor where it was.

use mizan_core::{Fact, SideId, Timestamp, Value};
use mizan_testkit::scenario::{A, B, Item, Rules, Scenario};
use mizan_testkit::{Moment, Trouble, Vice};

/// Ann and a few others are on both sides.
fn peopled(rules: Rules) -> (Scenario, Vec<Item>) {
    let mut s = rules.begin();
    let names = ["Ann", "Bob", "Cem", "Dee", "Eva"];
    let all = names.iter().map(|name| s.creates_customer(A, name)).collect();
    s.syncs();
    s.writes();
    (s, all)
}

/// Later syncs list what changed only.
fn by_cursor() -> Rules {
    Rules::new().sweeps_first_only().page_size(2)
}

fn cursor(s: &Scenario, side: &str) -> Option<Timestamp> {
    s.state().cursors.get(&(SideId::new(side), "customer".into())).copied()
}

#[test]
fn f30_rows_with_the_cursors_own_stamp_are_not_lost() {
    let (mut s, all) = peopled(by_cursor().vice(A, Vice::OneStamp));
    for (item, name) in all.iter().zip(["v", "w", "x", "y", "z"]) {
        s.edits(A, *item, "name", name);
        s.syncs();
        s.assert_all_show(*item, "name", name);
    }
    s.news();
    s.syncs();
    assert_eq!(s.news(), 0, "and they are not news for ever");
    s.ends();
}

#[test]
fn f31_what_is_committed_between_two_pages_is_not_passed_over() {
    let (mut s, all) = peopled(by_cursor());
    let (ann, eva) = (all[0], all[4]);
    for item in &all {
        s.edits(A, *item, "note", "one");
    }
    // A late commit is stamped before everything that the first page shows.
    s.edits_late(A, ann, "name", "late", 40);
    s.passes(10);
    s.edits(A, eva, "name", "Evi");
    s.meanwhile(A, Moment::BetweenPages, move |world| {
        world.user_sets(A, eva.0, "phone", &Value::text("12"));
        world.pass(40);
    });
    s.syncs();
    s.syncs();
    s.assert_all_show(ann, "name", "late");
    s.assert_all_show(eva, "phone", "12");
    s.assert_all_show(eva, "name", "Evi");
    s.ends();
}

#[test]
fn f35_a_crash_at_any_append_skips_nothing() {
    let mut died = 0;
    for append in 1..15 {
        for after in [false, true] {
            let (mut s, all) = peopled(by_cursor());
            for item in &all {
                s.edits(A, *item, "note", "one");
                s.edits(B, *item, "phone", "12");
            }
            died += u32::from(s.dies(append, after));
            s.syncs();
            for item in &all {
                s.assert_all_show(*item, "note", "one");
                s.assert_all_show(*item, "phone", "12");
            }
            s.ends();
        }
    }
    assert!(died > 10, "the process hardly ever died");
}

#[test]
fn f36_an_order_and_its_customer_arrive_together_or_not_at_all_whatever_dies() {
    for append in 1..15 {
        for after in [false, true] {
            let mut s = by_cursor().begin();
            let ann = s.creates_customer(A, "Ann");
            let order = s.creates_order(A, "o-1", ann);
            s.dies(append, after);
            let there = (s.rows(B, ann), s.rows(B, order));
            assert_ne!(there, (0, 1), "an order never comes before its customer");
            s.syncs();
            assert_eq!((s.everywhere(ann), s.everywhere(order)), (vec![1, 1], vec![1, 1]));
            s.ends();
        }
    }
}

#[test]
fn f37_after_a_crash_reading_goes_on_and_is_counted() {
    let (mut s, all) = peopled(by_cursor());
    s.edits(A, all[0], "name", "Anna");
    assert!(s.dies(1, false));
    let report = s.syncs();
    assert!(report.counts.rows_read >= all.len() && report.counts.observed > 0, "{report:?}");
    s.assert_all_show(all[0], "name", "Anna");
    s.ends();
}

#[test]
fn f38_pages_over_rows_with_equal_stamps_show_each_row_once() {
    let rules = Rules::new().vice(A, Vice::OneStamp).vice(B, Vice::OneStamp).page_size(2);
    let (s, all) = peopled(rules);
    for item in &all {
        assert_eq!((s.everywhere(*item), s.records(*item)), (vec![1, 1], 1));
    }
    s.ends();
}

#[test]
fn f39_an_empty_token_is_a_token() {
    for vice in [Vice::TokenEmpty, Vice::LastPageEmpty, Vice::PageRepeated, Vice::PageSizeIgnored] {
        let (s, all) = peopled(Rules::new().vice(A, vice).vice(B, vice).page_size(2));
        for item in &all {
            assert_eq!(s.everywhere(*item), [1, 1], "{vice:?}");
        }
        s.ends();
    }
}

#[test]
fn f40_a_row_skipped_because_another_was_deleted_is_found_later_and_not_taken_as_gone() {
    let (mut s, all) = peopled(Rules::new().vice(A, Vice::PageByOffset).page_size(2));
    let (ann, cem) = (all[0], all[2]);
    s.edits(A, cem, "name", "skipped");
    s.meanwhile(A, Moment::BetweenPages, move |world| world.user_deletes(A, ann.0));
    s.syncs();
    s.syncs();
    s.assert_all_show(cem, "name", "skipped");
    assert_eq!(s.everywhere(cem), [1, 1]);
    assert_eq!(s.everywhere(ann), [0, 0]);
    s.ends();
}

#[test]
fn f41_a_clock_in_another_zone_hides_no_change() {
    for vice in [Vice::ClockAhead, Vice::ClockBehind] {
        let (mut s, all) = peopled(by_cursor().vice(A, vice));
        s.edits(A, all[1], "name", "Robert");
        s.syncs();
        s.assert_all_show(all[1], "name", "Robert");
        s.ends();
    }
}

#[test]
fn f42_a_filter_by_creation_is_made_up_for_by_a_sweep() {
    let (mut s, all) = peopled(by_cursor().vice(A, Vice::CreatedFilter));
    s.passes(10_000);
    s.creates_customer(A, "Zoe");
    s.syncs();
    s.passes(10_000);
    s.edits(A, all[0], "name", "Anna");
    s.syncs();
    s.assert_shows(B, all[0], "name", "Ann");
    s.sweeps();
    s.assert_all_show(all[0], "name", "Anna");
    s.ends();
}

#[test]
fn f43_a_change_that_moves_no_stamp_is_found_by_a_sweep() {
    let (mut s, all) = peopled(by_cursor().vice(A, Vice::StampsFrozen));
    s.passes(10_000);
    let order = s.creates_order(A, "o-1", all[0]);
    s.syncs();
    s.passes(10_000);
    s.moves_stock(A, order, -3);
    s.edits(A, all[0], "name", "Anna");
    s.sweeps();
    s.assert_all_show(order, "stock", 97);
    s.assert_all_show(all[0], "name", "Anna");
    s.ends();
}

#[test]
fn f45_one_listing_that_fails_is_not_hidden_by_another_that_succeeds() {
    let (mut s, all) = peopled(by_cursor());
    let before = cursor(&s, "B");
    s.passes(1_000);
    s.edits(B, all[0], "name", "Anna");
    s.next(B, Trouble::ListFails);
    let report = s.syncs();
    assert!(!report.complete && report.problems.len() == 1, "{report:?}");
    assert_eq!(cursor(&s, "B"), before, "its own cursor stays");
    s.syncs();
    s.assert_all_show(all[0], "name", "Anna");
    s.ends();
}

#[test]
fn f46_our_own_write_does_not_move_the_cursor_past_an_older_change() {
    let (mut s, all) = peopled(by_cursor());
    // Stamped now, and committed while our write to another row is under way.
    s.edits_late(B, all[1], "name", "Robert", 30);
    s.passes(5);
    s.edits(A, all[0], "name", "Anna");
    s.meanwhile(B, Moment::AfterWrite, |world| world.pass(40));
    s.syncs();
    s.syncs();
    s.assert_all_show(all[0], "name", "Anna");
    s.assert_all_show(all[1], "name", "Robert");
    s.ends();
}

#[test]
fn f47_a_sweep_does_not_move_the_cursor_back() {
    let (mut s, all) = peopled(by_cursor());
    s.passes(1_000);
    s.edits(A, all[4], "name", "Evi");
    s.syncs();
    let before = cursor(&s, "A");
    s.deletes(A, all[4]);
    s.sweeps();
    s.sweeps();
    assert!(before.is_some() && cursor(&s, "A") == before);
    s.ends();
}

#[test]
fn f48_a_row_that_cannot_be_read_is_reported_and_read_as_soon_as_it_can_be() {
    let (mut s, all) = peopled(Rules::new());
    s.edits(A, all[0], "name", "Anna");
    s.garbles(A, all[0]);
    let report = s.syncs();
    assert_eq!((report.standing.unreadable, report.exit_code()), (1, 3));
    s.assert_shows(B, all[0], "name", "Ann");
    assert_eq!(s.everywhere(all[0]), [1, 1], "unreadable is not gone");
    s.mends(A, all[0]);
    let report = s.syncs();
    assert_eq!(report.standing.unreadable, 0);
    s.assert_all_show(all[0], "name", "Anna");
    s.ends();
}

#[test]
fn f49_a_cursor_is_never_durable_before_the_rows_that_it_covers() {
    for append in 1..10 {
        for after in [false, true] {
            let (mut s, all) = peopled(by_cursor());
            s.passes(1_000);
            s.edits(A, all[0], "name", "Anna");
            s.edits(A, all[4], "name", "Evi");
            s.dies(append, after);
            let events = s.events();
            let moved = events.iter().rev().take_while(|event| event.at.0 > 2_000);
            let moved: Vec<&str> = moved.map(|event| event.fact.kind()).collect();
            if let Some(at) = moved.iter().position(|kind| *kind == "cursor") {
                assert!(moved[at..].contains(&"observed"), "{moved:?}");
            }
            s.syncs();
            s.assert_all_show(all[0], "name", "Anna");
            s.assert_all_show(all[4], "name", "Evi");
            s.ends();
        }
    }
}

#[test]
fn f50_a_sync_that_fails_leaves_the_cursors_as_they_were() {
    for trouble in [Trouble::ListFails, Trouble::Down] {
        let (mut s, all) = peopled(by_cursor());
        let before = cursor(&s, "A");
        s.passes(1_000);
        all.iter().for_each(|item| s.edits(A, *item, "note", "one"));
        s.next(A, trouble);
        let report = s.syncs();
        assert!(!report.complete, "{trouble:?}");
        assert!(before.is_some() && cursor(&s, "A") == before, "{trouble:?}");
        s.syncs();
        all.iter().for_each(|item| s.assert_all_show(*item, "note", "one"));
        s.ends();
    }
}

#[test]
fn f50_nor_does_a_half_read_listing_move_them() {
    let (mut s, all) = peopled(by_cursor());
    s.passes(1_000);
    all.iter().for_each(|item| s.edits(A, *item, "note", "one"));
    s.news();
    s.next(A, Trouble::SecondPageFails);
    assert!(!s.syncs().complete);
    let new = usize::try_from(s.news()).unwrap_or(0);
    let events = s.events().split_off(s.events().len() - new);
    let place = |wanted: &str| {
        let kinds = events.iter().map(|event| event.fact.kind()).enumerate();
        kinds.filter(|(_, kind)| *kind == wanted).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (observed, cursors) = (place("observed"), place("cursor"));
    assert!(observed.len() >= 5 && observed[4] < cursors[0], "{observed:?} {cursors:?}");
    s.ends();
}

#[test]
fn f51_a_process_that_is_killed_at_the_same_point_of_every_run_gets_done_all_the_same() {
    let mut s = Rules::new().page_size(2).begin();
    let names = ["Ann", "Bob", "Cem", "Dee", "Eva", "Fay", "Gus"];
    let all: Vec<Item> = names.iter().map(|name| s.creates_customer(A, name)).collect();
    let mut runs = 0;
    while s.dies(3, true) {
        s.passes(200);
        runs += 1;
        assert!(runs < 30, "it never gets done");
    }
    assert!(runs > 2, "it was killed {runs} times only");
    for item in &all {
        assert_eq!(s.everywhere(*item), [1, 1]);
    }
    s.ends();
}

#[test]
fn f89_a_change_that_nobody_announces_is_found() {
    let (mut s, all) = peopled(Rules::new());
    s.passes(86_400_000);
    s.edits(A, all[3], "name", "Deirdre");
    s.deletes(B, all[2]);
    s.syncs();
    s.assert_all_show(all[3], "name", "Deirdre");
    assert_eq!(s.everywhere(all[2]), [0, 0]);
    let observed =
        s.events().iter().filter(|event| matches!(event.fact, Fact::Observed { .. })).count();
    assert!(observed > 0);
    s.ends();
}
