//! Rows of one side, with the versions that a stale listing may still show.

use super::Memory;
use crate::profile::Offers;
use crate::vices::{Vice, Vices};
use mizan_core::{CommandId, Ext, Image, Name, SideId};
use std::collections::{BTreeMap, BTreeSet};

/// Names a row on its side.
pub type RowKey = (Name, Ext);

/// Ids that careless code takes for missing, for equal, or for numbers (V16).
const ODD_IDS: [&str; 12] =
    ["", "0", "00", "٠", "A", "a", "-1", " ", "a b", "null", "é", "e\u{301}"];

/// What a listing can show of a row at some time.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) at: i64,
    pub(crate) shown: Option<(Image, i64, Option<String>)>,
}

/// One row, alive or not.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Which thing of the world it stands for.
    pub thing: usize,
    /// Its fields, as the side stores them.
    pub image: Image,
    /// When it was changed last, as the side says.
    pub stamp: i64,
    /// The marker of the last command that wrote it.
    pub marker: Option<String>,
    /// It is there.
    pub live: bool,
    /// When it was deleted.
    pub deleted_at: Option<i64>,
    /// The command that made it; `None`: a user did.
    pub made_by: Option<CommandId>,
    pub(crate) versions: Vec<Version>,
}

impl Cell {
    /// Keeps the present content as what is shown from `now` on.
    pub(crate) fn keep(&mut self, now: i64) {
        let shown = self.live.then(|| (self.image.clone(), self.stamp, self.marker.clone()));
        self.versions.push(Version { at: now, shown });
    }

    /// The stamp of its first version.
    pub(crate) fn made_at(&self) -> i64 {
        let first = self.versions.iter().find_map(|version| version.shown.as_ref());
        first.map_or(self.stamp, |(_, stamp, _)| *stamp)
    }

    /// What was shown at a time.
    pub(crate) fn at(&self, time: i64) -> Option<&(Image, i64, Option<String>)> {
        self.versions.iter().rev().find(|version| version.at <= time)?.shown.as_ref()
    }
}

/// One side.
#[derive(Clone, Debug)]
pub struct SideData {
    /// Its name.
    pub id: SideId,
    /// What it offers.
    pub offers: Offers,
    /// What it does beyond failing.
    pub vices: Vices,
    /// Things whose rows cannot be read until somebody mends them.
    pub unreadable: BTreeSet<usize>,
    /// Writes that reached it or tried to, the refused and repeated ones too.
    pub asked: u64,
    /// Writes that changed something on it.
    pub written: u64,
    /// Its rows, the dead ones too.
    pub rows: BTreeMap<RowKey, Cell>,
    pub(crate) memory: Memory,
    pub(crate) lag: i64,
    /// Where a listing goes on whose token is empty.
    pub(crate) resume: Option<String>,
    /// Answers so far that carried a tag.
    pub(crate) answers: u64,
    next: u32,
}

impl SideData {
    pub(crate) fn new(id: &SideId, offers: Offers) -> Self {
        Self {
            id: id.clone(),
            offers,
            vices: Vices::NONE,
            unreadable: BTreeSet::new(),
            asked: 0,
            written: 0,
            rows: BTreeMap::new(),
            memory: Memory::new(),
            lag: 0,
            resume: None,
            answers: 0,
            next: 0,
        }
    }

    pub(crate) fn new_ext(&mut self) -> Ext {
        if self.vices.has(Vice::IdsReused)
            && let Some(ext) = self.free_ext()
        {
            return ext;
        }
        self.next += 1;
        let odd = usize::try_from(self.next).ok().and_then(|at| ODD_IDS.get(at - 1));
        if let (true, Some(odd)) = (self.vices.has(Vice::OddIds), odd) {
            return Ext::new(odd);
        }
        Ext::new(format!("{}{}", self.id.as_str().to_lowercase(), self.next))
    }

    /// An id that no live row has and a deleted one had.
    fn free_ext(&self) -> Option<Ext> {
        let live = |ext: &Ext| self.rows.iter().any(|(key, cell)| cell.live && key.1 == *ext);
        self.rows.keys().map(|key| &key.1).find(|ext| !live(ext)).cloned()
    }

    /// Keys of the live rows, in order.
    #[must_use]
    pub fn live(&self) -> Vec<RowKey> {
        let live = self.rows.iter().filter(|(_, cell)| cell.live);
        live.map(|(key, _)| key.clone()).collect()
    }

    /// The live row of a thing.
    #[must_use]
    pub fn of_thing(&self, thing: usize) -> Option<(&RowKey, &Cell)> {
        self.rows.iter().find(|(_, cell)| cell.live && cell.thing == thing)
    }
}
