//! What users did, found in a log: echoes are told apart there, so what is left is theirs.

use mizan_core::bodies::Bodies;
use mizan_core::event::Choice;
use mizan_core::fold::{RowState, State};
use mizan_core::{Event, Ext, Fact, FieldSet, Image, Name, RecordId, SideId, Timestamp};

/// Something that a user did to a row, or said about a record.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// A row is new.
    Made,
    /// Fields of a row were changed.
    Changed,
    /// A row is gone.
    Deleted,
    /// A person decided a conflict.
    Said { choices: Vec<(Name, Choice)>, keep: Option<bool>, by: String, why: String },
}

/// A deed, with everything that is needed to do it again.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) deed: Deed,
    pub(super) entity: Name,
    /// The row; of what was said, none.
    pub(super) row: Option<(SideId, Ext)>,
    pub(super) fields: Image,
    pub(super) stamp: Option<Timestamp>,
    /// The rows of its record, by which it is found again.
    pub(super) aliases: Vec<(SideId, Ext)>,
}

/// What an event says that a user did.
pub(super) fn deed(before: &State, event: &Event, bodies: &dyn Bodies) -> Option<Done> {
    match &event.fact {
        Fact::Observed { entity, side, ext, seen, changed, stamp, .. } => {
            let key = (entity.clone(), side.clone(), ext.clone());
            let known = before.rows.get(&key);
            let record = known.and_then(|row| match row {
                RowState::Linked(record) => Some(*record),
                RowState::Unlinked(_) => None,
            });
            let (deed, fields) = match (seen, known) {
                (None, _) => (Deed::Deleted, Image::default()),
                (Some(seen), None) => (Deed::Made, bodies.image(seen)?),
                (Some(seen), Some(RowState::Unlinked(row))) => {
                    let was = bodies.image(&row.seen).unwrap_or_default();
                    (Deed::Changed, differing(&bodies.image(seen)?, &was, |_| true))
                }
                (Some(seen), Some(RowState::Linked(id))) => {
                    let slot = before.record(*id)?.slots.get(side)?;
                    let was = bodies.image(&slot.seen).unwrap_or_default();
                    let theirs = names(before, entity, *changed);
                    let wanted = |name: &Name| theirs.contains(name);
                    (Deed::Changed, differing(&bodies.image(seen)?, &was, wanted))
                }
            };
            let nothing = matches!(deed, Deed::Changed) && fields.is_empty();
            let aliases = record.map(|record| aliases(before, record)).unwrap_or_default();
            let stamp = stamp.or(Some(event.at));
            let row = Some((side.clone(), ext.clone()));
            let entity = entity.clone();
            (!nothing).then_some(Done { deed, entity, row, fields, stamp, aliases })
        }
        // A user was quicker than our own write, or the side filled in what it computes.
        Fact::Done { command, ext, seen, changed, stamp, .. } if !changed.is_empty() => {
            let command = &before.pending.get(command)?.command;
            let (entity, side) = (&command.entity, &command.side);
            let theirs = names(before, entity, *changed);
            let wanted = |name: &Name| theirs.contains(name);
            let fields = differing(&bodies.image(seen)?, &Image::default(), wanted);
            let aliases = aliases(before, command.record);
            let (deed, row) = (Deed::Changed, Some((side.clone(), ext.clone())));
            let stamp = stamp.or(Some(event.at));
            Some(Done { deed, entity: entity.clone(), row, fields, stamp, aliases })
        }
        Fact::Resolved { record, choices, keep, by, why } => {
            let entity = before.record(*record)?.entity.clone();
            let (choices, keep, by, why) = (choices.clone(), *keep, by.clone(), why.clone());
            let deed = Deed::Said { choices, keep, by, why };
            let aliases = aliases(before, *record);
            Some(Done { deed, entity, row: None, fields: Image::default(), stamp: None, aliases })
        }
        _ => None,
    }
}

/// The fields that a set names.
fn names(state: &State, entity: &Name, set: FieldSet) -> Vec<Name> {
    let order = state.entities.get(entity).map(Vec::as_slice).unwrap_or_default();
    set.iter().filter_map(|bit| order.get(bit).cloned()).collect()
}

fn differing(is: &Image, was: &Image, wanted: impl Fn(&Name) -> bool) -> Image {
    let news = is.iter().filter(|(name, value)| wanted(name) && was.get(name) != Some(*value));
    news.map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn aliases(state: &State, record: RecordId) -> Vec<(SideId, Ext)> {
    let Some(record) = state.record(record) else { return Vec::new() };
    let slots = record.slots.iter();
    slots.filter_map(|(side, slot)| Some((side.clone(), slot.ext.clone()?))).collect()
}
