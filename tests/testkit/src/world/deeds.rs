//! What users do in a scenario: with values in words, on things that the scenario names.

use super::ghost::{Thing, Write};
use super::{Deferred, Later, RowKey, World};
use crate::setup::{CUSTOMER, ORDER};
use mizan_core::{Image, Name, Value};
use rust_decimal::Decimal;

/// The stock of a new order.
const STOCK: i64 = 100;

impl World {
    /// A user makes a row; the answer is the number of the thing that it stands for.
    pub fn user_makes(&mut self, side: usize, entity: &str, fields: &[(&str, Value)]) -> usize {
        let thing = self.ghost.things.len();
        self.ghost.things.push(Thing::new(Name::new(entity), vec![side]));
        self.user_adds_row(side, thing, fields);
        thing
    }

    /// A user types in a row of a thing that another side has already.
    pub fn user_types_in(&mut self, side: usize, thing: usize, fields: &[(&str, Value)]) {
        self.ghost.things[thing].made_on.push(side);
        self.ghost.things[thing].ambiguous = true;
        self.user_adds_row(side, thing, fields);
    }

    fn user_adds_row(&mut self, side: usize, thing: usize, fields: &[(&str, Value)]) {
        let entity = self.ghost.things[thing].entity.clone();
        let mut image = Image::default();
        let spec = self.setup.schema.entity(&entity).cloned();
        for field in spec.iter().flat_map(|spec| &spec.fields) {
            image.set(&field.name, Value::Null);
        }
        if entity == ORDER {
            image.set(&Name::new("stock"), Value::decimal(Decimal::from(STOCK)));
        }
        for (field, value) in fields {
            let name = Name::new(field);
            let tag = self.tag_value(side, thing, &name, value);
            let value = self.stored(side, &entity, field, value);
            self.ghost.made(tag, side, &value);
            image.set(&name, value);
        }
        self.insert(side, &entity, thing, image);
    }

    /// A user gives an order that is being made or is there already to a customer.
    pub fn user_gives(&mut self, side: usize, order: usize, customer: usize) {
        let Some(row) = self.row_of_thing(side, order) else { return };
        let Some((_, ext)) = self.row_of_thing(side, customer) else { return };
        let Some(cell) = self.sides[side].rows.get(&row) else { return };
        let mut image = cell.image.clone();
        self.set_parent(side, order, &ext, &mut image);
        let now = self.now;
        if let Some(cell) = self.sides[side].rows.get_mut(&row) {
            cell.image = image;
            cell.stamp = now;
            cell.keep(now);
        }
        self.ghost.things[order].moves += 1;
        let id = self.side_id(side);
        self.tell(|| format!("user on {id} gives order {order} to {CUSTOMER} {ext}"));
    }

    /// A user sets a field; [`Value::Null`] empties it.
    pub fn user_sets(&mut self, side: usize, thing: usize, field: &str, value: &Value) {
        let Some(row) = self.row_of_thing(side, thing) else { return };
        let name = Name::new(field);
        let tag = self.tag_value(side, thing, &name, value);
        let stamp = self.now;
        self.commit(side, &row, &name, value, tag, stamp);
    }

    /// As [`World::user_sets`]; it shows so much later than its stamp says.
    pub fn user_sets_late(
        &mut self,
        side: usize,
        thing: usize,
        field: &str,
        value: &Value,
        ms: i64,
    ) {
        let Some(row) = self.row_of_thing(side, thing) else { return };
        let field = Name::new(field);
        let tag = self.tag_value(side, thing, &field, value);
        let stamp = self.now;
        let what = Later::Commit { row, field, raw: value.clone(), tag, stamp };
        self.deferred.push(Deferred { at: self.now + ms, side, what });
    }

    /// A user moves the stock of an order.
    pub fn user_moves(&mut self, side: usize, thing: usize, by: i64) {
        if let Some(row) = self.row_of_thing(side, thing) {
            self.move_stock(side, &row, by);
        }
    }

    /// A user deletes the row of a thing, if nothing on the side refers to it.
    pub fn user_deletes(&mut self, side: usize, thing: usize) {
        if let Some(row) = self.row_of_thing(side, thing) {
            self.delete(side, &row);
        }
    }

    /// The live row of a thing.
    #[must_use]
    pub fn row_of_thing(&self, side: usize, thing: usize) -> Option<RowKey> {
        self.sides[side].of_thing(thing).map(|(key, _)| key.clone())
    }

    fn tag_value(&mut self, side: usize, thing: usize, field: &Name, value: &Value) -> u32 {
        let entity = self.ghost.things[thing].entity.clone();
        let overrides = self.overrides(side, &entity, field);
        if value.is_null() {
            return self.ghost.emptied(thing, field, side, overrides);
        }
        let mut forms = vec![value.clone()];
        for other in 0..self.sides.len() {
            forms.push(self.stored(other, &entity, field, value));
        }
        let write = Write { thing, field: field.clone(), side, overrides };
        self.ghost.name(write, &forms)
    }
}
