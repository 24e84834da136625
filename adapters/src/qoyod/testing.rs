//! What the tables of this folder's tests are made with.

use super::options::Bound;
use crate::Binding;
use crate::http::Response;
use mizan_core::lens::{FieldPath, Lens, Style};
use mizan_core::schema::{Item, Type};
use mizan_core::{Image, SideId};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

fn field(name: &str, path: &str, kind: Type, items: Vec<FieldPath>) -> FieldPath {
    FieldPath { field: name.into(), kind, path: path.parse().unwrap(), items }
}

fn plain(name: &str, kind: Type) -> FieldPath {
    field(name, name, kind, Vec::new())
}

fn reference(name: &str, to: &str) -> FieldPath {
    plain(name, Type::Ref(to.into()))
}

fn texts(names: &[&str]) -> Vec<FieldPath> {
    names.iter().map(|name| plain(name, Type::Text)).collect()
}

fn invoice() -> Vec<FieldPath> {
    let mut fields = texts(&["reference"]);
    let items = vec![
        reference("product_id", "product"),
        plain("quantity", Type::Decimal),
        plain("unit_price", Type::Decimal),
        plain("tax_percent", Type::Decimal),
    ];
    let kinds = items
        .iter()
        .map(|item| Item { name: item.field.clone(), kind: item.kind.clone() })
        .collect();
    fields.extend([
        reference("contact_id", "customer"),
        plain("issue_date", Type::Date),
        plain("total", Type::Decimal),
        field("line_items", "line_items", Type::Items(kinds), items),
    ]);
    fields
}

/// A resource with a mapping under the names of answers.
pub(super) fn bound(resource: &str) -> Bound {
    let (fields, key, on_create): (_, &[&str], _) = match resource {
        "products" => {
            let mut fields = texts(&["sku", "name_ar", "name_en", "barcode", "unit_type"]);
            fields.push(plain("selling_price", Type::Decimal));
            fields.push(plain("is_sold", Type::Bool));
            fields.push(field("stock", "inventories[id=1].stock", Type::Decimal, Vec::new()));
            (fields, &["sku"], json!({"type": "Product", "category_id": 1}))
        }
        "invoices" => (invoice(), &["reference"], json!({"inventory_id": 1, "status": "Draft"})),
        "invoice_payments" => {
            let mut fields = texts(&["reference"]);
            fields.push(reference("invoice_id", "invoice"));
            fields.push(plain("amount", Type::Decimal));
            fields.push(plain("date", Type::Date));
            (fields, &["reference"], json!({"account_id": 7}))
        }
        "customers" => (texts(&["organization", "name", "email"]), &["name", "email"], json!({})),
        _ => (texts(&["name_en", "name_ar", "code"]), &["code"], json!({})),
    };
    let mut options = json!({ "resource": resource });
    if resource == "invoices" {
        options["on_create_line"] = json!({"tax_percentage": "15"});
    }
    let on_create = on_create.as_object().cloned().unwrap_or_default();
    let style = Style { decimals_as_text: true, ids_as_numbers: true };
    let lens = Lens { side: SideId::new("qoyod"), fields, style };
    let key = key.iter().map(|name| (*name).into()).collect();
    Bound::of(Binding { entity: "thing".into(), lens, key, options, on_create }).unwrap()
}

/// The image of native JSON.
pub(super) fn image(bound: &Bound, native: Json) -> Image {
    bound.binding.lens.get(&native).unwrap()
}

/// A response with this status and body.
pub(super) fn answer(status: u16, body: Json) -> Response {
    Response { status, headers: BTreeMap::new(), body: body.to_string().into_bytes() }
}
