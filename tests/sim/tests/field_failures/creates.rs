//! Creates in doubt, identity and duplicates: one row for each thing, whatever is lost.

use mizan_core::{Field, Type, Value};
use mizan_testkit::scenario::{A, B, Item, Rules, Scenario};
use mizan_testkit::{Law, Moment, Trouble, Vice};
use std::collections::BTreeMap;

/// A side that takes no idempotency key and keeps a marker.
fn keyless() -> Rules {
    Rules::new().offers(B, |offers| offers.idempotent = false)
}

fn customer(s: &mut Scenario, side: usize, email: &str, name: &str) -> Item {
    s.creates(side, "customer", &[("email", Value::text(email)), ("name", Value::text(name))])
}

#[test]
fn f54_a_key_that_does_nothing_must_not_be_declared() {
    let create = |rules: Rules| {
        let mut s = rules.begin();
        let ann = s.creates_customer(A, "Ann");
        s.next(B, Trouble::AnswerLost);
        s.syncs();
        s.syncs();
        (s, ann)
    };
    // The side says that it takes a key, and does not: nobody can keep that apart from a lost request.
    let (s, ann) = create(Rules::new().vice(B, Vice::KeyIgnored));
    assert_eq!(s.everywhere(ann), [1, 2]);
    assert!(s.ends_breaking().contains(&Law::NoDuplicate));
    // The same side, declared as it is.
    let (s, ann) = create(keyless().vice(B, Vice::KeyIgnored));
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.ends();
}

#[test]
fn f55_no_crash_between_a_create_and_its_outcome_makes_an_orphan() {
    for rules in [Rules::new(), keyless()] {
        let mut died = 0;
        for append in 1..12 {
            for after in [false, true] {
                let mut s = rules.clone().begin();
                let ann = s.creates_customer(A, "Ann");
                died += u32::from(s.dies(append, after));
                s.passes(1_000);
                s.syncs();
                assert_eq!(s.everywhere(ann), [1, 1], "append {append} {after}\n{}", s.told());
                assert_eq!(s.records(ann), 1);
                s.ends();
            }
        }
        assert!(died > 10, "the process hardly ever died");
    }
}

#[test]
fn f57_the_same_row_twice_on_one_page_is_one_record() {
    let mut s = Rules::new().vice(A, Vice::RowsTwice).vice(A, Vice::PageRepeated).begin();
    let ann = s.creates_customer(A, "Ann");
    let order = s.creates_order(A, "o-1", ann);
    s.syncs();
    for item in [ann, order] {
        assert_eq!((s.everywhere(item), s.records(item)), (vec![1, 1], 1));
    }
    s.ends();
}

#[test]
fn f58_a_row_made_edited_and_typed_in_before_the_first_look_is_one_record() {
    let mut s = Rules::new().prefers(A).begin();
    let ann = s.creates_customer(A, "Ann");
    s.edits(A, ann, "name", "Anna");
    s.types_in(B, ann, &[("email", Value::text("ann@example.org")), ("note", Value::text("vip"))]);
    s.edits(B, ann, "phone", "12");
    s.syncs();
    s.assert_all_show(ann, "name", "Anna");
    s.assert_all_show(ann, "note", "vip");
    s.assert_all_show(ann, "phone", "12");
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.ends();
}

#[test]
fn f59_a_first_sync_of_two_full_sides_links_and_creates_only_what_is_missing() {
    let mut s = Rules::new().begin();
    let names = ["Ann", "Bob", "Cem", "Dee"];
    let all: Vec<Item> = names.iter().map(|name| s.creates_customer(A, name)).collect();
    for (item, name) in all.iter().zip(names).take(3) {
        let email = Value::text(format!("{}@example.org", name.to_lowercase()));
        s.types_in(B, *item, &[("email", email), ("name", Value::text(name))]);
    }
    let only_there = customer(&mut s, B, "eva@example.org", "Eva");
    let plan = s.plans().plan.expect("it was only planned");
    assert_eq!(plan.commands.len(), 2, "what it would do is shown first");
    assert_eq!(s.writes(), 0);
    s.syncs();
    assert_eq!(s.writes(), 2);
    for item in all.iter().chain([&only_there]) {
        assert_eq!(s.everywhere(*item), [1, 1]);
    }
    s.ends();
}

#[test]
fn f60_a_key_that_is_renamed_makes_no_new_row() {
    let mut s = Rules::new().begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    s.writes();
    s.edits(A, ann, "email", "ann@new.example");
    s.syncs();
    assert_eq!(s.writes(), 1, "one update");
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.assert_all_show(ann, "email", "ann@new.example");
    s.ends();
}

#[test]
fn f61_a_key_of_one_kind_matches_nothing_of_another() {
    let mut s = Rules::new().begin();
    let same = customer(&mut s, A, "o-1", "Ann");
    let owner = customer(&mut s, B, "bob@example.org", "Bob");
    let order = s.creates_order(B, "o-1", owner);
    s.syncs();
    assert_ne!(s.record(same), s.record(order));
    for item in [same, order, owner] {
        assert_eq!(s.everywhere(item), [1, 1]);
    }
    s.ends();
}

#[test]
fn f62_ids_that_look_like_nothing_are_ids() {
    let mut s = Rules::new().vice(A, Vice::OddIds).vice(B, Vice::OddIds).page_size(1).begin();
    let ann = s.creates_customer(A, "Ann");
    let bob = s.creates_customer(A, "Bob");
    let order = s.creates_order(A, "o-1", ann);
    s.syncs();
    for item in [ann, bob, order] {
        assert_eq!((s.everywhere(item), s.records(item)), (vec![1, 1], 1));
    }
    s.edits(B, ann, "name", "Anna");
    s.gives(B, order, bob);
    s.deletes(B, ann);
    s.syncs();
    assert_eq!(s.everywhere(ann), [0, 0]);
    assert_eq!(s.everywhere(order), [1, 1]);
    s.ends();
}

#[test]
fn f64_a_merge_of_two_rows_on_one_side_is_carried_and_not_undone() {
    let mut s = Rules::new().begin();
    let (ann, anna) = (s.creates_customer(A, "Ann"), s.creates_customer(A, "Anna"));
    let order = s.creates_order(A, "o-1", anna);
    s.syncs();
    s.gives(B, order, ann);
    s.deletes(B, anna);
    s.syncs();
    s.sweeps();
    assert_eq!(s.everywhere(anna), [0, 0]);
    assert_eq!(s.everywhere(ann), [1, 1]);
    assert_eq!(s.everywhere(order), [1, 1]);
    s.writes();
    s.sweeps();
    assert_eq!(s.writes(), 0);
    s.ends();
}

#[test]
fn f65_two_equal_lines_of_one_order_stay_two() {
    let line = Value::Map(BTreeMap::from([("sku".into(), Value::text("tea"))]));
    let lines = Value::List(vec![line.clone(), line]);
    let mut s = Rules::new().field("order", Field::new("lines", Type::Items(Vec::new()))).begin();
    let ann = s.creates_customer(A, "Ann");
    let order = s.creates_order(A, "o-1", ann);
    s.edits(A, order, "lines", lines.clone());
    s.syncs();
    s.sweeps();
    s.assert_all_show(order, "lines", lines);
    s.ends();
}

#[test]
fn f66_a_key_that_another_row_has_is_refused_and_holds_back_nothing_else() {
    let rules = Rules::new().offers(B, |offers| offers.unique_key = true);
    let mut s = rules.begin();
    let (ann, bob) = (s.creates_customer(A, "Ann"), s.creates_customer(A, "Bob"));
    s.syncs();
    s.edits(A, ann, "email", "bob@example.org");
    s.edits(A, bob, "name", "Robert");
    let report = s.syncs();
    assert_eq!(report.standing.refused, 1);
    s.assert_all_show(bob, "name", "Robert");
    s.assert_shows(B, ann, "email", "ann@example.org");
    s.edits(A, ann, "email", "ann@example.com");
    s.syncs();
    s.assert_all_show(ann, "email", "ann@example.com");
    s.ends();
}

#[test]
fn f82_a_request_that_arrives_after_it_was_given_up_is_found_and_not_repeated() {
    let mut s = keyless().offers(B, |offers| offers.late_arrivals = true).begin();
    let ann = s.creates_customer(A, "Ann");
    s.next(B, Trouble::RequestLate);
    s.syncs();
    assert_eq!(s.everywhere(ann), [1, 0]);
    s.syncs();
    assert_eq!(s.asked(B), 1, "it may still arrive, so it is not sent again");
    s.passes(200);
    s.syncs();
    assert_eq!((s.everywhere(ann), s.asked(B)), (vec![1, 1], 1));
    s.ends();
}

#[test]
fn f56_a_user_who_types_the_row_in_while_we_create_it_makes_no_second_record() {
    let mut s = Rules::new().prefers(A).offers(B, |offers| offers.unique_key = true).begin();
    let ann = s.creates_customer(A, "Ann");
    s.meanwhile(B, Moment::BeforeWrite, move |world| {
        let fields = [("email", Value::text("ann@example.org")), ("note", Value::text("typed"))];
        world.user_types_in(B, ann.0, &fields);
    });
    s.syncs();
    s.syncs();
    assert_eq!((s.everywhere(ann), s.records(ann)), (vec![1, 1], 1));
    s.assert_all_show(ann, "note", "typed");
    s.ends();
}
