//! Building requests: names as requests spell them, and nothing that the remote would not take.

use super::options::Bound;
use super::resources::{LINE_READ_ONLY, LINE_RENAMES, STAMPS};
use crate::http::{Body, Request, segment};
use chrono::{FixedOffset, TimeZone};
use mizan_core::{Ext, Image, Timestamp};
use serde_json::{Map, Value as Json, json};

const LINES: &str = "line_items";

/// A request with what every request carries.
///
/// Messages come in English then; only two of them are ever looked at, and those in both languages.
pub(super) fn common(request: Request) -> Request {
    let request = request.header("Accept", "application/json").header("LOCALE", "en");
    if request.body == Body::None {
        request.header("Content-Type", "application/json")
    } else {
        request
    }
}

/// The path of a row.
pub(super) fn row_path(bound: &Bound, ext: &Ext) -> String {
    format!("/{}/{}", bound.resource.name, segment(ext.as_str()))
}

/// A moment as the filter wants it: whole seconds, rounded down, in Riyadh's offset.
pub(super) fn moment(at: Timestamp) -> String {
    let riyadh = FixedOffset::east_opt(3 * 3600);
    let seconds = at.0.div_euclid(1000);
    let moment = riyadh.and_then(|zone| zone.timestamp_opt(seconds, 0).single());
    moment.map_or_else(String::new, |moment| moment.format("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// The create of a row: the mapped fields over the configured ones.
pub(super) fn create(bound: &Bound, set: &Image) -> Request {
    let configured = bound.binding.on_create.clone();
    let mut fields = asked(bound, configured, &Map::new());
    for (name, value) in asked(bound, native(bound, set), &bound.line) {
        // Where nothing is known the remote's own defaults are better than an explicit nothing.
        if !value.is_null() {
            fields.insert(name, value);
        }
    }
    Request::post(format!("/{}", bound.resource.name))
        .json(&json!({ bound.resource.request_root: fields }))
}

/// The update of a row, with the set fields only; an error says why Qoyod cannot do it.
pub(super) fn update(bound: &Bound, ext: &Ext, set: &Image) -> Result<Request, &'static str> {
    let fields = asked(bound, native(bound, set), &Map::new());
    if fields.contains_key(LINES) {
        // They would be added to those that are there.
        return Err("the lines of a document cannot be changed, only added to");
    }
    if fields.is_empty() {
        return Err("none of these fields can be written");
    }
    let body = json!({ bound.resource.request_root: fields });
    Ok(Request::put(row_path(bound, ext)).json(&body))
}

fn native(bound: &Bound, set: &Image) -> Map<String, Json> {
    let mut native = json!({});
    bound.binding.lens.put(set, &mut native);
    match native {
        Json::Object(native) => native,
        _ => Map::new(),
    }
}

/// Native fields under the names of requests, without those that only answers have.
fn asked(bound: &Bound, native: Map<String, Json>, line: &Map<String, Json>) -> Map<String, Json> {
    let resource = bound.resource;
    let mut fields = Map::new();
    for (name, value) in native {
        if STAMPS.contains(&name.as_str()) || resource.read_only.contains(&name.as_str()) {
            continue;
        }
        let value = if resource.lines && name == LINES { lines(value, line) } else { value };
        if let Some((_, other)) = resource.doubles.iter().find(|(shows, _)| *shows == name) {
            fields.insert((*other).to_owned(), value.clone());
        }
        let asks = resource.asks(&name).to_owned();
        let value = whole_id(&asks, value);
        fields.insert(asks, value);
    }
    fields
}

/// Ids are sent as JSON integers: integrators have seen texts refused, and ignored without a word.
fn whole_id(name: &str, value: Json) -> Json {
    match &value {
        // The one that is not an id of a row.
        _ if !name.ends_with("_id") || name == "contract_id" => value,
        Json::String(text) => text.parse::<u64>().map_or(value, Json::from),
        _ => value,
    }
}

/// Lines under request names, with what the configuration adds to each.
fn lines(value: Json, extra: &Map<String, Json>) -> Json {
    let Json::Array(items) = value else { return value };
    let renamed = items.into_iter().map(|item| {
        let Json::Object(item) = item else { return item };
        let mut line = extra.clone();
        for (name, value) in item {
            if LINE_READ_ONLY.contains(&name.as_str()) || value.is_null() {
                continue;
            }
            let asks = LINE_RENAMES.iter().find(|(shows, _)| *shows == name);
            let asks = asks.map_or(name, |(_, asks)| (*asks).to_owned());
            let value = whole_id(&asks, value);
            line.insert(asks, value);
        }
        Json::Object(line)
    });
    Json::Array(renamed.collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bound, image};
    use super::*;

    fn body(request: &Request) -> Json {
        serde_json::from_slice(request.body.bytes()).unwrap()
    }

    #[test]
    fn a_product_is_created_under_request_names_with_the_configured_fields() {
        let bound = bound("products");
        let set = image(
            &bound,
            json!({"sku": "COF-250", "name_ar": "قهوة", "name_en": null, "selling_price": "30.50",
                "is_sold": true, "unit_type": 7, "inventories": [{"id": 1, "stock": "12.0"}]}),
        );
        let request = create(&bound, &set);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/products"));
        assert_eq!(
            body(&request),
            json!({"product": {"type": "Product", "category_id": 1, "sku": "COF-250",
                "name": "قهوة", "selling_price": "30.5", "sale_item": true,
                "product_unit_type_id": 7}})
        );
    }

    #[test]
    fn an_update_carries_the_set_fields_and_says_nothing_with_a_null() {
        let bound = bound("products");
        let set = image(&bound, json!({"name_en": null, "is_sold": false}));
        let request = update(&bound, &Ext::new("41"), &set).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/products/41"));
        assert_eq!(body(&request), json!({"product": {"en_name": null, "sale_item": false}}));
        let stock = image(&bound, json!({"inventories": [{"id": 1, "stock": "1"}]}));
        assert!(update(&bound, &Ext::new("41"), &stock).unwrap_err().contains("none of these"));
    }

    #[test]
    fn an_invoice_has_its_warehouse_at_the_root_and_its_lines_under_request_names() {
        let bound = bound("invoices");
        let set = image(
            &bound,
            json!({"reference": "SHOP-1", "contact_id": "24", "issue_date": "2026-09-01",
                "total": "69.0", "line_items": [
                    {"product_id": "41", "quantity": "2", "unit_price": "30", "tax_percent": "5"},
                    {"product_id": "42", "quantity": "1", "unit_price": "9.5"}]}),
        );
        assert_eq!(
            body(&create(&bound, &set)),
            json!({"invoice": {"inventory_id": 1, "status": "Draft", "reference": "SHOP-1",
            "contact_id": 24, "issue_date": "2026-09-01", "line_items": [
                {"product_id": 41, "quantity": "2", "unit_price": "30", "tax_percentage": "5"},
                {"product_id": 42, "quantity": "1", "unit_price": "9.5", "tax_percentage": "15"}
            ]}})
        );
        let refused = update(&bound, &Ext::new("7"), &set).unwrap_err();
        assert!(refused.contains("lines of a document"), "{refused}");
        let header = image(&bound, json!({"issue_date": "2026-09-02", "total": "1"}));
        let request = update(&bound, &Ext::new("7"), &header).unwrap();
        assert_eq!(body(&request), json!({"invoice": {"issue_date": "2026-09-02"}}));
    }

    #[test]
    fn customers_and_payments_have_roots_of_their_own() {
        let customers = bound("customers");
        let set = image(&customers, json!({"name": "مقهى", "email": "a@b.example"}));
        let created = body(&create(&customers, &set));
        assert_eq!(created, json!({"contact": {"name": "مقهى", "email": "a@b.example"}}));
        let payments = bound("invoice_payments");
        let set = image(
            &payments,
            json!({"reference": "P-1", "invoice_id": "229", "amount": "69", "date": "2026-09-02"}),
        );
        let created = body(&create(&payments, &set));
        assert_eq!(
            created,
            json!({"invoice_payment": {"account_id": 7, "reference": "P-1", "invoice_id": 229,
                "amount": "69", "date": "2026-09-02"}})
        );
    }

    #[test]
    fn accounts_are_named_in_both_spellings() {
        let accounts = bound("accounts");
        let set = image(&accounts, json!({"name_en": "Bank", "code": "1105"}));
        assert_eq!(
            body(&create(&accounts, &set)),
            json!({"account": {"en_name": "Bank", "name_en": "Bank", "code": "1105"}})
        );
    }

    #[test]
    fn moments_are_whole_seconds_in_riyadh() {
        assert_eq!(moment(Timestamp(1_767_510_000_999)), "2026-01-04T10:00:00+03:00");
        assert_eq!(moment(Timestamp(-1)), "1970-01-01T02:59:59+03:00");
    }

    #[test]
    fn an_id_cannot_name_another_path() {
        assert_eq!(row_path(&bound("products"), &Ext::new("1/2?a")), "/products/1%2F2%3Fa");
    }
}
