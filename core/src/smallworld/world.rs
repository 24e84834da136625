//! The world itself: rows, what users do to them, and what they are still owed an answer for.

use super::scope::{Scope, adds_up, ext_of};
use super::values::{PARENTS, Values};
use crate::bodies::{Bodies, image_of};
use crate::compare::{expected, inward, same};
use crate::fold::{Presence, State};
use crate::id::{Ext, Name, RecordId, SideId};
use crate::image::Image;
use crate::schema::{Field, Meaning};
use crate::value::{Ref, RefTo, Value};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// One row as it stands on its side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) image: Image,
    /// When it was last written, where clocks play a part.
    pub(super) stamp: Option<i64>,
}

/// What can happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A user writes a value, at the same moment as whatever was before or clearly later.
    Write { side: SideId, bit: usize, value: usize, later: bool },
    /// A user empties a field.
    Clear { side: SideId, bit: usize },
    /// A user makes the record, with the `value`-th value in every field or with none.
    Create { side: SideId, value: Option<usize> },
    /// A user deletes the record.
    Delete { side: SideId },
    /// One round.
    Round,
    /// One round, in which a user writes a value just before the round writes to that row.
    Slip { side: SideId, bit: usize, value: usize },
}

/// All rows of all sides, and what must still come of what users did.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    /// By entity (as a place in the schema) and side.
    pub(super) rows: BTreeMap<(usize, SideId), BTreeMap<Ext, Row>>,
    /// Moments so far.
    pub(super) now: i64,
    /// Rows made of the record, by side: every one it ever had.
    pub(super) mains: BTreeMap<SideId, Vec<Ext>>,
    /// The last value that a user of a side wrote, as long as nobody who saw it replaced it and no decision named it.
    pub(super) owed: BTreeMap<(usize, SideId), Value>,
    /// What a counter should come to.
    pub(super) totals: BTreeMap<usize, Decimal>,
    /// Members that somebody put in, and took out.
    pub(super) put: BTreeSet<(usize, Value)>,
    pub(super) taken: BTreeSet<(usize, Value)>,
    /// A user deleted the record: sums may have gone with it.
    pub(super) deleted: bool,
    /// The last thing that a user did was to delete it, and all was at rest: nobody knew anything that they did not.
    pub(super) buried: bool,
}

impl World {
    /// A world with what others refer to, and the record on every side or on none.
    pub(super) fn begin(scope: &Scope, at_rest: bool) -> Self {
        let mut world = Self::default();
        for (at, entity) in scope.schema.entities.iter().enumerate() {
            let referred = at != scope.at || entity.references().contains(&entity.name);
            for side in entity.sides.keys().filter(|_| referred) {
                for parent in PARENTS {
                    let image = scope.blank(at, side, parent);
                    world.insert(at, side, ext_of(side, parent), image, scope);
                }
            }
        }
        if at_rest {
            let sides: Vec<SideId> = scope.main().sides.keys().cloned().collect();
            for side in &sides {
                let mut image = scope.blank(scope.at, side, "it");
                for bit in &scope.fields {
                    if let Some(values) = scope.values.get(&(*bit, side.clone())) {
                        image.set(&scope.spec(*bit).name, values.start());
                    }
                }
                world.make(scope, side, image);
            }
            for bit in &scope.fields {
                let starts = sides.iter().filter_map(|side| {
                    match scope.values.get(&(*bit, side.clone()))? {
                        Values::Moves(Value::Decimal(start), _) => Some(*start),
                        Values::Moves(..) | Values::Plain(_) | Values::Members(_) => None,
                    }
                });
                let start = starts.min();
                world.totals.extend(start.map(|start| (*bit, start)));
            }
        }
        world
    }

    fn insert(&mut self, entity: usize, side: &SideId, ext: Ext, image: Image, scope: &Scope) {
        let stamp = scope.clock_step.map(|_| self.now);
        let rows = self.rows.entry((entity, side.clone())).or_default();
        rows.insert(ext, Row { image, stamp });
    }

    /// Makes a row of the record.
    pub(super) fn make(&mut self, scope: &Scope, side: &SideId, image: Image) -> Ext {
        let made = self.mains.entry(side.clone()).or_default();
        let ext = ext_of(side, &format!("row {}", made.len() + 1));
        made.push(ext.clone());
        self.insert(scope.at, side, ext.clone(), image, scope);
        ext
    }

    /// Makes a row of another record: a copy.
    pub(super) fn make_other(
        &mut self,
        scope: &Scope,
        entity: usize,
        side: &SideId,
        image: Image,
    ) -> Ext {
        let count = self.rows.get(&(entity, side.clone())).map_or(0, BTreeMap::len);
        let ext = ext_of(side, &format!("copy {count}"));
        self.insert(entity, side, ext.clone(), image, scope);
        ext
    }

    /// The record's row on a side.
    pub(super) fn main_row(&self, scope: &Scope, side: &SideId) -> Option<(&Ext, &Row)> {
        let ext = self.mains.get(side)?.last()?;
        let row = self.rows.get(&(scope.at, side.clone()))?.get(ext)?;
        Some((ext, row))
    }

    /// The record, once a row of it is linked.
    pub(super) fn record(&self, scope: &Scope, state: &State) -> Option<RecordId> {
        self.mains.iter().find_map(|(side, exts)| {
            exts.iter().find_map(|ext| state.record_of(&scope.main().name, side, ext))
        })
    }

    /// Carries out what a user does; false where it changes nothing. Before it all was `quiet`, or not.
    pub(super) fn user(
        &mut self,
        scope: &Scope,
        state: &State,
        bodies: &dyn Bodies,
        act: &Act,
        quiet: bool,
    ) -> bool {
        let buried = std::mem::take(&mut self.buried);
        let did = match act {
            Act::Write { side, bit, value, later } => {
                if *later {
                    self.now += scope.clock_step.unwrap_or(0);
                }
                let Some(new) = self.written(scope, side, *bit, *value) else { return false };
                self.write(scope, state, bodies, side, *bit, new)
            }
            Act::Slip { side, bit, value } => {
                let Some(new) = self.written(scope, side, *bit, *value) else { return false };
                self.write(scope, state, bodies, side, *bit, new)
            }
            Act::Clear { side, bit } => {
                // Nothing is no count, and a list without members is one of the lists.
                if adds_up(scope.spec(*bit)) {
                    return false;
                }
                self.write(scope, state, bodies, side, *bit, Value::Null)
            }
            Act::Create { side, value } => self.create(scope, side, *value),
            Act::Delete { side } => self.delete(scope, state, side, quiet),
            Act::Round => true,
        };
        self.buried |= buried && !did;
        did
    }

    /// What a field would hold after a user's write.
    fn written(&self, scope: &Scope, side: &SideId, bit: usize, value: usize) -> Option<Value> {
        let field = scope.spec(bit);
        let before = self.main_row(scope, side)?.1.image.get(&field.name)?;
        match scope.values.get(&(bit, side.clone()))? {
            Values::Plain(values) => values.get(value).cloned(),
            Values::Moves(_, moves) => match before {
                Value::Decimal(before) => {
                    let after = before.checked_add(*moves.get(value)?)?;
                    Some(field.on_side(side, &Value::decimal(after)))
                }
                Value::Null
                | Value::Bool(_)
                | Value::Text(_)
                | Value::Date(_)
                | Value::Instant(_)
                | Value::List(_)
                | Value::Map(_)
                | Value::Ref(_) => None,
            },
            Values::Members(members) => {
                let member = members.get(value)?;
                let mut list = items(before);
                if !list.remove(member) {
                    list.insert(member.clone());
                }
                Some(field.on_side(side, &Value::List(list.into_iter().collect())))
            }
        }
    }

    fn write(
        &mut self,
        scope: &Scope,
        state: &State,
        bodies: &dyn Bodies,
        side: &SideId,
        bit: usize,
        value: Value,
    ) -> bool {
        let name = scope.spec(bit).name.clone();
        let Some((ext, row)) = self.main_row(scope, side) else { return false };
        let (ext, before) = (ext.clone(), row.image.get(&name).cloned().unwrap_or(Value::Null));
        if before == value {
            return false;
        }
        self.account(scope, state, bodies, side, bit, &before, &value);
        let (now, stamped) = (self.now, scope.clock_step.is_some());
        let rows = self.rows.entry((scope.at, side.clone())).or_default();
        if let Some(row) = rows.get_mut(&ext) {
            row.image.set(&name, value);
            row.stamp = stamped.then_some(now);
        }
        true
    }

    /// Notes what must come of a user's write.
    #[expect(clippy::too_many_arguments, reason = "a write is where, what, and what was before")]
    fn account(
        &mut self,
        scope: &Scope,
        state: &State,
        bodies: &dyn Bodies,
        side: &SideId,
        bit: usize,
        before: &Value,
        after: &Value,
    ) {
        let field = scope.spec(bit);
        match (before, after) {
            (Value::Decimal(before), Value::Decimal(after))
                if adds_up(field) && field.meaning == Meaning::Counter =>
            {
                if let Some(total) = self.totals.get_mut(&bit) {
                    *total += *after - *before;
                }
            }
            _ if adds_up(field) => {
                let (before, after) = (items(before), items(after));
                let member = |value: &Value| (bit, anywhere(value));
                let put = after.difference(&before).map(member);
                let taken: Vec<_> = before.difference(&after).map(member).collect();
                self.put.extend(put);
                // What nobody ever read was never in.
                if self.record(scope, state).is_some() {
                    self.taken.extend(taken);
                } else {
                    self.put.retain(|one| !taken.contains(one));
                }
            }
            _ => {
                // Whoever writes over what they see has seen it.
                self.owed.retain(|(owed, from), shown| {
                    *owed != bit || !shows(field, (side, before), (from, shown))
                });
                self.owed.remove(&(bit, side.clone()));
                // Back to what the side last agreed to, or on to what is merged, is no change at all.
                if !agreed(scope, state, bodies, self, side, bit, after) {
                    self.owed.insert((bit, side.clone()), after.clone());
                }
            }
        }
    }

    fn create(&mut self, scope: &Scope, side: &SideId, value: Option<usize>) -> bool {
        if self.mains.contains_key(side) {
            return false;
        }
        let mut image = scope.blank(scope.at, side, "it");
        for bit in &scope.fields {
            let Some(values) = scope.values.get(&(*bit, side.clone())) else { continue };
            let field = scope.spec(*bit);
            let value = match (values, value) {
                (_, None) => Value::Null,
                (Values::Plain(values), Some(at)) => {
                    let at = at.min(values.len().saturating_sub(1));
                    values.get(at).cloned().unwrap_or(Value::Null)
                }
                (values, Some(_)) => values.start(),
            };
            if !value.is_null() && !adds_up(field) {
                self.owed.insert((*bit, side.clone()), value.clone());
            }
            if field.meaning == Meaning::Set && adds_up(field) {
                self.put.extend(items(&value).iter().map(|item| (*bit, anywhere(item))));
            }
            image.set(&field.name, value);
        }
        self.make(scope, side, image);
        true
    }

    /// The deleter had seen what the row showed, and of fields that are not sent there all that was merged.
    fn delete(&mut self, scope: &Scope, state: &State, side: &SideId, quiet: bool) -> bool {
        let Some((ext, row)) = self.main_row(scope, side) else { return false };
        let (ext, image) = (ext.clone(), row.image.clone());
        let updates = scope.main().sides.get(side).is_some_and(|on| on.updates);
        self.owed.retain(|(bit, from), shown| {
            let field = scope.spec(*bit);
            let sent = updates && field.writable_on(side, false);
            let merged = state.undecided.is_empty() && from != side;
            let here = image.get(&field.name);
            let saw = here.is_some_and(|here| shows(field, (side, here), (from, shown)));
            !(from == side || saw || (!sent && merged))
        });
        self.deleted = true;
        self.buried = quiet;
        if let Some(rows) = self.rows.get_mut(&(scope.at, side.clone())) {
            rows.remove(&ext);
        }
        true
    }

    /// A decision named a value that did not win: it is accounted for.
    pub(super) fn recorded(&mut self, scope: &Scope, state: &State, field: &Name, value: &Value) {
        self.owed.retain(|(bit, side), shown| {
            let spec = scope.spec(*bit);
            let named = inward(state, shown) == *value
                || expected(state, spec, side, value).as_ref() == Some(shown);
            spec.name != *field || !named
        });
    }
}

/// True where what is shown here is what was written there, in this side's form or in a finer one.
fn shows(field: &Field, here: (&SideId, &Value), written: (&SideId, &Value)) -> bool {
    field.on_side(here.0, &there(here.0, written.1)) == *here.1
        || field.on_side(written.0, &there(written.0, here.1)) == *written.1
}

/// True where a side shows what it agreed to before, or what is merged: that is no change (LAWS 1.7 b).
fn agreed(
    scope: &Scope,
    state: &State,
    bodies: &dyn Bodies,
    world: &World,
    side: &SideId,
    bit: usize,
    value: &Value,
) -> bool {
    let record = world.record(scope, state).and_then(|id| state.record(id));
    let slot = record.and_then(|record| record.slots.get(side));
    let (Some(record), Some(slot)) = (record, slot.filter(|slot| slot.presence == Presence::Here))
    else {
        // A row that nobody has read says nothing by what it does not hold.
        return value.is_null();
    };
    let field = scope.spec(bit);
    let base = image_of(bodies, &slot.base).unwrap_or_default();
    let merged = image_of(bodies, &record.merged).unwrap_or_default();
    let merged = merged.get(&field.name).unwrap_or(&Value::Null);
    same(base.get(&field.name), Some(value))
        || expected(state, field, side, merged).as_ref() == Some(value)
}

/// The members of a list.
pub(super) fn items(value: &Value) -> BTreeSet<Value> {
    match value {
        Value::List(items) => items.iter().cloned().collect(),
        Value::Null
        | Value::Bool(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::Map(_)
        | Value::Ref(_) => BTreeSet::new(),
    }
}

/// A value in another side's terms: the rows that it refers to are that side's.
fn there(side: &SideId, value: &Value) -> Value {
    let moved = value.map_refs(&mut |reference| {
        let RefTo::Row { side: from, ext } = &reference.to else { return Some(reference.clone()) };
        let thing = ext.as_str().strip_suffix(&format!(" on {from}")).unwrap_or(ext.as_str());
        let to = RefTo::Row { side: side.clone(), ext: ext_of(side, thing) };
        Some(Ref { entity: reference.entity.clone(), to })
    });
    moved.unwrap_or_else(|| value.clone())
}

/// A value in no side's terms.
pub(super) fn anywhere(value: &Value) -> Value {
    there(&SideId::new("any side"), value)
}
