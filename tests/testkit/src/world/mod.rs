//! The simulated world: sides with rows, users, a clock, and everything that can go wrong.

mod apply;
mod ghost;
mod own;
mod rows;
mod user;
mod watch;

use crate::coverage::Coverage;
use crate::failing::FailingLog;
use crate::law::{Law, Violation};
use crate::profile::{Faults, Mishap};
use crate::rng::SplitMix64;
use crate::setup::Setup;
use mizan_core::{CommandId, Ext, Image, Name, SideId};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use ghost::{Deletion, Ghost, Thing, Write};
pub use own::{Own, OwnSide};
pub use rows::{Cell, RowKey, SideData};
pub use watch::Watch;

pub(crate) use apply::{Applied, Sent};
pub(crate) use own::{MOMENT_MS, taggable};

/// All sides, and what only the oracle knows of them.
#[derive(Clone, Debug)]
pub struct World {
    /// The set-up.
    pub setup: Arc<Setup>,
    /// Milliseconds since the beginning.
    pub now: i64,
    /// The sides, in the order of the set-up.
    pub sides: Vec<SideData>,
    /// What users did.
    pub ghost: Ghost,
    /// The log, as far as the world looks into it.
    pub watch: Watch,
    /// Laws that were broken so far.
    pub violations: Vec<Violation>,
    /// Interesting things that happened.
    pub coverage: Coverage,
    /// What happened, in words, where it is to be told.
    pub trace: Option<Vec<String>>,
    /// Commands that reached a side and had an effect.
    pub effects: u64,
    /// A vice of the last side that breaks the adapter's contract, to test the oracle.
    pub broken_side: Vice,
    pub(crate) faults: Faults,
    /// What goes wrong at the next chance.
    pub(crate) mishap: Option<Mishap>,
    rolled: Faults,
    pub(crate) rng: SplitMix64,
    deferred: Vec<Deferred>,
}

/// A breach of the adapter's contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vice {
    /// None.
    #[default]
    None,
    /// Carries out creates twice.
    Doubles,
    /// Says of rows that they are not there.
    Lies,
    /// Says that it stored what it did not.
    Forgets,
    /// Writes over a row that is not as expected.
    Overwrites,
    /// Empties the fields that an update does not name.
    Blanks,
}

/// Something that will happen at its time.
#[derive(Clone, Debug)]
struct Deferred {
    at: i64,
    side: usize,
    what: Later,
}

#[derive(Clone, Debug)]
enum Later {
    /// A user's edit commits, with the stamp of the moment at which it was made.
    Commit { row: RowKey, field: Name, raw: mizan_core::Value, tag: u32, stamp: i64 },
    /// A write that was given up arrives.
    Arrival(Box<Sent>),
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(setup: Arc<Setup>, log: FailingLog) -> Self {
        let sides = setup.sides.iter().map(|(id, offers)| SideData::new(id, *offers)).collect();
        let rng = SplitMix64::part(setup.seed, 3);
        Self {
            setup,
            now: 1_000,
            sides,
            ghost: Ghost::default(),
            watch: Watch::new(log),
            violations: Vec::new(),
            coverage: Coverage::default(),
            trace: None,
            effects: 0,
            broken_side: Vice::None,
            faults: Faults::none(),
            mishap: None,
            rolled: Faults::none(),
            rng,
            deferred: Vec::new(),
        }
    }

    /// Sets how bad the next sync is, and its luck.
    pub fn roll(&mut self, faults: Faults, salt: u64) {
        self.faults = faults;
        self.rolled = faults;
        self.rng = SplitMix64::part(self.setup.seed, salt.wrapping_add(16));
    }

    /// True where this is what goes wrong now; then it has.
    pub(crate) fn strikes(&mut self, what: Mishap) -> bool {
        let strikes = self.mishap == Some(what);
        if strikes {
            self.mishap = None;
        }
        strikes
    }

    /// This world once more, on a log of its own.
    #[must_use]
    pub fn fork(&self, log: FailingLog) -> Self {
        let mut fork = self.clone();
        fork.watch.log = log;
        fork
    }

    /// Rises with everything that happens to a row: a step after which it stands as before did nothing.
    #[must_use]
    pub fn pulse(&self) -> u64 {
        let rows = self.sides.iter().flat_map(|side| side.rows.values());
        let changes: usize = rows.map(|cell| cell.versions.len()).sum();
        (changes + self.ghost.things.len()) as u64 * 1_000 + self.deferred.len() as u64
    }

    /// Lets time pass; what is due in it happens.
    pub fn pass(&mut self, ms: i64) {
        self.now += ms;
        loop {
            let due = self.deferred.iter().enumerate().filter(|(_, one)| one.at <= self.now);
            let Some((index, _)) = due.min_by_key(|(_, one)| one.at) else { return };
            let one = self.deferred.remove(index);
            match one.what {
                Later::Commit { row, field, raw, tag, stamp } => {
                    self.commit(one.side, &row, &field, &raw, tag, stamp);
                }
                Later::Arrival(sent) => {
                    self.tell(|| format!("the lost {} arrives after all", sent.command));
                    self.coverage.note("write arrived late");
                    let applied = self.apply(one.side, &sent);
                    self.arrived(&sent, &applied);
                }
            }
        }
    }

    /// A create that arrives after all may be a second row, where nothing remembers commands.
    fn arrived(&mut self, sent: &Sent, applied: &Applied) {
        let creates = sent.command.operation == mizan_core::Operation::Create;
        if let (true, Applied::Done(..)) = (creates, applied)
            && let Some(thing) = self.watch.things.get(&sent.command.record)
        {
            self.ghost.things[*thing].ambiguous = true;
        }
    }

    /// True where nothing is on its way any more.
    #[must_use]
    pub fn calm(&self) -> bool {
        self.deferred.is_empty()
    }

    /// Notes a broken law.
    pub fn broke(&mut self, law: Law, what: String) {
        self.tell(|| format!("!! {law}: {what}"));
        self.violations.push(Violation { law, what });
    }

    /// Adds a line to the story, where one is told.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    /// The id of a side.
    #[must_use]
    pub fn side_id(&self, side: usize) -> SideId {
        self.sides[side].id.clone()
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.rng.per_mille(per_mille)
    }
}

/// What an idempotent side remembers of a command.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) ext: Option<Ext>,
    pub(crate) image: Image,
}

pub(crate) type Memory = BTreeMap<CommandId, Remembered>;
