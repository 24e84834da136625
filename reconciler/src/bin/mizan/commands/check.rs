//! `mizan check`: the configuration, the connections, and the guarantees that follow.

use crate::args::{Check, Cli};
use crate::output::{load, table};
use crate::{Failure, USAGE};
use mizan::adapters::{Adapter, Capabilities, Conditional, Known, Pull};
use mizan::auth::standing;
use mizan::config::Config;
use mizan::connect::{ConnectError, connect_sides, open_log, read_shadow};
use mizan::core::policy::{Declared, Policies};
use mizan::core::smallworld::Checked;
use mizan::core::{Entity, Ext, Field, Name, Rivalry, SideId};
use mizan::engine::Journal;
use mizan::erase::sealed_from;
use mizan::policies::{check_policies, told};
use mizan::store::StoreError;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

struct Nothing;

impl Known for Nothing {
    fn tag(&self, _: &Ext) -> Option<u64> {
        None
    }
}

pub(crate) fn run(args: &Check, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    // What the policies can lose needs no connection, and no connection is worth making where they can.
    let checked = check_policies(&config, &Declared);
    if !checked.findings.is_empty() {
        return Ok(refuse(&checked, cli.json));
    }
    read_shadow(&config, &Policies::default())
        .map_err(|error| Failure::usage(format!("{}: {error}", cli.config.display())))?;
    if args.probe {
        return super::probe::run(args, cli, &config);
    }
    let sides = connect_sides(&config)?;
    let mut failed = not_let_in(&config);
    if !args.offline {
        let runtime = tokio::runtime::Runtime::new()?;
        let out = |side: &SideId| failed.iter().any(|(out, _)| out == side);
        // What cannot be read for want of a log-in is one problem, not one of each entity.
        let (tried, _): (Vec<_>, Vec<_>) =
            sides.adapters.iter().cloned().partition(|adapter| !out(adapter.side()));
        let more = runtime.block_on(try_reading(&config, &tried));
        failed.extend(more);
    }
    let failed: Vec<String> = failed.into_iter().map(|(_, problem)| problem).collect();
    let mut lines = Vec::new();
    for entity in &config.schema.entities {
        for adapter in &sides.adapters {
            if entity.sides.contains_key(adapter.side()) {
                let capabilities = adapter.capabilities(&entity.name);
                let limits = limits(entity, adapter.side(), &capabilities);
                lines.push((entity.name.to_string(), adapter.side().to_string(), limits));
            }
        }
    }
    let erasable = erasable(&config)?;
    if cli.json {
        let guarantees: Vec<_> = lines
            .iter()
            .map(|(entity, side, limits)| json!({ "entity": entity, "side": side, "limits": limits }))
            .collect();
        let found = json!({ "guarantees": guarantees, "policies": checked, "problems": failed, "personal": erasable });
        println!("{found}");
    } else {
        println!(
            "{} is in order: {} sides, {} entities",
            cli.config.display(),
            config.sides.len(),
            config.schema.entities.len()
        );
        let mut out = table(&["entity", "side", "what this pairing cannot promise"]);
        for (entity, side, limits) in lines {
            let text = if limits.is_empty() { "-".to_owned() } else { limits.join("\n") };
            out.add_row([entity, side, text]);
        }
        println!("{out}");
        println!("{}", told(&checked));
        for (entity, from) in &erasable {
            println!("{entity} is personal: {from}");
        }
        for problem in &failed {
            eprintln!("mizan: {problem}");
        }
    }
    Ok(u8::from(!failed.is_empty()))
}

/// From where on what personal entities have in the log can be erased.
fn erasable(config: &Config) -> Result<BTreeMap<Name, String>, Failure> {
    let said = |text: &str| {
        let all = config.personal.iter().map(|entity| (entity.clone(), text.to_owned()));
        Ok(all.collect())
    };
    if config.personal.is_empty() || !config.log.exists() {
        return said("its values will be sealed from the first event on");
    }
    let log = match open_log(&config.log) {
        Ok((log, _)) => log,
        Err(ConnectError::Store(StoreError::Locked { .. })) => {
            return said("the log is in use, so it was not looked at");
        }
        Err(error) => return Err(error.into()),
    };
    let journal = Journal::open(log)?.sealing(config.personal.clone());
    let from = sealed_from(&journal)?.into_iter().map(|(entity, from)| {
        let text = match from {
            Some(at) => format!("what the log has of it can be erased from event {at} on"),
            None => "nothing in the log is sealed yet; what comes will be".to_owned(),
        };
        (entity, text)
    });
    Ok(from.collect())
}

/// Says how the policies lose something or go on for ever.
fn refuse(checked: &Checked, as_json: bool) -> u8 {
    if as_json {
        println!("{}", json!({ "policies": checked }));
    } else {
        eprintln!("{}", told(checked));
        eprintln!(
            "mizan: this configuration is refused: it can lose an edit or never come to rest, as shown above"
        );
    }
    USAGE
}

/// Sides that a person has to log in to first.
fn not_let_in(config: &Config) -> Vec<(SideId, String)> {
    let waiting = standing(config).into_iter().filter(|one| !one.ready);
    waiting
        .map(|one| {
            let note = one.note.unwrap_or_default();
            let what = match one.to_do {
                Some(command) => format!("{}: {note}; log in: {command}", one.side),
                None => format!("{}: {note}", one.side),
            };
            (one.side, what)
        })
        .collect()
}

/// Reads one page of everything; nothing is written anywhere.
async fn try_reading(config: &Config, adapters: &[Arc<dyn Adapter>]) -> Vec<(SideId, String)> {
    let mut failed = Vec::new();
    for entity in &config.schema.entities {
        for adapter in adapters {
            if !entity.sides.contains_key(adapter.side()) {
                continue;
            }
            if let Err(fault) = adapter.pull(&entity.name, Pull::All, None, &Nothing).await {
                let what = format!("{} on {}: {fault}", entity.name, adapter.side());
                failed.push((adapter.side().clone(), what));
            }
        }
    }
    failed
}

/// What the side's capabilities leave open (LAWS 1.6), for people.
fn limits(entity: &Entity, side: &mizan::core::SideId, has: &Capabilities) -> Vec<String> {
    let mut limits = Vec::new();
    let Some(on) = entity.sides.get(side) else { return limits };
    if on.updates && has.conditional == Conditional::ReadCompareWrite {
        limits.push(
            "an edit made there between our read and our write is overwritten (no conditional write)"
                .to_owned(),
        );
    }
    if on.creates && !has.idempotent && !has.marker && !has.unique_key {
        limits.push(if has.find_by_key {
            "a create without an answer is looked up by its key before it is sent again; a copy made by \
             hand at that moment cannot be told apart"
                .to_owned()
        } else {
            "a create without an answer waits for a person (no key, no marker)".to_owned()
        });
    }
    if has.stale_reads {
        limits.push(
            "a read may show an older state; changes are confirmed by a second read".to_owned(),
        );
    }
    if on.deletes && !has.delete {
        limits.push("rows cannot be deleted there; such records are reported".to_owned());
    }
    let newest = |field: &Field| field.rivalry == Rivalry::Newest && field.sides.contains_key(side);
    if entity.fields.iter().any(newest) {
        limits.push(match on.clock_ms {
            Some(ms) => format!(
                "\"newest\" goes by the stamp of the row, not of the field, and to {ms} ms; nearer ones wait"
            ),
            None => "\"newest\" knows no clock here: its conflicts wait for a person".to_owned(),
        });
    }
    if !has.since {
        limits.push("it has no list of changes; everything is listed each time".to_owned());
    }
    limits
}
