//! Reading a segment file from front to back, with every checksum verified and little memory.

use super::entry::{Entries, Entry, Spot, Stop};
use super::file;
use super::frame::{HEADER, Header, MARKER, Order};
use super::index::{Place, Position};
use crate::error::StoreError;
use mizan_core::{ContentHash, Seq};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes read from the file at once.
const CHUNK: usize = 512 * 1024;

/// What stands at a place in a segment.
pub(crate) enum Found<'a> {
    /// A frame whose checksums match.
    Frame { offset: u64, header: Header, body: &'a [u8], bytes: &'a [u8] },
    /// Nothing but zeros, or nothing, up to the end of the file.
    End { offset: u64 },
    /// Bytes that are no frame; `after` is the end of the frame if its header could be read.
    Bad { offset: u64, reason: &'static str, after: Option<u64> },
}

/// Reads frames one after the other.
pub(crate) struct Frames {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The offset in the file of `buffer[start]`.
    offset: u64,
    ended: bool,
    chunk: usize,
}

impl Frames {
    /// Starts at `offset` in the file at `path`, with large reads.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self, StoreError> {
        Self::with_chunk(path, offset, CHUNK)
    }

    /// Starts at `offset`, reading only about `chunk` bytes at once: for a look at one frame.
    pub(crate) fn with_chunk(path: &Path, offset: u64, chunk: usize) -> Result<Self, StoreError> {
        let mut file = File::open(path).map_err(|e| StoreError::io(path, e))?;
        file.seek(SeekFrom::Start(offset)).map_err(|e| StoreError::io(path, e))?;
        let buffer = Vec::new();
        let path = path.to_owned();
        Ok(Self { path, file, buffer, start: 0, end: 0, offset, ended: false, chunk })
    }

    /// Makes at least `wanted` bytes available if the file has them; says whether it has.
    fn fill(&mut self, wanted: usize) -> Result<bool, StoreError> {
        if self.end - self.start >= wanted {
            return Ok(true);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = wanted.max(self.chunk);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        while self.end < wanted && !self.ended {
            let read = self.file.read(&mut self.buffer[self.end..]);
            match read {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StoreError::io(&self.path, error)),
            }
        }
        Ok(self.end >= wanted)
    }

    /// Looks at the next place; after `End` or `Bad` the reader does not move on.
    pub(crate) fn next(&mut self) -> Result<Found<'_>, StoreError> {
        let offset = self.offset;
        let whole = self.fill(HEADER)?;
        let there = &self.buffer[self.start..self.end];
        if there.iter().take(HEADER).all(|byte| *byte == 0) {
            return self.zeros_to_the_end();
        }
        if !whole {
            let reason = "the file ends inside the header of a frame";
            return Ok(Found::Bad { offset, reason, after: None });
        }
        let header = match Header::decode(there) {
            Ok(header) => header,
            Err(reason) => return Ok(Found::Bad { offset, reason, after: None }),
        };
        let size = header.size();
        if !self.fill(size)? {
            let reason = "the file ends inside a frame";
            return Ok(Found::Bad { offset, reason, after: Some(offset + size as u64) });
        }
        let bytes = &self.buffer[self.start..self.start + size];
        let body = &bytes[HEADER..];
        if crc32fast::hash(body) != header.body_crc {
            let reason = "a frame does not match its checksum";
            return Ok(Found::Bad { offset, reason, after: Some(offset + size as u64) });
        }
        self.start += size;
        self.offset += size as u64;
        Ok(Found::Frame { offset, header, body, bytes })
    }

    fn zeros_to_the_end(&mut self) -> Result<Found<'_>, StoreError> {
        let offset = self.offset;
        loop {
            if self.buffer[self.start..self.end].iter().any(|byte| *byte != 0) {
                let reason = "zeros stand where a frame should be, with other bytes after them";
                return Ok(Found::Bad { offset, reason, after: None });
            }
            self.start = self.end;
            if !self.fill(1)? {
                return Ok(Found::End { offset });
            }
        }
    }
}

/// Reads and checks the opening of a segment.
pub(crate) fn opening(path: &Path) -> Result<Result<file::Opening, &'static str>, StoreError> {
    let mut bytes = Vec::with_capacity(file::START as usize);
    let file = File::open(path).map_err(|e| StoreError::io(path, e))?;
    file.take(file::START).read_to_end(&mut bytes).map_err(|e| StoreError::io(path, e))?;
    Ok(file::Opening::decode(&bytes))
}

/// Looks behind a bad place for a frame that was written after the batch there was acknowledged.
///
/// A batch is written only after the batch before it was durable, so a frame of a later batch proves
/// that the bad bytes were acknowledged once. Frames of the same batch prove nothing: the disk may
/// have kept a later part of a write that never completed.
pub(crate) fn later_batch(path: &Path, from: u64, batch: u64) -> Result<Option<u64>, StoreError> {
    let mut file = File::open(path).map_err(|e| StoreError::io(path, e))?;
    file.seek(SeekFrom::Start(from)).map_err(|e| StoreError::io(path, e))?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).map_err(|e| StoreError::io(path, e))?;
    let mut at = 0;
    while let Some(found) = rest[at..].windows(MARKER.len()).position(|bytes| bytes == MARKER) {
        at += found;
        if Header::decode(&rest[at..]).is_ok_and(|header| header.batch > batch) {
            return Ok(Some(from + at as u64));
        }
        at += 1;
    }
    Ok(None)
}

/// The path of a segment that is about to be read; an error if it is in an archive that is out of reach.
fn reachable(folder: &Path, number: u32, seq: Seq) -> Result<PathBuf, StoreError> {
    let path = file::path_of(folder, number);
    if !path.exists() && file::archive_of(folder, number).is_some() {
        return Err(StoreError::Archived { file: path, seq });
    }
    Ok(path)
}

/// Reads the body that begins at `place`.
pub(crate) fn body(
    folder: &Path,
    place: Place,
    wanted: &ContentHash,
) -> Result<Vec<u8>, StoreError> {
    let path = reachable(folder, place.segment, Seq::default())?;
    let mut frames = Frames::with_chunk(&path, u64::from(place.frame), 16 * 1024)?;
    let spot = Spot { frame: u64::from(place.frame), at: place.at };
    let mut entries = Entries::starting_at(place.at);
    let mut seq = Seq::default();
    loop {
        let (offset, header, bytes) = match frames.next()? {
            Found::Frame { offset, header, body, .. } => (offset, header, body),
            Found::End { offset } => {
                return Err(damaged(&path, offset, seq, "the frame of a body is missing"));
            }
            Found::Bad { offset, reason, .. } => return Err(damaged(&path, offset, seq, reason)),
        };
        seq = Seq(header.first);
        let mut found = None;
        let fed = entries.feed(offset, &header, bytes, &mut |at, entry| {
            take_body(&mut found, (at, spot), &entry, wanted)
        });
        match (found, fed) {
            (Some(bytes), _) => return Ok(bytes),
            (None, Err(Stop::Fault(reason))) => {
                return Err(damaged(&path, offset, seq, reason));
            }
            (None, _) if entries.is_partial() => {}
            (None, _) => {
                return Err(damaged(&path, offset, seq, "a body is not where it was written"));
            }
        }
    }
}

/// Keeps the body if it is the one at the spot, and stops the reading then.
fn take_body(
    found: &mut Option<Vec<u8>>,
    (at, spot): (Spot, Spot),
    entry: &Entry<'_>,
    wanted: &ContentHash,
) -> Result<(), ()> {
    match entry {
        Entry::Body(hash, bytes) if at == spot && hash == wanted => {
            *found = Some(bytes.to_vec());
            Err(())
        }
        _ => Ok(()),
    }
}

/// Shows the events after `after` up to `head`, beginning the reading at `from`.
///
/// Everything up to `head` is known to be there, so whatever is wrong before it is damage.
#[expect(clippy::type_complexity, reason = "the signature of the trait's scan")]
pub(crate) fn events(
    folder: &Path,
    from: Position,
    (after, head): (u64, u64),
    visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (mut number, mut offset) = (from.segment, from.offset);
    let mut order = Order::before(from.next);
    let mut seq = from.next;
    while seq <= head {
        let path = reachable(folder, number, Seq(seq))?;
        let mut frames = Frames::open(&path, offset)?;
        let mut entries = Entries::default();
        while seq <= head {
            let (offset, header, body) = match frames.next()? {
                Found::Frame { offset, header, body, .. } => (offset, header, body),
                Found::End { .. } if !order.is_open() => break,
                Found::End { offset } => {
                    return Err(damaged(&path, offset, Seq(seq), "a batch is cut short"));
                }
                Found::Bad { offset, reason, .. } => {
                    return Err(damaged(&path, offset, Seq(seq), reason));
                }
            };
            let expected = Seq(seq);
            order.accept(&header).map_err(|reason| damaged(&path, offset, expected, reason))?;
            let fed = entries.feed(offset, &header, body, &mut |_, entry| {
                let Entry::Event(bytes) = entry else { return Ok(()) };
                let this = seq;
                seq += 1;
                if this > after && this <= head { visit(Seq(this), bytes) } else { Ok(()) }
            });
            match fed {
                Ok(()) => {}
                Err(Stop::Visitor(error)) => return Err(error),
                Err(Stop::Fault(reason)) => {
                    return Err(damaged(&path, offset, expected, reason));
                }
            }
        }
        if seq > head {
            break;
        }
        number += 1;
        offset = file::START;
        let seq = Seq(seq);
        let next = reachable(folder, number, seq)?;
        if !next.exists() {
            return Err(damaged(&next, 0, seq, "the segment is missing"));
        }
        let opening = opening(&next)?.map_err(|reason| damaged(&next, 0, seq, reason))?;
        if opening.first != seq.0 {
            return Err(damaged(&next, 0, seq, "the segment begins with another event"));
        }
    }
    Ok(())
}

/// The error for damage at a place in a file.
pub(crate) fn damaged(path: &Path, offset: u64, seq: Seq, reason: &str) -> StoreError {
    StoreError::Damaged { file: path.to_owned(), offset, seq, reason: reason.to_owned() }
}
