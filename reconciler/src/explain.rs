//! Explain: why a record has the value that it has, as a chain of facts from the log (L53).

use crate::engine::{EngineError, Journal};
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::event::{Decision, Event, FieldDecision, Found, Life, Loser, Subject};
use mizan_core::fold::{RowState, State};
use mizan_core::{
    CommandId, ContentHash, Entity, Ext, Fact, Image, Name, RecordId, Schema, Seq, SideId,
    Timestamp, Value,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The event.
    pub seq: Seq,
    /// When it was appended.
    pub at: Timestamp,
    /// `observed`, `decided`, `intent`, `done`, ...
    pub kind: &'static str,
    /// What it says, in words.
    pub text: String,
}

/// The chain for one record, or for one of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// The field, or `None` for all.
    pub field: Option<Name>,
    /// The merged value of the field now.
    pub value: Option<Value>,
    /// The events that led to it, oldest first.
    pub steps: Vec<Step>,
}

/// A record by what a person types: `r12`, `entity:KEY` or `entity:side:ID`.
///
/// ```no_run
/// # fn show(state: &mizan_core::fold::State, schema: &mizan_core::Schema) {
/// let record = mizan::explain::find_record(state, schema, "product:COF-250");
/// # }
/// ```
#[must_use]
pub fn find_record(state: &State, schema: &Schema, text: &str) -> Option<RecordId> {
    if let Some(number) = text.strip_prefix('r').and_then(|number| number.parse().ok()) {
        let id = RecordId(number);
        return state.record(id).map(|_| id);
    }
    let (entity_name, rest) = text.split_once(':')?;
    let entity = schema.entity(entity_name)?;
    if let Some((side, ext)) = rest.split_once(':') {
        let found = state.record_of(&entity.name, &SideId::new(side), &Ext::new(ext));
        if found.is_some() {
            return found;
        }
    }
    let [field] = entity.key.as_slice() else { return None };
    let image: Image = [(field.clone(), Value::text(rest))].into_iter().collect();
    let key = entity.key_of(&image)?;
    let rows = state.keys.get(&(entity.name.clone(), key))?;
    rows.iter().find_map(|(side, ext)| {
        match state.rows.get(&(entity.name.clone(), side.clone(), ext.clone()))? {
            RowState::Linked(record) => Some(*record),
            RowState::Unlinked(_) => None,
        }
    })
}

/// A record's name for people: its natural key, else its id.
#[must_use]
pub fn label(state: &State, schema: &Schema, bodies: &dyn Bodies, id: RecordId) -> String {
    let named = || {
        let record = state.record(id)?;
        let entity = schema.entity(&record.entity)?;
        let mut hashes = vec![record.merged];
        hashes.extend(record.slots.values().map(|slot| slot.seen));
        hashes.into_iter().find_map(|hash| {
            let image = image_of(bodies, &hash).ok()?;
            let parts: Vec<String> = entity
                .key
                .iter()
                .filter_map(|field| image.get(field))
                .filter(|value| !value.is_null())
                .map(ToString::to_string)
                .collect();
            if parts.is_empty() { None } else { Some(parts.join(" / ")) }
        })
    };
    named().unwrap_or_else(|| id.to_string())
}

/// Walks the log for one record and tells what led to its value.
///
/// # Errors
/// When the log cannot be read.
pub fn explain(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
    field: Option<&Name>,
) -> Result<Option<Explanation>, EngineError> {
    let state = journal.state();
    let Some(record) = state.record(id) else { return Ok(None) };
    let Some(entity) = schema.entity(&record.entity) else { return Ok(None) };
    let bit = match field {
        None => None,
        Some(field) => match entity.bit(field) {
            Some(bit) => Some(bit as usize),
            None => return Ok(None),
        },
    };
    let mut facts = Vec::new();
    each_event_of(journal, id, &mut |event| facts.push(event.clone()))?;
    let (commands, sent) = (BTreeMap::new(), BTreeMap::new());
    let mut teller = Teller { journal, entity, bit, id, commands, done: None, sent };
    let steps = facts.iter().filter_map(|event| teller.tell(event)).collect();
    let merged = image_of(journal, &record.merged)?;
    Ok(Some(Explanation {
        record: id,
        entity: entity.name.clone(),
        label: label(state, schema, journal, id),
        field: field.cloned(),
        value: field.and_then(|field| merged.get(field).cloned()),
        steps,
    }))
}

/// Calls `visit` for every event about a record: its rows, decisions, commands and their outcomes, oldest first.
///
/// # Errors
/// When the log cannot be read.
pub fn each_event_of(
    journal: &Journal,
    id: RecordId,
    visit: &mut dyn FnMut(&Event),
) -> Result<(), EngineError> {
    let state = journal.state();
    let mut commands = BTreeSet::new();
    journal.each_event(Seq(0), &mut |event| {
        let concerns = match &event.fact {
            Fact::Observed { entity, side, ext, .. } => {
                state.record_of(entity, side, ext) == Some(id)
            }
            Fact::Linked { record, .. }
            | Fact::Decided { record, .. }
            | Fact::Resolved { record, .. }
            | Fact::Unresolved { record, .. } => *record == id,
            Fact::Forked { from, .. } => {
                *from == id || state.record(id).is_some_and(|one| one.copy_of == Some(*from))
            }
            Fact::Redecided { entity, .. } => {
                state.record(id).is_some_and(|record| record.entity == *entity)
            }
            Fact::Intent { command } => {
                if command.record == id {
                    commands.insert(command.id);
                }
                command.record == id
            }
            Fact::Done { command, .. }
            | Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. }
            | Fact::Drifted { command, .. } => commands.contains(command),
            Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => {
                *subject == Subject::Record(id)
            }
            Fact::Swept { freed, .. } => freed.contains(&id),
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Approved { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. } => false,
        };
        if concerns {
            visit(event);
        }
    })
}

/// Turns events into sentences.
struct Teller<'a> {
    journal: &'a Journal,
    entity: &'a Entity,
    bit: Option<usize>,
    id: RecordId,
    commands: BTreeMap<CommandId, (SideId, &'static str, bool)>,
    /// What was sent by the last command that was done, and what its row showed then.
    done: Option<(CommandId, ContentHash, ContentHash)>,
    sent: BTreeMap<CommandId, ContentHash>,
}

impl Teller<'_> {
    #[expect(clippy::too_many_lines, reason = "a table: one arm a fact")]
    fn tell(&mut self, event: &Event) -> Option<Step> {
        let text = match &event.fact {
            Fact::Observed { side, ext, seen, changed, evidence, .. } => match seen {
                None => format!("{side} no longer has row {ext} (evidence: {evidence:?})"),
                Some(hash) => {
                    if self.bit.is_some_and(|bit| !changed.contains(bit)) {
                        return None;
                    }
                    let shows = self.shows(hash);
                    format!("{side} showed in row {ext}: {shows} (content {})", hash.short())
                }
            },
            Fact::Linked { side, ext, how, .. } => {
                format!("row {ext} of {side} belongs to record {} (by {how:?})", self.id)
            }
            Fact::Decided { decision, .. } => self.decision(decision)?,
            Fact::Resolved { choices, by, why, .. } => {
                let fields: Vec<&str> = choices.iter().map(|(field, _)| field.as_str()).collect();
                format!("{by} decided {} ({why})", fields.join(", "))
            }
            Fact::Unresolved { by, why, .. } => {
                format!("{by} took back what had been decided ({why})")
            }
            Fact::Forked { side, merged, .. } => {
                let whose = side.as_ref().map_or("the merged", SideId::as_str);
                format!("a copy keeps {whose} values: {}", self.shows(merged))
            }
            Fact::Redecided { by, why, .. } => {
                format!("{by} had open conflicts decided by the rules now in force ({why})")
            }
            Fact::Intent { command } => {
                let touches = self.bit.is_none_or(|bit| command.fields.contains(bit))
                    || command.operation.ext().is_some() && command.fields.is_empty();
                let verb = command.operation.verb();
                self.commands.insert(command.id, (command.side.clone(), verb, touches));
                self.sent.insert(command.id, command.set);
                if !touches {
                    return None;
                }
                let sets = self.shows(&command.set);
                format!("command {}: {verb} on {} setting {sets}", command.id, command.side)
            }
            Fact::Done { command, ext, seen, exact, .. } => {
                self.done = self.sent.remove(command).map(|sent| (*command, sent, *seen));
                let (side, verb, touches) = self.commands.get(command)?;
                if !touches {
                    return None;
                }
                let how = if *exact { "confirmed" } else { "found done" };
                format!("{verb} {command} {how} by {side}, row {ext} shows {}", self.shows(seen))
            }
            Fact::Deleted { command } => {
                let (side, _, _) = self.commands.get(command)?;
                format!("delete {command} confirmed by {side}")
            }
            Fact::Refused { command, why, message } => {
                let (side, verb, _) = self.commands.get(command)?;
                format!("{side} refused {verb} {command} ({why:?}): {message}")
            }
            Fact::Withdrawn { command, why } => {
                let (side, verb, _) = self.commands.get(command)?;
                format!("{verb} {command} on {side} had no effect ({why:?})")
            }
            Fact::Drifted { command, fields } => self.drifted(command, fields)?,
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Swept { .. }
            | Fact::Parked { .. }
            | Fact::Unparked { .. }
            | Fact::Approved { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. } => return None,
        };
        Some(Step { seq: event.seq, at: event.at, kind: event.fact.kind(), text })
    }

    /// What was sent, which is what the declared rules predict, and what was stored instead.
    fn drifted(&self, command: &CommandId, fields: &[Name]) -> Option<String> {
        let (side, _, _) = self.commands.get(command)?;
        let asked = self.bit.and_then(|bit| self.entity.fields.get(bit)).map(|field| &field.name);
        let fields: Vec<&Name> =
            fields.iter().filter(|field| asked.is_none_or(|asked| asked == *field)).collect();
        let (_, sent, stored) = self.done.as_ref().filter(|(done, ..)| done == command)?;
        let (sent, stored) =
            (image_of(self.journal, sent).ok(), image_of(self.journal, stored).ok());
        let of = |image: &Option<Image>, field: &Name| match image {
            // In quotes: it may be white space that makes the difference.
            Some(image) => match image.get(field) {
                Some(Value::Text(text)) => format!("\"{text}\""),
                Some(value) => value.to_string(),
                None => Value::Null.to_string(),
            },
            None => "(erased)".to_owned(),
        };
        let told: Vec<String> = fields
            .into_iter()
            .map(|field| {
                let (sent, stored) = (of(&sent, field), of(&stored, field));
                format!("{field}: sent and predicted {sent}, stored {stored}")
            })
            .collect();
        if told.is_empty() {
            return None;
        }
        Some(format!(
            "{side} stored something else than was sent ({}); what it shows is taken as it is, and \
             the value sent still holds elsewhere",
            told.join("; ")
        ))
    }

    /// The field's value in an image, or all of them.
    fn shows(&self, hash: &ContentHash) -> String {
        let Ok(image) = image_of(self.journal, hash) else {
            return format!("content {} (erased)", hash.short());
        };
        match self.bit.and_then(|bit| self.entity.fields.get(bit)) {
            Some(field) => match image.get(&field.name) {
                Some(value) => format!("{} = {value}", field.name),
                None => format!("{} unknown", field.name),
            },
            None => {
                let fields: Vec<String> =
                    image.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                fields.join(", ")
            }
        }
    }

    fn decision(&self, decision: &Decision) -> Option<String> {
        let mut parts = Vec::new();
        match self.bit {
            Some(bit) => {
                let name = &self.entity.fields.get(bit)?.name;
                for (side, fields) in &decision.taken {
                    if fields.contains(bit) {
                        parts.push(format!("only {side} had changed {name}: taken"));
                    }
                }
                if decision.agreed.contains(bit) {
                    parts.push(format!("all sides agree on {name}"));
                }
                let contested = decision.fields.iter().filter(|field| field.field == *name);
                parts.extend(contested.map(contested_text));
            }
            None => {
                for (side, fields) in &decision.taken {
                    let names = self.names(fields.iter());
                    parts.push(format!("taken from {side}: {names}"));
                }
                if !decision.agreed.is_empty() {
                    parts.push(format!("agreed: {}", self.names(decision.agreed.iter())));
                }
                parts.extend(decision.fields.iter().map(contested_text));
            }
        }
        match decision.life {
            Life::Alive => {}
            Life::Dead => parts.push("the record is dead".to_owned()),
            Life::Revived => parts.push("an edit brings the deleted record back".to_owned()),
            Life::Disputed => {
                parts.push("deleted here, edited there: a person must say".to_owned());
            }
        }
        if parts.is_empty() {
            return None;
        }
        parts.push(format!("merged {}", self.shows(&decision.merged)));
        Some(format!("policy {}: {}", decision.policy, parts.join("; ")))
    }

    fn names(&self, bits: impl Iterator<Item = usize>) -> String {
        let names: Vec<&str> =
            bits.filter_map(|bit| Some(self.entity.fields.get(bit)?.name.as_str())).collect();
        names.join(", ")
    }
}

fn contested_text(field: &FieldDecision) -> String {
    let losers: Vec<String> = field
        .losers
        .iter()
        .map(|Loser { side, value }| match side {
            Some(side) => format!("{value} ({side})"),
            None => format!("{value} (merged before)"),
        })
        .collect();
    let (name, value) = (&field.field, &field.value);
    let winner = field.winner.as_ref().map_or("the merged value".to_owned(), ToString::to_string);
    let losers = losers.join(", ");
    match field.found {
        Found::Owner => format!("{name}: {winner} owns it, {value} holds; overruled {losers}"),
        Found::Reverted => format!(
            "{name}: only a side that does not own it changed it; {value} stays, overruled {losers}"
        ),
        Found::Preferred => {
            format!("conflict on {name}: {winner} is preferred, {value} holds; lost {losers}")
        }
        Found::Newest => {
            format!("conflict on {name}: {winner} was surely later, {value} holds; lost {losers}")
        }
        Found::Greatest => {
            format!("conflict on {name}: {value} is the greatest and holds; lost {losers}")
        }
        Found::Least => {
            format!("conflict on {name}: {value} is the least and holds; lost {losers}")
        }
        Found::KeptBoth => {
            format!("conflict on {name}: {value} holds here, and copies keep {losers}")
        }
        Found::Custom => {
            format!("conflict on {name}: decided by your policy, {value} holds; lost {losers}")
        }
        Found::Joined => format!("{name}: what all sides put in and took out gives {value}"),
        Found::Counted => format!(
            "{name}: {winner} counted {value}; movements it had not been sent are in the count, \
             which was {losers}"
        ),
        Found::Manual => format!("conflict on {name}: waits for a person between {losers}"),
        Found::Person => format!("{name}: a person chose {value}; lost {losers}"),
        Found::Summed => format!("{name}: movements of all sides add up to {value}"),
        Found::Died => format!("{name}: {losers} lost to the delete"),
    }
}
