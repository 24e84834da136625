//! One history: a world, a log, an engine that dies and comes back, and the oracle at the end.

use super::story::Story;
use crate::oracle::{LogBodies, check_log, check_rest, check_updates, check_work};
use crate::{
    Coverage, Crash, FailingLog, Faults, Law, Setup, SharedWorld, SimSide, Step, VISIBLE_MS, Vice,
    Vices, Violation, World, look,
};
use mizan::clock::Clock;
use mizan::engine::{Engine, EngineError, Report, Settings, Sweep, SyncOptions};
use mizan_core::ablate::{Switch, off};
use mizan_core::check::Limits;
use mizan_core::policy::{Conflict, Policy, Verdict};
use mizan_core::{
    ContentHash, DeletePolicy, Entity, Name, Normaliser, Schema, Seq, Timestamp, Value,
};
use mizan_store::{EventLog, MemoryLog};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A deliberately broken part, to test the oracle itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broken {
    /// Nothing is broken.
    #[default]
    Nothing,
    /// The policy makes up values.
    Inventing,
    /// A side carries out every create twice.
    Doubling,
    /// A side says of some rows that they are not there.
    Lying,
    /// A side stores half of its updates.
    Forgetting,
    /// Nobody has told the engine what the sides make of values; no law may break for that.
    Undeclared,
    /// The last side has a vice.
    Vicious(Vice),
}

/// What to run besides the story itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variant {
    /// What is broken on purpose.
    pub broken: Broken,
    /// Tell what happens, in words.
    pub tell: bool,
    /// When users have stopped, the sides answer many requests with "not now" before they answer all (L44).
    pub throttled: bool,
    /// Design choices that are switched off in the engine, and never in the oracle.
    #[cfg(feature = "ablate")]
    pub without: &'static [Switch],
}

/// What became of a history.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Broken laws, the first first.
    pub violations: Vec<Violation>,
    /// What happened in it.
    pub coverage: Coverage,
    /// What happened, in words.
    pub trace: Vec<String>,
    /// The log.
    pub log: MemoryLog,
    /// What the sides show in the end: by side and thing, with references to things.
    pub rest: BTreeMap<(usize, usize), String>,
}

/// Most syncs that a world without faults needs to come to rest.
const HEALS_MAX: usize = 6;
/// Syncs in which a throttled world answers some requests only.
const THROTTLED: usize = 6;

struct SimClock(SharedWorld);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(look(&self.0).now)
    }
}

/// Takes none of the candidates.
struct Inventor;

impl Policy for Inventor {
    fn id(&self) -> Name {
        Name::new_static("declared/1")
    }

    fn resolve(&self, _: &Conflict<'_>) -> Verdict {
        Verdict::Merged(Value::text("v0 made up"))
    }

    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        entity.on_delete
    }
}

/// Gives another answer every second time.
#[derive(Default)]
struct Fickle(AtomicUsize);

impl Policy for Fickle {
    fn id(&self) -> Name {
        Name::new_static("declared/1")
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let times = self.0.fetch_add(1, Ordering::Relaxed);
        Verdict::Take(times % conflict.candidates.len().max(1))
    }

    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        entity.on_delete
    }
}

/// A world, a log and an engine under way.
pub(crate) struct Run {
    pub(crate) setup: Arc<Setup>,
    pub(crate) world: SharedWorld,
    pub(crate) log: FailingLog,
    pub(crate) engine: Option<Engine>,
    /// What an engine is opened with; of a history as it is drawn.
    pub(crate) settings: Settings,
    variant: Variant,
    policy: Arc<dyn Policy>,
    runtime: Arc<tokio::runtime::Runtime>,
    violations: Vec<Violation>,
    /// The process died in the last step.
    died: bool,
}

/// Runs steps in a set-up, under a policy, and judges what became of it.
pub(super) fn run_in(
    setup: Setup,
    policy: Arc<dyn Policy>,
    steps: &[Step],
    variant: Variant,
) -> Outcome {
    let mut run = Run { policy, ..Run::begin(setup, variant) };
    for step in steps {
        run.step(*step);
    }
    run.end()
}

/// Runs a story and judges it.
#[must_use]
pub fn run(story: &Story, variant: Variant) -> Outcome {
    #[cfg(feature = "ablate")]
    return mizan_core::ablate::without(variant.without, || whole(story, variant));
    #[cfg(not(feature = "ablate"))]
    whole(story, variant)
}

fn whole(story: &Story, variant: Variant) -> Outcome {
    let setup = Setup::drawn(story.seed, story.profile, story.sides);
    let mut run = Run::begin(setup, variant);
    for step in &story.steps {
        run.step(*step);
    }
    run.end()
}

impl Run {
    /// A history in which nothing has happened.
    pub(crate) fn begin(setup: Setup, variant: Variant) -> Self {
        let setup = Arc::new(setup);
        let log = FailingLog::default();
        let mut world = World::new(setup.clone(), log.clone());
        world.trace = variant.tell.then(Vec::new);
        let vices = match variant.broken {
            Broken::Doubling => Vices::of(&[Vice::Doubles]),
            Broken::Lying => Vices::of(&[Vice::Lies]),
            Broken::Forgetting => Vices::of(&[Vice::Forgets]),
            Broken::Vicious(vice) => Vices::of(&[vice]),
            Broken::Nothing | Broken::Inventing | Broken::Undeclared => Vices::NONE,
        };
        if let (true, Some(last)) = (vices != Vices::NONE, world.sides.last_mut()) {
            last.vices = vices;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime without drivers needs nothing");
        let policy: Arc<dyn Policy> = match variant.broken {
            Broken::Inventing => Arc::new(Inventor),
            Broken::Nothing
            | Broken::Doubling
            | Broken::Lying
            | Broken::Forgetting
            | Broken::Undeclared
            | Broken::Vicious(_) => Arc::new(crate::policies()),
        };
        let (world, runtime) = (Arc::new(Mutex::new(world)), Arc::new(runtime));
        let settings = settings(&setup);
        Self {
            setup,
            world,
            log,
            engine: None,
            settings,
            variant,
            policy,
            runtime,
            violations: Vec::new(),
            died: false,
        }
    }

    /// The same history once more, to go on differently; its engine opens the log anew.
    pub(super) fn fork(&self) -> Self {
        let log = FailingLog::holding(self.log.copy());
        let world = Arc::new(Mutex::new(look(&self.world).fork(log.clone())));
        Self {
            setup: self.setup.clone(),
            world,
            log,
            engine: None,
            settings: self.settings.clone(),
            variant: self.variant,
            policy: self.policy.clone(),
            runtime: self.runtime.clone(),
            violations: self.violations.clone(),
            died: false,
        }
    }

    /// Takes a step; false where it did nothing, or where what should have gone wrong in it had no chance to.
    pub(super) fn matters(&mut self, step: Step) -> bool {
        let stands = |run: &Self| {
            let world = look(&run.world);
            (run.log.head(), world.effects, world.pulse())
        };
        let before = stands(self);
        self.died = false;
        self.step(step);
        let struck = match step {
            Step::Mishap(_) => look(&self.world).mishap.take().is_none(),
            Step::Sync { crash: Some(_), .. } => self.died,
            _ => true,
        };
        struck && stands(self) != before
    }

    /// Lets everything come to rest, and judges it.
    pub(super) fn end(mut self) -> Outcome {
        let stopped = self.log.head();
        self.heal(true);
        let sides = self.setup.sides.len();
        self.violations.extend(check_work(&self.log.copy(), stopped, sides));
        self.judge()
    }
}

/// How an engine is set in a history.
fn settings(setup: &Setup) -> Settings {
    let mut settings = Settings {
        limits: Limits {
            deletes_free: 0,
            deletes_percent: 100,
            updates_free: 0,
            updates_percent: 100,
        },
        retry_refused_after_ms: 200,
        log_id: ContentHash::of("mizan.sim.v1", &setup.seed.to_be_bytes()),
        ..Settings::default()
    };
    for (side, _) in &setup.sides {
        settings.visibility_ms.insert(side.clone(), VISIBLE_MS);
        if setup.sweep_first_only || off(Switch::Sweeps) {
            for entity in &setup.schema.entities {
                settings.sweeps.insert((entity.name.clone(), side.clone()), Sweep::First);
            }
        }
    }
    settings
}

impl Run {
    fn broke(&mut self, law: Law, what: String) {
        look(&self.world).tell(|| format!("!! {law}: {what}"));
        self.violations.push(Violation { law, what });
    }

    pub(super) fn step(&mut self, step: Step) {
        look(&self.world).tell(|| format!("> {step}"));
        match step {
            Step::Sync { salt, crash } => {
                let faults = self.setup.faults;
                look(&self.world).roll(faults, salt);
                self.sync(crash, false);
            }
            Step::Mishap(what) => {
                let mut world = look(&self.world);
                world.roll(Faults::none(), 0);
                world.mishap = Some(what);
                drop(world);
                self.sync(None, false);
            }
            Step::Heal => self.heal(false),
            Step::Pass { ms } => look(&self.world).pass(ms),
            Step::Epoch { number } => self.new_epoch(0, number),
            Step::Restore { back, number } => self.new_epoch(back, number),
            user => {
                let mut world = look(&self.world);
                world.pass(1);
                world.user(user);
            }
        }
    }

    /// The process ends, the log loses its last events, and what opens it then says so.
    fn new_epoch(&mut self, back: u64, number: u32) {
        if self.log.head() == Seq(0) {
            return;
        }
        self.end_process();
        if back > 0 {
            self.log.restore(back);
            look(&self.world).restored();
        }
        let now = Timestamp(look(&self.world).now);
        if let Err(error) = mizan::epoch::new_epoch(Box::new(self.log.clone()), now, number) {
            self.broke(Law::NoError, format!("a new epoch: {error}"));
        }
        let mut world = look(&self.world);
        world.catch_up();
        world.coverage.note("epoch after restore");
    }

    fn policy(&self) -> Arc<dyn Policy> {
        if off(Switch::Deterministic) { Arc::new(Fickle::default()) } else { self.policy.clone() }
    }

    /// The schema as the engine knows it.
    fn schema(&self) -> Schema {
        let mut schema = self.setup.schema.clone();
        if self.variant.broken == Broken::Undeclared {
            let fields = schema.entities.iter_mut().flat_map(|entity| &mut entity.fields);
            for on in fields.flat_map(|field| field.sides.values_mut()) {
                on.normaliser = Normaliser::default();
            }
        }
        schema
    }

    pub(crate) fn open(&mut self) -> Result<(), EngineError> {
        if self.engine.is_none() {
            let engine = Engine::open(
                Box::new(self.log.clone()),
                self.schema(),
                SimSide::all(&self.world),
                self.policy(),
                self.settings.clone(),
                Arc::new(SimClock(self.world.clone())),
            )?;
            self.engine = Some(engine);
        }
        Ok(())
    }

    /// One sync; `None` where the process died in it.
    fn sync(&mut self, crash: Option<Crash>, sweep: bool) -> Option<Report> {
        self.sync_with(crash, &SyncOptions { sweep, ..SyncOptions::default() })
    }

    /// One sync with these wishes; `None` where the process died in it.
    pub(crate) fn sync_with(
        &mut self,
        crash: Option<Crash>,
        options: &SyncOptions,
    ) -> Option<Report> {
        self.log.crash_at(crash);
        let opened = self.open();
        let result = match (opened, &mut self.engine) {
            (Ok(()), Some(engine)) => {
                let mut options = options.clone();
                options.sweep &= !off(Switch::Sweeps);
                self.runtime.block_on(engine.sync(&options))
            }
            (Err(error), _) => Err(error),
            (Ok(()), None) => return None,
        };
        look(&self.world).catch_up();
        match result {
            Ok(report) => {
                self.log.crash_at(None);
                Some(report)
            }
            Err(error) => {
                if self.log.endless() {
                    self.broke(Law::Terminate, error.to_string());
                } else if !self.log.crashed() {
                    self.broke(Law::NoError, format!("the engine fails: {error}"));
                }
                look(&self.world).died();
                self.died = true;
                self.log.crash_at(None);
                self.end_process();
                None
            }
        }
    }

    /// L2: what the log folds to is what was in memory; the state of a process that died is only ever behind.
    pub(crate) fn end_process(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        let head = engine.state().head;
        let mut folded = mizan_core::fold::State::default();
        for (seq, bytes) in (1..=head.0).zip(self.log.copy().events()) {
            let event = mizan_core::Event::from_bytes(mizan_core::Seq(seq), bytes);
            let folds =
                event.is_ok_and(|event| mizan_core::fold::fold(&mut folded, &event).is_ok());
            if !folds {
                return self.broke(Law::ReplayEq, format!("event {seq} does not fold"));
            }
        }
        if folded.hash() != engine.state().hash() {
            self.broke(Law::ReplayEq, format!("the state at {head} is not what the log folds to"));
        }
    }

    /// All faults end; syncs run until nothing is left to do.
    pub(crate) fn heal(&mut self, last: bool) {
        let mut world = look(&self.world);
        world.roll(Faults::none(), 0);
        world.mishap = None;
        drop(world);
        if last && self.variant.throttled {
            self.throttle();
        }
        for turn in 0..HEALS_MAX {
            look(&self.world).pass(2_000);
            let rested = match self.sync(None, turn > 0 || !self.setup.sweep_first_only) {
                Some(report) => report.complete && report.problems.is_empty(),
                None => false,
            };
            if turn > 1 && rested && look(&self.world).calm() {
                if last {
                    self.silence();
                }
                return;
            }
        }
        self.broke(Law::Terminate, format!("{HEALS_MAX} syncs without faults are not enough"));
    }

    /// Nobody edits any more, and the sides put many requests off.
    fn throttle(&mut self) {
        for salt in 0..THROTTLED as u64 {
            let faults = Faults { not_sent: 400, read_fails: 150, ..Faults::none() };
            look(&self.world).roll(faults, 1_000 + salt);
            look(&self.world).pass(500);
            self.sync(None, true);
        }
        look(&self.world).roll(Faults::none(), 0);
    }

    /// L46: at rest, a sync that lists everything appends nothing.
    pub(crate) fn silence(&mut self) {
        let head = self.log.head();
        let effects = look(&self.world).effects;
        self.sync(None, true);
        let (after, writes) = (self.log.head(), look(&self.world).effects - effects);
        if after != head || writes > 0 {
            let what = format!("{} events and {writes} writes at rest", after.0 - head.0);
            self.broke(Law::LogSilent, what);
        }
    }

    pub(crate) fn judge(mut self) -> Outcome {
        self.end_process();
        let log = self.log.copy();
        let policy = self.policy();
        let check = check_log(&log, &self.schema(), policy.as_ref());
        let mut world = look(&self.world);
        let mut violations = std::mem::take(&mut world.violations);
        violations.append(&mut self.violations);
        violations.extend(check.violations.iter().cloned());
        let bodies = LogBodies(&log);
        violations.extend(oracle(|| {
            let mut found = check_updates(&world, &check.state, &bodies, &check.events);
            found.extend(check_rest(&world, &check.state, &bodies));
            found
        }));
        let lost = world.unknown_lost().into_iter();
        violations.extend(lost.map(|what| Violation { law: Law::Unmapped, what }));
        let mut coverage = std::mem::take(&mut world.coverage);
        coverage.add(&check.coverage);
        let mut trace = world.trace.take().unwrap_or_default();
        if self.variant.tell {
            trace.push("the log:".to_owned());
            for event in &check.events {
                trace.push(format!("  {} at {}: {:?}", event.seq, event.at.0, event.fact));
            }
        }
        let rest = world.rest();
        drop(world);
        Outcome { violations, coverage, trace, log, rest }
    }
}

/// Judges with every design choice in place: the oracle shares the pure functions of the core with the engine.
fn oracle<T>(judge: impl FnOnce() -> T) -> T {
    #[cfg(feature = "ablate")]
    return mizan_core::ablate::without(&[], judge);
    #[cfg(not(feature = "ablate"))]
    judge()
}
