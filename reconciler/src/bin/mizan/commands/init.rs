//! `mizan init`: a commented configuration to start from.

use crate::Failure;
use crate::args::Init;
use std::path::Path;

/// The example; a test parses it, so it cannot go stale.
const EXAMPLE: &str = include_str!("../example.toml");

pub(crate) fn run(args: &Init, path: &Path) -> Result<u8, Failure> {
    if path.exists() && !args.force {
        return Err(Failure::usage(format!(
            "{} is there already; --force overwrites it",
            path.display()
        )));
    }
    std::fs::write(path, EXAMPLE)?;
    println!("wrote {}; fill in the sides, then: mizan check", path.display());
    Ok(0)
}
