//! Accounts: two generations of field names, and errors by association.

use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::values::{Fields, fields, first, text};
use super::super::world::World;
use super::{Current, copy_given};
use serde_json::{Value as Json, json};

/// The account that a request would make.
pub(super) fn build(world: &World, input: &Fields, current: Current) -> Result<Fields, Refusal> {
    let mut account = current.map_or_else(|| fresh(world), |(_, fields)| fields.clone());
    copy_given(&mut account, input, &["code", "status"]);
    for (shows, names) in [
        ("name_en", ["en_name", "name_en"]),
        ("name_ar", ["ar_name", "name_ar"]),
        ("type", ["account_kind", "type"]),
        ("parent_type", ["parent_kind", "type"]),
        ("group_type", ["branch_kind", "type"]),
    ] {
        if let Some(value) = first(input, &names) {
            account.insert(shows.to_owned(), value.clone());
        }
    }
    let mut errors = FieldErrors::default();
    for (shows, field) in [
        ("name_en", "en_name"),
        ("name_ar", "ar_name"),
        ("type", "account_kind"),
        ("parent_type", "parent_kind"),
        ("group_type", "branch_kind"),
    ] {
        if text(account.get(shows)).is_none() {
            errors.add(field, Message::Blank);
        }
    }
    errors.verdict().map_err(Refusal::Invalid)?;
    Ok(account)
}

fn fresh(world: &World) -> Fields {
    let code = 9000 + world.table(Kind::Accounts).next_id();
    fields(json!({
        "code": code.to_string(), "name_en": null, "name_ar": null, "type": null,
        "group_type": null, "status": "Active", "account_nature": Json::Null,
        "deferral_template_id": null, "type_of_account": "Debit", "parent_type": null,
        "balance": "0.0",
    }))
}
