//! Mizan keeps the records of two systems in balance, and can prove afterwards how it did so.
//!
//! The [`Engine`] runs the loop over a log and two or more adapters; everything that it decides is decided in
//! `mizan-core`, everything that it keeps is in `mizan-store`, and the outside is `mizan-adapters`.

pub mod audit;
pub mod auth;
pub mod bundle;
pub mod clock;
pub mod config;
pub mod conflicts;
pub mod connect;
pub mod engine;
pub mod epoch;
pub mod erase;
pub mod explain;
pub mod history;
pub mod policies;
mod preview;
pub mod probe;
pub mod redecide;
pub mod replay;
pub mod table;
pub mod what_if;

pub use config::Config;
pub use engine::{Engine, EngineError, Report, Settings, Sweep, SyncOptions};
pub use mizan_adapters as adapters;
pub use mizan_core as core;
pub use mizan_store as store;
pub use policies::check_policies;
