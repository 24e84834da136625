//! Stock: absolute counts, all lines or none.

use crate::client::{Got, Tenant, map, product};
use mizan_adapters::sandbox::Vices;
use serde_json::{Value as Json, json};

async fn adjust(tenant: &Tenant, changes: Json) -> Got {
    let mut body = map(json!({
        "inventory_id": 1, "revenue_account_id": 17, "expense_account_id": 12,
        "line_items": [{ "product_id": 1, "actual_quantity": "12", "rate": "18" }],
    }));
    body.extend(map(changes));
    tenant.post("/inventory_adjustments", json!({ "inventory_adjustment": body })).await
}

#[tokio::test]
async fn an_adjustment_sets_the_total_and_cannot_be_read_afterwards() {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    let made = adjust(&tenant, json!({})).await;
    assert_eq!(made.status, 200);
    let line = &made.json()["inventory_adjustment"]["line_items"][0];
    assert_eq!((&line["quantity"], &line["value"]), (&json!("12.0"), &json!("216.0")));
    assert_eq!(adjust(&tenant, json!({})).await.status, 200);
    let shown = tenant.get("/products/1").await.json();
    assert_eq!(shown["product"]["inventories"][0]["stock"], "12.0");
    for path in ["/inventory_adjustments", "/inventory_adjustments/1"] {
        assert_eq!(tenant.get(path).await.status, 404);
    }
    let inventory = tenant.get("/inventories/1").await.json();
    assert_eq!(inventory["inventory"]["total_value"], "216.0");
}

#[tokio::test]
async fn a_failed_adjustment_moves_nothing_and_says_so_in_the_form_of_its_time() {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    let mut service = map(product("S-1"));
    service.insert("track_quantity".to_owned(), json!(0));
    tenant.door.create("products", &service).unwrap();
    let lines = json!([
        { "product_id": 1, "actual_quantity": "3" }, { "product_id": 2, "actual_quantity": "3" },
    ]);
    let refused = adjust(&tenant, json!({ "line_items": lines })).await;
    assert_eq!((refused.status, &refused.json()["error"]), (422, &json!("Invalid resource")));
    let blank = adjust(&tenant, json!({ "inventory_id": null, "revenue_account_id": 99 })).await;
    let messages =
        json!({ "inventory": ["Can't be blank"], "revenue_account": ["Can't be blank"] });
    assert_eq!(blank.json()["messages"], messages);
    tenant.door.set_vices(Vices { adjustment_errors_with_200: true, ..Vices::default() });
    let old = adjust(&tenant, json!({ "line_items": lines })).await;
    assert_eq!(old.status, 200);
    assert!(old.json()["errors"].is_object());
    assert_eq!((tenant.door.stock(1, 1).to_string(), tenant.door.writes()), ("0".to_owned(), 0));
}

#[tokio::test]
async fn stock_moves_the_stamp_only_where_the_vice_says_so() {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    let past = "2020-01-01T00:00:00.000+03:00";
    tenant.door.edit_silently("products", 1, map(json!({ "updated_at": past })));
    assert_eq!(adjust(&tenant, json!({})).await.status, 200);
    assert_eq!(tenant.door.get("products", 1).unwrap()["updated_at"], past);
    tenant.door.set_vices(Vices { stock_bumps_updated_at: true, ..Vices::default() });
    assert_eq!(adjust(&tenant, json!({})).await.status, 200);
    assert_ne!(tenant.door.get("products", 1).unwrap()["updated_at"], past);
}
