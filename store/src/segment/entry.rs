//! Entries: the events and bodies inside frames, packed for writing and taken apart for reading.
//!
//! An entry is a kind byte (1 event, 2 body), its length in four bytes, for a body its hash, and then
//! the bytes. The bodies of a batch come before its events. An entry begins in a new frame if the rest
//! of the frame is too small for it; one larger than a whole frame goes on in frames of its own.

use super::frame::{HEADER, Header, MAX_BODY, chain_after};
use mizan_core::ContentHash;

const EVENT: u8 = 1;
const BODY: u8 = 2;
const EVENT_PREFIX: usize = 5;
const BODY_PREFIX: usize = 37;

/// One event or body.
pub(crate) enum Entry<'a> {
    Event(&'a [u8]),
    Body(ContentHash, &'a [u8]),
}

/// Where an entry begins: the offset of its frame and the offset inside that frame's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) frame: u64,
    pub(crate) at: u32,
}

/// Why taking a frame apart stopped.
pub(crate) enum Stop<E> {
    /// The bytes are not what a writer writes.
    Fault(&'static str),
    /// The visitor wants no more.
    Visitor(E),
}

/// One frame inside [`Packed`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) first: u64,
    pub(crate) part: u32,
}

/// A batch as frames, ready to be written in one piece.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: Vec<Span>,
    /// Where each body begins, as an offset from the first frame.
    pub(crate) bodies: Vec<(ContentHash, Spot)>,
    /// The position of the last event.
    pub(crate) last: u64,
    /// The chain value after the last frame.
    pub(crate) chain: ContentHash,
}

/// Packs a batch whose first event has the position `first`.
pub(crate) fn pack(
    first: u64,
    chain: ContentHash,
    bodies: &[&(ContentHash, Vec<u8>)],
    events: &[Vec<u8>],
) -> Packed {
    let size: usize = events.iter().map(|event| event.len() + EVENT_PREFIX).sum::<usize>()
        + bodies.iter().map(|(_, body)| body.len() + BODY_PREFIX).sum::<usize>();
    let frames = size / (MAX_BODY / 2) + 1;
    let mut packer = Packer {
        packed: Packed {
            bytes: Vec::with_capacity(size + frames * HEADER),
            frames: Vec::with_capacity(frames),
            bodies: Vec::with_capacity(bodies.len()),
            last: first - 1,
            chain,
        },
        batch: first,
        start: 0,
        first,
        events: 0,
        middle: false,
    };
    packer.open(false, first);
    for (hash, body) in bodies {
        let mut prefix = [0; BODY_PREFIX];
        prefix[0] = BODY;
        prefix[1..5].copy_from_slice(&(body.len() as u32).to_le_bytes());
        prefix[5..].copy_from_slice(&hash.0);
        packer.make_room(BODY_PREFIX + body.len());
        let spot = Spot { frame: packer.start as u64, at: packer.used() as u32 };
        packer.packed.bodies.push((*hash, spot));
        packer.entry(&prefix, body, first);
    }
    for event in events {
        let mut prefix = [0; EVENT_PREFIX];
        prefix[0] = EVENT;
        prefix[1..].copy_from_slice(&(event.len() as u32).to_le_bytes());
        packer.make_room(EVENT_PREFIX + event.len());
        packer.packed.last += 1;
        packer.events += 1;
        let this = packer.packed.last;
        packer.entry(&prefix, event, this);
    }
    packer.close(true);
    packer.packed
}

struct Packer {
    packed: Packed,
    batch: u64,
    start: usize,
    first: u64,
    events: u32,
    middle: bool,
}

impl Packer {
    /// Begins a frame; the header is filled in when the frame is closed.
    fn open(&mut self, middle: bool, first: u64) {
        self.start = self.packed.bytes.len();
        self.packed.bytes.resize(self.start + HEADER, 0);
        (self.first, self.events, self.middle) = (first, 0, middle);
    }

    fn used(&self) -> usize {
        self.packed.bytes.len() - self.start - HEADER
    }

    fn close(&mut self, last: bool) {
        let body = &self.packed.bytes[self.start + HEADER..];
        let part = self.packed.frames.len() as u32;
        let header = Header {
            length: body.len() as u32,
            first: self.first,
            batch: self.batch,
            events: self.events,
            part,
            last,
            middle: self.middle,
            chain: self.packed.chain,
            body_crc: crc32fast::hash(body),
        };
        self.packed.bytes[self.start..self.start + HEADER].copy_from_slice(&header.encode());
        self.packed.chain = chain_after(&self.packed.bytes[self.start..]);
        let end = self.packed.bytes.len();
        self.packed.frames.push(Span { start: self.start, end, first: self.first, part });
    }

    /// Begins a new frame if an entry of `size` does not fit behind what the frame already holds.
    ///
    /// Nothing begins behind the rest of a large entry, so that a frame's header alone tells which
    /// event is its last.
    fn make_room(&mut self, size: usize) {
        if self.middle || (self.used() > 0 && self.used() + size > MAX_BODY) {
            self.close(false);
            self.open(false, self.packed.last + 1);
        }
    }

    /// Writes one entry, over several frames if it must be; `continued` is the `first` of those.
    fn entry(&mut self, prefix: &[u8], bytes: &[u8], continued: u64) {
        self.packed.bytes.extend_from_slice(prefix);
        let mut rest = bytes;
        while rest.len() > MAX_BODY - self.used() {
            let (now, later) = rest.split_at(MAX_BODY - self.used());
            self.packed.bytes.extend_from_slice(now);
            self.close(false);
            self.open(true, continued);
            rest = later;
        }
        self.packed.bytes.extend_from_slice(rest);
    }
}

/// Takes frames apart, keeping the beginning of an entry that goes on in the next frame.
#[derive(Default)]
pub(crate) struct Entries {
    partial: Vec<u8>,
    missing: usize,
    spot: Option<Spot>,
    /// Bytes of the first frame to pass over.
    skip: Option<usize>,
}

impl Entries {
    /// Passes over what the first frame holds before the entry at `at`.
    pub(crate) fn starting_at(at: u32) -> Self {
        Self { skip: Some(at as usize), ..Self::default() }
    }

    /// Whether an entry has begun and its end has not been seen.
    pub(crate) fn is_partial(&self) -> bool {
        self.missing > 0
    }

    /// Shows every entry that ends in this frame, with the place where it begins.
    pub(crate) fn feed<E>(
        &mut self,
        offset: u64,
        header: &Header,
        body: &[u8],
        visit: &mut impl FnMut(Spot, Entry<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        let skip = self.skip.take();
        if skip.is_none() && header.middle != self.is_partial() {
            return Err(Stop::Fault("an entry is cut short or has no beginning"));
        }
        let mut rest = body.get(skip.unwrap_or(0)..).unwrap_or_default();
        let mut started = 0;
        if self.is_partial() {
            let (now, later) = rest.split_at(self.missing.min(rest.len()));
            self.partial.extend_from_slice(now);
            self.missing -= now.len();
            rest = later;
            if !self.is_partial() {
                let spot = self.spot.take().unwrap_or(Spot { frame: offset, at: 0 });
                let (entry, _) = split(&self.partial).map_err(Stop::Fault)?;
                let entry = entry.ok_or(Stop::Fault("an entry is cut short"))?;
                visit(spot, entry).map_err(Stop::Visitor)?;
                self.partial.clear();
            }
        }
        while !rest.is_empty() {
            let spot = Spot { frame: offset, at: (body.len() - rest.len()) as u32 };
            started += u32::from(rest[0] == EVENT);
            let (entry, size) = split(rest).map_err(Stop::Fault)?;
            if let Some(entry) = entry {
                visit(spot, entry).map_err(Stop::Visitor)?;
                rest = &rest[size..];
            } else {
                self.partial.extend_from_slice(rest);
                self.missing = size - rest.len();
                self.spot = Some(spot);
                rest = &[];
            }
        }
        if skip.is_none() && started != header.events {
            return Err(Stop::Fault("a frame holds other events than its header says"));
        }
        if header.last && self.is_partial() {
            return Err(Stop::Fault("the last entry of a batch is cut short"));
        }
        Ok(())
    }
}

/// The first entry of `bytes` and its size; no entry if its end is not there.
fn split(bytes: &[u8]) -> Result<(Option<Entry<'_>>, usize), &'static str> {
    let cut = "an entry is cut inside its prefix";
    let (kind, rest) = bytes.split_first().ok_or(cut)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
    let length = u32::from_le_bytes(*length) as usize;
    match *kind {
        EVENT => Ok((rest.get(..length).map(Entry::Event), EVENT_PREFIX + length)),
        BODY => {
            let (hash, rest) = rest.split_first_chunk::<32>().ok_or(cut)?;
            let body = rest.get(..length).map(|body| Entry::Body(ContentHash(*hash), body));
            Ok((body, BODY_PREFIX + length))
        }
        _ => Err("an entry of an unknown kind stands here"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{MAX_FRAME, NO_CHAIN, Order, open};
    use super::*;
    use proptest::prelude::*;

    type Seen = (Vec<Vec<u8>>, Vec<(ContentHash, Vec<u8>)>);

    fn unpack(first: u64, packed: &Packed) -> Seen {
        let (mut events, mut bodies) = (Vec::new(), Vec::new());
        let (mut order, mut entries) = (Order::before(first), Entries::default());
        let mut chain = NO_CHAIN;
        for span in &packed.frames {
            let frame = &packed.bytes[span.start..span.end];
            assert!(frame.len() <= MAX_FRAME);
            let (header, body) = open(frame).unwrap();
            assert_eq!((header.first, header.part, header.chain), (span.first, span.part, chain));
            chain = chain_after(frame);
            order.accept(&header).unwrap();
            let fed = entries.feed(span.start as u64, &header, body, &mut |spot, entry| {
                match entry {
                    Entry::Event(bytes) => events.push(bytes.to_vec()),
                    Entry::Body(hash, bytes) => {
                        assert_eq!(packed.bodies[bodies.len()], (hash, spot));
                        bodies.push((hash, bytes.to_vec()));
                    }
                }
                Ok::<(), ()>(())
            });
            assert!(fed.is_ok());
        }
        assert!(!order.is_open() && !entries.is_partial());
        assert_eq!((order.next() - 1, chain), (packed.last, packed.chain));
        (events, bodies)
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![8 => 0..300_usize, 2 => 90_000..100_000_usize, 1 => 200_000..300_000_usize]
            .prop_map(|size| (0..size).map(|at| (at % 251) as u8).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_packed_comes_back(
            first in 1..1_000_u64,
            events in prop::collection::vec(bytes(), 1..20),
            bodies in prop::collection::vec(bytes(), 0..6),
        ) {
            let bodies: Vec<_> = (0_u8..).map(|n| ContentHash([n; 32])).zip(bodies).collect();
            let packed = pack(first, NO_CHAIN, &bodies.iter().collect::<Vec<_>>(), &events);
            prop_assert_eq!(unpack(first, &packed), (events, bodies));
        }
    }
}
