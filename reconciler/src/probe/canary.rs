//! Canaries: values that nobody takes for real ones, and that bring out what a side does to values.

use mizan_core::lens::parse_decimal;
use mizan_core::{Entity, Ext, Field, Meaning, Name, SideId, Type, Value};
use std::collections::BTreeMap;

/// What a value is to bring out, and the value.
pub(super) type Trial = (&'static str, Value);

/// What a text field holds, guessed from its name: a wrong guess costs a refusal and no more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Anything,
    Email,
    Phone,
    Address,
}

fn holds(field: &str) -> Holds {
    let has = |words: &[&str]| words.iter().any(|word| field.contains(word));
    if has(&["mail"]) {
        Holds::Email
    } else if has(&["phone", "mobile", "fax"]) {
        Holds::Phone
    } else if has(&["url", "website", "link"]) {
        Holds::Address
    } else {
        Holds::Anything
    }
}

fn decimal(text: &str) -> Value {
    parse_decimal(text).map_or(Value::Null, Value::decimal)
}

/// Noon and a bit, so that seconds, milliseconds and the day can all be seen to be cut.
fn moment(day: chrono::NaiveDate) -> Value {
    let at = day.and_hms_milli_opt(12, 34, 56, 789);
    at.map_or(Value::Null, |at| Value::Instant(at.and_utc().timestamp_millis()))
}

/// A row of each entity that is referred to, on the side that is probed.
pub(super) type Parents = BTreeMap<Name, Option<Ext>>;

/// What the canary has in a field when it is created, or why it has nothing there.
pub(super) fn created(
    entity: &Entity,
    field: &Field,
    side: &SideId,
    token: &str,
    today: chrono::NaiveDate,
    parents: &Parents,
) -> Result<Trial, String> {
    if field.meaning == Meaning::Counter && field.owner.is_none() {
        return Err("a counter: its movements are not a canary's business".to_owned());
    }
    let key = entity.key.contains(&field.name);
    let value = first(&field.kind, &field.name, token, today, side, parents)?;
    Ok(match (value, key) {
        (Value::Text(_), true) => ("the key", Value::text(format!("Mizan-Canary-{token}"))),
        (Value::Decimal(_), true) => ("the key", decimal(token)),
        (value, _) => ("plain", value),
    })
}

fn first(
    kind: &Type,
    name: &str,
    token: &str,
    today: chrono::NaiveDate,
    side: &SideId,
    parents: &Parents,
) -> Result<Value, String> {
    Ok(match kind {
        Type::Text => Value::text(match holds(name) {
            Holds::Anything => format!("mizan-canary-{token} {name}"),
            Holds::Email => format!("mizan-canary-{token}@example.com"),
            Holds::Phone => format!("+9665{token}00"),
            Holds::Address => format!("https://example.com/mizan-canary-{token}"),
        }),
        Type::Decimal => decimal("12.5"),
        Type::Bool => Value::Bool(true),
        Type::Date => Value::Date(today),
        Type::Instant => moment(today),
        Type::Ref(target) => match parents.get(target) {
            Some(Some(ext)) => Value::row_ref(target, side, ext.clone()),
            Some(None) | None => return Err(format!("no {target} is there to refer to")),
        },
        Type::Items(items) => {
            let mut item = BTreeMap::new();
            for part in items {
                let value = first(&part.kind, &part.name, token, today, side, parents)?;
                item.insert(part.name.clone(), value);
            }
            Value::List(vec![Value::Map(item)])
        }
        Type::Any => {
            return Err("its type is \"any\", and nothing is known of its shape".to_owned());
        }
    })
}

/// The values that a field is changed to, one after the other; none where it may not be changed.
pub(super) fn edits(entity: &Entity, field: &Field, side: &SideId, token: &str) -> Vec<Trial> {
    let fixed = entity.key.contains(&field.name)
        || !field.writable_on(side, false)
        || field.meaning != Meaning::Value;
    if fixed {
        return Vec::new();
    }
    match &field.kind {
        Type::Text => texts(holds(&field.name), token),
        // Halves at each place tell the ways of rounding apart; no two neighbours become equal by rounding.
        Type::Decimal => {
            let values = [
                ("3 digits, a half", "10.125"),
                ("a half", "2.5"),
                ("2 digits, a half", "10.25"),
                ("4 digits, a half", "0.0005"),
                ("4 digits", "10.1297"),
                ("large", "1234567.891"),
            ];
            let values = values.into_iter().map(|(about, text)| (about, decimal(text)));
            values.chain([("nothing", Value::Null)]).collect()
        }
        Type::Bool => vec![("false", Value::Bool(false)), ("nothing", Value::Null)],
        Type::Date | Type::Instant => vec![("nothing", Value::Null)],
        Type::Ref(_) | Type::Items(_) | Type::Any => Vec::new(),
    }
}

fn texts(holds: Holds, token: &str) -> Vec<Trial> {
    let name = format!("mizan-canary-{token}");
    let empty = [("an empty text", Value::text("")), ("nothing", Value::Null)];
    let trials = match holds {
        Holds::Anything => vec![
            ("white space", format!("  {name}  two   words ")),
            ("upper and lower case", format!("{name} Äb CDE fgh")),
            ("Arabic digits", format!("{name} ٠١٢٣٤٥٦٧٨٩")),
            ("line ends", format!("{name}\r\nsecond line")),
            ("markup", format!("{name} <b>A & B</b> \"C\" &amp; D")),
            ("300 characters", long(&name)),
        ],
        Holds::Email => vec![
            ("upper and lower case", format!("Mizan-Canary-{token}@Example.COM")),
            ("white space", format!(" {name}@example.com ")),
        ],
        Holds::Phone => vec![
            ("local, with blanks", format!("05{} {}00", &token[..1], &token[1..])),
            ("Arabic digits", "٠٥٠١٢٣٤٥٦٧".to_owned()),
        ],
        Holds::Address => {
            vec![("upper and lower case", format!("https://Example.com/Mizan-Canary-{token}"))]
        }
    };
    let trials = trials.into_iter().map(|(about, text)| (about, Value::text(text)));
    trials.chain(empty).collect()
}

/// 300 characters, none of them white space at the places where sides like to cut.
fn long(name: &str) -> String {
    let mut text = format!("{name} ");
    while text.chars().count() < 300 {
        text.push_str("abcdefghi-");
    }
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_core::{Normaliser, Rounding, Rule, suggest::suggest};

    fn suggested(values: &[Trial], rules: Vec<Rule>) -> Option<Normaliser> {
        let side = Normaliser(rules);
        let stored: Vec<Value> = values.iter().map(|(_, value)| side.apply(value)).collect();
        let examples: Vec<_> = values.iter().map(|(_, value)| value).zip(&stored).collect();
        suggest(&examples)
    }

    #[test]
    fn the_texts_bring_out_each_rule_and_tell_it_from_all_others() {
        let values = texts(Holds::Anything, "123456");
        for rule in [
            Rule::Trim,
            Rule::Collapse,
            Rule::CaseFold,
            Rule::Upper,
            Rule::Digits,
            Rule::LineEnds,
            Rule::MaxLen(40),
            Rule::MaxLen(255),
            Rule::EmptyIsNull,
            Rule::DefaultIfMissing(Value::text("none")),
        ] {
            assert_eq!(suggested(&values, vec![rule.clone()]), Some(Normaliser(vec![rule])));
        }
    }

    #[test]
    fn the_decimals_tell_ways_of_rounding_apart() {
        let field = Field {
            sides: BTreeMap::from([(
                SideId::new("s"),
                mizan_core::FieldOnSide { writable: true, ..Default::default() },
            )]),
            ..Field::new("price", Type::Decimal)
        };
        let entity = Entity {
            name: Name::new("product"),
            fields: vec![field.clone()],
            key: Vec::new(),
            sides: BTreeMap::new(),
            on_delete: mizan_core::DeletePolicy::EditWins,
            copies: None,
        };
        let values = edits(&entity, &field, &SideId::new("s"), "123456");
        for scale in 0..4 {
            for mode in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Truncate] {
                let rule = Rule::Decimal { scale, mode };
                let side = Normaliser(vec![rule.clone()]);
                assert_eq!(suggested(&values, vec![rule]), Some(side.clone()));
                let stored: Vec<Value> = values.iter().map(|(_, v)| side.apply(v)).collect();
                assert!(stored.windows(2).all(|two| two[0] != two[1]), "{stored:?}");
            }
        }
    }
}
