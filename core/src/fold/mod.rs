//! Fold: the log becomes state, one event after the other; verify first, then apply.
//!
//! Folding calls no policy, compares no contents and reads no body: what was decided and what a hash stands
//! for are facts in the events (L1, L2).

mod apply;
mod state;

use crate::ablate::{Switch, off};
use crate::event::{Event, Fact};
use crate::id::{CommandId, RecordId};
use crate::{ContentHash, Seq};

pub use state::{
    Pending, Presence, Record, Refusal, Resolution, RowKey, RowState, STATE_CODE, Slot, State,
    UnlinkedRow, empty_image,
};

/// The event cannot follow this state: the log is damaged or was written by a broken Mizan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// An event is missing or comes twice.
    #[error("event {found} follows event {head}; the log has a gap")]
    Gap {
        /// The last event folded.
        head: Seq,
        /// The one that came.
        found: Seq,
    },
    /// The event speaks of a record that is not there.
    #[error("event {at} speaks of record {record}, which no earlier event began")]
    UnknownRecord {
        /// The event.
        at: Seq,
        /// The record.
        record: RecordId,
    },
    /// The event gives an outcome to a command that has no open intent.
    #[error("event {at} ends command {command}, which has no open intent")]
    UnknownCommand {
        /// The event.
        at: Seq,
        /// The command.
        command: CommandId,
    },
    /// A second command for a record that has one under way.
    #[error("event {at} begins a command for record {record}, which has one in doubt")]
    Busy {
        /// The event.
        at: Seq,
        /// The record.
        record: RecordId,
    },
    /// The row belongs to another record for ever.
    #[error("event {at} links a row to record {record}, but it belongs to {owner}")]
    Relinked {
        /// The event.
        at: Seq,
        /// The record that it should be linked to.
        record: RecordId,
        /// The one that it belongs to.
        owner: RecordId,
    },
    /// A log goes on as another log, or in an epoch that it had before.
    #[error("event {at} begins epoch {epoch}, which {why}; the log was put together from two")]
    Reopened {
        /// The event.
        at: Seq,
        /// The epoch.
        epoch: u32,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An entity's field list lost or moved a field.
    #[error("event {at} moves or drops a field of an entity that earlier events use")]
    FieldsMoved {
        /// The event.
        at: Seq,
    },
}

/// Folds one event; on an error the state is unchanged.
///
/// ```
/// use mizan_core::fold::{State, fold};
/// use mizan_core::{Event, Fact, Seq, SideId, Timestamp};
/// let mut state = State::default();
/// let fact = Fact::SideAttached { side: SideId::new("shop") };
/// fold(&mut state, &Event { seq: Seq(1), at: Timestamp(0), fact }).unwrap();
/// assert!(state.sides.contains(&SideId::new("shop")));
/// ```
///
/// # Errors
/// When the event cannot follow this state.
pub fn fold(state: &mut State, event: &Event) -> Result<(), FoldError> {
    verify(state, event)?;
    apply::apply(state, event);
    state.head = event.seq;
    Ok(())
}

fn verify(state: &State, event: &Event) -> Result<(), FoldError> {
    let at = event.seq;
    if at != state.head.next() {
        return Err(FoldError::Gap { head: state.head, found: at });
    }
    match &event.fact {
        Fact::Linked { record, entity, side, ext, .. } => {
            if record.0 as usize > state.records.len() {
                return Err(FoldError::UnknownRecord { at, record: *record });
            }
            match state.record_of(entity, side, ext) {
                Some(owner) if owner != *record => {
                    Err(FoldError::Relinked { at, record: *record, owner })
                }
                Some(_) | None => Ok(()),
            }
        }
        Fact::Decided { record, .. }
        | Fact::Resolved { record, .. }
        | Fact::Unresolved { record, .. }
        | Fact::Forked { from: record, .. }
        | Fact::Erased { record, .. }
        | Fact::Shadowed { record, .. } => known_record(state, at, *record),
        Fact::Intent { command } => {
            known_record(state, at, command.record)?;
            match state.record(command.record).and_then(|record| record.pending) {
                Some(_) if !off(Switch::OneInFlight) => {
                    Err(FoldError::Busy { at, record: command.record })
                }
                Some(_) | None => Ok(()),
            }
        }
        Fact::Done { command, .. }
        | Fact::Deleted { command }
        | Fact::Refused { command, .. }
        | Fact::Withdrawn { command, .. } => {
            if state.pending.contains_key(command) {
                Ok(())
            } else {
                Err(FoldError::UnknownCommand { at, command: *command })
            }
        }
        Fact::Opened { log_id, epoch } => reopened(state, at, log_id, *epoch),
        Fact::EntityDeclared { entity, fields } => match state.entities.get(entity) {
            Some(known) if !fields.starts_with(known) => Err(FoldError::FieldsMoved { at }),
            Some(_) | None => Ok(()),
        },
        Fact::SideAttached { .. }
        | Fact::PolicySet { .. }
        | Fact::Observed { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Parked { .. }
        | Fact::Unparked { .. }
        | Fact::Approved { .. }
        | Fact::Redecided { .. }
        | Fact::Drifted { .. }
        | Fact::Unreadable { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. } => Ok(()),
    }
}

/// A second `Opened` begins a new epoch of the same log (L21).
fn reopened(state: &State, at: Seq, log_id: &ContentHash, epoch: u32) -> Result<(), FoldError> {
    let Some(before) = &state.log_id else { return Ok(()) };
    if before != log_id {
        return Err(FoldError::Reopened { at, epoch, why: "belongs to another log" });
    }
    let known = epoch == 1 || state.epochs.iter().any(|(_, known)| *known == epoch);
    if known {
        return Err(FoldError::Reopened { at, epoch, why: "it had before" });
    }
    Ok(())
}

fn known_record(state: &State, at: Seq, record: RecordId) -> Result<(), FoldError> {
    match state.record(record) {
        Some(_) => Ok(()),
        None => Err(FoldError::UnknownRecord { at, record }),
    }
}
