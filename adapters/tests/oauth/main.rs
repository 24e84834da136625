//! OAuth 2.0, against a small authorization server on this machine and a clock that only the test moves.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod file;
mod login;
mod refresh;
mod refusals;
mod requests;
mod secrets;
mod server;
mod shared;
