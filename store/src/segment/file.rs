//! Segment files as files: their names, and the 64 bytes at their beginning.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..8 | the magic `MIZANSEG` |
//! | 8..12 | version, 1 |
//! | 12..16 | number of the segment, from 1 |
//! | 16..24 | position of its first event |
//! | 24..56 | chain value after the last frame of the segment before |
//! | 56..60 | reserved, zero |
//! | 60..64 | crc32 of bytes 0..60 |

use crate::error::StoreError;
use mizan_core::ContentHash;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes before the first frame.
pub(crate) const START: u64 = 64;

const MAGIC: &[u8; 8] = b"MIZANSEG";
const VERSION: u32 = 1;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) chain: ContentHash,
}

impl Opening {
    pub(crate) fn encode(&self) -> [u8; START as usize] {
        let mut bytes = [0; START as usize];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.chain.0);
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let bytes: &[u8; START as usize] = bytes
            .first_chunk::<{ START as usize }>()
            .ok_or("the file is shorter than the header of a segment")?;
        if &bytes[..8] != MAGIC {
            return Err("the file is not a segment of a mizan log");
        }
        let (content, crc) = bytes.split_at(60);
        if crc32fast::hash(content).to_le_bytes() != crc {
            return Err("the header of the segment does not match its checksum");
        }
        let number_at = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(number)
        };
        if number_at(8) != VERSION {
            return Err("the segment was written by a newer version");
        }
        let (mut first, mut chain) = ([0; 8], [0; 32]);
        first.copy_from_slice(&bytes[16..24]);
        chain.copy_from_slice(&bytes[24..56]);
        let (first, chain) = (u64::from_le_bytes(first), ContentHash(chain));
        Ok(Self { number: number_at(12), first, chain })
    }
}

/// The path of a segment: in the folder of segments, or in the archive that it was moved to.
pub(crate) fn path_of(folder: &Path, number: u32) -> PathBuf {
    let path = local_of(folder, number);
    if path.exists() {
        return path;
    }
    archive_of(folder, number).unwrap_or(path)
}

/// The path that a segment has as long as it is not archived; what belongs to it stands beside that.
pub(crate) fn local_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.seg"))
}

/// Where an archived segment is; `None` if it was never archived.
pub(crate) fn archive_of(folder: &Path, number: u32) -> Option<PathBuf> {
    let archive = fs::read_to_string(moved_of(folder, number)).ok()?;
    Some(local_of(Path::new(archive.trim_end_matches('\n')), number))
}

/// The file that says into which folder a segment was moved.
pub(crate) fn moved_of(folder: &Path, number: u32) -> PathBuf {
    local_of(folder, number).with_extension("moved")
}

/// The numbers of the segments in `folder`, in order; none if the folder is missing.
pub(crate) fn list(folder: &Path) -> Result<Vec<u32>, StoreError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| StoreError::io(folder, e))? {
        let entry = entry.map_err(|e| StoreError::io(folder, e))?;
        let name = entry.file_name();
        let name = name.to_str();
        let number =
            name.and_then(|name| name.strip_suffix(".seg").or_else(|| name.strip_suffix(".moved")));
        if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}
