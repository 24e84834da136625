//! The tenant's tables, in memory.

use super::options::{FaultKind, Faults, OneFault, SandboxOptions, Vices};
use chrono::{DateTime, FixedOffset, TimeZone};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

/// Rows of one resource by id.
pub(super) type Table = BTreeMap<u64, Json>;

/// What the sandbox counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    pub(super) by_route: BTreeMap<String, u64>,
    pub(super) writes: u64,
    pub(super) most_in_a_minute: usize,
}

/// Everything behind the lock.
pub(super) struct Tenant {
    pub(super) options: SandboxOptions,
    pub(super) tables: BTreeMap<&'static str, Table>,
    pub(super) faults: Faults,
    pub(super) one_faults: Vec<OneFault>,
    pub(super) vices: Vices,
    pub(super) counters: Counters,
    pub(super) tokens: BTreeMap<String, Instant>,
    pub(super) refresh: BTreeMap<String, bool>,
    recent: VecDeque<Instant>,
    random: u64,
}

/// All resources, by their path.
pub(super) const RESOURCES: &[&str] = &[
    "products",
    "inventories",
    "inventory_adjustments",
    "categories",
    "product_unit_types",
    "taxes",
    "accounts",
    "customers",
    "invoices",
    "invoice_payments",
];

impl Tenant {
    pub(super) fn new(options: SandboxOptions) -> Self {
        let mut tenant = Self {
            faults: options.faults,
            vices: options.vices,
            random: options.seed | 1,
            options,
            tables: RESOURCES.iter().map(|name| (*name, Table::new())).collect(),
            one_faults: Vec::new(),
            counters: Counters::default(),
            tokens: BTreeMap::new(),
            refresh: BTreeMap::new(),
            recent: VecDeque::new(),
        };
        tenant.seed();
        tenant
    }

    fn seed(&mut self) {
        let now = self.now();
        let at = json!({ "created_at": now, "updated_at": now });
        let tax = |id: u64, name: &str, arabic: &str, percentage: u32, code: &str| json!({ "id": id, "name_en": name, "name_ar": arabic, "percentage": percentage, "code": code });
        self.put("taxes", tax(1, "VAT 15%", "ضريبة ١٥٪", 15, "S"));
        self.put("taxes", tax(2, "Zero rated", "صفرية", 0, "Z"));
        self.put("taxes", tax(3, "Exempt", "معفاة", 0, "E"));
        for (id, code, name, arabic, kind) in [
            (7, "1101", "Bank", "البنك", "Asset"),
            (9, "1102", "Receivables", "المدينون", "Asset"),
            (10, "1103", "Inventory", "المخزون", "Asset"),
            (12, "5101", "Cost of goods", "تكلفة البضاعة", "Expense"),
            (14, "2101", "Payables", "الدائنون", "Liability"),
            (17, "4101", "Sales", "المبيعات", "Revenue"),
        ] {
            let account = json!({
                "id": id, "code": code, "name_en": name, "name_ar": arabic, "type": kind,
                "status": "Active", "balance": "0.0",
            });
            self.put("accounts", merged(account, &at));
        }
        let category =
            json!({ "id": 1, "name": "General", "description": null, "parent_id": null });
        self.put("categories", merged(category, &at));
        let unit = json!({ "id": 7, "unit_name": "Piece", "unit_representation": "pc", "kind": 1 });
        self.put("product_unit_types", merged(unit, &at));
        let inventory = json!({
            "id": 1, "name": "Main", "ar_name": "الرئيسي", "city": null, "account_id": 10,
            "is_default": true,
        });
        self.put("inventories", merged(inventory, &at));
    }

    pub(super) fn table(&self, resource: &str) -> &Table {
        static NONE: Table = Table::new();
        self.tables.get(resource).unwrap_or(&NONE)
    }

    /// Stores a row under its own id.
    pub(super) fn put(&mut self, resource: &'static str, row: Json) {
        if let Some(id) = row.get("id").and_then(Json::as_u64) {
            self.tables.entry(resource).or_default().insert(id, row);
        }
    }

    pub(super) fn next_id(&self, resource: &str) -> u64 {
        self.table(resource).keys().next_back().map_or(1, |last| last + 1)
    }

    /// The server's clock: seconds only, and Riyadh's offset.
    pub(super) fn now(&self) -> String {
        let unix =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let seconds = i64::try_from(unix).unwrap_or(0) + self.vices.clock_skew_seconds;
        let riyadh = FixedOffset::east_opt(3 * 3600);
        let moment = riyadh.and_then(|zone| zone.timestamp_opt(seconds, 0).single());
        moment.map_or_else(String::new, |moment: DateTime<FixedOffset>| {
            moment.format("%Y-%m-%dT%H:%M:%S.000%:z").to_string()
        })
    }

    /// Changes a row as its owner would, stamp included.
    pub(super) fn touch(
        &mut self,
        resource: &'static str,
        id: u64,
        changes: Map<String, Json>,
    ) -> bool {
        let now = self.now();
        let Some(row) = self.tables.entry(resource).or_default().get_mut(&id) else { return false };
        for (name, value) in changes {
            row[name] = value;
        }
        row["updated_at"] = Json::String(now);
        true
    }

    /// Seconds to wait where the limit of requests is reached.
    pub(super) fn admit(&mut self) -> Result<(), u64> {
        let now = Instant::now();
        let window = Duration::from_secs(60);
        while self.recent.front().is_some_and(|first| now.duration_since(*first) >= window) {
            self.recent.pop_front();
        }
        let limit = self.options.requests_per_minute.map(|limit| limit as usize);
        if limit.is_some_and(|limit| self.recent.len() >= limit) {
            let wait =
                self.recent.front().map_or(window, |first| window - now.duration_since(*first));
            return Err(wait.as_secs() + 1);
        }
        self.recent.push_back(now);
        let most = &mut self.counters.most_in_a_minute;
        *most = (*most).max(self.recent.len());
        Ok(())
    }

    /// The fault that strikes this request, if one does.
    pub(super) fn fault(&mut self, method: &str, path: &str) -> Option<FaultKind> {
        let fits = |one: &OneFault| one.method == method && path.starts_with(&one.path);
        if let Some(at) = self.one_faults.iter().position(fits) {
            return Some(self.one_faults.remove(at).kind);
        }
        let faults = self.faults;
        let chances = [
            (faults.answer_lost, FaultKind::AnswerLost),
            (faults.error_before, FaultKind::ErrorBefore),
            (faults.error_after, FaultKind::ErrorAfter),
            (faults.throttled, FaultKind::Throttled),
            (faults.truncated, FaultKind::Truncated),
        ];
        chances
            .into_iter()
            .find(|(chance, _)| *chance > 0 && self.draw() < *chance)
            .map(|(_, kind)| kind)
    }

    /// A number below 1,000 (xorshift: the same seed, the same faults).
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        u32::try_from(self.random % 1_000).unwrap_or(0)
    }
}

/// One object over another.
pub(super) fn merged(mut under: Json, over: &Json) -> Json {
    if let (Json::Object(under), Json::Object(over)) = (&mut under, over) {
        for (name, value) in over {
            under.insert(name.clone(), value.clone());
        }
    }
    under
}

/// A number out of a JSON number or text.
pub(super) fn number(value: Option<&Json>) -> Option<Decimal> {
    match value? {
        Json::String(text) => Decimal::from_str(text.trim()).ok(),
        Json::Number(number) => Decimal::from_str(&number.to_string())
            .or_else(|_| Decimal::from_scientific(&number.to_string()))
            .ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// An id out of a JSON number or text.
pub(super) fn id_of(value: Option<&Json>) -> Option<u64> {
    match value? {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A decimal as the API shows it: a text with at least one digit after the point.
pub(super) fn shown(number: Decimal) -> Json {
    let mut number = number.normalize();
    if number.scale() == 0 {
        number.rescale(1);
    }
    Json::String(number.to_string())
}

/// True for `true`, `1` and `"1"`.
pub(super) fn truth(value: Option<&Json>) -> bool {
    match value {
        Some(Json::Bool(flag)) => *flag,
        Some(Json::Number(number)) => number.as_u64() == Some(1),
        Some(Json::String(text)) => text == "1" || text == "true",
        Some(Json::Null | Json::Array(_) | Json::Object(_)) | None => false,
    }
}
