//! `mizan doctor`: what is on the disk, and repair.

use crate::Failure;
use crate::args::{Cli, Doctor};
use crate::output::{load, tell_open};
use mizan::clock::{Clock, SystemClock};
use mizan::connect::open_log;
use mizan::epoch::new_epoch;
use mizan::store::{Damage, Examination, LeafHealth, RebuildReport, SledHealth, examine, rebuild};
use serde_json::{Value as Json, json};
use std::path::Path;
use uuid::Uuid;

pub(crate) fn run(args: &Doctor, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    if args.rebuild {
        let report = rebuild(&config.log)?;
        if cli.json {
            println!("{}", rebuild_json(&report));
        } else {
            print_rebuild(&report);
        }
        return Ok(0);
    }
    if args.new_epoch {
        return begin_epoch(&config.log, cli.json);
    }
    let found = examine(&config.log)?;
    if cli.json {
        println!("{}", examination_json(&found));
    } else {
        print_examination(&found);
    }
    Ok(u8::from(!found.is_healthy()))
}

/// A number that no epoch had: drawn at random, because a lost epoch cannot be looked up.
fn begin_epoch(log: &Path, json: bool) -> Result<u8, Failure> {
    if !log.exists() {
        let what = format!("there is no log at {}: put the backup there first", log.display());
        return Err(Failure { code: 1, what });
    }
    let (log, report) = open_log(log)?;
    tell_open(&report);
    let chance = (Uuid::new_v4().as_u128() >> 96) as u32;
    let (_, begun) = new_epoch(log, SystemClock.now(), chance.max(2))?;
    if json {
        println!(
            "{}",
            json!({
                "epoch": begun.epoch, "event": begun.at, "records": begun.records, "in_doubt": begun.in_doubt,
            })
        );
        return Ok(0);
    }
    println!(
        "epoch {} begins at event {}, with {} records and {} commands in doubt",
        begun.epoch, begun.at, begun.records, begun.in_doubt
    );
    println!(
        "next: mizan sync --sweep, which reads both sides whole; what was sent after the backup is read back"
    );
    println!(
        "as their users' edits, and rows without a natural key that were made after it can come twice"
    );
    Ok(0)
}

fn examination_json(found: &Examination) -> Json {
    let damage = found.damage.as_ref().map(|damage| {
        json!({
            "file": damage.file, "offset": damage.offset, "event": damage.seq,
            "reason": damage.reason, "restorable": damage.restorable,
        })
    });
    let archived = |reachable: bool| {
        let segments = found.segments.iter().filter(move |segment| segment.archived);
        segments.filter(|segment| segment.reachable || !reachable).count()
    };
    json!({
        "archived_segments": archived(false), "archived_reachable": archived(true),
        "healthy": found.is_healthy(), "events": found.head, "segments": found.segments.len(),
        "index": index_text(&found.sled), "leaves": leaves_text(found.leaves), "checkpoint": found.checkpoint, "damage": damage,
        "torn_tail_bytes": found.torn_tail_bytes, "in_use": found.in_use,
        "kept_aside": found.kept_aside,
    })
}

fn index_text(sled: &SledHealth) -> String {
    match sled {
        SledHealth::Missing => "missing; the next start builds it".to_owned(),
        SledHealth::NotExamined => "not looked at, the log is in use".to_owned(),
        SledHealth::Fits => "agrees with the segments".to_owned(),
        SledHealth::Behind => "lacks the newest events; the next start adds them".to_owned(),
        SledHealth::Ahead(seq) => {
            format!("holds events up to {seq}, which the segments have lost")
        }
        SledHealth::Unusable(why) => format!("cannot be used ({why}); the next start rebuilds it"),
        other => format!("{other:?}"),
    }
}

fn leaves_text(leaves: LeafHealth) -> String {
    match leaves {
        LeafHealth::Missing => "missing; the next checkpoint or proof makes them".to_owned(),
        LeafHealth::Fit(seq) => format!("agree with the events up to {seq}"),
        LeafHealth::Differ(seq) => format!(
            "DIFFER from event {seq} on: the file was damaged, or the log was changed behind its back; look with \
             mizan audit verify, then mizan doctor --rebuild sets them aside"
        ),
        LeafHealth::NotExamined => "not compared".to_owned(),
        other => format!("{other:?}"),
    }
}

fn print_examination(found: &Examination) {
    println!("{} events can be read, in {} segment files", found.head, found.segments.len());
    for segment in &found.segments {
        println!(
            "  {}: events {} to {}, {} frames, {} of {} bytes used{}",
            segment.file.display(),
            segment.first,
            segment.first.0 + segment.events.saturating_sub(1),
            segment.frames,
            segment.used,
            segment.bytes,
            match (segment.archived, segment.reachable) {
                (false, _) => "",
                (true, true) => " (archived)",
                (true, false) => " (archived; NOT REACHABLE now, so not examined)",
            }
        );
    }
    println!("index (sled): {}", index_text(&found.sled));
    println!("leaf hashes (Merkle tree): {}", leaves_text(found.leaves));
    if let Some(damage) = &found.damage {
        print_damage(damage);
    }
    if found.torn_tail_bytes > 0 {
        println!(
            "{} bytes of an append that was never acknowledged; the next start cuts them",
            found.torn_tail_bytes
        );
    }
    if found.in_use {
        println!("another process has the log open");
    }
    for path in &found.kept_aside {
        println!("kept aside by an earlier repair: {}", path.display());
    }
    if found.is_healthy() {
        println!("sound");
    }
}

fn print_damage(damage: &Damage) {
    println!(
        "DAMAGE from event {}: {} ({}, byte {})",
        damage.seq,
        damage.reason,
        damage.file.display(),
        damage.offset
    );
    if damage.restorable {
        println!(
            "the index still holds what is damaged; make a copy of the folder, then: mizan doctor --rebuild"
        );
    } else {
        println!(
            "the index does not hold it; put a backup of the folder back, then: mizan doctor --new-epoch"
        );
    }
}

fn rebuild_json(report: &RebuildReport) -> Json {
    let restored: Vec<Json> = report
        .restored
        .iter()
        .map(|part| json!({ "file": part.file, "offset": part.offset, "event": part.seq, "frames": part.frames }))
        .collect();
    json!({
        "events": report.events, "frames": report.frames, "suspect": report.suspect,
        "restored": restored, "torn_tail_bytes": report.torn_tail_bytes,
        "leaves_set_aside": report.leaves,
    })
}

fn print_rebuild(report: &RebuildReport) {
    for part in &report.restored {
        println!(
            "restored {} frames from event {} on in {}",
            part.frames,
            part.seq,
            part.file.display()
        );
        if let Some(copy) = &part.copy {
            println!("  the file as it was is kept in {}", copy.display());
        }
    }
    println!("the index holds {} events in {} frames again", report.events, report.frames);
    if let Some(suspect) = &report.suspect {
        println!("the old index is kept in {}", suspect.display());
    }
    if let Some(leaves) = &report.leaves {
        println!("leaf hashes that were not those of the events are kept in {}", leaves.display());
    }
}
