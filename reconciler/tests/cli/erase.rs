//! After `erase` no value of the record is in any file of the log's folder, and everything else is as it was.

use super::support::{Ran, Shop};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

const PERSONAL: &str = r#"
[sides.till]
adapter = "files"
root = "till"
[sides.books]
adapter = "files"
root = "books"
[entities.customer]
direction = "both"
key = ["code"]
prefer = "till"
personal = true
[entities.customer.sides]
till = { path = "customers" }
books = { path = "customers" }
[entities.customer.fields]
code = { till = "code", books = "code" }
name = { till = "name", books = "title" }
email = { till = "email", books = "mail" }
"#;

const SIGNED: &[&str] = &["--by", "sami", "--why", "she asked"];

fn customer(code: &str, name: &str, email: &str) -> Json {
    json!({ "code": code, "name": name, "email": email })
}

/// Huda, whose name was contested once, and Sami; both on both sides.
fn two_customers(config: &str) -> Shop {
    let shop = Shop::new(config);
    std::fs::create_dir_all(shop.path().join("books/customers")).expect("a folder");
    shop.put("till/customers/1.json", &customer("C-1", "Huda Hassan", "huda@example.com"));
    shop.put("till/customers/2.json", &customer("C-2", "Sami Said", "sami@example.com"));
    synced(&shop);
    let name = shop
        .names("books/customers")
        .into_iter()
        .find(|name| shop.get(&format!("books/customers/{name}"))["code"] == "C-1")
        .expect("Huda is in the books");
    let books = json!({ "code": "C-1", "title": "Huda Halabi", "mail": "huda@example.com" });
    shop.put(&format!("books/customers/{name}"), &books);
    shop.put("till/customers/1.json", &customer("C-1", "Huda Haddad", "huda@example.com"));
    synced(&shop);
    shop
}

fn synced(shop: &Shop) {
    let ran = shop.sync();
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

fn deleted(shop: &Shop) {
    std::fs::remove_file(shop.path().join("till/customers/1.json")).expect("a record");
    synced(shop);
    synced(shop);
    assert_eq!(shop.names("books/customers").len(), 1, "the deletion was carried");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The files of the log that hold a text.
fn holding(shop: &Shop, text: &str) -> Vec<PathBuf> {
    let all = files(&shop.path().join("mizan-log"));
    assert!(all.len() > 4, "segments, sled, keys and more: {all:?}");
    all.into_iter()
        .filter(|path| {
            let bytes = std::fs::read(path).expect("a file");
            bytes.windows(text.len()).any(|part| part == text.as_bytes())
        })
        .collect()
}

/// A deleted record is found by the ids that it had.
const HER: &str = "customer:till:1";

const HERS: [&str; 4] = ["Huda Hassan", "Huda Halabi", "Huda Haddad", "huda@example.com"];

fn erases(shop: &Shop, record: &str, more: &[&str]) -> Ran {
    shop.run(&[&["erase", record], SIGNED, more].concat())
}

fn log_of(shop: &Shop, record: &str) -> Vec<Json> {
    let ran = shop.run(&["log", "--record", record, "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn an_erased_record_is_in_no_file_and_its_story_stays() {
    let shop = two_customers(PERSONAL);
    let told = shop.run(&["explain", "customer:C-1", "name"]);
    assert!(told.out.contains("Huda Halabi"), "what lost is kept: {}{}", told.out, told.err);
    let record = log_of(&shop, "customer:C-1")[0]["fact"].clone();
    assert_eq!(record["kind"], "observed");
    deleted(&shop);
    let before = log_of(&shop, HER);
    for text in HERS {
        assert_eq!(holding(&shop, text), Vec::<PathBuf>::new(), "sealed: `{text}`");
    }
    let segments = shop.log_bytes();
    let dry = erases(&shop, HER, &[]);
    assert_eq!(dry.code, 0, "{}{}", dry.out, dry.err);
    assert!(dry.out.contains("add --yes"), "{}", dry.out);
    assert_eq!(shop.log_bytes(), segments, "nothing was changed");
    let keys = std::fs::metadata(shop.path().join("mizan-log/keys")).expect("keys").len();

    let ran = erases(&shop, HER, &["--yes"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let left = std::fs::metadata(shop.path().join("mizan-log/keys")).expect("keys").len();
    assert!(left < keys, "{left} of {keys} bytes of keys are left");
    for text in HERS {
        assert_eq!(holding(&shop, text), Vec::<PathBuf>::new(), "erased: `{text}`");
    }
    let told = shop.run(&["explain", HER]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(!HERS.iter().any(|text| told.out.contains(text)), "{}", told.out);
    let after = log_of(&shop, HER);
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(after.last().expect("an event")["fact"]["kind"], "erased");
    for (was, is) in before.iter().zip(&after) {
        assert_eq!(was["fact"]["kind"], is["fact"]["kind"], "what happened stays");
    }
    assert!(after.iter().any(|event| event["contents"] == "erased"), "{after:?}");

    let other = shop.run(&["explain", "customer:C-2", "name"]);
    assert!(other.out.contains("Sami Said"), "{}", other.out);
    synced(&shop);
    let file = shop.run(&["export"]).out;
    assert!(file.contains("Sami Said"), "the others are exported");
    assert!(!HERS.iter().any(|text| file.contains(text)));
    assert_eq!(shop.run(&["doctor"]).code, 0);
}

#[test]
fn a_record_in_use_is_not_erased_unless_a_person_insists() {
    let shop = two_customers(PERSONAL);
    let refused = erases(&shop, "customer:C-1", &["--yes"]);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("books and till"), "{}", refused.err);
    let forced = erases(&shop, "customer:C-1", &["--yes", "--even-alive"]);
    assert_eq!(forced.code, 3, "{}{}", forced.out, forced.err);
    assert!(forced.out.contains("STAYS READABLE"), "{}", forced.out);
    let past = shop.run(&["explain", "customer:C-1", "name"]);
    assert!(past.out.contains("Huda Haddad"), "what they show now: {}", past.out);
    assert!(!past.out.contains("Huda Halabi") && !past.out.contains("Huda Hassan"), "{}", past.out);
    synced(&shop);
    shop.put("till/customers/1.json", &customer("C-1", "Huda Harb", "huda@example.com"));
    synced(&shop);
    let name = shop.names("books/customers");
    let titles: Vec<Json> = name
        .iter()
        .map(|name| shop.get(&format!("books/customers/{name}"))["title"].clone())
        .collect();
    assert!(titles.contains(&json!("Huda Harb")), "the next change is carried: {titles:?}");
    let told = shop.run(&["explain", "customer:C-1", "name"]);
    assert!(told.out.contains("Huda Harb"), "{}", told.out);
}

#[test]
fn what_was_stored_before_stays_and_is_reported() {
    let open = PERSONAL.replace("personal = true\n", "");
    let shop = two_customers(&open);
    assert!(!holding(&shop, "Huda Haddad").is_empty(), "it was not sealed");
    std::fs::write(shop.path().join("mizan.toml"), PERSONAL).expect("the configuration");
    deleted(&shop);
    let nothing = erases(&shop, HER, &["--yes"]);
    assert_eq!(nothing.code, 4, "{}{}", nothing.out, nothing.err);
    shop.put("till/customers/2.json", &customer("C-2", "Sami Saab", "sami@example.com"));
    synced(&shop);
    let partly = erases(&shop, "customer:C-2", &["--yes", "--even-alive", "--json"]);
    assert_eq!(partly.code, 3, "{}{}", partly.out, partly.err);
    let erasure = &partly.json()["erasure"];
    assert!(!erasure["plain_bodies"].as_array().expect("a list").is_empty(), "{erasure}");
    assert!(holding(&shop, "Sami Saab").is_empty() && !holding(&shop, "Sami Said").is_empty());
    let check = shop.run(&["check", "--offline"]);
    assert!(check.out.contains("can be erased from event"), "{}{}", check.out, check.err);
}

#[test]
fn who_comes_back_is_a_customer_again() {
    let shop = two_customers(PERSONAL);
    deleted(&shop);
    assert_eq!(erases(&shop, HER, &["--yes"]).code, 0);
    shop.put("till/customers/1.json", &customer("C-1", "Huda Hassan", "huda@example.com"));
    synced(&shop);
    assert_eq!(shop.names("books/customers").len(), 2);
    let told = shop.run(&["explain", "customer:C-1", "name"]);
    assert!(told.out.contains("Huda Hassan"), "{}{}", told.out, told.err);
}
