//! Every pair of things that two users can do to one record at the same time, under each way to decide.
//!
//! Ann is on both sides. One user acts on A, another on B, neither has seen the other's act, and a sync follows.

use mizan_core::event::{Choice, Found};
use mizan_core::{DeletePolicy, Rivalry, SideId, Value};
use mizan_testkit::scenario::{A, B, Item, Rules, Scenario};

use DeletePolicy::{DeleteWins, EditWins, Park};

const POLICIES: [DeletePolicy; 3] = [EditWins, DeleteWins, Park];

fn ann(rules: Rules) -> (Scenario, Item) {
    let mut s = rules.begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    s.writes();
    (s, ann)
}

fn on_delete(policy: DeletePolicy) -> (Scenario, Item) {
    ann(Rules::new().on_delete(policy))
}

fn texts(losers: &[Value]) -> Vec<String> {
    losers.iter().map(ToString::to_string).collect()
}

#[test]
fn edit_and_edit_of_different_fields_are_both_kept_and_nothing_is_decided() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        s.edits(A, ann, "name", "Anna");
        s.edits(B, ann, "note", "vip");
        s.syncs();
        s.assert_all_show(ann, "name", "Anna");
        s.assert_all_show(ann, "note", "vip");
        assert!(s.decisions(ann, "name").is_empty() && s.decisions(ann, "note").is_empty());
        assert_eq!(s.writes(), 2);
        s.ends();
    }
}

#[test]
fn edit_and_edit_of_one_field_are_decided_for_the_preferred_side() {
    for (winner, name, loser) in [(A, "Anna", "Anne"), (B, "Anne", "Anna")] {
        let (mut s, ann) = ann(Rules::new().prefers(winner));
        s.edits(A, ann, "name", "Anna");
        s.edits(B, ann, "name", "Anne");
        s.syncs();
        s.assert_all_show(ann, "name", name);
        assert_eq!(s.found(ann, "name"), Some(Found::Preferred));
        assert_eq!(texts(&s.losers(ann, "name")), [loser]);
        assert_eq!(s.writes(), 1);
        s.ends();
    }
}

#[test]
fn edit_and_edit_of_one_field_wait_for_a_person_where_the_field_says_so() {
    let (mut s, ann) = ann(Rules::new());
    s.edits(A, ann, "name", "Anna");
    s.edits(A, ann, "note", "vip");
    s.edits(B, ann, "name", "Anne");
    s.syncs();
    assert_eq!(s.conflicts(ann), ["name"]);
    s.assert_shows(A, ann, "name", "Anna");
    s.assert_shows(B, ann, "name", "Anne");
    s.assert_all_show(ann, "note", "vip");
    s.decides(ann, "name", Choice::Side(SideId::new("A")));
    s.syncs();
    s.assert_all_show(ann, "name", "Anna");
    assert_eq!(s.found(ann, "name"), Some(Found::Person));
    s.ends();
}

#[test]
fn a_person_may_say_a_third_value_or_set_the_conflict_aside() {
    let (mut s, ann) = ann(Rules::new());
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    s.syncs();
    s.decides(ann, "name", Choice::Skip);
    let report = s.syncs();
    assert_eq!((report.standing.conflicts, s.writes()), (0, 0));
    s.decides(ann, "name", Choice::Value(Value::text("Hannah")));
    s.syncs();
    s.assert_all_show(ann, "name", "Hannah");
    s.allows(&[mizan_testkit::Law::NoInvention]);
    s.ends();
}

#[test]
fn the_same_edit_on_both_sides_is_agreement() {
    for rivalry in [Rivalry::Manual, Rivalry::Prefer(SideId::new("B"))] {
        let (mut s, ann) = ann(Rules::new().rivalry(&rivalry));
        s.edits(A, ann, "name", "Anna");
        s.edits(B, ann, "name", "Anna");
        s.syncs();
        s.assert_all_show(ann, "name", "Anna");
        assert!(s.decisions(ann, "name").is_empty(), "nobody lost");
        assert_eq!(s.writes(), 0, "and nothing was sent");
        s.ends();
    }
}

#[test]
fn an_edit_and_emptying_the_field_are_rivals_too() {
    let (mut s, ann) = ann(Rules::new().prefers(B));
    s.edits(A, ann, "name", "Anna");
    s.clears(B, ann, "name");
    s.syncs();
    s.assert_all_show(ann, "name", Value::Null);
    assert_eq!(texts(&s.losers(ann, "name")), ["Anna"]);
    s.ends();
}

#[test]
fn edit_and_undone_edit_is_only_an_edit() {
    let (mut s, ann) = ann(Rules::new().prefers(B));
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    s.edits(B, ann, "name", "Ann");
    s.syncs();
    s.assert_all_show(ann, "name", "Anna");
    assert!(s.losers(ann, "name").is_empty());
    s.ends();
}

#[test]
fn delete_and_nothing_is_a_delete_under_every_policy() {
    for policy in POLICIES {
        for side in [A, B] {
            let (mut s, ann) = on_delete(policy);
            s.deletes(side, ann);
            s.syncs();
            assert_eq!((s.everywhere(ann), s.writes()), (vec![0, 0], 1), "{policy:?}");
            s.ends();
        }
    }
}

#[test]
fn delete_and_delete_agree_under_every_policy() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        s.deletes(A, ann);
        s.deletes(B, ann);
        s.syncs();
        assert_eq!((s.everywhere(ann), s.writes()), (vec![0, 0], 0));
        s.ends();
    }
}

#[test]
fn delete_and_edit_with_edit_wins_brings_the_row_back_with_the_edit() {
    for (deletes, edits) in [(A, B), (B, A)] {
        let (mut s, ann) = on_delete(EditWins);
        s.deletes(deletes, ann);
        s.edits(edits, ann, "note", "vip");
        s.syncs();
        assert_eq!((s.everywhere(ann), s.writes()), (vec![1, 1], 1));
        s.assert_all_show(ann, "note", "vip");
        s.assert_all_show(ann, "name", "Ann");
        assert_eq!(s.known(ann).life, 2, "it is another life");
        s.ends();
    }
}

#[test]
fn delete_and_edit_with_delete_wins_deletes_and_keeps_the_edit_on_record() {
    for (deletes, edits) in [(A, B), (B, A)] {
        let (mut s, ann) = on_delete(DeleteWins);
        s.deletes(deletes, ann);
        s.edits(edits, ann, "note", "vip");
        s.syncs();
        assert_eq!((s.everywhere(ann), s.writes()), (vec![0, 0], 1));
        assert_eq!(texts(&s.losers(ann, "note")), ["vip"]);
        assert_eq!(s.found(ann, "note"), Some(Found::Died));
        s.ends();
    }
}

#[test]
fn delete_and_edit_with_park_wait_for_a_person_who_keeps_or_deletes() {
    for keep in [true, false] {
        let (mut s, ann) = on_delete(Park);
        s.deletes(B, ann);
        s.edits(A, ann, "note", "vip");
        s.syncs();
        s.sweeps();
        assert_eq!((s.everywhere(ann), s.writes()), (vec![1, 0], 0));
        assert!(s.known(ann).disputed);
        s.keeps(ann, keep);
        s.syncs();
        let there = usize::from(keep);
        assert_eq!((s.everywhere(ann), s.writes()), (vec![there, there], 1));
        if keep {
            s.assert_all_show(ann, "note", "vip");
        } else {
            assert!(s.losers(ann, "note").contains(&Value::text("vip")));
        }
        s.ends();
    }
}

#[test]
fn an_edit_that_the_deleter_had_seen_does_not_bring_the_row_back() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        s.edits(A, ann, "note", "vip");
        s.syncs();
        s.deletes(B, ann);
        s.syncs();
        assert_eq!(s.everywhere(ann), [0, 0], "{policy:?}");
        s.ends();
    }
}

#[test]
fn edit_then_delete_on_one_side_is_a_delete_that_knew() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        s.edits(B, ann, "note", "vip");
        s.deletes(B, ann);
        s.syncs();
        assert_eq!(s.everywhere(ann), [0, 0], "{policy:?}");
        s.ends();
    }
}

#[test]
fn edits_that_their_own_authors_delete_before_anybody_saw_them_leave_nothing() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        s.edits(A, ann, "note", "one");
        s.edits(B, ann, "phone", "12");
        s.deletes(A, ann);
        s.deletes(B, ann);
        s.syncs();
        assert_eq!(s.everywhere(ann), [0, 0], "no copy is left to bring back");
        s.ends();
    }
}

#[test]
fn delete_and_a_child_made_elsewhere() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        s.deletes(B, ann);
        let order = s.creates_order(A, "o-1", ann);
        s.syncs();
        s.syncs();
        match policy {
            // A child brings its customer back, whoever wins between edits and deletes.
            EditWins | DeleteWins => {
                assert_eq!(s.everywhere(ann), [1, 1], "{policy:?}\n{}", s.told());
                assert_eq!(s.everywhere(order), [1, 1], "{policy:?}");
            }
            Park => {
                assert_eq!(s.everywhere(ann), [1, 0]);
                assert_eq!(s.everywhere(order), [1, 0], "it waits for its customer");
                s.keeps(ann, true);
                s.syncs();
                assert_eq!((s.everywhere(ann), s.everywhere(order)), (vec![1, 1], vec![1, 1]));
            }
        }
        s.ends();
    }
}

#[test]
fn delete_of_parent_and_child_together_goes_through() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        let order = s.creates_order(A, "o-1", ann);
        s.syncs();
        s.deletes(B, order);
        s.deletes(B, ann);
        s.syncs();
        assert_eq!((s.everywhere(ann), s.everywhere(order)), (vec![0, 0], vec![0, 0]));
        s.ends();
    }
}

#[test]
fn create_and_create_with_one_key_are_one_record() {
    let email = || ("email", Value::text("ann@example.org"));
    for (preferred, name) in [(A, "Ann"), (B, "Anne")] {
        let mut s = Rules::new().prefers(preferred).begin();
        let ann = s.creates(A, "customer", &[email(), ("name", Value::text("Ann"))]);
        let fields = [email(), ("name", Value::text("Anne")), ("phone", Value::text("12"))];
        s.types_in(B, ann, &fields);
        s.syncs();
        assert_eq!((s.everywhere(ann), s.records(ann)), (vec![1, 1], 1));
        s.assert_all_show(ann, "name", name);
        s.assert_all_show(ann, "phone", "12");
        s.ends();
    }
}

#[test]
fn create_and_create_with_one_key_and_no_preference_wait_field_by_field() {
    let email = || ("email", Value::text("ann@example.org"));
    let mut s = Rules::new().begin();
    let ann = s.creates(A, "customer", &[email(), ("name", Value::text("Ann"))]);
    s.types_in(B, ann, &[email(), ("name", Value::text("Anne")), ("phone", Value::text("12"))]);
    s.syncs();
    assert_eq!((s.everywhere(ann), s.records(ann)), (vec![1, 1], 1));
    assert_eq!(s.conflicts(ann), ["name"]);
    s.assert_all_show(ann, "phone", "12");
    s.ends();
}

#[test]
fn create_and_create_with_different_keys_are_two_records() {
    let mut s = Rules::new().begin();
    let (ann, bob) = (s.creates_customer(A, "Ann"), s.creates_customer(B, "Bob"));
    s.syncs();
    assert_eq!((s.everywhere(ann), s.everywhere(bob)), (vec![1, 1], vec![1, 1]));
    assert_eq!(s.writes(), 2);
    s.ends();
}

#[test]
fn the_owners_edit_holds_against_an_override_and_the_override_is_on_record() {
    let (mut s, ann) = ann(Rules::new().owner("note", B));
    s.edits(A, ann, "note", "mine");
    s.edits(B, ann, "note", "ours");
    s.syncs();
    s.assert_all_show(ann, "note", "ours");
    assert_eq!(texts(&s.losers(ann, "note")), ["mine"]);
    assert_eq!(s.found(ann, "note"), Some(Found::Owner));
    s.ends();
}

#[test]
fn an_override_alone_is_put_back_and_on_record() {
    let (mut s, ann) = ann(Rules::new().owner("note", B));
    s.edits(B, ann, "note", "ours");
    s.syncs();
    s.edits(A, ann, "note", "mine");
    s.syncs();
    s.assert_all_show(ann, "note", "ours");
    assert_eq!(s.found(ann, "note"), Some(Found::Reverted));
    assert_eq!(texts(&s.losers(ann, "note")), ["mine"]);
    s.ends();
}

#[test]
fn delete_and_override_by_a_side_that_does_not_own_the_field_is_a_delete() {
    for policy in POLICIES {
        let (mut s, ann) = ann(Rules::new().owner("note", B).on_delete(policy));
        s.deletes(B, ann);
        s.edits(A, ann, "note", "mine");
        s.syncs();
        assert_eq!(s.everywhere(ann), [0, 0], "an override is no edit: {policy:?}");
        s.ends();
    }
}

#[test]
fn delete_by_the_overriding_side_and_edit_by_the_owner() {
    for policy in POLICIES {
        let (mut s, ann) = ann(Rules::new().owner("note", B).on_delete(policy));
        s.deletes(A, ann);
        s.edits(B, ann, "note", "ours");
        s.syncs();
        let wanted = match policy {
            EditWins => [1, 1],
            DeleteWins => [0, 0],
            Park => [0, 1],
        };
        assert_eq!(s.everywhere(ann), wanted, "{policy:?}");
        s.ends();
    }
}

#[test]
fn movement_and_movement_add_up() {
    let (mut s, ann) = ann(Rules::new());
    let order = s.creates_order(A, "o-1", ann);
    s.syncs();
    s.moves_stock(A, order, -3);
    s.moves_stock(B, order, -4);
    s.syncs();
    s.assert_all_show(order, "stock", 93);
    assert_eq!(s.found(order, "stock"), Some(Found::Summed));
    s.ends();
}

#[test]
fn the_same_movement_on_both_sides_is_two_movements() {
    let (mut s, ann) = ann(Rules::new());
    let order = s.creates_order(A, "o-1", ann);
    s.syncs();
    s.moves_stock(A, order, -3);
    s.moves_stock(B, order, -3);
    s.syncs();
    s.assert_all_show(order, "stock", 94);
    s.ends();
}

#[test]
fn delete_and_movement() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        let order = s.creates_order(A, "o-1", ann);
        s.syncs();
        s.deletes(B, order);
        s.moves_stock(A, order, -3);
        s.syncs();
        let wanted = match policy {
            EditWins => [1, 1],
            DeleteWins => [0, 0],
            Park => [1, 0],
        };
        assert_eq!(s.everywhere(order), wanted, "{policy:?}");
        s.ends();
    }
}

#[test]
fn reference_and_delete_of_what_it_refers_to() {
    for policy in POLICIES {
        let (mut s, ann) = on_delete(policy);
        let bob = s.creates_customer(A, "Bob");
        let order = s.creates_order(A, "o-1", ann);
        s.syncs();
        s.gives(A, order, bob);
        s.deletes(B, bob);
        s.syncs();
        s.syncs();
        match policy {
            EditWins | DeleteWins => assert_eq!(s.everywhere(bob), [1, 1], "{policy:?}"),
            Park => assert_eq!(s.everywhere(bob), [1, 0]),
        }
        assert_eq!(s.everywhere(order), [1, 1], "{policy:?}");
        s.ends();
    }
}
