//! What a side should show for a merged value, and in which fields a row departs from it.

use crate::ablate::{Switch, off};
use crate::event::Fact;
use crate::fold::State;
use crate::id::SideId;
use crate::image::Image;
use crate::schema::{Entity, Field, FieldSet, Meaning};
use crate::value::{Ref, RefTo, Value};

/// A merged value in a side's terms: references become the ids of that side.
///
/// `None` where a referenced record has no live row there (yet): then nothing may be written (L47).
#[must_use]
pub fn outward(state: &State, side: &SideId, value: &Value) -> Option<Value> {
    value.map_refs(&mut |reference| {
        let record = match &reference.to {
            RefTo::Record(record) => *record,
            RefTo::Row { side: from, ext } => match state.record_of(&reference.entity, from, ext) {
                Some(record) => record,
                // An id of the side itself needs no record to be said there.
                None if from == side => return Some(reference.clone()),
                None => return None,
            },
        };
        let ext = state.record(record)?.live_ext(side)?.clone();
        let to = RefTo::Row { side: side.clone(), ext };
        Some(Ref { entity: reference.entity.clone(), to })
    })
}

/// A side's value in the log's terms: ids that are known become records, others stay as they are (T1).
#[must_use]
pub fn inward(state: &State, value: &Value) -> Value {
    let changed = value.map_refs(&mut |reference| {
        let to = match &reference.to {
            RefTo::Row { side, ext } => match state.record_of(&reference.entity, side, ext) {
                Some(record) => RefTo::Record(record),
                None if off(Switch::RawReferences) => return None,
                None => reference.to.clone(),
            },
            RefTo::Record(_) => reference.to.clone(),
        };
        Some(Ref { entity: reference.entity.clone(), to })
    });
    if off(Switch::RawReferences) {
        return changed.unwrap_or(Value::Null);
    }
    changed.unwrap_or_else(|| value.clone())
}

/// What `side` shows when it has the merged value, or `None` where a reference cannot be expressed there.
#[must_use]
pub fn expected(state: &State, field: &Field, side: &SideId, merged: &Value) -> Option<Value> {
    let value = outward(state, side, merged)?;
    Some(if off(Switch::Normaliser) { value } else { field.on_side(side, &value) })
}

/// True where both are the same content; a field that is not known holds nothing.
#[must_use]
pub fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    a.unwrap_or(&Value::Null) == b.unwrap_or(&Value::Null)
}

/// The images that a row is held against.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// What the side showed when it last agreed.
    pub base: &'a Image,
    /// The merged image.
    pub merged: &'a Image,
    /// Fields in which the side is known to be behind.
    pub behind: FieldSet,
}

/// The fields in which a row is a candidate: it differs from its base, and not because it shows the merged value.
///
/// A field in which the side was behind counts even when it now shows the merged value, so that the agreement is
/// noted. A counter counts whenever it moved: two equal movements are two movements (L48).
#[must_use]
pub fn changed_fields(
    state: &State,
    entity: &Entity,
    side: &SideId,
    shown: &Image,
    against: Against<'_>,
) -> FieldSet {
    let mut changed = FieldSet::EMPTY;
    for (bit, field) in entity.fields.iter().enumerate() {
        let Some(value) = shown.get(&field.name) else { continue };
        if !field.sides.contains_key(side) || same(Some(value), against.base.get(&field.name)) {
            continue;
        }
        let counts = is_counter(field) || off(Switch::Echo) || against.behind.contains(bit) || {
            let merged = against.merged.get(&field.name).unwrap_or(&Value::Null);
            expected(state, field, side, merged).as_ref() != Some(value)
        };
        if counts {
            changed.insert(bit);
        }
    }
    changed
}

/// True where differences add up.
#[must_use]
pub fn is_counter(field: &Field) -> bool {
    field.meaning == Meaning::Counter && field.owner.is_none() && !off(Switch::CounterDeltas)
}

/// True where what a side put in and took out is joined with what others did.
#[must_use]
pub fn is_set(field: &Field) -> bool {
    field.meaning == Meaning::Set && field.owner.is_none()
}

/// True where one of the fields may be decided by `side` (T20).
#[must_use]
pub fn is_edit(entity: &Entity, side: &SideId, changed: FieldSet) -> bool {
    let votes = |field: &Field| field.votes(side) || off(Switch::OverridesDoNotVote);
    changed.iter().any(|bit| entity.fields.get(bit).is_some_and(votes))
}

/// The facts that bring the log's declarations up to the schema: sides, field orders, policies.
#[must_use]
pub fn declarations(
    state: &State,
    schema: &crate::schema::Schema,
    policy: &crate::id::Name,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    for side in &schema.sides {
        if !state.sides.contains(side) {
            facts.push(Fact::SideAttached { side: side.clone() });
        }
    }
    for entity in &schema.entities {
        let mut fields = state.entities.get(&entity.name).cloned().unwrap_or_default();
        let known = fields.len();
        for field in &entity.fields {
            if !fields.contains(&field.name) {
                fields.push(field.name.clone());
            }
        }
        if fields.len() > known || !state.entities.contains_key(&entity.name) {
            facts.push(Fact::EntityDeclared { entity: entity.name.clone(), fields });
        }
        let params = entity.params_hash();
        if state.policies.get(&entity.name) != Some(&(policy.clone(), params)) {
            let (entity, policy) = (entity.name.clone(), policy.clone());
            facts.push(Fact::PolicySet { entity, policy, params });
        }
    }
    facts
}

/// The rules that `facts` name by their hash, as bodies to keep beside them: without them a decision could be computed
/// again only as long as the configuration stays as it is (L3).
#[must_use]
pub fn rule_bodies(
    schema: &crate::schema::Schema,
    facts: &[Fact],
) -> Vec<(crate::ContentHash, Vec<u8>)> {
    let mut bodies = Vec::new();
    for fact in facts {
        let Fact::PolicySet { entity, params, .. } = fact else { continue };
        let rules = schema.entity(entity).filter(|entity| entity.params_hash() == *params);
        bodies.extend(rules.map(|rules| (*params, rules.params())));
    }
    bodies
}

/// The schema with each entity's fields in the order that the log declared, so that bits mean the same.
///
/// A field that the log knows and the configuration no longer has keeps its place, on no side.
#[must_use]
pub fn aligned(schema: &crate::schema::Schema, state: &State) -> crate::schema::Schema {
    let mut schema = schema.clone();
    for entity in &mut schema.entities {
        let Some(order) = state.entities.get(&entity.name) else { continue };
        let mut left = std::mem::take(&mut entity.fields);
        for name in order {
            let at = left.iter().position(|field| field.name == *name);
            entity.fields.push(match at {
                Some(at) => left.remove(at),
                None => Field::new(name.clone(), crate::schema::Type::Any),
            });
        }
        entity.fields.append(&mut left);
    }
    schema
}
