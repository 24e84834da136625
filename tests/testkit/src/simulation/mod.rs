//! The simulation: the real engine, run through random histories in a simulated world, and judged by an oracle.

pub mod campaign;
pub mod digest;
pub mod exhaustive;
mod history;
mod shrink;
mod story;
pub mod trace;

pub(crate) use history::Run;
pub use history::{Broken, Outcome, Variant, run};
pub use shrink::shrink;
pub use story::Story;
