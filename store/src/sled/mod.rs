//! The durable log: segment files as the promise, sled as the copy that point reads are served from.
//!
//! ```text
//! <log>/keys                    the keys of sealed contents, one slot each
//! <log>/lock                    held while a process has the log open
//! <log>/segments/00000001.seg   plain frames; an append is durable when it is here
//! <log>/segments/00000001.moved the folder that a sealed segment was archived to
//! <log>/segments/00000001.idx   a summary of a sealed segment, a cache for the next open
//! <log>/sled/                   the same frames by position, fed by a second thread
//! <log>/checkpoint              up to which event sled was made durable
//! <log>/snapshot                the last cached state
//! <log>/leaves, <log>/tree      the leaf hashes of the Merkle tree, a cache for proofs
//! <log>/cache/NAME              what can be computed again: deleting it costs time and nothing else
//! <log>/sled.suspect-N/         a sled folder that lost something, kept for inspection
//! ```

mod archive;
mod checkpoint;
mod doctor;
mod feed;
mod leaves;
mod mirror;
mod open;

pub use archive::{ArchiveReport, archive};
pub use doctor::{
    Damage, Examination, RebuildReport, Restored, SegmentHealth, SledHealth, examine, rebuild,
};
pub use leaves::LeafHealth;
pub use open::{FreeSpace, OpenReport, Options};

use crate::cache;
use crate::error::StoreError;
use crate::keys::Key;
use crate::keys::file::KeyFile;
use crate::log::{Batch, EventLog, within};
use crate::merkle::file::LeafFile;
use crate::merkle::{TreeHash, leaf_hash};
use crate::segment::entry::{self, Packed};
use crate::segment::index::{Bodies, Position, Positions};
use crate::segment::reader;
use crate::segment::writer::SegmentWriter;
use crate::snapshot::Snapshot;
use feed::Feed;
use mirror::Mirror;
use mizan_core::sealed::KeyId;
use mizan_core::{ContentHash, Seq};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The paths inside a log's folder.
#[derive(Clone, Debug)]
struct Layout {
    root: PathBuf,
    segments: PathBuf,
    sled: PathBuf,
}

impl Layout {
    fn of(root: &Path) -> Self {
        Self { root: root.to_owned(), segments: root.join("segments"), sled: root.join("sled") }
    }

    fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    fn snapshot(&self) -> PathBuf {
        self.root.join("snapshot")
    }
}

/// A durable log in a folder.
///
/// An append is one write and one fdatasync to a segment file; a second thread copies the frames to
/// sled. What sled loses is noticed at the next open and rebuilt from the segments.
///
/// ```
/// use mizan_core::{ContentHash, Seq};
/// use mizan_store::{Batch, EventLog, SledLog};
///
/// let folder = tempfile::tempdir()?;
/// let (mut log, _report) = SledLog::open(folder.path())?;
/// let hash = ContentHash::of("mizan.image.v1", b"body");
/// let batch = Batch { events: vec![b"event".to_vec()], bodies: vec![(hash, b"body".to_vec())] };
/// assert_eq!(log.append(Seq(0), &batch)?, Seq(1));
/// assert_eq!(log.body(&hash)?.as_deref(), Some(&b"body"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SledLog {
    layout: Layout,
    options: Options,
    head: u64,
    chain: ContentHash,
    bodies: Bodies,
    positions: Positions,
    writer: SegmentWriter,
    keys: KeyFile,
    /// Declared before the lock, so that the feeding thread has let go of sled when the lock is freed.
    feed: Feed,
    mirror: Arc<Mirror>,
    leaves: Arc<Mutex<LeafFile>>,
    _lock: File,
}

impl SledLog {
    /// Opens the log in the folder `path`, or creates it there, with the default options.
    ///
    /// # Errors
    ///
    /// See [`open_with`](Self::open_with).
    pub fn open(path: &Path) -> Result<(Self, OpenReport), StoreError> {
        Self::open_with(path, Options::default())
    }

    /// Opens or creates the log in the folder `path`, and reports what had to be repaired.
    ///
    /// A batch that was being written when the process ended is cut; a sled folder that lost
    /// something is kept aside and rebuilt from the segments.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] while anyone else has it open; [`StoreError::Damaged`] if acknowledged
    /// bytes are not what they were; [`StoreError::Io`]; [`StoreError::Engine`] if sled cannot even
    /// be created anew; [`StoreError::DiskFull`] if a new log does not fit.
    pub fn open_with(path: &Path, options: Options) -> Result<(Self, OpenReport), StoreError> {
        open::open(path, options)
    }

    /// The folder of the log.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.layout.root
    }

    /// Refuses to write when too little space is left.
    fn check_space(&self) -> Result<(), StoreError> {
        let (free, floor) = (self.options.free(&self.layout.root)?, self.options.free_floor_bytes);
        if free < floor { Err(StoreError::DiskFull { free, floor }) } else { Ok(()) }
    }

    /// The error for a failed write, told apart by whether space was the reason.
    fn write_error(&self, error: io::Error) -> StoreError {
        let full =
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if full || error.kind() == io::ErrorKind::WriteZero {
            let free = self.options.free(&self.layout.root).unwrap_or(0);
            return StoreError::DiskFull { free, floor: self.options.free_floor_bytes };
        }
        StoreError::io(self.writer.path(), error)
    }

    /// The bodies of `batch` that the log does not hold, each once.
    fn new_bodies<'b>(&self, batch: &'b Batch) -> Vec<&'b (ContentHash, Vec<u8>)> {
        let mut seen = HashSet::new();
        let new = batch.bodies.iter().filter(|(hash, _)| self.bodies.get(hash).is_none());
        new.filter(|(hash, _)| seen.insert(*hash)).collect()
    }

    /// Makes packed frames durable in the segments and remembers where they are.
    fn commit(&mut self, packed: Packed) -> Result<Seq, StoreError> {
        let first = self.head + 1;
        if self.writer.is_full(packed.bytes.len() as u64) {
            let rotated = self.writer.rotate(first, self.chain);
            rotated.map_err(|error| self.rotation_error(error))?;
            self.feed.checkpoint();
        }
        let offset = match self.writer.write(&packed.bytes) {
            Ok(offset) => offset,
            Err(error) => return Err(self.write_error(error)),
        };
        let segment = self.writer.number();
        self.positions.note(Position { next: first, segment, offset });
        for (hash, mut spot) in packed.bodies {
            spot.frame += offset;
            self.bodies.insert(hash, segment, spot);
        }
        (self.head, self.chain) = (packed.last, packed.chain);
        self.feed.send(packed.bytes, packed.frames, self.head);
        Ok(Seq(self.head))
    }

    fn rotation_error(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Io { source, .. } => self.write_error(io::Error::from(source.kind())),
            other => other,
        }
    }

    /// Reads one event from the segments: the way that always works.
    fn read_from_segments(&self, at: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        if let Some(from) = self.positions.before(at) {
            reader::events(&self.layout.segments, from, (at - 1, at), &mut |_, event| {
                found = Some(event.to_vec());
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Uses the leaf hashes, after those that are still missing were hashed from the segments.
    fn with_leaves<R>(
        &self,
        to: Seq,
        job: impl FnOnce(&mut LeafFile) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        within(to, self.head())?;
        let _what_is_missing_is_hashed_below = self.feed.wait_for(self.head);
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if leaves.size() < self.head {
            self.hash_missing(&mut leaves)?;
        }
        job(&mut leaves)
    }

    /// Hashes the events that have no leaf yet: after a crash, and in a log of an older version.
    fn hash_missing(&self, leaves: &mut LeafFile) -> Result<(), StoreError> {
        let mut hashed = Vec::new();
        let path = self.layout.root.clone();
        let mut first = leaves.size();
        self.scan(Seq(first), &mut |seq, event| {
            hashed.push(leaf_hash(event));
            if hashed.len() == LEAVES_AT_ONCE || seq.0 == self.head {
                leaves.push(first, &hashed).map_err(|e| StoreError::io(&path, e))?;
                first = seq.0;
                hashed.clear();
            }
            Ok(())
        })?;
        leaves.save()
    }

    /// The leaf hashes, compared with the log as far as `all` asks for.
    fn with_tree<R>(
        &self,
        to: Seq,
        all: bool,
        job: impl FnOnce(&mut LeafFile) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.with_leaves(to, |leaves| {
            leaves.compare_last(&|leaf| self.read_from_segments(leaf + 1))?;
            if all {
                leaves.compare_all()?;
            }
            job(leaves)
        })
    }
}

/// Leaf hashes that are written at once.
const LEAVES_AT_ONCE: usize = 8_192;

impl EventLog for SledLog {
    fn head(&self) -> Seq {
        Seq(self.head)
    }

    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        if expected.0 != self.head {
            return Err(StoreError::Moved { head: self.head() });
        }
        batch.check()?;
        if batch.events.is_empty() {
            return Ok(self.head());
        }
        self.check_space()?;
        if let Some(reason) = self.feed.failure() {
            return Err(StoreError::Engine { reason });
        }
        let bodies = self.new_bodies(batch);
        let packed = entry::pack(self.head + 1, self.chain, &bodies, &batch.events);
        self.commit(packed)
    }

    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.positions.before(after.0.saturating_add(1)) {
            Some(from) if after.0 < self.head => {
                reader::events(&self.layout.segments, from, (after.0, self.head), visit)
            }
            _ => Ok(()),
        }
    }

    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        if at.0 == 0 || at.0 > self.head {
            return Ok(None);
        }
        // Not copied yet, lost or damaged in sled: the segments have it in any case.
        if self.feed.wait_for(at.0)
            && let Ok(Some(event)) = self.mirror.event(at.0)
        {
            return Ok(Some(event));
        }
        self.read_from_segments(at.0)
    }

    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(place) = self.bodies.get(hash) else { return Ok(None) };
        reader::body(&self.layout.segments, place, hash).map(Some)
    }

    fn has_body(&self, hash: &ContentHash) -> bool {
        self.bodies.get(hash).is_some()
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.write(&self.layout.snapshot())
    }

    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        let snapshot = Snapshot::read(&self.layout.snapshot());
        Ok(snapshot.and_then(|snapshot| snapshot.usable(code_id, self.head())))
    }

    /// As they were kept: unlike a root, they are given even where they are not those of the events.
    fn leaves(&self, after: Seq, to: Seq) -> Result<Vec<TreeHash>, StoreError> {
        self.with_leaves(to, |leaves| leaves.leaves(after.0.min(to.0), to.0))
    }

    fn subtree(&self, after: Seq, to: Seq) -> Result<TreeHash, StoreError> {
        self.with_tree(to, true, |leaves| leaves.subtree(after.0.min(to.0), to.0))
    }

    fn root(&self, size: Seq) -> Result<TreeHash, StoreError> {
        if size == self.head() {
            return self.with_tree(size, false, |leaves| Ok(leaves.root()));
        }
        self.subtree(Seq(0), size)
    }

    fn save_cache(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        cache::save(&self.layout.root, name, bytes)
    }

    fn load_cache(&self, name: &str) -> Option<Vec<u8>> {
        cache::load(&self.layout.root, name)
    }

    fn key(&self, id: &KeyId) -> Option<Key> {
        self.keys.get(id)
    }

    fn has_sealed(&self) -> bool {
        self.keys.exists()
    }

    fn add_keys(&mut self, keys: &[(KeyId, Key)]) -> Result<(), StoreError> {
        self.check_space()?;
        self.keys.add(keys)
    }

    fn forget_keys(&mut self, ids: &[KeyId]) -> Result<(), StoreError> {
        self.keys.forget(ids)
    }
}
