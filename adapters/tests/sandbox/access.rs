//! Credentials, tokens, and the limit of requests.

use crate::client::{Got, Tenant, client, got};
use mizan_adapters::sandbox::SandboxOptions;
use serde_json::{Value as Json, json};

async fn token(tenant: &Tenant, form: &str) -> Got {
    let request = tenant.http.post(tenant.sandbox.token_url()).body(form.to_owned());
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    got(request.send().await.unwrap()).await.unwrap()
}

const CLIENT: &str = "client_id=sandbox-client&client_secret=sandbox-secret";

async fn bearer(tenant: &Tenant, token: &Json, path: &str) -> Got {
    let url = format!("{}{path}", tenant.sandbox.url());
    let request = tenant.http.get(url).bearer_auth(token.as_str().unwrap());
    got(request.send().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn credentials_are_asked_for_before_anything_else() {
    let tenant = Tenant::start().await;
    let url = format!("{}/customers", tenant.sandbox.url());
    for key in [None, Some("wrong")] {
        let request = client().post(&url).body("not JSON");
        let request = match key {
            Some(key) => request.header("API-KEY", key),
            None => request,
        };
        let got = got(request.send().await.unwrap()).await.unwrap();
        assert_eq!(got.both(), (401, json!({ "error": "Unauthorized - Invalid API key" })));
    }
    assert_eq!(bearer(&tenant, &json!("a.b.c"), "/taxes").await.status, 401);
}

#[tokio::test]
async fn tokens_are_issued_expire_and_are_refreshed_once() {
    let tenant = Tenant::start().await;
    let issued = token(&tenant, &format!("grant_type=client_credentials&{CLIENT}")).await;
    assert_eq!(issued.status, 200);
    let issued = issued.json();
    assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(7200)));
    assert_eq!(issued["access_token"].as_str().unwrap().split('.').count(), 3);
    assert!(issued["created_at"].is_u64());
    assert_eq!(bearer(&tenant, &issued["access_token"], "/taxes").await.status, 200);
    tenant.door.expire_tokens();
    assert_eq!(bearer(&tenant, &issued["access_token"], "/taxes").await.status, 401);
    let refresh = issued["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&{CLIENT}");
    let renewed = token(&tenant, &form).await.json();
    assert_eq!(bearer(&tenant, &renewed["access_token"], "/taxes").await.status, 200);
    assert_ne!(renewed["refresh_token"], issued["refresh_token"]);
    let again = token(&tenant, &form).await;
    assert_eq!((again.status, &again.json()["error"]), (400, &json!("invalid_grant")));
    let code = tenant.door.authorization_code();
    let form = format!("grant_type=authorization_code&code={code}&{CLIENT}");
    assert_eq!(
        (token(&tenant, &form).await.status, token(&tenant, &form).await.status),
        (200, 400)
    );
}

#[tokio::test]
async fn token_requests_are_refused_as_oauth_says() {
    let tenant = Tenant::start().await;
    for (form, status, error) in [
        (
            "grant_type=client_credentials&client_id=x&client_secret=y".to_owned(),
            401,
            "invalid_client",
        ),
        (format!("grant_type=password&{CLIENT}"), 400, "unsupported_grant_type"),
        (CLIENT.to_owned(), 400, "invalid_request"),
        (format!("grant_type=client_credentials&scope=all&{CLIENT}"), 400, "invalid_scope"),
    ] {
        let got = token(&tenant, &form).await;
        assert_eq!((got.status, &got.json()["error"]), (status, &json!(error)));
    }
    let request = tenant.http.post(tenant.sandbox.token_url());
    let request = request.basic_auth("sandbox-client", Some("sandbox-secret"));
    let got = request.body("grant_type=client_credentials").send().await.unwrap();
    assert_eq!(got.status(), 200);
}

#[tokio::test]
async fn a_basic_scope_sees_less() {
    let tenant = Tenant::start().await;
    tenant.customer("Sara");
    let form = format!("grant_type=client_credentials&scope=customer:read&{CLIENT}");
    let issued = token(&tenant, &form).await.json();
    let seen = bearer(&tenant, &issued["access_token"], "/customers/1").await.json();
    let names: Vec<&String> = seen["contact"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["created_at", "id", "name", "organization", "status", "updated_at"]);
    for path in ["/products", "/accounts"] {
        assert_eq!(bearer(&tenant, &issued["access_token"], path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_token_lives_as_long_as_the_setting_says() {
    let tenant = Tenant::with(SandboxOptions { token_seconds: 0, ..SandboxOptions::default() });
    let tenant = tenant.await;
    let issued = token(&tenant, &format!("grant_type=client_credentials&{CLIENT}")).await.json();
    assert_eq!(bearer(&tenant, &issued["access_token"], "/taxes").await.status, 401);
}

#[tokio::test]
async fn more_requests_than_the_limit_are_told_how_long_to_wait() {
    let options = SandboxOptions { requests_per_minute: Some(3), ..SandboxOptions::default() };
    let tenant = Tenant::with(options).await;
    for _ in 0..3 {
        assert_eq!(tenant.get("/taxes").await.status, 200);
    }
    let refused = tenant.get("/taxes").await;
    let seconds: u64 = refused.retry_after.unwrap().parse().unwrap();
    assert_eq!(refused.status, 429);
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(tenant.door.most_in_a_minute(), 4);
    assert_eq!(tenant.door.answers()["GET /taxes 429"], 1);
}
