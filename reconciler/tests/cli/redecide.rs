//! A changed rule decides what comes; what is past or waits is decided again only where a person says so.

use super::pair::{Pair, configured};
use super::support::Ran;
use serde_json::json;

const NOTE: &[(&str, &str)] = &[("note", "")];

/// Both changed the note under a rule.
fn decided_by(rule: &str, code: i32) -> Pair {
    let entity = format!("prefer = \"{rule}\"");
    let pair = Pair::agreed(&entity, NOTE, &json!({ "note": "old" }));
    pair.writes_at("till", 1_000, &json!({ "note": "left" }));
    pair.writes_at("books", 6_000, &json!({ "note": "right" }));
    pair.syncs(code);
    pair
}

fn rule(pair: &Pair, rule: &str) {
    let config = configured(&format!("prefer = \"{rule}\""), NOTE);
    std::fs::write(pair.0.path().join("mizan.toml"), config).expect("the configuration");
}

fn redecides(pair: &Pair, arguments: &[&str]) -> Ran {
    let ran = pair.0.run(&[&["redecide", "product"], arguments].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran
}

const SIGNED: &[&str] = &["--by", "huda", "--why", "the books are right"];

#[test]
fn a_changed_rule_leaves_the_past_alone_until_a_person_applies_it() {
    let pair = decided_by("till", 0);
    rule(&pair, "books");
    pair.syncs(0);
    pair.both_show("note", &json!("left"));
    let before = pair.0.log_bytes();
    let dry = redecides(&pair, &["--dry-run"]);
    assert!(dry.out.contains("left") && dry.out.contains("right"), "{}", dry.out);
    assert_eq!(pair.0.log_bytes(), before, "a dry run appends nothing");
    redecides(&pair, SIGNED);
    pair.syncs(0);
    pair.both_show("note", &json!("left"));
    redecides(&pair, &[SIGNED, &["--apply"]].concat());
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    pair.explained("note", "the books are right; redecided under declared/1");
    let again = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!(again["past"], json!([]), "it is a person's decision now");
}

#[test]
fn a_past_decision_is_asked_again_with_the_clocks_of_then() {
    let pair = decided_by("till", 0);
    rule(&pair, "newest");
    let found = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!(found["past"][0]["would"]["hold"]["text"], "right", "{found}");
    rule(&pair, "manual");
    let found = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!(found["past"][0]["would"], "wait");
    redecides(&pair, &[SIGNED, &["--apply"]].concat());
    pair.syncs(0);
    pair.both_show("note", &json!("left"));
}

#[test]
fn what_was_changed_since_is_not_touched() {
    for side in ["till", "books"] {
        let pair = decided_by("till", 0);
        pair.writes(side, &json!({ "note": "newer" }));
        pair.syncs(0);
        pair.writes(side, &json!({ "note": "left" }));
        pair.syncs(0);
        rule(&pair, "books");
        let found = redecides(&pair, &["--dry-run", "--json"]).json();
        assert_eq!(found["past"], json!([]), "somebody wrote that value since");
    }
}

#[test]
fn what_a_person_has_decided_since_is_not_touched() {
    let pair = decided_by("till", 0);
    rule(&pair, "manual");
    pair.writes("till", &json!({ "note": "third" }));
    pair.writes("books", &json!({ "note": "fourth" }));
    pair.syncs(3);
    let open = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!((&open["past"], &open["open"][0]["would"]), (&json!([]), &json!("wait")));
    assert_eq!(pair.resolves(&["--field", "note", "--value", "left"]).code, 0);
    pair.syncs(0);
    rule(&pair, "books");
    let found = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!(found["past"], json!([]), "left is a person's word now");
}

#[test]
fn an_open_conflict_waits_on_under_the_new_rule_until_it_is_decided_again() {
    let pair = decided_by("manual", 3);
    rule(&pair, "books");
    pair.syncs(3);
    pair.shown("the present one will take right");
    let found = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!(found["open"][0]["would"]["hold"]["text"], "right");
    pair.syncs(3);
    redecides(&pair, SIGNED);
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    pair.explained("note", "books is preferred, right holds; lost left (till)");
}

#[test]
fn news_of_a_record_decides_its_open_conflict_by_the_rules_now_in_force() {
    let pair = decided_by("manual", 3);
    rule(&pair, "books");
    pair.writes("till", &json!({ "note": "left again" }));
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
}

const ADDRESS: &[(&str, &str)] =
    &[("street", "group = \"address\""), ("city", "group = \"address\"")];

/// An address that was decided by preferring the till, when the books are preferred now.
fn address_decided() -> Pair {
    let old = json!({ "street": "Palm 1", "city": "Jeddah" });
    let pair = Pair::agreed("prefer = \"till\"", ADDRESS, &old);
    pair.writes("till", &json!({ "street": "Rose 5" }));
    pair.writes("books", &json!({ "city": "Abha" }));
    pair.syncs(0);
    let config = configured("prefer = \"books\"", ADDRESS);
    std::fs::write(pair.0.path().join("mizan.toml"), config).expect("the configuration");
    pair
}

#[test]
fn an_address_of_which_a_part_was_changed_since_is_not_touched() {
    let pair = address_decided();
    pair.writes("till", &json!({ "city": "Yanbu" }));
    pair.syncs(0);
    let found = redecides(&pair, &["--dry-run", "--json"]).json();
    assert_eq!(found["past"], json!([]), "the street of one address, the city of another");
}

#[test]
fn a_group_is_decided_again_as_one() {
    let pair = address_decided();
    redecides(&pair, &[SIGNED, &["--apply"]].concat());
    pair.syncs(0);
    pair.both_show("street", &json!("Palm 1"));
    pair.both_show("city", &json!("Abha"));
}

#[test]
fn a_word_needs_its_author_and_the_entity_its_name() {
    let pair = decided_by("till", 0);
    assert_eq!(pair.0.run(&["redecide", "product"]).code, 2);
    assert_eq!(pair.0.run(&["redecide", "product", "--by", "huda", "--why", ""]).code, 2);
    let wrong = pair.0.run(&["redecide", "prodct", "--dry-run"]);
    assert!(wrong.code == 2 && wrong.err.contains("there are product"), "{}", wrong.err);
    let nothing = redecides(&pair, &["--dry-run"]);
    assert!(nothing.out.contains("change nothing"), "{}", nothing.out);
}
