//! The state that a log folds to: hashes, counters and who is behind, never contents.

use crate::command::Command;
use crate::event::{Choice, ParkedFor, RefusedBy, Stamped, Subject};
use crate::id::{CommandId, Ext, Name, RecordId, SideId};
use crate::image::Image;
use crate::schema::{Entity, FieldSet, KeyHash};
use crate::version::{Actor, VersionVector};
use crate::{ContentHash, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Whether a record has a row on a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has none, and may be given one.
    Missing,
    /// It has one.
    Here,
    /// It had one, and that was deleted.
    Gone,
}

/// One side's part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The row; the last one where it is gone.
    pub ext: Option<Ext>,
    /// Whether it is there.
    pub presence: Presence,
    /// Hash of the image that was seen last.
    pub seen: ContentHash,
    /// Hash of the image that the side showed when it last agreed (never what we sent).
    pub base: ContentHash,
    /// Fields in which `seen` differs from `base` and from the merged value: candidates.
    pub changed: FieldSet,
    /// Fields in which the side has not got the merged value yet (`b < m` in LAWS 1.1); of a dead record: any
    /// field here means that the row is to be deleted.
    pub behind: FieldSet,
    /// The edits that the row is known to contain (`kvv`).
    pub knows: VersionVector,
    /// The row's natural key.
    pub key: Option<KeyHash>,
    /// The stamp that the side gave the row.
    pub stamp: Option<Timestamp>,
    /// The stamp is from our own write: it does not say when a user wrote a value that the row shows.
    pub stamp_is_ours: bool,
    /// The row's version tag.
    pub tag: Option<u64>,
    /// Position of our last write to it that was answered; reads issued earlier are stale.
    pub written_at: Seq,
    /// What earlier tries of its create had sent, in doubt and then taken as not done: one of them may have arrived.
    pub tried: Vec<ContentHash>,
    /// The last contents before `seen`, shortened: content that comes back is confirmed by a direct read (T11).
    pub earlier: Vec<u32>,
}

impl Slot {
    fn empty() -> Self {
        let nothing = empty_image();
        Self {
            ext: None,
            presence: Presence::Missing,
            seen: nothing,
            base: nothing,
            changed: FieldSet::EMPTY,
            behind: FieldSet::EMPTY,
            knows: VersionVector::default(),
            key: None,
            stamp: None,
            stamp_is_ours: false,
            tag: None,
            written_at: Seq(0),
            tried: Vec::new(),
            earlier: Vec::new(),
        }
    }

    /// True where `hash` was shown before the present content.
    #[must_use]
    pub fn showed_earlier(&self, hash: &ContentHash) -> bool {
        self.earlier.contains(&shorten(hash))
    }

    /// What is in conflict here is not overwritten before a person has decided, nor what changes together with it.
    #[must_use]
    pub fn held(&self, entity: &Entity) -> FieldSet {
        let mut held = self.changed;
        for bit in self.changed.iter() {
            if let Some(group) = entity.fields.get(bit).and_then(|field| field.group.as_ref()) {
                held = held.union(entity.group(group));
            }
        }
        held
    }

    pub(super) fn show(&mut self, seen: ContentHash) {
        if self.seen != seen {
            self.earlier.push(shorten(&self.seen));
            if self.earlier.len() > EARLIER_MAX {
                self.earlier.remove(0);
            }
            self.seen = seen;
        }
    }
}

/// How many earlier contents of a row are remembered.
const EARLIER_MAX: usize = 3;

fn shorten(hash: &ContentHash) -> u32 {
    u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]])
}

/// Hash of the image of which nothing is known: the base of a row that was never merged.
#[must_use]
pub fn empty_image() -> ContentHash {
    static EMPTY: OnceLock<ContentHash> = OnceLock::new();
    *EMPTY.get_or_init(|| Image::default().hash())
}

/// A refusal that keeps a record's commands back until there is news or a sweep (T13, T15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The side that refused.
    pub side: SideId,
    /// What kind.
    pub why: RefusedBy,
    /// Its own words.
    pub message: String,
    /// Where it stands in the log.
    pub at: Seq,
    /// When it was appended.
    pub since: Timestamp,
}

/// What a person decided and `decide` has not used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// By field.
    pub choices: Vec<(Name, Choice)>,
    /// Alive or dead, where that was disputed.
    pub keep: Option<bool>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its entity.
    pub entity: Name,
    /// How often it came back from the dead.
    pub life: u32,
    /// It was deleted, everywhere or soon everywhere.
    pub dead: bool,
    /// It was deleted on one side and edited on another, and a person must say.
    pub disputed: bool,
    /// Hash of the merged image (`M`).
    pub merged: ContentHash,
    /// The edits that are merged (`evv`).
    pub contains: VersionVector,
    /// What all who deleted it had seen (`tvv`).
    pub deleters_knew: VersionVector,
    /// One slot for each side that has or had a row.
    pub slots: BTreeMap<SideId, Slot>,
    /// The command that is under way or in doubt.
    pub pending: Option<CommandId>,
    /// The refusal that keeps it back.
    pub refused: Option<Refusal>,
    /// It waits for a person.
    pub parked: Option<ParkedFor>,
    /// A person's decision, not used yet.
    pub resolution: Option<Resolution>,
    /// Fields in conflict that a person has set aside until something changes.
    pub skipped: FieldSet,
    /// When merged values were written, of fields that are decided by clocks.
    pub stamps: Vec<Stamped>,
    /// The record that this one is a copy of.
    pub copy_of: Option<RecordId>,
    /// How many copies were made of it, so that each has a name of its own.
    pub copies: u32,
    /// The records that it refers to.
    pub refers_to: Vec<RecordId>,
    /// Position of its last decision.
    pub decided_at: Seq,
}

impl Record {
    /// A record of which nothing is known, in its first life.
    #[must_use]
    pub fn new(entity: Name) -> Self {
        Self {
            entity,
            life: 1,
            dead: false,
            disputed: false,
            merged: empty_image(),
            contains: VersionVector::default(),
            deleters_knew: VersionVector::default(),
            slots: BTreeMap::new(),
            pending: None,
            refused: None,
            parked: None,
            resolution: None,
            skipped: FieldSet::EMPTY,
            stamps: Vec::new(),
            copy_of: None,
            copies: 0,
            refers_to: Vec::new(),
            decided_at: Seq(0),
        }
    }

    pub(super) fn slot(&mut self, side: &SideId) -> &mut Slot {
        self.slots.entry(side.clone()).or_insert_with(Slot::empty)
    }

    /// The row on a side, where there is a live one.
    #[must_use]
    pub fn live_ext(&self, side: &SideId) -> Option<&Ext> {
        let slot = self.slots.get(side)?;
        if slot.presence == Presence::Here { slot.ext.as_ref() } else { None }
    }

    /// True where a field that nobody has set aside is in conflict, or its life is disputed.
    #[must_use]
    pub fn in_conflict(&self) -> bool {
        self.disputed
            || self.slots.values().any(|slot| !slot.changed.minus(self.skipped).is_empty())
    }

    /// True where a side is owed a command: a row to create, to bring up to date or to delete.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.slots.values().any(|slot| match slot.presence {
            // A field in conflict there is not overwritten before a person has decided.
            Presence::Here => !slot.behind.minus(slot.changed).is_empty(),
            Presence::Missing => !self.dead && !slot.behind.is_empty(),
            Presence::Gone => false,
        })
    }
}

/// A row as the alias table knows it: aliases are never forgotten (T8, L49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowState {
    /// It belongs to a record, for ever.
    Linked(RecordId),
    /// It waits to be linked.
    Unlinked(UnlinkedRow),
}

/// What is known of a row that belongs to no record yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlinkedRow {
    /// Hash of its image.
    pub seen: ContentHash,
    /// Its known fields.
    pub fields: FieldSet,
    /// Its natural key.
    pub key: Option<KeyHash>,
    /// Its stamp.
    pub stamp: Option<Timestamp>,
    /// Its version tag.
    pub tag: Option<u64>,
    /// It waits for a person.
    pub parked: Option<ParkedFor>,
}

/// Names a row: entity, side, id.
pub type RowKey = (Name, SideId, Ext);

/// A command that has an intent and no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The command.
    pub command: Command,
    /// Where its intent stands.
    pub seq: Seq,
    /// When its intent was appended.
    pub since: Timestamp,
}

/// Everything that the log says, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Position of the last event folded.
    pub head: Seq,
    /// The log's identity.
    pub log_id: Option<ContentHash>,
    /// The present epoch.
    pub epoch: u32,
    /// The epochs after the first, each with the number of records that there were when it began.
    pub epochs: Vec<(u32, u32)>,
    /// The sides that take part.
    pub sides: BTreeSet<SideId>,
    /// The fields of each entity, in the order of their bits.
    pub entities: BTreeMap<Name, Vec<Name>>,
    /// The rules in force: policy and hash of its parameters.
    pub policies: BTreeMap<Name, (Name, ContentHash)>,
    /// All records; a record's id is its index.
    pub records: Vec<Record>,
    /// All rows ever seen.
    pub rows: BTreeMap<RowKey, RowState>,
    /// Live rows by natural key.
    pub keys: BTreeMap<(Name, KeyHash), BTreeSet<(SideId, Ext)>>,
    /// Commands without an outcome.
    pub pending: BTreeMap<CommandId, Pending>,
    /// Records with something to decide.
    pub undecided: BTreeSet<RecordId>,
    /// Records with something to send.
    pub owed: BTreeSet<RecordId>,
    /// Records with a field or their life in conflict.
    pub conflicts: BTreeSet<RecordId>,
    /// Records whose last command was refused.
    pub refused: BTreeSet<RecordId>,
    /// Rows to link.
    pub unlinked: BTreeSet<RowKey>,
    /// What waits for a person.
    pub parked: BTreeMap<Subject, ParkedFor>,
    /// Records that refer to rows that belong to no record yet, by row.
    pub awaited: BTreeMap<RowKey, BTreeSet<RecordId>>,
    /// Children of each record that is referred to.
    pub children: BTreeMap<RecordId, BTreeSet<RecordId>>,
    /// Cursors by side and entity.
    pub cursors: BTreeMap<(SideId, Name), Timestamp>,
    /// Things that cannot be read, with the reason.
    pub unreadable: BTreeMap<(SideId, Name, String), String>,
    /// Plans that a person approved and that have not begun.
    pub approved: BTreeSet<ContentHash>,
}

impl State {
    /// The record of that id.
    #[must_use]
    pub fn record(&self, id: RecordId) -> Option<&Record> {
        self.records.get(id.0 as usize)
    }

    /// The record that a row belongs to.
    #[must_use]
    pub fn record_of(&self, entity: &Name, side: &SideId, ext: &Ext) -> Option<RecordId> {
        match self.rows.get(&(entity.clone(), side.clone(), ext.clone()))? {
            RowState::Linked(record) => Some(*record),
            RowState::Unlinked(_) => None,
        }
    }

    /// The actor that a side is in the present epoch.
    #[must_use]
    pub fn actor(&self, side: &SideId) -> Actor {
        Actor { side: side.clone(), epoch: self.epoch }
    }

    /// The epoch in which a record began.
    ///
    /// A restored log gives the numbers of the records that it lost to others: with the epoch in the identity of
    /// their commands, a side does not take a new record's create for the lost one's (L21, L38).
    #[must_use]
    pub fn epoch_of(&self, record: RecordId) -> u32 {
        let began = self.epochs.iter().rev().find(|(records, _)| *records <= record.0);
        began.map_or(1, |(_, epoch)| *epoch)
    }

    /// Records with their ids.
    pub fn each_record(&self) -> impl Iterator<Item = (RecordId, &Record)> {
        (0u32..).zip(&self.records).map(|(id, record)| (RecordId(id), record))
    }

    /// True where nothing is left to do: no decision, no command, no doubt, no row to link.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.pending.is_empty() && self.undecided.is_empty() && self.unlinked.is_empty()
    }

    /// True where a create on this side and entity is in doubt: nothing may be read from it as new (L39).
    #[must_use]
    pub fn quarantined(&self, side: &SideId, entity: &Name) -> bool {
        self.pending
            .values()
            .any(|pending| pending.command.side == *side && pending.command.entity == *entity)
    }

    /// A hash of the whole state, to compare two folds.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of("mizan.state.v1", &self.to_bytes())
    }

    /// The state as bytes: a snapshot, which is a cache and never the only copy.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads a snapshot; `None` where it was written by other code or is damaged: then the log is folded again.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Names the code that wrote a snapshot; another code ignores it and folds the log again (L4).
pub const STATE_CODE: &str = concat!("mizan-core ", env!("CARGO_PKG_VERSION"), " state 4");
