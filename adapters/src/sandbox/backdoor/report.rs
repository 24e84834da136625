//! What the back door says about the whole tenant.

use super::super::auth::Rights;
use super::super::kind::Kind;
use super::super::present;
use super::super::values::{Fields, text};
use super::super::world::World;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// All records of a kind, as the API shows them.
pub(super) fn rows(world: &World, kind: Kind) -> Vec<Json> {
    let records = world.table(kind).all();
    records.map(|(_, fields)| present::record(world, kind, fields, &Rights::All)).collect()
}

/// Every table by the name of its path, and the stock.
pub(super) fn dump(world: &World) -> Json {
    let mut dump: Map<String, Json> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.path().to_owned(), rows(world, kind).into()))
        .collect();
    dump.insert("stock".to_owned(), world.stock_rows().into());
    dump.into()
}

/// One line for each value that stands on more than one record and should not.
pub(super) fn duplicates(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, fields) in [
        (Kind::Products, ["sku"].as_slice()),
        (Kind::Invoices, &["reference"]),
        (Kind::Payments, &["reference"]),
        (Kind::Customers, &["name", "email"]),
    ] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (_, record) in world.table(kind).all() {
            if let Some(key) = key(record, fields) {
                *seen.entry(key).or_default() += 1;
            }
        }
        let twice = seen.into_iter().filter(|(_, count)| *count > 1);
        let names = fields.join("+");
        found.extend(
            twice.map(|(key, count)| format!("{} {names} {key}: {count} rows", kind.path())),
        );
    }
    found
}

/// The values of the fields, where at least one of them is there.
fn key(record: &Fields, fields: &[&str]) -> Option<String> {
    let values: Vec<Option<String>> = fields.iter().map(|name| text(record.get(*name))).collect();
    let any = values.iter().any(Option::is_some);
    let texts: Vec<String> = values.into_iter().map(Option::unwrap_or_default).collect();
    any.then(|| texts.join(" / "))
}
