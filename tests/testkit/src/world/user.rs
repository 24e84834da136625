//! What users do.

use super::ghost::{Deletion, Thing, tagged};
use super::{Cell, Deferred, Later, RowKey, World};
use crate::profile::Profile;
use crate::rules::{GROUPED, TAGS};
use crate::setup::{CUSTOMER, ORDER};
use crate::step::Step;
use mizan_core::{Ext, Image, Name, Ref, RefTo, Value};
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// Fields whose values carry tags.
const TAGGED: [(&str, &[&str]); 2] = [(CUSTOMER, &["name", "note", "credit"]), (ORDER, &["qty"])];

impl World {
    /// The fields of an entity whose values carry tags.
    fn tagged_fields(&self, entity: &str) -> Vec<&'static str> {
        let plain = TAGGED.iter().find(|(name, _)| *name == entity);
        let mut fields = plain.map_or_else(Vec::new, |(_, fields)| fields.to_vec());
        if self.setup.profile == Profile::Rules && entity == CUSTOMER {
            fields.extend(GROUPED);
        }
        fields
    }
}

fn is_decimal(field: &str) -> bool {
    matches!(field, "credit" | "qty" | "stock")
}

impl World {
    /// A user's step; steps of the engine do nothing here.
    pub fn user(&mut self, step: Step) {
        if self.setup.own.is_some() {
            return self.own_user(step);
        }
        match step {
            Step::Create { side, order } => self.create(side, order),
            Step::Twin { side, pick } => self.twin(side, pick),
            Step::Edit { side, pick, field, late } => match self.pick_set(side, pick, field) {
                Some(row) => self.sort_out(side, &row, pick, field == 3),
                None => self.edit(side, pick, field, late),
            },
            Step::Clear { side, pick, field } => {
                if let Some(row) = self.pick_set(side, pick, field) {
                    self.sort_out(side, &row, pick, true);
                } else if let Some((row, field)) = self.pick_field(side, pick, field) {
                    let (thing, overrides) = self.about(side, &row, &field);
                    let tag = self.ghost.emptied(thing, &field, side, overrides);
                    let stamp = self.now;
                    self.commit(side, &row, &field, &Value::Null, tag, stamp);
                }
            }
            Step::Undo { side, pick, field } => self.undo(side, pick, field),
            Step::Poison { side, pick } => self.poison(side, pick),
            Step::Alike { pick, field } => self.alike(pick, field),
            Step::Move { side, pick, by } => {
                if let Some(row) = self.pick(side, Some(ORDER), pick) {
                    self.move_stock(side, &row, by);
                }
            }
            Step::Refer { side, pick, to } => self.refer(side, pick, to),
            Step::Delete { side, pick } => {
                if let Some(row) = self.pick(side, None, pick) {
                    self.delete(side, &row);
                }
            }
            Step::Make { .. }
            | Step::Sync { .. }
            | Step::Mishap(_)
            | Step::Pass { .. }
            | Step::Heal
            | Step::Epoch { .. }
            | Step::Restore { .. } => {}
        }
    }

    pub(super) fn pick(&self, side: usize, entity: Option<&str>, pick: usize) -> Option<RowKey> {
        let mut rows = self.sides.get(side)?.live();
        rows.retain(|(name, _)| entity.is_none_or(|entity| name == entity));
        if rows.is_empty() {
            return None;
        }
        Some(rows.swap_remove(pick % rows.len()))
    }

    fn pick_field(&self, side: usize, pick: usize, field: usize) -> Option<(RowKey, Name)> {
        let row = self.pick(side, None, pick)?;
        let fields = self.tagged_fields(&row.0);
        // Steps choose among four fields; where there are more, the row has a say too.
        let spread = if fields.len() > 4 { field + pick } else { field };
        Some((row, Name::new(fields[spread % fields.len()])))
    }

    pub(super) fn about(&self, side: usize, row: &RowKey, field: &Name) -> (usize, bool) {
        let thing = self.sides[side].rows.get(row).map_or(usize::MAX, |cell| cell.thing);
        (thing, self.overrides(side, &row.0, field))
    }

    pub(super) fn overrides(&self, side: usize, entity: &str, field: &str) -> bool {
        let spec = self.setup.schema.entity(entity);
        let field = spec.and_then(|spec| spec.fields.iter().find(|one| one.name == field));
        let owner = field.and_then(|field| field.owner.as_ref());
        owner.is_some_and(|owner| *owner != self.sides[side].id)
    }

    pub(super) fn stored(&self, side: usize, entity: &str, field: &str, raw: &Value) -> Value {
        let spec = self.setup.schema.entity(entity);
        let spec = spec.and_then(|spec| spec.fields.iter().find(|one| one.name == field));
        spec.map_or_else(|| raw.clone(), |spec| spec.on_side(&self.sides[side].id, raw))
    }

    fn fill(&mut self, side: usize, thing: usize, entity: &str, image: &mut Image) {
        for field in self.tagged_fields(entity) {
            let name = Name::new(field);
            let tag = self.ghost.write(thing, &name, side, self.overrides(side, entity, field));
            let spice = usize::try_from(tag).unwrap_or(0);
            let raw = tagged(tag, is_decimal(field), spice.wrapping_mul(7));
            let value = self.stored(side, entity, field, &raw);
            self.ghost.made(tag, side, &value);
            image.set(&name, value);
        }
        self.together(thing, image);
    }

    /// Notes what a user sees in grouped fields after writing to a row.
    fn together(&mut self, thing: usize, image: &Image) {
        let values = GROUPED.map(|field| image.get(field).cloned().unwrap_or(Value::Null));
        if let Some(thing) = self.ghost.things.get_mut(thing) {
            thing.together.insert(values.to_vec());
        }
    }

    /// A user puts something into the set of an order, or takes something out of it.
    fn sort_out(&mut self, side: usize, row: &RowKey, pick: usize, out: bool) {
        let field = Name::new(TAGS);
        let now = self.now;
        let count = self.ghost.sorted;
        let Some(cell) = self.sides[side].rows.get_mut(row).filter(|cell| cell.live) else {
            return;
        };
        let mut items = match cell.image.get(&field) {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        let thing = cell.thing;
        let Some(about) = self.ghost.things.get_mut(thing) else { return };
        if out {
            if items.is_empty() {
                return;
            }
            let item = items.remove(pick % items.len());
            about.removed.insert(item);
        } else {
            let item = Value::text(format!("t{count}"));
            self.ghost.sorted += 1;
            about.added.insert(item.clone());
            items.push(item);
        }
        about.moves += 1;
        items.sort();
        let value = Value::List(items);
        cell.image.set(&field, value.clone());
        cell.stamp = now;
        cell.keep(now);
        let (id, ext) = (self.side_id(side), row.1.clone());
        self.tell(|| format!("user on {id} makes the tags of {ext} {value} (thing {thing})"));
    }

    /// The order whose set a step is about, where there are sets.
    fn pick_set(&self, side: usize, pick: usize, field: usize) -> Option<RowKey> {
        let sets = self.setup.profile == Profile::Rules && field % 2 == 1;
        let row = self.pick(side, None, pick).filter(|_| sets)?;
        (row.0 == ORDER).then_some(row)
    }

    fn create(&mut self, side: usize, order: bool) {
        let customer = self.pick(side, Some(CUSTOMER), self.ghost.things.len());
        if side >= self.sides.len() || (order && customer.is_none()) {
            return;
        }
        let thing = self.ghost.things.len();
        let entity = Name::new(if order { ORDER } else { CUSTOMER });
        self.ghost.things.push(Thing::new(entity.clone(), vec![side]));
        let mut image = Image::default();
        let key = if order { format!("o-{thing}") } else { format!("c{thing}@example.org") };
        image.set(&Name::new(if order { "ref" } else { "email" }), Value::text(key));
        self.fill(side, thing, &entity, &mut image);
        if let Some((_, ext)) = customer.filter(|_| order) {
            image.set(&Name::new("stock"), Value::decimal(Decimal::from(100)));
            self.set_parent(side, thing, &ext, &mut image);
        }
        self.insert(side, &entity, thing, image);
    }

    pub(super) fn set_parent(&mut self, side: usize, child: usize, ext: &Ext, image: &mut Image) {
        let customer = Name::new(CUSTOMER);
        if let Some(cell) = self.sides[side].rows.get(&(customer.clone(), ext.clone())) {
            let parent = cell.thing;
            self.ghost.things[parent].children.insert(child);
        }
        let value = Value::row_ref(&customer, &self.sides[side].id, ext.clone());
        image.set(&customer, value);
    }

    pub(super) fn insert(
        &mut self,
        side: usize,
        entity: &Name,
        thing: usize,
        mut image: Image,
    ) -> Ext {
        let ext = self.sides[side].new_ext();
        self.add_unknown_column(side, &ext, &mut image);
        let now = self.now;
        let id = self.side_id(side);
        self.tell(|| format!("user on {id} creates {entity} {ext} (thing {thing})"));
        let mut cell = Cell {
            thing,
            image,
            stamp: now,
            marker: None,
            live: true,
            deleted_at: None,
            made_by: None,
            versions: Vec::new(),
        };
        cell.keep(now);
        self.sides[side].rows.insert((entity.clone(), ext.clone()), cell);
        ext
    }

    /// A row that another side has already, typed in again by hand.
    fn twin(&mut self, side: usize, pick: usize) {
        let Some(here) = self.sides.get(side) else { return };
        let known: BTreeSet<usize> = here.rows.values().map(|cell| cell.thing).collect();
        let mut open: Vec<(usize, RowKey)> = Vec::new();
        for (index, other) in self.sides.iter().enumerate() {
            let rows =
                other.rows.iter().filter(|(_, cell)| cell.live && !known.contains(&cell.thing));
            open.extend(rows.map(|(key, _)| (index, key.clone())));
        }
        if open.is_empty() {
            return;
        }
        let (from, row) = open.swap_remove(pick % open.len());
        let Some(cell) = self.sides[from].rows.get(&row).cloned() else { return };
        let (entity, thing) = (row.0, cell.thing);
        if self.ghost.things[thing].deletions.is_empty() {
            let mut image = Image::default();
            let key = Name::new(if entity == ORDER { "ref" } else { "email" });
            if let Some(value) = cell.image.get(&key) {
                image.set(&key, value.clone());
            }
            if entity == ORDER {
                let Some((_, parent)) = self.pick(side, Some(CUSTOMER), pick) else { return };
                image.set(&Name::new("stock"), Value::decimal(Decimal::from(100)));
                self.set_parent(side, thing, &parent, &mut image);
            }
            self.fill(side, thing, &entity, &mut image);
            self.ghost.things[thing].made_on.push(side);
            self.ghost.things[thing].ambiguous = true;
            self.coverage.note("user typed in what another side has");
            self.insert(side, &entity, thing, image);
        }
    }

    fn edit(&mut self, side: usize, pick: usize, field: usize, late: i64) {
        let Some((row, field)) = self.pick_field(side, pick, field) else { return };
        let (thing, overrides) = self.about(side, &row, &field);
        let tag = self.ghost.write(thing, &field, side, overrides);
        let raw = tagged(tag, is_decimal(&field), pick.wrapping_add(tag as usize));
        let stamp = self.now;
        if late > 0 {
            let what = Later::Commit { row, field, raw, tag, stamp };
            self.deferred.push(Deferred { at: self.now + late, side, what });
            self.coverage.note("edit committed late");
        } else {
            self.commit(side, &row, &field, &raw, tag, stamp);
        }
    }

    /// A user's value takes its place in the row.
    pub(super) fn commit(
        &mut self,
        side: usize,
        row: &RowKey,
        field: &Name,
        raw: &Value,
        tag: u32,
        stamp: i64,
    ) {
        let value = self.stored(side, &row.0, field, raw);
        let now = self.now;
        let Some(cell) = self.sides[side].rows.get_mut(row).filter(|cell| cell.live) else {
            // The row was deleted before the edit was committed: it was never made.
            return;
        };
        let before = cell.image.get(field).cloned().unwrap_or(Value::Null);
        if before == value {
            return;
        }
        let thing = cell.thing;
        cell.image.set(field, value.clone());
        cell.stamp = stamp;
        cell.keep(now);
        let shown = cell.image.clone();
        self.together(thing, &shown);
        let old = self.ghost.tag(thing, field, &before);
        self.ghost.made(tag, side, &value);
        self.ghost.replaced(old, tag);
        let (id, ext) = (self.side_id(side), row.1.clone());
        self.tell(|| {
            format!("user on {id} sets {field} of {ext}: {before} -> {value} (thing {thing})")
        });
    }

    fn undo(&mut self, side: usize, pick: usize, field: usize) {
        if let Some((row, field)) = self.pick_field(side, pick, field) {
            self.put_back(side, &row, &field);
        }
    }

    pub(super) fn put_back(&mut self, side: usize, row: &RowKey, field: &Name) {
        let Some(cell) = self.sides[side].rows.get(row) else { return };
        let thing = cell.thing;
        let now = cell.image.get(field);
        let earlier = cell.versions.iter().rev().filter_map(|version| {
            version.shown.as_ref().and_then(|(image, _, _)| image.get(field).cloned())
        });
        let Some(value) = earlier.into_iter().find(|value| Some(value) != now) else { return };
        let Some(tag) = self.ghost.tag(thing, field, &value) else { return };
        self.ghost.looped.insert(tag);
        self.coverage.note("user put back an earlier value");
        let stamp = self.now;
        self.commit(side, row, field, &value, tag, stamp);
    }

    fn poison(&mut self, side: usize, pick: usize) {
        let Some(row) = self.pick(side, Some(CUSTOMER), pick) else { return };
        let field = Name::new("name");
        let (thing, overrides) = self.about(side, &row, &field);
        let tag = self.ghost.write(thing, &field, side, overrides);
        self.ghost.things[thing].poisoned = true;
        self.coverage.note("user wrote what other sides refuse");
        let (stamp, value) = (self.now, Value::text(format!("v{tag}!")));
        self.commit(side, &row, &field, &value, tag, stamp);
    }

    fn alike(&mut self, pick: usize, field: usize) {
        if self.ghost.things.is_empty() {
            return;
        }
        let thing = pick % self.ghost.things.len();
        let places: Vec<(usize, RowKey)> = self
            .sides
            .iter()
            .enumerate()
            .filter_map(|(index, side)| Some((index, side.of_thing(thing)?.0.clone())))
            .collect();
        if places.len() < 2 {
            return;
        }
        let fields = self.tagged_fields(&self.ghost.things[thing].entity);
        let field = Name::new(fields[field % fields.len()]);
        let owned = places.iter().all(|(side, row)| self.overrides(*side, &row.0, &field));
        let tag = self.ghost.write(thing, &field, places[0].0, owned);
        self.ghost.looped.insert(tag);
        let raw = tagged(tag, is_decimal(&field), 2);
        self.coverage.note("users on two sides wrote the same");
        let stamp = self.now;
        for (side, row) in places {
            self.commit(side, &row, &field, &raw, tag, stamp);
        }
    }

    pub(super) fn move_stock(&mut self, side: usize, row: &RowKey, by: i64) {
        let (now, silent) = (self.now, self.setup.silent_stock);
        let Some(field) = self.counter_of(&row.0) else { return };
        let Some(cell) = self.sides[side].rows.get_mut(row).filter(|cell| cell.live) else {
            return;
        };
        let Some(Value::Decimal(stock)) = cell.image.get(&field) else { return };
        if by == 0 {
            return;
        }
        let value = Value::decimal(*stock + Decimal::from(by));
        cell.image.set(&field, value.clone());
        if !silent {
            cell.stamp = now;
        }
        cell.keep(now);
        let thing = cell.thing;
        self.ghost.things[thing].moved += by;
        self.ghost.things[thing].moves += 1;
        let (id, ext) = (self.side_id(side), row.1.clone());
        self.tell(|| {
            format!("user on {id} moves stock of {ext} by {by} to {value} (thing {thing})")
        });
    }

    fn refer(&mut self, side: usize, pick: usize, to: usize) {
        let Some(row) = self.pick(side, Some(ORDER), pick) else { return };
        let Some((_, parent)) = self.pick(side, Some(CUSTOMER), to) else { return };
        let Some(cell) = self.sides[side].rows.get(&row) else { return };
        let (thing, mut image) = (cell.thing, cell.image.clone());
        self.set_parent(side, thing, &parent, &mut image);
        let now = self.now;
        if let Some(cell) = self.sides[side].rows.get_mut(&row)
            && cell.image != image
        {
            cell.image = image;
            cell.stamp = now;
            cell.keep(now);
            self.ghost.things[thing].moves += 1;
            let (id, ext) = (self.side_id(side), row.1.clone());
            self.tell(|| format!("user on {id} gives {ext} to customer {parent} (thing {thing})"));
        }
    }

    /// A user deletes a row, if nothing on the side refers to it.
    pub(crate) fn delete(&mut self, side: usize, row: &RowKey) {
        if self.in_use(side, row) {
            return;
        }
        let now = self.now;
        let Some(cell) = self.sides[side].rows.get_mut(row).filter(|cell| cell.live) else {
            return;
        };
        cell.live = false;
        cell.deleted_at = Some(now);
        cell.keep(now);
        let (thing, image) = (cell.thing, cell.image.clone());
        let saw = image.iter().filter_map(|(field, value)| self.ghost.tag(thing, field, value));
        let saw = saw.collect();
        let moves = self.ghost.things[thing].moved;
        self.ghost.things[thing].deletions.push(Deletion { side, saw, moves, at: now });
        let (id, ext) = (self.side_id(side), row.1.clone());
        self.tell(|| format!("user on {id} deletes {ext} (thing {thing})"));
    }

    /// True where a live row on the side refers to this one.
    pub(super) fn in_use(&self, side: usize, row: &RowKey) -> bool {
        self.sides[side].rows.values().filter(|cell| cell.live).any(|cell| {
            let mut found = false;
            for (_, value) in cell.image.iter() {
                value.each_ref(&mut |reference: &Ref| {
                    found |= matches!(&reference.to, RefTo::Row { ext, .. }
                        if reference.entity == row.0 && *ext == row.1);
                });
            }
            found
        })
    }

    /// A user happens to edit a row between two of our requests.
    pub(crate) fn meddle(&mut self, side: usize, row: &RowKey) {
        if self.setup.own.is_some() {
            return self.own_meddle(side, row);
        }
        if row.0 == ORDER && self.rng.per_mille(500) {
            let by = self.rng.between(-3, 3);
            return self.move_stock(side, row, by);
        }
        let fields = self.tagged_fields(&row.0);
        let field = Name::new(fields[self.rng.below(fields.len())]);
        let (thing, overrides) = self.about(side, row, &field);
        if thing == usize::MAX {
            return;
        }
        let tag = self.ghost.write(thing, &field, side, overrides);
        let raw = tagged(tag, is_decimal(&field), tag as usize);
        let stamp = self.now;
        self.commit(side, row, &field, &raw, tag, stamp);
    }
}
