//! `mizan-peer`: one synchronisation of two folders of JSON files, as a contender among others.
//!
//! `mizan-peer sync DIR_A DIR_B STATE_DIR [each|batch]`; with `MIZAN_STAGES` set it also says where the time went.

#![expect(clippy::print_stdout, reason = "the harness reads what is printed")]
#![expect(clippy::print_stderr, reason = "the harness keeps what is printed when a run fails")]

mod stages;

use mizan::connect::{connect_sides, open_engine, open_log};
use mizan::engine::Report;
use mizan::{Config, SyncOptions};
use stages::{Stages, TimedAdapter, TimedLog};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

const FIELDS: &str = include_str!("../../fields.toml");

fn main() -> ExitCode {
    let begun = Instant::now();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, a, b, state, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: mizan-peer sync DIR_A DIR_B STATE_DIR [each|batch]");
        return ExitCode::from(2);
    };
    if verb != "sync" {
        eprintln!("mizan-peer: the only verb is `sync`, not `{verb}`");
        return ExitCode::from(2);
    }
    let durability = rest.first().map_or("each", String::as_str);
    match run([a, b, state], durability, begun) {
        // 3: converged, and something waits for a person; the harness looks at the contents itself.
        Ok(0 | 3) => ExitCode::SUCCESS,
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("mizan-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(paths: [&String; 3], durability: &str, begun: Instant) -> Result<u8, Box<dyn Error>> {
    let mut stages = Stages::new(begun);
    let [a, b, state] = paths;
    let text = configuration(a, b, state, durability)?;
    let config = Config::parse(&text, Path::new("/"))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut sides = connect_sides(&config)?;
    stages.end("start");
    let (mut log, opened) = open_log(&config.log)?;
    stages.end("open log");
    if let Some(reason) = opened.rebuilt {
        eprintln!("mizan-peer: sled was rebuilt: {reason}");
    }
    let asked = std::env::var_os("MIZAN_STAGES").is_some();
    let meters = stages.meters();
    if asked {
        log = Box::new(TimedLog::over(log, Arc::clone(&meters)));
        let timed = |side| Arc::new(TimedAdapter::over(side, Arc::clone(&meters))) as Arc<_>;
        sides.adapters = sides.adapters.into_iter().map(timed).collect();
    }
    let mut engine = open_engine(&config, log, sides.adapters)?;
    stages.end("fold");
    let inside = Instant::now();
    let report = runtime.block_on(engine.sync(&SyncOptions::default()))?;
    println!("inner_s={:.6}", inside.elapsed().as_secs_f64());
    stages.end("sync");
    engine.save_snapshot()?;
    stages.end("snapshot");
    drop(engine);
    stages.end("close");
    drop(runtime);
    stages.end("runtime");
    tell(&report);
    if asked {
        println!("{stages}");
    }
    Ok(report.exit_code())
}

fn tell(report: &Report) {
    let counts = &report.counts;
    println!(
        "rounds={} events={} observed={} created={} updated={} deleted={} withdrawn={} complete={}",
        report.rounds,
        counts.events,
        counts.observed,
        counts.created,
        counts.updated,
        counts.deleted,
        counts.withdrawn,
        report.complete
    );
    for problem in &report.problems {
        eprintln!("problem on {}: {}", problem.side, problem.what);
    }
    for violation in &report.violations {
        eprintln!("guard: {violation}");
    }
    if !report.standing.is_clear() {
        eprintln!("standing: {:?}", report.standing);
    }
}

fn configuration(
    a: &str,
    b: &str,
    state: &str,
    durability: &str,
) -> Result<String, Box<dyn Error>> {
    let absolute = |path: &str| -> Result<String, Box<dyn Error>> {
        let path = std::path::absolute(path)?;
        let text = path.to_str().ok_or("a path is not UTF-8")?;
        // A JSON text is a TOML text as well.
        Ok(serde_json::to_string(text)?)
    };
    let log = absolute(&format!("{state}/log"))?;
    let (a, b) = (absolute(a)?, absolute(b)?);
    Ok(format!(
        r#"
[log]
path = {log}
[limits]
deletes_percent = 100
updates_percent = 100
[sides.a]
adapter = "files"
root = {a}
[sides.b]
adapter = "files"
root = {b}
[entities.item]
direction = "both"
key = ["id"]
prefer = "a"
on_delete = "edit-wins"
[entities.item.sides]
a = {{ path = ".", durability = "{durability}" }}
b = {{ path = ".", durability = "{durability}" }}
{FIELDS}"#
    ))
}
