//! Inventory adjustments: absolute counts, all lines or none.

use super::super::clock;
use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::values::{Fields, amount, fields, id_of, is_date, or_null, shown, text, truth};
use super::super::world::World;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

/// One product's new total.
struct Count {
    product: u64,
    to: Decimal,
    rate: Decimal,
}

/// Sets the stock of a warehouse to counts, and keeps the adjustment where nobody can read it.
pub(super) fn create(world: &mut World, input: &Fields) -> Result<u64, Refusal> {
    let mut errors = FieldErrors::default();
    check_links(world, input, &mut errors);
    let counts = counts(world, input, &mut errors);
    let old_form = world.vices.adjustment_errors_with_200;
    errors.verdict().map_err(|errors| {
        if old_form { Refusal::InvalidWith200(errors) } else { Refusal::Invalid(errors) }
    })?;
    let inventory = id_of(input.get("inventory_id")).unwrap_or(0);
    let lines: Vec<Json> =
        (1_u64..).zip(&counts).map(|(id, count)| line(world, inventory, id, count)).collect();
    for count in &counts {
        world.set_stock(count.product, inventory, count.to);
    }
    let date = match text(input.get("date")) {
        Some(date) => date,
        None => clock::date(world.now_ms()),
    };
    let record = json!({
        "date": date, "description": or_null(input, "description"), "line_items": lines,
        "revenue_account": account(world, input, "revenue_account_id"),
        "expense_account": account(world, input, "expense_account_id"),
        "_inventory_id": inventory,
    });
    Ok(world.insert(Kind::Adjustments, fields(record)))
}

fn check_links(world: &World, input: &Fields, errors: &mut FieldErrors) {
    for (field, association, kind) in [
        ("inventory_id", "inventory", Kind::Inventories),
        ("revenue_account_id", "revenue_account", Kind::Accounts),
        ("expense_account_id", "expense_account", Kind::Accounts),
    ] {
        if !world.exists(kind, id_of(input.get(field))) {
            errors.add(association, Message::Blank);
        }
    }
    if input.get("date").is_some_and(|date| !date.is_null() && !is_date(Some(date))) {
        errors.add("date", Message::Invalid);
    }
}

fn counts(world: &World, input: &Fields, errors: &mut FieldErrors) -> Vec<Count> {
    let lines = input.get("line_items").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if lines.is_empty() {
        errors.add("line_items", Message::Blank);
    }
    let mut counts = Vec::new();
    for line in lines {
        let product = id_of(line.get("product_id"));
        let tracked = product
            .and_then(|id| world.get(Kind::Products, id))
            .map(|product| truth(product.get("track_quantity")));
        let to = amount(line.get("actual_quantity"));
        match (product, tracked, to) {
            (None, ..) | (_, None, _) => errors.add("line_items", Message::Blank),
            (_, Some(false), _) => errors.add("product", Message::NotTracked),
            (_, _, None) => errors.add("actual_quantity", Message::NotANumber),
            (_, _, Some(to)) if to.normalize().scale() > 10 => {
                errors.add("actual_quantity", Message::TooManyDecimals);
            }
            (Some(product), Some(true), Some(to)) => {
                counts.push(Count {
                    product,
                    to,
                    rate: amount(line.get("rate")).unwrap_or_default(),
                });
            }
        }
    }
    counts
}

fn line(world: &World, inventory: u64, id: u64, count: &Count) -> Json {
    let moved = count.to.saturating_sub(world.stock(count.product, inventory));
    let name = world
        .get(Kind::Products, count.product)
        .map_or(Json::Null, |product| or_null(product, "name_ar"));
    json!({
        "id": id, "product": { "id": count.product, "name": name }, "quantity": shown(moved),
        "value": shown(moved.saturating_mul(count.rate)),
    })
}

fn account(world: &World, input: &Fields, field: &str) -> Json {
    let account = id_of(input.get(field)).and_then(|id| world.get(Kind::Accounts, id));
    account.map_or(Json::Null, |account| {
        json!({
            "id": or_null(account, "id"), "name_en": or_null(account, "name_en"),
            "name_ar": or_null(account, "name_ar"), "code": or_null(account, "code"),
        })
    })
}
