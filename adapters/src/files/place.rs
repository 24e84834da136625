//! Placing files: a file takes its name only when it is whole and on the disk.

use super::names;
use super::options::Durability;
use super::stat::Stat;
use crate::adapter::Fault;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// A directory to write in.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    durability: Durability,
    /// Changes of the directory that were made so far.
    made: AtomicU64,
    /// Changes of the directory that are on the disk.
    safe: Mutex<u64>,
}

/// A file that is written and has not taken its name yet; it is removed if it never does.
struct Staged {
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // Names that begin with a point are never read, so a file left here does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Place {
    /// Writes into `dir`.
    pub(super) fn new(dir: PathBuf, durability: Durability) -> Self {
        Self { dir, durability, made: AtomicU64::new(0), safe: Mutex::new(0) }
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes a new file; `None` where the name is taken by then.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<Option<Stat>, Fault> {
        let staged = self.stage(name, bytes, None)?;
        // A link, other than a rename, never replaces what another program has put there meanwhile.
        match fs::hard_link(&staged.path, self.dir.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(error) if no_links(error.kind()) => return self.create_by_rename(name, staged),
            Err(error) => return Err(in_doubt(name, &error)),
        }
        // The row is there; its version is read once the other name is gone, which changes it.
        let kept = fs::remove_file(&staged.path);
        kept.map_err(|error| in_doubt(name, &error))?;
        self.placed(name, staged)
    }

    /// Makes a new file where the file system has no hard links; a short race with other programs stays.
    fn create_by_rename(&self, name: &str, staged: Staged) -> Result<Option<Stat>, Fault> {
        let target = self.dir.join(name);
        if fs::symlink_metadata(&target).is_ok() {
            return Ok(None);
        }
        fs::rename(&staged.path, target).map_err(|error| in_doubt(name, &error))?;
        self.placed(name, staged)
    }

    /// Puts new content in the place of the version `seen`; `None` where that is not there any more.
    pub(super) fn replace(
        &self,
        name: &str,
        bytes: &[u8],
        seen: &Stat,
    ) -> Result<Option<Stat>, Fault> {
        let target = self.dir.join(name);
        let mode = fs::symlink_metadata(&target).ok().map(|meta| meta.permissions());
        let staged = self.stage(name, bytes, mode)?;
        if !self.is_still(&target, seen) {
            return Ok(None);
        }
        fs::rename(&staged.path, &target).map_err(|error| in_doubt(name, &error))?;
        self.placed(name, staged)
    }

    /// Removes the version `seen`; `false` where that is not there any more.
    pub(super) fn remove(&self, name: &str, seen: &Stat) -> Result<bool, Fault> {
        let target = self.dir.join(name);
        if !self.is_still(&target, seen) {
            return Ok(false);
        }
        match fs::remove_file(&target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(not_sent(name, &error));
            }
            Err(error) => return Err(in_doubt(name, &error)),
        }
        self.settle()?;
        Ok(true)
    }

    /// Returns when every change of the directory so far is on the disk; callers share one sync.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        let ticket = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        if self.durability == Durability::Batch {
            return Ok(());
        }
        self.sync_up_to(ticket)
    }

    /// Puts what was left to later on the disk.
    pub(super) fn catch_up(&self) -> Result<(), Fault> {
        self.sync_up_to(self.made.load(Ordering::SeqCst)).map_err(|fault| match fault {
            Fault::InDoubt(why) => Fault::BadAnswer(why),
            other => other,
        })
    }

    fn sync_up_to(&self, ticket: u64) -> Result<(), Fault> {
        let mut safe = self.safe.lock().unwrap_or_else(PoisonError::into_inner);
        if *safe >= ticket {
            return Ok(());
        }
        let made = self.made.load(Ordering::SeqCst);
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| in_doubt("the directory", &error))?;
        *safe = made;
        Ok(())
    }

    fn is_still(&self, target: &Path, seen: &Stat) -> bool {
        fs::symlink_metadata(target).is_ok_and(|meta| Stat::of(&meta) == *seen)
    }

    fn stage(&self, name: &str, bytes: &[u8], mode: Option<Permissions>) -> Result<Staged, Fault> {
        let path = self.dir.join(names::staged(name));
        let file = new_file(&path).map_err(|error| not_sent(name, &error))?;
        let mut staged = Staged { path, file, placed: false };
        staged.fill(bytes, mode).map_err(|error| not_sent(name, &error))?;
        Ok(staged)
    }

    fn placed(&self, name: &str, mut staged: Staged) -> Result<Option<Stat>, Fault> {
        staged.placed = true;
        let meta = staged.file.metadata().map_err(|error| in_doubt(name, &error))?;
        self.settle()?;
        Ok(Some(Stat::of(&meta)))
    }
}

impl Staged {
    fn fill(&mut self, bytes: &[u8], mode: Option<Permissions>) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(mode) = mode {
            self.file.set_permissions(mode)?;
        }
        // The kernel's own times advance in steps; a time to the nanosecond will not come again, so that
        // the version can be trusted although it is new.
        self.file.set_modified(SystemTime::now())?;
        self.file.sync_data()
    }
}

/// A file of that name that is nobody else's: one left by a crash may still be linked to a record.
fn new_file(path: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().write(true).create_new(true).open(path);
    match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create()
        }
        made => made,
    }
}

fn no_links(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::PermissionDenied | ErrorKind::TooManyLinks)
}

fn not_sent(what: &str, error: &io::Error) -> Fault {
    Fault::NotSent(format!("{what} was not written: {}", error.kind()))
}

fn in_doubt(what: &str, error: &io::Error) -> Fault {
    Fault::InDoubt(format!("{what}: {}", error.kind()))
}
