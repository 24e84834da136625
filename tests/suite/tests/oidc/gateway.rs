//! Between Mizan and the provider: the token endpoint with faults, and a Qoyod that accepts the provider's tokens.

use crate::provider::{Provider, http};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mizan::adapters::sandbox::{Sandbox, SandboxOptions};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to the next token request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// It takes so long.
    Slow(Duration),
    /// This process is killed before the provider sees it.
    KillBefore(Victim),
    /// This process is killed once the provider has answered, and never sees the answer.
    KillAfter(Victim),
}

/// A process whose number is known only after it was started, while its request may come earlier.
#[derive(Clone, Debug, Default)]
pub(crate) struct Victim(Arc<AtomicU32>);

impl Victim {
    pub(crate) fn is(&self, process: u32) {
        self.0.store(process, Ordering::SeqCst);
    }

    async fn kill(&self) {
        while self.0.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let pid = self.0.load(Ordering::SeqCst).to_string();
        let killed = std::process::Command::new("kill").args(["-9", &pid]).status();
        assert!(killed.expect("kill runs").success());
    }
}

#[derive(Clone)]
pub(crate) struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    pub(crate) provider: Arc<Provider>,
    sandbox: Sandbox,
    address: String,
    fault: Mutex<Fault>,
    /// What went over the token endpoint, both ways.
    seen: Mutex<Vec<String>>,
    /// Request lines of the API.
    lines: Mutex<Vec<String>>,
    /// A token that the API refuses although the provider thinks well of it: its own memory of it was lost.
    blocked: Mutex<String>,
    refused: AtomicU64,
    asked: AtomicU64,
}

impl Gateway {
    pub(crate) async fn start(provider: Arc<Provider>) -> Self {
        let options = SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() };
        let sandbox = Sandbox::start_local(options).await.expect("a sandbox");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let inner = Inner {
            provider,
            sandbox,
            address,
            fault: Mutex::new(Fault::None),
            seen: Mutex::default(),
            lines: Mutex::default(),
            blocked: Mutex::default(),
            refused: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        };
        let gateway = Self { inner: Arc::new(inner) };
        let router = axum::Router::new().fallback(answer).with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        gateway
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}/token", self.inner.address)
    }

    pub(crate) fn api_url(&self) -> String {
        format!("{}/2.0", self.inner.address)
    }

    pub(crate) fn fault(&self, fault: Fault) {
        *self.inner.fault.lock().expect("whole") = fault;
    }

    pub(crate) fn block(&self, token: &str) {
        token.clone_into(&mut self.inner.blocked.lock().expect("whole"));
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.inner.seen.lock().expect("whole").clone()
    }

    pub(crate) fn lines(&self) -> String {
        self.inner.lines.lock().expect("whole").join("\n")
    }

    /// Requests that the API has refused for their token.
    pub(crate) fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::SeqCst)
    }

    /// Token requests that got as far as here.
    pub(crate) fn asked(&self) -> u64 {
        self.inner.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn products(&self) -> usize {
        self.inner.sandbox.back_door().rows("products").len()
    }
}

async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    if head.uri.path() == "/token" {
        token(&gateway, &head, body).await
    } else {
        api(&gateway, &head, body).await
    }
}

async fn token(gateway: &Gateway, head: &axum::http::request::Parts, body: Bytes) -> Response {
    let inner = &gateway.inner;
    inner.asked.fetch_add(1, Ordering::SeqCst);
    let fault = std::mem::replace(&mut *inner.fault.lock().expect("whole"), Fault::None);
    match &fault {
        Fault::None | Fault::KillAfter(_) => {}
        Fault::Slow(time) => tokio::time::sleep(*time).await,
        Fault::KillBefore(process) => {
            process.kill().await;
            return StatusCode::BAD_GATEWAY.into_response();
        }
    }
    inner.seen.lock().expect("whole").push(String::from_utf8_lossy(&body).into_owned());
    let mut request = http()
        .post(format!("{}/token", inner.provider.issuer))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    if let Some(value) = head.headers.get(header::AUTHORIZATION) {
        request = request.header("authorization", value.to_str().expect("a text"));
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    inner.seen.lock().expect("whole").push(text.clone());
    if let Fault::KillAfter(process) = &fault {
        process.kill().await;
    }
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn api(gateway: &Gateway, head: &axum::http::request::Parts, body: Bytes) -> Response {
    let inner = &gateway.inner;
    inner.lines.lock().expect("whole").push(format!("{} {}", head.method, head.uri));
    let bearer =
        head.headers.get(header::AUTHORIZATION).map(|value| value.to_str().expect("a text"));
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let blocked = *inner.blocked.lock().expect("whole") == token;
    if blocked || !inner.provider.is_active(token).await {
        inner.refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let base = inner.sandbox.url();
    let path = head.uri.to_string();
    let url = format!("{}{}", base.trim_end_matches("/2.0"), path);
    let request = http().request(head.method.clone(), url).header("API-KEY", "sandbox-key");
    let answer = request.header("content-type", "application/json").body(body).send().await;
    let answer = answer.expect("an answer");
    let status = answer.status();
    let kind = answer.headers().get("content-type").cloned();
    let kind = kind.unwrap_or_else(|| header::HeaderValue::from_static("application/json"));
    (status, [(header::CONTENT_TYPE, kind)], answer.text().await.expect("a body")).into_response()
}
