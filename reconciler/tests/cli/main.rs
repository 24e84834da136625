//! The built binary, run as a person runs it.

mod config;
mod conflicts;
mod files;
mod pair;
mod policies;
mod qoyod;
mod redecide;
mod rules;
mod small_worlds;
mod support;
