//! Opening a log: survey the segments, compare sled with them, repair what can be repaired.

use super::feed::Feed;
use super::mirror::Mirror;
use super::{Layout, SledLog, checkpoint};
use crate::error::StoreError;
use crate::files;
use crate::keys::file::KeyFile;
use crate::merkle::file::LeafFile;
use crate::segment::file::{self, Opening};
use crate::segment::frame::{Header, NO_CHAIN};
use crate::segment::reader::{self, Found, Frames};
use crate::segment::survey::{Survey, survey};
use crate::segment::writer::{self, SegmentWriter};
use mizan_core::Seq;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Asks how many bytes are free on the file system that holds a path.
pub type FreeSpace = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// How a log is kept; the defaults suit a server.
///
/// ```
/// use mizan_store::{Options, SledLog};
///
/// let folder = tempfile::tempdir()?;
/// let options = Options { segment_bytes: 1024 * 1024, ..Options::default() };
/// let (_log, report) = SledLog::open_with(folder.path(), options)?;
/// assert_eq!(report.segments, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Options {
    /// Bytes after which a new segment file begins (64 MiB; at most 1 GiB).
    pub segment_bytes: u64,
    /// Bytes that are zero filled ahead at least (1 MiB).
    pub preallocate_bytes: u64,
    /// Bytes that must stay free on the disk (64 MiB).
    pub free_floor_bytes: u64,
    /// Bytes that sled may use as its cache (64 MiB; sled takes it as a hint).
    pub cache_bytes: u64,
    /// Frames after which sled is made durable (4,096).
    pub checkpoint_frames: u64,
    /// Another way to ask for the free space, for tests; `None` asks the operating system.
    pub free_space: Option<FreeSpace>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            preallocate_bytes: 1024 * 1024,
            free_floor_bytes: 64 * 1024 * 1024,
            cache_bytes: 64 * 1024 * 1024,
            checkpoint_frames: 4_096,
            free_space: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("preallocate_bytes", &self.preallocate_bytes)
            .field("free_floor_bytes", &self.free_floor_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .field("checkpoint_frames", &self.checkpoint_frames)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Bytes free on the file system of `path`.
    pub(super) fn free(&self, path: &Path) -> Result<u64, StoreError> {
        let free = match &self.free_space {
            Some(ask) => ask(path),
            None => fs4::available_space(path),
        };
        free.map_err(|e| StoreError::io(path, e))
    }

    fn limit(&self) -> u64 {
        self.segment_bytes.min(1024 * 1024 * 1024)
    }
}

/// What an open found and repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// Why sled was rebuilt from the segments; worth a loud warning.
    pub rebuilt: Option<String>,
    /// Where the sled folder that was replaced is kept.
    pub suspect: Option<PathBuf>,
    /// Frames that sled did not hold yet and got from the segments, as after any unclean stop.
    pub replayed_frames: u64,
    /// Bytes of a batch that was never acknowledged and was cut.
    pub torn_tail_bytes: u64,
    /// Events in the log.
    pub events: u64,
    /// Segment files of the log.
    pub segments: u32,
}

/// Takes the lock of a log or says that someone else has it.
pub(super) fn lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.lock();
    let mut how = OpenOptions::new();
    let file = how.read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|e| StoreError::io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: layout.root.clone() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io(&path, error)),
    }
}

/// Opens or creates the log in `root`.
pub(super) fn open(root: &Path, options: Options) -> Result<(SledLog, OpenReport), StoreError> {
    let layout = Layout::of(root);
    files::create_folder(root)?;
    let lock = lock(&layout)?;
    files::create_folder(&layout.segments)?;
    remove_half_segments(&layout.segments);
    let mut survey = survey(&layout.segments, false)?;
    if let Some(broken) = survey.broken.take() {
        return Err(broken.into_error());
    }
    let synced = checkpoint::load(root);
    if synced > survey.head {
        return Err(lost_end(&layout, &survey, synced));
    }
    let attached = attach(&layout, &survey, synced, options.cache_bytes)?;
    if let Some(torn) = &survey.torn {
        writer::cut(&torn.path, torn.offset, torn.offset + torn.bytes)?;
    }
    for summary in &survey.unsaved {
        // A cache: without it the next open reads the segment again.
        let _best_effort = summary.save(&layout.segments);
    }
    let writer = resume(&layout, &survey, &options)?;
    let report = OpenReport {
        rebuilt: attached.rebuilt,
        suspect: attached.suspect,
        replayed_frames: attached.replayed,
        torn_tail_bytes: survey.torn.as_ref().map_or(0, |torn| torn.bytes),
        events: survey.head,
        segments: writer.number(),
    };
    let mirror = Arc::new(attached.mirror);
    let every = options.checkpoint_frames.max(1);
    let leaves = Arc::new(Mutex::new(LeafFile::open(root, survey.head)?));
    let (to, hashed) = (Arc::clone(&mirror), Arc::clone(&leaves));
    let feed = Feed::start(to, hashed, root.to_owned(), survey.head, every);
    let keys = KeyFile::open(&layout.keys())?;
    let log = SledLog {
        layout,
        options,
        head: survey.head,
        chain: survey.chain,
        bodies: survey.bodies,
        positions: survey.positions,
        writer,
        keys,
        feed,
        mirror,
        leaves,
        _lock: lock,
    };
    Ok((log, report))
}

/// The writer at the end of the log; a new log gets its first segment.
fn resume(
    layout: &Layout,
    survey: &Survey,
    options: &Options,
) -> Result<SegmentWriter, StoreError> {
    let (step, limit) = (options.preallocate_bytes, options.limit());
    if let Some(last) = survey.last_segment() {
        return SegmentWriter::resume(&layout.segments, last.number, last.used, step, limit);
    }
    let (free, floor) = (options.free(&layout.root)?, options.free_floor_bytes);
    if free < floor {
        return Err(StoreError::DiskFull { free, floor });
    }
    let opening = Opening { number: 1, first: 1, chain: NO_CHAIN };
    SegmentWriter::create(&layout.segments, opening, step, limit)
}

/// The error when something proves that the log once held more than the segments do now.
pub(super) fn lost_end(layout: &Layout, survey: &Survey, held: u64) -> StoreError {
    let (path, offset) = survey.last_segment().map_or_else(
        || (file::path_of(&layout.segments, 1), 0),
        |last| (last.path.clone(), last.used),
    );
    let what = survey.torn.as_ref().map_or("the segment ends too early", |torn| &torn.reason);
    let reason = format!("{what}, although events up to {held} were acknowledged");
    reader::damaged(&path, offset, Seq(survey.head + 1), &reason)
}

/// Sled as it is after the comparison with the segments.
pub(super) struct Attached {
    pub(super) mirror: Mirror,
    pub(super) rebuilt: Option<String>,
    pub(super) suspect: Option<PathBuf>,
    pub(super) replayed: u64,
}

/// How sled compares with the segments.
pub(super) enum Fit {
    /// It holds everything up to some frame; what begins with this batch must be replayed.
    From { batch: u64, have: Option<Header> },
    /// It holds acknowledged events that the segments do not.
    Ahead { last: u64 },
    /// It is not a copy of the segments.
    Unfit { reason: String },
}

/// Opens sled, compares it with the segments, and replays or rebuilds.
fn attach(
    layout: &Layout,
    survey: &Survey,
    synced: u64,
    cache: u64,
) -> Result<Attached, StoreError> {
    let existed = Mirror::exists(&layout.sled);
    let reason = match Mirror::open(&layout.sled, cache) {
        Err(reason) => format!("sled could not open its folder: {reason}"),
        Ok(_) if !existed && survey.head > 0 => "the sled folder is missing".to_owned(),
        Ok(mirror) => match compare(&mirror, survey, synced) {
            Fit::Ahead { last } => return Err(lost_end(layout, survey, last)),
            Fit::Unfit { reason } => reason,
            Fit::From { batch, have } => match replay(&mirror, layout, survey, batch, have) {
                Ok(replayed) => {
                    return Ok(Attached { mirror, rebuilt: None, suspect: None, replayed });
                }
                Err(Trouble::Store(error)) => return Err(error),
                Err(Trouble::Sled(reason)) => reason,
            },
        },
    };
    rebuild(layout, survey, existed, cache, reason)
}

/// Moves the sled folder aside and copies every frame of the segments into a new one.
pub(super) fn rebuild(
    layout: &Layout,
    survey: &Survey,
    existed: bool,
    cache: u64,
    reason: String,
) -> Result<Attached, StoreError> {
    let aside = files::move_aside(&layout.sled, "suspect");
    // A folder that was only made by the attempt to open it is not worth keeping.
    let suspect = match (aside, existed) {
        (Ok(path), true) => Some(path),
        (Ok(path), false) => {
            fs::remove_dir_all(&path).map_err(|e| StoreError::io(&path, e))?;
            None
        }
        (Err(_), _) if !Mirror::exists(&layout.sled) => None,
        (Err(error), _) => return Err(error),
    };
    let engine = |reason| StoreError::Engine { reason };
    let mirror = Mirror::open(&layout.sled, cache).map_err(engine)?;
    files::sync_folder(&layout.root)?;
    let replayed = replay(&mirror, layout, survey, 1, None).map_err(|trouble| match trouble {
        Trouble::Store(error) => error,
        Trouble::Sled(reason) => engine(reason),
    })?;
    mirror.sync().map_err(engine)?;
    checkpoint::save(&layout.root, survey.head)?;
    Ok(Attached { mirror, rebuilt: Some(reason), suspect, replayed })
}

/// Compares sled with the segments: its last frame, its checkpoint, and frames all over the log.
pub(super) fn compare(mirror: &Mirror, survey: &Survey, synced: u64) -> Fit {
    let unfit = |reason: String| Fit::Unfit { reason };
    let last = match mirror.last() {
        Err(reason) => return unfit(format!("sled's last frame cannot be read: {reason}")),
        Ok(None) if synced > 0 => {
            return unfit(format!("sled is empty, although it held events up to {synced}"));
        }
        Ok(None) => return Fit::From { batch: 1, have: None },
        Ok(Some(last)) => last,
    };
    if last.batch > survey.head {
        return Fit::Ahead { last: last.last_event() };
    }
    let held = if last.last { last.last_event() } else { last.batch.saturating_sub(1) };
    if held < synced {
        return unfit(format!("sled ends at event {held}, although it held events up to {synced}"));
    }
    for probe in &survey.probes.headers {
        if (probe.first, probe.part) > (last.first, last.part) {
            break;
        }
        match mirror.holds(probe) {
            Ok(true) => {}
            Ok(false) => return unfit(format!("sled lost the frame of event {}", probe.first)),
            Err(reason) => return unfit(reason),
        }
    }
    Fit::From { batch: last.batch, have: Some(last) }
}

/// Why a replay ended early.
pub(super) enum Trouble {
    Store(StoreError),
    Sled(String),
}

/// Copies frames from the segments to sled, from the batch that begins with the event `batch`.
///
/// Frames up to `have` are there already and are only compared.
fn replay(
    mirror: &Mirror,
    layout: &Layout,
    survey: &Survey,
    batch: u64,
    have: Option<Header>,
) -> Result<u64, Trouble> {
    let Some(mut from) = survey.positions.before(batch) else { return Ok(0) };
    let mut copied = 0;
    loop {
        let path = file::path_of(&layout.segments, from.segment);
        let mut frames = Frames::open(&path, from.offset).map_err(Trouble::Store)?;
        while let Found::Frame { header, bytes, .. } = frames.next().map_err(Trouble::Store)? {
            if header.batch > survey.head {
                break;
            }
            let key = (header.first, header.part);
            match have {
                Some(have) if key < (have.first, have.part) => {}
                Some(have) if key == (have.first, have.part) => {
                    let same = mirror.frame(header.first, header.part).map_err(Trouble::Sled)?;
                    if same.as_deref() != Some(bytes) {
                        let reason = "sled's last frame differs from the segments".to_owned();
                        return Err(Trouble::Sled(reason));
                    }
                }
                _ => {
                    mirror.put(header.first, header.part, bytes).map_err(Trouble::Sled)?;
                    copied += 1;
                }
            }
        }
        if survey.last_segment().is_none_or(|last| last.number <= from.segment) {
            return Ok(copied);
        }
        from.segment += 1;
        from.offset = file::START;
    }
}

/// Removes segments that were being created when the process ended; nothing was in them yet.
fn remove_half_segments(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "new") {
            // A leftover is harmless: creating the segment again replaces it.
            let _harmless = fs::remove_file(entry.path());
        }
    }
}
