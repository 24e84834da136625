//! Whose a value is, and how it was come by.

use mizan_core::event::Found;
use mizan_core::{RecordId, Seq, SideId, Timestamp, Value};
use serde::Serialize;

/// How a decision came by a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// One side alone had changed it.
    Taken,
    /// All sides that had changed it agree.
    Agreed,
    /// By a rule, or by a person.
    By(Found),
    /// The record was made as a copy of another, with this value.
    Copied,
}

/// The name of a change: the so-manieth that was seen on a side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edit {
    /// The side.
    pub side: SideId,
    /// The log's epoch.
    pub epoch: u32,
    /// Which of the side's changes of the record.
    pub count: u32,
    /// Where it was seen first.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
}

/// Whose a value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Edits on sides; more than one where they agree, or add up.
    Edits(Vec<Edit>),
    /// A person decided it.
    Person {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// Where that stands.
        seq: Seq,
    },
    /// The record that this one is a copy of.
    Copy(RecordId),
    /// A policy of the user's own made it.
    Policy,
}

/// A value that took part in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The side that showed it.
    pub side: SideId,
    /// What it showed, as it showed it.
    pub value: Option<Value>,
    /// The event that showed it.
    pub seq: Seq,
}
