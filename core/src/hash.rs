//! Content hashes: blake3 over a length-prefixed, domain-separated encoding (`docs/src/format.md`).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A blake3 hash of canonical bytes; as text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Hashes `bytes` in `domain`, so that equal bytes of different kinds get different hashes.
    ///
    /// ```
    /// use mizan_core::ContentHash;
    /// let a = ContentHash::of("mizan.image.v1", b"x");
    /// assert_ne!(a, ContentHash::of("mizan.plan.v1", b"x"));
    /// assert_eq!(a.to_string().len(), 64);
    /// ```
    #[must_use]
    pub fn of(domain: &str, bytes: &[u8]) -> Self {
        let mut writer = HashWriter::new(domain);
        writer.raw(bytes);
        writer.finish()
    }

    /// The first eight hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.short())
    }
}

/// The text was not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 hexadecimal digits")]
pub struct BadHash;

impl FromStr for ContentHash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| BadHash)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 32]>::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Feeds typed parts into one hash; every variable part is preceded by its length.
pub struct HashWriter(blake3::Hasher);

impl HashWriter {
    /// Starts a hash in `domain`.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        let mut writer = Self(blake3::Hasher::new());
        writer.text(domain);
        writer
    }

    /// Appends bytes without a length: only for the last part.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Appends a number as eight bytes, big-endian.
    pub fn int(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    /// Appends a text after its length in bytes.
    pub fn text(&mut self, text: &str) {
        self.int(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// Ends the hash.
    #[must_use]
    pub fn finish(&self) -> ContentHash {
        ContentHash(*self.0.finalize().as_bytes())
    }
}
