//! `mizan as-of`: how everything, or one record, was then.

use crate::Failure;
use crate::args::{AsOf, Cli};
use crate::output::{
    Look, asked_wrongly, load, look, moment, place_of, record_named, table, time, walking,
};
use mizan::core::fold::Presence;
use mizan::core::{Name, RecordId, Seq, Timestamp, Value};
use mizan::explain::find_record;
use mizan::history::{Past, RecordThen, as_of, lines, overview, record_as_of};
use serde_json::json;

/// Records of an entity that a person is shown.
const SHOWN_MAX: usize = 40;

pub(crate) fn run(args: &AsOf, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let at = place_of(&look, moment(&args.moment)?)?;
    if let Some(text) = &args.record {
        return one(&look, text, at, cli.json);
    }
    let past = past(&look, at, cli.json)?;
    match &args.entity {
        Some(entity) => list(&look, &past, &Name::new(entity), cli.json),
        None => all(&past, cli.json),
    }
}

fn past(look: &Look, at: Seq, json: bool) -> Result<Past, Failure> {
    let count = walking(json, "folding the log", at);
    let past = as_of(&look.journal, at, &mut |at| count.set_position(at.0)).map_err(asked_wrongly);
    count.finish_and_clear();
    past
}

/// The record by what is known of it now, or else by what was known then.
fn named(look: &Look, text: &str, at: Seq, json: bool) -> Result<RecordId, Failure> {
    if let Ok(id) = record_named(look, text) {
        return Ok(id);
    }
    let past = past(look, at, json)?;
    find_record(&past.state, &look.schema, text).ok_or_else(|| {
        Failure::usage(format!(
            "no record `{text}`, neither now nor at event {at}; write r12, entity:KEY or entity:side:ID"
        ))
    })
}

fn when(at: Seq, moment: Option<Timestamp>) -> String {
    match moment {
        Some(moment) => format!("after event {at} ({})", time(moment)),
        None => "before the first event".to_owned(),
    }
}

fn all(past: &Past, json: bool) -> Result<u8, Failure> {
    let entities = overview(&past.state);
    if json {
        let moment = past.time.map(time);
        println!(
            "{}",
            json!({
                "at": past.at, "time": moment, "entities": entities,
                "pending": past.state.pending.len(), "conflicts": past.state.conflicts.len(),
                "parked": past.state.parked.len(), "refused": past.state.refused.len(),
                "state": past.state.hash(),
            })
        );
        return Ok(0);
    }
    println!("{} records {}", past.state.records.len(), when(past.at, past.time));
    let mut out = table(&["entity", "records", "rows", "how they stood"]);
    for then in &entities {
        let rows = then.rows.iter().map(|(side, rows)| format!("{side} {rows}"));
        let stood = then.standing.iter().map(|(how, count)| format!("{count} {how}"));
        out.add_row([
            then.entity.to_string(),
            then.records.to_string(),
            rows.collect::<Vec<_>>().join(", "),
            stood.collect::<Vec<_>>().join(", "),
        ]);
    }
    if !entities.is_empty() {
        println!("{out}");
    }
    Ok(0)
}

fn list(look: &Look, past: &Past, entity: &Name, json: bool) -> Result<u8, Failure> {
    let Some(known) = look.schema.entity(entity) else {
        let names: Vec<&str> =
            look.schema.entities.iter().map(|entity| entity.name.as_str()).collect();
        let names = names.join(", ");
        return Err(Failure::usage(format!("there is no entity `{entity}`; there are {names}")));
    };
    let mut found = lines(&past.state, &look.schema, &look.journal, entity);
    if json {
        let records: Vec<_> = found.collect();
        println!("{}", json!({ "at": past.at, "time": past.time.map(time), "records": records }));
        return Ok(0);
    }
    let count = past.state.records.iter().filter(|record| record.entity == *entity).count();
    println!("{count} {entity} records {}", when(past.at, past.time));
    let fields: Vec<&Name> = known.fields.iter().map(|field| &field.name).collect();
    let mut header = vec!["record", "what", "stood"];
    header.extend(fields.iter().map(|field| field.as_str()));
    let mut out = table(&header);
    for line in found.by_ref().take(SHOWN_MAX) {
        let mut row = vec![line.record.to_string(), line.label, line.standing.word().to_owned()];
        row.extend(fields.iter().map(|field| value_text(line.merged.get(field))));
        out.add_row(row);
    }
    if count > 0 {
        println!("{out}");
    }
    let more = found.count();
    if more > 0 {
        println!("... and {more} more (--json has all)");
    }
    Ok(0)
}

fn value_text(value: Option<&Value>) -> String {
    value.map_or_else(|| "(not known)".to_owned(), ToString::to_string)
}

fn one(look: &Look, text: &str, at: Seq, json: bool) -> Result<u8, Failure> {
    let id = named(look, text, at, json)?;
    let then = record_as_of(&look.journal, &look.schema, id, at).map_err(asked_wrongly)?;
    let Some(then) = then else {
        if json {
            println!("{}", json!({ "record": id, "at": at, "known": false }));
        } else {
            println!("{id} was not known yet at event {at}");
        }
        return Ok(0);
    };
    if json {
        println!("{}", serde_json::to_string(&then)?);
    } else {
        print_one(&then);
    }
    Ok(0)
}

fn print_one(then: &RecordThen) {
    let when = when(then.at, then.time);
    println!("{} {} ({}) {when}: {}", then.entity, then.label, then.record, then.standing.word());
    let here: Vec<_> = then.sides.iter().filter(|side| side.presence == Presence::Here).collect();
    let mut header = vec!["field".to_owned(), "held".to_owned()];
    header.extend(here.iter().map(|side| format!("{} showed", side.side)));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut out = table(&header);
    for field in &then.fields {
        let mut row = vec![field.field.to_string(), value_text(field.merged.as_ref())];
        row.extend(here.iter().map(|side| match field.sides.get(&side.side) {
            Some(Some(value)) => value.to_string(),
            Some(None) | None => String::new(),
        }));
        out.add_row(row);
    }
    println!("{out}");
    for side in &then.sides {
        let ext = side.ext.as_ref().map(|ext| format!(" row {ext}")).unwrap_or_default();
        let how = match side.presence {
            Presence::Here => "",
            Presence::Gone => ", deleted",
            Presence::Missing => ", not there yet",
        };
        let names = |what: &str, fields: &[Name]| {
            if fields.is_empty() {
                String::new()
            } else {
                format!("; {what}: {}", fields.join(", "))
            }
        };
        let (behind, open) =
            (names("to be written", &side.behind), names("in conflict", &side.open));
        println!("{}{ext}{how}{behind}{open}", side.side);
    }
    if let Some(pending) = &then.pending {
        let sets: Vec<String> =
            pending.sets.iter().map(|(field, value)| format!("{field} = {value}")).collect();
        let (verb, side, intent) = (pending.verb, &pending.side, pending.intent);
        println!("under way since event {intent}: {verb} on {side} setting {}", sets.join(", "));
    }
    if let Some((side, why)) = &then.refused {
        println!("{side} had refused its last command ({why:?})");
    }
}
