//! Commands: wishes in the imperative, complete enough that carrying one out decides nothing.

use crate::ablate::{Switch, off};
use crate::hash::HashWriter;
use crate::id::{CommandId, Ext, Name, RecordId, SideId};
use crate::schema::FieldSet;
use crate::version::VersionVector;
use crate::{ContentHash, Seq};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is to be done to a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Make a row for the record.
    Create,
    /// Set some fields of the row, if it still is as expected.
    Update {
        /// The row.
        ext: Ext,
        /// Hash of the image that the row must still have.
        expect: ContentHash,
    },
    /// Remove the row, if it still is as expected.
    Delete {
        /// The row.
        ext: Ext,
        /// Hash of the image that the row must still have.
        expect: ContentHash,
    },
}

impl Operation {
    /// `create`, `update` or `delete`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update { .. } => "update",
            Self::Delete { .. } => "delete",
        }
    }

    /// The row that is meant, where there is one already.
    #[must_use]
    pub fn ext(&self) -> Option<&Ext> {
        match self {
            Self::Create => None,
            Self::Update { ext, .. } | Self::Delete { ext, .. } => Some(ext),
        }
    }
}

/// One write to one side, as its Intent records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The identity, stable over retries, different for every new wish.
    pub id: CommandId,
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// The side that is written to.
    pub side: SideId,
    /// What is to be done.
    pub operation: Operation,
    /// The fields that are set, as bits of the entity.
    pub fields: FieldSet,
    /// Hash of the image of what is set, in the side's own terms; the empty image for a delete.
    pub set: ContentHash,
    /// The edits that the row will contain when this is done.
    pub contains: VersionVector,
    /// The records that the row will refer to.
    pub refers_to: Vec<RecordId>,
}

impl Command {
    /// The marker of a create: 16 letters and digits, the same for every try of the same life of a record.
    #[must_use]
    pub fn marker(&self) -> String {
        self.id.0.to_string()[..16].to_owned()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} on {}", self.operation.verb(), self.entity, self.record, self.side)
    }
}

/// Computes a command's identity.
///
/// A create depends on the record's life only, so that a create that is planned again after a crash is the
/// same wish and finds its own trace on the remote. Updates and deletes depend on what they expect and set,
/// and on the position they were planned at.
///
/// `epoch` is the one in which the record began, of a create, and the present one of the others: what a lost part of
/// the log sent is never taken for what is sent now (L21, L38).
#[must_use]
#[expect(
    clippy::too_many_arguments,
    reason = "each is a part of the identity, and none belongs to another"
)]
pub fn command_id(
    log_id: &ContentHash,
    epoch: u32,
    record: RecordId,
    life: u32,
    side: &SideId,
    operation: &Operation,
    set: &ContentHash,
    planned_at: Seq,
) -> CommandId {
    let mut hash = HashWriter::new("mizan.command.v1");
    hash.raw(&log_id.0);
    // The first epoch is not in it: logs from before there were others keep their commands' names.
    if epoch > 1 {
        hash.text("epoch");
        hash.int(u64::from(epoch));
    }
    hash.int(u64::from(record.0));
    hash.int(u64::from(life));
    hash.text(side.as_str());
    hash.text(operation.verb());
    match operation {
        Operation::Create if off(Switch::StableCreateId) => hash.int(planned_at.0),
        Operation::Create => {}
        Operation::Update { ext, expect } | Operation::Delete { ext, expect } => {
            hash.text(ext.as_str());
            hash.raw(&expect.0);
            hash.raw(&set.0);
            hash.int(planned_at.0);
        }
    }
    CommandId(hash.finish())
}
