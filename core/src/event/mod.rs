//! Events: immutable facts in the past tense; the only memory there is.

mod bytes;
mod named;
mod secret;

use crate::command::Command;
use crate::id::{CommandId, Ext, Name, RecordId, SideId};
use crate::schema::{FieldSet, KeyHash};
use crate::value::Value;
use crate::version::VersionVector;
use crate::{ContentHash, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use secret::Secret;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its position.
    pub seq: Seq,
    /// When it was appended; shown to people, never compared.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// Where a statement about a row or record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A page of a listing.
    List,
    /// A direct read of the row.
    Get,
    /// A listing that was complete and did not have the row, confirmed by a second look (L19).
    Sweep,
    /// The answer to one of our own writes.
    Answer,
}

/// How a row came to belong to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkedBy {
    /// Nothing matched: the row began a record of its own.
    New,
    /// Its natural key matched exactly one record.
    Key,
    /// We created it.
    Create,
    /// A search for a create in doubt found it.
    Search,
    /// A person said so.
    Person,
}

/// How a field's value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The owner changed it; others who did are overruled.
    Owner,
    /// Only sides that do not own it changed it: the value stays, they are put back.
    Reverted,
    /// A conflict, decided by preferring a side.
    Preferred,
    /// A conflict that waits for a person; the value stays.
    Manual,
    /// A conflict that a person decided.
    Person,
    /// Differences of a counter were added up.
    Summed,
    /// The record died and the edit with it.
    Died,
    /// A conflict, decided by the clocks of the sides.
    Newest,
    /// A conflict, decided for the greatest value.
    Greatest,
    /// A conflict, decided for the least value.
    Least,
    /// What sides put into a list and took out of it was joined.
    Joined,
    /// A count of the stock replaced movements that the counting side had not been sent yet.
    Counted,
    /// A conflict in which both values are kept, one of them in a copy of the record.
    KeptBoth,
    /// A conflict, decided by a policy of the user's own.
    Custom,
}

impl Found {
    /// Two sides disagreed about the field.
    #[must_use]
    pub fn is_conflict(self) -> bool {
        match self {
            Self::Preferred
            | Self::Manual
            | Self::Person
            | Self::Died
            | Self::Newest
            | Self::Greatest
            | Self::Least
            | Self::KeptBoth
            | Self::Custom => true,
            Self::Owner | Self::Reverted | Self::Summed | Self::Joined | Self::Counted => false,
        }
    }
}

/// A value that did not win, kept (L32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loser {
    /// The side that showed it; `None` for the value that was merged before.
    pub side: Option<SideId>,
    /// The value.
    pub value: Value,
}

/// The decision on one field, where there was something to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDecision {
    /// The field.
    pub field: Name,
    /// By which rule.
    pub found: Found,
    /// The side whose value was taken; `None` where the merged value stays.
    pub winner: Option<SideId>,
    /// The value that holds from now on.
    pub value: Value,
    /// The values that do not.
    pub losers: Vec<Loser>,
}

/// Whether the record lives after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It lives, as before.
    Alive,
    /// It was deleted and stays so.
    Dead,
    /// It was deleted, and an edit or a child that the deleter had not seen brings it back (LAWS 1.7 d).
    Revived,
    /// It was deleted on one side and edited on another, and waits for a person.
    Disputed,
}

/// One side's slot after a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideAfter {
    /// The side.
    pub side: SideId,
    /// Hash of the side's base.
    pub base: ContentHash,
    /// Fields that are still undecided there.
    pub changed: FieldSet,
    /// Fields in which the side is behind the merged value.
    pub behind: FieldSet,
}

/// When a merged value was written, as far as its side's clock can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// The field, as a bit of its entity.
    pub bit: u32,
    /// The stamp of the row that it came from.
    pub at: Timestamp,
    /// How exact that is, in milliseconds.
    pub within_ms: u32,
}

/// What was decided for a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The policy that decided, with its version.
    pub policy: Name,
    /// Hash of the merged image.
    pub merged: ContentHash,
    /// Fields that one side alone had changed, by side: taken as they are.
    pub taken: Vec<(SideId, FieldSet)>,
    /// Fields in which all sides that changed them agree.
    pub agreed: FieldSet,
    /// Fields in which there was something to decide.
    pub fields: Vec<FieldDecision>,
    /// The slots afterwards.
    pub sides: Vec<SideAfter>,
    /// Alive or not.
    pub life: Life,
    /// The edits merged so far, over all sides.
    pub contains: VersionVector,
    /// The records that the merged image refers to.
    pub refers_to: Vec<RecordId>,
    /// When merged values were written, of fields that are decided by clocks.
    pub stamps: Vec<Stamped>,
    /// The rows that it refers to and that belong to no record yet: it is decided again when they do (T1).
    pub awaits: Vec<(Name, SideId, Ext)>,
}

/// Why a command came to nothing, for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// It never left, or surely was not processed.
    NotSent,
    /// A look at the row showed that it was not done.
    NotApplied,
    /// The row was not as expected, and nothing was written.
    Changed,
    /// The row to write to is gone.
    Gone,
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBy {
    /// Another row has the natural key.
    KeyTaken,
    /// A referenced row is missing or may not be used.
    Reference,
    /// The row is in use, final or locked.
    Locked,
    /// The side's rules do not allow the values.
    Rules,
    /// The side cannot do this.
    Unsupported,
}

/// What a parked note is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A record.
    Record(RecordId),
    /// A row that belongs to no record.
    Row {
        /// Its entity.
        entity: Name,
        /// Its side.
        side: SideId,
        /// Its id there.
        ext: Ext,
    },
}

/// Why something waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkedFor {
    /// Its natural key matches more than one row on a side.
    AmbiguousKey,
    /// A write is in doubt and nothing can tell whether it was done.
    Undecidable,
    /// It was to be taken back, and a side has it as a document that is final: a person corrects it there.
    Final,
}

/// What a person chose for a field in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The value that a side shows.
    Side(SideId),
    /// Another value.
    Value(Value),
    /// Not now: the sides keep what they show, and nobody is asked again before something changes.
    Skip,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The log began, or began a new epoch after it was lost or restored (L21).
    Opened {
        /// The log's identity, random, the same over epochs.
        log_id: ContentHash,
        /// 1 at first.
        epoch: u32,
    },
    /// A side takes part from now on.
    SideAttached {
        /// The side.
        side: SideId,
    },
    /// The order of an entity's fields; field sets in later events are read by it.
    EntityDeclared {
        /// The entity.
        entity: Name,
        /// All fields so far; new ones are only ever added at the end (L9).
        fields: Vec<Name>,
    },
    /// The rules for an entity changed.
    PolicySet {
        /// The entity.
        entity: Name,
        /// The policy and its version.
        policy: Name,
        /// Hash of everything in the schema that decides.
        params: ContentHash,
    },
    /// A read showed something that was not known of a row.
    Observed {
        /// The entity.
        entity: Name,
        /// The side.
        side: SideId,
        /// The row.
        ext: Ext,
        /// Hash of its image; `None`: the row is gone.
        seen: Option<ContentHash>,
        /// The fields in which the row differs from the side's base and from the merged value.
        changed: FieldSet,
        /// A field is among them that the side may decide: this is an edit (T20).
        edit: bool,
        /// Its natural key.
        key: Option<KeyHash>,
        /// When the side says it was changed.
        stamp: Option<Timestamp>,
        /// Fingerprint of its version.
        tag: Option<u64>,
        /// Which read it was.
        evidence: Evidence,
        /// The log's head when the read was issued.
        ticket: Seq,
    },
    /// Everything up to a stamp has been read from a side's entity.
    Cursor {
        /// The side.
        side: SideId,
        /// The entity.
        entity: Name,
        /// The largest stamp that was returned.
        at: Timestamp,
    },
    /// A complete sweep gave refused commands another chance (T15, T19).
    Swept {
        /// The side.
        side: SideId,
        /// The entity.
        entity: Name,
        /// The records whose refusal no longer holds them back.
        freed: Vec<RecordId>,
    },
    /// A row belongs to a record from now on.
    Linked {
        /// The record; a number one above all others begins a new one.
        record: RecordId,
        /// Its entity.
        entity: Name,
        /// The row's side.
        side: SideId,
        /// The row.
        ext: Ext,
        /// Why.
        how: LinkedBy,
    },
    /// A record's changes were decided.
    Decided {
        /// The record.
        record: RecordId,
        /// How.
        decision: Decision,
    },
    /// A command may leave; without an outcome it is in doubt (L6, L39).
    Intent {
        /// The command.
        command: Command,
    },
    /// A create or update was done.
    Done {
        /// The command.
        command: CommandId,
        /// The row.
        ext: Ext,
        /// Hash of the row's image after it.
        seen: ContentHash,
        /// Hash of the side's base after it.
        base: ContentHash,
        /// Fields in which the row already differs from the base: a user was quicker.
        changed: FieldSet,
        /// A field is among them that the side may decide.
        edit: bool,
        /// The row's natural key.
        key: Option<KeyHash>,
        /// When the side says the row was changed.
        stamp: Option<Timestamp>,
        /// Fingerprint of its version.
        tag: Option<u64>,
        /// The row was shown by the answer itself and not found later.
        exact: bool,
        /// Fields that were sent, and in which the row shows what an earlier try of the same create had sent: they
        /// are still owed.
        missing: FieldSet,
    },
    /// A delete was done, or found done.
    Deleted {
        /// The command.
        command: CommandId,
    },
    /// The side refused a command; its record waits for news or a sweep (L43).
    Refused {
        /// The command.
        command: CommandId,
        /// What kind of refusal.
        why: RefusedBy,
        /// The side's own words.
        message: String,
    },
    /// A command had no effect, for certain.
    Withdrawn {
        /// The command.
        command: CommandId,
        /// Why.
        why: Undone,
    },
    /// Something waits for a person; nothing else waits for it.
    Parked {
        /// What.
        subject: Subject,
        /// Why.
        why: ParkedFor,
    },
    /// It waits no longer.
    Unparked {
        /// What.
        subject: Subject,
        /// Who said so, or `news`.
        by: String,
    },
    /// A person decided fields of a record that were in conflict.
    Resolved {
        /// The record.
        record: RecordId,
        /// The decisions, by field.
        choices: Vec<(Name, Choice)>,
        /// Keep the record alive (`true`) or dead (`false`) where that was disputed.
        keep: Option<bool>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person took back what was decided for a record and had not been carried out.
    Unresolved {
        /// The record.
        record: RecordId,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A copy of a record was made, so that both values of a conflict are kept; it is the next record.
    Forked {
        /// The original.
        from: RecordId,
        /// The side whose value the copy has; `None`: the value that was merged before.
        side: Option<SideId>,
        /// Hash of the copy's image.
        merged: ContentHash,
        /// The edits that are in it.
        contains: VersionVector,
        /// The records that it refers to.
        refers_to: Vec<RecordId>,
    },
    /// A person asked for the open conflicts of an entity to be decided again, by the rules now in force.
    Redecided {
        /// The entity.
        entity: Name,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person approved one plan, once.
    Approved {
        /// The plan's hash.
        plan: ContentHash,
        /// Who.
        by: String,
    },
    /// A side stored something else than its normaliser predicts.
    Drifted {
        /// The command whose answer showed it.
        command: CommandId,
        /// The fields.
        fields: Vec<Name>,
    },
    /// A side shows something that cannot be read as a row.
    Unreadable {
        /// The side.
        side: SideId,
        /// The entity.
        entity: Name,
        /// Where.
        at: String,
        /// What is wrong, without contents.
        why: String,
    },
    /// It can be read again, or is gone.
    Readable {
        /// The side.
        side: SideId,
        /// The entity.
        entity: Name,
        /// Where.
        at: String,
    },
    /// The log up to a size was given a signed root (LAWS 3.2); the checkpoint is covered by the next one.
    Checkpointed {
        /// The number of events that it covers.
        size: u64,
        /// The Merkle root over them.
        root: ContentHash,
        /// The signed note, whole.
        note: String,
    },
    /// The contents of a record were made unreadable for ever; hashes, decisions and counts stay (L55, LAWS 1.7 j).
    Erased {
        /// The record.
        record: RecordId,
        /// The events whose values are gone.
        events: Vec<Seq>,
        /// The bodies that are gone.
        bodies: Vec<ContentHash>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A policy that runs beside the one in force would have decided otherwise; nothing follows from it (LAWS 3.4).
    Shadowed {
        /// The record.
        record: RecordId,
        /// The decision that was compared.
        decided: Seq,
        /// The policy beside.
        policy: Name,
        /// Hash of everything in its schema that decides.
        params: ContentHash,
        /// The fields in which it differs, as it would have decided them.
        fields: Vec<FieldDecision>,
        /// Whether the record would live.
        life: Life,
    },
}

impl Fact {
    /// The kind of fact, as `mizan log --kind` spells it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::SideAttached { .. } => "side_attached",
            Self::EntityDeclared { .. } => "entity_declared",
            Self::PolicySet { .. } => "policy_set",
            Self::Observed { .. } => "observed",
            Self::Cursor { .. } => "cursor",
            Self::Swept { .. } => "swept",
            Self::Linked { .. } => "linked",
            Self::Decided { .. } => "decided",
            Self::Intent { .. } => "intent",
            Self::Done { .. } => "done",
            Self::Deleted { .. } => "deleted",
            Self::Refused { .. } => "refused",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Parked { .. } => "parked",
            Self::Unparked { .. } => "unparked",
            Self::Resolved { .. } => "resolved",
            Self::Unresolved { .. } => "unresolved",
            Self::Forked { .. } => "forked",
            Self::Redecided { .. } => "redecided",
            Self::Approved { .. } => "approved",
            Self::Drifted { .. } => "drifted",
            Self::Unreadable { .. } => "unreadable",
            Self::Readable { .. } => "readable",
            Self::Checkpointed { .. } => "checkpointed",
            Self::Erased { .. } => "erased",
            Self::Shadowed { .. } => "shadowed",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => write!(f, "record {record}"),
            Self::Row { entity, side, ext } => write!(f, "{entity} {ext} on {side}"),
        }
    }
}
