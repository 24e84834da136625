//! One measurement in a process of its own, so that its memory is its own.

use crate::Outcome;
use crate::measure::{peak_memory_mib, timed};
use crate::pass;
use clap::Args;
use mizan::core::fold::{State, fold};
use mizan::core::policy::Declared;
use mizan::core::{Event, RecordId, Seq};
use mizan::engine::Journal;
use mizan::explain::explain;
use mizan::replay::{PolicyRegistry, replay, verify};
use mizan::store::merkle::{Frontier, leaf_hash, verify_inclusion};
use mizan::store::{Batch, EventLog, SledLog, StoreError};
use mizan::what_if::what_if;
use serde_json::json;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Which part to run, on which log.
#[derive(Args, Clone)]
pub(crate) struct Part {
    /// One of `PARTS`.
    part: String,
    /// The log.
    log: PathBuf,
}

/// All parts, the baseline first.
pub(super) const PARTS: &[&str] = &[
    "fold",
    "append",
    "tree",
    "open",
    "open-snapshot",
    "replay",
    "verify",
    "what-if",
    "explain",
    "prove",
];

/// Records that are explained, and events that are proven.
const PROBES: u64 = 200;

/// Events of one batch where appending is measured.
const BATCH: usize = 1_000;

/// What a part measures, in words.
pub(super) fn says(part: &str) -> &'static str {
    match part {
        "fold" => "raw fold: scan, decode and fold",
        "append" => "append all of it again, in batches of 1,000, durable, with the tree",
        "tree" => "of which: the tree",
        "open" => "open without a snapshot",
        "open-snapshot" => "open with a snapshot",
        "replay" => "replay: fold again and compare with the snapshot and the state",
        "verify" => "replay --verify: every decision and command again",
        "what-if" => "the same with three what-ifs: prefer b, the greatest, a person",
        "explain" => "explain 200 records",
        "prove" => "prove 200 events and verify the proofs",
        _ => "an unknown part",
    }
}

/// What the ratio to the raw fold should be at most.
pub(super) fn target(part: &str) -> Option<f64> {
    match part {
        "open-snapshot" => Some(0.25),
        "replay" => Some(2.0),
        _ => None,
    }
}

/// Runs one part and prints what it measured.
pub(crate) fn run_part(part: &Part) -> Outcome {
    let (seconds, each) = match part.part.as_str() {
        "fold" => (raw_fold(&part.log)?, None),
        "append" => (append(&part.log)?, None),
        "tree" => (tree(&part.log)?, None),
        "open" => (open(&part.log, false)?, None),
        "open-snapshot" => (open(&part.log, true)?, None),
        "replay" => (whole_replay(&part.log)?, None),
        "verify" => (whole_verify(&part.log)?, None),
        "what-if" => (whole_verify(&part.log)? + three_what_ifs(&part.log)?, None),
        "explain" => probes(explain_some(&part.log)?),
        "prove" => probes(prove_some(&part.log)?),
        other => return Err(format!("no such part: {other}").into()),
    };
    let (log, _) = SledLog::open(&part.log)?;
    println!(
        "{}",
        json!({
            "events": log.head().0, "seconds": seconds, "each_us": each, "peak_mib": peak_memory_mib(),
        })
    );
    Ok(())
}

fn probes(seconds: f64) -> (f64, Option<f64>) {
    (seconds, Some(seconds * 1e6 / PROBES as f64))
}

fn stopped(error: impl std::fmt::Display) -> StoreError {
    StoreError::Stopped { reason: error.to_string() }
}

fn raw_fold(path: &Path) -> Result<f64, Box<dyn Error>> {
    let (log, _) = SledLog::open(path)?;
    let mut state = State::default();
    let (folded, time) = timed(|| {
        log.scan(Seq(0), &mut |seq, event| {
            let event = Event::from_bytes(seq, event).map_err(stopped)?;
            fold(&mut state, &event).map_err(stopped)
        })
    });
    folded?;
    Ok(time.as_secs_f64())
}

/// The same events into a new log beside the old one.
fn append(path: &Path) -> Result<f64, Box<dyn Error>> {
    let (log, _) = SledLog::open(path)?;
    let mut batches = vec![Vec::with_capacity(BATCH)];
    log.scan(Seq(0), &mut |_, event| {
        if batches.last().is_some_and(|last| last.len() == BATCH) {
            batches.push(Vec::with_capacity(BATCH));
        }
        if let Some(last) = batches.last_mut() {
            last.push(event.to_vec());
        }
        Ok(())
    })?;
    let copy = path.with_extension("copy");
    let (mut to, _) = SledLog::open(&copy)?;
    let (done, time) = timed(|| {
        for batch in batches {
            let head = to.head();
            to.append(head, &Batch::of_events(batch))?;
        }
        Ok::<(), StoreError>(())
    });
    done?;
    let same = to.root(to.head())? == log.root(log.head())?;
    drop(to);
    std::fs::remove_dir_all(&copy)?;
    if same { Ok(time.as_secs_f64()) } else { Err("the copy has another root".into()) }
}

/// The tree alone, over all events.
fn tree(path: &Path) -> Result<f64, Box<dyn Error>> {
    let (log, _) = SledLog::open(path)?;
    let mut events = Vec::new();
    log.scan(Seq(0), &mut |_, event| {
        events.push(event.to_vec());
        Ok(())
    })?;
    let (root, time) = timed(|| {
        let mut tree = Frontier::default();
        events.iter().for_each(|event| tree.push(leaf_hash(event)));
        tree.root()
    });
    let same = root == log.root(log.head())?;
    if same { Ok(time.as_secs_f64()) } else { Err("the log has another root".into()) }
}

fn open(path: &Path, cached: bool) -> Result<f64, Box<dyn Error>> {
    let snapshot = path.join("snapshot");
    let aside = path.with_extension("snapshot");
    if !cached {
        std::fs::rename(&snapshot, &aside)?;
    }
    let (opened, time) = timed(|| -> Result<Journal, Box<dyn Error>> {
        let (log, _) = SledLog::open(path)?;
        Ok(Journal::open(Box::new(log))?)
    });
    if !cached {
        std::fs::rename(&aside, &snapshot)?;
    }
    opened?;
    Ok(time.as_secs_f64())
}

fn journal(path: &Path) -> Result<Journal, Box<dyn Error>> {
    let (log, _) = SledLog::open(path)?;
    Ok(Journal::open(Box::new(log))?)
}

fn whole_replay(path: &Path) -> Result<f64, Box<dyn Error>> {
    let journal = journal(path)?;
    let (replayed, time) = timed(|| replay(&journal, journal.head(), &mut |_| {}));
    if replayed?.holds() { Ok(time.as_secs_f64()) } else { Err("the replay differs".into()) }
}

fn whole_verify(path: &Path) -> Result<f64, Box<dyn Error>> {
    let journal = journal(path)?;
    let (verified, time) =
        timed(|| verify(&journal, None, &PolicyRegistry::default(), &mut |_| {}));
    let verified = verified?;
    let whole = verified.holds() && verified.decisions.confirmed == verified.decisions.all();
    if whole { Ok(time.as_secs_f64()) } else { Err(format!("{verified:?}").into()) }
}

/// Each must have gone through every decision; the first must change the winner of each conflict.
fn three_what_ifs(path: &Path) -> Result<f64, Box<dyn Error>> {
    let journal = journal(path)?;
    let schemas = [pass::schema("b")?, pass::schema("greatest")?, pass::schema("manual")?];
    let mut seconds = 0.0;
    for schema in &schemas {
        let (told, time) = timed(|| what_if(&journal, schema, &Declared, Seq(0), &mut |_| {}));
        let told = told?;
        if told.compared == 0 || told.diverged == 0 {
            return Err("other rules decide nothing otherwise: the log has no conflict".into());
        }
        seconds += time.as_secs_f64();
    }
    Ok(seconds)
}

fn explain_some(path: &Path) -> Result<f64, Box<dyn Error>> {
    let (journal, schema) = (journal(path)?, pass::schema("a")?);
    let records = journal.state().records.len() as u64;
    let (told, time) = timed(|| {
        for probe in 0..PROBES {
            let record = RecordId(u32::try_from(probe * records / PROBES).unwrap_or(0));
            let explained = explain(&journal, &schema, record, None)?;
            if explained.is_none_or(|explained| explained.steps.is_empty()) {
                return Err("a record has no story".into());
            }
        }
        Ok::<(), Box<dyn Error>>(())
    });
    told?;
    Ok(time.as_secs_f64())
}

fn prove_some(path: &Path) -> Result<f64, Box<dyn Error>> {
    let (log, _) = SledLog::open(path)?;
    let size = log.head();
    let root = log.root(size)?;
    let (proven, time) = timed(|| {
        for probe in 0..PROBES {
            let at = Seq(1 + probe * (size.0 - 1) / PROBES);
            let event = log.read(at)?.unwrap_or_default();
            let proof = log.inclusion(at, size)?;
            if !verify_inclusion(&leaf_hash(&event), at.0 - 1, size.0, &proof, &root) {
                return Err(format!("event {at} is not proven").into());
            }
        }
        Ok::<(), Box<dyn Error>>(())
    });
    proven?;
    Ok(time.as_secs_f64())
}
