//! Audit and replay of a large log: what it costs to prove, to compute again, to explain, as ratios to the raw fold.

mod part;

use crate::measure::{Figure, Sheet, Target, median, ratio};
use crate::pass::World;
use crate::{Common, Outcome};
use clap::Args;
use mizan::store::SledLog;
use std::error::Error;
use std::path::Path;
use std::process::Command;

pub(crate) use part::{Part, run_part};

/// Records of the log where nothing else is asked for.
const RECORDS: u64 = 20_000;

/// What may be asked for.
#[derive(Args, Clone, Default)]
pub(crate) struct Wishes {
    /// Events of the log; 1,000,000 where nothing is said, 50,000 with `--quick`.
    #[arg(long)]
    events: Option<u64>,
}

/// What one process measured, in seconds, MiB or pieces.
type Answer = serde_json::Value;

/// Runs the section.
pub(crate) fn run(wishes: &Wishes, common: &Common, sheet: &mut Sheet) -> Outcome {
    let events = wishes.events.unwrap_or(if common.quick { 50_000 } else { 1_000_000 });
    let records = if common.quick { RECORDS / 20 } else { RECORDS };
    let scratch = common.scratch()?;
    let log = scratch.path().join("log");
    build(&log, records, events)?;
    let mut all: Vec<(&str, Vec<Answer>)> =
        part::PARTS.iter().map(|part| (*part, Vec::new())).collect();
    for _ in 0..if common.quick { 1 } else { 3 } {
        for (part, answers) in &mut all {
            answers.push(ask(part, &log)?);
        }
    }
    let count = all[0].1[0]["events"].as_u64().unwrap_or(0);
    sheet.section(&format!("Audit of {count} events that an engine made of {records} records"));
    let folds = column(&all[0].1, "seconds");
    for (part, answers) in &all {
        show(sheet, part, answers, &folds);
    }
    Ok(())
}

/// Two sides in memory whose users edit, now and then the same record, until the log is long enough.
fn build(path: &Path, records: u64, events: u64) -> Outcome {
    let (log, _) = SledLog::open(path)?;
    let mut world = World::new(records, Box::new(log))?;
    world.sync()?;
    while world.events() < events {
        world.edit(records / 10);
        world.clash(records / 50);
        world.sync()?;
    }
    world.end()
}

fn show(sheet: &mut Sheet, part: &str, answers: &[Answer], folds: &[f64]) {
    let seconds = column(answers, "seconds");
    let what = part::says(part);
    let figure = Figure::new(what, "Mizan", median(&seconds), "s");
    let figure = if part == "fold" {
        figure
    } else {
        let figure = figure.against(ratio(&seconds, folds), "raw fold");
        match part::target(part) {
            Some(most) => figure.target(Target::AtMost(most)),
            None => figure,
        }
    };
    sheet.add(&figure);
    let each = column(answers, "each_us");
    if each.iter().all(|each| each.is_finite()) {
        sheet.add(&Figure::new(format!("{what}: each"), "Mizan", median(&each), "us"));
    }
    let peak = column(answers, "peak_mib");
    sheet.add(&Figure::new(format!("{what}: peak memory"), "Mizan", median(&peak), "MiB"));
}

fn column(answers: &[Answer], name: &str) -> Vec<f64> {
    answers.iter().map(|answer| answer[name].as_f64().unwrap_or(f64::NAN)).collect()
}

/// Runs one part in a process of its own.
fn ask(part: &str, log: &Path) -> Result<Answer, Box<dyn Error>> {
    let me = std::env::current_exe()?;
    let output = Command::new(me).arg("audit-part").arg(part).arg(log).output()?;
    if !output.status.success() {
        return Err(format!("{part}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
