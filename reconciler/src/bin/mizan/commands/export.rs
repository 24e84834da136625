//! `mizan export`: the log as a file.

use crate::Failure;
use crate::args::{Cli, Export};
use crate::output::{counter, load, look, open_to_look};
use mizan::core::Seq;
use mizan::store::{EventLog, Exported};
use mizan::table::write_csv;
use serde_json::json;
use std::io::{BufWriter, Write};
use std::path::Path;

pub(crate) fn run(args: &Export, cli: &Cli) -> Result<u8, Failure> {
    match export(args, cli) {
        // `mizan export | head` has read enough.
        Err(failure) if args.out.is_none() && failure.what.contains("Broken pipe") => Ok(0),
        other => other,
    }
}

fn export(args: &Export, cli: &Cli) -> Result<u8, Failure> {
    if args.format == "csv" {
        return table(args, cli);
    }
    let config = load(&cli.config)?;
    let log = open_to_look(&config)?;
    let done = match &args.out {
        Some(path) => into_file(args, cli, log.as_ref(), path)?,
        None => write(args, cli, log.as_ref(), &mut std::io::stdout().lock())?,
    };
    tell(args, cli, &done);
    Ok(0)
}

/// The events as a table.
fn table(args: &Export, cli: &Cli) -> Result<u8, Failure> {
    let look = look(&load(&cli.config)?)?;
    let range = (Seq(args.from.max(1)), Seq(args.to));
    let bar = counter(cli.json, "exporting", Some(args.to.min(look.journal.head().0)));
    let mut write = |out: &mut dyn Write| {
        let mut out = BufWriter::with_capacity(256 * 1024, out);
        let rows = write_csv(&look.journal, range, &mut out, &mut |at| bar.set_position(at.0))?;
        out.flush()?;
        Ok(rows)
    };
    let rows = match &args.out {
        Some(path) => whole_file(path, &mut write)?,
        None => write(&mut std::io::stdout().lock())?,
    };
    bar.finish_and_clear();
    if let Some(path) = &args.out {
        if cli.json {
            println!("{}", json!({ "file": path, "events": rows }));
        } else {
            println!("{rows} events are in {}", path.display());
        }
    }
    Ok(0)
}

/// The file is there whole or not at all, and nobody else may read it: it holds what the log holds.
fn into_file(
    args: &Export,
    cli: &Cli,
    log: &dyn EventLog,
    path: &Path,
) -> Result<Exported, Failure> {
    whole_file(path, &mut |out| write(args, cli, log, out))
}

/// Writes a file that is there whole or not at all.
pub(super) fn whole_file<T>(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let failed = |error: std::io::Error| Failure {
        code: 1,
        what: format!("cannot write {}: {error}", path.display()),
    };
    let mut file =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    let done = write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(done)
}

fn write(
    args: &Export,
    cli: &Cli,
    log: &dyn EventLog,
    out: &mut dyn Write,
) -> Result<Exported, Failure> {
    let mut out = BufWriter::with_capacity(256 * 1024, out);
    let (from, to) = (Seq(args.from.max(1)), Seq(args.to));
    let of = (to.0.min(log.head().0) + 1).saturating_sub(from.0);
    let bar = counter(cli.json, "exporting", Some(of));
    let done =
        mizan::store::export(log, from, to, &mut out, &mut |events| bar.set_position(events));
    bar.finish_and_clear();
    Ok(done?)
}

fn tell(args: &Export, cli: &Cli, done: &Exported) {
    let Some(path) = &args.out else { return };
    if cli.json {
        println!(
            "{}",
            json!({
                "file": path, "log": done.log, "first": done.first, "last": done.last,
                "events": done.events, "bodies": done.bodies, "absent": done.absent, "keys": done.keys,
            })
        );
        return;
    }
    println!(
        "events {} to {} and {} contents are in {}",
        done.first,
        done.last,
        done.bodies,
        path.display()
    );
    if done.first == Seq(1) {
        println!("a copy from it: mizan import {} --store FOLDER", path.display());
    }
}
