//! Rows of one side, with the versions that a stale listing may still show.

use super::Memory;
use crate::profile::Offers;
use mizan_core::{CommandId, Ext, Image, Name, SideId};
use std::collections::BTreeMap;

/// Names a row on its side.
pub type RowKey = (Name, Ext);

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
    /// Its rows, the dead ones too.
    pub rows: BTreeMap<RowKey, Cell>,
    pub(crate) memory: Memory,
    pub(crate) lag: i64,
    next: u32,
}

impl SideData {
    pub(crate) fn new(id: &SideId, offers: Offers) -> Self {
        Self {
            id: id.clone(),
            offers,
            rows: BTreeMap::new(),
            memory: Memory::new(),
            lag: 0,
            next: 0,
        }
    }

    pub(crate) fn new_ext(&mut self) -> Ext {
        self.next += 1;
        Ext::new(format!("{}{}", self.id.as_str().to_lowercase(), self.next))
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
