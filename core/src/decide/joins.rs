//! Fields whose changes exclude nobody: counters add up, sets are joined.

use super::Work;
use super::fields::Cand;
use crate::event::{FieldDecision, Found, Loser};
use crate::value::Value;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

fn number(value: Option<&Value>) -> Option<Decimal> {
    match value {
        Some(Value::Decimal(number)) => Some(*number),
        Some(
            Value::Null
            | Value::Bool(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Ref(_),
        )
        | None => None,
    }
}

/// Adds up what every side moved since its base; nothing conflicts (LAWS 1.7 f, L48).
///
/// The side that counts the stock states a total: others' movements since their bases go on top of it, and those
/// that were merged and had not reached it are in what was counted.
pub(super) fn sum(work: &mut Work<'_>, bit: usize, candidates: &[Cand]) {
    let field = &work.entity.fields[bit];
    let name = field.name.clone();
    let counting = candidates.iter().find(|one| field.stocktake.as_ref() == Some(&one.side));
    let before = number(work.merged.get(&name));
    let base_of =
        |one: &Cand| work.sides.get(&one.side).and_then(|side| number(side.base.get(&name)));
    let counted = counting.and_then(|one| Some((one, number(Some(&one.value))?)));
    let mut total = counted.as_ref().map(|(_, count)| *count).or(before);
    let mut moved = 0usize;
    let mut losers = Vec::new();
    for one in candidates {
        let Some(now) = number(Some(&one.value)) else { continue };
        if counted.as_ref().is_some_and(|(counting, _)| counting.side == one.side) {
            continue;
        }
        total = match (total, base_of(one)) {
            (Some(total), Some(base)) => {
                moved += 1;
                // Beyond 28 digits there is no stock; the total then stays as it is.
                Some(now.checked_sub(base).and_then(|by| total.checked_add(by)).unwrap_or(total))
            }
            // A side's first statement of a count that is known already is no movement.
            (Some(total), None) => {
                if now != total {
                    let side = Some(one.side.clone());
                    losers.push(Loser { side, value: one.value.clone() });
                }
                Some(total)
            }
            (None, _) => Some(now),
        };
    }
    // Movements that the counting side had not been sent are replaced by its count: said, never silent.
    let replaced = counted.and_then(|(one, _)| {
        let before = before.filter(|before| base_of(one).is_some_and(|base| base != *before))?;
        Some((one.side.clone(), Value::decimal(before)))
    });
    for one in candidates {
        work.settle(&one.side, bit);
    }
    if let Some(total) = total {
        work.merged.set(&name, Value::decimal(total));
    }
    let value = work.merged.get(&name).cloned().unwrap_or(Value::Null);
    match (candidates, replaced) {
        (_, Some((side, before))) => {
            losers.push(Loser { side: None, value: before });
            let (found, winner) = (Found::Counted, Some(side));
            work.fields.push(FieldDecision { field: name, found, winner, value, losers });
        }
        ([only], None) if losers.is_empty() => {
            work.taken.entry(only.side.clone()).or_default().insert(bit);
        }
        (_, None) if moved > 1 || !losers.is_empty() => {
            let found = Found::Summed;
            work.fields.push(FieldDecision { field: name, found, winner: None, value, losers });
        }
        (_, None) => work.agreed.insert(bit),
    }
    work.note_behind(bit);
}

fn elements(value: Option<&Value>) -> BTreeSet<Value> {
    match value {
        Some(Value::List(items)) => items.iter().cloned().collect(),
        Some(Value::Null) | None => BTreeSet::new(),
        // A side that shows one thing instead of a list of them.
        Some(
            one @ (Value::Bool(_)
            | Value::Decimal(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::Map(_)
            | Value::Ref(_)),
        ) => BTreeSet::from([one.clone()]),
    }
}

/// Joins what every side put into the list since its base, and takes out what any of them took out and none put in.
pub(super) fn join(work: &mut Work<'_>, bit: usize, candidates: &[Cand]) {
    let name = work.entity.fields[bit].name.clone();
    let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for one in candidates {
        let base = work.sides.get(&one.side).and_then(|side| side.base.get(&name));
        let base = elements(base.map(|base| crate::compare::inward(work.state, base)).as_ref());
        let shown = elements(Some(&one.value));
        added.extend(shown.difference(&base).cloned());
        removed.extend(base.difference(&shown).cloned());
    }
    let mut all = elements(work.merged.get(&name));
    all.retain(|item| !removed.contains(item));
    all.extend(added);
    for one in candidates {
        work.settle(&one.side, bit);
    }
    let value = Value::List(all.into_iter().collect());
    work.merged.set(&name, value.clone());
    match candidates {
        [only] => work.taken.entry(only.side.clone()).or_default().insert(bit),
        _ => {
            let (found, losers) = (Found::Joined, Vec::new());
            work.fields.push(FieldDecision { field: name, found, winner: None, value, losers });
        }
    }
    work.note_behind(bit);
}
