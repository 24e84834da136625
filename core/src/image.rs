//! Images: what a read showed of one row, field by field.

use crate::hash::ContentHash;
use crate::id::Name;
use crate::value::Value;
use crate::wire::{Reader, WireError, Writer};
use serde::{Deserialize, Serialize};

/// The fields that an answer carried; a field that is not here is **unknown**, which is never a change (L17).
///
/// A field that is here with [`Value::Null`] is known to hold nothing, and that can be a change.
///
/// ```
/// use mizan_core::{Image, Value};
/// let image: Image = [("name".into(), Value::text("Coffee")), ("note".into(), Value::Null)].into_iter().collect();
/// assert_eq!(image.get("note"), Some(&Value::Null)); // known to be empty
/// assert_eq!(image.get("price"), None);              // not known
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "std::collections::BTreeMap<Name, Value>")]
#[serde(into = "std::collections::BTreeMap<Name, Value>")]
pub struct Image(Vec<(Name, Value)>);

impl Image {
    /// The domain of an image's content hash; a new layout gets a new one.
    pub const DOMAIN: &'static str = "mizan.image.v1";

    /// The value of a field, or `None` where it is unknown.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|(name, _)| name.as_str().cmp(field)).ok()?;
        Some(&self.0[at].1)
    }

    /// Sets a field.
    pub fn set(&mut self, field: &Name, value: Value) {
        match self.0.binary_search_by(|(name, _)| name.cmp(field)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (field.clone(), value)),
        }
    }

    /// Makes a field unknown.
    pub fn forget(&mut self, field: &str) {
        self.0.retain(|(name, _)| name != field);
    }

    /// Number of known fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The known fields, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// This image, with the fields it does not know taken from `last` (L17).
    #[must_use]
    pub fn over(mut self, last: &Self) -> Self {
        for (name, value) in last.iter() {
            if self.get(name).is_none() {
                self.set(name, value.clone());
            }
        }
        self
    }

    /// The canonical bytes: what is stored and what is hashed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer(Vec::with_capacity(64 + self.0.len() * 32));
        writer.image(self);
        writer.0
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// When the bytes are not an image.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let image = reader.image()?;
        reader.end()?;
        Ok(image)
    }

    /// The content hash of the canonical bytes.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(Self::DOMAIN, &self.to_bytes())
    }
}

impl FromIterator<(Name, Value)> for Image {
    fn from_iter<I: IntoIterator<Item = (Name, Value)>>(fields: I) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        if !fields.is_sorted_by(|a, b| a.0 < b.0) {
            // A later mention of a name replaces an earlier one, as with any map.
            fields.reverse();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields.dedup_by(|a, b| a.0 == b.0);
        }
        Self(fields)
    }
}

impl From<std::collections::BTreeMap<Name, Value>> for Image {
    fn from(fields: std::collections::BTreeMap<Name, Value>) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl From<Image> for std::collections::BTreeMap<Name, Value> {
    fn from(image: Image) -> Self {
        image.0.into_iter().collect()
    }
}
