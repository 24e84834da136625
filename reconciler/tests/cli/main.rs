//! The built binary, run as a person runs it.

mod config;
mod files;
mod probe;
mod qoyod;
mod support;
