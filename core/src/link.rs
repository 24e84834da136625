//! Linking: rows that belong to no record yet find theirs by their natural key, or begin one (L50).

use crate::ablate::{Switch, off};
use crate::event::{Fact, LinkedBy, ParkedFor, Subject};
use crate::fold::{Presence, RowKey, RowState, State};
use crate::id::{Ext, Name, RecordId, SideId};
use crate::schema::KeyHash;
use std::collections::{BTreeMap, BTreeSet};

/// Links the rows of the entities that are `ready`: those whose sides were all listed in this round.
///
/// A key that exactly one row on each side has links them. A key that two rows of one side share, or that leads
/// to two records, is ambiguous: those rows are parked and nothing else waits for them. A row without a key, or
/// whose key nobody shares, begins a record of its own.
#[must_use]
pub fn link(state: &State, ready: &BTreeSet<Name>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut next = u32::try_from(state.records.len()).unwrap_or(u32::MAX);
    let mut done: BTreeSet<(Name, KeyHash)> = BTreeSet::new();
    // Rows parked for an ambiguous key are looked at again: the other row may be gone.
    let waiting = state.parked.keys().filter_map(|subject| match subject {
        Subject::Row { entity, side, ext } => Some((entity.clone(), side.clone(), ext.clone())),
        Subject::Record(_) => None,
    });
    let waiting: Vec<RowKey> = waiting.collect();
    for row in state.unlinked.iter().chain(&waiting) {
        if !ready.contains(&row.0) {
            continue;
        }
        let Some(RowState::Unlinked(unlinked)) = state.rows.get(row) else { continue };
        match unlinked.key.filter(|_| !off(Switch::LinkByKey)) {
            None => {
                facts.push(linked(RecordId(next), row, LinkedBy::New));
                next += 1;
            }
            Some(key) => {
                if done.insert((row.0.clone(), key)) {
                    link_key(state, &row.0, key, &mut next, &mut facts);
                }
            }
        }
    }
    facts
}

fn linked(record: RecordId, row: &RowKey, how: LinkedBy) -> Fact {
    let (entity, side, ext) = row.clone();
    Fact::Linked { record, entity, side, ext, how }
}

/// All live rows that share a key.
struct Sharing {
    by_side: BTreeMap<SideId, Vec<Ext>>,
    records: BTreeSet<RecordId>,
    open: Vec<RowKey>,
}

fn sharing(state: &State, entity: &Name, key: KeyHash) -> Sharing {
    let mut found =
        Sharing { by_side: BTreeMap::new(), records: BTreeSet::new(), open: Vec::new() };
    let rows = state.keys.get(&(entity.clone(), key)).into_iter().flatten();
    for (side, ext) in rows {
        found.by_side.entry(side.clone()).or_default().push(ext.clone());
        let row = (entity.clone(), side.clone(), ext.clone());
        match state.rows.get(&row) {
            Some(RowState::Linked(record)) => {
                found.records.insert(*record);
            }
            Some(RowState::Unlinked(_)) => found.open.push(row),
            None => {}
        }
    }
    found
}

fn link_key(state: &State, entity: &Name, key: KeyHash, next: &mut u32, facts: &mut Vec<Fact>) {
    let found = sharing(state, entity, key);
    let twice = found.by_side.values().any(|rows| rows.len() > 1);
    if twice || found.records.len() > 1 {
        facts.extend(found.open.iter().filter_map(|row| park(state, row)));
        return;
    }
    let (record, known) = match found.records.first() {
        Some(record) => (*record, true),
        None => {
            *next += 1;
            (RecordId(*next - 1), false)
        }
    };
    let mut first = !known;
    for row in &found.open {
        if known && !has_room(state, record, &row.1) {
            // The record lives on another row there: this one is a record of its own.
            facts.push(linked(RecordId(*next), row, LinkedBy::New));
            *next += 1;
            continue;
        }
        facts.push(linked(record, row, if first { LinkedBy::New } else { LinkedBy::Key }));
        first = false;
    }
}

fn has_room(state: &State, record: RecordId, side: &SideId) -> bool {
    let Some(record) = state.record(record) else { return false };
    record.pending.is_none()
        && record.slots.get(side).is_none_or(|slot| slot.presence != Presence::Here)
}

fn park(state: &State, row: &RowKey) -> Option<Fact> {
    let (entity, side, ext) = row.clone();
    let subject = Subject::Row { entity, side, ext };
    if state.parked.contains_key(&subject) {
        return None;
    }
    Some(Fact::Parked { subject, why: ParkedFor::AmbiguousKey })
}
