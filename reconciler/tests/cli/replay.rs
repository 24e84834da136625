//! `mizan replay`: what a person sees of the past computed again.

use super::pair::{Pair, configured};
use serde_json::json;

const PRICE: &[(&str, &str)] = &[("price", "type = \"decimal\"")];

fn quarrel() -> Pair {
    let pair = Pair::agreed("prefer = \"till\"", PRICE, &json!({ "price": "10" }));
    pair.writes("till", &json!({ "price": "11" }));
    pair.writes("books", &json!({ "price": "12" }));
    pair.syncs(0);
    pair
}

fn rule(pair: &Pair, rule: &str) {
    let config = configured(&format!("prefer = \"{rule}\""), PRICE);
    std::fs::write(pair.0.path().join("mizan.toml"), config).expect("the configuration");
}

#[test]
fn the_past_comes_out_again_under_other_rules_and_nothing_is_changed() {
    let pair = quarrel();
    rule(&pair, "books");
    let before = pair.0.log_bytes();
    let ran = pair.0.run(&["replay", "--verify", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let told = ran.json();
    assert_eq!(told["replay"]["live"]["equal"], true, "{told}");
    assert_eq!(told["verify"]["decisions"]["differs"], 0, "{told}");
    assert_eq!(told["verify"]["decisions"]["unverifiable"], 0, "{told}");
    assert_eq!(told["verify"]["conflicts"], 1, "{told}");
    let confirmed = told["verify"]["intents"]["confirmed"].as_u64();
    assert!(confirmed.is_some_and(|confirmed| confirmed >= 2), "{told}");
    let ran = pair.0.run(&["replay", "--verify"]);
    assert!(ran.out.contains("everything that could be computed again"), "{}", ran.out);
    assert_eq!(pair.0.log_bytes(), before, "looking appends nothing");
}

#[test]
fn a_position_or_a_day_is_folded_to() {
    let pair = quarrel();
    let at = |at: &str| pair.0.run(&["replay", "--json", "--at", at]);
    assert_eq!(at("3").json()["replay"]["at"], 3);
    assert_eq!(at("1990-01-01").json()["replay"]["at"], 0);
    let all = at("2990-01-01T00:00:00Z").json();
    assert_eq!(all["replay"]["live"]["equal"], true, "{all}");
    let wrong = pair.0.run(&["replay", "--at", "yesterday"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("a day (2026-11-25)"), "{}", wrong.err);
}

#[test]
fn what_was_erased_is_unverifiable_and_no_difference() {
    let pair = Pair::agreed("prefer = \"till\"\npersonal = true", PRICE, &json!({ "price": "10" }));
    pair.writes("till", &json!({ "price": "11" }));
    pair.writes("books", &json!({ "price": "12" }));
    pair.syncs(0);
    pair.deletes("till");
    pair.deletes("books");
    pair.syncs(0);
    let erased = pair.0.run(&["erase", "r0", "--by", "huda", "--why", "asked", "--yes"]);
    assert!(erased.code == 0 || erased.code == 3, "{}{}", erased.out, erased.err);
    let ran = pair.0.run(&["replay", "--verify", "--json"]);
    let told = ran.json();
    assert_eq!(ran.code, 0, "{told}");
    assert_eq!(told["verify"]["decisions"]["differs"], 0, "{told}");
    assert_eq!(told["verify"]["causes"][0]["why"]["because"], "erased", "{told}");
    assert_eq!(told["verify"]["causes"].as_array().map(Vec::len), Some(1), "{told}");
}
