//! The past, computed again.

mod refold;
mod support;
mod verify;
mod what_if;
