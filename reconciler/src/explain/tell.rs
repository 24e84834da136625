//! Events of one record, in sentences.

use super::Step;
use crate::conflicts::Chosen;
use crate::engine::Journal;
use mizan_core::bodies::image_of;
use mizan_core::compare::is_counter;
use mizan_core::event::{Choice, Decision, Event, FieldDecision, Found, Life, Loser};
use mizan_core::{CommandId, ContentHash, Entity, Fact, Image, Name, RecordId, SideId, Value};
use std::collections::BTreeMap;

/// Turns events into sentences.
pub(super) struct Teller<'a> {
    pub(super) journal: &'a Journal,
    pub(super) entity: &'a Entity,
    pub(super) bit: Option<usize>,
    pub(super) id: RecordId,
    pub(super) commands: BTreeMap<CommandId, (SideId, &'static str, bool)>,
    /// What was sent by the last command that was done, and what its row showed then.
    pub(super) done: Option<(CommandId, ContentHash, ContentHash)>,
    pub(super) sent: BTreeMap<CommandId, ContentHash>,
}

impl Teller<'_> {
    #[expect(clippy::too_many_lines, reason = "a table: one arm a fact")]
    pub(super) fn tell(&mut self, event: &Event) -> Option<Step> {
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
            Fact::Resolved { choices, keep, by, why, .. } => {
                format!("{by} decided {} ({why})", self.word(choices, *keep)?)
            }
            Fact::Unresolved { by, why, .. } => {
                format!("{by} took back what had been decided ({why})")
            }
            Fact::Forked { side, merged, .. } => {
                let whose = side.as_ref().map_or("was merged before", SideId::as_str);
                let showed = if side.is_some() { " showed" } else { "" };
                format!("a copy keeps what {whose}{showed}: {}", self.shows(merged))
            }
            Fact::Redecided { by, why, .. } => {
                format!("{by} had open conflicts decided by the rules now in force ({why})")
            }
            Fact::Erased { events, bodies, by, why, .. } => format!(
                "{by} had its contents erased: {} events and {} images ({why})",
                events.len(),
                bodies.len()
            ),
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
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. }
            | Fact::Shadowed { .. } => return None,
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

    /// What a person said, of this field or of all.
    fn word(&self, choices: &[(Name, Choice)], keep: Option<bool>) -> Option<String> {
        let name = self.bit.and_then(|bit| self.entity.fields.get(bit)).map(|field| &field.name);
        let told = choices.iter().filter(|(field, _)| name.is_none_or(|name| name == field));
        let mut parts: Vec<String> =
            told.map(|(field, choice)| format!("on {field}: {}", Chosen(choice))).collect();
        match keep {
            Some(true) => parts.push("that the record lives".to_owned()),
            Some(false) => parts.push("that the record is deleted".to_owned()),
            None => {}
        }
        if parts.is_empty() { None } else { Some(parts.join(", ")) }
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
                    let counter = is_counter(self.entity.fields.get(bit)?);
                    let what =
                        if counter { "counts and movements give" } else { "all sides agree on" };
                    parts.push(format!("{what} {name}"));
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
    // A field of a group can follow the others without having been changed by anybody else.
    let lost = if losers.is_empty() { String::new() } else { format!("; lost {losers}") };
    match field.found {
        Found::Owner => format!("{name}: {winner} owns it, {value} holds; overruled {losers}"),
        Found::Reverted => format!(
            "{name}: only a side that does not own it changed it; {value} stays, overruled {losers}"
        ),
        Found::Preferred => {
            format!("conflict on {name}: {winner} is preferred, {value} holds{lost}")
        }
        Found::Newest => {
            format!("conflict on {name}: {winner} was surely later, {value} holds{lost}")
        }
        Found::Greatest => {
            format!("conflict on {name}: {value} is the greatest and holds{lost}")
        }
        Found::Least => {
            format!("conflict on {name}: {value} is the least and holds{lost}")
        }
        Found::KeptBoth => {
            format!("conflict on {name}: {value} holds here, and copies keep {losers}")
        }
        Found::Custom => {
            format!("conflict on {name}: decided by your policy, {value} holds{lost}")
        }
        Found::Joined => format!("{name}: what all sides put in and took out gives {value}"),
        Found::Counted => format!(
            "{name}: {winner} counted {value}; movements it had not been sent are in the count, \
             which was {losers}"
        ),
        Found::Manual => format!("conflict on {name}: waits for a person between {losers}"),
        Found::Person => format!("{name}: a person chose {value}{lost}"),
        Found::Summed => format!("{name}: movements of all sides add up to {value}"),
        Found::Died => format!("{name}: {losers} lost to the delete"),
    }
}
