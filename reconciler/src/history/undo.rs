//! Undo: a span of the log taken back, as a plan that a person approves.
//!
//! A plan says of every record that was decided about in the span what becomes of it, which writes follow, and what is
//! left as it is and why. Approved by its hash, it becomes decisions in the log; the next sync carries them out like any
//! others: with what each row is expected to show, and under the guards.

mod approve;
mod made;
mod rows;
mod text;

pub use approve::{Approval, approve};

use super::{Filter, HistoryError};
use crate::engine::Journal;
use mizan_core::event::{Choice, ParkedFor, Subject};
use mizan_core::{
    ContentHash, Ext, Fact, HashWriter, Image, Name, RecordId, Schema, Seq, SideId, Value,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What came after this position.
    pub from: Seq,
    /// Up to this one, and with it.
    pub to: Seq,
    /// Only this record.
    pub record: Option<RecordId>,
    /// Only this entity.
    pub entity: Option<Name>,
    /// Entities whose rows on a side are final documents.
    pub immutable: BTreeSet<(Name, SideId)>,
}

/// Why a value comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It held before.
    HeldBefore,
    /// It lost to a decision in the span: the sides had come to differ before it.
    Lost {
        /// Whose it was; `None`: what was merged before.
        side: Option<SideId>,
    },
}

/// A value that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The field.
    pub field: Name,
    /// What holds now.
    pub from: Value,
    /// What will.
    pub to: Value,
    /// Why that.
    pub because: Because,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Values come back.
    Restore {
        /// Which.
        fields: Vec<Restored>,
    },
    /// It was begun or brought back in the span, by our own creates: it is deleted.
    Delete,
    /// It was deleted in the span: it is created again.
    CreateAgain {
        /// Values that come back with it.
        fields: Vec<Restored>,
    },
    /// A side has it as a final document: it waits for a person.
    Correct {
        /// The side.
        side: SideId,
        /// The row.
        ext: Option<Ext>,
    },
    /// Nothing.
    Leave,
}

/// A write that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Send {
    /// The side.
    pub side: SideId,
    /// The row; `None` for a create.
    pub ext: Option<Ext>,
    /// `create`, `update` or `delete`.
    pub verb: &'static str,
    /// What it sets.
    pub sets: Image,
}

/// Something that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The field; `None`: the record.
    pub field: Option<Name>,
    /// Why.
    pub why: Why,
}

/// Why something stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// It was changed after the span.
    ChangedSince {
        /// By this decision.
        at: Seq,
    },
    /// It is in conflict.
    InConflict,
    /// Something was seen of the record that no sync has decided about, or a decision waits for a sync.
    Undecided,
    /// A write is under way or in doubt.
    Pending,
    /// It waits for a person.
    Parked,
    /// Nothing held before.
    NothingBefore,
    /// More than one value lost.
    ManyLost {
        /// They.
        values: Vec<Value>,
    },
    /// A side shows the value, and is not written to.
    NotWritten {
        /// The side.
        side: SideId,
    },
    /// Movements add up; the opposite movement is made on a side.
    Movements {
        /// What to make.
        by: Value,
    },
    /// It is decided together with a field that stays as it is.
    Group {
        /// That field.
        with: Name,
    },
    /// It refers to a record that is deleted.
    RefersToDead {
        /// That record.
        record: RecordId,
    },
    /// It began in the span, and none of its rows was made by Mizan.
    NotOurs,
    /// It began in the span, and its rows have been changed since they were made.
    Touched,
    /// Records that live refer to it.
    Children,
    /// No side that has it allows deletes, or none allows creates.
    NotAllowed,
    /// It was deleted, or came back, after the span.
    LifeSince,
}

/// What becomes of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordUndo {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub action: Action,
    /// The writes that follow.
    pub sends: Vec<Send>,
    /// What stays as it is.
    pub left: Vec<Left>,
}

/// A span of the log, taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndoPlan {
    /// After this position.
    pub from: Seq,
    /// Up to this one.
    pub to: Seq,
    /// Names the plan: an approval is for exactly this.
    pub hash: ContentHash,
    /// The records that were decided about in the span, in the order of their numbers.
    pub records: Vec<RecordUndo>,
}

/// An undo is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// The plan is another one by now.
    #[error(
        "the approval is for another plan: nothing was taken back. What would be taken back now has the hash {now}; \
         look at it again"
    )]
    OtherPlan {
        /// The present plan's hash.
        now: ContentHash,
    },
    /// Nobody said who decides, or why.
    #[error("a decision is kept for ever: say who makes it and why")]
    Unsigned,
    /// The log cannot be read or written.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl From<crate::EngineError> for UndoError {
    fn from(error: crate::EngineError) -> Self {
        Self::History(error.into())
    }
}

/// What taking a span of the log back would do; nothing is appended.
///
/// ```
/// use mizan::core::{Schema, Seq};
/// use mizan::engine::Journal;
/// use mizan::history::undo::{Span, plan};
/// use mizan::store::MemoryLog;
///
/// let journal = Journal::open(Box::new(MemoryLog::default()))?;
/// let (record, entity, immutable) = (None, None, Default::default());
/// let span = Span { from: Seq(0), to: Seq(0), record, entity, immutable };
/// assert!(plan(&journal, &Schema::default(), &span)?.is_empty(), "nothing happened, so nothing is taken back");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the span leads backwards or beyond the log, or the log cannot be read.
pub fn plan(journal: &Journal, schema: &Schema, span: &Span) -> Result<UndoPlan, HistoryError> {
    if span.to > journal.head() {
        return Err(HistoryError::Beyond { at: span.to, head: journal.head() });
    }
    if span.from > span.to {
        return Err(HistoryError::Backwards { from: span.from, to: span.to });
    }
    let mut records = Vec::new();
    for id in touched(journal, span)? {
        records.extend(rows::undo_of(journal, schema, span, id)?);
    }
    let hash = hash_of(journal, span, &records);
    Ok(UndoPlan { from: span.from, to: span.to, hash, records })
}

/// The records that were decided about in the span.
fn touched(journal: &Journal, span: &Span) -> Result<BTreeSet<RecordId>, HistoryError> {
    let mut touched = BTreeSet::new();
    if span.from == span.to {
        return Ok(touched);
    }
    let filter = Filter {
        record: span.record,
        kinds: ["decided", "intent", "forked"].map(str::to_owned).to_vec(),
        side: None,
        entity: span.entity.clone(),
        after: span.from,
        until: span.to,
    };
    let state = journal.state();
    let places = journal.with_index(|index| index.find(state, &filter))?;
    journal.each_event_at(&places, &mut |event| {
        if let Fact::Decided { record, .. } = &event.fact {
            touched.insert(*record);
        } else if let Fact::Intent { command } = &event.fact {
            touched.insert(command.record);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    touched.retain(|id| span.record.is_none_or(|wanted| wanted == *id));
    Ok(touched)
}

fn hash_of(journal: &Journal, span: &Span, records: &[RecordUndo]) -> ContentHash {
    let mut hash = HashWriter::new("mizan.undo.v1");
    if let Some(log) = journal.state().log_id {
        hash.text(&log.to_string());
    }
    hash.int(span.from.0);
    hash.int(span.to.0);
    for one in records.iter().filter(|one| one.action != Action::Leave) {
        hash.int(u64::from(one.record.0));
        // What was decided about the record since then makes it another plan.
        let decided = journal.state().record(one.record).map(|record| record.decided_at.0);
        hash.int(decided.unwrap_or_default());
        hash.text(one.action.word());
        for field in one.action.fields() {
            hash.text(&field.field);
            let both: Image =
                [("from".into(), field.from.clone()), ("to".into(), field.to.clone())]
                    .into_iter()
                    .collect();
            hash.text(&both.hash().to_string());
        }
        for send in &one.sends {
            hash.text(send.side.as_str());
            hash.text(send.verb);
            hash.text(&send.sets.hash().to_string());
        }
    }
    hash.finish()
}

impl Action {
    /// In a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Restore { .. } => "restore",
            Self::Delete => "delete",
            Self::CreateAgain { .. } => "create again",
            Self::Correct { .. } => "correct by hand",
            Self::Leave => "leave",
        }
    }

    /// The values that come back.
    #[must_use]
    pub fn fields(&self) -> &[Restored] {
        match self {
            Self::Restore { fields } | Self::CreateAgain { fields } => fields,
            Self::Delete | Self::Correct { .. } | Self::Leave => &[],
        }
    }
}

impl UndoPlan {
    /// True where there is nothing to take back and nothing for a person to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.iter().all(|one| one.action == Action::Leave)
    }

    /// True where something is left that a person may want to look at.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        let corrects = |one: &RecordUndo| matches!(one.action, Action::Correct { .. });
        self.records.iter().any(|one| corrects(one) || !one.left.is_empty())
    }

    /// The facts that an approval appends: who approved what, the values that come back, and what waits for a person.
    #[must_use]
    pub fn facts(&self, by: &str, why: &str) -> Vec<Fact> {
        let mut facts = vec![Fact::Approved { plan: self.hash, by: by.to_owned() }];
        let why = format!("{why}; undo of events {} to {}", self.from.next(), self.to);
        for one in &self.records {
            let keep = match &one.action {
                Action::Restore { .. } => None,
                Action::CreateAgain { .. } => Some(true),
                Action::Delete => Some(false),
                Action::Correct { .. } => {
                    let subject = Subject::Record(one.record);
                    facts.push(Fact::Parked { subject, why: ParkedFor::Final });
                    continue;
                }
                Action::Leave => continue,
            };
            let back = one.action.fields().iter();
            facts.push(Fact::Resolved {
                record: one.record,
                choices: back
                    .map(|one| (one.field.clone(), Choice::Value(one.to.clone())))
                    .collect(),
                keep,
                by: by.to_owned(),
                why: why.clone(),
            });
        }
        facts
    }
}

/// What is left of a plan by field, for those who look at it.
#[must_use]
pub fn counts(plan: &UndoPlan) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for one in &plan.records {
        *counts.entry(one.action.word()).or_default() += 1;
    }
    counts
}
