//! Summaries of sealed segments: what an open needs to know without reading the whole file again.
//!
//! A summary is a cache beside its segment, `00000001.idx`. It is only believed if its checksum is
//! right, the segment has the size and the chain it names, and the segment's last frame is the one it
//! names; otherwise the segment is read. Damage further inside a sealed segment is then found by
//! whoever reads it, with every checksum: a scan, a read of a body, or the doctor.

use super::entry::Spot;
use super::file;
use super::frame::{HEADER, Header};
use super::reader::{Found, Frames};
use crate::error::StoreError;
use crate::files;
use mizan_core::ContentHash;
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"MIZANIDX";
const VERSION: u64 = 1;
/// Numbers before the chain values: version, number, first, size, used, events, frames, offset of the
/// last frame, count of positions, count of bodies.
const NUMBERS: usize = 10;
const FIXED: usize = 8 + NUMBERS * 8 + 32 + 32 + HEADER + HEADER;
const POSITION: usize = 16;
/// A content hash, the offset of the frame, the offset in its body.
const BODY: usize = 32 + 8 + 4;

/// What is known of a sealed segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) number: u32,
    pub(crate) first: u64,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Bytes of the opening and of all whole batches.
    pub(crate) used: u64,
    pub(crate) events: u64,
    pub(crate) frames: u64,
    /// Where the last frame begins.
    pub(crate) last_offset: u64,
    /// The chain values before the first and after the last frame.
    pub(crate) before: ContentHash,
    pub(crate) after: ContentHash,
    pub(crate) first_frame: Header,
    pub(crate) last_frame: Header,
    /// First events and offsets of groups.
    pub(crate) positions: Vec<(u64, u64)>,
    pub(crate) bodies: PackedBodies,
}

/// The bodies of one segment, packed as they are on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackedBodies(Vec<u8>);

impl PackedBodies {
    pub(crate) fn push(&mut self, hash: &ContentHash, spot: Spot) {
        self.0.extend_from_slice(&hash.0);
        self.0.extend_from_slice(&spot.frame.to_le_bytes());
        self.0.extend_from_slice(&spot.at.to_le_bytes());
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len() / BODY
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ContentHash, Spot)> + '_ {
        self.0.chunks_exact(BODY).filter_map(|packed| {
            let (hash, rest) = packed.split_first_chunk::<32>()?;
            let (frame, at) = rest.split_first_chunk::<8>()?;
            let at = u32::from_le_bytes(at.try_into().ok()?);
            Some((ContentHash(*hash), Spot { frame: u64::from_le_bytes(*frame), at }))
        })
    }
}

fn path_of(folder: &Path, number: u32) -> PathBuf {
    file::local_of(folder, number).with_extension("idx")
}

impl Summary {
    /// Writes the summary beside its segment, in one step.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), StoreError> {
        let mut head = Vec::with_capacity(FIXED + self.positions.len() * POSITION);
        head.extend_from_slice(MAGIC);
        let (number, positions) = (u64::from(self.number), self.positions.len() as u64);
        let (size, used, bodies) = (self.size, self.used, self.bodies.len() as u64);
        let numbers: [u64; NUMBERS] = [
            VERSION,
            number,
            self.first,
            size,
            used,
            self.events,
            self.frames,
            self.last_offset,
            positions,
            bodies,
        ];
        for number in numbers {
            head.extend_from_slice(&number.to_le_bytes());
        }
        head.extend_from_slice(&self.before.0);
        head.extend_from_slice(&self.after.0);
        head.extend_from_slice(&self.first_frame.encode());
        head.extend_from_slice(&self.last_frame.encode());
        for (next, offset) in &self.positions {
            head.extend_from_slice(&next.to_le_bytes());
            head.extend_from_slice(&offset.to_le_bytes());
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(&head);
        crc.update(&self.bodies.0);
        let crc = crc.finalize().to_le_bytes();
        files::replace(&path_of(folder, self.number), &[&head, &self.bodies.0, &crc])
    }

    /// The summary of a segment that cannot be looked at, because its archive is out of reach.
    pub(crate) fn load_alone(folder: &Path, number: u32) -> Option<Self> {
        let summary = Self::decode(fs::read(path_of(folder, number)).ok()?)?;
        (summary.number == number).then_some(summary)
    }

    /// The summary of a segment if there is one and the segment is still the one it speaks of.
    pub(crate) fn load(folder: &Path, number: u32) -> Option<Self> {
        let bytes = fs::read(path_of(folder, number)).ok()?;
        let summary = Self::decode(bytes)?;
        let path = file::path_of(folder, number);
        let size = fs::metadata(&path).ok()?.len();
        (summary.number == number && summary.size == size && summary.ends_as_named(&path))
            .then_some(summary)
    }

    fn ends_as_named(&self, path: &Path) -> bool {
        let frames = Frames::with_chunk(path, self.last_offset, 16 * 1024);
        frames.is_ok_and(|mut frames| match frames.next() {
            Ok(Found::Frame { offset, header, bytes, .. }) => {
                header == self.last_frame && offset + bytes.len() as u64 == self.used
            }
            _ => false,
        })
    }

    fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(content).to_le_bytes() != *crc {
            return None;
        }
        let (magic, rest) = content.split_first_chunk::<8>()?;
        let (numbers, rest) = rest.split_at_checked(NUMBERS * 8)?;
        let mut numbers = numbers.chunks_exact(8).map(|eight| {
            let mut number = [0; 8];
            number.copy_from_slice(eight);
            u64::from_le_bytes(number)
        });
        if magic != MAGIC || numbers.next()? != VERSION {
            return None;
        }
        let number = u32::try_from(numbers.next()?).ok()?;
        let (first, size, used) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let (events, frames, last_offset) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let (count, bodies) = (numbers.next()? as usize, numbers.next()? as usize);
        let (before, rest) = rest.split_first_chunk::<32>()?;
        let (after, rest) = rest.split_first_chunk::<32>()?;
        let (first_frame, rest) = rest.split_at_checked(HEADER)?;
        let (last_frame, rest) = rest.split_at_checked(HEADER)?;
        let (packed, rest) = rest.split_at_checked(count.checked_mul(POSITION)?)?;
        let positions = packed.chunks_exact(POSITION).filter_map(|pair| {
            let (next, offset) = pair.split_first_chunk::<8>()?;
            Some((u64::from_le_bytes(*next), u64::from_le_bytes(offset.try_into().ok()?)))
        });
        if rest.len() != bodies.checked_mul(BODY)? {
            return None;
        }
        let (before, after) = (ContentHash(*before), ContentHash(*after));
        let first_frame = Header::decode(first_frame).ok()?;
        let last_frame = Header::decode(last_frame).ok()?;
        let positions = positions.collect();
        let skip = content.len() - rest.len();
        bytes.truncate(bytes.len() - 4);
        bytes.drain(..skip);
        let bodies = PackedBodies(bytes);
        Some(Self {
            number,
            first,
            size,
            used,
            events,
            frames,
            last_offset,
            before,
            after,
            first_frame,
            last_frame,
            positions,
            bodies,
        })
    }
}
