//! `mizan redecide`: what a change of the rules means for conflicts that are open or past.

use crate::Failure;
use crate::args::{Cli, Redecide};
use crate::output::{load, look, table};
use mizan::clock::{Clock, SystemClock};
use mizan::core::compare::declarations;
use mizan::core::policy::{Policies, Policy};
use mizan::core::{Name, Value};
use mizan::redecide::{Redecision, Would, redecide};

pub(crate) fn run(args: &Redecide, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let entity = Name::new(&args.entity);
    if config.schema.entity(&entity).is_none() {
        let known: Vec<&str> =
            config.schema.entities.iter().map(|entity| entity.name.as_str()).collect();
        let (wrong, known) = (&args.entity, known.join(", "));
        return Err(Failure::usage(format!("there is no entity `{wrong}`; there are {known}")));
    }
    let mut look = look(&config)?;
    let policies = Policies::default();
    let found = redecide(&look.journal, &look.schema, &policies, &entity)?;
    let mut noted = false;
    if let (Some(by), Some(why), false) = (&args.by, &args.why, args.dry_run) {
        let word = found.facts(by, why, args.apply);
        noted = !word.is_empty();
        if noted {
            // The rules now in force are in the log before what is decided by them.
            let mut facts = declarations(look.journal.state(), &config.schema, &policies.id());
            facts.extend(word);
            look.journal.append_declared(SystemClock.now(), &config.schema, facts)?;
        }
    }
    if cli.json {
        let mut document = serde_json::to_value(&found)?;
        document["noted"] = noted.into();
        println!("{document}");
    } else {
        print(&found, args, noted);
    }
    Ok(0)
}

fn print(found: &Redecision, args: &Redecide, noted: bool) {
    if found.open.is_empty() && found.past.is_empty() {
        println!("the rules now in force change nothing for {}", found.entity);
        return;
    }
    if !found.open.is_empty() {
        println!("open conflicts:");
        let mut out = table(&["record", "what", "field", "would be"]);
        for one in &found.open {
            let (record, field) = (one.record.to_string(), one.field.to_string());
            out.add_row([record, one.label.clone(), field, would_text(&one.would, "waits on")]);
        }
        println!("{out}");
    }
    if !found.past.is_empty() {
        println!("past conflicts that would be decided otherwise:");
        let mut out = table(&["record", "what", "field", "event", "is", "would be"]);
        for one in &found.past {
            out.add_row([
                one.record.to_string(),
                one.label.clone(),
                one.field.to_string(),
                one.at.to_string(),
                one.holds.to_string(),
                would_text(&one.would, "left to a person: stays"),
            ]);
        }
        println!("{out}");
    }
    if args.dry_run {
        println!(
            "nothing was changed; without --dry-run open ones are decided, with --apply past ones too"
        );
    } else if noted {
        println!("noted; the next `mizan sync` carries it out");
    }
    if !args.dry_run && !args.apply && !found.past.is_empty() {
        println!("past ones stay as they are; --apply sets them");
    }
}

fn would_text(would: &Would, wait: &str) -> String {
    match would {
        Would::Hold(value) => Value::to_string(value),
        Would::Wait => wait.to_owned(),
        Would::Copy(value) => format!("{value}, with a copy"),
    }
}
