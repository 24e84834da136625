//! Refusals and faults: the many shapes in which Qoyod says no, and what each asks for.

use crate::http::HttpError;
use crate::{Answer, Fault, Refusal};
use mizan_core::Ext;
use serde_json::Value as Json;

/// Longest text of a refusal that is kept.
const MESSAGE_MAX: usize = 500;

/// Association names and ids: what is wrong with them is wrong with a row that is referred to.
const ASSOCIATIONS: &[&str] = &[
    "account",
    "category",
    "contact",
    "customer",
    "inventory",
    "invoice",
    "parent",
    "product",
    "product_unit_type",
    "tax",
];

/// A fault of the HTTP kit, as the engine needs it.
pub(super) fn fault(error: HttpError) -> Fault {
    match error {
        HttpError::NotSent { why } => Fault::NotSent(why),
        HttpError::InDoubt { why } => Fault::InDoubt(why),
        HttpError::Unauthorized { why } => Fault::Unauthorized(why),
        HttpError::BadAnswer { why } => Fault::BadAnswer(why),
        HttpError::Throttled { .. } => Fault::NotSent(error.to_string()),
        HttpError::TooLarge { .. } => Fault::BadAnswer(error.to_string()),
    }
}

/// A refusal of ours: the side cannot do this.
pub(super) fn unsupported(why: impl Into<String>) -> Answer {
    Answer::Refused { why: Refusal::Unsupported, message: why.into() }
}

/// The refusal in an answer to a write; `None` where the status says nothing about the record.
pub(super) fn refusal(status: u16, body: &str) -> Option<Answer> {
    if !matches!(status, 400 | 403 | 409 | 422) {
        return None;
    }
    let body: Json = serde_json::from_str(body).unwrap_or_else(|_| Json::String(body.to_owned()));
    let said = messages(&body);
    let kinds = said.iter().filter_map(|(field, text)| kind_of(field, text));
    let why = match status {
        403 => Refusal::Unsupported,
        // Of several complaints the taken key counts most: it may be our own earlier create.
        _ => kinds.min_by_key(rank).unwrap_or(Refusal::Invalid),
    };
    Some(Answer::Refused { why, message: message(status, &said) })
}

/// The refusal that a successful answer holds: failed adjustments were answered with 200 before 2026-08-31.
pub(super) fn hidden_refusal(body: &Json) -> Option<Answer> {
    let errors = body.get("errors")?;
    let empty = match errors {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::Bool(true) | Json::Number(_) => false,
    };
    if empty { None } else { refusal(422, &body.to_string()) }
}

fn rank(kind: &Refusal) -> u8 {
    match kind {
        Refusal::KeyTaken(_) => 0,
        Refusal::Locked => 1,
        Refusal::BadReference => 2,
        Refusal::Unsupported => 3,
        Refusal::Invalid => 4,
    }
}

fn message(status: u16, said: &[(String, String)]) -> String {
    let texts =
        said.iter().map(
            |(field, text)| {
                if field.is_empty() { text.clone() } else { format!("{field}: {text}") }
            },
        );
    let mut message = texts.collect::<Vec<_>>().join("; ");
    if message.is_empty() {
        message = format!("status {status}");
    }
    if let Some((cut, _)) = message.char_indices().nth(MESSAGE_MAX) {
        message.truncate(cut);
    }
    message
}

/// Fields and messages, whatever the shape.
fn messages(body: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match body {
        Json::String(text) => collect("", body, &mut found, text.trim_start().starts_with('<')),
        Json::Object(fields) => {
            for name in ["errors", "messages", "message"] {
                if let Some(value) = fields.get(name) {
                    collect("", value, &mut found, false);
                }
            }
            if found.is_empty()
                && let Some(error) = fields.get("error")
            {
                collect("", error, &mut found, false);
            }
        }
        Json::Array(_) => collect("", body, &mut found, false),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
    found
}

/// Pages of a proxy (`markup`) say nothing.
fn collect(field: &str, value: &Json, found: &mut Vec<(String, String)>, markup: bool) {
    match value {
        Json::String(text) if !markup && !text.is_empty() => {
            found.push((field.to_owned(), text.clone()));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(field, item, found, markup)),
        Json::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(name, value, found, markup));
        }
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn kind_of(field: &str, text: &str) -> Option<Refusal> {
    let lower = text.to_lowercase();
    let has = |part: &str| lower.contains(part);
    if matches!(field, "sku" | "reference") && (has("taken") || has("محجوز") || has("مستخدم"))
    {
        return Some(Refusal::KeyTaken(id_in(&lower)));
    }
    let locked = has("not update other than draft")
        || has("cannot delete")
        || has("can't delete")
        || has("couldn't be destroyed");
    if locked {
        return Some(Refusal::Locked);
    }
    let inactive = has("this contact") && has("not active");
    let unpayable = has("cannot pay draft");
    let unknown = has("must exist")
        || has("does not exist")
        || has("not found")
        || has("missing or unknown")
        || (has("::") && has("is not valid"));
    // Never by text alone: the keys are association names, also where the message is in Arabic.
    let association = ASSOCIATIONS.contains(&field);
    let id = field.strip_suffix("_id").is_some_and(|name| ASSOCIATIONS.contains(&name));
    if inactive || unpayable || association || (unknown && (id || field.is_empty())) {
        return Some(Refusal::BadReference);
    }
    None
}

/// The id in "Reference is already taken by id 4619".
fn id_in(text: &str) -> Option<Ext> {
    let (_, after) = text.rsplit_once("id ")?;
    let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| Ext::new(digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn refused(status: u16, body: &str) -> (Refusal, String) {
        match refusal(status, body) {
            Some(Answer::Refused { why, message }) => (why, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn refusals_are_told_apart_in_every_shape() {
        use Refusal::{BadReference, Invalid, KeyTaken, Locked, Unsupported};
        let by = |id: &str| KeyTaken(Some(Ext::new(id)));
        for (status, body, why) in [
            (
                422,
                json!({"errors": {"sku": ["Reference is already taken by id 4619"]}}),
                by("4619"),
            ),
            (422, json!({"errors": {"reference": ["has already been taken"]}}), KeyTaken(None)),
            (
                422,
                json!({"error": "Invalid resource",
                    "messages": {"reference": ["has already been taken"]}}),
                KeyTaken(None),
            ),
            (422, json!({"errors": {"reference": ["محجوز مسبقاً"]}}), KeyTaken(None)),
            (422, json!({"errors": {"reference": ["is invalid"]}}), Invalid),
            (422, json!({"errors": "Not update other than draft"}), Locked),
            (422, json!("Credit note couldn't be destroyed"), Locked),
            (422, json!({"errors": ["this contact 12 is not active"]}), BadReference),
            (422, json!({"errors": "Cannot pay Draft invoice"}), BadReference),
            (422, json!({"errors": "Plutus::Account id 999 is not valid"}), BadReference),
            (422, json!({"errors": {"parent_id": ["does not exist"]}}), BadReference),
            (
                422,
                json!({"error": "Invalid resource", "messages": {"contact": ["Can't be blank"]}}),
                BadReference,
            ),
            (422, json!({"errors": ["contact id is missing", "issue_date is missing"]}), Invalid),
            (422, json!({"errors": {"tax_id": ["Please select taxes"]}}), Invalid),
            (422, json!({"errors": {"base": ["enter at least a purchase price"]}}), Invalid),
            (400, json!({"error": "Amount must be a value and cannot be a Hash"}), Invalid),
            (403, json!({"error": "Forbidden"}), Unsupported),
            (
                422,
                json!({"errors": {"contact": ["must exist"],
                    "sku": ["Reference is already taken by id 5"]}}),
                by("5"),
            ),
        ] {
            assert_eq!(refused(status, &body.to_string()).0, why, "{body}");
        }
        for status in [200, 404, 500, 502] {
            assert_eq!(refusal(status, "\"We found nothing\""), None);
        }
    }

    #[test]
    fn messages_are_joined_and_cut_and_pages_of_a_proxy_left_out() {
        let body = json!({"errors": {"name": ["Can't be blank", "is too short"], "base": ["no"]}});
        let (_, message) = refused(422, &body.to_string());
        assert_eq!(message, "base: no; name: Can't be blank; name: is too short");
        let body = json!({"error": "Invalid resource", "messages": {"date": ["Can't be blank"]}});
        assert_eq!(refused(422, &body.to_string()).1, "date: Can't be blank");
        assert_eq!(refused(422, "<html><body>no</body></html>").1, "status 422");
        assert_eq!(refused(422, "").1, "status 422");
        let long = json!({"errors": ["غ".repeat(600)]});
        assert_eq!(refused(422, &long.to_string()).1.chars().count(), 500);
    }

    #[test]
    fn errors_hide_in_good_answers() {
        let body =
            json!({"inventory_adjustment": {}, "errors": {"line_items": ["Can't be blank"]}});
        let Some(Answer::Refused { why, message }) = hidden_refusal(&body) else { panic!() };
        assert_eq!((why, message.as_str()), (Refusal::Invalid, "line_items: Can't be blank"));
        for empty in [json!({}), json!({"errors": null}), json!({"errors": []}), json!("done")] {
            assert_eq!(hidden_refusal(&empty), None, "{empty}");
        }
    }

    #[test]
    fn faults_keep_what_is_known_about_a_write() {
        let why = || "why".to_owned();
        let paused = Duration::from_secs(7);
        for (error, fits) in [
            (HttpError::NotSent { why: why() }, Fault::NotSent(why())),
            (HttpError::InDoubt { why: why() }, Fault::InDoubt(why())),
            (HttpError::Unauthorized { why: why() }, Fault::Unauthorized(why())),
            (HttpError::BadAnswer { why: why() }, Fault::BadAnswer(why())),
        ] {
            assert_eq!(fault(error), fits);
        }
        let throttled = fault(HttpError::Throttled { retry_after: paused });
        assert!(matches!(throttled, Fault::NotSent(why) if why.contains("7 s")));
        assert!(matches!(fault(HttpError::TooLarge { limit: 9 }), Fault::BadAnswer(_)));
    }
}
