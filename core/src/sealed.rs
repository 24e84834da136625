//! Sealed bytes: what an event and an image look like in a log whose values are under keys of their own.
//!
//! The layout is here, and pure; the keys and the cipher are in `mizan-store`. What is sealed can be read by whoever
//! has the key, for as long as it is kept: throwing the key away erases the contents and changes no byte of the log, so
//! every hash, root and proof over it stays (L55, `docs/adr/0011-erasure.md`).

use crate::hash::{ContentHash, HashWriter};
use crate::wire::{Reader, WireError, Writer};

/// First byte of a sealed event; the first byte of a plain one is 1.
const EVENT: u8 = 2;
/// First bytes of a sealed image: no image begins so, since a count of fields is written without leading zeros.
const BODY: [u8; 3] = [0x80, 0x00, 0x01];

/// Names the key of one event or one image; random, and never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

/// An event whose values are sealed.
///
/// ```
/// use mizan_core::sealed::{KeyId, SealedEvent};
/// let bytes = SealedEvent { key: KeyId([7; 16]), structure: b"structure", secret: b"sealed" }.to_bytes();
/// let read = SealedEvent::read(&bytes).unwrap().unwrap();
/// assert_eq!((read.key, read.structure, read.secret), (KeyId([7; 16]), &b"structure"[..], &b"sealed"[..]));
/// assert_eq!(SealedEvent::read(b"\x01 a plain event").unwrap(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedEvent<'b> {
    /// The key that opens it.
    pub key: KeyId,
    /// The event without its values, as its own bytes.
    pub structure: &'b [u8],
    /// The values, sealed.
    pub secret: &'b [u8],
}

impl<'b> SealedEvent<'b> {
    /// The bytes that stand in the log.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(24 + self.structure.len() + self.secret.len()));
        out.u8(EVENT);
        out.0.extend_from_slice(&self.key.0);
        out.uint(self.structure.len() as u64);
        out.0.extend_from_slice(self.structure);
        out.0.extend_from_slice(self.secret);
        out.0
    }

    /// Reads the bytes of an event; `None` for one that is not sealed.
    ///
    /// # Errors
    /// When they are cut short.
    pub fn read(bytes: &'b [u8]) -> Result<Option<Self>, WireError> {
        let Some((&EVENT, rest)) = bytes.split_first() else { return Ok(None) };
        let cut = |at| WireError { at, what: "the whole of a sealed event" };
        let (key, rest) = rest.split_first_chunk::<16>().ok_or(cut(1))?;
        let mut reader = Reader::new(rest);
        let length = reader.small::<usize>()?;
        let rest = rest.get(reader.at()..).ok_or(cut(17))?;
        let (structure, secret) = rest.split_at_checked(length).ok_or(cut(17))?;
        Ok(Some(Self { key: KeyId(*key), structure, secret }))
    }
}

/// An image that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedBody<'b> {
    /// The key that opens it.
    pub key: KeyId,
    /// The image's bytes, sealed.
    pub secret: &'b [u8],
}

impl<'b> SealedBody<'b> {
    /// The bytes that stand in the log.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&BODY[..], &self.key.0, self.secret].concat()
    }

    /// Reads a body; `None` for one that is not sealed.
    #[must_use]
    pub fn read(bytes: &'b [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&BODY)?;
        let (key, secret) = rest.split_first_chunk::<16>()?;
        Some(Self { key: KeyId(*key), secret })
    }
}

/// Under which hash a body stands in the log: its own, and after each erasure of the same content the next one.
///
/// A log keeps one body for each hash. A person who comes back with the same data after an erasure has contents that
/// hash as before, and the bytes under that hash can no longer be read: the new ones stand under the next address.
///
/// ```
/// use mizan_core::sealed::address;
/// use mizan_core::Image;
/// let hash = Image::default().hash();
/// assert_eq!(address(&hash, 0), hash);
/// assert_ne!(address(&hash, 1), address(&hash, 2));
/// ```
#[must_use]
pub fn address(hash: &ContentHash, erasures: u32) -> ContentHash {
    if erasures == 0 {
        return *hash;
    }
    let mut writer = HashWriter::new("mizan.again.v1");
    writer.int(u64::from(erasures));
    writer.raw(&hash.0);
    writer.finish()
}
