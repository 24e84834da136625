//! Ways in which the remote misleads: late commits, a wrong clock, Arabic.

use crate::client::{Tenant, map};
use mizan_adapters::sandbox::Vices;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_late_commit_reaches_lists_after_its_stamp() {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    tenant.door.set_vices(Vices { late_commit_ms: 300, ..Vices::default() });
    tenant.product("A-2");
    tenant.door.edit("products", 1, map(json!({ "selling_price": 99 })));
    let listed = tenant.get("/products").await.json();
    assert_eq!(listed["products"].as_array().unwrap().len(), 1);
    assert_eq!(listed["products"][0]["selling_price"], "30.0");
    assert_eq!(tenant.get("/products/2").await.status, 200);
    tokio::time::sleep(Duration::from_millis(350)).await;
    let listed = tenant.get("/products").await.json();
    assert_eq!(listed["products"].as_array().unwrap().len(), 2);
    assert_eq!(listed["products"][0]["selling_price"], "99.0");
}

#[tokio::test]
async fn a_clock_can_be_ahead_and_everything_it_stamps_with_it() {
    let tenant = Tenant::start().await;
    tenant.product("A-1");
    let before = tenant.get("/products/1").await;
    tenant.door.set_clock_skew(86_400 * 400);
    tenant.product("A-2");
    let after = tenant.get("/products/2").await;
    let year = |date: &str| date.split(' ').nth(3).unwrap().parse::<u32>().unwrap();
    assert!(year(&after.date) > year(&before.date), "{} {}", after.date, before.date);
    let stamp = |got: &crate::client::Got| got.json()["product"]["updated_at"].to_string();
    assert!(stamp(&after) > stamp(&before));
}

#[tokio::test]
async fn messages_can_be_arabic_by_default() {
    let tenant = Tenant::start().await;
    tenant.door.set_vices(Vices { arabic_by_default: true, ..Vices::default() });
    let url = format!("{}/products", tenant.sandbox.url());
    let request = tenant.http.get(url).header("API-KEY", "sandbox-key");
    let text = request.send().await.unwrap().text().await.unwrap();
    assert!(!text.is_ascii());
    assert_eq!(tenant.get("/products").await.json(), json!("We found nothing"));
}
