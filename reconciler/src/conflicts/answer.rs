//! A person's word on a conflict, as the fact that is appended.

use super::open_bits;
use crate::engine::{EngineError, Journal};
use crate::explain::each_event_of;
use mizan_core::bodies::image_of;
use mizan_core::compare::inward;
use mizan_core::event::Choice;
use mizan_core::fold::{Presence, Record};
use mizan_core::lens::parse_decimal;
use mizan_core::{Entity, Fact, Field, Name, RecordId, Schema, Seq, SideId, Type, Value};
use std::collections::BTreeMap;

/// What a person chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The values that a side shows: of these fields, or of all that are open. A group is taken as a whole.
    Take(SideId, Vec<Name>),
    /// Values that no side needs to show. Of a group, all open fields are given together.
    Values(Vec<(Name, Value)>),
    /// Nothing for now: these fields, or all that are open, are not asked about before there is news of the record.
    Skip(Vec<Name>),
    /// The record was deleted on one side: it lives.
    Keep,
    /// The record was deleted on one side: it is deleted everywhere.
    Delete,
}

/// A person's word on one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The log's head when the person looked.
    pub at: Seq,
    /// What is chosen.
    pub pick: Pick,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// An answer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConflictError {
    /// Nothing is open there.
    #[error("record {0} is not in conflict; `mizan conflicts list` names those that are")]
    NotInConflict(RecordId),
    /// Something was seen of the record since the person looked.
    #[error(
        "record {record} has changed since event {at}; look again: mizan conflicts show {record}"
    )]
    Stale {
        /// The record.
        record: RecordId,
        /// Where the person looked.
        at: Seq,
    },
    /// The field is not open.
    #[error("`{field}` of record {record} is not in conflict; in conflict are: {open}")]
    NotOpen {
        /// The record.
        record: RecordId,
        /// The field.
        field: Name,
        /// Those that are.
        open: String,
    },
    /// The side has nothing to take.
    #[error("{side} shows no `{field}` of record {record}; take it from: {sides}")]
    NotThere {
        /// The record.
        record: RecordId,
        /// The field.
        field: Name,
        /// The side.
        side: SideId,
        /// Those that do.
        sides: String,
    },
    /// Fields of a group are missing.
    #[error(
        "`{field}` is in the group `{group}`, whose fields are decided as one, and {missing} of it is open too: take \
         the whole group from a side, or give a value for each of them"
    )]
    Group {
        /// The field that was given.
        field: Name,
        /// Its group.
        group: Name,
        /// The open fields that were not.
        missing: String,
    },
    /// Keep or delete, where nothing was deleted.
    #[error("record {0} was not deleted on any side; decide its fields")]
    NotDisputed(RecordId),
    /// Only whether the record lives is open, and that cannot be set aside.
    #[error(
        "record {0} was deleted on one side: decide whether it lives; that cannot be set aside"
    )]
    Disputed(RecordId),
    /// A value is not of the field's type.
    #[error("the value for `{field}` should be {wanted}")]
    BadValue {
        /// The field.
        field: Name,
        /// What it should be.
        wanted: &'static str,
    },
    /// Nobody said who decides, or why.
    #[error("a decision is kept for ever: say who makes it and why")]
    Unsigned,
    /// There is no decision to take back.
    #[error("nobody has decided anything about record {0} that could be taken back")]
    NothingToUndo(RecordId),
    /// What was decided does not hold any more.
    #[error("the decision on record {record} no longer holds: {what}; nothing was taken back")]
    Superseded {
        /// The record.
        record: RecordId,
        /// What is there now.
        what: String,
    },
    /// Nothing held before the decision, so that taking it back would empty the field everywhere.
    #[error(
        "nothing held for `{field}` of record {record} before that decision, and to take it back would empty the field on \
         all sides; write the value that you want on a side instead"
    )]
    NothingBefore {
        /// The record.
        record: RecordId,
        /// The field.
        field: Name,
    },
    /// The decision was about a life.
    #[error(
        "it was decided whether record {0} lives, and that has been carried out; delete the row on a side, or create it \
         there again"
    )]
    Lived(RecordId),
    /// The log cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A value from what a person types, for a field of a simple type.
///
/// # Errors
/// When it is not of that type, or the type has no short spelling.
pub fn value_of(field: &Field, text: &str) -> Result<Value, ConflictError> {
    let bad = |wanted| ConflictError::BadValue { field: field.name.clone(), wanted };
    Ok(match &field.kind {
        Type::Text => Value::text(text),
        Type::Decimal => Value::decimal(parse_decimal(text).ok_or_else(|| bad("a number"))?),
        Type::Bool => Value::Bool(text.parse().map_err(|_| bad("true or false"))?),
        Type::Date => Value::Date(text.parse().map_err(|_| bad("a date as YYYY-MM-DD"))?),
        Type::Instant | Type::Ref(_) | Type::Items(_) | Type::Any => {
            return Err(bad("one that a side shows: take a side's"));
        }
    })
}

/// What a person decided about a record, as the fact to append; choices that no sync has carried out yet stay.
///
/// # Errors
/// When nothing is open, something was seen since the person looked, or the answer does not fit what is open.
pub fn resolve(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
    answer: &Answer,
) -> Result<Fact, ConflictError> {
    let state = journal.state();
    let none = ConflictError::NotInConflict(id);
    let Some(record) = state.record(id) else { return Err(none) };
    let Some(entity) = schema.entity(&record.entity) else { return Err(none) };
    if answer.by.trim().is_empty() || answer.why.trim().is_empty() {
        return Err(ConflictError::Unsigned);
    }
    if open_bits(record).is_empty() && !record.disputed {
        return Err(none);
    }
    refuse_stale(journal, id, answer.at)?;
    let open = Open { journal, id, record, entity };
    let (mut choices, mut keep) = (BTreeMap::new(), None);
    match &answer.pick {
        Pick::Take(side, fields) => open.take(side, fields, &mut choices)?,
        Pick::Values(values) => open.values(values, &mut choices)?,
        Pick::Skip(fields) => open.skip(fields, &mut choices)?,
        Pick::Keep | Pick::Delete if !record.disputed => {
            return Err(ConflictError::NotDisputed(id));
        }
        Pick::Keep => keep = Some(true),
        Pick::Delete => keep = Some(false),
    }
    if let Some(before) = &record.resolution {
        keep = keep.or(before.keep);
        for (field, choice) in &before.choices {
            choices.entry(field.clone()).or_insert_with(|| choice.clone());
        }
    }
    let (by, why) = (answer.by.clone(), answer.why.clone());
    let choices = choices.into_iter().collect();
    Ok(Fact::Resolved { record: id, choices, keep, by, why })
}

/// What is open, while an answer is read.
struct Open<'a> {
    journal: &'a Journal,
    id: RecordId,
    record: &'a Record,
    entity: &'a Entity,
}

type Choices = BTreeMap<Name, Choice>;

impl Open<'_> {
    fn fields(&self) -> impl Iterator<Item = &Field> {
        open_bits(self.record)
            .iter()
            .filter_map(|bit| self.entity.fields.get(bit))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The open fields that are meant: those that are named, with the rest of their groups, or all.
    fn chosen(&self, names: &[Name]) -> Result<Vec<&Field>, ConflictError> {
        let mut groups = Vec::new();
        for name in names {
            let field = self.fields().find(|field| field.name == *name);
            let field = field.ok_or_else(|| self.not_open(name))?;
            groups.extend(field.group.clone());
        }
        if names.is_empty() && self.fields().next().is_none() {
            return Err(ConflictError::Disputed(self.id));
        }
        let meant = |field: &&Field| {
            let grouped = field.group.as_ref().is_some_and(|group| groups.contains(group));
            names.is_empty() || names.contains(&field.name) || grouped
        };
        Ok(self.fields().filter(meant).collect())
    }

    fn not_open(&self, name: &Name) -> ConflictError {
        let open: Vec<&str> = self.fields().map(|field| field.name.as_str()).collect();
        let open = if open.is_empty() { "none, only its life".to_owned() } else { open.join(", ") };
        ConflictError::NotOpen { record: self.id, field: name.clone(), open }
    }

    /// Of a group, fields in which the side shows something else than what is merged are taken along.
    fn take(
        &self,
        side: &SideId,
        names: &[Name],
        choices: &mut Choices,
    ) -> Result<(), ConflictError> {
        let chosen = self.chosen(names)?;
        for field in &chosen {
            if self.shows(side, field)?.is_none() {
                let sides = field.sides.keys().filter(|side| self.record.live_ext(side).is_some());
                let sides: Vec<&str> = sides.map(SideId::as_str).collect();
                return Err(ConflictError::NotThere {
                    record: self.id,
                    field: field.name.clone(),
                    side: side.clone(),
                    sides: sides.join(", "),
                });
            }
            choices.insert(field.name.clone(), Choice::Side(side.clone()));
        }
        let merged = image_of(self.journal, &self.record.merged).map_err(EngineError::from)?;
        for field in &self.entity.fields {
            let grouped =
                field.group.is_some() && chosen.iter().any(|one| one.group == field.group);
            if grouped
                && let Some(shown) = self.shows(side, field)?
                && shown != *merged.get(&field.name).unwrap_or(&Value::Null)
            {
                choices.insert(field.name.clone(), Choice::Side(side.clone()));
            }
        }
        Ok(())
    }

    /// What a side shows of a field, in the log's terms; `None` where it has no row or does not carry it.
    fn shows(&self, side: &SideId, field: &Field) -> Result<Option<Value>, EngineError> {
        let slot = self.record.slots.get(side).filter(|slot| slot.presence == Presence::Here);
        let (Some(slot), true) = (slot, field.sides.contains_key(side)) else { return Ok(None) };
        let seen = image_of(self.journal, &slot.seen)?;
        Ok(seen.get(&field.name).map(|value| inward(self.journal.state(), value)))
    }

    fn values(&self, values: &[(Name, Value)], choices: &mut Choices) -> Result<(), ConflictError> {
        for (name, value) in values {
            if !self.fields().any(|field| field.name == *name) {
                return Err(self.not_open(name));
            }
            choices.insert(name.clone(), Choice::Value(value.clone()));
        }
        let pending = self.record.resolution.as_ref();
        let answered = |name: &Name| {
            let before =
                pending.is_some_and(|one| one.choices.iter().any(|(field, _)| field == name));
            before || choices.contains_key(name)
        };
        for (name, _) in values {
            let group = self.fields().find(|field| field.name == *name);
            let Some(group) = group.and_then(|field| field.group.as_ref()) else { continue };
            let missing = self
                .fields()
                .filter(|field| field.group.as_ref() == Some(group) && !answered(&field.name))
                .map(|field| format!("`{}`", field.name));
            let missing: Vec<String> = missing.collect();
            if !missing.is_empty() {
                let (field, group) = (name.clone(), group.clone());
                return Err(ConflictError::Group { field, group, missing: missing.join(", ") });
            }
        }
        Ok(())
    }

    fn skip(&self, names: &[Name], choices: &mut Choices) -> Result<(), ConflictError> {
        for field in self.chosen(names)? {
            choices.insert(field.name.clone(), Choice::Skip);
        }
        Ok(())
    }
}

/// A decision on what is no longer so is refused: something may have been seen that changes it.
fn refuse_stale(journal: &Journal, id: RecordId, at: Seq) -> Result<(), ConflictError> {
    let mut news = false;
    each_event_of(journal, id, &mut |event| {
        news |= event.seq > at && is_news(&event.fact);
    })?;
    if news { Err(ConflictError::Stale { record: id, at }) } else { Ok(()) }
}

/// True where the fact changes what a person looks at when they decide.
fn is_news(fact: &Fact) -> bool {
    match fact {
        Fact::Observed { .. }
        | Fact::Linked { .. }
        | Fact::Decided { .. }
        | Fact::Done { .. }
        | Fact::Deleted { .. }
        | Fact::Resolved { .. }
        | Fact::Unresolved { .. }
        | Fact::Redecided { .. }
        | Fact::Erased { .. } => true,
        Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Intent { .. }
        | Fact::Refused { .. }
        | Fact::Withdrawn { .. }
        | Fact::Parked { .. }
        | Fact::Unparked { .. }
        | Fact::Forked { .. }
        | Fact::Approved { .. }
        | Fact::Drifted { .. }
        | Fact::Unreadable { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. }
        | Fact::Shadowed { .. } => false,
    }
}
