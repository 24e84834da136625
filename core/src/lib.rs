//! The pure heart of Mizan: values, schemas, events, and the functions that fold, decide, plan and check.
//!
//! Nothing here reads a clock, a file, an environment or a random source, and nothing iterates over
//! a hash map: the same input gives the same bytes (law L1).

pub mod ablate;
pub mod behaviour;
pub mod bodies;
pub mod check;
pub mod command;
pub mod compare;
pub mod decide;
pub mod event;
pub mod fold;
pub mod hash;
pub mod id;
pub mod image;
pub mod ingest;
pub mod lens;
pub mod link;
pub mod normalise;
mod phone;
pub mod plan;
pub mod policy;
pub mod schema;
pub mod sealed;
pub mod settle;
pub mod smallworld;
pub mod suggest;
pub mod value;
pub mod version;
pub mod wire;

pub use command::{Command, Operation, command_id};
pub use event::{Event, Fact};
pub use hash::{ContentHash, HashWriter};
pub use id::{CommandId, Ext, Name, RecordId, Seq, SideId, Timestamp};
pub use image::Image;
pub use normalise::{Normaliser, Rounding, Rule};
pub use schema::{
    DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, FieldSet, Item, KeyHash, Meaning,
    Rivalry, Schema, SchemaError, Type,
};
pub use value::{Ref, RefTo, Value};
pub use version::{Actor, Dot, VersionVector};
