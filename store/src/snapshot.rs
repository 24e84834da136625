//! Snapshots: a cached state with the position and the code it belongs to, in one file.

use crate::error::StoreError;
use crate::files;
use mizan_core::{ContentHash, Seq};
use std::fs;
use std::path::Path;

const MAGIC: &[u8; 8] = b"MIZANSNP";
const VERSION: u32 = 1;
/// Magic, version, position, state hash, length of the code id, length of the bytes.
const FIXED: usize = 8 + 4 + 8 + 32 + 4 + 8;

/// A state as some code computed it from the events up to a position.
///
/// ```
/// use mizan_core::{ContentHash, Seq};
/// use mizan_store::{EventLog, MemoryLog, Snapshot};
///
/// let mut log = MemoryLog::default();
/// let snapshot = Snapshot {
///     at: Seq(0),
///     state_hash: ContentHash::of("mizan.state.v1", b"state"),
///     code_id: "fold 1".to_owned(),
///     bytes: b"state".to_vec(),
/// };
/// log.save_snapshot(&snapshot)?;
/// assert_eq!(log.load_snapshot("fold 1")?, Some(snapshot));
/// assert_eq!(log.load_snapshot("fold 2")?, None);
/// # Ok::<(), mizan_store::StoreError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that the state contains.
    pub at: Seq,
    /// The hash of the state, for the caller to check after decoding.
    pub state_hash: ContentHash,
    /// Which code made it; another code does not use it.
    pub code_id: String,
    /// The encoded state.
    pub bytes: Vec<u8>,
}

impl Snapshot {
    /// Writes the snapshot in one step: the file is the old one or the new one.
    pub(crate) fn write(&self, path: &Path) -> Result<(), StoreError> {
        let mut head = Vec::with_capacity(FIXED + self.code_id.len());
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&self.at.0.to_le_bytes());
        head.extend_from_slice(&self.state_hash.0);
        head.extend_from_slice(&(self.code_id.len() as u32).to_le_bytes());
        head.extend_from_slice(&(self.bytes.len() as u64).to_le_bytes());
        head.extend_from_slice(self.code_id.as_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&head);
        crc.update(&self.bytes);
        files::replace(path, &[&head, &self.bytes, &crc.finalize().to_le_bytes()])
    }

    /// Reads the snapshot file; anything wrong with it is `None`.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut bytes = fs::read(path).ok()?;
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (magic, rest) = content.split_first_chunk::<8>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        if magic != MAGIC || u32::from_le_bytes(*version) != VERSION {
            return None;
        }
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (state_hash, rest) = rest.split_first_chunk::<32>()?;
        let (code_length, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let code_length = u32::from_le_bytes(*code_length) as usize;
        let code_id = std::str::from_utf8(rest.get(..code_length)?).ok()?.to_owned();
        let state = rest.get(code_length..)?;
        if state.len() as u64 != u64::from_le_bytes(*length) {
            return None;
        }
        let (at, state_hash) = (Seq(u64::from_le_bytes(*at)), ContentHash(*state_hash));
        bytes.truncate(bytes.len() - 4);
        bytes.drain(..FIXED + code_length);
        Some(Self { at, state_hash, code_id, bytes })
    }

    /// The snapshot if this code may use it on a log with this head.
    pub(crate) fn usable(self, code_id: &str, head: Seq) -> Option<Self> {
        (self.code_id == code_id && self.at <= head).then_some(self)
    }
}
