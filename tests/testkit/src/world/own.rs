//! Users of a set-up that is the user's own: they do what its schema allows, whatever its entities are called.

use super::ghost::{Thing, tagged};
use super::{Cell, Deferred, Later, RowKey, World};
use crate::profile::Faults;
use crate::step::Step;
use crate::vices::Vice;
use mizan_core::{Entity, Ext, Field, Image, Meaning, Name, Rule, Type, Value};
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// First stock of everything that is counted.
const STOCK: i64 = 100;
/// Milliseconds between two tags in a moment: no side cuts moments more coarsely.
pub(crate) const MOMENT_MS: i64 = 86_400_000;
/// Where tagged days begin.
pub(crate) const DAY_ZERO: i32 = 730_000;

/// What a simulation's own set-up says beyond the schema.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// The sides, in order.
    pub sides: Vec<OwnSide>,
}

/// One side of it.
#[derive(Clone, Debug, Default)]
pub struct OwnSide {
    /// Its faults, in place of the history's.
    pub faults: Option<Faults>,
    /// Rows on a page; one to four where nothing is said.
    pub page: Option<usize>,
    /// How it breaks the adapter's contract.
    pub vice: Option<Vice>,
    /// Edits may show later than their stamps say.
    pub late_commits: bool,
}

/// True where values of the type can carry the tag of the write they come from.
pub(crate) fn taggable(field: &Field) -> bool {
    let carries = match &field.kind {
        Type::Text | Type::Decimal | Type::Date | Type::Instant => true,
        Type::Bool | Type::Ref(_) | Type::Items(_) | Type::Any => false,
    };
    carries && field.meaning == Meaning::Value
}

fn counted(field: &Field) -> bool {
    field.meaning == Meaning::Counter
}

/// A value of the field's type that carries a tag, recoverable from what any side makes of it.
fn value_of(field: &Field, tag: u32, spice: usize) -> Value {
    let whole = |rule: &Rule| matches!(rule, Rule::Decimal { scale: 0, .. });
    match &field.kind {
        Type::Date => {
            let day = DAY_ZERO.saturating_add(i32::try_from(tag).unwrap_or(0));
            chrono::NaiveDate::from_num_days_from_ce_opt(day).map_or(Value::Null, Value::Date)
        }
        Type::Instant => Value::Instant(i64::from(tag) * MOMENT_MS),
        // Where a side keeps no digits, what it rounds must not reach the next tag.
        Type::Decimal if field.sides.values().any(|on| on.normaliser.0.iter().any(whole)) => {
            let thousandths = [0u32, 375, 125, 10][spice % 4];
            let tag = i64::from(tag) * 1000 + i64::from(thousandths);
            Value::decimal(Decimal::new(tag, 3))
        }
        Type::Decimal => tagged(tag, true, spice),
        Type::Text | Type::Bool | Type::Ref(_) | Type::Items(_) | Type::Any => {
            tagged(tag, false, spice)
        }
    }
}

fn key_value(field: &Field, thing: usize) -> Value {
    let thing = i64::try_from(thing).unwrap_or(0);
    match &field.kind {
        Type::Decimal => Value::decimal(Decimal::from(thing)),
        Type::Text
        | Type::Bool
        | Type::Date
        | Type::Instant
        | Type::Ref(_)
        | Type::Items(_)
        | Type::Any => Value::text(format!("k-{thing}")),
    }
}

impl World {
    /// A user's step in a set-up of the user's own.
    pub(super) fn own_user(&mut self, step: Step) {
        match step {
            Step::Make { side, entity } => self.own_make(side, entity),
            Step::Create { side, order } => self.own_make(side, usize::from(order)),
            Step::Twin { side, pick } => self.own_twin(side, pick),
            Step::Edit { side, pick, field, late } => self.own_edit(side, pick, field, late),
            Step::Clear { side, pick, field } => {
                if let Some((row, field)) = self.own_pick(side, pick, field, taggable)
                    && self.holds_more(side, &row, &field.name)
                {
                    let (thing, overrides) = self.about(side, &row, &field.name);
                    let tag = self.ghost.emptied(thing, &field.name, side, overrides);
                    let stamp = self.now;
                    self.commit(side, &row, &field.name, &Value::Null, tag, stamp);
                }
            }
            Step::Undo { side, pick, field } => {
                if let Some((row, field)) = self.own_pick(side, pick, field, taggable)
                    && self.holds_more(side, &row, &field.name)
                {
                    self.put_back(side, &row, &field.name);
                }
            }
            Step::Poison { side, pick } => self.own_poison(side, pick),
            Step::Alike { pick, field } => self.own_alike(pick, field),
            Step::Move { side, pick, by } => {
                if let Some((row, _)) = self.own_pick(side, pick, 0, counted) {
                    self.move_stock(side, &row, by);
                }
            }
            Step::Refer { side, pick, to } => self.own_refer(side, pick, to),
            Step::Delete { side, pick } => {
                if let Some(row) = self.pick(side, None, pick) {
                    self.delete(side, &row);
                }
            }
            Step::Sync { .. }
            | Step::Mishap(_)
            | Step::Pass { .. }
            | Step::Heal
            | Step::Epoch { .. }
            | Step::Restore { .. } => {}
        }
    }

    /// True where the row holds something besides the field: what holds nothing at all is no record to anybody.
    fn holds_more(&self, side: usize, row: &RowKey, field: &Name) -> bool {
        let Some(cell) = self.sides[side].rows.get(row) else { return false };
        cell.image.iter().any(|(name, value)| name != field && !value.is_null())
    }

    /// The name of an entity's counter.
    pub(crate) fn counter_of(&self, entity: &str) -> Option<Name> {
        let entity = self.setup.schema.entity(entity)?;
        Some(entity.fields.iter().find(|field| counted(field))?.name.clone())
    }

    /// A row of the side that has such a field, and the field; keys are never changed.
    fn own_pick(
        &self,
        side: usize,
        pick: usize,
        field: usize,
        wanted: fn(&Field) -> bool,
    ) -> Option<(RowKey, Field)> {
        let here = self.sides.get(side)?;
        let mut open: Vec<(RowKey, Vec<&Field>)> = Vec::new();
        for row in here.live() {
            let Some(entity) = self.setup.schema.entity(&row.0) else { continue };
            let fields: Vec<&Field> = entity
                .fields
                .iter()
                .filter(|field| {
                    let carried = field.sides.contains_key(&here.id);
                    carried && wanted(field) && !entity.key.contains(&field.name)
                })
                .collect();
            if !fields.is_empty() {
                open.push((row, fields));
            }
        }
        if open.is_empty() {
            return None;
        }
        let (row, fields) = open.swap_remove(pick % open.len());
        let field = fields[field % fields.len()].clone();
        Some((row, field))
    }

    fn own_make(&mut self, side: usize, entity: usize) {
        let entities = &self.setup.schema.entities;
        if side >= self.sides.len() || entities.is_empty() {
            return;
        }
        let entity = entities[entity % entities.len()].clone();
        let thing = self.ghost.things.len();
        let about = Thing { stock: STOCK, ..Thing::new(entity.name.clone(), vec![side]) };
        self.ghost.things.push(about);
        let mut image = Image::default();
        for field in entity.fields.iter().filter(|field| entity.key.contains(&field.name)) {
            let value = key_value(field, thing);
            let value = self.stored(side, &entity.name, &field.name, &value);
            image.set(&field.name, value);
        }
        self.own_fill(side, thing, &entity, thing, &mut image);
        self.insert(side, &entity.name, thing, image);
    }

    /// Values for everything but the key.
    fn own_fill(
        &mut self,
        side: usize,
        thing: usize,
        entity: &Entity,
        to: usize,
        image: &mut Image,
    ) {
        let id = self.side_id(side);
        for field in entity.fields.iter().filter(|field| field.sides.contains_key(&id)) {
            if entity.key.contains(&field.name) {
                continue;
            }
            if counted(field) {
                image.set(&field.name, Value::decimal(Decimal::from(STOCK)));
                continue;
            }
            match &field.kind {
                Type::Bool => image.set(&field.name, Value::Bool(thing.is_multiple_of(2))),
                Type::Ref(parent) => {
                    image.set(&field.name, Value::Null);
                    if let Some((_, ext)) = self.pick(side, Some(parent), to) {
                        self.own_parent(side, thing, field, parent, &ext, image);
                    }
                }
                Type::Text | Type::Decimal | Type::Date | Type::Instant => {
                    let overrides = self.overrides(side, &entity.name, &field.name);
                    let tag = self.ghost.write(thing, &field.name, side, overrides);
                    let spice = usize::try_from(tag).unwrap_or(0);
                    let raw = value_of(field, tag, spice.wrapping_mul(7));
                    let value = self.stored(side, &entity.name, &field.name, &raw);
                    self.ghost.made(tag, side, &value);
                    image.set(&field.name, value);
                }
                Type::Items(_) | Type::Any => {}
            }
        }
    }

    fn own_parent(
        &mut self,
        side: usize,
        child: usize,
        field: &Field,
        parent: &Name,
        ext: &Ext,
        image: &mut Image,
    ) {
        if let Some(cell) = self.sides[side].rows.get(&(parent.clone(), ext.clone())) {
            let parent = cell.thing;
            self.ghost.things[parent].children.insert(child);
        }
        let value = Value::row_ref(parent, &self.sides[side].id, ext.clone());
        image.set(&field.name, value);
    }

    /// A row that another side has already, typed in again by hand; only a key can tell.
    fn own_twin(&mut self, side: usize, pick: usize) {
        let Some(here) = self.sides.get(side) else { return };
        let known: BTreeSet<usize> = here.rows.values().map(|cell| cell.thing).collect();
        let mut open: Vec<(RowKey, Cell)> = Vec::new();
        for other in &self.sides {
            let rows = other.rows.iter().filter(|(row, cell)| {
                let keyed = self.setup.schema.entity(&row.0).is_some_and(|e| !e.key.is_empty());
                let fresh = self.ghost.things[cell.thing].deletions.is_empty();
                cell.live && keyed && fresh && !known.contains(&cell.thing)
            });
            open.extend(rows.map(|(row, cell)| (row.clone(), cell.clone())));
        }
        if open.is_empty() {
            return;
        }
        let (row, cell) = open.swap_remove(pick % open.len());
        let Some(entity) = self.setup.schema.entity(&row.0).cloned() else { return };
        let mut image = Image::default();
        for field in entity.fields.iter().filter(|field| entity.key.contains(&field.name)) {
            let value = key_value(field, cell.thing);
            let value = self.stored(side, &entity.name, &field.name, &value);
            image.set(&field.name, value);
        }
        self.own_fill(side, cell.thing, &entity, pick, &mut image);
        self.ghost.things[cell.thing].made_on.push(side);
        self.ghost.things[cell.thing].ambiguous = true;
        self.coverage.note("user typed in what another side has");
        self.insert(side, &entity.name, cell.thing, image);
    }

    fn own_edit(&mut self, side: usize, pick: usize, field: usize, late: i64) {
        let editable = |field: &Field| taggable(field) || field.kind == Type::Bool;
        let Some((row, field)) = self.own_pick(side, pick, field, editable) else { return };
        if field.kind == Type::Bool {
            return self.flip(side, &row, &field.name);
        }
        let (thing, overrides) = self.about(side, &row, &field.name);
        let tag = self.ghost.write(thing, &field.name, side, overrides);
        let raw = value_of(&field, tag, pick.wrapping_add(tag as usize));
        let stamp = self.now;
        let may = self.own_side(side).is_some_and(|own| own.late_commits);
        if late > 0 && may {
            let what = Later::Commit { row, field: field.name, raw, tag, stamp };
            self.deferred.push(Deferred { at: self.now + late, side, what });
            self.coverage.note("edit committed late");
        } else {
            self.commit(side, &row, &field.name, &raw, tag, stamp);
        }
    }

    /// Yes and no carry no tag: what became of them is seen at rest only.
    fn flip(&mut self, side: usize, row: &RowKey, field: &Name) {
        let now = self.now;
        let Some(cell) = self.sides[side].rows.get_mut(row) else { return };
        let flag = cell.image.get(field) != Some(&Value::Bool(true));
        cell.image.set(field, Value::Bool(flag));
        cell.stamp = now;
        cell.keep(now);
        let thing = cell.thing;
        self.ghost.things[thing].moves += 1;
        let (id, ext) = (self.side_id(side), row.1.clone());
        self.tell(|| format!("user on {id} sets {field} of {ext}: {flag} (thing {thing})"));
    }

    fn own_poison(&mut self, side: usize, pick: usize) {
        let text = |field: &Field| field.kind == Type::Text && taggable(field);
        let Some((row, field)) = self.own_pick(side, pick, 0, text) else { return };
        let (thing, overrides) = self.about(side, &row, &field.name);
        let tag = self.ghost.write(thing, &field.name, side, overrides);
        self.ghost.things[thing].poisoned = true;
        self.coverage.note("user wrote what other sides refuse");
        let (stamp, value) = (self.now, Value::text(format!("v{tag}!")));
        self.commit(side, &row, &field.name, &value, tag, stamp);
    }

    fn own_alike(&mut self, pick: usize, field: usize) {
        if self.ghost.things.is_empty() {
            return;
        }
        let thing = pick % self.ghost.things.len();
        let Some(entity) = self.setup.schema.entity(&self.ghost.things[thing].entity) else {
            return;
        };
        let fields: Vec<&Field> = entity
            .fields
            .iter()
            .filter(|field| taggable(field) && !entity.key.contains(&field.name))
            .collect();
        if fields.is_empty() {
            return;
        }
        let field = fields[field % fields.len()].clone();
        let places: Vec<(usize, RowKey)> = self
            .sides
            .iter()
            .enumerate()
            .filter(|(_, side)| field.sides.contains_key(&side.id))
            .filter_map(|(index, side)| Some((index, side.of_thing(thing)?.0.clone())))
            .collect();
        if places.len() < 2 {
            return;
        }
        let owned = places.iter().all(|(side, row)| self.overrides(*side, &row.0, &field.name));
        let tag = self.ghost.write(thing, &field.name, places[0].0, owned);
        self.ghost.looped.insert(tag);
        let raw = value_of(&field, tag, 2);
        self.coverage.note("users on two sides wrote the same");
        let stamp = self.now;
        for (side, row) in places {
            self.commit(side, &row, &field.name, &raw, tag, stamp);
        }
    }

    fn own_refer(&mut self, side: usize, pick: usize, to: usize) {
        let refers = |field: &Field| matches!(field.kind, Type::Ref(_));
        let Some((row, field)) = self.own_pick(side, pick, to, refers) else { return };
        let Type::Ref(parent) = &field.kind else { return };
        let Some((_, ext)) = self.pick(side, Some(parent), to) else { return };
        let Some(cell) = self.sides[side].rows.get(&row) else { return };
        let (thing, mut image) = (cell.thing, cell.image.clone());
        self.own_parent(side, thing, &field, parent, &ext, &mut image);
        let now = self.now;
        if let Some(cell) = self.sides[side].rows.get_mut(&row)
            && cell.image != image
        {
            cell.image = image;
            cell.stamp = now;
            cell.keep(now);
            self.ghost.things[thing].moves += 1;
            let (id, child, name) = (self.side_id(side), row.1.clone(), field.name.clone());
            self.tell(|| format!("user on {id} sets {name} of {child}: {ext} (thing {thing})"));
        }
    }

    /// A user happens to edit a row between two of our requests.
    pub(super) fn own_meddle(&mut self, side: usize, row: &RowKey) {
        if self.counter_of(&row.0).is_some() && self.rng.per_mille(500) {
            let by = self.rng.between(-3, 3);
            return self.move_stock(side, row, by);
        }
        let id = self.side_id(side);
        let Some(entity) = self.setup.schema.entity(&row.0) else { return };
        let fields: Vec<&Field> = entity
            .fields
            .iter()
            .filter(|field| field.sides.contains_key(&id) && taggable(field))
            .filter(|field| !entity.key.contains(&field.name))
            .collect();
        if fields.is_empty() {
            return;
        }
        let count = fields.len();
        let fields: Vec<Field> = fields.into_iter().cloned().collect();
        let field = &fields[self.rng.below(count)];
        let (thing, overrides) = self.about(side, row, &field.name);
        if thing == usize::MAX {
            return;
        }
        let tag = self.ghost.write(thing, &field.name, side, overrides);
        let raw = value_of(field, tag, tag as usize);
        let stamp = self.now;
        self.commit(side, row, &field.name, &raw, tag, stamp);
    }

    pub(crate) fn own_side(&self, side: usize) -> Option<&OwnSide> {
        self.setup.own.as_ref()?.sides.get(side)
    }

    /// The faults of the side that is spoken to, where it has some of its own and there are any at all.
    pub(crate) fn face(&mut self, side: usize) {
        let own = self.own_side(side).and_then(|own| own.faults);
        self.faults = match own {
            Some(own) if self.rolled != Faults::none() => own,
            Some(_) | None => self.rolled,
        };
    }
}
