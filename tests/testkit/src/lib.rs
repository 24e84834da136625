#![doc = include_str!("../README.md")]
//! # How it is cut
//!
//! [`World`] holds any number of sides; [`SimSide`] is the [`Adapter`](mizan_adapters::Adapter) of one. The world tags
//! every value that a user writes, so that [`oracle`] can tell afterwards what became of it. [`simulation`] runs the
//! engine through histories, [`mod@policy_laws`] and [`contract`] need no engine, [`strategies`] and [`rename`] are for
//! tests of your own.

mod adapter;
pub mod contract;
mod coverage;
mod failing;
mod law;
pub mod oracle;
pub mod policy_laws;
mod profile;
pub mod rename;
mod rng;
mod rules;
pub mod scenario;
mod setup;
pub mod simulation;
mod step;
pub mod strategies;
mod vices;
mod world;

pub use adapter::{SharedWorld, SimSide, look};
pub use coverage::Coverage;
pub use failing::{Crash, FailingLog};
pub use law::{Law, Violation};
pub use profile::{Faults, Mishap, Offers, Profile};
pub use rng::SplitMix64;
pub use rules::{GROUP, GROUPED, TAGS, policies};
pub use setup::{CUSTOMER, ORDER, Setup, VISIBLE_MS, WINDOW_MS};
pub use step::{BadStep, Step};
pub use vices::{Vice, Vices};
pub use world::{
    Cell, Deletion, Ghost, Moment, Own, OwnSide, RowKey, SideData, Thing, Trouble, Watch, World,
    Write,
};
