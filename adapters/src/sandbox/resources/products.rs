//! Products: unique SKUs, prices that need a flag, and a scalar tax.

use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::values::{
    Fields, amount, fields, first, flag, id_of, or_null, shown, text, truth,
};
use super::super::world::World;
use super::{Current, copy_given};
use serde_json::{Value as Json, json};

const TYPES: &[&str] = &["Product", "Service", "Expense", "RawMaterial", "Recipe"];

/// The product that a request would make.
pub(super) fn build(world: &World, input: &Fields, current: Current) -> Result<Fields, Refusal> {
    let mut product = current.map_or_else(fresh, |(_, fields)| fields.clone());
    let mut errors = FieldErrors::default();
    overlay(&mut product, input);
    if current.is_none() {
        set_type(&mut product, input, &mut errors);
    }
    check_names(&product, &mut errors);
    check_sku(world, &product, current, &mut errors);
    check_links(world, &product, &mut errors);
    check_tax(world, &product, &mut errors);
    set_prices(&mut product, input, &mut errors);
    check_accounts(world, &product, &mut errors);
    if let Some((id, before)) = current {
        check_frozen(world, id, before, &product, &mut errors);
    }
    errors.verdict()?;
    Ok(product)
}

fn fresh() -> Fields {
    fields(json!({
        "name_ar": null, "name_en": null, "description": null, "category_id": null,
        "type": "Product", "unit_type": null, "buying_price": null, "selling_price": null,
        "is_buying_price_inclusive": false, "is_selling_price_inclusive": false, "sku": null,
        "barcode": null, "is_sold": false, "is_bought": false, "track_quantity": false,
        "tax_id": null, "ingredients": [], "unit_conversions": [], "pos_product": false,
        "special_tax_reason_id": null, "terms_and_conditions": null, "sales_account_id": null,
        "expense_account_id": null, "_sale": false, "_purchase": false,
    }))
}

/// Puts given fields over the record, under the names that answers use.
fn overlay(product: &mut Fields, input: &Fields) {
    if let Some(sku) = input.get("sku") {
        product.insert("sku".to_owned(), text(Some(sku)).map_or(Json::Null, Json::from));
    }
    copy_given(
        product,
        input,
        &["description", "barcode", "terms_and_conditions", "unit_conversions"],
    );
    for (shows, names) in [
        ("name_ar", ["name", "name_ar", "ar_name"].as_slice()),
        ("name_en", &["en_name", "name_en"]),
    ] {
        if let Some(value) = first(input, names) {
            product.insert(shows.to_owned(), value.clone());
        }
    }
    for (shows, names) in [
        ("category_id", ["category_id"].as_slice()),
        ("unit_type", &["product_unit_type_id"]),
        ("tax_id", &["tax_id"]),
        ("special_tax_reason_id", &["special_tax_reason_id"]),
        ("sales_account_id", &["sales_account_id"]),
        ("expense_account_id", &["expense_account_id", "cogs_account_id"]),
    ] {
        if let Some(value) = first(input, names) {
            product.insert(shows.to_owned(), id_of(Some(value)).map_or(Json::Null, Json::from));
        }
    }
    for (shows, name) in [
        ("is_buying_price_inclusive", "is_buying_price_inclusive"),
        ("is_selling_price_inclusive", "is_selling_price_inclusive"),
        ("track_quantity", "track_quantity"),
        ("_sale", "sale_item"),
        ("_purchase", "purchase_item"),
        ("pos_product", "pos_product"),
    ] {
        if let Some(value) = flag(input.get(name)) {
            product.insert(shows.to_owned(), value.into());
        }
    }
    if flag(input.get("pos_product")).is_none() && truth(input.get("sale_item")) {
        product.insert("pos_product".to_owned(), true.into());
    }
}

fn set_type(product: &mut Fields, input: &Fields, errors: &mut FieldErrors) {
    let Some(given) = text(input.get("type")) else { return };
    match TYPES.iter().find(|known| known.eq_ignore_ascii_case(&given)) {
        Some(known) => {
            product.insert("type".to_owned(), (*known).into());
        }
        None => errors.add("type", Message::NotListed),
    }
}

fn check_names(product: &Fields, errors: &mut FieldErrors) {
    if text(product.get("name_ar")).is_none() {
        errors.add("name", Message::Absent);
    }
    for (shows, field) in [("name_ar", "name"), ("name_en", "en_name")] {
        if text(product.get(shows)).is_some_and(|name| name.chars().count() > 250) {
            errors.add(field, Message::TooLong(250));
        }
    }
}

fn check_sku(world: &World, product: &Fields, current: Current, errors: &mut FieldErrors) {
    let Some(sku) = text(product.get("sku")) else {
        errors.add("sku", Message::Absent);
        return;
    };
    let own = current.map(|(id, _)| id);
    let taken = world.table(Kind::Products).all().find(|(id, other)| {
        Some(*id) != own && other.get("sku").and_then(Json::as_str) == Some(sku.as_str())
    });
    if let Some((id, _)) = taken {
        errors.add("sku", Message::TakenBy(id));
    }
}

fn check_links(world: &World, product: &Fields, errors: &mut FieldErrors) {
    for (shows, field, kind) in [
        ("category_id", "category_id", Kind::Categories),
        ("unit_type", "product_unit_type_id", Kind::Units),
    ] {
        match id_of(product.get(shows)) {
            None => errors.add(field, Message::Blank),
            id if !world.exists(kind, id) => errors.add(field, Message::DoesNotExist),
            Some(_) => {}
        }
    }
}

fn check_tax(world: &World, product: &Fields, errors: &mut FieldErrors) {
    let tax = id_of(product.get("tax_id")).and_then(|id| world.get(Kind::Taxes, id));
    let Some(tax) = tax else {
        errors.add("tax_id", Message::SelectTaxes);
        return;
    };
    let code = text(tax.get("code")).unwrap_or_default();
    let reason = id_of(product.get("special_tax_reason_id"));
    let category = reason
        .and_then(|id| world.get(Kind::TaxReasons, id))
        .and_then(|reason| text(reason.get("category")));
    let demanded = world.vices.demands_tax_reason && matches!(code.as_str(), "Z" | "E");
    match (reason, category) {
        (None, _) if demanded => errors.add("special_tax_reason_id", Message::Blank),
        (Some(_), category) if category.as_ref() != Some(&code) => {
            errors.add("special_tax_reason_id", Message::Invalid);
        }
        _ => {}
    }
}

/// A price counts only where its flag is set; without any flag there is no product.
fn set_prices(product: &mut Fields, input: &Fields, errors: &mut FieldErrors) {
    let mut any = false;
    for (price, hidden, shows) in
        [("selling_price", "_sale", "is_sold"), ("buying_price", "_purchase", "is_bought")]
    {
        let wanted = truth(product.get(hidden));
        any |= wanted;
        let given = match input.get(price) {
            Some(given) => amount(Some(given)),
            None => amount(product.get(price)),
        };
        if wanted && given.is_none_or(|price| price.is_sign_negative() && !price.is_zero()) {
            errors.add(price, Message::NotANumber);
        }
        let kept = given.filter(|_| wanted);
        product.insert(shows.to_owned(), kept.is_some().into());
        product.insert(price.to_owned(), kept.map_or(Json::Null, shown));
    }
    if !any {
        errors.add("base", Message::NeedsPrice);
    }
}

fn check_accounts(world: &World, product: &Fields, errors: &mut FieldErrors) {
    for (hidden, shows, field) in [
        ("_sale", "sales_account_id", "sales_account_id"),
        ("_purchase", "expense_account_id", "cogs_account_id"),
    ] {
        match id_of(product.get(shows)) {
            None if truth(product.get(hidden)) => errors.add(field, Message::Blank),
            Some(id) if !world.exists(Kind::Accounts, Some(id)) => {
                errors.add(field, Message::DoesNotExist);
            }
            _ => {}
        }
    }
}

/// Tracking, unit and sales account stay as they are once the product is on documents.
fn check_frozen(world: &World, id: u64, before: &Fields, after: &Fields, errors: &mut FieldErrors) {
    let frozen = ["track_quantity", "unit_type", "sales_account_id"];
    let changed: Vec<&str> =
        frozen.into_iter().filter(|name| or_null(before, name) != or_null(after, name)).collect();
    if changed.is_empty() || !is_on_documents(world, id) {
        return;
    }
    for name in changed {
        errors.add(name, Message::Frozen);
    }
}

fn is_on_documents(world: &World, product: u64) -> bool {
    world.table(Kind::Invoices).all().any(|(_, invoice)| {
        let lines = invoice.get("line_items").and_then(Json::as_array);
        lines.into_iter().flatten().any(|line| id_of(line.get("product_id")) == Some(product))
    })
}
