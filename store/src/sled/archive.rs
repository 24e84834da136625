//! Archiving: sealed segments move to another folder, and every root and proof stays (L55).
//!
//! A segment is copied, the copy is compared and made durable, the manifest of the archive names it, a
//! `.moved` file beside the segment names the archive, and only then is the segment removed. Wherever that
//! stops, the log opens: as long as the segment is still there it is used, and afterwards the archive.
//! Summaries, leaf hashes and the sled copy stay with the log.

use super::open::{self, Options};
use super::{Layout, SledLog};
use crate::error::StoreError;
use crate::files;
use crate::log::EventLog as _;
use crate::segment::file;
use crate::segment::survey::{SegmentFound, survey};
use mizan_core::{ContentHash, Seq};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What was archived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveReport {
    /// The segments that were moved, as they are named in the archive.
    pub moved: Vec<PathBuf>,
    /// Segments that were archived before and are now looked for in this archive.
    pub found_again: Vec<PathBuf>,
    /// The bytes that the log's folder is smaller by.
    pub bytes: u64,
    /// The last archived event; 0 if there is none.
    pub through: Seq,
}

/// Moves every sealed segment whose events all lie before `before` to the folder `to`.
///
/// Reading an archived event goes on to work while `to` can be reached. The manifest there,
/// `manifest.tsv`, has for each segment its name, first and last position, bytes, and the BLAKE3 hash of
/// the file in the domain `mizan.archive.v1`. A segment that was archived before and is found in `to` is
/// looked for there from now on, so an archive can be moved.
///
/// # Errors
///
/// [`StoreError::Locked`] while the log is open; [`StoreError::Damaged`] if the log or a copy is not
/// right; [`StoreError::Io`]. Whatever happened, every event is in the log or in the archive.
pub fn archive(path: &Path, before: Seq, to: &Path) -> Result<ArchiveReport, StoreError> {
    fs::read_dir(path).map_err(|e| StoreError::io(path, e))?;
    hash_all(path)?;
    let layout = Layout::of(path);
    let _lock = open::lock(&layout)?;
    files::create_folder(to)?;
    let to = fs::canonicalize(to).map_err(|e| StoreError::io(to, e))?;
    let survey = survey(&layout.segments, false)?;
    if let Some(broken) = survey.broken {
        return Err(broken.into_error());
    }
    for summary in &survey.unsaved {
        // Without it the log could not be opened while the archive is out of reach.
        summary.save(&layout.segments)?;
    }
    let mut report = ArchiveReport::default();
    let sealed = survey.segments.split_last().map_or(&[][..], |(_, sealed)| sealed);
    for segment in sealed {
        let last = segment.first + segment.events - 1;
        let local = file::local_of(&layout.segments, segment.number);
        let target = file::local_of(&to, segment.number);
        if local.exists() {
            if last >= before.0 {
                break;
            }
            report.bytes += segment.size;
            keep_copy(&local, &target, Seq(segment.first))?;
            enter(&to, segment, &target)?;
            point(&layout, segment.number, &to)?;
            fs::remove_file(&local).map_err(|e| StoreError::io(&local, e))?;
            files::sync_folder(&layout.segments)?;
            report.moved.push(target);
        } else if target.exists() && segment.path != target {
            point(&layout, segment.number, &to)?;
            report.found_again.push(target);
        }
        report.through = Seq(last);
    }
    Ok(report)
}

/// Hashes every event that has no leaf yet, so that no proof ever needs the archive.
fn hash_all(path: &Path) -> Result<(), StoreError> {
    let (log, _) = SledLog::open_with(path, Options::default())?;
    log.leaves(log.head(), log.head()).map(|_| ())
}

/// Copies a segment durably, in one step, and compares the copy with what it was copied from.
fn keep_copy(local: &Path, target: &Path, seq: Seq) -> Result<(), StoreError> {
    let temporary = target.with_extension("new");
    let copy = || {
        fs::copy(local, &temporary)?;
        File::open(&temporary)?.sync_all()?;
        fs::rename(&temporary, target)
    };
    copy().map_err(|e| StoreError::io(target, e))?;
    target.parent().map_or(Ok(()), files::sync_folder)?;
    if hash_of(local)? != hash_of(target)? {
        return Err(StoreError::Damaged {
            file: target.to_owned(),
            offset: 0,
            seq,
            reason: "the copy in the archive is not what was copied; the log still has the segment"
                .into(),
        });
    }
    Ok(())
}

fn hash_of(path: &Path) -> Result<ContentHash, StoreError> {
    let bytes = fs::read(path).map_err(|e| StoreError::io(path, e))?;
    Ok(ContentHash::of("mizan.archive.v1", &bytes))
}

/// Names a segment in the archive's manifest.
fn enter(to: &Path, segment: &SegmentFound, target: &Path) -> Result<(), StoreError> {
    let manifest = to.join("manifest.tsv");
    let name = format!("{:08}.seg", segment.number);
    let (first, last) = (segment.first, segment.first + segment.events - 1);
    let line = format!("{name}\t{first}\t{last}\t{}\t{}", segment.size, hash_of(target)?);
    let before = match fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(StoreError::io(&manifest, error)),
    };
    let mut lines: Vec<&str> =
        before.lines().filter(|line| !line.starts_with(name.as_str())).collect();
    lines.push(&line);
    lines.sort_unstable();
    let text = format!("{}\n", lines.join("\n"));
    files::replace(&manifest, &[text.as_bytes()])
}

/// Says beside a segment's place that it is in the archive `to`.
fn point(layout: &Layout, number: u32, to: &Path) -> Result<(), StoreError> {
    let text = format!("{}\n", to.display());
    files::replace(&file::moved_of(&layout.segments, number), &[text.as_bytes()])
}
