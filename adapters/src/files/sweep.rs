//! Sweeps: one listing of everything, kept while its pages are fetched.

use super::stat::Stat;
use crate::adapter::Listed;
use mizan_core::Ext;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of one page.
pub(super) const PAGE: usize = 2_000;

/// Listings that are kept at the same time for one entity; an older one starts again.
const KEPT: usize = 4;

/// Everything that a side showed at one moment.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// The entries, sorted.
    pub(super) entries: Vec<Entry>,
    /// Nothing can be missing.
    pub(super) complete: bool,
    /// The version of the directory that was listed.
    pub(super) dir: Option<Stat>,
}

/// One entry of a sweep.
#[derive(Debug)]
pub(super) enum Entry {
    /// It has been read.
    Ready(Listed),
    /// A file, so far only looked at.
    File {
        /// The row's id.
        ext: Ext,
        /// The file's version.
        stat: Stat,
    },
}

impl Entry {
    /// The row's id, where there is one.
    pub(super) fn ext(&self) -> Option<&Ext> {
        match self {
            Self::File { ext, .. } => Some(ext),
            Self::Ready(Listed::Row(row)) => Some(&row.ext),
            Self::Ready(Listed::Same(ext)) => Some(ext),
            Self::Ready(Listed::Bad { ext, .. }) => ext.as_ref(),
        }
    }

    /// The tag of the row's version, where it has one.
    pub(super) fn tag(&self) -> Option<u64> {
        match self {
            Self::File { stat, .. } => Some(stat.tag()),
            Self::Ready(Listed::Row(row)) => row.tag,
            Self::Ready(Listed::Same(_) | Listed::Bad { .. }) => None,
        }
    }
}

/// The sweeps whose pages are being fetched.
#[derive(Debug, Default)]
pub(super) struct Sweeps(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    sweeps: Vec<(u64, Arc<Sweep>)>,
}

impl Sweeps {
    /// The sweep and the position that a token stands for; `None` where it is not kept any more.
    pub(super) fn find(&self, token: &str) -> Option<(u64, Arc<Sweep>, usize)> {
        let (id, from) = token.split_once(':')?;
        let (id, from) = (id.parse().ok()?, from.parse().ok()?);
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, sweep) = kept.sweeps.iter().find(|(known, _)| *known == id)?;
        Some((id, sweep.clone(), from)).filter(|(_, sweep, from)| *from <= sweep.entries.len())
    }

    /// Keeps a sweep of several pages, and gives it a number.
    pub(super) fn keep(&self, sweep: &Arc<Sweep>) -> u64 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last += 1;
        let id = kept.last;
        if sweep.entries.len() > PAGE {
            if kept.sweeps.len() == KEPT {
                kept.sweeps.remove(0);
            }
            kept.sweeps.push((id, sweep.clone()));
        }
        id
    }

    /// Drops a sweep whose last page was fetched.
    pub(super) fn end(&self, id: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sweeps.retain(|(known, _)| *known != id);
    }

    /// The token of a position.
    pub(super) fn token(id: u64, at: usize) -> String {
        format!("{id}:{at}")
    }
}
