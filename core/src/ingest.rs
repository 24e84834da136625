//! Ingest: a read becomes an observation, or nothing, or the wish to look again.

use crate::ablate::{Switch, off};
use crate::bodies::{Bodies, MissingBody, Outcome, image_of};
use crate::compare::{Against, changed_fields, is_edit};
use crate::event::{Evidence, Fact};
use crate::fold::{Presence, RowState, Slot, State, empty_image};
use crate::id::{Ext, RecordId, SideId};
use crate::image::Image;
use crate::schema::{Entity, FieldSet};
use crate::value::Value;
use crate::{Seq, Timestamp};

/// A row as a read showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The row's id.
    pub ext: Ext,
    /// Its mapped fields.
    pub image: Image,
    /// When the side says it was changed.
    pub stamp: Option<Timestamp>,
    /// Fingerprint of its version.
    pub tag: Option<u64>,
}

/// Evidence that a row is not there (L19).
///
/// It has no public constructor but [`Absence::not_found`] and [`Absence::swept`], and both take what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    ext: Ext,
    evidence: Evidence,
}

/// A listing that was complete and did not have the row.
#[derive(Clone, Copy, Debug)]
pub struct CompleteSweep(());

impl CompleteSweep {
    /// Two complete listings in a row, both without the row.
    ///
    /// Returns `None` unless the adapter vouched for both.
    #[must_use]
    pub fn twice(first_complete: bool, second_complete: bool) -> Option<Self> {
        if first_complete && second_complete { Some(Self(())) } else { None }
    }
}

impl Absence {
    /// The side answered a direct read with exactly "there is no such row".
    #[must_use]
    pub fn not_found(ext: Ext) -> Self {
        Self { ext, evidence: Evidence::Get }
    }

    /// Two complete sweeps did not have it.
    #[must_use]
    pub fn swept(ext: Ext, _: CompleteSweep) -> Self {
        Self { ext, evidence: Evidence::Sweep }
    }
}

/// Where and when a read was made.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The entity.
    pub entity: &'a Entity,
    /// The side.
    pub side: &'a SideId,
    /// Which read.
    pub evidence: Evidence,
    /// The log's head when it was issued.
    pub ticket: Seq,
}

/// What a read means for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// Nothing that is not known.
    Nothing,
    /// It may be stale: read the row directly and ingest that answer (L12).
    Confirm,
    /// An observation.
    Observed(Outcome),
}

/// Takes a row in.
///
/// A direct read is trusted; a listed row is confirmed first where it could be older than what is known: the read
/// was issued before our last write was answered, its stamp does not rise, or its content was there before (T11).
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn ingest(
    state: &State,
    bodies: &dyn Bodies,
    reading: Reading<'_>,
    shown: Shown,
) -> Result<Ingest, MissingBody> {
    let row_key = (reading.entity.name.clone(), reading.side.clone(), shown.ext.clone());
    let (record, slot) = match state.rows.get(&row_key) {
        Some(RowState::Linked(record)) => match slot_of(state, *record, reading.side) {
            Some(slot) => (*record, slot),
            None => return Ok(Ingest::Nothing),
        },
        Some(RowState::Unlinked(row)) => {
            let seen = image_of(bodies, &row.seen)?;
            let shown = Shown { image: filled(reading, shown.image, &seen), ..shown };
            let known = row.seen == shown.image.hash();
            return Ok(if known { Ingest::Nothing } else { fresh(reading, shown) });
        }
        None => return Ok(fresh(reading, shown)),
    };
    let direct = reading.evidence != Evidence::List;
    if slot.presence != Presence::Here {
        // Deleted there, as far as is known: only a direct read shows that it really is back (L35).
        if !direct && !off(Switch::BackConfirmed) {
            return Ok(Ingest::Confirm);
        }
        return observe(
            state,
            bodies,
            reading,
            shown,
            record,
            &Slot { seen: empty_image(), ..slot.clone() },
        );
    }
    if slot.ext.as_ref() != Some(&shown.ext) {
        return Ok(Ingest::Nothing);
    }
    let seen = image_of(bodies, &slot.seen)?;
    let shown = Shown { image: filled(reading, shown.image, &seen), ..shown };
    let hash = shown.image.hash();
    if hash == slot.seen {
        return Ok(Ingest::Nothing);
    }
    let not_newer = matches!((shown.stamp, slot.stamp), (Some(new), Some(old)) if new <= old);
    if direct && not_newer && off(Switch::LaterAnswer) {
        return Ok(Ingest::Nothing);
    }
    let stale = (reading.ticket < slot.written_at && !off(Switch::Ticket))
        || (not_newer && !off(Switch::OlderStamp))
        || (slot.showed_earlier(&hash) && !off(Switch::EarlierContent));
    if !direct && stale {
        return Ok(Ingest::Confirm);
    }
    observe(state, bodies, reading, shown, record, slot)
}

/// The image with what it does not know taken from the last one (L17).
fn filled(reading: Reading<'_>, mut image: Image, seen: &Image) -> Image {
    if off(Switch::Unknown) {
        for field in &reading.entity.fields {
            if image.get(&field.name).is_none() && field.sides.contains_key(reading.side) {
                image.set(&field.name, Value::Null);
            }
        }
    }
    image.over(seen)
}

fn slot_of<'a>(state: &'a State, record: RecordId, side: &SideId) -> Option<&'a Slot> {
    state.record(record)?.slots.get(side)
}

fn observe(
    state: &State,
    bodies: &dyn Bodies,
    reading: Reading<'_>,
    shown: Shown,
    record: RecordId,
    slot: &Slot,
) -> Result<Ingest, MissingBody> {
    let base = image_of(bodies, &slot.base)?;
    let merged = match state.record(record) {
        Some(record) => image_of(bodies, &record.merged)?,
        None => Image::default(),
    };
    let against = Against { base: &base, merged: &merged, behind: slot.behind };
    let changed = changed_fields(state, reading.entity, reading.side, &shown.image, against);
    let edit = is_edit(reading.entity, reading.side, changed);
    Ok(Ingest::Observed(observation(reading, shown, changed, edit)))
}

/// A row that was never seen: all that it holds is new.
fn fresh(reading: Reading<'_>, shown: Shown) -> Ingest {
    let mut fields = FieldSet::EMPTY;
    for (bit, field) in reading.entity.fields.iter().enumerate() {
        let known = shown.image.get(&field.name).is_some_and(|value| !value.is_null());
        if known && field.sides.contains_key(reading.side) {
            fields.insert(bit);
        }
    }
    Ingest::Observed(observation(reading, shown, fields, true))
}

fn observation(reading: Reading<'_>, shown: Shown, changed: FieldSet, edit: bool) -> Outcome {
    let key = reading.entity.key_of(&shown.image);
    let mut outcome = Outcome::default();
    let seen = outcome.keep(shown.image);
    outcome.facts.push(Fact::Observed {
        entity: reading.entity.name.clone(),
        side: reading.side.clone(),
        ext: shown.ext,
        seen: Some(seen),
        changed,
        edit,
        key,
        stamp: shown.stamp,
        tag: shown.tag,
        evidence: reading.evidence,
        ticket: reading.ticket,
    });
    outcome
}

/// Takes the absence of a row in; nothing where it was not known to be there.
#[must_use]
pub fn ingest_absence(state: &State, reading: Reading<'_>, absence: Absence) -> Ingest {
    let row_key = (reading.entity.name.clone(), reading.side.clone(), absence.ext.clone());
    let there = match state.rows.get(&row_key) {
        None => false,
        Some(RowState::Unlinked(_)) => true,
        Some(RowState::Linked(record)) => {
            slot_of(state, *record, reading.side).is_some_and(|slot| {
                slot.presence == Presence::Here && slot.ext.as_ref() == Some(&absence.ext)
            })
        }
    };
    if !there {
        return Ingest::Nothing;
    }
    Ingest::Observed(Outcome::fact(Fact::Observed {
        entity: reading.entity.name.clone(),
        side: reading.side.clone(),
        ext: absence.ext,
        seen: None,
        changed: FieldSet::EMPTY,
        edit: false,
        key: None,
        stamp: None,
        tag: None,
        evidence: absence.evidence,
        ticket: reading.ticket,
    }))
}
