//! Replay: the past computed again, from the first event on.
//!
//! [`Walk`] gives each event with the state before it and the rules that were in force; everything else here and
//! elsewhere that looks back is built on it.

mod rules;
mod walk;

pub use rules::{Rules, RulesUnknown, Then};
pub use walk::{Step, Walk, position_at};
