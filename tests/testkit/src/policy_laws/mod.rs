//! Laws of a conflict policy (L13, L22 to L29), checked on random disputes of one field.
//!
//! [`PolicyCheck`] runs them and tells each broken law with the smallest dispute that shows it;
//! [`policy_laws!`](crate::policy_laws!) makes one test of each.

mod dispute;
mod judge;
mod law;
mod macros;

use crate::strategies;
use judge::Judge;
use mizan_core::policy::{Policy, Promises};
use mizan_core::{DeletePolicy, Entity, Field, Name, SideId, Value};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fmt;
use std::ops::RangeInclusive;

pub use dispute::{Chosen, Claim, Dispute};
pub use law::PolicyLaw;

/// Disputes that each law is tried on.
pub const CASES: u32 = 512;

/// A law that a policy breaks, and the smallest dispute found that shows it.
#[derive(Clone, Debug)]
pub struct BrokenLaw {
    /// The policy.
    pub policy: Name,
    /// The law.
    pub law: PolicyLaw,
    /// The field that was in dispute.
    pub field: Name,
    /// The dispute; empty where it could not be shown a second time.
    pub dispute: Option<Dispute>,
    /// What happened, a line each: what was before, what each side says, what was chosen, and what next.
    pub story: Vec<String>,
}

impl fmt::Display for BrokenLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} breaks {} in `{}`:", self.policy, self.law, self.field)?;
        for line in &self.story {
            writeln!(f, "    {line}")?;
        }
        write!(f, "  => the law: {}", self.law.wants())
    }
}

impl std::error::Error for BrokenLaw {}

/// A policy, and what it is to be asked about.
///
/// ```
/// use mizan_core::policy::{Conflict, Policy, Verdict};
/// use mizan_core::{Field, Name, Type};
/// use mizan_testkit::policy_laws::{PolicyCheck, PolicyLaw};
/// use mizan_testkit::strategies::decimals;
///
/// struct First;
/// impl Policy for First {
///     fn id(&self) -> Name {
///         "first/1".into()
///     }
///     fn resolve(&self, _: &Conflict<'_>) -> Verdict {
///         Verdict::Take(0)
///     }
/// }
///
/// let broken = PolicyCheck::new(&First, Field::new("total", Type::Decimal)).all(&decimals());
/// assert_eq!(broken.len(), 1);
/// assert_eq!(broken[0].law, PolicyLaw::ArrivalOrder);
/// println!("{}", broken[0]);
/// ```
pub struct PolicyCheck<'a> {
    policy: &'a dyn Policy,
    entity: Entity,
    field: Field,
    promises: Promises,
    sides: RangeInclusive<usize>,
    cases: u32,
}

impl<'a> PolicyCheck<'a> {
    /// A check on a field of an entity of its own, between two and three sides.
    #[must_use]
    pub fn new(policy: &'a dyn Policy, field: Field) -> Self {
        let entity = Entity {
            name: Name::new_static("record"),
            fields: vec![field.clone()],
            key: Vec::new(),
            sides: std::collections::BTreeMap::new(),
            on_delete: DeletePolicy::EditWins,
            copies: None,
        };
        Self { policy, entity, field, promises: policy.promises(), sides: 2..=3, cases: CASES }
    }

    /// A check on a field of an entity.
    ///
    /// # Panics
    /// Where the entity has no such field.
    #[must_use]
    pub fn of(policy: &'a dyn Policy, entity: Entity, field: &str) -> Self {
        let known = entity.fields.iter().find(|one| one.name == field);
        let known = known.expect("the field is one of the entity's").clone();
        Self { entity, ..Self::new(policy, known) }
    }

    /// How many sides take part. Where the field is carried by fewer, the kit makes the others up: every other one
    /// of them rounds, trims or cuts what it stores.
    #[must_use]
    pub fn sides(mut self, sides: RangeInclusive<usize>) -> Self {
        self.sides = (*sides.start()).max(1)..=(*sides.end()).max(1);
        self
    }

    /// What the policy is held to, in place of what it says of itself.
    #[must_use]
    pub fn promises(mut self, promises: Promises) -> Self {
        self.promises = promises;
        self
    }

    /// On how many disputes each law is tried.
    #[must_use]
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Checks one law.
    ///
    /// # Errors
    /// The smallest dispute found in which it is broken.
    pub fn law<S>(&self, law: PolicyLaw, values: &S) -> Result<(), Box<BrokenLaw>>
    where
        S: Strategy<Value = Value> + Clone + 'static,
    {
        for count in self.sides.clone() {
            let (entity, field) = strategies::with_sides(&self.entity, &self.field, count);
            let judge = Judge {
                policy: self.policy,
                entity: &entity,
                field: &field,
                promises: self.promises,
            };
            if judge.binds(law) {
                self.run(law, &judge, values, count)?;
            }
        }
        Ok(())
    }

    /// Checks every law that binds the policy; the broken ones, in the order of [`PolicyLaw::ALL`].
    pub fn all<S>(&self, values: &S) -> Vec<BrokenLaw>
    where
        S: Strategy<Value = Value> + Clone + 'static,
    {
        let all = PolicyLaw::ALL.iter();
        all.filter_map(|law| self.law(*law, values).err().map(|broken| *broken)).collect()
    }

    fn run<S>(
        &self,
        law: PolicyLaw,
        judge: &Judge<'_>,
        values: &S,
        count: usize,
    ) -> Result<(), Box<BrokenLaw>>
    where
        S: Strategy<Value = Value> + Clone + 'static,
    {
        let sides: Vec<SideId> = judge.field.sides.keys().take(count).cloned().collect();
        let disputes = strategies::dispute(&sides, values.clone());
        let config = Config { cases: self.cases, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let last = std::cell::RefCell::new(Vec::new());
        let run = runner.run(&disputes, |dispute| match judge.judge(law, &dispute) {
            Ok(()) => Ok(()),
            Err(story) => {
                *last.borrow_mut() = story;
                Err(TestCaseError::fail(law.name()))
            }
        });
        let dispute = match run {
            Ok(()) => return Ok(()),
            Err(TestError::Fail(_, dispute)) => Some(dispute),
            Err(TestError::Abort(why)) => {
                *last.borrow_mut() = vec![format!("no disputes could be drawn: {why}")];
                None
            }
        };
        let mut dispute = dispute;
        let breaks = |dispute: &Dispute| judge.judge(law, dispute).is_err();
        while let Some(smaller) =
            dispute.as_ref().and_then(|one| one.smaller().into_iter().find(breaks))
        {
            dispute = Some(smaller);
        }
        // The smallest dispute is told as it goes now; a policy with a memory may not do it again.
        let again = dispute.as_ref().and_then(|dispute| judge.judge(law, dispute).err());
        let story = again.unwrap_or_else(|| last.take());
        let (policy, field) = (self.policy.id(), self.field.name.clone());
        Err(Box::new(BrokenLaw { policy, law, field, dispute, story }))
    }
}

/// Checks every law that a policy is bound by, on a field of an entity.
///
/// # Panics
/// Where the entity has no such field.
///
/// ```
/// use mizan_core::policy::Declared;
/// use mizan_testkit::{Profile, Setup, policy_laws::check_policy, strategies::texts};
/// let setup = Setup::drawn(1, Profile::Full, 3);
/// let entity = setup.schema.entity("customer").expect("it is in every set-up");
/// assert!(check_policy(&Declared, entity, "name", &texts()).is_empty());
/// ```
pub fn check_policy<S>(
    policy: &dyn Policy,
    entity: &Entity,
    field: &str,
    values: &S,
) -> Vec<BrokenLaw>
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    PolicyCheck::of(policy, entity.clone(), field).all(values)
}

/// What the macro names, so that a user's crate needs no dependency for it.
#[doc(hidden)]
pub mod __private {
    pub use mizan_core::policy::{Policy, Promises};
}
