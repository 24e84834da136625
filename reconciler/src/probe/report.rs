//! What a probe found.

use mizan_core::{Ext, Name, SideId, Value};
use serde::Serialize;

/// What a probe would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// The side.
    pub side: SideId,
    /// The entity.
    pub entity: Name,
    /// Why nothing would be done, if so.
    pub skipped: Option<String>,
    /// The fields that the canary would get.
    pub sets: Vec<Name>,
    /// How often it would be changed.
    pub edits: usize,
    /// Why it would stay there and must be removed by hand, if so.
    pub stays: Option<String>,
}

/// What became of one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Stored as the declared rules say.
    AsDeclared,
    /// Stored as sent, although a rule says that it would be changed; nothing is lost by that.
    Finer,
    /// Stored otherwise.
    Drift,
    /// The value before it stayed.
    Ignored,
    /// The side does not show the field.
    NotShown,
    /// The side did not take the value, in its own words.
    Refused(String),
}

/// One value that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// What is special about it.
    pub about: &'static str,
    /// The value, as it was sent.
    pub sent: Value,
    /// What the declared rules make of it.
    pub declared: Value,
    /// What the side showed afterwards.
    pub stored: Option<Value>,
    /// The comparison.
    pub verdict: Verdict,
}

/// What was found of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldReport {
    /// The field.
    pub field: Name,
    /// The values.
    pub samples: Vec<Sample>,
    /// The rules that would explain everything that was stored, where those declared do not.
    pub suggest: Option<Vec<String>>,
    /// Why it was not probed, if so.
    pub left_out: Option<String>,
}

/// What a measurement says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// It is so.
    Yes(String),
    /// It is not so.
    No(String),
    /// It was not measured, and why.
    Unknown(String),
}

/// Something that a side can do or cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ability {
    /// What, as a statement.
    pub what: &'static str,
    /// What the adapter declares; `None`: it declares nothing about it.
    pub declared: Option<bool>,
    /// What was found.
    pub measured: Measured,
}

impl Ability {
    /// The adapter promises what the side does not do: a guarantee that does not hold.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.declared == Some(true) && matches!(self.measured, Measured::No(_))
    }
}

/// Something that the probe made and could not remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The row; `None` where only a search can tell whether it is there.
    pub ext: Option<Ext>,
    /// The text to look for.
    pub find: String,
    /// Why it is still there.
    pub why: String,
}

/// What a probe of one entity on one side found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// The side.
    pub side: SideId,
    /// The entity.
    pub entity: Name,
    /// The text by which everything that was made can be found.
    pub name: String,
    /// Why nothing was done, if so.
    pub skipped: Option<String>,
    /// Rows that were made.
    pub made: Vec<Ext>,
    /// The fields.
    pub fields: Vec<FieldReport>,
    /// The abilities.
    pub abilities: Vec<Ability>,
    /// What went otherwise than expected on the way.
    pub notes: Vec<String>,
    /// Why the probe could not be ended, if so.
    pub failed: Option<String>,
    /// What is still there.
    pub left: Vec<Left>,
}

impl ProbeReport {
    pub(super) fn new(side: &SideId, entity: &Name, name: String) -> Self {
        Self {
            side: side.clone(),
            entity: entity.clone(),
            name,
            skipped: None,
            made: Vec::new(),
            fields: Vec::new(),
            abilities: Vec::new(),
            notes: Vec::new(),
            failed: None,
            left: Vec::new(),
        }
    }

    /// True where the side does what is declared, and nothing of the probe is left.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let drifts = |field: &FieldReport| {
            field.samples.iter().any(|sample| sample.verdict == Verdict::Drift)
        };
        self.failed.is_none()
            && self.left.is_empty()
            && !self.fields.iter().any(drifts)
            && !self.abilities.iter().any(Ability::is_broken)
    }
}
