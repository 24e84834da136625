//! A slice: some events of a log folded alone, with the numbers of its records made small.
//!
//! A record is what its own events say, and needs no others: so its past costs what it has, and not what the log has.

use crate::engine::{EngineError, Journal};
use mizan_core::event::Subject;
use mizan_core::fold::{Record, State, fold};
use mizan_core::{Event, Fact, RecordId, Seq};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Filter;

/// What every slice begins with.
const DECLARED: [&str; 4] = ["opened", "side_attached", "entity_declared", "policy_set"];

/// A record with some of its events, folded one after the other.
pub(crate) struct Slice {
    id: RecordId,
    /// The slice's number of each record of the log.
    small: BTreeMap<RecordId, RecordId>,
    /// The log's number of each record of the slice.
    large: Vec<RecordId>,
    state: State,
    /// Where the record was made as a copy.
    made_at: Option<Seq>,
    born: bool,
}

impl Slice {
    /// A slice for a record and these events, with nothing folded yet.
    pub(crate) fn new(
        journal: &Journal,
        id: RecordId,
        events: &[Event],
    ) -> Result<Self, EngineError> {
        let made_at = made_at(journal, id)?;
        let mut slice = Self {
            id,
            small: BTreeMap::new(),
            large: Vec::new(),
            state: State::default(),
            made_at,
            born: false,
        };
        let mut meet = |record: RecordId| {
            let copy = record == id && made_at.is_some();
            if !copy && !slice.small.contains_key(&record) {
                let entity = journal.state().record(record).map(|record| record.entity.clone());
                let small = RecordId(u32::try_from(slice.large.len()).unwrap_or(u32::MAX));
                slice.small.insert(record, small);
                slice.large.push(record);
                slice.state.records.push(Record::new(entity.unwrap_or_default()));
            }
            record
        };
        meet(id);
        for event in events {
            relabel(&mut event.fact.clone(), &mut meet);
        }
        if made_at.is_some() {
            // The event that makes the copy puts it behind all others.
            let next = RecordId(u32::try_from(slice.large.len()).unwrap_or(u32::MAX));
            slice.small.insert(id, next);
            slice.large.push(id);
        }
        Ok(slice)
    }

    /// Folds the next event.
    pub(crate) fn step(&mut self, event: &Event) -> Result<(), EngineError> {
        if matches!(event.fact, Fact::Forked { .. }) && self.made_at.is_some() {
            if self.made_at != Some(event.seq) {
                return Ok(());
            }
            self.born = true;
        }
        // A row begins it; where only some of its events are here, its first decision or command says that it is there.
        if let Fact::Linked { record, .. } | Fact::Decided { record, .. } = &event.fact {
            self.born |= *record == self.id;
        } else if let Fact::Intent { command } = &event.fact {
            self.born |= command.record == self.id;
        }
        let mut event = event.clone();
        relabel(&mut event.fact, &mut |record| self.small.get(&record).copied().unwrap_or(record));
        self.state.head = Seq(event.seq.0.saturating_sub(1));
        fold(&mut self.state, &event)?;
        Ok(())
    }

    /// The state, with the slice's own numbers.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The record's number in the slice.
    pub(crate) fn small(&self) -> RecordId {
        self.small.get(&self.id).copied().unwrap_or(self.id)
    }

    /// The record, with the slice's own numbers; `None` before its first row.
    pub(crate) fn inside(&self) -> Option<&Record> {
        if self.born { self.state.record(self.small()) } else { None }
    }

    /// The log's number of a record of the slice.
    pub(crate) fn large(&self, small: RecordId) -> RecordId {
        self.large.get(small.0 as usize).copied().unwrap_or(small)
    }

    /// The record, with the log's numbers; `None` before its first row.
    pub(crate) fn record(&self) -> Option<Record> {
        let mut record = self.inside()?.clone();
        record.refers_to.iter_mut().for_each(|to| *to = self.large(*to));
        record.refers_to.sort_unstable();
        record.copy_of = record.copy_of.map(|of| self.large(of));
        Some(record)
    }
}

/// The events of a record up to a position, with the declarations that they need.
pub(crate) fn events_of(
    journal: &Journal,
    id: RecordId,
    until: Seq,
) -> Result<Vec<Event>, EngineError> {
    let state = journal.state();
    let places = journal.with_index(|index| {
        let mut places = declared(index, state);
        places.extend(index.of_record(state, id));
        places.retain(|at| *at <= until);
        places.sort_unstable();
        places.dedup();
        places
    })?;
    read(journal, &places)
}

/// Where the log declares its sides, fields and rules.
pub(crate) fn declared(index: &super::Index, state: &State) -> Vec<Seq> {
    let kinds = DECLARED.iter().map(|kind| (*kind).to_owned()).collect();
    index.find(state, &Filter { kinds, ..Filter::default() })
}

/// The events at these positions.
pub(crate) fn read(journal: &Journal, places: &[Seq]) -> Result<Vec<Event>, EngineError> {
    let mut events = Vec::with_capacity(places.len());
    journal.each_event_at(places, &mut |event| {
        events.push(event.clone());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(events)
}

/// The event that made a record as a copy of another: copies have their numbers in the order in which they were made.
pub(crate) fn made_at(journal: &Journal, id: RecordId) -> Result<Option<Seq>, EngineError> {
    let state = journal.state();
    let Some(original) = state.record(id).and_then(|record| record.copy_of) else {
        return Ok(None);
    };
    let earlier = state.records.iter().take(id.0 as usize);
    let nth = earlier.filter(|record| record.copy_of == Some(original)).count();
    let places = journal.with_index(|index| {
        let kinds = vec!["forked".to_owned()];
        let filter = Filter { record: Some(original), kinds, ..Filter::default() };
        index.find(state, &filter)
    })?;
    Ok(places.get(nth).copied())
}

/// Gives every record that a fact names another number.
fn relabel(fact: &mut Fact, number: &mut dyn FnMut(RecordId) -> RecordId) {
    let mut all = |records: &mut Vec<RecordId>| {
        records.iter_mut().for_each(|record| *record = number(*record));
    };
    match fact {
        Fact::Linked { record, .. }
        | Fact::Resolved { record, .. }
        | Fact::Unresolved { record, .. }
        | Fact::Erased { record, .. }
        | Fact::Shadowed { record, .. } => *record = number(*record),
        Fact::Decided { record, decision } => {
            all(&mut decision.refers_to);
            *record = number(*record);
        }
        Fact::Intent { command } => {
            all(&mut command.refers_to);
            command.record = number(command.record);
        }
        Fact::Forked { from, refers_to, .. } => {
            all(refers_to);
            *from = number(*from);
        }
        Fact::Swept { freed, .. } => all(freed),
        Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => {
            if let Subject::Record(record) = subject {
                *record = number(*record);
            }
        }
        Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Observed { .. }
        | Fact::Cursor { .. }
        | Fact::Done { .. }
        | Fact::Deleted { .. }
        | Fact::Refused { .. }
        | Fact::Withdrawn { .. }
        | Fact::Redecided { .. }
        | Fact::Approved { .. }
        | Fact::Drifted { .. }
        | Fact::Unreadable { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. } => {}
    }
}
