//! Computed columns: exact division, rounded once.

use super::options::Computed;
use mizan_core::lens::parse_decimal;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

/// The value of a computed column; the error names columns, never contents.
pub(super) fn compute(computed: &Computed, native: &Map<String, Json>) -> Result<Decimal, String> {
    let [above, below] = &computed.divide;
    let number = |column: &String| {
        let text = native.get(column).and_then(Json::as_str).unwrap_or_default();
        parse_decimal(text).ok_or_else(|| format!("`{column}` is not a decimal number"))
    };
    let (above, below) = (number(above)?, number(below)?);
    if below.is_zero() {
        return Err(format!("`{}` is zero", computed.divide[1]));
    }
    let quotient = divide(above, below, computed.scale);
    quotient.map(|number| number.normalize()).ok_or_else(|| "it has too many digits".to_owned())
}

/// `above / below` with `scale` digits after the point; halves go away from zero.
///
/// It is a division of integers, so that nothing is rounded before the last digit.
fn divide(above: Decimal, below: Decimal, scale: u32) -> Option<Decimal> {
    let shift = i64::from(scale) + i64::from(below.scale()) - i64::from(above.scale());
    let power = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
    let (mut above, mut below) = (above.mantissa(), below.mantissa());
    if shift >= 0 {
        above = above.checked_mul(power)?;
    } else {
        below = below.checked_mul(power)?;
    }
    let (whole, rest) = (above / below, above % below);
    let half = rest.unsigned_abs().checked_mul(2)? >= below.unsigned_abs();
    let away = if (above < 0) == (below < 0) { 1 } else { -1 };
    let digits = if half { whole + away } else { whole };
    Decimal::try_from_i128_with_scale(digits, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::divide;
    use rust_decimal::Decimal;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn halves_go_away_from_zero_and_nothing_is_rounded_twice() {
        let cases = [
            ("261.96", "2", 10, "130.9800000000"),
            ("1", "3", 4, "0.3333"),
            ("2", "3", 4, "0.6667"),
            ("1", "8", 2, "0.13"),
            ("-1", "8", 2, "-0.13"),
            ("1", "-8", 2, "-0.13"),
            ("0.124999999999999999999999999", "1", 2, "0.12"),
            ("5", "1000", 2, "0.01"),
            ("0", "7", 2, "0.00"),
        ];
        for (above, below, scale, wanted) in cases {
            let got = divide(number(above), number(below), scale);
            assert_eq!(got, Some(number(wanted)), "{above} / {below}");
        }
        assert_eq!(divide(number("79228162514264337593543950335"), number("0.1"), 20), None);
    }
}
