//! The server's clock: the machine's, shifted by a skew, shown in whole seconds of Riyadh.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeZone, Utc};
use std::time::SystemTime;

const RIYADH_SECONDS: i32 = 3 * 3600;

/// Milliseconds since 1970 by a clock that is so many seconds ahead.
pub(crate) fn now_ms(skew_seconds: i64) -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis())
        .unwrap_or(0)
        .saturating_add(skew_seconds.saturating_mul(1000))
}

/// A moment as records show it.
pub(crate) fn stamp(ms: i64) -> String {
    riyadh(ms).map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M:%S.000%:z").to_string())
}

/// A moment's date in Riyadh.
pub(crate) fn date(ms: i64) -> String {
    riyadh(ms).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

/// A moment as the header `Date` shows it.
pub(crate) fn http_date(ms: i64) -> String {
    let at: Option<DateTime<Utc>> = DateTime::from_timestamp_millis(ms);
    at.map_or_else(String::new, |at| at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

fn riyadh(ms: i64) -> Option<DateTime<FixedOffset>> {
    FixedOffset::east_opt(RIYADH_SECONDS)?.timestamp_millis_opt(ms).single()
}

/// A moment in a filter or a record: with an offset, or in Riyadh's time, or a date alone.
pub(crate) fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at);
    }
    let zone = FixedOffset::east_opt(RIYADH_SECONDS)?;
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| parse_date(text)?.and_hms_opt(0, 0, 0))?;
    zone.from_local_datetime(&naive).single()
}

/// A date, and nothing else.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}
