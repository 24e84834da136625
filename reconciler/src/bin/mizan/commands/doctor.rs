//! `mizan doctor`: what is on the disk, and repair.

use crate::Failure;
use crate::args::{Cli, Doctor};
use crate::output::load;
use mizan::store::{Examination, examine, rebuild};
use serde_json::json;

pub(crate) fn run(args: &Doctor, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    if args.rebuild {
        let report = rebuild(&config.log)?;
        println!("rebuilt: {report:?}");
        return Ok(0);
    }
    let found = examine(&config.log)?;
    let healthy = found.is_healthy();
    if cli.json {
        println!(
            "{}",
            json!({ "healthy": healthy, "head": found.head, "found": format!("{found:?}") })
        );
    } else {
        print_examination(&found);
    }
    Ok(u8::from(!healthy))
}

fn print_examination(found: &Examination) {
    println!("{} events can be read, in {} segment files", found.head, found.segments.len());
    for segment in &found.segments {
        println!("  {segment:?}");
    }
    println!("index (sled): {:?}, durable up to event {}", found.sled, found.checkpoint);
    if let Some(damage) = &found.damage {
        println!("DAMAGE: {damage:?}");
        println!("make a copy of the folder, then: mizan doctor --rebuild");
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
