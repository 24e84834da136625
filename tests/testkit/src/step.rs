//! Steps of a history: small, and with references modulo what exists, so that any part of a history is one.

use crate::failing::Crash;
use crate::profile::Mishap;
use crate::rng::SplitMix64;
use std::fmt;
use std::str::FromStr;

/// One step of a history: `side` is a position in the set-up, `pick` and `to` choose among the rows that are there.
#[expect(
    missing_docs,
    reason = "the fields are named after what they choose, and the line above says how"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A user makes a row: a customer, or an order of one of the side's customers.
    Create { side: usize, order: bool },
    /// A user makes a row of an entity, by its place in the schema, in a set-up of the user's own.
    Make { side: usize, entity: usize },
    /// A user makes the row that another side has already, by its natural key.
    Twin { side: usize, pick: usize },
    /// A user edits a field; it shows `late` milliseconds after its stamp.
    Edit { side: usize, pick: usize, field: usize, late: i64 },
    /// A user empties a field.
    Clear { side: usize, pick: usize, field: usize },
    /// A user puts back what a field held before.
    Undo { side: usize, pick: usize, field: usize },
    /// A user writes a value that no other side accepts.
    Poison { side: usize, pick: usize },
    /// Users on two sides make the same edit.
    Alike { pick: usize, field: usize },
    /// A user moves a stock.
    Move { side: usize, pick: usize, by: i64 },
    /// A user gives an order to another customer.
    Refer { side: usize, pick: usize, to: usize },
    /// A user deletes a row.
    Delete { side: usize, pick: usize },
    /// One sync, with faults drawn from `salt`, and perhaps the end of the process.
    Sync { salt: u64, crash: Option<Crash> },
    /// One sync in which one thing goes wrong.
    Mishap(Mishap),
    /// Time passes.
    Pass { ms: i64 },
    /// All faults end, and syncs run until one is complete.
    Heal,
    /// The log goes on in a new epoch, as after a backup that lost nothing.
    Epoch { number: u32 },
    /// The log is put back to what it was so many events ago, and goes on in a new epoch.
    Restore { back: u64, number: u32 },
}

impl Step {
    /// Draws a step.
    #[must_use]
    pub fn drawn(rng: &mut SplitMix64, sides: usize, late: bool) -> Self {
        let (side, pick, field) = (rng.below(sides), rng.below(8), rng.below(4));
        match rng.below(100) {
            0..=13 => Self::Create { side, order: rng.per_mille(450) },
            14..=16 => Self::Twin { side, pick },
            17..=36 => {
                let late = if late && rng.per_mille(300) {
                    rng.between(1, crate::setup::LATE_MAX_MS)
                } else {
                    0
                };
                Self::Edit { side, pick, field, late }
            }
            37..=39 => Self::Clear { side, pick, field },
            40..=42 => Self::Undo { side, pick, field },
            43 => Self::Poison { side, pick },
            44..=45 => Self::Alike { pick, field },
            46..=51 => Self::Move { side, pick, by: rng.between(-5, 5) },
            52..=54 => Self::Refer { side, pick, to: rng.below(8) },
            55..=62 => Self::Delete { side, pick },
            63..=92 => {
                let crash = rng.per_mille(250).then(|| Crash {
                    append: u32::try_from(rng.between(1, 9)).unwrap_or(1),
                    after: rng.per_mille(500),
                });
                Self::Sync { salt: rng.next_word() >> 44, crash }
            }
            93..=96 => Self::Pass { ms: rng.between(1, 150) },
            97 => Self::Epoch { number: 2 + rng.below(1 << 30) as u32 },
            _ => Self::Heal,
        }
    }

    /// Draws a step for a set-up of the user's own: rows are of any of its entities.
    #[must_use]
    pub fn drawn_of(rng: &mut SplitMix64, sides: usize, entities: usize, late: bool) -> Self {
        match Self::drawn(rng, sides, late) {
            Self::Create { side, .. } => Self::Make { side, entity: rng.below(entities) },
            step => step,
        }
    }

    /// Draws a history of `least` to `most` steps.
    #[must_use]
    pub fn history(seed: u64, sides: usize, late: bool, least: usize, most: usize) -> Vec<Self> {
        let mut rng = SplitMix64::part(seed, 2);
        let length = least + rng.below(most.saturating_sub(least) + 1);
        (0..length).map(|_| Self::drawn(&mut rng, sides, late)).collect()
    }

    /// A simpler step that may show the same, for shrinking.
    #[must_use]
    pub fn simpler(self) -> Option<Self> {
        match self {
            Self::Edit { side, pick, field, late } if late > 0 => {
                Some(Self::Edit { side, pick, field, late: 0 })
            }
            Self::Sync { salt, crash: Some(_) } => Some(Self::Sync { salt, crash: None }),
            Self::Sync { salt: 1.., crash: None } | Self::Heal | Self::Mishap(_) => {
                Some(Self::Sync { salt: 0, crash: None })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { side, order: false } => write!(f, "create customer on {side}"),
            Self::Create { side, order: true } => write!(f, "create order on {side}"),
            Self::Make { side, entity } => write!(f, "make entity {entity} on {side}"),
            Self::Twin { side, pick } => write!(f, "twin of {pick} on {side}"),
            Self::Edit { side, pick, field, late } => {
                write!(f, "edit field {field} of row {pick} on {side} late {late}")
            }
            Self::Clear { side, pick, field } => {
                write!(f, "clear field {field} of row {pick} on {side}")
            }
            Self::Undo { side, pick, field } => {
                write!(f, "undo field {field} of row {pick} on {side}")
            }
            Self::Poison { side, pick } => write!(f, "poison row {pick} on {side}"),
            Self::Alike { pick, field } => write!(f, "alike field {field} of thing {pick}"),
            Self::Move { side, pick, by } => {
                write!(f, "move stock of row {pick} on {side} by {by}")
            }
            Self::Refer { side, pick, to } => write!(f, "refer row {pick} on {side} to {to}"),
            Self::Delete { side, pick } => write!(f, "delete row {pick} on {side}"),
            Self::Sync { salt, crash: None } => write!(f, "sync {salt}"),
            Self::Sync { salt, crash: Some(Crash { append, after }) } => {
                let when = if *after { "after" } else { "before" };
                write!(f, "sync {salt} crash {when} append {append}")
            }
            Self::Mishap(what) => {
                let words = Mishap::ALL.iter().find(|(one, _)| one == what);
                write!(f, "sync {}", words.map_or("", |(_, words)| words))
            }
            Self::Pass { ms } => write!(f, "pass {ms} ms"),
            Self::Heal => f.write_str("heal"),
            Self::Epoch { number } => write!(f, "epoch {number}"),
            Self::Restore { back, number } => {
                write!(f, "restore {back} events back, epoch {number}")
            }
        }
    }
}

/// A line of a story is not a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadStep(pub String);

impl fmt::Display for BadStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a step of a story", self.0)
    }
}

impl std::error::Error for BadStep {}

impl FromStr for Step {
    type Err = BadStep;

    fn from_str(line: &str) -> Result<Self, BadStep> {
        let bad = || BadStep(line.to_owned());
        let numbers: Vec<i64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let number = |at: usize| numbers.get(at).copied().ok_or_else(bad);
        let index = |at: usize| number(at).and_then(|n| usize::try_from(n).map_err(|_| bad()));
        let verb = line.split(' ').next().unwrap_or_default();
        Ok(match verb {
            "create" => Self::Create { side: index(0)?, order: line.contains("order") },
            "make" => Self::Make { entity: index(0)?, side: index(1)? },
            "twin" => Self::Twin { pick: index(0)?, side: index(1)? },
            "edit" => {
                let (field, pick, side) = (index(0)?, index(1)?, index(2)?);
                Self::Edit { side, pick, field, late: number(3)? }
            }
            "clear" => Self::Clear { field: index(0)?, pick: index(1)?, side: index(2)? },
            "undo" => Self::Undo { field: index(0)?, pick: index(1)?, side: index(2)? },
            "poison" => Self::Poison { pick: index(0)?, side: index(1)? },
            "alike" => Self::Alike { field: index(0)?, pick: index(1)? },
            "move" => Self::Move { pick: index(0)?, side: index(1)?, by: number(2)? },
            "refer" => Self::Refer { pick: index(0)?, side: index(1)?, to: index(2)? },
            "delete" => Self::Delete { pick: index(0)?, side: index(1)? },
            "sync" if line.starts_with("sync with") => {
                let known = Mishap::ALL.iter().find(|(_, words)| line.ends_with(words));
                Self::Mishap(known.ok_or_else(bad)?.0)
            }
            "sync" => {
                let salt = number(0)?.unsigned_abs();
                let crash = match line.contains("crash") {
                    true => {
                        let append = u32::try_from(number(1)?).map_err(|_| bad())?;
                        Some(Crash { append, after: line.contains("after") })
                    }
                    false => None,
                };
                Self::Sync { salt, crash }
            }
            "pass" => Self::Pass { ms: number(0)? },
            "heal" => Self::Heal,
            "epoch" => Self::Epoch { number: u32::try_from(number(0)?).map_err(|_| bad())? },
            "restore" => {
                let number = u32::try_from(number(1)?).map_err(|_| bad())?;
                Self::Restore { back: index(0)? as u64, number }
            }
            _ => return Err(bad()),
        })
    }
}
