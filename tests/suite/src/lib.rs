//! Every test that crosses crates, in one package.

pub mod golden;
