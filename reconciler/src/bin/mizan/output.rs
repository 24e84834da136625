//! What the commands share: tables, progress, times, and opening a log to look at it.

use crate::Failure;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use mizan::clock::SystemClock;
use mizan::config::{Config, LoadError};
use mizan::connect::{check_policies, open_log};
use mizan::core::policy::Policies;
use mizan::core::{Event, Name, RecordId, Schema, Seq, SideId, Timestamp};
use mizan::engine::{Journal, Progress, Stage};
use mizan::explain::{find_record, label};
use mizan::history::{HistoryError, Moment};
use mizan::store::EventLog;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Loads the configuration; what is wrong with it is a usage error.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    let config =
        Config::load(path).map_err(|error: LoadError| Failure::usage(error.to_string()))?;
    check_policies(&config, &Policies::default())
        .map_err(|error| Failure::usage(format!("{}, {error}", path.display())))?;
    Ok(config)
}

/// A log with its state and schema, opened to look at.
pub(crate) struct Look {
    pub(crate) journal: Journal,
    pub(crate) schema: Schema,
}

/// Opens the log of a configuration to look at it.
pub(crate) fn look(config: &Config) -> Result<Look, Failure> {
    let journal = Journal::open(open_to_look(config)?)?.sealing(config.personal.clone());
    let schema = mizan::core::compare::aligned(&config.schema, journal.state());
    Ok(Look { journal, schema })
}

/// Opens the log of a configuration that must be there already.
pub(crate) fn open_to_look(config: &Config) -> Result<Box<dyn EventLog>, Failure> {
    if !config.log.exists() {
        return Err(Failure {
            code: 1,
            what: format!(
                "there is no log at {} yet; `mizan sync` begins one",
                config.log.display()
            ),
        });
    }
    let (log, report) = open_log(&config.log)?;
    tell_open(&report);
    Ok(log)
}

/// Says what opening a log had to repair.
pub(crate) fn tell_open(report: &mizan::store::OpenReport) {
    if let Some(reason) = &report.rebuilt {
        eprintln!("mizan: the index of the log was rebuilt from its segment files: {reason}");
    }
    if report.torn_tail_bytes > 0 {
        eprintln!(
            "mizan: {} bytes of an append that was never acknowledged were cut off",
            report.torn_tail_bytes
        );
    }
}

/// An engine without adapters cannot be opened, so people's facts are appended to the journal itself.
pub(crate) fn append(look: &mut Look, facts: Vec<mizan::core::Fact>) -> Result<(), Failure> {
    use mizan::clock::Clock;
    look.journal.append_facts(SystemClock.now(), facts)?;
    Ok(())
}

/// A bar for going through a log; hidden where nobody looks, or where it is over at once.
pub(crate) fn walking(json: bool, what: &'static str, to: Seq) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() || to.0 < 50_000 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(to.0).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {human_pos}/{human_len} {eta}")
    {
        bar.set_style(style);
    }
    bar
}

/// A record by what a person typed; the key of a deleted record names it, where no living one has it.
pub(crate) fn record_named(look: &Look, text: &str) -> Result<RecordId, Failure> {
    let state = look.journal.state();
    let dead = || {
        let (entity, key) = text.split_once(':')?;
        let dead = state.each_record().filter(|(_, one)| one.dead && one.entity == entity);
        let mut named =
            dead.filter(|(id, _)| label(state, &look.schema, &look.journal, *id) == key);
        let (id, _) = named.next()?;
        if named.next().is_none() { Some(id) } else { None }
    };
    find_record(state, &look.schema, text).or_else(dead).ok_or_else(|| {
        Failure::usage(format!("no record `{text}`; write r12, entity:KEY or entity:side:ID"))
    })
}

/// A moment by what a person typed.
pub(crate) fn moment(text: &str) -> Result<Moment, Failure> {
    use mizan::clock::Clock;
    Moment::parse(text, SystemClock.now()).map_err(|error| Failure::usage(error.to_string()))
}

/// The position of a moment.
pub(crate) fn place_of(look: &Look, moment: Moment) -> Result<Seq, Failure> {
    moment.position(&look.journal).map_err(asked_wrongly)
}

/// A question about what is not there is wrong usage.
pub(crate) fn asked_wrongly(error: HistoryError) -> Failure {
    match &error {
        HistoryError::Beyond { .. } | HistoryError::Backwards { .. } => {
            Failure::usage(error.to_string())
        }
        _ => Failure::from(error),
    }
}

/// A table for a terminal.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(110);
    }
    table.set_header(header.to_vec());
    table
}

/// A moment for people, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    match mizan::core::Value::Instant(at.0).to_string() {
        text if text.ends_with(".000Z") => text.replace(".000Z", "Z"),
        text => text,
    }
}

/// An event as JSON.
pub(crate) fn event_json(event: &Event) -> serde_json::Value {
    serde_json::to_value(event).unwrap_or(serde_json::Value::Null)
}

/// A bar that counts to a number that is known, or without an end where it is not; hidden where nobody looks.
pub(crate) fn counter(json: bool, doing: &str, of: Option<u64>) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = of.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let shape = if of.is_some() { "{msg} {bar:30} {pos}/{len} {eta}" } else { "{msg} {pos}" };
    if let Ok(style) = ProgressStyle::with_template(shape) {
        bar.set_style(style);
    }
    bar.set_message(doing.to_owned());
    bar
}

/// Shows a sync's progress on a terminal.
pub(crate) struct Bars {
    bar: ProgressBar,
}

impl Bars {
    /// Bars on a terminal, nothing elsewhere.
    pub(crate) fn new(json: bool) -> Arc<Self> {
        let bar = if json || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        };
        Arc::new(Self { bar })
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn spin(&self, text: String) {
        self.bar.set_message(text);
    }
}

impl Progress for Bars {
    fn at(&self, stage: Stage<'_>) {
        match stage {
            Stage::Reading { entity, side, rows } => self.reading(entity, side, rows),
            Stage::Deciding => self.spin("deciding".to_owned()),
            Stage::Writing { done, of } => {
                if let Ok(style) =
                    ProgressStyle::with_template("writing {bar:30} {pos}/{len} {eta}")
                {
                    self.bar.set_style(style);
                }
                self.bar.set_length(of as u64);
                self.bar.set_position(done as u64);
            }
        }
    }
}

impl Bars {
    fn reading(&self, entity: &Name, side: &SideId, rows: usize) {
        self.bar.set_style(ProgressStyle::default_spinner());
        self.spin(format!("reading {entity} from {side}: {rows} rows"));
    }
}
