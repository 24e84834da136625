//! Probe: what a side really does with what it is sent, measured on a record of our own before anything depends on it.
//!
//! A canary is created, read, changed, sent twice, changed on an old view, looked for and removed, through the
//! [`Adapter`] alone. What an adapter declares is a promise made by people; this measures it (F54). Nothing goes to the log.

mod abilities;
mod canary;
mod edit;
mod report;
mod run;
#[cfg(test)]
mod tests;
mod tidy;

pub use report::{Ability, FieldReport, Left, Measured, Outline, ProbeReport, Sample, Verdict};

use mizan_adapters::Adapter;
use mizan_core::{Entity, SideId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a probe needs from outside: chance, the day, and how long to wait.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Six digits, random: they tell this probe's canaries from those of others.
    pub token: String,
    /// The day that dates get.
    pub today: chrono::NaiveDate,
    /// How long to wait for a new row to be listed.
    pub patience: Duration,
    /// Set it to end the probe early: it does nothing more then but tidy up.
    pub stop: Arc<AtomicBool>,
}

impl ProbeOptions {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The text by which everything that the probe made can be found.
    #[must_use]
    pub fn name(&self) -> String {
        format!("mizan-canary-{}", self.token)
    }
}

/// May the probe remove what it makes: the configuration and the side both say so.
fn removes(adapter: &dyn Adapter, entity: &Entity) -> Result<(), String> {
    let side = adapter.side();
    let allowed = entity.sides.get(side).is_some_and(|on| on.deletes);
    match (allowed, adapter.capabilities(&entity.name).delete) {
        (true, true) => Ok(()),
        (_, false) => Err(format!("{side} cannot delete {}", entity.name)),
        (false, true) => {
            Err(format!("the configuration lets nothing be deleted there (`deletes` of {side})"))
        }
    }
}

/// Why an entity cannot be probed on a side, if it cannot.
fn hindrance(adapter: &dyn Adapter, entity: &Entity) -> Option<String> {
    let side = adapter.side();
    let Some(on) = entity.sides.get(side) else {
        return Some(format!("{side} does not have {}", entity.name));
    };
    if !adapter.capabilities(&entity.name).create {
        return Some(format!("{side} cannot create {}", entity.name));
    }
    if !on.creates {
        return Some(format!(
            "the configuration lets nothing be created there (`creates` of {side})"
        ));
    }
    let writes = |field: &mizan_core::Field| field.writable_on(side, true);
    if !entity.fields.iter().any(writes) {
        return Some(format!("no field may be written on {side}"));
    }
    None
}

/// Says what [`probe`] would do, without asking the side anything.
#[must_use]
pub fn outline(adapter: &dyn Adapter, entity: &Entity) -> Outline {
    let side: &SideId = adapter.side();
    let skipped = hindrance(adapter, entity);
    let (mut sets, mut edits) = (Vec::new(), 0);
    if skipped.is_none() {
        let fields = entity.fields.iter().filter(|field| field.writable_on(side, true));
        sets.extend(fields.map(|field| field.name.clone()));
        let updates = entity.sides.get(side).is_some_and(|on| on.updates)
            && adapter.capabilities(&entity.name).update;
        if updates {
            edits = entity
                .fields
                .iter()
                .map(|field| canary::edits(entity, field, side, "000000").len())
                .max()
                .unwrap_or(0);
        }
    }
    let stays = removes(adapter, entity).err().filter(|_| skipped.is_none());
    Outline { side: side.clone(), entity: entity.name.clone(), skipped, sets, edits, stays }
}

/// Probes one entity on one side; whatever goes wrong is in the report.
///
/// It writes to the side: ask a person first where [`outline`] says that something stays.
pub async fn probe(adapter: &dyn Adapter, entity: &Entity, options: &ProbeOptions) -> ProbeReport {
    let mut report = ProbeReport::new(adapter.side(), &entity.name, options.name());
    if let Some(why) = hindrance(adapter, entity) {
        report.skipped = Some(why);
        return report;
    }
    let mut run = run::Run::new(adapter, entity, options, report);
    run.all().await;
    run.tidy().await;
    run.finished()
}
