//! The `Adapter` trait: one connected system, and what Mizan may expect of it.

use mizan_core::lens::Lens;
use mizan_core::{Command, Ext, Image, Name, SideId, Timestamp};
use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that adapters of different systems can stand in one list.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How an entity of the configuration meets a resource of a side.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The entity.
    pub entity: Name,
    /// Native JSON to images and back.
    pub lens: Lens,
    /// The natural key's fields, in order; empty where there is none.
    pub key: Vec<Name>,
    /// The side's own settings for the entity (`resource`, `path`, `id`, ...), as JSON.
    pub options: serde_json::Value,
    /// Native fields that a new row gets besides the mapped ones.
    pub on_create: serde_json::Map<String, serde_json::Value>,
}

/// One row of a side, as a read showed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The side's id of the row.
    pub ext: Ext,
    /// Its mapped fields.
    pub image: Image,
    /// When the side says the row was changed last; a hint for fetching, never an order (L13).
    pub stamp: Option<Timestamp>,
    /// A short fingerprint of the row's version (file times, an ETag): equal means "need not be read again".
    pub tag: Option<u64>,
    /// The marker that a command of ours left on the row, where the side keeps one.
    pub marker: Option<String>,
}

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    /// A row.
    Row(Row),
    /// The row is there and its tag is the known one; it was not read.
    Same(Ext),
    /// Something is there that cannot be read as a row; it is reported, and the rest goes on.
    Bad {
        /// Where: a file and line, or an id.
        at: String,
        /// The id, where it could be read: the row exists, so it must not count as absent.
        ext: Option<Ext>,
        /// What is wrong with it; names fields, never contents.
        why: String,
    },
}

/// What a pull is to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// Rows whose stamp is at this moment or later.
    Since(Timestamp),
    /// Every row: a sweep, the only thing that can show that a row is gone.
    All,
}

/// What the log already knows of rows, so that an adapter can leave out what has not changed.
pub trait Known: Sync {
    /// The tag that the row had when it was last read or written.
    fn tag(&self, ext: &Ext) -> Option<u64>;
}

/// A part of a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The entries.
    pub rows: Vec<Listed>,
    /// Token of the next page; `None` on the last one.
    pub next: Option<String>,
    /// On the last page of [`Pull::All`]: every row of the side was in this listing, for certain (L19).
    pub complete: bool,
}

/// Answer to a direct read.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched {
    /// The row.
    Found(Row),
    /// The side said in so many words that there is no such row; any other failure is a [`Fault`].
    NotFound,
}

/// A write to carry out.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What is wished.
    pub command: &'a Command,
    /// The fields to set, in the side's own terms (its ids in references, its rounding).
    pub set: &'a Image,
    /// The image that the row must still have; `None` for a create.
    pub expect: Option<&'a Image>,
}

/// What became of a write, when the side said so.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Created or updated.
    Done {
        /// The row's id.
        ext: Ext,
        /// The row as the side shows it right after the write; `None` where the side does not say.
        row: Option<Row>,
    },
    /// Deleted, or it was no longer there.
    Deleted,
    /// The row to update is not there any more.
    Gone,
    /// The row is not as expected; nothing was written (L40).
    Changed(Row),
    /// The side refused, for good as long as nothing changes.
    Refused {
        /// What kind of refusal.
        why: Refusal,
        /// The side's own words, at most 500 characters.
        message: String,
    },
}

/// Kinds of refusals, as far as they ask for different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The natural key is taken; the row that has it, if the side names it.
    KeyTaken(Option<Ext>),
    /// A referenced row is not there or may not be used.
    BadReference,
    /// The row is in use, final or locked.
    Locked,
    /// The side's rules do not allow the values.
    Invalid,
    /// The side cannot do this at all.
    Unsupported,
}

/// A question for the trace of a write that was not answered.
#[derive(Clone, Copy, Debug)]
pub enum Probe<'a> {
    /// A row with this marker.
    Marker(&'a str),
    /// Rows whose natural key fields are as in this image.
    Key(&'a Image),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The request surely was not processed.
    #[error("not sent: {0}")]
    NotSent(String),
    /// A write may have been processed; it is in doubt.
    #[error("no answer, the write may have been done: {0}")]
    InDoubt(String),
    /// The side does not accept our credentials.
    #[error("not authorised: {0}")]
    Unauthorized(String),
    /// The side answered something that cannot be used.
    #[error("unusable answer: {0}")]
    BadAnswer(String),
}

/// How an update is kept from overwriting what nobody has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditional {
    /// The side itself compares before it writes.
    Native,
    /// We read, compare and write; a change in between is lost (the race is named in `mizan check`).
    ReadCompareWrite,
}

/// What one side offers for one entity; guarantees follow from it (LAWS 1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Rows can be listed from a stamp on.
    pub since: bool,
    /// A listing of all rows is complete, so that absence in it is evidence.
    pub sweep: bool,
    /// How updates are guarded.
    pub conditional: Conditional,
    /// The same command sent twice has one effect.
    pub idempotent: bool,
    /// A marker can be written with a create and searched for.
    pub marker: bool,
    /// The natural key is unique: a second create with it is refused.
    pub unique_key: bool,
    /// Rows can be found by their natural key.
    pub find_by_key: bool,
    /// Rows can be created, changed, deleted.
    pub create: bool,
    /// Rows can be changed.
    pub update: bool,
    /// Rows can be deleted.
    pub delete: bool,
    /// A read may show an older state than an earlier read did (T14).
    pub stale_reads: bool,
    /// How far stamps can lag behind what is visible: the overlap window of the cursor, in milliseconds.
    pub window_ms: i64,
    /// Writes that may be under way at the same time.
    pub parallel: usize,
}

/// One connected system.
///
/// The contract: `pull` may repeat a row and never skips one; `get` says `NotFound` only when the side said so;
/// `execute` has at most one effect per command and writes nothing where the row is not as expected; a method
/// returns a [`Fault`] when nobody knows, and never guesses. Reads may be repeated by the adapter, writes may not.
pub trait Adapter: Send + Sync {
    /// The side that this is.
    fn side(&self) -> &SideId;

    /// What the side offers for an entity.
    fn capabilities(&self, entity: &Name) -> Capabilities;

    /// One page of a listing; `token` is the `next` of the page before.
    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        known: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>>;

    /// One row, read from where it cannot be stale.
    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>>;

    /// Carries out one write.
    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>>;

    /// Rows that answer a probe; complete, or a [`Fault`].
    fn find<'a>(
        &'a self,
        entity: &'a Name,
        probe: Probe<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, Fault>>;
}
