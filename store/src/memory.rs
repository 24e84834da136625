//! The reference log: everything in memory, nothing clever.

use crate::error::StoreError;
use crate::keys::Key;
use crate::log::{Batch, EventLog, within};
use crate::merkle::{TreeHash, leaf_hash};
use crate::snapshot::Snapshot;
use mizan_core::sealed::KeyId;
use mizan_core::{ContentHash, Seq};
use std::collections::BTreeMap;

/// A log in memory, for tests, simulations and as the reference of every other log.
///
/// ```
/// use mizan_core::Seq;
/// use mizan_store::{Batch, EventLog, MemoryLog};
///
/// let mut log = MemoryLog::default();
/// assert_eq!(log.append(Seq(0), &Batch::of_events([b"a".to_vec()]))?, Seq(1));
/// let copy = log.clone();
/// log.append(Seq(1), &Batch::of_events([b"b".to_vec()]))?;
/// assert_eq!((copy.head(), log.head()), (Seq(1), Seq(2)));
/// # Ok::<(), mizan_store::StoreError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryLog {
    base: Seq,
    events: Vec<Vec<u8>>,
    leaves: Vec<TreeHash>,
    bodies: BTreeMap<ContentHash, Vec<u8>>,
    snapshot: Option<Snapshot>,
    keys: BTreeMap<KeyId, Key>,
    sealed: bool,
}

impl MemoryLog {
    /// An empty log that continues after `head`: its first event has the position after it.
    #[must_use]
    pub fn on_top_of(head: Seq) -> Self {
        Self { base: head, ..Self::default() }
    }

    /// The position after which this log begins; 0 unless it continues another one.
    #[must_use]
    pub fn base(&self) -> Seq {
        self.base
    }

    /// The bodies of this log, by their hash.
    pub fn bodies(&self) -> impl Iterator<Item = (&ContentHash, &[u8])> {
        self.bodies.iter().map(|(hash, bytes)| (hash, bytes.as_slice()))
    }

    /// The events of this log in order, the first one at the position after [`base`](Self::base).
    #[must_use]
    pub fn events(&self) -> &[Vec<u8>] {
        &self.events
    }

    fn index(&self, at: Seq) -> Option<usize> {
        usize::try_from(at.0.checked_sub(self.base.0)?.checked_sub(1)?).ok()
    }

    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }
}

impl EventLog for MemoryLog {
    fn head(&self) -> Seq {
        Seq(self.base.0 + self.events.len() as u64)
    }

    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        let head = self.head();
        if expected != head {
            return Err(StoreError::Moved { head });
        }
        batch.check()?;
        self.leaves.extend(batch.events.iter().map(|event| leaf_hash(event)));
        self.events.extend(batch.events.iter().cloned());
        for (hash, bytes) in &batch.bodies {
            self.bodies.entry(*hash).or_insert_with(|| bytes.clone());
        }
        Ok(self.head())
    }

    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let first = after.max(self.base).next();
        let skip = self.index(first).unwrap_or(usize::MAX);
        let mut seq = first;
        for event in self.events.iter().skip(skip) {
            visit(seq, event)?;
            seq = seq.next();
        }
        Ok(())
    }

    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.index(at).and_then(|index| self.events.get(index)).cloned())
    }

    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.bodies.get(hash).cloned())
    }

    fn has_body(&self, hash: &ContentHash) -> bool {
        self.bodies.contains_key(hash)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.snapshot = Some(snapshot.clone());
        Ok(())
    }

    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.snapshot.clone().and_then(|snapshot| snapshot.usable(code_id, self.head())))
    }

    /// Of the log itself: the events below [`base`](Self::base) are another log's, and so are their leaves.
    fn leaves(&self, after: Seq, to: Seq) -> Result<Vec<TreeHash>, StoreError> {
        within(to, self.head())?;
        let from = self.index(after.max(self.base).next()).unwrap_or(usize::MAX);
        let to = self.index(to.next()).unwrap_or(0);
        Ok(self.leaves.get(from..to).unwrap_or_default().to_vec())
    }

    fn key(&self, id: &KeyId) -> Option<Key> {
        self.keys.get(id).cloned()
    }

    fn has_sealed(&self) -> bool {
        self.sealed
    }

    fn add_keys(&mut self, keys: &[(KeyId, Key)]) -> Result<(), StoreError> {
        self.sealed |= !keys.is_empty();
        self.keys.extend(keys.iter().cloned());
        Ok(())
    }

    fn forget_keys(&mut self, ids: &[KeyId]) -> Result<(), StoreError> {
        for id in ids {
            self.keys.remove(id);
        }
        Ok(())
    }
}
