//! The command line.

use clap::builder::NonEmptyStringValueParser;
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
    /// How everything, or one record, was then: after an event, or at a time.
    AsOf(AsOf),
    /// Conflicts that wait for a person.
    #[command(subcommand)]
    Conflicts(Conflicts),
    /// After a change of the rules: decide what is open, and with --apply what is past, by the new ones.
    Redecide(Redecide),
    /// What is parked, refused or cannot be read.
    #[command(subcommand)]
    Parked(Parked),
    /// Why a record, or one of its fields, has the value that it has.
    Explain(Explain),
    /// Whose each value of a record is: which edit, seen when, decided how, carried by what.
    Blame(Blame),
    /// What differs between two moments of the log, or between this log and another one.
    Diff(Diff),
    /// Take back what was decided and written in a span of the log: a plan first, and with its hash for good.
    Undo(Undo),
    /// Fold the log again from its first event, and compute again what was decided.
    Replay(Replay),
    /// What other rules would have decided, and what would be otherwise because of it.
    WhatIf(WhatIf),
    /// Sign the log, prove what it holds, and check that nobody changed it.
    #[command(subcommand)]
    Audit(Audit),
    /// Examine the log on disk without changing it, and rebuild its index where that is broken.
    Doctor(Doctor),
    /// Log in to sides by OAuth, out of them, and see how long their tokens last.
    #[command(subcommand)]
    Auth(Auth),
    /// Make the contents of a record unreadable for ever; what happened to it stays provable.
    Erase(Erase),
    /// Write the log as a file of JSON lines, whole or a part of it.
    Export(Export),
    /// Write a log that shows a fault and nobody's data, for someone who is to look at it.
    Bundle(Bundle),
    /// Make a log from such a file.
    Import(Import),
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

const LOG: &str = "\
  mizan log                                                the newest 50 events
  mizan log --record product:COF-250 --all                 all of one record
  mizan log --kind refused,withdrawn --since 2h            what sides refused in the last two hours
  mizan log --side books --entity invoice --since 2026-11-01 --until 2026-11-08
  mizan log --all --json                                   one JSON document a line, oldest first

A moment is a position (1234), a time in UTC (2026-11-25T14:30:00Z, 2026-11-25 14:30), a day, or how long ago it is \
(90s, 15m, 2h, 3d).";

#[derive(Debug, Args)]
#[command(after_help = LOG)]
pub(crate) struct Log {
    /// Only events about this record (r12, entity:KEY or entity:side:ID).
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Only events of this kind (observed, decided, intent, done, ...); several after commas, or repeated.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// Only what happened on this side: what it showed, what was sent to it, what became of that.
    #[arg(long, value_name = "SIDE")]
    pub(crate) side: Option<String>,
    /// Only events about this entity.
    #[arg(long, value_name = "ENTITY")]
    pub(crate) entity: Option<String>,
    /// Only events after this position, or from this time on.
    #[arg(long, value_name = "MOMENT")]
    pub(crate) since: Option<String>,
    /// Only events up to this position or time.
    #[arg(long, value_name = "MOMENT")]
    pub(crate) until: Option<String>,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "all")]
    pub(crate) last: usize,
    /// All of them, oldest first.
    #[arg(long)]
    pub(crate) all: bool,
}

const AS_OF: &str = "\
  mizan as-of 1234                                how many records stood how, after event 1234
  mizan as-of 2026-11-25T14:30:00Z --entity product       the products, with their values, at that time
  mizan as-of 2h product:COF-250                  one record two hours ago: what held, what each side showed

Time is when Mizan learnt of something, not when it happened on a side.";

#[derive(Debug, Args)]
#[command(after_help = AS_OF)]
pub(crate) struct AsOf {
    /// A position (1234), a time in UTC (2026-11-25T14:30:00Z), a day, or how long ago (2h, 3d).
    #[arg(value_name = "POS|TIME")]
    pub(crate) moment: String,
    /// The record (r12, entity:KEY or entity:side:ID); everything where it is not given.
    pub(crate) record: Option<String>,
    /// List the records of this entity.
    #[arg(long, value_name = "ENTITY", conflicts_with = "record")]
    pub(crate) entity: Option<String>,
}

const CONFLICTS: &str = "\
A conflict is a field that two sides changed to different values, or a record that one side deleted and another \
changed, where the rule in the configuration is to ask. Everything else goes on without it.

  mizan conflicts list                      which there are
  mizan conflicts show product:COF-250      what each side shows, and why it waits
  mizan conflicts resolve product:COF-250 --take shop --at 1234 --by huda --why \"checked the label\"
  mizan sync                                carries the decision out
  mizan conflicts undo product:COF-250 --by huda --why \"wrong label\"

Exit code 3 while something waits for a person, 4 where a decision was made on an old view.";

#[derive(Debug, Subcommand)]
#[command(after_help = CONFLICTS)]
pub(crate) enum Conflicts {
    /// Those that wait for a person.
    List {
        /// Also those that were set aside, and those that are decided and wait for the next sync.
        #[arg(long)]
        all: bool,
    },
    /// One of them: what each side shows, why it waits, and the commands that decide it.
    Show {
        /// The record (r12, entity:KEY or entity:side:ID).
        record: String,
    },
    /// Decide one of them; the next sync carries it out.
    Resolve(Resolve),
    /// Take back what was decided last: withdraw it, or, where it was carried out, bring back the values before it.
    Undo {
        /// The record (r12, entity:KEY or entity:side:ID).
        record: String,
        #[command(flatten)]
        signed: Signed,
    },
}

/// A decision is kept for ever, with its author and reason.
#[derive(Debug, Args)]
pub(crate) struct Signed {
    /// Who decides.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) by: String,
    /// Why.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) why: String,
}

#[derive(Debug, Args)]
#[group(id = "choice", required = true, args = ["take", "value", "skip", "keep", "delete"])]
pub(crate) struct Resolve {
    /// The record (r12, entity:KEY or entity:side:ID).
    pub(crate) record: String,
    /// The field; may be repeated. All fields in conflict where it is not given.
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Vec<String>,
    /// Take the value of this side; of a field in a group, the whole group.
    #[arg(long, value_name = "SIDE")]
    pub(crate) take: Option<String>,
    /// Take this value for --field; where fields are decided as a group, once for each of them, in their order.
    #[arg(long, value_name = "VALUE", requires = "field", allow_hyphen_values = true)]
    pub(crate) value: Vec<String>,
    /// Set it aside: the sides keep what they show, and nobody is asked before the record changes.
    #[arg(long)]
    pub(crate) skip: bool,
    /// The record was deleted on one side: keep it.
    #[arg(long, conflicts_with = "field")]
    pub(crate) keep: bool,
    /// The record was deleted on one side: delete it everywhere.
    #[arg(long, conflicts_with = "field")]
    pub(crate) delete: bool,
    /// The position that `conflicts show` printed; refused where something has changed since.
    #[arg(long, value_name = "SEQ")]
    pub(crate) at: u64,
    #[command(flatten)]
    pub(crate) signed: Signed,
}

const REDECIDE: &str = "\
A changed `prefer` decides what comes. What was decided stays, and an open conflict waits on until its record changes.

  mizan redecide product --dry-run                        what the new rules would make of both
  mizan redecide product --by huda --why REASON           decides what is open
  mizan redecide product --apply --by huda --why REASON   and sets past ones, too
  mizan sync                                              carries it out";

#[derive(Debug, Args)]
#[command(after_help = REDECIDE)]
pub(crate) struct Redecide {
    /// The entity.
    pub(crate) entity: String,
    /// Show what would change, and append nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also set the values that past conflicts would have under the rules now in force, where they still hold.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) apply: bool,
    /// Who decides.
    #[arg(long, value_name = "NAME", required_unless_present = "dry_run", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) why: Option<String>,
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

const EXPLAIN: &str = "\
  mizan explain product:COF-250            all that led to the record, in order
  mizan explain product:COF-250 price      the price, what it was decided from, and where it was carried

The tree under a value is what it rests on: the decision, under it what the sides showed, under that how their rows came \
to belong to the record. Replaying these events alone gives the value again.";

#[derive(Debug, Args)]
#[command(after_help = EXPLAIN)]
pub(crate) struct Explain {
    /// The record (r12, entity:KEY or entity:side:ID).
    pub(crate) record: String,
    /// The field.
    pub(crate) field: Option<String>,
}

const BLAME: &str = "\
  mizan blame product:COF-250

An edit is named by its side and by which of that side's changes of the record it was: shop#3 is the third.";

#[derive(Debug, Args)]
#[command(after_help = BLAME)]
pub(crate) struct Blame {
    /// The record (r12, entity:KEY or entity:side:ID).
    pub(crate) record: String,
}

const DIFF: &str = "\
  mizan diff 1200 1400                       what changed from after event 1200 to after event 1400
  mizan diff 2h now --entity product         the products of the last two hours
  mizan diff --other /backups/mizan-log      this log and a copy of it, or the log of another machine

Exit code 0, whether or not anything differs.";

#[derive(Debug, Args)]
#[command(after_help = DIFF)]
pub(crate) struct Diff {
    /// The earlier moment: a position, a time in UTC, a day, or how long ago (2h, 3d).
    #[arg(value_name = "A", required_unless_present = "other")]
    pub(crate) a: Option<String>,
    /// The later moment; now where it is not given.
    #[arg(value_name = "B")]
    pub(crate) b: Option<String>,
    /// The folder of another log, to compare this one with.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["a", "b"])]
    pub(crate) other: Option<PathBuf>,
    /// Only records of this entity.
    #[arg(long, value_name = "ENTITY")]
    pub(crate) entity: Option<String>,
}

const UNDO: &str = "\
  mizan undo --from 1200 --to 1400                   what would be taken back, and the plan's hash
  mizan undo --from 1200 --to 1400 --entity product --record product:COF-250
  mizan undo --from 1200 --to 1400 --approve HASH --by huda --why \"wrong price list\"
  mizan sync                                         carries it out, under the usual guards

What was changed after the span stays as it is. What cannot be taken back by a write (a final document, a stock count, a \
field of a side that is not written to) is said, for a person. An undo can be undone: its events are a span, too.

Exit code 4 without an approval, or with one for another plan; 3 where something is left for a person.";

#[derive(Debug, Args)]
#[command(after_help = UNDO)]
pub(crate) struct Undo {
    /// Take back what came after this position or time.
    #[arg(long, value_name = "POS|TIME")]
    pub(crate) from: String,
    /// Up to this one, and with it.
    #[arg(long, value_name = "POS|TIME")]
    pub(crate) to: String,
    /// Only this record (r12, entity:KEY or entity:side:ID).
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Only records of this entity.
    #[arg(long, value_name = "ENTITY")]
    pub(crate) entity: Option<String>,
    /// The hash of the plan, as it was shown: take it back for good.
    #[arg(long, value_name = "HASH", requires = "by", requires = "why")]
    pub(crate) approve: Option<String>,
    /// Who decides.
    #[arg(long, value_name = "NAME", requires = "approve", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) by: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT", requires = "approve", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) why: Option<String>,
}

const REPLAY: &str = "\
The state in memory is what the log folds to, and every decision and command in the log is what the rules of its time \
make of what was known before it. This computes all of it again, and says where it is not so.

  mizan replay                        fold the log again, and compare
  mizan replay --verify               and compute every decision and intent again
  mizan replay --at 1234              fold up to an event
  mizan replay --at 2026-03-01        fold up to where a day begins, in UTC

Nothing is changed. Exit code 1 where something differs; what cannot be computed, because a policy or contents are \
not there any more, is told and is no failure.";

#[derive(Debug, Args)]
#[command(after_help = REPLAY)]
pub(crate) struct Replay {
    /// Fold up to this position or moment only.
    #[arg(long, value_name = "SEQ|TIME", conflicts_with = "verify")]
    pub(crate) at: Option<String>,
    /// Compute every recorded decision and intent again, under the rules of then.
    #[arg(long)]
    pub(crate) verify: bool,
}

const WHAT_IF: &str = "\
Write a copy of the configuration with other rules (prefer, owner, on_delete, group, ...), and ask what they would have \
made of everything that happened. Nothing is changed, nothing is sent, and no side is asked.

  cp mizan.toml other.toml            and change the rules in it
  mizan what-if --policy other.toml
  mizan what-if --policy other.toml --from 2026-03-01
  mizan what-if --policy other.toml --simulate

What is said of a record is exact up to its first decision that would have had another effect. What its sides showed \
after that answers to commands that would not have been sent: it is counted apart, and never as fact.";

#[derive(Debug, Args)]
#[command(after_help = WHAT_IF)]
pub(crate) struct WhatIf {
    /// A configuration with the same entities and other rules.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// Ask about what was decided after this position or moment only.
    #[arg(long, value_name = "SEQ|TIME")]
    pub(crate) from: Option<String>,
    /// Also do again what users did, to sides in memory under the other rules: a model, and no evidence.
    #[arg(long, conflicts_with = "from")]
    pub(crate) simulate: bool,
}

const AUDIT: &str = "\
Every sync that did something ends with a checkpoint: the size and the Merkle root of the log, signed with its key. \
An anchor takes it to where nobody who can change the log can change it.

  mizan audit checkpoint                               sign what is new
  mizan audit verify                                   is the log still what was signed?
  mizan audit verify --anchor notes --key audit.pub    and what was anchored?
  mizan audit prove product:COF-250 --out proof.json   a bundle for an auditor, who needs no mizan:
  mizan-verify proof.json --key audit.pub
  mizan audit archive --before 900000 --to /mnt/cold   old segments elsewhere; they are still read from there

Exit code 1 where the log was tampered with, truncated or written anew, and where an anchor failed; 3 where a proof \
leaves out events that no checkpoint covers yet.";

#[derive(Debug, Subcommand)]
#[command(after_help = AUDIT)]
pub(crate) enum Audit {
    /// Sign the log as it is now, and give the checkpoint to the anchors.
    Checkpoint {
        /// Make a new key, because the one that signed the checkpoints before is lost.
        #[arg(long)]
        new_key: bool,
    },
    /// Prove a record's events, or one event, against the newest checkpoint.
    Prove(Prove),
    /// Check events, hashes, roots, signatures and anchors.
    Verify(VerifyLog),
    /// Give the newest checkpoint to every anchor once more.
    Anchor,
    /// Move old segment files of the log to another folder; roots and proofs stay.
    Archive {
        /// Move segments whose events all lie before this position.
        #[arg(long, value_name = "POSITION")]
        before: u64,
        /// The folder of the archive; segments archived before that are found there are looked for there from now on.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// The record (r12, entity:KEY or entity:side:ID), or the position of an event.
    #[arg(value_name = "RECORD|POSITION")]
    pub(crate) subject: String,
    /// Write the bundle to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyLog {
    /// A file of notes that was kept elsewhere; configured anchors that are files are read as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: Vec<PathBuf>,
    /// A public key whose signatures count, or a file with one; the file beside the log unless given.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Set a broken index aside and rebuild it from the segment files.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// The log was put back from a backup: begin a new epoch, so that no side takes what is sent from now on for
    /// something that the lost part of the log had sent.
    #[arg(long, conflicts_with = "rebuild")]
    pub(crate) new_epoch: bool,
}

const AUTH: &str = "\
A side with grant = \"authorization_code\" needs a person once; after that Mizan renews the tokens by itself, and says \
so where the server no longer does.

  mizan auth login qoyod            prints an address; open it on this machine and log in
  mizan auth login qoyod --paste    open it anywhere, and paste the address that you end at
  mizan auth status                 how long the tokens last, and who has to log in
  mizan auth logout qoyod           forgets the tokens here, and revokes them at the server

Tokens are never printed. Exit code 3 of `status`: somebody has to log in.";

#[derive(Debug, Subcommand)]
#[command(after_help = AUTH)]
pub(crate) enum Auth {
    /// Log in to a side.
    Login(Login),
    /// What is known of the tokens, of all sides or of one.
    Status {
        /// The side.
        side: Option<String>,
    },
    /// Forget the tokens of a side, and revoke them.
    Logout {
        /// The side.
        side: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The side.
    pub(crate) side: String,
    /// Paste the address that the browser ends at, for a machine without a browser.
    #[arg(long)]
    pub(crate) paste: bool,
    /// Give up after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
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
    /// How long an access token lives, in seconds.
    #[arg(long, default_value_t = 7200)]
    pub(crate) token_seconds: u64,
    /// The API key that it accepts.
    #[arg(long, default_value = "sandbox-key")]
    pub(crate) api_key: String,
}

const EXPORT: &str = "\
The file holds every event and every content that an event names, byte for byte, and beside them the same for people. \
Its last line counts them and has a checksum. The file is as secret as the log.

  mizan export --out log.jsonl                         all of it; `mizan import` makes the same log from it
  mizan export --from 1000 --to 1200 | jq .is.fact     a part, to look at
  mizan export --format csv --out events.csv           a table of the events, for a spreadsheet
  mizan import log.jsonl --store other/mizan-log       a copy, in a folder that does not exist yet";

#[derive(Debug, Args)]
#[command(after_help = EXPORT)]
pub(crate) struct Export {
    /// The file; standard output where it is not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The first event.
    #[arg(long, value_name = "POS", default_value_t = 1)]
    pub(crate) from: u64,
    /// The last event.
    #[arg(long, value_name = "POS", default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) to: u64,
    /// `jsonl` is whole and can be imported; `csv` is a table of the events.
    #[arg(long, value_name = "FORMAT", value_parser = ["jsonl", "csv"], default_value = "jsonl")]
    pub(crate) format: String,
}

const IMPORT: &str = "\
Everything in the file is checked: each content against its hash, each event against the one before, the whole against \
the checksum. Where anything is wrong, the line is named and no log is made. An import never changes a log that is there.

  mizan import log.jsonl --store other/mizan-log
  mizan export | ssh elsewhere mizan import - --store mizan-log";

#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub(crate) struct Import {
    /// A file that `mizan export` wrote; `-` is standard input.
    pub(crate) file: PathBuf,
    /// The folder of the new log; it must be empty or not exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) store: PathBuf,
}

const ERASE: &str = "\
Values of entities with `personal = true` are stored sealed, each under a key of its own. Erasing throws the keys away: no \
byte of the log changes, so every proof over it stays, and nobody can read the values again. Delete the record on its sides \
and sync first.

  mizan erase customer:shop:17 --by huda --why \"asked on 3 May\"          says what would become unreadable, and what not
  mizan erase customer:shop:17 --by huda --why \"asked on 3 May\" --yes    does it

A deleted record is no longer found by its key: write entity:side:ID with the id that it had, or r12.

Exit code 3 where something of the record stays readable in the log, 4 where the record is still in use.";

#[derive(Debug, Args)]
#[command(after_help = ERASE)]
pub(crate) struct Erase {
    /// The record (r12, entity:KEY or entity:side:ID).
    pub(crate) record: String,
    #[command(flatten)]
    pub(crate) signed: Signed,
    /// Do it; without it nothing is changed.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Also where sides still have the record: its past, but not what they show now.
    #[arg(long)]
    pub(crate) even_alive: bool,
}

const BUNDLE: &str = "\
A bundle is a log of its own: it folds like this one, record by record and conflict by conflict, and every value, row id, \
natural key and name of a person in it is a pseudonym. Pseudonyms are equal where the values were, and in the same order. \
Names of sides, entities and fields stay, and times. The configuration goes with it, without addresses, secrets and places.

  mizan bundle product:COF-250 --out fault.jsonl      this record, and those that it refers to
  mizan bundle --to 4711 --out fault.jsonl            all records, up to an event
  mizan import fault.jsonl --store fault              where it is looked at; then:
  mizan replay --config fault/mizan.toml

Decisions that are computed again may differ where a side rounds or cuts: a pseudonym is not rounded like its value.";

#[derive(Debug, Args)]
#[command(after_help = BUNDLE)]
pub(crate) struct Bundle {
    /// The records (r12, entity:KEY or entity:side:ID); all where none is given.
    pub(crate) records: Vec<String>,
    /// Up to this event. A bundle begins at the first event of a log, because the rest follows from it.
    #[arg(long, value_name = "POS")]
    pub(crate) to: Option<u64>,
    /// The file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
