//! Refusals: every shape of error body that the remote is known for.

use super::kind::Kind;
use super::messages::{FieldErrors, Locale, Message};
use super::reply::Reply;
use serde_json::{Value as Json, json};

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 422 with messages by field.
    Fields(FieldErrors),
    /// 422 with a list of sentences, found before validation.
    Sentences(Vec<Message>),
    /// 422 with one sentence.
    Sentence(Message),
    /// 422 that calls the resource invalid, with messages by field.
    Invalid(FieldErrors),
    /// The same messages in an answer that claims success.
    InvalidWith200(FieldErrors),
    /// 422 with a bare sentence, on deletion.
    Bare(Message),
    /// 400 with one sentence.
    BadRequest(String),
    /// 403 with one sentence.
    Forbidden,
    /// 404 for one record.
    NoRecord(Kind, u64),
    /// 404 for an empty list.
    FoundNothing(Kind, bool),
    /// 404 for a path or method that does not exist.
    NoRoute,
    /// 500.
    Broken,
}

impl From<FieldErrors> for Refusal {
    fn from(errors: FieldErrors) -> Self {
        Self::Fields(errors)
    }
}

impl Refusal {
    pub(crate) fn field(field: &str, message: Message) -> Self {
        Self::Fields(FieldErrors::one(field, message))
    }

    pub(crate) fn sentence(text: &str) -> Self {
        Self::Sentence(Message::plain(text))
    }

    pub(crate) fn reply(&self, locale: Locale) -> Reply {
        match self {
            Self::Fields(errors) => Reply::json(422, json!({ "errors": errors.json(locale) })),
            Self::Sentences(sentences) => {
                let texts: Vec<String> = sentences.iter().map(|one| one.text(locale)).collect();
                Reply::json(422, json!({ "errors": texts }))
            }
            Self::Sentence(sentence) => {
                Reply::json(422, json!({ "errors": sentence.text(locale) }))
            }
            Self::Invalid(errors) => Reply::json(
                422,
                json!({ "error": "Invalid resource", "messages": errors.json(locale) }),
            ),
            Self::InvalidWith200(errors) => {
                Reply::json(200, json!({ "errors": errors.json(locale) }))
            }
            Self::Bare(sentence) => Reply::json(422, Json::String(sentence.text(locale))),
            Self::BadRequest(text) => Reply::json(400, json!({ "error": text })),
            Self::Forbidden => Reply::json(403, json!({ "error": "Forbidden - missing scope" })),
            Self::NoRecord(kind, id) => Reply::json(404, no_record(*kind, *id)),
            Self::FoundNothing(kind, as_object) => found_nothing(*kind, *as_object, locale),
            Self::NoRoute => Reply::json(404, json!({ "error": "URL not found" })),
            Self::Broken => Reply::broken(),
        }
    }
}

fn no_record(kind: Kind, id: u64) -> Json {
    match kind {
        Kind::Products => json!("Product not found"),
        Kind::Customers => json!("Customer Not Found"),
        Kind::Units => json!("Product Unit Type not found"),
        Kind::Invoices | Kind::Adjustments => json!("We found nothing"),
        Kind::Inventories => json!({ "error": "Inventory not found" }),
        // The key is the remote's own.
        Kind::Categories => json!({ "invoice": format!("category with id: {id} is not found") }),
        Kind::Accounts | Kind::Payments | Kind::TaxReasons | Kind::Taxes => {
            let name = kind.root().replace('_', " ");
            json!({ "message": format!("Invalid {name} ID. Please provide a valid {name} ID.") })
        }
    }
}

fn found_nothing(kind: Kind, as_object: bool, locale: Locale) -> Reply {
    let noun = match kind {
        Kind::Accounts => Some(("accounts", "الحسابات")),
        Kind::Categories => Some(("categories", "التصنيفات")),
        Kind::Customers => Some(("customers", "العملاء")),
        Kind::Invoices => Some(("Invoices", "الفواتير")),
        _ => None,
    };
    let text = match (noun, locale) {
        _ if as_object => return Reply::json(404, json!({ "error": "We found nothing" })),
        (Some((noun, _)), Locale::English) => {
            format!("We could not retrieve your {noun}, we found nothing.")
        }
        (Some((_, noun)), Locale::Arabic) => format!("لم نتمكن من استرجاع {noun}، لم نجد شيئا."),
        (None, Locale::English) => "We found nothing".to_owned(),
        (None, Locale::Arabic) => "لم نجد شيئا".to_owned(),
    };
    Reply::json(404, Json::String(text))
}
