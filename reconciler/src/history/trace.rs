//! A trace: one walk over a record's events that notes, for each field, what its value came from.

use super::slice::{Slice, events_of, read};
use super::{Filter, HistoryError};
use crate::engine::Journal;
use mizan_core::bodies::image_of;
use mizan_core::command::Command;
use mizan_core::compare::{inward, is_counter, is_set};
use mizan_core::event::{Choice, Decision, FieldDecision, Found};
use mizan_core::fold::{Presence, Record, Slot};
use mizan_core::value::RefTo;
use mizan_core::version::Actor;
use mizan_core::{
    CommandId, ContentHash, Entity, Event, Ext, Fact, Field, Image, Name, RecordId, Schema, Seq,
    SideId, Timestamp, Value,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How a decision came by a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// One side alone had changed it.
    Taken,
    /// All sides that had changed it agree.
    Agreed,
    /// By a rule, or by a person.
    By(Found),
    /// The record was made as a copy of another, with this value.
    Copied,
}

/// The name of a change: the so-manieth that was seen on a side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edit {
    /// The side.
    pub side: SideId,
    /// The log's epoch.
    pub epoch: u32,
    /// Which of the side's changes of the record.
    pub count: u32,
    /// Where it was seen first.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
}

/// Whose a value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Edits on sides; more than one where they agree, or add up.
    Edits(Vec<Edit>),
    /// A person decided it.
    Person {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// Where that stands.
        seq: Seq,
    },
    /// The record that this one is a copy of.
    Copy(RecordId),
    /// A policy of the user's own made it.
    Policy,
}

/// A value that took part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The side that showed it.
    pub side: SideId,
    /// What it showed, as it showed it.
    pub value: Option<Value>,
    /// The event that showed it.
    pub seq: Seq,
}

/// A decision that had to do with a field.
#[derive(Clone, Debug)]
pub(super) struct Touch {
    pub(super) seq: Seq,
    pub(super) how: How,
    pub(super) origin: Origin,
    pub(super) candidates: Vec<Candidate>,
    /// What must have happened for it.
    pub(super) premises: BTreeSet<Seq>,
}

/// A command of the record.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) command: Command,
    pub(super) intent: Seq,
    pub(super) outcome: Option<Seq>,
}

/// What led to a record's values.
pub(super) struct Trace {
    pub(super) entity: Entity,
    pub(super) record: Record,
    pub(super) merged: Image,
    /// All events that play a part.
    pub(super) events: BTreeMap<Seq, Event>,
    /// By field: what decided it, oldest first.
    pub(super) touches: Vec<Vec<Touch>>,
    /// What an event is nothing without: a row's link, an answer's command.
    pub(super) needs: BTreeMap<Seq, Vec<Seq>>,
    pub(super) sent: Vec<Sent>,
    /// The event that showed what each side shows.
    pub(super) shown: BTreeMap<SideId, Seq>,
}

impl Trace {
    /// Walks over the events of a record; `None` where it had not begun, or its entity is not configured.
    pub(super) fn of(
        journal: &Journal,
        schema: &Schema,
        id: RecordId,
        until: Seq,
    ) -> Result<Option<Self>, HistoryError> {
        let Some(record) = journal.state().record(id) else { return Ok(None) };
        let Some(entity) = schema.entity(&record.entity) else { return Ok(None) };
        let events = events_of(journal, id, until)?;
        let mut walk = Walk::new(journal, entity, Slice::new(journal, id, &events)?);
        for event in &events {
            walk.step(event)?;
        }
        let Some(record) = walk.slice.record() else { return Ok(None) };
        let mut all: BTreeMap<Seq, Event> =
            events.into_iter().map(|event| (event.seq, event)).collect();
        all.extend(walk.parents);
        Ok(Some(Self {
            entity: entity.clone(),
            record,
            merged: walk.merged,
            events: all,
            touches: walk.touches,
            needs: walk.needs,
            sent: walk.sent,
            shown: walk.shown,
        }))
    }
}

type Row = (SideId, Ext);

/// The walk under way.
struct Walk<'a> {
    journal: &'a Journal,
    entity: &'a Entity,
    slice: Slice,
    merged: Image,
    touches: Vec<Vec<Touch>>,
    needs: BTreeMap<Seq, Vec<Seq>>,
    /// What was seen of rows before they belonged to the record.
    loose: BTreeMap<Row, Seq>,
    /// The events that made rows belong to the record.
    links: BTreeMap<Row, Seq>,
    shown: BTreeMap<SideId, Seq>,
    /// The event that set a side's base.
    based: BTreeMap<SideId, Seq>,
    edits: BTreeMap<(SideId, usize), Edit>,
    /// When each event was appended.
    times: BTreeMap<Seq, Timestamp>,
    sent: Vec<Sent>,
    said: Option<Seq>,
    /// Events of records that values refer to.
    parents: BTreeMap<Seq, Event>,
}

impl<'a> Walk<'a> {
    fn new(journal: &'a Journal, entity: &'a Entity, slice: Slice) -> Self {
        Self {
            journal,
            entity,
            slice,
            merged: Image::default(),
            touches: vec![Vec::new(); entity.fields.len()],
            needs: BTreeMap::new(),
            loose: BTreeMap::new(),
            links: BTreeMap::new(),
            shown: BTreeMap::new(),
            based: BTreeMap::new(),
            edits: BTreeMap::new(),
            times: BTreeMap::new(),
            sent: Vec::new(),
            said: None,
            parents: BTreeMap::new(),
        }
    }

    fn step(&mut self, event: &Event) -> Result<(), HistoryError> {
        self.times.insert(event.seq, event.at);
        if let Fact::Decided { decision, .. } = &event.fact {
            self.decided(event, decision)?;
            self.slice.step(event)?;
            self.merged = self.image(&decision.merged);
            decision.sides.iter().for_each(|after| {
                self.based.insert(after.side.clone(), event.seq);
            });
            return Ok(());
        }
        let before = self.counts();
        let seen = self.seen();
        let born = self.slice.inside().is_some();
        self.slice.step(event)?;
        self.follow(event, born);
        self.note_edits(event, &before, &seen);
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "a table: one arm a fact")]
    fn follow(&mut self, event: &Event, born: bool) {
        let seq = event.seq;
        match &event.fact {
            Fact::Observed { side, ext, .. } => {
                let row = (side.clone(), ext.clone());
                match self.links.get(&row) {
                    Some(link) => {
                        self.needs.insert(seq, vec![*link]);
                        if self.shows(side, ext) {
                            self.shown.insert(side.clone(), seq);
                        }
                    }
                    None => {
                        self.loose.insert(row, seq);
                    }
                }
            }
            Fact::Linked { side, ext, .. } => {
                let row = (side.clone(), ext.clone());
                if let Some(loose) = self.loose.remove(&row) {
                    self.needs.insert(seq, vec![loose]);
                    self.shown.insert(side.clone(), loose);
                    self.based.insert(side.clone(), seq);
                    // What was seen is the record's only with the link.
                    self.needs.insert(loose, Vec::new());
                }
                self.links.insert(row, seq);
            }
            Fact::Intent { command } => {
                self.sent.push(Sent { command: command.clone(), intent: seq, outcome: None });
            }
            Fact::Done { command, ext, .. } => {
                if let Some(sent) = self.close(command, seq) {
                    let (side, intent) = (sent.command.side.clone(), sent.intent);
                    let row = (side.clone(), ext.clone());
                    let mut needs = vec![intent];
                    needs.extend(self.links.get(&row));
                    self.needs.insert(seq, needs);
                    self.links.entry(row).or_insert(seq);
                    self.shown.insert(side.clone(), seq);
                    self.based.insert(side, seq);
                }
            }
            Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. } => {
                self.close(command, seq);
            }
            Fact::Resolved { .. } => self.said = Some(seq),
            Fact::Unresolved { .. } => self.said = None,
            Fact::Forked { from, merged, .. } => {
                if !born && self.slice.inside().is_some() {
                    self.merged = self.image(merged);
                    self.copied(event, *from);
                }
            }
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Swept { .. }
            | Fact::Decided { .. }
            | Fact::Parked { .. }
            | Fact::Unparked { .. }
            | Fact::Redecided { .. }
            | Fact::Approved { .. }
            | Fact::Drifted { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. }
            | Fact::Erased { .. }
            | Fact::Shadowed { .. } => {}
        }
    }

    fn copied(&mut self, event: &Event, from: RecordId) {
        for (bit, field) in self.entity.fields.iter().enumerate() {
            if self.merged.get(&field.name).is_some() {
                self.touches[bit].push(Touch {
                    seq: event.seq,
                    how: How::Copied,
                    origin: Origin::Copy(from),
                    candidates: Vec::new(),
                    premises: BTreeSet::new(),
                });
            }
        }
    }

    fn close(&mut self, id: &CommandId, outcome: Seq) -> Option<Sent> {
        let open = |sent: &&mut Sent| sent.command.id == *id && sent.outcome.is_none();
        let sent = self.sent.iter_mut().rev().find(open)?;
        sent.outcome = Some(outcome);
        Some(sent.clone())
    }

    /// An image that was erased is one of which nothing is known.
    fn image(&self, hash: &ContentHash) -> Image {
        image_of(self.journal, hash).unwrap_or_default()
    }

    fn slot(&self, side: &SideId) -> Option<&Slot> {
        self.slice.inside()?.slots.get(side)
    }

    /// The row is the one that the side's slot shows now.
    fn shows(&self, side: &SideId, ext: &Ext) -> bool {
        self.slot(side)
            .is_some_and(|slot| slot.presence == Presence::Here && slot.ext.as_ref() == Some(ext))
    }

    /// How many changes of each side are known.
    fn counts(&self) -> BTreeMap<SideId, u32> {
        let Some(record) = self.slice.inside() else { return BTreeMap::new() };
        let count = |side: &SideId, slot: &Slot| slot.knows.count(&self.slice.state().actor(side));
        record.slots.iter().map(|(side, slot)| (side.clone(), count(side, slot))).collect()
    }

    fn seen(&self) -> BTreeMap<SideId, ContentHash> {
        let Some(record) = self.slice.inside() else { return BTreeMap::new() };
        record.slots.iter().map(|(side, slot)| (side.clone(), slot.seen)).collect()
    }

    /// Gives new changes their names, field by field: what changed before and waits keeps its own.
    fn note_edits(
        &mut self,
        event: &Event,
        before: &BTreeMap<SideId, u32>,
        seen: &BTreeMap<SideId, ContentHash>,
    ) {
        let Some(record) = self.slice.inside() else { return };
        let mut new = Vec::new();
        for (side, slot) in &record.slots {
            let Actor { epoch, .. } = self.slice.state().actor(side);
            let count = slot.knows.count(&self.slice.state().actor(side));
            if count <= before.get(side).copied().unwrap_or(0) {
                continue;
            }
            let was = seen.get(side).map(|hash| self.image(hash)).unwrap_or_default();
            let now = self.image(&slot.seen);
            let first = self.shown.get(side).copied().unwrap_or(event.seq).min(event.seq);
            let seen_at = self.times.get(&first).copied().unwrap_or(event.at);
            for (bit, field) in self.entity.fields.iter().enumerate() {
                let key = (side.clone(), bit);
                let moved = now.get(&field.name) != was.get(&field.name);
                if moved && (slot.changed.contains(bit) || !self.edits.contains_key(&key)) {
                    let (side, seq, at) = (side.clone(), first, seen_at);
                    new.push((key, Edit { side, epoch, count, seq, at }));
                }
            }
        }
        self.edits.extend(new);
    }

    /// Notes what a decision has to do with each field; the state is the one before it.
    fn decided(&mut self, event: &Event, decision: &Decision) -> Result<(), HistoryError> {
        let after = self.image(&decision.merged);
        for bit in 0..self.entity.fields.len() {
            let field = &self.entity.fields[bit];
            let found = ruling(decision, bit, field);
            let taker = decision.taken.iter().find(|(_, fields)| fields.contains(bit));
            let how = match (found, taker) {
                (Some(found), _) => How::By(found.found),
                (None, Some(_)) => How::Taken,
                (None, None) if decision.agreed.contains(bit) => How::Agreed,
                (None, None) => continue,
            };
            let sides = self.sides_of(bit, found, taker.map(|(side, _)| side));
            let touch = self.touch(event, bit, how, &sides, after.get(&field.name))?;
            self.touches[bit].push(touch);
        }
        // A person's word is used up by the decision that follows it.
        self.said = None;
        Ok(())
    }

    /// The sides whose values took part.
    fn sides_of(
        &self,
        bit: usize,
        found: Option<&FieldDecision>,
        taker: Option<&SideId>,
    ) -> BTreeSet<SideId> {
        let mut sides = BTreeSet::new();
        sides.extend(taker.cloned());
        if let Some(found) = found {
            sides.extend(found.winner.clone());
            sides.extend(found.losers.iter().filter_map(|loser| loser.side.clone()));
        }
        let Some(record) = self.slice.inside() else { return sides };
        let name = &self.entity.fields[bit].name;
        for (side, slot) in &record.slots {
            // What the edits of a dead record are, is found out by the decision itself.
            let dead = || {
                record.dead && self.image(&slot.seen).get(name) != self.image(&slot.base).get(name)
            };
            if slot.presence == Presence::Here && (slot.changed.contains(bit) || dead()) {
                sides.insert(side.clone());
            }
        }
        sides
    }

    fn touch(
        &mut self,
        event: &Event,
        bit: usize,
        how: How,
        sides: &BTreeSet<SideId>,
        value: Option<&Value>,
    ) -> Result<Touch, HistoryError> {
        let field = self.entity.fields[bit].clone();
        let mut premises = BTreeSet::new();
        let mut candidates = Vec::new();
        for side in sides {
            let Some(slot) = self.slot(side) else { continue };
            let shown = self.image(&slot.seen).get(&field.name).cloned();
            let Some(seq) = self.shown.get(side).copied() else { continue };
            premises.insert(seq);
            premises.extend(slot.ext.clone().and_then(|ext| self.links.get(&(side.clone(), ext))));
            if adds(&field) {
                premises.extend(self.based.get(side));
            }
            if let Some(raw) = &shown {
                premises.extend(self.parents_of(raw, event.seq)?);
            }
            candidates.push(Candidate { side: side.clone(), value: shown, seq });
        }
        let before = self.merged.get(&field.name);
        let last = self.touches[bit].last();
        let same = before == value;
        if same || adds(&field) {
            premises.extend(last.map(|last| last.seq));
        }
        if how == How::By(Found::Person) {
            premises.extend(self.said);
        }
        let origin = match last {
            Some(last) if same => last.origin.clone(),
            Some(_) | None => self.origin(bit, how, &candidates, value),
        };
        Ok(Touch { seq: event.seq, how, origin, candidates, premises })
    }

    /// Whose the value is that a decision brought.
    fn origin(
        &self,
        bit: usize,
        how: How,
        candidates: &[Candidate],
        value: Option<&Value>,
    ) -> Origin {
        let word = self.said.filter(|_| how == How::By(Found::Person));
        let word = word.and_then(|at| Some((at, self.journal.event(at).ok()??)));
        if let Some((seq, Event { fact: Fact::Resolved { choices, by, why, .. }, .. })) = word {
            let name = &self.entity.fields[bit].name;
            let own = choices
                .iter()
                .any(|(field, choice)| field == name && matches!(choice, Choice::Value(_)));
            if own {
                return Origin::Person { by, why, seq };
            }
        }
        let edits = |wanted: &dyn Fn(&Candidate) -> bool| {
            let of = |one: &Candidate| self.edits.get(&(one.side.clone(), bit)).cloned();
            let mut edits: Vec<Edit> =
                candidates.iter().filter(|one| wanted(one)).filter_map(of).collect();
            edits.sort_by_key(|edit| edit.seq);
            edits
        };
        let brings = |one: &Candidate| one.value.as_ref() == value || self.means(one, value);
        let mut own = edits(&brings);
        if own.is_empty() || adds(&self.entity.fields[bit]) {
            own = edits(&|_| true);
        }
        if own.is_empty() { Origin::Policy } else { Origin::Edits(own) }
    }

    /// The side's value is the merged one, said in its own terms.
    fn means(&self, one: &Candidate, value: Option<&Value>) -> bool {
        let (Some(raw), Some(value)) = (&one.value, value) else { return false };
        inward(self.journal.state(), raw) == *value
    }

    /// The events that made rows of other records known that a value refers to.
    fn parents_of(&mut self, value: &Value, before: Seq) -> Result<Vec<Seq>, HistoryError> {
        let mut rows = Vec::new();
        value.each_ref(&mut |reference| {
            if let RefTo::Row { side, ext } = &reference.to {
                rows.push((reference.entity.clone(), side.clone(), ext.clone()));
            }
        });
        let mut found = Vec::new();
        for (entity, side, ext) in rows {
            if let Some(link) = self.link_of(&entity, &side, &ext)?.filter(|link| *link < before) {
                found.push(link);
            }
        }
        Ok(found)
    }

    fn link_of(
        &mut self,
        entity: &Name,
        side: &SideId,
        ext: &Ext,
    ) -> Result<Option<Seq>, HistoryError> {
        let state = self.journal.state();
        let Some(parent) = state.record_of(entity, side, ext) else { return Ok(None) };
        let places = self.journal.with_index(|index| {
            let kinds = ["linked", "intent", "done"].map(str::to_owned).to_vec();
            index.find(state, &Filter { record: Some(parent), kinds, ..Filter::default() })
        })?;
        let mut intents: BTreeMap<CommandId, Event> = BTreeMap::new();
        for event in read(self.journal, &places)? {
            match &event.fact {
                Fact::Linked { side: on, ext: row, .. } if on == side && row == ext => {
                    let seq = event.seq;
                    self.parents.insert(seq, event);
                    return Ok(Some(seq));
                }
                Fact::Intent { command } if command.side == *side => {
                    intents.insert(command.id, event.clone());
                }
                Fact::Done { command, ext: row, .. } if row == ext => {
                    if let Some(intent) = intents.get(command).cloned() {
                        let seq = event.seq;
                        self.needs.insert(seq, vec![intent.seq]);
                        self.parents.insert(intent.seq, intent);
                        self.parents.insert(seq, event);
                        return Ok(Some(seq));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// A field whose value is made of all its movements, and not of the last of them.
pub(super) fn adds(field: &Field) -> bool {
    is_counter(field) || is_set(field)
}

/// How a decision ruled on a field; that its value is lost to the death of the record says nothing about what it is,
/// where the same decision has also come by it.
pub(super) fn ruling<'a>(
    decision: &'a Decision,
    bit: usize,
    field: &Field,
) -> Option<&'a FieldDecision> {
    let own = |one: &&FieldDecision| one.field == field.name;
    let died = |one: &&FieldDecision| one.found == Found::Died;
    let taken = decision.taken.iter().any(|(_, fields)| fields.contains(bit));
    let come_by = taken || decision.agreed.contains(bit);
    let mut rulings = decision.fields.iter().filter(own).filter(|one| !died(one));
    let lost = || decision.fields.iter().filter(own).find(died).filter(|_| !come_by);
    rulings.next_back().or_else(lost)
}
