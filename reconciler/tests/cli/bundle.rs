//! A fault is handed over without the data, and is looked at elsewhere.

use super::support::{Shop, TWO_FOLDERS};
use serde_json::json;

/// One record in conflict and one in agreement.
fn in_conflict() -> Shop {
    let shop = Shop::new(TWO_FOLDERS);
    for (at, name) in ["Coffee from Yemen", "Ceylon Tea"].iter().enumerate() {
        let record = json!({ "sku": format!("SKU-{at}"), "name": name, "price": "12.50" });
        shop.put(&format!("till/products/{at}.json"), &record);
    }
    assert_eq!(shop.sync().code, 0);
    let name = shop
        .names("books/products")
        .into_iter()
        .find(|name| shop.get(&format!("books/products/{name}"))["sku"] == "SKU-0")
        .expect("it is in the books");
    let books = json!({ "sku": "SKU-0", "title": "Mocha Beans", "unit_price": "12.50" });
    shop.put(&format!("books/products/{name}"), &books);
    let till = json!({ "sku": "SKU-0", "name": "Coffee of Aden", "price": "12.50" });
    shop.put("till/products/0.json", &till);
    assert_eq!(shop.sync().code, 3);
    shop
}

#[test]
fn a_conflict_is_the_same_elsewhere_and_says_nothing() {
    let shop = in_conflict();
    let ran = shop.run(&["bundle", "product:SKU-0", "--out", "fault.jsonl", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.json()["records"].as_array().map(Vec::len), Some(1));
    let file = std::fs::read_to_string(shop.path().join("fault.jsonl")).expect("the file");
    let mut said = vec!["Coffee", "Yemen", "Aden", "Mocha", "Ceylon", "SKU-", "12.5"];
    let folder = shop.path().to_string_lossy().into_owned();
    said.push(&folder);
    for text in said {
        assert!(!file.contains(text), "`{text}` is in the bundle");
    }
    let took = shop.run(&["import", "fault.jsonl", "--store", "fault"]);
    assert_eq!(took.code, 0, "{}{}", took.out, took.err);
    let there = ["--config", "fault/mizan.toml", "--json"];
    let found = shop.run(&[&["conflicts", "list"], &there[..]].concat());
    assert_eq!(found.code, 3, "{}{}", found.out, found.err);
    let replayed = shop.run(&[&["replay"], &there[..]].concat());
    assert_eq!(replayed.code, 0, "{}{}", replayed.out, replayed.err);
    let status = shop.run(&[&["status"], &there[..]].concat());
    assert!(status.code == 0 || status.code == 3, "{}{}", status.out, status.err);
}

#[test]
fn all_of_a_log_goes_into_a_bundle_up_to_an_event() {
    let shop = in_conflict();
    let ran = shop.run(&["bundle", "--to", "12", "--out", "past.jsonl", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.json()["events"], json!(12));
    let none = shop.run(&["bundle", "product:NONE", "--out", "none.jsonl"]);
    assert_eq!(none.code, 2);
    assert!(!shop.path().join("none.jsonl").exists());
}
