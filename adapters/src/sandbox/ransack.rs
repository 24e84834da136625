//! Filters and sorting: a subset of Ransack, which ignores what it does not know.

use super::clock;
use super::columns::{Column, Sort, column};
use super::kind::Kind;
use super::values::Fields;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::cmp::Ordering;
use std::str::FromStr;

/// Longer endings stand before those that they contain.
const PREDICATES: &[&str] =
    &["not_eq", "not_in", "gteq", "lteq", "cont", "start", "null", "end", "eq", "gt", "lt", "in"];

/// One condition on one column.
#[derive(Debug)]
pub(crate) struct Condition {
    column: Column,
    predicate: &'static str,
    values: Vec<String>,
}

/// Reads the conditions that a query holds.
pub(crate) fn conditions(kind: Kind, query: &[(String, String)]) -> Vec<Condition> {
    let mut found: Vec<Condition> = Vec::new();
    for (key, value) in query {
        let Some((column, predicate)) = parse_key(kind, key) else { continue };
        // Blank values do not filter.
        if value.is_empty() {
            continue;
        }
        let same = |one: &&mut Condition| one.column == column && one.predicate == predicate;
        match found.iter_mut().find(same) {
            Some(condition) if key.ends_with("[]") => condition.values.push(value.clone()),
            Some(condition) => condition.values = vec![value.clone()],
            None => found.push(Condition { column, predicate, values: vec![value.clone()] }),
        }
    }
    found
}

fn parse_key(kind: Kind, key: &str) -> Option<(Column, &'static str)> {
    let (inner, rest) = key.strip_prefix("q[")?.split_once(']')?;
    let (name, predicate) = PREDICATES.iter().find_map(|predicate| {
        Some((inner.strip_suffix(predicate)?.strip_suffix('_')?, *predicate))
    })?;
    let is_set = matches!(predicate, "in" | "not_in");
    let shaped = rest.is_empty() || (is_set && rest == "[]");
    shaped.then(|| column(kind, name)).flatten().map(|column| (column, predicate))
}

impl Condition {
    /// Whether this is the condition `id_gt`.
    pub(crate) fn is_id_gt(&self) -> bool {
        self.column.0 == "id" && self.predicate == "gt"
    }

    /// Whether a record passes.
    pub(crate) fn passes(&self, record: &Fields) -> bool {
        let (_, field, sort) = self.column;
        let cell = record.get(field).unwrap_or(&Json::Null);
        let first = self.values.first().map_or("", String::as_str);
        let equal = |value: &String| compare(sort, cell, value) == Some(Ordering::Equal);
        let ordered = |wanted: fn(Ordering) -> bool| {
            // A value that cannot be read does not filter; an empty cell never passes.
            if !readable(sort, first) {
                return true;
            }
            compare(sort, cell, first).is_some_and(wanted)
        };
        match self.predicate {
            "eq" => ordered(Ordering::is_eq),
            "not_eq" => {
                !readable(sort, first) || compare(sort, cell, first) != Some(Ordering::Equal)
            }
            "gt" => ordered(Ordering::is_gt),
            "gteq" => ordered(Ordering::is_ge),
            "lt" => ordered(Ordering::is_lt),
            "lteq" => ordered(Ordering::is_le),
            "in" => self.values.iter().any(equal),
            "not_in" => !self.values.iter().any(equal),
            "null" => cell.is_null() == matches!(first, "1" | "true"),
            "cont" => matches_text(cell, first, |text, part| text.contains(part)),
            "start" => matches_text(cell, first, |text, part| text.starts_with(part)),
            "end" => matches_text(cell, first, |text, part| text.ends_with(part)),
            _ => true,
        }
    }
}

fn matches_text(cell: &Json, value: &str, matches: fn(&str, &str) -> bool) -> bool {
    text_of(cell).is_some_and(|text| matches(&text.to_lowercase(), &value.to_lowercase()))
}

fn text_of(cell: &Json) -> Option<String> {
    match cell {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn readable(sort: Sort, value: &str) -> bool {
    match sort {
        Sort::Text | Sort::Flag => true,
        Sort::Number => Decimal::from_str(value).is_ok(),
        Sort::Time => clock::parse(value).is_some(),
    }
}

/// The order of a cell and a value; nothing where they do not compare.
fn compare(sort: Sort, cell: &Json, value: &str) -> Option<Ordering> {
    let text = text_of(cell)?;
    match sort {
        Sort::Text => Some(text.as_str().cmp(value)),
        Sort::Flag => {
            let truth = |text: &str| matches!(text, "1" | "true");
            Some(truth(&text).cmp(&truth(value)))
        }
        Sort::Number => Some(Decimal::from_str(&text).ok()?.cmp(&Decimal::from_str(value).ok()?)),
        Sort::Time => Some(clock::parse(&text)?.cmp(&clock::parse(value)?)),
    }
}

/// Sorts records as `q[s]` says, by id where it says nothing.
pub(crate) fn sort(kind: Kind, query: &[(String, String)], records: &mut [&Fields]) {
    let Some((_, orders)) = query.iter().rev().find(|(key, _)| key == "q[s]") else { return };
    // Sorting is stable, so the most important column goes last.
    for order in orders.split(',').rev() {
        let mut words = order.split_whitespace();
        let Some((_, field, sort)) = words.next().and_then(|name| column(kind, name)) else {
            continue;
        };
        let descending = words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
        records.sort_by(|a, b| {
            let order = compare_cells(sort, a.get(field), b.get(field));
            if descending { order.reverse() } else { order }
        });
    }
}

fn compare_cells(sort: Sort, a: Option<&Json>, b: Option<&Json>) -> Ordering {
    let text = |cell: Option<&Json>| cell.and_then(text_of);
    match (a, text(a), text(b)) {
        (Some(cell), Some(_), Some(other)) => {
            compare(sort, cell, &other).unwrap_or(Ordering::Equal)
        }
        (_, a, b) => a.is_some().cmp(&b.is_some()),
    }
}
