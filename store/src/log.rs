//! The contract of a log: what every implementation promises, and the batch it takes.

use crate::error::StoreError;
use crate::keys::Key;
use crate::merkle::{Frontier, TreeHash, leaf_hash, path};
use crate::snapshot::Snapshot;
use mizan_core::sealed::KeyId;
use mizan_core::{ContentHash, Seq};

/// The largest batch one append accepts: its events and bodies, and 37 bytes for each of them.
pub const MAX_BATCH_BYTES: u64 = 64 * 1024 * 1024;

/// What a limit counts for each event and body beside its bytes, so that empty ones count as well.
const ENTRY_BYTES: u64 = 37;

/// Events that become durable together, with the bodies that they are the first to name.
///
/// ```
/// use mizan_core::ContentHash;
/// use mizan_store::Batch;
///
/// let hash = ContentHash::of("mizan.image.v1", b"canonical bytes");
/// let batch = Batch {
///     events: vec![b"an event that names the hash".to_vec()],
///     bodies: vec![(hash, b"canonical bytes".to_vec())],
/// };
/// assert!(batch.size() > 40);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Encoded events, in order.
    pub events: Vec<Vec<u8>>,
    /// Canonical bytes by their hash; a body that the log already holds is skipped.
    pub bodies: Vec<(ContentHash, Vec<u8>)>,
}

impl Batch {
    /// A batch of events without bodies.
    #[must_use]
    pub fn of_events(events: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { events: events.into_iter().collect(), bodies: Vec::new() }
    }

    /// The bytes of all events and bodies, without any framing.
    #[must_use]
    pub fn size(&self) -> u64 {
        let events: usize = self.events.iter().map(Vec::len).sum();
        let bodies: usize = self.bodies.iter().map(|(_, bytes)| bytes.len()).sum();
        (events + bodies) as u64
    }

    /// Refuses what no log can take; the same answer from every implementation.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.events.is_empty() && !self.bodies.is_empty() {
            return Err(StoreError::BodiesWithoutEvent { bodies: self.bodies.len() });
        }
        let entries = (self.events.len() + self.bodies.len()) as u64;
        let bytes = self.size() + entries * ENTRY_BYTES;
        if bytes > MAX_BATCH_BYTES {
            return Err(StoreError::TooLarge { bytes, limit: MAX_BATCH_BYTES });
        }
        Ok(())
    }
}

/// An append-only, gap-free sequence of events with content-addressed bodies beside it.
///
/// The first event has position 1. One log has one writer; a log that must serve many writers is
/// wrapped in a [`GroupLog`](crate::GroupLog). No method iterates in an order that depends on a
/// hash map, so the same appends give the same answers everywhere.
///
/// ```
/// use mizan_core::Seq;
/// use mizan_store::{Batch, EventLog, MemoryLog, StoreError};
///
/// let mut log = MemoryLog::default();
/// log.append(Seq(0), &Batch::of_events([b"a".to_vec(), b"b".to_vec()]))?;
/// let late = log.append(Seq(0), &Batch::of_events([b"c".to_vec()]));
/// assert!(matches!(late, Err(StoreError::Moved { head: Seq(2) })));
///
/// let mut seen = Vec::new();
/// log.scan(Seq(1), &mut |seq, event| {
///     seen.push((seq, event.to_vec()));
///     Ok(())
/// })?;
/// assert_eq!(seen, [(Seq(2), b"b".to_vec())]);
/// # Ok::<(), StoreError>(())
/// ```
pub trait EventLog: Send {
    /// The position of the last durable event; 0 for an empty log.
    fn head(&self) -> Seq;

    /// Appends all of `batch` or nothing, and returns the new head once it is durable.
    ///
    /// Bodies that the log already holds are skipped; of two bodies with one hash the first stays.
    /// A batch without events and bodies changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Moved`] unless the head is `expected`; [`StoreError::TooLarge`] and
    /// [`StoreError::BodiesWithoutEvent`] for a batch that no log takes; [`StoreError::DiskFull`],
    /// [`StoreError::Io`] and [`StoreError::Engine`] when the machine fails. After an error nothing of
    /// the batch is acknowledged. After `Io` from a disk that also refused the clean-up the batch is
    /// in doubt: open the log again to see whether it is there.
    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError>;

    /// Shows every event after `after` to `visit`, in order and without a gap.
    ///
    /// # Errors
    ///
    /// The error of `visit`, which stops the scan; [`StoreError::Damaged`] and [`StoreError::Io`]
    /// where the log cannot be read.
    #[expect(clippy::type_complexity, reason = "an alias would hide what the caller must write")]
    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Reads one event; `None` beyond the head and for position 0.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] and [`StoreError::Io`] where the log cannot be read.
    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError>;

    /// Reads the canonical bytes with this hash; `None` if no event brought them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] and [`StoreError::Io`] where the log cannot be read.
    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether the log holds canonical bytes with this hash.
    fn has_body(&self, hash: &ContentHash) -> bool;

    /// Keeps a snapshot in place of the last one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if it could not be written; the last snapshot then stays.
    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError>;

    /// The last snapshot if it was made by this code and fits this log, else `None`.
    ///
    /// A snapshot is a cache: missing, damaged, made by another code or beyond the head, it is `None`
    /// and the caller folds from the first event.
    ///
    /// # Errors
    ///
    /// None today; the result leaves room for logs that keep snapshots elsewhere.
    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError>;

    /// The leaf hashes of the events after `after` up to `to`, in order.
    ///
    /// A durable log keeps them, so that this reads no event; see [`merkle`](crate::merkle).
    ///
    /// # Errors
    ///
    /// [`StoreError::Beyond`] if `to` is beyond the head; as [`scan`](Self::scan) otherwise.
    fn leaves(&self, after: Seq, to: Seq) -> Result<Vec<TreeHash>, StoreError> {
        within(to, self.head())?;
        let mut leaves = Vec::new();
        let scanned = self.scan(after, &mut |seq, event| {
            if seq > to {
                return Err(StoreError::Stopped { reason: String::new() });
            }
            leaves.push(leaf_hash(event));
            Ok(())
        });
        match scanned {
            Err(StoreError::Stopped { .. }) => Ok(leaves),
            other => other.map(|()| leaves),
        }
    }

    /// The root over the events after `after` up to `to`; what proofs are made of.
    ///
    /// # Errors
    ///
    /// As [`leaves`](Self::leaves).
    fn subtree(&self, after: Seq, to: Seq) -> Result<TreeHash, StoreError> {
        let mut tree = Frontier::default();
        tree.extend(self.leaves(after, to)?);
        Ok(tree.root())
    }

    /// The Merkle root over the first `size` events.
    ///
    /// # Errors
    ///
    /// [`StoreError::Beyond`] if the log is smaller; [`StoreError::Damaged`] if the hashes kept for the
    /// log are not those of its events; as [`scan`](Self::scan) otherwise.
    fn root(&self, size: Seq) -> Result<TreeHash, StoreError> {
        self.subtree(Seq(0), size)
    }

    /// The proof that the event at `at` is among the first `size` events, for
    /// [`verify_inclusion`](crate::merkle::verify_inclusion).
    ///
    /// # Errors
    ///
    /// [`StoreError::Beyond`] unless `1 <= at <= size <= head`; as [`root`](Self::root) otherwise.
    fn inclusion(&self, at: Seq, size: Seq) -> Result<Vec<TreeHash>, StoreError> {
        within(size, self.head())?;
        within(at, size)?;
        let leaf = at.0.checked_sub(1).ok_or(StoreError::Beyond { at, end: size })?;
        path::inclusion(leaf, size.0, &|from, to| self.subtree(Seq(from), Seq(to)))
    }

    /// The proof that the first `old` of the first `new` events are still what they were (L52), for
    /// [`verify_consistency`](crate::merkle::verify_consistency).
    ///
    /// # Errors
    ///
    /// [`StoreError::Beyond`] unless `old <= new <= head`; as [`root`](Self::root) otherwise.
    fn consistency(&self, old: Seq, new: Seq) -> Result<Vec<TreeHash>, StoreError> {
        within(new, self.head())?;
        within(old, new)?;
        path::consistency(old.0, new.0, &|from, to| self.subtree(Seq(from), Seq(to)))
    }

    /// Keeps bytes under a name in place of the last ones: a cache of something that the log can give again.
    ///
    /// A log that keeps nothing beside itself does nothing here, which is what a cache may do.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if they could not be written; the last ones then stay.
    fn save_cache(&mut self, _name: &str, _bytes: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    /// The bytes under a name, whole as they were saved; `None` where they are missing, damaged or not kept.
    ///
    /// Whether they still fit the log is for the caller to check: the log may be another one by now.
    fn load_cache(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    /// The key of a sealed event or body; `None` once it was thrown away.
    fn key(&self, _id: &KeyId) -> Option<Key> {
        None
    }

    /// Whether anything was ever sealed in this log.
    fn has_sealed(&self) -> bool {
        false
    }

    /// Keeps keys; they are durable when this returns, and only then may what they seal be appended.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKeys`] for a log that keeps none; [`StoreError::Io`] if they could not be written:
    /// then none of them may be used.
    fn add_keys(&mut self, _keys: &[(KeyId, Key)]) -> Result<(), StoreError> {
        Err(StoreError::NoKeys)
    }

    /// Throws keys away for ever: what they seal can never be read again, and no byte of the log changes (L55).
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKeys`] for a log that keeps none; [`StoreError::Io`] if they may still be there.
    fn forget_keys(&mut self, _ids: &[KeyId]) -> Result<(), StoreError> {
        Err(StoreError::NoKeys)
    }
}

/// Refuses a position behind `end`.
pub(crate) fn within(at: Seq, end: Seq) -> Result<(), StoreError> {
    if at > end { Err(StoreError::Beyond { at, end }) } else { Ok(()) }
}
