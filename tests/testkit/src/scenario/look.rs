//! What a scenario looks at: what sides show, what was written, and what is recorded.

use super::{Item, Said, Scenario};
use crate::look;
use mizan_core::event::{FieldDecision, Found};
use mizan_core::fold::{Record, State};
use mizan_core::{Event, Fact, RecordId, Seq, Value};
use mizan_store::EventLog;

impl Scenario {
    /// What a side shows in a field; `None` where it has no row of the item.
    #[must_use]
    pub fn shows(&self, side: usize, item: Item, field: &str) -> Option<Value> {
        let world = look(&self.run.world);
        let (_, cell) = world.sides[side].of_thing(item.0)?;
        Some(cell.image.get(field).cloned().unwrap_or(Value::Null))
    }

    /// # Panics
    /// When a side does not show this value in the field.
    pub fn assert_shows(&self, side: usize, item: Item, field: &str, value: impl Said) {
        let (shown, wanted) = (self.shows(side, item, field), value.value());
        assert_eq!(shown.as_ref(), Some(&wanted), "{field} on side {side}:\n{}", self.told());
    }

    /// # Panics
    /// When not every side shows this value in the field.
    pub fn assert_all_show(&self, item: Item, field: &str, value: impl Said) {
        let value = value.value();
        let sides = look(&self.run.world).sides.len();
        (0..sides).for_each(|side| self.assert_shows(side, item, field, value.clone()));
    }

    /// Live rows of an item on a side.
    #[must_use]
    pub fn rows(&self, side: usize, item: Item) -> usize {
        let world = look(&self.run.world);
        world.sides[side].rows.values().filter(|cell| cell.live && cell.thing == item.0).count()
    }

    /// Live rows of an item on each side.
    #[must_use]
    pub fn everywhere(&self, item: Item) -> Vec<usize> {
        let sides = look(&self.run.world).sides.len();
        (0..sides).map(|side| self.rows(side, item)).collect()
    }

    /// Writes that changed a side, since this was asked last.
    pub fn writes(&mut self) -> u64 {
        let all: u64 = look(&self.run.world).sides.iter().map(|side| side.written).sum();
        let new = all - self.writes;
        self.writes = all;
        new
    }

    /// Writes that ever reached a side, those that it refused or repeated too.
    #[must_use]
    pub fn asked(&self, side: usize) -> u64 {
        look(&self.run.world).sides[side].asked
    }

    /// Events that were appended, since this was asked last.
    pub fn news(&mut self) -> u64 {
        let head = self.run.log.head().0;
        let new = head - self.head;
        self.head = head;
        new
    }

    /// Every event of the log.
    ///
    /// # Panics
    /// When an event cannot be read.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let log = self.run.log.copy();
        let events = (1..).zip(log.events());
        let read = |(seq, bytes): (u64, &Vec<u8>)| Event::from_bytes(Seq(seq), bytes);
        events.map(|one| read(one).expect("the log is sound")).collect()
    }

    /// The record that an item is, where it is known.
    #[must_use]
    pub fn record(&self, item: Item) -> Option<RecordId> {
        let world = look(&self.run.world);
        world.watch.things.iter().find(|(_, thing)| **thing == item.0).map(|(record, _)| *record)
    }

    /// The records that an item is: more than one where its rows do not belong together.
    #[must_use]
    pub fn records(&self, item: Item) -> usize {
        look(&self.run.world).watch.things.values().filter(|thing| **thing == item.0).count()
    }

    /// What the log folds to, as the engine has it.
    ///
    /// # Panics
    /// When no sync has run since the start.
    #[must_use]
    pub fn state(&self) -> &State {
        self.run.engine.as_ref().expect("a sync has run").state()
    }

    /// What the log says of an item.
    ///
    /// # Panics
    /// When nothing is known of it.
    #[must_use]
    pub fn known(&self, item: Item) -> &Record {
        let record = self.record(item).expect("it is known");
        self.state().record(record).expect("a record that is named is there")
    }

    /// Fields of an item that wait for a person.
    #[must_use]
    pub fn conflicts(&self, item: Item) -> Vec<String> {
        let record = self.known(item);
        let fields = self.state().entities.get(&record.entity).cloned().unwrap_or_default();
        let open = |bit: usize| record.slots.values().any(|slot| slot.changed.contains(bit));
        let fields = fields.iter().enumerate().filter(|(bit, _)| open(*bit));
        fields.map(|(_, name)| name.to_string()).collect()
    }

    /// Decisions about a field of an item in which there was something to decide.
    #[must_use]
    pub fn decisions(&self, item: Item, field: &str) -> Vec<FieldDecision> {
        let id = self.record(item);
        let mut found = Vec::new();
        for event in self.events() {
            if let Fact::Decided { record, decision } = event.fact
                && Some(record) == id
            {
                found.extend(decision.fields.into_iter().filter(|one| one.field == field));
            }
        }
        found
    }

    /// The values that are recorded as having lost in a field of an item.
    #[must_use]
    pub fn losers(&self, item: Item, field: &str) -> Vec<Value> {
        let decisions = self.decisions(item, field).into_iter();
        decisions.flat_map(|one| one.losers).map(|loser| loser.value).collect()
    }

    /// How a field of an item was decided last, where there was something to decide.
    #[must_use]
    pub fn found(&self, item: Item, field: &str) -> Option<Found> {
        self.decisions(item, field).last().map(|one| one.found)
    }

    /// The story so far, in words.
    #[must_use]
    pub fn told(&self) -> String {
        let world = look(&self.run.world);
        world.trace.as_ref().map(|lines| lines.join("\n")).unwrap_or_default()
    }
}
