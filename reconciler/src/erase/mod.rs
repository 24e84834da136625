//! Erase: the contents of one record are made unreadable for ever, and every proof over the log stays (L55).
//!
//! Values of entities that the configuration calls `personal` are stored sealed, each under a key of its own. Erasing
//! throws the keys away. What happened stays in the log: that a row was seen, decided and written, and when.

use crate::engine::{EngineError, Journal};
use crate::explain::each_event_of;
use mizan_core::fold::{Presence, Record};
use mizan_core::{ContentHash, Event, Fact, Name, RecordId, Seq, SideId, Timestamp};
use mizan_store::Contents;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// There is no such record.
    #[error("there is no record {0}")]
    Unknown(RecordId),
    /// A side still has its row, and the next change there would bring its contents back into the log.
    #[error(
        "record {record} still has a row on {sides}, and the next change of that row would bring its contents back \
         into the log. Nothing was erased; delete the row on the sides and sync, then erase. `--even-alive` erases \
         its past and keeps what the sides show now"
    )]
    Alive {
        /// The record.
        record: RecordId,
        /// The sides, joined for people.
        sides: String,
    },
    /// Something is still to be done for it, and its contents are needed for that.
    #[error(
        "record {0} is not at rest: a command, a decision or a conflict of it is open, and its contents are needed \
         for that. Nothing was erased; run `mizan sync`, decide what waits, then erase"
    )]
    Busy(RecordId),
    /// Nothing of it is sealed and not erased yet.
    #[error("nothing of record {record} can be erased: {why}. Nothing was changed")]
    Nothing {
        /// The record.
        record: RecordId,
        /// Why.
        why: &'static str,
    },
    /// The log failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What an erasure takes, and what it must leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erasure {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// The events whose values become unreadable.
    pub events: Vec<Seq>,
    /// The images that become unreadable.
    pub bodies: Vec<ContentHash>,
    /// Images of what its sides show now: a record that lives is compared with them, so they stay readable.
    pub needed: Vec<ContentHash>,
    /// Images that events of another record name as well: they stay readable.
    pub shared: Vec<ContentHash>,
    /// Events from before the entity was called personal: their values stay readable.
    pub plain_events: Vec<Seq>,
    /// Images from before the entity was called personal: they stay readable.
    pub plain_bodies: Vec<ContentHash>,
    /// Sides on which it has a row.
    pub alive_on: Vec<SideId>,
}

impl Erasure {
    /// True where something of the record stays readable in the log.
    #[must_use]
    pub fn leaves_something(&self) -> bool {
        !(self.needed.is_empty()
            && self.shared.is_empty()
            && self.plain_events.is_empty()
            && self.plain_bodies.is_empty())
    }
}

/// What erasing a record would do; nothing is changed.
///
/// # Errors
/// [`EraseError::Alive`] unless the record is gone on all sides or `even_alive` is set, [`EraseError::Busy`] while
/// something is to be done for it, [`EraseError::Nothing`] where nothing of it is sealed.
pub fn examine(
    journal: &Journal,
    record: RecordId,
    even_alive: bool,
) -> Result<Erasure, EraseError> {
    let state = journal.state();
    let Some(known) = state.record(record) else { return Err(EraseError::Unknown(record)) };
    let alive = known.slots.iter().filter(|(_, slot)| slot.presence == Presence::Here);
    let alive_on: Vec<SideId> = alive.map(|(side, _)| side.clone()).collect();
    if !alive_on.is_empty() && !even_alive {
        let sides: Vec<&str> = alive_on.iter().map(SideId::as_str).collect();
        return Err(EraseError::Alive { record, sides: sides.join(" and ") });
    }
    let busy = known.pending.is_some()
        || state.undecided.contains(&record)
        || state.owed.contains(&record)
        || state.conflicts.contains(&record);
    if busy {
        return Err(EraseError::Busy(record));
    }
    let mut erasure = Erasure {
        record,
        entity: known.entity.clone(),
        events: Vec::new(),
        bodies: Vec::new(),
        needed: Vec::new(),
        shared: Vec::new(),
        plain_events: Vec::new(),
        plain_bodies: Vec::new(),
        alive_on,
    };
    let named = sort_events(journal, &mut erasure)?;
    let standing = if erasure.alive_on.is_empty() { BTreeSet::new() } else { stands_on(known) };
    sort_bodies(journal, &mut erasure, named, &standing)?;
    if erasure.events.is_empty() && erasure.bodies.is_empty() {
        let why = if erasure.leaves_something() {
            "its entity was not called `personal = true` when its contents were stored, or another record has the same"
        } else {
            "it has no contents that can be read, or they were erased before"
        };
        return Err(EraseError::Nothing { record, why });
    }
    Ok(erasure)
}

/// Erases what [`examine`] found: appends `Erased`, throws the keys away, and makes state and snapshot anew.
///
/// # Errors
/// When the log refuses. Where the process ends in between, the next one that opens the log finishes it.
pub fn erase(
    journal: &mut Journal,
    now: Timestamp,
    erasure: &Erasure,
    by: &str,
    why: &str,
) -> Result<(), EraseError> {
    let erased = Fact::Erased {
        record: erasure.record,
        events: erasure.events.clone(),
        bodies: erasure.bodies.clone(),
        by: by.to_owned(),
        why: why.to_owned(),
    };
    Ok(journal.erase(now, erased)?)
}

/// The first position of each entity in `personal` from which on its values are sealed; `None` where none is yet.
///
/// # Errors
/// When the log cannot be read.
pub fn sealed_from(journal: &Journal) -> Result<BTreeMap<Name, Option<Seq>>, EngineError> {
    let mut from: BTreeMap<Name, Option<Seq>> =
        journal.personal().iter().map(|entity| (entity.clone(), None)).collect();
    let mut first: Option<EngineError> = None;
    journal.each_event(Seq(0), &mut |event| {
        let Fact::Observed { entity, seen: Some(seen), .. } = &event.fact else { return };
        let Some(place @ None) = from.get_mut(entity) else { return };
        match journal.body_contents(seen) {
            Ok(Some(Contents::Sealed(_) | Contents::Erased)) => *place = Some(event.seq),
            Ok(Some(Contents::Plain) | None) => {}
            Err(error) => first = first.take().or(Some(error)),
        }
    })?;
    first.map_or(Ok(from), Err)
}

/// Tells the record's events apart, and returns the bodies that they name.
fn sort_events(
    journal: &Journal,
    erasure: &mut Erasure,
) -> Result<BTreeSet<ContentHash>, EngineError> {
    let mut own: Vec<Event> = Vec::new();
    each_event_of(journal, erasure.record, &mut |event| own.push(event.clone()))?;
    let mut named = BTreeSet::new();
    for event in &own {
        each_image(&event.fact, &mut |hash| {
            named.insert(*hash);
        });
        match journal.contents(event.seq)? {
            Some(Contents::Sealed(_)) => erasure.events.push(event.seq),
            Some(Contents::Plain) if event.split().1.is_some() => {
                erasure.plain_events.push(event.seq);
            }
            Some(Contents::Plain | Contents::Erased) | None => {}
        }
    }
    let own: BTreeSet<Seq> = own.iter().map(|event| event.seq).collect();
    let mut shared = BTreeSet::new();
    journal.each_event(Seq(0), &mut |event| {
        if own.contains(&event.seq) {
            return;
        }
        each_image(&event.fact, &mut |hash| {
            if named.contains(hash) {
                shared.insert(*hash);
            }
        });
    })?;
    named.retain(|hash| !shared.contains(hash));
    erasure.shared = shared.into_iter().collect();
    Ok(named)
}

/// The images that the next observation, decision or write of a record is compared with.
fn stands_on(record: &Record) -> BTreeSet<ContentHash> {
    let of_slots = record
        .slots
        .values()
        .flat_map(|slot| [slot.seen, slot.base].into_iter().chain(slot.tried.iter().copied()));
    of_slots.chain([record.merged]).collect()
}

fn sort_bodies(
    journal: &Journal,
    erasure: &mut Erasure,
    named: BTreeSet<ContentHash>,
    standing: &BTreeSet<ContentHash>,
) -> Result<(), EngineError> {
    for hash in named {
        match journal.body_contents(&hash)? {
            Some(Contents::Sealed(_)) if standing.contains(&hash) => erasure.needed.push(hash),
            Some(Contents::Sealed(_)) => erasure.bodies.push(hash),
            Some(Contents::Plain) => erasure.plain_bodies.push(hash),
            Some(Contents::Erased) | None => {}
        }
    }
    let shared = std::mem::take(&mut erasure.shared);
    for hash in shared {
        match journal.body_contents(&hash)? {
            Some(Contents::Sealed(_) | Contents::Plain) => erasure.shared.push(hash),
            Some(Contents::Erased) | None => {}
        }
    }
    Ok(())
}

/// The images that a fact names; the rules of an entity are no one's contents.
fn each_image(fact: &Fact, visit: &mut dyn FnMut(&ContentHash)) {
    if !matches!(fact, Fact::PolicySet { .. } | Fact::Shadowed { .. }) {
        fact.each_body(visit);
    }
}
