//! When a conflict began, and what the sides showed then.

use crate::engine::{EngineError, Journal};
use mizan_core::event::{Decision, Found, Life, Loser};
use mizan_core::{Event, Fact, Name, RecordId, Seq, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// When something began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Since {
    /// The decision that left it open first.
    pub seq: Seq,
    /// When that was appended.
    pub at: Timestamp,
}

/// What is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// A field.
    Field(Name),
    /// Whether the record lives.
    Life,
}

/// How it began.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) since: Since,
    pub(super) values: Vec<Loser>,
}

/// What is open in some records, and since when.
pub(super) struct History(BTreeMap<RecordId, BTreeMap<About, Begun>>);

impl History {
    /// Walks their events: a conflict is open from the first decision that left it so, as long as every later one does.
    pub(super) fn of(journal: &Journal, wanted: &BTreeSet<RecordId>) -> Result<Self, EngineError> {
        let mut history = Self(BTreeMap::new());
        if wanted.is_empty() {
            return Ok(history);
        }
        let places: BTreeSet<Seq> = journal.with_index(|index| {
            let of = |id: &RecordId| index.of_record(journal.state(), *id);
            wanted.iter().flat_map(of).collect()
        })?;
        let places: Vec<Seq> = places.into_iter().collect();
        journal.each_event_at(&places, &mut |event| {
            if let Fact::Decided { record, decision } = &event.fact
                && wanted.contains(record)
            {
                history.decided(*record, decision, event);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(history)
    }

    fn decided(&mut self, record: RecordId, decision: &Decision, event: &Event) {
        let since = Since { seq: event.seq, at: event.at };
        let mut before = self.0.remove(&record).unwrap_or_default();
        let mut open = BTreeMap::new();
        let mut keep = |about: About, values: &[Loser]| {
            let begun = before.remove(&about);
            let new = || Begun { since, values: values.to_vec() };
            open.insert(about, begun.unwrap_or_else(new));
        };
        for field in &decision.fields {
            if field.found == Found::Manual {
                keep(About::Field(field.field.clone()), &field.losers);
            }
        }
        if decision.life == Life::Disputed {
            keep(About::Life, &[]);
        }
        self.0.insert(record, open);
    }

    pub(super) fn get(&self, record: RecordId, about: &About) -> Option<&Begun> {
        self.0.get(&record)?.get(about)
    }

    pub(super) fn oldest(&self, record: RecordId) -> Option<Since> {
        self.0.get(&record)?.values().map(|begun| begun.since).min()
    }
}
