//! What users write: few values, and among them those of which a side makes something else.

use super::scope::{adds_up, ext_of};
use crate::id::{Name, SideId};
use crate::normalise::Rule;
use crate::schema::{Field, Meaning, Type};
use crate::value::Value;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// What a user of one side can do to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Write one of these; the first is what the field holds at the start.
    Plain(Vec<Value>),
    /// Move the count by one of these, from the first value on.
    Moves(Value, Vec<Decimal>),
    /// Put one of these into the list, or take it out; the list holds the first at the start.
    Members(Vec<Value>),
}

impl Values {
    /// What the field holds at the start.
    pub(super) fn start(&self) -> Value {
        match self {
            Self::Plain(values) => values.first().cloned().unwrap_or(Value::Null),
            Self::Moves(start, _) => start.clone(),
            Self::Members(members) => Value::List(members.iter().take(1).cloned().collect()),
        }
    }

    /// In how many ways a user can write.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(values) => values.len(),
            Self::Moves(_, moves) => moves.len(),
            Self::Members(members) => members.len(),
        }
    }
}

/// What is written to a field on a side, as the side stores it.
pub(super) fn values(field: &Field, side: &SideId, few: bool) -> Values {
    let stored = |value: &Value| field.on_side(side, value);
    if adds_up(field) && field.meaning == Meaning::Counter && field.kind == Type::Decimal {
        let mut moves = vec![Decimal::from(2), Decimal::from(-3)];
        moves.extend(odd(field).iter().filter_map(|value| match value {
            Value::Decimal(number) => Some(*number),
            Value::Null
            | Value::Bool(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Ref(_) => None,
        }));
        moves.truncate(if few { 2 } else { 3 });
        return Values::Moves(stored(&Value::decimal(Decimal::from(10))), moves);
    }
    if adds_up(field) && field.meaning == Meaning::Set {
        let members = ["a", "b", "c"].into_iter().enumerate();
        let members = members.map(|(at, text)| member(&field.kind, side, at, text));
        return Values::Members(members.take(if few { 2 } else { 3 }).collect());
    }
    let mut values: Vec<Value> = Vec::new();
    for value in raw(field, side, few) {
        let value = stored(&value);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Values::Plain(values)
}

fn member(kind: &Type, side: &SideId, at: usize, text: &str) -> Value {
    match kind {
        Type::Items(items) => {
            let fields = items.iter().map(|item| {
                let value = plain(&item.kind, side, at).unwrap_or_else(|| Value::text(text));
                (item.name.clone(), value)
            });
            Value::Map(fields.collect::<BTreeMap<Name, Value>>())
        }
        kind => plain(kind, side, at).unwrap_or_else(|| Value::text(text)),
    }
}

/// The `at`-th value of a type that no rule changes.
fn plain(kind: &Type, side: &SideId, at: usize) -> Option<Value> {
    let number = i64::try_from(at).unwrap_or(0) + 1;
    Some(match kind {
        Type::Text | Type::Any => Value::text(["a", "b", "c"].get(at)?),
        Type::Decimal => Value::decimal(Decimal::from(number)),
        Type::Bool => Value::Bool(match at {
            0 => false,
            1 => true,
            _ => return None,
        }),
        Type::Date => Value::Date(NaiveDate::from_ymd_opt(2024, 2, u32::try_from(at).ok()? + 27)?),
        Type::Instant => Value::Instant(number * 86_400_000),
        Type::Ref(entity) => match at {
            0 | 1 => Value::row_ref(entity, side, ext_of(side, PARENTS[at])),
            _ => return None,
        },
        Type::Items(items) => {
            let item = |at: usize| {
                let fields = items.iter().map(|item| {
                    (item.name.clone(), plain(&item.kind, side, at).unwrap_or(Value::Null))
                });
                Value::Map(fields.collect())
            };
            match at {
                0 => Value::List(vec![item(0)]),
                1 => Value::List(vec![item(0), item(1)]),
                _ => Value::List(vec![item(1)]),
            }
        }
    })
}

/// The records that others refer to.
pub(super) const PARENTS: [&str; 2] = ["one", "other"];

/// Values as a user types them: where all begin, one that no rule changes, and what the rules change.
fn raw(field: &Field, side: &SideId, few: bool) -> Vec<Value> {
    let mut odd = odd(field);
    odd.truncate(if few { 1 } else { 2 });
    let begin = plain(&field.kind, side, 0).unwrap_or(Value::Null);
    let mut all = vec![begin];
    // What a side makes of the odd value: users elsewhere may have meant the same.
    let made = odd.iter().flat_map(|value| {
        let sides = field.sides.values();
        sides.map(|on| on.normaliser.apply(value)).filter(move |made| made != value)
    });
    let made: Vec<Value> = made.filter(|made| !made.is_null() && !all.contains(made)).collect();
    all.extend(made.into_iter().take(1));
    all.extend(odd);
    for at in 1..3 {
        if all.len() < 3 {
            all.extend(plain(&field.kind, side, at).filter(|value| !all.contains(value)));
        }
    }
    all
}

/// Values that the field's rules change on one side at least.
fn odd(field: &Field) -> Vec<Value> {
    let rules = field.sides.values().flat_map(|on| &on.normaliser.0);
    let mut pool = vec![Value::text(" b "), Value::text("B"), Value::text("")];
    for rule in rules {
        match rule {
            Rule::Decimal { scale, .. } => {
                let half = Decimal::try_new(5, scale.saturating_add(1)).unwrap_or_default();
                pool.push(Value::decimal(Decimal::ONE + half));
            }
            Rule::MaxLen(most) => {
                pool.push(Value::text("b".repeat(most.saturating_add(1).min(999))));
            }
            Rule::Granularity(step) => {
                pool.push(Value::Instant(
                    86_400_000_i64.saturating_mul(2).saturating_add(step / 2),
                ));
            }
            Rule::Set => pool.push(Value::List(vec![Value::text("b"), Value::text("a")])),
            Rule::Day { .. } => pool.push(Value::Instant(86_400_000 + 1)),
            Rule::Phone { .. } => pool.push(Value::text("0 50-1")),
            Rule::Collapse => pool.push(Value::text("b  b")),
            Rule::LineEnds => pool.push(Value::text("b\r\nb")),
            Rule::Digits => pool.push(Value::text("\u{661}")),
            Rule::EnumMap(words) => pool.extend(words.keys().map(Value::text)),
            Rule::Upper
            | Rule::Trim
            | Rule::CaseFold
            | Rule::EmptyIsNull
            | Rule::DefaultIfMissing(_) => {}
        }
    }
    let changed =
        |value: &Value| field.sides.values().any(|on| on.normaliser.apply(value) != *value);
    let mut odd: Vec<Value> = Vec::new();
    for value in pool {
        if of_type(&field.kind, &value) && changed(&value) && !odd.contains(&value) {
            odd.push(value);
        }
    }
    odd
}

fn of_type(kind: &Type, value: &Value) -> bool {
    match (kind, value) {
        (Type::Text, Value::Text(_))
        | (Type::Decimal, Value::Decimal(_))
        | (Type::Instant, Value::Instant(_))
        | (Type::Any, Value::Text(_) | Value::Decimal(_) | Value::List(_)) => true,
        (
            Type::Text
            | Type::Decimal
            | Type::Bool
            | Type::Date
            | Type::Instant
            | Type::Ref(_)
            | Type::Items(_)
            | Type::Any,
            _,
        ) => false,
    }
}
