//! At rest: what must be true when nothing is left to do.

use super::round::{Hub, Situation};
use super::scope::adds_up;
use super::world::{World, anywhere, items};
use super::{Broke, Law};
use crate::bodies::image_of;
use crate::compare::{expected, inward};
use crate::event::Subject;
use crate::fold::{Presence, Record, Slot, State};
use crate::id::SideId;
use crate::image::Image;
use crate::schema::{Field, Meaning};
use crate::value::Value;

/// Judges a world at rest.
pub(super) fn at_rest(hub: &Hub<'_>, now: &Situation) -> Result<(), Broke> {
    let entity = hub.scope.main();
    let records: Vec<&Record> =
        now.state.records.iter().filter(|record| record.entity == entity.name).collect();
    // What waits for a person is reported, and not lost.
    let asked = records.iter().any(|record| record.disputed || record.parked.is_some())
        || now.state.parked.keys().any(|subject| match subject {
            Subject::Row { .. } | Subject::Record(_) => true,
        });
    if asked {
        return Ok(());
    }
    let main = now.world.record(hub.scope, &now.state).and_then(|id| now.state.record(id));
    if now.world.buried && main.is_some_and(|record| !record.dead) {
        let what =
            "the record is back, although nobody wrote anything that the deleter had not seen";
        return Err(Broke { law: Law::StaysDeleted, what: what.to_owned() });
    }
    for record in &records {
        converged(hub, now, record)?;
    }
    nothing_lost(hub, now, &records)?;
    match main {
        Some(record) if !record.dead && !now.world.deleted => adds(hub, now, record),
        Some(_) | None => Ok(()),
    }
}

fn row<'a>(hub: &Hub<'_>, world: &'a World, side: &SideId, slot: &Slot) -> Option<&'a Image> {
    let rows = world.rows.get(&(hub.scope.at, side.clone()))?;
    rows.get(slot.ext.as_ref()?).map(|row| &row.image)
}

fn converged(hub: &Hub<'_>, now: &Situation, record: &Record) -> Result<(), Broke> {
    let broke = |what: String| Err(Broke { law: Law::Converges, what });
    let entity = hub.scope.main();
    let merged = image_of(&hub.pool, &record.merged)?;
    for (side, on) in &entity.sides {
        let slot = record.slots.get(side);
        let presence = slot.map_or(Presence::Missing, |slot| slot.presence);
        let (Presence::Here, Some(slot)) = (presence, slot) else {
            let lacks = presence == Presence::Missing && on.creates && !record.dead;
            let sayable = entity.fields.iter().all(|field| {
                let value = merged.get(&field.name).unwrap_or(&Value::Null);
                !field.writable_on(side, true) || expected(&now.state, field, side, value).is_some()
            });
            if lacks && sayable {
                return broke(format!("{side} never gets the record"));
            }
            continue;
        };
        if record.dead {
            if on.deletes {
                return broke(format!("the record was deleted, and {side} still has it"));
            }
            continue;
        }
        let Some(shown) = row(hub, &now.world, side, slot) else {
            return broke(format!("{side} has lost the row that it is said to have"));
        };
        let held = slot.held(entity);
        for (bit, field) in entity.fields.iter().enumerate() {
            if held.contains(bit) {
                continue;
            }
            if let Some(what) = departs(&now.state, field, side, on.updates, &merged, shown) {
                return broke(what);
            }
        }
    }
    Ok(())
}

/// What is wrong with a field on a side; nothing where it cannot be written there.
fn departs(
    state: &State,
    field: &Field,
    side: &SideId,
    updates: bool,
    merged: &Image,
    shown: &Image,
) -> Option<String> {
    let here = shown.get(&field.name)?;
    let value = merged.get(&field.name).unwrap_or(&Value::Null);
    let wanted = expected(state, field, side, value)?;
    // An owner that never held anything leaves others what they have.
    let owns = field.owner.as_ref() == Some(side) && !here.is_null();
    let written = updates && field.writable_on(side, false);
    if *here == wanted || !(written || owns) {
        return None;
    }
    let told = super::words::value;
    Some(if owns {
        format!(
            "{side} owns `{}` and shows {}, and the others are sent {}",
            field.name,
            told(here),
            told(value)
        )
    } else {
        format!("{side} shows `{}` {} for ever, and not {}", field.name, told(here), told(&wanted))
    })
}

fn nothing_lost(hub: &Hub<'_>, now: &Situation, records: &[&Record]) -> Result<(), Broke> {
    for ((bit, side), value) in &now.world.owed {
        let field = hub.scope.spec(*bit);
        let mut held = false;
        let mut holds = Value::Null;
        let on = hub.scope.main().sides.get(side);
        for record in records {
            let Some(slot) = record.slots.get(side) else { continue };
            // Where Mizan writes nothing, what a user wrote stays where it is.
            let untouched = match record.dead {
                true => on.is_some_and(|on| !on.deletes),
                false => on.is_some_and(|on| !on.updates) || !field.writable_on(side, false),
            };
            let shown = row(hub, &now.world, side, slot).and_then(|row| row.get(&field.name));
            held |= (untouched || slot.changed.contains(*bit)) && shown == Some(value);
        }
        for record in records.iter().filter(|record| !record.dead) {
            let merged = image_of(&hub.pool, &record.merged)?;
            let merged = merged.get(&field.name).unwrap_or(&Value::Null);
            held |= inward(&now.state, value) == *merged
                || expected(&now.state, field, side, merged).as_ref() == Some(value);
            if record.copy_of.is_none() {
                holds = merged.clone();
            }
        }
        if !held {
            let dead = records.iter().all(|record| record.dead);
            let instead = if dead {
                "the record is deleted".to_owned()
            } else {
                format!("{} holds", super::words::value(&holds))
            };
            let what = format!(
                "the {} that a user of {side} wrote into `{}` is gone: {instead}, and no decision names what was lost",
                super::words::value(value),
                field.name
            );
            return Err(Broke { law: Law::NothingLost, what });
        }
    }
    Ok(())
}

fn adds(hub: &Hub<'_>, now: &Situation, record: &Record) -> Result<(), Broke> {
    let broke = |what: String| Err(Broke { law: Law::AddsUp, what });
    let merged = image_of(&hub.pool, &record.merged)?;
    for bit in &hub.scope.fields {
        let field = hub.scope.spec(*bit);
        if !adds_up(field) {
            continue;
        }
        let value = merged.get(&field.name).unwrap_or(&Value::Null);
        match (field.meaning.clone(), now.world.totals.get(bit)) {
            // A stock that one side counts is whatever was counted last.
            (Meaning::Counter, Some(total)) if field.stocktake.is_none() => {
                if *value != Value::decimal(*total) {
                    let told = super::words::value(value);
                    return broke(format!("`{}` is {told} and should be {total}", field.name));
                }
            }
            (Meaning::Set, _) => members(hub, now, record, *bit)?,
            (Meaning::Counter | Meaning::Value, _) => {}
        }
    }
    Ok(())
}

fn members(hub: &Hub<'_>, now: &Situation, record: &Record, bit: usize) -> Result<(), Broke> {
    let field = hub.scope.spec(bit);
    for (side, slot) in &record.slots {
        let on = hub.scope.main().sides.get(side);
        if on.is_none_or(|on| !on.updates) || !field.writable_on(side, false) {
            continue;
        }
        let Some(shown) = row(hub, &now.world, side, slot) else { continue };
        let Some(list) = shown.get(&field.name) else { continue };
        let has: Vec<Value> = items(list).iter().map(anywhere).collect();
        let lacks =
            now.world.put.iter().find(|one| {
                one.0 == bit && !now.world.taken.contains(one) && !has.contains(&one.1)
            });
        let keeps = now
            .world
            .taken
            .iter()
            .find(|one| one.0 == bit && !now.world.put.contains(one) && has.contains(&one.1));
        let (member, how) = match (lacks, keeps) {
            (Some((_, member)), _) => (member, "was put in and is not there"),
            (None, Some((_, member))) => (member, "was taken out and is still there"),
            (None, None) => continue,
        };
        let what = format!("{} {how}, in `{}` on {side}", super::words::value(member), field.name);
        return Err(Broke { law: Law::AddsUp, what });
    }
    Ok(())
}
