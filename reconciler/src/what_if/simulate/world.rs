//! The sides of a model, in memory: they keep what they are given and answer at once.

use mizan_adapters::{
    Adapter, Answer, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Listed, Order,
    Page, Probe, Pull, Row,
};
use mizan_core::{Ext, Image, Name, Operation, SideId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A row of a side.
#[derive(Clone, Debug)]
pub(super) struct SimRow {
    pub(super) image: Image,
    pub(super) stamp: Option<Timestamp>,
}

/// One table: an entity on a side.
#[derive(Default)]
struct Table {
    rows: BTreeMap<Ext, SimRow>,
    /// What users changed since it was listed last.
    news: BTreeSet<Ext>,
}

/// All tables.
#[derive(Default)]
pub(super) struct World {
    tables: BTreeMap<(SideId, Name), Table>,
    made: u64,
    /// A row is gone since the last sync: only a complete listing shows that.
    pub(super) deleted: bool,
}

/// The world, held by its sides and by whoever feeds it.
pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn open(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn table(&mut self, side: &SideId, entity: &Name) -> &mut Table {
        self.tables.entry((side.clone(), entity.clone())).or_default()
    }

    pub(super) fn has(&self, side: &SideId, entity: &Name, ext: &Ext) -> bool {
        let table = self.tables.get(&(side.clone(), entity.clone()));
        table.is_some_and(|table| table.rows.contains_key(ext))
    }

    /// A user makes a row, or gives some of its fields values.
    pub(super) fn write(
        &mut self,
        side: &SideId,
        entity: &Name,
        ext: &Ext,
        fields: &Image,
        stamp: Option<Timestamp>,
    ) {
        let table = self.table(side, entity);
        let row = table.rows.remove(ext);
        let image = match row {
            Some(row) => fields.clone().over(&row.image),
            None => fields.clone(),
        };
        table.rows.insert(ext.clone(), SimRow { image, stamp });
        table.news.insert(ext.clone());
    }

    /// A user deletes a row.
    pub(super) fn delete(&mut self, side: &SideId, entity: &Name, ext: &Ext) {
        self.table(side, entity).rows.remove(ext);
        self.deleted = true;
    }
}

/// One side of the world.
pub(super) struct SimSide {
    pub(super) side: SideId,
    pub(super) world: Shared,
}

fn shown(ext: &Ext, row: &SimRow) -> Row {
    let SimRow { image, stamp } = row.clone();
    Row { ext: ext.clone(), image, stamp, tag: None, marker: None }
}

impl SimSide {
    fn list(&self, entity: &Name, pull: Pull) -> Page {
        let mut world = open(&self.world);
        let table = world.table(&self.side, entity);
        let news = std::mem::take(&mut table.news);
        let wanted = |ext: &&Ext| match pull {
            Pull::All => true,
            Pull::Since(_) => news.contains(*ext),
        };
        let exts = table.rows.keys().filter(wanted);
        let rows = exts.map(|ext| Listed::Row(shown(ext, &table.rows[ext]))).collect();
        Page { rows, next: None, complete: pull == Pull::All }
    }

    fn carry_out(&self, order: &Order<'_>) -> Answer {
        let mut world = open(&self.world);
        let ext = match &order.command.operation {
            Operation::Create => {
                world.made += 1;
                Ext::new(format!("made-{}", world.made))
            }
            Operation::Update { ext, .. } | Operation::Delete { ext, .. } => ext.clone(),
        };
        let table = world.table(&self.side, &order.command.entity);
        let image = match (&order.command.operation, table.rows.get(&ext)) {
            (Operation::Create, _) => order.set.clone(),
            (Operation::Update { .. } | Operation::Delete { .. }, None) => return Answer::Gone,
            (Operation::Update { .. } | Operation::Delete { .. }, Some(row))
                if order.expect.is_some_and(|expect| row.image != *expect) =>
            {
                return Answer::Changed(shown(&ext, row));
            }
            (Operation::Delete { .. }, Some(_)) => {
                table.rows.remove(&ext);
                return Answer::Deleted;
            }
            (Operation::Update { .. }, Some(row)) => order.set.clone().over(&row.image),
        };
        // A write of ours has no user's moment.
        let row = SimRow { image, stamp: None };
        table.rows.insert(ext.clone(), row.clone());
        Answer::Done { row: Some(shown(&ext, &row)), ext }
    }
}

impl Adapter for SimSide {
    fn side(&self) -> &SideId {
        &self.side
    }

    fn capabilities(&self, _: &Name) -> Capabilities {
        Capabilities {
            since: true,
            sweep: true,
            conditional: Conditional::Native,
            idempotent: true,
            marker: false,
            unique_key: false,
            find_by_key: false,
            create: true,
            update: true,
            delete: true,
            stale_reads: false,
            window_ms: 0,
            parallel: 1,
        }
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        _: Option<&'a str>,
        _: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move { Ok(self.list(entity, pull)) })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move {
            let mut world = open(&self.world);
            let row = world.table(&self.side, entity).rows.get(ext);
            Ok(row.map_or(Fetched::NotFound, |row| Fetched::Found(shown(ext, row))))
        })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move { Ok(self.carry_out(&order)) })
    }

    fn find<'a>(&'a self, _: &'a Name, _: Probe<'a>) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        // Nothing is ever in doubt here.
        Box::pin(async move { Ok(Vec::new()) })
    }
}
