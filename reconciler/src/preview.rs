//! A record as the rules now in force would decide it, without deciding it.

use crate::engine::EngineError;
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::decide::decide;
use mizan_core::event::{FieldDecision, Found};
use mizan_core::fold::State;
use mizan_core::policy::Policy;
use mizan_core::{Fact, Image, Name, RecordId, Schema, Value};
use serde::Serialize;

/// What a rule makes of a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Would {
    /// This value holds.
    Hold(Value),
    /// A person must say.
    Wait,
    /// This value holds, and a copy of the record keeps the other.
    Copy(Value),
}

/// A decision that was asked for and is not taken.
pub(crate) struct Preview {
    fields: Vec<FieldDecision>,
    merged: Image,
}

impl Preview {
    /// Decides a record in a state; `None` where it waits for an outcome or is parked.
    pub(crate) fn of(
        state: &State,
        schema: &Schema,
        bodies: &dyn Bodies,
        id: RecordId,
        policy: &dyn Policy,
    ) -> Result<Option<Self>, EngineError> {
        let Some(outcome) = decide(state, schema, bodies, id, policy)? else { return Ok(None) };
        let decision = outcome.facts.into_iter().find_map(|fact| {
            if let Fact::Decided { decision, .. } = fact { Some(decision) } else { None }
        });
        let Some(decision) = decision else { return Ok(None) };
        let new = outcome.images.into_iter().find(|body| body.hash == decision.merged);
        let merged = match new {
            Some(body) => body.image,
            None => image_of(bodies, &decision.merged)?,
        };
        Ok(Some(Self { fields: decision.fields, merged }))
    }

    /// What becomes of a field.
    pub(crate) fn field(&self, name: &Name) -> Would {
        let value = self.merged.get(name).cloned().unwrap_or(Value::Null);
        let found = self.fields.iter().find(|one| one.field == *name).map(|one| one.found);
        match found {
            Some(Found::Manual) => Would::Wait,
            Some(Found::KeptBoth) => Would::Copy(value),
            Some(
                Found::Owner
                | Found::Reverted
                | Found::Preferred
                | Found::Person
                | Found::Summed
                | Found::Died
                | Found::Newest
                | Found::Greatest
                | Found::Least
                | Found::Joined
                | Found::Counted
                | Found::Custom,
            )
            | None => Would::Hold(value),
        }
    }
}
