//! The journal: the log, the state that it folds to, and the bodies behind the hashes, always in step (L2).

use super::EngineError;
use super::sealing::{Stored, stored};
use crate::history::Index;
use mizan_core::bodies::{Bodies, Outcome};
use mizan_core::compare::rule_bodies;
use mizan_core::fold::{STATE_CODE, State, fold};
use mizan_core::sealed::KeyId;
use mizan_core::{ContentHash, Event, Fact, Image, Name, Schema, Seq, Timestamp};
use mizan_store::{Body, Contents, EventLog, Snapshot, StoreError, open_body, open_event};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Entities whose values are sealed.
    personal: BTreeSet<Name>,
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
        let last = match log.read(state.head)? {
            Some(bytes) => Some(Event::from_bytes(state.head, &bytes)?),
            None => None,
        };
        let latest = last.as_ref().map_or(Timestamp(i64::MIN), |event| event.at);
        let (log, cache, index) = (Mutex::new(log), Mutex::default(), Mutex::default());
        let personal = BTreeSet::new();
        let mut journal = Self { log, state, cache, snapshot_at, latest, index, personal };
        // An erasure throws its keys away after its event is durable; nothing is appended in between.
        if let Some(Fact::Erased { events, bodies, .. }) = last.map(|event| event.fact)
            && journal.snapshot_at < journal.state.head
        {
            let keys = journal.keys_of(&events, &bodies)?;
            journal.forget(&keys)?;
        }
        Ok(journal)
    }

    /// Seals the values of these entities from now on, so that they can be erased.
    #[must_use]
    pub fn sealing(mut self, personal: BTreeSet<Name>) -> Self {
        self.personal = personal;
        self
    }

    /// The entities whose values are sealed.
    #[must_use]
    pub fn personal(&self) -> &BTreeSet<Name> {
        &self.personal
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
        let mut bodies = Vec::with_capacity(outcome.images.len());
        let mut images = Vec::with_capacity(outcome.images.len());
        for body in outcome.images {
            bodies.push((body.hash, body.bytes));
            images.push((body.hash, body.image));
        }
        let log = self.log.get_mut().unwrap_or_else(PoisonError::into_inner);
        let stored = stored(log.as_ref(), &self.state, &self.personal, &events, bodies)?;
        let Stored { mut batch, keys } = stored;
        batch.bodies.extend(rules);
        if !keys.is_empty() {
            log.add_keys(&keys)?;
        }
        log.append(expected, &batch)?;
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
        let Some(bytes) = log.read(at)? else { return Ok(None) };
        Ok(Some(open_event(log.as_ref(), at, &bytes)?.0))
    }

    /// How much of an event can be read; `None` beyond the head.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn contents(&self, at: Seq) -> Result<Option<Contents>, EngineError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bytes) = log.read(at)? else { return Ok(None) };
        Ok(Some(open_event(log.as_ref(), at, &bytes)?.1))
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
        Ok(match open_body(log.as_ref(), hash)? {
            Body::Here(bytes, _) => Some(bytes),
            // Of what was erased nothing is known, which is not the same as missing.
            Body::Erased => Some(Image::default().to_bytes()),
            Body::Missing => None,
        })
    }

    /// How a body can be read.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn body_contents(&self, hash: &ContentHash) -> Result<Option<Contents>, EngineError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match open_body(log.as_ref(), hash)? {
            Body::Here(_, contents) => Some(contents),
            Body::Erased => Some(Contents::Erased),
            Body::Missing => None,
        })
    }

    /// The keys that these events and bodies still have.
    fn keys_of(&self, events: &[Seq], bodies: &[ContentHash]) -> Result<Vec<KeyId>, EngineError> {
        let mut keys = Vec::new();
        for at in events {
            if let Some(Contents::Sealed(key)) = self.contents(*at)? {
                keys.push(key);
            }
        }
        for hash in bodies {
            if let Some(Contents::Sealed(key)) = self.body_contents(hash)? {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// Appends an erasure, then throws the keys away of what it lists, and everything that was made of it (L55).
    ///
    /// Where the process ends in between, the next [`Journal::open`] finishes it.
    ///
    /// # Errors
    /// When the store refuses; the erasure is then not complete.
    pub(crate) fn erase(&mut self, now: Timestamp, erased: Fact) -> Result<(), EngineError> {
        let Fact::Erased { events, bodies, .. } = &erased else { return Ok(()) };
        let keys = self.keys_of(events, bodies)?;
        self.append_facts(now, vec![erased])?;
        self.forget(&keys)
    }

    fn forget(&mut self, keys: &[KeyId]) -> Result<(), EngineError> {
        let log = self.log.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !keys.is_empty() {
            log.forget_keys(keys)?;
        }
        // The state keeps a few texts for people, and a snapshot has them: both are made again from what is left.
        self.state = fold_log(log.as_ref(), State::default())?;
        self.cache.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.write_snapshot()
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
            page.push(open_event(log.as_ref(), seq, bytes).map(|(event, _)| event));
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
        self.write_snapshot()
    }

    fn write_snapshot(&mut self) -> Result<(), EngineError> {
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
        let image = match open_body(log.as_ref(), hash).ok()? {
            Body::Here(bytes, _) => Image::from_bytes(&bytes).ok()?,
            // Everything in it is unknown.
            Body::Erased => Image::default(),
            Body::Missing => return None,
        };
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
        let opened = open_event(log, seq, bytes).map_err(EngineError::from);
        let result = opened.and_then(|(event, _)| visit(event));
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
