//! The index: which events are about which record, of which kind, side and entity, and when they were appended.
//!
//! It is a cache: it says nothing that the log does not say, it is bound to the log by hashes of its events, and what
//! is missing, damaged, of another code or of another log is made again from the first event. Full blocks are written
//! once; the last one, with what is open at its end, is written again when enough has been added.

mod block;
mod build;
mod bytes;

use crate::engine::{EngineError, Journal};
pub use build::KINDS;

use block::Block;
use build::Open;
use bytes::{Parts, put};
use mizan_core::fold::State;
use mizan_core::{ContentHash, Name, RecordId, Seq, SideId, Timestamp};

/// Events in a full block.
const BLOCK_EVENTS: usize = 1 << 18;

/// So many new events are worth writing the last block again.
const SAVE_EVENTS_MIN: u64 = 512;

/// Names the code that wrote the index; another code makes its own.
const CODE: &str = concat!("mizan ", env!("CARGO_PKG_VERSION"), " index 1");

const TAIL: &str = "history-tail";

/// What of the log is asked for; nothing said is everything.
///
/// ```
/// use mizan::core::{Fact, Seq, SideId, Timestamp};
/// use mizan::engine::Journal;
/// use mizan::history::Filter;
/// use mizan::store::MemoryLog;
///
/// let mut journal = Journal::open(Box::new(MemoryLog::default()))?;
/// let attached = |name: &str| Fact::SideAttached { side: SideId::new(name) };
/// journal.append_facts(Timestamp(1_000), vec![attached("shop"), attached("books")])?;
/// let filter = Filter { side: Some(SideId::new("books")), ..Filter::default() };
/// let found = journal.with_index(|index| index.find(journal.state(), &filter))?;
/// assert_eq!(found, [Seq(2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// About this record.
    pub record: Option<RecordId>,
    /// Of one of these kinds; of any where there are none.
    pub kinds: Vec<String>,
    /// On this side: what it showed, what was sent to it, and what became of that.
    pub side: Option<SideId>,
    /// About this entity.
    pub entity: Option<Name>,
    /// After this position.
    pub after: Seq,
    /// Up to this position; to the head where it is 0.
    pub until: Seq,
}

/// Which events are about what. Made by [`Journal::with_index`].
#[derive(Debug)]
pub struct Index {
    full: Vec<Block>,
    last: Block,
    open: Open,
    block_events: usize,
    saved_full: usize,
    saved_to: Seq,
}

impl Index {
    fn empty(block_events: usize) -> Self {
        let open = Open::default();
        let last = Block::after(Seq(0), i64::MIN);
        Self { full: Vec::new(), last, open, block_events, saved_full: 0, saved_to: Seq(0) }
    }

    /// Position of the last event that is in it.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.last.last()
    }

    /// The index that is kept beside the log, or an empty one where that does not fit it.
    pub(crate) fn load(journal: &Journal) -> Result<Self, EngineError> {
        Self::load_with(journal, BLOCK_EVENTS)
    }

    /// As the log itself does it, with blocks of another size: for tests of what happens at their edges.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn load_with(journal: &Journal, block_events: usize) -> Result<Self, EngineError> {
        let kept = Self::read(journal).filter(|index| index.chained());
        match kept {
            Some(index) if index.fits(journal)? => Ok(Self { block_events, ..index }),
            Some(_) | None => Ok(Self::empty(block_events)),
        }
    }

    fn read(journal: &Journal) -> Option<Self> {
        let tail = journal.load_cache(TAIL)?;
        let mut parts = Parts::of(&tail);
        if parts.bytes()? != CODE.as_bytes() {
            return None;
        }
        let blocks = usize::try_from(parts.number()?).ok()?;
        let last = Block::read(&mut parts)?;
        let open = Open::read(&mut parts)?;
        parts.end()?;
        let mut full = Vec::new();
        for number in 0..blocks {
            let bytes = journal.load_cache(&block_name(number))?;
            let mut parts = Parts::of(&bytes);
            if parts.bytes()? != CODE.as_bytes() {
                return None;
            }
            full.push(Block::read(&mut parts)?);
            parts.end()?;
        }
        let (saved_full, saved_to) = (full.len(), last.last());
        Some(Self { full, last, open, block_events: BLOCK_EVENTS, saved_full, saved_to })
    }

    /// Every block begins where the one before it ends.
    fn chained(&self) -> bool {
        let mut end = Seq(0);
        self.blocks().all(|block| {
            let follows = block.first() == end.next();
            end = block.last();
            follows
        })
    }

    /// The last event of every block is the one that stands there in the log.
    fn fits(&self, journal: &Journal) -> Result<bool, EngineError> {
        for block in self.blocks().filter(|block| !block.is_empty()) {
            let Some(bytes) = journal.event_bytes(block.last())? else { return Ok(false) };
            if mark_of(&bytes).0 != block.mark {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes in what was appended since, and keeps it where that is worth it; `tell` is told how far it is.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn follow(
        &mut self,
        journal: &Journal,
        tell: &mut dyn FnMut(Seq),
    ) -> Result<(), EngineError> {
        if self.head() >= journal.head() {
            return Ok(());
        }
        build::extend(self, journal, tell)?;
        if self.head().0 >= self.saved_to.0 + SAVE_EVENTS_MIN {
            self.save(journal);
        }
        Ok(())
    }

    /// Keeps it beside the log, however little is new.
    ///
    /// # Errors
    /// When the store cannot write it.
    pub fn keep(&mut self, journal: &Journal) -> Result<(), EngineError> {
        self.try_save(journal)
    }

    /// A cache that cannot be written is no reason not to answer.
    fn save(&mut self, journal: &Journal) {
        if let Err(error) = self.try_save(journal) {
            tracing::warn!(%error, "the index of the log's records could not be kept");
        }
    }

    fn try_save(&mut self, journal: &Journal) -> Result<(), EngineError> {
        for (number, block) in self.full.iter().enumerate().skip(self.saved_full) {
            let mut bytes = Vec::new();
            put(&mut bytes, CODE.as_bytes());
            block.write(&mut bytes);
            journal.save_cache(&block_name(number), &bytes)?;
        }
        self.saved_full = self.full.len();
        let mut bytes = Vec::new();
        put(&mut bytes, CODE.as_bytes());
        bytes.extend((self.full.len() as u64).to_le_bytes());
        self.last.write(&mut bytes);
        self.open.write(&mut bytes);
        journal.save_cache(TAIL, &bytes)?;
        self.saved_to = self.head();
        Ok(())
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.full.iter().chain(std::iter::once(&self.last))
    }

    /// The events about a record: its rows, decisions, commands and their outcomes, oldest first.
    #[must_use]
    pub fn of_record(&self, state: &State, id: RecordId) -> Vec<Seq> {
        let Some(record) = state.record(id) else { return Vec::new() };
        let mut found = Vec::new();
        for block in self.blocks() {
            block.of_record(id, &mut found);
            // A copy has its first value from the event that made it, which is about its original.
            if let Some(original) = record.copy_of {
                block.forks_of(original, &mut found);
            }
            block.redecisions_of(&record.entity, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The events that a filter lets through, oldest first.
    #[must_use]
    pub fn find(&self, state: &State, filter: &Filter) -> Vec<Seq> {
        let until = if filter.until == Seq(0) { self.head() } else { filter.until };
        let mut found = Vec::new();
        match filter.record {
            Some(id) => {
                let wanted = self.of_record(state, id).into_iter();
                found.extend(wanted.filter(|at| *at > filter.after && *at <= until));
                let mut blocks = self.blocks().peekable();
                found.retain(|at| {
                    while blocks.peek().is_some_and(|block| block.last() < *at) {
                        blocks.next();
                    }
                    blocks.peek().is_some_and(|block| block.passes(*at, filter))
                });
            }
            None => {
                for block in self.blocks() {
                    block.each_passing(filter, (filter.after, until), &mut found);
                }
            }
        }
        found
    }

    /// The last position that was appended at or before a moment (L54); 0 where everything came later.
    ///
    /// A clock that was set back does not take events back with it: what follows a later event counts as later.
    ///
    /// # Errors
    /// When an event cannot be read.
    pub fn position_at(&self, journal: &Journal, moment: Timestamp) -> Result<Seq, EngineError> {
        let mut found = Seq(0);
        for block in self.blocks().filter(|block| !block.is_empty()) {
            if block.latest() <= moment.0 {
                found = block.last();
                continue;
            }
            let (from, to) = block.around(moment.0);
            found = Seq(found.0.max(from.0));
            let mut at = found.next();
            while at <= to {
                match journal.event(at)? {
                    Some(event) if event.at <= moment => found = at,
                    Some(_) | None => return Ok(found),
                }
                at = at.next();
            }
            return Ok(found);
        }
        Ok(found)
    }
}

fn block_name(number: usize) -> String {
    format!("history-{:06}", number + 1)
}

fn mark_of(event: &[u8]) -> ContentHash {
    ContentHash::of("mizan.index.v1", event)
}
