//! Bytes and durability: the append-only event log behind everything Mizan knows.
//!
//! An event is opaque bytes here; what it means is the business of `mizan-core`. The promise of this
//! crate is the trait [`EventLog`]: what [`append`](EventLog::append) acknowledged is on the disk,
//! whole, in order and without a gap, and damage is reported with its file and byte, never skipped.
//!
//! | type | use it for |
//! | --- | --- |
//! | [`SledLog`] | a real installation: segment files for durability, sled for point reads |
//! | [`MemoryLog`] | tests, simulations, and as the reference that `SledLog` is compared with |
//! | [`Overlay`] | a dry run: reads through to another log, appends only to memory |
//! | [`GroupLog`] | many writers on one log: appends that arrive together become durable together |
//!
//! ```
//! use mizan_store::{Batch, EventLog, SledLog};
//! use mizan_core::Seq;
//!
//! let folder = tempfile::tempdir()?;
//! let (mut log, report) = SledLog::open(&folder.path().join("log"))?;
//! assert_eq!(report.events, 0);
//!
//! let head = log.append(Seq(0), &Batch::of_events([b"first".to_vec(), b"second".to_vec()]))?;
//! assert_eq!(head, Seq(2));
//! drop(log);
//!
//! let (log, report) = SledLog::open(&folder.path().join("log"))?;
//! assert_eq!(report.events, 2);
//! assert_eq!(log.read(Seq(2))?.as_deref(), Some(&b"second"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod error;
mod export;
mod files;
mod group;
mod keys;
mod log;
mod memory;
pub mod merkle;
mod overlay;
mod segment;
mod sled;
mod snapshot;

pub use error::StoreError;
pub use export::{ExportError, Exported, export, export_with_config, import, import_folder};
pub use group::GroupLog;
pub use keys::{Body, Contents, Key, Sealed, open_body, open_event, seal_body, seal_event};
pub use log::{Batch, EventLog, MAX_BATCH_BYTES};
pub use memory::MemoryLog;
pub use overlay::Overlay;
pub use sled::{
    ArchiveReport, Damage, Examination, FreeSpace, LeafHealth, OpenReport, Options, RebuildReport,
    Restored, SegmentHealth, SledHealth, SledLog, archive, examine, rebuild,
};
pub use snapshot::Snapshot;
