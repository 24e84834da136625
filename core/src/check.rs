//! Check: a second pair of eyes on a plan, before anything leaves.

use crate::command::Operation;
use crate::fold::{Presence, State};
use crate::id::{Name, SideId};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How much a plan may do without a person's approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// So many deletes of an entity on a side are always allowed.
    pub deletes_free: usize,
    /// Above that, at most this share of the side's live rows, in percent.
    pub deletes_percent: usize,
    /// So many updates of an entity on a side are always allowed.
    pub updates_free: usize,
    /// Above that, at most this share of the side's live rows, in percent.
    pub updates_percent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deletes_free: 5, deletes_percent: 10, updates_free: 100, updates_percent: 50 }
    }
}

/// A plan does more than a limit allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The side that would be written to.
    pub side: SideId,
    /// The entity.
    pub entity: Name,
    /// `deletes` or `updates`.
    pub verb: &'static str,
    /// How many.
    pub count: usize,
    /// Of how many live rows.
    pub of: usize,
    /// The share that is allowed, in percent.
    pub percent: usize,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} of {} rows of {} on {}; the limit is {} %",
            self.count, self.verb, self.of, self.entity, self.side, self.percent
        )
    }
}

/// What speaks against carrying the plan out; empty where it may run or was approved by its hash.
#[must_use]
pub fn check(plan: &Plan, state: &State, limits: &Limits) -> Vec<Violation> {
    let mut counts: BTreeMap<(SideId, Name, bool), usize> = BTreeMap::new();
    for planned in &plan.commands {
        let command = &planned.command;
        let deletes = match command.operation {
            Operation::Create => continue,
            Operation::Update { .. } => false,
            Operation::Delete { .. } => true,
        };
        let key = (command.side.clone(), command.entity.clone(), deletes);
        *counts.entry(key).or_default() += 1;
    }
    let over = counts.into_iter().filter_map(|((side, entity, deletes), count)| {
        let (free, percent, verb) = if deletes {
            (limits.deletes_free, limits.deletes_percent, "deletes")
        } else {
            (limits.updates_free, limits.updates_percent, "updates")
        };
        if count <= free {
            return None;
        }
        let of = live_rows(state, &side, &entity);
        let allowed = count.saturating_mul(100) <= of.saturating_mul(percent);
        if allowed { None } else { Some(Violation { side, entity, verb, count, of, percent }) }
    });
    let over: Vec<Violation> = over.collect();
    if over.is_empty() || state.approved.contains(&plan.hash()) { Vec::new() } else { over }
}

fn live_rows(state: &State, side: &SideId, entity: &Name) -> usize {
    let of_entity = state.records.iter().filter(|record| record.entity == *entity);
    of_entity
        .filter(|record| record.slots.get(side).is_some_and(|slot| slot.presence == Presence::Here))
        .count()
}
