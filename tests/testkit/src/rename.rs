//! Other names for the sides, throughout a log and its schema: what decides by names shows itself (L26).

use mizan_core::bodies::{Bodies, image_of};
use mizan_core::event::{Choice, Decision, FieldDecision, Loser, SideAfter, Subject};
use mizan_core::{
    Actor, Command, ContentHash, Event, Ext, Fact, Image, Name, Operation, Ref, RefTo, Rivalry,
    Schema, SideId, Value, VersionVector,
};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A renaming of sides, and the images that it has renamed.
pub struct Renaming<'a> {
    names: BTreeMap<SideId, SideId>,
    bodies: &'a dyn Bodies,
    renamed: RefCell<BTreeMap<ContentHash, Image>>,
}

impl Bodies for Renaming<'_> {
    /// An image as it is after the renaming.
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        self.renamed.borrow().get(hash).cloned()
    }
}

impl<'a> Renaming<'a> {
    /// A renaming of the sides of a log whose images are `bodies`; sides that are not in it keep their names.
    #[must_use]
    pub fn new(names: BTreeMap<SideId, SideId>, bodies: &'a dyn Bodies) -> Self {
        Self { names, bodies, renamed: RefCell::default() }
    }

    /// The new name of a side.
    #[must_use]
    pub fn side(&self, side: &SideId) -> SideId {
        self.names.get(side).unwrap_or(side).clone()
    }

    /// A value, with the sides in its references renamed.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        let renamed = value.map_refs(&mut |reference| {
            let to = match &reference.to {
                RefTo::Row { side, ext } => RefTo::Row { side: self.side(side), ext: ext.clone() },
                RefTo::Record(record) => RefTo::Record(*record),
            };
            Some(Ref { entity: reference.entity.clone(), to })
        });
        renamed.unwrap_or_else(|| value.clone())
    }

    /// An image.
    #[must_use]
    pub fn of_image(&self, image: &Image) -> Image {
        image.iter().map(|(name, value)| (name.clone(), self.value(value))).collect()
    }

    /// The hash of an image after the renaming.
    #[must_use]
    pub fn hash(&self, hash: &ContentHash) -> ContentHash {
        let Ok(image) = image_of(self.bodies, hash) else { return *hash };
        let image = self.of_image(&image);
        let renamed = image.hash();
        self.renamed.borrow_mut().insert(renamed, image);
        renamed
    }

    fn vector(&self, vector: &VersionVector) -> VersionVector {
        let mut renamed = VersionVector::default();
        for (actor, count) in vector.iter() {
            let actor = Actor { side: self.side(&actor.side), epoch: actor.epoch };
            renamed.raise(&actor, count);
        }
        renamed
    }

    /// A command; its identity stays, though another log would have given it another.
    #[must_use]
    pub fn command(&self, command: &Command) -> Command {
        let operation = match &command.operation {
            Operation::Create => Operation::Create,
            Operation::Update { ext, expect } => {
                Operation::Update { ext: ext.clone(), expect: self.hash(expect) }
            }
            Operation::Delete { ext, expect } => {
                Operation::Delete { ext: ext.clone(), expect: self.hash(expect) }
            }
        };
        Command {
            side: self.side(&command.side),
            operation,
            set: self.hash(&command.set),
            contains: self.vector(&command.contains),
            ..command.clone()
        }
    }

    /// A decision, with everything that is listed by side in the order of the new names.
    #[must_use]
    pub fn decision(&self, decision: &Decision) -> Decision {
        let after = |after: &SideAfter| SideAfter {
            side: self.side(&after.side),
            base: self.hash(&after.base),
            ..after.clone()
        };
        // Every field by name: a new one must be looked at here.
        let Decision {
            policy,
            merged,
            taken,
            agreed,
            fields,
            sides,
            life,
            contains,
            refers_to,
            stamps,
            awaits,
        } = decision;
        let awaited = |(entity, side, ext): &(Name, SideId, Ext)| {
            (entity.clone(), self.side(side), ext.clone())
        };
        sorted(Decision {
            policy: policy.clone(),
            merged: self.hash(merged),
            taken: taken.iter().map(|(side, fields)| (self.side(side), *fields)).collect(),
            agreed: *agreed,
            fields: self.field_decisions(fields),
            sides: sides.iter().map(after).collect(),
            life: *life,
            contains: self.vector(contains),
            refers_to: refers_to.clone(),
            stamps: stamps.clone(),
            awaits: awaits.iter().map(awaited).collect(),
        })
    }

    fn field_decisions(&self, fields: &[FieldDecision]) -> Vec<FieldDecision> {
        let loser = |loser: &Loser| Loser {
            side: loser.side.as_ref().map(|side| self.side(side)),
            value: self.value(&loser.value),
        };
        let field = |field: &FieldDecision| FieldDecision {
            winner: field.winner.as_ref().map(|side| self.side(side)),
            value: self.value(&field.value),
            losers: field.losers.iter().map(loser).collect(),
            ..field.clone()
        };
        fields.iter().map(field).collect()
    }

    /// A fact.
    #[must_use]
    pub fn fact(&self, fact: &Fact) -> Fact {
        let mut fact = fact.clone();
        match &mut fact {
            Fact::SideAttached { side }
            | Fact::Cursor { side, .. }
            | Fact::Swept { side, .. }
            | Fact::Linked { side, .. }
            | Fact::Unreadable { side, .. }
            | Fact::Readable { side, .. } => *side = self.side(side),
            Fact::Observed { side, seen, .. } => {
                *side = self.side(side);
                *seen = seen.as_ref().map(|seen| self.hash(seen));
            }
            Fact::Decided { decision, .. } => *decision = self.decision(decision),
            Fact::Intent { command } => *command = self.command(command),
            Fact::Done { seen, base, .. } => {
                *seen = self.hash(seen);
                *base = self.hash(base);
            }
            Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => {
                if let Subject::Row { side, .. } = subject {
                    *side = self.side(side);
                }
            }
            Fact::Resolved { choices, .. } => {
                for (_, choice) in choices {
                    *choice = match &*choice {
                        Choice::Side(side) => Choice::Side(self.side(side)),
                        Choice::Value(value) => Choice::Value(self.value(value)),
                        Choice::Skip => Choice::Skip,
                    };
                }
            }
            Fact::Forked { side, merged, contains, .. } => {
                *side = side.as_ref().map(|side| self.side(side));
                *merged = self.hash(merged);
                *contains = self.vector(contains);
            }
            Fact::Shadowed { fields, .. } => *fields = self.field_decisions(fields),
            Fact::Erased { bodies, .. } => {
                bodies.iter_mut().for_each(|body| *body = self.hash(body));
            }
            Fact::Opened { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Deleted { .. }
            | Fact::Refused { .. }
            | Fact::Withdrawn { .. }
            | Fact::Unresolved { .. }
            | Fact::Redecided { .. }
            | Fact::Approved { .. }
            | Fact::Drifted { .. }
            | Fact::Checkpointed { .. } => {}
        }
        fact
    }

    /// An event.
    #[must_use]
    pub fn event(&self, event: &Event) -> Event {
        Event { fact: self.fact(&event.fact), ..event.clone() }
    }

    /// A schema.
    #[must_use]
    pub fn schema(&self, schema: &Schema) -> Schema {
        let mut schema = schema.clone();
        schema.sides.iter_mut().for_each(|side| *side = self.side(side));
        schema.sides.sort();
        for entity in &mut schema.entities {
            let sides = std::mem::take(&mut entity.sides).into_iter();
            entity.sides = sides.map(|(side, on)| (self.side(&side), on)).collect();
            for field in &mut entity.fields {
                let sides = std::mem::take(&mut field.sides).into_iter();
                field.sides = sides.map(|(side, on)| (self.side(&side), on)).collect();
                field.owner = field.owner.as_ref().map(|side| self.side(side));
                field.stocktake = field.stocktake.as_ref().map(|side| self.side(side));
                if let Rivalry::Prefer(side) = &mut field.rivalry {
                    *side = self.side(side);
                }
            }
        }
        schema
    }
}

/// A decision with everything that is listed by side in the order of their names.
#[must_use]
pub fn sorted(mut decision: Decision) -> Decision {
    decision.taken.sort_by(|a, b| a.0.cmp(&b.0));
    decision.sides.sort_by(|a, b| a.side.cmp(&b.side));
    decision.awaits.sort();
    for field in &mut decision.fields {
        field.losers.sort_by(|a, b| (&a.side, &a.value).cmp(&(&b.side, &b.value)));
    }
    decision
}
