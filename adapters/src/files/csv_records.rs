//! Records of a CSV file, each of them sound or reported; a bad one never takes its neighbours along.

use super::computed::compute;
use super::options::CsvOptions;
use csv::{ByteRecord, Position, Reader, ReaderBuilder};
use serde_json::{Map, Value as Json};
use std::io::Cursor;

/// One record.
pub(super) enum Record {
    /// As many fields as the header, in UTF-8.
    Sound {
        /// The line it begins in.
        line: usize,
        /// Its id.
        id: String,
        /// Its fields by their names, and the computed ones.
        native: Json,
    },
    /// Not to be used.
    Bad {
        /// The line it begins in.
        line: usize,
        /// The id, where it could be read.
        id: Option<String>,
        /// The id is surely right.
        certain: bool,
        /// What is wrong.
        why: String,
    },
}

/// A walk over the records of a file.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    reader: Reader<Cursor<&'a [u8]>>,
    record: ByteRecord,
    options: &'a CsvOptions,
    header: Vec<String>,
    id: usize,
    /// The file may still be being written.
    fresh: bool,
    /// Lines before `counted`.
    lines: usize,
    counted: usize,
}

impl<'a> Records<'a> {
    /// Reads the header; the error says what is wrong with it.
    pub(super) fn new(
        bytes: &'a [u8],
        options: &'a CsvOptions,
        fresh: bool,
    ) -> Result<Self, String> {
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Cursor::new(bytes));
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
            return Err("is empty: the header is missing".to_owned());
        }
        let header: Vec<String> = record
            .iter()
            .map(|field| String::from_utf8(field.to_vec()))
            .collect::<Result<_, _>>()
            .map_err(|_| "has a header that is not UTF-8".to_owned())?;
        check(&header, options)?;
        let Some(id) = header.iter().position(|name| *name == options.id) else {
            return Err(format!("has no column `{}`", options.id));
        };
        Ok(Self { bytes, reader, record, options, header, id, fresh, lines: 0, counted: 0 })
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<Record> {
        let start = self.offset();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                let (line, why) = (self.line_of(start), error.to_string());
                self.seek(self.bytes.len());
                return Some(Record::Bad { line, id: None, certain: false, why });
            }
        }
        let end = self.offset();
        let raw = &self.bytes[start..end];
        // The reader leaves the second half of a line end, and empty lines, to the next record.
        let before = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = start + before;
        let raw = &self.bytes[start..end];
        let line = self.line_of(start);
        if let Err(why) = quotes(raw) {
            let first = raw.iter().position(|byte| *byte == b'\n').map_or(raw.len(), |at| at + 1);
            self.seek(start + first);
            return Some(Record::Bad { line, id: None, certain: false, why: why.to_owned() });
        }
        Some(match self.sound(raw, end) {
            Ok((id, native)) => Record::Sound { line, id, native },
            Err(Fault { id, certain, why }) => Record::Bad { line, id, certain, why },
        })
    }

    fn sound(&self, raw: &[u8], end: usize) -> Result<(String, Json), Fault> {
        let id = self.record.get(self.id).and_then(|id| std::str::from_utf8(id).ok());
        let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
        let fault = |certain, why| Fault { id: id.clone(), certain, why };
        let (found, wanted) = (self.record.len(), self.header.len());
        if found != wanted {
            return Err(fault(false, format!("has {found} fields instead of {wanted}")));
        }
        if self.fresh && end == self.bytes.len() && !raw.ends_with(b"\n") && !raw.ends_with(b"\"") {
            let why = "is the last record, without a line end, and may be half written".to_owned();
            return Err(fault(self.id + 1 < found, why));
        }
        let mut native = Map::new();
        for (name, field) in self.header.iter().zip(self.record.iter()) {
            let Ok(text) = std::str::from_utf8(field) else {
                let certain = id.is_some();
                return Err(fault(certain, format!("is not UTF-8 in column `{name}`")));
            };
            native.insert(name.clone(), Json::String(text.to_owned()));
        }
        let Some(known) = id.clone() else {
            return Err(fault(false, format!("has no id in column `{}`", self.options.id)));
        };
        for (name, computed) in &self.options.computed {
            let value = compute(computed, &native)
                .map_err(|why| fault(true, format!("column `{name}` cannot be computed: {why}")))?;
            native.insert(name.clone(), Json::String(value.to_string()));
        }
        Ok((known, Json::Object(native)))
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX).min(self.bytes.len())
    }

    fn seek(&mut self, to: usize) {
        let mut position = Position::new();
        position.set_byte(to as u64);
        // Moving within memory cannot fail.
        let _ = self.reader.seek(position);
    }

    fn line_of(&mut self, at: usize) -> usize {
        if at < self.counted {
            (self.lines, self.counted) = (0, 0);
        }
        let passed = &self.bytes[self.counted..at];
        self.lines += passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted = at;
        self.lines + 1
    }
}

struct Fault {
    id: Option<String>,
    certain: bool,
    why: String,
}

/// Every column that is named has to be there, once.
fn check(header: &[String], options: &CsvOptions) -> Result<(), String> {
    let count = |name: &String| header.iter().filter(|column| *column == name).count();
    if let Some(twice) = header.iter().find(|name| count(name) > 1) {
        return Err(format!("has column `{twice}` twice"));
    }
    let wanted = options.computed.values().flat_map(|computed| &computed.divide);
    if let Some(missing) = wanted.into_iter().find(|name| count(name) == 0) {
        return Err(format!("has no column `{missing}`"));
    }
    let mut added = options.computed.keys().chain(&options.lines);
    match added.find(|name| count(name) > 0) {
        Some(there) => Err(format!("has a column `{there}` already, which was to be added")),
        None => Ok(()),
    }
}

/// Fails where quotes are left open or end in the middle of a field.
fn quotes(raw: &[u8]) -> Result<(), &'static str> {
    enum At {
        Begin,
        Plain,
        Quoted,
        Quote,
    }
    if !raw.contains(&b'"') {
        return Ok(());
    }
    let mut at = At::Begin;
    for byte in raw {
        at = match (at, byte) {
            (At::Begin, b'"') | (At::Quote, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) => At::Quoted,
            (At::Begin | At::Plain | At::Quote, b',' | b'\r' | b'\n') => At::Begin,
            (At::Quote, _) => return Err("has a quoted field with more after its closing quote"),
            (At::Begin | At::Plain, _) => At::Plain,
        };
    }
    match at {
        At::Quoted => Err("has a quoted field without a closing quote"),
        At::Begin | At::Plain | At::Quote => Ok(()),
    }
}
