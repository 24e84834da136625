//! The format `csv`: an export with a header, only read; records of one id can make one row.

use super::csv_group::Groups;
use super::csv_records::{Record, Records};
use super::dir::absent;
use super::native::{self, Shape, TABLE_MAX, Taken};
use super::options::CsvOptions;
use super::stat::Stat;
use super::sweep::{Entry, Sweep};
use crate::adapter::{Fault, Fetched, Listed};
use mizan_core::Ext;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A last record without a line end is taken once the file has been left alone for so long.
const QUIET: Duration = Duration::from_secs(2);

/// A CSV file.
pub(super) struct Csv {
    shape: Shape,
    options: CsvOptions,
    path: PathBuf,
    parsed: Mutex<Option<(Stat, Arc<Parsed>)>>,
}

/// What a file holds.
#[derive(Debug)]
struct Parsed {
    listed: Vec<Listed>,
    /// Every record could be told from the others by its id.
    sound: bool,
}

impl Csv {
    /// The file `path` of that shape.
    pub(super) fn new(path: &Path, options: CsvOptions, shape: Shape) -> Self {
        Self { shape, options, path: path.to_owned(), parsed: Mutex::default() }
    }

    /// Lists the file.
    pub(super) fn sweep(&self) -> Result<Sweep, Fault> {
        let parsed = self.current()?;
        let mut entries: Vec<Entry> = parsed.listed.iter().cloned().map(Entry::Ready).collect();
        entries.sort_by(|a, b| a.ext().cmp(&b.ext()));
        Ok(Sweep { entries, complete: parsed.sound, dir: None })
    }

    /// One row.
    pub(super) fn get(&self, ext: &Ext) -> Result<Fetched, Fault> {
        let parsed = self.current()?;
        let mut refusal = None;
        for listed in &parsed.listed {
            match listed {
                Listed::Row(row) if row.ext == *ext => return Ok(Fetched::Found(row.clone())),
                Listed::Bad { ext: Some(bad), at, why } if bad == ext => {
                    refusal = Some(Fault::BadAnswer(format!("{at}: {why}")));
                }
                Listed::Row(_) | Listed::Same(_) | Listed::Bad { .. } => {}
            }
        }
        match refusal {
            Some(fault) => Err(fault),
            None if parsed.sound => Ok(Fetched::NotFound),
            None => {
                let file = self.path.display();
                Err(Fault::BadAnswer(format!("{file} has records that cannot be read")))
            }
        }
    }

    fn current(&self) -> Result<Arc<Parsed>, Fault> {
        let mut kept = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stat, parsed)) = kept.as_ref()
            && fs::symlink_metadata(&self.path).is_ok_and(|meta| Stat::of(&meta) == *stat)
        {
            return Ok(parsed.clone());
        }
        *kept = None;
        match native::take(&self.path, TABLE_MAX, None) {
            Taken::Whole { bytes, stat, tag, age } => {
                let parsed = Arc::new(self.parse(&bytes, age)?);
                // While its end may still be written, the file is read each time.
                if tag.is_some() && age >= QUIET {
                    *kept = Some((stat, parsed.clone()));
                }
                Ok(parsed)
            }
            Taken::Missing => Err(absent(&self.path, ErrorKind::NotFound)),
            Taken::Bad(why) => Err(self.unusable(&why)),
        }
    }

    fn parse(&self, bytes: &[u8], age: Duration) -> Result<Parsed, Fault> {
        let file = self.path.display().to_string();
        let fresh = age < QUIET;
        let mut records =
            Records::new(bytes, &self.options, fresh).map_err(|why| self.unusable(&why))?;
        let mut groups = Groups::new(&file, &self.options, &self.shape);
        let (mut listed, mut sound) = (Vec::new(), true);
        while let Some(record) = records.next() {
            match record {
                Record::Sound { line, id, native } => groups.add(line, id, native),
                Record::Bad { line, id, certain, why } => {
                    sound &= certain;
                    let ext = id.map(|id| groups.spoil(&id, line));
                    listed.push(Listed::Bad { at: format!("{file}:{line}"), ext, why });
                }
            }
        }
        groups.finish(&mut listed);
        Ok(Parsed { listed, sound })
    }

    fn unusable(&self, why: &str) -> Fault {
        Fault::BadAnswer(format!("{} {why}", self.path.display()))
    }
}
