//! Writing the last segment: frames go into bytes that were zeroed ahead of time, then one fdatasync.

use super::file::{self, Opening};
use crate::error::StoreError;
use crate::files;
use mizan_core::ContentHash;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// Bytes that one step of zero filling adds at most.
const MAX_STEP: u64 = 16 * 1024 * 1024;
/// Writes up to this size are dominated by the sync, which zeros ahead make cheaper; for larger ones
/// the zeros would only double the bytes.
const SMALL: usize = 64 * 1024;
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The segment that grows.
pub(crate) struct SegmentWriter {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    number: u32,
    /// Where the next frame goes.
    offset: u64,
    /// Bytes up to here exist and, from the offset on, are zero.
    ready: u64,
    step: u64,
    limit: u64,
    filling: Option<JoinHandle<io::Result<u64>>>,
    /// Bytes that a failed write may have left after the offset, up to here.
    dirty: Option<u64>,
}

impl SegmentWriter {
    /// Creates the segment `opening.number` with its first step of zeros.
    pub(crate) fn create(
        folder: &Path,
        opening: Opening,
        step: u64,
        limit: u64,
    ) -> Result<Self, StoreError> {
        let path = file::path_of(folder, opening.number);
        let temporary = path.with_extension("new");
        let step = step.max(file::START * 2);
        let make = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&opening.encode())?;
            fill(&mut file, file::START, step)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        make().map_err(|e| {
            // The half-made file is of no use to anyone; the next open removes it as well.
            let _best_effort = fs::remove_file(&temporary);
            StoreError::io(&path, e)
        })?;
        files::sync_folder(folder)?;
        Self::resume(folder, opening.number, file::START, step, limit)
    }

    /// Continues a segment whose whole batches end at `offset`, with nothing but zeros after them.
    pub(crate) fn resume(
        folder: &Path,
        number: u32,
        offset: u64,
        step: u64,
        limit: u64,
    ) -> Result<Self, StoreError> {
        let path = file::path_of(folder, number);
        let open = || {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            let ready = file.metadata()?.len().max(offset);
            Ok((file, ready))
        };
        let (file, ready) = open().map_err(|e| StoreError::io(&path, e))?;
        let (folder, filling, dirty) = (folder.to_owned(), None, None);
        Ok(Self { folder, path, file, number, offset, ready, step, limit, filling, dirty })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether `length` more bytes belong into a new segment.
    pub(crate) fn is_full(&self, length: u64) -> bool {
        self.offset > file::START && self.offset + length > self.limit
    }

    /// Writes frames and returns their offset once they are durable.
    ///
    /// After an error nothing of them remains. Where the disk refuses even that, every later write is
    /// refused until the clean-up succeeds.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        self.clean()?;
        let end = self.offset + bytes.len() as u64;
        self.make_ready(end);
        let result = self.put(bytes);
        if let Err(error) = result {
            self.dirty = Some(end);
            let _reported_by_the_next_write = self.clean();
            return Err(error);
        }
        let offset = self.offset;
        self.offset = end;
        self.ready = self.ready.max(end);
        if bytes.len() <= SMALL {
            self.fill_ahead();
        }
        Ok(offset)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.offset))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    /// Removes what a failed write may have left.
    fn clean(&mut self) -> io::Result<()> {
        let Some(dirty) = self.dirty else { return Ok(()) };
        self.file.set_len(self.ready)?;
        fill(&mut self.file, self.offset, dirty.min(self.ready))?;
        self.file.sync_all()?;
        self.dirty = None;
        Ok(())
    }

    /// Waits for the zero filling if these bytes reach into it; beyond it the file just grows.
    fn make_ready(&mut self, end: u64) {
        if end > self.ready {
            self.join_filling();
        }
    }

    fn join_filling(&mut self) {
        if let Some(filling) = self.filling.take() {
            // A failed filling only costs speed: the write itself meets the same full disk.
            if let Ok(Ok(ready)) = filling.join() {
                self.ready = self.ready.max(ready);
            }
        }
    }

    /// Starts the next step of zeros on another thread when the current one is half used.
    fn fill_ahead(&mut self) {
        if self.filling.as_ref().is_some_and(JoinHandle::is_finished) {
            self.join_filling();
        }
        let step = self.step.max(self.offset.min(MAX_STEP));
        if self.filling.is_some() || self.ready >= self.limit {
            return;
        }
        if self.ready - self.offset >= step / 2 {
            return;
        }
        let (from, to) = (self.ready, (self.ready + step).min(self.limit));
        let path = self.path.clone();
        self.filling = Some(thread::spawn(move || {
            let mut file = OpenOptions::new().write(true).open(path)?;
            fill(&mut file, from, to)?;
            file.sync_data()?;
            Ok(to)
        }));
    }

    /// Seals this segment and begins the next one with the event `first`.
    pub(crate) fn rotate(&mut self, first: u64, chain: ContentHash) -> Result<(), StoreError> {
        self.join_filling();
        self.clean().map_err(|e| StoreError::io(&self.path, e))?;
        let opening = Opening { number: self.number + 1, first, chain };
        let next = Self::create(&self.folder, opening, self.step, self.limit)?;
        // Zeros at the end of a sealed segment are harmless, so it is cut only after the next exists.
        let cut = self.file.set_len(self.offset).and_then(|()| self.file.sync_all());
        cut.map_err(|e| StoreError::io(&self.path, e))?;
        *self = next;
        Ok(())
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        self.join_filling();
    }
}

/// Writes zeros from `from` to `to`.
fn fill(file: &mut File, from: u64, to: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut left = to.saturating_sub(from);
    while left > 0 {
        let now = left.min(ZEROS.len() as u64);
        file.write_all(&ZEROS[..now as usize])?;
        left -= now;
    }
    Ok(())
}

/// Overwrites `from..to` of a segment with zeros, durably: a torn end is cut.
pub(crate) fn cut(path: &Path, from: u64, to: u64) -> Result<(), StoreError> {
    let zero = || {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let length = file.metadata()?.len();
        fill(&mut file, from, to.min(length))?;
        file.sync_all()
    };
    zero().map_err(|e| StoreError::io(path, e))
}
