//! Coverage: interesting things that must happen sometimes, or the simulation tests less than it seems.

use crate::profile::Profile;
use std::collections::BTreeMap;
use std::fmt;

/// What every profile must have seen.
const ALWAYS: &[&str] = &[
    "both deleted, each without the other's edit",
    "change put back to the owner's",
    "command in doubt was not done",
    "command met a changed row",
    "command met a deleted row",
    "command refused",
    "conflict decided by preference",
    "conflict in a decimal",
    "conflict in a reference",
    "conflict in a text",
    "conflict left to a person",
    "create done",
    "create found done",
    "delete disputed",
    "delete lost to a child",
    "delete lost to an edit",
    "delete lost to an edit that was not delivered",
    "edit committed late",
    "epoch after restore",
    "edit lost to a delete, recorded",
    "field was missing in an answer",
    "listing was cut",
    "movements added up",
    "owner overruled another",
    "parked",
    "process died",
    "record died",
    "revived record created again",
    "row linked by its key",
    "sweep freed a refused command",
    "update done",
    "update found done",
];

/// What set-ups with every rule must have seen besides.
const RULES: &[&str] = &[
    "conflict decided by a custom policy",
    "conflict decided by clocks",
    "conflict decided for the greatest",
    "conflict decided for the least",
    "conflict in a group",
    "conflict in which both are kept",
    "copy made",
    "sets joined",
];

/// How often each kind of thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(pub BTreeMap<&'static str, u64>);

impl Coverage {
    /// It happened.
    pub fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Adds what happened elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// What must happen sometimes in a campaign of any size that proves something, and did not.
    #[must_use]
    pub fn missing(&self, profile: Profile) -> Vec<&'static str> {
        let rules: &[&str] = if profile == Profile::Rules { RULES } else { &[] };
        let all = ALWAYS.iter().chain(rules).copied();
        all.filter(|what| self.of(what) == 0).collect()
    }

    /// How often it happened.
    #[must_use]
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.0 {
            writeln!(f, "  {count:>9}  {what}")?;
        }
        Ok(())
    }
}
