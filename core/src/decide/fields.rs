//! One field of one record.

use super::{Side, Work, forks, joins};
use crate::ablate::{Switch, off};
use crate::compare::{inward, is_counter, is_set};
use crate::event::{Choice, FieldDecision, Found, Loser};
use crate::id::SideId;
use crate::policy::{Candidate, Conflict, Policy, Stamp, Verdict};
use crate::schema::Rivalry;
use crate::value::Value;

/// A side's changed value: as shown there, and in the log's terms.
pub(super) struct Cand {
    pub(super) side: SideId,
    pub(super) raw: Value,
    pub(super) value: Value,
}

pub(super) fn decide_field(work: &mut Work<'_>, bit: usize, policy: &dyn Policy) {
    let mut candidates = candidates(work, bit);
    if resolve_by_person(work, bit, &candidates) {
        return;
    }
    if candidates.is_empty() {
        return;
    }
    if is_counter(&work.entity.fields[bit]) {
        return joins::sum(work, bit, &candidates);
    }
    if is_set(&work.entity.fields[bit]) {
        return joins::join(work, bit, &candidates);
    }
    let field = &work.entity.fields[bit];
    // As long as the owner has no row of its own, any side's value is better than none: it seeds the field.
    let unset = work.merged.get(&field.name).is_none_or(Value::is_null);
    let owner_away = field.owner().is_some_and(|owner| !work.sides.contains_key(owner));
    let seeding = unset && owner_away;
    let overruled = if seeding {
        Vec::new()
    } else {
        let (voters, others) = candidates.into_iter().partition(|one| field.votes(&one.side));
        candidates = voters;
        others
    };
    let losers: Vec<Loser> = overruled.iter().map(loser).collect();
    for one in &overruled {
        work.settle(&one.side, bit);
    }
    if candidates.is_empty() {
        keep(work, bit, Found::Reverted, losers);
    } else if let Some(value) = agreement(work, bit, &candidates) {
        agree(work, bit, &candidates, value, losers);
    } else if !seeding && work.entity.fields[bit].owner().is_some() {
        // The owner's value holds, even against a merged one that never reached it.
        let value = candidates[0].value.clone();
        let merged = undelivered(work, bit, &candidates).filter(|merged| !merged.is_null());
        let mut losers = losers;
        losers.extend(merged.map(|value| Loser { side: None, value: value.clone() }));
        agree(work, bit, &candidates, value, losers);
    } else if dispute(work, bit, candidates, losers, policy) == Found::Manual {
        // Nothing is owed until a person has spoken: the sides keep what they show.
        return;
    }
    work.note_behind(bit);
}

/// Decides between the candidates that do not show the merged value: those that do have come to agree with it.
fn dispute(
    work: &mut Work<'_>,
    bit: usize,
    candidates: Vec<Cand>,
    losers: Vec<Loser>,
    policy: &dyn Policy,
) -> Found {
    let (current, rivals): (Vec<Cand>, Vec<Cand>) =
        candidates.into_iter().partition(|one| work.is_current(&one.side, bit));
    for one in &current {
        work.settle(&one.side, bit);
    }
    match agreement(work, bit, &rivals) {
        Some(value) if !current.is_empty() => {
            agree(work, bit, &rivals, value, losers);
            Found::Owner
        }
        Some(_) | None => contest(work, bit, &rivals, losers, policy),
    }
}

pub(super) fn candidates(work: &Work<'_>, bit: usize) -> Vec<Cand> {
    let field = &work.entity.fields[bit];
    let name = &field.name;
    let seeded = work.merged.get(name).is_some_and(|value| !value.is_null());
    let changed = work.sides.iter().filter(|(id, side)| {
        // An owner that holds nothing and never agreed to anything says so against a value seeded before it came.
        let empty = side.seen.get(name) == Some(&Value::Null) && side.base.get(name).is_none();
        side.changed.contains(bit) || (seeded && empty && field.owner() == Some(*id))
    });
    changed
        .filter_map(|(id, side)| {
            let raw = side.seen.get(name)?.clone();
            let value = inward(work.state, &raw);
            Some(Cand { side: id.clone(), raw, value })
        })
        .collect()
}

fn loser(one: &Cand) -> Loser {
    Loser { side: Some(one.side.clone()), value: one.value.clone() }
}

/// The merged value stands against the candidates where none of them has seen it: a change made on top of it
/// replaces it, and stands for it against the others (LAWS 1.5).
fn undelivered<'a>(work: &'a Work<'_>, bit: usize, candidates: &[Cand]) -> Option<&'a Value> {
    let field = &work.entity.fields[bit];
    let name = &field.name;
    // A value that others seeded before the owner had a row was never the owner's, and is never sent to it.
    let seeded = |side: &Side<'_>| side.base.get(name).is_none();
    let behind = candidates.iter().all(|one| {
        work.sides.get(&one.side).is_some_and(|side| {
            side.behind.contains(bit) || (field.owner() == Some(&one.side) && seeded(side))
        })
    });
    if behind { work.merged.get(name) } else { None }
}

/// The value on which all agree: the finest, of which every side's value is the image (L24, LAWS 1.7 b).
fn agreement(work: &Work<'_>, bit: usize, candidates: &[Cand]) -> Option<Value> {
    let field = &work.entity.fields[bit];
    let fits = |value: &Value, one: &Cand| {
        one.value == *value
            || !off(Switch::Finest)
                && crate::compare::expected(work.state, field, &one.side, value).as_ref()
                    == Some(&one.raw)
    };
    // What a side makes of the merged value is no change of it, whether or not the side was behind (LAWS 1.7 b).
    if let Some(merged) = work.merged.get(&field.name)
        && candidates.iter().all(|one| fits(merged, one))
    {
        return Some(merged.clone());
    }
    let merged = undelivered(work, bit, candidates);
    let finest = candidates.iter().find(|x| candidates.iter().all(|one| fits(&x.value, one)))?;
    match merged {
        Some(merged) if *merged != finest.value && !refines(work, bit, finest) => None,
        Some(_) | None => Some(finest.value.clone()),
    }
}

/// True where every other side that has the merged value shows what it would make of this one: then the merged value
/// is a side's form of it, and who was seen first makes no difference (L27, L44).
fn refines(work: &Work<'_>, bit: usize, finer: &Cand) -> bool {
    let field = &work.entity.fields[bit];
    let mut shown = work.sides.iter().filter_map(|(side, here)| {
        let current = *side != finer.side && !here.changed.contains(bit);
        let shows = here.seen.get(&field.name).filter(|_| current && !here.behind.contains(bit))?;
        let form = crate::compare::expected(work.state, field, side, &finer.value);
        Some(form.as_ref() == Some(shows))
    });
    shown.next() == Some(true) && shown.all(|fits| fits) && !off(Switch::Finest)
}

fn agree(work: &mut Work<'_>, bit: usize, candidates: &[Cand], value: Value, losers: Vec<Loser>) {
    let name = work.entity.fields[bit].name.clone();
    for one in candidates {
        work.settle(&one.side, bit);
    }
    match candidates {
        [only] if losers.is_empty() => {
            work.taken.entry(only.side.clone()).or_default().insert(bit);
        }
        [only] => work.fields.push(FieldDecision {
            field: name.clone(),
            found: Found::Owner,
            winner: Some(only.side.clone()),
            value: value.clone(),
            losers,
        }),
        _ => work.agreed.insert(bit),
    }
    if let [only] = candidates {
        work.stamp(bit, Some(&only.side));
    } else {
        work.stamp(bit, None);
    }
    work.merged.set(&name, value);
}

/// Nobody who may has changed the field: the merged value stays, the others are put back (L31).
pub(super) fn keep(work: &mut Work<'_>, bit: usize, found: Found, losers: Vec<Loser>) {
    let field = work.entity.fields[bit].name.clone();
    let value = work.merged.get(&field).cloned().unwrap_or(Value::Null);
    work.fields.push(FieldDecision { field, found, winner: None, value, losers });
}

fn contest(
    work: &mut Work<'_>,
    bit: usize,
    candidates: &[Cand],
    mut losers: Vec<Loser>,
    policy: &dyn Policy,
) -> Found {
    let field = work.entity.fields[bit].clone();
    let merged = undelivered(work, bit, candidates).cloned();
    let mut all: Vec<(Option<SideId>, Value)> = Vec::with_capacity(candidates.len() + 1);
    all.extend(merged.map(|value| (None, value)));
    all.extend(candidates.iter().map(|one| (Some(one.side.clone()), one.value.clone())));
    let base = base_of(work, bit, candidates, !matches!(all.first(), Some((None, _))));
    let verdict = ask(work, bit, base.as_ref(), &all, policy);
    let copied = matches!(verdict, Verdict::Both(_));
    let (winner, value) = match verdict {
        Verdict::Take(index) | Verdict::Both(index) if index < all.len() => all.remove(index),
        Verdict::Merged(value) => (None, value),
        Verdict::Take(_) | Verdict::Both(_) | Verdict::Park => {
            losers.extend(all.into_iter().map(|(side, value)| Loser { side, value }));
            keep(work, bit, Found::Manual, losers);
            return Found::Manual;
        }
    };
    if copied {
        all.iter().for_each(|(side, value)| forks::wish(work, side.as_ref(), bit, value));
    }
    losers.extend(all.into_iter().map(|(side, value)| Loser { side, value }));
    for one in candidates {
        work.settle(&one.side, bit);
    }
    work.stamp(bit, winner.as_ref());
    work.merged.set(&field.name, value.clone());
    let found = if copied { Found::KeptBoth } else { found_by(&field.rivalry) };
    work.fields.push(FieldDecision { field: field.name, found, winner, value, losers });
    found
}

/// What all had before: the merged value, or where that is a candidate itself, what the first of the sides had agreed to.
fn base_of(work: &Work<'_>, bit: usize, candidates: &[Cand], merged: bool) -> Option<Value> {
    let name = &work.entity.fields[bit].name;
    if merged {
        return work.before.get(name).cloned();
    }
    let side = work.sides.get(&candidates.first()?.side)?;
    side.base.get(name).map(|base| inward(work.state, base))
}

/// Asks the policy about a field, or about a group of which it is the first.
pub(super) fn ask(
    work: &Work<'_>,
    bit: usize,
    base: Option<&Value>,
    all: &[(Option<SideId>, Value)],
    policy: &dyn Policy,
) -> Verdict {
    let field = &work.entity.fields[bit];
    let list: Vec<Candidate<'_>> = all
        .iter()
        .map(|(side, value)| Candidate {
            side: side.as_ref(),
            value,
            stamp: stamp_of(work, bit, side.as_ref()),
        })
        .collect();
    let verdict = policy.resolve(&Conflict { entity: work.entity, field, base, candidates: &list });
    match verdict {
        Verdict::Both(_) if !forks::possible(work) => Verdict::Park,
        Verdict::Take(_) | Verdict::Merged(_) | Verdict::Both(_) | Verdict::Park => verdict,
    }
}

/// When a candidate was written: the stamp of its row, or what was noted when its value was merged.
fn stamp_of(work: &Work<'_>, bit: usize, side: Option<&SideId>) -> Option<Stamp> {
    match side {
        Some(side) => work.clock(side),
        None => {
            let noted = work.stamps.iter().find(|one| usize::try_from(one.bit) == Ok(bit))?;
            Some(Stamp { at: noted.at, within_ms: noted.within_ms })
        }
    }
}

pub(super) fn found_by(rivalry: &Rivalry) -> Found {
    match rivalry {
        Rivalry::Prefer(_) | Rivalry::Manual => Found::Preferred,
        Rivalry::Newest => Found::Newest,
        Rivalry::Greatest => Found::Greatest,
        Rivalry::Least => Found::Least,
        Rivalry::KeepBoth => Found::KeptBoth,
        Rivalry::Custom(_) => Found::Custom,
    }
}

/// Uses what a person chose; true where there was such a choice.
fn resolve_by_person(work: &mut Work<'_>, bit: usize, candidates: &[Cand]) -> bool {
    let name = work.entity.fields[bit].name.clone();
    let Some(resolution) = &work.record.resolution else { return false };
    let Some((_, choice)) = resolution.choices.iter().find(|(field, _)| *field == name) else {
        return false;
    };
    let (winner, value) = match choice {
        Choice::Skip => return false,
        Choice::Value(value) => (None, value.clone()),
        Choice::Side(side) => {
            let shown = work.sides.get(side).and_then(|side| side.seen.get(&name));
            (Some(side.clone()), inward(work.state, shown.unwrap_or(&Value::Null)))
        }
    };
    let mut losers: Vec<Loser> =
        candidates.iter().filter(|one| one.value != value).map(loser).collect();
    if let Some(merged) = work.merged.get(&name)
        && *merged != value
        && !merged.is_null()
    {
        losers.push(Loser { side: None, value: merged.clone() });
    }
    for one in candidates {
        work.settle(&one.side, bit);
    }
    work.stamp(bit, None);
    work.merged.set(&name, value.clone());
    work.fields.push(FieldDecision { field: name, found: Found::Person, winner, value, losers });
    work.note_behind(bit);
    true
}
