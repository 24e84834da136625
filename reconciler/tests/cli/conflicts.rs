//! A person's word on a conflict: given, set aside, taken back, refused where it is about an old view.

use super::pair::{Pair, configured};
use super::support::Shop;
use serde_json::json;

const FIELDS: &[(&str, &str)] = &[("note", ""), ("color", "")];

/// Both changed the note, and nothing decides.
fn waiting() -> Pair {
    let pair = Pair::agreed("", FIELDS, &json!({ "note": "old", "color": "red" }));
    pair.writes("till", &json!({ "note": "left" }));
    pair.writes("books", &json!({ "note": "right" }));
    pair.syncs(3);
    pair
}

#[test]
fn a_conflict_is_shown_with_all_that_is_needed_to_decide_it() {
    let pair = waiting();
    let listed = pair.0.run(&["conflicts", "list"]);
    for part in ["r0", "product A", "note", "since"] {
        assert!(listed.out.contains(part), "{part} in {}", listed.out);
    }
    for part in ["before", "old", "left", "right", "ask a person", "--take books --at"] {
        pair.shown(part);
    }
    let shown = pair.0.run(&["conflicts", "show", "product:A", "--json"]).json();
    assert_eq!(shown["open"][0]["why"]["rule"], "manual");
    assert_eq!(shown["open"][0]["sides"][0]["then"]["text"], "right");
}

#[test]
fn what_a_side_showed_when_it_began_is_remembered() {
    let pair = waiting();
    pair.writes("till", &json!({ "note": "left again" }));
    pair.syncs(3);
    let shown = pair.0.run(&["conflicts", "show", "product:A", "--json"]).json();
    let till = &shown["open"][0]["sides"][1];
    assert_eq!(
        (&till["then"]["text"], &till["now"]["text"]),
        (&json!("left"), &json!("left again"))
    );
    pair.shown("when it began");
}

#[test]
fn a_sides_value_is_taken() {
    let pair = waiting();
    assert_eq!(pair.resolves(&["--take", "books"]).code, 0);
    assert_eq!(pair.listed(&[]), (0, 0), "decided, for the next sync");
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    pair.explained("note", "huda decided on note: what books shows (checked the label)");
    pair.explained("note", "a person chose right; lost left (till), old (merged before)");
}

#[test]
fn two_words_on_two_fields_both_hold() {
    let pair = waiting();
    pair.writes("till", &json!({ "color": "blue" }));
    pair.writes("books", &json!({ "color": "green" }));
    pair.syncs(3);
    assert_eq!(pair.resolves(&["--field", "note", "--take", "books"]).code, 0);
    assert_eq!(pair.resolves(&["--field", "color", "--value", "teal"]).code, 0);
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    pair.both_show("color", &json!("teal"));
}

#[test]
fn a_word_needs_an_author_a_reason_and_a_choice() {
    let pair = waiting();
    let refused = |arguments: &[&str]| {
        let base = ["conflicts", "resolve", "product:A", "--at", "99"];
        assert_eq!(pair.0.run(&[&base, arguments].concat()).code, 2, "{arguments:?}");
    };
    refused(&["--take", "till", "--by", "huda"]);
    refused(&["--take", "till", "--by", "huda", "--why", ""]);
    refused(&["--take", "till", "--by", "huda", "--why", " "]);
    refused(&["--take", "till", "--why", "seen"]);
    refused(&["--by", "huda", "--why", "seen"]);
    refused(&["--take", "shop", "--by", "huda", "--why", "seen"]);
    refused(&["--take", "till", "--field", "color", "--by", "huda", "--why", "seen"]);
    refused(&["--keep", "--by", "huda", "--why", "seen"]);
    assert_eq!(pair.listed(&[]), (3, 1));
}

#[test]
fn a_word_on_an_old_view_is_refused() {
    let pair = waiting();
    let at = pair.0.run(&["conflicts", "show", "product:A", "--json"]).json()["at"].to_string();
    pair.writes("books", &json!({ "note": "third" }));
    pair.syncs(3);
    let word = ["conflicts", "resolve", "product:A", "--take", "books", "--by", "huda", "--why"];
    let late = pair.0.run(&[&word[..], &["seen", "--at", &at]].concat());
    assert_eq!(late.code, 4, "{}", late.err);
    assert!(late.err.contains("has changed since"), "{}", late.err);
}

#[test]
fn what_is_set_aside_is_not_asked_again_before_the_record_changes() {
    let pair = waiting();
    assert_eq!(pair.resolves(&["--skip"]).code, 0);
    assert_eq!((pair.listed(&[]), pair.listed(&["--all"])), ((0, 0), (0, 1)));
    assert_eq!(pair.syncs(0).json()["standing"]["set_aside"], 1);
    let said = pair.0.run(&["sync"]).out;
    assert!(said.contains("1 in conflict and set aside"), "{said}");
    assert!(!said.contains("in balance"), "the sides differ: {said}");
    pair.shows("till", "note", &json!("left"));
    pair.shows("books", "note", &json!("right"));
    pair.shown("set aside until the record changes");
    pair.writes("till", &json!({ "color": "blue" }));
    pair.syncs(3);
    assert_eq!(pair.listed(&[]), (3, 1));
}

#[test]
fn what_was_set_aside_can_be_taken_up_again() {
    let pair = waiting();
    pair.resolves(&["--skip"]);
    assert_eq!(pair.undoes().code, 0);
    pair.syncs(3);
}

#[test]
fn a_word_that_was_not_carried_out_is_withdrawn() {
    let pair = waiting();
    pair.resolves(&["--take", "books"]);
    let undone = pair.undoes();
    assert!(undone.out.contains("it had not been carried out"), "{}", undone.out);
    pair.syncs(3);
    pair.shows("till", "note", &json!("left"));
    pair.explained("note", "took back");
}

#[test]
fn a_word_that_was_carried_out_is_taken_back_for_what_held_before() {
    let pair = waiting();
    pair.resolves(&["--take", "books"]);
    pair.syncs(0);
    let undone = pair.undoes();
    assert!(undone.out.contains("note: right becomes old again"), "{}", undone.out);
    pair.syncs(0);
    pair.both_show("note", &json!("old"));
    assert_eq!(pair.undoes().code, 0, "and taken back itself");
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
}

#[test]
fn a_later_change_is_not_thrown_away_with_a_word_that_is_taken_back() {
    let pair = waiting();
    pair.resolves(&["--take", "books"]);
    pair.syncs(0);
    pair.writes("till", &json!({ "note": "newer" }));
    pair.syncs(0);
    let undone = pair.undoes();
    assert_eq!(undone.code, 4);
    assert!(undone.err.contains("`note` was changed to newer since"), "{}", undone.err);
    pair.both_show("note", &json!("newer"));
}

#[test]
fn taking_back_never_empties_a_field_that_held_nothing_before() {
    let pair = Pair(Shop::new(&configured("", FIELDS)));
    pair.writes("till", &json!({ "note": "left" }));
    pair.writes("books", &json!({ "note": "right" }));
    pair.syncs(3);
    pair.resolves(&["--take", "till"]);
    pair.syncs(0);
    let undone = pair.undoes();
    assert!(undone.code == 4 && undone.err.contains("nothing held for `note`"), "{}", undone.err);
    pair.both_show("note", &json!("left"));
}

#[test]
fn nothing_is_taken_back_where_nobody_said_anything() {
    let pair = waiting();
    assert_eq!(pair.undoes().code, 2);
}

/// Deleted on the till, changed in the books.
fn disputed() -> Pair {
    let pair = Pair::agreed("on_delete = \"park\"", FIELDS, &json!({ "note": "old" }));
    pair.deletes("till");
    pair.writes("books", &json!({ "note": "right" }));
    pair.syncs(3);
    pair.shown("deleted on till, and changed on books");
    pair
}

#[test]
fn a_person_keeps_what_one_side_deleted() {
    let pair = disputed();
    assert_eq!(pair.resolves(&["--skip"]).code, 2, "a life cannot be set aside");
    assert_eq!(pair.resolves(&["--keep"]).code, 0);
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    let undone = pair.undoes();
    assert!(undone.code == 2 && undone.err.contains("delete the row on a side"), "{}", undone.err);
}

#[test]
fn a_person_deletes_everywhere_what_one_side_deleted() {
    let pair = disputed();
    assert_eq!(pair.resolves(&["--delete"]).code, 0);
    pair.syncs(0);
    assert!(pair.0.names("books/products").is_empty());
}

#[test]
fn what_waits_holds_nothing_else_back() {
    let pair = waiting();
    let put = |file: &str, sku: &str, note: &str| {
        pair.0.put(file, &json!({ "sku": sku, "note": note, "color": "red" }));
    };
    // Two rows with one key: parked.
    put("till/products/B.json", "B", "one");
    put("till/products/B2.json", "B", "two");
    put("books/products/B.json", "B", "three");
    put("till/products/C.json", "C", "fine");
    pair.writes("till", &json!({ "color": "blue" }));
    let report = pair.syncs(3).json();
    assert_eq!(report["standing"]["conflicts"], 1);
    assert!(report["standing"]["parked"].as_u64().is_some_and(|parked| parked > 0), "{report}");
    assert_eq!(pair.0.get("books/products/C.json")["note"], "fine", "another record");
    pair.shows("books", "color", &json!("blue"));
    put("books/products/C.json", "C", "finer");
    pair.syncs(3);
    assert_eq!(pair.0.get("till/products/C.json")["note"], "finer");
}
