//! The outside: the [`Adapter`] trait, the HTTP kit, OAuth 2.0, and the systems that Mizan connects.
//!
//! An adapter reads and writes and decides nothing; it knows neither the log nor the policies.

mod adapter;
pub mod files;
pub mod http;
pub mod oauth;
pub mod qoyod;
pub mod sandbox;

pub use adapter::{
    Adapter, Answer, Binding, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Listed,
    Order, Page, Probe, Pull, Refusal, Row,
};
