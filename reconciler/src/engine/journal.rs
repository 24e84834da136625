//! The journal: the log, the state that it folds to, and the bodies behind the hashes, always in step (L2).

use super::EngineError;
use crate::history::Index;
use mizan_core::bodies::{Bodies, Outcome};
use mizan_core::compare::rule_bodies;
use mizan_core::fold::{STATE_CODE, State, fold};
use mizan_core::{ContentHash, Event, Fact, Image, Schema, Seq, Timestamp};
use mizan_store::{Batch, EventLog, Snapshot, StoreError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

/// Images kept in memory after use; a first sync touches each a few times within moments.
const CACHE_IMAGES_MAX: usize = 20_000;

/// Events that are read at a time when the log is walked.
const PAGE_EVENTS_MAX: usize = 4_096;

/// So many events are walked over in the time that one look at a single event takes.
const EVENTS_PER_LOOK: u64 = 8;

/// Events after which a stop is worth a snapshot.
const SNAPSHOT_EVENTS_MIN: u64 = 2_000;

/// What is called for each event: it says whether to go on.
pub type Visit<'a> = &'a mut dyn FnMut(&Event) -> Result<ControlFlow<()>, EngineError>;

/// A log with its folded state.
pub struct Journal {
    log: Mutex<Box<dyn EventLog>>,
    state: State,
    cache: Mutex<BTreeMap<ContentHash, Image>>,
    snapshot_at: Seq,
    /// When the last event was appended: none is ever earlier than the one before it (L54).
    latest: Timestamp,
    /// Which events are about which record; made when it is first asked for.
    index: Mutex<Option<Index>>,
}

impl Journal {
    /// Folds the log, from the newest snapshot that this code wrote.
    ///
    /// # Errors
    /// When an event cannot be read or does not follow.
    pub fn open(log: Box<dyn EventLog>) -> Result<Self, EngineError> {
        let snapshot = log.load_snapshot(STATE_CODE)?;
        let head = log.head();
        let state = snapshot
            .filter(|snapshot| snapshot.at <= head)
            .and_then(|snapshot| {
                if ContentHash::of("mizan.state.v1", &snapshot.bytes) != snapshot.state_hash {
                    return None;
                }
                let state = State::from_bytes(&snapshot.bytes)?;
                (state.head == snapshot.at).then_some(state)
            })
            .unwrap_or_default();
        let snapshot_at = state.head;
        let state = fold_log(log.as_ref(), state)?;
        let latest = match log.read(state.head)? {
            Some(bytes) => Event::from_bytes(state.head, &bytes)?.at,
            None => Timestamp(i64::MIN),
        };
        let (log, cache, index) = (Mutex::new(log), Mutex::default(), Mutex::default());
        Ok(Self { log, state, cache, snapshot_at, latest, index })
    }

    /// The folded state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Position of the last event.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.state.head
    }

    /// Appends facts and images in one durable batch and folds them.
    ///
    /// # Errors
    /// When the store refuses, or a fact does not follow from the state: then it was never appended.
    pub fn append(&mut self, now: Timestamp, outcome: Outcome) -> Result<(), EngineError> {
        self.append_beside(now, outcome, Vec::new())
    }

    /// Appends declarations with the rules that they name, so that what is decided by them can be computed again.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_declared(
        &mut self,
        now: Timestamp,
        schema: &Schema,
        facts: Vec<Fact>,
    ) -> Result<(), EngineError> {
        let rules = rule_bodies(schema, &facts);
        self.append_beside(now, Outcome { facts, images: Vec::new() }, rules)
    }

    pub(super) fn append_beside(
        &mut self,
        now: Timestamp,
        outcome: Outcome,
        rules: Vec<(ContentHash, Vec<u8>)>,
    ) -> Result<(), EngineError> {
        if outcome.is_empty() {
            return Ok(());
        }
        // A clock that was set back does not take the log back with it.
        let now = now.max(self.latest);
        let expected = self.state.head;
        let mut seq = expected;
        let mut events = Vec::with_capacity(outcome.facts.len());
        for fact in outcome.facts {
            seq = seq.next();
            events.push(Event { seq, at: now, fact });
        }
        let mut bodies = rules;
        bodies.reserve(outcome.images.len());
        let mut images = Vec::with_capacity(outcome.images.len());
        for body in outcome.images {
            bodies.push((body.hash, body.bytes));
            images.push((body.hash, body.image));
        }
        let batch = Batch { events: events.iter().map(Event::to_bytes).collect(), bodies };
        self.log.get_mut().unwrap_or_else(PoisonError::into_inner).append(expected, &batch)?;
        let cache = self.cache.get_mut().unwrap_or_else(PoisonError::into_inner);
        if cache.len() + images.len() > CACHE_IMAGES_MAX {
            cache.clear();
        }
        cache.extend(images);
        self.latest = now;
        for event in &events {
            fold(&mut self.state, event)?;
        }
        Ok(())
    }

    /// Appends facts without images.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_facts(&mut self, now: Timestamp, facts: Vec<Fact>) -> Result<(), EngineError> {
        self.append(now, Outcome { facts, images: Vec::new() })
    }

    /// Calls `visit` for every event after a position; it may look up images while it does.
    ///
    /// # Errors
    /// When an event cannot be read.
    pub fn each_event(&self, after: Seq, visit: &mut dyn FnMut(&Event)) -> Result<(), EngineError> {
        self.try_each_event(after, &mut |event| {
            visit(event);
            Ok(ControlFlow::Continue(()))
        })
    }

    /// As [`Journal::each_event`], for a visitor that may fail, or have seen enough.
    ///
    /// # Errors
    /// When an event cannot be read, and what `visit` fails with.
    pub fn try_each_event(&self, after: Seq, visit: Visit<'_>) -> Result<(), EngineError> {
        let mut after = after;
        loop {
            // The log is free again while a page is visited, or a visitor that wants an image would wait for itself.
            let page = self.page(after)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            for event in &page {
                if visit(event)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// One event; `None` beyond the head, and for position 0.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn event(&self, at: Seq) -> Result<Option<Event>, EngineError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = log.read(at)?;
        Ok(bytes.map(|bytes| Event::from_bytes(at, &bytes)).transpose()?)
    }

    /// Calls `visit` for the events at these positions, in order; what is not there is passed over.
    ///
    /// # Errors
    /// When an event cannot be read, and what `visit` fails with.
    pub fn each_event_at(&self, places: &[Seq], visit: Visit<'_>) -> Result<(), EngineError> {
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(()) };
        // Where much of the log is wanted, one walk is quicker than so many looks.
        if places.len() as u64 > (last.0 - first.0) / EVENTS_PER_LOOK && places.len() > 1 {
            let mut wanted = places.iter().peekable();
            return self.try_each_event(Seq(first.0.saturating_sub(1)), &mut |event| {
                if wanted.next_if_eq(&&event.seq).is_some() && visit(event)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                let more = wanted.peek().is_some();
                Ok(if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            });
        }
        for at in places {
            if let Some(event) = self.event(*at)?
                && visit(&event)?.is_break()
            {
                break;
            }
        }
        Ok(())
    }

    /// The index of the log, up to its head; `look` must not ask for it again.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn with_index<T>(&self, look: impl FnOnce(&Index) -> T) -> Result<T, EngineError> {
        self.with_index_telling(&mut |_| {}, look)
    }

    /// As [`Journal::with_index`]; `tell` is told of the position that is reached where much is to be read first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn with_index_telling<T>(
        &self,
        tell: &mut dyn FnMut(Seq),
        look: impl FnOnce(&Index) -> T,
    ) -> Result<T, EngineError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match &mut *index {
            Some(index) => index,
            none => none.insert(Index::load(self)?),
        };
        index.follow(self, tell)?;
        Ok(look(index))
    }

    /// Bytes that can be computed again, kept beside the log under a name.
    pub(crate) fn load_cache(&self, name: &str) -> Option<Vec<u8>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).load_cache(name)
    }

    pub(crate) fn save_cache(&self, name: &str, bytes: &[u8]) -> Result<(), EngineError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.save_cache(name, bytes)?)
    }

    /// The bytes of one event.
    pub(crate) fn event_bytes(&self, at: Seq) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.log.lock().unwrap_or_else(PoisonError::into_inner).read(at)?)
    }

    /// The bytes that the log keeps under a hash, as they are: an image, or the rules of an entity.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, EngineError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.body(hash)?)
    }

    /// The newest snapshot that this code wrote, as it is in the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, EngineError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.load_snapshot(STATE_CODE)?)
    }

    fn page(&self, after: Seq) -> Result<Vec<Event>, EngineError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Vec::new();
        let scanned = log.scan(after, &mut |seq, bytes| {
            page.push(Event::from_bytes(seq, bytes));
            if page.len() == PAGE_EVENTS_MAX {
                return Err(StoreError::Stopped { reason: "a page is full".to_owned() });
            }
            Ok(())
        });
        if page.len() < PAGE_EVENTS_MAX {
            scanned?;
        }
        page.into_iter().map(|event| Ok(event?)).collect()
    }

    /// Saves a snapshot where enough has happened since the last.
    ///
    /// # Errors
    /// When the store cannot write it.
    pub fn save_snapshot(&mut self) -> Result<(), EngineError> {
        if self.state.head.0 < self.snapshot_at.0 + SNAPSHOT_EVENTS_MIN {
            return Ok(());
        }
        let bytes = self.state.to_bytes();
        let snapshot = Snapshot {
            at: self.state.head,
            state_hash: ContentHash::of("mizan.state.v1", &bytes),
            code_id: STATE_CODE.to_owned(),
            bytes,
        };
        self.log.get_mut().unwrap_or_else(PoisonError::into_inner).save_snapshot(&snapshot)?;
        self.snapshot_at = self.state.head;
        Ok(())
    }

    /// Looks at the log itself: stored bytes, roots and proofs.
    pub fn with_log<R>(&self, look: impl FnOnce(&dyn EventLog) -> R) -> R {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        look(log.as_ref())
    }

    /// Gives the log back.
    #[must_use]
    pub fn into_log(self) -> Box<dyn EventLog> {
        self.log.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bodies for Journal {
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
        if cached.is_some() {
            return cached;
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // A body that cannot be read is as good as missing: the caller says which and what to do.
        let bytes = log.body(hash).ok().flatten()?;
        let image = Image::from_bytes(&bytes).ok()?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() < CACHE_IMAGES_MAX {
            cache.insert(*hash, image.clone());
        }
        Some(image)
    }
}

/// Folds what a log holds after `state`.
///
/// # Errors
/// When an event cannot be read or does not follow.
pub fn fold_log(log: &dyn EventLog, state: State) -> Result<State, EngineError> {
    let mut state = state;
    let after = state.head;
    scan_events(log, after, &mut |event| Ok(fold(&mut state, &event)?))?;
    Ok(state)
}

fn scan_events(
    log: &dyn EventLog,
    after: Seq,
    visit: &mut dyn FnMut(Event) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let failed: RefCell<Option<EngineError>> = RefCell::new(None);
    let scanned = log.scan(after, &mut |seq, bytes| {
        let result = Event::from_bytes(seq, bytes).map_err(EngineError::from).and_then(&mut *visit);
        result.map_err(|error| {
            failed.replace(Some(error));
            StoreError::Stopped { reason: "the reader stopped".to_owned() }
        })
    });
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(scanned?),
    }
}
