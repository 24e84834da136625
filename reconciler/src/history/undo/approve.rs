//! The approval of a plan: from then on it is decided.

use super::{Action, RecordUndo, Span, UndoError, UndoPlan, plan};
use crate::engine::Journal;
use mizan_core::bodies::Outcome;
use mizan_core::decide::decide;
use mizan_core::policy::Policy;
use mizan_core::{ContentHash, Fact, Schema, Timestamp};

/// Who takes a span back, and what they saw of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The hash of the plan that they saw.
    pub plan: ContentHash,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Takes a span back for good: appends the plan's decisions, for the next sync to carry out.
///
/// The records are decided at once, by what is known now: an edit that is only seen later is news of its record, and is
/// decided about by the rules and never overwritten by the undo. `declared` are the facts that bring the log's rules up
/// to the configuration (`mizan::core::compare::declarations`).
///
/// # Errors
/// When the plan is another one than was approved, by the log or by the span: then nothing is appended. An approval works
/// once, since what it takes back is decided by it.
pub fn approve(
    journal: &mut Journal,
    schema: &Schema,
    policy: &dyn Policy,
    span: &Span,
    approval: &Approval,
    (now, declared): (Timestamp, Vec<Fact>),
) -> Result<UndoPlan, UndoError> {
    if approval.by.trim().is_empty() || approval.why.trim().is_empty() {
        return Err(UndoError::Unsigned);
    }
    let plan = plan(journal, schema, span)?;
    if plan.hash != approval.plan || plan.is_empty() {
        return Err(UndoError::OtherPlan { now: plan.hash });
    }
    journal.append_declared(now, schema, declared)?;
    journal.append_facts(now, plan.facts(&approval.by, &approval.why))?;
    let mut decided = Outcome::default();
    for one in plan.records.iter().filter(|one| !one.action.fields().is_empty() || one.lives()) {
        let outcome = decide(journal.state(), schema, &*journal, one.record, policy)
            .map_err(crate::EngineError::from)?;
        // A decision about a life looks at other records' decisions: those go in one by one.
        if one.lives() {
            journal.append(now, std::mem::take(&mut decided))?;
            journal.append(now, outcome.unwrap_or_default())?;
        } else {
            decided.extend(outcome.unwrap_or_default());
        }
    }
    journal.append(now, decided)?;
    Ok(plan)
}

impl RecordUndo {
    /// It is about the record's life.
    fn lives(&self) -> bool {
        match self.action {
            Action::Delete | Action::CreateAgain { .. } => true,
            Action::Restore { .. } | Action::Correct { .. } | Action::Leave => false,
        }
    }
}
