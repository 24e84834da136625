//! Creating and updating, by kind of record.

mod accounts;
mod adjustments;
pub(crate) mod balance;
mod categories;
mod customers;
mod inventories;
pub(crate) mod invoices;
mod lines;
pub(crate) mod payments;
mod products;
mod references;
mod rewrite;
mod units;

use super::auth::Rights;
use super::faults::FaultKind;
use super::kind::Kind;
use super::messages::{FieldErrors, Message};
use super::present;
use super::refusal::Refusal;
use super::reply::Reply;
use super::values::Fields;
use super::world::World;
use serde_json::{Map, Value as Json};

/// A record that exists, with its id.
pub(crate) type Current<'a> = Option<(u64, &'a Fields)>;

/// Carries out a creation, of one record or of a batch.
pub(crate) fn create(
    world: &mut World,
    kind: Kind,
    body: &[u8],
    fault: Option<FaultKind>,
) -> Result<Reply, Refusal> {
    if matches!(kind, Kind::Taxes | Kind::TaxReasons) {
        return Err(Refusal::NoRoute);
    }
    if kind == Kind::Adjustments && fault == Some(FaultKind::AdjustmentErrors) {
        let message = Message::plain("could not be completed");
        return Err(Refusal::InvalidWith200(FieldErrors::one("base", message)));
    }
    match (kind, content(kind, body)?) {
        (Kind::Products | Kind::Categories | Kind::Customers, Json::Array(items)) => {
            create_batch(world, kind, &items)
        }
        (kind, Json::Object(fields)) => {
            let id = create_one(world, kind, &fields)?;
            Ok(shown(world, kind, id, kind.created_status()))
        }
        (Kind::Categories, _) => Err(Refusal::sentence("category must be an array of objects")),
        (kind, _) => Err(Refusal::BadRequest(format!("{} is invalid", kind.request_root()))),
    }
}

/// Creates one record and says its id.
pub(crate) fn create_one(world: &mut World, kind: Kind, fields: &Fields) -> Result<u64, Refusal> {
    match kind {
        Kind::Adjustments => adjustments::create(world, fields),
        Kind::Invoices => invoices::create(world, fields),
        Kind::Payments => payments::create(world, fields),
        kind => {
            let record = build(world, kind, fields, None)?;
            Ok(world.insert(kind, record))
        }
    }
}

/// Carries out an update.
pub(crate) fn update(
    world: &mut World,
    kind: Kind,
    id: u64,
    body: &[u8],
) -> Result<Reply, Refusal> {
    let read_only = [Kind::Adjustments, Kind::Payments, Kind::TaxReasons, Kind::Taxes, Kind::Units];
    if read_only.contains(&kind) {
        return Err(Refusal::NoRoute);
    }
    let current = world.get(kind, id).ok_or(Refusal::NoRecord(kind, id))?;
    let Json::Object(fields) = content(kind, body)? else {
        return Err(Refusal::BadRequest(format!("{} is invalid", kind.request_root())));
    };
    if kind == Kind::Invoices {
        invoices::update(world, id, &fields)?;
    } else {
        let record = build(world, kind, &fields, Some((id, current)))?;
        world.change(kind, id, record);
    }
    Ok(shown(world, kind, id, 200))
}

/// Writes a batch whole or not at all.
fn create_batch(world: &mut World, kind: Kind, items: &[Json]) -> Result<Reply, Refusal> {
    let mut records: Vec<Fields> = Vec::new();
    for item in items {
        let Json::Object(fields) = item else {
            return Err(Refusal::sentence("category must be an array of objects"));
        };
        let record = build(world, kind, fields, None)?;
        let same_sku = |other: &Fields| other.get("sku") == record.get("sku");
        if kind == Kind::Products && records.iter().any(same_sku) {
            return Err(Refusal::field("sku", Message::Taken));
        }
        records.push(record);
    }
    let ids: Vec<u64> = records.into_iter().map(|record| world.insert(kind, record)).collect();
    let rows: Vec<Json> = ids
        .iter()
        .filter_map(|id| world.get(kind, *id))
        .map(|fields| present::record(world, kind, fields, &Rights::All))
        .collect();
    let (status, root) = kind.batch_answer();
    Ok(Reply::rooted(status, root, rows.into()))
}

/// The record that a request would make, checked.
fn build(world: &World, kind: Kind, fields: &Fields, current: Current) -> Result<Fields, Refusal> {
    let changed = |record: Result<Fields, Refusal>| record.map(|r| rewrite::stored(world, r));
    match kind {
        Kind::Accounts => accounts::build(world, fields, current),
        Kind::Categories => categories::build(world, fields, current),
        Kind::Customers => changed(customers::build(world, fields, current)),
        Kind::Inventories => inventories::build(world, fields, current),
        Kind::Products => changed(products::build(world, fields, current)),
        Kind::Units => units::build(fields, current),
        Kind::Adjustments | Kind::Invoices | Kind::Payments | Kind::TaxReasons | Kind::Taxes => {
            Err(Refusal::NoRoute)
        }
    }
}

/// What stands under the root key of a body.
fn content(kind: Kind, body: &[u8]) -> Result<Json, Refusal> {
    let parsed: Map<String, Json> = serde_json::from_slice(body)
        .map_err(|_| Refusal::BadRequest("the body is not a JSON object".to_owned()))?;
    match parsed.get(kind.request_root()) {
        Some(content) => Ok(content.clone()),
        // Warehouses are documented without a root key and used with one.
        None if kind == Kind::Inventories => Ok(parsed.into()),
        None => {
            let root = kind.request_root();
            Err(Refusal::BadRequest(format!("param is missing or the value is empty: {root}")))
        }
    }
}

fn shown(world: &World, kind: Kind, id: u64, status: u16) -> Reply {
    let fields = world.get(kind, id).cloned().unwrap_or_default();
    Reply::rooted(status, kind.root(), present::record(world, kind, &fields, &Rights::All))
}

/// Copies fields that keep their name and are given.
fn copy_given(record: &mut Fields, input: &Fields, names: &[&str]) {
    for name in names {
        if let Some(value) = input.get(*name) {
            record.insert((*name).to_owned(), value.clone());
        }
    }
}
