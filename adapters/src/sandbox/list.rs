//! Listing: a subset of Ransack filters, sorting, and the paging of each resource.

use super::store::Tenant;
use serde_json::{Map, Value as Json, json};
use std::cmp::Ordering;

/// Database column names that differ from the names in answers.
const COLUMNS: &[(&str, &str)] = &[
    ("en_name", "name_en"),
    ("ar_name", "name_ar"),
    ("contact_name", "name"),
    ("primary_email", "email"),
    ("english_name", "name_en"),
];

const PREDICATES: &[&str] =
    &["not_eq", "gteq", "lteq", "not_in", "eq", "cont", "start", "end", "gt", "lt", "in", "null"];

/// A page of rows that pass the filters, with the number of all that do.
pub(super) struct Listed {
    pub(super) rows: Vec<Json>,
    pub(super) total: usize,
    pub(super) page: usize,
    pub(super) per_page: usize,
}

/// Filters, sorts and pages a table.
pub(super) fn list(tenant: &Tenant, resource: &str, query: &[(String, String)]) -> Listed {
    let mut rows: Vec<Json> = tenant
        .table(resource)
        .values()
        .filter(|row| query.iter().all(|(key, value)| passes(tenant, row, key, value, query)))
        .cloned()
        .collect();
    sort(&mut rows, query);
    let total = rows.len();
    let given = |name: &str| {
        query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<usize>().ok())
    };
    let (page, per_page) = (given("page").unwrap_or(1).max(1), given("per_page").unwrap_or(100));
    let paged = match resource {
        "categories" | "inventories" | "product_unit_types" => false,
        "accounts" => given("page").is_some() && given("per_page").is_some(),
        _ => true,
    };
    if paged && !tenant.vices.ignores_paging {
        rows = rows.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    }
    Listed { rows, total, page, per_page }
}

fn passes(tenant: &Tenant, row: &Json, key: &str, value: &str, query: &[(String, String)]) -> bool {
    let Some(inner) = key.strip_prefix("q[") else { return true };
    let Some((inner, rest)) = inner.split_once(']') else { return true };
    if inner == "s" || (inner == "id_gt" && tenant.vices.ignores_id_gt) {
        return true;
    }
    let found = PREDICATES.iter().find_map(|predicate| {
        let column = inner.strip_suffix(predicate)?.strip_suffix('_')?;
        Some((column, *predicate))
    });
    // Unknown keys are ignored, as the remote does: callers must look at what they got.
    let Some((column, predicate)) = found else { return true };
    let name =
        COLUMNS.iter().find(|(column_name, _)| *column_name == column).map_or(column, |(_, n)| *n);
    let Some(cell) = row.get(name).or_else(|| row.get(column)) else { return true };
    let text = text_of(cell);
    match predicate {
        "eq" => text == value,
        "not_eq" => text != value,
        "cont" => text.contains(value),
        "start" => text.starts_with(value),
        "end" => text.ends_with(value),
        "gt" => compare(&text, value) == Ordering::Greater,
        "gteq" => compare(&text, value) != Ordering::Less,
        "lt" => compare(&text, value) == Ordering::Less,
        "lteq" => compare(&text, value) != Ordering::Greater,
        "null" => cell.is_null() == (value == "true" || value == "1"),
        "in" | "not_in" => {
            let listed = query
                .iter()
                .any(|(other, value)| other.starts_with(&format!("q[{inner}]")) && *value == text);
            rest != "[]" || (listed == (predicate == "in"))
        }
        _ => true,
    }
}

fn text_of(cell: &Json) -> String {
    match cell {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Times by moment, numbers by size, the rest as texts.
fn compare(a: &str, b: &str) -> Ordering {
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    if let (Some(a), Some(b)) = (time(a), time(b)) {
        return a.cmp(&b);
    }
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

fn sort(rows: &mut [Json], query: &[(String, String)]) {
    let Some((_, order)) = query.iter().find(|(key, _)| key == "q[s]") else { return };
    for part in order.split(',').rev() {
        let (column, direction) = part.trim().split_once(' ').unwrap_or((part.trim(), "asc"));
        rows.sort_by(|a, b| {
            let cell = |row: &Json| row.get(column).map(text_of).unwrap_or_default();
            let order = compare(&cell(a), &cell(b));
            if direction == "desc" { order.reverse() } else { order }
        });
    }
}

/// The body of a listing, with the root and the paging object of the resource.
pub(super) fn body(resource: &str, listed: &Listed) -> Json {
    let root = if resource == "invoice_payments" { "receipts" } else { resource };
    let mut body = Map::new();
    body.insert(root.to_owned(), Json::Array(listed.rows.clone()));
    let pages = listed.total.div_ceil(listed.per_page.max(1));
    match resource {
        "products" => {
            body.insert(
                "pagination".to_owned(),
                json!({
                    "count": listed.rows.len(), "total": listed.total,
                    "perPage": listed.per_page.to_string(), "currentPage": listed.page.to_string(),
                    "totalPages": pages,
                }),
            );
        }
        "taxes" => {
            body.insert(
                "pagination".to_owned(),
                json!({
                    "count": listed.rows.len(), "total": listed.total, "perPage": listed.per_page,
                    "currentPage": listed.page, "totalPages": pages,
                }),
            );
        }
        _ => {}
    }
    Json::Object(body)
}

/// What an empty listing answers: a 404 with a sentence, where the remote does that.
pub(super) fn nothing(resource: &str) -> Option<Json> {
    let noun = match resource {
        "products" | "product_unit_types" => return Some(json!("We found nothing")),
        "invoices" => "invoices",
        "customers" => "customers",
        "accounts" => "accounts",
        "categories" => "categories",
        _ => return None,
    };
    Some(Json::String(format!("We could not retrieve your {noun}, we found nothing.")))
}
