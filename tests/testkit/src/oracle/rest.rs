//! Laws of a world at rest: everyone shows the same, nothing is doubled, nothing dangles.

use crate::law::{Law, Violation};
use crate::profile::Profile;
use crate::rules::{GROUPED, TAGS};
use crate::setup::{CUSTOMER, ORDER};
use crate::world::{Cell, RowKey, World};
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::compare::expected;
use mizan_core::fold::{Record, RowState, State};
use mizan_core::{Entity, Image, Name, RecordId, RefTo, Rivalry, Value};
use rust_decimal::Decimal;
use std::collections::BTreeSet;

struct Rest<'a> {
    world: &'a World,
    state: &'a State,
    bodies: &'a dyn Bodies,
    excused: BTreeSet<RecordId>,
    found: Vec<Violation>,
}

/// The things whose records wait for a person or were refused for a reason of the world's.
#[must_use]
pub(super) fn excused(world: &World, state: &State) -> BTreeSet<RecordId> {
    let mut excused = BTreeSet::new();
    for (id, record) in state.each_record() {
        let thing = world.watch.things.get(&id).and_then(|thing| world.ghost.things.get(*thing));
        let marked = thing.is_some_and(|thing| thing.poisoned || thing.ambiguous);
        let waits = record.parked.is_some() || record.disputed;
        if waits || (record.refused.is_some() && marked) {
            excused.insert(id);
        }
    }
    // A child waits for its parent, and a parent cannot go while its child stays.
    loop {
        let before = excused.len();
        for (id, record) in state.each_record() {
            let near = record.refers_to.iter().any(|parent| excused.contains(parent))
                || waits_for(world, state, id, &excused);
            let children = state.children.get(&id);
            let under = record.dead
                && (children.is_some_and(|all| all.iter().any(|child| excused.contains(child)))
                    || shown_by(world, state, id, &excused));
            if near || under {
                excused.insert(id);
            }
        }
        if excused.len() == before {
            return excused;
        }
    }
}

/// True where a row of the record refers to a row that waits for a person, or whose record is excused.
fn waits_for(world: &World, state: &State, id: RecordId, excused: &BTreeSet<RecordId>) -> bool {
    let Some(thing) = world.watch.things.get(&id) else { return false };
    let mut found = false;
    for side in &world.sides {
        let rows = side.rows.values().filter(|cell| cell.live && cell.thing == *thing);
        for (_, value) in rows.flat_map(|cell| cell.image.iter()) {
            value.each_ref(&mut |reference| {
                if let RefTo::Row { ext, .. } = &reference.to {
                    let key = (reference.entity.clone(), side.id.clone(), ext.clone());
                    found |= match state.rows.get(&key) {
                        Some(RowState::Unlinked(_)) => true,
                        Some(RowState::Linked(parent)) => excused.contains(parent),
                        None => false,
                    };
                }
            });
        }
    }
    found
}

/// True where a row of an excused record refers to a row of this one.
fn shown_by(world: &World, state: &State, id: RecordId, excused: &BTreeSet<RecordId>) -> bool {
    let mut found = false;
    for side in &world.sides {
        for ((entity, ext), cell) in side.rows.iter().filter(|(_, cell)| cell.live) {
            let of = state.record_of(entity, &side.id, ext);
            if of.is_some_and(|of| !excused.contains(&of)) {
                continue;
            }
            for (_, value) in cell.image.iter() {
                value.each_ref(&mut |reference| {
                    if let RefTo::Row { ext, .. } = &reference.to {
                        found |= state.record_of(&reference.entity, &side.id, ext) == Some(id);
                    }
                });
            }
        }
    }
    found
}

/// Checks a world after it was healed and synced.
#[must_use]
pub fn check_rest(world: &World, state: &State, bodies: &dyn Bodies) -> Vec<Violation> {
    let excused = excused(world, state);
    let mut rest = Rest { world, state, bodies, excused, found: Vec::new() };
    let waits = |id: &&RecordId| state.record(**id).is_some_and(|r| r.parked.is_none());
    let undecided = state.undecided.iter().filter(waits).count();
    if !state.pending.is_empty() || undecided > 0 || !state.unlinked.is_empty() {
        let pending = state.pending.len();
        let unlinked = state.unlinked.len();
        let what = format!("{pending} in doubt, {undecided} undecided, {unlinked} not linked");
        rest.broke(Law::Terminate, what);
    }
    for (id, record) in state.each_record() {
        rest.record(id, record);
    }
    for side in 0..world.sides.len() {
        for (key, cell) in &world.sides[side].rows {
            if cell.live {
                rest.row(side, key, cell);
            }
        }
    }
    for thing in 0..world.ghost.things.len() {
        rest.thing(thing);
    }
    rest.found
}

impl Rest<'_> {
    fn broke(&mut self, law: Law, what: String) {
        self.found.push(Violation { law, what });
    }

    fn image(&self, hash: &mizan_core::ContentHash) -> Image {
        image_of(self.bodies, hash).unwrap_or_default()
    }

    fn record(&mut self, id: RecordId, record: &Record) {
        if self.excused.contains(&id) {
            return;
        }
        let Some(entity) = self.world.setup.schema.entity(&record.entity).cloned() else { return };
        if let Some(refusal) = &record.refused {
            let what = format!("{id} stays refused by {}: {}", refusal.side, refusal.message);
            self.broke(Law::HeadOfLine, what);
            return;
        }
        let merged = self.image(&record.merged);
        for side in 0..self.world.sides.len() {
            self.record_on(id, record, &entity, &merged, side);
        }
    }

    fn record_on(
        &mut self,
        id: RecordId,
        record: &Record,
        entity: &Entity,
        merged: &Image,
        side: usize,
    ) {
        let name = self.world.sides[side].id.clone();
        let slot = record.slots.get(&name);
        let ext = slot.and_then(|slot| slot.ext.clone());
        let cell = ext.and_then(|ext| self.world.sides[side].rows.get(&(entity.name.clone(), ext)));
        let cell = cell.filter(|cell| cell.live);
        let cell = match (record.dead, cell) {
            (true, None) => return,
            (true, Some(_)) => {
                return self.broke(Law::Converge, format!("{id} is dead and still on {name}"));
            }
            (false, None) if record.slots.values().all(|slot| slot.ext.is_none()) => return,
            (false, None) => {
                return self.broke(Law::Converge, format!("{id} lives and is not on {name}"));
            }
            (false, Some(cell)) => cell,
        };
        for (bit, field) in entity.fields.iter().enumerate() {
            let conflict = record.slots.values().any(|slot| slot.held(entity).contains(bit));
            if conflict {
                if !self.may_wait(record, bit, &field.rivalry) {
                    let what = format!("{id}.{} stays undecided", field.name);
                    self.broke(Law::Converge, what);
                }
                continue;
            }
            if !field.sides.contains_key(&name) {
                continue;
            }
            let value = merged.get(&field.name).unwrap_or(&Value::Null);
            let wanted = expected(self.state, field, &name, value);
            let shows = cell.image.get(&field.name).unwrap_or(&Value::Null);
            if wanted.as_ref() != Some(shows) {
                let what = format!(
                    "{id}.{} is {shows} on {name} and should be {wanted:?}, of {value}",
                    field.name
                );
                self.broke(Law::Converge, what);
            }
        }
    }

    /// A person decides where the field says so, and where three sides disagree without the preferred one.
    fn may_wait(&self, record: &Record, bit: usize, rivalry: &Rivalry) -> bool {
        match rivalry {
            // Clocks may not tell, values may have no order, and copies may not be possible.
            Rivalry::Manual
            | Rivalry::Newest
            | Rivalry::Greatest
            | Rivalry::Least
            | Rivalry::KeepBoth
            | Rivalry::Custom(_) => true,
            Rivalry::Prefer(side) => {
                let changed = |slot: &mizan_core::fold::Slot| slot.changed.contains(bit);
                let rivals = record.slots.values().filter(|slot| changed(slot)).count();
                rivals > 1 && !record.slots.get(side).is_some_and(changed)
            }
        }
    }

    fn row(&mut self, side: usize, key: &RowKey, cell: &Cell) {
        let id = self.world.sides[side].id.clone();
        let row = (key.0.clone(), id.clone(), key.1.clone());
        let seen = match self.state.rows.get(&row) {
            None => {
                return self.broke(Law::Observed, format!("{} on {id} was never seen", key.1));
            }
            Some(RowState::Unlinked(unlinked)) => unlinked.seen,
            Some(RowState::Linked(record)) => {
                let thing = self.world.watch.things.get(record);
                if thing != Some(&cell.thing) {
                    let what = format!("{} on {id} is linked to another thing", key.1);
                    self.broke(Law::Identity, what);
                }
                let slot = self.state.record(*record).and_then(|record| record.slots.get(&id));
                match slot {
                    Some(slot) if slot.ext.as_ref() == Some(&key.1) => slot.seen,
                    Some(_) | None => {
                        let what = format!("{} on {id} is a second row of {record}", key.1);
                        return self.broke(Law::Identity, what);
                    }
                }
            }
        };
        if self.image(&seen) != cell.image {
            let seen = self.image(&seen);
            let what = format!("{} on {id} is {:?} and was seen as {seen:?}", key.1, cell.image);
            self.broke(Law::Observed, what);
        }
        self.as_written(side, key, cell);
        let customer = cell.image.get(CUSTOMER).is_none_or(Value::is_null);
        // Of two rows that were typed in with different customers, a third is given none until that is decided.
        let things = &self.world.ghost.things;
        let sure = things.get(cell.thing).is_some_and(|about| !about.ambiguous);
        let had = things.iter().any(|about| about.children.contains(&cell.thing));
        let own = self.world.setup.profile == Profile::Own;
        if key.0 == ORDER && customer && sure && had && !own {
            let what = format!("{} on {id} lost its customer, which nobody took away", key.1);
            self.broke(Law::NoLostUpdate, what);
        }
        for (name, value) in cell.image.iter() {
            let mut dangles = false;
            value.each_ref(&mut |reference| {
                if let RefTo::Row { ext, .. } = &reference.to {
                    let parent = (reference.entity.clone(), ext.clone());
                    let parent = self.world.sides[side].rows.get(&parent);
                    dangles |= parent.is_none_or(|cell| !cell.live);
                }
            });
            if dangles {
                let what = format!("{} on {id}: {name} refers to a row that is gone", key.1);
                self.broke(Law::NoDangling, what);
            }
        }
    }

    /// L16: what a user wrote here is not replaced by another side's form of it.
    fn as_written(&mut self, side: usize, key: &RowKey, cell: &Cell) {
        let ghost = &self.world.ghost;
        let mut found = Vec::new();
        for (name, value) in cell.image.iter() {
            let Some(tag) = ghost.tag(cell.thing, name, value) else { continue };
            let written = ghost.stored_as.get(&(tag, side)).filter(|written| *written != value);
            // Two sides' forms of one value may be rivals, and where a field has an owner its form holds.
            let overrides = ghost.of(tag).is_some_and(|write| write.overrides);
            let free = !overrides && !ghost.looped.contains(&tag);
            if let (Some(written), true) = (written, free) {
                let id = &self.world.sides[side].id;
                found.push(format!("{name} of {} on {id} was {written} and is {value}", key.1));
            }
        }
        for what in found {
            self.broke(Law::NormalisedBack, what);
        }
    }

    fn thing(&mut self, thing: usize) {
        let about = &self.world.ghost.things[thing];
        let records: Vec<RecordId> = self
            .world
            .watch
            .things
            .iter()
            .filter(|(_, of)| **of == thing)
            .map(|(record, _)| *record)
            .collect();
        let excused = records.iter().any(|record| self.excused.contains(record));
        for side in &self.world.sides {
            let rows = side.rows.values().filter(|cell| cell.live && cell.thing == thing).count();
            if rows > 1 && !about.ambiguous {
                let what = format!("{rows} rows of thing {thing} on {}", side.id);
                self.found.push(Violation { law: Law::NoDuplicate, what });
            }
            if rows == 0 && about.deletions.is_empty() && !excused {
                let what = format!("nobody deleted thing {thing}, and it is not on {}", side.id);
                self.found.push(Violation { law: Law::NoPhantomDelete, what });
            }
        }
        let certain = about.deletions.is_empty() && !about.ambiguous && !about.copy && !excused;
        if certain && self.world.setup.profile == Profile::Rules {
            self.set(thing);
            self.group(thing, &records);
        }
        if let (true, Some(field)) = (certain, self.world.counter_of(&about.entity)) {
            let sum = Value::decimal(Decimal::from(about.stock + about.moved));
            self.stock(thing, &field, &sum);
        }
    }

    /// L30 for sets: what a user put in is there unless a user took it out, and nothing else is.
    fn set(&mut self, thing: usize) {
        let about = &self.world.ghost.things[thing];
        if about.doubtful {
            return;
        }
        let wanted: BTreeSet<&Value> = about.added.difference(&about.removed).collect();
        for side in &self.world.sides {
            let Some((key, cell)) = side.of_thing(thing) else { continue };
            let shown: BTreeSet<&Value> = match cell.image.get(TAGS) {
                Some(Value::List(items)) => items.iter().collect(),
                _ => BTreeSet::new(),
            };
            if shown != wanted {
                let what = format!(
                    "the tags of {} on {} are {shown:?} and should be {wanted:?}",
                    key.1, side.id
                );
                self.found.push(Violation { law: Law::DisjointEdits, what });
            }
        }
    }

    /// Fields of a group hold what some user saw together.
    fn group(&mut self, thing: usize, records: &[RecordId]) {
        let about = &self.world.ghost.things[thing];
        let waits = records.iter().any(|id| self.state.conflicts.contains(id));
        if about.entity != CUSTOMER || about.dropped || about.doubtful || waits {
            return;
        }
        for side in &self.world.sides {
            let Some((key, cell)) = side.of_thing(thing) else { continue };
            let shown: Vec<Value> =
                GROUPED.iter().map(|f| cell.image.get(f).cloned().unwrap_or(Value::Null)).collect();
            if !about.together.contains(&shown) {
                let what =
                    format!("nobody saw {shown:?} together; {} on {} has it", key.1, side.id);
                self.found.push(Violation { law: Law::Together, what });
            }
        }
    }

    fn stock(&mut self, thing: usize, field: &Name, sum: &Value) {
        for side in &self.world.sides {
            let Some((key, cell)) = side.of_thing(thing) else { continue };
            let shows = cell.image.get(field);
            if shows != Some(sum) {
                let shows = shows.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                let what =
                    format!("{field} of {} on {} is {shows} and should be {sum}", key.1, side.id);
                self.found.push(Violation { law: Law::Counter, what });
            }
        }
    }
}
