//! One round, as the product runs it: observe, link, decide, plan, write, and what became of it.

use super::scope::Scope;
use super::watch::Watch;
use super::world::{Act, Row, World};
use super::{Broke, Law};
use crate::bodies::{Bodies, MissingBody, Outcome, image_of};
use crate::command::{Command, Operation};
use crate::compare::declarations;
use crate::decide::{decide, decision_order};
use crate::event::{Event, Evidence, Fact, Found, Undone};
use crate::fold::{FoldError, Presence, RowState, State, fold};
use crate::hash::ContentHash;
use crate::id::{Ext, Name, SideId, Timestamp};
use crate::image::Image;
use crate::ingest::{Absence, Ingest, Reading, Shown, ingest, ingest_absence};
use crate::link::link;
use crate::plan::{BlockedBy, Plan, Planned, plan};
use crate::policy::Policy;
use crate::settle::done;
use crate::value::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Plans of one round; each writes at most once to a record, so a few bring all sides up to date.
const PLANS_MAX: usize = 12;

/// Contents by their hash, shared by all situations of a world.
#[derive(Default)]
pub(super) struct Pool(RefCell<BTreeMap<ContentHash, Image>>);

impl Bodies for Pool {
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        self.0.borrow().get(hash).cloned()
    }
}

/// A situation: what the sides hold, and what the log says of them.
#[derive(Clone, Default)]
pub(super) struct Situation {
    pub(super) world: World,
    pub(super) state: State,
}

/// What a situation is moved on by.
pub(super) struct Hub<'a> {
    pub(super) scope: &'a Scope,
    pub(super) policy: Watch<'a>,
    pub(super) pool: Pool,
}

impl From<FoldError> for Broke {
    fn from(error: FoldError) -> Self {
        Self { law: Law::Answers, what: format!("the log cannot be followed: {error}") }
    }
}

impl From<MissingBody> for Broke {
    fn from(error: MissingBody) -> Self {
        Self { law: Law::Answers, what: error.to_string() }
    }
}

impl Hub<'_> {
    /// Begins a log: nothing was read yet.
    pub(super) fn open(&self, world: World) -> Result<Situation, Broke> {
        let mut now = Situation { world, state: State::default() };
        let log_id = ContentHash([7; 32]);
        self.append(&mut now, Outcome::fact(Fact::Opened { log_id, epoch: 1 }))?;
        let facts = declarations(&now.state, &self.scope.schema, &self.policy.id());
        self.append(&mut now, Outcome { facts, images: Vec::new() })?;
        Ok(now)
    }

    fn append(&self, now: &mut Situation, outcome: Outcome) -> Result<(), Broke> {
        let mut pool = self.pool.0.borrow_mut();
        for body in outcome.images {
            pool.entry(body.hash).or_insert(body.image);
        }
        drop(pool);
        for fact in outcome.facts {
            let at = Timestamp(now.world.now);
            let event = Event { seq: now.state.head.next(), at, fact };
            fold(&mut now.state, &event)?;
            if let Fact::Decided { decision, .. } = &event.fact {
                let decided = decision.fields.iter().filter(|one| one.found != Found::Manual);
                for one in decided {
                    for loser in &one.losers {
                        now.world.recorded(self.scope, &now.state, &one.field, &loser.value);
                    }
                }
            }
        }
        Ok(())
    }

    /// One round; `slip` is what a user does just before a row is written to. True where the user came to it.
    pub(super) fn round(&self, now: &mut Situation, slip: Option<&Act>) -> Result<bool, Broke> {
        self.observe(now)?;
        let ready: BTreeSet<Name> =
            self.scope.schema.entities.iter().map(|entity| entity.name.clone()).collect();
        let facts = link(&now.state, &ready);
        self.append(now, Outcome { facts, images: Vec::new() })?;
        let mut slip = slip;
        let wanted = slip.is_some();
        let mut adopted = false;
        for _ in 0..PLANS_MAX {
            self.decide_all(now)?;
            let plan = plan(&now.state, &self.scope.schema, &self.pool)?;
            if !adopted && self.adopt_orphans(now, &plan)? {
                adopted = true;
                continue;
            }
            if plan.commands.is_empty() {
                return self.policy.verdict().map(|()| wanted && slip.is_none());
            }
            self.execute(now, plan, &mut slip)?;
        }
        self.policy.verdict()?;
        Err(Broke {
            law: Law::Rests,
            what: format!("one round writes more than {PLANS_MAX} times, and would go on for ever"),
        })
    }

    fn observe(&self, now: &mut Situation) -> Result<(), Broke> {
        for (at, entity) in self.scope.schema.entities.iter().enumerate() {
            for side in entity.sides.keys() {
                let ticket = now.state.head;
                let mut outcome = Outcome::default();
                let listed = now.world.rows.get(&(at, side.clone()));
                for (ext, row) in listed.into_iter().flatten() {
                    let list = Reading { entity, side, evidence: Evidence::List, ticket };
                    let first = ingest(&now.state, &self.pool, list, shown(ext, row))?;
                    let get = Reading { evidence: Evidence::Get, ..list };
                    let read = match first {
                        Ingest::Confirm => ingest(&now.state, &self.pool, get, shown(ext, row))?,
                        Ingest::Nothing | Ingest::Observed(_) => first,
                    };
                    outcome.extend(observed(read));
                }
                for ext in missing(&now.state, &entity.name, side) {
                    if listed.is_none_or(|rows| !rows.contains_key(&ext)) {
                        let get = Reading { entity, side, evidence: Evidence::Get, ticket };
                        let absence = Absence::not_found(ext);
                        outcome.extend(observed(ingest_absence(&now.state, get, absence)));
                    }
                }
                self.append(now, outcome)?;
            }
        }
        Ok(())
    }

    fn decide_all(&self, now: &mut Situation) -> Result<(), Broke> {
        let mut outcome = Outcome::default();
        for id in decision_order(&now.state, &self.scope.schema) {
            let alone = now.state.record(id).is_some_and(|record| {
                record.slots.values().any(|slot| slot.presence == Presence::Gone)
            });
            if alone {
                self.append(now, std::mem::take(&mut outcome))?;
            }
            let decided = decide(&now.state, &self.scope.schema, &self.pool, id, &self.policy)?;
            outcome.extend(decided.unwrap_or_default());
        }
        self.append(now, outcome)
    }

    /// What was decided before the record that it refers to was known is decided again.
    fn adopt_orphans(&self, now: &mut Situation, plan: &Plan) -> Result<bool, Broke> {
        let mut orphans = BTreeSet::new();
        for blocked in &plan.blocked {
            if let BlockedBy::Parent(parent) = &blocked.why {
                let children = now.state.children.get(parent);
                if !children.is_some_and(|children| children.contains(&blocked.record)) {
                    orphans.insert(blocked.record);
                }
            }
        }
        let mut outcome = Outcome::default();
        for id in orphans {
            let decided = decide(&now.state, &self.scope.schema, &self.pool, id, &self.policy)?;
            outcome.extend(decided.unwrap_or_default());
        }
        let any = !outcome.is_empty();
        self.append(now, outcome)?;
        Ok(any)
    }

    /// Carries a plan out, in batches by side, as the product does.
    fn execute(
        &self,
        now: &mut Situation,
        plan: Plan,
        slip: &mut Option<&Act>,
    ) -> Result<(), Broke> {
        let mut left = plan.commands.into_iter().peekable();
        while let Some(first) = left.peek() {
            let side = first.command.side.clone();
            let mut batch: Vec<Planned> = Vec::new();
            while let Some(next) = left.next_if(|next| next.command.side == side) {
                batch.push(next);
            }
            let mut intents = Outcome::default();
            for planned in &batch {
                intents.keep(planned.set.clone());
                intents.facts.push(Fact::Intent { command: planned.command.clone() });
            }
            self.append(now, intents)?;
            let mut outcomes = Outcome::default();
            for planned in &batch {
                self.slip(now, &planned.command, slip);
                outcomes.extend(self.write(now, planned)?);
            }
            self.append(now, outcomes)?;
        }
        Ok(())
    }

    /// A user is quicker than a write to the record's own row.
    fn slip(&self, now: &mut Situation, command: &Command, slip: &mut Option<&Act>) {
        let Some(act @ Act::Slip { side, .. }) = *slip else { return };
        let row = now.world.main_row(self.scope, &command.side).map(|(ext, _)| ext.clone());
        if command.side == *side && command.operation.ext() == row.as_ref() && row.is_some() {
            let Situation { world, state } = now;
            if world.user(self.scope, state, &self.pool, act, false) {
                *slip = None;
            }
        }
    }

    /// A side that writes only what is as expected, and answers with the row.
    fn write(&self, now: &mut Situation, planned: &Planned) -> Result<Outcome, Broke> {
        let command = &planned.command;
        let (scope, side) = (self.scope, &command.side);
        let at = scope.schema.rank(&command.entity);
        let Some(entity) = scope.schema.entities.get(at) else { return Ok(Outcome::default()) };
        let ticket = now.state.head;
        let get = Reading { entity, side, evidence: Evidence::Get, ticket };
        let withdrawn = |why| Outcome::fact(Fact::Withdrawn { command: command.id, why });
        let (ext, expect) = match &command.operation {
            Operation::Create => {
                let ext = self.create(now, at, planned);
                return self.done(now, at, planned, &ext);
            }
            Operation::Update { ext, expect } | Operation::Delete { ext, expect } => (ext, expect),
        };
        let row = now.world.rows.get(&(at, side.clone())).and_then(|rows| rows.get(ext)).cloned();
        let Some(row) = row else {
            let mut outcome = withdrawn(Undone::Gone);
            let absence = Absence::not_found(ext.clone());
            outcome.extend(observed(ingest_absence(&now.state, get, absence)));
            return Ok(outcome);
        };
        if row.image.clone().over(&image_of(&self.pool, expect)?) != image_of(&self.pool, expect)? {
            let mut outcome = withdrawn(Undone::Changed);
            outcome.extend(observed(ingest(&now.state, &self.pool, get, shown(ext, &row))?));
            return Ok(outcome);
        }
        let rows = now.world.rows.entry((at, side.clone())).or_default();
        if matches!(command.operation, Operation::Delete { .. }) {
            rows.remove(ext);
            return Ok(Outcome::fact(Fact::Deleted { command: command.id }));
        }
        if let Some(row) = rows.get_mut(ext) {
            store(self.scope, at, side, &planned.set, &mut row.image);
            row.stamp = scope.clock_step.map(|_| now.world.now);
        }
        self.done(now, at, planned, ext)
    }

    fn create(&self, now: &mut Situation, at: usize, planned: &Planned) -> Ext {
        let (scope, side) = (self.scope, &planned.command.side);
        let fields = scope.blank(at, side, "");
        let mut image: Image = fields.iter().map(|(name, _)| (name.clone(), Value::Null)).collect();
        store(scope, at, side, &planned.set, &mut image);
        let main = now.world.record(scope, &now.state) == Some(planned.command.record);
        if main && at == scope.at {
            now.world.make(scope, side, image)
        } else {
            now.world.make_other(scope, at, side, image)
        }
    }

    fn done(
        &self,
        now: &Situation,
        at: usize,
        planned: &Planned,
        ext: &Ext,
    ) -> Result<Outcome, Broke> {
        let side = &planned.command.side;
        let row = now.world.rows.get(&(at, side.clone())).and_then(|rows| rows.get(ext));
        let (Some(row), Some(entity)) = (row, self.scope.schema.entities.get(at)) else {
            return Ok(Outcome::default());
        };
        let (command, set, row) = (&planned.command, &planned.set, shown(ext, row));
        Ok(done(&now.state, entity, &self.pool, command, set, row, true)?)
    }
}

fn store(scope: &Scope, at: usize, side: &SideId, set: &Image, image: &mut Image) {
    for (name, value) in set.iter() {
        let field = scope.schema.entities[at].fields.iter().find(|field| field.name == *name);
        let stored = field.map_or_else(|| value.clone(), |field| field.on_side(side, value));
        image.set(name, stored);
    }
}

fn shown(ext: &Ext, row: &Row) -> Shown {
    let (ext, image) = (ext.clone(), row.image.clone());
    Shown { ext, image, stamp: row.stamp.map(Timestamp), tag: None }
}

fn observed(ingest: Ingest) -> Outcome {
    match ingest {
        Ingest::Observed(outcome) => outcome,
        Ingest::Nothing | Ingest::Confirm => Outcome::default(),
    }
}

/// The rows that the log takes to be there.
fn missing(state: &State, entity: &Name, side: &SideId) -> Vec<Ext> {
    let rows = state.rows.iter().filter(|((of, on, _), _)| of == entity && on == side);
    let live = rows.filter(|((_, _, ext), row)| match row {
        RowState::Unlinked(_) => true,
        RowState::Linked(record) => {
            state.record(*record).is_some_and(|record| record.live_ext(side) == Some(ext))
        }
    });
    live.map(|((_, _, ext), _)| ext.clone()).collect()
}
