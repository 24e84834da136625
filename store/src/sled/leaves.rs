//! The doctor's look at the leaf hashes: whether those that were kept are those of the events.

use super::Layout;
use crate::error::StoreError;
use crate::merkle::file::{self, LeafFile};
use crate::merkle::leaf_hash;
use crate::segment::reader;
use crate::segment::survey::Survey;
use mizan_core::Seq;
use std::path::PathBuf;

/// The leaf hashes of the Merkle tree as the doctor found them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeafHealth {
    /// None were kept; they are hashed when the first root is asked for.
    Missing,
    /// A process has the log open, or the log is damaged, so they were not compared.
    NotExamined,
    /// Those up to this event are the hashes of the events; later ones are hashed when they are needed.
    Fit(Seq),
    /// The hash kept for this event is another one: the file was damaged, or the log was changed behind its back.
    Differ(Seq),
}

/// Compares the kept leaves with the events, without changing anything.
pub(super) fn examine(layout: &Layout, survey: &Survey) -> Result<LeafHealth, StoreError> {
    if !file::path_of(&layout.root).exists() {
        return Ok(LeafHealth::Missing);
    }
    let kept = LeafFile::read_only(&layout.root, survey.head)?;
    let Some(from) = survey.positions.before(1).filter(|_| kept.size() > 0) else {
        return Ok(LeafHealth::Missing);
    };
    let mut leaves = Vec::new();
    let (mut next, size) = (0, kept.size());
    let mut differs = None;
    reader::events(&layout.segments, from, (0, size), &mut |seq, event| {
        if next == leaves.len() {
            let from = seq.0 - 1;
            leaves = kept.leaves(from, size.min(from + AT_ONCE))?;
            next = 0;
        }
        if leaves.get(next) != Some(&leaf_hash(event)) {
            differs.get_or_insert(seq);
        }
        next += 1;
        Ok(())
    })?;
    Ok(differs.map_or(LeafHealth::Fit(Seq(size)), LeafHealth::Differ))
}

/// Leaves that are held in memory at once.
const AT_ONCE: u64 = 8_192;

/// Sets leaves aside that are not those of the events; the next root hashes them again.
pub(super) fn mend(layout: &Layout, survey: &Survey) -> Result<Option<PathBuf>, StoreError> {
    match examine(layout, survey)? {
        LeafHealth::Differ(_) => file::set_aside(&layout.root),
        LeafHealth::Missing | LeafHealth::NotExamined | LeafHealth::Fit(_) => Ok(None),
    }
}
