//! What one small world is about: an entity reduced to the fields in question, and what its users may write.

use super::values::{Values, values};
use crate::id::{Ext, Name, SideId};
use crate::image::Image;
use crate::policy::Policy;
use crate::schema::{Entity, Field, FieldOnSide, Meaning, Rivalry, Schema, Type};
use crate::value::Value;
use std::collections::BTreeMap;

/// Fields of a group that one world looks at.
const GROUP_MAX: usize = 2;

/// One small world, before anything happens in it.
pub(super) struct Scope {
    /// The entity's name.
    pub(super) entity: Name,
    /// The field, or the fields of a group.
    pub(super) field: Name,
    /// The reduced entity and those that it refers to.
    pub(super) schema: Schema,
    /// Where the reduced entity is in it.
    pub(super) at: usize,
    /// Positions of the fields in question.
    pub(super) fields: Vec<usize>,
    /// What users write, by field and side; the first is where all begin.
    pub(super) values: BTreeMap<(usize, SideId), Values>,
    /// Rows carry stamps: a clock is declared.
    pub(super) clock_step: Option<i64>,
    /// The text that links the rows.
    key: Name,
    /// The text that tells copies, where the entity has one.
    copies: Option<Name>,
}

/// The fields of an entity, alone or by pairs of a group: what a policy is asked about at once.
pub(super) fn subjects(entity: &Entity) -> Vec<Vec<usize>> {
    let mut subjects = Vec::new();
    let mut groups: Vec<&Name> = Vec::new();
    for (bit, field) in entity.fields.iter().enumerate() {
        let Some(group) = &field.group else {
            subjects.push(vec![bit]);
            continue;
        };
        if groups.contains(&group) {
            continue;
        }
        groups.push(group);
        let bits: Vec<usize> = entity.group(group).iter().collect();
        match bits.as_slice() {
            [] => {}
            [only] => subjects.push(vec![*only]),
            // The first field's rules hold for all: each other one is looked at together with it.
            [first, others @ ..] => {
                subjects.extend(others.iter().map(|other| vec![*first, *other]));
            }
        }
    }
    subjects
}

impl Scope {
    /// The world of some fields of an entity.
    pub(super) fn new(schema: &Schema, entity: &Entity, bits: Vec<usize>) -> Self {
        let bits: Vec<usize> = bits.into_iter().take(GROUP_MAX).collect();
        let chosen: Vec<Field> =
            bits.iter().filter_map(|bit| entity.fields.get(*bit)).cloned().collect();
        let names: Vec<&str> = chosen.iter().map(|field| field.name.as_str()).collect();
        let field = Name::new(names.join(" and "));
        let key = free_name(entity, "record");
        let (reduced, fields) = reduce(entity, &chosen, &key);
        let copies = reduced.copies.clone();
        let mut entities = parents(schema, entity, &chosen, &key);
        let at = entities.len();
        entities.push(reduced);
        let reduced_schema = Schema { sides: schema.sides.clone(), entities };
        let mut table = BTreeMap::new();
        for bit in &fields {
            let field = &reduced_schema.entities[at].fields[*bit];
            for side in field.sides.keys() {
                table.insert((*bit, side.clone()), values(field, side, fields.len() > 1));
            }
        }
        let clocks = entity.sides.values().filter_map(|on| on.clock_ms).max();
        let asks = chosen.iter().any(|field| match field.rivalry {
            Rivalry::Newest | Rivalry::Custom(_) => true,
            Rivalry::Prefer(_)
            | Rivalry::Manual
            | Rivalry::Greatest
            | Rivalry::Least
            | Rivalry::KeepBoth => false,
        });
        Self {
            entity: entity.name.clone(),
            field,
            schema: reduced_schema,
            at,
            fields,
            values: table,
            clock_step: clocks.filter(|_| asks).map(|ms| i64::from(ms.max(1))),
            key,
            copies,
        }
    }

    /// The reduced entity.
    pub(super) fn main(&self) -> &Entity {
        &self.schema.entities[self.at]
    }

    /// A field in question.
    pub(super) fn spec(&self, bit: usize) -> &Field {
        &self.main().fields[bit]
    }

    /// A row without the fields in question: what links it, what tells it, and nothing else.
    pub(super) fn blank(&self, entity: usize, side: &SideId, thing: &str) -> Image {
        let fields = self.schema.entities[entity].fields.iter();
        let carried = fields.filter(|field| field.sides.contains_key(side));
        let value = |field: &Field| {
            let told = field.name == self.key || Some(&field.name) == self.copies.as_ref();
            if told { Value::text(thing) } else { Value::Null }
        };
        carried.map(|field| (field.name.clone(), value(field))).collect()
    }

    /// Everything but names: worlds of the same shape are the same world.
    ///
    /// A policy of the user's own may look at names, so its fields share no world.
    pub(super) fn shape(&self, policy: &dyn Policy) -> Vec<u8> {
        let by_name = !policy.id().starts_with("declared/1")
            || self.fields.iter().any(|bit| match self.spec(*bit).rivalry {
                Rivalry::Custom(_) => true,
                Rivalry::Prefer(_)
                | Rivalry::Manual
                | Rivalry::Newest
                | Rivalry::Greatest
                | Rivalry::Least
                | Rivalry::KeepBoth => false,
            });
        let mut entities = self.schema.entities.clone();
        if !by_name {
            anonymise(&mut entities);
        }
        let copied = self.copies.is_some();
        let on_delete = policy.on_delete(self.main());
        serde_json::to_vec(&(entities, &self.fields, copied, on_delete, self.clock_step))
            .unwrap_or_default()
    }
}

/// Puts places in lieu of names.
fn anonymise(entities: &mut [Entity]) {
    let names: Vec<Name> = entities.iter().map(|entity| entity.name.clone()).collect();
    let place = |name: &Name| {
        let at = names.iter().position(|known| known == name).unwrap_or(names.len());
        Name::new(format!("entity {at}"))
    };
    for entity in entities.iter_mut() {
        entity.name = place(&entity.name);
        entity.key.clear();
        entity.copies = None;
        for (at, field) in entity.fields.iter_mut().enumerate() {
            field.name = Name::new(format!("field {at}"));
            field.group = field.group.as_ref().map(|_| Name::new_static("group"));
            match &mut field.kind {
                Type::Ref(target) => *target = place(target),
                Type::Items(items) => {
                    for (at, item) in items.iter_mut().enumerate() {
                        item.name = Name::new(format!("item {at}"));
                        if let Type::Ref(target) = &mut item.kind {
                            *target = place(target);
                        }
                    }
                }
                Type::Text
                | Type::Decimal
                | Type::Bool
                | Type::Date
                | Type::Instant
                | Type::Any => {}
            }
        }
    }
}

/// A field name that the entity does not use.
fn free_name(entity: &Entity, wish: &str) -> Name {
    let mut name = wish.to_owned();
    while entity.bit(&name).is_some() {
        name.push('\'');
    }
    Name::new(name)
}

/// A text that is on all sides, and that users do not touch.
fn constant(entity: &Entity, name: &Name, owner: Option<SideId>) -> Field {
    let on = FieldOnSide { writable: true, ..FieldOnSide::default() };
    let sides = entity.sides.keys().map(|side| (side.clone(), on.clone())).collect();
    Field { owner, sides, ..Field::new(name.clone(), Type::Text) }
}

/// The entity with the chosen fields, a key, and what else decides who may delete a record (the sides that may decide
/// any field of it); with the positions of the chosen fields.
fn reduce(entity: &Entity, chosen: &[Field], key: &Name) -> (Entity, Vec<usize>) {
    let voters: Vec<&SideId> = entity
        .sides
        .keys()
        .filter(|side| entity.fields.iter().any(|field| field.votes(side)))
        .collect();
    let everybody = voters.len() == entity.sides.len();
    let owner = if everybody { None } else { voters.first().map(|side| (*side).clone()) };
    let mut fields = vec![constant(entity, key, owner)];
    if !everybody {
        for (at, side) in voters.iter().enumerate().skip(1) {
            let name = free_name(entity, &format!("voice {at}"));
            let on = FieldOnSide::default();
            let sides = BTreeMap::from([((*side).clone(), on)]);
            let owner = Some((*side).clone());
            fields.push(Field { owner, sides, ..Field::new(name, Type::Text) });
        }
    }
    let wants_copies = chosen.iter().any(|field| match field.rivalry {
        Rivalry::KeepBoth | Rivalry::Custom(_) => true,
        Rivalry::Prefer(_)
        | Rivalry::Manual
        | Rivalry::Newest
        | Rivalry::Greatest
        | Rivalry::Least => false,
    });
    let copies = entity.copies.clone().filter(|_| wants_copies);
    if let Some(name) = &copies
        && !chosen.iter().any(|field| field.name == *name)
    {
        fields.push(constant(entity, name, None));
    }
    let first = fields.len();
    fields.extend(chosen.iter().cloned());
    let positions = (first..fields.len()).collect();
    let reduced = Entity { fields, key: vec![key.clone()], copies, ..entity.clone() };
    (reduced, positions)
}

/// The entities that the fields refer to, each with nothing but its key.
fn parents(schema: &Schema, entity: &Entity, chosen: &[Field], key: &Name) -> Vec<Entity> {
    let only = Entity { fields: chosen.to_vec(), ..entity.clone() };
    let mut wanted = only.references();
    wanted.sort();
    wanted.dedup();
    let known = wanted.iter().filter(|name| **name != entity.name);
    let parents = known.filter_map(|name| schema.entity(name));
    parents.map(|parent| reduce(parent, &[], key).0).collect()
}

/// The id of a thing's row on a side.
pub(super) fn ext_of(side: &SideId, thing: &str) -> Ext {
    Ext::new(format!("{thing} on {side}"))
}

/// True where changes of a field add up or are joined, in the world's terms.
pub(super) fn adds_up(field: &Field) -> bool {
    field.owner.is_none()
        && match field.meaning {
            Meaning::Counter | Meaning::Set => true,
            Meaning::Value => false,
        }
}
