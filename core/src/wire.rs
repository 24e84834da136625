//! The bytes: a small tagged, length-prefixed encoding for images and events (`docs/src/format.md`).
//!
//! One content has exactly one encoding, so equal bytes mean equal content and a hash of the bytes is
//! a content hash (L14). Tags are permanent (L9): a new kind gets a new number, none is ever reused.

use crate::hash::ContentHash;
use crate::id::{Ext, Name, RecordId, SideId};
use crate::image::Image;
use crate::value::{Ref, RefTo, Value};
use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Deepest nesting of lists and maps that is read; deeper bytes are refused, not followed.
const DEPTH_MAX: u32 = 32;

/// The bytes are not what this version or an earlier one writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the stored bytes at offset {at}: {what}")]
pub struct WireError {
    /// Offset of the first byte that did not fit.
    pub at: usize,
    /// What was expected there.
    pub what: &'static str,
}

/// Appends encoded parts to a buffer.
#[derive(Default)]
pub struct Writer(
    /// The bytes so far.
    pub Vec<u8>,
);

impl Writer {
    /// One byte.
    pub fn u8(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// An unsigned number in seven-bit groups, least first.
    pub fn uint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number as u8 & 0x7f) | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A signed number, folded so that small magnitudes stay short.
    pub fn int(&mut self, number: i64) {
        self.uint(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// A text after its length in bytes.
    pub fn text(&mut self, text: &str) {
        self.uint(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A hash, 32 bytes.
    pub fn hash(&mut self, hash: &ContentHash) {
        self.0.extend_from_slice(&hash.0);
    }

    /// A part that may be missing: 0, or 1 and the part.
    pub fn option<T>(&mut self, part: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        match part {
            None => self.u8(0),
            Some(part) => {
                self.u8(1);
                write(self, part);
            }
        }
    }

    /// A list after its count.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.uint(items.len() as u64);
        items.iter().for_each(|item| write(self, item));
    }

    /// A value, tag first.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.u8(0),
            Value::Bool(flag) => {
                self.u8(1);
                self.u8(u8::from(*flag));
            }
            Value::Decimal(number) => {
                self.u8(2);
                let number = number.normalize();
                self.u8(u8::try_from(number.scale()).unwrap_or(u8::MAX));
                self.0.extend_from_slice(&number.mantissa().to_be_bytes());
            }
            Value::Text(text) => {
                self.u8(3);
                self.text(text);
            }
            Value::Date(day) => {
                self.u8(4);
                self.int(i64::from(day.num_days_from_ce()));
            }
            Value::Instant(ms) => {
                self.u8(5);
                self.int(*ms);
            }
            Value::List(items) => {
                self.u8(6);
                self.list(items, Self::value);
            }
            Value::Map(entries) => {
                self.u8(7);
                self.uint(entries.len() as u64);
                for (name, value) in entries {
                    self.text(name);
                    self.value(value);
                }
            }
            Value::Ref(reference) => self.reference(reference),
        }
    }

    fn reference(&mut self, reference: &Ref) {
        self.u8(8);
        self.text(&reference.entity);
        match &reference.to {
            RefTo::Record(record) => {
                self.u8(0);
                self.uint(u64::from(record.0));
            }
            RefTo::Row { side, ext } => {
                self.u8(1);
                self.text(side.as_str());
                self.text(ext.as_str());
            }
        }
    }

    /// An image: its fields by name.
    pub fn image(&mut self, image: &Image) {
        self.uint(image.len() as u64);
        for (name, value) in image.iter() {
            self.text(name);
            self.value(value);
        }
    }
}

/// Reads what [`Writer`] wrote, and refuses everything else.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// An error at the present offset.
    #[must_use]
    pub fn error(&self, what: &'static str) -> WireError {
        WireError { at: self.at, what }
    }

    /// Refuses bytes that are left over.
    ///
    /// # Errors
    /// When anything follows the last part.
    pub fn end(&self) -> Result<(), WireError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error("nothing more")) }
    }

    /// True where nothing is left: a part that came to the layout later is not there.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The offset of the next byte.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else { return Err(self.error("more bytes")) };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// At the end of the bytes. The same holds for every reading function here.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// When it is cut short or longer than 64 bits.
    pub fn uint(&mut self) -> Result<u64, WireError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                return Err(self.error("a number of 64 bits"));
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.error("a number of 64 bits"))
    }

    /// An unsigned number that fits `T`.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, WireError> {
        let number = self.uint()?;
        T::try_from(number).map_err(|_| self.error("a smaller number"))
    }

    /// A signed number.
    ///
    /// # Errors
    /// When it is cut short.
    pub fn int(&mut self) -> Result<i64, WireError> {
        let number = self.uint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A text.
    ///
    /// # Errors
    /// When it is cut short or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        let length = self.small::<usize>()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.error("UTF-8"))
    }

    /// A name.
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn name(&mut self) -> Result<Name, WireError> {
        Ok(Name::new(self.text()?))
    }

    /// A side.
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn side(&mut self) -> Result<SideId, WireError> {
        Ok(SideId::new(self.text()?))
    }

    /// A row id.
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn ext(&mut self) -> Result<Ext, WireError> {
        Ok(Ext::new(self.text()?))
    }

    /// A hash.
    ///
    /// # Errors
    /// When it is cut short.
    pub fn hash(&mut self) -> Result<ContentHash, WireError> {
        let bytes = self.take(32)?;
        <[u8; 32]>::try_from(bytes).map(ContentHash).map_err(|_| self.error("a hash"))
    }

    /// A part that may be missing.
    ///
    /// # Errors
    /// When the marker is neither 0 nor 1, or the part cannot be read.
    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.error("0 or 1")),
        }
    }

    /// A list.
    ///
    /// # Errors
    /// When its count exceeds the bytes left, or an item cannot be read.
    pub fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn count(&mut self) -> Result<usize, WireError> {
        let count = self.small::<usize>()?;
        // Every item takes a byte at least, so a larger count is a lie and must not be allocated for.
        if count > self.bytes.len() - self.at { Err(self.error("fewer items")) } else { Ok(count) }
    }

    /// A value.
    ///
    /// # Errors
    /// When the tag is unknown, the nesting too deep, or the bytes are not canonical.
    pub fn value(&mut self) -> Result<Value, WireError> {
        self.value_at(0)
    }

    fn value_at(&mut self, depth: u32) -> Result<Value, WireError> {
        if depth > DEPTH_MAX {
            return Err(self.error("shallower nesting"));
        }
        Ok(match self.u8()? {
            0 => Value::Null,
            1 => match self.u8()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(self.error("0 or 1")),
            },
            2 => self.decimal()?,
            3 => Value::Text(self.name()?),
            4 => self.date()?,
            5 => Value::Instant(self.int()?),
            6 => Value::List(self.list(|reader| reader.value_at(depth + 1))?),
            7 => self.map(depth)?,
            8 => Value::Ref(Box::new(self.reference()?)),
            _ => return Err(self.error("a value tag")),
        })
    }

    fn decimal(&mut self) -> Result<Value, WireError> {
        let scale = u32::from(self.u8()?);
        let bytes = self.take(16)?;
        let Ok(bytes) = <[u8; 16]>::try_from(bytes) else { return Err(self.error("a decimal")) };
        let number = Decimal::try_from_i128_with_scale(i128::from_be_bytes(bytes), scale)
            .map_err(|_| self.error("a decimal of 28 digits"))?;
        Ok(Value::Decimal(number))
    }

    fn date(&mut self) -> Result<Value, WireError> {
        let days = i32::try_from(self.int()?).map_err(|_| self.error("a day"))?;
        NaiveDate::from_num_days_from_ce_opt(days)
            .map(Value::Date)
            .ok_or_else(|| self.error("a day"))
    }

    fn map(&mut self, depth: u32) -> Result<Value, WireError> {
        let count = self.count()?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let name = self.name()?;
            let value = self.value_at(depth + 1)?;
            entries.insert(name, value);
        }
        Ok(Value::Map(entries))
    }

    fn reference(&mut self) -> Result<Ref, WireError> {
        let entity = self.name()?;
        let to = match self.u8()? {
            0 => RefTo::Record(RecordId(self.small()?)),
            1 => RefTo::Row { side: self.side()?, ext: self.ext()? },
            _ => return Err(self.error("a reference tag")),
        };
        Ok(Ref { entity, to })
    }

    /// An image.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn image(&mut self) -> Result<Image, WireError> {
        let fields = self.list(|reader| Ok((reader.name()?, reader.value()?)))?;
        Ok(fields.into_iter().collect())
    }
}
