//! Suggestions: which rules would explain what a side made of values.

use crate::normalise::{Normaliser, Rounding, Rule};
use crate::value::Value;
use smol_str::SmolStr;

/// Rules that are tried together; more than three at once nobody would believe.
const TOGETHER_MAX: usize = 3;

/// Candidates that are combined; the rarer ones are tried alone only.
const COMBINED_MAX: usize = 14;

/// The simplest normaliser that makes of each value sent the value that was stored.
///
/// Only ever a suggestion: one example has many explanations. What is returned explains all of them, and nothing is
/// returned where nothing simple does.
///
/// ```
/// use mizan_core::{suggest::suggest, Value};
/// let sent = Value::text(" Coffee ");
/// let rules = suggest(&[(&sent, &Value::text("Coffee"))]).unwrap();
/// assert_eq!(rules.to_string(), "[\"trim\"]");
/// ```
#[must_use]
pub fn suggest(examples: &[(&Value, &Value)]) -> Option<Normaliser> {
    if examples.iter().all(|(sent, stored)| sent == stored) {
        return None;
    }
    let mut candidates: Vec<Rule> = Vec::new();
    for (sent, stored) in examples {
        for rule in rules_for(sent, stored) {
            if !candidates.contains(&rule) {
                candidates.push(rule);
            }
        }
    }
    let explains = |rules: &[Rule]| {
        let side = Normaliser(rules.to_vec());
        examples.iter().all(|(sent, stored)| side.apply(sent) == **stored)
    };
    if let Some(rule) = candidates.iter().find(|rule| explains(std::slice::from_ref(*rule))) {
        return Some(Normaliser(vec![rule.clone()]));
    }
    candidates.truncate(COMBINED_MAX);
    (2..=TOGETHER_MAX)
        .find_map(|size| combined(&candidates, size, &mut Vec::new(), &explains))
        .map(Normaliser)
}

/// The first combination of `size` candidates, in their order, that explains everything.
fn combined(
    candidates: &[Rule],
    size: usize,
    chosen: &mut Vec<Rule>,
    explains: &dyn Fn(&[Rule]) -> bool,
) -> Option<Vec<Rule>> {
    if chosen.len() == size {
        return explains(chosen).then(|| chosen.clone());
    }
    for (at, rule) in candidates.iter().enumerate() {
        chosen.push(rule.clone());
        let found = combined(&candidates[at + 1..], size, chosen, explains);
        if found.is_some() {
            return found;
        }
        chosen.pop();
    }
    None
}

/// Rules that could have had a part in it, the likeliest first.
fn rules_for(sent: &Value, stored: &Value) -> Vec<Rule> {
    if let (Value::Text(sent), Value::Text(stored)) = (sent, stored) {
        text_rules(sent, stored)
    } else if let (Value::Text(_), Value::Null) = (sent, stored) {
        vec![Rule::EmptyIsNull, Rule::Trim, Rule::Collapse]
    } else if let (Value::Decimal(sent), Value::Decimal(stored)) = (sent, stored) {
        decimal_rules(sent.scale(), stored.scale())
    } else if let (Value::Instant(_), Value::Instant(stored)) = (sent, stored) {
        moment_rules(*stored)
    } else if let (Value::List(_), Value::List(_)) = (sent, stored) {
        vec![Rule::Set]
    } else if sent.is_null() && !stored.is_null() {
        vec![Rule::DefaultIfMissing(stored.clone())]
    } else {
        Vec::new()
    }
}

fn text_rules(sent: &str, stored: &str) -> Vec<Rule> {
    if sent.is_empty() && !stored.is_empty() {
        return vec![Rule::DefaultIfMissing(Value::text(stored))];
    }
    let mut rules =
        vec![Rule::Trim, Rule::CaseFold, Rule::Upper, Rule::Collapse, Rule::LineEnds, Rule::Digits];
    let (before, after) = (sent.chars().count(), stored.chars().count());
    if after < before {
        rules.push(Rule::MaxLen(after));
        // The cut may have left white space at the end, which was trimmed afterwards.
        rules.push(Rule::MaxLen(after + 1));
    }
    if let Some(digits) = stored.strip_prefix('+') {
        for length in 1..=3 {
            if let Some(country) = digits.get(..length) {
                rules.push(Rule::Phone { country: SmolStr::new(country) });
            }
        }
    }
    rules
}

/// The finest scale first: it claims the least.
fn decimal_rules(sent: u32, stored: u32) -> Vec<Rule> {
    let mut rules = Vec::new();
    for scale in (stored..sent.max(stored + 1)).rev() {
        for mode in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Truncate] {
            rules.push(Rule::Decimal { scale, mode });
        }
    }
    rules
}

const STEPS_MS: [i64; 6] = [10, 100, 1_000, 60_000, 3_600_000, 86_400_000];

/// The finest step that fits; then days by the zones that exist, in quarters of an hour.
fn moment_rules(stored: i64) -> Vec<Rule> {
    let steps = STEPS_MS.into_iter().filter(|step| stored.rem_euclid(*step) == 0);
    let mut rules: Vec<Rule> = steps.map(Rule::Granularity).collect();
    let zones = (-12 * 4..=14 * 4).map(|quarters| quarters * 15);
    let begins = |offset: &i32| {
        (stored.rem_euclid(86_400_000) + i64::from(*offset) * 60_000).rem_euclid(86_400_000) == 0
    };
    rules.extend(zones.filter(begins).map(|offset_minutes| Rule::Day { offset_minutes }));
    rules
}
