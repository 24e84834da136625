//! The oracle: what became of every write, and whether the log and the sides are as the laws say.

mod events;
mod rest;
mod updates;
mod work;

pub use events::{LogBodies, LogCheck, check_log};
pub use rest::check_rest;
pub use updates::check_updates;
pub use work::check_work;
