//! The Qoyod adapter against the local Qoyod, over HTTP on this machine.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod credentials;
mod faults;
mod find;
mod pull;
mod world;
mod write;
