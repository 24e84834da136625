//! Why a field waits for a person.

use crate::preview::{Preview, Would};
use mizan_core::event::Choice;
use mizan_core::fold::Record;
use mizan_core::policy::Stamp;
use mizan_core::{Entity, Name, Rivalry, SideId, Timestamp, Value};
use serde::Serialize;
use std::fmt;

/// Why a field waits for a person, by the rule that is in force now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Why {
    /// The rule is to ask.
    Manual,
    /// The preferred side has no new value, and two others disagree.
    NotPreferred {
        /// The preferred side.
        side: SideId,
    },
    /// Not all values in conflict have a stamp that can be compared.
    NoClock {
        /// The sides that have no clock, or whose row carries no stamp; `None`: what was merged before.
        sides: Vec<Option<SideId>>,
    },
    /// The stamps are nearer to each other than the clocks are exact.
    TooClose {
        /// The stamps, by side; `None`: what was merged before.
        stamps: Vec<(Option<SideId>, Timestamp)>,
        /// How far apart two of them must be, in milliseconds.
        within_ms: u32,
    },
    /// The values are of different types, or one of them is nothing.
    NoOrder,
    /// No copy can be made: the record is a copy itself, or has no text to tell one by.
    NoCopy,
    /// A policy of the user's own left it to a person, or is not known here.
    Custom {
        /// Its name.
        policy: Name,
    },
    /// A person has decided, and no sync has carried it out yet.
    Answered {
        /// The decision.
        choice: Choice,
    },
    /// It was left open under another rule; the rule now in force decides it as soon as the record is decided again.
    Decidable {
        /// The value that would hold.
        value: Value,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("its rule is to ask a person (prefer = \"manual\")"),
            Self::NotPreferred { side } => {
                write!(f, "{side} is preferred and has no new value; the others disagree")
            }
            Self::NoClock { sides } => {
                let names: Vec<&str> = sides.iter().map(|side| whose(side.as_ref())).collect();
                write!(
                    f,
                    "\"newest\" cannot tell: no comparable stamp of {} (no clock, or our own write was later)",
                    names.join(", ")
                )
            }
            Self::TooClose { stamps, within_ms } => {
                let shown: Vec<String> = stamps
                    .iter()
                    .map(|(side, at)| format!("{} {}", whose(side.as_ref()), Value::Instant(at.0)))
                    .collect();
                let shown = shown.join(", ");
                write!(f, "\"newest\" cannot tell: {shown} are less than {within_ms} ms apart")
            }
            Self::NoOrder => f.write_str(
                "the values have no order: they are of different types, or one is empty",
            ),
            Self::NoCopy => f.write_str(
                "no copy can be made: the record is a copy itself, or its name is not a text",
            ),
            Self::Custom { policy } => write!(f, "the policy `{policy}` leaves it to a person"),
            Self::Answered { choice } => {
                write!(f, "a person decided for {}; the next sync carries it out", Chosen(choice))
            }
            Self::Decidable { value } => write!(
                f,
                "an earlier rule left it open; the present one will take {value} at the next change \
                 of the record, or now with `mizan redecide`"
            ),
        }
    }
}

/// A person's choice, in words.
pub(crate) struct Chosen<'a>(pub(crate) &'a Choice);

impl fmt::Display for Chosen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Choice::Side(side) => write!(f, "what {side} shows"),
            Choice::Value(value) => write!(f, "{value}"),
            Choice::Skip => f.write_str("nothing for now"),
        }
    }
}

/// Why a field waits; `preview` is the record as the rules now in force would decide it.
pub(super) fn why(preview: Option<&Preview>, record: &Record, entity: &Entity, bit: usize) -> Why {
    let field = &entity.fields[bit];
    let answered = record
        .resolution
        .as_ref()
        .and_then(|resolution| resolution.choices.iter().find(|(name, _)| *name == field.name));
    if let Some((_, choice)) = answered {
        return Why::Answered { choice: choice.clone() };
    }
    match preview.map(|preview| preview.field(&field.name)) {
        Some(Would::Hold(value) | Would::Copy(value)) => return Why::Decidable { value },
        Some(Would::Wait) | None => {}
    }
    match &field.rivalry {
        Rivalry::Manual => Why::Manual,
        Rivalry::Prefer(side) => Why::NotPreferred { side: side.clone() },
        Rivalry::Newest => clocks(record, entity, bit),
        Rivalry::Greatest | Rivalry::Least => Why::NoOrder,
        Rivalry::KeepBoth => Why::NoCopy,
        Rivalry::Custom(policy) => Why::Custom { policy: policy.clone() },
    }
}

fn whose(side: Option<&SideId>) -> &str {
    side.map_or("what was merged before", SideId::as_str)
}

fn clocks(record: &Record, entity: &Entity, bit: usize) -> Why {
    let changed = record.slots.iter().filter(|(_, slot)| slot.changed.contains(bit));
    let mut rivals: Vec<(Option<SideId>, Option<Stamp>)> = changed
        .map(|(side, slot)| {
            let clock = entity.sides.get(side).and_then(|on| on.clock_ms);
            let theirs = slot.stamp.filter(|_| !slot.stamp_is_ours);
            let stamp = theirs.zip(clock).map(|(at, within_ms)| Stamp { at, within_ms });
            (Some(side.clone()), stamp)
        })
        .collect();
    if rivals.len() == 1 {
        // One side alone is in conflict with what was merged and has not reached it.
        let noted = record.stamps.iter().find(|one| usize::try_from(one.bit) == Ok(bit));
        let stamp = noted.map(|noted| Stamp { at: noted.at, within_ms: noted.within_ms });
        rivals.push((None, stamp));
    }
    let without = rivals.iter().filter(|(_, stamp)| stamp.is_none());
    let sides: Vec<Option<SideId>> = without.map(|(side, _)| side.clone()).collect();
    if !sides.is_empty() {
        return Why::NoClock { sides };
    }
    let within_ms = rivals.iter().filter_map(|(_, stamp)| Some(stamp.as_ref()?.within_ms)).max();
    let stamps = rivals.into_iter().filter_map(|(side, stamp)| Some((side, stamp?.at))).collect();
    Why::TooClose { stamps, within_ms: within_ms.unwrap_or(1) }
}
