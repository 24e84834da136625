//! `mizan status`: what is in sync, what waits, and for whom.

use crate::Failure;
use crate::args::Cli;
use crate::output::{Look, load, look, table, time};
use mizan::core::fold::{Presence, State};
use mizan::core::plan::{BlockedBy, plan};
use mizan::engine::drift;
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
    let rows = count(state);
    let waiting = waiting(&look)?;
    let drifting = drift::standing(&look.journal, &look.schema)?;
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
                "drifting": drifting,
            })
        );
        return Ok(0);
    }
    println!("{} records, {} events in {}", state.records.len(), state.head, config.log.display());
    print_rows(rows);
    for pending in state.pending.values() {
        println!("in doubt since {}: {}", time(pending.since), pending.command);
    }
    for (name, what) in waiting {
        println!("{name} {what}");
    }
    for one in drifting {
        println!(
            "{} stores {} of {} {} otherwise than was sent: mizan log --kind drifted",
            one.side, one.field, one.records, one.entity
        );
    }
    Ok(0)
}

fn count(state: &State) -> BTreeMap<(String, String), Row> {
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
    rows
}

/// Records that wait for another one, with the reason.
fn waiting(look: &Look) -> Result<Vec<(String, String)>, Failure> {
    let state = look.journal.state();
    let name = |id| label(state, &look.schema, &look.journal, id);
    let blocked = plan(state, &look.schema, &look.journal)?.blocked;
    let waiting = blocked.iter().filter_map(|blocked| {
        let what = match &blocked.why {
            BlockedBy::Parent(parent) => {
                format!("waits for {} to exist on {}", name(*parent), blocked.side)
            }
            BlockedBy::UnknownParent(entity) => format!("refers to a {entity} that was never seen"),
            BlockedBy::Refused(_) => return None,
        };
        Some((name(blocked.record), what))
    });
    Ok(waiting.collect())
}

fn print_rows(rows: BTreeMap<(String, String), Row>) {
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
}
