//! A plan's reasons, in words.

use super::{Because, Why};
use mizan_core::{SideId, Value};
use std::fmt;

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeldBefore => f.write_str("held before"),
            Self::Lost { side } => {
                let whose = side.as_ref().map_or("what was merged before", SideId::as_str);
                write!(f, "lost then ({whose})")
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChangedSince { at } => write!(f, "changed since, at event {at}"),
            Self::InConflict => f.write_str("in conflict: mizan conflicts show"),
            Self::Undecided => {
                f.write_str("something waits for the next sync: mizan sync, then look again")
            }
            Self::Pending => f.write_str("a write is in doubt: mizan sync, then look again"),
            Self::Parked => f.write_str("it waits for a person: mizan parked list"),
            Self::NothingBefore => {
                f.write_str("nothing held before: to take it back would empty it on all sides")
            }
            Self::ManyLost { values } => {
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                write!(
                    f,
                    "more than one value lost ({}): write the one that you want",
                    values.join(", ")
                )
            }
            Self::NotWritten { side } => {
                write!(f, "{side} shows it and is not written to: change it there")
            }
            Self::Movements { by } => {
                write!(f, "movements add up: make the opposite one of {by} on a side")
            }
            Self::Group { with } => write!(f, "it goes with `{with}`, which stays"),
            Self::RefersToDead { record } => write!(f, "it refers to {record}, which was deleted"),
            Self::NotOurs => f.write_str("it began then, and none of its rows was made by Mizan"),
            Self::Touched => f.write_str("it began then, and has been changed since it was made"),
            Self::Children => f.write_str("records that live refer to it"),
            Self::NotAllowed => {
                f.write_str("the configuration allows it on no side that it concerns")
            }
            Self::LifeSince => f.write_str("it was deleted, or came back, after the span"),
        }
    }
}
