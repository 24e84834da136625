//! Values in requests and records: decimals, ids, flags, texts.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value as Json};
use std::str::FromStr;

/// The fields of a record or of a request.
pub(crate) type Fields = Map<String, Json>;

/// Larger amounts are refused, so that no product of two overflows.
const AMOUNT_BOUND: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0);

/// A number out of a JSON number or a numeric text.
pub(crate) fn number(value: Option<&Json>) -> Option<Decimal> {
    let text = match value? {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A number that is small enough to reckon with.
pub(crate) fn amount(value: Option<&Json>) -> Option<Decimal> {
    number(value).filter(|number| number.abs() <= AMOUNT_BOUND)
}

/// A decimal as answers show it: a text with at least one digit after the point.
pub(crate) fn shown(number: Decimal) -> Json {
    let mut number = number.normalize();
    if number.scale() == 0 {
        number.rescale(1);
    }
    Json::String(number.to_string())
}

/// Rounds half up to two places.
pub(crate) fn cents(number: Decimal) -> Decimal {
    number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// An id out of a JSON number or a numeric text.
pub(crate) fn id_of(value: Option<&Json>) -> Option<u64> {
    match value? {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A flag out of `true`, `1`, `"1"` and their opposites.
pub(crate) fn flag(value: Option<&Json>) -> Option<bool> {
    match value? {
        Json::Bool(flag) => Some(*flag),
        Json::Number(number) => Some(number.as_u64() != Some(0)),
        Json::String(text) => match text.as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// True where the flag is set.
pub(crate) fn truth(value: Option<&Json>) -> bool {
    flag(value).unwrap_or(false)
}

/// A text that is not blank; numbers count as texts.
pub(crate) fn text(value: Option<&Json>) -> Option<String> {
    let text = match value? {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// The first of several spellings of a field that is present.
pub(crate) fn first<'a>(fields: &'a Fields, names: &[&str]) -> Option<&'a Json> {
    names.iter().find_map(|name| fields.get(*name))
}

/// The value of a field, null where there is none.
pub(crate) fn or_null(fields: &Fields, name: &str) -> Json {
    fields.get(name).cloned().unwrap_or(Json::Null)
}

/// Reads an object literal made with `json!`.
pub(crate) fn fields(value: Json) -> Fields {
    match value {
        Json::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// Whether a text has the form of a calendar date.
pub(crate) fn is_date(value: Option<&Json>) -> bool {
    text(value).is_some_and(|text| super::clock::parse_date(&text).is_some())
}
