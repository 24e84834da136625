//! History: the past of a log asked, compared and taken back.
//!
//! | question | here |
//! | --- | --- |
//! | which events are about a record? | [`Index`], a cache that is never trusted further than it can be checked |
//! | why is the value what it is? | [`Derivation`], whose events alone give it again (L53) |
//! | whose is it? | [`blame`] |
//! | what becomes of it if a span is taken back? | [`undo`], a plan first |
//! | what differs between two moments, or two logs? | [`diff`], [`diff_logs`] |
//! | how was it then? | [`as_of`], [`record_as_of`] (L54) |
//!
//! Positions are what counts. A [`Moment`] is a position or a time, and a time is the last position that was appended
//! at or before it.

mod blame;
mod derivation;
mod diff;
mod index;
mod moment;
mod past;
mod replay;
mod slice;
mod trace;
mod tree;
pub mod undo;

pub use blame::{Blame, DecidedAt, FieldBlame, blame};
pub use derivation::{Carried, Derivation, Node, What};
pub use diff::{Change, CommandDiff, Diff, End, FieldDiff, RecordDiff, diff, diff_logs};
pub use index::{Filter, Index, KINDS};
pub use moment::{BadMoment, Moment};
pub use past::{
    EntityThen, FieldThen, Past, PendingThen, RecordLine, RecordThen, SideThen, Standing, as_of,
    lines, overview, record_alone, record_as_of,
};
pub use replay::ReplayError;
pub use trace::{Candidate, Edit, How, Origin};

use crate::engine::EngineError;
use mizan_core::Seq;

/// A question about the past cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The position lies beyond the log.
    #[error("the log ends at event {head}; there is no event {at} yet")]
    Beyond {
        /// What was asked for.
        at: Seq,
        /// Where the log ends.
        head: Seq,
    },
    /// The span has no beginning before its end.
    #[error("a span leads forwards: event {from} is not before event {to}")]
    Backwards {
        /// Where it should begin.
        from: Seq,
        /// Where it should end.
        to: Seq,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
