//! A log as a file, and the same log from it.

use super::support::{Shop, TWO_FOLDERS};
use serde_json::{Value as Json, json};

fn synced() -> Shop {
    let shop = Shop::new(TWO_FOLDERS);
    for (at, name) in ["Coffee", "Tea", "قهوة"].iter().enumerate() {
        let record = json!({ "sku": format!("S{at}"), "name": name, "price": "2.50" });
        shop.put(&format!("till/products/{at}.json"), &record);
    }
    assert_eq!(shop.sync().code, 0);
    shop
}

#[test]
fn a_log_goes_through_a_file_and_is_the_same() {
    let shop = synced();
    let wrote = shop.run(&["export", "--out", "log.jsonl", "--json"]);
    assert_eq!(wrote.code, 0, "{}{}", wrote.out, wrote.err);
    let took = shop.run(&["import", "log.jsonl", "--store", "copy/log", "--json"]);
    assert_eq!(took.code, 0, "{}{}", took.out, took.err);
    for part in ["log", "events", "bodies", "absent"] {
        assert_eq!(wrote.json()[part], took.json()[part], "{part}");
    }
    let file = std::fs::read_to_string(shop.path().join("log.jsonl")).expect("the file");
    let config = TWO_FOLDERS.replace("[sides.till]", "[log]\npath = \"copy/log\"\n[sides.till]");
    std::fs::write(shop.path().join("copy.toml"), config).expect("a configuration");
    let again = shop.run(&["export", "--config", "copy.toml"]);
    assert_eq!(again.out, file, "{}", again.err);
    let told = shop.run(&["explain", "product:S2", "name", "--config", "copy.toml"]);
    assert!(told.out.contains("قهوة"), "{}{}", told.out, told.err);
    let synced = shop.run(&["sync", "--config", "copy.toml", "--json"]);
    let events = &synced.json()["counts"]["events"];
    assert_eq!(*events, json!(0), "the copy knows all of it: {}", synced.out);
}

#[test]
fn the_file_can_be_read_without_us() {
    let shop = synced();
    let file = shop.run(&["export"]).out;
    let lines: Vec<Json> =
        file.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["mizan"], "log");
    let last = &lines[lines.len() - 1];
    let events: Vec<&Json> = lines.iter().filter(|line| line.get("event").is_some()).collect();
    assert_eq!(last["events"], json!(events.len()));
    assert_eq!(events[0]["is"]["fact"]["kind"], "opened");
    let names = lines.iter().filter_map(|line| line["is"]["name"]["text"].as_str());
    assert!(names.into_iter().any(|name| name == "قهوة"), "{file}");
    let part = shop.run(&["export", "--from", "2", "--to", "3"]).out;
    assert_eq!(part.lines().filter(|line| line.starts_with("{\"event\"")).count(), 2, "{part}");
}

#[test]
fn nothing_is_imported_over_a_log_or_from_a_damaged_file() {
    let shop = synced();
    let before = shop.log_bytes();
    assert_eq!(shop.run(&["export", "--out", "log.jsonl"]).code, 0);
    let over = shop.run(&["import", "log.jsonl", "--store", "mizan-log"]);
    assert_eq!(over.code, 4, "{}{}", over.out, over.err);
    assert!(over.err.contains("is not empty"), "{}", over.err);
    assert_eq!(shop.log_bytes(), before);

    let text = std::fs::read_to_string(shop.path().join("log.jsonl")).expect("the file");
    let changed = text.replacen("Coffee", "Toffee", 1);
    std::fs::write(shop.path().join("changed.jsonl"), changed).expect("a file");
    let damaged = shop.run(&["import", "changed.jsonl", "--store", "other"]);
    assert_eq!(damaged.code, 1);
    assert!(damaged.err.contains("changed.jsonl: line "), "{}", damaged.err);
    assert!(!shop.path().join("other").exists() && !shop.path().join("other.importing").exists());
    assert_eq!(shop.run(&["import", "none.jsonl", "--store", "other"]).code, 2);
}

#[test]
fn events_are_a_table_for_those_who_want_one() {
    let shop = synced();
    let ran = shop.run(&["export", "--format", "csv", "--out", "events.csv", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(shop.path().join("events.csv")).expect("the table");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "position,at,kind,entity,record,side,row,fact");
    assert_eq!(ran.json()["events"], json!(lines.len() - 1));
    let done = lines.iter().find(|line| line.contains(",done,")).expect("a command was done");
    let cells: Vec<&str> = done.split(',').collect();
    assert_eq!((cells[3], cells[5]), ("product", "books"), "{done}");
    assert!(cells[4].starts_with('r'), "{done}");
    let part = shop.run(&["export", "--format", "csv", "--from", "2", "--to", "4"]).out;
    assert_eq!(part.lines().count(), 4, "{part}");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let shop = synced();
    assert_eq!(shop.run(&["export", "--out", "log.jsonl"]).code, 0);
    let file = std::fs::metadata(shop.path().join("log.jsonl")).expect("the file");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}
