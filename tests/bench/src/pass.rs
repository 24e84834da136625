//! Reconcile passes over two sides in memory that list their changes: work should follow what changed, not what exists.

use crate::measure::{Figure, Sheet, Target, exponent, median, timed};
use crate::side::Side;
use crate::{Common, Outcome};
use clap::Args;
use mizan::adapters::Adapter;
use mizan::clock::SystemClock;
use mizan::core::Schema;
use mizan::core::policy::Declared;
use mizan::store::{EventLog, MemoryLog, SledLog};
use mizan::{Config, Engine, SyncOptions};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Changes on each side in the passes that compare sizes.
const FIXED: u64 = 100;

const CONFIG: &str = r#"
[sides.a]
adapter = "files"
root = "a"
[sides.b]
adapter = "files"
root = "b"
[limits]
updates_percent = 100
[entities.item]
direction = "both"
key = ["id"]
prefer = "a"
[entities.item.sides]
a = { sweep = "first" }
b = { sweep = "first" }
"#;

/// The fields of made products, on both sides.
const FIELDS: &str = include_str!("fields.toml");

/// What may be asked for.
#[derive(Args, Clone, Default)]
pub(crate) struct Wishes {
    /// Numbers of records, smallest first; 1,000, 10,000 and 100,000 where nothing is said.
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<u64>,
}

/// Two sides of one size, with the engine between them.
pub(crate) struct World {
    a: Arc<Side>,
    b: Arc<Side>,
    engine: Engine,
    records: u64,
    version: u64,
    runtime: tokio::runtime::Runtime,
}

/// Seconds of the passes of one size.
struct Times {
    records: u64,
    first: f64,
    nothing: f64,
    fixed: f64,
    percent: f64,
}

/// Runs the section.
pub(crate) fn run(wishes: &Wishes, common: &Common, sheet: &mut Sheet) -> Outcome {
    let sizes = match (wishes.sizes.as_slice(), common.quick) {
        ([], true) => vec![1_000, 10_000],
        ([], false) => vec![1_000, 10_000, 100_000],
        (sizes, _) => sizes.to_vec(),
    };
    sheet.section("Reconcile passes, two sides in memory with a list of changes");
    let rounds = if common.quick { 3 } else { 9 };
    let mut all = Vec::new();
    for records in sizes {
        let times = measure(World::new(records, Box::new(MemoryLog::default()))?, rounds)?;
        show(sheet, &times, "log in memory");
        all.push(times);
    }
    let scratch = common.scratch()?;
    let (log, _) = SledLog::open(&scratch.path().join("log"))?;
    let times = measure(World::new(10_000, Box::new(log))?, rounds)?;
    show(sheet, &times, "durable log");
    if let ([small, ..], Some(large)) = (all.as_slice(), all.last())
        && small.records < large.records
    {
        show_growth(sheet, small, large);
    }
    Ok(())
}

fn show(sheet: &mut Sheet, times: &Times, log: &str) {
    let records = times.records;
    let percent = 2.0 * (records / 100) as f64;
    let micros = 1e6;
    let rows = [
        ("first pass, a record", times.first * micros / records as f64, "us"),
        ("nothing changed", times.nothing * micros, "us"),
        ("100 changed on each side, a change", times.fixed * micros / (2.0 * FIXED as f64), "us"),
        ("1 % changed on each side", times.percent * 1e3, "ms"),
        ("1 % changed on each side, a change", times.percent * micros / percent, "us"),
    ];
    for (what, value, unit) in rows {
        sheet.add(&Figure::new(format!("{records} records: {what}"), log, value, unit));
    }
}

fn show_growth(sheet: &mut Sheet, small: &Times, large: &Times) {
    let sizes = (small.records as f64, large.records as f64);
    let what = |name: &str| format!("{name}, {} to {} records", small.records, large.records);
    let nothing = exponent((small.nothing, large.nothing), sizes);
    let fixed = exponent((small.fixed, large.fixed), sizes);
    let percent = exponent((small.percent, large.percent), sizes);
    let rows = [
        ("exponent: nothing changed", nothing, 0.05),
        ("exponent: 100 changed on each side", fixed, 0.05),
        ("exponent: 1 % changed on each side", percent, 1.05),
    ];
    for (name, value, most) in rows {
        let figure = Figure::new(what(name), "log in memory", value, "");
        sheet.add(&figure.against(value, "size").target(Target::AtMost(most)));
    }
}

fn measure(mut world: World, rounds: usize) -> Result<Times, Box<dyn Error>> {
    let records = world.records;
    let first = world.sync()?;
    world.expect_equal()?;
    // The first pass leaves its own writes in the list of changes; they are looked at once more.
    world.sync()?;
    let (mut nothing, mut fixed, mut percent) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        nothing.push(world.sync()?);
        world.edit(FIXED);
        fixed.push(world.sync()?);
        world.sync()?;
        world.edit(records / 100);
        percent.push(world.sync()?);
        world.sync()?;
    }
    world.expect_equal()?;
    let (nothing, fixed, percent) = (median(&nothing), median(&fixed), median(&percent));
    Ok(Times { records, first, nothing, fixed, percent })
}

/// The schema of made products on both sides, with another rule about who wins.
pub(crate) fn schema(prefer: &str) -> Result<Schema, Box<dyn Error>> {
    let config = CONFIG.replace("prefer = \"a\"", &format!("prefer = \"{prefer}\""));
    Ok(Config::parse(&format!("{config}{FIELDS}"), Path::new("."))?.schema)
}

impl World {
    pub(crate) fn new(records: u64, log: Box<dyn EventLog>) -> Result<Self, Box<dyn Error>> {
        let config = Config::parse(&format!("{CONFIG}{FIELDS}"), Path::new("."))?;
        let (a, b) = (Arc::new(Side::new("a")), Arc::new(Side::new("b")));
        for number in 0..records {
            a.edit(number, 0);
        }
        let adapters: Vec<Arc<dyn Adapter>> = vec![a.clone(), b.clone()];
        let (policy, clock) = (Arc::new(Declared), Arc::new(SystemClock));
        let schema = config.schema.clone();
        let engine = Engine::open(log, schema, adapters, policy, config.settings(), clock)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self { a, b, engine, records, version: 0, runtime })
    }

    /// Different records change on the two sides.
    pub(crate) fn edit(&mut self, changes: u64) {
        self.version += 1;
        let step = (self.records / (2 * changes).max(1)).max(1);
        for change in 0..changes {
            self.a.edit((2 * change * step) % self.records, self.version);
            self.b.edit(((2 * change + 1) * step) % self.records, self.version);
        }
    }

    /// The same records change on the two sides, to different values.
    pub(crate) fn clash(&mut self, changes: u64) {
        let step = (self.records / changes.max(1)).max(1);
        for change in 0..changes {
            let number = (change * step + self.version) % self.records;
            self.a.edit(number, self.version + 1);
            self.b.edit(number, self.version + 2);
        }
        self.version += 2;
    }

    /// Events in the log.
    pub(crate) fn events(&self) -> u64 {
        self.engine.state().head.0
    }

    /// Ends as a process does, with a snapshot.
    pub(crate) fn end(mut self) -> Outcome {
        Ok(self.engine.save_snapshot()?)
    }

    pub(crate) fn sync(&mut self) -> Result<f64, Box<dyn Error>> {
        let options = SyncOptions::default();
        let (report, time) = timed(|| self.runtime.block_on(self.engine.sync(&options)));
        let report = report?;
        if report.exit_code() != 0 {
            return Err(format!("a pass did not come to rest: {report:?}").into());
        }
        Ok(time.as_secs_f64())
    }

    fn expect_equal(&self) -> Outcome {
        let (a, b) = (self.a.images(), self.b.images());
        if a.len() as u64 == self.records && a == b {
            Ok(())
        } else {
            Err("the sides differ after a pass that came to rest".into())
        }
    }
}
