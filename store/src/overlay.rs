//! A dry run's log: it looks like the base with more events on top, and the base never changes.

use crate::error::StoreError;
use crate::keys::Key;
use crate::log::{Batch, EventLog, within};
use crate::memory::MemoryLog;
use crate::merkle::TreeHash;
use crate::snapshot::Snapshot;
use mizan_core::sealed::KeyId;
use mizan_core::{ContentHash, Seq};
use std::collections::BTreeSet;

/// A log that reads through to a base and appends only to memory (V18: dry is dry).
///
/// ```
/// use mizan_core::Seq;
/// use mizan_store::{Batch, EventLog, MemoryLog, Overlay};
///
/// let mut base = MemoryLog::default();
/// base.append(Seq(0), &Batch::of_events([b"real".to_vec()]))?;
///
/// let mut dry = Overlay::over(Box::new(base.clone()));
/// dry.append(Seq(1), &Batch::of_events([b"only tried".to_vec()]))?;
/// assert_eq!(dry.head(), Seq(2));
/// assert_eq!(dry.into_base().head(), base.head());
/// # Ok::<(), mizan_store::StoreError>(())
/// ```
pub struct Overlay {
    base: Box<dyn EventLog>,
    top: MemoryLog,
    /// Keys of the base that are thrown away here, and only here.
    forgotten: BTreeSet<KeyId>,
}

impl Overlay {
    /// An overlay that starts as an exact copy of `base`.
    #[must_use]
    pub fn over(base: Box<dyn EventLog>) -> Self {
        let top = MemoryLog::on_top_of(base.head());
        Self { base, top, forgotten: BTreeSet::new() }
    }

    /// Gives the untouched base back and forgets what was appended.
    #[must_use]
    pub fn into_base(self) -> Box<dyn EventLog> {
        self.base
    }

    /// What was appended on top of the base.
    #[must_use]
    pub fn appended(&self) -> &MemoryLog {
        &self.top
    }
}

impl EventLog for Overlay {
    fn head(&self) -> Seq {
        self.top.head()
    }

    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        let head = self.head();
        if expected != head {
            return Err(StoreError::Moved { head });
        }
        batch.check()?;
        let new = batch.bodies.iter().filter(|(hash, _)| !self.base.has_body(hash));
        let batch = Batch { events: batch.events.clone(), bodies: new.cloned().collect() };
        self.top.append(expected, &batch)
    }

    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if after < self.top.base() {
            self.base.scan(after, visit)?;
        }
        self.top.scan(after, visit)
    }

    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        if at > self.top.base() { self.top.read(at) } else { self.base.read(at) }
    }

    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        match self.top.body(hash)? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.base.body(hash),
        }
    }

    fn has_body(&self, hash: &ContentHash) -> bool {
        self.top.has_body(hash) || self.base.has_body(hash)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.top.save_snapshot(snapshot)
    }

    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        match self.top.snapshot() {
            Some(_) => self.top.load_snapshot(code_id),
            None => self.base.load_snapshot(code_id),
        }
    }

    fn leaves(&self, after: Seq, to: Seq) -> Result<Vec<TreeHash>, StoreError> {
        within(to, self.head())?;
        let base = self.top.base();
        let mut leaves = Vec::new();
        if after < base {
            leaves = self.base.leaves(after, to.min(base))?;
        }
        if to > base {
            leaves.extend(self.top.leaves(after, to)?);
        }
        Ok(leaves)
    }

    // What is only tried is not kept: a cache of it would outlive it.
    fn load_cache(&self, name: &str) -> Option<Vec<u8>> {
        self.base.load_cache(name)
    }

    fn key(&self, id: &KeyId) -> Option<Key> {
        if self.forgotten.contains(id) {
            return None;
        }
        self.top.key(id).or_else(|| self.base.key(id))
    }

    fn has_sealed(&self) -> bool {
        self.top.has_sealed() || self.base.has_sealed()
    }

    fn add_keys(&mut self, keys: &[(KeyId, Key)]) -> Result<(), StoreError> {
        self.top.add_keys(keys)
    }

    fn forget_keys(&mut self, ids: &[KeyId]) -> Result<(), StoreError> {
        self.forgotten.extend(ids.iter().copied());
        self.top.forget_keys(ids)
    }
}
