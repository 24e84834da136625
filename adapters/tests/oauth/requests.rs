//! Requests whose token is refused.

use crate::server::{START_S, Server, Shelf, api, oauth, quick, settings};
use mizan_adapters::http::{Api, Auth, Client, Effect, HttpError, Limiter, Policy, Request};
use mizan_adapters::oauth::{Grant, MemoryStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_and_requests_repeated() {
    let (server, base) = Server::start().await;
    // Good for long by the clock, and worthless at the server.
    let store = Shelf::with("access-old", "refresh-0", START_S + 9999);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store);
    let api = api(&base, &oauth);
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let api = api.clone();
            let request = if n % 2 == 0 { Request::get("/rows") } else { Request::post("/rows") };
            tokio::spawn(async move { api.send(request).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().text(), "done");
    }
    assert_eq!(server.asked(), 1);
    assert_eq!(server.written.load(Ordering::SeqCst), 6, "each write once");
}

#[tokio::test]
async fn a_token_that_ends_between_requests_is_renewed() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, hands) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    let api = api(&base, &oauth);
    api.send(Request::post("/rows")).await.unwrap();
    hands.set(3600);
    api.send(Request::post("/rows")).await.unwrap();
    assert_eq!(
        server.refused.load(Ordering::SeqCst),
        0,
        "ahead of the end, so nothing was refused"
    );
    assert_eq!((server.asked(), store.refresh()), (2, "refresh-2".to_owned()));
}

#[tokio::test]
async fn a_second_refusal_is_the_last() {
    let (server, base) = Server::start().await;
    server.mishap(200, r#"{"access_token":"useless","token_type":"Bearer"}"#);
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::ClientCredentials), store);
    server.mishap(200, r#"{"access_token":"worthless","token_type":"Bearer"}"#);
    let error = api(&base, &oauth).send(Request::get("/rows")).await.unwrap_err();
    assert!(matches!(error, HttpError::Unauthorized { .. }), "{error}");
    assert_eq!((server.asked(), server.refused.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "revoked", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store);
    let error = api(&base, &oauth).send(Request::post("/rows")).await.unwrap_err();
    assert!(
        matches!(&error, HttpError::Unauthorized { why } if why.contains("log in again")),
        "{error}"
    );
    assert_eq!(server.refused.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_grant_revoked_in_the_middle_asks_a_person() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store);
    let api = api(&base, &oauth);
    api.send(Request::get("/rows")).await.unwrap();
    server.revoke();
    let error = api.send(Request::get("/rows")).await.unwrap_err();
    assert!(matches!(error, HttpError::Unauthorized { .. }), "{error}");
}

#[tokio::test]
async fn what_was_refused_for_good_is_not_sent_again() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S + 9999);
    server.mishap(400, r#"{"error":"invalid_grant"}"#);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    let api = api(&base, &oauth);
    for _ in 0..5 {
        let error = api.send(Request::post("/rows")).await.unwrap_err();
        assert!(matches!(error, HttpError::Unauthorized { .. }), "{error}");
    }
    assert_eq!((server.asked(), server.refused.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn the_pause_ends_with_a_log_in() {
    let (server, base) = Server::start().await;
    let store = Shelf::with("old", "refresh-0", START_S + 9999);
    server.mishap(400, r#"{"error":"invalid_grant"}"#);
    let (oauth, _) = oauth(&base, settings(Grant::RefreshToken), store.clone());
    let client = Client::builder(&base).build().unwrap();
    let auth = Auth::Bearer(Arc::new(oauth));
    let policy = Policy { refusal_pause: Duration::ZERO, ..quick() };
    let api = Api::new(client, auth, Limiter::default(), policy);
    for _ in 0..3 {
        api.send(Request::get("/rows")).await.unwrap_err();
    }
    assert_eq!(server.refused.load(Ordering::SeqCst), 1, "the old token is not shown again");
    store.put("access-0", "refresh-0", START_S + 9999);
    assert_eq!(api.send(Request::get("/rows")).await.unwrap().text(), "done");
}

#[tokio::test]
async fn a_wrong_key_is_shown_once_and_again_only_after_the_pause() {
    let (server, base) = Server::start().await;
    for (pause_s, refused) in [(30, 1), (0, 4)] {
        let auth = Auth::ApiKey { header: "api-key".to_owned(), secret: "k".into() };
        let pause = Duration::from_secs(pause_s);
        let policy = Policy { refusal_pause: pause, ..quick() };
        let client = Client::builder(&base).build().unwrap();
        let api = Api::new(client, auth, Limiter::default(), policy);
        let before = server.refused.load(Ordering::SeqCst);
        for _ in 0..4 {
            api.send(Request::get("/rows")).await.unwrap_err();
        }
        assert_eq!(server.refused.load(Ordering::SeqCst) - before, refused);
    }
}

/// Answers 401, then with each of these statuses in turn; the number of requests is the second part.
async fn after_a_401(statuses: &'static [u16]) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let router = axum::Router::new().fallback(move || {
        let nth = counted.fetch_add(1, Ordering::SeqCst);
        let status = nth.checked_sub(1).map_or(401, |nth| statuses[nth.min(statuses.len() - 1)]);
        async move { axum::http::StatusCode::from_u16(status).unwrap() }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, count)
}

#[tokio::test]
async fn a_repeat_after_a_401_is_judged_like_any_other_try() {
    // A read goes on until there is an answer; a write that may have been done is left in doubt, and not sent again.
    for (request, statuses, sent) in [
        (Request::get("/rows"), &[500, 500, 200][..], 4),
        (Request::post("/rows"), &[500, 200][..], 2),
        (Request::post("/rows"), &[429, 200][..], 3),
    ] {
        let (_server, tokens) = Server::start().await;
        let (base, count) = after_a_401(statuses).await;
        let (oauth, _) =
            oauth(&tokens, settings(Grant::ClientCredentials), Arc::new(MemoryStore::default()));
        let auth = Auth::Bearer(Arc::new(oauth));
        let policy = Policy { throttle_wait_default: Duration::from_millis(2), ..quick() };
        let client = Client::builder(&base).build().unwrap();
        let api = Api::new(client, auth, Limiter::default(), policy);
        let write = request.effect == Effect::Write;
        let answer = api.send(request).await;
        assert_eq!(count.load(Ordering::SeqCst), sent, "{statuses:?}: {answer:?}");
        let in_doubt = matches!(answer, Err(HttpError::InDoubt { .. }));
        assert_eq!(in_doubt, write && statuses[0] == 500, "{answer:?}");
    }
}
