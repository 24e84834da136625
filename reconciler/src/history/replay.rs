//! Replay of a derivation: the value once more, from its own events alone (L53).

use super::HistoryError;
use super::derivation::{Derivation, What};
use super::slice::{Slice, declared, made_at, read};
use super::trace::{How, adds, ruling};
use crate::engine::Journal;
use mizan_core::bodies::image_of;
use mizan_core::compare::{expected, inward, is_counter};
use mizan_core::event::{Choice, Decision, FieldDecision, Found};
use mizan_core::fold::{Presence, Slot};
use mizan_core::value::{Ref, RefTo};
use mizan_core::{ContentHash, Event, Fact, Field, Image, Schema, Seq, SideId, Value};
use std::collections::BTreeSet;

/// A derivation does not give the value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// What the decision says does not follow from what the derivation has.
    #[error(
        "event {at} gives the field a value that does not follow from the events that the derivation names"
    )]
    Unfounded {
        /// The decision.
        at: Seq,
    },
    /// The entity or the field is not configured any more.
    #[error("the field is not configured any more")]
    Unknown,
    /// The log cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl From<crate::EngineError> for ReplayError {
    fn from(error: crate::EngineError) -> Self {
        Self::History(error.into())
    }
}

impl Derivation {
    /// Computes the value again from the derivation's own events, and the declarations that they need.
    ///
    /// What a side showed is taken from the event that showed it, what a person said from their word; of a conflict,
    /// the rule's choice between the sides is taken from the decision, and its value from what the side showed.
    ///
    /// # Errors
    /// When the events do not follow each other, or a decision's value does not follow from them.
    pub fn replay(&self, journal: &Journal, schema: &Schema) -> Result<Option<Value>, ReplayError> {
        let entity = schema.entity(&self.entity).ok_or(ReplayError::Unknown)?;
        let bit = entity.bit(&self.field).ok_or(ReplayError::Unknown)? as usize;
        let mut places: BTreeSet<Seq> = self.positions().collect();
        places.extend(journal.with_index(|index| declared(index, journal.state()))?);
        places.extend(made_at(journal, self.record)?);
        let last = self.root.unwrap_or_default();
        let places: Vec<Seq> = places.into_iter().filter(|at| *at <= last).collect();
        let events = read(journal, &places)?;
        let slice = Slice::new(journal, self.record, &events)?;
        let field = &entity.fields[bit];
        let mut again = Again { journal, field, bit, slice, value: None, said: None };
        for event in &events {
            again.step(self, event)?;
        }
        Ok(again.value)
    }

    fn how(&self, seq: Seq) -> Option<(How, Option<&SideId>)> {
        match &self.nodes.get(&seq)?.what {
            What::Decided { how, winner, .. } => Some((*how, winner.as_ref())),
            What::Observed { .. }
            | What::Linked { .. }
            | What::Said { .. }
            | What::Copied { .. }
            | What::Sent { .. }
            | What::Done { .. } => None,
        }
    }
}

/// A replay under way.
struct Again<'a> {
    journal: &'a Journal,
    field: &'a Field,
    bit: usize,
    slice: Slice,
    value: Option<Value>,
    said: Option<Choice>,
}

impl Again<'_> {
    fn step(&mut self, derivation: &Derivation, event: &Event) -> Result<(), ReplayError> {
        let name = &self.field.name;
        if let Fact::Decided { decision, .. } = &event.fact {
            let found = ruling(decision, self.bit, self.field);
            let taken = decision.taken.iter().any(|(_, fields)| fields.contains(self.bit));
            let touched = found.is_some() || taken || decision.agreed.contains(self.bit);
            if let (Some((how, winner)), true) = (derivation.how(event.seq), touched) {
                self.value = self.decided(event.seq, decision, found, (how, winner))?;
            }
        } else if let Fact::Resolved { choices, .. } = &event.fact {
            let own = choices.iter().find(|(field, _)| field == name);
            self.said = own.map(|(_, choice)| choice.clone());
        } else if let Fact::Forked { merged, .. } = &event.fact {
            self.slice.step(event)?;
            if self.slice.inside().is_some() {
                self.value = self.image(merged).get(name).cloned();
            }
            return Ok(());
        }
        self.slice.step(event)?;
        Ok(())
    }

    fn image(&self, hash: &ContentHash) -> Image {
        image_of(self.journal, hash).unwrap_or_default()
    }

    /// A side's value in the log's terms, as far as the derivation knows the rows that it refers to.
    fn inward(&self, raw: &Value) -> Value {
        let inside = inward(self.slice.state(), raw);
        let named = inside.map_refs(&mut |reference| {
            let to = match &reference.to {
                RefTo::Record(small) if matches_row(raw) => RefTo::Record(self.slice.large(*small)),
                RefTo::Record(_) | RefTo::Row { .. } => reference.to.clone(),
            };
            Some(Ref { entity: reference.entity.clone(), to })
        });
        named.unwrap_or(inside)
    }

    fn slot(&self, side: &SideId) -> Option<&Slot> {
        let slot = self.slice.inside()?.slots.get(side)?;
        if slot.presence == Presence::Here { Some(slot) } else { None }
    }

    /// The sides that had changed the field.
    fn changed(&self) -> Vec<SideId> {
        let Some(record) = self.slice.inside() else { return Vec::new() };
        let moved = |slot: &Slot| {
            let of = |hash: &ContentHash| self.image(hash).get(&self.field.name).cloned();
            slot.changed.contains(self.bit) || (record.dead && of(&slot.seen) != of(&slot.base))
        };
        let here = record.slots.iter().filter(|(_, slot)| slot.presence == Presence::Here);
        here.filter(|(_, slot)| moved(slot)).map(|(side, _)| side.clone()).collect()
    }

    /// What a side's value can be the reason for: itself, or the merged value of which it is the side's own form.
    fn reasons(&self, side: &SideId) -> Vec<Value> {
        let mut reasons = Vec::new();
        let Some(slot) = self.slot(side) else { return reasons };
        let seen = self.image(&slot.seen);
        let Some(raw) = seen.get(&self.field.name) else {
            // Of a group, what a side does not carry stays.
            reasons.extend(self.value.clone());
            return reasons;
        };
        let own = self.inward(raw);
        if let Some(merged) = &self.value {
            let form = expected(self.slice.state(), self.field, side, merged);
            if form.as_ref() == Some(raw) {
                reasons.push(merged.clone());
            }
        }
        reasons.push(own);
        reasons
    }

    fn decided(
        &self,
        at: Seq,
        decision: &Decision,
        found: Option<&FieldDecision>,
        (how, winner): (How, Option<&SideId>),
    ) -> Result<Option<Value>, ReplayError> {
        let recorded = self.image(&decision.merged).get(&self.field.name).cloned();
        let founded = match how {
            How::Copied => false,
            How::Taken | How::Agreed if adds(self.field) => recorded == self.total(),
            How::Taken => winner.is_some_and(|side| self.gives(side, recorded.as_ref())),
            How::Agreed => self.changed().iter().any(|side| self.gives(side, recorded.as_ref())),
            How::By(by) => self.by(by, found, winner, recorded.as_ref()),
        };
        if founded { Ok(recorded) } else { Err(ReplayError::Unfounded { at }) }
    }

    fn gives(&self, side: &SideId, recorded: Option<&Value>) -> bool {
        recorded.is_some_and(|recorded| self.reasons(side).contains(recorded))
    }

    fn by(
        &self,
        by: Found,
        found: Option<&FieldDecision>,
        winner: Option<&SideId>,
        recorded: Option<&Value>,
    ) -> bool {
        let stays = recorded == self.value.as_ref();
        match (by, winner) {
            // Nothing was changed by it.
            (Found::Manual | Found::Reverted | Found::Died, _) => stays,
            (Found::Summed | Found::Joined | Found::Counted, _) => {
                recorded == self.total().as_ref()
            }
            (Found::Person, _) => match &self.said {
                Some(Choice::Value(value)) => recorded == Some(value),
                Some(Choice::Side(side)) => self.gives(side, recorded),
                Some(Choice::Skip) | None => false,
            },
            (Found::Custom, None) => stays || recorded == found.map(|found| &found.value),
            (
                Found::Owner
                | Found::Preferred
                | Found::Newest
                | Found::Greatest
                | Found::Least
                | Found::KeptBoth,
                None,
            ) => stays,
            (
                Found::Owner
                | Found::Preferred
                | Found::Newest
                | Found::Greatest
                | Found::Least
                | Found::KeptBoth
                | Found::Custom,
                Some(side),
            ) => self.gives(side, recorded) || (stays && self.slot(side).is_some()),
        }
    }

    /// What movements since the bases, or what was put in and taken out, make of the value.
    fn total(&self) -> Option<Value> {
        if is_counter(self.field) { self.sum() } else { Some(self.join()) }
    }

    /// The bases and values of the sides that moved, in the log's terms.
    fn moves(&self) -> Vec<(SideId, Option<Value>, Value)> {
        let mut moves = Vec::new();
        for side in self.changed() {
            let Some(slot) = self.slot(&side) else { continue };
            let of = |hash: &ContentHash| {
                self.image(hash).get(&self.field.name).map(|value| self.inward(value))
            };
            if let Some(now) = of(&slot.seen) {
                moves.push((side, of(&slot.base), now));
            }
        }
        moves
    }

    fn sum(&self) -> Option<Value> {
        let number = |value: Option<&Value>| {
            if let Some(Value::Decimal(number)) = value { Some(*number) } else { None }
        };
        let moves = self.moves();
        let counts = |side: &SideId| self.field.stocktake.as_ref() == Some(side);
        let counted =
            moves.iter().find(|(side, _, now)| counts(side) && number(Some(now)).is_some());
        let mut total = match counted {
            Some((_, _, now)) => number(Some(now)),
            None => number(self.value.as_ref()),
        };
        for (side, base, now) in &moves {
            let Some(now) = number(Some(now)) else { continue };
            if counted.is_some() && counts(side) {
                continue;
            }
            total = match (total, number(base.as_ref())) {
                (Some(total), Some(base)) => {
                    let moved = now.checked_sub(base).and_then(|by| total.checked_add(by));
                    Some(moved.unwrap_or(total))
                }
                (Some(total), None) => Some(total),
                (None, _) => Some(now),
            };
        }
        total.map(Value::decimal).or_else(|| self.value.clone())
    }

    fn join(&self) -> Value {
        let items = |value: Option<&Value>| -> BTreeSet<Value> {
            match value {
                Some(Value::List(items)) => items.iter().cloned().collect(),
                Some(Value::Null) | None => BTreeSet::new(),
                Some(one) => BTreeSet::from([one.clone()]),
            }
        };
        let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
        for (_, base, now) in self.moves() {
            let (base, now) = (items(base.as_ref()), items(Some(&now)));
            added.extend(now.difference(&base).cloned());
            removed.extend(base.difference(&now).cloned());
        }
        let mut all = items(self.value.as_ref());
        all.retain(|item| !removed.contains(item));
        all.extend(added);
        Value::List(all.into_iter().collect())
    }
}

/// True where a value refers to rows, whose records the slice has given small numbers.
fn matches_row(raw: &Value) -> bool {
    let mut rows = false;
    raw.each_ref(&mut |reference| rows |= matches!(reference.to, RefTo::Row { .. }));
    rows
}
