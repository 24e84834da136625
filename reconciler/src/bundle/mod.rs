//! Bundle: a log that shows a fault and nobody's data, to be handed to someone who is to look at it.
//!
//! Every value has another name, equal where equal and in the same order; every id and hash follows. What is left out
//! is left out from the first event on, so that the rest still folds: the bundle is a log of its own.

mod config;
mod pseudonyms;
mod rename;
mod select;

pub use config::redacted as redacted_config;

use crate::engine::{EngineError, Journal};
use mizan_core::bodies::Bodies;
use mizan_core::fold::empty_image;
use mizan_core::{ContentHash, Event, Fact, Image, RecordId, Seq};
use mizan_store::{Batch, EventLog, MemoryLog};
use pseudonyms::Vocabulary;
use rename::Renaming;
use select::Selection;
use std::collections::{BTreeMap, BTreeSet};

/// What goes into a bundle.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// These records, and those that they refer to; all where empty.
    pub records: Vec<RecordId>,
    /// Up to this event; to the end where it is `None`.
    pub to: Option<Seq>,
}

/// A log under other names.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The log; it folds like the original.
    pub log: MemoryLog,
    /// Which record each record of the bundle was, in the order of their ids there.
    pub records: Vec<RecordId>,
    /// Which event each event of the bundle was, in their order.
    pub events: Vec<Seq>,
}

/// Makes a bundle of a log.
///
/// The values, row ids, natural keys, version tags, names of persons and words in it are pseudonyms; the names of sides,
/// entities, fields and policies, and the times, stay. Values keep their order and equality, not what a normaliser makes
/// of them: the bundle folds like the original, and decisions computed again may differ where a side rounds or cuts.
///
/// # Errors
/// When the log cannot be read.
pub fn bundle(journal: &Journal, slice: &Slice) -> Result<Bundle, EngineError> {
    let mut all = Vec::new();
    let to = slice.to.unwrap_or(journal.head());
    journal.each_event(Seq(0), &mut |event| {
        if event.seq <= to {
            all.push(event.clone());
        }
    })?;
    let mut selection = Selection::of(journal, &all, &slice.records);
    let events: Vec<Event> = all.into_iter().filter_map(|event| selection.keep(event)).collect();
    let images = images(journal, &events);
    let mut words = Vocabulary::default();
    images.values().for_each(|image| words.image(image));
    events.iter().for_each(|event| rename::learn(&event.fact, &mut words));
    let mut salt = [0; 32];
    salt[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    salt[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let names = words.named(salt);
    let mut renaming = Renaming::new(&names, &selection, &images);
    let mut log = MemoryLog::default();
    let mut stored = BTreeSet::new();
    for event in &events {
        let fact = renaming.fact(&event.fact);
        let mut batch = Batch::default();
        fact.each_body(&mut |hash| {
            if let Some(image) = renaming.renamed(hash).filter(|_| stored.insert(*hash)) {
                batch.bodies.push((*hash, image.to_bytes()));
            }
        });
        let renamed = Event { seq: log.head().next(), at: event.at, fact };
        batch.events.push(renamed.to_bytes());
        log.append(log.head(), &batch)?;
    }
    let kept = events.iter().map(|event| event.seq).collect();
    Ok(Bundle { log, records: selection.into_records(), events: kept })
}

/// The images that events name.
fn images(journal: &Journal, events: &[Event]) -> BTreeMap<ContentHash, Image> {
    let mut images = BTreeMap::new();
    for event in events {
        // Rules are no image, and are left out: the configuration in the bundle has them.
        if matches!(event.fact, Fact::PolicySet { .. }) {
            continue;
        }
        event.fact.each_body(&mut |hash| {
            if !images.contains_key(hash)
                && let Some(image) = journal.image(hash)
            {
                images.insert(*hash, image);
            }
        });
    }
    images.insert(empty_image(), Image::default());
    images
}
