//! What a sync did and what is left for a person.

use mizan_core::check::Violation;
use mizan_core::plan::Plan;
use mizan_core::{CommandId, ContentHash, Name, RecordId, SideId};
use serde::Serialize;
use std::collections::BTreeSet;

/// Where a sync is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage<'a> {
    /// Rows are being read.
    Reading {
        /// The entity.
        entity: &'a Name,
        /// The side.
        side: &'a SideId,
        /// Rows so far.
        rows: usize,
    },
    /// Decisions are being made.
    Deciding,
    /// Commands are being carried out.
    Writing {
        /// Done so far.
        done: usize,
        /// All that are due now.
        of: usize,
    },
}

/// Watches a sync.
pub trait Progress: Send + Sync {
    /// It has come so far.
    fn at(&self, stage: Stage<'_>);
}

/// Watches and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn at(&self, _: Stage<'_>) {}
}

/// Something outside went wrong; the rest went on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The side.
    pub side: SideId,
    /// The entity, where it concerns one.
    pub entity: Option<Name>,
    /// What happened and what to do.
    pub what: String,
}

/// A side stored something else than was sent, which is what its declared rules predict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The side.
    pub side: SideId,
    /// The entity.
    pub entity: Name,
    /// The record.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// The field.
    pub field: Name,
    /// The write that showed it.
    pub command: CommandId,
}

/// A field in which drifts were seen in one sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftingField {
    /// The side.
    pub side: SideId,
    /// The entity.
    pub entity: Name,
    /// The field.
    pub field: Name,
    /// How many.
    pub count: usize,
    /// The rules that would explain what was stored, to be declared after those that are.
    pub suggest: Option<Vec<String>>,
}

/// Counts of what was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Rows read.
    pub rows_read: usize,
    /// Observations.
    pub observed: usize,
    /// Rows linked.
    pub linked: usize,
    /// Decisions.
    pub decided: usize,
    /// Those that the rules beside would have taken otherwise (`[shadow]`).
    pub shadowed: usize,
    /// Creates that were done.
    pub created: usize,
    /// Updates that were done.
    pub updated: usize,
    /// Deletes that were done.
    pub deleted: usize,
    /// Commands that were refused.
    pub refused: usize,
    /// Commands that came to nothing and may come again.
    pub withdrawn: usize,
    /// Doubts that were resolved.
    pub doubts_resolved: usize,
}

/// What is left when a sync ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Records in conflict, waiting for a person.
    pub conflicts: usize,
    /// Records and rows parked for a person.
    pub parked: usize,
    /// Records whose last command was refused.
    pub refused: usize,
    /// Commands in doubt.
    pub in_doubt: usize,
    /// Rows that cannot be read.
    pub unreadable: usize,
    /// Records that wait for another record.
    pub blocked: usize,
    /// Records with a conflict that a person has set aside: their sides differ, and nobody is waited for.
    pub set_aside: usize,
}

impl Standing {
    /// True where nothing waits for anybody; what a person has set aside does not.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        Self { set_aside: 0, ..*self } == Self::default()
    }
}

/// The outcome of one sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rounds that were needed.
    pub rounds: usize,
    /// What was appended.
    pub counts: Counts,
    /// What is left.
    pub standing: Standing,
    /// What went wrong outside.
    pub problems: BTreeSet<Problem>,
    /// What went wrong and was put right in the same sync: answers that were lost and whose doubt was resolved.
    pub recovered: BTreeSet<Problem>,
    /// New drifts by record, the first 1,000 of them.
    pub drifts: Vec<Drift>,
    /// New drifts by field, all of them.
    pub drifting: Vec<DriftingField>,
    /// Why a guard stopped the plan.
    pub violations: Vec<Violation>,
    /// The hash of the plan that was stopped or only shown.
    pub plan_hash: Option<ContentHash>,
    /// The plan that was stopped or only shown.
    #[serde(skip)]
    pub plan: Option<Plan>,
    /// Everything was read, sent and confirmed; nothing is left to do but what waits for a person.
    pub complete: bool,
}

impl Report {
    /// The exit code of DESIGN.md section 8: 4 refused by a guard, 1 something failed, 3 a person is needed, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.violations.is_empty() {
            4
        } else if !self.problems.is_empty() || !self.complete {
            1
        } else if !self.standing.is_clear() {
            3
        } else {
            0
        }
    }
}
