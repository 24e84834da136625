//! Faults: what is answered, and what has happened all the same.

use crate::client::{Tenant, product};
use mizan_adapters::sandbox::{FaultKind, Faults, OneFault, RareFaults, SandboxOptions};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

fn fault(method: &str, path: &str, kind: FaultKind) -> OneFault {
    OneFault { method: method.to_owned(), path: path.to_owned(), kind }
}

async fn create(tenant: &Tenant, sku: &str) -> Option<u16> {
    let body = json!({ "product": product(sku) });
    tenant.try_send(Method::POST, "/products", Some(body)).await.ok().map(|got| got.status)
}

#[tokio::test]
async fn each_fault_has_its_answer_and_its_effect() {
    for (kind, answer, exists) in [
        (FaultKind::AnswerLost, None, true),
        (FaultKind::Truncated, None, true),
        (FaultKind::ErrorAfter, Some(500), true),
        (FaultKind::Slow(20), Some(201), true),
        (FaultKind::ErrorBefore, Some(500), false),
        (FaultKind::Throttled, Some(429), false),
        (FaultKind::Unauthorized, Some(401), false),
    ] {
        let tenant = Tenant::start().await;
        tenant.door.next_fault(fault("POST", "/products", kind));
        assert_eq!(tenant.get("/taxes").await.status, 200, "other requests pass");
        assert_eq!(create(&tenant, "A-1").await, answer, "{kind:?}");
        assert_eq!(tenant.door.find("products", "sku", "A-1").is_some(), exists, "{kind:?}");
        assert_eq!(tenant.door.writes(), u64::from(exists), "{kind:?}");
        assert_eq!(create(&tenant, "A-2").await, Some(201), "it strikes once");
    }
}

#[tokio::test]
async fn a_lost_answer_ends_the_connection_without_a_byte() {
    let tenant = Tenant::start().await;
    tenant.door.next_fault(fault("POST", "/products", FaultKind::AnswerLost));
    let body = json!({ "product": product("A-1") });
    let error = tenant.try_send(Method::POST, "/products", Some(body)).await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    assert_eq!(tenant.door.answers()["POST /products lost"], 1);
}

#[tokio::test]
async fn a_cut_body_begins_well() {
    let tenant = Tenant::start().await;
    tenant.door.next_fault(fault("GET", "/taxes", FaultKind::Truncated));
    let url = format!("{}/taxes", tenant.sandbox.url());
    let response = tenant.http.get(url).header("API-KEY", "sandbox-key").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.is_err());
    assert_eq!(tenant.get("/taxes").await.status, 200);
}

#[tokio::test]
async fn queued_faults_strike_so_many_times() {
    let tenant = Tenant::start().await;
    tenant.door.next_faults(fault("", "/products", FaultKind::Throttled), 3);
    for _ in 0..3 {
        let got = tenant.get("/products").await;
        assert_eq!((got.status, got.retry_after.as_deref()), (429, Some("1")));
    }
    assert_eq!(tenant.get("/products").await.status, 404);
}

#[tokio::test]
async fn chance_is_the_same_for_the_same_seed() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let options = SandboxOptions {
            requests_per_minute: None,
            faults: Faults { error_before: 200, throttled: 100, ..Faults::default() },
            rare_faults: RareFaults { throttle_burst: 2, ..RareFaults::default() },
            seed,
            ..SandboxOptions::default()
        };
        let tenant = Tenant::with(options).await;
        let mut statuses = Vec::new();
        for _ in 0..100 {
            statuses.push(tenant.get("/taxes").await.status);
        }
        assert!(statuses.contains(&500) && statuses.contains(&429) && statuses.contains(&200));
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn slow_answers_come_after_their_effect() {
    let tenant = Tenant::start().await;
    tenant.door.set_faults(Faults { slow_ms: 400, ..Faults::default() });
    let begun = Instant::now();
    let url = format!("{}/customers", tenant.sandbox.url());
    let request = tenant.http.post(url).header("API-KEY", "sandbox-key");
    let request = request.json(&json!({ "contact": { "name": "Sara" } }));
    assert!(request.timeout(Duration::from_millis(150)).send().await.unwrap_err().is_timeout());
    assert_eq!(tenant.door.rows("customers").len(), 1);
    tenant.get("/taxes").await;
    assert!(begun.elapsed() >= Duration::from_millis(400));
    tenant.door.clear_faults();
}

#[tokio::test]
async fn a_page_can_come_twice_and_an_adjustment_can_fail_with_200() {
    let tenant = Tenant::start().await;
    for sku in ["A-1", "A-2", "A-3"] {
        tenant.product(sku);
    }
    tenant.door.next_fault(fault("GET", "/products", FaultKind::DuplicatePage));
    assert_eq!(tenant.ids("/products?per_page=2&page=2", "products").await, [1, 2]);
    assert_eq!(tenant.ids("/products?per_page=2&page=2", "products").await, [3]);
    let path = "/inventory_adjustments";
    tenant.door.next_fault(fault("POST", path, FaultKind::AdjustmentErrors));
    let body = json!({ "inventory_adjustment": {
        "inventory_id": 1, "revenue_account_id": 17, "expense_account_id": 12,
        "line_items": [{ "product_id": 1, "actual_quantity": 4 }],
    } });
    let failed = tenant.post(path, body.clone()).await;
    assert_eq!(failed.status, 200);
    assert!(failed.json()["errors"].is_object());
    assert_eq!(tenant.door.stock(1, 1).to_string(), "0");
    assert_eq!(tenant.post(path, body).await.status, 200);
    assert_eq!(tenant.door.stock(1, 1).to_string(), "4");
}

#[tokio::test]
async fn an_idempotency_key_changes_nothing() {
    let tenant = Tenant::start().await;
    let url = format!("{}/customers", tenant.sandbox.url());
    for _ in 0..2 {
        let request = tenant.http.post(&url).header("API-KEY", "sandbox-key");
        let request = request.header("Idempotency-Key", "one");
        let got = request.json(&json!({ "contact": { "name": "Sara" } })).send().await.unwrap();
        assert_eq!(got.status(), 201);
    }
    assert_eq!(tenant.door.rows("customers").len(), 2);
}
