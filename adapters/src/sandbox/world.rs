//! The tenant: its tables, its stock, and everything that is counted, limited and made to fail.

use super::auth::Tokens;
use super::clock;
use super::counters::Counters;
use super::faults::Dice;
use super::kind::Kind;
use super::limits::Window;
use super::options::{SandboxOptions, Vices};
use super::seed;
use super::table::Table;
use super::values::{Fields, shown};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Everything behind the lock.
pub(crate) struct World {
    pub(crate) options: SandboxOptions,
    pub(crate) vices: Vices,
    pub(crate) dice: Dice,
    pub(crate) tokens: Tokens,
    pub(crate) window: Window,
    pub(crate) counters: Counters,
    tables: BTreeMap<Kind, Table>,
    /// Stock by product and warehouse.
    stock: BTreeMap<(u64, u64), Decimal>,
}

impl World {
    pub(crate) fn new(options: SandboxOptions) -> Self {
        let mut world = Self {
            vices: options.vices,
            dice: Dice::new(options.faults, options.rare_faults, options.seed),
            tokens: Tokens::default(),
            window: Window::default(),
            counters: Counters::default(),
            tables: Kind::ALL.into_iter().map(|kind| (kind, Table::default())).collect(),
            stock: BTreeMap::new(),
            options,
        };
        seed::plant(&mut world);
        world
    }

    pub(crate) fn now_ms(&self) -> i64 {
        clock::now_ms(self.vices.clock_skew_seconds)
    }

    pub(crate) fn table(&self, kind: Kind) -> &Table {
        static NONE: Table = Table::EMPTY;
        self.tables.get(&kind).unwrap_or(&NONE)
    }

    pub(crate) fn get(&self, kind: Kind, id: u64) -> Option<&Fields> {
        self.table(kind).get(id)
    }

    pub(crate) fn exists(&self, kind: Kind, id: Option<u64>) -> bool {
        id.is_some_and(|id| self.get(kind, id).is_some())
    }

    /// Stores a new record with the next id, or with its own where it brings one.
    pub(crate) fn insert(&mut self, kind: Kind, mut fields: Fields) -> u64 {
        let now = self.now_ms();
        let given = fields.get("id").and_then(Json::as_u64);
        let id = given.unwrap_or_else(|| self.table(kind).next_id());
        fields.insert("id".to_owned(), id.into());
        if kind.is_stamped() {
            let stamp = Json::String(clock::stamp(now));
            fields.entry("created_at").or_insert_with(|| stamp.clone());
            fields.entry("updated_at").or_insert(stamp);
        }
        self.store(kind, id, fields, now);
        id
    }

    /// Changes fields of a record; its stamp moves only where something differs.
    pub(crate) fn change(&mut self, kind: Kind, id: u64, changes: Fields) -> bool {
        let Some(current) = self.get(kind, id) else { return false };
        let mut fields = current.clone();
        fields.extend(changes);
        if fields == *current {
            return true;
        }
        let now = self.now_ms();
        if kind.is_stamped() {
            fields.insert("updated_at".to_owned(), clock::stamp(now).into());
        }
        self.store(kind, id, fields, now);
        true
    }

    /// Changes fields of a record and leaves its stamp.
    pub(crate) fn change_silently(&mut self, kind: Kind, id: u64, changes: Fields) -> bool {
        let Some(mut fields) = self.get(kind, id).cloned() else { return false };
        fields.extend(changes);
        self.store(kind, id, fields, self.now_ms());
        true
    }

    fn store(&mut self, kind: Kind, id: u64, fields: Fields, now: i64) {
        let delay = i64::try_from(self.vices.late_commit_ms).unwrap_or(i64::MAX);
        self.tables.entry(kind).or_default().put(id, fields, now, now.saturating_add(delay));
    }

    pub(crate) fn remove(&mut self, kind: Kind, id: u64) -> Option<Fields> {
        self.tables.get_mut(&kind).and_then(|table| table.remove(id))
    }

    pub(crate) fn stock(&self, product: u64, inventory: u64) -> Decimal {
        self.stock.get(&(product, inventory)).copied().unwrap_or_default()
    }

    /// Sets the stock of a product in a warehouse; its stamp moves only where the vice says so.
    pub(crate) fn set_stock(&mut self, product: u64, inventory: u64, to: Decimal) {
        self.stock.insert((product, inventory), to);
        if self.vices.stock_bumps_updated_at {
            let stamp = Json::String(clock::stamp(self.now_ms()));
            let changes = Fields::from_iter([("updated_at".to_owned(), stamp)]);
            self.change_silently(Kind::Products, product, changes);
        }
    }

    /// Moves the stock of a product in a warehouse by an amount.
    pub(crate) fn move_stock(&mut self, product: u64, inventory: u64, by: Decimal) {
        let to = self.stock(product, inventory).saturating_add(by);
        self.set_stock(product, inventory, to);
    }

    /// The whole stock, as rows.
    pub(crate) fn stock_rows(&self) -> Vec<Json> {
        let row = |((product, inventory), stock): (&(u64, u64), &Decimal)| {
            serde_json::json!({
                "product_id": product, "inventory_id": inventory, "stock": shown(*stock),
            })
        };
        self.stock.iter().map(row).collect()
    }
}
