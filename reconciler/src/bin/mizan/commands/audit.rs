//! `mizan audit`: checkpoints, proofs, anchors, and the check of the log.

use crate::Failure;
use crate::args::{Audit, Cli, Prove, VerifyLog};
use crate::output::{Look, load, look, table};
use indicatif::{ProgressBar, ProgressStyle};
use mizan::audit::anchor::{Anchor, Delivered, deliver_pending};
use mizan::audit::prove::{Bundle, Subject, prove};
use mizan::audit::verify::{Evidence, Verdict, Verified, verify};
use mizan::audit::{Keeper, Kept, VerifyingKey, notes_in};
use mizan::config::Config;
use mizan::connect::{ConnectError, open_log};
use mizan::core::Seq;
use mizan::explain::find_record;
use mizan::store::{StoreError, archive};
use serde_json::json;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

/// Findings and warnings that a person is shown.
const SHOWN_MAX: usize = 20;

pub(crate) fn run(args: &Audit, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    match args {
        Audit::Checkpoint { new_key } => checkpoint(&config, *new_key, cli),
        Audit::Prove(args) => prove_subject(&config, args, cli),
        Audit::Verify(args) => verify_log(&config, args, cli),
        Audit::Anchor => anchor(&config, cli),
        Audit::Archive { before, to } => archive_segments(&config, *before, to, cli),
    }
}

fn block_on<T>(job: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(job))
}

fn checkpoint(config: &Config, new_key: bool, cli: &Cli) -> Result<u8, Failure> {
    let keeper = Keeper::of(config);
    let mut look = look(config)?;
    let made = keeper.checkpoint(&mut look.journal, new_key)?;
    let Some(last) = keeper.last(&look.journal)? else {
        return Err(Failure { code: 1, what: "the log has no events to sign".to_owned() });
    };
    let anchored = block_on(deliver_pending(&keeper, &last, false))?;
    if cli.json {
        let document = json!({
            "made": made.is_some(), "size": last.size, "root": last.root, "at": last.at, "note": last.note,
            "key": keeper.public_key()?.map(|key| key.to_string()), "anchors": anchored,
        });
        println!("{document}");
        return Ok(failures(&anchored));
    }
    if made.is_some() {
        println!("signed: {} events, root {} (event {})", last.size, last.root, last.at);
    } else {
        println!(
            "nothing new since the checkpoint at event {}: {} events, root {}",
            last.at, last.size, last.root
        );
    }
    if let Some(key) = keeper.public_key()? {
        println!("public key, for whoever checks: {key}");
    }
    print_anchored(&anchored);
    if config.audit.anchors.is_empty() {
        println!(
            "no anchor is configured: whoever has the key can still write the log anew ([[audit.anchor]])"
        );
    }
    Ok(failures(&anchored))
}

fn failures(anchored: &[Delivered]) -> u8 {
    u8::from(anchored.iter().any(|one| one.failed.is_some()))
}

fn print_anchored(anchored: &[Delivered]) {
    for one in anchored {
        match &one.failed {
            None => println!("anchored {} events: {}", one.size, one.anchor),
            Some(why) => eprintln!(
                "anchor failed: {}: {why}; it gets the newest checkpoint at the next sync",
                one.anchor
            ),
        }
    }
}

/// What a sync says about its checkpoint: only what went wrong.
pub(crate) fn tell_kept(kept: &Kept) {
    if let Some(problem) = &kept.problem {
        eprintln!("no checkpoint was made: {problem}");
    }
    for one in &kept.anchored {
        if let Some(why) = &one.failed {
            eprintln!(
                "anchor failed: {}: {why}; it gets the newest checkpoint at the next sync",
                one.anchor
            );
        }
    }
}

/// The same for `--json`.
pub(crate) fn kept_json(kept: &Kept) -> serde_json::Value {
    let made = kept.made.as_ref();
    json!({
        "checkpoint": made.map(|made| json!({ "size": made.size, "root": made.root, "at": made.at })),
        "anchors": kept.anchored, "problem": kept.problem.as_ref().map(ToString::to_string),
    })
}

fn anchor(config: &Config, cli: &Cli) -> Result<u8, Failure> {
    if config.audit.anchors.is_empty() {
        return Err(Failure::usage(
            "no anchor is configured; add one, for instance\n\n[[audit.anchor]]\nfile = \"/mnt/elsewhere/mizan-notes\"",
        ));
    }
    let (keeper, look) = (Keeper::of(config), look(config)?);
    let Some(last) = keeper.last(&look.journal)? else {
        return Err(Failure {
            code: 1,
            what: "the log has no checkpoint yet; make one with `mizan audit checkpoint`"
                .to_owned(),
        });
    };
    let anchored = block_on(deliver_pending(&keeper, &last, true))?;
    if cli.json {
        println!("{}", json!({ "size": last.size, "root": last.root, "anchors": anchored }));
    } else {
        print_anchored(&anchored);
    }
    Ok(failures(&anchored))
}

fn archive_segments(config: &Config, before: u64, to: &Path, cli: &Cli) -> Result<u8, Failure> {
    if !config.log.exists() {
        return Err(Failure {
            code: 1,
            what: format!("there is no log at {} yet", config.log.display()),
        });
    }
    let report = archive(&config.log, Seq(before), to)?;
    if cli.json {
        let document = json!({
            "moved": report.moved, "found_again": report.found_again, "bytes": report.bytes,
            "through": report.through,
        });
        println!("{document}");
        return Ok(0);
    }
    for path in &report.moved {
        println!("moved to {}", path.display());
    }
    for path in &report.found_again {
        println!("found again: {}", path.display());
    }
    if report.moved.is_empty() && report.found_again.is_empty() {
        println!(
            "nothing to move: only whole segments that end before event {before} are, and the newest one never is \
             (mizan doctor lists them)"
        );
    } else {
        println!(
            "events up to {} are in archives; {} bytes fewer in the log's folder; every root and proof stays",
            report.through, report.bytes
        );
    }
    Ok(0)
}

fn subject(text: &str, look: &Look) -> Result<Subject, Failure> {
    if let Ok(position) = text.parse::<u64>() {
        return Ok(Subject::Event(Seq(position)));
    }
    find_record(look.journal.state(), &look.schema, text).map(Subject::Record).ok_or_else(|| {
        Failure::usage(format!(
            "no record `{text}`; write r12, entity:KEY or entity:side:ID, or the position of an event"
        ))
    })
}

fn prove_subject(config: &Config, args: &Prove, cli: &Cli) -> Result<u8, Failure> {
    let (keeper, look) = (Keeper::of(config), look(config)?);
    let subject = subject(&args.subject, &look)?;
    let bundle = prove(&look.journal, &keeper, subject)?;
    let text = serde_json::to_string_pretty(&bundle)?;
    if let Some(path) = &args.out {
        std::fs::write(path, format!("{text}\n")).map_err(|error| Failure {
            code: 1,
            what: format!("cannot write {}: {error}", path.display()),
        })?;
    }
    let code = if bundle.uncovered.is_empty() { 0 } else { 3 };
    if cli.json {
        println!("{}", serde_json::to_string(&bundle)?);
        return Ok(code);
    }
    print_bundle(&bundle, args.out.as_deref());
    Ok(code)
}

fn print_bundle(bundle: &Bundle, out: Option<&Path>) {
    let mut rows = table(&["event", "kind", "bytes", "hashes in the proof"]);
    for event in &bundle.events {
        let kind = event.event["fact"]["kind"].as_str().unwrap_or("?").to_owned();
        let padding = event.bytes.bytes().rev().take_while(|byte| *byte == b'=').count();
        let bytes = event.bytes.len() / 4 * 3 - padding;
        rows.add_row([
            event.position.to_string(),
            kind,
            bytes.to_string(),
            event.proof.len().to_string(),
        ]);
    }
    println!("{rows}");
    println!(
        "{} events and {} contents of {} are under the signed root of {} events",
        bundle.events.len(),
        bundle.bodies.len(),
        bundle.subject,
        bundle.checkpoint.lines().nth(1).unwrap_or_default()
    );
    if !bundle.missing.is_empty() {
        println!("{} contents are no longer in the log", bundle.missing.len());
    }
    if !bundle.uncovered.is_empty() {
        println!(
            "{} newer events are not covered by a checkpoint yet: mizan audit checkpoint, then this again",
            bundle.uncovered.len()
        );
    }
    match out {
        Some(path) => println!(
            "written to {path}; an auditor checks it with: mizan-verify {path} --key KEY",
            path = path.display()
        ),
        None => println!("--out FILE writes the bundle that mizan-verify checks"),
    }
}

/// The keys whose signatures count: those given, else the one beside the log.
fn keys(args: &VerifyLog, keeper: &Keeper) -> Result<Vec<VerifyingKey>, Failure> {
    if args.key.is_empty() {
        return Ok(keeper.public_key()?.into_iter().collect());
    }
    let read = |text: &String| match std::fs::read_to_string(text) {
        Ok(content) => content.parse::<VerifyingKey>(),
        Err(_not_a_file) => text.parse(),
    };
    let keys: Result<Vec<VerifyingKey>, _> = args.key.iter().map(read).collect();
    keys.map_err(|error| Failure::usage(format!("--key: {error}")))
}

/// The notes in the anchors that are files: those given and those configured.
fn anchored(args: &VerifyLog, config: &Config) -> Result<Vec<(String, String)>, Failure> {
    let mut notes = Vec::new();
    let given = args.anchor.iter().map(|path| (path.clone(), true));
    let configured = config.audit.anchors.iter().filter_map(|anchor| match anchor {
        Anchor::File(path) => Some((path.clone(), false)),
        Anchor::Command(_) | Anchor::Http(_) => None,
    });
    for (path, must) in given.chain(configured) {
        match std::fs::read_to_string(&path) {
            Ok(text) => notes
                .extend(notes_in(&text).into_iter().map(|note| (path.display().to_string(), note))),
            Err(error) if must => {
                return Err(Failure::usage(format!("--anchor {}: {error}", path.display())));
            }
            Err(_never_anchored_yet) => {}
        }
    }
    Ok(notes)
}

fn bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} events checked") {
        bar.set_style(style);
    }
    bar
}

fn verify_log(config: &Config, args: &VerifyLog, cli: &Cli) -> Result<u8, Failure> {
    let keeper = Keeper::of(config);
    let bar = bar(cli.json);
    let moving = bar.clone();
    let evidence = Evidence {
        keys: keys(args, &keeper)?,
        anchored: anchored(args, config)?,
        watch: Some(Arc::new(move |count| moving.set_position(count))),
    };
    if !config.log.exists() {
        return Err(Failure {
            code: 1,
            what: format!("there is no log at {} yet", config.log.display()),
        });
    }
    let log = match open_log(&config.log) {
        Ok((log, report)) => {
            crate::output::tell_open(&report);
            log
        }
        Err(ConnectError::Store(error @ StoreError::Damaged { .. })) => {
            return Ok(does_not_open(&error, cli));
        }
        Err(error) => return Err(error.into()),
    };
    let verified = verify(log.as_ref(), &evidence)?;
    bar.finish_and_clear();
    if cli.json {
        println!("{}", serde_json::to_string(&verified)?);
    } else {
        print_verified(&verified);
    }
    Ok(u8::from(verified.verdict != Verdict::Ok))
}

/// A log whose segments do not even hold together, which is found before anything is hashed.
fn does_not_open(error: &StoreError, cli: &Cli) -> u8 {
    let StoreError::Damaged { seq, .. } = error else { return 1 };
    if cli.json {
        println!(
            "{}",
            json!({ "verdict": "tampered", "from": seq, "to": seq, "what": error.to_string() })
        );
    } else {
        println!("TAMPERED with, or damaged, at event {seq}: {error}");
    }
    1
}

fn print_verified(verified: &Verified) {
    println!("{} events, root {}", verified.events, verified.root);
    let signed = if verified.signatures_checked { "signed" } else { "not checked for signatures" };
    println!(
        "{} checkpoints ({signed}); the newest good one covers {} events; anchors prove {}",
        verified.checkpoints, verified.covered, verified.anchored
    );
    for finding in verified.findings.iter().take(SHOWN_MAX) {
        println!("  {}", finding.what);
    }
    if verified.findings.len() > SHOWN_MAX {
        println!("  ... and {} more (--json has all)", verified.findings.len() - SHOWN_MAX);
    }
    for warning in &verified.warnings {
        println!("note: {warning}");
    }
    match verified.verdict {
        Verdict::Ok => {
            println!("ok");
            let rest = verified.events.saturating_sub(verified.anchored);
            if rest > 0 {
                println!(
                    "{rest} events are proven by no anchor: for them this shows only that whoever has the key stands by them"
                );
            }
        }
        Verdict::Tampered { from, to } if from == to => println!("TAMPERED with at event {from}"),
        Verdict::Tampered { from, to } => println!(
            "TAMPERED with: the first changed event is one of {from} to {to}; no checkpoint or kept hash says which"
        ),
        Verdict::Fork { size } => println!(
            "FORK: an anchor holds another history of the first {size} events than this log tells"
        ),
        Verdict::Truncated { size, events } => {
            println!("TRUNCATED: {size} events were signed, {events} are there");
        }
    }
}
