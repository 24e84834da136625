//! `mizan doctor`: what is on the disk, and repair.

use crate::Failure;
use crate::args::{Cli, Doctor};
use crate::output::load;
use mizan::store::{Damage, Examination, LeafHealth, RebuildReport, SledHealth, examine, rebuild};
use serde_json::{Value as Json, json};

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
    let found = examine(&config.log)?;
    if cli.json {
        println!("{}", examination_json(&found));
    } else {
        print_examination(&found);
    }
    Ok(u8::from(!found.is_healthy()))
}

fn examination_json(found: &Examination) -> Json {
    let damage = found.damage.as_ref().map(|damage| {
        json!({
            "file": damage.file, "offset": damage.offset, "event": damage.seq,
            "reason": damage.reason, "restorable": damage.restorable,
        })
    });
    json!({
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
            "  {}: events {} to {}, {} frames, {} of {} bytes used",
            segment.file.display(),
            segment.first,
            segment.first.0 + segment.events.saturating_sub(1),
            segment.frames,
            segment.used,
            segment.bytes
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
        println!("the index does not hold it; put a backup of the folder back");
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
