//! Records as answers show them.

use super::auth::Rights;
use super::kind::Kind;
use super::values::{Fields, id_of, or_null, shown, truth};
use super::world::World;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

/// What a basic scope shows of a contact and of an account.
const BASIC_CONTACT: &[&str] =
    &["id", "name", "organization", "status", "created_at", "updated_at"];
const BASIC_ACCOUNT: &[&str] = &[
    "id",
    "code",
    "name_en",
    "name_ar",
    "type",
    "group_type",
    "status",
    "account_nature",
    "deferral_template_id",
];

/// A record as lists and single reads show it.
pub(crate) fn record(world: &World, kind: Kind, fields: &Fields, rights: &Rights) -> Json {
    let basic = match (rights, kind) {
        (Rights::Basic(_), Kind::Customers) => Some(BASIC_CONTACT),
        (Rights::Basic(_), Kind::Accounts) => Some(BASIC_ACCOUNT),
        _ => None,
    };
    let basic = basic.filter(|_| world.vices.reduced_basic_scopes);
    let kept =
        |name: &str| !name.starts_with('_') && basic.is_none_or(|names| names.contains(&name));
    let mut shown: Fields = fields
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.clone(), without_hidden(value)))
        .collect();
    if kind == Kind::Products {
        add_derived(world, fields, &mut shown);
    }
    shown.into()
}

/// A warehouse as a single read shows it, with what it holds.
pub(crate) fn inventory(world: &World, fields: &Fields) -> Json {
    let mut shown_fields = record(world, Kind::Inventories, fields, &Rights::All);
    let id = id_of(fields.get("id")).unwrap_or(0);
    let (mut count, mut value) = (0_u64, Decimal::ZERO);
    for (product, fields) in world.table(Kind::Products).all() {
        let stock = world.stock(product, id);
        if !stock.is_zero() {
            count += 1;
            let price = super::values::amount(fields.get("buying_price")).unwrap_or_default();
            value = value.saturating_add(price.saturating_mul(stock));
        }
    }
    shown_fields["product_count"] = count.into();
    shown_fields["total_value"] = shown(value);
    shown_fields
}

/// Names that begin with an underscore are the sandbox's own.
fn without_hidden(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(without_hidden).collect(),
        Json::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !name.starts_with('_'))
            .map(|(name, value)| (name.clone(), without_hidden(value)))
            .collect::<Fields>()
            .into(),
        other => other.clone(),
    }
}

fn add_derived(world: &World, fields: &Fields, shown_fields: &mut Fields) {
    let id = id_of(fields.get("id")).unwrap_or(0);
    let unit = id_of(fields.get("unit_type")).and_then(|unit| world.get(Kind::Units, unit));
    let symbol = unit.map_or(Json::Null, |unit| or_null(unit, "unit_representation"));
    shown_fields.insert("unit".to_owned(), symbol);
    let tracked = truth(fields.get("track_quantity"));
    let inventories: Vec<Json> = world
        .table(Kind::Inventories)
        .all()
        .filter(|_| tracked)
        .map(|(inventory, names)| {
            json!({
                "id": inventory, "name_en": or_null(names, "name"),
                "name_ar": or_null(names, "ar_name"), "stock": shown(world.stock(id, inventory)),
            })
        })
        .collect();
    shown_fields.insert("inventories".to_owned(), inventories.into());
}
