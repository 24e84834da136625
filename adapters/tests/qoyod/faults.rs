//! Answers that are lost, late, broken or wrong.

use super::world::{coffee, found, key, over, world};
use mizan_adapters::http::{Api, Auth, Limiter, Policy, Request, Response};
use mizan_adapters::qoyod::Qoyod;
use mizan_adapters::sandbox::FaultKind;
use mizan_adapters::{Adapter, Answer, Fault, Fetched, Pull, Refusal};
use mizan_core::{Ext, Name, SideId};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

#[tokio::test]
async fn a_create_without_an_answer_is_in_doubt_and_found() {
    for kind in [FaultKind::AnswerLost, FaultKind::ErrorAfter, FaultKind::Truncated] {
        let world = world().await;
        world.next_fault("POST", "/products", kind);
        let answer = world.try_create("product", coffee()).await;
        assert!(matches!(answer, Err(Fault::InDoubt(_))), "{kind:?}: {answer:?}");
        assert_eq!((world.door.writes(), world.requests("POST /products")), (1, 1), "{kind:?}");
        assert_eq!(world.find("product", json!({"sku": "COF-250"})).await.unwrap(), ["1"]);
    }
}

#[tokio::test]
async fn a_create_that_failed_before_it_was_done_is_in_doubt_and_not_found() {
    let world = world().await;
    world.next_fault("POST", "/products", FaultKind::ErrorBefore);
    let answer = world.try_create("product", coffee()).await;
    assert!(matches!(answer, Err(Fault::InDoubt(_))), "{answer:?}");
    assert_eq!((world.door.writes(), world.requests("POST /products")), (0, 1));
    assert!(world.find("product", json!({"sku": "COF-250"})).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_update_without_an_answer_is_in_doubt_and_its_row_tells() {
    let world = world().await;
    let row = world.create("product", coffee()).await;
    world.next_fault("PUT", "/products", FaultKind::AnswerLost);
    let answer = world.update("product", &row.ext, json!({"name_en": "New"}), &row.image).await;
    assert!(matches!(answer, Err(Fault::InDoubt(_))), "{answer:?}");
    assert_eq!(world.requests("PUT /products"), 1);
    let after = found(world.get("product", row.ext.as_str()).await);
    assert_ne!(after.image, row.image);
}

#[tokio::test]
async fn reads_are_asked_again() {
    let world = world().await;
    let row = world.create("product", coffee()).await;
    for kind in [FaultKind::ErrorBefore, FaultKind::Truncated, FaultKind::AnswerLost] {
        world.next_fault("GET", "/products", kind);
        assert_eq!(found(world.get("product", row.ext.as_str()).await), row, "{kind:?}");
        world.next_fault("GET", "/products", kind);
        assert!(world.list("product", Pull::All).await.unwrap().complete, "{kind:?}");
    }
}

#[tokio::test]
async fn a_read_that_fails_before_a_write_leaves_nothing_in_doubt() {
    let world = world().await;
    let row = world.create("product", coffee()).await;
    for _ in 0..3 {
        world.next_fault("GET", "/products", FaultKind::ErrorBefore);
    }
    let answer = world.update("product", &row.ext, json!({"name_en": "New"}), &row.image).await;
    assert!(matches!(answer, Err(Fault::NotSent(_))), "{answer:?}");
    assert_eq!(world.requests("PUT /products"), 0);
}

#[tokio::test]
async fn throttled_writes_are_sent_again_and_have_one_effect() {
    let world = world().await;
    world.next_fault("POST", "/products", FaultKind::Throttled);
    world.create("product", coffee()).await;
    assert_eq!((world.door.writes(), world.requests("POST /products")), (1, 2));
}

#[tokio::test]
async fn a_remote_that_is_not_there_or_not_qoyod() {
    let world = world().await;
    let url = world.sandbox.url();
    let wrong = url.replace("/2.0", "/v9");
    let api = Api::new(
        super::world::client(&wrong),
        key("sandbox-key"),
        Limiter::default(),
        super::world::policy(),
    );
    let lost = over_api(api);
    let name = Name::new("product");
    assert!(matches!(lost.get(&name, &Ext::new("1")).await, Err(Fault::BadAnswer(_))));
    let world = over(world.sandbox, key("sandbox-key"));
    world.create("product", coffee()).await;
    world.sandbox.stop().await;
    let answer = world.qoyod.get(&name, &Ext::new("1")).await;
    assert!(matches!(answer, Err(Fault::NotSent(_) | Fault::BadAnswer(_))), "{answer:?}");
}

fn over_api(api: Api) -> Qoyod {
    Qoyod::new(SideId::new("qoyod"), api, super::world::bindings()).unwrap()
}

/// An adapter over a remote that is a table: method and path, status and body.
fn scripted(script: &'static [(&'static str, u16, &'static str)]) -> Qoyod {
    let transport = move |request: Request| {
        let asked = format!("{} {}", request.method.as_str(), request.path);
        let filtered = request.query.iter().any(|(name, _)| name.ends_with("_eq]"));
        let asked = if filtered { format!("{asked} filtered") } else { asked };
        let line = script.iter().find(|(line, _, _)| *line == asked);
        let (_, status, body) = *line.unwrap_or_else(|| panic!("{asked} was not expected"));
        async move { Ok(Response { status, headers: BTreeMap::new(), body: body.as_bytes().to_vec() }) }
    };
    let policy = Policy { backoff_first: Duration::from_millis(1), ..Policy::default() };
    over_api(Api::new(transport, Auth::None, Limiter::default(), policy))
}

const ROW: &str = r#"{"product":{"id":1,"sku":"A","name_ar":"a","selling_price":"1.0"}}"#;

async fn change(qoyod: Qoyod, entity: &str) -> Result<Answer, Fault> {
    let world = super::world::World { qoyod, ..world().await };
    let native = json!({"name_ar": "b", "name": "b", "due_date": "2026-09-01"});
    let expect = match world.get(entity, "1").await {
        Ok(Fetched::Found(row)) => row.image,
        Ok(Fetched::NotFound) | Err(_) => mizan_core::Image::default(),
    };
    world.update(entity, &Ext::new("1"), native, &expect).await
}

#[tokio::test]
async fn an_answer_without_the_row_is_followed_by_a_read() {
    for body in ["", "\"ok\"", r#"{"product":{"id":1}}"#, r#"{"product":{"id":2,"name_ar":"b"}}"#] {
        let body: &'static str = body;
        let script =
            Box::leak(Box::new([("GET /products/1", 200, ROW), ("PUT /products/1", 200, body)]));
        let answer = change(scripted(script), "product").await;
        let Ok(Answer::Done { ext, row: Some(row) }) = answer else { panic!("{answer:?}") };
        assert_eq!((ext.as_str(), row.ext.as_str()), ("1", "1"));
    }
}

#[tokio::test]
async fn a_create_that_is_answered_without_an_id_is_in_doubt() {
    for body in ["", "{}", r#"{"product":null}"#, r#"{"products":[{"id":1}]}"#] {
        let script = Box::leak(Box::new([("POST /products", 201, body)]));
        let world = super::world::World { qoyod: scripted(script), ..world().await };
        let answer = world.try_create("product", coffee()).await;
        assert!(matches!(answer, Err(Fault::InDoubt(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn only_exact_words_mean_gone() {
    for (body, gone) in [
        ("\"We found nothing\"", true),
        ("\"Product not found\"", true),
        ("{\"error\":\"URL not found\"}", false),
        ("<html>nginx 404</html>", false),
        ("", false),
    ] {
        let script = Box::leak(Box::new([("GET /products/1", 404, body)]));
        let answer = change(scripted(script), "product").await;
        if gone {
            assert_eq!(answer, Ok(Answer::Gone), "{body}");
        } else {
            assert!(matches!(answer, Err(Fault::NotSent(_))), "{body}: {answer:?}");
        }
        let read = scripted(script).get(&Name::new("product"), &Ext::new("1")).await;
        assert_eq!(read.is_ok(), gone, "{body}");
    }
}

#[tokio::test]
async fn a_company_without_an_operation_says_so_by_404() {
    const INVOICE: &str = r#"{"invoice":{"id":1,"reference":"S-1","status":"Draft"}}"#;
    let qoyod = scripted(&[
        ("GET /invoices/1", 200, INVOICE),
        ("PUT /invoices/1", 404, "{\"error\":\"URL not found\"}"),
    ]);
    let answer = change(qoyod, "invoice").await;
    let Ok(Answer::Refused { why: Refusal::Unsupported, .. }) = answer else {
        panic!("{answer:?}")
    };
    let qoyod = scripted(&[
        ("GET /invoices/1", 200, INVOICE),
        ("DELETE /invoices/1", 422, "\"Invoice couldn't be destroyed\""),
    ]);
    let world = super::world::World { qoyod, ..world().await };
    let expect = found(world.get("invoice", "1").await).image;
    let answer = world.delete("invoice", &Ext::new("1"), &expect).await;
    let Ok(Answer::Refused { why: Refusal::Locked, .. }) = answer else { panic!("{answer:?}") };
}

#[tokio::test]
async fn a_filter_with_a_wrong_404_is_followed_by_a_scan() {
    let qoyod = scripted(&[
        ("GET /invoices filtered", 404, "{\"error\":\"not found\"}"),
        (
            "GET /invoices",
            200,
            r#"{"invoices":[{"id":1,"reference":"S-1"},{"id":2,"reference":"S-2"}]}"#,
        ),
    ]);
    let world = super::world::World { qoyod, ..world().await };
    assert_eq!(world.find("invoice", json!({"reference": "S-2"})).await.unwrap(), ["2"]);
    let qoyod = scripted(&[
        ("GET /invoices filtered", 404, "{\"error\":\"not found\"}"),
        ("GET /invoices", 404, "{\"error\":\"not found\"}"),
    ]);
    let world = super::world::World { qoyod, ..world };
    assert!(world.find("invoice", json!({"reference": "S-2"})).await.is_err());
}

#[tokio::test]
async fn a_missing_permission_concerns_the_resource_and_not_the_side() {
    let forbidden = "{\"error\":\"Forbidden\"}";
    let script = Box::leak(Box::new([
        ("GET /products/1", 403, forbidden),
        ("POST /products", 403, forbidden),
    ]));
    let world = super::world::World { qoyod: scripted(script), ..world().await };
    let Err(Fault::BadAnswer(why)) = world.get("product", "1").await else { panic!() };
    assert!(why.contains("permission"), "{why}");
    let answer = world.try_create("product", coffee()).await;
    let Ok(Answer::Refused { why: Refusal::Unsupported, .. }) = answer else {
        panic!("{answer:?}")
    };
}
