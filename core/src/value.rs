//! Canonical typed values: the one spelling that everything is compared, hashed and logged in.

use crate::id::{Ext, Name, RecordId, SideId};
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A value in canonical form: exact, typed, with one representation for each content (L14).
///
/// Decimals carry no trailing zeros and no negative zero, texts are in Unicode NFC, maps are sorted.
/// Build texts and decimals by [`Value::text`] and [`Value::decimal`], which see to that.
///
/// ```
/// use mizan_core::Value;
/// assert_eq!(Value::decimal("1.50".parse().unwrap()), Value::decimal("1.5".parse().unwrap()));
/// assert_eq!(Value::text("e\u{301}"), Value::text("\u{e9}"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The side holds the field, and holds nothing in it.
    Null,
    /// True or false.
    Bool(bool),
    /// An exact decimal of up to 28 digits.
    Decimal(Decimal),
    /// A text in NFC.
    Text(SmolStr),
    /// A calendar day without a zone.
    Date(NaiveDate),
    /// A moment, in milliseconds since the epoch (UTC).
    Instant(i64),
    /// Values in their order.
    List(Vec<Value>),
    /// Values by name.
    Map(BTreeMap<Name, Value>),
    /// A reference to another record.
    Ref(Box<Ref>),
}

/// A reference: to a record of this log, or to a row that has not been seen yet (LAWS 1.7 g, T1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ref {
    /// The entity of the record that is meant.
    pub entity: Name,
    /// Which record.
    pub to: RefTo,
}

/// The target of a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefTo {
    /// A record of this log.
    Record(RecordId),
    /// A row by the id that `side` gives it; resolved through the aliases each time it is needed.
    Row {
        /// The side whose id it is.
        side: SideId,
        /// The id.
        ext: Ext,
    },
}

impl Value {
    /// A text, brought to NFC.
    pub fn text(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        if is_nfc(text) { Self::Text(SmolStr::new(text)) } else { Self::Text(text.nfc().collect()) }
    }

    /// A decimal without trailing zeros or negative zero.
    #[must_use]
    pub fn decimal(number: Decimal) -> Self {
        Self::Decimal(number.normalize())
    }

    /// A reference to the row `ext` of `entity` on `side`.
    #[must_use]
    pub fn row_ref(entity: &Name, side: &SideId, ext: Ext) -> Self {
        let to = RefTo::Row { side: side.clone(), ext };
        Self::Ref(Box::new(Ref { entity: entity.clone(), to }))
    }

    /// True for [`Value::Null`].
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Replaces every reference inside by what `change` makes of it; `None` from it ends the walk.
    pub fn map_refs(&self, change: &mut impl FnMut(&Ref) -> Option<Ref>) -> Option<Self> {
        Some(match self {
            Self::Ref(reference) => Self::Ref(Box::new(change(reference)?)),
            Self::List(items) => {
                Self::List(items.iter().map(|item| item.map_refs(change)).collect::<Option<_>>()?)
            }
            Self::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(name, value)| Some((name.clone(), value.map_refs(change)?)))
                    .collect::<Option<_>>()?,
            ),
            Self::Null
            | Self::Bool(_)
            | Self::Decimal(_)
            | Self::Text(_)
            | Self::Date(_)
            | Self::Instant(_) => self.clone(),
        })
    }

    /// Calls `visit` for every reference inside, in order.
    pub fn each_ref(&self, visit: &mut impl FnMut(&Ref)) {
        match self {
            Self::Ref(reference) => visit(reference),
            Self::List(items) => items.iter().for_each(|item| item.each_ref(visit)),
            Self::Map(entries) => entries.values().for_each(|value| value.each_ref(visit)),
            Self::Null
            | Self::Bool(_)
            | Self::Decimal(_)
            | Self::Text(_)
            | Self::Date(_)
            | Self::Instant(_) => {}
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("(nothing)"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Date(day) => write!(f, "{day}"),
            Self::Instant(ms) => match chrono::DateTime::from_timestamp_millis(*ms) {
                Some(moment) => write!(f, "{}", moment.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
                None => write!(f, "{ms} ms"),
            },
            Self::List(items) => {
                let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            Self::Map(entries) => {
                let texts: Vec<String> =
                    entries.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                write!(f, "{{{}}}", texts.join(", "))
            }
            Self::Ref(reference) => match &reference.to {
                RefTo::Record(record) => write!(f, "{} {record}", reference.entity),
                RefTo::Row { side, ext } => write!(f, "{} {side}:{ext}", reference.entity),
            },
        }
    }
}
