//! The back door, from the same process and over HTTP.

use crate::client::{Got, Tenant, got, map, product};
use mizan_adapters::sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value as Json, json};

async fn send(tenant: &Tenant, method: Method, path: &str, body: Json) -> Got {
    let url = format!("http://{}/backdoor{path}", tenant.sandbox.address());
    let request = tenant.http.request(method, url);
    let request = request.header("X-Backdoor", tenant.sandbox.back_door_token());
    got(request.json(&body).send().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn it_opens_only_with_its_token() {
    let tenant = Tenant::start().await;
    let url = format!("http://{}/backdoor/dump", tenant.sandbox.address());
    assert_eq!(tenant.http.get(&url).send().await.unwrap().status(), 403);
    let wrong = tenant.http.get(&url).header("X-Backdoor", "wrong");
    assert_eq!(wrong.send().await.unwrap().status(), 403);
    assert_eq!(send(&tenant, Method::GET, "/dump", Json::Null).await.status, 200);
}

#[tokio::test]
async fn a_web_user_creates_edits_counts_approves_and_deletes() {
    let tenant = Tenant::start().await;
    assert_eq!(
        send(&tenant, Method::POST, "/products", product("A-1")).await.both(),
        (201, json!({ "id": 1 }))
    );
    assert_eq!(send(&tenant, Method::POST, "/products", product("A-1")).await.status, 422);
    let past = "2020-01-01T00:00:00.000+03:00";
    let silent = json!({ "silently": true, "updated_at": past, "selling_price": 31 });
    assert_eq!(send(&tenant, Method::PUT, "/products/1", silent).await.status, 200);
    let row = send(&tenant, Method::GET, "/products/1", Json::Null).await.json();
    assert_eq!((&row["selling_price"], &row["updated_at"]), (&json!("31.0"), &json!(past)));
    let loud = json!({ "name_ar": "قهوة" });
    assert_eq!(send(&tenant, Method::PUT, "/products/1", loud).await.status, 200);
    assert_ne!(tenant.door.get("products", 1).unwrap()["updated_at"], past);
    assert_eq!(
        send(&tenant, Method::PUT, "/products/1", json!({ "nonsense": 1 })).await.status,
        404
    );
    assert_eq!(send(&tenant, Method::PUT, "/stock/1", json!({ "stock": "7" })).await.status, 200);
    assert_eq!(tenant.door.stock(1, 1).to_string(), "7");
    tenant.customer("Sara");
    let invoice = crate::client::invoice(1, 1, "9", "1");
    assert_eq!(send(&tenant, Method::POST, "/invoices", invoice).await.status, 201);
    assert_eq!(send(&tenant, Method::POST, "/invoices/1/approve", Json::Null).await.status, 200);
    assert_eq!(tenant.door.stock(1, 1).to_string(), "-2");
    assert_eq!(send(&tenant, Method::DELETE, "/products/1", Json::Null).await.status, 200);
    assert_eq!(tenant.get("/products/1").await.status, 404);
    assert_eq!(tenant.door.writes(), 0, "a web user's writes are not the API's");
    let next = tenant.product("A-2");
    assert_eq!(next, 2, "ids are never used again");
}

#[tokio::test]
async fn it_counts_and_finds_duplicates() {
    let tenant = Tenant::start().await;
    tenant.post("/customers", json!({ "contact": { "name": "Sara" } })).await;
    tenant.get("/customers/1").await;
    tenant.get("/customers/99").await;
    let unchecked = json!({ "unchecked": true, "sku": "X-1" });
    for _ in 0..2 {
        assert_eq!(send(&tenant, Method::POST, "/products", unchecked.clone()).await.status, 201);
    }
    let counts = send(&tenant, Method::GET, "/counts", Json::Null).await.json();
    assert_eq!(counts["requests"], json!({ "GET /customers": 2, "POST /customers": 1 }));
    assert_eq!(counts["answers"]["GET /customers/{id} 404"], 1);
    assert_eq!((&counts["writes"], &counts["most_in_a_minute"]), (&json!(1), &json!(3)));
    assert_eq!(counts["duplicates"], json!(["products sku X-1: 2 rows"]));
    let dump = send(&tenant, Method::GET, "/dump", Json::Null).await.json();
    assert_eq!(dump["products"].as_array().unwrap().len(), 2);
    assert_eq!(dump["taxes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn faults_vices_and_the_clock_are_set_at_run_time() {
    let tenant = Tenant::start().await;
    let order = json!({ "method": "GET", "path": "/taxes", "kind": "error_before", "times": 2 });
    assert_eq!(send(&tenant, Method::POST, "/fault", order).await.status, 200);
    assert_eq!((tenant.get("/taxes").await.status, tenant.get("/taxes").await.status), (500, 500));
    let slow = json!({ "kind": { "slow": 5 } });
    assert_eq!(send(&tenant, Method::POST, "/fault", slow).await.status, 200);
    assert_eq!(tenant.get("/taxes").await.status, 200);
    let faults = json!({ "unauthorized": 1000 });
    assert_eq!(send(&tenant, Method::PUT, "/rare-faults", faults).await.status, 200);
    assert_eq!(tenant.get("/taxes").await.status, 401);
    assert_eq!(send(&tenant, Method::DELETE, "/faults", Json::Null).await.status, 200);
    assert_eq!(tenant.get("/taxes").await.status, 200);
    assert_eq!(send(&tenant, Method::PUT, "/faults", json!({ "typo": 1 })).await.status, 400);
    assert_eq!(send(&tenant, Method::PUT, "/vices", json!({ "page_max": 2 })).await.status, 200);
    assert_eq!(tenant.door.vices().page_max, Some(2));
    assert_eq!(
        send(&tenant, Method::PUT, "/clock", json!({ "skew_seconds": -60 })).await.status,
        200
    );
    assert_eq!(tenant.door.vices().clock_skew_seconds, -60);
}

#[tokio::test]
async fn a_stopped_sandbox_comes_back_with_what_it_held() {
    let tenant = Tenant::start().await;
    tenant.door.create("customers", &map(json!({ "name": "Sara" }))).unwrap();
    let address = tenant.sandbox.address();
    tenant.sandbox.stop().await;
    let url = format!("http://{address}/2.0/customers");
    let ask = || crate::client::client().get(&url).header("API-KEY", "sandbox-key").send();
    assert!(ask().await.unwrap_err().is_connect());
    let sandbox = Sandbox::resume(&tenant.door, address).await.unwrap();
    assert_eq!(ask().await.unwrap().status(), 200);
    drop(sandbox);
}
