//! Scenarios: a story of users and syncs as prose, on the real engine, with what each side shows at the end.
//!
//! A scenario has two sides, [`A`] and [`B`], or more, with customers and orders of customers. Users act, syncs run,
//! and what goes wrong is said beforehand. At the end [`Scenario::ends`] lets everything heal and checks every law.
//!
//! ```
//! use mizan_testkit::scenario::{A, B, Rules};
//!
//! let mut s = Rules::new().begin();
//! let ann = s.creates_customer(A, "Ann");
//! s.syncs();
//! s.edits(B, ann, "name", "Anne");
//! s.syncs();
//! s.assert_shows(A, ann, "name", "Anne");
//! assert_eq!(s.writes(), 2); // the create on B, the update on A
//! s.ends();
//! ```

mod look;
mod rules;

use crate::simulation::{Run, Variant};
use crate::{Crash, FailingLog, Law, Moment, Trouble, World, look};
use mizan::engine::{Report, SyncOptions};
use mizan_core::event::Choice;
use mizan_core::{ContentHash, Fact, Name, Value};
use rust_decimal::Decimal;

pub use rules::Rules;

/// The first side.
pub const A: usize = 0;
/// The second side.
pub const B: usize = 1;
/// The third side, where there is one.
pub const C: usize = 2;

/// A customer or an order, on whichever sides it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item(pub usize);

/// What can be said as a value: a text, a number, a [`Value`].
pub trait Said {
    /// The value.
    fn value(self) -> Value;
}

impl Said for &str {
    fn value(self) -> Value {
        Value::text(self)
    }
}

impl Said for Value {
    fn value(self) -> Value {
        self
    }
}

impl Said for i64 {
    fn value(self) -> Value {
        Value::decimal(Decimal::from(self))
    }
}

/// An exact number, as it is written.
///
/// # Panics
/// When the text is not a number.
#[must_use]
pub fn number(text: &str) -> Value {
    Value::decimal(text.parse().expect("a number is written in digits"))
}

/// A story under way.
pub struct Scenario {
    run: Run,
    allowed: Vec<Law>,
    writes: u64,
    head: u64,
}

impl Scenario {
    fn begin(run: Run) -> Self {
        Self { run, allowed: Vec::new(), writes: 0, head: 0 }
    }

    /// Says which laws this world makes impossible to keep.
    pub fn allows(&mut self, laws: &[Law]) {
        self.allowed.extend_from_slice(laws);
    }

    /// Does something to the world itself.
    pub fn world<T>(&mut self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut look(&self.run.world))
    }

    fn user<T>(&mut self, act: impl FnOnce(&mut World) -> T) -> T {
        self.world(|world| {
            world.pass(1);
            act(world)
        })
    }

    /// A user makes a customer; the e-mail address is made of the name.
    pub fn creates_customer(&mut self, side: usize, name: &str) -> Item {
        let email = Value::text(format!("{}@example.org", name.to_lowercase()));
        self.creates(side, crate::CUSTOMER, &[("email", email), ("name", Value::text(name))])
    }

    /// A user makes a row with these fields.
    pub fn creates(&mut self, side: usize, entity: &str, fields: &[(&str, Value)]) -> Item {
        Item(self.user(|world| world.user_makes(side, entity, fields)))
    }

    /// A user makes an order of a customer, with a stock of 100.
    pub fn creates_order(&mut self, side: usize, reference: &str, customer: Item) -> Item {
        let order = self.creates(side, crate::ORDER, &[("ref", Value::text(reference))]);
        self.world(|world| world.user_gives(side, order.0, customer.0));
        order
    }

    /// A user types in what another side has already: a row of the same thing, with these fields.
    pub fn types_in(&mut self, side: usize, item: Item, fields: &[(&str, Value)]) {
        self.user(|world| world.user_types_in(side, item.0, fields));
    }

    /// A user sets a field.
    pub fn edits(&mut self, side: usize, item: Item, field: &str, value: impl Said) {
        let value = value.value();
        self.user(|world| world.user_sets(side, item.0, field, &value));
    }

    /// A user sets a field; it shows so much later than its stamp says.
    pub fn edits_late(&mut self, side: usize, item: Item, field: &str, value: impl Said, ms: i64) {
        let value = value.value();
        self.user(|world| world.user_sets_late(side, item.0, field, &value, ms));
    }

    /// A user empties a field.
    pub fn clears(&mut self, side: usize, item: Item, field: &str) {
        self.edits(side, item, field, Value::Null);
    }

    /// A user moves the stock of an order.
    pub fn moves_stock(&mut self, side: usize, order: Item, by: i64) {
        self.user(|world| world.user_moves(side, order.0, by));
    }

    /// A user gives an order to another customer.
    pub fn gives(&mut self, side: usize, order: Item, customer: Item) {
        self.user(|world| world.user_gives(side, order.0, customer.0));
    }

    /// A user deletes a row, if nothing refers to it there.
    pub fn deletes(&mut self, side: usize, item: Item) {
        self.user(|world| world.user_deletes(side, item.0));
    }

    /// A row becomes unreadable, as a file that is half written.
    pub fn garbles(&mut self, side: usize, item: Item) {
        self.world(|world| world.sides[side].unreadable.insert(item.0));
    }

    /// It can be read again.
    pub fn mends(&mut self, side: usize, item: Item) {
        self.world(|world| world.sides[side].unreadable.remove(&item.0));
    }

    /// Time passes.
    pub fn passes(&mut self, ms: i64) {
        self.world(|world| world.pass(ms));
    }

    /// Something will go wrong on a side, once.
    pub fn next(&mut self, side: usize, trouble: Trouble) {
        self.world(|world| world.plan_trouble(side, trouble));
    }

    /// A user will act at a moment of the next sync.
    pub fn meanwhile(
        &mut self,
        side: usize,
        moment: Moment,
        deed: impl Fn(&mut World) + Send + Sync + 'static,
    ) {
        self.world(|world| world.plan_deed(side, moment, deed));
    }

    /// One sync.
    ///
    /// # Panics
    /// When the engine itself fails.
    pub fn syncs(&mut self) -> Report {
        self.syncs_with(&SyncOptions::default())
    }

    /// One sync that lists everything.
    pub fn sweeps(&mut self) -> Report {
        self.syncs_with(&SyncOptions { sweep: true, ..SyncOptions::default() })
    }

    /// One sync that carries nothing out.
    pub fn plans(&mut self) -> Report {
        self.syncs_with(&SyncOptions { plan_only: true, ..SyncOptions::default() })
    }

    fn syncs_with(&mut self, options: &SyncOptions) -> Report {
        self.passes(1);
        self.world(|world| world.tell(|| "sync".to_owned()));
        self.run.sync_with(None, options).expect("the engine fails only where its log does")
    }

    /// One sync, and the process dies before or after one of its appends; true where it got that far.
    pub fn dies(&mut self, append: u32, after: bool) -> bool {
        self.passes(1);
        let crash = Crash { append, after };
        self.run.sync_with(Some(crash), &SyncOptions::default()).is_none()
    }

    /// The process ends; the next sync opens the log anew.
    pub fn restarts(&mut self) {
        self.run.end_process();
    }

    /// The log is gone; the next sync begins a new one.
    pub fn loses_the_log(&mut self) {
        self.run.end_process();
        self.run.log = FailingLog::default();
        let log = self.run.log.clone();
        self.world(|world| world.begin_log(log));
        self.head = 0;
    }

    /// Opens the engine where none is open.
    fn open(&mut self) {
        self.run.open().expect("the log is sound");
    }

    fn append(&mut self, facts: Vec<Fact>) {
        self.open();
        let engine = self.run.engine.as_mut().expect("it is open");
        engine.append(facts).expect("the log takes facts");
        self.world(World::catch_up);
    }

    /// A person decides a field in conflict.
    ///
    /// # Panics
    /// When nothing is known of the item.
    pub fn decides(&mut self, item: Item, field: &str, choice: Choice) {
        let record = self.record(item).expect("it is known");
        let choices = vec![(Name::new(field), choice)];
        let (by, why) = ("a person".to_owned(), String::new());
        self.append(vec![Fact::Resolved { record, choices, keep: None, by, why }]);
    }

    /// A person says whether an item that was deleted on one side and edited on another lives.
    ///
    /// # Panics
    /// When nothing is known of the item.
    pub fn keeps(&mut self, item: Item, keep: bool) {
        let record = self.record(item).expect("it is known");
        let (by, why) = ("a person".to_owned(), String::new());
        let choices = Vec::new();
        self.append(vec![Fact::Resolved { record, choices, keep: Some(keep), by, why }]);
    }

    /// A person approves one plan.
    pub fn approves(&mut self, plan: ContentHash) {
        self.append(vec![Fact::Approved { plan, by: "a person".to_owned() }]);
    }

    /// Everything heals, nothing is left to do, and no law was broken.
    ///
    /// # Panics
    /// When a law is broken that the scenario does not allow, or when what was planned never happened.
    pub fn ends(mut self) {
        let left = self.world(|world| world.planned());
        assert!(left.is_empty(), "it was planned and never happened: {left:?}");
        self.run.heal(true);
        let outcome = self.run.judge();
        let allowed = self.allowed;
        let broken: Vec<String> = outcome
            .violations
            .iter()
            .filter(|one| !allowed.contains(&one.law))
            .map(ToString::to_string)
            .collect();
        assert!(broken.is_empty(), "{}\n{}", broken.join("\n"), outcome.trace.join("\n"));
    }

    /// Everything heals; the laws that were broken, for scenarios of what no reconciler can keep.
    #[must_use]
    pub fn ends_breaking(mut self) -> Vec<Law> {
        self.run.heal(true);
        let mut laws: Vec<Law> = self.run.judge().violations.iter().map(|one| one.law).collect();
        laws.sort_unstable();
        laws.dedup();
        laws
    }
}

fn start(setup: crate::Setup) -> Run {
    Run::begin(setup, Variant { tell: true, ..Variant::default() })
}
