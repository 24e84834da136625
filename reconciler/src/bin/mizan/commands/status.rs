//! `mizan status`: what is in sync, what waits, and for whom.

use crate::Failure;
use crate::args::Cli;
use crate::output::{load, look, table, time};
use mizan::core::fold::Presence;
use mizan::core::plan::{BlockedBy, plan};
use mizan::explain::label;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Default, serde::Serialize)]
struct Row {
    rows: usize,
    behind: usize,
    conflicts: usize,
    refused: usize,
    cursor: Option<String>,
}

pub(crate) fn run(cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let look = look(&config)?;
    let state = look.journal.state();
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for (_, record) in state.each_record() {
        for (side, slot) in &record.slots {
            let row = rows.entry((record.entity.to_string(), side.to_string())).or_default();
            row.rows += usize::from(slot.presence == Presence::Here);
            row.behind += usize::from(!slot.behind.is_empty());
            row.conflicts += usize::from(!slot.changed.is_empty());
            let refused = record.refused.as_ref().is_some_and(|refusal| refusal.side == *side);
            row.refused += usize::from(refused);
        }
    }
    for ((side, entity), at) in &state.cursors {
        let row = rows.entry((entity.to_string(), side.to_string())).or_default();
        row.cursor = Some(time(*at));
    }
    let blocked = plan(state, &look.schema, &look.journal)?.blocked;
    let waiting: Vec<(String, String)> = blocked
        .iter()
        .filter_map(|blocked| {
            let what = match &blocked.why {
                BlockedBy::Parent(parent) => {
                    let name = label(state, &look.schema, &look.journal, *parent);
                    format!("waits for {name} to exist on {}", blocked.side)
                }
                BlockedBy::UnknownParent(entity) => {
                    format!("refers to a {entity} that was never seen")
                }
                BlockedBy::Refused(_) => return None,
            };
            Some((label(state, &look.schema, &look.journal, blocked.record), what))
        })
        .collect();
    if cli.json {
        let list: Vec<_> = rows
            .iter()
            .map(|((entity, side), row)| json!({ "entity": entity, "side": side, "status": row }))
            .collect();
        println!(
            "{}",
            json!({
                "events": state.head, "records": state.records.len(), "sides": list,
                "in_doubt": state.pending.len(), "conflicts": state.conflicts.len(),
                "parked": state.parked.len(), "refused": state.refused.len(),
                "unreadable": state.unreadable.len(), "waiting": waiting,
            })
        );
        return Ok(0);
    }
    println!("{} records, {} events in {}", state.records.len(), state.head, config.log.display());
    let mut out =
        table(&["entity", "side", "rows", "behind", "conflicts", "refused", "read up to"]);
    for ((entity, side), row) in rows {
        out.add_row([
            entity,
            side,
            row.rows.to_string(),
            row.behind.to_string(),
            row.conflicts.to_string(),
            row.refused.to_string(),
            row.cursor.unwrap_or_else(|| "listed whole".to_owned()),
        ]);
    }
    println!("{out}");
    for pending in state.pending.values() {
        println!("in doubt since {}: {}", time(pending.since), pending.command);
    }
    for (name, what) in waiting {
        println!("{name} {what}");
    }
    Ok(0)
}
