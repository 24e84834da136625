//! History: the past of a log asked, compared and taken back.
//!
//! | question | here |
//! | --- | --- |
//! | which events are about a record? | [`Index`], a cache that is never trusted further than it can be checked |
//! | how was it then? | [`as_of`], [`record_as_of`] (L54) |
//!
//! Positions are what counts. A [`Moment`] is a position or a time, and a time is the last position that was appended
//! at or before it.

mod index;
mod moment;
mod past;
mod slice;

pub use index::{Filter, Index, KINDS};
pub use moment::{BadMoment, Moment};
pub use past::{
    EntityThen, FieldThen, Past, PendingThen, RecordLine, RecordThen, SideThen, Standing, as_of,
    lines, overview, record_alone, record_as_of,
};

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
