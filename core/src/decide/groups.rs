//! Fields that change together: one decision for all of them.

use super::Work;
use super::fields::{ask, candidates, decide_field, found_by, keep};
use super::forks;
use crate::compare::{expected, inward};
use crate::event::{FieldDecision, Found, Loser};
use crate::id::{Name, SideId};
use crate::policy::{Policy, Verdict};
use crate::schema::FieldSet;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What one of the rivals wants the group's fields to be; `None` is the merged value.
type Wish = (Option<SideId>, BTreeMap<Name, Value>);

/// Decides a group: field by field where one side alone changed it or all agree, and else as one.
pub(super) fn decide_group(work: &mut Work<'_>, bits: FieldSet, policy: &dyn Policy) {
    let movers = movers(work, bits);
    let rivals = if person_spoke(work, bits) { Vec::new() } else { rivals(work, bits, &movers) };
    if rivals.len() < 2 || agree(work, bits, &rivals) {
        bits.iter().for_each(|bit| decide_field(work, bit, policy));
        return;
    }
    contest(work, bits, rivals, policy);
}

fn movers(work: &Work<'_>, bits: FieldSet) -> BTreeSet<SideId> {
    bits.iter().flat_map(|bit| candidates(work, bit)).map(|one| one.side).collect()
}

/// A person has decided a field of the group: then they have decided about the group.
fn person_spoke(work: &Work<'_>, bits: FieldSet) -> bool {
    let Some(resolution) = &work.record.resolution else { return false };
    let name = |bit: usize| &work.entity.fields[bit].name;
    bits.iter().any(|bit| resolution.choices.iter().any(|(field, _)| field == name(bit)))
}

/// The merged values are a rival where none of the sides that moved had seen all of them.
fn rivals(work: &Work<'_>, bits: FieldSet, movers: &BTreeSet<SideId>) -> Vec<Wish> {
    let merged = |bit: &usize| work.merged.get(&work.entity.fields[*bit].name).is_some();
    let unseen = |side: &SideId| {
        work.sides
            .get(side)
            .is_some_and(|side| bits.iter().filter(merged).any(|bit| side.behind.contains(bit)))
    };
    let mut rivals = Vec::new();
    if movers.iter().all(unseen) && !movers.is_empty() {
        rivals.push((None, wish(work, bits, None)));
    }
    rivals.extend(movers.iter().map(|side| (Some(side.clone()), wish(work, bits, Some(side)))));
    rivals
}

fn wish(work: &Work<'_>, bits: FieldSet, side: Option<&SideId>) -> BTreeMap<Name, Value> {
    let mut values = BTreeMap::new();
    for bit in bits.iter() {
        let name = &work.entity.fields[bit].name;
        let shown = side.and_then(|side| work.sides.get(side)).and_then(|side| side.seen.get(name));
        let value = match shown {
            Some(shown) => inward(work.state, shown),
            None => work.merged.get(name).cloned().unwrap_or(Value::Null),
        };
        values.insert(name.clone(), value);
    }
    values
}

/// True where one of the wishes is what all others show, each in its side's own form.
fn agree(work: &Work<'_>, bits: FieldSet, rivals: &[Wish]) -> bool {
    let fits = |wanted: &Wish, other: &Wish| {
        bits.iter().all(|bit| {
            let field = &work.entity.fields[bit];
            let value = wanted.1.get(&field.name).unwrap_or(&Value::Null);
            let shown = other.1.get(&field.name).unwrap_or(&Value::Null);
            let there = other.0.as_ref().and_then(|side| expected(work.state, field, side, value));
            shown == value || there.is_some_and(|there| inward(work.state, &there) == *shown)
        })
    };
    rivals.iter().any(|wanted| rivals.iter().all(|other| fits(wanted, other)))
}

fn contest(work: &mut Work<'_>, bits: FieldSet, mut rivals: Vec<Wish>, policy: &dyn Policy) {
    let Some(first) = bits.iter().next() else { return };
    let all: Vec<(Option<SideId>, Value)> =
        rivals.iter().map(|(side, values)| (side.clone(), Value::Map(values.clone()))).collect();
    let base = Value::Map(wish(work, bits, None));
    let verdict = ask(work, first, Some(&base), &all, policy);
    let copied = matches!(verdict, Verdict::Both(_));
    let (winner, values) = match verdict {
        Verdict::Take(index) | Verdict::Both(index) if index < rivals.len() => rivals.remove(index),
        Verdict::Merged(Value::Map(values)) => (None, values),
        Verdict::Take(_) | Verdict::Both(_) | Verdict::Merged(_) | Verdict::Park => {
            return park(work, bits, &rivals);
        }
    };
    let found = if copied { Found::KeptBoth } else { found_by(&work.entity.fields[first].rivalry) };
    let result = Result { winner, values, found, copied };
    bits.iter().for_each(|bit| carry_out(work, bit, &rivals, &result));
}

/// What was decided for a group.
struct Result {
    winner: Option<SideId>,
    values: BTreeMap<Name, Value>,
    found: Found,
    copied: bool,
}

fn carry_out(work: &mut Work<'_>, bit: usize, rivals: &[Wish], result: &Result) {
    let name = work.entity.fields[bit].name.clone();
    let before = work.merged.get(&name).cloned().unwrap_or(Value::Null);
    let value = result.values.get(&name).cloned().unwrap_or_else(|| before.clone());
    let moved = candidates(work, bit);
    let mut losers = Vec::new();
    for (side, values) in rivals {
        let lost = values.get(&name).filter(|lost| **lost != value);
        let own = match side {
            Some(side) => moved.iter().any(|one| one.side == *side),
            None => false,
        };
        if let Some(lost) = lost {
            if own {
                losers.push(Loser { side: side.clone(), value: lost.clone() });
            }
            if result.copied {
                forks::wish(work, side.as_ref(), bit, lost);
            }
        }
    }
    // The winner had not seen the merged value: that is replaced without anybody having replaced it.
    let unseen = result
        .winner
        .as_ref()
        .is_none_or(|side| work.sides.get(side).is_some_and(|side| side.behind.contains(bit)));
    if unseen && before != value && work.merged.get(&name).is_some() {
        losers.push(Loser { side: None, value: before.clone() });
    }
    for one in &moved {
        work.settle(&one.side, bit);
    }
    work.stamp(bit, result.winner.as_ref());
    work.merged.set(&name, value.clone());
    if !moved.is_empty() || value != before || !losers.is_empty() {
        let (found, winner) = (result.found, result.winner.clone());
        work.fields.push(FieldDecision { field: name, found, winner, value, losers });
    }
    work.note_behind(bit);
}

/// All fields that were changed wait for a person, those of one side alone with them.
fn park(work: &mut Work<'_>, bits: FieldSet, rivals: &[Wish]) {
    for bit in bits.iter() {
        let name = work.entity.fields[bit].name.clone();
        let moved = candidates(work, bit);
        if moved.is_empty() {
            continue;
        }
        let losers = rivals.iter().filter_map(|(side, values)| {
            let own = side.as_ref().is_none_or(|side| moved.iter().any(|one| one.side == *side));
            let value = values.get(&name).filter(|_| own)?.clone();
            Some(Loser { side: side.clone(), value })
        });
        let losers: Vec<Loser> = losers.collect();
        keep(work, bit, Found::Manual, losers);
    }
}
