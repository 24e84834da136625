//! `mizan conflicts`: what waits for a person, and the person's word on it.

use crate::Failure;
use crate::args::{Cli, Conflicts, Resolve, Signed};
use crate::output::{Look, append, load, look, table, time};
use mizan::conflicts::{
    Answer, ConflictError, Detail, OpenField, Pick, Shown, Since, Status, Summary, list, resolve,
    show, undo, value_of,
};
use mizan::core::policy::Policies;
use mizan::core::{Name, RecordId, Seq, SideId, Timestamp, Value};
use mizan::explain::{find_record, label};
use serde_json::json;

pub(crate) fn run(args: &Conflicts, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let mut look = look(&config)?;
    match args {
        Conflicts::List { all } => print_list(&look, *all, cli.json),
        Conflicts::Show { record } => print_one(&look, record, cli.json),
        Conflicts::Resolve(resolve) => decide(&mut look, resolve, cli.json),
        Conflicts::Undo { record, signed } => take_back(&mut look, record, signed, cli.json),
    }
}

/// A refused answer is wrong usage; one that is about an old view is refused as by a guard.
fn refusal(error: ConflictError) -> Failure {
    let code = match &error {
        ConflictError::Stale { .. }
        | ConflictError::Superseded { .. }
        | ConflictError::NothingBefore { .. } => 4,
        ConflictError::Engine(_) => 1,
        _ => crate::USAGE,
    };
    Failure { code, what: error.to_string() }
}

fn record_named(look: &Look, text: &str) -> Result<RecordId, Failure> {
    find_record(look.journal.state(), &look.schema, text).ok_or_else(|| {
        Failure::usage(format!("no record `{text}`; write r12, entity:KEY or entity:side:ID"))
    })
}

fn print_list(look: &Look, all: bool, json: bool) -> Result<u8, Failure> {
    let found = list(&look.journal, &look.schema, all)?;
    let waiting = found.iter().filter(|one| one.status == Status::Waiting).count();
    if json {
        println!("{}", serde_json::to_string(&found)?);
    } else if found.is_empty() {
        println!("no conflicts");
    } else {
        let mut out = table(&["record", "what", "open", "since"]);
        for one in &found {
            let since = one.since.map(begun).unwrap_or_default();
            let what = format!("{} {}", one.entity, one.label);
            out.add_row([one.record.to_string(), what, open_text(one), since]);
        }
        println!("{out}");
        println!("see one and how to decide it: mizan conflicts show RECORD");
    }
    Ok(if waiting == 0 { 0 } else { 3 })
}

fn open_text(one: &Summary) -> String {
    let mut parts: Vec<String> = one
        .fields
        .iter()
        .map(|field| {
            let aside = one.skipped.contains(field);
            if aside { format!("{field} (set aside)") } else { field.to_string() }
        })
        .collect();
    if one.disputed {
        parts.push("deleted on one side".to_owned());
    }
    let after = match one.status {
        Status::Waiting | Status::Skipped => "",
        Status::Answered => ": decided, for the next sync",
    };
    format!("{}{after}", parts.join(", "))
}

fn print_one(look: &Look, text: &str, json: bool) -> Result<u8, Failure> {
    let id = record_named(look, text)?;
    let found = show(&look.journal, &look.schema, &Policies::default(), id)?;
    let (at, name) =
        (look.journal.head(), label(look.journal.state(), &look.schema, &look.journal, id));
    let Some(detail) = found else {
        if json {
            println!("{}", json!({ "record": id, "label": name, "at": at, "open": [] }));
        } else {
            println!("{name} ({id}): nothing is in conflict here");
        }
        return Ok(0);
    };
    if json {
        println!("{}", serde_json::to_string(&detail)?);
        return Ok(0);
    }
    let since = detail.summary.since.map(|since| format!(" since {}", begun(since)));
    let since = since.unwrap_or_default();
    println!("{} {name} ({id}): in conflict{since}, as of event {at}", detail.summary.entity);
    if detail.summary.disputed {
        println!(
            "\ndeleted on {}, and changed on {}",
            sides(&detail.gone_on),
            sides(&detail.here_on)
        );
    }
    for fields in sections(&detail.open) {
        print_section(&fields);
    }
    print_commands(&detail);
    Ok(0)
}

fn sides(sides: &[SideId]) -> String {
    let names: Vec<&str> = sides.iter().map(SideId::as_str).collect();
    names.join(", ")
}

/// The open fields, those of a group together: they are decided as one.
fn sections(open: &[OpenField]) -> Vec<Vec<&OpenField>> {
    let mut sections: Vec<Vec<&OpenField>> = Vec::new();
    for field in open {
        let same = |section: &&mut Vec<&OpenField>| {
            field.group.is_some() && section.first().is_some_and(|one| one.group == field.group)
        };
        match sections.iter_mut().find(same) {
            Some(section) => section.push(field),
            None => sections.push(vec![field]),
        }
    }
    sections
}

fn print_section(fields: &[&OpenField]) {
    let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    let mut told = Vec::new();
    for field in fields {
        let aside = if field.skipped { "; set aside until the record changes" } else { "" };
        let text = format!("{}{aside}", field.why);
        if !told.contains(&text) {
            told.push(text);
        }
    }
    match fields.first().and_then(|field| field.group.as_ref()) {
        Some(group) => println!("\n{} (decided as one, as {group}):", names.join(", ")),
        None => println!("\n{}:", names.join(", ")),
    }
    told.iter().for_each(|text| println!("  {text}"));
    let moved = |shown: &Shown| shown.then.as_ref().is_some_and(|then| *then != shown.now);
    let moved = fields.iter().flat_map(|field| &field.sides).any(moved);
    let mut header = vec!["field", "side", "before"];
    header.extend(moved.then_some("when it began"));
    header.extend(["now", "holds meanwhile"]);
    let mut out = table(&header);
    for field in fields {
        for shown in &field.sides {
            let side = shown.side.to_string();
            let mut row = vec![field.field.to_string(), side, shown.base.to_string()];
            if moved {
                row.push(shown.then.as_ref().map(Value::to_string).unwrap_or_default());
            }
            row.extend([shown.now.to_string(), field.merged.to_string()]);
            out.add_row(row);
        }
    }
    println!("{out}");
}

/// When a conflict began, to the second.
fn begun(since: Since) -> String {
    time(Timestamp(since.at.0 / 1_000 * 1_000))
}

/// The commands that decide it, ready to be copied.
fn print_commands(detail: &Detail) {
    let (id, at) = (detail.summary.record, detail.at);
    let signed = format!("--at {at} --by YOU --why REASON");
    println!("\nto decide:");
    if detail.summary.disputed {
        println!("  mizan conflicts resolve {id} --keep {signed}");
        println!("  mizan conflicts resolve {id} --delete {signed}");
    }
    if detail.open.is_empty() {
        return;
    }
    let changed = |side: &&SideId| {
        let mut all = detail.open.iter().flat_map(|field| &field.sides);
        all.any(|shown| shown.side == **side && shown.changed)
    };
    for side in detail.here_on.iter().filter(changed) {
        println!("  mizan conflicts resolve {id} --take {side} {signed}");
    }
    if let Some(field) = detail.open.iter().find(|field| field.group.is_none()) {
        println!("  mizan conflicts resolve {id} --field {} --value VALUE {signed}", field.field);
    }
    println!("  mizan conflicts resolve {id} --skip {signed}");
    if detail.open.len() > 1 {
        println!("all of these take --field FIELD to decide one field alone, or its group");
    }
}

fn decide(look: &mut Look, args: &Resolve, json: bool) -> Result<u8, Failure> {
    let id = record_named(look, &args.record)?;
    let pick = pick(look, id, args)?;
    let aside = matches!(pick, Pick::Skip(_));
    let Signed { by, why } = &args.signed;
    let answer = Answer { at: Seq(args.at), pick, by: by.clone(), why: why.clone() };
    let fact = resolve(&look.journal, &look.schema, id, &answer).map_err(refusal)?;
    append(look, vec![fact])?;
    if json {
        println!("{}", json!({ "resolved": id, "skipped": aside }));
    } else if aside {
        println!("set aside until the record changes; `mizan conflicts list --all` still shows it");
    } else {
        println!("noted; the next `mizan sync` carries it out");
    }
    Ok(0)
}

fn pick(look: &Look, id: RecordId, args: &Resolve) -> Result<Pick, Failure> {
    let names: Vec<Name> = args.field.iter().map(Name::new).collect();
    if let Some(side) = &args.take {
        return Ok(Pick::Take(SideId::new(side), names));
    }
    if args.skip {
        return Ok(Pick::Skip(names));
    }
    if args.keep {
        return Ok(Pick::Keep);
    }
    if args.delete {
        return Ok(Pick::Delete);
    }
    if names.len() != args.value.len() {
        let (fields, values) = (names.len(), args.value.len());
        return Err(Failure::usage(format!(
            "{fields} times --field and {values} times --value; give one value for each field"
        )));
    }
    let record = look.journal.state().record(id);
    let entity = record.and_then(|record| look.schema.entity(&record.entity));
    let mut values = Vec::new();
    for (name, text) in names.into_iter().zip(&args.value) {
        let field = entity.and_then(|entity| entity.fields.iter().find(|one| one.name == name));
        let Some(field) = field else {
            return Err(Failure::usage(format!("there is no field `{name}`")));
        };
        values.push((name, value_of(field, text).map_err(refusal)?));
    }
    Ok(Pick::Values(values))
}

fn take_back(look: &mut Look, text: &str, signed: &Signed, json: bool) -> Result<u8, Failure> {
    let id = record_named(look, text)?;
    let undone = undo(&look.journal, &look.schema, id, &signed.by, &signed.why).map_err(refusal)?;
    append(look, vec![undone.fact])?;
    let (by, why, seq) = undone.was;
    if json {
        println!("{}", json!({ "undone": seq, "record": id, "restored": undone.restored }));
        return Ok(0);
    }
    println!("taken back: what {by} decided at event {seq} ({why})");
    if undone.restored.is_empty() {
        println!("it had not been carried out; what was open is open again");
        return Ok(0);
    }
    for one in &undone.restored {
        println!("  {}: {} becomes {} again", one.field, one.from, one.to);
    }
    println!("the next `mizan sync` carries it out");
    Ok(0)
}
