//! Normalisers: what a side makes of a value that is written to it.
//!
//! Unicode NFC is no rule here: every text is in that form from the moment it becomes a [`Value`] (L14), on every side.
//! Decoding HTML entities is none either: what decodes once more each time it is written (`&amp;amp;`, `&amp;`, `&`)
//! has no form to rest in, and such a side cannot be kept in balance.

use crate::phone;
use crate::value::Value;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;

/// How a side rounds what does not fit its scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Halves go away from zero, as in most accounting.
    HalfUp,
    /// Halves go to the even digit.
    HalfEven,
    /// Digits beyond the scale are cut.
    Truncate,
}

/// One thing that a side does to a value when it stores it.
///
/// The text of a rule is the word for it in the configuration.
///
/// ```
/// use mizan_core::Rule;
/// assert_eq!(Rule::MaxLen(40).to_string(), "max-length 40");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Keeps `scale` digits after the point.
    Decimal {
        /// Digits after the point.
        scale: u32,
        /// What happens to the rest.
        mode: Rounding,
    },
    /// Cuts white space at both ends of a text.
    Trim,
    /// Makes a text lower case.
    CaseFold,
    /// Keeps the first so many characters of a text.
    MaxLen(usize),
    /// Stores nothing where the text is empty.
    EmptyIsNull,
    /// Cuts a moment to a multiple of so many milliseconds.
    Granularity(i64),
    /// Sorts a list and drops what it holds twice.
    Set,
    /// Makes a text upper case.
    Upper,
    /// Makes every run of white space one space, at the ends too.
    Collapse,
    /// Makes every end of a line a line feed.
    LineEnds,
    /// Writes Arabic-Indic and Persian digits as 0 to 9.
    Digits,
    /// Writes a telephone number as `+`, country and number; the country is the one given where the text names none.
    Phone {
        /// The country's code, digits only.
        country: SmolStr,
    },
    /// Cuts a moment to the beginning of its day.
    Day {
        /// How far the side's clocks are ahead of UTC, in minutes.
        offset_minutes: i32,
    },
    /// Stores something where nothing was sent, or an empty text.
    DefaultIfMissing(Value),
    /// Stores other words for some; words for which it has none stay as they are.
    EnumMap(BTreeMap<SmolStr, SmolStr>),
}

impl Rule {
    fn apply(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Decimal { scale, mode }, Value::Decimal(number)) => {
                Value::decimal(round(*number, *scale, *mode))
            }
            (Self::EmptyIsNull, Value::Text(text)) if text.is_empty() => Value::Null,
            (Self::DefaultIfMissing(default), Value::Null) => default.clone(),
            (Self::DefaultIfMissing(default), Value::Text(text)) if text.is_empty() => {
                default.clone()
            }
            (Self::Set, Value::List(items)) => {
                let mut items = items.clone();
                items.sort();
                items.dedup();
                Value::List(items)
            }
            (rule, Value::Text(text)) => match rule.text(text) {
                Some(text) => Value::text(text),
                None => value.clone(),
            },
            (
                Self::Decimal { .. }
                | Self::Trim
                | Self::CaseFold
                | Self::MaxLen(_)
                | Self::EmptyIsNull
                | Self::Granularity(_)
                | Self::Set
                | Self::Upper
                | Self::Collapse
                | Self::LineEnds
                | Self::Digits
                | Self::Phone { .. }
                | Self::Day { .. }
                | Self::DefaultIfMissing(_)
                | Self::EnumMap(_),
                _,
            ) => value.clone(),
        }
    }

    /// A text as the rule leaves it; `None` where it leaves it alone.
    fn text(&self, text: &str) -> Option<String> {
        match self {
            Self::Trim => Some(text.trim().to_owned()),
            Self::CaseFold => Some(text.to_lowercase()),
            Self::Upper => Some(text.to_uppercase()),
            Self::MaxLen(most) => {
                text.char_indices().nth(*most).map(|(cut, _)| text[..cut].to_owned())
            }
            Self::Collapse => Some(collapsed(text)),
            Self::LineEnds => Some(text.replace("\r\n", "\n").replace('\r', "\n")),
            Self::Digits => Some(ascii_digits(text)),
            Self::Phone { country } => phone::e164(text, country),
            Self::EnumMap(words) => words.get(text).map(ToString::to_string),
            Self::Decimal { .. }
            | Self::EmptyIsNull
            | Self::Granularity(_)
            | Self::Set
            | Self::Day { .. }
            | Self::DefaultIfMissing(_) => None,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { scale, mode: Rounding::HalfUp } => write!(f, "decimal {scale}"),
            Self::Decimal { scale, mode: Rounding::HalfEven } => {
                write!(f, "decimal {scale} half-even")
            }
            Self::Decimal { scale, mode: Rounding::Truncate } => {
                write!(f, "decimal {scale} truncate")
            }
            Self::Trim => f.write_str("trim"),
            Self::CaseFold => f.write_str("lower"),
            Self::MaxLen(most) => write!(f, "max-length {most}"),
            Self::EmptyIsNull => f.write_str("empty-is-nothing"),
            Self::Granularity(step) => write!(f, "step {step}"),
            Self::Set => f.write_str("set"),
            Self::Upper => f.write_str("upper"),
            Self::Collapse => f.write_str("collapse"),
            Self::LineEnds => f.write_str("line-ends"),
            Self::Digits => f.write_str("digits"),
            Self::Phone { country } => write!(f, "phone {country}"),
            Self::Day { offset_minutes } => {
                let sign = if *offset_minutes < 0 { '-' } else { '+' };
                let minutes = offset_minutes.unsigned_abs();
                write!(f, "day {sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Self::DefaultIfMissing(Value::Text(text)) if text.is_empty() => {
                f.write_str("default ''")
            }
            Self::DefaultIfMissing(default) => write!(f, "default {default}"),
            Self::EnumMap(words) => {
                let words: Vec<String> =
                    words.iter().map(|(from, to)| format!("{from} = {to}")).collect();
                write!(f, "words {}", words.join(", "))
            }
        }
    }
}

fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for c in text.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !blank {
            out.push(' ');
        }
        blank = c.is_whitespace();
    }
    out
}

/// Arabic-Indic and Persian digits as 0 to 9.
pub(crate) fn ascii_digits(text: &str) -> String {
    let digit = |c: char| {
        let zero = match c {
            '\u{660}'..='\u{669}' => 0x660,
            '\u{6f0}'..='\u{6f9}' => 0x6f0,
            _ => return c,
        };
        char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
    };
    text.chars().map(digit).collect()
}

/// Rounds exactly; the one place where money may lose a digit, and only by a declared rule (V14).
#[must_use]
pub fn round(number: Decimal, scale: u32, mode: Rounding) -> Decimal {
    let strategy = match mode {
        Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
        Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
        Rounding::Truncate => RoundingStrategy::ToZero,
    };
    number.round_dp_with_strategy(scale, strategy)
}

/// The last multiple of `step` that is not after a moment; the moment itself where there is none.
fn cut(ms: i64, step: i64) -> i64 {
    if step < 1 { ms } else { ms.checked_sub(ms.rem_euclid(step)).unwrap_or(ms) }
}

const DAY_MS: i64 = 86_400_000;

/// The beginning of a moment's day; the moment itself where that is before the beginning of time.
fn day(ms: i64, offset_minutes: i32) -> i64 {
    let offset = i64::from(offset_minutes) * 60_000;
    let begun = |ms: i64| {
        let local = ms.checked_add(offset)?;
        local.checked_sub(local.rem_euclid(DAY_MS))?.checked_sub(offset)
    };
    begun(ms).unwrap_or(ms)
}

/// What a side stores when it is given a value: rules in order, repeated until nothing changes.
///
/// The repetition makes `N(N(v)) = N(v)` hold for any composition (L16): cutting a text can uncover
/// white space that an earlier rule would have trimmed. Rules that undo each other go round in a circle; then
/// the least value of the circle stands for all of it.
///
/// ```
/// use mizan_core::{Normaliser, Rule, Value};
/// let side = Normaliser(vec![Rule::Trim, Rule::MaxLen(4)]);
/// assert_eq!(side.apply(&Value::text(" abc def")), Value::text("abc"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Normaliser(pub Vec<Rule>);

impl Normaliser {
    /// The value as the side will store it.
    #[must_use]
    pub fn apply(&self, value: &Value) -> Value {
        if self.0.is_empty() {
            return value.clone();
        }
        let mut last = value.clone();
        // What has been on the way, only where the first pass did not come to rest.
        let mut passed: Vec<Value> = Vec::new();
        loop {
            let next = self.pass(&last);
            if next == last {
                return last;
            }
            if let Some(at) = passed.iter().position(|seen| *seen == next) {
                let circle = passed.into_iter().skip(at).chain([last]);
                return circle.min().unwrap_or(next);
            }
            passed.push(std::mem::replace(&mut last, next));
        }
    }

    /// Each rule once. It ends: rules shorten, sort, or lead to one of finitely many words and spellings.
    fn pass(&self, value: &Value) -> Value {
        let value = self.0.iter().fold(value.clone(), |value, rule| rule.apply(&value));
        match value {
            Value::Instant(ms) => Value::Instant(self.moment(ms)),
            Value::Null
            | Value::Bool(_)
            | Value::Decimal(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Ref(_) => value,
        }
    }

    /// A moment with everything that cuts it at once: to the day, which is coarser than any step, or to a multiple
    /// of all steps. Cutting by one and then by another would take any number of passes.
    fn moment(&self, ms: i64) -> i64 {
        let days = self.0.iter().rev().find_map(|rule| {
            if let Rule::Day { offset_minutes } = rule { Some(*offset_minutes) } else { None }
        });
        match days {
            Some(offset) => day(ms, offset),
            None => self.common_step().map_or(ms, |step| cut(ms, step)),
        }
    }

    /// The step that all granularities have in common.
    fn common_step(&self) -> Option<i64> {
        let steps = self.0.iter().filter_map(|rule| {
            if let Rule::Granularity(step) = rule {
                Some(*step).filter(|step| *step > 0)
            } else {
                None
            }
        });
        steps.fold(None, |common, step| match common {
            None => Some(step),
            // A common step beyond 64 bits has no multiple but 0 among moments.
            Some(common) => Some((common / gcd(common, step)).saturating_mul(step)),
        })
    }
}

impl fmt::Display for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<String> = self.0.iter().map(|rule| format!("\"{rule}\"")).collect();
        write!(f, "[{}]", rules.join(", "))
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A text as every comparison of keys uses it: trimmed and lower case, so that `A-1 ` finds `a-1`.
#[must_use]
pub fn key_text(value: &Value) -> Option<SmolStr> {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) | Value::Ref(_) => None,
        Value::Text(text) => {
            let text = text.trim().to_lowercase();
            if text.is_empty() { None } else { Some(SmolStr::new(text)) }
        }
        Value::Bool(_) | Value::Decimal(_) | Value::Date(_) | Value::Instant(_) => {
            Some(SmolStr::new(value.to_string()))
        }
    }
}
