//! Disputes: what a policy is asked about, as a value of its own that can be drawn, shrunk and told.

use mizan_core::policy::{Candidate, Conflict, Policy, Stamp, Verdict};
use mizan_core::{Entity, Field, SideId, Value};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// One value that wants to be the field's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The side that shows it; `None` for the merged value that is not delivered everywhere.
    pub side: Option<SideId>,
    /// The value.
    pub value: Value,
    /// When it was written, where its side's clock is declared.
    pub stamp: Option<Stamp>,
}

/// A question for a policy: what was before, and who says what now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The value that all had before.
    pub base: Option<Value>,
    /// The claims, the merged one first and then by side.
    pub claims: Vec<Claim>,
}

/// What a policy made of a dispute, as far as its laws can tell answers apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// This value.
    Value(Value),
    /// This value here, and copies of the record with the others.
    Both(Value),
    /// A person must say.
    Person,
    /// A candidate that is not there.
    Nobody(usize),
    /// It panicked.
    Panicked,
}

impl Chosen {
    /// The value that holds from now on, if one does.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) | Self::Both(value) => Some(value),
            Self::Person | Self::Nobody(_) | Self::Panicked => None,
        }
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{}", shown(value)),
            Self::Both(value) => write!(f, "{}, and copies with the others", shown(value)),
            Self::Person => f.write_str("nothing: a person must say"),
            Self::Nobody(index) => {
                write!(f, "the candidate at {index}, and there is none")
            }
            Self::Panicked => f.write_str("nothing: it panicked"),
        }
    }
}

/// A value as a story shows it: white space must be visible.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Null
        | Value::Bool(_)
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Ref(_) => value.to_string(),
    }
}

impl Dispute {
    /// The claims in the order that the engine hands them over in: the merged value first, then by side.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.claims.sort_by(|a, b| a.side.cmp(&b.side));
        self
    }

    /// Disputes with less in them that may show the same, for shrinking.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        if let Some(at) = self.claims.iter().position(|claim| claim.side.is_none()) {
            let mut without = self.clone();
            let merged = without.claims.remove(at);
            for claim in 0..without.claims.len() {
                let mut given = without.clone();
                given.claims[claim] =
                    Claim { side: given.claims[claim].side.clone(), ..merged.clone() };
                smaller.push(given);
            }
            smaller.push(without);
        }
        for at in (0..self.claims.len()).filter(|at| self.claims[*at].stamp.is_some()) {
            let mut without = self.clone();
            without.claims[at].stamp = None;
            smaller.push(without);
        }
        if self.base.is_some() {
            smaller.push(Self { base: None, ..self.clone() });
        }
        smaller
    }

    /// Asks a policy, and says what it chose and at which claim.
    pub(crate) fn ask(
        &self,
        policy: &dyn Policy,
        entity: &Entity,
        field: &Field,
    ) -> (Chosen, Option<usize>) {
        let list: Vec<Candidate<'_>> = self
            .claims
            .iter()
            .map(|claim| Candidate {
                side: claim.side.as_ref(),
                value: &claim.value,
                stamp: claim.stamp,
            })
            .collect();
        let conflict = Conflict { entity, field, base: self.base.as_ref(), candidates: &list };
        let verdict = quietly(|| policy.resolve(&conflict));
        let at = |index: usize| self.claims.get(index).map(|claim| claim.value.clone());
        match verdict {
            None => (Chosen::Panicked, None),
            Some(Verdict::Park) => (Chosen::Person, None),
            Some(Verdict::Merged(value)) => (Chosen::Value(value), None),
            Some(Verdict::Take(index)) => match at(index) {
                Some(value) => (Chosen::Value(value), Some(index)),
                None => (Chosen::Nobody(index), None),
            },
            Some(Verdict::Both(index)) => match at(index) {
                Some(value) => (Chosen::Both(value), Some(index)),
                None => (Chosen::Nobody(index), None),
            },
        }
    }

    /// The dispute in words, one line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let before = self.base.as_ref().map_or_else(|| "nothing".to_owned(), shown);
        let mut lines = vec![format!("before, all had {before}")];
        for claim in &self.claims {
            let when = claim.stamp.map_or_else(String::new, |stamp| {
                format!(", written at {} ms, give or take {}", stamp.at.0, stamp.within_ms)
            });
            let value = shown(&claim.value);
            lines.push(match &claim.side {
                Some(side) => format!("{side} says {value}{when}"),
                None => format!("merged earlier and not delivered yet: {value}{when}"),
            });
        }
        lines
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}
static HOOK: Once = Once::new();

/// Runs a policy whose panics are findings, and are told once as such instead of a hundred times while shrinking.
fn quietly<T>(ask: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.with(Cell::get) {
                before(info);
            }
        }));
    });
    QUIET.with(|quiet| quiet.set(true));
    let answer = catch_unwind(AssertUnwindSafe(ask));
    QUIET.with(|quiet| quiet.set(false));
    answer.ok()
}
