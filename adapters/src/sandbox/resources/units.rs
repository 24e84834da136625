//! Unit types.

use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::values::{Fields, fields, id_of, text};
use super::{Current, copy_given};
use serde_json::json;

/// The unit type that a request would make.
pub(super) fn build(input: &Fields, current: Current) -> Result<Fields, Refusal> {
    let fresh = || fields(json!({ "unit_name": null, "unit_representation": null, "kind": null }));
    let mut unit = current.map_or_else(fresh, |(_, fields)| fields.clone());
    copy_given(&mut unit, input, &["unit_name", "unit_representation", "kind"]);
    let mut errors = FieldErrors::default();
    for name in ["unit_name", "unit_representation"] {
        if text(unit.get(name)).is_none() {
            errors.add(name, Message::Blank);
        }
    }
    let kind = unit.get("kind").filter(|kind| !kind.is_null());
    if kind.is_some_and(|kind| !matches!(id_of(Some(kind)), Some(1..=6))) {
        errors.add("kind", Message::NotListed);
    }
    errors.verdict()?;
    Ok(unit)
}
