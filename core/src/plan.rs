//! Plan: what each side is owed, as commands that leave nothing to decide.

use crate::Seq;
use crate::ablate::{Switch, off};
use crate::bodies::{Bodies, MissingBody, image_of};
use crate::command::{Command, Operation, command_id};
use crate::compare::expected;
use crate::event::RefusedBy;
use crate::fold::{Presence, Record, Slot, State};
use crate::hash::{ContentHash, HashWriter};
use crate::id::{Name, RecordId, SideId};
use crate::image::Image;
use crate::schema::{Entity, FieldSet, Schema};
use crate::value::{RefTo, Value};
use serde::Serialize;

/// A command with the image that it sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The command.
    pub command: Command,
    /// What it sets, in the side's own terms.
    pub set: Image,
}

/// A record that is owed a command and cannot get it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The record.
    pub record: RecordId,
    /// The side that is owed.
    pub side: SideId,
    /// Why.
    pub why: BlockedBy,
}

/// Why a command cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedBy {
    /// A record that it refers to has no row on the side yet.
    Parent(RecordId),
    /// It refers to a row that was never seen.
    UnknownParent(Name),
    /// The side refused its last command.
    Refused(RefusedBy),
}

/// The commands that are due, in the order in which they are to be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The position of the log that it was made from.
    pub from: Seq,
    /// At most one for each record.
    pub commands: Vec<Planned>,
    /// What cannot be done now.
    pub blocked: Vec<Blocked>,
}

impl Plan {
    /// Names the plan by what it would do, not by when it was made: an approval is for exactly this.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        let mut hash = HashWriter::new("mizan.plan.v1");
        for planned in &self.commands {
            let command = &planned.command;
            hash.text(command.side.as_str());
            hash.text(&command.entity);
            hash.text(command.operation.verb());
            hash.int(u64::from(command.record.0));
            hash.text(command.operation.ext().map_or("", |ext| ext.as_str()));
            hash.raw(&command.set.0);
        }
        hash.finish()
    }
}

/// Makes the plan: parents before children, deletes last and children first, at most one command a record.
///
/// It costs what is owed, not what exists.
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn plan(state: &State, schema: &Schema, bodies: &dyn Bodies) -> Result<Plan, MissingBody> {
    let mut plan = Plan { from: state.head, commands: Vec::new(), blocked: Vec::new() };
    let mut order: Vec<(bool, usize, RecordId)> = Vec::with_capacity(state.owed.len());
    for id in &state.owed {
        if let Some(record) = state.record(*id) {
            let rank = rank(schema, &record.entity);
            order.push((record.dead, if record.dead { usize::MAX - rank } else { rank }, *id));
        }
    }
    order.sort_unstable();
    for (_, _, id) in order {
        plan_record(state, schema, bodies, id, &mut plan)?;
    }
    // Within a generation side by side, so that writes to one side travel together.
    plan.commands.sort_by_cached_key(|planned| {
        let command = &planned.command;
        let rank = rank(schema, &command.entity);
        let deletes = matches!(command.operation, Operation::Delete { .. });
        (
            deletes,
            if deletes { usize::MAX - rank } else { rank },
            command.side.clone(),
            command.record,
        )
    });
    Ok(plan)
}

/// What one record is owed, without looking at the others: the command that [`plan`] would have for it, and what keeps
/// it back.
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn plan_of(
    state: &State,
    schema: &Schema,
    bodies: &dyn Bodies,
    record: RecordId,
) -> Result<Plan, MissingBody> {
    let mut plan = Plan { from: state.head, commands: Vec::new(), blocked: Vec::new() };
    plan_record(state, schema, bodies, record, &mut plan)?;
    Ok(plan)
}

/// Parents rank before their children.
fn rank(schema: &Schema, entity: &Name) -> usize {
    let rank = schema.rank(entity);
    if off(Switch::ParentsFirst) { schema.entities.len().saturating_sub(rank) } else { rank }
}

fn plan_record(
    state: &State,
    schema: &Schema,
    bodies: &dyn Bodies,
    id: RecordId,
    plan: &mut Plan,
) -> Result<(), MissingBody> {
    let Some(record) = state.record(id) else { return Ok(()) };
    let Some(entity) = schema.entity(&record.entity) else { return Ok(()) };
    let waits = (record.pending.is_some() && !off(Switch::OneInFlight))
        || record.parked.is_some()
        || record.disputed
        || state.undecided.contains(&id);
    if waits {
        return Ok(());
    }
    if let Some(refusal) = record.refused.as_ref().filter(|_| !off(Switch::RefusedBackoff)) {
        let why = BlockedBy::Refused(refusal.why);
        plan.blocked.push(Blocked { record: id, side: refusal.side.clone(), why });
        return Ok(());
    }
    for (side, slot) in &record.slots {
        if slot.behind.is_empty() || !entity.sides.contains_key(side) {
            continue;
        }
        let due = Due { state, entity, id, record, side, slot };
        match due.command(bodies)? {
            Ok(Some(planned)) => {
                plan.commands.push(planned);
                if !off(Switch::OneInFlight) {
                    return Ok(());
                }
            }
            Ok(None) => {}
            Err(why) => plan.blocked.push(Blocked { record: id, side: side.clone(), why }),
        }
    }
    Ok(())
}

/// What one side is owed of one record.
struct Due<'a> {
    state: &'a State,
    entity: &'a Entity,
    id: RecordId,
    record: &'a Record,
    side: &'a SideId,
    slot: &'a Slot,
}

impl Due<'_> {
    fn command(
        &self,
        bodies: &dyn Bodies,
    ) -> Result<Result<Option<Planned>, BlockedBy>, MissingBody> {
        let ext = self.slot.ext.clone();
        let expect = self.slot.seen;
        let operation = match (self.slot.presence, self.record.dead, ext) {
            (Presence::Missing, false, _) => Operation::Create,
            (Presence::Here, false, Some(ext)) => Operation::Update { ext, expect },
            (Presence::Here, true, Some(ext)) => {
                let delete = Operation::Delete { ext, expect };
                return Ok(Ok(Some(self.planned(delete, FieldSet::EMPTY, Image::default()))));
            }
            (Presence::Missing | Presence::Gone, _, _) | (Presence::Here, _, None) => {
                return Ok(Ok(None));
            }
        };
        let merged = image_of(bodies, &self.record.merged)?;
        let seen = image_of(bodies, &self.slot.seen)?;
        Ok(self.fields(&merged, &seen).map(|(fields, set)| {
            let nothing = fields.is_empty() && operation != Operation::Create;
            if nothing { None } else { Some(self.planned(operation, fields, set)) }
        }))
    }

    fn fields(&self, merged: &Image, seen: &Image) -> Result<(FieldSet, Image), BlockedBy> {
        let mut fields = FieldSet::EMPTY;
        let mut set = Image::default();
        for bit in self.slot.behind.minus(self.slot.held(self.entity)).iter() {
            let Some(field) = self.entity.fields.get(bit) else { continue };
            let value = merged.get(&field.name).unwrap_or(&Value::Null);
            let here = expected(self.state, field, self.side, value);
            let Some(value) = here.or_else(|| off(Switch::WaitForParent).then(|| value.clone()))
            else {
                return Err(self.missing_parent(value));
            };
            // L41: a field that already shows the value needs no write.
            if seen.get(&field.name) != Some(&value) || off(Switch::NoopSuppression) {
                set.set(&field.name, value);
                fields.insert(bit);
            }
        }
        Ok((fields, set))
    }

    fn missing_parent(&self, value: &Value) -> BlockedBy {
        let mut why = None;
        value.each_ref(&mut |reference| {
            let record = match &reference.to {
                RefTo::Record(record) => Some(*record),
                RefTo::Row { side, ext } => self.state.record_of(&reference.entity, side, ext),
            };
            let here = record
                .and_then(|record| self.state.record(record))
                .is_some_and(|record| record.live_ext(self.side).is_some());
            if !here && why.is_none() {
                why = Some(match record {
                    Some(record) => BlockedBy::Parent(record),
                    None => BlockedBy::UnknownParent(reference.entity.clone()),
                });
            }
        });
        why.unwrap_or_else(|| BlockedBy::UnknownParent(self.entity.name.clone()))
    }

    fn planned(&self, operation: Operation, fields: FieldSet, set: Image) -> Planned {
        let log_id = self.state.log_id.unwrap_or(ContentHash([0; 32]));
        let hash = set.hash();
        let life = self.record.life;
        let epoch = match &operation {
            Operation::Create => self.state.epoch_of(self.id),
            Operation::Update { .. } | Operation::Delete { .. } => self.state.epoch,
        };
        let id = command_id(
            &log_id,
            epoch,
            self.id,
            life,
            self.side,
            &operation,
            &hash,
            self.state.head,
        );
        let mut refers_to = Vec::new();
        for (_, value) in set.iter() {
            value.each_ref(&mut |reference| {
                if let RefTo::Row { side, ext } = &reference.to {
                    refers_to.extend(self.state.record_of(&reference.entity, side, ext));
                }
            });
        }
        refers_to.sort_unstable();
        refers_to.dedup();
        // A row that is not given everything does not contain every edit: whoever deletes it has not seen what waits.
        let waits =
            !self.slot.behind.minus(self.slot.behind.minus(self.slot.held(self.entity))).is_empty();
        let contains = match self.record.dead || !waits {
            true => self.record.contains.clone(),
            false => self.slot.knows.clone(),
        };
        let command = Command {
            id,
            record: self.id,
            entity: self.entity.name.clone(),
            side: self.side.clone(),
            operation,
            fields,
            set: hash,
            contains,
            refers_to,
        };
        Planned { command, set }
    }
}
