//! `mizan-bench`: how fast Mizan is, as ratios against baselines that run in turn with it.
//!
//! Absolute figures say more about the machine and its load than about the code. Every contender of a section
//! therefore takes its turn in each round, and what counts is the median of the rounds and its ratio to the
//! baseline of the same run. Targets stand beside the ratios; nothing here fails because of them.

#![expect(clippy::print_stdout, reason = "a program that reports to the terminal")]
#![expect(clippy::print_stderr, reason = "what is wrong must not stand among the figures")]

mod append;
mod audit;
mod files;
mod made;
mod measure;
mod pass;
mod replay;
mod side;

use clap::{Args, Parser, Subcommand};
use measure::Sheet;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures Mizan against baselines of the same run.
#[derive(Parser)]
#[command(name = "mizan-bench", version)]
struct Cli {
    #[command(subcommand)]
    section: Section,
    #[command(flatten)]
    common: Common,
}

/// What every section takes.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// Print one JSON document a figure instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Fewer rounds and smaller data: a look, not a measurement.
    #[arg(long, global = true)]
    quick: bool,
    /// Where to put test data; it must be on the disk that is to be measured.
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Section {
    /// Durable appends: one by one, in groups, and from many threads.
    Append,
    /// Reading the log back: scan, decode and fold; snapshots; rebuilding sled.
    Replay(replay::Wishes),
    /// Reconcile passes over two sides with a change feed, in memory.
    Pass(pass::Wishes),
    /// Two folders of files, beside Unison, rclone and the plainest correct program.
    Files(files::Wishes),
    /// Proving, computing again and explaining a large log that an engine made.
    Audit(audit::Wishes),
    /// Everything.
    All(files::Wishes),
    /// One measurement in a process of its own, for its memory.
    #[command(hide = true)]
    ReplayPart(replay::Part),
    /// The same for the audit.
    #[command(hide = true)]
    AuditPart(audit::Part),
}

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mizan-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Outcome {
    let mut sheet = Sheet::new(cli.common.json);
    match &cli.section {
        Section::Append => append::run(&cli.common, &mut sheet),
        Section::Replay(wishes) => replay::run(wishes, &cli.common, &mut sheet),
        Section::Pass(wishes) => pass::run(wishes, &cli.common, &mut sheet),
        Section::Files(wishes) => files::run(wishes, &cli.common),
        Section::All(wishes) => {
            append::run(&cli.common, &mut sheet)?;
            replay::run(&replay::Wishes::default(), &cli.common, &mut sheet)?;
            pass::run(&pass::Wishes::default(), &cli.common, &mut sheet)?;
            audit::run(&audit::Wishes::default(), &cli.common, &mut sheet)?;
            files::run(wishes, &cli.common)
        }
        Section::Audit(wishes) => audit::run(wishes, &cli.common, &mut sheet),
        Section::ReplayPart(part) => replay::run_part(part),
        Section::AuditPart(part) => audit::run_part(part),
    }
}

impl Common {
    /// A folder for test data that goes when it is dropped.
    pub(crate) fn scratch(&self) -> std::io::Result<tempfile::TempDir> {
        match &self.dir {
            Some(dir) => tempfile::tempdir_in(dir),
            None => tempfile::tempdir(),
        }
    }
}
