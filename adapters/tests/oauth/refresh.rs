//! When tokens are asked for, how often, and in which order with saving.

use crate::server::{START_S, Server, Shelf, oauth, settings, text};
use mizan_adapters::oauth::{AuthError, ClientAuth, Grant, MemoryStore};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn client_credentials_are_asked_once_for_all() {
    let (server, base) = Server::start().await;
    *server.delay.lock().unwrap() = Duration::from_millis(50);
    let (oauth, _) =
        oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let oauth = oauth.clone();
            tokio::spawn(async move { oauth.token().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(text(&task.await.unwrap().unwrap()), "access-1");
    }
    assert_eq!(server.asked(), 1);
    let (authorization, body) = server.last.lock().unwrap().clone();
    assert_eq!(authorization, "Basic aWQtMTpjbGllbnQtc2VjcmV0");
    assert_eq!(body, "grant_type=client_credentials");
}

#[tokio::test]
async fn id_secret_and_scopes_go_where_the_settings_say() {
    let (server, base) = Server::start().await;
    let mut settings = settings(Grant::ClientCredentials);
    settings.client_auth = ClientAuth::Body;
    settings.scopes = vec!["account:read".to_owned(), "customer:read".to_owned()];
    let (oauth, _) = oauth(&base, settings, Arc::new(MemoryStore::default()));
    oauth.token().await.unwrap();
    let (authorization, body) = server.last.lock().unwrap().clone();
    assert_eq!(authorization, "");
    for pair in
        ["client_id=id-1", "client_secret=client-secret", "scope=account%3Aread+customer%3Aread"]
    {
        assert!(body.contains(pair), "{body}");
    }
}

#[tokio::test]
async fn a_token_is_replaced_ahead_of_its_end() {
    let (server, base) = Server::start().await;
    let (oauth, hands) =
        oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
    for (after_s, token) in [(0, 1), (3539, 1), (3540, 2), (3541, 2), (7079, 2), (7080, 3)] {
        hands.set(after_s);
        let got = oauth.token().await.unwrap();
        assert_eq!(text(&got), format!("access-{token}"), "after {after_s} s");
    }
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn a_stored_token_is_used_and_a_missing_lifetime_has_a_default() {
    let (server, base) = Server::start().await;
    server.mishap(200, r#"{"access_token":"short","token_type":"bearer"}"#);
    let store = Shelf::with("stored", "r", START_S + 100);
    let (oauth, hands) = oauth(&base, settings(Grant::ClientCredentials), store);
    assert_eq!(text(&oauth.token().await.unwrap()), "stored");
    assert_eq!(server.asked(), 0);
    hands.set(40);
    assert_eq!(text(&oauth.token().await.unwrap()), "short");
    hands.set(40 + 7200 - 61);
    assert_eq!(text(&oauth.token().await.unwrap()), "short");
    hands.set(40 + 7200 - 60);
    assert_eq!(text(&oauth.token().await.unwrap()), "access-1");
}

#[tokio::test]
async fn a_rotated_refresh_token_is_saved_before_the_access_token_is_used() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S);
    store.full.store(true, Ordering::SeqCst);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    for _ in 0..3 {
        let error = oauth.token().await.unwrap_err();
        assert!(matches!(error, AuthError::Store { .. }), "{error}");
        assert_eq!(store.refresh(), "refresh-0");
    }
    assert_eq!(server.asked(), 1, "the new tokens are kept, not asked for again");
    store.full.store(false, Ordering::SeqCst);
    assert_eq!(text(&oauth.token().await.unwrap()), "access-1");
    assert_eq!(store.refresh(), "refresh-1");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_refresh_goes_on_when_nobody_waits_for_it() {
    let (server, base) = Server::start().await;
    *server.delay.lock().unwrap() = Duration::from_millis(100);
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    let impatient = tokio::time::timeout(Duration::from_millis(30), oauth.token()).await;
    assert!(impatient.is_err());
    assert_eq!(text(&oauth.token().await.unwrap()), "access-1");
    assert_eq!(store.refresh(), "refresh-1");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_rotate_leaves_the_refresh_token() {
    let (server, base) = Server::start().await;
    server.mishap(200, r#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#);
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    oauth.token().await.unwrap();
    assert_eq!(store.refresh(), "refresh-0");
}

#[tokio::test]
async fn tokens_of_another_process_are_taken_over() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S + 100);
    let (oauth, hands) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    oauth.token().await.unwrap();
    store.put("theirs", "refresh-7", START_S + 5000);
    hands.set(50);
    assert_eq!(text(&oauth.token().await.unwrap()), "theirs");
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_full_disk_is_met_before_the_refresh_token_is_used_up() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S + 30);
    store.broken.store(true, Ordering::SeqCst);
    let (oauth, hands) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    assert_eq!(text(&oauth.token().await.unwrap()), "old", "it is good for 30 s more");
    hands.set(30);
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error, AuthError::Store { .. }), "{error}");
    assert_eq!(server.asked(), 0);
    store.broken.store(false, Ordering::SeqCst);
    assert_eq!(text(&oauth.token().await.unwrap()), "access-1");
}

#[tokio::test]
async fn a_short_life_is_lived_for_the_most_part() {
    let (server, base) = Server::start().await;
    for _ in 0..2 {
        server.mishap(200, r#"{"access_token":"short","token_type":"bearer","expires_in":40}"#);
    }
    let (oauth, hands) =
        oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
    for (after_s, asked) in [(0, 1), (1, 1), (29, 1), (30, 2), (59, 2)] {
        hands.set(after_s);
        assert_eq!(text(&oauth.token().await.unwrap()), "short");
        assert_eq!(server.asked(), asked, "after {after_s} s");
    }
}

/// The server counts from its own now, whatever time it thinks it is; ours may even jump in between.
#[tokio::test]
async fn clocks_that_differ_cost_at_most_one_more_refresh() {
    for (jump_s, asked) in [(300, 2), (-300, 1)] {
        let (server, base) = Server::start().await;
        server.mishap(200, r#"{"access_token":"a","token_type":"bearer","expires_in":200}"#);
        let (oauth, hands) =
            oauth(&base, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
        oauth.token().await.unwrap();
        hands.set(jump_s);
        oauth.token().await.unwrap();
        hands.set(jump_s + 100);
        oauth.token().await.unwrap();
        assert_eq!(server.asked(), asked, "{jump_s}");
    }
}
