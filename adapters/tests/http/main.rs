//! The HTTP kit: pure tables first, then the wire, against small servers on this machine.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod limiter;
mod secrets;
mod servers;
mod tables;
mod window;
mod wire;
