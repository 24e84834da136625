//! `mizan parked`: what is parked, refused or cannot be read.

use crate::Failure;
use crate::args::{Cli, Parked};
use crate::output::{append, load, look, table, time};
use mizan::core::Fact;
use mizan::core::event::{ParkedFor, Subject};
use mizan::explain::{find_record, label};
use serde_json::json;

pub(crate) fn run(args: &Parked, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let mut look = look(&config)?;
    if let Parked::Retry { record, by } = args {
        let Some(id) = find_record(look.journal.state(), &look.schema, record) else {
            return Err(Failure::usage(format!("no record `{record}`")));
        };
        let subject = Subject::Record(id);
        append(&mut look, vec![Fact::Unparked { subject, by: by.clone() }])?;
        println!(
            "{}",
            if cli.json { json!({ "retry": id }).to_string() } else { format!("{id} goes on") }
        );
        return Ok(0);
    }
    let state = look.journal.state();
    let mut out = table(&["what", "why", "since", "next"]);
    let mut documents = Vec::new();
    let mut add = |what: String, why: String, since: String, next: &str| {
        documents.push(json!({ "what": what, "why": why, "since": since, "next": next }));
        out.add_row([what, why, since, next.to_owned()]);
    };
    for (subject, why) in &state.parked {
        let (why, next) = match why {
            ParkedFor::AmbiguousKey => {
                ("its key is on more than one row of a side", "make the keys differ on that side")
            }
            ParkedFor::Undecidable => (
                "a write is in doubt and left no trace to look for",
                "look there, then parked retry",
            ),
            ParkedFor::Final => (
                "it was to be taken back, and a side has it as a final document",
                "correct it there, as with a credit note, then parked retry",
            ),
        };
        let what = match subject {
            Subject::Record(id) => label(state, &look.schema, &look.journal, *id),
            Subject::Row { .. } => subject.to_string(),
        };
        add(what, why.to_owned(), String::new(), next);
    }
    for id in &state.refused {
        let Some(record) = state.record(*id) else { continue };
        let Some(refusal) = &record.refused else { continue };
        let name = label(state, &look.schema, &look.journal, *id);
        add(
            format!("{} {name} ({id})", record.entity),
            format!("{} refused ({:?}): {}", refusal.side, refusal.why, refusal.message),
            time(refusal.since),
            "correct the record, or the side's settings",
        );
    }
    for ((side, entity, at), why) in &state.unreadable {
        let what = format!("{entity} on {side}, {at}");
        add(what, why.clone(), String::new(), "correct it there; the next sync reads it again");
    }
    let empty = documents.is_empty();
    if cli.json {
        println!("{}", serde_json::Value::from(documents));
    } else if empty {
        println!("nothing is parked");
    } else {
        println!("{out}");
    }
    Ok(if empty { 0 } else { 3 })
}
