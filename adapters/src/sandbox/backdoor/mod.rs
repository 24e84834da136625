//! The back door: acting as a web user, looking at everything, and asking for faults. Not part of the API.

pub(crate) mod http;
mod report;

use super::auth::{Bound, Rights, Ticket};
use super::faults::{Faults, OneFault, RareFaults};
use super::kind::Kind;
use super::messages::Locale;
use super::options::Vices;
use super::present;
use super::resources::{self, invoices};
use super::server::Shared;
use super::values::{self, Fields, amount, shown};
use super::world::World;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Fields that answers show as decimal texts.
const DECIMALS: &[&str] =
    &["amount", "buying_price", "due_amount", "paid_amount", "selling_price", "total"];

/// Acts on a sandbox from the same process; resources have the names of their paths.
#[derive(Clone)]
pub struct BackDoor {
    pub(super) shared: Shared,
}

impl BackDoor {
    /// Changes fields of a record as a web user would, with a new `updated_at`.
    ///
    /// Fields have the names that answers use; false where the record or one of the fields does not exist.
    pub fn edit(&self, resource: &str, id: u64, changes: Map<String, Json>) -> bool {
        self.change(resource, id, changes, World::change)
    }

    /// Changes fields of a record and leaves its `updated_at`.
    pub fn edit_silently(&self, resource: &str, id: u64, changes: Map<String, Json>) -> bool {
        self.change(resource, id, changes, World::change_silently)
    }

    fn change(
        &self,
        resource: &str,
        id: u64,
        changes: Map<String, Json>,
        apply: fn(&mut World, Kind, u64, Fields) -> bool,
    ) -> bool {
        let Some(kind) = Kind::of_path(resource) else { return false };
        let changes: Fields = changes.into_iter().map(normal).collect();
        self.shared.with(|world| {
            let Some(record) = world.get(kind, id) else { return false };
            let known = changes.keys().all(|name| record.contains_key(name));
            known && apply(world, kind, id, changes)
        })
    }

    /// Sets a product's stock in a warehouse; false where one of them does not exist.
    pub fn set_stock(&self, product: u64, inventory: u64, to: Decimal) -> bool {
        self.shared.with(|world| {
            let known = world.exists(Kind::Products, Some(product))
                && world.exists(Kind::Inventories, Some(inventory));
            if known {
                world.set_stock(product, inventory, to);
            }
            known
        })
    }

    /// A product's stock in a warehouse.
    #[must_use]
    pub fn stock(&self, product: u64, inventory: u64) -> Decimal {
        self.shared.with(|world| world.stock(product, inventory).normalize())
    }

    /// Approves a draft whatever the stock is; false where there is no such draft.
    pub fn approve_invoice(&self, id: u64) -> bool {
        self.shared.with(|world| invoices::approve(world, id))
    }

    /// Creates a record as a web user would, from the fields of an API request.
    ///
    /// What a web form has chosen already (category, unit, tax, accounts, kind of account) may be left out.
    ///
    /// # Errors
    /// The refusal, as the API would give it in English.
    pub fn create(&self, resource: &str, fields: &Map<String, Json>) -> Result<u64, Json> {
        let Some(kind) = Kind::of_path(resource) else {
            return Err(json!({ "error": "no such resource" }));
        };
        self.shared
            .with(|world| resources::create_one(world, kind, &chosen(kind, fields)))
            .map_err(|refusal| refusal.reply(Locale::English).into_json())
    }

    /// Puts in a record exactly as given, under its own id where it brings one, without any check.
    pub fn plant(&self, resource: &str, fields: Map<String, Json>) -> Option<u64> {
        let kind = Kind::of_path(resource)?;
        Some(self.shared.with(|world| world.insert(kind, fields)))
    }

    /// Removes a record without a trace.
    pub fn remove(&self, resource: &str, id: u64) -> bool {
        let Some(kind) = Kind::of_path(resource) else { return false };
        self.shared.with(|world| world.remove(kind, id).is_some())
    }

    /// A record as the API shows it.
    #[must_use]
    pub fn get(&self, resource: &str, id: u64) -> Option<Json> {
        let kind = Kind::of_path(resource)?;
        self.shared.with(|world| {
            world.get(kind, id).map(|fields| present::record(world, kind, fields, &Rights::All))
        })
    }

    /// All records of a resource as they are, late ones included.
    #[must_use]
    pub fn rows(&self, resource: &str) -> Vec<Json> {
        let Some(kind) = Kind::of_path(resource) else { return Vec::new() };
        self.shared.with(|world| report::rows(world, kind))
    }

    /// The first record in which a field has this text.
    #[must_use]
    pub fn find(&self, resource: &str, field: &str, text: &str) -> Option<Json> {
        self.rows(resource).into_iter().find(|row| row[field] == text)
    }

    /// Every table by the name of its path, and the stock.
    #[must_use]
    pub fn dump(&self) -> Json {
        self.shared.with(|world| report::dump(world))
    }

    /// Values that stand on more than one record and should not: SKUs, references, customers by name and e-mail.
    #[must_use]
    pub fn duplicates(&self) -> Vec<String> {
        self.shared.with(|world| report::duplicates(world))
    }

    /// All counters as one object.
    #[must_use]
    pub fn counts(&self) -> Json {
        self.shared.with(|world| world.counters.json(world.window.most))
    }

    /// Writes through the API that had an effect.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.shared.with(|world| world.counters.writes)
    }

    /// Requests by method and resource, as in `GET /products`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.with(|world| world.counters.by_route.clone())
    }

    /// Answers by method, path and status, as in `PUT /products/{id} 200`; a lost one has the status `lost`.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<String, u64> {
        self.shared.with(|world| world.counters.by_status.clone())
    }

    /// The most requests that any 60 seconds saw, refused ones included.
    #[must_use]
    pub fn most_in_a_minute(&self) -> usize {
        self.shared.with(|world| world.window.most)
    }

    /// Makes faults strike by chance from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.with(|world| world.dice.faults = faults);
    }

    /// Makes rarer faults strike by chance from now on.
    pub fn set_rare_faults(&self, faults: RareFaults) {
        self.shared.with(|world| world.dice.rare = faults);
    }

    /// Makes a fault strike once, at the next request that fits.
    pub fn next_fault(&self, fault: OneFault) {
        self.next_faults(fault, 1);
    }

    /// Makes a fault strike at each of the next requests that fit, so many times.
    pub fn next_faults(&self, fault: OneFault, times: usize) {
        self.shared.with(|world| {
            for _ in 0..times {
                world.dice.queue(fault.clone());
            }
        });
    }

    /// Ends all faults, by chance and queued.
    pub fn clear_faults(&self) {
        self.shared.with(|world| {
            world.dice.faults = Faults::default();
            world.dice.rare = RareFaults::default();
            world.dice.clear();
        });
    }

    /// The remote's vices as they are.
    #[must_use]
    pub fn vices(&self) -> Vices {
        self.shared.with(|world| world.vices)
    }

    /// Changes the remote's vices.
    pub fn set_vices(&self, vices: Vices) {
        self.shared.with(|world| world.vices = vices);
    }

    /// Sets by how many seconds the server's clock is ahead.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.shared.with(|world| world.vices.clock_skew_seconds = seconds);
    }

    /// Makes every access token expire now.
    pub fn expire_tokens(&self) {
        self.shared.with(|world| world.tokens.expire());
    }

    /// Makes all tokens worthless, refresh tokens included.
    pub fn revoke_tokens(&self) {
        self.shared.with(|world| world.tokens.revoke());
    }

    /// Hands out an authorization code, as a user's consent would.
    #[must_use]
    pub fn authorization_code(&self) -> String {
        self.shared.with(|world| {
            let family = world.tokens.family();
            let code = Some(Bound::default());
            world.tokens.issue_single_use(Ticket { rights: Rights::All, family, code })
        })
    }
}

/// The fields of a request over those that a web form brings.
fn chosen(kind: Kind, given: &Fields) -> Fields {
    let mut fields = match kind {
        Kind::Products => values::fields(json!({
            "category_id": 1, "product_unit_type_id": 7, "tax_id": 1, "sales_account_id": 17,
            "expense_account_id": 12,
        })),
        Kind::Accounts => values::fields(json!({
            "account_kind": "Asset", "parent_kind": "Asset", "branch_kind": "Asset",
        })),
        _ => Fields::new(),
    };
    fields.extend(given.clone());
    fields
}

/// Decimals take the form in which answers show them.
fn normal((name, value): (String, Json)) -> (String, Json) {
    let decimal = if DECIMALS.contains(&name.as_str()) { amount(Some(&value)) } else { None };
    let value = decimal.map_or(value, shown);
    (name, value)
}
