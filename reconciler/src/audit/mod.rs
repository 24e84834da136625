//! The provable log: signed checkpoints, anchors outside, proofs for auditors, and the check of all of it.
//!
//! A [`Checkpoint`] says "the log with this identity had this Merkle root at this size" and is signed with the
//! log's key ([`SigningKey`]). It is written into the log *after* the events that it covers, so the next one covers
//! it (LAWS 3.2). [`Keeper`] decides when one is due; the engine never makes one by itself, and a sync that did
//! nothing makes none. An [`Anchor`](anchor::Anchor) takes checkpoints to where the log's keeper cannot change
//! them; without one, a signed log proves only that whoever holds the key says so.
//!
//! [`verify`](verify::verify) compares events, kept hashes, roots, signatures and anchors. [`prove`](prove::prove)
//! makes a bundle about one record that `tests/verifier` checks without any of Mizan's code.

pub mod anchor;
mod keeper;
mod key;
mod note;
pub mod prove;
pub mod verify;

pub use keeper::{Keeper, Kept, Last, Ledger, keep};
pub use key::SigningKey;
pub use note::{Checkpoint, Note, VerifyingKey, notes_in};

use crate::engine::EngineError;
use mizan_core::ContentHash;
use mizan_store::StoreError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Checkpoints, proofs or their check could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The log or the engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file beside the log cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key cannot be used; never says what it is.
    #[error("the signing key {path} {why}", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// A note or key is not in the form of C2SP.
    #[error("{0}")]
    Malformed(String),
    /// There is nothing to sign or prove yet.
    #[error("{0}")]
    Nothing(String),
    /// What would be proven is not what the log holds.
    #[error(
        "the log does not fit its own checkpoint: {0}. Nothing was written; `mizan audit verify` says what is wrong"
    )]
    Unfit(String),
}

impl AuditError {
    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// The name under which a log signs: its random identity, so that no log's checkpoint passes for another's.
///
/// ```
/// let origin = mizan::audit::origin_of(&mizan::core::ContentHash([7; 32]));
/// assert!(origin.starts_with("mizan-log/0707"));
/// ```
#[must_use]
pub fn origin_of(log_id: &ContentHash) -> String {
    format!("mizan-log/{log_id}")
}

/// Told how many events were looked at, by work that takes seconds on a large log.
pub type Watch = Arc<dyn Fn(u64) + Send + Sync>;
