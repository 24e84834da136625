//! `mizan sync`: reconcile once.

use crate::Failure;
use crate::args::{Cli, Sync};
use crate::output::{Bars, load, table, tell_open};
use mizan::SyncOptions;
use mizan::audit::{Keeper, Kept, keep};
use mizan::config::Config;
use mizan::connect::{connect_sides, open_engine, open_log};
use mizan::core::event::LinkedBy;
use mizan::core::plan::Plan;
use mizan::core::{Fact, Name, Seq};
use mizan::engine::{Drift, Engine, Report};
use mizan::explain::label;
use mizan::store::{EventLog, Overlay};
use serde_json::json;
use std::collections::BTreeSet;

/// Commands of a plan that a person is shown.
const SHOWN_MAX: usize = 40;

pub(crate) fn run(args: &Sync, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let only = only(args, &config)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(sync(args, cli, &config, only))
}

fn only(args: &Sync, config: &Config) -> Result<BTreeSet<Name>, Failure> {
    for name in &args.only {
        if config.schema.entity(name).is_none() {
            let known: Vec<&str> =
                config.schema.entities.iter().map(|entity| entity.name.as_str()).collect();
            return Err(Failure::usage(format!(
                "--only {name}: there is no such entity; there are {}",
                known.join(", ")
            )));
        }
    }
    Ok(args.only.iter().map(Name::new).collect())
}

async fn sync(
    args: &Sync,
    cli: &Cli,
    config: &Config,
    only: BTreeSet<Name>,
) -> Result<u8, Failure> {
    let begun = std::time::Instant::now();
    let sides = connect_sides(config)?;
    let (log, opened) = open_log(&config.log)?;
    tell_open(&opened);
    // A dry run reads through to the log and appends to memory: log and sides stay as they are (V18).
    let log: Box<dyn EventLog> = if args.dry_run { Box::new(Overlay::over(log)) } else { log };
    let mut engine = open_engine(config, log, sides.adapters)?;
    if let Some(plan) = &args.approve {
        let plan = plan.parse().map_err(|error: mizan::core::hash::BadHash| {
            Failure::usage(format!("--approve {plan}: {error}; take it from the refusal"))
        })?;
        engine.append(vec![Fact::Approved { plan, by: "command line".to_owned() }])?;
    }
    let begun_at = engine.journal().head();
    let bars = Bars::new(cli.json);
    engine.watch(bars.clone());
    let options = SyncOptions { only, plan_only: args.dry_run, sweep: args.sweep };
    let report = engine.sync(&options).await;
    bars.finish();
    let report = report?;
    let mut kept = Kept::default();
    if !args.dry_run {
        engine.save_snapshot()?;
        kept = keep(&Keeper::of(config), &mut engine, true).await;
    }
    let requests: u64 = sides.apis.values().map(|api| api.stats().requests).sum();
    let seconds = begun.elapsed().as_secs_f64();
    let links = if args.dry_run { links_since(&engine, begun_at)? } else { Vec::new() };
    if cli.json {
        let mut document = serde_json::to_value(&report)?;
        document["seconds"] = json!(seconds);
        document["requests"] = json!(requests);
        document["dry_run"] = json!(args.dry_run);
        if args.dry_run {
            document["links"] = json!(links);
        }
        document["audit"] = super::audit::kept_json(&kept);
        document["exit_code"] = json!(report.exit_code());
        if let Some(plan) = &report.plan {
            document["plan"] = serde_json::to_value(plan)?;
        }
        println!("{document}");
    } else {
        print_links(&links);
        print_report(&engine, &report, args.dry_run, requests, seconds);
        super::audit::tell_kept(&kept);
    }
    Ok(report.exit_code())
}

/// What a first sync would link by natural key: record, side and row, in words.
fn links_since(engine: &Engine, begun_at: Seq) -> Result<Vec<String>, Failure> {
    let mut links = Vec::new();
    engine.journal().each_event(begun_at, &mut |event| {
        if let Fact::Linked { record, entity, side, ext, how: LinkedBy::Key } = &event.fact {
            let name = label(engine.state(), engine.schema(), engine.journal(), *record);
            links.push(format!("{entity} {name}: row {ext} of {side} is the same record"));
        }
    })?;
    Ok(links)
}

fn print_links(links: &[String]) {
    for link in links.iter().take(SHOWN_MAX) {
        println!("would link {link}");
    }
    if links.len() > SHOWN_MAX {
        println!("... and {} more (--json has all)", links.len() - SHOWN_MAX);
    }
}

fn print_report(engine: &Engine, report: &Report, dry: bool, requests: u64, seconds: f64) {
    if let Some(plan) = &report.plan {
        print_plan(engine, plan, dry);
    }
    let counts = &report.counts;
    println!(
        "{} rows read, {} observed, {} linked, {} decided; {} created, {} updated, {} deleted, {} refused",
        counts.rows_read,
        counts.observed,
        counts.linked,
        counts.decided,
        counts.created,
        counts.updated,
        counts.deleted,
        counts.refused
    );
    println!(
        "{} events in {} rounds, {requests} requests, {seconds:.1} s",
        counts.events, report.rounds
    );
    if counts.shadowed > 0 {
        println!(
            "{} of the decisions would be others under the rules beside: mizan log --kind shadowed",
            counts.shadowed
        );
    }
    for problem in &report.problems {
        let entity = problem.entity.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        eprintln!("problem on {}{entity}: {}", problem.side, problem.what);
    }
    print_drifts(report);
    for violation in &report.violations {
        eprintln!("guard: {violation}");
    }
    if let (Some(hash), false) = (&report.plan_hash, report.violations.is_empty()) {
        eprintln!("nothing was sent. If this is what you want: mizan sync --approve {hash}");
    }
    print_standing(report);
}

/// Warns of what a side makes of values without having declared it; once, when it is new.
fn print_drifts(report: &Report) {
    for field in &report.drifting {
        let here = |drift: &&Drift| {
            (&drift.side, &drift.entity, &drift.field) == (&field.side, &field.entity, &field.field)
        };
        let labels = report.drifts.iter().filter(here).map(|drift| drift.label.as_str());
        let labels: Vec<&str> = labels.take(3).collect();
        let more = if field.count > labels.len() { ", ..." } else { "" };
        eprintln!(
            "drift: {} stored {} of {} {} otherwise than was sent ({}{more})",
            field.side,
            field.field,
            field.count,
            field.entity,
            labels.join(", ")
        );
        let place = format!("[entities.{}.fields] {}", field.entity, field.field);
        match &field.suggest {
            Some(rules) => {
                let rules: Vec<String> = rules.iter().map(|rule| format!("\"{rule}\"")).collect();
                let rules = rules.join(", ");
                eprintln!(
                    "  if it always does that, declare it: {place}: {}: normalise = [{rules}]",
                    field.side
                );
            }
            None => eprintln!(
                "  no simple rule explains it ({place}: {}); look with mizan explain RECORD {}",
                field.side, field.field
            ),
        }
    }
    if !report.drifting.is_empty() {
        eprintln!(
            "  nothing is lost: it is taken as it is stored there, and the value sent still holds elsewhere"
        );
    }
}

fn print_standing(report: &Report) {
    let standing = &report.standing;
    let lines = [
        (standing.conflicts, "in conflict: mizan conflicts list"),
        (standing.parked, "parked: mizan parked list"),
        (standing.refused, "refused by a side: mizan parked list"),
        (standing.in_doubt, "writes in doubt, looked up at the next sync: mizan status"),
        (standing.unreadable, "rows that cannot be read: mizan parked list"),
        (standing.blocked, "records that wait for another record: mizan status"),
        (standing.set_aside, "in conflict and set aside: mizan conflicts list --all"),
    ];
    for (count, what) in lines {
        if count > 0 {
            println!("{count} {what}");
        }
    }
    if report.complete && standing.is_clear() && standing.set_aside == 0 {
        println!("in balance");
    }
}

fn print_plan(engine: &Engine, plan: &Plan, dry: bool) {
    if dry {
        println!("dry run: {} commands would be sent, nothing was changed", plan.commands.len());
    }
    let mut rows = table(&["what", "record", "side", "fields"]);
    for planned in plan.commands.iter().take(SHOWN_MAX) {
        let command = &planned.command;
        let name = label(engine.state(), engine.schema(), engine.journal(), command.record);
        let fields: Vec<&str> = planned.set.iter().map(|(name, _)| name.as_str()).collect();
        rows.add_row([
            command.operation.verb().to_owned(),
            format!("{} {name}", command.entity),
            command.side.to_string(),
            fields.join(", "),
        ]);
    }
    if !plan.commands.is_empty() {
        println!("{rows}");
    }
    if plan.commands.len() > SHOWN_MAX {
        println!("... and {} more (--json has all)", plan.commands.len() - SHOWN_MAX);
    }
}
