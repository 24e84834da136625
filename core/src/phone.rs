//! Telephone numbers in the one form that all systems can be brought to: E.164.
//!
//! Only the spelling is changed; whether a number exists is not our business. Libraries that know it carry the
//! numbering plans of all countries, which change every few weeks and would change decisions of the past with them.

use crate::normalise::ascii_digits;

/// Digits that a whole number with its country has at most, by E.164.
const DIGITS_MAX: usize = 15;

/// Fewer digits than these are an extension or a short number, and stay as they are.
const DIGITS_MIN: usize = 7;

/// A text as `+`, country and number; `None` where it does not look like a telephone number.
pub(crate) fn e164(text: &str, country: &str) -> Option<String> {
    let text = ascii_digits(text.trim());
    let plain: String = text.chars().filter(|c| !is_divider(*c)).collect();
    let (international, digits) = match plain.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => match plain.strip_prefix("00") {
            Some(rest) => (true, rest),
            None => (false, plain.as_str()),
        },
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let national = digits.strip_prefix('0').unwrap_or(digits);
    // Long enough to be a whole number behind the country's code: the plus was left out.
    let named = digits
        .strip_prefix(country)
        .is_some_and(|rest| rest.len() > DIGITS_MIN && digits.len() > national_max(country));
    let whole =
        if international || named { format!("+{digits}") } else { format!("+{country}{national}") };
    let length = whole.len() - 1;
    (DIGITS_MIN..=DIGITS_MAX).contains(&length).then_some(whole)
}

/// Digits of a national number, the leading zero not counted: beyond them the country must be part of it.
fn national_max(country: &str) -> usize {
    match country.len() {
        0 | 1 => 10,
        2 => 11,
        _ => 9,
    }
}

fn is_divider(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '(' | ')' | '.' | '/' | '\u{2010}'..='\u{2015}')
}
