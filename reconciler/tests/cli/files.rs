//! Two folders: first sync, edits, conflicts, deletions, guards, broken input.

use super::support::{Shop, TWO_FOLDERS};
use serde_json::json;

fn filled(count: usize) -> Shop {
    let shop = Shop::new(TWO_FOLDERS);
    for number in 0..count {
        let sku = format!("A-{number}");
        let record = json!({ "sku": sku, "name": "قهوة", "price": "1.50", "shelf": number });
        shop.put(&format!("till/products/{sku}.json"), &record);
    }
    shop
}

#[test]
fn a_second_sync_writes_nothing_and_appends_nothing() {
    let shop = filled(3);
    let first = shop.sync();
    assert_eq!(
        (first.code, first.json()["counts"]["created"].as_u64()),
        (0, Some(3)),
        "{}",
        first.out
    );
    let before = shop.log_bytes();
    let second = shop.sync();
    assert_eq!((second.code, second.json()["counts"]["events"].as_u64()), (0, Some(0)));
    assert_eq!(shop.log_bytes(), before);
}

#[test]
fn a_dry_run_leaves_log_and_sides_as_they_are() {
    let shop = filled(2);
    let ran = shop.run(&["sync", "--dry-run", "--json"]);
    assert_eq!(ran.json()["plan"]["commands"].as_array().map(Vec::len), Some(2));
    assert!(shop.names("books/products").is_empty());
    shop.sync();
    let before = shop.log_bytes();
    shop.put("till/products/A-0.json", &json!({ "sku": "A-0", "name": "new", "price": 1 }));
    shop.run(&["sync", "--dry-run"]);
    assert_eq!(shop.log_bytes(), before, "V18");
}

#[test]
fn rows_with_the_same_key_are_linked_and_not_doubled() {
    let shop = filled(2);
    let known = json!({ "sku": "A-1", "title": "قهوة", "unit_price": 1.5, "account": 17 });
    shop.put("books/products/x.json", &known);
    let ran = shop.sync();
    assert_eq!((ran.code, ran.json()["counts"]["created"].as_u64()), (0, Some(1)), "{}", ran.out);
    assert_eq!(shop.names("books/products"), ["A-0.json", "x.json"]);
    assert_eq!(shop.get("books/products/x.json"), known, "L50, V15");
}

#[test]
fn edits_of_different_fields_are_both_kept() {
    let shop = filled(1);
    shop.sync();
    shop.put("till/products/A-0.json", &json!({ "sku": "A-0", "name": "left", "price": "1.50" }));
    shop.put("books/products/A-0.json", &json!({ "sku": "A-0", "title": "قهوة", "unit_price": 2 }));
    assert_eq!(shop.sync().code, 0);
    assert_eq!(shop.get("till/products/A-0.json")["price"], "2");
    assert_eq!(shop.get("books/products/A-0.json")["title"], "left");
}

#[test]
fn a_conflict_waits_for_a_person_and_is_explained() {
    let shop = filled(2);
    shop.sync();
    shop.put("till/products/A-0.json", &json!({ "sku": "A-0", "name": "left", "price": "1.50" }));
    shop.put(
        "books/products/A-0.json",
        &json!({ "sku": "A-0", "title": "right", "unit_price": 1.5 }),
    );
    shop.put(
        "till/products/A-1.json",
        &json!({ "sku": "A-1", "name": "goes on", "price": "1.50" }),
    );
    let ran = shop.sync();
    assert_eq!((ran.code, ran.json()["standing"]["conflicts"].as_u64()), (3, Some(1)));
    assert_eq!(shop.get("books/products/A-1.json")["title"], "goes on", "L43");
    assert_eq!(shop.get("books/products/A-0.json")["title"], "right", "nothing is overwritten");
    let shown = shop.run(&["conflicts", "show", "product:A-0", "--json"]).json();
    let at = shown["at"].to_string();
    let stale = [
        "conflicts",
        "resolve",
        "product:A-0",
        "--take",
        "till",
        "--at",
        "3",
        "--by",
        "me",
        "--why",
        "a",
    ];
    assert_eq!(shop.run(&stale).code, 4, "a stale resolution is refused");
    let fresh = [
        "conflicts",
        "resolve",
        "product:A-0",
        "--take",
        "till",
        "--at",
        &at,
        "--by",
        "me",
        "--why",
        "a",
    ];
    assert_eq!(shop.run(&fresh).code, 0);
    assert_eq!(shop.sync().code, 0);
    assert_eq!(shop.get("books/products/A-0.json")["title"], "left");
    let told = shop.run(&["explain", "product:A-0", "name"]).out;
    for part in
        ["observed", "decided", "a person chose left; lost right (books)", "intent", "confirmed"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn a_deletion_is_carried_and_a_mass_deletion_is_stopped() {
    let shop = filled(20);
    shop.sync();
    std::fs::remove_file(shop.path().join("till/products/A-0.json")).expect("removed");
    assert_eq!(shop.sync().code, 0);
    assert_eq!(shop.names("books/products").len(), 19);
    for number in 1..15 {
        let file = format!("till/products/A-{number}.json");
        std::fs::remove_file(shop.path().join(file)).expect("removed");
    }
    let stopped = shop.sync();
    assert_eq!(stopped.code, 4, "{}", stopped.out);
    assert_eq!(shop.names("books/products").len(), 19);
    let plan = stopped.json()["plan_hash"].as_str().expect("a hash").to_owned();
    assert_eq!(shop.run(&["sync", "--approve", &plan]).code, 0);
    assert_eq!(shop.names("books/products").len(), 5);
}

#[test]
fn a_vanished_folder_is_not_a_deletion() {
    let shop = filled(3);
    shop.sync();
    std::fs::remove_dir_all(shop.path().join("till/products")).expect("removed");
    let ran = shop.sync();
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("nothing is taken as deleted"), "{}", ran.out);
    assert_eq!(shop.names("books/products").len(), 3, "V7");
}

#[test]
fn half_written_json_is_reported_and_the_rest_goes_on() {
    let shop = filled(2);
    shop.sync();
    std::fs::write(shop.path().join("till/products/A-0.json"), "{\"sku\":\"A-0\",")
        .expect("written");
    shop.put("till/products/A-1.json", &json!({ "sku": "A-1", "name": "new", "price": "1.50" }));
    let ran = shop.sync();
    assert_eq!((ran.code, ran.json()["standing"]["unreadable"].as_u64()), (3, Some(1)));
    assert_eq!(shop.get("books/products/A-1.json")["title"], "new");
    assert_eq!(shop.names("books/products").len(), 2, "what cannot be read is not absent");
    assert!(shop.run(&["parked", "list"]).out.contains("A-0.json"));
    shop.put("till/products/A-0.json", &json!({ "sku": "A-0", "name": "whole", "price": "1.50" }));
    assert_eq!(shop.sync().code, 0);
    assert_eq!(shop.get("books/products/A-0.json")["title"], "whole");
}

#[test]
fn an_ambiguous_key_is_parked_and_nothing_is_created_for_it() {
    let shop = filled(2);
    shop.put("books/products/x.json", &json!({ "sku": "A-0", "title": "one", "unit_price": 1 }));
    shop.put("books/products/y.json", &json!({ "sku": "A-0", "title": "two", "unit_price": 1 }));
    let ran = shop.sync();
    assert_eq!((ran.code, ran.json()["standing"]["parked"].as_u64()), (3, Some(3)), "{}", ran.out);
    assert_eq!(shop.names("books/products"), ["A-1.json", "x.json", "y.json"]);
    std::fs::remove_file(shop.path().join("books/products/y.json")).expect("removed");
    let ran = shop.sync();
    assert_eq!(ran.json()["standing"]["parked"].as_u64(), Some(0), "{}", ran.out);
}

#[test]
fn a_second_process_on_the_log_is_refused() {
    let shop = filled(1);
    shop.sync();
    let (_held, _) = mizan::store::SledLog::open(&shop.path().join("mizan-log")).expect("opens");
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("another mizan process holds the log"), "{}", ran.err);
}

#[test]
fn a_lost_index_is_rebuilt_loudly_and_nothing_is_lost() {
    let shop = filled(3);
    shop.sync();
    let folders: Vec<_> = shop.names("mizan-log");
    assert!(folders.iter().any(|name| name == "sled"), "{folders:?}");
    std::fs::remove_dir_all(shop.path().join("mizan-log/sled")).expect("removed");
    let ran = shop.sync();
    assert_eq!((ran.code, ran.json()["counts"]["events"].as_u64()), (0, Some(0)), "{}", ran.err);
    assert!(ran.err.contains("rebuilt"), "{}", ran.err);
    assert_eq!(shop.run(&["doctor"]).code, 0);
}

#[test]
fn a_dry_run_names_the_rows_that_it_would_link() {
    let shop = filled(2);
    shop.put("books/products/x.json", &json!({ "sku": "A-1", "title": "قهوة", "unit_price": 1.5 }));
    let ran = shop.run(&["sync", "--dry-run"]);
    assert!(
        ran.out.contains("would link product A-1: row A-1 of till is the same record"),
        "{}",
        ran.out
    );
}

#[test]
fn a_malformed_line_of_a_csv_is_reported_and_the_rest_goes_on() {
    let config = TWO_FOLDERS
        .replace("\"both\"", "\"till -> books\"")
        .replace("prefer = \"manual\"\n", "")
        .replace(
            "till = { path = \"products\" }",
            "till = { format = \"csv\", path = \"export.csv\", id = \"sku\" }",
        );
    let shop = Shop::new(&config);
    let lines = "sku,name,price\nA-1,tea,1.50\nA-2,\"broken,2\nA-3,coffee,3.00,extra\n";
    std::fs::write(shop.path().join("till/export.csv"), lines).expect("written");
    let ran = shop.sync();
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert_eq!(shop.names("books/products"), ["A-1.json"]);
    let parked = shop.run(&["parked", "list"]).out;
    assert!(parked.contains("export.csv"), "{parked}");
}
