//! The back door: acting as a Qoyod web user, looking at everything, and asking for faults. Not part of the API.

use super::options::{Faults, OneFault, Vices};
use super::server::{Reply, Shared};
use super::store::{RESOURCES, Tenant, id_of, number};
use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Acts on a running sandbox from the same process.
#[derive(Clone)]
pub struct BackDoor {
    pub(super) shared: Shared,
}

impl BackDoor {
    /// Changes fields of a row as a web user would, with a new `updated_at`; false where there is no such row.
    pub fn edit(&self, resource: &'static str, id: u64, changes: Map<String, Json>) -> bool {
        self.shared.with(|tenant| tenant.touch(resource, id, changes))
    }

    /// Sets a product's stock in a warehouse.
    pub fn set_stock(&self, product: u64, inventory: u64, to: Decimal) -> bool {
        self.shared.with(|tenant| tenant.set_stock(product, Some(inventory), to))
    }

    /// Creates a row as a web user would.
    ///
    /// # Errors
    /// The refusal, as the API would give it.
    pub fn create(&self, resource: &'static str, fields: &Map<String, Json>) -> Result<u64, Json> {
        self.shared.with(|tenant| {
            let built = match resource {
                "products" => tenant.product(fields, None),
                "customers" => tenant.customer(fields, None),
                "invoices" => tenant.invoice(fields),
                "invoice_payments" => tenant.payment(fields),
                _ => tenant.simple(resource, fields, None),
            };
            let row = built.map_err(|(_, body)| body)?;
            let id = id_of(row.get("id")).unwrap_or(0);
            tenant.put(resource, row);
            Ok(id)
        })
    }

    /// Removes a row without a trace.
    pub fn remove(&self, resource: &'static str, id: u64) -> bool {
        self.shared.with(|tenant| tenant.tables.entry(resource).or_default().remove(&id).is_some())
    }

    /// All rows of a resource.
    #[must_use]
    pub fn rows(&self, resource: &str) -> Vec<Json> {
        self.shared.with(|tenant| tenant.table(resource).values().cloned().collect())
    }

    /// The first row in which a field has this text.
    #[must_use]
    pub fn find(&self, resource: &str, field: &str, text: &str) -> Option<Json> {
        self.rows(resource).into_iter().find(|row| row[field] == text)
    }

    /// Makes faults strike by chance from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.with(|tenant| tenant.faults = faults);
    }

    /// Makes a fault strike once.
    pub fn next_fault(&self, fault: OneFault) {
        self.shared.with(|tenant| tenant.one_faults.push(fault));
    }

    /// Changes the remote's vices.
    pub fn set_vices(&self, vices: Vices) {
        self.shared.with(|tenant| tenant.vices = vices);
    }

    /// Makes every token expire now.
    pub fn expire_tokens(&self) {
        self.shared.with(|tenant| tenant.tokens.clear());
    }

    /// Writes that had an effect.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.shared.with(|tenant| tenant.counters.writes)
    }

    /// Requests by method and resource.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.with(|tenant| tenant.counters.by_route.clone())
    }

    /// The most requests that any 60 seconds saw.
    #[must_use]
    pub fn most_in_a_minute(&self) -> usize {
        self.shared.with(|tenant| tenant.counters.most_in_a_minute)
    }

    /// Values that stand on more than one row and should not: skus, references, customers by organization.
    #[must_use]
    pub fn duplicates(&self) -> Vec<String> {
        self.shared.with(|tenant| duplicates(tenant))
    }
}

fn duplicates(tenant: &Tenant) -> Vec<String> {
    let mut found = Vec::new();
    for (resource, field) in [
        ("products", "sku"),
        ("invoices", "reference"),
        ("invoice_payments", "reference"),
        ("customers", "organization"),
    ] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for row in tenant.table(resource).values() {
            if let Some(text) = row.get(field).and_then(Json::as_str) {
                *seen.entry(text.to_owned()).or_default() += 1;
            }
        }
        let twice = seen.into_iter().filter(|(_, count)| *count > 1);
        found.extend(twice.map(|(text, count)| format!("{resource} {field} {text}: {count} rows")));
    }
    found
}

/// The same over HTTP, for programs in other languages and for a person with curl.
pub(super) fn handle(
    shared: &Shared,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Reply {
    let token = headers.get("X-Backdoor").and_then(|value| value.to_str().ok());
    if token != Some(&*shared.backdoor) {
        return Reply::new(403, json!({ "error": "the header X-Backdoor is missing or wrong" }));
    }
    let body: Json = serde_json::from_slice(bytes).unwrap_or(Json::Null);
    let parts: Vec<&str> = path.trim_start_matches("/backdoor/").split('/').collect();
    let door = BackDoor { shared: shared.clone() };
    let resource = |name: &str| RESOURCES.iter().find(|known| **known == name).copied();
    let id = parts.get(1).and_then(|id| id.parse::<u64>().ok());
    match (method.as_str(), parts[0], parts.get(1).copied()) {
        ("GET", "dump", _) => {
            let tables: Map<String, Json> =
                RESOURCES.iter().map(|name| ((*name).to_owned(), door.rows(name).into())).collect();
            Reply::new(200, tables.into())
        }
        ("GET", "counts", _) => Reply::new(
            200,
            json!({
                "writes": door.writes(), "requests": door.requests(),
                "most_in_a_minute": door.most_in_a_minute(), "duplicates": door.duplicates(),
            }),
        ),
        ("PUT", "faults", _) => set(body, |faults| door.set_faults(faults)),
        ("PUT", "vices", _) => set(body, |vices| door.set_vices(vices)),
        ("POST", "fault", _) => set(body, |fault: OneFault| door.next_fault(fault)),
        ("POST", "expire-tokens", _) => {
            door.expire_tokens();
            Reply::new(200, json!({ "done": true }))
        }
        ("PUT", "stock", Some(_)) => {
            let to = number(body.get("stock")).unwrap_or_default();
            let inventory = id_of(body.get("inventory_id")).unwrap_or(1);
            Reply::new(
                200,
                json!({ "done": id.is_some_and(|id| door.set_stock(id, inventory, to)) }),
            )
        }
        (method, name, _) => match (method, resource(name), id, body) {
            ("PUT", Some(name), Some(id), Json::Object(changes)) => {
                Reply::new(200, json!({ "done": door.edit(name, id, changes) }))
            }
            ("POST", Some(name), None, Json::Object(fields)) => match door.create(name, &fields) {
                Ok(id) => Reply::new(201, json!({ "id": id })),
                Err(body) => Reply::new(422, body),
            },
            ("DELETE", Some(name), Some(id), _) => {
                Reply::new(200, json!({ "done": door.remove(name, id) }))
            }
            _ => Reply::new(404, json!({ "error": "no such back door" })),
        },
    }
}

fn set<T: serde::de::DeserializeOwned>(body: Json, apply: impl FnOnce(T)) -> Reply {
    match serde_json::from_value(body) {
        Ok(value) => {
            apply(value);
            Reply::new(200, json!({ "done": true }))
        }
        Err(error) => Reply::new(400, json!({ "error": error.to_string() })),
    }
}
