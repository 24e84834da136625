//! Reading answers: rows, "there is no such row", and the many shapes of a refusal.

use super::resources::Resource;
use crate::{Answer, Binding, Fault, Listed, Refusal, Row};
use chrono::DateTime;
use mizan_core::{Ext, Timestamp};
use serde_json::Value as Json;

/// Longest text of a refusal that is kept.
const MESSAGE_MAX: usize = 500;

/// A row out of native JSON.
pub(super) fn listed(binding: &Binding, resource: &Resource, native: &Json) -> Listed {
    let Some(ext) = ext_of(native) else {
        let at = format!("{} without an id", resource.name);
        return Listed::Bad { at, ext: None, why: "the row has no id".to_owned() };
    };
    match binding.lens.get(native) {
        Ok(image) => {
            let stamp = stamp_of(native);
            Listed::Row(Row { ext, image, stamp, tag: None, marker: None })
        }
        Err(error) => {
            let at = format!("{} {ext}", resource.name);
            Listed::Bad { at, ext: Some(ext), why: error.to_string() }
        }
    }
}

/// A row that must be readable.
pub(super) fn row(binding: &Binding, resource: &Resource, native: &Json) -> Result<Row, Fault> {
    match listed(binding, resource, native) {
        Listed::Row(row) => Ok(row),
        Listed::Same(ext) => Err(Fault::BadAnswer(format!("{} {ext} was not read", resource.name))),
        Listed::Bad { at, why, .. } => Err(Fault::BadAnswer(format!("{at}: {why}"))),
    }
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

/// True where a 404 says in so many words that nothing was found, and not that the path is wrong.
pub(super) fn found_nothing(resource: &Resource, body: &str) -> bool {
    let body: Json = serde_json::from_str(body).unwrap_or_else(|_| Json::String(body.to_owned()));
    let text = match &body {
        Json::String(text) => text.as_str(),
        Json::Object(map) => ["error", "message"]
            .iter()
            .find_map(|key| map.get(*key).and_then(Json::as_str))
            .unwrap_or(""),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => "",
    };
    text == resource.missing
        || text.to_ascii_lowercase().trim_end_matches('.').ends_with("found nothing")
}

/// Turns a refused write into an answer; `None` where the status says nothing about the record.
pub(super) fn refusal(status: u16, body: &str) -> Option<Answer> {
    if !matches!(status, 400 | 403 | 409 | 422) {
        return None;
    }
    let body: Json = serde_json::from_str(body).unwrap_or_else(|_| Json::String(body.to_owned()));
    let said = messages(&body);
    let why =
        said.iter().find_map(|(field, text)| kind_of(field, text)).unwrap_or(Refusal::Invalid);
    let texts: Vec<String> = said
        .iter()
        .map(
            |(field, text)| {
                if field.is_empty() { text.clone() } else { format!("{field}: {text}") }
            },
        )
        .collect();
    let mut message = if texts.is_empty() { format!("status {status}") } else { texts.join("; ") };
    if let Some((cut, _)) = message.char_indices().nth(MESSAGE_MAX) {
        message.truncate(cut);
    }
    Some(Answer::Refused { why, message })
}

/// Fields and messages, whatever the shape (there are ten).
pub(super) fn messages(body: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match body {
        Json::String(text) => found.push((String::new(), text.clone())),
        Json::Object(map) => {
            for key in ["errors", "messages", "message"] {
                if let Some(value) = map.get(key) {
                    collect("", value, &mut found);
                }
            }
            if found.is_empty()
                && let Some(error) = map.get("error")
            {
                collect("", error, &mut found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => {}
    }
    found
}

fn collect(field: &str, value: &Json, found: &mut Vec<(String, String)>) {
    match value {
        Json::String(text) => found.push((field.to_owned(), text.clone())),
        Json::Array(items) => items.iter().for_each(|item| collect(field, item, found)),
        Json::Object(map) => map.iter().for_each(|(name, value)| collect(name, value, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn kind_of(field: &str, text: &str) -> Option<Refusal> {
    let lower = text.to_lowercase();
    if matches!(field, "sku" | "reference") && lower.contains("taken") {
        let id = lower.rsplit("id ").next().and_then(|id| id.trim().parse::<u64>().ok());
        let id = if lower.contains("by id") { id } else { None };
        return Some(Refusal::KeyTaken(id.map(|id| Ext::new(id.to_string()))));
    }
    if lower.contains("not update other than draft") {
        return Some(Refusal::Locked);
    }
    let contact = lower.contains("this contact") && lower.contains("not active");
    let association = matches!(field, "contact" | "account" | "invoice" | "product" | "inventory");
    if contact || association || lower.contains("product id is missing or unknown") {
        return Some(Refusal::BadReference);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qoyod::resources::resource;
    use serde_json::json;

    fn why(status: u16, body: &Json) -> Refusal {
        match refusal(status, &body.to_string()) {
            Some(Answer::Refused { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn refusals_are_told_apart_in_every_shape() {
        let taken = json!({"errors": {"sku": ["Reference is already taken by id 4619"]}});
        assert_eq!(why(422, &taken), Refusal::KeyTaken(Some(Ext::new("4619"))));
        let taken = json!({"errors": {"reference": ["has already been taken"]}});
        assert_eq!(why(422, &taken), Refusal::KeyTaken(None));
        assert_eq!(why(422, &json!({"errors": "Not update other than draft"})), Refusal::Locked);
        let inactive = json!({"errors": ["this contact 12 is not active"]});
        assert_eq!(why(422, &inactive), Refusal::BadReference);
        let blank =
            json!({"error": "Invalid resource", "messages": {"contact": ["Can't be blank"]}});
        assert_eq!(why(422, &blank), Refusal::BadReference);
        assert_eq!(
            why(422, &json!({"errors": {"tax_id": ["Please select taxes"]}})),
            Refusal::Invalid
        );
        assert_eq!(refusal(404, "\"We found nothing\""), None);
        assert_eq!(refusal(500, "{}"), None);
    }

    #[test]
    fn only_the_exact_words_prove_absence() {
        let products = resource("products").expect("products");
        assert!(found_nothing(products, "\"We found nothing\""));
        assert!(found_nothing(products, "{\"error\":\"We found nothing\"}"));
        assert!(found_nothing(products, "\"Product not found\""));
        assert!(!found_nothing(products, "{\"error\":\"URL not found\"}"));
        assert!(!found_nothing(products, "<html>404 Not Found</html>"));
        let invoices = resource("invoices").expect("invoices");
        assert!(found_nothing(
            invoices,
            "\"We could not retrieve your invoices, we found nothing.\""
        ));
        let receipts = resource("invoice_payments").expect("payments");
        assert!(found_nothing(
            receipts,
            "{\"message\":\"Invalid receipt ID. Please provide a valid receipt ID.\"}"
        ));
    }
}
