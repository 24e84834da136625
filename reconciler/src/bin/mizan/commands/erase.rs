//! `mizan erase`: contents become unreadable.

use crate::Failure;
use crate::args::{Cli, Erase};
use crate::output::{load, look};
use mizan::clock::{Clock, SystemClock};
use mizan::core::Seq;
use mizan::erase::{EraseError, Erasure, erase, examine};
use mizan::explain::find_record;
use serde_json::json;

/// Done, and something of the record stays readable.
const REMAINS: u8 = 3;
/// A guard refused.
const REFUSED: u8 = 4;

pub(crate) fn run(args: &Erase, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let mut look = look(&config)?;
    let record =
        find_record(look.journal.state(), &look.schema, &args.record).ok_or_else(|| {
            Failure::usage(format!(
                "no record `{}`; of one that was deleted write r12 or entity:side:ID, of another also entity:KEY",
                args.record
            ))
        })?;
    let erasure = examine(&look.journal, record, args.even_alive).map_err(refused)?;
    if args.yes {
        let (by, why) = (&args.signed.by, &args.signed.why);
        erase(&mut look.journal, SystemClock.now(), &erasure, by, why).map_err(refused)?;
    }
    if cli.json {
        println!("{}", json!({ "erased": args.yes, "erasure": erasure }));
    } else {
        tell(&erasure, args.yes, &config.log);
    }
    Ok(if erasure.leaves_something() { REMAINS } else { 0 })
}

fn refused(error: EraseError) -> Failure {
    let code = match &error {
        EraseError::Alive { .. } | EraseError::Busy(_) | EraseError::Nothing { .. } => REFUSED,
        _ => 1,
    };
    Failure { code, what: Failure::from(error).what }
}

fn tell(erasure: &Erasure, done: bool, log: &std::path::Path) {
    let become_ = if done { "can never be read again" } else { "would never be readable again" };
    println!(
        "{} {}: the values of {} events and {} images {become_}",
        erasure.entity,
        erasure.record,
        erasure.events.len(),
        erasure.bodies.len()
    );
    if !erasure.plain_events.is_empty() || !erasure.plain_bodies.is_empty() {
        println!(
            "STAYS READABLE: the values of {} events and {} images, stored before `personal = true` was set{}",
            erasure.plain_events.len(),
            erasure.plain_bodies.len(),
            places(&erasure.plain_events)
        );
    }
    if !erasure.shared.is_empty() {
        println!(
            "STAYS READABLE: {} images that another record has as well, value for value",
            erasure.shared.len()
        );
    }
    if !erasure.alive_on.is_empty() {
        let sides: Vec<&str> = erasure.alive_on.iter().map(|side| side.as_str()).collect();
        println!(
            "STAYS READABLE: {} images of what {} now: the record lives, and is compared with them",
            erasure.needed.len(),
            if sides.len() > 1 {
                format!("{} show", sides.join(" and "))
            } else {
                format!("{} shows", sides.join(""))
            }
        );
    }
    println!("stays: that it was there, ids, times, and hashes that can confirm a guess");
    if done {
        println!(
            "beyond reach: copies and exports of {} made before; delete those yourself",
            log.display()
        );
    } else {
        println!("nothing was changed; add --yes to do it");
    }
}

fn places(events: &[Seq]) -> String {
    match (events.first(), events.last()) {
        (Some(first), Some(last)) => format!(" (events {first} to {last})"),
        _ => String::new(),
    }
}
