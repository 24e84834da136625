//! The simulation: the real engine, run through random histories in a simulated world, and judged by an oracle.

#[cfg(feature = "ablate")]
pub mod ablations;
pub mod campaign;
pub mod digest;
pub mod exhaustive;
mod history;
mod shrink;
mod story;
pub mod trace;

pub use history::{Broken, Outcome, Variant, run};
#[cfg(feature = "ablate")]
pub use mizan_core::ablate::Switch;
pub use shrink::shrink;
pub use story::Story;
