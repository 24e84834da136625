//! Small worlds: every short history of a tiny world, to find what a set of policies can lose or never end.
//!
//! For each field of each entity a world is built with all of the entity's sides, one record, a handful of values and
//! remotes that answer at once and store what their normalisers make of a value. Users edit, clear, delete and create
//! there, and rounds run between and even within their edits: the same ingest, link, decide, plan, settle and fold as
//! in the product. All sequences of a few actions are gone through, shortest first, and after each the world is left
//! to come to rest. A policy that can lose an edit or go on for ever nearly always can within four actions.

mod explore;
mod key;
mod rest;
mod round;
mod scope;
mod values;
mod watch;
mod words;
mod world;

use crate::id::Name;
use crate::policy::Policy;
use crate::schema::Schema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How far the small worlds are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Actions in a row.
    pub length: usize,
    /// Distinct situations of one world; beyond that it is left, and [`Checked::capped`] says so.
    pub situations_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { length: 4, situations_max: 6_000 }
    }
}

/// What must hold in every small world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// The policy answers every question, and with a candidate that is there (L22, L25).
    Answers,
    /// The same question has one answer, in whatever order the candidates come (L22, L23).
    OneAnswer,
    /// Sides can be renamed, where the policy promises it (L26).
    Symmetric,
    /// Two first and the third later is all three at once, where the policy promises it (L27).
    Incremental,
    /// What was decided is not decided otherwise when it is everywhere (L28, L29).
    Settled,
    /// Without further edits everything is at rest after two rounds (L42, L46, V3).
    Rests,
    /// Every value that a user wrote holds, was replaced by somebody who saw it, or is recorded (L32, V1).
    NothingLost,
    /// A record that a user deleted when all was at rest stays deleted (L35).
    StaysDeleted,
    /// Movements of a counter add up, and members of a set stay (L48).
    AddsUp,
    /// At rest every side shows what it makes of the merged value, unless a person is asked (L45).
    Converges,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answers => "a policy answers every question (L22, L25)",
            Self::OneAnswer => "one question has one answer (L22, L23)",
            Self::Symmetric => "sides can be renamed (L26)",
            Self::Incremental => "two first and the third later is all three at once (L27)",
            Self::Settled => "what was decided stays decided (L28, L29)",
            Self::Rests => "without edits nothing goes on (L42, L46)",
            Self::NothingLost => "no edit is lost in silence (L32)",
            Self::StaysDeleted => "what was deleted stays deleted (L35)",
            Self::AddsUp => "movements add up (L48)",
            Self::Converges => "at rest the sides agree (L45)",
        })
    }
}

/// A way to break a law, as short as there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The entity.
    pub entity: Name,
    /// The field; of a group of fields their names.
    pub field: Name,
    /// Other fields that are declared alike, as `entity.field`: the same happens there.
    pub alike: Vec<String>,
    /// The law that breaks.
    pub law: Law,
    /// The shortest way there, step by step.
    pub steps: Vec<String>,
    /// What is wrong then.
    pub what: String,
}

/// What was gone through, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Worlds; fields that are declared alike share one.
    pub worlds: usize,
    /// Sequences of actions that led to a situation of their own; every other one ends in one of these.
    pub sequences: u64,
    /// Worlds that were left before all was gone through, as `entity.field`.
    pub capped: Vec<String>,
    /// At most one for each world.
    pub findings: Vec<Finding>,
}

/// Goes through the small worlds of a schema.
///
/// A policy whose id begins with `declared/1` is taken to decide fields that do not ask for a policy of the user's
/// own by what they declare, as [`Policies`](crate::policy::Policies) does: fields that are declared alike then share
/// a world.
///
/// ```
/// use mizan_core::policy::{Conflict, Policies, Policy, Verdict};
/// use mizan_core::smallworld::{Bounds, Law, check_policies};
/// use mizan_core::{DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, Name, Rivalry, Schema, SideId, Type};
///
/// /// Takes whoever is listed first: which of the two that is, nobody decided.
/// struct First;
/// impl Policy for First {
///     fn id(&self) -> Name { "first/1".into() }
///     fn resolve(&self, _: &Conflict<'_>) -> Verdict { Verdict::Take(0) }
/// }
///
/// let names = ["shop", "books"].map(SideId::new);
/// let on = FieldOnSide { writable: true, ..FieldOnSide::default() };
/// let mut price = Field::new("price", Type::Decimal);
/// price.rivalry = Rivalry::Custom("first".into());
/// price.sides = names.iter().map(|side| (side.clone(), on.clone())).collect();
/// let on = EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: None };
/// let product = Entity {
///     name: "product".into(),
///     fields: vec![price],
///     key: Vec::new(),
///     sides: names.iter().map(|side| (side.clone(), on.clone())).collect(),
///     on_delete: DeletePolicy::EditWins,
///     copies: None,
/// };
/// let schema = Schema::new(names.to_vec(), vec![product])?;
///
/// let checked = check_policies(&schema, &Policies::default().with(First), Bounds::default());
/// assert_eq!(checked.findings[0].law, Law::OneAnswer);
/// # Ok::<(), mizan_core::SchemaError>(())
/// ```
#[must_use]
pub fn check_policies(schema: &Schema, policy: &dyn Policy, bounds: Bounds) -> Checked {
    let mut checked = Checked::default();
    // Worlds that differ in names only are one world.
    let mut shapes: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut worlds: Vec<(scope::Scope, Vec<String>)> = Vec::new();
    for entity in &schema.entities {
        for fields in scope::subjects(entity) {
            let scope = scope::Scope::new(schema, entity, fields);
            let shape = scope.shape(policy);
            match shapes.get(&shape).and_then(|at| worlds.get_mut(*at)) {
                Some((_, alike)) => alike.push(format!("{}.{}", entity.name, scope.field)),
                None => {
                    shapes.insert(shape, worlds.len());
                    worlds.push((scope, Vec::new()));
                }
            }
        }
    }
    for (scope, alike) in worlds {
        let explored = explore::explore(&scope, policy, bounds);
        checked.worlds += 1;
        checked.sequences += explored.sequences;
        if explored.capped {
            checked.capped.push(format!("{}.{}", scope.entity, scope.field));
        }
        checked.findings.extend(explored.broke.map(|broke| Finding {
            entity: scope.entity.clone(),
            field: scope.field.clone(),
            alike,
            law: broke.law,
            steps: explored.steps,
            what: broke.what,
        }));
    }
    checked
}

/// A law that broke.
#[derive(Clone, Debug)]
struct Broke {
    law: Law,
    what: String,
}
