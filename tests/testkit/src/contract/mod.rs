//! The contract of an adapter, clause by clause, for adapters of the user's own.
//!
//! [`check_adapter`] talks to an adapter over a fake, a sandbox account or a recording, and lists what it breaks.
//! It creates, changes and deletes rows: never point it at an account that anybody works with.

mod clause;
mod reads;
mod talk;
mod writes;

use mizan_adapters::{Adapter, Fault};
use mizan_core::{Entity, Ext, Image};
use std::fmt;
use talk::Talk;

pub use clause::Clause;

/// A clause that an adapter breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The clause.
    pub clause: Clause,
    /// What was asked and what came of it.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}\n  => the contract: {}", self.clause, self.what, self.clause.wants())
    }
}

/// How many samples the contract wants.
pub const SAMPLES: usize = 4;

/// A user of the side, who sets fields of a row where the adapter cannot see it.
pub type User<'a> = &'a (dyn Fn(&Ext, &Image) + Sync);

/// An adapter, and what it is to be tried with.
///
/// ```no_run
/// # fn my_adapter() -> Box<dyn mizan_adapters::Adapter> { unimplemented!() }
/// # fn my_entity() -> mizan_core::Entity { unimplemented!() }
/// # fn my_samples() -> Vec<mizan_core::Image> { unimplemented!() }
/// use mizan_testkit::contract::Contract;
/// let (adapter, entity, samples) = (my_adapter(), my_entity(), my_samples());
/// let broken = Contract::new(adapter.as_ref(), &entity, &samples).check();
/// for one in &broken {
///     println!("{one}");
/// }
/// assert!(broken.is_empty());
/// ```
pub struct Contract<'a> {
    adapter: &'a dyn Adapter,
    entity: &'a Entity,
    samples: &'a [Image],
    user: Option<User<'a>>,
}

impl<'a> Contract<'a> {
    /// The contract over one entity.
    ///
    /// `samples` are four rows or more as a user would write them: known in every field that the side takes, all with
    /// other keys and other values, none of them there yet, and with values that the side changes, if it changes any.
    /// References in them are ids of rows that are there.
    #[must_use]
    pub fn new(adapter: &'a dyn Adapter, entity: &'a Entity, samples: &'a [Image]) -> Self {
        Self { adapter, entity, samples, user: None }
    }

    /// Gives the check a user of the side, so that it can see that markers survive users' edits.
    #[must_use]
    pub fn user(mut self, user: User<'a>) -> Self {
        self.user = Some(user);
        self
    }

    /// Tries every clause; what was broken, in the order in which it was found.
    ///
    /// It brings its own runtime, so it must not be called inside of one; there, use [`Contract::run`].
    ///
    /// # Panics
    /// Where no runtime can be started.
    #[must_use]
    pub fn check(&self) -> Vec<Broken> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime needs a free file descriptor").block_on(self.run())
    }

    /// As [`Contract::check`], inside a runtime.
    pub async fn run(&self) -> Vec<Broken> {
        let mut talk = Talk::new(self.adapter, self.entity, self.samples);
        if self.samples.len() < SAMPLES {
            talk.broke(Clause::Samples, format!("there are {}", self.samples.len()));
            return talk.broken;
        }
        talk.normalisers();
        if let Err(fault) = self.try_all(&mut talk).await {
            talk.broke(Clause::Answers, format!("the side could not be asked any more: {fault}"));
        }
        talk.broken
    }

    async fn try_all(&self, talk: &mut Talk<'_>) -> Result<(), Fault> {
        let before = talk.sweep().await?;
        talk.unknown_rows(&before).await?;
        let can = self.adapter.capabilities(&self.entity.name);
        if !can.create {
            return talk.refuses_creates(&before).await;
        }
        let Some(rows) = talk.creates(&before).await? else { return Ok(()) };
        talk.lists(&before, &rows).await?;
        talk.finds(&rows).await?;
        if let Some(user) = self.user {
            talk.marker_survives(&rows[2], user).await?;
        }
        talk.updates(&rows).await?;
        talk.repeats(&rows).await?;
        talk.deletes(&rows).await
    }
}

/// Tries every clause of the contract on an adapter; see [`Contract`].
#[must_use]
pub fn check_adapter(adapter: &dyn Adapter, entity: &Entity, samples: &[Image]) -> Vec<Broken> {
    Contract::new(adapter, entity, samples).check()
}

/// Makes a `#[test]` called `adapter_contract` of an adapter: it fails with everything that the adapter breaks.
///
/// `adapter` is anything that can be borrowed as an [`Adapter`](mizan_adapters::Adapter), made anew for the test;
/// `entity` an [`Entity`](mizan_core::Entity) and `samples` at least four images, as
/// [`Contract::new`](crate::contract::Contract::new) wants them.
///
/// ```
/// # use mizan_core::{Entity, Image};
/// # use mizan_testkit::{FailingLog, Profile, Setup, SharedWorld, SimSide, World, contract};
/// # fn my_adapter() -> SimSide {
/// #     let setup = std::sync::Arc::new(Setup::drawn(1, Profile::Full, 2));
/// #     SimSide::new(&SharedWorld::new(World::new(setup, FailingLog::default()).into()), 0)
/// # }
/// # fn my_entity() -> Entity { Setup::drawn(1, Profile::Full, 2).schema.entities[0].clone() }
/// # fn my_samples() -> Vec<Image> { Vec::new() }
/// mizan_testkit::adapter_contract! {
///     adapter: my_adapter(),
///     entity: my_entity(),
///     samples: my_samples(),
/// }
/// ```
#[macro_export]
macro_rules! adapter_contract {
    (adapter: $adapter:expr, entity: $entity:expr, samples: $samples:expr $(,)?) => {
        #[test]
        fn adapter_contract() {
            let adapter = $adapter;
            let broken = $crate::contract::check_adapter(&adapter, &$entity, &$samples);
            let told: ::std::vec::Vec<::std::string::String> =
                broken.iter().map(::std::string::ToString::to_string).collect();
            ::std::assert!(told.is_empty(), "{}", told.join("\n"));
        }
    };
}
