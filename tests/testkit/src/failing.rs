//! A log that crashes: the process dies before or after an append, and the next one opens what is there.

use mizan_core::sealed::KeyId;
use mizan_core::{ContentHash, Seq};
use mizan_store::{Batch, EventLog, Key, MemoryLog, Snapshot, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where in a sync the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// At which append, counted from 1.
    pub append: u32,
    /// The append was durable before the end.
    pub after: bool,
}

#[derive(Debug, Default)]
struct Inner {
    log: MemoryLog,
    crash: Option<Crash>,
    appends: u32,
    /// An engine went on appending for ever.
    endless: bool,
}

/// Appends after which a sync is taken for one that has no end (L42); the busiest sync has a few hundred.
const APPENDS_MAX: u32 = 2_000;

/// A memory log that several openers share, one after the other, and that can be told to crash.
///
/// ```
/// use mizan_core::Seq;
/// use mizan_store::{Batch, EventLog};
/// use mizan_testkit::{Crash, FailingLog};
/// let log = FailingLog::default();
/// log.crash_at(Some(Crash { append: 1, after: true }));
/// assert!(log.clone().append(Seq(0), &Batch::of_events([b"a".to_vec()])).is_err());
/// assert_eq!(log.head(), Seq(1)); // it was durable, and nobody was told
/// ```
#[derive(Clone, Debug, Default)]
pub struct FailingLog(Arc<Mutex<Inner>>);

impl FailingLog {
    /// A log that holds what another one did.
    #[must_use]
    pub fn holding(log: MemoryLog) -> Self {
        Self(Arc::new(Mutex::new(Inner { log, ..Inner::default() })))
    }

    /// Arms a crash, or disarms it; appends are counted from here.
    pub fn crash_at(&self, crash: Option<Crash>) {
        let mut inner = self.inner();
        inner.crash = crash;
        inner.appends = 0;
        inner.endless = false;
    }

    /// True where one sync made so many appends that it was stopped.
    #[must_use]
    pub fn endless(&self) -> bool {
        self.inner().endless
    }

    /// True where an armed crash has happened.
    #[must_use]
    pub fn crashed(&self) -> bool {
        let inner = self.inner();
        inner.crash.is_some_and(|crash| inner.appends >= crash.append)
    }

    /// The encoded events after a position.
    #[must_use]
    pub fn events_after(&self, after: Seq) -> Vec<Vec<u8>> {
        let inner = self.inner();
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        inner.log.events().iter().skip(skip).cloned().collect()
    }

    /// Puts the log back to what it was so many events ago, as a backup from then would; the first event stays.
    pub fn restore(&self, back: u64) {
        let mut inner = self.inner();
        let events = inner.log.events();
        let kept = events.len().saturating_sub(usize::try_from(back).unwrap_or(usize::MAX)).max(1);
        let batch = Batch {
            events: events.iter().take(kept).cloned().collect(),
            bodies: inner.log.bodies().map(|(hash, bytes)| (*hash, bytes.to_vec())).collect(),
        };
        let mut log = MemoryLog::default();
        log.append(Seq(0), &batch).expect("what was in one log fits into another");
        inner.log = log;
    }

    /// A copy of the log as it is.
    #[must_use]
    pub fn copy(&self) -> MemoryLog {
        self.inner().log.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn died() -> StoreError {
    StoreError::Stopped { reason: "the process died here".to_owned() }
}

impl EventLog for FailingLog {
    fn head(&self) -> Seq {
        self.inner().log.head()
    }

    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        let mut inner = self.inner();
        inner.appends += 1;
        if inner.appends > APPENDS_MAX {
            inner.endless = true;
            let reason = format!("one sync made more than {APPENDS_MAX} appends");
            return Err(StoreError::Stopped { reason });
        }
        match inner.crash {
            Some(crash) if inner.appends > crash.append => Err(died()),
            Some(crash) if inner.appends == crash.append => {
                if crash.after {
                    inner.log.append(expected, batch)?;
                }
                Err(died())
            }
            Some(_) | None => inner.log.append(expected, batch),
        }
    }

    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // The log is free while an event is shown: a reader may ask for its key or its bodies.
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        let events: Vec<Vec<u8>> = self.inner().log.events().iter().skip(skip).cloned().collect();
        let positions = (after.0 + 1..).map(Seq);
        events.iter().zip(positions).try_for_each(|(event, seq)| visit(seq, event))
    }

    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner().log.read(at)
    }

    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner().log.body(hash)
    }

    fn has_body(&self, hash: &ContentHash) -> bool {
        self.inner().log.has_body(hash)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.inner().log.save_snapshot(snapshot)
    }

    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        self.inner().log.load_snapshot(code_id)
    }

    fn key(&self, id: &KeyId) -> Option<Key> {
        self.inner().log.key(id)
    }

    fn has_sealed(&self) -> bool {
        self.inner().log.has_sealed()
    }

    fn add_keys(&mut self, keys: &[(KeyId, Key)]) -> Result<(), StoreError> {
        self.inner().log.add_keys(keys)
    }

    fn forget_keys(&mut self, ids: &[KeyId]) -> Result<(), StoreError> {
        self.inner().log.forget_keys(ids)
    }
}
