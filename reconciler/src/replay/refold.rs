//! Refold: the log folded again from its first event, and held against what is cached and what is in memory (L2, L4).

use super::walk::Walk;
use crate::engine::{EngineError, Journal};
use mizan_core::fold::State;
use mizan_core::{ContentHash, RecordId, Seq};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::ControlFlow;

/// Differences that are listed.
const LISTED_MAX: usize = 50;

/// One thing in which two states differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateDifference {
    /// The record, where it is one.
    pub record: Option<RecordId>,
    /// Which part: `slots.shop.behind`, `rows`, `cursors`, ...
    pub part: String,
    /// What the log folds to.
    pub folded: String,
    /// What the other one says.
    pub other: String,
}

/// Where a state left what the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstDifference {
    /// The record.
    pub record: RecordId,
    /// The part of it that differs.
    pub part: String,
    /// The first event that is not in the other state; `None`: at no position did the log fold to what it says.
    pub event: Option<Seq>,
    /// That event's kind.
    pub kind: Option<&'static str>,
}

/// A state held against the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The position that it claims.
    pub at: Seq,
    /// Its hash.
    pub hash: ContentHash,
    /// It is what the log folds to.
    pub equal: bool,
    /// What differs; at most fifty.
    pub differences: Vec<StateDifference>,
    /// Where it first differs.
    pub first: Option<FirstDifference>,
}

/// What folding the log again gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The position that was folded to.
    pub at: Seq,
    /// The hash of the state there.
    pub state: ContentHash,
    /// Its records.
    pub records: usize,
    /// Those of them in conflict.
    pub conflicts: usize,
    /// Commands in doubt there.
    pub in_doubt: usize,
    /// What waits for a person, and is no conflict.
    pub parked: usize,
    /// The snapshot in the store, where it was written by this code and is not beyond that position.
    pub snapshot: Option<Compared>,
    /// The state in memory, where all of the log was folded.
    pub live: Option<Compared>,
}

impl Replayed {
    /// True where nothing differs.
    #[must_use]
    pub fn holds(&self) -> bool {
        [&self.snapshot, &self.live].into_iter().flatten().all(|compared| compared.equal)
    }
}

/// Folds a log again, up to a position, and compares the state with the snapshot and with the one in memory.
///
/// # Errors
/// When an event cannot be read or does not follow.
pub fn replay(
    journal: &Journal,
    to: Seq,
    told: &mut dyn FnMut(Seq),
) -> Result<Replayed, EngineError> {
    let cached = journal.snapshot()?.filter(|snapshot| snapshot.at <= to);
    let cached = cached.and_then(|snapshot| State::from_bytes(&snapshot.bytes));
    let mut snapshot = None;
    let (state, _) = Walk::over(journal).to(to).each(&mut |step| {
        if step.event.seq.0.is_multiple_of(4_096) {
            told(step.event.seq);
        }
        if let Some(cached) = cached.as_ref().filter(|cached| cached.head == step.before.head) {
            snapshot = Some(compare(step.before, cached));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some(cached) = cached.as_ref().filter(|cached| cached.head == state.head) {
        snapshot = Some(compare(&state, cached));
    }
    let mut live = (journal.head() <= to).then(|| compare(&state, journal.state()));
    if let (Some(compared), Some(cached)) = (&mut snapshot, &cached) {
        compared.first = first(journal, compared, cached)?;
    }
    if let Some(compared) = &mut live {
        compared.first = first(journal, compared, journal.state())?;
    }
    Ok(Replayed {
        at: state.head,
        state: state.hash(),
        records: state.records.len(),
        conflicts: state.conflicts.len(),
        in_doubt: state.pending.len(),
        parked: state.parked.len(),
        snapshot,
        live,
    })
}

fn compare(folded: &State, other: &State) -> Compared {
    let differences = compare_states(folded, other);
    let equal = folded == other;
    Compared { at: other.head, hash: other.hash(), equal, differences, first: None }
}

/// The parts in which two states differ, record by record and field by field; at most fifty.
#[must_use]
pub fn compare_states(folded: &State, other: &State) -> Vec<StateDifference> {
    let mut found = Vec::new();
    let records = folded.records.len().max(other.records.len());
    for id in (0..u32::try_from(records).unwrap_or(u32::MAX)).map(RecordId) {
        let (a, b) = (folded.record(id), other.record(id));
        if a != b && found.len() < LISTED_MAX {
            let json = |record| serde_json::to_value(record).unwrap_or(Json::Null);
            differ_json(Some(id), "", &json(a), &json(b), &mut found);
        }
    }
    let mut part = |name: &str, a: &dyn Debug, b: &dyn Debug| {
        note(None, name, format!("{a:?}"), format!("{b:?}"), &mut found);
    };
    part("head", &folded.head, &other.head);
    part("log id", &folded.log_id, &other.log_id);
    part("epoch", &folded.epoch, &other.epoch);
    part("sides", &folded.sides, &other.sides);
    part("undecided", &folded.undecided, &other.undecided);
    part("owed", &folded.owed, &other.owed);
    part("conflicts", &folded.conflicts, &other.conflicts);
    part("refused", &folded.refused, &other.refused);
    part("unlinked", &folded.unlinked, &other.unlinked);
    part("approved", &folded.approved, &other.approved);
    maps("entities", &folded.entities, &other.entities, &mut found);
    maps("policies", &folded.policies, &other.policies, &mut found);
    maps("rows", &folded.rows, &other.rows, &mut found);
    maps("keys", &folded.keys, &other.keys, &mut found);
    maps("pending", &folded.pending, &other.pending, &mut found);
    maps("parked", &folded.parked, &other.parked, &mut found);
    maps("awaited", &folded.awaited, &other.awaited, &mut found);
    maps("children", &folded.children, &other.children, &mut found);
    maps("cursors", &folded.cursors, &other.cursors, &mut found);
    maps("unreadable", &folded.unreadable, &other.unreadable, &mut found);
    found
}

fn note(
    record: Option<RecordId>,
    part: &str,
    folded: String,
    other: String,
    found: &mut Vec<StateDifference>,
) {
    if folded != other && found.len() < LISTED_MAX {
        found.push(StateDifference { record, part: part.to_owned(), folded, other });
    }
}

/// The first entry in which two maps differ.
fn maps<K: Ord + Debug, V: PartialEq + Debug>(
    name: &str,
    folded: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    found: &mut Vec<StateDifference>,
) {
    let keys = folded.keys().chain(other.keys());
    let Some(key) = keys.filter(|key| folded.get(key) != other.get(key)).min() else { return };
    let told = |value: Option<&V>| {
        value.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"))
    };
    note(None, &format!("{name} {key:?}"), told(folded.get(key)), told(other.get(key)), found);
}

fn differ_json(
    record: Option<RecordId>,
    path: &str,
    folded: &Json,
    other: &Json,
    found: &mut Vec<StateDifference>,
) {
    if folded == other {
        return;
    }
    match (folded, other) {
        (Json::Object(a), Json::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |map: &serde_json::Map<String, Json>| {
                    map.get(name).cloned().unwrap_or(Json::Null)
                };
                differ_json(record, &below, &of(a), &of(b), found);
            }
        }
        (a, b) => {
            let path = if path.is_empty() { "record" } else { path };
            note(record, path, a.to_string(), b.to_string(), found);
        }
    }
}

/// Where the records that differ were last as the other state has them, and which event they left it with.
fn first(
    journal: &Journal,
    compared: &Compared,
    other: &State,
) -> Result<Option<FirstDifference>, EngineError> {
    let mut apart: BTreeMap<RecordId, (FirstDifference, bool)> = BTreeMap::new();
    for difference in &compared.differences {
        let Some(record) = difference.record else { continue };
        let part = difference.part.clone();
        let nowhere = FirstDifference { record, part, event: None, kind: None };
        apart.entry(record).or_insert((nowhere, false));
    }
    if apart.is_empty() {
        return Ok(None);
    }
    let mut last: Option<(Seq, &'static str)> = None;
    let mut look = |state: &State, last: Option<(Seq, &'static str)>| {
        for (record, (found, agreed)) in &mut apart {
            let agrees = state.record(*record) == other.record(*record);
            if agrees {
                (found.event, found.kind) = (None, None);
            } else if *agreed {
                (found.event, found.kind) = last.unzip();
            }
            *agreed = agrees;
        }
    };
    let (state, _) = Walk::over(journal).to(compared.at).each(&mut |step| {
        look(step.before, last);
        last = Some((step.event.seq, step.event.fact.kind()));
        Ok(ControlFlow::Continue(()))
    })?;
    look(&state, last);
    let found = apart.into_values().map(|(found, _)| found);
    Ok(found.min_by_key(|found| found.event.unwrap_or(Seq(u64::MAX))))
}
