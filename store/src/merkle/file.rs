//! The leaf hashes of a log on disk: 32 bytes an event, so that a proof need not read the events again.
//!
//! ```text
//! <log>/leaves   the leaf hashes, one after the other, from the first event on
//! <log>/tree     up to which of them the file was made durable, with the peaks of the tree there
//! ```
//!
//! `tree` is little-endian: the magic `MIZANTRE`, the version 1 in four bytes, the size in eight, the
//! peaks, and the crc32 of all that. It is replaced in one step after `leaves` was synced, so what it
//! names is there; bytes of `leaves` behind that are written again from the segments. Both together are
//! a cache: without them everything is hashed again. What they say is never believed against the events:
//! a leaf that is not that of its event is an error that names it, because it may be the only trace of
//! a change.

use super::frontier::Frontier;
use super::hash::{TreeHash, leaf_hash};
use crate::error::StoreError;
use crate::files;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"MIZANTRE";
const VERSION: u32 = 1;
const LEAF: u64 = 32;
/// Leaves below one remembered root: a proof reads at most these for each of its hashes.
const TILE: u64 = 256;
const TILE_LEVEL: u32 = TILE.trailing_zeros();
/// Leaves that are read at once.
const CHUNK: u64 = 64 * TILE;

/// The leaves of a log, as far as they were hashed.
pub(crate) struct LeafFile {
    folder: PathBuf,
    file: File,
    tree: Frontier,
    /// The size that `tree` names.
    saved: u64,
    /// Roots of the complete tiles, as far as a proof needed them.
    tiles: Vec<TreeHash>,
    /// The last leaf was compared with its event since the log was opened.
    last_compared: bool,
    /// All leaves were compared with the tree.
    all_compared: bool,
}

/// The path of the leaf hashes in a log's folder.
pub(crate) fn path_of(folder: &Path) -> PathBuf {
    folder.join("leaves")
}

fn marker_of(folder: &Path) -> PathBuf {
    folder.join("tree")
}

impl LeafFile {
    /// Opens the leaves of a log with `head` events; what cannot be used is as good as missing.
    pub(crate) fn open(folder: &Path, head: u64) -> Result<Self, StoreError> {
        let mut how = OpenOptions::new();
        Self::open_as(folder, head, how.read(true).write(true).create(true).truncate(false))
    }

    /// Opens them to look at; the file must be there.
    pub(crate) fn read_only(folder: &Path, head: u64) -> Result<Self, StoreError> {
        Self::open_as(folder, head, OpenOptions::new().read(true))
    }

    fn open_as(folder: &Path, head: u64, how: &OpenOptions) -> Result<Self, StoreError> {
        let path = path_of(folder);
        let open = || {
            let file = how.open(&path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (file, length) = open().map_err(|e| StoreError::io(&path, e))?;
        let tree = load(folder).filter(|tree| tree.size() <= head && tree.size() * LEAF <= length);
        let tree = tree.unwrap_or_default();
        let saved = tree.size();
        let (folder, tiles) = (folder.to_owned(), Vec::new());
        let (last_compared, all_compared) = (saved == 0, saved == 0);
        Ok(Self { folder, file, tree, saved, tiles, last_compared, all_compared })
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over all of them.
    pub(crate) fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// Adds leaves, the first of which is that of leaf `first`; behind a gap nothing is added.
    ///
    /// A gap is what a failed write leaves: it is closed from the segments when somebody asks.
    pub(crate) fn push(&mut self, first: u64, leaves: &[TreeHash]) -> io::Result<()> {
        let size = self.size();
        let Some(known) = size.checked_sub(first) else { return Ok(()) };
        let new = leaves.get(known as usize..).unwrap_or_default();
        if new.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(new.len() * LEAF as usize);
        new.iter().for_each(|leaf| bytes.extend_from_slice(&leaf.0));
        self.file.seek(SeekFrom::Start(size * LEAF))?;
        self.file.write_all(&bytes)?;
        self.tree.extend(new.iter().copied());
        Ok(())
    }

    /// Makes the leaves durable and names them in `tree`.
    pub(crate) fn save(&mut self) -> Result<(), StoreError> {
        if self.saved == self.size() {
            return Ok(());
        }
        self.file.sync_data().map_err(|e| StoreError::io(&path_of(&self.folder), e))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.size().to_le_bytes());
        self.tree.peaks().iter().for_each(|peak| bytes.extend_from_slice(&peak.0));
        let crc = crc32fast::hash(&bytes).to_le_bytes();
        files::replace(&marker_of(&self.folder), &[&bytes, &crc])?;
        self.saved = self.size();
        Ok(())
    }

    /// The leaves `from..to`.
    pub(crate) fn leaves(&self, from: u64, to: u64) -> Result<Vec<TreeHash>, StoreError> {
        let read = || {
            let mut bytes = vec![0; (to.saturating_sub(from) * LEAF) as usize];
            let mut file = &self.file;
            file.seek(SeekFrom::Start(from * LEAF))?;
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|e| StoreError::io(&path_of(&self.folder), e))?;
        let (leaves, _) = bytes.as_chunks::<{ LEAF as usize }>();
        Ok(leaves.iter().map(|leaf| TreeHash(*leaf)).collect())
    }

    /// The root over the leaves `from..to`, where `from` is a multiple of a power of two not below their number.
    pub(crate) fn subtree(&mut self, from: u64, to: u64) -> Result<TreeHash, StoreError> {
        let mut tree = Frontier::default();
        let mut next = from;
        if from.is_multiple_of(TILE) {
            self.fill_tiles(to / TILE)?;
            while next + TILE <= to {
                let Some(tile) = self.tiles.get((next / TILE) as usize) else { break };
                tree.push_complete(TILE_LEVEL, *tile);
                next += TILE;
            }
        }
        tree.extend(self.leaves(next, to)?);
        Ok(tree.root())
    }

    /// Makes the roots of the first `count` tiles known.
    fn fill_tiles(&mut self, count: u64) -> Result<(), StoreError> {
        let mut next = self.tiles.len() as u64 * TILE;
        while (self.tiles.len() as u64) < count {
            let to = (next + CHUNK).min(count * TILE);
            for tile in self.leaves(next, to)?.chunks(TILE as usize) {
                let mut tree = Frontier::default();
                tree.extend(tile.iter().copied());
                self.tiles.push(tree.root());
            }
            next = to;
        }
        Ok(())
    }

    /// Compares the last leaf that was kept with its event, once; `event` reads the event of a leaf.
    pub(crate) fn compare_last(
        &mut self,
        event: &dyn Fn(u64) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<(), StoreError> {
        if self.last_compared {
            return Ok(());
        }
        let last = self.saved - 1;
        let kept = self.leaves(last, self.saved)?;
        let event = event(last)?.map(|event| leaf_hash(&event));
        if kept.first() != event.as_ref() {
            return Err(self.differs(last, "the leaf hash kept for it is not that of the event"));
        }
        self.last_compared = true;
        Ok(())
    }

    /// Compares all leaves with the tree that was kept for them, once.
    pub(crate) fn compare_all(&mut self) -> Result<(), StoreError> {
        if !self.all_compared && self.subtree(0, self.size())? != self.root() {
            let reason = "the leaf hashes kept for the log are no longer what they were";
            return Err(self.differs(0, reason));
        }
        self.all_compared = true;
        Ok(())
    }

    fn differs(&self, leaf: u64, reason: &str) -> StoreError {
        StoreError::Damaged {
            file: path_of(&self.folder),
            offset: leaf * LEAF,
            seq: mizan_core::Seq(leaf + 1),
            reason: format!(
                "{reason}; either the file was damaged, or the log was changed or put back behind its back \
                 (`mizan audit verify` compares all of it)"
            ),
        }
    }
}

/// The tree that the marker names.
fn load(folder: &Path) -> Option<Frontier> {
    let bytes = fs::read(marker_of(folder)).ok()?;
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(content).to_le_bytes() != *crc {
        return None;
    }
    let (magic, rest) = content.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (size, peaks) = rest.split_first_chunk::<8>()?;
    if magic != MAGIC || u32::from_le_bytes(*version) != VERSION {
        return None;
    }
    let (peaks, rest) = peaks.as_chunks::<{ LEAF as usize }>();
    if !rest.is_empty() {
        return None;
    }
    let peaks = peaks.iter().map(|peak| TreeHash(*peak)).collect();
    Frontier::from_peaks(u64::from_le_bytes(*size), peaks)
}

/// Moves the leaves aside, where there are any, and gives their new name.
pub(crate) fn set_aside(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let (leaves, marker) = (path_of(folder), marker_of(folder));
    if marker.exists() {
        fs::remove_file(&marker).map_err(|e| StoreError::io(&marker, e))?;
    }
    if leaves.exists() { files::move_aside(&leaves, "suspect").map(Some) } else { Ok(None) }
}
