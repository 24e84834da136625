//! The built binary, run as a person runs it.

mod audit;
mod auth;
mod bundle;
mod config;
mod conflicts;
mod drift;
mod erase;
mod export;
mod files;
mod history;
mod pair;
mod policies;
mod probe;
mod qoyod;
mod redecide;
mod replay;
mod rules;
mod shadow;
mod small_worlds;
mod support;
mod what_if;
