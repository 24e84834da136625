//! Sealing: what of a batch is about personal entities is put under keys of its own before it is appended (L55).

use super::EngineError;
use mizan_core::fold::State;
use mizan_core::sealed::{KeyId, address};
use mizan_core::{CommandId, ContentHash, Event, Fact, Name, RecordId};
use mizan_store::{Batch, Body, EventLog, Key, open_body, seal_body, seal_event};
use std::collections::{BTreeMap, BTreeSet};

/// A batch as it is stored, and the keys that must be durable before it.
pub(super) struct Stored {
    pub(super) batch: Batch,
    pub(super) keys: Vec<(KeyId, Key)>,
}

/// Bytes by their content hash.
pub(super) type Hashed = Vec<(ContentHash, Vec<u8>)>;

/// What is stored of events and images: sealed where they are about an entity in `personal`.
///
/// An image that was erased once is stored again, under its next address.
pub(super) fn stored(
    log: &dyn EventLog,
    state: &State,
    personal: &BTreeSet<Name>,
    events: &[Event],
    images: Hashed,
) -> Result<Stored, EngineError> {
    let mut stored = Stored { batch: Batch::default(), keys: Vec::new() };
    if personal.is_empty() && !log.has_sealed() {
        stored.batch.events = events.iter().map(Event::to_bytes).collect();
        stored.batch.bodies = images;
        return Ok(stored);
    }
    let mut about = About { state, records: BTreeMap::new(), commands: BTreeMap::new() };
    let mut named = BTreeSet::new();
    for event in events {
        let entity = about.entity(&event.fact);
        let secret = entity.is_some_and(|entity| personal.contains(&entity));
        if secret {
            event.fact.each_body(&mut |hash| {
                named.insert(*hash);
            });
        }
        let sealed = if secret { seal_event(event)? } else { None };
        stored.batch.events.push(match sealed {
            Some(sealed) => {
                stored.keys.push((sealed.id, sealed.key));
                sealed.bytes
            }
            None => event.to_bytes(),
        });
    }
    let mut taken = BTreeSet::new();
    for (hash, bytes) in images {
        if !taken.insert(hash) {
            continue;
        }
        let Some(address) = free_address(log, &hash)? else { continue };
        let bytes = if named.contains(&hash) {
            let sealed = seal_body(&hash, &bytes)?;
            stored.keys.push((sealed.id, sealed.key));
            sealed.bytes
        } else {
            bytes
        };
        stored.batch.bodies.push((address, bytes));
    }
    Ok(stored)
}

/// Where an image is to stand; `None` where the log has it and can read it.
fn free_address(
    log: &dyn EventLog,
    hash: &ContentHash,
) -> Result<Option<ContentHash>, EngineError> {
    if !log.has_body(hash) {
        return Ok(Some(*hash));
    }
    match open_body(log, hash)? {
        Body::Here(..) => Ok(None),
        Body::Missing | Body::Erased => {
            Ok((0..).map(|erasures| address(hash, erasures)).find(|place| !log.has_body(place)))
        }
    }
}

/// Which entity a fact is about, while a batch goes by that has not been folded yet.
struct About<'s> {
    state: &'s State,
    records: BTreeMap<RecordId, Name>,
    commands: BTreeMap<CommandId, Name>,
}

impl About<'_> {
    fn entity(&mut self, fact: &Fact) -> Option<Name> {
        match fact {
            Fact::Observed { entity, .. } | Fact::Unreadable { entity, .. } => Some(entity.clone()),
            Fact::Linked { record, entity, .. } => {
                if self.state.record(*record).is_none() {
                    self.records.insert(*record, entity.clone());
                }
                Some(entity.clone())
            }
            Fact::Intent { command } => {
                self.commands.insert(command.id, command.entity.clone());
                Some(command.entity.clone())
            }
            Fact::Done { command, .. } | Fact::Refused { command, .. } => self.of_command(command),
            Fact::Decided { record, .. }
            | Fact::Resolved { record, .. }
            | Fact::Unresolved { record, .. }
            | Fact::Shadowed { record, .. } => self.of_record(*record),
            Fact::Forked { from, .. } => {
                let entity = self.of_record(*from)?;
                let known = self.state.records.len() + self.records.len();
                let copy = RecordId(u32::try_from(known).unwrap_or(u32::MAX));
                self.records.insert(copy, entity.clone());
                Some(entity)
            }
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Swept { .. }
            | Fact::Deleted { .. }
            | Fact::Withdrawn { .. }
            | Fact::Parked { .. }
            | Fact::Unparked { .. }
            | Fact::Redecided { .. }
            | Fact::Approved { .. }
            | Fact::Drifted { .. }
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. }
            | Fact::Erased { .. } => None,
        }
    }

    fn of_record(&self, id: RecordId) -> Option<Name> {
        let known = self.state.record(id).map(|record| &record.entity);
        known.or_else(|| self.records.get(&id)).cloned()
    }

    fn of_command(&self, id: &CommandId) -> Option<Name> {
        let known = self.state.pending.get(id).map(|pending| &pending.command.entity);
        known.or_else(|| self.commands.get(id)).cloned()
    }
}
