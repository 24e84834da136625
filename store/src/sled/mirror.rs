//! The sled database: one frame per value, by position. Nothing outside this file touches sled.
//!
//! The key is the frame's first position in eight bytes, big-endian, and its part in four more unless
//! that is 0. Every call is guarded against sled's panics, and every error is a text.

use crate::segment::entry::{Entries, Entry, Stop};
use crate::segment::frame::{self, Header};
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often the open is tried again while an earlier database of this process lets go of its file.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A sled database that holds a copy of the frames.
pub(super) struct Mirror {
    db: ::sled::Db,
    file: File,
    folder: File,
}

impl Mirror {
    /// Opens or creates the database in `folder`.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, String> {
        remove_half_snapshots(folder);
        let config = ::sled::Config::new()
            .path(folder)
            .mode(::sled::Mode::HighThroughput)
            .flush_every_ms(Some(500))
            .cache_capacity(cache_bytes)
            .print_profile_on_drop(false);
        let mut tries = 0;
        let db = loop {
            match guard(|| config.open()) {
                // Our own lock is held, so this can only be an earlier handle of this process.
                Err(reason) if reason.contains("lock") && tries < LOCK_TRIES => {
                    tries += 1;
                    thread::sleep(LOCK_PAUSE);
                }
                other => break other?,
            }
        };
        let handle = |path: &Path| File::open(path).map_err(|error| error.to_string());
        let mirror = Self { db, file: handle(&folder.join("db"))?, folder: handle(folder)? };
        Ok(mirror)
    }

    /// Whether a database was ever created in `folder`.
    pub(super) fn exists(folder: &Path) -> bool {
        folder.is_dir()
    }

    /// Stores one frame.
    pub(super) fn put(&self, first: u64, part: u32, frame: &[u8]) -> Result<(), String> {
        guard(|| self.db.insert(key(first, part), frame)).map(|_| ())
    }

    /// The header of the last frame, if there is any.
    pub(super) fn last(&self) -> Result<Option<Header>, String> {
        match guard(|| self.db.last())? {
            None => Ok(None),
            Some((_, frame)) => Ok(Some(frame::open(&frame)?.0)),
        }
    }

    /// Every frame from the batch that begins with the event `batch`, in order.
    pub(super) fn frames_from(
        &self,
        batch: u64,
    ) -> impl Iterator<Item = Result<(Header, Vec<u8>), String>> + '_ {
        let mut frames = self.db.range(key(batch, 0)..);
        std::iter::from_fn(move || {
            let next = guard(|| frames.next().transpose()).transpose()?;
            Some(next.and_then(|(_, bytes)| Ok((frame::open(&bytes)?.0, bytes.to_vec()))))
        })
    }

    /// The bytes stored for a frame.
    pub(super) fn frame(&self, first: u64, part: u32) -> Result<Option<Vec<u8>>, String> {
        guard(|| self.db.get(key(first, part))).map(|frame| frame.map(|bytes| bytes.to_vec()))
    }

    /// Whether the frame with this header is stored whole.
    pub(super) fn holds(&self, header: &Header) -> Result<bool, String> {
        let frame = guard(|| self.db.get(key(header.first, header.part)))?;
        Ok(frame.is_some_and(|bytes| frame::open(&bytes).is_ok_and(|(found, _)| found == *header)))
    }

    /// The event at `seq`; `None` if the frame that should hold it is not there.
    pub(super) fn event(&self, seq: u64) -> Result<Option<Vec<u8>>, String> {
        let last = guard(|| self.db.range(..=key(seq, u32::MAX)).next_back().transpose())?;
        let Some((_, bytes)) = last else { return Ok(None) };
        let (header, body) = frame::open(&bytes)?;
        let mut search = Search { next: header.first, wanted: seq, entries: Entries::default() };
        let found = if header.middle { None } else { search.frame(&header, body)? };
        if found.is_some() || (!header.middle && !search.entries.is_partial()) {
            return Ok(found);
        }
        // An event over several frames: the earliest of those with this position begins it.
        let mut search = Search { next: header.first, wanted: seq, entries: Entries::default() };
        let mut frames = self.db.range(key(header.first, 0)..);
        while let Some((_, bytes)) = guard(|| frames.next().transpose())? {
            let (header, body) = frame::open(&bytes)?;
            if header.first > seq {
                break;
            }
            if let Some(event) = search.frame(&header, body)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Makes everything stored durable, with handles of our own: sled's flush does not sync.
    pub(super) fn sync(&self) -> Result<(), String> {
        guard(|| self.db.flush())?;
        let synced = self.file.sync_all().and_then(|()| self.folder.sync_all());
        synced.map_err(|error| error.to_string())
    }
}

/// Looks for one event while frames go by.
struct Search {
    next: u64,
    wanted: u64,
    entries: Entries,
}

impl Search {
    fn frame(&mut self, header: &Header, body: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let (next, wanted) = (&mut self.next, self.wanted);
        let mut found = None;
        let fed = self.entries.feed(0, header, body, &mut |_, entry| {
            let Entry::Event(event) = entry else { return Ok(()) };
            if *next == wanted {
                found = Some(event.to_vec());
                return Err(());
            }
            *next += 1;
            Ok(())
        });
        match (found, fed) {
            (Some(event), _) => Ok(Some(event)),
            (None, Err(Stop::Fault(reason))) => Err(reason.to_owned()),
            (None, _) => Ok(None),
        }
    }
}

fn key(first: u64, part: u32) -> ::sled::IVec {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&first.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    ::sled::IVec::from(if part == 0 { &key[..8] } else { &key[..] })
}

/// Runs one call of sled; a panic becomes an error.
fn guard<T>(call: impl FnOnce() -> ::sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("sled panicked: {}", text.unwrap_or("without a message")))
        }
    }
}

/// Removes snapshots that sled was writing when the process ended: it refuses to open beside them.
fn remove_half_snapshots(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            // If it cannot be removed, the open fails and the folder is rebuilt.
            let _checked_by_the_open = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_sled_becomes_an_error() {
        let result: Result<(), String> = guard(|| panic!("segment {} is torn", 7));
        assert_eq!(result, Err("sled panicked: segment 7 is torn".to_owned()));
    }

    #[test]
    fn keys_sort_by_position_and_then_by_part() {
        let keys = [key(1, 0), key(2, 0), key(2, 1), key(2, u32::MAX), key(3, 0), key(256, 0)];
        assert!(keys.is_sorted());
        assert_eq!(key(258, 0).as_ref(), [0, 0, 0, 0, 0, 0, 1, 2]);
    }
}
