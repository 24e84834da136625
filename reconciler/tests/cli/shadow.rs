//! `[shadow]`: other rules are asked beside, and nothing follows from their answers.

use super::pair::{Pair, configured};
use serde_json::{Value as Json, json};

const PRICE: &[(&str, &str)] = &[("price", "type = \"decimal\"")];

fn beside(rule: &str) -> Pair {
    let pair = Pair::agreed("prefer = \"till\"", PRICE, &json!({ "price": "10" }));
    let here = pair.0.path();
    let other = configured(&format!("prefer = \"{rule}\""), PRICE);
    std::fs::write(here.join("other.toml"), other).expect("the other rules");
    let config = configured("prefer = \"till\"", PRICE);
    let config = format!("{config}\n[shadow]\nrules = \"other.toml\"\n");
    std::fs::write(here.join("mizan.toml"), config).expect("the configuration");
    pair
}

fn logged(pair: &Pair, kind: &str) -> Vec<Json> {
    let log = pair.0.run(&["log", "--json", "--kind", kind]).out;
    log.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

#[test]
fn other_rules_are_asked_and_not_obeyed() {
    let pair = beside("books");
    pair.syncs(0);
    assert_eq!(logged(&pair, "shadowed").len(), 0, "there is nothing to decide");
    pair.writes("till", &json!({ "price": "11" }));
    pair.writes("books", &json!({ "price": "12" }));
    let synced = pair.syncs(0).json();
    assert_eq!(synced["counts"]["shadowed"], 1, "{synced}");
    // The rules in force hold, and at rest nobody is asked.
    pair.both_show("price", &json!("11"));
    let told = logged(&pair, "shadowed");
    assert_eq!(told.len(), 1);
    let fact = &told[0]["fact"];
    assert_eq!(fact["fields"][0]["field"], "price", "{fact}");
    assert_eq!(fact["fields"][0]["winner"], "books");
    assert_eq!(fact["fields"][0]["value"]["decimal"], "12");
    // It names the decision, which comes out again as it was taken.
    let last = logged(&pair, "decided").pop().expect("a decision");
    assert_eq!(fact["decided"], last["seq"], "{last}");
    let verified = pair.0.run(&["replay", "--verify", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    assert_eq!(verified.json()["verify"]["decisions"]["unverifiable"], 0);
}

#[test]
fn rules_that_agree_leave_no_trace() {
    let pair = beside("least");
    pair.writes("till", &json!({ "price": "11" }));
    pair.writes("books", &json!({ "price": "12" }));
    let synced = pair.syncs(0).json();
    assert_eq!(synced["counts"]["shadowed"], 0, "{synced}");
    assert_eq!(logged(&pair, "shadowed").len(), 0);
}

#[test]
fn rules_about_other_things_are_refused_before_anything_happens() {
    let pair = beside("books");
    let other = configured("prefer = \"books\"", &[("weight", "type = \"decimal\"")]);
    std::fs::write(pair.0.path().join("other.toml"), other).expect("the other rules");
    let checked = pair.0.run(&["check", "--offline"]);
    assert_eq!(checked.code, 2, "{}", checked.err);
    assert!(checked.err.contains("[shadow]") && checked.err.contains("weight"), "{}", checked.err);
    let before = pair.0.log_bytes();
    assert_ne!(pair.0.sync().code, 0);
    assert_eq!(pair.0.log_bytes(), before);
}
