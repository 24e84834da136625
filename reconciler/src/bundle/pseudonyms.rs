//! Pseudonyms: for each value another one of its type, equal where equal and in the same order.

use mizan_core::hash::HashWriter;
use mizan_core::schema::KeyHash;
use mizan_core::{CommandId, ContentHash, Ext, Image, Name, RecordId, Ref, RefTo, Value};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// The names that stand for what a log says; made from all of it, since the order is kept.
#[derive(Default)]
pub(super) struct Pseudonyms {
    texts: BTreeMap<Name, Name>,
    exts: BTreeMap<Ext, Ext>,
    decimals: BTreeMap<Decimal, Decimal>,
    dates: BTreeMap<chrono::NaiveDate, chrono::NaiveDate>,
    instants: BTreeMap<i64, i64>,
    /// Random and kept nowhere: a name that is a hash could be guessed without it.
    salt: [u8; 32],
}

/// What occurs in a log, collected before anything is named.
#[derive(Default)]
pub(super) struct Vocabulary {
    texts: BTreeSet<Name>,
    exts: BTreeSet<Ext>,
    decimals: BTreeSet<Decimal>,
    dates: BTreeSet<chrono::NaiveDate>,
    instants: BTreeSet<i64>,
}

impl Vocabulary {
    pub(super) fn image(&mut self, image: &Image) {
        image.iter().for_each(|(_, value)| self.value(value));
    }

    pub(super) fn ext(&mut self, ext: &Ext) {
        self.exts.insert(ext.clone());
    }

    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Decimal(number) => {
                self.decimals.insert(*number);
            }
            Value::Text(text) => {
                self.texts.insert(text.clone());
            }
            Value::Date(day) => {
                self.dates.insert(*day);
            }
            Value::Instant(ms) => {
                self.instants.insert(*ms);
            }
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Map(entries) => entries.iter().for_each(|(name, value)| {
                self.texts.insert(name.clone());
                self.value(value);
            }),
            Value::Ref(reference) => match &reference.to {
                RefTo::Record(_) => {}
                RefTo::Row { ext, .. } => self.ext(ext),
            },
        }
    }

    /// Gives each its name: its place among all of its kind.
    pub(super) fn named(self, salt: [u8; 32]) -> Pseudonyms {
        let width = |count: usize| count.to_string().len();
        let texts = width(self.texts.len());
        let exts = width(self.exts.len());
        let ranked = |text: &Name, letter: char, rank: usize, width: usize| {
            // An empty text says something by being empty.
            let name = format!("{letter}{rank:0width$}");
            if text.is_empty() { Name::default() } else { Name::new(name) }
        };
        let day = |rank: u64| {
            // The first of January 1970, and the days after it.
            let first = chrono::NaiveDate::default();
            first.checked_add_days(chrono::Days::new(rank)).unwrap_or(first)
        };
        Pseudonyms {
            texts: (1..)
                .zip(self.texts)
                .map(|(rank, text)| (text.clone(), ranked(&text, 't', rank, texts)))
                .collect(),
            exts: (1..)
                .zip(self.exts)
                .map(|(rank, ext)| (ext.clone(), Ext(ranked(&ext.0, 'x', rank, exts))))
                .collect(),
            decimals: (1_u64..)
                .zip(self.decimals)
                .map(|(rank, number)| (number, Decimal::from(rank)))
                .collect(),
            dates: (1_u64..).zip(self.dates).map(|(rank, date)| (date, day(rank))).collect(),
            instants: (1_i64..).zip(self.instants).map(|(rank, ms)| (ms, rank * 1_000)).collect(),
            salt,
        }
    }
}

impl Pseudonyms {
    pub(super) fn text(&self, text: &Name) -> Name {
        self.texts.get(text).cloned().unwrap_or_default()
    }

    pub(super) fn ext(&self, ext: &Ext) -> Ext {
        self.exts.get(ext).cloned().unwrap_or_else(|| Ext::new(""))
    }

    pub(super) fn image(&self, image: &Image, record: &dyn Fn(RecordId) -> RecordId) -> Image {
        image.iter().map(|(name, value)| (name.clone(), self.value(value, record))).collect()
    }

    pub(super) fn value(&self, value: &Value, record: &dyn Fn(RecordId) -> RecordId) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Decimal(number) => {
                Value::decimal(self.decimals.get(number).copied().unwrap_or_default())
            }
            Value::Text(text) => Value::Text(self.text(text)),
            Value::Date(day) => Value::Date(self.dates.get(day).copied().unwrap_or_default()),
            Value::Instant(ms) => Value::Instant(self.instants.get(ms).copied().unwrap_or(0)),
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.value(item, record)).collect())
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(name, value)| (self.text(name), self.value(value, record)))
                    .collect(),
            ),
            Value::Ref(reference) => {
                let to = match &reference.to {
                    RefTo::Record(id) => RefTo::Record(record(*id)),
                    RefTo::Row { side, ext } => {
                        RefTo::Row { side: side.clone(), ext: self.ext(ext) }
                    }
                };
                Value::Ref(Box::new(Ref { entity: reference.entity.clone(), to }))
            }
        }
    }

    /// A hash that nobody can compare with that of a guess.
    pub(super) fn hash(&self, what: &str, bytes: &[u8]) -> ContentHash {
        let mut writer = HashWriter::new("mizan.bundle.v1");
        writer.raw(&self.salt);
        writer.text(what);
        writer.raw(bytes);
        writer.finish()
    }

    pub(super) fn key(&self, key: &KeyHash) -> KeyHash {
        let mut short = [0; 16];
        short.copy_from_slice(&self.hash("key", &key.0).0[..16]);
        KeyHash(short)
    }

    pub(super) fn tag(&self, tag: u64) -> u64 {
        let mut short = [0; 8];
        short.copy_from_slice(&self.hash("tag", &tag.to_be_bytes()).0[..8]);
        u64::from_be_bytes(short)
    }

    pub(super) fn command(&self, command: &CommandId) -> CommandId {
        CommandId(self.hash("command", &command.0.0))
    }
}
