//! Copies of a record, where both values of a conflict are kept.

use super::Work;
use crate::bodies::Outcome;
use crate::compare::{is_counter, is_set};
use crate::event::Fact;
use crate::id::{RecordId, SideId};
use crate::image::Image;
use crate::value::Value;
use crate::version::VersionVector;

/// What a copy's name ends with; a copy of a copy is never made, so that copies do not breed (F103).
const MARK: &str = " (copy";

/// True where the entity has a text to tell a copy by, and this record is not a copy itself.
pub(super) fn possible(work: &Work<'_>) -> bool {
    let Some(name) = &work.entity.copies else { return false };
    match work.merged.get(name) {
        Some(Value::Text(text)) => !text.contains(MARK) && work.record.copy_of.is_none(),
        Some(
            Value::Null
            | Value::Bool(_)
            | Value::Decimal(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Ref(_),
        )
        | None => false,
    }
}

/// Notes that a copy with this value is wanted: one for each side, whatever number of fields it lost.
pub(super) fn wish(work: &mut Work<'_>, side: Option<&SideId>, bit: usize, value: &Value) {
    let name = work.entity.fields[bit].name.clone();
    work.copies.entry(side.cloned()).or_default().set(&name, value.clone());
}

/// The copies, as facts: the record as it is now, with the values that lost, under a name of its own.
pub(super) fn carry_out(
    work: &Work<'_>,
    id: RecordId,
    contains: &VersionVector,
    outcome: &mut Outcome,
) {
    let Some(name) = &work.entity.copies else { return };
    for (side, lost) in &work.copies {
        let mut image: Image = lost.clone().over(&work.merged);
        for field in &work.entity.fields {
            // A copy has no stock and no members of its own: they would be counted twice.
            if is_counter(field) || is_set(field) {
                image.forget(&field.name);
            }
        }
        if let Some(Value::Text(text)) = image.get(name) {
            // The copies of an earlier conflict have their names already.
            let number = match work.record.copies {
                0 => String::new(),
                made => format!(" {}", made.saturating_add(1)),
            };
            let marked = match side {
                Some(side) => format!("{text}{MARK}{number}, {side})"),
                None => format!("{text}{MARK}{number})"),
            };
            image.set(name, Value::text(marked));
        }
        let mut references = super::References::default();
        references.add(work.state, &image);
        let refers_to = references.records.into_iter().collect();
        let merged = outcome.keep(image);
        let (side, contains) = (side.clone(), contains.clone());
        outcome.facts.push(Fact::Forked { from: id, side, merged, contains, refers_to });
    }
}
