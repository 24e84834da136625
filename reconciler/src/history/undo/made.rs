//! Records that we made, and whether anything else has happened to them.

use super::rows::Subject;
use mizan_core::{CommandId, Fact, Operation, Seq};
use std::collections::BTreeSet;

/// Our first create of one of its rows in the span that was done; `None` where we made none.
pub(super) fn made_here(subject: &Subject<'_>) -> Option<Seq> {
    let mut creates: BTreeSet<CommandId> = BTreeSet::new();
    let mut first = None;
    for event in &subject.events {
        if let Fact::Intent { command } = &event.fact
            && command.operation == Operation::Create
        {
            creates.insert(command.id);
            let inside = event.seq > subject.span.from && event.seq <= subject.span.to;
            if inside && first.is_none() {
                first = Some(event.seq);
            }
        } else if let Fact::Done { command, .. } = &event.fact
            && creates.contains(command)
            && first.is_some()
        {
            return first;
        }
    }
    None
}

/// A user has changed one of its rows since we made the first of ours.
pub(super) fn touched_since(subject: &Subject<'_>, made: Seq) -> bool {
    subject.events.iter().any(|event| {
        let edited = if let Fact::Observed { edit, seen, .. } = &event.fact {
            *edit || seen.is_none()
        } else {
            matches!(&event.fact, Fact::Done { edit: true, .. })
        };
        edited && event.seq > made
    })
}
