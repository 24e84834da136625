//! The simulated world: sides with rows, users, a clock, and everything that can go wrong.

mod apply;
mod deeds;
mod faults;
mod ghost;
mod listing;
mod own;
mod rows;
mod script;
mod user;
mod watch;

use crate::coverage::Coverage;
use crate::failing::FailingLog;
use crate::law::{Law, Violation};
use crate::profile::{Faults, Mishap, Profile};
use crate::rng::SplitMix64;
use crate::setup::Setup;
use crate::vices::{Vice, Vices};
use mizan_core::{CommandId, Ext, Image, Name, SideId};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use ghost::{Deletion, Ghost, Thing, Write};
pub use own::{Own, OwnSide};
pub use rows::{Cell, RowKey, SideData};
pub use script::{Moment, Trouble};
pub use watch::Watch;

pub(crate) use apply::{Applied, Sent};
pub(crate) use script::Script;

/// The part of a seed that draws vices.
const VICES_PART: u64 = 40;
/// The part of a seed that draws their luck.
const LUCK_PART: u64 = 41;
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
    pub(crate) faults: Faults,
    /// What goes wrong at the next chance.
    pub(crate) mishap: Option<Mishap>,
    rolled: Faults,
    pub(crate) rng: SplitMix64,
    /// Luck of vices, so that they do not change how faults are drawn.
    pub(crate) luck: SplitMix64,
    pub(crate) script: Script,
    deferred: Vec<Deferred>,
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
        let sides = setup.sides.iter().map(|(id, offers)| SideData::new(id, *offers));
        let mut sides: Vec<SideData> = sides.collect();
        if setup.profile == Profile::Vicious {
            let mut luck = SplitMix64::part(setup.seed, VICES_PART);
            sides.iter_mut().for_each(|side| side.vices = Vices::drawn(&mut luck));
        }
        let luck = SplitMix64::part(setup.seed, LUCK_PART);
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
            faults: Faults::none(),
            mishap: None,
            rolled: Faults::none(),
            rng,
            luck,
            script: Script::default(),
            deferred: Vec::new(),
        }
    }

    /// Sets how bad the next sync is, and its luck.
    pub fn roll(&mut self, faults: Faults, salt: u64) {
        self.faults = faults;
        self.rolled = faults;
        self.rng = SplitMix64::part(self.setup.seed, salt.wrapping_add(16));
        self.luck = SplitMix64::part(self.setup.seed ^ salt, LUCK_PART);
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

    /// The log was lost; another one is begun.
    pub(crate) fn begin_log(&mut self, log: FailingLog) {
        self.tell(|| "the log is lost".to_owned());
        self.watch = Watch::new(log);
    }

    /// The id of a side.
    #[must_use]
    pub fn side_id(&self, side: usize) -> SideId {
        self.sides[side].id.clone()
    }

    /// What the sides show now, by side and thing; ids of rows, which depend on who came first, are left out.
    #[must_use]
    pub fn rest(&self) -> BTreeMap<(usize, usize), String> {
        let mut rest = BTreeMap::new();
        for (index, side) in self.sides.iter().enumerate() {
            for cell in side.rows.values().filter(|cell| cell.live) {
                let fields = cell.image.iter().map(|(name, value)| {
                    let shown = value.map_refs(&mut |reference| {
                        let mizan_core::RefTo::Row { ext, .. } = &reference.to else {
                            return Some(reference.clone());
                        };
                        let row = side.rows.get(&(reference.entity.clone(), ext.clone()));
                        let thing = row.map_or(usize::MAX, |cell| cell.thing);
                        let (side, ext) = (side.id.clone(), Ext::new(thing.to_string()));
                        let to = mizan_core::RefTo::Row { side, ext };
                        Some(mizan_core::Ref { entity: reference.entity.clone(), to })
                    });
                    format!("{name}={}", shown.unwrap_or_else(|| value.clone()))
                });
                let fields: Vec<String> = fields.collect();
                rest.insert((index, cell.thing), fields.join("; "));
            }
        }
        rest
    }

    /// True where the side has the vice.
    #[must_use]
    pub fn has(&self, side: usize, vice: Vice) -> bool {
        let own = self.own_side(side).is_some_and(|own| own.vice == Some(vice));
        own || self.sides[side].vices.has(vice)
    }

    /// True in so many cases of a thousand where the side has the vice and things go wrong at all.
    pub(crate) fn vice_strikes(&mut self, side: usize, vice: Vice, per_mille: u32) -> bool {
        self.has(side, vice) && self.faults != Faults::none() && self.luck.per_mille(per_mille)
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
