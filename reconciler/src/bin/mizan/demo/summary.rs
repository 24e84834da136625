//! The summary: counted from the log and from both systems, not from what the story meant to do.

use super::data;
use super::steps::EDITS;
use super::world::World;
use crate::Failure;
use crate::output::{load, look};
use mizan::core::event::{Fact, Found};
use mizan::core::lens::parse_decimal;
use mizan::core::{Seq, Value};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What the demo ends with.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) records: usize,
    pub(super) links: usize,
    pub(super) events: u64,
    pub(super) commands: usize,
    pub(super) conflicts: usize,
    pub(super) duplicates: usize,
    pub(super) lost_edits: usize,
    pub(super) equal: bool,
    pub(super) seconds: f64,
    pub(super) events_by_kind: BTreeMap<&'static str, usize>,
    pub(super) differences: Vec<String>,
}

pub(super) fn summarise(world: &World) -> Result<Summary, Failure> {
    let config = load(&world.folder.join("mizan.toml"))?;
    let look = look(&config)?;
    let mut summary = Summary::default();
    let mut losers: Vec<(String, Value)> = Vec::new();
    look.journal.each_event(Seq(0), &mut |event| {
        *summary.events_by_kind.entry(event.fact.kind()).or_default() += 1;
        match &event.fact {
            Fact::Linked { .. } => summary.links += 1,
            Fact::Intent { .. } => summary.commands += 1,
            Fact::Decided { decision, .. } => {
                for field in &decision.fields {
                    let counted = field.found.is_conflict() && field.found != Found::Person;
                    summary.conflicts += usize::from(counted);
                    losers.extend(
                        field
                            .losers
                            .iter()
                            .map(|loser| (field.field.to_string(), loser.value.clone())),
                    );
                }
            }
            _ => {}
        }
    })?;
    summary.records = look.journal.state().records.len();
    summary.events = look.journal.head().0;
    let duplicates = world.door.duplicates();
    summary.duplicates = duplicates.len();
    summary.differences = differences(world)?;
    summary.differences.extend(duplicates);
    summary.equal = summary.differences.is_empty();
    for edit in EDITS {
        let record = data::read(&world.shop(), "products", edit.sku)?;
        let holds = same(&record[edit.field], &Json::from(edit.value));
        let lost = losers.iter().any(|(field, value)| {
            *field == edit.field && same(&Json::from(value.to_string()), &Json::from(edit.value))
        });
        if !(holds || edit.may_lose && lost) {
            summary.lost_edits += 1;
            summary.differences.push(format!("the edit of {} {} is lost", edit.sku, edit.field));
        }
    }
    Ok(summary)
}

/// A folder of the shop and its key, a resource of Qoyod and its key, and the fields to compare.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Compares both systems directly, field by field, without the log.
fn differences(world: &World) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let kinds: [Kind; 3] = [
        (
            "products",
            "sku",
            "products",
            "sku",
            &[("name_ar", "name_ar"), ("name_en", "name_en"), ("price", "selling_price")],
        ),
        (
            "customers",
            "code",
            "customers",
            "organization",
            &[("name", "name"), ("email", "email"), ("phone", "phone_number")],
        ),
        (
            "orders",
            "number",
            "invoices",
            "reference",
            &[("date", "issue_date"), ("qoyod_total", "total")],
        ),
    ];
    for (kind, key, resource, column, fields) in kinds {
        let mut here = BTreeMap::new();
        for entry in std::fs::read_dir(world.shop().join(kind))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let row: Json = serde_json::from_slice(&std::fs::read(path)?)?;
                here.insert(row[key].as_str().unwrap_or_default().to_owned(), row);
            }
        }
        let there: BTreeMap<String, Json> = world
            .door
            .rows(resource)
            .into_iter()
            .map(|row| (row[column].as_str().unwrap_or_default().to_owned(), row))
            .collect();
        for name in here.keys().chain(there.keys()) {
            match (here.get(name), there.get(name)) {
                (Some(shop), Some(qoyod)) => {
                    for (ours, theirs) in fields {
                        if !same(&shop[*ours], &qoyod[*theirs]) {
                            found.push(format!("{kind} {name}: {ours} differs"));
                        }
                    }
                }
                _ => found.push(format!("{kind} {name} is on one side only")),
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn same(a: &Json, b: &Json) -> bool {
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (a, b) = (text(a), text(b));
    let equal_numbers =
        matches!((parse_decimal(&a), parse_decimal(&b)), (Some(a), Some(b)) if a == b);
    a == b || equal_numbers
}
