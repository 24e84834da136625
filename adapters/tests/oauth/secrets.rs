//! Nothing that can be printed holds a token or a client's secret.

use crate::server::{START_S, Server, Shelf, api, oauth};
use mizan_adapters::http::{HttpError, Request};
use mizan_adapters::oauth::{AuthError, FileStore, Grant, MemoryStore, Settings, Tokens};
use std::fmt::Debug;
use std::sync::Arc;

const SECRET: &str = "hush-9f3a71";

fn check(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

fn check_error(error: AuthError) {
    check(&error);
    assert!(!error.to_string().contains(SECRET), "{error}");
    let error = HttpError::from(error);
    check(&error);
    assert!(!error.to_string().contains(SECRET), "{error}");
}

fn tokens() -> Tokens {
    Tokens::new(SECRET.into(), Some(SECRET.into()), 1)
}

#[test]
fn values_do_not_print_their_secrets() {
    check(&tokens());
    check(&MemoryStore::with(tokens()));
    check(&Settings::new(Grant::RefreshToken, "id", Some(SECRET.into())));
    check(&FileStore::new("tokens.json"));
}

#[tokio::test]
async fn errors_do_not_tell_secrets() {
    let bodies = [
        (400, r#"{"error":"invalid_grant","error_description":"hush-9f3a71"}"#),
        (401, r#"{"error":"hush-9f3a71"}"#),
        (400, r#"{"error":"invalid_client","error_uri":"hush-9f3a71"}"#),
        (400, "hush-9f3a71"),
        (500, "hush-9f3a71"),
        (200, r#"{"access_token":"hush-9f3a71"}"#),
        (200, r#"{"access_token":"x","token_type":"Bearer","expires_in":"hush-9f3a71"}"#),
        (200, r#""hush-9f3a71""#),
    ];
    for (status, body) in bodies {
        for grant in [Grant::RefreshToken, Grant::ClientCredentials] {
            let (server, base) = Server::start().await;
            for _ in 0..3 {
                server.mishap(status, body);
            }
            let settings = Settings::new(grant, "id", Some(SECRET.into()));
            let store = Shelf::with(SECRET, SECRET, START_S);
            let (oauth, _) = oauth(&base, settings, store);
            check(&oauth);
            check(&api(&base, &oauth));
            check_error(oauth.token().await.unwrap_err());
        }
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_not_told() {
    let (server, base) = Server::start().await;
    server
        .mishap(200, r#"{"access_token":"hush-9f3a71\n","token_type":"Bearer","expires_in":9999}"#);
    let settings = Settings::new(Grant::ClientCredentials, "id", None);
    let (oauth, _) = oauth(&base, settings, Arc::new(MemoryStore::default()));
    let error = api(&base, &oauth).send(Request::get("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
    check(&error);
    assert!(!error.to_string().contains(SECRET), "{error}");
}
