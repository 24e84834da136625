//! Diff: what two moments of a log, or two logs, have in which they differ.

mod compare;

use super::past::{Standing, as_of, fold_to};
use super::{Filter, HistoryError};
use crate::engine::Journal;
use compare::compare;
use mizan_core::bodies::Bodies;
use mizan_core::fold::{RowState, State};
use mizan_core::{CommandId, Event, Fact, Name, RecordId, Schema, Seq, SideId, Timestamp, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// One of the two that are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// The position.
    pub at: Seq,
    /// When that was appended.
    pub time: Option<Timestamp>,
    /// How many records there were.
    pub records: usize,
}

/// What became of a record between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Missing,
    /// It died.
    Deleted,
    /// It came back.
    Revived,
    /// Its values differ.
    Changed,
    /// Its values are the same; its rows, or how it stands, differ.
    Stands,
}

/// A field with two values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// The field.
    pub field: Name,
    /// In the first; `None`: not known.
    pub a: Option<Value>,
    /// In the second.
    pub b: Option<Value>,
}

/// A record in which they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordDiff {
    /// The record, by the number that it has in the first, or else in the second.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// What became of it.
    pub change: Change,
    /// Its merged values that differ.
    pub fields: Vec<FieldDiff>,
    /// Fields that are in conflict in the second only.
    pub conflicts_opened: Vec<Name>,
    /// Fields that are in conflict in the first only.
    pub conflicts_closed: Vec<Name>,
    /// Sides that have a row in the second only.
    pub rows_added: Vec<SideId>,
    /// Sides that have a row in the first only.
    pub rows_gone: Vec<SideId>,
    /// How it stood in the first.
    pub stood: Option<Standing>,
    /// How it stands in the second.
    pub stands: Option<Standing>,
}

/// A command that only one of them has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandDiff {
    /// The command.
    pub command: CommandId,
    /// Whether the second has it, and not the first.
    pub in_b: bool,
    /// `create`, `update` or `delete`.
    pub verb: &'static str,
    /// The record, by its number there.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// The side.
    pub side: SideId,
    /// Where its intent stands.
    pub intent: Seq,
    /// `done`, `deleted`, `refused`, `withdrawn` or `in doubt`, as far as is known there.
    pub ended: &'static str,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The first.
    pub a: End,
    /// The second.
    pub b: End,
    /// Of two logs: the last event that they have in common.
    pub common: Option<Seq>,
    /// Records in which they differ, in the order of their numbers.
    pub records: Vec<RecordDiff>,
    /// Commands that only one of them has.
    pub commands: Vec<CommandDiff>,
}

impl Diff {
    /// True where they differ in nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.commands.is_empty()
    }

    /// How many records of each kind of change, fields, conflicts and commands, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut kinds: BTreeMap<Change, usize> = BTreeMap::new();
        self.records.iter().for_each(|one| *kinds.entry(one.change).or_default() += 1);
        let mut parts: Vec<String> = Vec::new();
        for (change, count) in kinds {
            parts.push(format!("{count} {}", change.word()));
        }
        let both = |one: &&RecordDiff| !matches!(one.change, Change::Added | Change::Missing);
        let fields: usize = self.records.iter().filter(both).map(|one| one.fields.len()).sum();
        let opened: usize = self.records.iter().map(|one| one.conflicts_opened.len()).sum();
        let closed: usize = self.records.iter().map(|one| one.conflicts_closed.len()).sum();
        for (count, what) in [
            (fields, "values differ"),
            (opened, "conflicts opened"),
            (closed, "conflicts closed"),
            (self.commands.len(), "commands"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if parts.is_empty() { "no difference".to_owned() } else { parts.join(", ") }
    }
}

impl Change {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Missing => "missing",
            Self::Deleted => "deleted",
            Self::Revived => "brought back",
            Self::Changed => "changed",
            Self::Stands => "the same, standing otherwise",
        }
    }
}

/// A state with what is behind its hashes.
struct Have<'a> {
    state: &'a State,
    bodies: &'a dyn Bodies,
}

/// What happened between two positions of a log; `entity` narrows it to one.
///
/// ```
/// use mizan::core::{Schema, Seq};
/// use mizan::engine::Journal;
/// use mizan::history::diff;
/// use mizan::store::MemoryLog;
///
/// let journal = Journal::open(Box::new(MemoryLog::default()))?;
/// let nothing = diff(&journal, &Schema::default(), Seq(0), Seq(0), None, &mut |_| {})?;
/// assert_eq!(nothing.summary(), "no difference");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the span leads backwards or beyond the log, or the log cannot be read.
pub fn diff(
    journal: &Journal,
    schema: &Schema,
    from: Seq,
    to: Seq,
    entity: Option<&Name>,
    tell: &mut dyn FnMut(Seq),
) -> Result<Diff, HistoryError> {
    if from > to {
        return Err(HistoryError::Backwards { from, to });
    }
    let a = as_of(journal, from, tell)?;
    let mut later = a.state.clone();
    if to > journal.head() {
        return Err(HistoryError::Beyond { at: to, head: journal.head() });
    }
    fold_to(journal, &mut later, to, tell)?;
    let have = |state| Have { state, bodies: journal };
    let (first, second) = (have(&a.state), have(&later));
    let ids = later.each_record().map(|(id, _)| {
        let known = a.state.record(id).map(|_| id);
        (known, Some(id))
    });
    let records = compare(&first, &second, schema, ids, entity);
    let time = journal.event(to)?.map(|event| event.at);
    let commands = commands(journal, (from, to), &BTreeSet::new(), true, entity)?;
    Ok(Diff {
        a: End { at: from, time: a.time, records: a.state.records.len() },
        b: End { at: to, time, records: later.records.len() },
        common: None,
        records,
        commands,
    })
}

/// What two logs differ in: the first is the one that is asked, the second another.
///
/// Records are the same where they have a row in common; numbers are each log's own.
///
/// # Errors
/// When one of them cannot be read.
pub fn diff_logs(
    first: &Journal,
    second: &Journal,
    schema: &Schema,
    entity: Option<&Name>,
) -> Result<Diff, HistoryError> {
    let common = common(first, second)?;
    let (a, b) = (first.state(), second.state());
    let mut pairs: Vec<(Option<RecordId>, Option<RecordId>)> = Vec::new();
    let mut met = BTreeSet::new();
    let rows = rows_of(b);
    for (id, record) in a.each_record() {
        let other = record.slots.iter().find_map(|(side, slot)| {
            let ext = slot.ext.clone()?;
            rows.get(&(record.entity.clone(), side.clone(), ext)).copied()
        });
        met.extend(other);
        pairs.push((Some(id), other));
    }
    let new = b.each_record().map(|(id, _)| id).filter(|id| !met.contains(id));
    pairs.extend(new.map(|id| (None, Some(id))));
    let have = (Have { state: a, bodies: first }, Have { state: b, bodies: second });
    let records = compare(&have.0, &have.1, schema, pairs.into_iter(), entity);
    let (own, theirs) = (sent(first, common)?, sent(second, common)?);
    let mut list = commands(first, (common, first.head()), &theirs, false, entity)?;
    list.extend(commands(second, (common, second.head()), &own, true, entity)?);
    let end = |journal: &Journal| -> Result<End, HistoryError> {
        let time = journal.event(journal.head())?.map(|event| event.at);
        Ok(End { at: journal.head(), time, records: journal.state().records.len() })
    };
    Ok(Diff { a: end(first)?, b: end(second)?, common: Some(common), records, commands: list })
}

type Row = (Name, SideId, mizan_core::Ext);

fn rows_of(state: &State) -> BTreeMap<Row, RecordId> {
    let linked = state.rows.iter().filter_map(|(row, known)| match known {
        RowState::Linked(record) => Some((row.clone(), *record)),
        RowState::Unlinked(_) => None,
    });
    linked.collect()
}

/// Events of two logs that are held against each other at a time.
const PAGE_EVENTS: usize = 4_096;

/// The last event up to which two logs are the same.
fn common(first: &Journal, second: &Journal) -> Result<Seq, HistoryError> {
    let mut common = Seq(0);
    loop {
        let (one, other) = (page(first, common)?, page(second, common)?);
        let same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
        common = Seq(common.0 + same as u64);
        if same < PAGE_EVENTS {
            return Ok(common);
        }
    }
}

fn page(journal: &Journal, after: Seq) -> Result<Vec<Event>, HistoryError> {
    let mut page = Vec::new();
    journal.try_each_event(after, &mut |event| {
        page.push(event.clone());
        let full = page.len() == PAGE_EVENTS;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(page)
}

fn sent(journal: &Journal, after: Seq) -> Result<BTreeSet<CommandId>, HistoryError> {
    let mut sent = BTreeSet::new();
    each_of(journal, &["intent"], (after, journal.head()), &mut |event| {
        if let Fact::Intent { command } = &event.fact {
            sent.insert(command.id);
        }
    })?;
    Ok(sent)
}

fn each_of(
    journal: &Journal,
    kinds: &[&str],
    (after, until): (Seq, Seq),
    visit: &mut dyn FnMut(&Event),
) -> Result<(), HistoryError> {
    if until <= after {
        return Ok(());
    }
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let filter = Filter { kinds, after, until, ..Filter::default() };
    let places = journal.with_index(|index| index.find(journal.state(), &filter))?;
    journal.each_event_at(&places, &mut |event| {
        visit(event);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// The commands of a stretch, without those that the other log has as well.
fn commands(
    journal: &Journal,
    span: (Seq, Seq),
    without: &BTreeSet<CommandId>,
    in_b: bool,
    entity: Option<&Name>,
) -> Result<Vec<CommandDiff>, HistoryError> {
    let mut found: Vec<CommandDiff> = Vec::new();
    let mut places: BTreeMap<CommandId, usize> = BTreeMap::new();
    let kinds = ["intent", "done", "deleted", "refused", "withdrawn"];
    each_of(journal, &kinds, span, &mut |event| {
        if let Fact::Intent { command } = &event.fact {
            let other = entity.is_some_and(|entity| *entity != command.entity);
            if !without.contains(&command.id) && !other {
                places.insert(command.id, found.len());
                found.push(CommandDiff {
                    command: command.id,
                    in_b,
                    verb: command.operation.verb(),
                    record: command.record,
                    entity: command.entity.clone(),
                    side: command.side.clone(),
                    intent: event.seq,
                    ended: "in doubt",
                });
            }
        } else if let Fact::Done { command, .. }
        | Fact::Deleted { command }
        | Fact::Refused { command, .. }
        | Fact::Withdrawn { command, .. } = &event.fact
            && let Some(at) = places.remove(command)
        {
            found[at].ended = event.fact.kind();
        }
    })?;
    Ok(found)
}
