//! The HTTP server: bodies are bounded, faults strike, the limit holds, then the request is carried out.

use super::api::{self, Call};
use super::auth::Rights;
use super::backdoor;
use super::clock;
use super::counters;
use super::faults::FaultKind;
use super::forms::pairs;
use super::line::Fate;
use super::messages::Locale;
use super::oauth;
use super::reply::Reply;
use super::world::World;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Largest request body.
const BODY_MAX: usize = 1024 * 1024;

/// The tenant behind its lock, and the token of the back door.
#[derive(Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    pub(crate) back_door_token: Arc<str>,
}

impl Shared {
    pub(crate) fn new(world: World, back_door_token: String) -> Self {
        Self { world: Arc::new(Mutex::new(world)), back_door_token: back_door_token.into() }
    }

    /// Works on the tenant; never held while anything is awaited.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All paths go through one handler, so that limits, faults and counters see them all.
pub(crate) fn router(shared: Shared) -> axum::Router {
    axum::Router::new().fallback(handle).with_state(shared)
}

async fn handle(
    State(shared): State<Shared>,
    ConnectInfo(fate): ConnectInfo<Fate>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let reply = match axum::body::to_bytes(body, BODY_MAX).await {
        Err(_) => Reply::json(413, json!({ "error": "the body is too large" })),
        Ok(body) => answer(&shared, &fate, &parts, &body).await,
    };
    let date = shared.with(|world| clock::http_date(world.now_ms()));
    reply.into_response(&date)
}

async fn answer(shared: &Shared, fate: &Fate, parts: &Parts, body: &Bytes) -> Reply {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    if path.starts_with("/backdoor/") {
        return backdoor::http::answer(shared, parts, body);
    }
    let route = counters::route(method, path.strip_prefix("/2.0").unwrap_or(path));
    shared.with(|world| world.counters.request(&route));
    if oauth::is_ours(path) {
        let reply = shared.with(|world| oauth::answer(world, parts, body));
        shared.with(|world| world.counters.answer(&route, &reply.status.to_string()));
        return reply;
    }
    let Some(path) = path.strip_prefix("/2.0/") else {
        return Reply::json(404, json!({ "error": "URL not found" }));
    };
    let (reply, fault, slow_ms) =
        shared.with(|world| serve(world, parts, &format!("/{path}"), body));
    if slow_ms > 0 {
        tokio::time::sleep(Duration::from_millis(slow_ms)).await;
    }
    let reply = if fault == Some(FaultKind::ErrorAfter) { Reply::broken() } else { reply };
    let lost = fault == Some(FaultKind::AnswerLost);
    let status = if lost { "lost".to_owned() } else { reply.status.to_string() };
    shared.with(|world| world.counters.answer(&route, &status));
    match fault {
        Some(FaultKind::AnswerLost) => fate.lose(),
        // What has no body cannot be cut in the middle of it.
        Some(FaultKind::Truncated) if reply.is_empty() => fate.lose(),
        Some(FaultKind::Truncated) => fate.cut(),
        _ => {}
    }
    reply
}

/// Lets a request in and carries it out; gives the fault that strikes its answer, and how late it comes.
fn serve(
    world: &mut World,
    parts: &Parts,
    path: &str,
    body: &[u8],
) -> (Reply, Option<FaultKind>, u64) {
    let method = parts.method.as_str();
    let always = world.dice.faults.slow_ms;
    let rights = match admit(world, &parts.headers) {
        Ok(rights) => rights,
        Err(reply) => return (reply, None, always),
    };
    let fault = world.dice.pick(method, path);
    let slow_ms = match fault {
        Some(FaultKind::Slow(ms)) => always.saturating_add(ms),
        _ => always,
    };
    let refused = match fault {
        Some(FaultKind::ErrorBefore) => Some(Reply::broken()),
        Some(FaultKind::Throttled) => Some(Reply::throttled(1)),
        Some(FaultKind::Unauthorized) => Some(Reply::unauthorized("Invalid access token")),
        _ => None,
    };
    if let Some(reply) = refused {
        return (reply, None, slow_ms);
    }
    let query = pairs(parts.uri.query().unwrap_or(""));
    let locale = locale(&parts.headers);
    let call = Call { method, path, query: &query, body, locale, rights: &rights, fault };
    (api::answer(world, &call), fault, slow_ms)
}

/// Credentials come first, then the limit of their tenant.
fn admit(world: &mut World, headers: &HeaderMap) -> Result<Rights, Reply> {
    let rights = world.tokens.rights(&world.options, headers).map_err(Reply::unauthorized)?;
    world.window.admit(world.options.requests_per_minute).map_err(Reply::throttled)?;
    Ok(rights)
}

fn locale(headers: &HeaderMap) -> Option<Locale> {
    match headers.get("LOCALE").map(HeaderValue::as_bytes) {
        Some(b"en") => Some(Locale::English),
        Some(b"ar") => Some(Locale::Arabic),
        Some(_) | None => None,
    }
}
