//! Nothing that can be printed holds a credential, a query value, a header or a body.

use crate::servers::{client, quick, raw, serve};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use mizan_adapters::http::{
    Api, Auth, Client, Credential, HttpError, Limiter, Request, Response, Transport,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

const SECRET: &str = "hush-9f3a71";

fn check_debug(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

fn check_error(error: &impl Error) {
    check_debug(error);
    let mut source: Option<&dyn Error> = Some(error);
    while let Some(error) = source {
        assert!(!error.to_string().contains(SECRET), "{error}");
        source = error.source();
    }
}

fn key() -> Auth {
    Auth::ApiKey { header: "api-key".to_owned(), secret: SECRET.into() }
}

fn telling(request: Request) -> Request {
    request
        .query("token", SECRET)
        .header("x-secret", SECRET)
        .json(&serde_json::json!({ "password": SECRET }))
}

#[test]
fn values_do_not_print_their_secrets() {
    check_debug(&telling(Request::post("/a")));
    check_debug(&Request::post("/a").form(&[("a", SECRET)]));
    check_debug(&telling(Request::post("/a")).body);
    let headers = BTreeMap::from([("set-cookie".to_owned(), SECRET.to_owned())]);
    check_debug(&Response { status: 200, headers, body: SECRET.as_bytes().to_vec() });
    check_debug(&key());
    check_debug(&Credential { header: "api-key".to_owned(), value: SECRET.into() });
    let base = format!("https://user:{SECRET}@a.example");
    check_debug(&Client::builder(&base));
    check_error(&Client::builder(&base).build().unwrap_err());
    check_error(&Client::builder(format!("http://{SECRET}@a.example")).build().unwrap_err());
    let client = Client::builder("https://a.example").build().unwrap();
    check_debug(&client);
    check_debug(&Api::new(client, key(), Limiter::default(), quick()));
}

#[tokio::test]
async fn errors_do_not_tell_secrets() {
    let mut bases = Vec::new();
    for status in [200, 302, 401, 408, 429, 500] {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = [("location", SECRET), ("retry-after", "9999"), ("x-echo", SECRET)];
        let answer = move || async move { (status, headers, SECRET) };
        bases.push(serve(Router::new().fallback(any(answer))).await);
    }
    bases.push(raw(b"").0);
    bases.push(raw(b"HTTP/1.1 200 hush-9f3a71\r\ncontent-length: 99\r\n\r\nhush-9f3a71").0);
    bases.push(raw(b"hush-9f3a71 hush-9f3a71 hush-9f3a71\r\n\r\n").0);
    bases.push("http://127.0.0.1:1".to_owned());
    bases.push("https://no-such-host.invalid".to_owned());
    bases.push(raw(b"hush-9f3a71").0.replace("http:", "https:"));
    let mut errors = 0;
    for base in &bases {
        let client = Client::builder(base)
            .body_max_bytes(5)
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let api = Api::new(client.clone(), key(), Limiter::default(), quick());
        for request in [Request::get("/a"), Request::post("/a"), Request::get("bad")] {
            let request = telling(request);
            if let Err(failure) = client.exchange(&request, None).await {
                check_debug(&failure);
            }
            let error = api.send(request).await.unwrap_err();
            check_error(&error);
            errors += 1;
        }
        check_debug(&api);
    }
    assert_eq!(errors, bases.len() * 3);
}

#[tokio::test]
async fn a_key_that_no_header_can_hold_is_named_without_telling_it() {
    let auth = Auth::ApiKey { header: "api-key".to_owned(), secret: format!("{SECRET}\n").into() };
    let api = Api::new(client("http://127.0.0.1:1"), auth, Limiter::default(), quick());
    let error = api.send(Request::get("/")).await.unwrap_err();
    assert!(matches!(&error, HttpError::NotSent { why } if why.contains("credential")), "{error}");
    check_error(&error);
}
