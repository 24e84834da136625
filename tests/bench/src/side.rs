//! A side in memory with a list of changes: the cheapest system there can be, so that what is measured is Mizan.

use crate::made::{id_of, product};
use mizan_adapters::{
    Adapter, Answer, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Listed, Order,
    Page, Probe, Pull, Refusal, Row,
};
use mizan_core::{Ext, Image, Name, Operation, SideId, Timestamp};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rows of one page.
const PAGE: usize = 1_000;

struct Kept {
    image: Image,
    stamp: i64,
}

#[derive(Default)]
struct Rows {
    clock: i64,
    rows: BTreeMap<Ext, Kept>,
    /// The list of changes: each row once, at its last change.
    changes: BTreeMap<i64, Ext>,
}

impl Rows {
    fn put(&mut self, ext: &Ext, image: Image) {
        self.clock += 1;
        let kept = Kept { image, stamp: self.clock };
        if let Some(before) = self.rows.insert(ext.clone(), kept) {
            self.changes.remove(&before.stamp);
        }
        self.changes.insert(self.clock, ext.clone());
    }

    fn row(&self, ext: &Ext) -> Option<Row> {
        let kept = self.rows.get(ext)?;
        let stamp = Some(Timestamp(kept.stamp));
        Some(Row { ext: ext.clone(), image: kept.image.clone(), stamp, tag: None, marker: None })
    }
}

/// A side in memory.
pub(crate) struct Side {
    side: SideId,
    rows: Mutex<Rows>,
}

impl Side {
    /// An empty side.
    pub(crate) fn new(side: &str) -> Self {
        Self { side: SideId::new(side), rows: Mutex::default() }
    }

    /// Somebody creates or changes a product here.
    pub(crate) fn edit(&self, number: u64, version: u64) {
        self.rows().put(&Ext::new(id_of(number)), product(number, version));
    }

    /// The images of all rows.
    pub(crate) fn images(&self) -> Vec<(Ext, Image)> {
        let rows = self.rows();
        rows.rows.iter().map(|(ext, kept)| (ext.clone(), kept.image.clone())).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self, pull: Pull, token: Option<&str>) -> Result<Page, Fault> {
        let rows = self.rows();
        let from = match (token, pull) {
            (Some(token), _) => token
                .parse()
                .map_err(|_| Fault::BadAnswer(format!("`{token}` is not a token of ours")))?,
            (None, Pull::Since(stamp)) => stamp.0,
            (None, Pull::All) => 0,
        };
        let mut changes = rows.changes.range(from..);
        let listed: Vec<Listed> = changes
            .by_ref()
            .take(PAGE)
            .filter_map(|(_, ext)| rows.row(ext))
            .map(Listed::Row)
            .collect();
        let next = changes.next().map(|(stamp, _)| stamp.to_string());
        let complete = next.is_none() && pull == Pull::All;
        Ok(Page { rows: listed, next, complete })
    }

    fn write(&self, order: Order<'_>) -> Answer {
        let mut rows = self.rows();
        let (ext, image) = match &order.command.operation {
            Operation::Create => {
                let Some(id) = order.set.get("id") else {
                    let message = "a product needs an id".to_owned();
                    return Answer::Refused { why: Refusal::Invalid, message };
                };
                (Ext::new(id.to_string()), order.set.clone())
            }
            Operation::Update { ext, .. } | Operation::Delete { ext, .. } => {
                let Some(row) = rows.row(ext) else { return Answer::Gone };
                let expected = order.expect.is_none_or(|expect| {
                    expect.iter().all(|(name, value)| row.image.get(name) == Some(value))
                });
                if !expected {
                    return Answer::Changed(row);
                }
                (ext.clone(), order.set.clone().over(&row.image))
            }
        };
        if let Operation::Delete { .. } = &order.command.operation {
            if let Some(kept) = rows.rows.remove(&ext) {
                rows.changes.remove(&kept.stamp);
            }
            return Answer::Deleted;
        }
        rows.put(&ext, image);
        let row = rows.row(&ext);
        Answer::Done { ext, row }
    }
}

impl Adapter for Side {
    fn side(&self) -> &SideId {
        &self.side
    }

    fn capabilities(&self, _: &Name) -> Capabilities {
        Capabilities {
            since: true,
            sweep: true,
            conditional: Conditional::Native,
            idempotent: false,
            marker: false,
            unique_key: true,
            find_by_key: false,
            create: true,
            update: true,
            delete: true,
            stale_reads: false,
            window_ms: 0,
            parallel: 16,
        }
    }

    fn pull<'a>(
        &'a self,
        _: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        _: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(ready(self.page(pull, token)))
    }

    fn get<'a>(&'a self, _: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        let row = self.rows().row(ext);
        Box::pin(ready(Ok(row.map_or(Fetched::NotFound, Fetched::Found))))
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move { Ok(self.write(order)) })
    }

    fn find<'a>(&'a self, _: &'a Name, _: Probe<'a>) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        Box::pin(ready(Err(Fault::BadAnswer("this side cannot be searched".to_owned()))))
    }
}
