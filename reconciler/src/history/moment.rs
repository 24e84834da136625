//! Moments: a position of the log, or a time.

use super::HistoryError;
use crate::engine::Journal;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use mizan_core::{Seq, Timestamp};

/// A position of the log, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After this event; 0 is before the first.
    Position(Seq),
    /// After the last event that was appended at or before this time.
    Time(Timestamp),
}

/// The text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no moment: write a position (1234), a time in UTC (2026-11-25T14:30:00Z, 2026-11-25 14:30), a day \
     (2026-11-25), how long ago (90s, 15m, 2h, 3d) or now"
)]
pub struct BadMoment(pub String);

impl Moment {
    /// Reads what a person types; `now` is what "2h" ago counts from.
    ///
    /// ```
    /// use mizan::core::{Seq, Timestamp};
    /// use mizan::history::Moment;
    ///
    /// let now = Timestamp(1_800_000_000_000);
    /// assert_eq!(Moment::parse("1234", now)?, Moment::Position(Seq(1234)));
    /// assert_eq!(Moment::parse("2h", now)?, Moment::Time(Timestamp(now.0 - 7_200_000)));
    /// assert_eq!(Moment::parse("1970-01-02", now)?, Moment::Time(Timestamp(86_400_000)));
    /// assert!(Moment::parse("yesterday", now).is_err());
    /// # Ok::<(), mizan::history::BadMoment>(())
    /// ```
    ///
    /// # Errors
    /// When it is neither a position nor a time.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, BadMoment> {
        let bad = || BadMoment(text.to_owned());
        if text == "now" {
            return Ok(Self::Time(now));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return text.parse().map(|at| Self::Position(Seq(at))).map_err(|_| bad());
        }
        if let Some(ago) = ago(text) {
            return Ok(Self::Time(Timestamp(now.0.saturating_sub(ago))));
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Time(Timestamp(at.timestamp_millis())));
        }
        let formats =
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
        let at = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let day = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN));
        let at = at.or_else(day).ok_or_else(bad)?;
        Ok(Self::Time(Timestamp(at.and_utc().timestamp_millis())))
    }

    /// The position that is meant.
    ///
    /// # Errors
    /// When it lies beyond the log, or the log cannot be read.
    pub fn position(&self, journal: &Journal) -> Result<Seq, HistoryError> {
        match self {
            Self::Position(at) if *at > journal.head() => {
                Err(HistoryError::Beyond { at: *at, head: journal.head() })
            }
            Self::Position(at) => Ok(*at),
            Self::Time(at) => Ok(journal.with_index(|index| index.position_at(journal, *at))??),
        }
    }
}

/// Milliseconds of `90s`, `15m`, `2h` or `3d`.
fn ago(text: &str) -> Option<i64> {
    let unit = match text.chars().next_back()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u32>().ok().and_then(|count| i64::from(count).checked_mul(unit))
}
