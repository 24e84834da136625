//! Sources: one entity's files, whatever their format.

use super::NOTHING;
use super::csv::Csv;
use super::dir::Dir;
use super::jsonl::Jsonl;
use super::native::{Shape, Wish, refused};
use super::options::Options;
use super::sweep::{Entry, Sweep, Sweeps};
use crate::adapter::{Answer, Binding, Capabilities, Fault, Fetched, Listed, Refusal, Row};
use mizan_core::normalise::key_text;
use mizan_core::{Ext, Image, Name};
use std::collections::BTreeSet;
use std::path::Path;

/// Writes that may be under way at the same time: they wait for the disk, not for the processor.
const PARALLEL: usize = 64;

/// One entity and where it is kept.
pub(super) struct Bound {
    /// The files.
    pub(super) source: Source,
    /// The listings whose pages are being fetched.
    pub(super) sweeps: Sweeps,
    key: Vec<Name>,
}

/// One entity's files.
pub(super) enum Source {
    /// A directory of JSON files.
    Dir(Dir),
    /// A JSON Lines file.
    Jsonl(Jsonl),
    /// A CSV export.
    Csv(Csv),
}

impl Bound {
    /// The entity of `binding`, kept at `path`.
    pub(super) fn new(path: &Path, options: Options, binding: Binding) -> Self {
        let Binding { lens, key, on_create, .. } = binding;
        let shape = Shape { lens, key: key.clone(), on_create };
        let source = match options {
            Options::Dir(options) => Source::Dir(Dir::new(path, &options, shape)),
            Options::Jsonl(options) => Source::Jsonl(Jsonl::new(path, options, shape)),
            Options::Csv(options) => Source::Csv(Csv::new(path, options, shape)),
        };
        Self { source, sweeps: Sweeps::default(), key }
    }

    /// What the format offers.
    pub(super) fn capabilities(&self) -> Capabilities {
        let keyed = !self.key.is_empty();
        let (writes, dir) = match &self.source {
            Source::Dir(_) => (true, true),
            Source::Jsonl(_) => (true, false),
            Source::Csv(_) => (false, false),
        };
        Capabilities {
            sweep: true,
            idempotent: writes,
            unique_key: dir && keyed,
            find_by_key: writes && keyed,
            create: writes,
            update: writes,
            delete: writes,
            parallel: if writes { PARALLEL } else { 1 },
            ..NOTHING
        }
    }

    /// Every row with the key of `probe`; fails where a row that cannot be read could have it.
    pub(super) fn find(&self, probe: &Image) -> Result<Vec<Row>, Fault> {
        let Some(wanted) = self.key_of(probe) else {
            return Err(Fault::BadAnswer("the key to look for is not complete".to_owned()));
        };
        let sweep = self.source.sweep()?;
        let all: Vec<usize> = (0..sweep.entries.len()).collect();
        let listed = self.source.read_listed(&sweep, &all)?;
        let readable: BTreeSet<Ext> =
            listed.iter().filter_map(row).map(|r| r.ext.clone()).collect();
        for entry in &listed {
            if let Listed::Bad { at, ext, why } = entry
                && ext.as_ref().is_none_or(|ext| !readable.contains(ext))
            {
                return Err(Fault::BadAnswer(format!("cannot look for a key: {at} {why}")));
            }
        }
        if !sweep.complete {
            return Err(Fault::BadAnswer(
                "cannot look for a key: the listing is not complete".into(),
            ));
        }
        let found = listed.iter().filter_map(row);
        Ok(found.filter(|row| self.key_of(&row.image).as_ref() == Some(&wanted)).cloned().collect())
    }

    fn key_of(&self, image: &Image) -> Option<Vec<Name>> {
        let parts: Option<Vec<Name>> =
            self.key.iter().map(|field| key_text(image.get(field)?)).collect();
        parts.filter(|parts| !parts.is_empty())
    }
}

fn row(listed: &Listed) -> Option<&Row> {
    match listed {
        Listed::Row(row) => Some(row),
        Listed::Same(_) | Listed::Bad { .. } => None,
    }
}

impl Source {
    /// Lists everything.
    pub(super) fn sweep(&self) -> Result<Sweep, Fault> {
        match self {
            Self::Dir(dir) => dir.sweep(),
            Self::Jsonl(jsonl) => jsonl.sweep(),
            Self::Csv(csv) => csv.sweep(),
        }
    }

    /// Reads entries of a sweep.
    pub(super) fn read_listed(&self, sweep: &Sweep, at: &[usize]) -> Result<Vec<Listed>, Fault> {
        match self {
            Self::Dir(dir) => dir.read_listed(sweep, at),
            Self::Jsonl(_) | Self::Csv(_) => {
                let ready = at.iter().filter_map(|at| match &sweep.entries[*at] {
                    Entry::Ready(listed) => Some(listed.clone()),
                    Entry::File { .. } => None,
                });
                Ok(ready.collect())
            }
        }
    }

    /// One row.
    pub(super) fn get(&self, ext: &Ext) -> Result<Fetched, Fault> {
        match self {
            Self::Dir(dir) => dir.get(ext),
            Self::Jsonl(jsonl) => jsonl.get(ext),
            Self::Csv(csv) => csv.get(ext),
        }
    }

    /// Carries out one write.
    pub(super) fn execute(&self, wish: Wish) -> Result<Answer, Fault> {
        match self {
            Self::Dir(dir) => dir.execute(&wish),
            Self::Jsonl(jsonl) => jsonl.execute(wish),
            Self::Csv(_) => {
                Ok(refused(Refusal::Unsupported, "a CSV export is only read, never written"))
            }
        }
    }
}
