//! What can go wrong in a log: every message says what happened, what it means and what to do next.

use mizan_core::Seq;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the log refused or could not do what was asked; nothing was acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Someone else appended first.
    #[error(
        "the log has moved: its head is now event {head}. Nothing was written; read the events up \
         to {head}, decide again and append with that head"
    )]
    Moved {
        /// The position of the last event in the log.
        head: Seq,
    },

    /// Bytes that were acknowledged are no longer what they were.
    #[error(
        "the log is damaged at event {seq}: {reason} ({file}, byte {offset}). Events before it are \
         intact; nothing was skipped and nothing will be written. Make a copy of the folder, then \
         run `mizan doctor` to see what can be restored and `mizan doctor --rebuild` to restore it, \
         or put back a backup", file = .file.display()
    )]
    Damaged {
        /// The file that holds the damage, or that should be there.
        file: PathBuf,
        /// Where in the file the damaged frame begins.
        offset: u64,
        /// The first event that cannot be read.
        seq: Seq,
        /// What is wrong.
        reason: String,
    },

    /// Another process, or another handle in this one, has the log open.
    #[error(
        "another mizan process holds the log {path}. One log has one writer, so this one did not \
         start; stop the other process (`mizan run`, `mizan sync`), or wait until it ends",
        path = .path.display()
    )]
    Locked {
        /// The folder of the log.
        path: PathBuf,
    },

    /// The disk is full, or nearly so.
    #[error(
        "the disk is nearly full: {free} bytes are free and the log keeps {floor} in reserve. \
         Nothing was written and nothing is lost; free some space and try again"
    )]
    DiskFull {
        /// Bytes free on the file system of the log.
        free: u64,
        /// Bytes that must stay free.
        floor: u64,
    },

    /// One batch is larger than a log accepts.
    #[error(
        "a batch of {bytes} bytes is larger than the {limit} bytes one append accepts. Nothing was \
         written; append it in smaller batches"
    )]
    TooLarge {
        /// The size of the batch.
        bytes: u64,
        /// The largest size accepted.
        limit: u64,
    },

    /// A batch brought bodies but no event that could carry them.
    #[error(
        "a batch holds {bodies} bodies but no event. Bodies are stored with the event that first \
         names them; nothing was written: append them together with that event"
    )]
    BodiesWithoutEvent {
        /// How many bodies the batch held.
        bodies: usize,
    },

    /// A root or a proof was asked for that the log cannot have.
    #[error(
        "there is no event {at} in a log, or a part of one, that ends at event {end}. Nothing is wrong \
         with the log; ask for a position from 1 to {end}"
    )]
    Beyond {
        /// The position or size that was asked for.
        at: Seq,
        /// The last position that can be asked for.
        end: Seq,
    },

    /// What was asked for is in a segment that was archived, and the archive is not there now.
    #[error(
        "{file} is in an archive that cannot be reached, and holds what was asked for{}. Nothing is lost and \
         nothing is damaged; make the archive's folder reachable again, or name its new place with \
         `mizan audit archive --before 1 --to FOLDER`, then try again",
        if seq.0 > 0 { format!(" (event {seq})") } else { String::new() },
        file = .file.display()
    )]
    Archived {
        /// The segment file in the archive.
        file: PathBuf,
        /// The event that was to be read; 0 where it was a body.
        seq: Seq,
    },

    /// The operating system refused to read or write.
    #[error(
        "{path} could not be read or written: {source}. Nothing was acknowledged; check the disk \
         and the permissions of the folder, then start again", path = .path.display()
    )]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The embedded database failed; the segment files still hold everything acknowledged.
    #[error(
        "the embedded database of the log failed: {reason}. Every acknowledged event is safe in the \
         segment files; start again, and the database is rebuilt from them"
    )]
    Engine {
        /// What the database said.
        reason: String,
    },

    /// This log keeps no keys, so nothing can be sealed in it.
    #[error(
        "this kind of log keeps no keys, so nothing can be sealed in it and nothing erased. Nothing was \
         written; keep personal entities in a log in a folder"
    )]
    NoKeys,

    /// Contents could not be sealed, or are not what was sealed.
    #[error("{reason}. Nothing was written; run `mizan doctor` to see whether the log is damaged")]
    Cipher {
        /// What went wrong, without contents.
        reason: String,
    },

    /// The group writer was closed.
    #[error("the log was closed by this program. Nothing was written; open it again to append")]
    Closed,

    /// A callback of the caller stopped a scan.
    #[error("{reason}")]
    Stopped {
        /// Why the caller stopped.
        reason: String,
    },
}

impl StoreError {
    /// Wraps what the operating system said about `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }
}
