//! A till and the books with one product, and a log in memory that outlives its engines.

use mizan::connect::{connect_sides, open_engine_with};
use mizan::core::policy::{Conflict, Policies, Policy, Verdict};
use mizan::core::{ContentHash, Event, Name, Seq};
use mizan::engine::Journal;
use mizan::replay::{PolicyRegistry, Verification, verify};
use mizan::store::{Batch, EventLog, MemoryLog, Snapshot, StoreError};
use mizan::{Config, SyncOptions};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// Everything that happens at the sides happens at one moment after the other.
pub(crate) struct Past {
    folder: TempDir,
    pub(crate) config: Config,
    log: Option<Box<dyn EventLog>>,
}

pub(crate) fn configured(price: &str) -> String {
    format!(
        r#"
[sides.till]
adapter = "files"
root = "till"
[sides.books]
adapter = "files"
root = "books"
[entities.product]
direction = "both"
key = ["sku"]
[entities.product.sides]
till = {{ path = "products" }}
books = {{ path = "products" }}
[entities.product.fields]
sku = {{ till = "sku", books = "sku" }}
price = {{ type = "decimal", prefer = "{price}", till = "price", books = "price" }}
"#
    )
}

impl Past {
    /// Nothing has happened; conflicts about prices are decided so.
    pub(crate) fn under(price: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for side in ["till", "books"] {
            std::fs::create_dir_all(folder.path().join(side).join("products")).expect("a folder");
        }
        let config = Config::parse(&configured(price), folder.path()).expect("a configuration");
        Self { folder, config, log: Some(Box::new(MemoryLog::default())) }
    }

    /// From now on conflicts about prices are decided so.
    pub(crate) fn rule(&mut self, price: &str) {
        self.config =
            Config::parse(&configured(price), self.folder.path()).expect("a configuration");
    }

    /// A user of the side gives product A a price.
    pub(crate) fn prices(&self, side: &str, price: &str) {
        let file = self.folder.path().join(side).join("products/A.json");
        std::fs::write(file, format!(r#"{{"sku":"A","price":"{price}"}}"#)).expect("a row");
    }

    pub(crate) fn syncs(&mut self, policies: Policies) {
        let adapters = connect_sides(&self.config).expect("sides").adapters;
        let log = self.log.take().expect("the log");
        let mut engine =
            open_engine_with(&self.config, log, adapters, policies).expect("an engine");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let options = SyncOptions { sweep: true, ..SyncOptions::default() };
        runtime.expect("a runtime").block_on(engine.sync(&options)).expect("a sync");
        self.log = Some(engine.into_log());
    }

    /// Both change the price, and a sync decides.
    pub(crate) fn quarrels(&mut self, till: &str, books: &str, policies: Policies) {
        self.prices("till", till);
        self.prices("books", books);
        self.syncs(policies);
    }

    /// Looks at the log, and may append to it.
    pub(crate) fn with<T>(&mut self, look: impl FnOnce(&mut Journal, &Config) -> T) -> T {
        let mut journal = Journal::open(self.log.take().expect("the log")).expect("a journal");
        let seen = look(&mut journal, &self.config);
        self.log = Some(journal.into_log());
        seen
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.with(|journal, _| {
            let mut events = Vec::new();
            journal.each_event(Seq(0), &mut |event| events.push(event.clone())).expect("events");
            events
        })
    }

    /// Everything computed again, without the configuration.
    pub(crate) fn verified(&mut self, registry: &PolicyRegistry) -> Verification {
        self.with(|journal, _| verify(journal, None, registry, &mut |_| {}).expect("verified"))
    }

    /// The log forgets these bodies.
    pub(crate) fn forgets(&mut self, hidden: impl IntoIterator<Item = ContentHash>) {
        let inner = self.log.take().expect("the log");
        self.log = Some(Box::new(Forgetful { inner, hidden: hidden.into_iter().collect() }));
    }
}

/// A log that has lost bodies.
struct Forgetful {
    inner: Box<dyn EventLog>,
    hidden: BTreeSet<ContentHash>,
}

impl EventLog for Forgetful {
    fn head(&self) -> Seq {
        self.inner.head()
    }

    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        self.inner.append(expected, batch)
    }

    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.inner.scan(after, visit)
    }

    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(at)
    }

    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        if self.hidden.contains(hash) { Ok(None) } else { self.inner.body(hash) }
    }

    fn has_body(&self, hash: &ContentHash) -> bool {
        !self.hidden.contains(hash) && self.inner.has_body(hash)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.inner.save_snapshot(snapshot)
    }

    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        self.inner.load_snapshot(code_id)
    }
}

/// Takes what it is told to take, under an id of its own.
pub(crate) struct Takes(pub(crate) &'static str, pub(crate) fn(&Conflict<'_>) -> usize);

impl Policy for Takes {
    fn id(&self) -> Name {
        Name::new_static(self.0)
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        Verdict::Take((self.1)(conflict))
    }
}

/// Takes another candidate each time: no function of its arguments.
#[derive(Default)]
pub(crate) struct Counts(AtomicUsize);

impl Policy for Counts {
    fn id(&self) -> Name {
        Name::new_static("pick/1")
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        Verdict::Take(self.0.fetch_add(1, Ordering::Relaxed) % conflict.candidates.len())
    }
}
