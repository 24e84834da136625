//! The built binary, run as a person runs it.

mod config;
mod files;
mod policies;
mod qoyod;
mod support;
