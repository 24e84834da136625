//! A local Qoyod that changes what it is sent without anybody having declared it: told once, and never fought.

use super::probe::Qoyod;
use super::support::Shop;
use mizan::adapters::sandbox::Vices;
use serde_json::{Value as Json, json};

const VICES: fn() -> Vices =
    || Vices { trims_texts: true, text_max: Some(40), price_scale: Some(1), ..Vices::default() };

const TEA: &str = " Tea from the highlands, of long leaves and the second harvest ";
const STORED: &str = "Tea from the highlands, of long leaves a";

fn tea(shop: &Shop, number: usize, name: &str, price: &str) {
    let record = json!({ "sku": format!("T-{number}"), "name": name, "price": price });
    shop.put(&format!("till/products/T-{number}.json"), &record);
}

/// A shop that has been synced once with a Qoyod that drifts.
fn synced() -> (Qoyod, Shop, Json) {
    let qoyod = Qoyod::start(VICES());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    tea(&shop, 1, TEA, "10.125");
    tea(&shop, 2, " Plain tea", "2.5");
    let ran = shop.sync();
    assert_eq!(ran.code, 0, "drift asks nobody to decide anything: {}{}", ran.out, ran.err);
    (qoyod, shop, ran.json())
}

fn events(shop: &Shop, kind: &str) -> usize {
    shop.run(&["log", "--kind", kind, "--json"]).out.lines().count()
}

fn row(qoyod: &Qoyod, sku: &str) -> Json {
    qoyod.door.find("products", "sku", sku).expect("the product")
}

#[test]
fn l15_l46_undeclared_changes_are_told_once_and_written_once() {
    let (qoyod, shop, report) = synced();
    assert_eq!(row(&qoyod, "T-1")["name_ar"], STORED);
    let fields = json!([
        { "side": "qoyod", "entity": "product", "field": "name", "count": 2,
          "suggest": ["trim", "max-length 40"] },
        { "side": "qoyod", "entity": "product", "field": "price", "count": 1,
          "suggest": ["decimal 1"] },
    ]);
    assert_eq!(report["drifting"], fields);
    let labels: Vec<&Json> =
        report["drifts"].as_array().expect("drifts").iter().map(|one| &one["label"]).collect();
    assert_eq!(labels, ["T-1", "T-1", "T-2"]);
    assert!(!report.to_string().contains("highlands"), "no contents: {report}");
    let writes = qoyod.door.writes();
    for arguments in [["sync", "--json"].as_slice(), &["sync", "--sweep", "--json"]] {
        let again = shop.run(arguments).json();
        assert_eq!(
            (&again["counts"]["events"], &again["drifting"]),
            (&json!(0), &json!([])),
            "{again}"
        );
    }
    assert_eq!((qoyod.door.writes(), events(&shop, "drifted")), (writes, 2));
    let file = shop.get("till/products/T-1.json");
    assert_eq!((&file["name"], &file["price"]), (&json!(TEA), &json!("10.125")), "L16");
}

#[test]
fn l16_the_finer_value_stays_when_the_drifting_side_changes_something_else() {
    let (qoyod, shop, _) = synced();
    let id = row(&qoyod, "T-1")["id"].as_u64().expect("an id");
    let change = json!({ "selling_price": "11.0" }).as_object().expect("an object").clone();
    assert!(qoyod.door.edit("products", id, change));
    assert_eq!(shop.sync().code, 0);
    let file = shop.get("till/products/T-1.json");
    assert_eq!((&file["name"], &file["price"]), (&json!(TEA), &json!("11")));
    // What a person writes there is a change like any other.
    let change = json!({ "name_ar": "Green tea" }).as_object().expect("an object").clone();
    assert!(qoyod.door.edit("products", id, change));
    assert_eq!(shop.sync().code, 0);
    assert_eq!(shop.get("till/products/T-1.json")["name"], "Green tea");
    assert_eq!(shop.sync().json()["counts"]["events"], 0);
}

#[test]
fn the_warning_names_the_rule_to_declare() {
    let qoyod = Qoyod::start(VICES());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    tea(&shop, 1, TEA, "10.125");
    let ran = shop.run(&["sync"]);
    for part in [
        "drift: qoyod stored name of 1 product otherwise than was sent (T-1)",
        "[entities.product.fields] name: qoyod: normalise = [\"trim\", \"max-length 40\"]",
        "[entities.product.fields] price: qoyod: normalise = [\"decimal 1\"]",
    ] {
        assert!(ran.err.contains(part), "{part} in {}", ran.err);
    }
    assert!(ran.out.contains("in balance"), "{}", ran.out);
    assert!(!shop.run(&["sync"]).err.contains("drift"), "once");
}

#[test]
fn explain_shows_what_was_sent_and_what_was_stored() {
    let (_qoyod, shop, _) = synced();
    let told = shop.run(&["explain", "product:T-1", "price"]).out;
    assert!(told.contains("price: sent and predicted 10.125, stored 10.1"), "{told}");
    assert!(!told.contains("highlands"), "only the field that was asked for: {told}");
    let told = shop.run(&["explain", "product:T-2", "price"]).out;
    assert!(!told.contains("sent and predicted"), "{told}");
}

#[test]
fn status_counts_what_drifts_until_it_is_declared_or_changed() {
    let (qoyod, shop, _) = synced();
    let drifting = |shop: &Shop| shop.run(&["status", "--json"]).json()["drifting"].clone();
    let name = json!({ "side": "qoyod", "entity": "product", "field": "name", "records": 2 });
    let price = json!({ "side": "qoyod", "entity": "product", "field": "price", "records": 1 });
    assert_eq!(drifting(&shop), json!([name, price]));
    assert!(shop.run(&["status"]).out.contains("qoyod stores name of 2 product otherwise"));
    tea(&shop, 1, "Tea", "10.1");
    assert_eq!(shop.sync().code, 0);
    let name = json!({ "side": "qoyod", "entity": "product", "field": "name", "records": 1 });
    assert_eq!(drifting(&shop), json!([name]));
    let declared =
        qoyod.shop("{ path = \"name_ar\", normalise = [\"trim\"] }", "\"selling_price\"");
    std::fs::copy(declared.path().join("mizan.toml"), shop.path().join("mizan.toml"))
        .expect("copied");
    assert_eq!(drifting(&shop), json!([]));
    let writes = qoyod.door.writes();
    let ran = shop.sync().json();
    assert_eq!((&ran["complete"], &ran["drifting"]), (&json!(true), &json!([])), "{ran}");
    assert_eq!(qoyod.door.writes(), writes, "declaring it writes nothing");
}

#[test]
fn what_is_declared_does_not_drift() {
    let qoyod = Qoyod::start(VICES());
    let shop = qoyod.shop(
        "{ path = \"name_ar\", normalise = [\"trim\", \"max-length 40\"] }",
        "{ path = \"selling_price\", normalise = [\"decimal 1\"] }",
    );
    tea(&shop, 1, TEA, "10.125");
    let report = shop.sync().json();
    assert_eq!((&report["complete"], &report["drifting"]), (&json!(true), &json!([])));
    assert_eq!(
        (shop.sync().json()["counts"]["events"].clone(), events(&shop, "drifted")),
        (json!(0), 0)
    );
    assert_eq!(shop.get("till/products/T-1.json")["name"], TEA);
}
