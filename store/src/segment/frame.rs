//! Frames: at most 96 KiB of a batch under one checksum, chained to the frame before.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..4 | the marker `MZF1` |
//! | 4..8 | length of the body |
//! | 8..16 | first: the first event that starts here, or the one that is continued |
//! | 16..24 | batch: the first event of the whole batch |
//! | 24..28 | events that start in this frame |
//! | 28..32 | part: 0 for the first frame of a batch, then 1, 2, ... |
//! | 32..36 | flags: 1 = last frame of its batch, 2 = begins in the middle of an entry |
//! | 36..68 | blake3 of the frame before, in the domain `mizan.frame.v1`; zeros for the first |
//! | 68..72 | crc32 of the body |
//! | 72..76 | reserved, zero |
//! | 76..80 | crc32 of bytes 0..76 |

use mizan_core::ContentHash;

/// Bytes of a frame's header.
pub(crate) const HEADER: usize = 80;
/// Bytes of a whole frame at most: a sled value beyond 128 KiB would leave sled's log.
pub(crate) const MAX_FRAME: usize = 96 * 1024;
/// Bytes of a frame's body at most.
pub(crate) const MAX_BODY: usize = MAX_FRAME - HEADER;
/// The first bytes of every frame.
pub(crate) const MARKER: [u8; 4] = *b"MZF1";
/// The chain value of the first frame of a log.
pub(crate) const NO_CHAIN: ContentHash = ContentHash([0; 32]);

/// What an intact header says that this version does not understand.
pub(crate) const NEWER: &str = "the frame was written by a newer version";

const FLAG_LAST: u32 = 1;
const FLAG_MIDDLE: u32 = 2;

/// What a frame says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    pub(crate) first: u64,
    pub(crate) batch: u64,
    pub(crate) events: u32,
    pub(crate) part: u32,
    /// The batch ends with this frame: the commit mark of its group.
    pub(crate) last: bool,
    /// The body begins with the rest of an entry of the frame before.
    pub(crate) middle: bool,
    pub(crate) chain: ContentHash,
    pub(crate) body_crc: u32,
}

impl Header {
    /// The bytes on disk.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let flags =
            if self.last { FLAG_LAST } else { 0 } | if self.middle { FLAG_MIDDLE } else { 0 };
        bytes[0..4].copy_from_slice(&MARKER);
        bytes[4..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.batch.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.events.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.part.to_le_bytes());
        bytes[32..36].copy_from_slice(&flags.to_le_bytes());
        bytes[36..68].copy_from_slice(&self.chain.0);
        bytes[68..72].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..76]);
        bytes[76..80].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header; an error says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let bytes: &[u8; HEADER] = bytes
            .get(..HEADER)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or("the header of a frame is cut short")?;
        if bytes[0..4] != MARKER {
            return Err("no frame begins here");
        }
        if crc32fast::hash(&bytes[..76]) != u32_at(bytes, 76) {
            return Err("the header of a frame does not match its checksum");
        }
        let flags = u32_at(bytes, 32);
        let mut chain = [0; 32];
        chain.copy_from_slice(&bytes[36..68]);
        let header = Self {
            length: u32_at(bytes, 4),
            first: u64_at(bytes, 8),
            batch: u64_at(bytes, 16),
            events: u32_at(bytes, 24),
            part: u32_at(bytes, 28),
            last: flags & FLAG_LAST != 0,
            middle: flags & FLAG_MIDDLE != 0,
            chain: ContentHash(chain),
            body_crc: u32_at(bytes, 68),
        };
        if flags & !(FLAG_LAST | FLAG_MIDDLE) != 0 || u32_at(bytes, 72) != 0 {
            return Err(NEWER);
        }
        if header.length as usize > MAX_BODY {
            return Err("the frame is longer than a frame may be");
        }
        Ok(header)
    }

    /// The last event that starts or goes on in this frame; bodies alone count as the one after them.
    pub(crate) fn last_event(&self) -> u64 {
        self.first.saturating_add(u64::from(self.events.saturating_sub(1)))
    }

    /// Bytes of the whole frame.
    pub(crate) fn size(&self) -> usize {
        HEADER + self.length as usize
    }
}

/// Reads a whole frame and checks both checksums.
pub(crate) fn open(frame: &[u8]) -> Result<(Header, &[u8]), &'static str> {
    let header = Header::decode(frame)?;
    let body = frame.get(HEADER..header.size()).ok_or("the frame is cut short")?;
    if crc32fast::hash(body) != header.body_crc {
        return Err("the frame does not match its checksum");
    }
    Ok((header, body))
}

/// The chain value that the next frame carries.
pub(crate) fn chain_after(frame: &[u8]) -> ContentHash {
    ContentHash::of("mizan.frame.v1", frame)
}

fn u32_at(bytes: &[u8; HEADER], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8; HEADER], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

/// Checks that frames follow each other: positions without a gap, batches whole and in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// The position of the next event that starts.
    next: u64,
    /// The batch that is not complete yet: its first event and its next part.
    open: Option<(u64, u32)>,
}

impl Order {
    /// Before the event `next`, between two batches.
    pub(crate) fn before(next: u64) -> Self {
        Self { next, open: None }
    }

    /// The position of the next event that starts.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Whether a batch has begun and its last frame has not been seen.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the next frame, or says why it cannot be the next.
    pub(crate) fn accept(&mut self, header: &Header) -> Result<(), &'static str> {
        let (batch, part) = self.open.unwrap_or((self.next, 0));
        if header.batch != batch || header.part != part {
            return Err("a frame of another batch stands here");
        }
        let continues = header.middle && part > 0 && header.first.checked_add(1) == Some(self.next);
        if header.first != self.next && !continues {
            return Err("the positions of the events have a gap here");
        }
        self.next = self
            .next
            .checked_add(u64::from(header.events))
            .ok_or("the positions of the events are too large")?;
        self.open = (!header.last).then_some((batch, part + 1));
        if header.last && self.next == batch {
            return Err("a batch without events stands here");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            length: 3,
            first: 7,
            batch: 5,
            events: 2,
            part: 1,
            last: true,
            middle: false,
            chain: ContentHash([9; 32]),
            body_crc: crc32fast::hash(b"abc"),
        }
    }

    #[test]
    fn a_header_survives_the_round_trip() {
        assert_eq!(Header::decode(&header().encode()), Ok(header()));
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let mut frame = header().encode().to_vec();
        frame.extend_from_slice(b"abc");
        assert!(open(&frame).is_ok());
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_out_of_order_is_refused() {
        let mut order = Order::before(5);
        assert!(order.accept(&header()).is_err(), "part 1 before part 0");
        let first = Header { first: 5, part: 0, last: false, ..header() };
        assert_eq!(order.accept(&first), Ok(()));
        assert!(order.is_open());
        assert_eq!(order.accept(&header()), Ok(()));
        assert_eq!((order.next(), order.is_open()), (9, false));
        assert!(order.accept(&Header { first: 10, batch: 10, part: 0, ..header() }).is_err());
    }
}
