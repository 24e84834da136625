//! The simulation: the real engine, run through random histories in a simulated world, and judged by an oracle.
//!
//! [`Simulation`] is for a set-up of the user's own; [`campaign`] runs the profiles that this project tests itself by.

#[cfg(feature = "ablate")]
pub mod ablations;
mod builder;
pub mod campaign;
pub mod digest;
pub mod exhaustive;
mod history;
mod report;
mod shape;
mod shrink;
mod side;
mod story;
mod support;
pub mod trace;

pub use builder::{Laws, Simulation};
pub(crate) use history::Run;
pub use history::{Broken, Outcome, Variant, run};
#[cfg(feature = "ablate")]
pub use mizan_core::ablate::Switch;
pub use report::{Report, Told};
pub use shape::Shape;
pub use shrink::shrink;
pub use side::Side;
pub use story::Story;
pub use support::Unsupported;
