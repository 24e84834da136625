//! One decision as it was taken, beside the same as the other rules take it.

use mizan_core::bodies::Bodies;
use mizan_core::event::{Decision, FieldDecision, Found, Life, SideAfter};
use mizan_core::{ContentHash, Entity, Image, Name, Seq, SideId, Value};
use serde::Serialize;
use std::collections::BTreeMap;

/// How a field came to its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct How {
    /// The rule: `preferred`, `manual`, `newest`, ...; `no conflict` where there was nothing to decide.
    pub rule: String,
    /// The side whose value holds; `None`: what was merged before, or made.
    pub winner: Option<SideId>,
    /// A person is asked.
    pub waits: bool,
}

/// A field that would have come out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The field.
    pub field: Name,
    /// How it was decided.
    pub recorded: How,
    /// The value since.
    pub recorded_value: Value,
    /// How it would have been.
    pub other: How,
    /// The value it would have.
    pub other_value: Value,
}

/// What the images of two answers are found in.
pub(crate) struct Answer<'a> {
    pub(crate) images: &'a dyn Bodies,
    pub(crate) fresh: &'a BTreeMap<ContentHash, &'a Image>,
    pub(crate) entity: &'a Entity,
}

impl Answer<'_> {
    fn image(&self, hash: &ContentHash) -> Image {
        let fresh = self.fresh.get(hash).map(|image| (*image).clone());
        fresh.or_else(|| self.images.image(hash)).unwrap_or_default()
    }
}

/// A decision and its rival.
pub(crate) struct Compared {
    pub(crate) at: Seq,
    pub(crate) entity: Name,
    /// What follows from them is not the same.
    pub(crate) effect: bool,
    pub(crate) fields: Vec<FieldChange>,
    /// Whether the record lives, where that differs.
    pub(crate) life: Option<(Life, Life)>,
    /// Fields in conflict, and those of them that wait for a person.
    pub(crate) conflicts: (u64, u64),
    pub(crate) waits: (u64, u64),
    /// For each side what becomes of its command.
    pub(super) commands: Vec<(SideId, Owed)>,
}

/// What becomes of what a side is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    Saved,
    Added,
    Changed,
}

impl Compared {
    pub(crate) fn of(answer: &Answer<'_>, at: Seq, recorded: &Decision, other: &Decision) -> Self {
        let count = |decision: &Decision, which: &dyn Fn(Found) -> bool| {
            decision.fields.iter().filter(|one| which(one.found)).count() as u64
        };
        let conflict = |found: Found| found.is_conflict();
        let manual = |found: Found| found == Found::Manual;
        let effect = recorded.merged != other.merged
            || recorded.sides != other.sides
            || recorded.life != other.life
            || recorded.contains != other.contains
            || recorded.refers_to != other.refers_to
            || recorded.awaits != other.awaits;
        Self {
            at,
            entity: answer.entity.name.clone(),
            effect,
            fields: if effect { changes(answer, recorded, other) } else { Vec::new() },
            life: (recorded.life != other.life).then_some((recorded.life, other.life)),
            conflicts: (count(recorded, &conflict), count(other, &conflict)),
            waits: (count(recorded, &manual), count(other, &manual)),
            commands: if effect { commands(recorded, other) } else { Vec::new() },
        }
    }
}

/// The fields of which another value holds, or that somebody else decides.
fn changes(answer: &Answer<'_>, recorded: &Decision, other: &Decision) -> Vec<FieldChange> {
    let (ours, theirs) = (answer.image(&recorded.merged), answer.image(&other.merged));
    let value = |image: &Image, name: &Name| image.get(name).cloned().unwrap_or(Value::Null);
    let mut changed = Vec::new();
    for (bit, field) in answer.entity.fields.iter().enumerate() {
        let name = &field.name;
        let change = FieldChange {
            field: name.clone(),
            recorded: how(recorded, name, bit),
            recorded_value: value(&ours, name),
            other: how(other, name, bit),
            other_value: value(&theirs, name),
        };
        let values = change.recorded_value != change.other_value;
        let decided = change.recorded.waits != change.other.waits
            || (change.recorded.winner != change.other.winner && values);
        if values || decided {
            changed.push(change);
        }
    }
    changed
}

fn how(decision: &Decision, field: &Name, bit: usize) -> How {
    let told = decision.fields.iter().find(|one| one.field == *field);
    let taken = || decision.taken.iter().find(|(_, set)| set.contains(bit));
    match told {
        Some(FieldDecision { found, winner, .. }) => {
            let waits = *found == Found::Manual;
            How { rule: rule_name(*found), winner: winner.clone(), waits }
        }
        None => {
            let winner = taken().map(|(side, _)| side.clone());
            How { rule: "no conflict".to_owned(), winner, waits: false }
        }
    }
}

/// A rule as the log names it, in words.
fn rule_name(found: Found) -> String {
    let name = serde_json::to_value(found).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or("?").replace('_', " ")
}

fn commands(recorded: &Decision, other: &Decision) -> Vec<(SideId, Owed)> {
    let find = |list: &[SideAfter], side: &SideId| {
        list.iter().find(|after| after.side == *side).map(|after| after.behind.minus(after.changed))
    };
    let mut sides: Vec<&SideId> =
        recorded.sides.iter().chain(&other.sides).map(|after| &after.side).collect();
    sides.sort();
    sides.dedup();
    let mut found = Vec::new();
    for side in sides {
        let ours = find(&recorded.sides, side).unwrap_or_default();
        let theirs = find(&other.sides, side).unwrap_or_default();
        let owed = match (ours.is_empty(), theirs.is_empty()) {
            (true, true) => continue,
            (false, true) => Owed::Saved,
            (true, false) => Owed::Added,
            (false, false) if ours == theirs && recorded.merged == other.merged => continue,
            (false, false) => Owed::Changed,
        };
        found.push((side.clone(), owed));
    }
    found
}
