//! Export and import: a whole log as lines of JSON, and back, byte for byte.
//!
//! ```text
//! {"mizan":"log","version":1,"log":"9f..","first":1,"last":812}
//! {"body":"75..","bytes":"AgRuYW1l..","is":{"name":{"text":"Coffee"}}}
//! {"event":1,"bytes":"AQ..","is":{"seq":1,"at":0,"fact":{"kind":"opened", ...}}}
//! {"end":true,"events":812,"bodies":403,"absent":0,"blake3":"c1.."}
//! ```
//!
//! `bytes` are what the log holds, in base64; `is` is the same for people and for `jq`, and an import does not read it.
//! A sealed entry has its `key` beside it, unless that was thrown away. A body stands before the first event that names it. The last line's hash is over all lines before it.
//! `docs/src/export.md` is the description for readers who write a program of their own.

mod line;
mod read;
mod write;

pub use read::{import, import_folder};
pub use write::{export, export_with_config};

use crate::error::StoreError;
use mizan_core::{ContentHash, Seq};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The version of the lines; a file with another one is refused.
const VERSION: u32 = 1;

/// Bytes of one line at most: the largest entry in base64 with its readable form left out.
const LINE_BYTES_MAX: u64 = 96 * 1024 * 1024;

/// An entry larger than this stands in the file without its readable form.
const READABLE_BYTES_MAX: usize = 256 * 1024;

/// What an export wrote, or an import took in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The log's identity; `None` where its first event does not say.
    pub log: Option<ContentHash>,
    /// The first event.
    pub first: Seq,
    /// The last event.
    pub last: Seq,
    /// Events.
    pub events: u64,
    /// Bodies.
    pub bodies: u64,
    /// Bodies that events name and the log does not hold: rules from before logs kept them, or damage.
    pub absent: u64,
    /// Keys of sealed events and bodies; what was erased has none.
    pub keys: u64,
}

/// Why an export or an import stopped; an import leaves nothing behind.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The log refused or could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event of the log cannot be read, so what it names is not known.
    #[error(
        "event {seq} cannot be read: {what}. Nothing can be exported from here on; run `mizan doctor`, \
         or export with the version of Mizan that wrote it"
    )]
    Event {
        /// The event.
        seq: Seq,
        /// What is wrong.
        what: String,
    },
    /// There is nothing between the positions.
    #[error(
        "there is nothing to export from event {from} to event {to}: the log ends at event {head}"
    )]
    Nothing {
        /// The first position that was asked for.
        from: Seq,
        /// The last position that was asked for.
        to: Seq,
        /// The last event of the log.
        head: Seq,
    },
    /// The file could not be read or written.
    #[error("the export could not be read or written: {0}")]
    Io(Arc<io::Error>),
    /// A line is not what an export writes.
    #[error(
        "line {line}: {what}. Nothing was imported; the file is damaged, was cut short or was changed: \
         get it again from where it was exported"
    )]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        what: String,
    },
    /// The file is a slice of a log.
    #[error(
        "the file begins with event {first} and not with event 1: it is a slice, to be read and not to be \
         imported. Export the whole log, without --from"
    )]
    Slice {
        /// The first event of the file.
        first: Seq,
    },
    /// There is a log already.
    #[error(
        "{} is not empty. An import begins a new log and never changes one; name a folder that does not \
         exist yet", .path.display()
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
