//! Finding rows by their natural key: complete, or a fault.

use super::options::Bound;
use super::paging::{Place, Step};
use super::pull::ask;
use super::{Qoyod, answer};
use crate::{Fault, Listed, Row};
use mizan_core::Image;
use mizan_core::lens::Lens;
use mizan_core::normalise::key_text;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// All rows whose natural key is as in the image.
pub(super) async fn by_key(qoyod: &Qoyod, bound: &Bound, image: &Image) -> Result<Vec<Row>, Fault> {
    if !bound.resource.readable() || bound.binding.key.is_empty() {
        let why = format!("{} cannot be looked up by a key", bound.resource.name);
        return Err(Fault::BadAnswer(why));
    }
    if !bound.binding.key.iter().all(|field| image.get(field).and_then(key_text).is_some()) {
        return Err(Fault::BadAnswer("the key to look for is not complete".to_owned()));
    }
    let Some(filter) = filter(bound, image) else { return scan(qoyod, bound, image, None).await };
    match scan(qoyod, bound, image, Some(&filter)).await {
        // Filters are not to be trusted: some companies answer them with a wrong 404, and a column may mean
        // something else. Only where a second row would be refused anyway is a miss believed at once.
        Err(Fault::BadAnswer(_)) => scan(qoyod, bound, image, None).await,
        Ok(rows) if rows.is_empty() && !bound.unique_key() => scan(qoyod, bound, image, None).await,
        result => result,
    }
}

/// A filter that brings the rows of a key, if the remote has a column for one of its fields.
fn filter(bound: &Bound, image: &Image) -> Option<(String, String)> {
    let columns = bound.binding.key.iter().filter_map(|field| {
        let column = bound.resource.column(bound.top_name(field)?)?;
        let value = image.get(field)?.to_string();
        // The remote may have trimmed it.
        (value.trim() == value).then_some((column, value))
    });
    // The columns stand in the order of how much they narrow down.
    let order = |column: &str| bound.resource.columns.iter().position(|(_, c)| *c == column);
    let (column, value) = columns.min_by_key(|(column, _)| order(column))?;
    Some((format!("q[{column}_eq]"), value))
}

/// Reads everything that the filter brings, and looks at each row: an ignored filter brings all rows.
async fn scan(
    qoyod: &Qoyod,
    bound: &Bound,
    image: &Image,
    filter: Option<&(String, String)>,
) -> Result<Vec<Row>, Fault> {
    let key = key_lens(bound);
    let mut place = Place::start(None);
    // By id: a row may come twice.
    let mut found = BTreeMap::new();
    loop {
        let (rows, seen) = ask(qoyod, bound, place, filter).await?;
        for native in rows {
            if let Some(row) = fitting(bound, &key, image, native)? {
                found.insert(row.ext.clone(), row);
            }
        }
        match place.next(&seen, bound.resource.paging, None)? {
            Step::More(next) => place = next,
            Step::End { proven: true } => return Ok(found.into_values().collect()),
            Step::End { proven: false } => {
                return Err(Fault::BadAnswer("the search could not be completed".to_owned()));
            }
        }
    }
}

/// Only the key's fields, so that another one's fault does not hide a row.
fn key_lens(bound: &Bound) -> Lens {
    let Lens { side, fields, style } = &bound.binding.lens;
    let fields = fields.iter().filter(|field| bound.binding.key.contains(&field.field));
    Lens { side: side.clone(), fields: fields.cloned().collect(), style: *style }
}

/// The row, if it has the key; a row that might have it and cannot be read is a fault.
fn fitting(bound: &Bound, key: &Lens, image: &Image, native: Json) -> Result<Option<Row>, Fault> {
    let fits = |row: &Image| {
        let same = |field| row.get(field).and_then(key_text) == image.get(field).and_then(key_text);
        bound.binding.key.iter().all(|field| same(field.as_str()))
    };
    let whole = |row: &Image| row.len() == bound.binding.key.len();
    if key.get(&native).is_ok_and(|row| whole(&row) && !fits(&row)) {
        return Ok(None);
    }
    match answer::listed(bound, native) {
        Listed::Row(row) => Ok(Some(row).filter(|row| fits(&row.image))),
        Listed::Bad { at, why, .. } => Err(Fault::BadAnswer(format!("{at}: {why}"))),
        Listed::Same(ext) => Err(Fault::BadAnswer(format!("{ext} was not read"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bound, image};
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_use_column_names_and_the_narrowest_field() {
        for (resource, key, expected) in [
            ("products", json!({"sku": "A-1"}), Some(("q[sku_eq]", "A-1"))),
            ("products", json!({"sku": " A-1"}), None),
            ("invoices", json!({"reference": "S-1"}), Some(("q[reference_eq]", "S-1"))),
            (
                "customers",
                json!({"name": "N", "email": "a@b.example"}),
                Some(("q[primary_email_eq]", "a@b.example")),
            ),
            ("customers", json!({"name": "N"}), Some(("q[contact_name_eq]", "N"))),
        ] {
            let bound = bound(resource);
            let found = filter(&bound, &image(&bound, key.clone()));
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(found, expected, "{resource} {key}");
        }
    }

    #[test]
    fn rows_are_held_against_the_whole_key() {
        let customers = bound("customers");
        let wanted = image(&customers, json!({"name": "Nadia", "email": "n@x.example"}));
        let fits = |native: Json| fitting(&customers, &key_lens(&customers), &wanted, native);
        let row = json!({"id": 3, "name": " nadia", "email": "N@x.example", "organization": "C-3"});
        assert_eq!(fits(row).unwrap().map(|row| row.ext.to_string()), Some("3".to_owned()));
        for other in [
            json!({"id": 4, "name": "Nadia", "email": "other@x.example"}),
            json!({"id": 5, "name": "Nadia", "email": null}),
            json!({"id": 6, "name": "Nadia"}),
        ] {
            assert_eq!(fits(other).unwrap(), None);
        }
        let products = bound("products");
        let wanted = image(&products, json!({"sku": "A-1"}));
        let key = key_lens(&products);
        let broken = |sku: &str| json!({"id": 7, "sku": sku, "selling_price": "?"});
        assert!(fitting(&products, &key, &wanted, broken("A-1")).is_err());
        assert_eq!(fitting(&products, &key, &wanted, broken("B-2")).unwrap(), None);
    }
}
