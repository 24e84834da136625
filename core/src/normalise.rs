//! Normalisers: what a side makes of a value that is written to it.

use crate::value::Value;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

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
}

impl Rule {
    fn apply(&self, value: &Value) -> Value {
        match (self, value) {
            (Self::Decimal { scale, mode }, Value::Decimal(number)) => {
                Value::decimal(round(*number, *scale, *mode))
            }
            (Self::Trim, Value::Text(text)) => Value::text(text.trim()),
            (Self::CaseFold, Value::Text(text)) => Value::text(text.to_lowercase()),
            (Self::MaxLen(most), Value::Text(text)) => match text.char_indices().nth(*most) {
                Some((cut, _)) => Value::text(&text[..cut]),
                None => value.clone(),
            },
            (Self::EmptyIsNull, Value::Text(text)) if text.is_empty() => Value::Null,
            (Self::Granularity(step), Value::Instant(ms)) => Value::Instant(cut(*ms, *step)),
            (Self::Set, Value::List(items)) => {
                let mut items = items.clone();
                items.sort();
                items.dedup();
                Value::List(items)
            }
            (
                Self::Decimal { .. }
                | Self::Trim
                | Self::CaseFold
                | Self::MaxLen(_)
                | Self::EmptyIsNull
                | Self::Granularity(_)
                | Self::Set,
                _,
            ) => value.clone(),
        }
    }
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

/// What a side stores when it is given a value: rules in order, repeated until nothing changes.
///
/// The repetition makes `N(N(v)) = N(v)` hold for any composition (L16): cutting a text can uncover
/// white space that an earlier rule would have trimmed.
///
/// ```
/// use mizan_core::{Normaliser, Rule, Value};
/// let side = Normaliser(vec![Rule::Trim, Rule::MaxLen(4)]);
/// assert_eq!(side.apply(&Value::text(" abc def")), Value::text("abc"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Normaliser(pub Vec<Rule>);

/// Passes after which a normaliser has come to rest: each rule only ever shortens or sorts. Moments are the
/// exception, and take none.
const PASSES_MAX: usize = 8;

impl Normaliser {
    /// The value as the side will store it.
    #[must_use]
    pub fn apply(&self, value: &Value) -> Value {
        if self.0.is_empty() {
            return value.clone();
        }
        if let Value::Instant(ms) = value {
            return Value::Instant(self.common_step().map_or(*ms, |step| cut(*ms, step)));
        }
        let mut value = value.clone();
        for _ in 0..PASSES_MAX {
            let next = self.0.iter().fold(value.clone(), |value, rule| rule.apply(&value));
            if next == value {
                break;
            }
            value = next;
        }
        value
    }

    /// The step that all granularities have in common. Cutting by one step and then by the other ends at a multiple
    /// of both, but can take any number of passes to get there.
    fn common_step(&self) -> Option<i64> {
        let steps = self.0.iter().filter_map(|rule| match rule {
            Rule::Granularity(step) if *step > 0 => Some(*step),
            Rule::Granularity(_)
            | Rule::Decimal { .. }
            | Rule::Trim
            | Rule::CaseFold
            | Rule::MaxLen(_)
            | Rule::EmptyIsNull
            | Rule::Set => None,
        });
        steps.fold(None, |common, step| match common {
            None => Some(step),
            // A common step beyond 64 bits has no multiple but 0 among moments.
            Some(common) => Some((common / gcd(common, step)).saturating_mul(step)),
        })
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
