//! One pass over all segments: what is there, where it ends, and whether its end is torn or damaged.

use super::entry::{Entries, Entry, Stop};
use super::file;
use super::frame::{Header, NEWER, NO_CHAIN, Order, chain_after};
use super::index::{Bodies, Position, Positions};
use super::reader::{self, Found, Frames};
use super::summary::{PackedBodies, Summary};
use crate::error::StoreError;
use mizan_core::{ContentHash, Seq};
use std::fs;
use std::path::{Path, PathBuf};

/// How many frames are remembered for the comparison with sled.
const PROBES: usize = 32;
/// A whole frame in the right place that does not belong to this log; no crash leaves that.
const UNCHAINED: &str = "a frame is not chained to the frame before it";

/// One segment as found.
#[derive(Clone, Debug)]
pub(crate) struct SegmentFound {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
    pub(crate) first: u64,
    pub(crate) events: u64,
    pub(crate) frames: u64,
    /// Bytes of the opening and of all whole batches.
    pub(crate) used: u64,
    /// Bytes of the file.
    pub(crate) size: u64,
}

/// A batch at the very end that was begun and never completed; it was never acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Torn {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    /// Bytes from the offset to the last one that is not zero.
    pub(crate) bytes: u64,
    pub(crate) reason: String,
}

/// Acknowledged bytes that are no longer what they were.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) seq: Seq,
    /// The first event of the batch that is damaged.
    pub(crate) batch: u64,
    pub(crate) reason: String,
    /// The chain value that the frame which should stand here must carry.
    pub(crate) chain: ContentHash,
}

impl Broken {
    pub(crate) fn into_error(self) -> StoreError {
        reader::damaged(&self.path, self.offset, self.seq, &self.reason)
    }
}

/// Headers of frames spread evenly over the log, at most thirty-two.
pub(crate) struct Probes {
    pub(crate) headers: Vec<Header>,
    stride: u64,
    segment_stride: u32,
}

impl Probes {
    /// Remembers the first frame of a segment that is not read.
    fn note_segment(&mut self, segment: u32, header: &Header) {
        if !segment.is_multiple_of(self.segment_stride) {
            return;
        }
        if self.headers.len() >= PROBES {
            self.thin();
            self.segment_stride *= 2;
        }
        self.headers.push(*header);
    }

    /// Forgets every other frame.
    fn thin(&mut self) {
        let mut keep = false;
        self.headers.retain(|_| {
            keep = !keep;
            keep
        });
    }

    fn note(&mut self, frame: u64, header: &Header) {
        if !frame.is_multiple_of(self.stride) {
            return;
        }
        if self.headers.len() >= PROBES {
            self.thin();
            self.stride *= 2;
            if !frame.is_multiple_of(self.stride) {
                return;
            }
        }
        self.headers.push(*header);
    }
}

/// Everything that one pass over the segments finds out.
pub(crate) struct Survey {
    pub(crate) segments: Vec<SegmentFound>,
    pub(crate) head: u64,
    pub(crate) frames: u64,
    /// The chain value for the next frame.
    pub(crate) chain: ContentHash,
    /// The last frame of the last whole batch.
    pub(crate) last: Option<Header>,
    pub(crate) bodies: Bodies,
    pub(crate) positions: Positions,
    pub(crate) probes: Probes,
    pub(crate) torn: Option<Torn>,
    pub(crate) broken: Option<Broken>,
    /// Summaries of sealed segments that had none that could be believed.
    pub(crate) unsaved: Vec<Summary>,
    /// Bodies of the segments that were not read because of their summaries.
    packed: Vec<(u32, PackedBodies)>,
}

/// Reads all segments in `folder`, sealed ones only as far as their summaries leave it open.
///
/// `audit` reads all of them, and verifies the chain from frame to frame.
/// The pass ends at the first damage, which is then in the survey; only the operating system's
/// refusal to read is an error.
pub(crate) fn survey(folder: &Path, audit: bool) -> Result<Survey, StoreError> {
    let mut survey = Survey {
        segments: Vec::new(),
        head: 0,
        frames: 0,
        chain: NO_CHAIN,
        last: None,
        bodies: Bodies::default(),
        positions: Positions::default(),
        probes: Probes { headers: Vec::new(), stride: 1, segment_stride: 1 },
        torn: None,
        broken: None,
        unsaved: Vec::new(),
        packed: Vec::new(),
    };
    let numbers = file::list(folder)?;
    for (index, number) in numbers.iter().enumerate() {
        let expected = index as u32 + 1;
        let path = file::path_of(folder, expected);
        if *number != expected {
            survey.break_at(&path, 0, "the segment is missing");
            break;
        }
        let last = index + 1 == numbers.len();
        if path.exists() || file::archive_of(folder, expected).is_none() {
            survey.segment(folder, path, *number, last, audit)?;
        } else {
            survey.out_of_reach(folder, path, *number);
        }
        if survey.broken.is_some() {
            break;
        }
    }
    let packed = std::mem::take(&mut survey.packed);
    survey.bodies.load(packed);
    Ok(survey)
}

impl Survey {
    fn break_at(&mut self, path: &Path, offset: u64, reason: &str) {
        self.broken = Some(Broken {
            path: path.to_owned(),
            offset,
            seq: Seq(self.head + 1),
            batch: self.head + 1,
            reason: reason.to_owned(),
            chain: self.chain,
        });
    }

    /// The last segment, if any frame or segment is there.
    pub(crate) fn last_segment(&self) -> Option<&SegmentFound> {
        self.segments.last()
    }

    fn segment(
        &mut self,
        folder: &Path,
        path: PathBuf,
        number: u32,
        last: bool,
        audit: bool,
    ) -> Result<(), StoreError> {
        let size = fs::metadata(&path).map_err(|e| StoreError::io(&path, e))?.len();
        let (first, chain) = (self.head + 1, self.chain);
        let wrong = match reader::opening(&path)? {
            Err(reason) => Some(reason),
            Ok(opening) if opening.first > first && self.close_early() => return Ok(()),
            Ok(opening) if opening.number != number => Some("the segment has another number"),
            Ok(opening) if opening.first != first => {
                Some("the segment does not continue the one before")
            }
            Ok(opening) if opening.chain != chain => {
                Some("the segment is not chained to the one before")
            }
            Ok(_) => None,
        };
        if let Some(reason) = wrong {
            self.break_at(&path, 0, reason);
            return Ok(());
        }
        let (events, frames, used) = (0, 0, file::START);
        let path_found = path.clone();
        self.segments.push(SegmentFound {
            number,
            path: path_found,
            first,
            events,
            frames,
            used,
            size,
        });
        let summary = if last || audit { None } else { Summary::load(folder, number) };
        match summary {
            Some(summary) if summary.first == first && summary.before == chain => {
                self.believe(summary);
                Ok(())
            }
            _ => self.frames_of(&path, number, last, audit),
        }
    }

    /// Takes over an archived segment that cannot be read now, as its summary tells it.
    fn out_of_reach(&mut self, folder: &Path, path: PathBuf, number: u32) {
        let (first, chain) = (self.head + 1, self.chain);
        let summary = Summary::load_alone(folder, number)
            .filter(|summary| summary.first == first && summary.before == chain);
        let Some(summary) = summary else {
            let reason =
                "the segment is in an archive that cannot be reached, and its summary is missing";
            self.break_at(&path, 0, reason);
            return;
        };
        let (events, frames, used, size) = (0, 0, file::START, summary.size);
        let found = SegmentFound { number, path, first, events, frames, used, size };
        self.segments.push(found);
        self.believe(summary);
    }

    /// Takes over a sealed segment as its summary tells it.
    fn believe(&mut self, summary: Summary) {
        for (next, offset) in &summary.positions {
            let (next, segment, offset) = (*next, summary.number, *offset);
            self.positions.note(Position { next, segment, offset });
        }
        self.probes.note_segment(summary.number, &summary.first_frame);
        if let Some(segment) = self.segments.last_mut() {
            segment.events = summary.events;
            segment.frames = summary.frames;
            segment.used = summary.used;
        }
        self.head = summary.first + summary.events - 1;
        self.frames += summary.frames;
        self.chain = summary.after;
        self.last = Some(summary.last_frame);
        self.packed.push((summary.number, summary.bodies));
    }

    /// Keeps what was read of a sealed segment for the next open.
    fn summarise(&mut self, group: Group, before: ContentHash) {
        let (Some(found), Some(last_frame)) = (self.segments.last(), self.last) else { return };
        let (Some(first_frame), Some(last_offset)) = (group.first_header, group.last_frame) else {
            return;
        };
        self.unsaved.push(Summary {
            number: found.number,
            first: found.first,
            size: found.size,
            used: found.used,
            events: found.events,
            frames: found.frames,
            last_offset,
            before,
            after: self.chain,
            first_frame,
            last_frame,
            positions: self.positions.of_last(found.number),
            bodies: group.packed,
        });
    }

    /// Notes that the segment before ends too early; false if there is none.
    fn close_early(&mut self) -> bool {
        let Some(before) = self.segments.last() else { return false };
        let (path, used) = (before.path.clone(), before.used);
        self.break_at(&path, used, "the segment ends before the next one begins");
        true
    }

    fn frames_of(
        &mut self,
        path: &Path,
        number: u32,
        last: bool,
        audit: bool,
    ) -> Result<(), StoreError> {
        let mut frames = Frames::open(path, file::START)?;
        let (mut group, before) = (Group::new(self, number), self.chain);
        loop {
            let (offset, reason, after) = match frames.next()? {
                Found::Frame { offset, header, body, bytes } => {
                    match group.take(audit, offset, &header, body, bytes) {
                        Ok(()) => {
                            if !group.order.is_open() {
                                self.keep(&mut group);
                            }
                            continue;
                        }
                        Err(reason) => (offset, reason, Some(offset + header.size() as u64)),
                    }
                }
                Found::End { .. } if !group.order.is_open() => break,
                Found::End { offset } => (offset, "the last batch has no end", Some(offset)),
                Found::Bad { offset, reason, after } => (offset, reason, after),
            };
            self.ending(path, last, &group, (offset, reason, after))?;
            break;
        }
        if let Some(last_frame) = group.last_frame {
            self.chain = match group.chain {
                Some(chain) => chain,
                None => chain_of(path, last_frame)?,
            };
        }
        if !last && self.broken.is_none() {
            self.summarise(group, before);
        }
        Ok(())
    }

    /// Takes over a batch whose last frame was read.
    fn keep(&mut self, group: &mut Group) {
        self.positions.note(Position {
            next: group.batch,
            segment: group.number,
            offset: group.start,
        });
        for (hash, spot) in group.bodies.drain(..) {
            group.packed.push(&hash, spot);
            self.bodies.insert(hash, group.number, spot);
        }
        for header in group.headers.drain(..) {
            group.first_header.get_or_insert(header);
            self.probes.note(self.frames, &header);
            self.frames += 1;
            self.last = Some(header);
            if let Some(segment) = self.segments.last_mut() {
                segment.frames += 1;
            }
        }
        self.head = group.order.next() - 1;
        if let Some(segment) = self.segments.last_mut() {
            segment.events = self.head + 1 - segment.first;
            segment.used = group.end;
        }
        group.chain = group.running_chain;
        group.last_frame = group.open_frame;
        group.start = group.end;
        group.batch = group.order.next();
    }

    /// Decides whether bytes that are no whole batch are a torn end or damage.
    fn ending(
        &mut self,
        path: &Path,
        last: bool,
        group: &Group,
        (offset, reason, after): (u64, &'static str, Option<u64>),
    ) -> Result<(), StoreError> {
        let from = after.unwrap_or(offset + 1);
        let later = if last { reader::later_batch(path, from, group.batch)? } else { None };
        let certain = reason == UNCHAINED || reason == NEWER;
        if last && later.is_none() && !certain {
            let bytes = end_of_data(path, group.start)?.saturating_sub(group.start);
            self.torn = Some(Torn {
                path: path.to_owned(),
                offset: group.start,
                bytes,
                reason: reason.to_owned(),
            });
            return Ok(());
        }
        self.break_at(path, offset, reason);
        if let Some(broken) = &mut self.broken {
            broken.seq = Seq(group.order.next());
            broken.batch = group.batch;
            broken.chain = match (group.running_chain, group.open_frame) {
                (Some(chain), _) => chain,
                (None, Some(frame)) => chain_of(path, frame)?,
                (None, None) => self.chain,
            };
        }
        Ok(())
    }
}

/// The batch that is being read, and what is remembered of it until it is known to be whole.
struct Group {
    number: u32,
    order: Order,
    entries: Entries,
    batch: u64,
    /// Where the batch begins.
    start: u64,
    /// Where the last frame read ends.
    end: u64,
    headers: Vec<Header>,
    bodies: Vec<(ContentHash, super::entry::Spot)>,
    /// The bodies and the first frame of the whole segment.
    packed: PackedBodies,
    first_header: Option<Header>,
    /// The last frame read, and the last one of a whole batch.
    open_frame: Option<u64>,
    last_frame: Option<u64>,
    /// Chain values after these frames, where they are computed.
    running_chain: Option<ContentHash>,
    chain: Option<ContentHash>,
    before: ContentHash,
}

impl Group {
    fn new(survey: &Survey, number: u32) -> Self {
        Self {
            number,
            order: Order::before(survey.head + 1),
            entries: Entries::default(),
            batch: survey.head + 1,
            start: file::START,
            end: file::START,
            headers: Vec::new(),
            bodies: Vec::new(),
            packed: PackedBodies::default(),
            first_header: None,
            open_frame: None,
            last_frame: None,
            running_chain: None,
            chain: None,
            before: survey.chain,
        }
    }

    fn take(
        &mut self,
        audit: bool,
        offset: u64,
        header: &Header,
        body: &[u8],
        bytes: &[u8],
    ) -> Result<(), &'static str> {
        let mut order = self.order;
        order.accept(header)?;
        if audit && header.chain != self.running_chain.unwrap_or(self.before) {
            return Err(UNCHAINED);
        }
        let found = &mut self.bodies;
        let fed = self.entries.feed(offset, header, body, &mut |spot, entry| {
            if let Entry::Body(hash, _) = entry {
                found.push((hash, spot));
            }
            Ok::<(), &'static str>(())
        });
        if let Err(Stop::Fault(reason) | Stop::Visitor(reason)) = fed {
            return Err(reason);
        }
        if audit {
            self.running_chain = Some(chain_after(bytes));
        }
        self.order = order;
        self.headers.push(*header);
        self.open_frame = Some(offset);
        self.end = offset + bytes.len() as u64;
        Ok(())
    }
}

/// The chain value after the frame at `offset`, which was read before.
fn chain_of(path: &Path, offset: u64) -> Result<ContentHash, StoreError> {
    match Frames::with_chunk(path, offset, 16 * 1024)?.next()? {
        Found::Frame { bytes, .. } => Ok(chain_after(bytes)),
        Found::End { .. } | Found::Bad { .. } => {
            Err(reader::damaged(path, offset, Seq::default(), "the file changed while it was read"))
        }
    }
}

/// The end of the last byte that is not zero.
fn end_of_data(path: &Path, from: u64) -> Result<u64, StoreError> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = fs::File::open(path).map_err(|e| StoreError::io(path, e))?;
    file.seek(SeekFrom::Start(from)).map_err(|e| StoreError::io(path, e))?;
    let (mut at, mut end) = (from, from);
    let mut chunk = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut chunk).map_err(|e| StoreError::io(path, e))?;
        if read == 0 {
            return Ok(end);
        }
        if let Some(last) = chunk[..read].iter().rposition(|byte| *byte != 0) {
            end = at + last as u64 + 1;
        }
        at += read as u64;
    }
}
