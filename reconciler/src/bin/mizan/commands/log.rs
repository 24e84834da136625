//! `mizan log`: the events.

use crate::Failure;
use crate::args::{Cli, Log};
use crate::output::{Look, event_json, load, look, moment, place_of, record_named, time, walking};
use mizan::core::{Fact, Name, Seq, SideId, Timestamp};
use mizan::history::{Filter, KINDS, Moment};
use mizan::store::Contents;
use std::ops::ControlFlow;

pub(crate) fn run(args: &Log, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let filter = filter(args, &look)?;
    let journal = &look.journal;
    let count = walking(cli.json, "indexing the log", journal.head());
    let found = journal.with_index_telling(&mut |at| count.set_position(at.0), |index| {
        index.find(journal.state(), &filter)
    })?;
    count.finish_and_clear();
    let skip = if args.all { 0 } else { found.len().saturating_sub(args.last) };
    journal.each_event_at(&found[skip..], &mut |event| {
        let erased = journal.contents(event.seq)? == Some(Contents::Erased);
        if cli.json {
            let mut event = event_json(event);
            if erased {
                event["contents"] = "erased".into();
            }
            println!("{event}");
        } else {
            let note = if erased { "  (its values were erased)" } else { "" };
            println!("{:>8}  {}  {}{note}", event.seq, time(event.at), line(&event.fact));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if skip > 0 && !cli.json {
        eprintln!("{skip} earlier ones are not shown; --last N shows more, --all all of them");
    }
    Ok(0)
}

fn filter(args: &Log, look: &Look) -> Result<Filter, Failure> {
    if let Some(wrong) = args.kind.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        let known = KINDS.join(", ");
        return Err(Failure::usage(format!("there is no kind `{wrong}`; there are {known}")));
    }
    let state = look.journal.state();
    if let Some(wrong) =
        args.entity.as_ref().filter(|name| !state.entities.contains_key(name.as_str()))
    {
        let known: Vec<&str> = state.entities.keys().map(Name::as_str).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!("there is no entity `{wrong}`; there are {known}")));
    }
    let side = args.side.as_ref().map(SideId::new);
    if let Some(wrong) = side.as_ref().filter(|side| !state.sides.contains(*side)) {
        let known: Vec<&str> = state.sides.iter().map(SideId::as_str).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!("there is no side `{wrong}`; there are {known}")));
    }
    let record = args.record.as_ref().map(|text| record_named(look, text)).transpose()?;
    let after = match &args.since {
        None => Seq(0),
        // From a time on: after the last event that was before it.
        Some(text) => match moment(text)? {
            Moment::Time(at) => place_of(look, Moment::Time(Timestamp(at.0 - 1)))?,
            Moment::Position(at) => at,
        },
    };
    let until = match &args.until {
        None => look.journal.head(),
        Some(text) => place_of(look, moment(text)?)?,
    };
    // 0 would say that there is no end.
    let after = if until == Seq(0) { look.journal.head() } else { after };
    let entity = args.entity.as_ref().map(Name::new);
    Ok(Filter { record, kinds: args.kind.clone(), side, entity, after, until })
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
            let fields: Vec<String> =
                fields.iter().map(|one| format!("{} = {}", one.field, one.value)).collect();
            let fields = fields.join(", ");
            format!(
                "{kind} {record}: {policy} beside would not have decided as {decided}: {fields}"
            )
        }
    }
}
