//! `mizan check --probe`: what the sides really do with what they are sent.

use crate::Failure;
use crate::args::{Check, Cli};
use crate::output::table;
use mizan::adapters::Adapter;
use mizan::config::Config;
use mizan::connect::connect_sides;
use mizan::core::{Entity, Value};
use mizan::probe::{
    Ability, FieldReport, Measured, Outline, ProbeOptions, ProbeReport, Sample, Verdict, outline,
    probe,
};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a new row may take to be listed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Characters of a value that are shown.
const SHOWN_MAX: usize = 48;

type Pair<'a> = (&'a Entity, Arc<dyn Adapter>);

pub(crate) fn run(args: &Check, cli: &Cli, config: &Config) -> Result<u8, Failure> {
    let sides = connect_sides(config)?;
    let pairs = pairs(args, config, &sides.adapters)?;
    if !args.yes {
        let outlines: Vec<Outline> =
            pairs.iter().map(|(entity, adapter)| outline(adapter.as_ref(), entity)).collect();
        if cli.json {
            println!("{}", json!({ "would_probe": outlines }));
        } else {
            print_outlines(&outlines);
        }
        return Ok(0);
    }
    let options = options();
    eprintln!(
        "everything that is made now has {} in it (in upper or lower case): look for that if this is \
         interrupted",
        options.name()
    );
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = options.stop.clone();
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("interrupted: what was made is being removed");
            stop.store(true, Ordering::Relaxed);
        }
    });
    let mut reports = Vec::new();
    for (entity, adapter) in pairs {
        if options.stop.load(Ordering::Relaxed) {
            break;
        }
        let report = runtime.block_on(probe(adapter.as_ref(), entity, &options));
        if !cli.json {
            print_report(&report, config);
        }
        reports.push(report);
    }
    let code = exit_code(&reports);
    if cli.json {
        println!("{}", json!({ "probes": reports, "exit_code": code }));
    } else {
        print_end(&reports);
    }
    Ok(code)
}

fn options() -> ProbeOptions {
    let chance = uuid::Uuid::new_v4().as_u128() % 900_000 + 100_000;
    let today = chrono::Utc::now().date_naive();
    let stop = Arc::new(AtomicBool::new(false));
    ProbeOptions { token: chance.to_string(), today, patience: PATIENCE, stop }
}

/// 1 where a probe could not be ended, 3 where a person has something to do, else 0.
fn exit_code(reports: &[ProbeReport]) -> u8 {
    if reports.iter().any(|report| report.failed.is_some()) {
        1
    } else if reports.iter().any(|report| !report.is_clean()) {
        3
    } else {
        0
    }
}

/// The entities and sides that are asked for, parents first.
fn pairs<'a>(
    args: &Check,
    config: &'a Config,
    adapters: &[Arc<dyn Adapter>],
) -> Result<Vec<Pair<'a>>, Failure> {
    let unknown = |option: &str, name: &str, known: Vec<&str>| {
        Failure::usage(format!("{option} {name}: there is none; there are {}", known.join(", ")))
    };
    for name in &args.entity {
        if config.schema.entity(name).is_none() {
            let known = config.schema.entities.iter().map(|entity| entity.name.as_str()).collect();
            return Err(unknown("--entity", name, known));
        }
    }
    for name in &args.side {
        if config.schema.sides.iter().all(|side| side.as_str() != name) {
            let known = config.schema.sides.iter().map(|side| side.as_str()).collect();
            return Err(unknown("--side", name, known));
        }
    }
    let asked = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for entity in &config.schema.entities {
        for adapter in adapters {
            let here = entity.sides.contains_key(adapter.side())
                && asked(&args.entity, &entity.name)
                && asked(&args.side, adapter.side().as_str());
            if here {
                pairs.push((entity, adapter.clone()));
            }
        }
    }
    Ok(pairs)
}

fn print_outlines(outlines: &[Outline]) {
    let mut out = table(&["entity", "side", "what a probe would do"]);
    for outline in outlines {
        out.add_row([outline.entity.to_string(), outline.side.to_string(), told(outline)]);
    }
    println!("{out}");
    println!(
        "nothing was done. To do it: mizan check --probe --yes [--side SIDE] [--entity ENTITY]"
    );
    let stays: Vec<String> = outlines
        .iter()
        .filter(|outline| outline.stays.is_some())
        .map(|outline| format!("{} on {}", outline.entity, outline.side))
        .collect();
    if !stays.is_empty() {
        println!("what would stay and have to be removed by hand: {}", stays.join(", "));
    }
}

fn told(outline: &Outline) -> String {
    if let Some(why) = &outline.skipped {
        return format!("nothing: {why}");
    }
    let sets: Vec<&str> = outline.sets.iter().map(|name| name.as_str()).collect();
    let mut text = format!("create one row with {}", sets.join(", "));
    if outline.edits > 0 {
        text.push_str(&format!("; change it {} times and more", outline.edits));
    }
    match &outline.stays {
        None => text.push_str("; remove it"),
        Some(why) => text.push_str(&format!("; then it STAYS THERE: {why}")),
    }
    text
}

fn print_report(report: &ProbeReport, config: &Config) {
    println!();
    if let Some(why) = &report.skipped {
        println!("{} on {}: not probed, {why}", report.entity, report.side);
        return;
    }
    let made: Vec<&str> = report.made.iter().map(|ext| ext.as_str()).collect();
    let made = if made.is_empty() { "none".to_owned() } else { made.join(", ") };
    println!("{} on {}: {}, rows made: {made}", report.entity, report.side, report.name);
    if !report.made.is_empty() {
        print_fields(report);
        println!();
        print_abilities(&report.abilities);
    }
    print_advice(report, config);
    for note in &report.notes {
        println!("note: {note}");
    }
    if let Some(why) = &report.failed {
        eprintln!("mizan: {} on {}: {why}", report.entity, report.side);
    }
    for left in &report.left {
        let (entity, side) = (&report.entity, &report.side);
        match &left.ext {
            Some(ext) => println!(
                "LEFT BEHIND: {entity} {ext} on {side} ({}): remove it by hand, {}",
                left.find, left.why
            ),
            None => println!(
                "PERHAPS LEFT BEHIND: {entity} on {side}, look for {} ({})",
                left.find, left.why
            ),
        }
    }
}

fn print_fields(report: &ProbeReport) {
    let mut out = compact(&["field", "value", "sent", "stored", "verdict"]);
    for field in &report.fields {
        let name = field.field.as_str();
        if let Some(why) = &field.left_out {
            out.add_row([name, "", "", "", &format!("not probed: {why}")]);
            continue;
        }
        let plain = field.samples.iter().filter(|sample| is_plain(sample)).count();
        if plain > 0 {
            let values = match (plain, field.samples.len()) {
                (1, 1) => field.samples[0].about.to_owned(),
                (plain, all) if plain == all => format!("all {all}"),
                (plain, all) => format!("{plain} of {all}"),
            };
            out.add_row([name, &values, "", "as sent", "as declared"]);
        }
        for (sample, more) in grouped(&field.samples) {
            let stored = sample.stored.as_ref().map_or(String::new(), shown);
            let about = match more {
                0 => sample.about.to_owned(),
                more => format!("{}, and {more} more", sample.about),
            };
            out.add_row([name, &about, &shown(&sample.sent), &stored, &said(sample)]);
        }
    }
    println!("{out}");
}

/// What is not plain: each drift, and one of those that are alike otherwise, with the number of the others.
fn grouped(samples: &[Sample]) -> Vec<(&Sample, usize)> {
    let mut groups: Vec<(&Sample, usize)> = Vec::new();
    for sample in samples.iter().filter(|sample| !is_plain(sample)) {
        let alike = |(other, _): &&mut (&Sample, usize)| other.verdict == sample.verdict;
        let alike = groups.iter_mut().find(alike).filter(|_| sample.verdict != Verdict::Drift);
        match alike {
            Some((_, more)) => *more += 1,
            None => groups.push((sample, 0)),
        }
    }
    groups
}

/// A table whose rows are not divided by lines: there are many of them.
fn compact(header: &[&str]) -> comfy_table::Table {
    let mut out = table(header);
    out.load_style(comfy_table::presets::NOTHING);
    out
}

/// Sent, declared and stored are one: nothing to tell.
fn is_plain(sample: &Sample) -> bool {
    sample.verdict == Verdict::AsDeclared && sample.stored.as_ref() == Some(&sample.sent)
}

fn said(sample: &Sample) -> String {
    match &sample.verdict {
        Verdict::AsDeclared => "as declared".to_owned(),
        Verdict::Finer => format!("keeps more than declared ({})", shown(&sample.declared)),
        Verdict::Drift if sample.declared == sample.sent => "DRIFT: nothing is declared".to_owned(),
        Verdict::Drift => format!("DRIFT: declared was {}", shown(&sample.declared)),
        Verdict::Ignored => "not taken: the value before it stayed".to_owned(),
        Verdict::NotShown => "not shown: nothing can be compared".to_owned(),
        Verdict::Refused(why) => format!("refused: {why}"),
    }
}

/// A value so that white space, line ends and emptiness can be seen.
fn shown(value: &Value) -> String {
    let Value::Text(text) = value else { return value.to_string() };
    let escaped = text.replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t");
    let length = escaped.chars().count();
    if length <= SHOWN_MAX {
        return format!("\"{escaped}\"");
    }
    let begin: String = escaped.chars().take(SHOWN_MAX).collect();
    format!("\"{begin}...\" ({} characters)", text.chars().count())
}

fn print_abilities(abilities: &[Ability]) {
    let mut out = compact(&["ability", "declared", "measured"]);
    for ability in abilities {
        let declared = match ability.declared {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let measured = match (&ability.measured, ability.is_broken()) {
            (Measured::No(text), true) => format!("BROKEN PROMISE: {text}"),
            (Measured::No(text), false) => format!("no: {text}"),
            (Measured::Yes(text), _) => format!("yes: {text}"),
            (Measured::Unknown(text), _) => format!("not measured: {text}"),
        };
        out.add_row([ability.what, declared, &measured]);
    }
    println!("{out}");
}

/// What to write into the configuration.
fn print_advice(report: &ProbeReport, config: &Config) {
    let has = |field: &FieldReport, verdict: &Verdict| {
        field.samples.iter().any(|sample| sample.verdict == *verdict)
    };
    for field in &report.fields {
        let place = format!("[entities.{}.fields] {}", report.entity, field.field);
        match &field.suggest {
            Some(rules) => {
                let path = path_of(config, report, field);
                let rules: Vec<String> = rules.iter().map(|rule| format!("\"{rule}\"")).collect();
                println!(
                    "declare: {place}: {} = {{ path = \"{path}\", normalise = [{}] }}",
                    report.side,
                    rules.join(", ")
                );
            }
            None if has(field, &Verdict::Drift) => println!(
                "look at: {place}: {} stores it otherwise, and no simple rule explains it",
                report.side
            ),
            None => {}
        }
        let changes = field.samples.iter().skip(1).filter(|sample| !sample.sent.is_null());
        let mut changes = changes.peekable();
        if changes.peek().is_some() && changes.all(|sample| sample.verdict == Verdict::Ignored) {
            println!(
                "look at: {place}: {} takes no change of it: create_only = true?",
                report.side
            );
        }
    }
}

fn path_of(config: &Config, report: &ProbeReport, field: &FieldReport) -> String {
    let bindings = config.bindings.get(&report.side);
    let binding = bindings.and_then(|list| list.iter().find(|b| b.entity == report.entity));
    let paths = binding.and_then(|b| b.lens.fields.iter().find(|path| path.field == field.field));
    paths.map_or_else(|| field.field.to_string(), |path| path.path.as_str().to_owned())
}

fn print_end(reports: &[ProbeReport]) {
    let count = |wanted: fn(&ProbeReport) -> bool| reports.iter().filter(|r| wanted(r)).count();
    let probed = count(|report| report.skipped.is_none());
    let clean = count(|report| report.skipped.is_none() && report.is_clean());
    let left: usize = reports.iter().map(|report| report.left.len()).sum();
    println!();
    println!("{probed} probed, {clean} do as declared; left behind: {left}. Nothing was logged.");
    if left > 0 {
        println!(
            "remove what is left before the next sync, which takes it for a record like any other"
        );
    }
}
