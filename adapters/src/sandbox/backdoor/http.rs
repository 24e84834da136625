//! The back door over HTTP, for programs in other languages and for a person with curl.

use super::super::faults::{FaultKind, OneFault};
use super::super::reply::Reply;
use super::super::server::Shared;
use super::super::values::{amount, id_of, truth};
use super::BackDoor;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

/// A fault with how many times it strikes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    kind: FaultKind,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// Most faults that one request may queue.
const TIMES_MAX: usize = 100_000;

/// Answers a request under `/backdoor/`.
pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Reply {
    let given = parts.headers.get("X-Backdoor").map(|value| value.as_bytes());
    if given != Some(shared.back_door_token.as_bytes()) {
        return Reply::json(403, json!({ "error": "the header X-Backdoor is missing or wrong" }));
    }
    let body = if body.is_empty() { Ok(Json::Null) } else { serde_json::from_slice(body) };
    let body: Json = match body {
        Ok(body) => body,
        Err(error) => return Reply::json(400, json!({ "error": error.to_string() })),
    };
    let door = BackDoor { shared: shared.clone() };
    let path: Vec<&str> =
        parts.uri.path().split('/').skip(2).filter(|part| !part.is_empty()).collect();
    match (parts.method.as_str(), path.as_slice()) {
        ("GET", ["dump"]) => Reply::json(200, door.dump()),
        ("GET", ["counts"]) => {
            let mut counts = door.counts();
            counts["duplicates"] = door.duplicates().into();
            Reply::json(200, counts)
        }
        ("GET", ["duplicates"]) => Reply::json(200, door.duplicates().into()),
        ("PUT", ["faults"]) => set(body, |faults| door.set_faults(faults)),
        ("DELETE", ["faults"]) => done(|| door.clear_faults()),
        ("PUT", ["rare-faults"]) => set(body, |faults| door.set_rare_faults(faults)),
        ("PUT", ["vices"]) => set(body, |vices| door.set_vices(vices)),
        ("POST", ["fault"]) => set(body, |order: Order| queue(&door, order)),
        ("POST", ["expire-tokens"]) => done(|| door.expire_tokens()),
        ("POST", ["revoke-tokens"]) => done(|| door.revoke_tokens()),
        ("PUT", ["clock"]) => match body["skew_seconds"].as_i64() {
            Some(seconds) => done(|| door.set_clock_skew(seconds)),
            None => Reply::json(400, json!({ "error": "skew_seconds is missing" })),
        },
        ("PUT", ["stock", product]) => set_stock(&door, product, &body),
        (method, [resource, rest @ ..]) => record(&door, method, resource, rest, body),
        _ => unknown(),
    }
}

fn queue(door: &BackDoor, order: Order) {
    let fault = OneFault { method: order.method, path: order.path, kind: order.kind };
    door.next_faults(fault, order.times.min(TIMES_MAX));
}

fn set_stock(door: &BackDoor, product: &str, body: &Json) -> Reply {
    let Some(to) = amount(body.get("stock")) else {
        return Reply::json(400, json!({ "error": "stock is missing" }));
    };
    let inventory = id_of(body.get("inventory_id")).unwrap_or(1);
    verdict(product.parse().is_ok_and(|product| door.set_stock(product, inventory, to)))
}

/// Reads, creates, changes, approves or removes one record.
fn record(door: &BackDoor, method: &str, resource: &str, rest: &[&str], body: Json) -> Reply {
    let id = rest.first().and_then(|id| id.parse::<u64>().ok());
    match (method, id, rest.len(), body) {
        ("GET", None, 0, _) => Reply::json(200, door.rows(resource).into()),
        ("GET", Some(id), 1, _) => match door.get(resource, id) {
            Some(record) => Reply::json(200, record),
            None => unknown(),
        },
        ("POST", None, 0, Json::Object(fields)) => create(door, resource, fields),
        ("PUT", Some(id), 1, Json::Object(mut changes)) => {
            let silent = truth(changes.remove("silently").as_ref());
            let apply = if silent { BackDoor::edit_silently } else { BackDoor::edit };
            verdict(apply(door, resource, id, changes))
        }
        ("POST", Some(id), 2, _) if resource == "invoices" && rest.get(1) == Some(&"approve") => {
            verdict(door.approve_invoice(id))
        }
        ("DELETE", Some(id), 1, _) => verdict(door.remove(resource, id)),
        _ => unknown(),
    }
}

/// With `"unchecked": true` the record is put in exactly as given.
fn create(door: &BackDoor, resource: &str, mut fields: Map<String, Json>) -> Reply {
    let created = if truth(fields.remove("unchecked").as_ref()) {
        door.plant(resource, fields).ok_or_else(|| json!({ "error": "no such resource" }))
    } else {
        door.create(resource, &fields)
    };
    match created {
        Ok(id) => Reply::json(201, json!({ "id": id })),
        Err(refusal) => Reply::json(422, refusal),
    }
}

fn set<T: DeserializeOwned>(body: Json, apply: impl FnOnce(T)) -> Reply {
    match serde_json::from_value(body) {
        Ok(value) => done(|| apply(value)),
        Err(error) => Reply::json(400, json!({ "error": error.to_string() })),
    }
}

fn done(work: impl FnOnce()) -> Reply {
    work();
    verdict(true)
}

fn verdict(found: bool) -> Reply {
    Reply::json(if found { 200 } else { 404 }, json!({ "done": found }))
}

fn unknown() -> Reply {
    Reply::json(404, json!({ "error": "no such back door" }))
}
