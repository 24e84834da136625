//! Reading answers: roots, rows, and "there is no such row" in the exact words that mean it.

use super::options::Bound;
use super::resources::{LINE_RENAMES, Resource};
use crate::http::Response;
use crate::{Fault, Listed, Row};
use chrono::DateTime;
use mizan_core::{Ext, Timestamp};
use serde_json::{Map, Value as Json};

/// The words that mean an empty listing or a missing row, on every resource.
const NOTHING: &str = "We found nothing";

/// A row out of native JSON.
pub(super) fn listed(bound: &Bound, native: Json) -> Listed {
    let name = bound.resource.name;
    let Some(ext) = ext_of(&native) else {
        let at = format!("{name} without an id");
        return Listed::Bad { at, ext: None, why: "the row has no id".to_owned() };
    };
    match row(bound, ext.clone(), native) {
        Ok(row) => Listed::Row(row),
        Err(why) => Listed::Bad { at: format!("{name} {ext}"), ext: Some(ext), why },
    }
}

/// A row with a known id; the error says which field is not as declared.
pub(super) fn row(bound: &Bound, ext: Ext, native: Json) -> Result<Row, String> {
    let native = known_by_both(bound.resource, native);
    let image = bound.binding.lens.get(&native).map_err(|error| error.to_string())?;
    Ok(Row { ext, image, stamp: stamp_of(&native), tag: None, marker: None })
}

/// The id of a row, as a text.
pub(super) fn ext_of(native: &Json) -> Option<Ext> {
    id_of(native).map(|id| Ext::new(id.to_string()))
}

/// The id of a row, as a number.
pub(super) fn id_of(native: &Json) -> Option<u64> {
    match native.get("id")? {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn stamp_of(native: &Json) -> Option<Timestamp> {
    let text = native.get("updated_at")?.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|at| Timestamp(at.timestamp_millis()))
}

/// The row under names of answers and of requests, so that a mapping may use either, with what can be derived.
fn known_by_both(resource: &Resource, native: Json) -> Json {
    let Json::Object(mut fields) = native else { return native };
    rename(&mut fields, resource.renames);
    if resource.lines {
        for line in fields.get_mut("line_items").and_then(Json::as_array_mut).into_iter().flatten()
        {
            let Json::Object(line) = line else { continue };
            rename(line, LINE_RENAMES);
            // An adjustment answers with the whole product where it was asked with an id.
            if let Some(product) = line.get("product").and_then(|product| product.get("id")) {
                let product = product.clone();
                line.entry("product_id").or_insert(product);
            }
        }
    }
    match resource.name {
        "invoices" => derive(&mut fields, "inventory_id", inventory_of),
        "invoice_payments" => derive(&mut fields, "invoice_id", invoice_of),
        _ => {}
    }
    Json::Object(fields)
}

fn rename(fields: &mut Map<String, Json>, renames: &[(&str, &str)]) {
    for (shows, asks) in renames {
        if !fields.contains_key(*asks)
            && let Some(value) = fields.get(*shows)
        {
            let value = value.clone();
            fields.insert((*asks).to_owned(), value);
        }
    }
}

fn derive(
    fields: &mut Map<String, Json>,
    name: &str,
    from: fn(&Map<String, Json>) -> Option<Json>,
) {
    if !fields.contains_key(name)
        && let Some(value) = from(fields)
    {
        fields.insert(name.to_owned(), value);
    }
}

/// An invoice is asked for with one warehouse and shows it on each line.
fn inventory_of(invoice: &Map<String, Json>) -> Option<Json> {
    let lines = invoice.get("line_items")?.as_array()?;
    let first = lines.first()?.get("inventory_id")?;
    lines.iter().all(|line| line.get("inventory_id") == Some(first)).then(|| first.clone())
}

/// A payment is asked for with its invoice and shows it as the one allocation.
fn invoice_of(receipt: &Map<String, Json>) -> Option<Json> {
    let [allocation] = receipt.get("allocations")?.as_array()?.as_slice() else { return None };
    let to_invoice = allocation.get("allocatee_type")? == "Invoice";
    allocation.get("allocatee_id").filter(|_| to_invoice).cloned()
}

/// The row in an answer to a read or a write.
pub(super) fn single(resource: &Resource, response: &Response) -> Result<Json, Fault> {
    let mut body = body(resource, response)?;
    match body.get_mut(resource.single_root) {
        Some(native) if id_of(native).is_some() => Ok(native.take()),
        Some(_) | None => Err(bad(resource, "the answer has no row under its root")),
    }
}

/// The rows of a listing, and what it says about paging.
pub(super) fn many(
    resource: &Resource,
    response: &Response,
) -> Result<(Vec<Json>, Pagination), Fault> {
    if response.status == 404 && nothing_listed(resource, &response.text()) {
        return Ok((Vec::new(), Pagination::default()));
    }
    let mut body = body(resource, response)?;
    match body.get_mut(resource.list_root).map(Json::take) {
        Some(Json::Array(rows)) => Ok((rows, Pagination::of(body.get("pagination")))),
        Some(_) | None => Err(bad(resource, "the answer has no list under its root")),
    }
}

fn body(resource: &Resource, response: &Response) -> Result<Json, Fault> {
    if response.status == 403 {
        return Err(bad(resource, "status 403: the credentials have no permission for it"));
    }
    if !response.is_success() {
        return Err(bad(resource, &format!("status {}", response.status)));
    }
    response.json().map_err(|error| bad(resource, &error.to_string()))
}

fn bad(resource: &Resource, what: &str) -> Fault {
    Fault::BadAnswer(format!("/{}: {what}", resource.name))
}

/// What some listings say about themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pagination {
    /// Rows of all pages.
    pub(super) total: Option<u64>,
    /// Rows of one page, as the remote counts them.
    pub(super) per_page: Option<u64>,
    /// Number of pages.
    pub(super) pages: Option<u64>,
}

impl Pagination {
    fn of(said: Option<&Json>) -> Self {
        // Some numbers are texts here.
        let number = |name: &str| match said?.get(name)? {
            Json::Number(number) => number.as_u64(),
            Json::String(text) => text.parse().ok(),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        };
        Self { total: number("total"), per_page: number("perPage"), pages: number("totalPages") }
    }
}

/// True where a 404 to a listing means that it is empty, and not that the path is wrong.
pub(super) fn nothing_listed(resource: &Resource, body: &str) -> bool {
    let sentence = format!("We could not retrieve your {}, we found nothing", resource.noun);
    said(body).is_some_and(|said| same(&said, NOTHING) || same(&said, &sentence))
}

/// True where a 404 to a row's path means that there is no such row, and not that the path is wrong.
pub(super) fn no_such_row(resource: &Resource, ext: &Ext, body: &str) -> bool {
    let missing = resource.missing.replace("{id}", ext.as_str());
    said(body).is_some_and(|said| same(&said, &missing)) || nothing_listed(resource, body)
}

/// True where a 404 to a create means that a row that it refers to is not there.
pub(super) fn misses_another(resources: &[Resource], body: &str) -> bool {
    // The id is the other row's, which only the answer knows.
    let id: String = body.chars().filter(char::is_ascii_digit).collect();
    resources.iter().any(|resource| no_such_row(resource, &Ext::new(&id), body))
}

fn same(a: &str, b: &str) -> bool {
    let bare = |text: &str| text.trim().trim_end_matches('.').to_ascii_lowercase();
    bare(a) == bare(b)
}

/// The one sentence of a 404: a JSON text, a bare text, or an object that holds nothing else but its status.
fn said(body: &str) -> Option<String> {
    match serde_json::from_str(body) {
        Ok(Json::String(text)) => Some(text),
        Ok(Json::Object(fields)) => {
            let mut texts = fields.iter().filter(|(name, _)| *name != "status");
            let (name, text) = texts.next().filter(|_| texts.next().is_none())?;
            let known = ["error", "errors", "message", "invoice"].contains(&name.as_str());
            text.as_str().filter(|_| known).map(str::to_owned)
        }
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_)) => None,
        Err(_) => Some(body.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::resources::resource;
    use super::super::testing::{answer, bound};
    use super::*;
    use mizan_core::Value;
    use serde_json::json;

    /// The documented example of a product.
    fn coffee() -> Json {
        json!({"id": 41, "name_ar": "قهوة 250غ", "name_en": "Coffee 250g", "category_id": 3,
            "type": "Product", "unit_type": 7, "unit": "pc", "selling_price": "30.0", "sku": "COF-250",
            "barcode": null, "is_sold": true, "track_quantity": true, "tax_id": 1,
            "inventories": [{"id": 1, "name_en": "Main", "stock": "12.0"}],
            "created_at": "2026-01-04T10:00:00.000+03:00",
            "updated_at": "2026-01-04T10:00:00.000+03:00"})
    }

    #[test]
    fn a_documented_product_is_read() {
        let native =
            single(resource("products").unwrap(), &answer(200, json!({"product": coffee()})));
        let Listed::Row(row) = listed(&bound("products"), native.unwrap()) else { panic!() };
        assert_eq!((row.ext.as_str(), row.stamp), ("41", Some(Timestamp(1_767_510_000_000))));
        assert_eq!(row.image.get("selling_price"), Some(&Value::decimal(30.into())));
        assert_eq!(row.image.get("is_sold"), Some(&Value::Bool(true)));
        assert_eq!(row.image.get("stock"), Some(&Value::decimal(12.into())));
        assert_eq!(row.image.get("barcode"), Some(&Value::Null));
        assert_eq!(row.image.get("unit_type"), Some(&Value::text("7")));
    }

    #[test]
    fn request_names_read_too_and_what_is_not_shown_is_derived() {
        let products = resource("products").unwrap();
        let native = known_by_both(products, coffee());
        assert_eq!(native["sale_item"], json!(true));
        assert_eq!(native["name"], native["name_ar"]);
        let invoice = json!({"line_items": [
            {"product_id": 41, "inventory_id": 2, "tax_percent": "15.0", "unit_type": 7},
            {"product_id": 42, "inventory_id": 2, "tax_percent": "0.0"}]});
        let native = known_by_both(resource("invoices").unwrap(), invoice.clone());
        assert_eq!(native["inventory_id"], json!(2));
        assert_eq!(native["line_items"][0]["tax_percentage"], json!("15.0"));
        let mut mixed = invoice;
        mixed["line_items"][1]["inventory_id"] = json!(3);
        let native = known_by_both(resource("invoices").unwrap(), mixed);
        assert_eq!(native.get("inventory_id"), None);
        let payments = resource("invoice_payments").unwrap();
        let one = json!({"allocatee_type": "Invoice", "allocatee_id": 229});
        let receipt = json!({"allocations": [one]});
        assert_eq!(known_by_both(payments, receipt)["invoice_id"], json!(229));
        let receipt = json!({"allocations": [one, one]});
        assert_eq!(known_by_both(payments, receipt).get("invoice_id"), None);
        let bill = json!({"allocations": [{"allocatee_type": "Bill", "allocatee_id": 2}]});
        assert_eq!(known_by_both(payments, bill).get("invoice_id"), None);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_bad_and_still_there() {
        let products = bound("products");
        let bad = listed(&products, json!({"id": "9", "selling_price": "secret thing"}));
        let Listed::Bad { at, ext, why } = bad else { panic!() };
        assert_eq!((at.as_str(), ext), ("products 9", Some(Ext::new("9"))));
        assert!(why.contains("selling_price") && !why.contains("secret"), "{why}");
        let Listed::Bad { ext: None, .. } = listed(&products, json!({"sku": "A"})) else {
            panic!()
        };
    }

    #[test]
    fn odd_roots_and_paging_texts() {
        let rows = json!([{"id": 1}, {"id": 2}]);
        for (name, root) in [("invoice_payments", "receipts"), ("customers", "customers")] {
            let read = many(resource(name).unwrap(), &answer(200, json!({ root: rows })));
            assert_eq!(read.unwrap().0.len(), 2, "{name}");
        }
        for (name, root) in [("invoice_payments", "receipt"), ("customers", "contact")] {
            let read = single(resource(name).unwrap(), &answer(201, json!({ root: {"id": 1} })));
            assert_eq!(read.unwrap()["id"], json!(1), "{name}");
        }
        let products = resource("products").unwrap();
        let pages = json!({"products": rows, "pagination": {"count": 2, "total": 250,
            "perPage": "100", "currentPage": "1", "totalPages": 3}});
        let pagination = many(products, &answer(200, pages)).unwrap().1;
        let expected = Pagination { total: Some(250), per_page: Some(100), pages: Some(3) };
        assert_eq!(pagination, expected);
        for (status, body) in [
            (404, json!({"error": "URL not found"})),
            (200, json!({"items": []})),
            (200, json!({"products": null})),
            (403, json!({"error": "Forbidden"})),
        ] {
            assert!(matches!(many(products, &answer(status, body)), Err(Fault::BadAnswer(_))));
        }
        assert!(many(products, &answer(404, json!("We found nothing"))).unwrap().0.is_empty());
        assert!(single(products, &answer(200, json!({"product": null}))).is_err());
    }

    #[test]
    fn only_the_exact_words_prove_absence() {
        let ext = Ext::new("999");
        for (name, body, listing, alone) in [
            ("products", "\"We found nothing\"", true, true),
            ("products", "{\"error\":\"We found nothing\"}", true, true),
            ("products", "{\"status\":404,\"error\":\"We found nothing.\"}", true, true),
            ("products", "\"Product not found\"", false, true),
            ("products", "Product not found", false, true),
            ("products", "{\"error\":\"URL not found\"}", false, false),
            ("products", "<html>404 Not Found</html>", false, false),
            ("products", "", false, false),
            ("products", "\"Customer Not Found\"", false, false),
            ("customers", "\"Customer Not Found\"", false, true),
            ("product_unit_types", "\"Product Unit Type not found\"", false, true),
            ("inventories", "{\"error\":\"Inventory not found\"}", false, true),
            ("invoices", "\"We could not retrieve your invoices, we found nothing.\"", true, true),
            ("invoices", "\"We could not retrieve your Invoices, we found nothing.\"", true, true),
            ("invoices", "\"We could not retrieve your bills, we found nothing.\"", false, false),
            ("invoices", "\"the proxy says: we found nothing\"", false, false),
            ("categories", "{\"invoice\":\"category with id: 999 is not found\"}", false, true),
            ("categories", "{\"invoice\":\"category with id: 99 is not found\"}", false, false),
            (
                "invoice_payments",
                "{\"message\":\"Invalid receipt ID. Please provide a valid receipt ID.\"}",
                false,
                true,
            ),
        ] {
            let resource = resource(name).unwrap();
            assert_eq!(nothing_listed(resource, body), listing, "{name} listing {body}");
            assert_eq!(no_such_row(resource, &ext, body), alone, "{name} row {body}");
        }
    }

    #[test]
    fn a_create_can_miss_a_row_of_any_resource() {
        for (body, misses) in [
            ("\"Customer Not Found\"", true),
            ("{\"invoice\":\"category with id: 41 is not found\"}", true),
            ("{\"error\":\"URL not found\"}", false),
        ] {
            assert_eq!(misses_another(super::super::resources::RESOURCES, body), misses, "{body}");
        }
    }
}
