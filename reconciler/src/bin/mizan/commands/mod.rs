//! One file a command.

pub(crate) mod as_of;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod blame;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod conflicts;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod erase;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod parked;
pub(crate) mod probe;
pub(crate) mod redecide;
pub(crate) mod replay;
pub(crate) mod sandbox;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod undo;
pub(crate) mod what_if;
