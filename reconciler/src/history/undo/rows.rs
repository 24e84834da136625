//! One record of a plan: what it was, what it is, and what may be done about it.

mod sends;

use super::super::slice::{Slice, events_of};
use super::made::{made_here, touched_since};
use super::{Action, Because, Left, RecordUndo, Restored, Span, Why};
use crate::conflicts::open_bits;
use crate::engine::{EngineError, Journal};
use crate::explain::label;
use crate::history::HistoryError;
use mizan_core::bodies::image_of;
use mizan_core::compare::{expected, is_counter};
use mizan_core::event::{Decision, Found, Loser};
use mizan_core::fold::{Presence, Record};
use mizan_core::value::RefTo;
use mizan_core::{
    Entity, Event, Fact, Field, FieldSet, Image, RecordId, Schema, Seq, SideId, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// A field that the span changed, with the value that should come back and why, or why it cannot.
type Wanted = (usize, Result<(Value, Because), Why>);

/// A record at both ends of the span and now.
pub(super) struct Subject<'a> {
    pub(super) journal: &'a Journal,
    pub(super) entity: &'a Entity,
    pub(super) id: RecordId,
    pub(super) events: Vec<Event>,
    pub(super) before: Option<Record>,
    pub(super) after: Option<Record>,
    pub(super) now: &'a Record,
    pub(super) span: &'a Span,
    images: [Image; 3],
}

/// What becomes of a record; `None` where the span changed nothing of it.
pub(super) fn undo_of(
    journal: &Journal,
    schema: &Schema,
    span: &Span,
    id: RecordId,
) -> Result<Option<RecordUndo>, HistoryError> {
    let Some(now) = journal.state().record(id) else { return Ok(None) };
    let Some(entity) = schema.entity(&now.entity) else { return Ok(None) };
    let subject = Subject::of(journal, entity, id, now, span)?;
    let Some((action, left)) = subject.judge() else { return Ok(None) };
    let sends = subject.sends(&action);
    Ok(Some(RecordUndo {
        record: id,
        entity: entity.name.clone(),
        label: label(journal.state(), schema, journal, id),
        action,
        sends,
        left,
    }))
}

impl<'a> Subject<'a> {
    fn of(
        journal: &'a Journal,
        entity: &'a Entity,
        id: RecordId,
        now: &'a Record,
        span: &'a Span,
    ) -> Result<Self, HistoryError> {
        let events = events_of(journal, id, journal.head())?;
        let mut slice = Slice::new(journal, id, &events)?;
        let (mut before, mut after) = (None, None);
        for event in &events {
            if event.seq > span.to {
                break;
            }
            slice.step(event)?;
            if event.seq <= span.from {
                before = slice.record();
            }
            after = slice.record();
        }
        let image = |record: Option<&Record>| {
            let found = record.map(|record| image_of(journal, &record.merged)).transpose();
            found.map_err(EngineError::from).map(Option::unwrap_or_default)
        };
        let images = [image(before.as_ref())?, image(after.as_ref())?, image(Some(now))?];
        Ok(Self { journal, entity, id, events, before, after, now, span, images })
    }

    /// What becomes of it, and what stays; `None` where nothing was changed.
    fn judge(&self) -> Option<(Action, Vec<Left>)> {
        let alive = |record: Option<&Record>| record.is_some_and(|record| !record.dead);
        let (was, became) = (alive(self.before.as_ref()), alive(self.after.as_ref()));
        if !was && !became {
            return None;
        }
        let wanted = if was { self.fields() } else { Vec::new() };
        if was == became && wanted.is_empty() {
            return None;
        }
        if let Some(correct) = self.final_document() {
            return Some((correct, Vec::new()));
        }
        if let Some(why) = self.busy() {
            return Some((Action::Leave, vec![Left { field: None, why }]));
        }
        let life = |why| Some((Action::Leave, vec![Left { field: None, why }]));
        if self.now.dead == became {
            // It died, or came back, after the span. What was begun and is gone again needs no undoing.
            return if was { life(Why::LifeSince) } else { None };
        }
        match (was, became) {
            (false, _) => match self.unmade() {
                Ok(()) => Some((Action::Delete, Vec::new())),
                Err(why) => life(why),
            },
            (true, false) => match self.creatable() {
                Ok(()) => {
                    let (fields, left) = self.restorable(wanted);
                    Some((Action::CreateAgain { fields }, left))
                }
                Err(why) => life(why),
            },
            (true, true) => {
                let (fields, left) = self.restorable(wanted);
                let action =
                    if fields.is_empty() { Action::Leave } else { Action::Restore { fields } };
                Some((action, left))
            }
        }
    }

    /// A side that has the record as a document which is not changed any more.
    fn final_document(&self) -> Option<Action> {
        let here = self.now.slots.iter().filter(|(_, slot)| slot.presence == Presence::Here);
        let mut here = here.filter(|(side, _)| {
            self.span.immutable.contains(&(self.entity.name.clone(), (*side).clone()))
        });
        let (side, slot) = here.next()?;
        Some(Action::Correct { side: side.clone(), ext: slot.ext.clone() })
    }

    /// Something about the record is under way.
    fn busy(&self) -> Option<Why> {
        let now = self.now;
        if now.parked.is_some() {
            Some(Why::Parked)
        } else if now.pending.is_some() {
            Some(Why::Pending)
        } else if now.resolution.is_some() || self.journal.state().undecided.contains(&self.id) {
            Some(Why::Undecided)
        } else if now.disputed {
            Some(Why::InConflict)
        } else {
            None
        }
    }

    /// The first decision after the span.
    fn decided_since(&self) -> Option<Seq> {
        let since = self
            .events
            .iter()
            .find(|event| event.seq > self.span.to && matches!(event.fact, Fact::Decided { .. }));
        since.map(|event| event.seq)
    }

    /// It began or came back in the span, by our own creates, and nothing else has happened to it.
    fn unmade(&self) -> Result<(), Why> {
        if let Some(at) = self.decided_since() {
            return Err(Why::ChangedSince { at });
        }
        let Some(made) = made_here(self) else { return Err(Why::NotOurs) };
        if touched_since(self, made) {
            return Err(Why::Touched);
        }
        let state = self.journal.state();
        let children = state.children.get(&self.id).into_iter().flatten();
        if children.filter_map(|child| state.record(*child)).any(|child| !child.dead) {
            return Err(Why::Children);
        }
        let deletable =
            |(side, _): &(&SideId, _)| self.entity.sides.get(*side).is_some_and(|on| on.deletes);
        let mut here = self.now.slots.iter().filter(|(_, slot)| slot.presence == Presence::Here);
        if here.any(|one| deletable(&one)) { Ok(()) } else { Err(Why::NotAllowed) }
    }

    /// It died in the span, and nothing has been decided about it since.
    fn creatable(&self) -> Result<(), Why> {
        if let Some(at) = self.decided_since() {
            return Err(Why::ChangedSince { at });
        }
        let creates = self.entity.sides.iter().any(|(side, on)| {
            let slot = self.now.slots.get(side);
            on.creates && slot.is_none_or(|slot| slot.presence != Presence::Here)
        });
        if creates { Ok(()) } else { Err(Why::NotAllowed) }
    }

    /// Decisions in a stretch of the log.
    fn decisions(&self, after: Seq, until: Seq) -> impl Iterator<Item = (Seq, &Decision)> {
        let events = self.events.iter();
        let events = events.filter(move |event| event.seq > after && event.seq <= until);
        events.filter_map(|event| {
            if let Fact::Decided { decision, .. } = &event.fact {
                Some((event.seq, decision))
            } else {
                None
            }
        })
    }

    /// The fields that the span changed, with the value that should come back.
    fn fields(&self) -> Vec<Wanted> {
        let [before, after, _] = &self.images;
        let mut found = Vec::new();
        for (bit, field) in self.entity.fields.iter().enumerate() {
            let (was, became) = (before.get(&field.name), after.get(&field.name));
            match self.lost(bit, field, became) {
                Some(lost) => found.push((bit, lost)),
                None if was == became => {}
                None => found.push((
                    bit,
                    match was {
                        Some(was) => Ok((was.clone(), Because::HeldBefore)),
                        None => Err(Why::NothingBefore),
                    },
                )),
            }
        }
        found
    }

    /// The value that lost in the span, where the sides had come to differ before it.
    fn lost(
        &self,
        bit: usize,
        field: &Field,
        became: Option<&Value>,
    ) -> Option<Result<(Value, Because), Why>> {
        let open = self.before.as_ref().is_some_and(|before| open_bits(before).contains(bit));
        if !open {
            return None;
        }
        let decided = self.decisions(self.span.from, self.span.to).find_map(|(_, decision)| {
            let own = |one: &&mizan_core::event::FieldDecision| {
                one.field == field.name && one.found != Found::Manual && one.found.is_conflict()
            };
            decision.fields.iter().find(own)
        })?;
        let mut losers: Vec<&Loser> =
            decided.losers.iter().filter(|one| Some(&one.value) != became).collect();
        // What a side had come to show is nearer than what was merged before that.
        if losers.iter().any(|one| one.side.is_some()) {
            losers.retain(|one| one.side.is_some());
        }
        let values: BTreeSet<&Value> = losers.iter().map(|one| &one.value).collect();
        match (losers.first(), values.len()) {
            (None, _) => None,
            (Some(one), 1) => {
                let because = Because::Lost { side: one.side.clone() };
                Some(Ok((one.value.clone(), because)))
            }
            (Some(_), _) => {
                Some(Err(Why::ManyLost { values: values.into_iter().cloned().collect() }))
            }
        }
    }

    /// Those that may come back, and those that stay.
    fn restorable(&self, wanted: Vec<Wanted>) -> (Vec<Restored>, Vec<Left>) {
        let [_, _, now] = &self.images;
        let (mut fields, mut left) = (BTreeMap::new(), BTreeMap::new());
        for (bit, value) in wanted {
            let field = &self.entity.fields[bit];
            let judged = value.and_then(|(to, because)| {
                self.may(bit, &to)?;
                Ok((to, because))
            });
            let from = now.get(&field.name).cloned().unwrap_or(Value::Null);
            match judged {
                // It holds again, whoever saw to it.
                Ok((to, _)) if to == from => {}
                Ok((to, because)) => {
                    let field = field.name.clone();
                    fields.insert(bit, Restored { field, from, to, because });
                }
                Err(why) => {
                    left.insert(bit, Left { field: Some(field.name.clone()), why });
                }
            }
        }
        self.hold_groups(&mut fields, &mut left);
        (fields.into_values().collect(), left.into_values().collect())
    }

    /// What changes together comes back together, or stays.
    fn hold_groups(
        &self,
        fields: &mut BTreeMap<usize, Restored>,
        left: &mut BTreeMap<usize, Left>,
    ) {
        let held: Vec<(usize, usize)> = fields
            .keys()
            .filter_map(|bit| {
                let group = self.entity.fields[*bit].group.as_ref()?;
                let group = self.entity.group(group);
                let with = left.keys().find(|with| group.contains(**with))?;
                Some((*bit, *with))
            })
            .collect();
        for (bit, with) in held {
            fields.remove(&bit);
            let field = Some(self.entity.fields[bit].name.clone());
            let why = Why::Group { with: self.entity.fields[with].name.clone() };
            left.insert(bit, Left { field, why });
        }
    }

    /// Whether a field may be given the value again.
    fn may(&self, bit: usize, to: &Value) -> Result<(), Why> {
        let field = &self.entity.fields[bit];
        let [before, after, now] = &self.images;
        let since =
            self.decisions(self.span.to, Seq(u64::MAX)).find(|(_, one)| touches(one, bit, field));
        if let Some((at, _)) = since {
            return Err(Why::ChangedSince { at });
        }
        if now.get(&field.name) != after.get(&field.name) {
            return Err(Why::ChangedSince { at: self.now.decided_at });
        }
        if open_bits(self.now).contains(bit) {
            return Err(Why::InConflict);
        }
        if is_counter(field) {
            let by = movement(after.get(&field.name), before.get(&field.name));
            return Err(Why::Movements { by });
        }
        if let Some(record) = self.dead_parent(to) {
            return Err(Why::RefersToDead { record });
        }
        for (side, slot) in &self.now.slots {
            if slot.presence != Presence::Here || !field.sides.contains_key(side) {
                continue;
            }
            let updates = self.entity.sides.get(side).is_some_and(|on| on.updates);
            if self.differs(side, field, to) && !(updates && field.writable_on(side, false)) {
                return Err(Why::NotWritten { side: side.clone() });
            }
        }
        Ok(())
    }

    fn dead_parent(&self, value: &Value) -> Option<RecordId> {
        let mut dead = None;
        value.each_ref(&mut |reference| {
            if let RefTo::Record(record) = &reference.to
                && self.journal.state().record(*record).is_some_and(|record| record.dead)
            {
                dead = Some(*record);
            }
        });
        dead
    }

    /// The side would have to be written to.
    fn differs(&self, side: &SideId, field: &Field, to: &Value) -> bool {
        let Some(slot) = self.now.slots.get(side) else { return false };
        let seen = image_of(self.journal, &slot.seen).unwrap_or_default();
        let form = expected(self.journal.state(), field, side, to);
        form.as_ref() != Some(seen.get(&field.name).unwrap_or(&Value::Null))
    }
}

/// The decision had to do with the field.
fn touches(decision: &Decision, bit: usize, field: &Field) -> bool {
    let all =
        decision.taken.iter().fold(decision.agreed, |all: FieldSet, (_, one)| all.union(*one));
    all.contains(bit)
        || decision.fields.iter().any(|one| one.field == field.name && one.found != Found::Manual)
}

/// The movement that takes a change of a counter back.
fn movement(after: Option<&Value>, before: Option<&Value>) -> Value {
    if let (Some(Value::Decimal(before)), Some(Value::Decimal(after))) = (before, after) {
        return before.checked_sub(*after).map_or(Value::Null, Value::decimal);
    }
    Value::Null
}
