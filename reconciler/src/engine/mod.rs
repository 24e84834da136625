//! The engine: reads, writes and appends, and decides nothing.
//!
//! Its loop is DESIGN.md section 4: observe, append, fold, link, decide, plan, check, intent, execute, outcome,
//! in rounds until nothing is left to do. Every decision is a call into `mizan-core`.
//!
//! Appending waits for the disk and must not run on a worker of a tokio runtime: drive the engine from
//! `Runtime::block_on`, as `#[tokio::main]` does.

mod doubt;
pub mod drift;
mod execute;
mod journal;
mod observe;
mod report;
mod round;
mod sealing;
mod shadow;

use crate::clock::Clock;
use mizan_adapters::Adapter;
use mizan_core::bodies::MissingBody;
use mizan_core::check::Limits;
use mizan_core::compare::{aligned, declarations};
use mizan_core::fold::{FoldError, State};
use mizan_core::policy::Policy;
use mizan_core::wire::WireError;
use mizan_core::{ContentHash, Fact, Name, RecordId, Schema, SideId};
use mizan_store::{EventLog, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use journal::{Journal, Visit, fold_log};
pub use report::{
    Counts, Drift, DriftingField, Problem, Progress, Report, Silent, Stage, Standing,
};

/// What stops the engine itself, as opposed to a side or a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log does not fold.
    #[error("the log cannot be followed: {0}; run `mizan doctor`")]
    Fold(#[from] FoldError),
    /// An event or image cannot be read.
    #[error("the log cannot be read: {0}; run `mizan doctor`")]
    Wire(#[from] WireError),
    /// Contents are missing.
    #[error(transparent)]
    Missing(#[from] MissingBody),
    /// The log has no event yet.
    #[error("the log is empty: nothing was restored; `mizan sync` begins a log")]
    EmptyLog,
    /// A side of the schema has no adapter.
    #[error("side `{0}` has no adapter")]
    NoAdapter(SideId),
}

/// When an entity is listed completely on a side, and not only from the cursor on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// In every sync: finds deletions, and changes that move no stamp, such as stock.
    #[default]
    Always,
    /// In the first sync only, and when it is asked for.
    First,
}

/// What a user of the engine may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Guards on mass deletes and overwrites.
    pub limits: Limits,
    /// Sweeps by entity and side; [`Sweep::Always`] where nothing is said.
    pub sweeps: BTreeMap<(Name, SideId), Sweep>,
    /// How long a write that was not answered may still take effect, in milliseconds, by side; 60 s where nothing is said.
    pub visibility_ms: BTreeMap<SideId, i64>,
    /// After so many milliseconds a refused command is tried again when its side has been swept.
    pub retry_refused_after_ms: i64,
    /// Rounds of one sync; two are enough for most, and every further one needs a change from outside.
    pub rounds_max: usize,
    /// Entities whose values are sealed in the log, so that they can be erased.
    pub personal: BTreeSet<Name>,
    /// Identity of a new log; random, so it comes from outside.
    pub log_id: ContentHash,
}

impl Default for Settings {
    fn default() -> Self {
        let bytes = *uuid::Uuid::new_v4().as_bytes();
        Self {
            limits: Limits::default(),
            sweeps: BTreeMap::new(),
            visibility_ms: BTreeMap::new(),
            retry_refused_after_ms: 3_600_000,
            rounds_max: 20,
            personal: BTreeSet::new(),
            log_id: ContentHash::of("mizan.log.v1", &bytes),
        }
    }
}

/// One sync's wishes.
#[derive(Clone, Debug, Default)]
pub struct SyncOptions {
    /// Only these entities; all where empty.
    pub only: BTreeSet<Name>,
    /// Stop after the first plan and carry nothing out.
    pub plan_only: bool,
    /// List everything completely, whatever the settings say.
    pub sweep: bool,
}

/// Reconciles the sides of one schema through one log.
pub struct Engine {
    journal: Journal,
    schema: Schema,
    adapters: BTreeMap<SideId, Arc<dyn Adapter>>,
    policy: Arc<dyn Policy>,
    /// Other rules, asked beside and never obeyed.
    shadow: Option<shadow::Shadow>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
    /// Sides that failed in this sync; left alone until the next.
    down: BTreeSet<SideId>,
    /// Commands of a record that came to nothing in this sync, so that no record can keep it going for ever.
    tries: BTreeMap<RecordId, u32>,
    /// Entities whose sides were all listed in this round.
    listed: BTreeSet<Name>,
    /// Sides on which a write of this sync did not go as planned, so that they must be listed again.
    unsettled: BTreeSet<SideId>,
    /// Entities and sides whose listing failed or was cut in this round: a row to create may be there unseen.
    unread: BTreeSet<(Name, SideId)>,
    /// Entities and sides that were listed completely in this sync.
    swept: BTreeSet<(Name, SideId)>,
    /// What drifted in this sync.
    drifts: drift::Examples,
    /// Cursors that moved in this round: a stamp that moves and shows nothing new is no reason for another round.
    cursors_moved: u64,
    report: Report,
}

impl Engine {
    /// Opens an engine on a log: folds it, and appends what the schema declares anew.
    ///
    /// # Errors
    /// When the log cannot be folded or written, or a side has no adapter.
    pub fn open(
        log: Box<dyn EventLog>,
        schema: Schema,
        adapters: Vec<Arc<dyn Adapter>>,
        policy: Arc<dyn Policy>,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let adapters: BTreeMap<SideId, Arc<dyn Adapter>> =
            adapters.into_iter().map(|adapter| (adapter.side().clone(), adapter)).collect();
        if let Some(side) = schema.sides.iter().find(|side| !adapters.contains_key(*side)) {
            return Err(EngineError::NoAdapter(side.clone()));
        }
        let mut journal = Journal::open(log)?.sealing(settings.personal.clone());
        let now = clock.now();
        if journal.state().log_id.is_none() {
            let fact = Fact::Opened { log_id: settings.log_id, epoch: 1 };
            journal.append_facts(now, vec![fact])?;
        }
        let facts = declarations(journal.state(), &schema, &policy.id());
        journal.append_declared(now, &schema, facts)?;
        let schema = aligned(&schema, journal.state());
        Ok(Self {
            journal,
            schema,
            adapters,
            policy,
            shadow: None,
            settings,
            clock,
            progress: Arc::new(Silent),
            down: BTreeSet::new(),
            tries: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            listed: BTreeSet::new(),
            unread: BTreeSet::new(),
            swept: BTreeSet::new(),
            drifts: drift::Examples::default(),
            cursors_moved: 0,
            report: Report::default(),
        })
    }

    /// Shows progress while a sync runs.
    pub fn watch(&mut self, progress: Arc<dyn Progress>) {
        self.progress = progress;
    }

    /// The folded state.
    #[must_use]
    pub fn state(&self) -> &State {
        self.journal.state()
    }

    /// The schema, with its fields in the log's order.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The log and its state.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Appends facts that a person caused: a resolution, an approval, an unparking.
    ///
    /// # Errors
    /// When the log refuses them.
    pub fn append(&mut self, facts: Vec<Fact>) -> Result<(), EngineError> {
        self.journal.append_facts(self.clock.now(), facts)
    }

    /// Gives the log back.
    #[must_use]
    pub fn into_log(self) -> Box<dyn EventLog> {
        self.journal.into_log()
    }

    /// Saves the state as a cache for the next start; losing it costs a refold and nothing else.
    ///
    /// # Errors
    /// When the store cannot write it.
    pub fn save_snapshot(&mut self) -> Result<(), EngineError> {
        self.journal.save_snapshot()
    }

    fn adapter(&self, side: &SideId) -> Option<Arc<dyn Adapter>> {
        self.adapters.get(side).cloned()
    }
}
