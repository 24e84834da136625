//! Invoices: references, drafts and approvals, totals.

use crate::client::{Got, Tenant, invoice, map};
use mizan_adapters::sandbox::SandboxOptions;
use serde_json::{Value as Json, json};

/// A tenant with product 1, of which 5 are in stock, and customer 1.
async fn shop() -> Tenant {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    tenant.customer("Sara");
    assert!(tenant.door.set_stock(1, 1, "5".parse().unwrap()));
    tenant
}

async fn post(tenant: &Tenant, changes: Json) -> Got {
    let mut body = map(invoice(1, 1, "2", "30.0"));
    body.extend(map(changes));
    tenant.post("/invoices", json!({ "invoice": body })).await
}

#[tokio::test]
async fn an_invoice_is_a_draft_with_the_tax_of_its_product() {
    let tenant = shop().await;
    let created = post(&tenant, json!({ "reference": "SHOP-100245" })).await;
    assert_eq!(created.status, 201);
    let shown = &created.json()["invoice"];
    assert_eq!((&shown["status"], &shown["total"]), (&json!("Draft"), &json!("69.0")));
    assert_eq!((&shown["due_amount"], &shown["paid_amount"]), (&json!("69.0"), &json!("0.0")));
    assert_eq!(shown["contact_id"], 1);
    let line = &shown["line_items"][0];
    assert_eq!(
        (&line["tax_percent"], &line["unrounded_vat_value"]),
        (&json!("15.0"), &json!("9.0"))
    );
    assert_eq!((&line["inventory_id"], &line["quantity"]), (&json!(1), &json!("2.0")));
    assert!(line.get("id").is_none() && line.get("_net").is_none());
    assert!(shown.get("inventory_id").is_none());
    assert_eq!(tenant.door.stock(1, 1).to_string(), "5");
}

#[tokio::test]
async fn references_have_a_form_and_are_unique_until_deletion() {
    let tenant = shop().await;
    let longest = "A".repeat(24) + "1";
    for (reference, status) in [
        ("SHOP-1", 201),
        ("SHOP-1", 422),
        ("SHOP-A", 422),
        ("SHOP 1", 422),
        ("شوب-1", 422),
        (longest.as_str(), 201),
        (&format!("A{longest}"), 422),
    ] {
        let got = post(&tenant, json!({ "reference": reference })).await;
        assert_eq!(got.status, status, "{reference}");
    }
    let taken = post(&tenant, json!({ "reference": "SHOP-1" })).await;
    let errors = json!({ "reference": ["has already been taken"] });
    assert_eq!(taken.both(), (422, json!({ "errors": errors })));
    assert_eq!(tenant.ids("/invoices?q[reference_eq]=SHOP-1", "invoices").await, [1]);
    let made_up = post(&tenant, json!({})).await.json();
    assert!(made_up["invoice"]["reference"].as_str().unwrap().ends_with(char::is_numeric));
    let deleted = tenant.delete("/invoices/1").await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, "Invoice destroyed successfully"));
    assert_eq!(tenant.get("/invoices/1").await.both(), (404, json!("We found nothing")));
    assert_eq!(post(&tenant, json!({ "reference": "SHOP-1" })).await.status, 201);
}

#[tokio::test]
async fn what_is_missing_is_said_in_sentences_before_validation() {
    let tenant = shop().await;
    assert!(tenant.door.edit("customers", 1, map(json!({ "status": "Inactive" }))));
    for (changes, sentence) in [
        (
            json!({ "inventory_id": null, "contact_id": null }),
            "inventory id missing in a line item",
        ),
        (json!({ "contact_id": null }), "contact id is missing"),
        (json!({ "issue_date": null }), "issue_date is missing"),
        (json!({}), "this contact 1 is not active"),
        (
            json!({ "line_items": [{ "product_id": 99, "quantity": 1, "unit_price": 1 }] }),
            "product with id 99 is not found",
        ),
        (
            json!({ "line_items": [{ "product_id": 1, "quantity": 0, "unit_price": 1 }] }),
            "quantity must be greater than 0 in a line item",
        ),
    ] {
        let got = post(&tenant, changes).await;
        let sentences = got.json()["errors"].clone();
        assert_eq!(got.status, 422);
        assert!(sentences.as_array().unwrap().contains(&json!(sentence)), "{sentences}");
    }
    assert!(tenant.door.rows("invoices").is_empty());
}

#[tokio::test]
async fn an_approval_takes_stock_and_too_little_stock_refuses_or_leaves_a_draft() {
    let tenant = shop().await;
    let approved = post(&tenant, json!({ "status": "Approved" })).await;
    assert_eq!((approved.status, &approved.json()["invoice"]["status"]), (201, &json!("Approved")));
    assert_eq!(tenant.door.stock(1, 1).to_string(), "3");
    let line = json!({ "product_id": 1, "quantity": 2, "unit_price": 30 });
    let two_lines = json!({ "status": "Approved", "line_items": [line, line] });
    assert_eq!(post(&tenant, two_lines.clone()).await.status, 422);
    assert_eq!(tenant.door.rows("invoices").len(), 1);
    let mut lenient = two_lines;
    lenient["draft_if_out_of_stock"] = json!(true);
    let draft = post(&tenant, lenient).await;
    assert_eq!((draft.status, &draft.json()["invoice"]["status"]), (201, &json!("Draft")));
    assert_eq!(tenant.door.stock(1, 1).to_string(), "3");
    assert_eq!(tenant.delete("/invoices/1").await.status, 200);
    assert_eq!(tenant.door.stock(1, 1).to_string(), "5");
}

#[tokio::test]
async fn net_and_tax_are_each_rounded_once_for_the_document() {
    let tenant = shop().await;
    let line = |price: &str| json!({ "product_id": 1, "quantity": 1, "unit_price": price });
    let total = |lines: Json| {
        let tenant = &tenant;
        async move {
            let got = post(tenant, json!({ "line_items": lines })).await.json();
            got["invoice"]["total"].as_str().unwrap().to_owned()
        }
    };
    // Three lines of 0.335: net 1.005 rounds to 1.01, tax 0.15075 to 0.15; by line it would be 1.17.
    assert_eq!(total(json!([line("0.335"), line("0.335"), line("0.335")])).await, "1.16");
    assert_eq!(total(json!([line("0.1")])).await, "0.12");
    let mut inclusive = line("115");
    inclusive["is_inclusive"] = json!(true);
    assert_eq!(total(json!([inclusive])).await, "115.0");
    let mut cheap = line("100");
    (cheap["discount_percent"], cheap["tax_percentage"]) = (json!("10"), json!(5));
    assert_eq!(total(json!([cheap])).await, "94.5");
    let mut off = line("100");
    (off["discount"], off["discount_type"]) = (json!(20), json!("amount"));
    assert_eq!(total(json!([off])).await, "92.0");
    let shown = tenant.get("/invoices/3").await.json();
    let shown = &shown["invoice"]["line_items"][0];
    assert_eq!(
        (&shown["unit_price"], &shown["inclusive_unit_price"]),
        (&json!("100.0"), &json!("115.0"))
    );
}

#[tokio::test]
async fn only_a_draft_changes_and_its_new_lines_are_added() {
    let tenant = shop().await;
    assert_eq!(post(&tenant, json!({})).await.status, 201);
    let line = json!({ "product_id": 1, "quantity": 1, "unit_price": 10 });
    let more = json!({ "invoice": { "notes": "gift", "line_items": [line] } });
    let changed = tenant.put("/invoices/1", more).await.json();
    assert_eq!(changed["invoice"]["line_items"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&changed["invoice"]["total"], &changed["invoice"]["notes"]),
        (&json!("80.5"), &json!("gift"))
    );
    let approve = json!({ "invoice": { "status": "Approved" } });
    assert_eq!(
        tenant.put("/invoices/1", approve.clone()).await.json()["invoice"]["status"],
        "Approved"
    );
    assert_eq!(tenant.door.stock(1, 1).to_string(), "2");
    let refused = tenant.put("/invoices/1", approve).await;
    assert_eq!(refused.both(), (422, json!({ "errors": "Not update other than draft" })));
}

#[tokio::test]
async fn a_product_that_is_not_sold_is_on_no_invoice_and_the_rest_of_the_limits_hold() {
    let tenant = Tenant::with(SandboxOptions::default()).await;
    tenant.customer("Sara");
    let mut bought = map(crate::client::product("B-1"));
    bought.insert("sale_item".to_owned(), json!(false));
    tenant.door.create("products", &bought).unwrap();
    tenant.product("A-1");
    for (body, status) in [
        (invoice(1, 1, "1", "1"), 422),
        (invoice(1, 2, "1.00000000001", "1"), 422),
        (invoice(1, 2, "1", "-1"), 422),
        (invoice(1, 2, "1", "1e30"), 422),
        (invoice(1, 2, "999999999999", "999999999999"), 201),
        (invoice(1, 2, "1.0000000001", "0"), 201),
    ] {
        let got = tenant.post("/invoices", json!({ "invoice": body })).await;
        assert_eq!(got.status, status, "{}", got.text);
    }
}
