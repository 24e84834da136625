//! `Simulation`: histories of a set-up of the user's own, with the user's own policies.

use super::history::{Outcome, Variant, run_in};
use super::report::{Report, Told};
use super::shape::Shape;
use super::shrink::shrink_by;
use super::side::Side;
use super::story::Story;
use super::support::{self, Unsupported};
use crate::policy_laws::{BrokenLaw, PolicyCheck};
use crate::profile::Faults;
use crate::strategies;
use crate::world::Own;
use crate::{Law, Profile, Setup, SplitMix64, Step, Violation};
use mizan_core::policy::{Policies, Policy};
use mizan_core::{Entity, Rivalry, Schema, SideId};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Which laws a simulation holds the reconciler to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Laws {
    /// Those that can be kept with what the sides offer (LAWS 1.6).
    #[default]
    Guaranteed,
    /// All of them, also where no reconciler could.
    All,
    /// These alone.
    Only(Vec<Law>),
}

/// A simulated set-up of the user's own: sides, entities, policies, faults, and how many histories.
///
/// What can be simulated: any number of entities on any number of sides, with texts, decimals, dates, moments, yes-no
/// fields and references to other entities; one counter for each entity; owners, normalisers, keys of texts and
/// decimals, every declared way of deciding a conflict but `KeepBoth`, and policies of the user's own. What cannot be
/// is refused by [`Simulation::run`] in so many words: sides that may not create, update or delete, fields that may
/// not be written, sets, lists, groups, stock counts, copies, and references to the own entity.
///
/// ```
/// use mizan_core::{Rivalry, SideId};
/// use mizan_testkit::simulation::{Shape, Side, Simulation};
///
/// let report = Simulation::new()
///     .side("shop", Side::full().late_commits())
///     .side("erp", Side::new().marker().ack_body().rounds("credit", 2).trims("name").page_size(20))
///     .entity(
///         Shape::of("customer")
///             .key("email")
///             .text("name")
///             .rivalry(Rivalry::Prefer(SideId::new("erp")))
///             .decimal("credit")
///             .owner("erp"),
///     )
///     .entity(Shape::of("order").key("number").refers("customer", "customer").counter("stock").text("note"))
///     .histories(100)
///     .steps(5..40)
///     .seed_from_env("MIZAN_SEED")
///     .run()
///     .expect("it can be simulated");
/// report.assert_ok();
/// ```
#[derive(Clone)]
pub struct Simulation {
    sides: Vec<(SideId, Side)>,
    shapes: Vec<Shape>,
    entities: Vec<Entity>,
    policies: Policies,
    own_policies: Vec<Arc<dyn Policy>>,
    faults: Option<Faults>,
    crashes: bool,
    histories: u64,
    steps: Range<usize>,
    seed: u64,
    threads: usize,
    laws: Laws,
    folder: Option<PathBuf>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

/// Failures of each law that are shrunk; the smallest is told.
const SHRUNK: usize = 3;

/// What [`Simulation::run`] runs, once it is known to make sense.
struct Ready {
    sides: Vec<(SideId, Side)>,
    schema: Schema,
    policy: Arc<dyn Policy>,
    allowed: BTreeSet<Law>,
}

/// A policy that several hands hold.
struct Shared(Arc<dyn Policy>);

impl Policy for Shared {
    fn id(&self) -> mizan_core::Name {
        self.0.id()
    }

    fn promises(&self) -> mizan_core::policy::Promises {
        self.0.promises()
    }

    fn resolve(&self, conflict: &mizan_core::policy::Conflict<'_>) -> mizan_core::policy::Verdict {
        self.0.resolve(conflict)
    }

    fn on_delete(&self, entity: &Entity) -> mizan_core::DeletePolicy {
        self.0.on_delete(entity)
    }
}

impl Simulation {
    /// Nothing yet: add sides and entities.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sides: Vec::new(),
            shapes: Vec::new(),
            entities: Vec::new(),
            policies: Policies::default(),
            own_policies: Vec::new(),
            faults: None,
            crashes: true,
            histories: 1_000,
            steps: 5..45,
            seed: 1,
            threads: 2,
            laws: Laws::Guaranteed,
            folder: None,
        }
    }

    /// Adds a side.
    #[must_use]
    pub fn side(mut self, name: &str, side: Side) -> Self {
        self.sides.push((SideId::new(name), side));
        self
    }

    /// Adds an entity that is on every side.
    #[must_use]
    pub fn entity(mut self, shape: Shape) -> Self {
        self.shapes.push(shape);
        self
    }

    /// Adds the entities of a schema as it is, of a configuration for example. Its sides are to be described by
    /// [`Simulation::side`] too; what they do to values is added to what the schema says.
    #[must_use]
    pub fn schema(mut self, schema: &Schema) -> Self {
        self.entities.extend(schema.entities.iter().cloned());
        self
    }

    /// Adds a policy, for fields that name it. Its own laws are checked as well.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        let policy: Arc<dyn Policy> = Arc::new(policy);
        self.policies = self.policies.with(Shared(policy.clone()));
        self.own_policies.push(policy);
        self
    }

    /// How often what goes wrong, in every history; drawn for each from none to bad where nothing is said.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// The process never dies.
    #[must_use]
    pub fn without_crashes(mut self) -> Self {
        self.crashes = false;
        self
    }

    /// How many histories.
    #[must_use]
    pub fn histories(mut self, histories: u64) -> Self {
        self.histories = histories;
        self
    }

    /// How many steps a history has.
    #[must_use]
    pub fn steps(mut self, steps: Range<usize>) -> Self {
        self.steps = steps;
        self
    }

    /// The seed of the first history; the others follow it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Takes the seed from an environment variable, where it is set to a number.
    #[must_use]
    pub fn seed_from_env(self, variable: &str) -> Self {
        let seed = std::env::var(variable).ok().and_then(|text| text.trim().parse().ok());
        match seed {
            Some(seed) => self.seed(seed),
            None => self,
        }
    }

    /// On how many threads; the findings do not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Which laws are to hold.
    #[must_use]
    pub fn laws(mut self, laws: Laws) -> Self {
        self.laws = laws;
        self
    }

    /// Saves the smallest failing stories in this folder.
    #[must_use]
    pub fn save_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Checks the policies, runs the histories, and shrinks the first failures of each law.
    ///
    /// # Errors
    /// Where the set-up cannot be simulated as it is.
    pub fn run(&self) -> Result<Report, Unsupported> {
        let ready = self.ready()?;
        let mut report = Report { policies: self.policy_laws(&ready), ..Report::default() };
        let next = AtomicU64::new(0);
        let found = Mutex::new((Report::default(), Vec::<(Law, Story)>::new()));
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.histories {
                            return;
                        }
                        let story = self.story(&ready, self.seed.wrapping_add(index));
                        let outcome = self.outcome(&ready, &story, false);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.0.histories += 1;
                        found.0.coverage.add(&outcome.coverage);
                        let laws: BTreeSet<Law> =
                            outcome.violations.iter().map(|one| one.law).collect();
                        for law in laws {
                            *found.0.broken.entry(law).or_default() += 1;
                            found.1.push((law, story.clone()));
                        }
                    }
                });
            }
        });
        let (counts, mut failed) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        (report.histories, report.broken) = (counts.histories, counts.broken);
        report.coverage = counts.coverage;
        // Threads finish in any order.
        failed.sort_by_key(|(law, story)| (*law, story.seed));
        for law in report.broken.keys() {
            let of_law = failed.iter().filter(|(broken, _)| broken == law);
            let told = of_law.take(SHRUNK).map(|(_, story)| self.told(&ready, *law, story));
            report.failures.extend(told.min_by_key(|told| told.story.steps.len()));
        }
        if let Some(folder) = &self.folder {
            report.save(folder);
        }
        Ok(report)
    }

    /// Runs one story again, and tells what happens in it.
    ///
    /// # Errors
    /// Where the set-up cannot be simulated as it is.
    pub fn replay(&self, story: &Story) -> Result<Outcome, Unsupported> {
        let ready = self.ready()?;
        Ok(self.outcome(&ready, story, true))
    }

    fn ready(&self) -> Result<Ready, Unsupported> {
        let mut sides = self.sides.clone();
        sides.sort_by(|a, b| a.0.cmp(&b.0));
        let names: Vec<SideId> = sides.iter().map(|(side, _)| side.clone()).collect();
        let deletes: Vec<(SideId, bool)> =
            sides.iter().map(|(side, spec)| (side.clone(), spec.offers.delete)).collect();
        let shapes = self.shapes.iter().map(|shape| shape.clone().on(&deletes));
        let mut entities: Vec<Entity> = self.entities.iter().cloned().chain(shapes).collect();
        for field in entities.iter_mut().flat_map(|entity| &mut entity.fields) {
            let name = field.name.clone();
            for (side, on) in &mut field.sides {
                if let Some((_, spec)) = sides.iter().find(|(known, _)| known == side) {
                    on.normaliser = spec.normaliser(&name, &on.normaliser);
                }
            }
        }
        let schema = Schema::new(names.clone(), entities).map_err(|error| match error {
            mizan_core::SchemaError::UnknownSide { side, .. } => Unsupported::Side(side),
            error => Unsupported::Schema(error),
        })?;
        support::check(&schema, &names, &self.policies)?;
        let mut allowed: BTreeSet<Law> = match &self.laws {
            Laws::All => BTreeSet::new(),
            Laws::Guaranteed => {
                sides.iter().flat_map(|(_, spec)| support::may_break(&spec.offers)).collect()
            }
            Laws::Only(laws) => {
                Law::ALL.iter().copied().filter(|law| !laws.contains(law)).collect()
            }
        };
        if self.policies.promises().merges {
            allowed.insert(Law::NoInvention);
        }
        let policy: Arc<dyn Policy> = Arc::new(self.policies.clone());
        Ok(Ready { sides, schema, policy, allowed })
    }

    /// The laws of the user's policies, in each field that they decide.
    fn policy_laws(&self, ready: &Ready) -> Vec<BrokenLaw> {
        let mut broken = Vec::new();
        for entity in &ready.schema.entities {
            for field in &entity.fields {
                let Rivalry::Custom(name) = &field.rivalry else { continue };
                let named = |policy: &&Arc<dyn Policy>| {
                    policy.id().split('/').next() == Some(name.as_str())
                };
                let Some(policy) = self.own_policies.iter().rev().find(named) else { continue };
                let check = PolicyCheck::of(policy.as_ref(), entity.clone(), &field.name);
                broken.extend(check.all(&strategies::values(field)));
            }
        }
        broken
    }

    fn setup(&self, ready: &Ready, seed: u64) -> Setup {
        let mut rng = SplitMix64::part(seed, 1);
        let drawn = Faults::drawn(&mut rng);
        let own = ready.sides.iter().map(|(_, spec)| spec.own.clone()).collect();
        Setup {
            seed,
            profile: Profile::Own,
            sides: ready.sides.iter().map(|(side, spec)| (side.clone(), spec.offers)).collect(),
            faults: self.faults.unwrap_or(drawn),
            schema: ready.schema.clone(),
            late_commits: ready.sides.iter().any(|(_, spec)| spec.own.late_commits),
            silent_stock: ready.sides.iter().any(|(_, spec)| spec.silent),
            sweep_first_only: rng.per_mille(400),
            replays_original: rng.per_mille(500),
            own: Some(Own { sides: own }),
        }
    }

    fn story(&self, ready: &Ready, seed: u64) -> Story {
        let mut rng = SplitMix64::part(seed, 2);
        let (sides, entities) = (ready.sides.len(), ready.schema.entities.len());
        let late = ready.sides.iter().any(|(_, spec)| spec.own.late_commits);
        let span = self.steps.end.saturating_sub(self.steps.start).max(1);
        let count = self.steps.start + rng.below(span);
        let steps = (0..count).map(|_| match Step::drawn_of(&mut rng, sides, entities, late) {
            Step::Sync { salt, .. } if !self.crashes => Step::Sync { salt, crash: None },
            step => step,
        });
        let steps = steps.collect();
        Story { seed, profile: Profile::Own, sides, steps }
    }

    /// Runs a story; what the sides make impossible is left out of what it found.
    fn outcome(&self, ready: &Ready, story: &Story, tell: bool) -> Outcome {
        let setup = self.setup(ready, story.seed);
        let variant = Variant { tell, ..Variant::default() };
        let mut outcome = run_in(setup, ready.policy.clone(), &story.steps, variant);
        outcome.violations.retain(|one| !ready.allowed.contains(&one.law));
        outcome
    }

    fn told(&self, ready: &Ready, law: Law, story: &Story) -> Told {
        let breaks = |one: &Violation| one.law == law;
        let story = shrink_by(story, &mut |story| {
            self.outcome(ready, story, false).violations.iter().any(breaks)
        });
        let outcome = self.outcome(ready, &story, true);
        let trace = outcome.trace.into_iter().take_while(|line| line != "the log:").collect();
        let violations = outcome.violations.into_iter().filter(breaks).collect();
        Told { law, story, trace, violations }
    }
}
