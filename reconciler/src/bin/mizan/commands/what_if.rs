//! `mizan what-if`: what other rules would have decided.

use crate::Failure;
use crate::args::{Cli, WhatIf as Args};
use crate::output::{load, look, moment, place_of, table, walking};
use mizan::core::policy::Policies;
use mizan::core::{Seq, Value};
use mizan::what_if::{
    Divergence, FieldChange, How, Simulated, WhatIf, comparable, simulate, what_if,
};
use serde_json::json;
use std::sync::Arc;

/// Records that a person is shown.
const SHOWN_MAX: usize = 20;

pub(crate) fn run(args: &Args, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let other = load(&args.policy)?;
    let as_recorded = comparable(&config.schema, &other.schema)
        .map_err(|error| Failure::usage(format!("{}: {error}", args.policy.display())))?;
    let look = look(&config)?;
    let from = match &args.from {
        Some(from) => place_of(&look, moment(from)?)?,
        None => Seq(0),
    };
    let bar = walking(cli.json, "asking", look.journal.head());
    let mut told = |seq: Seq| bar.set_position(seq.0);
    let report = what_if(&look.journal, &other.schema, &Policies::default(), from, &mut told);
    bar.finish_and_clear();
    let report = report?;
    let simulated = match args.simulate {
        false => None,
        true => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let policy = Arc::new(Policies::default());
            Some(runtime.block_on(simulate(&look.journal, &other.schema, policy))?)
        }
    };
    if cli.json {
        let document =
            json!({ "what_if": report, "as_recorded": as_recorded, "simulated": simulated });
        println!("{document}");
        return Ok(0);
    }
    print(&report);
    if let Some(simulated) = &simulated {
        print_simulated(simulated);
    }
    for what in &as_recorded {
        println!("{what} is taken as it was recorded, although the other file says something else");
    }
    Ok(0)
}

fn print(report: &WhatIf) {
    println!(
        "events {} to {}: {} decisions asked about again, under the other rules",
        report.from.next(),
        report.to,
        report.compared
    );
    if report.unknown > 0 {
        println!("{} more cannot be asked about: contents are not there any more", report.unknown);
    }
    let mut out = table(&["", "as recorded", "under the other rules"]);
    for (what, counted) in
        [("fields in conflict", report.conflicts), ("left to a person", report.left_to_a_person)]
    {
        out.add_row([what.to_owned(), counted.recorded.to_string(), counted.other.to_string()]);
    }
    println!("{out}");
    if report.same() {
        println!("nothing would have come out otherwise");
        return;
    }
    println!(
        "{} records would have come out otherwise: {} values that hold would not, {} others would",
        report.diverged, report.values_lost, report.values_gained
    );
    if report.lives > 0 {
        println!("{} of them are deleted and would not be, or the other way round", report.lives);
    }
    print_changes(report);
    print_commands(report);
    print_money(report);
    print_divergences(report);
    print_after(report);
}

fn print_changes(report: &WhatIf) {
    let mut out = table(&["field", "was decided", "would be", "times"]);
    for change in report.changes.iter().take(SHOWN_MAX) {
        out.add_row([
            format!("{} {}", change.entity, change.field),
            how(&change.recorded),
            how(&change.other),
            change.count.to_string(),
        ]);
    }
    if !report.changes.is_empty() {
        println!("{out}");
    }
}

fn how(how: &How) -> String {
    match (&how.winner, how.waits) {
        (_, true) => "waits for a person".to_owned(),
        (Some(side), false) => format!("{side} ({})", how.rule),
        (None, false) => format!("neither ({})", how.rule),
    }
}

fn print_commands(report: &WhatIf) {
    for (side, commands) in &report.commands {
        println!(
            "commands to {side}: {} saved, {} added, {} that would say something else",
            commands.saved, commands.added, commands.changed
        );
    }
}

fn print_money(report: &WhatIf) {
    if report.money.is_empty() {
        return;
    }
    println!("the largest differences of numbers:");
    let mut out = table(&["record", "field", "event", "is", "would be", "difference"]);
    for one in &report.money {
        out.add_row([
            format!("{} {}", one.entity, one.label),
            one.field.to_string(),
            one.at.to_string(),
            one.recorded.to_string(),
            one.other.to_string(),
            signed(&one.difference),
        ]);
    }
    println!("{out}");
}

fn signed(value: &Value) -> String {
    let text = value.to_string();
    if text.starts_with('-') { text } else { format!("+{text}") }
}

fn print_divergences(report: &WhatIf) {
    println!("the records, by their first decision that would have come out otherwise:");
    let mut out = table(&["event", "record", "field", "is", "would be"]);
    let mut rows = 0;
    for one in &report.divergences {
        for row in rows_of(one) {
            if rows < SHOWN_MAX {
                out.add_row(row);
            }
            rows += 1;
        }
    }
    println!("{out}");
    if rows > SHOWN_MAX {
        println!("... and {} more (--json has a thousand records)", rows - SHOWN_MAX);
    }
}

fn rows_of(one: &Divergence) -> Vec<[String; 5]> {
    let row = |what: String, is: String, would: String| {
        [one.at.to_string(), format!("{} {}", one.entity, one.label), what, is, would]
    };
    let told = |value: &Value, how: &How| match how.waits {
        true => format!("{value}, waits"),
        false => value.to_string(),
    };
    let mut rows: Vec<[String; 5]> = Vec::new();
    for FieldChange { field, recorded, recorded_value, other, other_value } in &one.fields {
        let (is, would) = (told(recorded_value, recorded), told(other_value, other));
        rows.push(row(field.to_string(), is, would));
    }
    if let Some((is, would)) = &one.life {
        rows.push(row("life".to_owned(), life(*is), life(*would)));
    }
    if rows.is_empty() {
        let (is, would) = ("as recorded".to_owned(), "another command".to_owned());
        rows.push(row(String::new(), is, would));
    }
    rows
}

fn life(life: mizan::core::event::Life) -> String {
    use mizan::core::event::Life;
    match life {
        Life::Alive => "alive",
        Life::Dead => "deleted",
        Life::Revived => "brought back",
        Life::Disputed => "waits for a person",
    }
    .to_owned()
}

fn print_after(report: &WhatIf) {
    let after = &report.hypothetical;
    if report.referring > 0 {
        println!("{} more records are in question: they refer to one of these", report.referring);
    }
    if after.compared > 0 {
        println!(
            "what came after in these records is no fact: it answers to commands that would not have been sent \
             ({} decisions, {} of them otherwise)",
            after.compared, after.differing
        );
    }
}

fn print_simulated(simulated: &Simulated) {
    println!();
    println!(
        "a model: the {} things that users did, done again to sides in memory in {} syncs. It is no evidence: \
         users who had seen other values would have done other things",
        simulated.deeds, simulated.syncs
    );
    let mut out = table(&["", "as recorded", "in the model"]);
    for (what, counted) in [
        ("fields in conflict, over all", simulated.conflicts),
        ("left to a person, over all", simulated.left_to_a_person),
        ("answers of people", simulated.answers),
        ("records in conflict at the end", simulated.open),
    ] {
        out.add_row([what.to_owned(), counted.recorded.to_string(), counted.other.to_string()]);
    }
    for (side, counted) in &simulated.commands {
        let what = format!("commands to {side}");
        out.add_row([what, counted.recorded.to_string(), counted.other.to_string()]);
    }
    println!("{out}");
    if simulated.lost_deeds > 0 {
        println!("{} things were done to rows that the model does not have", simulated.lost_deeds);
    }
    if simulated.ends_otherwise.is_empty() {
        println!("every record ends as it did");
        return;
    }
    println!("{} fields end with another value:", simulated.ends_otherwise.len());
    let mut out = table(&["record", "field", "is", "in the model"]);
    for one in simulated.ends_otherwise.iter().take(SHOWN_MAX) {
        let row = [&one.recorded, &one.other].map(ToString::to_string);
        let [is, would] = row;
        out.add_row([format!("{} {}", one.record, one.label), one.field.to_string(), is, would]);
    }
    println!("{out}");
}
