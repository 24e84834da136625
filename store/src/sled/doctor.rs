//! The doctor: looks at a log without changing it, and restores what the second copy still holds.

use super::leaves::{self, LeafHealth};
use super::mirror::Mirror;
use super::open::{self, Fit, Options};
use super::{Layout, checkpoint};
use crate::error::StoreError;
use crate::files;
use crate::segment::file::{self, Opening};
use crate::segment::frame::{Header, chain_after};
use crate::segment::reader;
use crate::segment::survey::{self as segments, Broken, Survey};
use crate::segment::writer;
use crate::snapshot::Snapshot;
use mizan_core::{ContentHash, Seq};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Acknowledged bytes that are no longer what they were.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file that holds the damage, or that should be there.
    pub file: PathBuf,
    /// Where in the file the damaged frame begins.
    pub offset: u64,
    /// The first event that cannot be read.
    pub seq: Seq,
    /// What is wrong.
    pub reason: String,
    /// Whether sled still holds the frame, so that [`rebuild`] can put it back.
    pub restorable: bool,
}

/// One segment file as the doctor found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentHealth {
    /// The file.
    pub file: PathBuf,
    /// Its size, zeros written ahead included.
    pub bytes: u64,
    /// Bytes of whole batches.
    pub used: u64,
    /// The position of its first event.
    pub first: Seq,
    /// How many events it holds.
    pub events: u64,
    /// How many frames it holds.
    pub frames: u64,
    /// Whether it was moved to an archive.
    pub archived: bool,
    /// Whether it could be looked at; if not, this is what its summary says.
    pub reachable: bool,
}

/// The sled copy as the doctor found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SledHealth {
    /// There is no sled folder; the next open builds it.
    Missing,
    /// A process has the log open, so the copy was not looked at.
    NotExamined,
    /// It agrees with the segments.
    Fits,
    /// It lacks the newest frames; the next open adds them.
    Behind,
    /// It holds acknowledged events up to this one, which the segments lost.
    Ahead(Seq),
    /// It lost something or cannot be opened; the next open rebuilds it.
    Unusable(String),
}

/// What a log's folder holds and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Examination {
    /// The last event that can be read without a gap.
    pub head: Seq,
    /// The segment files up to the damage, or all.
    pub segments: Vec<SegmentHealth>,
    /// Damage to acknowledged events; the log does not open until it is restored.
    pub damage: Option<Damage>,
    /// Bytes of a batch that was never acknowledged; the next open cuts them.
    pub torn_tail_bytes: u64,
    /// The sled copy.
    pub sled: SledHealth,
    /// The leaf hashes of the Merkle tree.
    pub leaves: LeafHealth,
    /// Up to which event sled is known to have been durable.
    pub checkpoint: Seq,
    /// The position of the cached snapshot, if it can be read.
    pub snapshot: Option<Seq>,
    /// Whether a process has the log open now.
    pub in_use: bool,
    /// Folders and files that earlier repairs kept aside.
    pub kept_aside: Vec<PathBuf>,
}

impl Examination {
    /// Whether the log opens without any repair, and gives roots and proofs.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let sled = matches!(self.sled, SledHealth::Fits | SledHealth::NotExamined);
        let leaves = !matches!(self.leaves, LeafHealth::Differ(_));
        self.damage.is_none() && self.torn_tail_bytes == 0 && sled && leaves
    }
}

/// A stretch of a segment that was put back from sled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The segment file.
    pub file: PathBuf,
    /// Where the restored frames begin.
    pub offset: u64,
    /// The first event restored.
    pub seq: Seq,
    /// How many frames came from sled; 0 if only the opening of the file was written anew.
    pub frames: u64,
    /// The copy of the file as it was before, if there was one.
    pub copy: Option<PathBuf>,
}

/// What a rebuild did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RebuildReport {
    /// Events in the log.
    pub events: u64,
    /// Frames copied into the new sled folder.
    pub frames: u64,
    /// Where the old sled folder is kept.
    pub suspect: Option<PathBuf>,
    /// Stretches of segments that sled could put back.
    pub restored: Vec<Restored>,
    /// Bytes of a batch that was never acknowledged and was cut.
    pub torn_tail_bytes: u64,
    /// Where leaf hashes are kept that were not those of the events.
    pub leaves: Option<PathBuf>,
}

/// Looks at the log in the folder `path` without changing anything in it.
///
/// Segments are read with every checksum and the hash chain; sled is copied to the system's temporary
/// folder and opened there, because opening it may erase what it holds.
///
/// ```
/// use mizan_core::Seq;
/// use mizan_store::{Batch, EventLog, SledLog, examine};
///
/// let folder = tempfile::tempdir()?;
/// let (mut log, _) = SledLog::open(folder.path())?;
/// log.append(Seq(0), &Batch::of_events([b"event".to_vec()]))?;
/// drop(log);
/// let found = examine(folder.path())?;
/// assert!(found.is_healthy());
/// assert_eq!(found.head, Seq(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`StoreError::Io`] if the folder cannot be read or sled cannot be copied. Damage is no error here:
/// it is in the result.
pub fn examine(path: &Path) -> Result<Examination, StoreError> {
    let layout = Layout::of(path);
    fs::read_dir(path).map_err(|e| StoreError::io(path, e))?;
    let in_use = is_locked(&layout)?;
    let mut survey = segments::survey(&layout.segments, true)?;
    if in_use && survey.broken.is_some() {
        // A writer at work can look like damage for a moment.
        survey = segments::survey(&layout.segments, true)?;
    }
    let synced = checkpoint::load(path);
    let mut fault = fault_of(&layout, &survey, synced);
    let mut restorable = fault.as_ref().is_some_and(|broken| broken.offset == 0);
    let mut sled = if in_use { SledHealth::NotExamined } else { SledHealth::Missing };
    if !in_use && Mirror::exists(&layout.sled) {
        let copy = Copied::of(&layout.sled, &std::env::temp_dir())?;
        match Mirror::open(&copy.path, Options::default().cache_bytes) {
            Err(reason) => sled = SledHealth::Unusable(reason),
            Ok(mirror) => {
                sled = health(&mirror, &survey, synced);
                if let SledHealth::Ahead(last) = &sled {
                    fault = fault.or_else(|| Some(lost_end(&layout, &survey, last.0)));
                }
                if let Some(broken) = &fault {
                    restorable |= chained(&mirror, broken).next().is_some();
                }
            }
        }
    }
    let leaves = match &fault {
        None if !in_use && survey.segments.iter().all(|found| found.path.exists()) => {
            leaves::examine(&layout, &survey)?
        }
        _ => LeafHealth::NotExamined,
    };
    Ok(Examination {
        leaves,
        head: Seq(survey.head),
        segments: survey.segments.iter().map(|found| segment_health(&layout, found)).collect(),
        torn_tail_bytes: match (&fault, &survey.torn) {
            (None, Some(torn)) if !in_use => torn.bytes,
            _ => 0,
        },
        damage: fault.map(|broken| Damage {
            file: broken.path,
            offset: broken.offset,
            seq: broken.seq,
            reason: broken.reason,
            restorable,
        }),
        sled,
        checkpoint: Seq(synced),
        snapshot: Snapshot::read(&layout.snapshot()).map(|snapshot| snapshot.at),
        in_use,
        kept_aside: kept_aside(&layout)?,
    })
}

/// Restores damaged segments from sled where sled still holds the frames, then builds sled anew.
///
/// Nothing is thrown away: the old sled folder and every changed segment file are kept beside the new.
/// A frame from sled is only used if its hash chain continues the frame before it.
///
/// # Errors
///
/// [`StoreError::Locked`] while the log is open; [`StoreError::Damaged`] if sled cannot put the
/// damaged frames back, with nothing further changed; [`StoreError::Io`]; [`StoreError::Engine`].
pub fn rebuild(path: &Path) -> Result<RebuildReport, StoreError> {
    let layout = Layout::of(path);
    fs::read_dir(path).map_err(|e| StoreError::io(path, e))?;
    let _lock = open::lock(&layout)?;
    files::create_folder(&layout.segments)?;
    let cache = Options::default().cache_bytes;
    let synced = checkpoint::load(path);
    let existed = Mirror::exists(&layout.sled);
    let mut report = RebuildReport::default();
    let survey = {
        let copy = if existed { Some(Copied::of(&layout.sled, path)?) } else { None };
        let mirror = copy.as_ref().and_then(|copy| Mirror::open(&copy.path, cache).ok());
        restore(&layout, mirror.as_ref(), synced, &mut report)?
    };
    if let Some(torn) = &survey.torn {
        writer::cut(&torn.path, torn.offset, torn.offset + torn.bytes)?;
        report.torn_tail_bytes = torn.bytes;
    }
    let reason = "a rebuild was asked for".to_owned();
    let attached = open::rebuild(&layout, &survey, existed, cache, reason)?;
    report.events = survey.head;
    report.frames = attached.replayed;
    report.suspect = attached.suspect;
    report.leaves = leaves::mend(&layout, &survey)?;
    Ok(report)
}

/// Puts frames back until the segments are whole; the error is the damage that sled cannot mend.
fn restore(
    layout: &Layout,
    mirror: Option<&Mirror>,
    synced: u64,
    report: &mut RebuildReport,
) -> Result<Survey, StoreError> {
    loop {
        let survey = segments::survey(&layout.segments, true)?;
        let ahead = mirror.and_then(|mirror| match health(mirror, &survey, synced) {
            SledHealth::Ahead(last) => Some(lost_end(layout, &survey, last.0)),
            _ => None,
        });
        let Some(broken) = fault_of(layout, &survey, synced).or(ahead) else { return Ok(survey) };
        let again = report.restored.last().is_some_and(|last| {
            last.file == broken.path && last.offset == broken.offset && last.seq == broken.seq
        });
        let restored = if again { None } else { put_back(layout, mirror, &broken)? };
        match restored {
            Some(restored) => report.restored.push(restored),
            None => return Err(broken.into_error()),
        }
    }
}

/// Writes what should stand at the damaged place; `None` if nobody knows it.
fn put_back(
    layout: &Layout,
    mirror: Option<&Mirror>,
    broken: &Broken,
) -> Result<Option<Restored>, StoreError> {
    let mut frames = Vec::new();
    let mut at = broken.offset;
    if broken.offset == 0 {
        // The opening follows from the segments before; frames behind it are looked at afterwards.
        let Some(number) = number_of(&broken.path) else { return Ok(None) };
        let opening = Opening { number, first: broken.batch, chain: broken.chain };
        if reader::opening(&broken.path).is_ok_and(|found| found == Ok(opening)) {
            return Ok(None);
        }
        if !broken.path.exists() && mirror.is_none_or(|m| chained(m, broken).next().is_none()) {
            return Ok(None);
        }
        frames.push(opening.encode().to_vec());
        at = file::START;
    }
    let copy = if broken.path.exists() {
        let copy = files::free_name(&broken.path, "damaged");
        fs::copy(&broken.path, &copy).map_err(|e| StoreError::io(&copy, e))?;
        Some(copy)
    } else {
        None
    };
    let next = number_of(&broken.path).map(|number| file::path_of(&layout.segments, number + 1));
    let until = match next {
        Some(next) if next.exists() => reader::opening(&next)?.ok().map(|opening| opening.first),
        _ => None,
    };
    let mut count = 0;
    if broken.offset > 0 || copy.is_none() {
        for (header, frame) in mirror.into_iter().flat_map(|mirror| chained(mirror, broken)) {
            let known = copy.is_some() && stands_at(&broken.path, at, &frame)?;
            if known || until.is_some_and(|until| header.batch >= until) {
                break;
            }
            at += frame.len() as u64;
            count += 1;
            frames.push(frame);
        }
    }
    if frames.is_empty() {
        return Ok(None);
    }
    overwrite(&broken.path, broken.offset, &frames)?;
    let (file, offset, seq) = (broken.path.clone(), broken.offset, broken.seq);
    Ok(Some(Restored { file, offset, seq, frames: count, copy }))
}

/// The frames in sled that continue the chain at a damaged place.
fn chained<'m>(
    mirror: &'m Mirror,
    broken: &Broken,
) -> impl Iterator<Item = (Header, Vec<u8>)> + 'm {
    let wanted = broken.chain;
    let mut chain: Option<ContentHash> = None;
    mirror
        .frames_from(broken.batch)
        .map_while(Result::ok)
        .skip_while(move |(header, _)| header.chain != wanted)
        .map_while(move |(header, frame)| {
            let fits = header.chain == chain.unwrap_or(wanted);
            chain = Some(chain_after(&frame));
            fits.then_some((header, frame))
        })
}

fn stands_at(path: &Path, offset: u64, frame: &[u8]) -> Result<bool, StoreError> {
    let mut there = Vec::with_capacity(frame.len());
    let mut file = File::open(path).map_err(|e| StoreError::io(path, e))?;
    file.seek(SeekFrom::Start(offset)).map_err(|e| StoreError::io(path, e))?;
    let mut part = file.take(frame.len() as u64);
    part.read_to_end(&mut there).map_err(|e| StoreError::io(path, e))?;
    Ok(there == frame)
}

fn overwrite(path: &Path, offset: u64, parts: &[Vec<u8>]) -> Result<(), StoreError> {
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()
    };
    write().map_err(|e| StoreError::io(path, e))?;
    path.parent().map_or(Ok(()), files::sync_folder)
}

fn number_of(path: &Path) -> Option<u32> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// The damage that the segments and the checkpoint prove.
fn fault_of(layout: &Layout, survey: &Survey, synced: u64) -> Option<Broken> {
    match &survey.broken {
        Some(broken) => Some(broken.clone()),
        None if synced > survey.head => Some(lost_end(layout, survey, synced)),
        None => None,
    }
}

/// The damage when the end of the log is missing, as something else proves.
fn lost_end(layout: &Layout, survey: &Survey, held: u64) -> Broken {
    let error = open::lost_end(layout, survey, held);
    let StoreError::Damaged { file, offset, seq, reason } = error else {
        return Broken {
            path: layout.root.clone(),
            offset: 0,
            seq: Seq(survey.head + 1),
            batch: survey.head + 1,
            reason: error.to_string(),
            chain: survey.chain,
        };
    };
    Broken { path: file, offset, seq, batch: survey.head + 1, reason, chain: survey.chain }
}

fn health(mirror: &Mirror, survey: &Survey, synced: u64) -> SledHealth {
    match open::compare(mirror, survey, synced) {
        Fit::Ahead { .. } if survey.broken.is_some() => SledHealth::Fits,
        Fit::Ahead { last } => SledHealth::Ahead(Seq(last)),
        Fit::Unfit { reason } => SledHealth::Unusable(reason),
        Fit::From { have, .. } if have == survey.last => SledHealth::Fits,
        Fit::From { .. } => SledHealth::Behind,
    }
}

fn segment_health(layout: &Layout, found: &crate::segment::survey::SegmentFound) -> SegmentHealth {
    SegmentHealth {
        archived: found.path != file::local_of(&layout.segments, found.number),
        reachable: found.path.exists(),
        file: found.path.clone(),
        bytes: found.size,
        used: found.used,
        first: Seq(found.first),
        events: found.events,
        frames: found.frames,
    }
}

fn is_locked(layout: &Layout) -> Result<bool, StoreError> {
    let path = layout.lock();
    if !path.exists() {
        return Ok(false);
    }
    let file = File::open(&path).map_err(|e| StoreError::io(&path, e))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(StoreError::io(&path, error)),
    }
}

/// What earlier repairs kept: sled folders and segment files.
fn kept_aside(layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    let mut kept = Vec::new();
    for folder in [&layout.root, &layout.segments] {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let entry = entry.map_err(|e| StoreError::io(folder, e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains(".suspect-") || name.contains(".damaged-") {
                kept.push(entry.path());
            }
        }
    }
    kept.sort();
    Ok(kept)
}

/// A copy of the sled folder that is removed when it is no longer needed.
struct Copied {
    path: PathBuf,
}

impl Copied {
    fn of(folder: &Path, into: &Path) -> Result<Self, StoreError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = into.join(format!("mizan-sled-copy-{}-{number}", process::id()));
        let copied = Self { path };
        files::copy_folder(folder, &copied.path)?;
        Ok(copied)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // A copy that cannot be removed does no harm.
        let _harmless = fs::remove_dir_all(&self.path);
    }
}
