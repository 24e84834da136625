//! An authorization server that rotates refresh tokens, and an API that accepts only its latest access token.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use mizan_adapters::http::{Api, Auth, Client, Limiter, Policy};
use mizan_adapters::oauth::{
    AuthError, Clock, Grant, Mark, OAuth, Provider, Settings, TokenStore, Tokens,
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When the tests begin.
pub(crate) const START_S: i64 = 1_800_000_000;

/// What the server has seen and how it behaves.
#[derive(Default)]
pub(crate) struct Server {
    /// Token requests so far.
    pub(crate) asked: AtomicUsize,
    /// Answers before the first honest one: status and body.
    pub(crate) mishaps: Mutex<Vec<(u16, &'static str)>>,
    /// The last token request: the `Authorization` header and the body.
    pub(crate) last: Mutex<(String, String)>,
    /// How long a token request takes.
    pub(crate) delay: Mutex<Duration>,
    /// Writes that the API has carried out.
    pub(crate) written: AtomicUsize,
    /// Requests that the API has refused.
    pub(crate) refused: AtomicUsize,
    /// Tokens issued so far; the latest one is the valid one.
    issued: AtomicUsize,
}

impl Server {
    pub(crate) async fn start() -> (Arc<Self>, String) {
        let server = Arc::new(Self::default());
        let router = Router::new()
            .route("/oauth/token", post(token))
            .fallback(any(resource))
            .with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, base)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn mishap(&self, status: u16, body: &'static str) {
        self.mishaps.lock().unwrap().push((status, body));
    }

    /// Makes the access token in use worthless, as an administrator can.
    pub(crate) fn revoke(&self) {
        self.issued.fetch_add(1, Ordering::SeqCst);
    }
}

async fn token(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    server.asked.fetch_add(1, Ordering::SeqCst);
    let authorization = headers.get("authorization").map_or("", |v| v.to_str().unwrap());
    let body = String::from_utf8(body.to_vec()).unwrap();
    *server.last.lock().unwrap() = (authorization.to_owned(), body.clone());
    let delay = *server.delay.lock().unwrap();
    tokio::time::sleep(delay).await;
    let mishap = server.mishaps.lock().unwrap().pop();
    if let Some((status, text)) = mishap {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [("content-type", "application/json")], text).into_response();
    }
    let before = server.issued.load(Ordering::SeqCst);
    let refreshing = body.contains("grant_type=refresh_token");
    if refreshing && !body.contains(&format!("refresh_token=refresh-{before}")) {
        let answer = serde_json::json!({ "error": "invalid_grant", "error_description": body });
        return (StatusCode::BAD_REQUEST, Json(answer)).into_response();
    }
    let number = server.issued.fetch_add(1, Ordering::SeqCst) + 1;
    let mut answer = serde_json::json!({
        "access_token": format!("access-{number}"),
        "token_type": "Bearer",
        "expires_in": 3600,
        "created_at": 1_800_000_000,
    });
    if refreshing {
        answer["refresh_token"] = format!("refresh-{number}").into();
    }
    Json(answer).into_response()
}

async fn resource(
    State(server): State<Arc<Server>>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let valid = format!("Bearer access-{}", server.issued.load(Ordering::SeqCst));
    let given = headers.get("authorization").map_or("", |v| v.to_str().unwrap());
    if given != valid {
        server.refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if method != Method::GET {
        server.written.fetch_add(1, Ordering::SeqCst);
    }
    "done".into_response()
}

/// A store that can fail, and tells what it holds.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) tokens: Mutex<Option<Tokens>>,
    pub(crate) full: AtomicBool,
    pub(crate) broken: AtomicBool,
}

impl Shelf {
    pub(crate) fn with(access: &str, refresh: &str, expires_at_s: i64) -> Arc<Self> {
        let shelf = Self::default();
        shelf.put(access, refresh, expires_at_s);
        Arc::new(shelf)
    }

    pub(crate) fn put(&self, access: &str, refresh: &str, expires_at_s: i64) {
        let (access, refresh) = (access.into(), Some(refresh.into()));
        *self.tokens.lock().unwrap() = Some(Tokens::new(access, refresh, expires_at_s));
    }

    pub(crate) fn refresh(&self) -> String {
        let tokens = self.tokens.lock().unwrap();
        tokens.as_ref().unwrap().refresh.as_ref().unwrap().expose_secret().to_owned()
    }
}

impl TokenStore for Shelf {
    fn load(&self) -> Result<Option<Tokens>, AuthError> {
        Ok(self.tokens.lock().unwrap().clone())
    }

    fn save(&self, tokens: &Tokens) -> Result<(), AuthError> {
        // Room for the note that a refresh token is sent, and for no more.
        let notes_only = self.full.load(Ordering::SeqCst) && tokens.mark == Mark::Unused;
        if notes_only || self.broken.load(Ordering::SeqCst) {
            return Err(AuthError::Store { why: "full".to_owned() });
        }
        *self.tokens.lock().unwrap() = Some(tokens.clone());
        Ok(())
    }

    fn clear(&self) -> Result<(), AuthError> {
        *self.tokens.lock().unwrap() = None;
        Ok(())
    }
}

/// A clock that stands still.
#[derive(Clone)]
pub(crate) struct Hands(pub(crate) Arc<AtomicI64>);

impl Hands {
    pub(crate) fn set(&self, after_start_s: i64) {
        self.0.store(START_S + after_start_s, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Arc::new(move || hands.load(Ordering::SeqCst))
    }
}

pub(crate) fn quick() -> Policy {
    Policy { backoff_first: Duration::from_millis(2), ..Policy::default() }
}

pub(crate) fn settings(grant: Grant) -> Settings {
    Settings::new(grant, "id-1", Some("client-secret".into()))
}

pub(crate) fn oauth(base: &str, settings: Settings, store: Arc<dyn TokenStore>) -> (OAuth, Hands) {
    let hands = Hands(Arc::new(AtomicI64::new(START_S)));
    let provider = Provider::token_endpoint(format!("{base}/oauth/token"), quick());
    let oauth = OAuth::new(settings, provider, store, hands.clock()).unwrap();
    (oauth, hands)
}

pub(crate) fn api(base: &str, oauth: &OAuth) -> Api {
    let client = Client::builder(base).build().unwrap();
    Api::new(client, Auth::Bearer(Arc::new(oauth.clone())), Limiter::default(), quick())
}

pub(crate) fn text(token: &SecretString) -> &str {
    token.expose_secret()
}
