//! `mizan what-if`: a report that a merchant can read, and its JSON.

use super::pair::{Pair, configured};
use serde_json::json;

const PRICE: &[(&str, &str)] = &[("price", "type = \"decimal\"")];

#[test]
fn other_rules_are_compared_with_what_happened_and_nothing_is_changed() {
    let pair = Pair::agreed("prefer = \"till\"", PRICE, &json!({ "price": "10" }));
    pair.writes("till", &json!({ "price": "11" }));
    pair.writes("books", &json!({ "price": "12" }));
    pair.syncs(0);
    let other = configured("prefer = \"books\"", PRICE);
    std::fs::write(pair.0.path().join("other.toml"), other).expect("the other rules");
    let before = pair.0.log_bytes();
    let ran = pair.0.run(&["what-if", "--policy", "other.toml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for said in
        ["1 records would have come out otherwise", "till (preferred)", "books (preferred)", "+1"]
    {
        assert!(ran.out.contains(said), "{said:?} in {}", ran.out);
    }
    let json = pair.0.run(&["what-if", "--policy", "other.toml", "--json"]).json();
    assert_eq!(json["what_if"]["money"][0]["difference"]["decimal"], "1", "{json}");
    assert_eq!(json["what_if"]["commands"]["books"]["saved"], 1);
    let late = pair.0.run(&["what-if", "--policy", "other.toml", "--from", "now", "--json"]).json();
    assert_eq!(
        (&late["what_if"]["compared"], &late["what_if"]["diverged"]),
        (&json!(0), &json!(0))
    );
    let beyond = pair.0.run(&["what-if", "--policy", "other.toml", "--from", "9999"]);
    assert_eq!(beyond.code, 2, "{}", beyond.err);
    assert_eq!(pair.0.log_bytes(), before, "asking appends nothing");
    let same = pair.0.run(&["what-if", "--policy", "mizan.toml"]);
    assert!(same.out.contains("nothing would have come out otherwise"), "{}", same.out);
    assert_eq!(pair.0.run(&["what-if", "--policy", "nowhere.toml"]).code, 2);
}
