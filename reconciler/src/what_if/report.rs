//! What other rules would have changed, counted.

use super::compare::{Compared, FieldChange, How, Owed};
use mizan_core::event::Life;
use mizan_core::{Name, RecordId, Schema, Seq, SideId, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The largest differences in money that a report has.
const MONEY_MAX: usize = 10;

/// A number as it is recorded, and as it would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// In the log.
    pub recorded: u64,
    /// Under the other rules.
    pub other: u64,
}

/// Commands to one side that the first diverging decisions lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commands {
    /// They would not have been sent.
    pub saved: u64,
    /// They would have been sent beside.
    pub added: u64,
    /// They would have said something else.
    pub changed: u64,
}

/// Fields that would have come out otherwise in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The entity.
    pub entity: Name,
    /// The field.
    pub field: Name,
    /// How it was decided.
    pub recorded: How,
    /// How it would have been.
    pub other: How,
    /// How often.
    pub count: u64,
}

/// A record's first decision that would have had another effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// The record.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// Its entity.
    pub entity: Name,
    /// The decision.
    pub at: Seq,
    /// The fields.
    pub fields: Vec<FieldChange>,
    /// Whether it lives, as recorded and under the other rules, where that differs.
    pub life: Option<(Life, Life)>,
}

/// A number that would have been another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    /// The record.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// Its entity.
    pub entity: Name,
    /// The field.
    pub field: Name,
    /// The decision.
    pub at: Seq,
    /// The value since.
    pub recorded: Value,
    /// The value it would have.
    pub other: Value,
    /// The second less the first.
    pub difference: Value,
}

/// What is compared of records after they diverged: asked about states that would not have come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hypothetical {
    /// Decisions.
    pub compared: u64,
    /// Those that would come out otherwise, asked about the state as it is recorded.
    pub differing: u64,
    /// Conflicts in them.
    pub conflicts: Counted,
}

/// What other rules would have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// Decisions up to here are not asked about.
    pub from: Seq,
    /// The end of the log.
    pub to: Seq,
    /// The policy that was asked.
    pub policy: Name,
    /// Decisions that were compared, of records that had not diverged: exact.
    pub compared: u64,
    /// Decisions that could not be asked about: contents are missing or were erased.
    pub unknown: u64,
    /// Fields in conflict in them.
    pub conflicts: Counted,
    /// Fields that were left to a person in them.
    pub left_to_a_person: Counted,
    /// Records with a decision that would have had another effect.
    pub diverged: u64,
    /// Records that are in question because they refer to one that is.
    pub referring: u64,
    /// What would have come out otherwise, the most frequent first.
    pub changes: Vec<Change>,
    /// Values that hold, and would not.
    pub values_lost: u64,
    /// Values that would hold, and do not.
    pub values_gained: u64,
    /// Records that would live and do not, or the other way round.
    pub lives: u64,
    /// Commands by side.
    pub commands: BTreeMap<SideId, Commands>,
    /// The ten largest differences of numbers.
    pub money: Vec<Money>,
    /// The records that would have come out otherwise, oldest decision first; at most a thousand.
    pub divergences: Vec<Divergence>,
    /// What came after.
    pub hypothetical: Hypothetical,
}

impl WhatIf {
    pub(super) fn begin(from: Seq, policy: Name) -> Self {
        Self { from, policy, ..Self::default() }
    }

    /// True where the other rules would have changed nothing.
    #[must_use]
    pub fn same(&self) -> bool {
        self.diverged == 0
    }

    pub(super) fn count(&mut self, compared: &Compared) {
        self.compared += 1;
        self.conflicts.recorded += compared.conflicts.0;
        self.conflicts.other += compared.conflicts.1;
        self.left_to_a_person.recorded += compared.waits.0;
        self.left_to_a_person.other += compared.waits.1;
    }

    pub(super) fn suppose(&mut self, compared: &Compared) {
        self.hypothetical.compared += 1;
        self.hypothetical.differing += u64::from(compared.effect);
        self.hypothetical.conflicts.recorded += compared.conflicts.0;
        self.hypothetical.conflicts.other += compared.conflicts.1;
    }

    pub(super) fn diverge(&mut self, record: RecordId, compared: Compared, listed_max: usize) {
        let Compared { at, entity, fields, life, commands, .. } = compared;
        self.lives += u64::from(life.is_some());
        for change in &fields {
            self.change(&entity, change);
            self.money(record, &entity, at, change);
        }
        for (side, owed) in commands {
            let commands = self.commands.entry(side).or_default();
            match owed {
                Owed::Saved => commands.saved += 1,
                Owed::Added => commands.added += 1,
                Owed::Changed => commands.changed += 1,
            }
        }
        if self.divergences.len() < listed_max {
            let label = String::new();
            self.divergences.push(Divergence { record, label, entity, at, fields, life });
        }
    }

    fn change(&mut self, entity: &Name, change: &FieldChange) {
        let FieldChange { field, recorded, recorded_value, other, other_value } = change;
        if recorded_value != other_value {
            self.values_lost += u64::from(!recorded_value.is_null());
            self.values_gained += u64::from(!other_value.is_null());
        }
        let known = self.changes.iter_mut().find(|known| {
            (&known.entity, &known.field, &known.recorded, &known.other)
                == (entity, field, recorded, other)
        });
        match known {
            Some(known) => known.count += 1,
            None => self.changes.push(Change {
                entity: entity.clone(),
                field: field.clone(),
                recorded: recorded.clone(),
                other: other.clone(),
                count: 1,
            }),
        }
    }

    fn money(&mut self, record: RecordId, entity: &Name, at: Seq, change: &FieldChange) {
        let (Value::Decimal(a), Value::Decimal(b)) = (&change.recorded_value, &change.other_value)
        else {
            return;
        };
        let Some(difference) = b.checked_sub(*a) else { return };
        if difference.is_zero() {
            return;
        }
        self.money.push(Money {
            record,
            label: String::new(),
            entity: entity.clone(),
            field: change.field.clone(),
            at,
            recorded: change.recorded_value.clone(),
            other: change.other_value.clone(),
            difference: Value::decimal(difference),
        });
        if self.money.len() > 4 * MONEY_MAX {
            self.keep_largest();
        }
    }

    fn keep_largest(&mut self) {
        let size = |money: &Money| match &money.difference {
            Value::Decimal(difference) => std::cmp::Reverse(difference.abs()),
            Value::Null
            | Value::Bool(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Ref(_) => std::cmp::Reverse(Default::default()),
        };
        self.money.sort_by_key(|money| (size(money), money.at));
        self.money.truncate(MONEY_MAX);
    }

    pub(super) fn finish(&mut self, name: &dyn Fn(RecordId) -> String) {
        self.keep_largest();
        self.money.iter_mut().for_each(|money| money.label = name(money.record));
        self.divergences.iter_mut().for_each(|one| one.label = name(one.record));
        self.changes.sort_by_key(|change| std::cmp::Reverse(change.count));
    }
}

/// Another configuration is about other things, and cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entity `{entity}` {what}; what-if compares rules for the same entities, fields and sides")]
pub struct NotComparable {
    /// The entity.
    pub entity: Name,
    /// In what it differs.
    pub what: String,
}

/// Checks that two schemas are about the same entities, fields and sides; returns what is taken as it was recorded
/// although the other schema says something else.
///
/// # Errors
/// The first entity that is not in both, or has other fields or sides.
pub fn comparable(now: &Schema, other: &Schema) -> Result<Vec<String>, NotComparable> {
    let mut as_recorded = Vec::new();
    let names: BTreeSet<&Name> =
        now.entities.iter().chain(&other.entities).map(|entity| &entity.name).collect();
    for name in names {
        let differs = |what: &str| NotComparable { entity: name.clone(), what: what.to_owned() };
        let Some(ours) = now.entity(name) else { return Err(differs("is only in the other file")) };
        let Some(theirs) = other.entity(name) else {
            return Err(differs("is not in the other file"));
        };
        if !ours.sides.keys().eq(theirs.sides.keys()) {
            return Err(differs("is on other sides"));
        }
        for field in &theirs.fields {
            if ours.bit(&field.name).is_none() {
                let field = &field.name;
                return Err(differs(&format!("has a field `{field}` only in the other file")));
            }
        }
        for field in &ours.fields {
            let Some(bit) = theirs.bit(&field.name) else {
                return Err(differs(&format!("has no field `{}` in the other file", field.name)));
            };
            let there = &theirs.fields[bit as usize];
            let forms = |field: &mizan_core::Field| {
                let sides = field.sides.iter();
                sides.map(|(side, on)| (side.clone(), on.normaliser.clone())).collect::<Vec<_>>()
            };
            if field.kind != there.kind || forms(field) != forms(there) {
                as_recorded.push(format!("what the sides make of {name}.{}", field.name));
            }
        }
        if ours.key != theirs.key {
            as_recorded.push(format!("which rows of {name} belong together"));
        }
    }
    Ok(as_recorded)
}
