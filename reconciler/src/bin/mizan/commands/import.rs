//! `mizan import`: a log from a file.

use crate::Failure;
use crate::args::{Cli, Import};
use crate::output::counter;
use mizan::store::{ExportError, import_folder};
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// A guard refused: there is a log already.
const REFUSED: u8 = 4;

pub(crate) fn run(args: &Import, cli: &Cli) -> Result<u8, Failure> {
    let mut file: Box<dyn BufRead> = if args.file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.file).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", args.file.display()))
        })?;
        Box::new(BufReader::with_capacity(256 * 1024, file))
    };
    let bar = counter(cli.json, "importing", None);
    let done = import_folder(&mut file, &args.store, &mut |events| bar.set_position(events));
    bar.finish_and_clear();
    let done = done.map_err(|error| match error {
        ExportError::NotEmpty { .. } => Failure { code: REFUSED, what: error.to_string() },
        other => {
            let failure = Failure::from(other);
            Failure { what: format!("{}: {}", args.file.display(), failure.what), ..failure }
        }
    })?;
    if cli.json {
        println!(
            "{}",
            json!({
                "store": args.store, "log": done.log, "events": done.events,
                "bodies": done.bodies, "absent": done.absent, "keys": done.keys,
            })
        );
        return Ok(0);
    }
    println!("{} events and {} contents are in {}", done.events, done.bodies, args.store.display());
    println!(
        "to use it, write `path = \"{}\"` under [log] in a configuration",
        args.store.display()
    );
    Ok(0)
}
