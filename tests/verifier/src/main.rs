//! `mizan-verify BUNDLE [--key KEY] [--checkpoint FILE]`: says of each event in a bundle whether it is proven.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to people")]

use mizan_verify::{Report, check};
use std::process::ExitCode;

const USAGE: &str = "usage: mizan-verify BUNDLE [--key KEY|FILE] [--checkpoint FILE]
  --key         the log's public key, or a file with it, as you were given it before; without it the bundle's own is used
  --checkpoint  a file of notes from an anchor: the bundle's checkpoint must be one of them
exit code: 0 everything is proven, 1 something is not, 2 wrong usage";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(report) => {
            print(&report);
            ExitCode::from(u8::from(!report.is_ok()))
        }
        Err((code, why)) => {
            eprintln!("mizan-verify: {why}");
            ExitCode::from(code)
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<Report, (u8, String)> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|e| (2, format!("{path}: {e}")));
    let (mut bundle, mut key, mut notes) = (None, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--key" => {
                let given = arguments.next().ok_or((2, USAGE.to_owned()))?;
                key = Some(std::fs::read_to_string(&given).unwrap_or(given));
            }
            "--checkpoint" => {
                notes = Some(read(&arguments.next().ok_or((2, USAGE.to_owned()))?)?);
            }
            path if bundle.is_none() && !path.starts_with('-') => bundle = Some(read(path)?),
            _ => return Err((2, USAGE.to_owned())),
        }
    }
    let bundle = bundle.ok_or((2, USAGE.to_owned()))?;
    check(&bundle, key.as_deref(), notes.as_deref()).map_err(|why| (1, why))
}

fn print(report: &Report) {
    for (item, wrong) in &report.items {
        match wrong {
            None => println!("ok      {item}"),
            Some(why) => println!("NOT OK  {item}: {why}"),
        }
    }
    println!("signed by {}: {} events", report.origin, report.size);
    if !report.key_is_given {
        println!(
            "the key is the bundle's own: it shows that the parts fit, not who signed (--key)"
        );
    }
    if !report.checkpoint_is_given {
        println!(
            "the checkpoint was not compared with an anchor: the signer may show others another log (--checkpoint)"
        );
    }
    println!(
        "{}",
        if report.is_ok() {
            "everything in the bundle is proven"
        } else {
            "NOT everything is proven"
        }
    );
}
