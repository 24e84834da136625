//! Records that we made, and whether anything else has happened to them.

use super::rows::Subject;
use mizan_core::{CommandId, Fact, Operation, Seq};
use std::collections::BTreeSet;

/// Our first create of one of its rows in the span that was done; `None` where we made none.
pub(super) fn made_here(subject: &Subject<'_>) -> Option<Seq> {
    let mut creates: BTreeSet<CommandId> = BTreeSet::new();
    let mut first = None;
    for event in &subject.events {
        match &event.fact {
            Fact::Intent { command } if command.operation == Operation::Create => {
                creates.insert(command.id);
                let inside = event.seq > subject.span.from && event.seq <= subject.span.to;
                if inside && first.is_none() {
                    first = Some(event.seq);
                }
            }
            Fact::Done { command, .. } if creates.contains(command) && first.is_some() => {
                return first;
            }
            _ => {}
        }
    }
    None
}

/// A user has changed one of its rows since we made the first of ours.
pub(super) fn touched_since(subject: &Subject<'_>, made: Seq) -> bool {
    subject.events.iter().any(|event| {
        event.seq > made
            && match &event.fact {
                Fact::Observed { edit, seen, .. } => *edit || seen.is_none(),
                Fact::Done { edit, .. } => *edit,
                _ => false,
            }
    })
}
