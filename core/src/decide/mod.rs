//! Decide: a record's candidates become one merged image, and a statement of who is behind.
//!
//! Field by field, against the base that each side showed (L30); a policy is asked only where values do not agree.

mod fields;
mod forks;
mod groups;
mod joins;
mod life;

use crate::ablate::{Switch, off};
use crate::bodies::{Bodies, MissingBody, Outcome, image_of};
use crate::compare::{Against, changed_fields, expected};
use crate::event::{Decision, Fact, FieldDecision, Life, SideAfter, Stamped};
use crate::fold::{Presence, Record, Slot, State, empty_image};
use crate::id::{Ext, Name, RecordId, SideId};
use crate::image::Image;
use crate::policy::{Policy, Stamp};
use crate::schema::{Entity, FieldSet, Rivalry, Schema};
use crate::value::{RefTo, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One side's part in a decision under way.
struct Side<'a> {
    slot: &'a Slot,
    seen: Image,
    base: Image,
    changed: FieldSet,
    behind: FieldSet,
}

/// A decision under way.
struct Work<'a> {
    state: &'a State,
    entity: &'a Entity,
    record: &'a Record,
    before: Image,
    merged: Image,
    sides: BTreeMap<SideId, Side<'a>>,
    /// What sides whose row is gone had agreed to.
    gone: BTreeMap<SideId, Image>,
    taken: BTreeMap<SideId, FieldSet>,
    agreed: FieldSet,
    fields: Vec<FieldDecision>,
    stamps: Vec<Stamped>,
    /// The copies that are wanted, by the side that lost, with the values that it lost.
    copies: BTreeMap<Option<SideId>, Image>,
}

/// Decides a record; `None` where it waits for an outcome, a person, or its entity is not configured.
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn decide(
    state: &State,
    schema: &Schema,
    bodies: &dyn Bodies,
    id: RecordId,
    policy: &dyn Policy,
) -> Result<Option<Outcome>, MissingBody> {
    let Some(record) = state.record(id) else { return Ok(None) };
    let Some(entity) = schema.entity(&record.entity) else { return Ok(None) };
    let busy = record.pending.is_some() && !off(Switch::OneInFlight);
    if busy || record.parked.is_some() {
        return Ok(None);
    }
    let mut work = Work::begin(state, entity, record, bodies)?;
    let mut done = FieldSet::EMPTY;
    if off(Switch::FieldMerge) {
        (0..entity.fields.len()).for_each(|bit| done.insert(bit));
        groups::decide_group(&mut work, done, policy);
    }
    for (bit, field) in entity.fields.iter().enumerate() {
        match &field.group {
            Some(group) if !done.contains(bit) => {
                let bits = entity.group(group);
                groups::decide_group(&mut work, bits, policy);
                done = done.union(bits);
            }
            None if !done.contains(bit) => fields::decide_field(&mut work, bit, policy),
            Some(_) | None => {}
        }
    }
    let life = life::decide_life(&mut work, id, policy);
    Ok(Some(work.finish(id, life, policy)))
}

impl<'a> Work<'a> {
    fn begin(
        state: &'a State,
        entity: &'a Entity,
        record: &'a Record,
        bodies: &dyn Bodies,
    ) -> Result<Self, MissingBody> {
        let (mut sides, mut gone) = (BTreeMap::new(), BTreeMap::new());
        let before = image_of(bodies, &record.merged)?;
        for (side, slot) in &record.slots {
            if slot.presence == Presence::Here {
                let seen = image_of(bodies, &slot.seen)?;
                let base = image_of(bodies, &slot.base)?;
                // A dead record's `behind` says that the row is to go, and its edits died with it: what it lacks, and
                // what it has of its own, is found out again.
                let (changed, behind) = if record.dead {
                    let behind = undelivered(state, entity, side, &before, &base);
                    let against = Against { base: &base, merged: &before, behind: FieldSet::EMPTY };
                    (changed_fields(state, entity, side, &seen, against), behind)
                } else {
                    (slot.changed, lacking(state, entity, side, slot, &before, &seen))
                };
                sides.insert(side.clone(), Side { slot, seen, base, changed, behind });
            } else if slot.presence == Presence::Gone {
                gone.insert(side.clone(), image_of(bodies, &slot.base)?);
            }
        }
        let merged = before.clone();
        Ok(Self {
            state,
            entity,
            record,
            before,
            merged,
            sides,
            gone,
            taken: BTreeMap::new(),
            agreed: FieldSet::EMPTY,
            fields: Vec::new(),
            stamps: record.stamps.clone(),
            copies: BTreeMap::new(),
        })
    }

    /// What a side's clock says of its row, where the configuration says how exact it is.
    fn clock(&self, side: &SideId) -> Option<Stamp> {
        let within_ms = self.entity.sides.get(side)?.clock_ms?;
        let slot = self.sides.get(side)?.slot;
        // The stamp of our own write would make a user's older value the newest.
        let at = slot.stamp.filter(|_| !slot.stamp_is_ours)?;
        Some(Stamp { at, within_ms })
    }

    /// Notes when the merged value of a field was written, where clocks decide about the field.
    fn stamp(&mut self, bit: usize, side: Option<&SideId>) {
        let Ok(number) = u32::try_from(bit) else { return };
        self.stamps.retain(|one| one.bit != number);
        match self.entity.fields[bit].rivalry {
            Rivalry::Newest | Rivalry::Custom(_) => {}
            Rivalry::Prefer(_)
            | Rivalry::Manual
            | Rivalry::Greatest
            | Rivalry::Least
            | Rivalry::KeepBoth => return,
        }
        if let Some(stamp) = side.and_then(|side| self.clock(side)) {
            let Stamp { at, within_ms } = stamp;
            self.stamps.push(Stamped { bit: number, at, within_ms });
            self.stamps.sort_unstable_by_key(|one| one.bit);
        }
    }

    /// True where the side shows what the merged value looks like there.
    fn is_current(&self, side: &SideId, bit: usize) -> bool {
        let field = &self.entity.fields[bit];
        let merged = self.merged.get(&field.name).unwrap_or(&Value::Null);
        let Some(here) = self.sides.get(side).filter(|_| !off(Switch::NoopSuppression)) else {
            return false;
        };
        let shown = here.seen.get(&field.name).unwrap_or(&Value::Null);
        expected(self.state, field, side, merged).as_ref() == Some(shown)
    }

    /// Notes for every live side whether it is behind in a field, now that the merged value is known.
    fn note_behind(&mut self, bit: usize) {
        let field = &self.entity.fields[bit];
        let names: Vec<SideId> = self.sides.keys().cloned().collect();
        for name in names {
            let behind = field.writable_on(&name, false) && !self.is_current(&name, bit);
            if let Some(side) = self.sides.get_mut(&name) {
                if behind { side.behind.insert(bit) } else { side.behind.remove(bit) }
            }
        }
    }

    /// The side's value of the field is dealt with: it becomes the base.
    fn settle(&mut self, side: &SideId, bit: usize) {
        let name = &self.entity.fields[bit].name;
        if let Some(side) = self.sides.get_mut(side) {
            if let Some(value) = side.seen.get(name) {
                side.base.set(name, value.clone());
            }
            side.changed.remove(bit);
        }
    }

    /// The fields that a new row on `side` would be given.
    fn wanted_on(&self, side: &SideId) -> FieldSet {
        let mut wanted = FieldSet::EMPTY;
        for (bit, field) in self.entity.fields.iter().enumerate() {
            let value = self.merged.get(&field.name).is_some_and(|value| !value.is_null());
            if value && field.writable_on(side, true) {
                wanted.insert(bit);
            }
        }
        if wanted.is_empty() {
            // A record that holds nothing is a record too: its row is made with empty fields.
            let all = self.entity.fields.iter().enumerate();
            let writable = all.filter(|(_, field)| field.writable_on(side, true));
            writable.for_each(|(bit, _)| wanted.insert(bit));
        }
        wanted
    }

    /// What the merged image refers to, and what rows in conflict refer to.
    fn references(&self) -> References {
        let mut found = References::default();
        found.add(self.state, &self.merged);
        for side in self.sides.values() {
            for bit in side.changed.iter() {
                let Some(field) = self.entity.fields.get(bit) else { continue };
                let value = side.seen.get(&field.name).cloned();
                let shown: Image =
                    value.map(|value| (field.name.clone(), value)).into_iter().collect();
                found.add(self.state, &shown);
            }
        }
        found
    }

    fn finish(mut self, id: RecordId, life: Life, policy: &dyn Policy) -> Outcome {
        if off(Switch::RecordLosers) {
            self.fields.iter_mut().for_each(|field| field.losers.clear());
        }
        let mut outcome = Outcome::default();
        let mut contains = self.record.contains.clone();
        let mut after = Vec::new();
        for side in self.sides.values() {
            // An edit in a field that waits for a person is known, but not merged yet.
            if side.changed.is_empty() || life == Life::Dead {
                contains.join(&side.slot.knows);
            }
        }
        if life == Life::Dead {
            contains.join(&self.record.deleters_knew);
        }
        for (name, spec) in &self.entity.sides {
            let slot = self.record.slots.get(name);
            let presence = slot.map_or(Presence::Missing, |slot| slot.presence);
            let state_after = match (self.sides.get(name), life) {
                (Some(side), Life::Dead) => {
                    let wish = if spec.deletes { FieldSet(u64::MAX) } else { FieldSet::EMPTY };
                    Some((outcome.keep(side.base.clone()), FieldSet::EMPTY, wish))
                }
                (Some(side), _) => {
                    let behind = if spec.updates { side.behind } else { FieldSet::EMPTY };
                    Some((outcome.keep(side.base.clone()), side.changed, behind))
                }
                (None, Life::Alive) if presence == Presence::Missing && spec.creates => {
                    Some((empty_image(), FieldSet::EMPTY, self.wanted_on(name)))
                }
                (None, Life::Revived) if spec.creates => {
                    Some((empty_image(), FieldSet::EMPTY, self.wanted_on(name)))
                }
                (None, _) => None,
            };
            if let Some((base, changed, behind)) = state_after {
                after.push(SideAfter { side: name.clone(), base, changed, behind });
            }
        }
        let references = self.references();
        let mut copies = Outcome::default();
        if life != Life::Dead {
            forks::carry_out(&self, id, &contains, &mut copies);
        }
        let decision = Decision {
            policy: policy.id(),
            stamps: self.stamps.clone(),
            refers_to: references.records.into_iter().collect(),
            awaits: references.rows.into_iter().collect(),
            merged: outcome.keep(self.merged),
            taken: self.taken.into_iter().collect(),
            agreed: self.agreed,
            fields: self.fields,
            sides: after,
            life,
            contains,
        };
        outcome.facts.push(Fact::Decided { record: id, decision });
        outcome.extend(copies);
        outcome
    }
}

/// Of the fields in which a side is said to be behind, those that may be written there and do not show the merged
/// value; of a row that has just joined its record, nothing is known yet.
fn lacking(
    state: &State,
    entity: &Entity,
    side: &SideId,
    slot: &Slot,
    merged: &Image,
    seen: &Image,
) -> FieldSet {
    let mut kept = FieldSet::EMPTY;
    for (bit, field) in entity.fields.iter().enumerate() {
        if slot.behind.contains(bit) && field.writable_on(side, false) {
            let value = merged.get(&field.name).unwrap_or(&Value::Null);
            let shown = seen.get(&field.name).unwrap_or(&Value::Null);
            // An edit that waits for a person may be taken back: then the side lacks what it lacked before.
            if slot.changed.contains(bit)
                || expected(state, field, side, value).as_ref() != Some(shown)
            {
                kept.insert(bit);
            }
        }
    }
    kept
}

/// The fields in which what a side agreed to last is not the merged value.
fn undelivered(
    state: &State,
    entity: &Entity,
    side: &SideId,
    merged: &Image,
    base: &Image,
) -> FieldSet {
    let mut behind = FieldSet::EMPTY;
    for (bit, field) in entity.fields.iter().enumerate() {
        let value = merged.get(&field.name).unwrap_or(&Value::Null);
        let wanted = expected(state, field, side, value);
        let agreed = base.get(&field.name).unwrap_or(&Value::Null);
        if field.writable_on(side, false) && wanted.as_ref() != Some(agreed) {
            behind.insert(bit);
        }
    }
    behind
}

/// What a record refers to.
#[derive(Default)]
struct References {
    /// Records.
    records: BTreeSet<RecordId>,
    /// Rows that belong to no record yet.
    rows: BTreeSet<(Name, SideId, Ext)>,
}

impl References {
    fn add(&mut self, state: &State, image: &Image) {
        for (_, value) in image.iter() {
            value.each_ref(&mut |reference| match &reference.to {
                RefTo::Record(record) => {
                    self.records.insert(*record);
                }
                RefTo::Row { side, ext } => match state.record_of(&reference.entity, side, ext) {
                    Some(record) => {
                        self.records.insert(record);
                    }
                    None => {
                        self.rows.insert((reference.entity.clone(), side.clone(), ext.clone()));
                    }
                },
            });
        }
    }
}

/// The order in which records are decided: children before their parents where rows are gone, so that a parent
/// that was deleted together with its children is not brought back for them (LAWS 1.7 g).
#[must_use]
pub fn decision_order(state: &State, schema: &Schema) -> Vec<RecordId> {
    let mut order: Vec<(bool, usize, RecordId)> = state
        .undecided
        .iter()
        .filter_map(|id| {
            let record = state.record(*id)?;
            let gone = record.slots.values().any(|slot| slot.presence == Presence::Gone);
            let rank = schema.rank(&record.entity);
            let first = gone && !off(Switch::ChildrenDieFirst);
            // Deletions last, and among them the youngest generation first.
            Some((gone, if first { usize::MAX - rank } else { rank }, *id))
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, id)| id).collect()
}
