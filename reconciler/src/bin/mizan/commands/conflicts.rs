//! `mizan conflicts`: what waits for a person, and the person's word on it.

use crate::Failure;
use crate::args::{Cli, Conflicts, Resolve};
use crate::output::{Look, append, load, look, table};
use mizan::core::bodies::image_of;
use mizan::core::event::Choice;
use mizan::core::lens::parse_decimal;
use mizan::core::{Fact, Field, Name, RecordId, SideId, Type, Value};
use mizan::explain::{find_record, label};
use serde_json::json;
use std::collections::BTreeMap;

/// One field in conflict, as it stands.
struct Open {
    field: Name,
    base: Value,
    sides: BTreeMap<SideId, Value>,
    merged: Value,
}

pub(crate) fn run(args: &Conflicts, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let mut look = look(&config)?;
    match args {
        Conflicts::List => list(&look, cli.json),
        Conflicts::Show { record } => show(&look, record, cli.json),
        Conflicts::Resolve(resolve) => decide(&mut look, resolve, cli.json),
    }
}

fn open_fields(look: &Look, id: RecordId) -> Result<Vec<Open>, Failure> {
    let Some(record) = look.journal.state().record(id) else { return Ok(Vec::new()) };
    let Some(entity) = look.schema.entity(&record.entity) else { return Ok(Vec::new()) };
    let merged = image_of(&look.journal, &record.merged)?;
    let value =
        |image: &mizan::core::Image, name: &Name| image.get(name).cloned().unwrap_or(Value::Null);
    let mut open = Vec::new();
    for (bit, field) in entity.fields.iter().enumerate() {
        let contested = record.slots.values().any(|slot| slot.changed.contains(bit));
        if !contested {
            continue;
        }
        let mut sides = BTreeMap::new();
        let mut base = Value::Null;
        for (side, slot) in &record.slots {
            if field.sides.contains_key(side) {
                sides.insert(
                    side.clone(),
                    value(&image_of(&look.journal, &slot.seen)?, &field.name),
                );
                base = value(&image_of(&look.journal, &slot.base)?, &field.name);
            }
        }
        let merged = value(&merged, &field.name);
        open.push(Open { field: field.name.clone(), base, sides, merged });
    }
    Ok(open)
}

fn list(look: &Look, json: bool) -> Result<u8, Failure> {
    let state = look.journal.state();
    let mut documents = Vec::new();
    let mut out = table(&["record", "what", "fields"]);
    for id in &state.conflicts {
        let Some(record) = state.record(*id) else { continue };
        let name = label(state, &look.schema, &look.journal, *id);
        let mut fields: Vec<String> =
            open_fields(look, *id)?.into_iter().map(|open| open.field.to_string()).collect();
        if record.disputed {
            fields.push("deleted on one side".to_owned());
        }
        out.add_row([id.to_string(), format!("{} {name}", record.entity), fields.join(", ")]);
        documents.push(json!({
            "record": id, "entity": record.entity, "label": name, "fields": fields,
            "disputed": record.disputed,
        }));
    }
    if json {
        println!("{}", serde_json::Value::from(documents));
    } else if state.conflicts.is_empty() {
        println!("no conflicts");
    } else {
        println!("{out}");
        println!("see one: mizan conflicts show RECORD");
    }
    Ok(if state.conflicts.is_empty() { 0 } else { 3 })
}

fn record_named(look: &Look, text: &str) -> Result<RecordId, Failure> {
    find_record(look.journal.state(), &look.schema, text).ok_or_else(|| {
        Failure::usage(format!("no record `{text}`; write r12, entity:KEY or entity:side:ID"))
    })
}

fn show(look: &Look, text: &str, json: bool) -> Result<u8, Failure> {
    let id = record_named(look, text)?;
    let state = look.journal.state();
    let disputed = state.record(id).is_some_and(|record| record.disputed);
    let open = open_fields(look, id)?;
    let name = label(state, &look.schema, &look.journal, id);
    if json {
        let fields: Vec<_> = open
            .iter()
            .map(|one| {
                let sides: BTreeMap<&str, &Value> =
                    one.sides.iter().map(|(side, value)| (side.as_str(), value)).collect();
                json!({ "field": one.field, "base": one.base, "merged": one.merged, "sides": sides })
            })
            .collect();
        println!(
            "{}",
            json!({ "record": id, "label": name, "at": state.head, "disputed": disputed, "fields": fields })
        );
        return Ok(0);
    }
    println!("{name} ({id}), as of event {}", state.head);
    let mut out = table(&["field", "before", "side", "now"]);
    for one in &open {
        for (side, value) in &one.sides {
            out.add_row([
                one.field.to_string(),
                one.base.to_string(),
                side.to_string(),
                value.to_string(),
            ]);
        }
    }
    if !open.is_empty() {
        println!("{out}");
        println!("decide: mizan conflicts resolve {id} --take SIDE --at {} --by YOU", state.head);
    }
    if disputed {
        println!("deleted on one side, kept on another");
        println!(
            "decide: mizan conflicts resolve {id} --keep|--delete --at {} --by YOU",
            state.head
        );
    }
    if open.is_empty() && !disputed {
        println!("nothing is in conflict here");
    }
    Ok(0)
}

fn decide(look: &mut Look, args: &Resolve, json: bool) -> Result<u8, Failure> {
    let id = record_named(look, &args.record)?;
    let open = open_fields(look, id)?;
    let state = look.journal.state();
    let Some(record) = state.record(id) else { return Ok(1) };
    if open.is_empty() && !record.disputed {
        return Err(Failure::usage(format!("record {id} is not in conflict")));
    }
    refuse_stale(look, id, args.at)?;
    let Some(entity) = look.schema.entity(&record.entity) else { return Ok(1) };
    let mut choices = Vec::new();
    let mut keep = None;
    if args.keep || args.delete {
        if !record.disputed {
            return Err(Failure::usage(format!("record {id} was not deleted on any side")));
        }
        keep = Some(args.keep);
    } else {
        for one in &open {
            if args.field.as_ref().is_some_and(|field| *field != one.field) {
                continue;
            }
            let field = entity.fields.iter().find(|field| field.name == one.field);
            let Some(field) = field else { continue };
            choices.push((one.field.clone(), choice(args, field, one)?));
        }
        if choices.is_empty() {
            let fields: Vec<&str> = open.iter().map(|one| one.field.as_str()).collect();
            return Err(Failure::usage(format!("in conflict are only: {}", fields.join(", "))));
        }
    }
    let (by, why) = (args.by.clone(), args.why.clone());
    append(look, vec![Fact::Resolved { record: id, choices, keep, by, why }])?;
    if json {
        println!("{}", json!({ "resolved": id }));
    } else {
        println!("noted; the next `mizan sync` carries it out");
    }
    Ok(0)
}

fn choice(args: &Resolve, field: &Field, open: &Open) -> Result<Choice, Failure> {
    if let Some(side) = &args.take {
        let side = SideId::new(side);
        if !open.sides.contains_key(&side) {
            return Err(Failure::usage(format!("{side} does not carry {}", open.field)));
        }
        return Ok(Choice::Side(side));
    }
    let Some(text) = &args.value else {
        return Err(Failure::usage(
            "say what holds: --take SIDE, --value VALUE, --keep or --delete",
        ));
    };
    let bad = |what: &str| Failure::usage(format!("--value for {} should be {what}", open.field));
    let value = match &field.kind {
        Type::Text => Value::text(text),
        Type::Decimal => Value::decimal(parse_decimal(text).ok_or_else(|| bad("a number"))?),
        Type::Bool => Value::Bool(text.parse().map_err(|_| bad("true or false"))?),
        Type::Date => Value::Date(text.parse().map_err(|_| bad("a date as YYYY-MM-DD"))?),
        Type::Instant | Type::Ref(_) | Type::Items(_) | Type::Any => {
            return Err(bad("one side's; use --take"));
        }
    };
    Ok(Choice::Value(value))
}

/// A decision on what is no longer so is refused: something may have been seen that changes it.
fn refuse_stale(look: &Look, id: RecordId, at: u64) -> Result<(), Failure> {
    let mut news = false;
    let state = look.journal.state();
    look.journal.each_event(mizan::core::Seq(at), &mut |event| {
        news |= match &event.fact {
            Fact::Observed { entity, side, ext, .. } => {
                state.record_of(entity, side, ext) == Some(id)
            }
            Fact::Decided { record, .. } | Fact::Resolved { record, .. } => *record == id,
            _ => false,
        };
    })?;
    if news {
        return Err(Failure {
            code: 4,
            what: format!(
                "record {id} has changed since event {at}; look again: mizan conflicts show {id}"
            ),
        });
    }
    Ok(())
}
