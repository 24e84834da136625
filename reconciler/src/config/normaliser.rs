//! The `normalise` setting: what a side makes of the values that are written to it, in words.

use super::document::{ConfigError, Node, suggestion};
use mizan_core::lens::parse_decimal;
use mizan_core::{Normaliser, Rounding, Rule, Type, Value};
use std::collections::BTreeMap;

const WORDS: &[&str] = &[
    "trim",
    "collapse",
    "lower",
    "upper",
    "digits",
    "line-ends",
    "empty-is-nothing",
    "set",
    "max-length N",
    "decimal N",
    "step N",
    "day +HH:MM",
    "phone COUNTRY",
    "default VALUE",
    "words THEIRS = OURS",
];

pub(super) fn read_normaliser(node: &Node) -> Result<Normaliser, ConfigError> {
    let mut rules = Vec::new();
    for text in node.texts()? {
        let rule = read_rule(text).map_err(|why| match why {
            Some(why) => node.error(format!("\"{text}\": {why}")),
            None => node.error(format!("\"{text}\"{}", suggestion(text, WORDS))),
        })?;
        rules.push(rule);
    }
    match quarrel(&rules) {
        Some(why) => Err(node.error(why)),
        None => Ok(Normaliser(rules)),
    }
}

/// A rule by its word; `None` in the error where the word is not known.
fn read_rule(text: &str) -> Result<Rule, Option<String>> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    let number = rest.parse::<u32>().ok();
    Ok(match (word, rest, number) {
        ("trim", "", _) => Rule::Trim,
        ("collapse", "", _) => Rule::Collapse,
        ("lower", "", _) => Rule::CaseFold,
        ("upper", "", _) => Rule::Upper,
        ("digits", "", _) => Rule::Digits,
        ("line-ends", "", _) => Rule::LineEnds,
        ("empty-is-nothing", "", _) => Rule::EmptyIsNull,
        ("set", "", _) => Rule::Set,
        ("max-length", _, Some(most)) => Rule::MaxLen(most as usize),
        ("decimal", _, _) => read_decimal(rest)?,
        ("step", _, Some(ms)) if ms > 0 => Rule::Granularity(i64::from(ms)),
        ("day", _, _) => Rule::Day { offset_minutes: read_offset(rest)? },
        ("phone", _, _) => read_phone(rest)?,
        ("default", "''", _) => Rule::DefaultIfMissing(Value::text("")),
        ("default", _, _) if !rest.is_empty() => Rule::DefaultIfMissing(Value::text(rest)),
        ("words", _, _) => read_words(rest)?,
        _ => return Err(None),
    })
}

fn read_decimal(rest: &str) -> Result<Rule, Option<String>> {
    let (scale, mode) = rest.split_once(' ').unwrap_or((rest, "half-up"));
    let mode = match mode.trim() {
        "half-up" => Rounding::HalfUp,
        "half-even" => Rounding::HalfEven,
        "truncate" => Rounding::Truncate,
        _ => {
            return Err(Some("the rounding is half-up, half-even or truncate".to_owned()));
        }
    };
    match scale.parse::<u32>() {
        Ok(scale) if scale <= 28 => Ok(Rule::Decimal { scale, mode }),
        Ok(_) => Err(Some("at most 28 digits after the point are possible".to_owned())),
        Err(_) => Err(None),
    }
}

fn read_offset(rest: &str) -> Result<i32, Option<String>> {
    let wrong = || Some("say how far its clocks are ahead of UTC, as in \"day +03:00\"".to_owned());
    let (sign, clock) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
        (Some(clock), _) => (1, clock),
        (None, Some(clock)) => (-1, clock),
        (None, None) => return Err(wrong()),
    };
    let (hours, minutes) = clock.split_once(':').ok_or_else(wrong)?;
    match (hours.parse::<i32>(), minutes.parse::<i32>()) {
        (Ok(hours @ 0..=14), Ok(minutes @ 0..=59)) => Ok(sign * (hours * 60 + minutes)),
        _ => Err(wrong()),
    }
}

fn read_phone(rest: &str) -> Result<Rule, Option<String>> {
    let country = rest.strip_prefix('+').unwrap_or(rest);
    let plain = (1..=3).contains(&country.len()) && country.bytes().all(|b| b.is_ascii_digit());
    if plain && !country.starts_with('0') {
        return Ok(Rule::Phone { country: country.into() });
    }
    Err(Some("give the country's code, as in \"phone 966\"".to_owned()))
}

fn read_words(rest: &str) -> Result<Rule, Option<String>> {
    let mut words = BTreeMap::new();
    for pair in rest.split(',') {
        let (from, to) = pair
            .split_once('=')
            .map(|(from, to)| (from.trim(), to.trim()))
            .filter(|(from, to)| !from.is_empty() && !to.is_empty())
            .ok_or_else(|| {
                Some("write pairs, as in \"words Aktiv = active, Aus = off\"".to_owned())
            })?;
        // Both as they are compared: in Unicode NFC.
        let (Value::Text(from), Value::Text(to)) = (Value::text(from), Value::text(to)) else {
            continue;
        };
        if words.insert(from.clone(), to).is_some() {
            return Err(Some(format!("`{from}` is there twice")));
        }
    }
    let again = words.iter().find(|(from, to)| *from != *to && words.contains_key(*to));
    if let Some((from, to)) = again {
        return Err(Some(format!(
            "`{from}` becomes `{to}`, which becomes something else again; name the last word at once"
        )));
    }
    Ok(Rule::EnumMap(words))
}

/// Why rules cannot stand together: each undoes what the other does, and no value would ever be settled.
fn quarrel(rules: &[Rule]) -> Option<String> {
    let has = |wanted: fn(&Rule) -> bool| rules.iter().filter(|rule| wanted(rule)).count();
    let lower = has(|rule| matches!(rule, Rule::CaseFold));
    let upper = has(|rule| matches!(rule, Rule::Upper));
    let days = has(|rule| matches!(rule, Rule::Day { .. }));
    let steps = has(|rule| matches!(rule, Rule::Granularity(_)));
    let empties = has(|rule| matches!(rule, Rule::EmptyIsNull));
    let defaults = has(|rule| matches!(rule, Rule::DefaultIfMissing(_)));
    let phones = has(|rule| matches!(rule, Rule::Phone { .. }));
    let decimals = has(|rule| matches!(rule, Rule::Decimal { .. }));
    let pairs = [
        (lower > 0 && upper > 0, "\"lower\" and \"upper\" undo each other"),
        (days > 0 && steps > 0, "a \"day\" is coarser than any \"step\""),
        (empties > 0 && defaults > 0, "\"default\" leaves nothing empty for \"empty-is-nothing\""),
        (days > 1, "a moment is cut to the days of one zone only"),
        (defaults > 1, "there can be one \"default\" only"),
        (phones > 1, "there can be one \"phone\" only"),
        (decimals > 1, "a decimal is rounded once only"),
    ];
    let why = pairs.into_iter().find_map(|(quarrels, why)| quarrels.then_some(why))?;
    Some(format!("{why}; keep one"))
}

/// Reads defaults as values of the field's type.
pub(super) fn type_defaults(
    node: &Node,
    normaliser: &mut Normaliser,
    kind: &Type,
) -> Result<(), ConfigError> {
    for rule in &mut normaliser.0 {
        let Rule::DefaultIfMissing(default) = rule else { continue };
        let text = default.to_string();
        let typed = match kind {
            Type::Text | Type::Any => Some(Value::text(&text)),
            Type::Decimal => parse_decimal(&text).map(Value::decimal),
            Type::Bool => text.parse().ok().map(Value::Bool),
            Type::Date => text.parse().ok().map(Value::Date),
            Type::Instant => chrono::DateTime::parse_from_rfc3339(&text)
                .ok()
                .map(|at| Value::Instant(at.timestamp_millis())),
            Type::Ref(_) | Type::Items(_) => None,
        };
        let Some(typed) = typed else {
            return Err(
                node.error(format!("\"default {text}\" is not a value of this field's type"))
            );
        };
        *default = typed;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_read_back_from_its_own_words() {
        for text in [
            "trim",
            "collapse",
            "lower",
            "upper",
            "digits",
            "line-ends",
            "empty-is-nothing",
            "set",
            "max-length 40",
            "decimal 2",
            "decimal 3 half-even",
            "decimal 0 truncate",
            "step 1000",
            "day +03:00",
            "day -09:30",
            "phone 966",
            "default none",
            "default ''",
            "words Aktiv = active, Aus = off",
        ] {
            let rule = read_rule(text).unwrap_or_else(|why| panic!("{text}: {why:?}"));
            assert_eq!(rule.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "trimm",
            "trim 3",
            "max-length",
            "max-length many",
            "decimal 29",
            "decimal 2 up",
            "step 0",
            "day 3",
            "day +3",
            "day +15:00",
            "phone 0",
            "phone saudi",
            "default",
            "words",
            "words a",
            "words a = b, a = c",
            "words a = b, b = c",
            "words a = b, b = a",
        ] {
            assert!(read_rule(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rules_that_fight_are_refused() {
        for (first, second, fight) in [
            ("lower", "upper", true),
            ("day +03:00", "step 1000", true),
            ("day +03:00", "day +01:00", true),
            ("empty-is-nothing", "default x", true),
            ("default x", "default y", true),
            ("phone 966", "phone 1", true),
            ("decimal 2", "decimal 3", true),
            ("trim", "lower", false),
            ("trim", "trim", false),
            ("empty-is-nothing", "trim", false),
            ("max-length 4", "max-length 8", false),
        ] {
            let rules = [read_rule(first).unwrap(), read_rule(second).unwrap()];
            assert_eq!(quarrel(&rules).is_some(), fight, "{first}, {second}");
        }
    }
}
