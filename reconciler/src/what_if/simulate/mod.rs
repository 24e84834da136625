//! Simulated what-if: what users did, done again to sides in memory, under other rules (LAWS 3.4).
//!
//! A model, and no evidence: users would have done other things had they seen other values. It answers what the exact
//! comparison cannot: how many conflicts there would be in the long run, and how much would be sent.

mod feed;
mod world;

use super::report::Counted;
use crate::clock::Clock;
use crate::engine::{Engine, EngineError, Journal, Settings, Sweep, SyncOptions};
use crate::explain::label;
use crate::replay::{Images, Walk};
use feed::{Deed, Done};
use mizan_adapters::Adapter;
use mizan_core::bodies::image_of;
use mizan_core::check::Limits;
use mizan_core::event::Found;
use mizan_core::fold::State;
use mizan_core::policy::Policy;
use mizan_core::value::{Ref, RefTo};
use mizan_core::{
    ContentHash, Ext, Fact, Image, Name, RecordId, Schema, Seq, SideId, Timestamp, Value,
};
use mizan_store::MemoryLog;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use world::{Shared, SimSide, open};

/// Records that a report lists.
const LISTED_MAX: usize = 1_000;

/// A field that ends with another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndsOtherwise {
    /// The record, as the log numbers it.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// The field.
    pub field: Name,
    /// What holds.
    pub recorded: Value,
    /// What would hold in the model.
    pub other: Value,
}

/// What a model of the sides came to under other rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Simulated {
    /// What users did that was done again.
    pub deeds: u64,
    /// What they did to rows that are not there in the model.
    pub lost_deeds: u64,
    /// Answers of people to conflicts: those in the log, and those that were still asked for.
    pub answers: Counted,
    /// Syncs of the model.
    pub syncs: u64,
    /// Fields in conflict, over all decisions.
    pub conflicts: Counted,
    /// Fields that were left to a person, over all decisions.
    pub left_to_a_person: Counted,
    /// Records in conflict at the end.
    pub open: Counted,
    /// Commands, by side.
    pub commands: BTreeMap<SideId, Counted>,
    /// Fields that end with another value; at most a thousand.
    pub ends_otherwise: Vec<EndsOtherwise>,
}

/// The moment that the log is at.
#[derive(Default)]
struct LogClock(AtomicI64);

impl Clock for LogClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// Does again what users did, to sides in memory, under other rules.
///
/// # Errors
/// When the log cannot be read, or the model's engine stops.
pub async fn simulate(
    journal: &Journal,
    other: &Schema,
    policy: Arc<dyn Policy>,
) -> Result<Simulated, EngineError> {
    let turns = turns(journal)?;
    let mut model = Model::begin(journal, other, policy)?;
    for turn in turns {
        model.clock.0.store(turn.at.0, Ordering::Relaxed);
        model.left.extend(turn.deeds);
        model.feed_and_sync().await?;
    }
    // What waited for rows that were made only in the last turns.
    for _ in 0..2 {
        model.feed_and_sync().await?;
    }
    model.report(journal)
}

/// What users did between two times that the log was decided.
struct Turn {
    at: Timestamp,
    deeds: Vec<Done>,
}

fn turns(journal: &Journal) -> Result<Vec<Turn>, EngineError> {
    let images = Images::of(journal);
    let (mut turns, mut deeds) = (Vec::new(), Vec::new());
    let mut last = Timestamp(0);
    Walk::over(journal).each(&mut |step| {
        last = step.event.at;
        deeds.extend(feed::deed(step.before, step.event, &images));
        if matches!(step.event.fact, Fact::Decided { .. }) && !deeds.is_empty() {
            turns.push(Turn { at: last, deeds: std::mem::take(&mut deeds) });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    turns.push(Turn { at: last, deeds });
    Ok(turns)
}

struct Model<'a> {
    /// What the log comes to.
    recorded: &'a State,
    world: Shared,
    engine: Engine,
    clock: Arc<LogClock>,
    left: Vec<Done>,
    report: Simulated,
}

impl<'a> Model<'a> {
    fn begin(
        journal: &'a Journal,
        other: &Schema,
        policy: Arc<dyn Policy>,
    ) -> Result<Self, EngineError> {
        let (world, clock) = (Shared::default(), Arc::new(LogClock::default()));
        let sides = other.sides.iter().map(|side| -> Arc<dyn Adapter> {
            Arc::new(SimSide { side: side.clone(), world: world.clone() })
        });
        // Nothing is at stake, so nothing is guarded.
        let limits =
            Limits { deletes_free: 0, deletes_percent: 100, updates_free: 0, updates_percent: 100 };
        let mut sweeps = BTreeMap::new();
        for entity in &other.entities {
            for side in &other.sides {
                sweeps.insert((entity.name.clone(), side.clone()), Sweep::First);
            }
        }
        let log_id = journal.state().log_id.unwrap_or(ContentHash([0; 32]));
        let settings = Settings { limits, sweeps, log_id, ..Settings::default() };
        let log = Box::new(MemoryLog::default());
        let engine =
            Engine::open(log, other.clone(), sides.collect(), policy, settings, clock.clone())?;
        let (recorded, left, report) = (journal.state(), Vec::new(), Simulated::default());
        Ok(Self { recorded, world, engine, clock, left, report })
    }

    async fn feed_and_sync(&mut self) -> Result<(), EngineError> {
        for done in std::mem::take(&mut self.left) {
            if !self.again(&done)? {
                self.left.push(done);
            }
        }
        let sweep = std::mem::take(&mut open(&self.world).deleted);
        self.engine.sync(&SyncOptions { sweep, ..SyncOptions::default() }).await?;
        self.report.syncs += 1;
        Ok(())
    }

    /// Does a deed again; false where what it is done to is not there yet.
    fn again(&mut self, done: &Done) -> Result<bool, EngineError> {
        let entity = &done.entity;
        let Some((side, ext)) = &done.row else { return self.said(done) };
        let here = match done.deed {
            Deed::Made => Some(ext.clone()),
            Deed::Changed | Deed::Deleted | Deed::Said { .. } => {
                self.ext(entity, side, ext, &done.aliases)
            }
        };
        let Some(here) = here else { return Ok(false) };
        let fields = self.referring(&done.fields);
        let mut world = open(&self.world);
        match done.deed {
            Deed::Made | Deed::Changed => world.write(side, entity, &here, &fields, done.stamp),
            Deed::Deleted => world.delete(side, entity, &here),
            Deed::Said { .. } => {}
        }
        self.report.deeds += 1;
        Ok(true)
    }

    /// The model's row for a row of the log: the same one, or the one that its record has on that side.
    fn ext(
        &self,
        entity: &Name,
        side: &SideId,
        ext: &Ext,
        aliases: &[(SideId, Ext)],
    ) -> Option<Ext> {
        if open(&self.world).has(side, entity, ext) {
            return Some(ext.clone());
        }
        let state = self.engine.state();
        let record = self.record(entity, aliases)?;
        state.record(record)?.live_ext(side).cloned()
    }

    fn record(&self, entity: &Name, aliases: &[(SideId, Ext)]) -> Option<RecordId> {
        let state = self.engine.state();
        aliases.iter().find_map(|(side, ext)| state.record_of(entity, side, ext))
    }

    /// References to rows that Mizan made are to the rows that it made in the model.
    fn referring(&self, image: &Image) -> Image {
        let translate = |reference: &Ref| {
            let RefTo::Row { side, ext } = &reference.to else { return Some(reference.clone()) };
            let record = self.recorded.record_of(&reference.entity, side, ext);
            let aliases = record.map(|record| feed::aliases(self.recorded, record));
            let aliases = aliases.unwrap_or_default();
            let ext = self.ext(&reference.entity, side, ext, &aliases)?;
            let to = RefTo::Row { side: side.clone(), ext };
            Some(Ref { entity: reference.entity.clone(), to })
        };
        let fields = image.iter().map(|(name, value)| {
            let value = value.map_refs(&mut |one| translate(one).or_else(|| Some(one.clone())));
            (name.clone(), value.unwrap_or(Value::Null))
        });
        fields.collect()
    }

    /// A person's word counts where it is still asked for.
    fn said(&mut self, done: &Done) -> Result<bool, EngineError> {
        let Deed::Said { choices, keep, by, why } = &done.deed else { return Ok(true) };
        self.report.answers.recorded += 1;
        let Some(record) = self.record(&done.entity, &done.aliases) else { return Ok(true) };
        if self.engine.state().conflicts.contains(&record) {
            self.report.answers.other += 1;
            let (choices, keep) = (choices.clone(), *keep);
            let (by, why) = (by.clone(), why.clone());
            self.engine.append(vec![Fact::Resolved { record, choices, keep, by, why }])?;
        }
        Ok(true)
    }

    fn report(mut self, journal: &Journal) -> Result<Simulated, EngineError> {
        self.report.lost_deeds = self.left.len() as u64;
        let model = self.engine.journal();
        let (ours, theirs) = (counted(journal)?, counted(model)?);
        let both = |recorded, other| Counted { recorded, other };
        self.report.conflicts = both(ours.conflicts, theirs.conflicts);
        self.report.left_to_a_person = both(ours.waits, theirs.waits);
        let open = |journal: &Journal| journal.state().conflicts.len() as u64;
        self.report.open = both(open(journal), open(model));
        for (side, count) in ours.commands {
            self.report.commands.entry(side).or_default().recorded = count;
        }
        for (side, count) in theirs.commands {
            self.report.commands.entry(side).or_default().other = count;
        }
        let mut ends = Vec::new();
        for (id, record) in self.recorded.each_record() {
            let aliases = feed::aliases(self.recorded, id);
            let Some(other) = self.record(&record.entity, &aliases) else { continue };
            if ends.len() < LISTED_MAX {
                self.ends(journal, id, other, &mut ends)?;
            }
        }
        self.report.ends_otherwise = ends;
        Ok(self.report)
    }

    /// Compares what a record comes to in the log and in the model.
    fn ends(
        &self,
        journal: &Journal,
        id: RecordId,
        other: RecordId,
        ends: &mut Vec<EndsOtherwise>,
    ) -> Result<(), EngineError> {
        let model = self.engine.journal();
        let schema = self.engine.schema();
        let (Some(a), Some(b)) = (self.recorded.record(id), model.state().record(other)) else {
            return Ok(());
        };
        let Some(entity) = schema.entity(&a.entity) else { return Ok(()) };
        let name = || label(self.recorded, schema, journal, id);
        let mut differs = |field: Name, recorded: Value, other: Value| {
            if recorded != other {
                ends.push(EndsOtherwise { record: id, label: name(), field, recorded, other });
            }
        };
        let lives = |dead: bool| Value::text(if dead { "deleted" } else { "alive" });
        differs("life".into(), lives(a.dead), lives(b.dead));
        if a.dead || b.dead {
            return Ok(());
        }
        // What was erased has no end to compare.
        let Ok(ours) = image_of(journal, &a.merged) else { return Ok(()) };
        let theirs = image_of(model, &b.merged)?;
        let value = |image: &Image, name: &Name| image.get(name).cloned().unwrap_or(Value::Null);
        for field in &entity.fields {
            let ours = self.numbered(&value(&ours, &field.name));
            differs(field.name.clone(), ours, value(&theirs, &field.name));
        }
        Ok(())
    }

    /// A value of the log with the model's numbers of records.
    fn numbered(&self, value: &Value) -> Value {
        let translated = value.map_refs(&mut |one| {
            let record = match &one.to {
                RefTo::Record(record) => Some(*record),
                RefTo::Row { side, ext } => self.recorded.record_of(&one.entity, side, ext),
            };
            let aliases = record.map(|record| feed::aliases(self.recorded, record));
            let there = self.record(&one.entity, &aliases.unwrap_or_default());
            let to = there.map_or_else(|| one.to.clone(), RefTo::Record);
            Some(Ref { entity: one.entity.clone(), to })
        });
        translated.unwrap_or_else(|| value.clone())
    }
}

/// What a log has of each.
#[derive(Default)]
struct Totals {
    conflicts: u64,
    waits: u64,
    commands: BTreeMap<SideId, u64>,
}

fn counted(journal: &Journal) -> Result<Totals, EngineError> {
    let mut totals = Totals::default();
    journal.each_event(Seq(0), &mut |event| match &event.fact {
        Fact::Decided { decision, .. } => {
            for field in &decision.fields {
                totals.conflicts += u64::from(field.found.is_conflict());
                totals.waits += u64::from(field.found == Found::Manual);
            }
        }
        Fact::Intent { command } => *totals.commands.entry(command.side.clone()).or_default() += 1,
        _ => {}
    })?;
    Ok(totals)
}
