//! Steps and values in words.

use super::scope::Scope;
use super::values::Values;
use super::world::Act;
use crate::id::SideId;
use crate::value::Value;

/// A value, quoted where white space would not show.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Text(text) if text.chars().count() > 40 => {
            format!("a text of {} characters", text.chars().count())
        }
        Value::Text(text) => format!("\"{text}\""),
        Value::Null
        | Value::Bool(_)
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Ref(_) => value.to_string(),
    }
}

/// What happens in a step.
pub(super) fn step(scope: &Scope, act: &Act) -> String {
    match act {
        Act::Write { side, bit, value, later } => {
            let when = if *later { ", clearly later" } else { "" };
            format!("{side}: a user {}{when}", written(scope, side, *bit, *value))
        }
        Act::Clear { side, bit } => {
            format!("{side}: a user empties `{}`", scope.spec(*bit).name)
        }
        Act::Create { side, value: None } => {
            format!("{side}: a user makes the record, without {}", scope.field)
        }
        Act::Create { side, value: Some(at) } => {
            let held = scope.fields.iter().filter_map(|bit| {
                match scope.values.get(&(*bit, side.clone()))? {
                    Values::Plain(values) => values.get(*at).or(values.last()).map(value),
                    other => Some(value(&other.start())),
                }
            });
            let held: Vec<String> = held.collect();
            format!("{side}: a user makes the record, with {} {}", scope.field, held.join(" and "))
        }
        Act::Delete { side } => format!("{side}: a user deletes the record"),
        Act::Round => "sync".to_owned(),
        Act::Slip { side, bit, value } => format!(
            "sync, and just before it writes to {side} a user there {}",
            written(scope, side, *bit, *value)
        ),
    }
}

fn written(scope: &Scope, side: &SideId, bit: usize, at: usize) -> String {
    let name = &scope.spec(bit).name;
    match scope.values.get(&(bit, side.clone())) {
        Some(Values::Plain(values)) => {
            let new = values.get(at).map_or_else(String::new, value);
            format!("sets `{name}` to {new}")
        }
        Some(Values::Moves(_, moves)) => {
            let by = moves.get(at).map_or_else(String::new, ToString::to_string);
            format!("moves `{name}` by {by}")
        }
        Some(Values::Members(members)) => {
            let member = members.get(at).map_or_else(String::new, value);
            format!("puts {member} into `{name}`, or takes it out")
        }
        None => format!("edits `{name}`"),
    }
}
