//! Epochs: a log that was put back from a backup goes on under a new name for everything that it will say.

use crate::engine::{EngineError, Journal};
use mizan_core::{Fact, Seq, Timestamp};
use mizan_store::EventLog;

/// What a new epoch begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewEpoch {
    /// Its number, which says nothing but that it is another.
    pub epoch: u32,
    /// Where it begins.
    pub at: Seq,
    /// Records that were known before.
    pub records: usize,
    /// Commands whose outcome was open in the backup.
    pub in_doubt: usize,
}

/// Begins a new epoch of a log that was restored from a backup (L21).
///
/// What was appended after the backup is lost, and the sides remember it: new changes and new commands get the
/// positions and record numbers of the lost ones. The epoch is part of the name of every change and of the commands
/// of every record that begins in it, so that no side takes a new command for one that it carried out before.
/// `epoch` is drawn at random by the caller, so that a backup that is put back twice does not go on twice in the
/// same epoch.
///
/// ```
/// use mizan::epoch::new_epoch;
/// use mizan::core::{ContentHash, Event, Fact, Seq, Timestamp};
/// use mizan::store::{Batch, EventLog, MemoryLog};
///
/// let opened = Fact::Opened { log_id: ContentHash::of("mizan.log.v1", b"a log"), epoch: 1 };
/// let event = Event { seq: Seq(1), at: Timestamp(0), fact: opened };
/// let mut log = MemoryLog::default();
/// log.append(Seq(0), &Batch::of_events([event.to_bytes()]))?;
///
/// let (log, begun) = new_epoch(Box::new(log), Timestamp(60_000), 4_071)?;
/// assert_eq!((begun.at, begun.epoch, log.head()), (Seq(2), 4_071, Seq(2)));
/// # Ok::<(), mizan::EngineError>(())
/// ```
///
/// # Errors
/// When the log cannot be read or written, is empty, or had this epoch before.
pub fn new_epoch(
    log: Box<dyn EventLog>,
    now: Timestamp,
    epoch: u32,
) -> Result<(Box<dyn EventLog>, NewEpoch), EngineError> {
    let mut journal = Journal::open(log)?;
    let Some(log_id) = journal.state().log_id else { return Err(EngineError::EmptyLog) };
    journal.append_facts(now, vec![Fact::Opened { log_id, epoch }])?;
    let state = journal.state();
    let begun = NewEpoch {
        epoch,
        at: state.head,
        records: state.records.len(),
        in_doubt: state.pending.len(),
    };
    Ok((journal.into_log(), begun))
}
