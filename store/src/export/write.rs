//! Writing: one pass over the log, with nothing in memory but one entry and the hashes of the bodies so far.

use super::line::{BodyLine, EventLine, Header, KIND, Readable, Trailer, encode};
use super::{ExportError, Exported, READABLE_BYTES_MAX, VERSION};
use crate::error::StoreError;
use crate::keys::{Contents, open_bytes, open_event};
use crate::log::EventLog;
use mizan_core::hash::HashWriter;
use mizan_core::sealed::address;
use mizan_core::{ContentHash, Entity, Event, Fact, Image, Seq};
use serde::Serialize;
use std::collections::HashSet;
use std::io::Write;

/// The domain of the hash in the last line.
pub(super) const DOMAIN: &str = "mizan.export.v1";

/// Writes the events `from..=to` of a log, with the bodies that they name, as lines of JSON.
///
/// What is written does not depend on when, by whom or from which kind of log it is written. `progress` is told the
/// number of events so far, now and then.
///
/// ```
/// use mizan_core::{ContentHash, Event, Fact, Seq, Timestamp};
/// use mizan_store::{Batch, EventLog, MemoryLog, export, import};
///
/// let opened = Fact::Opened { log_id: ContentHash::of("mizan.log.v1", b"me"), epoch: 1 };
/// let event = Event { seq: Seq(1), at: Timestamp(0), fact: opened };
/// let mut log = MemoryLog::default();
/// log.append(Seq(0), &Batch::of_events([event.to_bytes()]))?;
///
/// let mut file = Vec::new();
/// let wrote = export(&log, Seq(1), log.head(), &mut file, &mut |_| ())?;
/// assert_eq!(wrote.events, 1);
///
/// let mut copy = MemoryLog::default();
/// import(&mut file.as_slice(), &mut copy, &mut |_| ())?;
/// assert_eq!(copy, log);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When there is nothing between the positions, the log cannot be read, or the file cannot be written.
pub fn export(
    log: &dyn EventLog,
    from: Seq,
    to: Seq,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    write(log, (from, to), None, out, progress)
}

/// As [`export`], of a whole log, with a configuration in the first line: an import puts it beside the new log.
///
/// # Errors
/// As [`export`].
pub fn export_with_config(
    log: &dyn EventLog,
    config: String,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    write(log, (Seq(1), log.head()), Some(config), out, progress)
}

fn write(
    log: &dyn EventLog,
    (from, to): (Seq, Seq),
    config: Option<String>,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    let head = log.head();
    let (first, last) = (from.max(Seq(1)), to.min(head));
    if first > last {
        return Err(ExportError::Nothing { from, to, head });
    }
    let header =
        Header { mizan: KIND.to_owned(), version: VERSION, log: log_id(log)?, first, last, config };
    let mut done = Exported { log: header.log, first, last, ..Exported::default() };
    let mut lines = Lines { out, hash: HashWriter::new(DOMAIN) };
    lines.put(&header)?;
    let mut seen = HashSet::new();
    let mut failed = None;
    let scanned = log.scan(Seq(first.0 - 1), &mut |seq, bytes| {
        if seq > last {
            return Err(stop());
        }
        if let Err(error) = one(log, seq, bytes, &mut lines, &mut seen, &mut done) {
            failed = Some(error);
            return Err(stop());
        }
        if done.events.is_multiple_of(1_024) {
            progress(done.events);
        }
        Ok(())
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if first.0 + done.events != last.0 + 1 {
        scanned?;
    }
    let blake3 = lines.hash.finish();
    let Exported { events, bodies, absent, keys, .. } = done;
    lines.put(&Trailer { end: true, events, bodies, absent, keys, blake3 })?;
    lines.out.flush()?;
    progress(done.events);
    Ok(done)
}

fn stop() -> StoreError {
    StoreError::Stopped { reason: "the export has enough".to_owned() }
}

/// One event, after the bodies that it is the first to name.
fn one(
    log: &dyn EventLog,
    seq: Seq,
    bytes: &[u8],
    lines: &mut Lines<'_>,
    seen: &mut HashSet<ContentHash>,
    done: &mut Exported,
) -> Result<(), ExportError> {
    let unread = |what: String| ExportError::Event { seq, what };
    let (event, contents) =
        open_event(log, seq, bytes).map_err(|error| unread(error.to_string()))?;
    let mut new = Vec::new();
    event.fact.each_body(&mut |hash| {
        if seen.insert(*hash) {
            new.push(*hash);
        }
    });
    for hash in new {
        if !log.has_body(&hash) {
            done.absent += 1;
        }
        for again in 0.. {
            let Some(bytes) = log.body(&address(&hash, again))? else { break };
            body(log, hash, again, bytes, lines, done)?;
        }
    }
    let is = (bytes.len() <= READABLE_BYTES_MAX).then_some(&event);
    let key = key_of(log, contents, done);
    lines.put(&EventLine { event: seq, bytes: encode(bytes), key, is })?;
    done.events += 1;
    Ok(())
}

/// The key of a sealed entry, for its line.
fn key_of(log: &dyn EventLog, contents: Contents, done: &mut Exported) -> Option<String> {
    let Contents::Sealed(id) = contents else { return None };
    let key = log.key(&id)?;
    done.keys += 1;
    Some(encode(key.bytes()))
}

/// One body, as it stands in the log.
fn body(
    log: &dyn EventLog,
    hash: ContentHash,
    again: u32,
    bytes: Vec<u8>,
    lines: &mut Lines<'_>,
    done: &mut Exported,
) -> Result<(), ExportError> {
    let stored = encode(&bytes);
    let (bytes, contents) = open_bytes(log, &hash, bytes)?;
    let image = Image::from_bytes(&bytes).ok().filter(|image| image.hash() == hash);
    let is = match &image {
        _ if bytes.len() > READABLE_BYTES_MAX => None,
        Some(image) => Some(Readable::Image(image)),
        None if Entity::params_hash_of(&bytes) == hash => {
            serde_json::from_slice(&bytes).ok().map(Readable::Rules)
        }
        None => None,
    };
    let key = key_of(log, contents, done);
    let again = (again > 0).then_some(again);
    done.bodies += 1;
    lines.put(&BodyLine { body: hash, again, bytes: stored, key, is })
}

/// What the first event says of the log.
fn log_id(log: &dyn EventLog) -> Result<Option<ContentHash>, StoreError> {
    let first = log.read(Seq(1))?;
    let first = first.and_then(|bytes| Event::from_bytes(Seq(1), &bytes).ok());
    Ok(match first.map(|event| event.fact) {
        Some(Fact::Opened { log_id, .. }) => Some(log_id),
        Some(_) | None => None,
    })
}

struct Lines<'o> {
    out: &'o mut dyn Write,
    hash: HashWriter,
}

impl Lines<'_> {
    fn put(&mut self, line: &impl Serialize) -> Result<(), ExportError> {
        let mut bytes = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        self.hash.raw(&bytes);
        Ok(self.out.write_all(&bytes)?)
    }
}
