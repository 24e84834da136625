//! Where bodies and positions are: kept in memory, built when a log is opened.

use super::entry::Spot;
use super::summary::PackedBodies;
use mizan_core::ContentHash;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

/// Bytes of a segment between two remembered positions.
const STEP: u64 = 64 * 1024;

/// A place in the segment files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    /// Offset of the frame in the file.
    pub(crate) frame: u32,
    /// Offset of the entry in the frame's body.
    pub(crate) at: u32,
}

/// Content hashes are hashed already: their first eight bytes serve as they are.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

type Map = HashMap<ContentHash, Place, BuildHasherDefault<FirstBytes>>;

/// Which bodies the log holds and where; looked up, never iterated.
#[derive(Default)]
pub(crate) struct Bodies {
    /// Bodies that were seen one by one.
    seen: Map,
    /// Bodies of sealed segments that were not read again.
    sealed: OnceLock<Map>,
    loading: Mutex<Option<JoinHandle<Map>>>,
}

impl Bodies {
    /// Remembers a body unless it is known already.
    pub(crate) fn insert(&mut self, hash: ContentHash, segment: u32, spot: Spot) {
        insert(&mut self.seen, hash, segment, spot);
    }

    /// Takes over the bodies of whole segments, on another thread; the first look-up waits for it.
    pub(crate) fn load(&mut self, segments: Vec<(u32, PackedBodies)>) {
        if segments.is_empty() {
            return;
        }
        let thread = thread::spawn(move || {
            let count = segments.iter().map(|(_, bodies)| bodies.len()).sum();
            let mut map = Map::with_capacity_and_hasher(count, BuildHasherDefault::default());
            for (segment, bodies) in segments {
                for (hash, spot) in bodies.iter() {
                    insert(&mut map, hash, segment, spot);
                }
            }
            map
        });
        self.loading = Mutex::new(Some(thread));
    }

    pub(crate) fn get(&self, hash: &ContentHash) -> Option<Place> {
        self.sealed().get(hash).or_else(|| self.seen.get(hash)).copied()
    }

    fn sealed(&self) -> &Map {
        self.sealed.get_or_init(|| {
            let thread = self.loading.lock().unwrap_or_else(PoisonError::into_inner).take();
            match thread.map(JoinHandle::join) {
                None => Map::default(),
                Some(Ok(map)) => map,
                Some(Err(trouble)) => panic::resume_unwind(trouble),
            }
        })
    }
}

fn insert(map: &mut Map, hash: ContentHash, segment: u32, spot: Spot) {
    // A segment stays far below 4 GiB: the writer rotates, and a batch is limited.
    let frame = u32::try_from(spot.frame).unwrap_or(u32::MAX);
    map.entry(hash).or_insert(Place { segment, frame, at: spot.at });
}

/// The position of every frame group that begins a further 64 KiB of a segment.
#[derive(Default)]
pub(crate) struct Positions(Vec<Position>);

/// A group of frames begins here, with the event `next`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) next: u64,
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

impl Positions {
    /// Remembers a group if the last one remembered is far enough away.
    pub(crate) fn note(&mut self, position: Position) {
        let near = self.0.last().is_some_and(|last| {
            last.segment == position.segment && position.offset < last.offset + STEP
        });
        if !near {
            self.0.push(position);
        }
    }

    /// The remembered groups of one segment, which is the last one noted.
    pub(crate) fn of_last(&self, segment: u32) -> Vec<(u64, u64)> {
        let from = self.0.partition_point(|position| position.segment < segment);
        self.0[from..].iter().map(|position| (position.next, position.offset)).collect()
    }

    /// The nearest remembered group that begins at or before the event `seq`.
    pub(crate) fn before(&self, seq: u64) -> Option<Position> {
        let after = self.0.partition_point(|position| position.next <= seq);
        after.checked_sub(1).and_then(|index| self.0.get(index)).copied()
    }
}
