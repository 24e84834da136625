//! Native content: bytes of a file, the JSON in them, and the image that a lens sees there.

use super::stat::Stat;
use crate::adapter::{Answer, Refusal};
use mizan_core::lens::Lens;
use mizan_core::{Ext, Image, Name, Operation, Value};
use serde_json::{Map, Value as Json};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::SystemTime;

/// Most bytes of one record.
pub(super) const RECORD_MAX: u64 = 16 << 20;

/// Most bytes of a file that holds many records.
pub(super) const TABLE_MAX: u64 = 1 << 30;

/// What some programs put at the beginning of a UTF-8 file.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Tries to read a file that is being written to.
const TRIES: usize = 3;

/// How one entity is spelled on this side.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Native JSON to images and back.
    pub(super) lens: Lens,
    /// The natural key's fields.
    pub(super) key: Vec<Name>,
    /// Native fields of a new row.
    pub(super) on_create: Map<String, Json>,
}

/// A write, detached from the caller so that it can move to another thread.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// The command's marker, the same for every try.
    pub(super) marker: String,
    /// What is to be done.
    pub(super) operation: Operation,
    /// The fields to set.
    pub(super) set: Image,
    /// The image that the row must still have.
    pub(super) expect: Option<Image>,
}

impl Wish {
    /// True where the row is as the command needs it.
    pub(super) fn meets(&self, image: &Image) -> bool {
        self.expect.as_ref().is_some_and(|expect| {
            let same = expect.iter().all(|(field, value)| image.get(field) == Some(value));
            // Something that was typed in unseen must not be overwritten or deleted with the row (L40).
            let seen = |value: &Value, field: &Name| value.is_null() || expect.get(field).is_some();
            same && image.iter().all(|(field, value)| seen(value, field))
        })
    }

    /// True where the row is as this very command leaves it, so that a repetition is already done.
    pub(super) fn is_done(&self, image: &Image) -> bool {
        let Some(expect) = &self.expect else { return false };
        let after = self.set.clone().over(expect);
        !self.set.is_empty() && after.iter().all(|(field, value)| image.get(field) == Some(value))
    }
}

impl Shape {
    /// The image of a native row; the error says which field is not as declared.
    pub(super) fn image(&self, native: &Json) -> Result<Image, String> {
        self.lens.get(native).map_err(|error| error.to_string())
    }

    /// The native row that a create makes.
    pub(super) fn fresh(&self, set: &Image) -> Json {
        let mut native = Json::Object(self.on_create.clone());
        self.lens.put(set, &mut native);
        native
    }

    /// The bytes of a native row and the image that a reader will see in them.
    ///
    /// The error is a refusal: what cannot be read back is not written.
    pub(super) fn written(&self, native: &Json) -> Result<(Vec<u8>, Image), Box<Answer>> {
        let bytes = serde_json::to_vec(native).map_err(|error| invalid(&error.to_string()))?;
        if bytes.len() as u64 > RECORD_MAX {
            return Err(invalid(&too_large(RECORD_MAX)));
        }
        let again = object(&bytes).map_err(|why| invalid(&why))?;
        let image = self.image(&again).map_err(|why| invalid(&why))?;
        Ok((bytes, image))
    }
}

fn invalid(why: &str) -> Box<Answer> {
    refused(Refusal::Invalid, why).into()
}

/// A refusal, in our own words.
pub(super) fn refused(why: Refusal, message: &str) -> Answer {
    Answer::Refused { why, message: message.chars().take(500).collect() }
}

/// The refusal of a create whose name or id another row has.
pub(super) fn taken(ext: &Ext, message: &str) -> Answer {
    refused(Refusal::KeyTaken(Some(ext.clone())), message)
}

/// The JSON object in `bytes`; the error never quotes them.
pub(super) fn object(bytes: &[u8]) -> Result<Json, String> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("is empty; perhaps it is being written".to_owned());
    }
    match serde_json::from_slice::<Json>(bytes) {
        Ok(native) if native.is_object() => Ok(native),
        Ok(_) => Err("is not a JSON object".to_owned()),
        Err(error) if error.is_eof() => {
            Err(format!("is JSON that ends too early, at line {}", error.line()))
        }
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(format!("is not JSON: see line {line}, column {column}"))
        }
    }
}

/// What was found at a path.
pub(super) enum Taken {
    /// A whole file, unchanged from the first to the last byte read.
    Whole {
        /// Its content.
        bytes: Vec<u8>,
        /// Its version.
        stat: Stat,
        /// The version's tag, where it can be trusted.
        tag: Option<u64>,
        /// How old the last write was when the reading began.
        age: std::time::Duration,
    },
    /// There is nothing at the path.
    Missing,
    /// There is something, and it cannot be read.
    Bad(String),
}

/// Reads a regular file of at most `limit` bytes; `seen` is its version where it has just been listed.
pub(super) fn take(path: &Path, limit: u64, seen: Option<&Stat>) -> Taken {
    let mut seen = seen.copied();
    for _ in 0..TRIES {
        let listed = match seen.take() {
            Some(stat) => stat,
            None => match fs::symlink_metadata(path) {
                Ok(meta) => match regular(&meta) {
                    Ok(stat) => stat,
                    Err(why) => return Taken::Bad(why.to_owned()),
                },
                Err(error) if error.kind() == ErrorKind::NotFound => return Taken::Missing,
                Err(error) => return Taken::Bad(unreadable(&error)),
            },
        };
        match whole(path, limit, &listed) {
            Ok(Some(taken)) => return taken,
            Ok(None) => {}
            // It may have been replaced between the two calls: the next look will say.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Taken::Bad(unreadable(&error)),
        }
    }
    Taken::Bad("is being changed while it is read".to_owned())
}

/// The version of a regular file; the error names what it is instead.
pub(super) fn regular(meta: &Metadata) -> Result<Stat, &'static str> {
    let kind = meta.file_type();
    if kind.is_file() {
        Ok(Stat::of(meta))
    } else if kind.is_symlink() {
        Err("is a symbolic link; links are not followed")
    } else {
        Err("is not a regular file")
    }
}

fn whole(path: &Path, limit: u64, listed: &Stat) -> io::Result<Option<Taken>> {
    let now = SystemTime::now();
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let before = Stat::of(&meta);
    if !before.same_file(listed) {
        return Ok(None);
    }
    if meta.len() > limit {
        return Ok(Some(Taken::Bad(too_large(limit))));
    }
    let room = usize::try_from(meta.len()).unwrap_or(0) + 1;
    let mut bytes = Vec::with_capacity(room);
    Read::by_ref(&mut file).take(limit + 1).read_to_end(&mut bytes)?;
    let after = Stat::of(&file.metadata()?);
    if before != after || bytes.len() as u64 != meta.len() {
        return Ok(None);
    }
    let (tag, age) = (before.tag_at(now), before.age(now));
    Ok(Some(Taken::Whole { bytes, stat: before, tag, age }))
}

fn too_large(limit: u64) -> String {
    format!("is larger than {} MiB", limit >> 20)
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {}", error.kind())
}
