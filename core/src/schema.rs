//! Entity schemas: which fields exist, on which sides, who owns them, and what may be done to them.

use crate::ablate::{Switch, off};
use crate::id::{Name, SideId};
use crate::image::Image;
use crate::normalise::{Normaliser, key_text};
use crate::value::Value;
use crate::{ContentHash, HashWriter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most fields that an entity may have: a set of fields is one 64-bit word in events.
pub const FIELDS_MAX: usize = 64;

/// The type of a value, which says how native JSON is read and written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// A text.
    Text,
    /// An exact decimal.
    Decimal,
    /// True or false.
    Bool,
    /// A calendar day.
    Date,
    /// A moment.
    Instant,
    /// The id of a row of another entity.
    Ref(Name),
    /// A list of items with fields of their own, such as the lines of an invoice.
    Items(Vec<Item>),
    /// Any JSON, kept as it is.
    Any,
}

/// A field of an item in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The item field's name.
    pub name: Name,
    /// Its type.
    pub kind: Type,
}

/// What a field's changes mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A later value replaces an earlier one.
    Value,
    /// Changes add up: what counts is the difference, not the total (LAWS 1.7 f).
    Counter,
    /// A list without order: what each side put in and took out are changes of their own, and none excludes another.
    Set,
}

/// Who wins where two sides changed one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rivalry {
    /// The named side's value wins; the other is recorded as the loser.
    Prefer(SideId),
    /// The field waits for a person; the rest of the record goes on.
    Manual,
    /// The value of the row that was changed last wins. Only stamps of sides that say how exact their clock is are
    /// compared, and only where they are further apart than that; all else waits for a person.
    Newest,
    /// The greatest value wins; values of different types, and nothing, wait for a person.
    Greatest,
    /// The least value wins; values of different types, and nothing, wait for a person.
    Least,
    /// Both hold: the record keeps one of them, and a copy of it is made with the other.
    KeepBoth,
    /// A policy of the user's own decides, by the name that it is registered under.
    Custom(Name),
}

/// How one side carries a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldOnSide {
    /// What the side makes of a value.
    pub normaliser: Normaliser,
    /// Mizan may write the field there.
    pub writable: bool,
    /// Written when the record is created there, never afterwards.
    pub create_only: bool,
}

/// One field of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The canonical name.
    pub name: Name,
    /// The type.
    pub kind: Type,
    /// What a change means.
    pub meaning: Meaning,
    /// The side whose value always holds, if there is one; others' writes are reverted and recorded (L31).
    pub owner: Option<SideId>,
    /// Who wins a conflict.
    pub rivalry: Rivalry,
    /// Fields of the same group are decided as one: changes to any two of them are rivals.
    pub group: Option<Name>,
    /// Of a counter: the side that counts the stock. Its changes state the total, and are no movements (LAWS 1.7 f).
    pub stocktake: Option<SideId>,
    /// The sides that carry the field.
    pub sides: BTreeMap<SideId, FieldOnSide>,
}

impl Field {
    /// A field that no side carries yet: a value, nobody's own, decided by a person.
    #[must_use]
    pub fn new(name: impl Into<Name>, kind: Type) -> Self {
        Self {
            name: name.into(),
            kind,
            meaning: Meaning::Value,
            owner: None,
            rivalry: Rivalry::Manual,
            group: None,
            stocktake: None,
            sides: BTreeMap::new(),
        }
    }

    /// The value as `side` would store it; as it is where the side declares nothing.
    #[must_use]
    pub fn on_side(&self, side: &SideId, value: &Value) -> Value {
        match self.sides.get(side) {
            Some(on) => on.normaliser.apply(value),
            None => value.clone(),
        }
    }

    /// True where an edit on `side` counts: the side carries the field and nobody else owns it.
    #[must_use]
    pub fn votes(&self, side: &SideId) -> bool {
        self.sides.contains_key(side) && self.owner().is_none_or(|owner| owner == side)
    }

    /// True where Mizan may write the field on `side` (L31: never on its owner's).
    #[must_use]
    pub fn writable_on(&self, side: &SideId, creating: bool) -> bool {
        self.sides.get(side).is_some_and(|on| on.writable && (creating || !on.create_only))
            && (creating || self.owner() != Some(side))
    }

    /// The side whose value holds, where there is one.
    #[must_use]
    pub fn owner(&self) -> Option<&SideId> {
        if off(Switch::Ownership) { None } else { self.owner.as_ref() }
    }
}

/// What may be done to an entity on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityOnSide {
    /// Records that exist elsewhere may be created here.
    pub creates: bool,
    /// Records may be changed here.
    pub updates: bool,
    /// Records may be deleted here.
    pub deletes: bool,
    /// How exact the side's stamps are, in milliseconds, with all that its clock may be off; `None`: its stamps say
    /// nothing about other sides'.
    pub clock_ms: Option<u32>,
}

/// What a deletion on one side does where another side changed the record at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletePolicy {
    /// The edit wins: the record is created again where it was deleted.
    EditWins,
    /// The delete wins: the edits are recorded as losers.
    DeleteWins,
    /// The record waits for a person.
    Park,
}

/// One kind of record: products, customers, invoices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// The name.
    pub name: Name,
    /// The fields; an index here is the field's bit in a [`FieldSet`].
    pub fields: Vec<Field>,
    /// The fields that together identify a record across sides on first sight; empty: never link.
    pub key: Vec<Name>,
    /// What may be done where.
    pub sides: BTreeMap<SideId, EntityOnSide>,
    /// Delete against edit.
    pub on_delete: DeletePolicy,
    /// The text that tells a copy from its original, where both are kept (see [`Rivalry::KeepBoth`]).
    pub copies: Option<Name>,
}

impl Entity {
    /// The bit of a field.
    #[must_use]
    pub fn bit(&self, field: &str) -> Option<u32> {
        let at = self.fields.iter().position(|known| known.name == field)?;
        u32::try_from(at).ok()
    }

    /// The natural key of an image, or `None` where a part of it is missing or empty.
    ///
    /// Keys are compared without case and outer white space; references do not take part.
    #[must_use]
    pub fn key_of(&self, image: &Image) -> Option<KeyHash> {
        if self.key.is_empty() {
            return None;
        }
        let mut hash = HashWriter::new("mizan.key.v1");
        for field in &self.key {
            hash.text(&key_text(image.get(field)?)?);
        }
        let ContentHash(bytes) = hash.finish();
        let mut short = [0; 16];
        short.copy_from_slice(&bytes[..16]);
        Some(KeyHash(short))
    }

    /// The fields of a group, as bits.
    #[must_use]
    pub fn group(&self, name: &Name) -> FieldSet {
        let mut group = FieldSet::EMPTY;
        for (bit, field) in self.fields.iter().enumerate() {
            if field.group.as_ref() == Some(name) {
                group.insert(bit);
            }
        }
        group
    }

    /// The entities that this one's fields refer to.
    #[must_use]
    pub fn references(&self) -> Vec<Name> {
        fn walk(kind: &Type, found: &mut Vec<Name>) {
            match kind {
                Type::Ref(entity) => found.push(entity.clone()),
                Type::Items(items) => items.iter().for_each(|item| walk(&item.kind, found)),
                Type::Text
                | Type::Decimal
                | Type::Bool
                | Type::Date
                | Type::Instant
                | Type::Any => {}
            }
        }
        let mut found = Vec::new();
        self.fields.iter().for_each(|field| walk(&field.kind, &mut found));
        found
    }

    /// Everything here that decides, as bytes: the body that the log keeps beside `PolicySet`, so that a decision can
    /// be computed again when the configuration says something else.
    ///
    /// ```
    /// use mizan_core::{DeletePolicy, Entity, Field, Type};
    /// let entity = Entity {
    ///     name: "product".into(),
    ///     fields: vec![Field::new("price", Type::Decimal)],
    ///     key: Vec::new(),
    ///     sides: Default::default(),
    ///     on_delete: DeletePolicy::Park,
    ///     copies: None,
    /// };
    /// assert_eq!(Entity::from_params(&entity.params()), Some(entity));
    /// ```
    #[must_use]
    pub fn params(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Entity::params`] wrote; `None` where the bytes are of another version or no rules at all.
    #[must_use]
    pub fn from_params(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// A hash of everything here that decides; it names the rules in the log.
    #[must_use]
    pub fn params_hash(&self) -> ContentHash {
        Self::params_hash_of(&self.params())
    }

    /// The hash of rules as bytes.
    #[must_use]
    pub fn params_hash_of(bytes: &[u8]) -> ContentHash {
        ContentHash::of("mizan.schema.v1", bytes)
    }
}

/// A natural key, hashed to 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyHash(pub [u8; 16]);

/// A set of an entity's fields, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldSet(pub u64);

impl FieldSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Adds a field.
    pub fn insert(&mut self, bit: usize) {
        self.0 |= 1u64.checked_shl(u32::try_from(bit).unwrap_or(u32::MAX)).unwrap_or(0);
    }

    /// Takes a field out.
    pub fn remove(&mut self, bit: usize) {
        self.0 &= !1u64.checked_shl(u32::try_from(bit).unwrap_or(u32::MAX)).unwrap_or(0);
    }

    /// True where the field is in the set.
    #[must_use]
    pub fn contains(self, bit: usize) -> bool {
        u32::try_from(bit).ok().and_then(|bit| self.0.checked_shr(bit)).is_some_and(|w| w & 1 == 1)
    }

    /// True where no field is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields in the set, lowest bit first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..FIELDS_MAX).filter(move |bit| self.contains(*bit))
    }

    /// The fields that are in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The fields that are here and not in `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// All entities, parents before the entities that refer to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The sides, sorted.
    pub sides: Vec<SideId>,
    /// The entities in the order in which they are created.
    pub entities: Vec<Entity>,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Too many fields.
    #[error("entity `{entity}` has {count} fields; at most {FIELDS_MAX} are possible")]
    TooManyFields {
        /// The entity.
        entity: Name,
        /// Its number of fields.
        count: usize,
    },
    /// A reference to an entity that is not there.
    #[error("entity `{entity}` refers to `{target}`, which is not an entity of this configuration")]
    UnknownReference {
        /// The entity that refers.
        entity: Name,
        /// What it refers to.
        target: Name,
    },
    /// A field of the natural key is not a field.
    #[error("the key of entity `{entity}` names `{field}`, which is not one of its fields")]
    UnknownKey {
        /// The entity.
        entity: Name,
        /// The name in its key.
        field: Name,
    },
    /// Entities refer to each other in a circle.
    #[error("the entities {0} refer to each other in a circle; make one of the references a text")]
    Circle(String),
    /// An entity has no side, or a side is unknown.
    #[error("entity `{entity}` names side `{side}`, which is not a side of this configuration")]
    UnknownSide {
        /// The entity.
        entity: Name,
        /// The side.
        side: SideId,
    },
}

impl Schema {
    /// Puts parents first and checks that everything named exists.
    ///
    /// # Errors
    /// The first fault found, naming the entity.
    pub fn new(sides: Vec<SideId>, entities: Vec<Entity>) -> Result<Self, SchemaError> {
        let mut sides = sides;
        sides.sort();
        sides.dedup();
        for entity in &entities {
            check_entity(entity, &sides, &entities)?;
        }
        let mut left = entities;
        let mut ordered: Vec<Entity> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let ready = left.iter().position(|entity| {
                entity.references().iter().all(|target| {
                    *target == entity.name || ordered.iter().any(|done| done.name == *target)
                })
            });
            let Some(at) = ready else {
                let names: Vec<&str> = left.iter().map(|entity| entity.name.as_str()).collect();
                return Err(SchemaError::Circle(names.join(", ")));
            };
            ordered.push(left.remove(at));
        }
        Ok(Self { sides, entities: ordered })
    }

    /// The entity of that name.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// Position of an entity in creation order: parents have lower ones.
    #[must_use]
    pub fn rank(&self, name: &str) -> usize {
        self.entities.iter().position(|entity| entity.name == name).unwrap_or(usize::MAX)
    }
}

fn check_entity(entity: &Entity, sides: &[SideId], all: &[Entity]) -> Result<(), SchemaError> {
    if entity.fields.len() > FIELDS_MAX {
        let count = entity.fields.len();
        return Err(SchemaError::TooManyFields { entity: entity.name.clone(), count });
    }
    for target in entity.references() {
        if !all.iter().any(|known| known.name == target) {
            return Err(SchemaError::UnknownReference { entity: entity.name.clone(), target });
        }
    }
    for field in &entity.key {
        if entity.bit(field).is_none() {
            let (entity, field) = (entity.name.clone(), field.clone());
            return Err(SchemaError::UnknownKey { entity, field });
        }
    }
    let named = entity.sides.keys().chain(entity.fields.iter().flat_map(|f| f.sides.keys()));
    for side in named {
        if !sides.contains(side) {
            let (entity, side) = (entity.name.clone(), side.clone());
            return Err(SchemaError::UnknownSide { entity, side });
        }
    }
    Ok(())
}
