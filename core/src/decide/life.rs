//! Delete against edit, by version vectors (LAWS 1.7 d, L34).

use super::Work;
use crate::ablate::{Switch, off};
use crate::event::{FieldDecision, Found, Life, Loser};
use crate::fold::Presence;
use crate::id::{Name, RecordId, SideId};
use crate::policy::Policy;
use crate::schema::DeletePolicy;
use crate::value::Value;

pub(super) fn decide_life(work: &mut Work<'_>, id: RecordId, policy: &dyn Policy) -> Life {
    let record = work.record;
    let gone: Vec<SideId> = record
        .slots
        .iter()
        .filter(|(_, slot)| slot.presence == Presence::Gone)
        .map(|(side, _)| side.clone())
        .collect();
    let keep = record.resolution.as_ref().and_then(|resolution| resolution.keep);
    if gone.is_empty() {
        // A person had it deleted, and no row has gone yet: only news brings it back.
        let quiet = work.sides.values().all(|side| record.contains.covers(&side.slot.knows));
        return match keep {
            Some(false) => die(work),
            None if record.dead && quiet => Life::Dead,
            Some(true) | None => Life::Alive,
        };
    }
    // A person's word also brings back what is gone everywhere, or has all of it deleted.
    if let Some(keep) = keep {
        return if keep { Life::Revived } else { die(work) };
    }
    if record.dead && work.sides.is_empty() {
        return Life::Dead;
    }
    if !gone.iter().any(|side| may_delete(work, side)) && !work.sides.is_empty() {
        // Nobody who decides anything about the record deleted it: a person must say.
        return Life::Disputed;
    }
    let mut edits = record.contains.clone();
    for side in work.sides.values() {
        edits.join(&side.slot.knows);
    }
    let child = living_child(work, id);
    let one_knew = || gone.iter().any(|side| record.slots[side].knows.covers(&edits));
    let knew = record.deleters_knew.covers(&edits) && (!off(Switch::DeletersJoin) || one_knew());
    if (knew || off(Switch::DeleteVector)) && !child {
        return die(work);
    }
    match policy.on_delete(work.entity) {
        DeletePolicy::EditWins => Life::Revived,
        DeletePolicy::DeleteWins if child => Life::Revived,
        DeletePolicy::DeleteWins => die(work),
        DeletePolicy::Park => Life::Disputed,
    }
}

/// A side may delete where it may decide at least one field.
fn may_delete(work: &Work<'_>, side: &SideId) -> bool {
    work.entity.fields.iter().any(|field| field.votes(side))
}

/// A record that lives and refers to this one keeps it alive: its parent must not vanish (LAWS 1.7 g).
fn living_child(work: &Work<'_>, id: RecordId) -> bool {
    if off(Switch::LivingChild) {
        return false;
    }
    let Some(children) = work.state.children.get(&id) else { return false };
    children.iter().any(|child| {
        work.state.record(*child).is_some_and(|child| {
            // A copy has no row yet, and is to get one.
            let somewhere = child.slots.values().any(|slot| slot.presence != Presence::Gone);
            !child.dead && (somewhere || child.slots.is_empty())
        })
    })
}

/// The record dies; what its deleters had not seen is recorded as lost to the delete (L32).
fn die(work: &mut Work<'_>) -> Life {
    let knew = &work.record.deleters_knew;
    let mut lost = Vec::new();
    for (name, side) in &work.sides {
        for bit in side.slot.changed.iter() {
            let Some(field) = work.entity.fields.get(bit) else { continue };
            let value = side.seen.get(&field.name).cloned().unwrap_or(Value::Null);
            let losers = vec![Loser { side: Some(name.clone()), value }];
            lost.push((field.name.clone(), losers));
        }
    }
    let mut edits = work.record.contains.clone();
    work.sides.values().for_each(|side| edits.join(&side.slot.knows));
    lost.extend(seeded(work));
    if !knew.covers(&edits) {
        // Edits that were merged but had not reached every deleter: their values are the merged ones.
        for (field, value) in work.before.iter() {
            let losers = vec![Loser { side: None, value: value.clone() }];
            lost.push((field.clone(), losers));
        }
    }
    if off(Switch::DeleteLosers) {
        lost.clear();
    }
    for (field, losers) in lost {
        let found = Found::Died;
        work.fields.push(FieldDecision { field, found, winner: None, value: Value::Null, losers });
    }
    Life::Dead
}

/// Values of owned fields that another side seeded and their owner never agreed to: they were no edits, so no vector
/// says whether a deleter had seen them.
fn seeded(work: &Work<'_>) -> Vec<(Name, Vec<Loser>)> {
    let mut found = Vec::new();
    for field in &work.entity.fields {
        let Some(owner) = &field.owner else { continue };
        let agreed = work.sides.get(owner).map(|side| &side.base).or_else(|| work.gone.get(owner));
        let held = agreed.is_some_and(|base| base.get(&field.name).is_some());
        let value = work.before.get(&field.name).filter(|value| !held && !value.is_null());
        if let Some(value) = value {
            found.push((field.name.clone(), vec![Loser { side: None, value: value.clone() }]));
        }
    }
    found
}
