//! The built binary, run as a person runs it.

mod config;
mod drift;
mod files;
mod probe;
mod qoyod;
mod support;
