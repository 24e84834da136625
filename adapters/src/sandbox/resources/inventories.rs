//! Warehouses.

use super::super::kind::Kind;
use super::super::messages::Message;
use super::super::refusal::Refusal;
use super::super::values::{Fields, fields, id_of, text};
use super::super::world::World;
use super::{Current, copy_given};
use serde_json::json;

/// The warehouse that a request would make.
pub(super) fn build(world: &World, input: &Fields, current: Current) -> Result<Fields, Refusal> {
    let fresh = || {
        fields(json!({
            "name": null, "ar_name": null, "address": null, "city": null, "account_id": null,
            "is_default": false, "contact_shipping_address": null,
        }))
    };
    let mut inventory = current.map_or_else(fresh, |(_, fields)| fields.clone());
    copy_given(&mut inventory, input, &["name", "ar_name", "city", "account_id"]);
    if let Some(address) = input.get("address") {
        inventory.insert("contact_shipping_address".to_owned(), address.clone());
    }
    let mut sentences = Vec::new();
    if text(inventory.get("name")).is_none() {
        sentences.push(Message::plain("Name can't be blank"));
    }
    let account = id_of(inventory.get("account_id"));
    if account.is_some() && !world.exists(Kind::Accounts, account) {
        sentences.push(Message::plain("Account must exist"));
    }
    if sentences.is_empty() { Ok(inventory) } else { Err(Refusal::Sentences(sentences)) }
}
