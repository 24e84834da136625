//! The rules at the time: which entity, with which rules, under which policy, at each position of a log.

use crate::engine::{EngineError, Journal};
use mizan_core::compare::aligned;
use mizan_core::fold::State;
use mizan_core::{ContentHash, Entity, Event, Fact, Name, Schema};
use serde::Serialize;
use std::collections::BTreeMap;

/// Why the rules that an event names by their hash cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RulesUnknown {
    /// The log was begun before Mizan kept them, and the configuration says something else now.
    NotKept,
    /// The bytes are there, and do not hash to what the event names.
    Damaged,
    /// Another version of Mizan wrote them, and this one does not understand them.
    Unreadable,
}

/// What was in force for an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then {
    /// The policy and its version.
    pub policy: Name,
    /// Hash of the entity's rules.
    pub params: ContentHash,
    /// The entity as it was declared, its fields in the log's order; or why it is not known.
    pub schema: Result<Schema, RulesUnknown>,
}

impl Then {
    /// The entity, where its rules are known.
    #[must_use]
    pub fn entity(&self) -> Option<&Entity> {
        self.schema.as_ref().ok().and_then(|schema| schema.entities.first())
    }
}

/// The rules in force, by entity, as a walk goes along.
///
/// Rules are kept in the log beside the event that set them. Of a log that was begun before that, they are known only
/// where the present configuration is still the same.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What the configuration says now, by the hash of each entity's rules.
    current: BTreeMap<ContentHash, Entity>,
    then: BTreeMap<Name, Then>,
}

impl Rules {
    /// Nothing declared yet; `current` stands in where a log has not kept its rules.
    #[must_use]
    pub fn new(current: Option<&Schema>) -> Self {
        let entities = current.into_iter().flat_map(|schema| &schema.entities);
        let current = entities.map(|entity| (entity.params_hash(), entity.clone())).collect();
        Self { current, then: BTreeMap::new() }
    }

    /// What is in force for an entity; `None` before it was declared.
    #[must_use]
    pub fn of(&self, entity: &Name) -> Option<&Then> {
        self.then.get(entity)
    }

    /// All that is in force, by entity.
    pub fn each(&self) -> impl Iterator<Item = (&Name, &Then)> {
        self.then.iter()
    }

    /// All entities whose rules are known, as one schema; parents first.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let entities: Vec<Entity> = self.then.values().filter_map(Then::entity).cloned().collect();
        let sides = entities.iter().flat_map(|entity| entity.sides.keys().cloned()).collect();
        // A reference to an entity whose rules are not known leaves no order to find.
        Schema::new(sides, entities.clone())
            .unwrap_or_else(|_| Schema { sides: Vec::new(), entities })
    }

    /// Takes notice of an event that has just been folded.
    pub(super) fn follow(
        &mut self,
        event: &Event,
        after: &State,
        journal: &Journal,
    ) -> Result<(), EngineError> {
        match &event.fact {
            Fact::PolicySet { entity, policy, params } => {
                let found = self.find(params, journal)?;
                let schema = found.map(|entity| {
                    let sides = entity.sides.keys().cloned().collect();
                    aligned(&Schema { sides, entities: vec![entity] }, after)
                });
                let then = Then { policy: policy.clone(), params: *params, schema };
                self.then.insert(entity.clone(), then);
            }
            Fact::EntityDeclared { entity, .. } => {
                if let Some(Then { schema: Ok(schema), .. }) = self.then.get_mut(entity) {
                    *schema = aligned(schema, after);
                }
            }
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::Observed { .. }
            | Fact::Cursor { .. }
            | Fact::Swept { .. }
            | Fact::Linked { .. }
            | Fact::Decided { .. }
            | Fact::Intent { .. }
            | Fact::Done { .. }
            | Fact::Deleted { .. }
            | Fact::Refused { .. }
            | Fact::Withdrawn { .. }
            | Fact::Parked { .. }
            | Fact::Unparked { .. }
            | Fact::Resolved { .. }
            | Fact::Unresolved { .. }
            | Fact::Forked { .. }
            | Fact::Redecided { .. }
            | Fact::Approved { .. }
            | Fact::Drifted { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. }
            | Fact::Erased { .. }
            | Fact::Shadowed { .. } => {}
        }
        Ok(())
    }

    fn find(
        &self,
        params: &ContentHash,
        journal: &Journal,
    ) -> Result<Result<Entity, RulesUnknown>, EngineError> {
        if let Some(entity) = self.current.get(params) {
            return Ok(Ok(entity.clone()));
        }
        let Some(bytes) = journal.body(params)? else { return Ok(Err(RulesUnknown::NotKept)) };
        if Entity::params_hash_of(&bytes) != *params {
            return Ok(Err(RulesUnknown::Damaged));
        }
        Ok(Entity::from_params(&bytes).ok_or(RulesUnknown::Unreadable))
    }
}
