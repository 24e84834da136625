//! Tables of records, in memory; a change may reach lists later than the record itself.

use super::values::Fields;
use std::collections::BTreeMap;

/// The records of one kind, by id.
#[derive(Clone, Default)]
pub(crate) struct Table {
    rows: BTreeMap<u64, Row>,
    last_id: u64,
}

#[derive(Clone)]
struct Row {
    current: Fields,
    late: Option<Late>,
}

/// What lists show until a moment: the record before its change, or nothing.
#[derive(Clone)]
struct Late {
    until_ms: i64,
    before: Option<Fields>,
}

impl Table {
    pub(crate) const EMPTY: Self = Self { rows: BTreeMap::new(), last_id: 0 };

    /// An id that no record has had.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Fields> {
        self.rows.get(&id).map(|row| &row.current)
    }

    /// All records as they are.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Fields)> {
        self.rows.iter().map(|(id, row)| (*id, &row.current))
    }

    /// All records as lists show them at a moment.
    pub(crate) fn listed(&self, now_ms: i64) -> impl Iterator<Item = &Fields> {
        self.rows.values().filter_map(move |row| match &row.late {
            Some(late) if now_ms < late.until_ms => late.before.as_ref(),
            Some(_) | None => Some(&row.current),
        })
    }

    /// Stores a record; lists show it from a moment on.
    pub(crate) fn put(&mut self, id: u64, fields: Fields, now_ms: i64, listed_from_ms: i64) {
        self.last_id = self.last_id.max(id);
        let before = self.rows.remove(&id).and_then(|row| match row.late {
            Some(late) if now_ms < late.until_ms => late.before,
            Some(_) | None => Some(row.current),
        });
        let late = (listed_from_ms > now_ms).then_some(Late { until_ms: listed_from_ms, before });
        self.rows.insert(id, Row { current: fields, late });
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<Fields> {
        self.rows.remove(&id).map(|row| row.current)
    }
}
