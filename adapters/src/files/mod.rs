//! The `files` adapter: a directory of JSON files, a JSON Lines file or a CSV export as a side.
//!
//! Options of an entity (unknown ones are refused):
//!
//! | `format` | options | what it is |
//! | --- | --- | --- |
//! | `dir` (default) | `path` (default: the entity's name), `durability` | one JSON object in each `NAME.json`; the id is `NAME` |
//! | `jsonl` | `path`, `id` (a path in the object), `durability` | one JSON object in each line |
//! | `csv` | `path`, `id` (a column), `group`, `lines`, `on_ambiguous`, `computed` | an export with a header; only read |
//!
//! `durability` is `each` (a write is on the disk before it is answered) or `batch` (its content is, its name is
//! before the next listing ends). `on_ambiguous` is `refuse` or `first`. `computed` adds exact decimal columns:
//! `{"unit_price": {"divide": ["Sales", "Quantity"], "scale": 10}}`.
//!
//! What is unreadable is reported and never counts as absent: half-written JSON, a record with too few fields, a
//! symbolic link (links are not followed). A directory or file that is not there is a fault, never an empty listing.

mod computed;
mod csv;
mod csv_group;
mod csv_records;
mod dir;
mod dir_write;
mod jsonl;
mod jsonl_write;
mod names;
mod native;
mod options;
mod place;
mod source;
mod stat;
mod sweep;
mod table;

use crate::adapter::{
    Adapter, Answer, Binding, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Listed,
    Order, Page, Probe, Pull, Refusal, Row,
};
use mizan_core::{Ext, Name, SideId};
use native::{Wish, refused};
use options::Options;
use source::Bound;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use sweep::{PAGE, Sweep, Sweeps};

/// A directory tree as a side.
pub struct Files {
    side: SideId,
    bound: BTreeMap<Name, Arc<Bound>>,
}

/// The settings of a `files` side are not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// The options of an entity are wrong.
    #[error("entity `{entity}`: {why}")]
    Options {
        /// The entity.
        entity: Name,
        /// What is wrong.
        why: String,
    },
    /// Two entities are kept in one place.
    #[error("entities `{first}` and `{second}` are both kept in `{path}`")]
    SamePath {
        /// One entity.
        first: Name,
        /// The other.
        second: Name,
        /// The place.
        path: String,
    },
}

impl Files {
    /// A side that keeps `bindings` under `root`; nothing is read yet, and nothing needs to be there.
    ///
    /// # Errors
    /// When the options of an entity are unknown or wrong, or when two entities are kept in one place.
    pub fn new(side: SideId, root: PathBuf, bindings: Vec<Binding>) -> Result<Self, FilesError> {
        let mut bound = BTreeMap::new();
        let mut places: BTreeMap<PathBuf, Name> = BTreeMap::new();
        for binding in bindings {
            let options = Options::of(&binding)?;
            let path: PathBuf = root.join(options.path()).components().collect();
            let entity = binding.entity.clone();
            // An export is only read, so any number of entities may be views of it.
            let only_read = matches!(options, Options::Csv(_));
            if let Some(first) = places.insert(path.clone(), entity.clone())
                && !only_read
            {
                let path = path.display().to_string();
                return Err(FilesError::SamePath { first, second: entity, path });
            }
            bound.insert(entity, Arc::new(Bound::new(&path, options, binding)));
        }
        Ok(Self { side, bound })
    }

    fn bound(&self, entity: &Name) -> Result<&Arc<Bound>, Fault> {
        let unknown = || Fault::BadAnswer(format!("side {} has no entity {entity}", self.side));
        self.bound.get(entity).ok_or_else(unknown)
    }
}

/// Runs `work` where it may block; a write that broke down may have been done.
async fn blocking<R, F>(work: F) -> Result<R, Fault>
where
    R: Send + 'static,
    F: FnOnce() -> Result<R, Fault> + Send + 'static,
{
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Fault::InDoubt(format!("the work broke down: {error}"))))
}

/// One page of a sweep: known versions are not read again.
async fn page(
    bound: &Arc<Bound>,
    sweeps: (u64, Arc<Sweep>, usize),
    known: &dyn Known,
) -> Result<Page, Fault> {
    let (id, sweep, from) = sweeps;
    let to = sweep.entries.len().min(from + PAGE);
    let (mut rows, mut wanted) = (Vec::with_capacity(to - from), Vec::new());
    for at in from..to {
        let entry = &sweep.entries[at];
        let same = entry.ext().filter(|ext| {
            let tag = entry.tag();
            tag.is_some() && known.tag(ext) == tag
        });
        match same {
            Some(ext) => rows.push(Listed::Same(ext.clone())),
            None => wanted.push(at),
        }
    }
    if !wanted.is_empty() {
        let (bound, sweep) = (bound.clone(), sweep.clone());
        rows.extend(blocking(move || bound.source.read_listed(&sweep, &wanted)).await?);
    }
    let last = to == sweep.entries.len();
    if last {
        bound.sweeps.end(id);
    }
    let next = (!last).then(|| Sweeps::token(id, to));
    Ok(Page { rows, next, complete: last && sweep.complete })
}

impl Adapter for Files {
    fn side(&self) -> &SideId {
        &self.side
    }

    fn capabilities(&self, entity: &Name) -> Capabilities {
        match self.bound.get(entity) {
            Some(bound) => bound.capabilities(),
            None => NOTHING,
        }
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        known: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move {
            let bound = self.bound(entity)?;
            if pull != Pull::All {
                return Err(Fault::BadAnswer("files keep no list of changes".to_owned()));
            }
            // A token that is not known any more begins again: rows may come twice, none is left out.
            let under_way = token.and_then(|token| bound.sweeps.find(token));
            let sweeps = match under_way {
                Some(under_way) => under_way,
                None => {
                    let source = bound.clone();
                    let sweep = Arc::new(blocking(move || source.source.sweep()).await?);
                    (bound.sweeps.keep(&sweep), sweep, 0)
                }
            };
            page(bound, sweeps, known).await
        })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move {
            let (bound, ext) = (self.bound(entity)?.clone(), ext.clone());
            blocking(move || bound.source.get(&ext)).await
        })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let Some(bound) = self.bound.get(&order.command.entity) else {
                let why = format!("side {} has no entity {}", self.side, order.command.entity);
                return Ok(refused(Refusal::Unsupported, &why));
            };
            let bound = bound.clone();
            let wish = Wish {
                marker: order.command.marker(),
                operation: order.command.operation.clone(),
                set: order.set.clone(),
                expect: order.expect.cloned(),
            };
            blocking(move || bound.source.execute(wish)).await
        })
    }

    fn find<'a>(
        &'a self,
        entity: &'a Name,
        probe: Probe<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        Box::pin(async move {
            let bound = self.bound(entity)?.clone();
            let Probe::Key(image) = probe else {
                return Err(Fault::BadAnswer("files keep no markers".to_owned()));
            };
            let image = image.clone();
            blocking(move || bound.find(&image)).await
        })
    }
}

/// What an entity that is not here offers.
const NOTHING: Capabilities = Capabilities {
    since: false,
    sweep: false,
    conditional: Conditional::ReadCompareWrite,
    idempotent: false,
    marker: false,
    unique_key: false,
    find_by_key: false,
    create: false,
    update: false,
    delete: false,
    stale_reads: false,
    window_ms: 0,
    parallel: 1,
};
