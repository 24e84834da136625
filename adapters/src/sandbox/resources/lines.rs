//! Lines of an invoice: what they must bring, and what they come to.

use super::super::kind::Kind;
use super::super::messages::Message;
use super::super::values::{Fields, amount, cents, first, id_of, or_null, shown, text, truth};
use super::super::world::World;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

const MOST_DECIMALS: u32 = 10;

/// Reads the lines of a request; what is wrong with them comes as sentences.
pub(super) fn read(
    world: &World,
    items: Option<&Json>,
    inventory: u64,
) -> Result<Vec<Json>, Vec<Message>> {
    let Some(Json::Array(items)) = items else {
        let shape =
            "invalid line_items json body - expecting {\"line_items\":[{\"product_id\":1}]}";
        return Err(vec![Message::plain(shape)]);
    };
    let mut lines = Vec::new();
    let mut sentences = Vec::new();
    for item in items {
        match item.as_object().map(|item| line(world, item, inventory)) {
            Some(Ok(line)) => lines.push(line),
            Some(Err(sentence)) => sentences.push(Message::Plain(sentence)),
            None => sentences.push(Message::plain("a line item is not an object")),
        }
    }
    if sentences.is_empty() { Ok(lines) } else { Err(sentences) }
}

fn line(world: &World, item: &Fields, inventory: u64) -> Result<Json, String> {
    let id = id_of(item.get("product_id"));
    let id = id.ok_or_else(|| "product_id is missing in a line item".to_owned())?;
    let product = world.get(Kind::Products, id);
    let product = product.ok_or_else(|| format!("product with id {id} is not found"))?;
    let is_expense = text(product.get("type")).as_deref() == Some("Expense");
    if !truth(product.get("is_sold")) || is_expense {
        return Err(format!("product with id {id} cannot be sold"));
    }
    let quantity = bounded(item, "quantity")?;
    if quantity.is_zero() {
        return Err("quantity must be greater than 0 in a line item".to_owned());
    }
    let price = bounded(item, "unit_price")?;
    let percent = tax_percent(world, item, product)?;
    let discount = Discount::read(item)?;
    let mut line = reckon(item, product, &Terms { quantity, price, percent, discount, inventory });
    let unit = id_of(product.get("unit_type")).and_then(|unit| world.get(Kind::Units, unit));
    line["unit"] = unit.map_or(Json::Null, |unit| or_null(unit, "unit_representation"));
    Ok(line)
}

/// A number of a line that is not negative and has at most ten decimals.
fn bounded(item: &Fields, name: &str) -> Result<Decimal, String> {
    let number = amount(item.get(name)).filter(|number| *number >= Decimal::ZERO);
    match number {
        None => Err(format!("{name} is missing or not a number in a line item")),
        Some(number) if number.normalize().scale() > MOST_DECIMALS => {
            Err(format!("{name} has more than {MOST_DECIMALS} decimals in a line item"))
        }
        Some(number) => Ok(number),
    }
}

fn tax_percent(world: &World, item: &Fields, product: &Fields) -> Result<Decimal, String> {
    if let Some(given) = first(item, &["tax_percentage", "tax_percent"]) {
        let percent = amount(Some(given));
        let allowed = |percent: &Decimal| {
            (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent)
                && percent.normalize().scale() <= 2
        };
        return percent
            .filter(allowed)
            .ok_or_else(|| "tax_percentage is invalid in a line item".to_owned());
    }
    let tax = id_of(item.get("tax_id")).or_else(|| id_of(product.get("tax_id")));
    let tax = tax.and_then(|id| world.get(Kind::Taxes, id));
    let percent = tax.and_then(|tax| amount(tax.get("percentage")));
    percent.ok_or_else(|| "tax_id missing in a line item".to_owned())
}

/// What is taken off a line.
#[derive(Clone, Copy)]
enum Discount {
    Percent(Decimal),
    Amount(Decimal),
}

impl Discount {
    fn read(item: &Fields) -> Result<Self, String> {
        let given = first(item, &["discount_percent", "discount", "discount_percentage"]);
        let given = given.filter(|given| !given.is_null());
        let number = match given {
            None => Decimal::ZERO,
            Some(given) => amount(Some(given))
                .filter(|number| *number >= Decimal::ZERO)
                .ok_or_else(|| "discount is invalid in a line item".to_owned())?,
        };
        match text(item.get("discount_type")).as_deref() {
            Some("1" | "amount") => Ok(Self::Amount(number)),
            None | Some("0" | "percent" | "percentage") if number <= Decimal::ONE_HUNDRED => {
                Ok(Self::Percent(number))
            }
            _ => Err("discount is invalid in a line item".to_owned()),
        }
    }

    fn of(self, base: Decimal) -> Decimal {
        match self {
            Self::Percent(percent) => base.saturating_mul(percent) / Decimal::ONE_HUNDRED,
            Self::Amount(amount) => amount.min(base),
        }
    }
}

struct Terms {
    quantity: Decimal,
    price: Decimal,
    percent: Decimal,
    discount: Discount,
    inventory: u64,
}

fn reckon(item: &Fields, product: &Fields, terms: &Terms) -> Json {
    let with_tax = Decimal::ONE_HUNDRED + terms.percent;
    let inclusive = truth(item.get("is_inclusive"));
    let base = terms.quantity.saturating_mul(terms.price);
    let discount = terms.discount.of(base);
    let rest = base.saturating_sub(discount);
    let (net, tax, unit_price, inclusive_price) = if inclusive {
        let net = rest.saturating_mul(Decimal::ONE_HUNDRED) / with_tax;
        let unit = terms.price * Decimal::ONE_HUNDRED / with_tax;
        (net, rest.saturating_sub(net), unit, terms.price)
    } else {
        let tax = rest.saturating_mul(terms.percent) / Decimal::ONE_HUNDRED;
        (rest, tax, terms.price, terms.price * with_tax / Decimal::ONE_HUNDRED)
    };
    let discount_percent = match terms.discount {
        Discount::Percent(percent) => percent,
        Discount::Amount(_) => Decimal::ZERO,
    };
    json!({
        "product_id": or_null(product, "id"), "product_name": or_null(product, "name_ar"),
        "description": or_null(item, "description"), "quantity": shown(terms.quantity),
        "unit_price": shown(unit_price.round_dp(MOST_DECIMALS)),
        "unit_type": or_null(product, "unit_type"), "discount_percent": shown(discount_percent),
        "discount_amount": shown(cents(discount)), "tax_percent": shown(terms.percent),
        "line_total": shown(cents(net.saturating_add(tax))), "inventory_id": terms.inventory,
        "is_inclusive": inclusive,
        "inclusive_unit_price": shown(inclusive_price.round_dp(MOST_DECIMALS)),
        "unrounded_vat_value": shown(tax), "_net": shown(net),
    })
}

/// The total of a document: its net and its tax are each rounded once.
pub(super) fn total(lines: &[Json]) -> Decimal {
    let sum = |name: &str| {
        lines.iter().fold(Decimal::ZERO, |sum, line| {
            sum.saturating_add(super::super::values::number(line.get(name)).unwrap_or_default())
        })
    };
    cents(sum("_net")).saturating_add(cents(sum("unrounded_vat_value")))
}

/// What the lines take out of stock: tracked products only, by product and warehouse.
pub(super) fn demand(world: &World, lines: &[Json]) -> Vec<(u64, u64, Decimal)> {
    let mut demand: Vec<(u64, u64, Decimal)> = Vec::new();
    for line in lines {
        let ids = (id_of(line.get("product_id")), id_of(line.get("inventory_id")));
        let (Some(product), Some(inventory)) = ids else { continue };
        let fields = world.get(Kind::Products, product);
        if !fields.is_some_and(|fields| truth(fields.get("track_quantity"))) {
            continue;
        }
        let quantity = amount(line.get("quantity")).unwrap_or_default();
        match demand.iter_mut().find(|(p, i, _)| (*p, *i) == (product, inventory)) {
            Some((_, _, sum)) => *sum = sum.saturating_add(quantity),
            None => demand.push((product, inventory, quantity)),
        }
    }
    demand
}
