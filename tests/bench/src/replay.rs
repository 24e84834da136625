//! Reading the log back: scan, decode and fold, from the log and from memory; snapshots; rebuilding sled.

mod build;
mod part;

use crate::measure::{Figure, Sheet, Target, median, ratio};
use crate::{Common, Outcome};
use clap::Args;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use part::{Part, run_part};

/// Records of the made log where nothing else is asked for.
const RECORDS: u64 = 10_000;

/// What may be asked for.
#[derive(Args, Clone, Default)]
pub(crate) struct Wishes {
    /// Events of the log; 1,000,000 where nothing is said, 200,000 with `--quick`.
    #[arg(long)]
    events: Option<u64>,
    /// Records that the events are about; 10,000 where nothing is said.
    #[arg(long)]
    records: Option<u64>,
}

/// What one process measured, in seconds, MiB or pieces.
type Answer = serde_json::Value;

/// Runs the section.
pub(crate) fn run(wishes: &Wishes, common: &Common, sheet: &mut Sheet) -> Outcome {
    let events = wishes.events.unwrap_or(if common.quick { 200_000 } else { 1_000_000 });
    let records = wishes.records.unwrap_or(RECORDS).max(1);
    let scratch = common.scratch()?;
    let log = scratch.path().join("log");
    let built = build::build(&log, records, events)?;
    let (mut scans, mut memories, mut snapshots) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if common.quick { 2 } else { 5 } {
        scans.push(ask("scan", &log)?);
        memories.push(ask("memory", &log)?);
        snapshots.push(ask("snapshot", &log)?);
    }
    let rebuilds: Vec<Answer> = (0..if common.quick { 1 } else { 3 })
        .map(|_| ask("rebuild", &log))
        .collect::<Result<_, _>>()?;
    let title = format!("Replay of {} events over {records} records", built.events);
    sheet.section(&title);
    show_speed(sheet, &scans, &memories);
    show_opening(sheet, &scans, &snapshots, &rebuilds);
    show_size(sheet, &log, &built, records, &scans, &memories);
    Ok(())
}

fn column(answers: &[Answer], name: &str) -> Vec<f64> {
    answers.iter().map(|answer| answer[name].as_f64().unwrap_or(f64::NAN)).collect()
}

/// Events a second, from seconds.
fn speeds(answers: &[Answer], name: &str) -> Vec<f64> {
    let events = column(answers, "events");
    column(answers, name).iter().zip(events).map(|(seconds, events)| events / seconds).collect()
}

fn show_speed(sheet: &mut Sheet, scans: &[Answer], memories: &[Answer]) {
    let from_log = speeds(scans, "fold");
    let from_memory = speeds(memories, "fold");
    let what = "decode and fold";
    let baseline = "from memory";
    sheet.add(&Figure::new(what, baseline, median(&from_memory), "events/s"));
    let figure = Figure::new(what, "from the log", median(&from_log), "events/s");
    let share = ratio(&from_log, &from_memory);
    sheet.add(&figure.against(share, baseline).target(Target::AtLeast(0.6)));
    let goal = vec![3_000_000.0; from_log.len()];
    let figure = Figure::new(what, "from the log", median(&from_log), "events/s");
    sheet.add(
        &figure.against(ratio(&from_log, &goal), "3 million a second").target(Target::AtLeast(1.0)),
    );
    let parts = [
        ("scan alone", "from the log", speeds(scans, "scan")),
        ("scan and decode", "from the log", speeds(scans, "decode")),
        ("decode alone", "from memory", speeds(memories, "decode")),
    ];
    for (what, who, speed) in parts {
        sheet.add(&Figure::new(what, who, median(&speed), "events/s"));
    }
}

fn show_opening(sheet: &mut Sheet, scans: &[Answer], snapshots: &[Answer], rebuilds: &[Answer]) {
    let sum = |answers: &[Answer], second: &str| -> Vec<f64> {
        column(answers, "open").iter().zip(column(answers, second)).map(|(a, b)| a + b).collect()
    };
    let full = sum(scans, "fold");
    let cached = sum(snapshots, "load");
    let what = "open the log and have the state";
    let baseline = "by full replay";
    sheet.add(&Figure::new(what, baseline, median(&full), "s"));
    let figure = Figure::new(what, "from a snapshot", median(&cached), "s");
    let share = ratio(&cached, &full);
    sheet.add(&figure.against(share, baseline).target(Target::AtMost(0.05)));
    let opening = column(snapshots, "open");
    let figure = Figure::new("of which: opening the log", "from a snapshot", median(&opening), "s");
    sheet.add(&figure.against(ratio(&opening, &full), baseline));
    let loading = column(snapshots, "load");
    let figure = Figure::new("of which: the snapshot", "from a snapshot", median(&loading), "s");
    sheet.add(&figure.against(ratio(&loading, &full), baseline));
    let rebuilt = column(rebuilds, "rebuild");
    let limit = vec![10.0; rebuilt.len()];
    let figure = Figure::new("rebuild sled from the segments", "Mizan log", median(&rebuilt), "s");
    sheet.add(&figure.against(ratio(&rebuilt, &limit), "10 s").target(Target::AtMost(1.0)));
}

fn show_size(
    sheet: &mut Sheet,
    log: &Path,
    built: &build::Built,
    records: u64,
    scans: &[Answer],
    memories: &[Answer],
) {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let raw = mib(built.raw_bytes);
    sheet.add(&Figure::new("size", "events and bodies", raw, "MiB"));
    for (what, folder) in [("segments", "segments"), ("sled", "sled")] {
        let size = mib(size_of(&log.join(folder)));
        sheet.add(&Figure::new("size", what, size, "MiB").against(size / raw, "events and bodies"));
    }
    let snapshot = mib(size_of(&log.join("snapshot")));
    sheet.add(&Figure::new("size", "snapshot", snapshot, "MiB"));
    let peak = |answers: &[Answer]| median(&column(answers, "peak_mib"));
    sheet.add(&Figure::new("peak memory", "full replay from the log", peak(scans), "MiB"));
    sheet.add(&Figure::new("peak memory", "full replay from memory", peak(memories), "MiB"));
    let state = column(scans, "state_mib");
    let each = median(&state) * f64::from(1 << 20) / records as f64;
    let figure = Figure::new("state in memory", "a record with two sides", each, "bytes");
    sheet.add(&figure.against(each / 250.0, "250 bytes").target(Target::AtMost(1.0)));
}

/// Bytes of everything below a path, as the disk counts them.
fn size_of(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = std::fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.blocks() * 512;
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size_of(&entry.path())).sum()
}

/// Runs one part in a process of its own.
fn ask(part: &str, log: &PathBuf) -> Result<Answer, Box<dyn Error>> {
    let me = std::env::current_exe()?;
    let output = Command::new(me).arg("replay-part").arg(part).arg(log).output()?;
    if !output.status.success() {
        return Err(format!("{part}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
