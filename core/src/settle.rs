//! Settle: the only place that judges what became of a command.

use crate::Timestamp;
use crate::ablate::{Switch, off};
use crate::bodies::{Bodies, MissingBody, Outcome, image_of};
use crate::command::{Command, Operation};
use crate::compare::{Against, changed_fields, is_counter, is_edit, same};
use crate::event::{Evidence, Fact, LinkedBy, ParkedFor, RefusedBy, Subject, Undone};
use crate::fold::{Slot, State};
use crate::id::RecordId;
use crate::image::Image;
use crate::ingest::{Ingest, Reading, Shown, ingest};
use crate::schema::{Entity, FieldSet};

/// A create or update was done and the side shows the row.
///
/// The new base is what the side **shows** for the fields that were set, never what was sent, as long as the image
/// is the one right after our write (`exact`); found later, it may hold a user's edit already, and then the base is
/// what the side would have made of the value sent (LAWS 1.7 b, T2). A counter's base moves by what was sent (1.7 f).
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn done(
    state: &State,
    entity: &Entity,
    bodies: &dyn Bodies,
    command: &Command,
    sent: &Image,
    shown: Shown,
    exact: bool,
) -> Result<Outcome, MissingBody> {
    let creates = command.operation == Operation::Create;
    let exact = exact && !maybe_lost(state, command);
    let shows = (exact || off(Switch::ExactBase)) && !off(Switch::ShownBase);
    let record = state.record(command.record);
    let slot = record.and_then(|record| record.slots.get(&command.side));
    let merged = record.map(|record| image_of(bodies, &record.merged)).transpose()?;
    let merged = merged.unwrap_or_default();
    let (mut base, seen, behind) = match slot {
        Some(slot) if !creates => {
            let behind = slot.behind.minus(command.fields);
            (image_of(bodies, &slot.base)?, image_of(bodies, &slot.seen)?, behind)
        }
        Some(_) | None => (Image::default(), Image::default(), FieldSet::EMPTY),
    };
    // A field that was set and that the answer leaves out is what we sent, not what was there before.
    let told = shown.image;
    let image = told.clone().over(sent).over(&seen);
    let late = if creates {
        late_fields(bodies, slot, entity, command, sent, &image)?
    } else {
        FieldSet::EMPTY
    };
    let mut drifted = Vec::new();
    for bit in command.fields.iter() {
        let Some(field) = entity.fields.get(bit) else { continue };
        let Some(sent) = sent.get(&field.name) else { continue };
        let returned = told.get(&field.name);
        if late.contains(bit) {
            // What an earlier try had sent is no edit, and no answer to this one.
            if let Some(shown) = image.get(&field.name).filter(|shown| !shown.is_null()) {
                base.set(&field.name, shown.clone());
            }
            continue;
        }
        if exact && returned.is_some_and(|returned| returned != sent) && !is_counter(field) {
            drifted.push(field.name.clone());
        }
        let base_value = match returned {
            Some(returned) if shows && !is_counter(field) => returned.clone(),
            Some(_) | None => sent.clone(),
        };
        base.set(&field.name, base_value);
    }
    let against = Against { base: &base, merged: &merged, behind };
    let changed = changed_fields(state, entity, &command.side, &image, against);
    let edit = is_edit(entity, &command.side, changed);
    let key = entity.key_of(&image);
    let mut outcome = Outcome::default();
    let seen = outcome.keep(image);
    let base = outcome.keep(base);
    outcome.facts.push(Fact::Done {
        command: command.id,
        ext: shown.ext,
        seen,
        base,
        changed,
        edit,
        key,
        stamp: shown.stamp,
        tag: shown.tag,
        exact,
        missing: late,
    });
    if !drifted.is_empty() {
        outcome.facts.push(Fact::Drifted { command: command.id, fields: drifted });
    }
    Ok(outcome)
}

/// A create of a record that is older than the epoch may have been done in the part of the log that was lost: the side
/// then answers with the row as it has become since (L21).
fn maybe_lost(state: &State, command: &Command) -> bool {
    command.operation == Operation::Create && state.epoch_of(command.record) != state.epoch
}

/// The fields in which a created row shows what an earlier try of the same create had sent, and not what this one did:
/// tries share their identity, and the first may arrive last.
fn late_fields(
    bodies: &dyn Bodies,
    slot: Option<&Slot>,
    entity: &Entity,
    command: &Command,
    sent: &Image,
    shown: &Image,
) -> Result<FieldSet, MissingBody> {
    let mut late = FieldSet::EMPTY;
    for earlier in slot.map(|slot| &slot.tried).into_iter().flatten() {
        let earlier = image_of(bodies, earlier)?;
        for bit in command.fields.iter() {
            let Some(field) = entity.fields.get(bit) else { continue };
            let shown = shown.get(&field.name);
            if same(shown, earlier.get(&field.name)) && !same(shown, sent.get(&field.name)) {
                late.insert(bit);
            }
        }
    }
    Ok(late)
}

/// What a search for the trace of a create in doubt found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The rows that fit.
    pub rows: Vec<Shown>,
    /// Not finding it proves that the create was not processed: the search was complete and late enough.
    pub conclusive: bool,
    /// They carry the command's own marker; rows found by their key could be a user's.
    pub marked: bool,
}

/// Judges a create in doubt (LAWS 1.7 c): found once is done, found never is not applied, else a person must say.
///
/// `None` where nothing can be said yet.
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn create_in_doubt(
    state: &State,
    entity: &Entity,
    bodies: &dyn Bodies,
    command: &Command,
    sent: &Image,
    trace: Trace,
) -> Result<Option<Outcome>, MissingBody> {
    let ours: Vec<Shown> = trace
        .rows
        .into_iter()
        .filter(|row| state.record_of(&entity.name, &command.side, &row.ext).is_none())
        .filter(|row| !known_before(state, command, entity, row))
        .collect();
    match <[Shown; 1]>::try_from(ours) {
        Ok([row]) if !trace.marked && !holds(&row.image, sent) => {
            found_by_key(state, entity, bodies, command, row).map(Some)
        }
        Ok([row]) => done(state, entity, bodies, command, sent, row, false).map(Some),
        Err(none) if none.is_empty() => Ok(trace.conclusive.then(|| {
            Outcome::fact(Fact::Withdrawn { command: command.id, why: Undone::NotApplied })
        })),
        Err(_) => Ok(Some(undecidable(command))),
    }
}

/// True where a row shows everything that was sent.
fn holds(shown: &Image, sent: &Image) -> bool {
    sent.iter().all(|(field, value)| shown.get(field) == Some(value))
}

/// A row has the key of a create in doubt and other contents: a user typed it in, or edited ours. It is linked, and
/// what differs is decided like any two rows that meet by their key, so that nobody's value is lost (L32).
fn found_by_key(
    state: &State,
    entity: &Entity,
    bodies: &dyn Bodies,
    command: &Command,
    row: Shown,
) -> Result<Outcome, MissingBody> {
    let (side, ext) = (&command.side, row.ext.clone());
    let reading = Reading { entity, side, evidence: Evidence::Get, ticket: state.head };
    let why = Undone::NotApplied;
    let mut outcome = Outcome::fact(Fact::Withdrawn { command: command.id, why });
    if let Ingest::Observed(observed) = ingest(state, bodies, reading, row)? {
        outcome.extend(observed);
        outcome.facts.push(Fact::Linked {
            record: command.record,
            entity: entity.name.clone(),
            side: side.clone(),
            ext,
            how: LinkedBy::Search,
        });
    }
    Ok(outcome)
}

/// A row that was seen before the create was sent is not its trace.
fn known_before(state: &State, command: &Command, entity: &Entity, row: &Shown) -> bool {
    let row_key = (entity.name.clone(), command.side.clone(), row.ext.clone());
    state.rows.contains_key(&row_key)
}

fn undecidable(command: &Command) -> Outcome {
    let subject = Subject::Record(command.record);
    Outcome {
        facts: vec![
            Fact::Withdrawn { command: command.id, why: Undone::NotApplied },
            Fact::Parked { subject, why: ParkedFor::Undecidable },
        ],
        images: Vec::new(),
    }
}

/// What else is known of the row of an update in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowTrace {
    /// It carries the command's own marker.
    Ours,
    /// Nothing.
    None,
    /// The side, which would know the command, was sent it again and compared instead: it had not been done, and what
    /// fits is somebody else's.
    Refused,
}

/// Judges an update in doubt by the row as a direct read shows it now.
///
/// A row that shows everything that was sent is evidence that it was done; a row that is wholly as expected, or that
/// the side compared and refused, that it was not. Where a user changed what we set, values are taken as not written:
/// that may record a conflict too many, and never loses a value. A counter is parked then (T5), unless the side itself
/// says that it does not know the command.
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn update_in_doubt(
    state: &State,
    entity: &Entity,
    bodies: &dyn Bodies,
    command: &Command,
    sent: &Image,
    row: Shown,
    trace: RowTrace,
) -> Result<Outcome, MissingBody> {
    let expected = match &command.operation {
        Operation::Update { expect, .. } | Operation::Delete { expect, .. } => {
            image_of(bodies, expect)?
        }
        Operation::Create => Image::default(),
    };
    let mut fits = 0;
    let mut differ = 0;
    let mut counters = false;
    for bit in command.fields.iter() {
        let Some(field) = entity.fields.get(bit) else { continue };
        let shows = row.image.get(&field.name);
        if sent.get(&field.name) != expected.get(&field.name) {
            differ += 1;
            fits += usize::from(shows == sent.get(&field.name));
        }
        counters |= is_counter(field);
    }
    let landed = match trace {
        RowTrace::Ours if !off(Switch::UpdateMarker) => true,
        RowTrace::Ours | RowTrace::None => differ > 0 && fits == differ,
        RowTrace::Refused => false,
    };
    let untouched = row.image.clone().over(&expected) == expected;
    if landed {
        done(state, entity, bodies, command, sent, row, false)
    } else if counters && !untouched && trace != RowTrace::Refused && !off(Switch::UpdateMarker) {
        Ok(undecidable(command))
    } else {
        Ok(Outcome::fact(Fact::Withdrawn { command: command.id, why: Undone::NotApplied }))
    }
}

/// The records whose refusal a completed sweep lifts, so that they are tried once more (T13, T15).
///
/// Only refusals from before `before` are lifted, so that a record that is refused for ever costs three events in
/// that time and not in every sweep (T19); what a side cannot do at all is not tried again.
#[must_use]
pub fn freed_by_sweep(
    state: &State,
    side: &crate::SideId,
    entity: &str,
    before: Timestamp,
) -> Vec<RecordId> {
    let held = state.refused.iter().filter(|id| {
        state.record(**id).is_some_and(|record| {
            record.entity == entity
                && record.refused.as_ref().is_some_and(|refusal| {
                    refusal.side == *side
                        && refusal.why != RefusedBy::Unsupported
                        && refusal.since < before
                })
        })
    });
    held.copied().collect()
}
