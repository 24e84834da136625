//! Payments of invoices, which are receipts.

use crate::client::{Got, Tenant, invoice, map};
use serde_json::{Value as Json, json};

/// A tenant with an approved invoice of 69 and a draft.
async fn owed() -> Tenant {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    tenant.customer("Sara");
    tenant.door.set_stock(1, 1, "5".parse().unwrap());
    let mut body = invoice(1, 1, "2", "30");
    assert_eq!(tenant.door.create("invoices", &map(body.clone())).unwrap(), 1);
    assert!(tenant.door.approve_invoice(1));
    body["reference"] = json!("D-1");
    assert_eq!(tenant.door.create("invoices", &map(body)).unwrap(), 2);
    tenant
}

async fn pay(tenant: &Tenant, changes: Json) -> Got {
    let mut body = map(json!({
        "invoice_id": 1, "amount": "40", "account_id": 7, "date": "2026-09-02",
    }));
    body.extend(map(changes));
    tenant.post("/invoice_payments", json!({ "invoice_payment": body })).await
}

#[tokio::test]
async fn a_payment_settles_its_invoice_and_is_listed_as_a_receipt() {
    let tenant = owed().await;
    let first = pay(&tenant, json!({ "reference": "PAY-1" })).await;
    assert_eq!(first.status, 200);
    let receipt = &first.json()["receipt"];
    assert_eq!((&receipt["amount"], &receipt["kind"]), (&json!("40.0"), &json!("received")));
    assert_eq!((&receipt["contact_id"], &receipt["account_id"]), (&json!(1), &json!(7)));
    assert_eq!(receipt["allocations"][0]["allocatee_id"], 1);
    let shown = tenant.get("/invoices/1").await.json();
    assert_eq!(
        (&shown["invoice"]["due_amount"], &shown["invoice"]["paid_amount"]),
        (&json!("29.0"), &json!("40.0"))
    );
    assert_eq!(shown["invoice"]["status"], "Approved");
    assert_eq!(pay(&tenant, json!({ "amount": 29 })).await.status, 200);
    let shown = tenant.get("/invoices/1").await.json();
    assert_eq!(
        (&shown["invoice"]["due_amount"], &shown["invoice"]["status"]),
        (&json!("0.0"), &json!("Paid"))
    );
    assert_eq!(tenant.ids("/invoice_payments", "receipts").await, [1, 2]);
    assert_eq!(tenant.ids("/receipts?q[kind_eq]=0&per_page=1&page=2", "receipts").await, [2]);
    assert_eq!(tenant.ids("/receipts?q[kind_eq]=1", "receipts").await, Vec::<u64>::new());
    assert_eq!(tenant.get("/invoice_payments/1").await.json()["receipt"]["reference"], "PAY-1");
}

#[tokio::test]
async fn payments_are_refused_in_their_own_shapes() {
    let tenant = owed().await;
    let draft = pay(&tenant, json!({ "invoice_id": 2 })).await;
    assert_eq!(draft.both(), (422, json!({ "errors": "Cannot pay Draft invoice" })));
    let hash = pay(&tenant, json!({ "amount": {} })).await;
    let message = "Amount must be a value and cannot be a Hash";
    assert_eq!(hash.both(), (400, json!({ "error": message })));
    let blank = pay(&tenant, json!({ "date": "", "account_id": null })).await;
    let messages = json!({ "date": ["Can't be blank"], "account": ["Can't be blank"] });
    assert_eq!(blank.both(), (422, json!({ "error": "Invalid resource", "messages": messages })));
    assert_eq!(pay(&tenant, json!({ "amount": "69.01" })).await.status, 422);
    assert_eq!(pay(&tenant, json!({ "reference": "P1" })).await.status, 200);
    let twice = pay(&tenant, json!({ "reference": "P1", "amount": 1 })).await;
    assert_eq!(twice.json()["messages"]["reference"], json!(["has already been taken"]));
    assert_eq!(tenant.door.rows("invoice_payments").len(), 1);
}

#[tokio::test]
async fn a_deleted_receipt_leaves_the_invoice_owing_again() {
    let tenant = owed().await;
    assert_eq!(pay(&tenant, json!({ "amount": 69 })).await.status, 200);
    let refused = tenant.delete("/invoices/1").await;
    assert_eq!(refused.both(), (422, json!("Invoice couldn't be destroyed")));
    assert_eq!(tenant.delete("/invoice_payments/1").await.status, 404);
    let deleted = tenant.delete("/receipts/1").await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, ""));
    let shown = tenant.get("/invoices/1").await.json();
    assert_eq!(
        (&shown["invoice"]["due_amount"], &shown["invoice"]["status"]),
        (&json!("69.0"), &json!("Approved"))
    );
    assert_eq!(tenant.delete("/invoices/1").await.status, 200);
}

#[tokio::test]
async fn a_balance_counts_what_is_approved() {
    let tenant = owed().await;
    let balance = tenant.get("/customers/1/balance").await.json();
    let balance = &balance["customer_balance"];
    assert_eq!(
        (&balance["balance"], &balance["count_of_all_invoices"]),
        (&json!("69.0"), &json!(1))
    );
    assert_eq!(tenant.get("/customers/9/balance").await.status, 404);
}
