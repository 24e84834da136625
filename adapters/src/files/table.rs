//! Tables: the lines of a JSON Lines file, each kept as it is, and what each of them is.

use super::native::{self, RECORD_MAX, Shape};
use super::stat::Stat;
use crate::adapter::{Listed, Row};
use mizan_core::lens::Path as FieldPath;
use mizan_core::{ContentHash, Ext};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A JSON Lines file in memory.
#[derive(Debug)]
pub(super) struct Table {
    /// The version of the file.
    pub(super) stat: Stat,
    /// The version can be trusted: it need not be read again while it is the same.
    pub(super) firm: bool,
    /// The lines, in order.
    pub(super) lines: Vec<Line>,
    /// The last line is without an end and unreadable: somebody is writing it.
    pub(super) half: bool,
    index: BTreeMap<Ext, At>,
}

/// Where an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In one line.
    Line(usize),
    /// In several lines; the first of them is named.
    Several(usize),
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    /// Its bytes, without the line feed.
    pub(super) text: Vec<u8>,
    /// What it is.
    pub(super) read: Read,
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Read {
    /// A row.
    Row(Row),
    /// Nothing but white space.
    Blank,
    /// A row that a write took out; it is not written any more.
    Removed,
    /// Not a row.
    Bad {
        /// The id, where it could be read.
        ext: Option<Ext>,
        /// What is wrong.
        why: String,
    },
}

impl Line {
    /// Reads a line.
    pub(super) fn of(text: Vec<u8>, id: &FieldPath, shape: &Shape) -> Self {
        let read = read(&text, id, shape);
        Self { text, read }
    }

    fn ext(&self) -> Option<&Ext> {
        match &self.read {
            Read::Row(row) => Some(&row.ext),
            Read::Bad { ext, .. } => ext.as_ref(),
            Read::Blank | Read::Removed => None,
        }
    }
}

fn read(text: &[u8], id: &FieldPath, shape: &Shape) -> Read {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Read::Blank;
    }
    if text.len() as u64 > RECORD_MAX {
        return Read::Bad { ext: None, why: format!("is larger than {} MiB", RECORD_MAX >> 20) };
    }
    let native = match native::object(text) {
        Ok(native) => native,
        Err(why) => return Read::Bad { ext: None, why },
    };
    let Some(ext) = id_of(&native, id) else {
        return Read::Bad { ext: None, why: format!("has no id at `{}`", id.as_str()) };
    };
    match shape.image(&native) {
        Ok(image) => {
            let tag = Some(content_tag(text));
            Read::Row(Row { ext, image, stamp: None, tag, marker: None })
        }
        Err(why) => Read::Bad { ext: Some(ext), why },
    }
}

/// The id of a native row: a text or a number that is not empty.
pub(super) fn id_of(native: &Json, id: &FieldPath) -> Option<Ext> {
    match id.find(native)? {
        Json::String(text) if !text.is_empty() => Some(Ext::new(text)),
        Json::Number(number) => Some(Ext::new(number.to_string())),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A tag of a row's content.
pub(super) fn content_tag(text: &[u8]) -> u64 {
    let ContentHash(hash) = ContentHash::of("mizan.files.row.v1", text);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

impl Table {
    /// Reads the lines of a file.
    pub(super) fn of(bytes: &[u8], stat: Stat, firm: bool, id: &FieldPath, shape: &Shape) -> Self {
        let ended = bytes.is_empty() || bytes.ends_with(b"\n");
        let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut lines = Vec::new();
        if !body.is_empty() {
            lines.extend(
                body.split(|byte| *byte == b'\n').map(|text| Line::of(text.to_vec(), id, shape)),
            );
        }
        let half = !ended && lines.last().is_some_and(|line| matches!(line.read, Read::Bad { .. }));
        let mut table = Self { stat, firm, lines, half, index: BTreeMap::new() };
        table.index();
        table
    }

    fn index(&mut self) {
        self.index.clear();
        for (number, line) in self.lines.iter().enumerate() {
            if let Some(ext) = line.ext() {
                let at = self.index.entry(ext.clone());
                at.and_modify(|at| *at = At::Several(at.first())).or_insert(At::Line(number));
            }
        }
    }

    /// Where an id is.
    pub(super) fn find(&self, ext: &Ext) -> Option<At> {
        self.index.get(ext).copied()
    }

    /// Adds a line at the end.
    pub(super) fn push(&mut self, ext: &Ext, line: Line) {
        self.index.insert(ext.clone(), At::Line(self.lines.len()));
        self.lines.push(line);
    }

    /// Takes a line out; the lines after it keep their numbers until [`Table::compact`].
    pub(super) fn remove(&mut self, ext: &Ext, number: usize) {
        self.index.remove(ext);
        self.lines[number] = Line { text: Vec::new(), read: Read::Removed };
    }

    /// Closes the gaps of removed lines.
    pub(super) fn compact(&mut self) {
        let lines = self.lines.len();
        self.lines.retain(|line| !matches!(line.read, Read::Removed));
        if self.lines.len() < lines {
            self.index();
        }
    }

    /// The row of an id, or why there is none; `None` where the id is not in any line.
    pub(super) fn row(&self, ext: &Ext) -> Option<Result<&Row, String>> {
        match self.find(ext)? {
            At::Several(first) => Some(Err(several(first))),
            At::Line(number) => match &self.lines[number].read {
                Read::Row(row) => Some(Ok(row)),
                Read::Bad { why, .. } => Some(Err(why.clone())),
                Read::Blank | Read::Removed => None,
            },
        }
    }

    /// True where every line that is there could be told from the others by its id.
    pub(super) fn is_sound(&self) -> bool {
        !self.lines.iter().any(|line| matches!(line.read, Read::Bad { ext: None, .. }))
    }

    /// Every line as an entry of a listing; an id that is in several lines is not a row.
    pub(super) fn listed(&self, file: &str) -> Vec<Listed> {
        let entry = |(number, line): (usize, &Line)| {
            let at = format!("{file}:{}", number + 1);
            if let Some(ext) = line.ext()
                && let Some(At::Several(first)) = self.find(ext)
            {
                return Some(Listed::Bad { at, ext: Some(ext.clone()), why: several(first) });
            }
            match &line.read {
                Read::Row(row) => Some(Listed::Row(row.clone())),
                Read::Bad { ext, why } => {
                    Some(Listed::Bad { at, ext: ext.clone(), why: why.clone() })
                }
                Read::Blank | Read::Removed => None,
            }
        };
        self.lines.iter().enumerate().filter_map(entry).collect()
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let size = self.lines.iter().map(|line| line.text.len() + 1).sum();
        let mut bytes = Vec::with_capacity(size);
        for line in &self.lines {
            bytes.extend_from_slice(&line.text);
            bytes.push(b'\n');
        }
        bytes
    }
}

impl At {
    fn first(self) -> usize {
        match self {
            Self::Line(number) | Self::Several(number) => number,
        }
    }
}

fn several(first: usize) -> String {
    format!("has an id that is in several lines, first in line {}", first + 1)
}
