//! Deciding again: what a change of the rules means for conflicts that are open, and for those that are past.
//!
//! A changed rule decides what comes; it never touches what was decided, and what waits for a person goes on waiting
//! until there is news of its record. A person who wants the new rule to hold for those too says so, per entity.

use crate::conflicts;
use crate::engine::{EngineError, Journal};
use crate::explain::label;
use crate::preview::Preview;
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::event::{Choice, Decision, Found};
use mizan_core::fold::{Record, State, fold};
use mizan_core::policy::Policy;
use mizan_core::{ContentHash, Entity, Fact, FieldSet, Image, Name, RecordId, Schema, Seq, Value};
use serde::Serialize;
use std::collections::BTreeMap;

pub use crate::preview::Would;

/// An open conflict, and what the rules now in force make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The record.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// The field.
    pub field: Name,
    /// What becomes of it.
    pub would: Would,
}

/// A past conflict whose value still holds, and that the rules now in force would decide otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Past {
    /// The record.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// The field.
    pub field: Name,
    /// The decision.
    pub at: Seq,
    /// By which rule it was taken.
    pub found: Found,
    /// The value that holds.
    pub holds: Value,
    /// What would become of it. Only another value can be set afterwards: what was decided is not opened again, and
    /// no copy is made of what has been overwritten.
    pub would: Would,
}

/// What deciding again would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redecision {
    /// The entity.
    pub entity: Name,
    /// The policy in force, with its version.
    pub policy: Name,
    /// Its open conflicts.
    pub open: Vec<Open>,
    /// Its past conflicts that would be decided otherwise.
    pub past: Vec<Past>,
}

impl Redecision {
    /// The facts that a person's word appends: open conflicts are decided again; with `apply`, the values that past
    /// ones would have now are set as that person's decision.
    #[must_use]
    pub fn facts(&self, by: &str, why: &str, apply: bool) -> Vec<Fact> {
        let mut facts = Vec::new();
        if self.open.iter().any(|one| one.would != Would::Wait) {
            let (entity, by, why) = (self.entity.clone(), by.to_owned(), why.to_owned());
            facts.push(Fact::Redecided { entity, by, why });
        }
        let mut records: BTreeMap<RecordId, Vec<(Name, Choice)>> = BTreeMap::new();
        for past in self.past.iter().filter(|_| apply) {
            if let Would::Hold(value) = &past.would {
                let choice = (past.field.clone(), Choice::Value(value.clone()));
                records.entry(past.record).or_default().push(choice);
            }
        }
        for (record, choices) in records {
            let (by, why) = (by.to_owned(), format!("{why}; redecided under {}", self.policy));
            facts.push(Fact::Resolved { record, choices, keep: None, by, why });
        }
        facts
    }
}

/// What deciding again by the rules now in force would change in an entity; nothing is appended.
///
/// # Errors
/// When the log cannot be read.
pub fn redecide(
    journal: &Journal,
    schema: &Schema,
    policy: &dyn Policy,
    entity: &Name,
) -> Result<Redecision, EngineError> {
    let mut open = Vec::new();
    for summary in conflicts::list(journal, schema, false)? {
        if summary.entity != *entity {
            continue;
        }
        let preview = Preview::of(journal.state(), schema, journal, summary.record, policy)?;
        let Some(preview) = preview else { continue };
        let fields = summary.fields.iter().filter(|field| !summary.skipped.contains(field));
        open.extend(fields.map(|field| Open {
            record: summary.record,
            label: summary.label.clone(),
            field: field.clone(),
            would: preview.field(field),
        }));
    }
    let past = match schema.entity(entity) {
        Some(entity) => past(journal, schema, policy, entity)?,
        None => Vec::new(),
    };
    Ok(Redecision { entity: entity.clone(), policy: policy.id(), open, past })
}

/// A past decision on one field, with what was merged by it.
struct Case {
    past: Past,
    merged: ContentHash,
}

/// Folds the log once more, and asks the rules now in force at each decision what they make of what was known then.
struct Again<'a> {
    journal: &'a Journal,
    schema: &'a Schema,
    policy: &'a dyn Policy,
    entity: &'a Entity,
    state: State,
    cases: BTreeMap<(RecordId, Name), Case>,
}

fn past(
    journal: &Journal,
    schema: &Schema,
    policy: &dyn Policy,
    entity: &Entity,
) -> Result<Vec<Past>, EngineError> {
    let (state, cases) = (State::default(), BTreeMap::new());
    let mut again = Again { journal, schema, policy, entity, state, cases };
    let mut result = Ok(());
    journal.each_event(Seq(0), &mut |event| {
        if result.is_ok() {
            if let Fact::Decided { record, decision } = &event.fact {
                result = again.decided(*record, decision, event.seq);
            }
            result = std::mem::replace(&mut result, Ok(()))
                .and_then(|()| Ok(fold(&mut again.state, event)?));
        }
    })?;
    result?;
    let mut found = Vec::new();
    for (_, case) in again.cases {
        if still_holds(journal, entity, &case)? {
            found.push(case.past);
        }
    }
    Ok(found)
}

impl Again<'_> {
    fn decided(&mut self, id: RecordId, decision: &Decision, at: Seq) -> Result<(), EngineError> {
        if self.state.record(id).is_none_or(|record| record.entity != self.entity.name) {
            return Ok(());
        }
        // A later decision on a field is about something else.
        let touched = decision.taken.iter().fold(decision.agreed, |all, (_, one)| all.union(*one));
        for bit in touched.iter() {
            if let Some(field) = self.entity.fields.get(bit) {
                self.cases.remove(&(id, field.name.clone()));
            }
        }
        for field in &decision.fields {
            self.cases.remove(&(id, field.field.clone()));
        }
        if !decision.fields.iter().any(|field| by_rule(field.found)) {
            return Ok(());
        }
        let (journal, schema) = (self.journal, self.schema);
        let preview = Preview::of(&self.state, schema, journal, id, self.policy)?;
        let Some(preview) = preview else { return Ok(()) };
        let label = label(journal.state(), schema, journal, id);
        for field in decision.fields.iter().filter(|field| by_rule(field.found)) {
            let would = preview.field(&field.field);
            if would == Would::Hold(field.value.clone()) {
                continue;
            }
            let past = Past {
                record: id,
                label: label.clone(),
                field: field.field.clone(),
                at,
                found: field.found,
                holds: field.value.clone(),
                would,
            };
            let key = (id, field.field.clone());
            self.cases.insert(key, Case { past, merged: decision.merged });
        }
        Ok(())
    }
}

/// True where a rule decided a conflict and made nothing that cannot be taken back.
fn by_rule(found: Found) -> bool {
    match found {
        Found::Preferred | Found::Newest | Found::Greatest | Found::Least | Found::Custom => true,
        Found::Owner
        | Found::Reverted
        | Found::Manual
        | Found::Person
        | Found::Summed
        | Found::Died
        | Found::Joined
        | Found::Counted
        | Found::KeptBoth => false,
    }
}

/// The value holds, of a group all of its values, and nobody has said anything else since.
fn still_holds(journal: &Journal, entity: &Entity, case: &Case) -> Result<bool, EngineError> {
    let Some(record) = journal.state().record(case.past.record) else { return Ok(false) };
    let Some(bit) = entity.bit(&case.past.field) else { return Ok(false) };
    let field = &entity.fields[bit as usize];
    let mut bits = FieldSet::EMPTY;
    bits.insert(bit as usize);
    if let Some(group) = &field.group {
        bits = entity.group(group);
    }
    Ok(at_rest(record, bits) && same(journal, entity, bits, &case.merged, &record.merged)?)
}

fn at_rest(record: &Record, bits: FieldSet) -> bool {
    let open = conflicts::open_bits(record);
    let waits = record.parked.is_some() || record.resolution.is_some() || record.disputed;
    !record.dead && !waits && bits.iter().all(|bit| !open.contains(bit))
}

fn same(
    bodies: &dyn Bodies,
    entity: &Entity,
    bits: FieldSet,
    then: &ContentHash,
    now: &ContentHash,
) -> Result<bool, EngineError> {
    let (then, now): (Image, Image) = (image_of(bodies, then)?, image_of(bodies, now)?);
    let mut names = bits.iter().filter_map(|bit| entity.fields.get(bit)).map(|field| &field.name);
    Ok(names.all(|name| then.get(name) == now.get(name)))
}
