//! Where the time goes: stages that follow each other, and meters on the log and the sides inside them.

use mizan::adapters::{
    Adapter, Answer, BoxFuture, Capabilities, Fault, Fetched, Known, Order, Page, Probe, Pull, Row,
};
use mizan::core::{ContentHash, Ext, Name, Seq, SideId};
use mizan::store::{Batch, EventLog, Snapshot, StoreError};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time and calls of one kind of work; work under way at the same time counts once.
#[derive(Default)]
struct Meter {
    calls: u64,
    time: Duration,
    under_way: u32,
    since: Option<Instant>,
}

/// A meter that many can use.
#[derive(Default)]
struct Shared(Mutex<Meter>);

impl Shared {
    fn begin(&self) {
        let mut meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        meter.calls += 1;
        meter.under_way += 1;
        if meter.under_way == 1 {
            meter.since = Some(Instant::now());
        }
    }

    fn end(&self) {
        let mut meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        meter.under_way -= 1;
        if meter.under_way == 0
            && let Some(since) = meter.since.take()
        {
            meter.time += since.elapsed();
        }
    }

    fn around<R>(&self, work: impl FnOnce() -> R) -> R {
        self.begin();
        let result = work();
        self.end();
        result
    }
}

/// All meters.
#[derive(Default)]
pub(crate) struct Meters {
    pull: Shared,
    get: Shared,
    execute: Shared,
    append: Shared,
    body: Shared,
    scan: Shared,
}

/// Stages of one run.
pub(crate) struct Stages {
    last: Instant,
    stages: Vec<(&'static str, Duration)>,
    meters: Arc<Meters>,
}

impl Stages {
    /// Begins the first stage.
    pub(crate) fn new(begun: Instant) -> Self {
        Self { last: begun, stages: Vec::new(), meters: Arc::default() }
    }

    /// The meters of this run.
    pub(crate) fn meters(&self) -> Arc<Meters> {
        Arc::clone(&self.meters)
    }

    /// Ends a stage and begins the next.
    pub(crate) fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        self.stages.push((name, now - self.last));
        self.last = now;
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: &Duration| time.as_secs_f64() * 1e3;
        for (name, time) in &self.stages {
            writeln!(f, "stage {name:10} {:9.1} ms", ms(time))?;
        }
        let meters = [
            ("pull", &self.meters.pull),
            ("get", &self.meters.get),
            ("execute", &self.meters.execute),
            ("append", &self.meters.append),
            ("body", &self.meters.body),
            ("scan", &self.meters.scan),
        ];
        for (name, meter) in meters {
            let meter = meter.0.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(f, "meter {name:10} {:9.1} ms {:8} calls", ms(&meter.time), meter.calls)?;
        }
        Ok(())
    }
}

/// A log that counts.
pub(crate) struct TimedLog {
    log: Box<dyn EventLog>,
    meters: Arc<Meters>,
}

impl TimedLog {
    /// Counts what is done to `log`.
    pub(crate) fn over(log: Box<dyn EventLog>, meters: Arc<Meters>) -> Self {
        Self { log, meters }
    }
}

impl EventLog for TimedLog {
    fn head(&self) -> Seq {
        self.log.head()
    }

    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        self.meters.append.around(|| self.log.append(expected, batch))
    }

    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.meters.scan.around(|| self.log.scan(after, visit))
    }

    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.read(at)
    }

    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.meters.body.around(|| self.log.body(hash))
    }

    fn has_body(&self, hash: &ContentHash) -> bool {
        self.log.has_body(hash)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.log.save_snapshot(snapshot)
    }

    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        self.log.load_snapshot(code_id)
    }
}

/// A side that counts.
pub(crate) struct TimedAdapter {
    side: Arc<dyn Adapter>,
    meters: Arc<Meters>,
}

impl TimedAdapter {
    /// Counts what is asked of `side`.
    pub(crate) fn over(side: Arc<dyn Adapter>, meters: Arc<Meters>) -> Self {
        Self { side, meters }
    }
}

impl Adapter for TimedAdapter {
    fn side(&self) -> &SideId {
        self.side.side()
    }

    fn capabilities(&self, entity: &Name) -> Capabilities {
        self.side.capabilities(entity)
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        known: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move {
            self.meters.pull.begin();
            let page = self.side.pull(entity, pull, token, known).await;
            self.meters.pull.end();
            page
        })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move {
            self.meters.get.begin();
            let fetched = self.side.get(entity, ext).await;
            self.meters.get.end();
            fetched
        })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            self.meters.execute.begin();
            let answer = self.side.execute(order).await;
            self.meters.execute.end();
            answer
        })
    }

    fn find<'a>(
        &'a self,
        entity: &'a Name,
        probe: Probe<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        self.side.find(entity, probe)
    }
}
