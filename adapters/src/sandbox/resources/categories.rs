//! Categories, in two levels.

use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::values::{Fields, fields, id_of, text};
use super::super::world::World;
use super::{Current, copy_given};
use serde_json::{Value as Json, json};

/// The category that a request would make.
pub(super) fn build(world: &World, input: &Fields, current: Current) -> Result<Fields, Refusal> {
    let fresh = || fields(json!({ "name": null, "description": null, "parent_id": null }));
    let mut category = current.map_or_else(fresh, |(_, fields)| fields.clone());
    copy_given(&mut category, input, &["name", "description", "parent_id"]);
    let mut errors = FieldErrors::default();
    if text(category.get("name")).is_none() {
        errors.add("name", Message::Blank);
    }
    let parent = category.get("parent_id").filter(|parent| !parent.is_null()).cloned();
    let parent_id = id_of(parent.as_ref());
    if parent.is_some() && !world.exists(Kind::Categories, parent_id) {
        errors.add("parent_id", Message::DoesNotExist);
    }
    category.insert("parent_id".to_owned(), parent_id.map_or(Json::Null, Json::from));
    category.insert("_level".to_owned(), u64::from(parent_id.is_some()).into());
    errors.verdict()?;
    Ok(category)
}
