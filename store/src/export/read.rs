//! Reading: line by line into a new log, and nothing is believed that can be checked.

use super::line::{Any, Entry, Header, KIND, Line, Trailer};
use super::write::DOMAIN;
use super::{ExportError, Exported, LINE_BYTES_MAX, VERSION};
use crate::error::StoreError;
use crate::files;
use crate::keys::Key;
use crate::log::{Batch, EventLog, MAX_BATCH_BYTES};
use crate::sled::SledLog;
use mizan_core::hash::HashWriter;
use mizan_core::sealed::{KeyId, SealedBody, SealedEvent, address};
use mizan_core::{ContentHash, Entity, Event, Fact, Image, Seq};
use std::fs;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

/// Bytes that are appended at a time.
const BATCH_BYTES: u64 = 1024 * 1024;
/// The configuration of a bundle, in the folder of its log.
const CONFIG: &str = "mizan.toml";
/// Events that are appended at a time.
const BATCH_EVENTS: usize = 4_096;

/// Takes an export into an empty log.
///
/// Every body must have its hash, every event must follow the one before, stand after the bodies that it names, and be
/// readable; the counts and the hash of the last line must hold. On an error the log may hold a part: use
/// [`import_folder`], which leaves nothing behind.
///
/// # Errors
/// [`ExportError::Line`] with the line; [`ExportError::Slice`] for a file that does not begin with event 1;
/// [`StoreError::Moved`] if the log is not empty, and what the log itself refuses.
pub fn import(
    file: &mut dyn BufRead,
    log: &mut dyn EventLog,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    Ok(take(file, log, progress)?.0)
}

/// Takes an export into an empty log; returns the configuration that came with it as well.
fn take(
    file: &mut dyn BufRead,
    log: &mut dyn EventLog,
    progress: &mut dyn FnMut(u64),
) -> Result<(Exported, Option<String>), ExportError> {
    if log.head() != Seq(0) {
        return Err(StoreError::Moved { head: log.head() }.into());
    }
    let mut lines = Lines { file, number: 0, hash: HashWriter::new(DOMAIN), text: Vec::new() };
    let header = header(&mut lines)?;
    let mut taking = Taking {
        done: Exported { log: header.log, first: header.first, ..Exported::default() },
        header,
        log,
        batch: Batch::default(),
        bytes: 0,
        bodies: Vec::new(),
        keys: Vec::new(),
    };
    loop {
        let before = lines.hash.finish();
        if !lines.next()? {
            return Err(lines.wrong("the file ends here without its last line"));
        }
        match lines.parse()? {
            Line::Body(hash, again, entry) => taking.body(hash, again, entry),
            Line::Event(seq, entry) => taking.event(seq, entry),
            Line::End(trailer) => {
                taking.end(&trailer, &before).map_err(|stop| lines.stopped(stop))?;
                if lines.next()? {
                    return Err(lines.wrong("something follows the last line"));
                }
                progress(taking.done.events);
                return Ok((taking.done, taking.header.config));
            }
        }
        .map_err(|stop| lines.stopped(stop))?;
        if taking.done.events.is_multiple_of(1_024) {
            progress(taking.done.events);
        }
    }
}

/// Takes an export into a new folder; on an error, and if the process ends half way, there is no such folder.
///
/// The log is built beside it, in `FOLDER.importing`, and renamed when it is whole.
///
/// # Errors
/// As [`import`]; [`ExportError::NotEmpty`] where the folder holds anything; [`StoreError::Locked`] while another
/// process imports into it.
pub fn import_folder(
    file: &mut dyn BufRead,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    let empty = !folder.exists() || fs::read_dir(folder).is_ok_and(|mut all| all.next().is_none());
    if !empty {
        return Err(ExportError::NotEmpty { path: folder.to_owned() });
    }
    let beside = beside(folder);
    if beside.exists() {
        // An import that was killed left it; one that still runs holds its lock.
        match SledLog::open(&beside) {
            Err(error @ StoreError::Locked { .. }) => return Err(error.into()),
            Ok(_) | Err(_) => remove(&beside)?,
        }
    }
    let built = build(file, &beside, progress).and_then(|done| {
        if folder.exists() {
            fs::remove_dir(folder).map_err(|error| StoreError::io(folder, error))?;
        }
        fs::rename(&beside, folder).map_err(|error| StoreError::io(folder, error))?;
        folder.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), files::sync_folder)?;
        Ok(done)
    });
    if built.is_err() && beside.exists() {
        remove(&beside)?;
    }
    built
}

fn build(
    file: &mut dyn BufRead,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    let (mut log, _) = SledLog::open(folder)?;
    let (done, config) = take(file, &mut log, progress)?;
    if let Some(config) = config {
        files::replace(&folder.join(CONFIG), &[config.as_bytes()])?;
    }
    Ok(done)
}

fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".importing");
    PathBuf::from(name)
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    fs::remove_dir_all(folder).map_err(|error| StoreError::io(folder, error))
}

fn header(lines: &mut Lines<'_>) -> Result<Header, ExportError> {
    if !lines.next()? {
        return Err(lines.wrong("the file is empty"));
    }
    let header: Header = serde_json::from_slice(&lines.text).map_err(|error| {
        lines.wrong(&format!("this is not the first line of an export ({error})"))
    })?;
    if header.mizan != KIND || header.version != VERSION {
        return Err(lines.wrong(&format!(
            "the file is a `{}` of version {}, and this version of Mizan reads a `{KIND}` of version {VERSION}",
            header.mizan, header.version
        )));
    }
    if header.first != Seq(1) {
        return Err(ExportError::Slice { first: header.first });
    }
    Ok(header)
}

/// Why a line was not taken.
enum Stop {
    Wrong(String),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Wrong(what.into()))
}

struct Lines<'f> {
    file: &'f mut dyn BufRead,
    number: u64,
    hash: HashWriter,
    text: Vec<u8>,
}

impl Lines<'_> {
    /// Reads the next line; false at the end of the file.
    fn next(&mut self) -> Result<bool, ExportError> {
        self.text.clear();
        self.number += 1;
        let read = self.file.take(LINE_BYTES_MAX).read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(false);
        }
        if self.text.last() != Some(&b'\n') {
            let long = read as u64 == LINE_BYTES_MAX;
            return Err(self.wrong(if long {
                "the line is longer than any that an export writes"
            } else {
                "the line is cut short"
            }));
        }
        self.hash.raw(&self.text);
        Ok(true)
    }

    fn parse(&self) -> Result<Line, ExportError> {
        let any: Any = serde_json::from_slice(&self.text)
            .map_err(|error| self.wrong(&format!("this is no line of an export ({error})")))?;
        any.line().map_err(|what| self.wrong(&what))
    }

    fn wrong(&self, what: &str) -> ExportError {
        ExportError::Line { line: self.number, what: what.to_owned() }
    }

    fn stopped(&self, stop: Stop) -> ExportError {
        match stop {
            Stop::Wrong(what) => self.wrong(&what),
            Stop::Store(error) => error.into(),
        }
    }
}

fn hashes_to(bytes: &[u8], hash: &ContentHash) -> bool {
    ContentHash::of(Image::DOMAIN, bytes) == *hash || Entity::params_hash_of(bytes) == *hash
}

/// An import under way.
struct Taking<'l> {
    header: Header,
    log: &'l mut dyn EventLog,
    done: Exported,
    batch: Batch,
    bytes: u64,
    /// Bodies that the next event must name.
    bodies: Vec<ContentHash>,
    /// Keys of what is in the batch.
    keys: Vec<(KeyId, Key)>,
}

impl Taking<'_> {
    fn body(&mut self, hash: ContentHash, again: u32, entry: Entry) -> Result<(), Stop> {
        let Entry { bytes, key } = entry;
        let place = address(&hash, again);
        if again > 0 && !self.has(&address(&hash, again - 1)) {
            return wrong(format!("the content {hash} was not stored before"));
        }
        match (SealedBody::read(&bytes), key) {
            (Some(sealed), Some(key)) => {
                let plain = key.open_body(&sealed, &hash);
                if !plain.is_some_and(|plain| hashes_to(&plain, &hash)) {
                    return wrong(format!("the content {hash} is not what its key opens"));
                }
                self.keep(sealed.key, key);
            }
            // It was erased: nothing can be checked but that it stands where it stood.
            (Some(_), None) => {}
            (None, None) if hashes_to(&bytes, &hash) => {}
            (None, Some(_) | None) => {
                return wrong(format!("the content {hash} has bytes that do not hash to it"));
            }
        }
        if self.has(&place) {
            return wrong(format!("the content {hash} stands in the file twice"));
        }
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BATCH_BYTES {
            return wrong("more contents stand here than any event names");
        }
        self.bodies.push(hash);
        self.batch.bodies.push((place, bytes));
        self.done.bodies += 1;
        Ok(())
    }

    fn has(&self, hash: &ContentHash) -> bool {
        self.batch.bodies.iter().any(|(known, _)| known == hash) || self.log.has_body(hash)
    }

    fn keep(&mut self, id: KeyId, key: Key) {
        self.keys.push((id, key));
        self.done.keys += 1;
    }

    fn event(&mut self, seq: Seq, entry: Entry) -> Result<(), Stop> {
        let Entry { bytes, key } = entry;
        let due = Seq(self.header.first.0 + self.done.events);
        if seq != due {
            return wrong(format!("event {seq} stands where event {due} is due"));
        }
        let event = match Event::from_bytes(seq, &bytes) {
            Ok(event) => event,
            Err(error) => return wrong(format!("event {seq} cannot be read: {error}")),
        };
        if let (Seq(1), Fact::Opened { log_id, .. }) = (seq, &event.fact)
            && self.header.log != Some(*log_id)
        {
            return wrong("the first event opens another log than the first line names");
        }
        if let Some(key) = key {
            let sealed = SealedEvent::read(&bytes).ok().flatten();
            let opened = sealed.filter(|sealed| key.open_event(sealed, &event).is_some());
            let Some(sealed) = opened else {
                return wrong(format!("event {seq} is not what its key opens"));
            };
            self.keep(sealed.key, key);
        }
        let mut named = Vec::new();
        event.fact.each_body(&mut |hash| named.push(*hash));
        if let Some(hash) = self.bodies.iter().find(|hash| !named.contains(hash)) {
            return wrong(format!(
                "the content {hash} stands before event {seq}, which does not name it"
            ));
        }
        self.bodies.clear();
        self.bytes += bytes.len() as u64;
        self.batch.events.push(bytes);
        self.done.events += 1;
        self.done.last = seq;
        if self.bytes >= BATCH_BYTES || self.batch.events.len() >= BATCH_EVENTS {
            self.append()?;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<(), Stop> {
        let head = self.log.head();
        if !self.keys.is_empty() {
            self.log.add_keys(&self.keys)?;
            self.keys.clear();
        }
        self.log.append(head, &self.batch)?;
        self.batch = Batch::default();
        self.bytes = 0;
        Ok(())
    }

    fn end(&mut self, trailer: &Trailer, hash: &ContentHash) -> Result<(), Stop> {
        if !self.bodies.is_empty() {
            return wrong("contents stand before the last line, and no event names them");
        }
        if self.done.last != self.header.last || self.done.events != trailer.events {
            return wrong(format!(
                "the file holds {} events up to {}, and should hold {} up to {}",
                self.done.events, self.done.last, trailer.events, self.header.last
            ));
        }
        if self.done.bodies != trailer.bodies {
            return wrong(format!(
                "the file holds {} contents and should hold {}",
                self.done.bodies, trailer.bodies
            ));
        }
        if self.done.keys != trailer.keys {
            return wrong(format!(
                "the file holds {} keys and should hold {}",
                self.done.keys, trailer.keys
            ));
        }
        if *hash != trailer.blake3 {
            return wrong("the lines before do not have the checksum that the last line gives");
        }
        self.done.absent = trailer.absent;
        self.append()
    }
}
