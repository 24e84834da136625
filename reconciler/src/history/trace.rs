//! A trace: one walk over a record's events that notes, for each field, what its value came from.

mod edits;
mod origin;
mod parents;

pub use origin::{Candidate, Edit, How, Origin};

use super::HistoryError;
use super::slice::{Slice, events_of};
use crate::engine::Journal;
use mizan_core::bodies::image_of;
use mizan_core::command::Command;
use mizan_core::compare::{is_counter, is_set};
use mizan_core::event::{Decision, FieldDecision, Found};
use mizan_core::fold::{Presence, Record, Slot};
use mizan_core::{
    CommandId, ContentHash, Entity, Event, Ext, Fact, Field, Image, RecordId, Schema, Seq, SideId,
    Timestamp, Value,
};
use std::collections::{BTreeMap, BTreeSet};

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
