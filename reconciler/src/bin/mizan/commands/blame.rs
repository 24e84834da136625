//! `mizan blame`: whose each value of a record is.

use crate::Failure;
use crate::args::{Blame, Cli};
use crate::output::{load, look, record_named, table, time};
use mizan::history::{DecidedAt, FieldBlame, Origin, blame};

pub(crate) fn run(args: &Blame, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let id = record_named(&look, &args.record)?;
    let Some(found) = blame(&look.journal, &look.schema, id)? else {
        return Err(Failure::usage(format!("the entity of {id} is not configured any more")));
    };
    if cli.json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(0);
    }
    println!("{} {} ({})", found.entity, found.label, found.record);
    let mut out = table(&["field", "value", "whose", "first seen", "decided", "carried"]);
    for field in &found.fields {
        out.add_row(row(field));
    }
    println!("{out}");
    Ok(0)
}

fn row(field: &FieldBlame) -> [String; 6] {
    let value = field.value.as_ref().map_or_else(|| "(not known)".to_owned(), ToString::to_string);
    let (whose, seen) = match &field.origin {
        None => (String::new(), String::new()),
        Some(Origin::Edits(edits)) => {
            let names: Vec<String> =
                edits.iter().map(|edit| format!("{}#{}", edit.side, edit.count)).collect();
            let first = edits.first();
            let seen = first.map(|edit| format!("event {}, {}", edit.seq, time(edit.at)));
            (names.join(", "), seen.unwrap_or_default())
        }
        Some(Origin::Person { by, why, seq }) => (format!("{by} ({why})"), format!("event {seq}")),
        Some(Origin::Copy(from)) => (format!("copy of {from}"), String::new()),
        Some(Origin::Policy) => ("made by the rule".to_owned(), String::new()),
    };
    let decided =
        field.decided.as_ref().map(|DecidedAt { seq, how, .. }| format!("event {seq}: {how}"));
    let carried: Vec<String> = field
        .carried
        .iter()
        .map(|one| format!("{} {} {} ({})", one.side, one.verb, one.command, one.ended))
        .collect();
    [field.field.to_string(), value, whose, seen, decided.unwrap_or_default(), carried.join(", ")]
}
