//! Replay: the past computed again, from the first event on.
//!
//! [`Walk`] gives each event with the state before it and the rules that were in force; everything else here and
//! elsewhere that looks back is built on it.

mod differ;
mod images;
mod refold;
mod registry;
mod rules;
mod verify;
mod walk;

pub use differ::Difference;
pub(crate) use images::Images;
pub use refold::{Compared, FirstDifference, Replayed, StateDifference, compare_states, replay};
pub use registry::PolicyRegistry;
pub use rules::{Rules, RulesUnknown, Then};
pub use verify::{Cause, Finding, Kind, Tally, Unverifiable, Verification, verify};
pub use walk::{Step, Walk};
