//! What the authorization server can refuse, and what is then asked of whom.

use crate::server::{START_S, Server, Shelf, oauth, settings, text};
use mizan_adapters::http::HttpError;
use mizan_adapters::oauth::{AuthError, Grant, Mark, MemoryStore, TokenStore};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_revoked_grant_asks_a_person_and_the_server_only_once() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "revoked", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    for _ in 0..3 {
        let error = oauth.token().await.unwrap_err();
        assert!(matches!(error, AuthError::LogInAgain { .. }), "{error}");
        assert!(error.to_string().starts_with("log in again: "), "{error}");
        assert!(matches!(HttpError::from(error), HttpError::Unauthorized { .. }));
    }
    assert_eq!(server.asked(), 1);
    // Somebody logs in, in another process.
    store.put("new", "refresh-0", START_S + 30);
    assert_eq!(text(&oauth.token().await.unwrap()), "access-1");
}

#[tokio::test]
async fn without_a_log_in_there_is_nothing_to_ask_with() {
    let (server, base) = Server::start().await;
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), Arc::new(MemoryStore::default()));
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error, AuthError::LogInAgain { .. }), "{error}");
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn refusals_of_the_client_are_told_apart() {
    let table = [
        (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
        (400, r#"{"error":"invalid_scope","error_description":"x"}"#, "invalid_scope"),
        (400, r#"{"error":"unsupported_grant_type"}"#, "unsupported_grant_type"),
        (403, r#"{"error":"blocked_by_support"}"#, "outside of RFC 6749"),
    ];
    for (status, body, word) in table {
        let (server, base) = Server::start().await;
        server.mishap(status, body);
        let (oauth, _) =
            oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
        let error = oauth.token().await.unwrap_err();
        assert!(matches!(&error, AuthError::Refused { why } if why.contains(word)), "{error}");
        assert!(matches!(HttpError::from(error), HttpError::Unauthorized { .. }));
        assert_eq!(server.asked(), 1);
        assert!(oauth.token().await.is_ok(), "settings may be mended at the server");
    }
}

#[tokio::test]
async fn answers_without_sense() {
    for (status, body) in [(200, ""), (200, "{}"), (200, "<html>"), (404, ""), (400, "<html>")] {
        let (server, base) = Server::start().await;
        server.mishap(status, body);
        let (oauth, _) =
            oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
        let error = oauth.token().await.unwrap_err();
        assert!(matches!(error, AuthError::BadAnswer { .. }), "{status} {body}: {error}");
        assert!(matches!(HttpError::from(error), HttpError::NotSent { .. }));
    }
}

#[tokio::test]
async fn a_refresh_in_doubt_is_not_repeated_and_credentials_are() {
    let (server, base) = Server::start().await;
    server.mishap(500, "{}");
    let store = Shelf::with("old", "refresh-0", START_S);
    let (refreshing, _) = oauth(&base, settings(Grant::RefreshToken), store);
    let error = refreshing.token().await.unwrap_err();
    assert!(matches!(error, AuthError::Unreachable { .. }), "{error}");
    assert_eq!(server.asked(), 1);

    server.mishap(500, "{}");
    let (client, _) =
        oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
    assert_eq!(text(&client.token().await.unwrap()), "access-1");
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn the_old_token_serves_while_it_lasts() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S + 30);
    let (oauth, hands) = oauth(&base, settings(Grant::RefreshToken), store);
    server.mishap(500, "{}");
    assert_eq!(text(&oauth.token().await.unwrap()), "old");
    assert_eq!(server.asked(), 1);
    server.mishap(500, "{}");
    hands.set(30);
    oauth.token().await.unwrap_err();
    assert_eq!(text(&oauth.token().await.unwrap()), "access-1");
}

#[tokio::test]
async fn one_failure_is_the_failure_of_all_who_waited() {
    let (server, base) = Server::start().await;
    server.mishap(500, "{}");
    *server.delay.lock().unwrap() = Duration::from_millis(200);
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let oauth = oauth.clone();
            tokio::spawn(async move { oauth.token().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap_err();
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_named_as_such() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = Shelf::with("old", "refresh-0", START_S);
    let base = format!("http://127.0.0.1:{port}");
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error, AuthError::Unreachable { .. }), "{error}");
    assert_eq!(store.refresh(), "refresh-0");
}

#[tokio::test]
async fn an_interrupted_refresh_is_named_when_its_token_is_refused() {
    let (server, base) = Server::start().await;
    server.mishap(500, "{}");
    let store = Shelf::with("old", "refresh-0", START_S);
    let (first, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    first.token().await.unwrap_err();
    assert_eq!(store.tokens.lock().unwrap().as_ref().unwrap().mark, Mark::Sent { at_s: START_S });
    // Another process, later; the server had done the refresh whose answer was lost.
    server.revoke();
    let mut settings = settings(Grant::RefreshToken);
    settings.log_in = Some("mizan auth login shop".to_owned());
    let (second, hands) = oauth(&base, settings, store.clone());
    hands.set(9);
    let error = second.token().await.unwrap_err().to_string();
    assert!(error.contains("refresh begun at 2027-01-15T08:00:00Z"), "{error}");
    assert!(error.ends_with("type: mizan auth login shop"), "{error}");
    let asked = server.asked();
    // It is remembered in the store, so that a third process does not ask again.
    let (third, _) = oauth(&base, crate::server::settings(Grant::RefreshToken), store);
    third.token().await.unwrap_err();
    assert_eq!(server.asked(), asked);
}

#[tokio::test]
async fn who_was_logged_out_elsewhere_stops() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S + 100);
    let (oauth, hands) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    oauth.token().await.unwrap();
    store.clear().unwrap();
    hands.set(50);
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error, AuthError::LogInAgain { .. }), "{error}");
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn the_servers_words_are_shown_without_secrets() {
    let (server, base) = Server::start().await;
    server.mishap(
        400,
        r#"{"error":"invalid_grant","error_description":"client-secret expired for refresh-0"}"#,
    );
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store);
    let error = oauth.token().await.unwrap_err().to_string();
    assert!(error.contains("(it says: [hidden] expired for [hidden])"), "{error}");
}
