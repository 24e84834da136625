//! `mizan log`: the events.

use crate::Failure;
use crate::args::{Cli, Log};
use crate::output::{event_json, load, look, time};
use mizan::core::{Event, Fact, Seq};
use mizan::explain::{each_event_of, find_record};
use std::collections::VecDeque;

pub(crate) fn run(args: &Log, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let record = match &args.record {
        None => None,
        Some(text) => {
            Some(find_record(look.journal.state(), &look.schema, text).ok_or_else(|| {
                Failure::usage(format!(
                    "no record `{text}`; write r12, entity:KEY or entity:side:ID"
                ))
            })?)
        }
    };
    let mut kept: VecDeque<Event> = VecDeque::new();
    let mut keep = |event: &Event| {
        let kind = args.kind.as_deref().is_none_or(|kind| kind == event.fact.kind());
        if kind && event.seq > Seq(args.since) {
            kept.push_back(event.clone());
            if kept.len() > args.last {
                kept.pop_front();
            }
        }
    };
    match record {
        Some(record) => each_event_of(&look.journal, record, &mut keep)?,
        None => look.journal.each_event(Seq(args.since), &mut keep)?,
    }
    for event in kept {
        if cli.json {
            println!("{}", event_json(&event));
        } else {
            println!("{:>8}  {}  {}", event.seq, time(event.at), line(&event.fact));
        }
    }
    Ok(0)
}

/// One line for people; contents stay out of it, `--json` and `explain` have them.
fn line(fact: &Fact) -> String {
    let kind = fact.kind();
    match fact {
        Fact::Opened { log_id, epoch } => format!("{kind} log {} epoch {epoch}", log_id.short()),
        Fact::SideAttached { side } => format!("{kind} {side}"),
        Fact::EntityDeclared { entity, fields } => {
            format!("{kind} {entity}: {}", fields.join(", "))
        }
        Fact::PolicySet { entity, policy, params } => {
            format!("{kind} {entity}: {policy} {}", params.short())
        }
        Fact::Observed { entity, side, ext, seen, evidence, .. } => match seen {
            Some(seen) => {
                format!("{kind} {entity} {ext} on {side}: {} ({evidence:?})", seen.short())
            }
            None => format!("{kind} {entity} {ext} on {side}: gone ({evidence:?})"),
        },
        Fact::Cursor { side, entity, at } => format!("{kind} {entity} on {side}: {}", time(*at)),
        Fact::Swept { side, entity, freed } => {
            format!("{kind} {entity} on {side}: {} refused records may try again", freed.len())
        }
        Fact::Linked { record, entity, side, ext, how } => {
            format!("{kind} {entity} {ext} on {side} to {record} ({how:?})")
        }
        Fact::Decided { record, decision } => format!(
            "{kind} {record}: {:?}, {} contested, by {}",
            decision.life,
            decision.fields.len(),
            decision.policy
        ),
        Fact::Intent { command } => format!("{kind} {}: {command}", command.id),
        Fact::Done { command, ext, exact, .. } => {
            format!("{kind} {command}: row {ext}{}", if *exact { "" } else { " (found)" })
        }
        Fact::Deleted { command } => format!("{kind} {command}"),
        Fact::Refused { command, why, message } => format!("{kind} {command}: {why:?}: {message}"),
        Fact::Withdrawn { command, why } => format!("{kind} {command}: {why:?}"),
        Fact::Parked { subject, why } => format!("{kind} {subject}: {why:?}"),
        Fact::Unparked { subject, by } => format!("{kind} {subject} by {by}"),
        Fact::Resolved { record, by, .. } => format!("{kind} {record} by {by}"),
        Fact::Unresolved { record, by, .. } => format!("{kind} {record} by {by}"),
        Fact::Forked { from, side, .. } => match side {
            Some(side) => format!("{kind} {from}: a copy has what {side} showed"),
            None => format!("{kind} {from}: a copy has what was merged before"),
        },
        Fact::Redecided { entity, by, .. } => format!("{kind} {entity} by {by}"),
        Fact::Approved { plan, by } => format!("{kind} plan {} by {by}", plan.short()),
        Fact::Drifted { command, fields } => format!("{kind} {command}: {}", fields.join(", ")),
        Fact::Unreadable { side, entity, at, why } => {
            format!("{kind} {entity} on {side}, {at}: {why}")
        }
        Fact::Readable { side, entity, at } => format!("{kind} {entity} on {side}, {at}"),
        Fact::Checkpointed { size, root, .. } => {
            format!("{kind} {size} events: root {}", root.short())
        }
        Fact::Erased { record, events, bodies, by, .. } => {
            format!("{kind} {record} by {by}: {} events, {} images", events.len(), bodies.len())
        }
        Fact::Shadowed { record, decided, policy, fields, .. } => {
            format!("{kind} {record}: {policy} differs from {decided} in {} fields", fields.len())
        }
    }
}
