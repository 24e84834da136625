//! The command line.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Keeps the records of two systems in balance, and can tell why every record is as it is.
#[derive(Debug, Parser)]
#[command(name = "mizan", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Configuration file.
    #[arg(long, short, global = true, default_value = "mizan.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 converged; 1 something failed; 2 wrong usage or configuration; \
3 done, but conflicts or parked records wait for a person; 4 refused by a guard.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole story on this machine: a local Qoyod, a shop, edits, a conflict, a lost answer, a crash.
    Demo(Demo),
    /// Write a commented configuration to start from.
    Init(Init),
    /// Check the configuration and the connections, and say which guarantees hold.
    Check(Check),
    /// Reconcile once: rounds until nothing is left to do.
    Sync(Sync),
    /// What is in sync, what waits, and for whom.
    Status,
    /// The events of the log.
    Log(Log),
    /// Conflicts that wait for a person.
    #[command(subcommand)]
    Conflicts(Conflicts),
    /// What is parked, refused or cannot be read.
    #[command(subcommand)]
    Parked(Parked),
    /// Why a record, or one of its fields, has the value that it has.
    Explain(Explain),
    /// Examine the log on disk without changing it, and rebuild its index where that is broken.
    Doctor(Doctor),
    /// Run a local stand-in for a system, for trying things out and for tests.
    #[command(subcommand)]
    Sandbox(Sandbox),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the folder with the log and the files, and say where it is.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Do not connect; look at the file only.
    #[arg(long, conflicts_with = "probe")]
    pub(crate) offline: bool,
    /// Measure what the sides really do, with a record of our own: say what would be done.
    #[arg(long)]
    pub(crate) probe: bool,
    /// Do it: create, change and remove the record, on the sides that allow it.
    #[arg(long, requires = "probe")]
    pub(crate) yes: bool,
    /// Probe only these sides.
    #[arg(long, value_name = "SIDE", requires = "probe")]
    pub(crate) side: Vec<String>,
    /// Probe only these entities.
    #[arg(long, value_name = "ENTITY", requires = "probe")]
    pub(crate) entity: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Show what would be linked and sent, and change nothing: not the sides and not the log.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only these entities.
    #[arg(long, value_name = "ENTITY")]
    pub(crate) only: Vec<String>,
    /// Approve the plan with this hash, once.
    #[arg(long, value_name = "PLAN_HASH")]
    pub(crate) approve: Option<String>,
    /// List everything completely, whatever the configuration says.
    #[arg(long)]
    pub(crate) sweep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Only events about this record (r12, entity:KEY or entity:side:ID).
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Only events of this kind (observed, decided, intent, done, ...).
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only events after this position.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) since: u64,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) last: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Conflicts {
    /// All of them.
    List,
    /// One of them, with the base and both sides' values.
    Show {
        /// The record (r12, entity:KEY or entity:side:ID).
        record: String,
    },
    /// Decide one of them.
    Resolve(Resolve),
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The record (r12, entity:KEY or entity:side:ID).
    pub(crate) record: String,
    /// The field; all fields in conflict where it is not given.
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Option<String>,
    /// Take the value of this side.
    #[arg(long, value_name = "SIDE", group = "choice")]
    pub(crate) take: Option<String>,
    /// Take this value.
    #[arg(long, value_name = "VALUE", group = "choice", requires = "field")]
    pub(crate) value: Option<String>,
    /// The record was deleted on one side: keep it.
    #[arg(long, group = "choice")]
    pub(crate) keep: bool,
    /// The record was deleted on one side: delete it everywhere.
    #[arg(long, group = "choice")]
    pub(crate) delete: bool,
    /// The position that `conflicts show` printed; refused where something has changed since.
    #[arg(long, value_name = "SEQ")]
    pub(crate) at: u64,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Parked {
    /// All of it.
    List,
    /// Let a parked record go on.
    Retry {
        /// The record (r12, entity:KEY or entity:side:ID).
        record: String,
        /// Who says so.
        #[arg(long, value_name = "NAME")]
        by: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The record (r12, entity:KEY or entity:side:ID).
    pub(crate) record: String,
    /// The field.
    pub(crate) field: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Set a broken index aside and rebuild it from the segment files.
    #[arg(long)]
    pub(crate) rebuild: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sandbox {
    /// A local Qoyod over HTTP.
    Qoyod(SandboxQoyod),
}

#[derive(Debug, Args)]
pub(crate) struct SandboxQoyod {
    /// Port on the loopback address; 0 takes a free one.
    #[arg(long, default_value_t = 4090)]
    pub(crate) port: u16,
    /// Requests a minute; 0 lifts the limit.
    #[arg(long, default_value_t = 300)]
    pub(crate) requests_per_minute: u32,
    /// The API key that it accepts.
    #[arg(long, default_value = "sandbox-key")]
    pub(crate) api_key: String,
}
