//! Looking for the trace of a create.

use super::world::{coffee, world};
use mizan_adapters::{Adapter, Fault, Probe};
use mizan_core::Name;
use serde_json::json;

#[tokio::test]
async fn products_invoices_and_payments_are_found_by_their_unique_keys() {
    let world = world().await;
    world.seed(120);
    let product = world.create("product", coffee()).await.ext;
    let before = world.requests("GET /products");
    assert_eq!(world.find("product", json!({"sku": "COF-250"})).await.unwrap(), [product.as_str()]);
    assert!(world.find("product", json!({"sku": "COF-251"})).await.unwrap().is_empty());
    assert_eq!(world.requests("GET /products") - before, 2, "the filter brings one page");

    let customer = world.create("customer", json!({"name": "Nadia"})).await.ext;
    world.door.set_stock(product.as_str().parse().unwrap(), 1, 9.into());
    let native = json!({"reference": "S-1", "contact_id": customer.as_str(), "status": "Approved",
        "issue_date": "2026-09-01", "due_date": "2026-09-01",
        "line_items": [{"product_id": product.as_str(), "quantity": "1", "unit_price": "100"}]});
    let invoice = world.create("invoice", native).await.ext;
    assert_eq!(
        world.find("invoice", json!({"reference": "S-1"})).await.unwrap(),
        [invoice.as_str()]
    );
    assert!(world.find("invoice", json!({"reference": "S-2"})).await.unwrap().is_empty());
    let payment = json!({"reference": "PAY-1", "invoice_id": invoice.as_str(), "amount": "1",
        "date": "2026-09-02"});
    let payment = world.create("payment", payment).await.ext;
    let found = world.find("payment", json!({"reference": "pay-1 "})).await.unwrap();
    assert_eq!(found, [payment.as_str()], "spelled otherwise");
    let found = world.find("payment", json!({"reference": "PAY-1"})).await.unwrap();
    assert_eq!(found, [payment.as_str()]);
}

#[tokio::test]
async fn customers_are_found_whether_there_is_a_filter_or_not() {
    let world = world().await;
    for number in 0..130 {
        let fields =
            json!({"name": format!("Name {number}"), "organization": format!("C-{number}")});
        world.door.create("customers", fields.as_object().unwrap()).unwrap();
    }
    let twin = json!({"name": "name 7 ", "organization": "C-7"});
    world.door.create("customers", twin.as_object().unwrap()).unwrap();
    assert_eq!(world.find("by_code", json!({"organization": "C-7"})).await.unwrap(), ["131", "8"]);
    assert_eq!(world.find("customer", json!({"name": "Name 9"})).await.unwrap(), ["10"]);
    // The filter misses what was spelled otherwise; without a unique key a miss is not believed.
    assert_eq!(world.find("customer", json!({"name": "NAME 9"})).await.unwrap(), ["10"]);
    assert!(world.find("customer", json!({"name": "Nobody"})).await.unwrap().is_empty());
    world.vices(|vices| vices.ignores_paging = true);
    assert_eq!(world.find("by_code", json!({"organization": "C-7"})).await.unwrap(), ["131", "8"]);
    world.vices(|vices| vices.ignores_id_gt = true);
    assert_eq!(world.find("by_code", json!({"organization": "C-7"})).await.unwrap(), ["131", "8"]);
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_a_fault() {
    let world = world().await;
    for (entity, key) in [
        ("product", json!({"name_ar": "x"})),
        ("product", json!({"sku": ""})),
        ("count", json!({"description": "x"})),
    ] {
        assert!(matches!(world.find(entity, key).await, Err(Fault::BadAnswer(_))));
    }
    let marker = world.qoyod.find(&Name::new("product"), Probe::Marker("m")).await;
    assert!(matches!(marker, Err(Fault::BadAnswer(_))));
}
