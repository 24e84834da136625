//! The HTTP server: admission, faults, routes.

use super::backdoor;
use super::list::{body as list_body, list, nothing};
use super::options::FaultKind;
use super::rules::Refusal;
use super::store::{RESOURCES, Tenant};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Largest request body.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// The tenant behind its lock, and the token of the back door.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) tenant: Arc<Mutex<Tenant>>,
    pub(super) backdoor: Arc<str>,
}

impl Shared {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Tenant) -> T) -> T {
        work(&mut self.tenant.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The routes; every path goes through one door, as the limits and faults must see them all.
pub(super) fn router(shared: Shared) -> axum::Router {
    axum::Router::new().fallback(handle).layer(DefaultBodyLimit::max(BODY_MAX)).with_state(shared)
}

/// What is answered: a status and a body, JSON or none.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Json>,
    pub(super) retry_after: Option<u64>,
}

impl Reply {
    pub(super) fn new(status: u16, body: Json) -> Self {
        Self { status, body: Some(body), retry_after: None }
    }
}

async fn handle(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_MAX).await else {
        return respond(Reply::new(413, json!({ "error": "too large" })), None);
    };
    let path = parts.uri.path().to_owned();
    let query = pairs(parts.uri.query().unwrap_or(""));
    if path.starts_with("/backdoor/") {
        return respond(
            backdoor::handle(&shared, &parts.method, &path, &parts.headers, &bytes),
            None,
        );
    }
    if path == "/oauth/token" {
        return respond(token(&shared, &bytes), None);
    }
    let Some(path) = path.strip_prefix("/2.0") else {
        return respond(Reply::new(404, json!({ "error": "URL not found" })), None);
    };
    let (gate, slow) = shared
        .with(|tenant| (gate(tenant, &parts.method, path, &parts.headers), tenant.faults.slow_ms));
    if slow > 0 {
        tokio::time::sleep(Duration::from_millis(slow)).await;
    }
    let fault = match gate {
        Ok(fault) => fault,
        Err(reply) => return respond(reply, None),
    };
    let reply = shared.with(|tenant| route(tenant, &parts.method, path, &query, &bytes));
    match fault {
        Some(FaultKind::ErrorAfter) => {
            let body = json!({ "status": 500, "error": "Internal Server Error" });
            respond(Reply::new(500, body), None)
        }
        other => respond(reply, other),
    }
}

/// Limit, credentials and faults that strike before anything happens.
fn gate(
    tenant: &mut Tenant,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<Option<FaultKind>, Reply> {
    let route = path.split('/').nth(1).unwrap_or("");
    *tenant.counters.by_route.entry(format!("{method} /{route}")).or_default() += 1;
    if !authorised(tenant, headers) {
        let body = json!({ "error": "Unauthorized - Invalid API key" });
        return Err(Reply::new(401, body));
    }
    if let Err(seconds) = tenant.admit() {
        return Err(throttled(seconds));
    }
    match tenant.fault(method.as_str(), path) {
        Some(FaultKind::ErrorBefore) => {
            let body = json!({ "status": 500, "error": "Internal Server Error" });
            Err(Reply::new(500, body))
        }
        Some(FaultKind::Throttled) => Err(throttled(1)),
        Some(FaultKind::Unauthorized) => {
            Err(Reply::new(401, json!({ "error": "Unauthorized - token expired" })))
        }
        other => Ok(other),
    }
}

fn throttled(seconds: u64) -> Reply {
    let body = Some(json!({ "error": "Too Many Requests" }));
    Reply { status: 429, body, retry_after: Some(seconds) }
}

fn authorised(tenant: &Tenant, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("API-KEY") == Some(tenant.options.api_key.as_str()) {
        return true;
    }
    let bearer = text("Authorization").and_then(|value| value.strip_prefix("Bearer "));
    bearer.and_then(|token| tenant.tokens.get(token)).is_some_and(|until| *until > Instant::now())
}

/// The token endpoint: client credentials, and refresh tokens that work once.
fn token(shared: &Shared, bytes: &Bytes) -> Reply {
    let form = pairs(std::str::from_utf8(bytes).unwrap_or(""));
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    shared.with(|tenant| {
        let client = field("client_id") == Some(tenant.options.client_id.as_str())
            && field("client_secret") == Some(tenant.options.client_secret.as_str());
        if !client {
            return Reply::new(401, json!({ "error": "invalid_client" }));
        }
        match field("grant_type") {
            Some("client_credentials") => {}
            Some("refresh_token") => {
                let known = field("refresh_token").and_then(|token| tenant.refresh.get_mut(token));
                match known {
                    Some(fresh) if *fresh => *fresh = false,
                    Some(_) | None => return Reply::new(400, json!({ "error": "invalid_grant" })),
                }
            }
            _ => return Reply::new(400, json!({ "error": "unsupported_grant_type" })),
        }
        let part = || uuid::Uuid::new_v4().simple().to_string();
        let (access, refresh) = (format!("{}.{}.{}", part(), part(), part()), part());
        let seconds = tenant.options.token_seconds;
        tenant.tokens.insert(access.clone(), Instant::now() + Duration::from_secs(seconds));
        tenant.refresh.insert(refresh.clone(), true);
        Reply::new(
            200,
            json!({
                "access_token": access, "token_type": "Bearer", "expires_in": seconds,
                "refresh_token": refresh, "scope": "", "created_at": 0,
            }),
        )
    })
}

fn route(
    tenant: &mut Tenant,
    method: &Method,
    path: &str,
    query: &[(String, String)],
    bytes: &Bytes,
) -> Reply {
    let mut parts = path.trim_matches('/').split('/');
    let name = parts.next().unwrap_or("");
    let Some(resource) = RESOURCES.iter().find(|known| **known == name).copied() else {
        return Reply::new(404, json!({ "error": "URL not found" }));
    };
    let id = parts.next();
    let known = id.and_then(|id| id.parse::<u64>().ok());
    if parts.next().is_some() || (id.is_some() && known.is_none()) {
        return Reply::new(404, json!({ "error": "URL not found" }));
    }
    match (method.as_str(), known) {
        ("GET", None) => read_list(tenant, resource, query),
        ("GET", Some(id)) => match tenant.table(resource).get(&id) {
            Some(row) => Reply::new(200, json!({ single(resource): row })),
            None => not_found(resource),
        },
        ("POST" | "PUT", _) => match serde_json::from_slice::<Json>(bytes) {
            Ok(body) => write(tenant, method, resource, known, &body),
            Err(_) => Reply::new(400, json!({ "error": "malformed JSON" })),
        },
        ("DELETE", Some(id)) => delete(tenant, resource, id),
        _ => Reply::new(404, json!({ "error": "URL not found" })),
    }
}

fn read_list(tenant: &Tenant, resource: &str, query: &[(String, String)]) -> Reply {
    let listed = list(tenant, resource, query);
    if resource == "accounts" && listed.page > 1 && tenant.vices.accounts_fail_after_first_page {
        return Reply::new(500, json!({ "status": 500, "error": "Internal Server Error" }));
    }
    match nothing(resource) {
        Some(sentence) if listed.rows.is_empty() => Reply::new(404, sentence),
        Some(_) | None => Reply::new(200, list_body(resource, &listed)),
    }
}

fn single(resource: &str) -> &'static str {
    match resource {
        "products" => "product",
        "inventories" => "inventory",
        "inventory_adjustments" => "inventory_adjustment",
        "categories" => "category",
        "product_unit_types" => "product_unit_type",
        "taxes" => "tax",
        "accounts" => "account",
        "customers" => "contact",
        "invoices" => "invoice",
        _ => "receipt",
    }
}

fn not_found(resource: &str) -> Reply {
    let body = match resource {
        "products" => json!("Product not found"),
        "customers" => json!("Customer Not Found"),
        "product_unit_types" => json!("Product Unit Type not found"),
        "inventories" => json!({ "error": "Inventory not found" }),
        "invoice_payments" => {
            json!({ "message": "Invalid receipt ID. Please provide a valid receipt ID." })
        }
        _ => json!("We found nothing"),
    };
    Reply::new(404, body)
}

fn write(
    tenant: &mut Tenant,
    method: &Method,
    resource: &'static str,
    id: Option<u64>,
    body: &Json,
) -> Reply {
    let creates = method == Method::POST;
    if creates == id.is_some() {
        return Reply::new(404, json!({ "error": "URL not found" }));
    }
    if id.is_some_and(|id| !tenant.table(resource).contains_key(&id)) {
        return not_found(resource);
    }
    let root = if resource == "invoice_payments" { "invoice_payment" } else { single(resource) };
    let inner = match body.get(root) {
        Some(inner) => inner.clone(),
        // Warehouses are documented without a wrapper.
        None if resource == "inventories" => body.clone(),
        None => return Reply::new(400, json!({ "error": format!("{root} is missing") })),
    };
    if let (Json::Array(items), true) = (&inner, creates) {
        return batch(tenant, resource, items);
    }
    let Json::Object(fields) = inner else {
        return Reply::new(400, json!({ "error": format!("{root} must be an object") }));
    };
    match build(tenant, resource, id, &fields) {
        Ok(row) => {
            tenant.counters.writes += 1;
            tenant.put(resource, row.clone());
            let two_hundred = matches!(resource, "invoice_payments" | "inventory_adjustments");
            let status = if creates && !two_hundred { 201 } else { 200 };
            Reply::new(status, json!({ single(resource): row }))
        }
        Err((status, body)) => Reply::new(status, body),
    }
}

fn build(
    tenant: &mut Tenant,
    resource: &'static str,
    id: Option<u64>,
    fields: &Map<String, Json>,
) -> Result<Json, Refusal> {
    match (resource, id) {
        ("products", id) => tenant.product(fields, id),
        ("customers", id) => tenant.customer(fields, id),
        ("invoices", None) => tenant.invoice(fields),
        ("invoices", Some(id)) => tenant.change_invoice(id, fields),
        ("invoice_payments", None) => tenant.payment(fields),
        ("inventory_adjustments", None) => tenant.adjustment(fields),
        ("taxes" | "invoice_payments" | "inventory_adjustments", _) => {
            Err((404, json!({ "error": "URL not found" })))
        }
        ("product_unit_types", Some(_)) => Err((404, json!({ "error": "URL not found" }))),
        (resource, id) => tenant.simple(resource, fields, id),
    }
}

/// A batch is written whole or not at all.
fn batch(tenant: &mut Tenant, resource: &'static str, items: &[Json]) -> Reply {
    if !matches!(resource, "products" | "categories" | "customers") {
        return Reply::new(422, json!({ "errors": "must be an object" }));
    }
    let before = tenant.table(resource).clone();
    let mut rows = Vec::new();
    for item in items {
        let fields = item.as_object().cloned().unwrap_or_default();
        match build(tenant, resource, None, &fields) {
            Ok(row) => {
                tenant.put(resource, row.clone());
                rows.push(row);
            }
            Err((status, body)) => {
                tenant.tables.insert(resource, before);
                return Reply::new(status, body);
            }
        }
    }
    tenant.counters.writes += 1;
    let root = if resource == "customers" { "contacts" } else { resource };
    Reply::new(if resource == "customers" { 200 } else { 201 }, json!({ root: rows }))
}

fn delete(tenant: &mut Tenant, resource: &'static str, id: u64) -> Reply {
    if resource != "invoices" {
        return Reply::new(404, json!({ "error": "URL not found" }));
    }
    if !tenant.table(resource).contains_key(&id) {
        return not_found(resource);
    }
    tenant.counters.writes += 1;
    tenant.tables.entry(resource).or_default().remove(&id);
    Reply::new(200, json!("Invoice destroyed successfully"))
}

fn respond(reply: Reply, fault: Option<FaultKind>) -> Response {
    let text = reply.body.map(|body| match body {
        // A deletion answers a bare sentence, not JSON.
        Json::String(text) if reply.status == 200 => text,
        body => body.to_string(),
    });
    let text = text.unwrap_or_default();
    let mut builder = Response::builder()
        .status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    if let Some(seconds) = reply.retry_after {
        builder = builder.header(header::RETRY_AFTER, seconds);
    }
    let cut = match fault {
        Some(FaultKind::AnswerLost) => Some(0),
        Some(FaultKind::Truncated) => Some(text.len() / 2),
        _ => None,
    };
    let body = match cut {
        None => Body::from(text),
        Some(cut) => {
            // A length that is promised and not kept: the client sees the connection end in the middle.
            builder = builder.header(header::CONTENT_LENGTH, text.len() + 1);
            broken_body(text.as_bytes()[..cut].to_vec())
        }
    };
    builder.body(body).unwrap_or_default()
}

/// A body that ends with an error after what it has.
fn broken_body(first: Vec<u8>) -> Body {
    let chunks = [
        Ok(Bytes::from(first)),
        Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "a fault was asked for")),
    ];
    Body::from_stream(futures_util::stream::iter(chunks))
}

/// Name and value pairs of a query or form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::with_capacity(text.len());
        let mut left = text.bytes();
        while let Some(byte) = left.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digits: Vec<u8> = left.by_ref().take(2).collect();
                    let digits = String::from_utf8_lossy(&digits).into_owned();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
                }
                byte => bytes.push(byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}
