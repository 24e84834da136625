//! The format `dir`: one JSON object in each file, read only where the file's version is new.

use super::names::{self, STAGED, SUFFIX};
use super::native::{self, RECORD_MAX, Shape, Taken};
use super::options::DirOptions;
use super::place::Place;
use super::stat::Stat;
use super::sweep::{Entry, Sweep};
use crate::adapter::{Fault, Fetched, Listed, Row};
use mizan_core::{Ext, Timestamp};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// Times that a directory which changes during its listing is listed again.
const LISTINGS: usize = 3;

/// Files from which on a second thread is worth its start.
const MANY: usize = 64;

/// An unfinished file of that age was left by a crash.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// A directory of JSON files.
pub(super) struct Dir {
    pub(super) shape: Shape,
    pub(super) place: Place,
    /// One lock for each group of ids, so that two writes to one file go one after the other.
    pub(super) locks: Vec<Mutex<()>>,
}

/// What is at an id.
pub(super) enum Found {
    /// A row.
    Row {
        /// As images show it.
        row: Row,
        /// As it is.
        native: Json,
        /// The version of the file.
        stat: Stat,
    },
    /// Something that is not a row.
    Bad(String),
    /// Nothing; the directory may be gone as well.
    Missing,
}

impl Dir {
    /// The directory `path` of that shape.
    pub(super) fn new(path: &Path, options: &DirOptions, shape: Shape) -> Self {
        let place = Place::new(path.to_owned(), options.durability);
        Self { shape, place, locks: (0..256).map(|_| Mutex::new(())).collect() }
    }

    /// Lists the directory and looks at every file, without reading any.
    pub(super) fn sweep(&self) -> Result<Sweep, Fault> {
        let path = self.place.dir();
        let (found, dir, complete) = listing(path).map_err(|error| absent(path, error.kind()))?;
        self.place.catch_up()?;
        let mut entries = in_two(&found, |entry| self.look(entry));
        entries.sort_unstable_by(|a, b| a.ext().cmp(&b.ext()));
        Ok(Sweep { entries, complete, dir: Some(dir) })
    }

    /// Reads files of a sweep; one that is gone by then is left out.
    pub(super) fn read_listed(&self, sweep: &Sweep, at: &[usize]) -> Result<Vec<Listed>, Fault> {
        let read = in_two(at, |at| match &sweep.entries[*at] {
            Entry::Ready(listed) => Some(Some(listed.clone())),
            Entry::File { ext, stat } => Some(match self.read(ext, Some(stat)) {
                Found::Row { row, .. } => Some(Listed::Row(row)),
                Found::Bad(why) => Some(self.bad(ext, why)),
                Found::Missing => None,
            }),
        });
        if read.iter().any(Option::is_none) {
            let same = |dir: &Stat| self.dir_stat().is_ok_and(|now| now.same_file(dir));
            if !sweep.dir.as_ref().is_some_and(same) {
                return Err(absent(self.place.dir(), ErrorKind::NotFound));
            }
        }
        Ok(read.into_iter().flatten().collect())
    }

    /// One row.
    pub(super) fn get(&self, ext: &Ext) -> Result<Fetched, Fault> {
        match self.read(ext, None) {
            Found::Row { row, .. } => Ok(Fetched::Found(row)),
            Found::Bad(why) => Err(Fault::BadAnswer(format!("{} {why}", self.at(ext)))),
            Found::Missing => {
                self.is_there()?;
                Ok(Fetched::NotFound)
            }
        }
    }

    /// Fails where the directory is not there, so that a missing file says nothing.
    pub(super) fn is_there(&self) -> Result<(), Fault> {
        self.dir_stat().map(|_| ()).map_err(|kind| absent(self.place.dir(), kind))
    }

    fn dir_stat(&self) -> Result<Stat, ErrorKind> {
        match fs::metadata(self.place.dir()) {
            Ok(meta) if meta.is_dir() => Ok(Stat::of(&meta)),
            Ok(_) => Err(ErrorKind::NotADirectory),
            Err(error) => Err(error.kind()),
        }
    }

    /// Reads the file of an id.
    pub(super) fn read(&self, ext: &Ext, seen: Option<&Stat>) -> Found {
        let Some(name) = names::file_of(ext) else {
            return Found::Bad("is not the name of a file here".to_owned());
        };
        match native::take(&self.place.dir().join(name), RECORD_MAX, seen) {
            Taken::Whole { bytes, stat, tag, .. } => match self.row(ext, &bytes, &stat, tag) {
                Ok((row, native)) => Found::Row { row, native, stat },
                Err(why) => Found::Bad(why),
            },
            Taken::Missing => Found::Missing,
            Taken::Bad(why) => Found::Bad(why),
        }
    }

    fn row(
        &self,
        ext: &Ext,
        bytes: &[u8],
        stat: &Stat,
        tag: Option<u64>,
    ) -> Result<(Row, Json), String> {
        let native = native::object(bytes)?;
        let image = self.shape.image(&native)?;
        let stamp = Some(Timestamp(stat.modified_ms()));
        Ok((Row { ext: ext.clone(), image, stamp, tag, marker: None }, native))
    }

    fn bad(&self, ext: &Ext, why: String) -> Listed {
        Listed::Bad { at: self.at(ext), ext: Some(ext.clone()), why }
    }

    /// Where an id is, for people.
    pub(super) fn at(&self, ext: &Ext) -> String {
        format!("{}{SUFFIX}", self.place.dir().join(ext.as_str()).display())
    }

    /// What a directory entry is to us; `None` for what is none of ours.
    fn look(&self, entry: &DirEntry) -> Option<Entry> {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b".") {
            if bytes.starts_with(STAGED.as_bytes()) {
                clean(entry);
            }
            return None;
        }
        if !bytes.ends_with(SUFFIX.as_bytes()) {
            return None;
        }
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else {
            let why = "has a name that is not UTF-8".to_owned();
            let at = entry.path().display().to_string();
            return Some(Entry::Ready(Listed::Bad { at, ext: None, why }));
        };
        let ext = Ext::new(stem);
        match entry.metadata() {
            Ok(meta) => Some(match native::regular(&meta) {
                Ok(stat) => Entry::File { ext, stat },
                Err(why) => Entry::Ready(self.bad(&ext, why.to_owned())),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                let why = format!("cannot be read: {}", error.kind());
                Some(Entry::Ready(self.bad(&ext, why)))
            }
        }
    }
}

/// The entries of a directory; the last part of the result is `false` where it never came to rest.
fn listing(path: &Path) -> std::io::Result<(Vec<DirEntry>, Stat, bool)> {
    let mut found: Vec<DirEntry> = Vec::new();
    let mut before = Stat::of(&fs::metadata(path)?);
    for _ in 0..LISTINGS {
        let mut again = fs::read_dir(path)?.collect::<std::io::Result<Vec<_>>>()?;
        if !found.is_empty() {
            // What either listing saw is looked at: a listing can miss an entry while others move.
            let known: BTreeSet<_> = again.iter().map(DirEntry::file_name).collect();
            found.retain(|entry| !known.contains(&entry.file_name()));
        }
        again.append(&mut found);
        found = again;
        let after = Stat::of(&fs::metadata(path)?);
        if after.same_entries(&before) {
            return Ok((found, after, true));
        }
        before = after;
    }
    Ok((found, before, false))
}

/// Removes an unfinished file of a program that ended long ago.
fn clean(entry: &DirEntry) {
    let old = entry
        .metadata()
        .is_ok_and(|meta| meta.is_file() && Stat::of(&meta).age(SystemTime::now()) > LEFT_BEHIND);
    if old {
        // It is never read; where it cannot be removed, it stays.
        let _ = fs::remove_file(entry.path());
    }
}

/// The fault of a directory that cannot be listed.
pub(super) fn absent(path: &Path, kind: ErrorKind) -> Fault {
    let path = path.display();
    Fault::BadAnswer(match kind {
        ErrorKind::NotFound => format!("{path} is not there; nothing is taken as deleted"),
        ErrorKind::NotADirectory => {
            format!("{path} is not a directory; nothing is taken as deleted")
        }
        _ => format!("{path} cannot be read: {kind}; nothing is taken as deleted"),
    })
}

/// Applies `work` to every item, on two threads where there are many; results keep their order.
pub(super) fn in_two<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Option<R> + Sync,
) -> Vec<R> {
    if items.len() < MANY {
        return items.iter().filter_map(&work).collect();
    }
    let (left, right) = items.split_at(items.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| right.iter().filter_map(&work).collect::<Vec<R>>());
        let mut all: Vec<R> = left.iter().filter_map(&work).collect();
        match second.join() {
            Ok(rest) => all.extend(rest),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        all
    })
}
