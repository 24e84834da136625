//! `mizan explain`: the chain of facts behind a value.

use crate::Failure;
use crate::args::{Cli, Explain};
use crate::output::{load, look, record_named, time};
use mizan::core::Name;
use mizan::explain::explain;

pub(crate) fn run(args: &Explain, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let record = record_named(&look, &args.record)?;
    let field = args.field.as_ref().map(Name::new);
    let Some(found) = explain(&look.journal, &look.schema, record, field.as_ref())? else {
        let entity = look.journal.state().record(record).map(|record| record.entity.clone());
        let known = entity.and_then(|name| look.schema.entity(&name)).map(|entity| {
            entity.fields.iter().map(|field| field.name.to_string()).collect::<Vec<_>>().join(", ")
        });
        return Err(Failure::usage(format!(
            "no field `{}`; the fields are {}",
            args.field.as_deref().unwrap_or_default(),
            known.unwrap_or_default()
        )));
    };
    if cli.json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(0);
    }
    match &found.derivation {
        Some(derivation) => print!("{derivation}\nin order:\n"),
        None => println!("{} {} ({})", found.entity, found.label, found.record),
    }
    for step in &found.steps {
        println!("{:>8}  {}  {:<10} {}", step.seq, time(step.at), step.kind, step.text);
    }
    Ok(0)
}
