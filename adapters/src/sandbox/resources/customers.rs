//! Customers: nothing is unique, nothing is deleted, and some fields are dropped without a word.

use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::values::{Fields, fields, flag, id_of, text};
use super::super::world::World;
use super::{Current, copy_given};
use serde_json::json;

const ECHOED: &[&str] = &[
    "name",
    "organization",
    "status",
    "email",
    "phone_number",
    "secondary_phone_number",
    "tax_number",
    "custom_fields",
    "website",
    "billing_address",
    "shipping_address",
];

/// The customer that a request would make.
pub(super) fn build(world: &World, input: &Fields, current: Current) -> Result<Fields, Refusal> {
    let mut contact = current.map_or_else(fresh, |(_, fields)| fields.clone());
    copy_given(&mut contact, input, ECHOED);
    for (shows, given) in [
        ("secondary_phone_number", "secondary_contact_number"),
        ("bank", "bank_attributes"),
        ("billing_address", "billing_address_attributes"),
        ("shipping_address", "shipping_address_attributes"),
    ] {
        if let Some(value) = input.get(given) {
            contact.insert(shows.to_owned(), value.clone());
        }
    }
    for name in ["pos", "government_entity"] {
        if let Some(value) = flag(input.get(name)) {
            contact.insert(name.to_owned(), value.into());
        }
    }
    let mut errors = FieldErrors::default();
    if text(contact.get("name")).is_none() {
        errors.add("contact_name", Message::Blank);
    }
    if text(contact.get("tax_number")).is_some_and(|number| !is_tax_number(&number)) {
        errors.add("tax_number", Message::Invalid);
    }
    if !matches!(text(contact.get("status")).as_deref(), Some("Active" | "Inactive")) {
        errors.add("status", Message::NotListed);
    }
    let linked = id_of(input.get("linked_contact_id"));
    if linked.is_some() && !world.exists(Kind::Customers, linked) {
        errors.add("linked_contact_id", Message::DoesNotExist);
    }
    errors.verdict()?;
    Ok(contact)
}

fn fresh() -> Fields {
    fields(json!({
        "name": null, "organization": null, "status": "Active", "email": null,
        "phone_number": null, "secondary_phone_number": null, "tax_number": null,
        "custom_fields": {}, "website": null, "pos": false, "government_entity": false,
        "billing_address": null, "shipping_address": null, "bank": null,
    }))
}

fn is_tax_number(number: &str) -> bool {
    number.len() == 15
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && number.starts_with('3')
        && number.ends_with('3')
}
