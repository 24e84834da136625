//! Policies: who wins where two sides changed one field, or one deleted what the other changed.

use crate::Timestamp;
use crate::id::{Name, SideId};
use crate::schema::{DeletePolicy, Entity, Field, Rivalry};
use crate::value::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// When a value was written, as far as its side's clock can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The stamp of the row that shows it; the row may have been changed in another field later.
    pub at: Timestamp,
    /// How exact that is, in milliseconds, as the configuration declares it for the side.
    pub within_ms: u32,
}

impl Stamp {
    /// True where this is later than the other beyond what either clock may be off.
    ///
    /// ```
    /// use mizan_core::{Timestamp, policy::Stamp};
    /// let at = |ms| Stamp { at: Timestamp(ms), within_ms: 1_000 };
    /// assert!(at(5_000).surely_after(at(4_000)));
    /// assert!(!at(5_000).surely_after(at(4_001)));
    /// ```
    #[must_use]
    pub fn surely_after(self, other: Self) -> bool {
        let within = i64::from(self.within_ms.max(other.within_ms).max(1));
        self.at.0.saturating_sub(other.at.0) >= within
    }
}

/// One of the values that want to be the field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The side that shows it; `None` for the value that was merged before and is not delivered yet.
    pub side: Option<&'a SideId>,
    /// The value, in the log's terms; of a group of fields a map of their values by name.
    pub value: &'a Value,
    /// When it was written; `None` where its side's clock is not declared.
    pub stamp: Option<Stamp>,
}

/// A field that was changed on more than one side, to values that do not agree.
#[derive(Clone, Copy, Debug)]
pub struct Conflict<'a> {
    /// The record's entity.
    pub entity: &'a Entity,
    /// The field; of a group of fields the first of them, whose rules hold for all.
    pub field: &'a Field,
    /// The value that all had before.
    pub base: Option<&'a Value>,
    /// The candidates, sorted by side; the merged value, if it is one, comes first.
    pub candidates: &'a [Candidate<'a>],
}

/// A policy's answer: one value, never one per side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The candidate at this index wins.
    Take(usize),
    /// A value made from the candidates wins; of a group of fields a map of all their values.
    Merged(Value),
    /// The candidate at this index holds here, and a copy of the record is made for each of the others.
    ///
    /// Where no copy can be made, because the entity names no text to tell it by, this is [`Verdict::Park`].
    Both(usize),
    /// A person must say; the rest of the record goes on.
    Park,
}

/// What a policy promises beyond what every policy must keep (L22 to L25, L28, L29), and what it says it does.
///
/// The first two are laws that it asks to be held to. The others are liberties: a policy that makes values or reads
/// stamps must say so, because whoever reads the log later has to know what an answer was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    /// Renaming the sides renames the winner and changes nothing else (L26).
    pub symmetric: bool,
    /// Deciding two first and the third later is deciding all three at once (L27).
    pub incremental: bool,
    /// It may answer with a value that no side has ([`Verdict::Merged`]); without this, that is an invention (L25).
    pub merges: bool,
    /// Its answer may depend on when values were written; without this, other stamps change nothing (L13).
    pub reads_stamps: bool,
}

impl Promises {
    /// Nothing promised, no liberty taken.
    pub const NONE: Self =
        Self { symmetric: false, incremental: false, merges: false, reads_stamps: false };
    /// Both laws promised, no liberty taken.
    pub const ALL: Self = Self { symmetric: true, incremental: true, ..Self::NONE };
}

/// Decides conflicts: a pure function of its arguments, total, without a clock or a random source (L22).
///
/// ```
/// use mizan_core::Name;
/// use mizan_core::policy::{Conflict, Policy, Verdict};
///
/// /// The longest text wins; among equally long ones the greater.
/// struct Longest;
///
/// impl Policy for Longest {
///     fn id(&self) -> Name {
///         "longest/1".into()
///     }
///     fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
///         let all = conflict.candidates.iter().enumerate();
///         let best = all.max_by_key(|(_, one)| (one.value.to_string().len(), one.value));
///         best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
///     }
/// }
/// ```
pub trait Policy: Send + Sync {
    /// Name and version, as decisions record it: `longest/1`. Another answer to any question needs another version.
    fn id(&self) -> Name;

    /// What it promises of its own accord, and the liberties that it takes.
    fn promises(&self) -> Promises {
        Promises::NONE
    }

    /// Decides one field, or one group of fields.
    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict;

    /// Decides delete against edit.
    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        entity.on_delete
    }
}

/// The policy that the configuration declares, field by field.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared;

impl Policy for Declared {
    fn id(&self) -> Name {
        Name::new_static("declared/1")
    }

    /// Fields may say that the newest value wins.
    fn promises(&self) -> Promises {
        Promises { reads_stamps: true, ..Promises::NONE }
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let candidates = conflict.candidates;
        match &conflict.field.rivalry {
            Rivalry::Prefer(side) => prefer(candidates, side),
            Rivalry::Newest => newest(candidates),
            Rivalry::Greatest => extreme(candidates, Ordering::Greater),
            Rivalry::Least => extreme(candidates, Ordering::Less),
            Rivalry::KeepBoth => keep_both(candidates),
            // A policy that is not registered decides nothing.
            Rivalry::Manual | Rivalry::Custom(_) => Verdict::Park,
        }
    }
}

/// The preferred side has no new value: what was merged stays; three sides without a preferred one among them are a
/// person's business.
fn prefer(candidates: &[Candidate<'_>], side: &SideId) -> Verdict {
    let preferred = candidates.iter().position(|one| one.side == Some(side));
    let merged = candidates.iter().position(|one| one.side.is_none());
    match preferred.or(merged) {
        Some(index) => Verdict::Take(index),
        None => Verdict::Park,
    }
}

/// The one that is surely later than every other. "Later within what clocks can tell" is not transitive, so being
/// later than the next one is not enough (V11).
fn newest(candidates: &[Candidate<'_>]) -> Verdict {
    let after = |a: &Candidate<'_>, b: &Candidate<'_>| match (a.stamp, b.stamp) {
        (Some(a), Some(b)) => a.surely_after(b),
        (Some(_) | None, _) => false,
    };
    let latest = (0..candidates.len()).find(|index| {
        let others = candidates.iter().enumerate().filter(|(other, _)| other != index);
        others.fold(true, |latest, (_, other)| latest && after(&candidates[*index], other))
    });
    latest.map_or(Verdict::Park, Verdict::Take)
}

/// The greatest or least value, where all are of one type that has an order.
fn extreme(candidates: &[Candidate<'_>], wanted: Ordering) -> Verdict {
    let Some(first) = candidates.first() else { return Verdict::Park };
    let ordered = |value: &Value| match value {
        Value::Bool(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Instant(_) => true,
        Value::Null | Value::List(_) | Value::Map(_) | Value::Ref(_) => false,
    };
    let comparable = candidates.iter().all(|one| {
        ordered(one.value)
            && std::mem::discriminant(one.value) == std::mem::discriminant(first.value)
    });
    if !comparable {
        return Verdict::Park;
    }
    let mut best = 0;
    for (index, one) in candidates.iter().enumerate() {
        if one.value.cmp(candidates[best].value) == wanted {
            best = index;
        }
    }
    Verdict::Take(best)
}

/// The merged value stays where it is; among sides the first by name keeps the record.
fn keep_both(candidates: &[Candidate<'_>]) -> Verdict {
    let all = candidates.iter().enumerate();
    all.min_by_key(|(_, one)| one.side).map_or(Verdict::Park, |(index, _)| Verdict::Both(index))
}

/// The declared policy, and policies of the user's own by name.
///
/// ```
/// use mizan_core::policy::{Conflict, Policies, Policy, Verdict};
/// # struct Longest;
/// # impl Policy for Longest {
/// #     fn id(&self) -> mizan_core::Name { "longest/1".into() }
/// #     fn resolve(&self, _: &Conflict<'_>) -> Verdict { Verdict::Park }
/// # }
/// let policies = Policies::default().with(Longest);
/// assert_eq!(policies.id(), "declared/1+longest/1");
/// assert!(policies.knows("longest"));
/// ```
#[derive(Clone, Default)]
pub struct Policies(BTreeMap<Name, Arc<dyn Policy>>);

impl Policies {
    /// Registers a policy under its name, which is its id without the version; fields then say `policy longest`.
    #[must_use]
    pub fn with(self, policy: impl Policy + 'static) -> Self {
        self.with_shared(Arc::new(policy))
    }

    /// As [`Policies::with`], for a policy that others hold too.
    #[must_use]
    pub fn with_shared(mut self, policy: Arc<dyn Policy>) -> Self {
        let id = policy.id();
        let name = id.split_once('/').map_or(id.as_str(), |(name, _)| name);
        self.0.insert(Name::new(name), policy);
        self
    }

    /// The policies that are registered, sorted by name; the declared one is not among them.
    pub fn each(&self) -> impl Iterator<Item = &Arc<dyn Policy>> {
        self.0.values()
    }

    /// True where a policy of that name is registered.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names under which policies are registered, sorted.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policies").field(&self.id()).finish()
    }
}

impl Policy for Policies {
    /// The ids of all, so that another version of any of them is another policy in the log.
    fn id(&self) -> Name {
        let mut id = Declared.id().to_string();
        for policy in self.0.values() {
            id.push('+');
            id.push_str(&policy.id());
        }
        Name::new(id)
    }

    /// What all of them promise, and the liberties that any of them takes.
    fn promises(&self) -> Promises {
        let all = self.0.values().map(|policy| policy.promises());
        all.fold(Declared.promises(), |sum, one| Promises {
            symmetric: sum.symmetric && one.symmetric,
            incremental: sum.incremental && one.incremental,
            merges: sum.merges || one.merges,
            reads_stamps: sum.reads_stamps || one.reads_stamps,
        })
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        match &conflict.field.rivalry {
            Rivalry::Custom(name) => {
                self.0.get(name).map_or(Verdict::Park, |policy| policy.resolve(conflict))
            }
            Rivalry::Prefer(_)
            | Rivalry::Manual
            | Rivalry::Newest
            | Rivalry::Greatest
            | Rivalry::Least
            | Rivalry::KeepBoth => Declared.resolve(conflict),
        }
    }
}
