//! `mizan diff`: what differs between two moments, or two logs.

use crate::Failure;
use crate::args::{Cli, Diff as Args};
use crate::output::{asked_wrongly, load, look, moment, place_of, table, time, walking};
use mizan::core::{Name, Value};
use mizan::engine::Journal;
use mizan::history::{Diff, End, RecordDiff, diff, diff_logs};

/// Records and commands that a person is shown.
const SHOWN_MAX: usize = 40;

pub(crate) fn run(args: &Args, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let entity = args.entity.as_ref().map(Name::new);
    if let Some(wrong) = entity.as_ref().filter(|name| look.schema.entity(name).is_none()) {
        let known: Vec<&str> =
            look.schema.entities.iter().map(|entity| entity.name.as_str()).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!("there is no entity `{wrong}`; there are {known}")));
    }
    let found = if let Some(other) = &args.other {
        if !other.exists() {
            return Err(Failure::usage(format!("there is no log at {}", other.display())));
        }
        let (log, _) = mizan::connect::open_log(other)?;
        let other = Journal::open(log)?;
        diff_logs(&look.journal, &other, &look.schema, entity.as_ref())?
    } else {
        let from = place_of(&look, moment(args.a.as_deref().unwrap_or("0"))?)?;
        let to = place_of(&look, moment(args.b.as_deref().unwrap_or("now"))?)?;
        let bar = walking(cli.json, "folding the log", to);
        let mut tell = |at: mizan::core::Seq| bar.set_position(at.0);
        let found = diff(&look.journal, &look.schema, from, to, entity.as_ref(), &mut tell);
        bar.finish_and_clear();
        found.map_err(asked_wrongly)?
    };
    if cli.json {
        let mut document = serde_json::to_value(&found)?;
        document["summary"] = found.summary().into();
        println!("{document}");
    } else {
        print(&found);
    }
    Ok(0)
}

fn end(end: &End) -> String {
    match end.time {
        Some(at) => format!("event {} ({})", end.at, time(at)),
        None => format!("event {}", end.at),
    }
}

fn print(found: &Diff) {
    println!("{}", found.summary());
    match found.common {
        Some(common) => println!(
            "this log ends at {}, the other at {}; they are the same up to event {common}",
            end(&found.a),
            end(&found.b)
        ),
        None => println!("from {} to {}", end(&found.a), end(&found.b)),
    }
    let mut out = table(&["record", "what", "field", "before", "after"]);
    let mut rows = 0;
    for one in &found.records {
        for row in rows_of(one) {
            if rows < SHOWN_MAX {
                out.add_row(row);
            }
            rows += 1;
        }
    }
    if rows > 0 {
        println!("{out}");
    }
    if rows > SHOWN_MAX {
        println!("... and {} more lines (--json has all)", rows - SHOWN_MAX);
    }
    for one in found.commands.iter().take(SHOWN_MAX) {
        let whose = match (found.common, one.in_b) {
            (None, _) => "",
            (Some(_), false) => "only here: ",
            (Some(_), true) => "only there: ",
        };
        println!(
            "{whose}event {}: {} {} {} on {}, {}",
            one.intent, one.verb, one.entity, one.record, one.side, one.ended
        );
    }
    if found.commands.len() > SHOWN_MAX {
        println!("... and {} more commands (--json has all)", found.commands.len() - SHOWN_MAX);
    }
}

fn rows_of(one: &RecordDiff) -> Vec<[String; 5]> {
    let text = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    let name = format!("{} {}: {}", one.entity, one.label, one.change.word());
    let mut rows: Vec<[String; 3]> = one
        .fields
        .iter()
        .map(|field| [field.field.to_string(), text(&field.a), text(&field.b)])
        .collect();
    for (names, before, after) in
        [(&one.conflicts_opened, "", "in conflict"), (&one.conflicts_closed, "in conflict", "")]
    {
        let names = names.iter().map(|name| [name.to_string(), before.into(), after.into()]);
        rows.extend(names);
    }
    for (sides, before, after) in [(&one.rows_added, "", "a row"), (&one.rows_gone, "a row", "")] {
        rows.extend(sides.iter().map(|side| [format!("on {side}"), before.into(), after.into()]));
    }
    if one.stood != one.stands {
        let word = |standing: Option<mizan::history::Standing>| {
            standing.map(|standing| standing.word().to_owned()).unwrap_or_default()
        };
        rows.push(["stands".to_owned(), word(one.stood), word(one.stands)]);
    }
    let mut first = Some((one.record.to_string(), name));
    rows.into_iter()
        .map(|[field, before, after]| {
            let (record, name) = first.take().unwrap_or_default();
            [record, name, field, before, after]
        })
        .collect()
}
