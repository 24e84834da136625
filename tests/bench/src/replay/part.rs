//! One measurement in a process of its own, so that its memory is its own.

use crate::Outcome;
use crate::measure::{peak_memory_mib, timed};
use clap::Args;
use mizan_core::fold::{STATE_CODE, State, fold};
use mizan_core::{Event, Seq};
use mizan_store::{EventLog, SledLog, StoreError, rebuild};
use serde_json::json;
use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;

/// Which part to run, on which log.
#[derive(Args, Clone)]
pub(crate) struct Part {
    /// `scan`, `memory`, `snapshot` or `rebuild`.
    part: String,
    /// The log.
    log: PathBuf,
}

/// Runs one part and prints what it measured.
pub(crate) fn run_part(part: &Part) -> Outcome {
    let answer = match part.part.as_str() {
        "scan" => scan(part)?,
        "memory" => memory(part)?,
        "snapshot" => snapshot(part)?,
        "rebuild" => {
            let (report, time) = timed(|| rebuild(&part.log));
            report?;
            json!({ "rebuild": time.as_secs_f64(), "peak_mib": peak_memory_mib() })
        }
        other => return Err(format!("no such part: {other}").into()),
    };
    println!("{answer}");
    Ok(())
}

fn stopped(error: impl std::fmt::Display) -> StoreError {
    StoreError::Stopped { reason: error.to_string() }
}

fn scan(part: &Part) -> Result<serde_json::Value, Box<dyn Error>> {
    let (opened, open) = timed(|| SledLog::open(&part.log));
    let (log, _) = opened?;
    let mut bytes = 0;
    let (scanned, scan) = timed(|| {
        log.scan(Seq(0), &mut |_, event| {
            bytes += event.len();
            Ok(())
        })
    });
    scanned?;
    let (decoded, decode) = timed(|| {
        log.scan(Seq(0), &mut |seq, event| {
            black_box(Event::from_bytes(seq, event).map_err(stopped)?);
            Ok(())
        })
    });
    decoded?;
    let before = memory_now_mib();
    let mut state = State::default();
    let (folded, all) = timed(|| {
        log.scan(Seq(0), &mut |seq, event| {
            let event = Event::from_bytes(seq, event).map_err(stopped)?;
            fold(&mut state, &event).map_err(stopped)
        })
    });
    folded?;
    Ok(json!({
        "events": state.head.0,
        "bytes": bytes,
        "open": open.as_secs_f64(),
        "scan": scan.as_secs_f64(),
        "decode": decode.as_secs_f64(),
        "fold": all.as_secs_f64(),
        "state_mib": memory_now_mib() - before,
        "peak_mib": peak_memory_mib(),
    }))
}

fn memory(part: &Part) -> Result<serde_json::Value, Box<dyn Error>> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    {
        let (log, _) = SledLog::open(&part.log)?;
        log.scan(Seq(0), &mut |_, event| {
            bytes.extend_from_slice(event);
            ends.push(bytes.len());
            Ok(())
        })?;
    }
    let each = |visit: &mut dyn FnMut(Event) -> Result<(), StoreError>| -> Result<(), StoreError> {
        let mut begin = 0;
        for (seq, end) in (1..).zip(&ends) {
            visit(Event::from_bytes(Seq(seq), &bytes[begin..*end]).map_err(stopped)?)?;
            begin = *end;
        }
        Ok(())
    };
    let (decoded, decode) = timed(|| {
        each(&mut |event| {
            black_box(event);
            Ok(())
        })
    });
    decoded?;
    let mut state = State::default();
    let (folded, all) = timed(|| each(&mut |event| fold(&mut state, &event).map_err(stopped)));
    folded?;
    Ok(json!({
        "events": state.head.0,
        "decode": decode.as_secs_f64(),
        "fold": all.as_secs_f64(),
        "peak_mib": peak_memory_mib(),
    }))
}

fn snapshot(part: &Part) -> Result<serde_json::Value, Box<dyn Error>> {
    let (opened, open) = timed(|| SledLog::open(&part.log));
    let (log, _) = opened?;
    let (state, load) = timed(|| -> Result<State, Box<dyn Error>> {
        let snapshot = log.load_snapshot(STATE_CODE)?.ok_or("the log has no snapshot")?;
        Ok(State::from_bytes(&snapshot.bytes).ok_or("the snapshot cannot be read")?)
    });
    let state = state?;
    if state.head != log.head() {
        return Err("the snapshot is not of the head".into());
    }
    Ok(json!({
        "events": state.head.0,
        "open": open.as_secs_f64(),
        "load": load.as_secs_f64(),
        "peak_mib": peak_memory_mib(),
    }))
}

fn memory_now_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
