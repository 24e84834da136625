//! The checkpoint: up to which event sled was flushed and synced, as evidence against later loss.

use crate::error::StoreError;
use crate::files;
use std::fs;
use std::path::Path;

const MAGIC: &[u8; 8] = b"MIZANCHK";

/// Records that sled durably held every event up to `seq`.
pub(super) fn save(root: &Path, seq: u64) -> Result<(), StoreError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&seq.to_le_bytes());
    let crc = crc32fast::hash(&bytes);
    files::replace(&root.join("checkpoint"), &[&bytes, &crc.to_le_bytes()])
}

/// The last checkpoint; 0 if there is none or it is damaged, which only weakens the evidence.
pub(super) fn load(root: &Path) -> u64 {
    let bytes = fs::read(root.join("checkpoint")).unwrap_or_default();
    let Some((content, crc)) = bytes.split_last_chunk::<4>() else { return 0 };
    if crc32fast::hash(content).to_le_bytes() != *crc {
        return 0;
    }
    match content.split_first_chunk::<8>() {
        Some((magic, seq)) if magic == MAGIC => {
            seq.try_into().map_or(0, |seq: [u8; 8]| u64::from_le_bytes(seq))
        }
        _ => 0,
    }
}
