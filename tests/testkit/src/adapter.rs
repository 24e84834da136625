//! The adapter of a simulated side: the only thing of the world that an engine ever sees.

use crate::profile::Mishap;
use crate::setup::{LAG_MAX_MS, WINDOW_MS};
use crate::vices::Vice;
use crate::world::{Applied, Moment, RowKey, Sent, Trouble, World};
use mizan_adapters::{
    Adapter, Answer, BoxFuture, Capabilities, Fault, Fetched, Known, Order, Page, Probe, Pull,
    Refusal, Row,
};
use mizan_core::{Ext, Image, Name, SideId, Timestamp, Type};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A world that several adapters and a test share.
pub type SharedWorld = Arc<Mutex<World>>;

/// Looks into a shared world.
pub fn look(world: &SharedWorld) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One side of a simulated world, as an adapter.
#[derive(Clone, Debug)]
pub struct SimSide {
    world: SharedWorld,
    index: usize,
    id: SideId,
}

impl SimSide {
    /// The adapter of the side at `index`.
    #[must_use]
    pub fn new(world: &SharedWorld, index: usize) -> Self {
        let id = look(world).side_id(index);
        Self { world: world.clone(), index, id }
    }

    /// The adapters of all sides.
    #[must_use]
    pub fn all(world: &SharedWorld) -> Vec<Arc<dyn Adapter>> {
        let count = look(world).sides.len();
        (0..count).map(|index| Arc::new(Self::new(world, index)) as Arc<dyn Adapter>).collect()
    }

    fn get_now(&self, entity: &Name, ext: &Ext) -> Result<Fetched, Fault> {
        let mut world = look(&self.world);
        world.face(self.index);
        world.pass(1);
        if world.read_fails() || world.befalls(self.index, Trouble::Down) {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        let key = (entity.clone(), ext.clone());
        if world.befalls(self.index, Trouble::GetFails) || world.unreadable(self.index, &key) {
            return Err(Fault::BadAnswer("the answer was cut".to_owned()));
        }
        world.meanwhile(self.index, Moment::BeforeGet);
        if world.hides(self.index) || world.befalls(self.index, Trouble::GetHides) {
            return Ok(Fetched::NotFound);
        }
        let lag = if world.vice_strikes(self.index, Vice::ReadsLag, 300) { LAG_MAX_MS } else { 0 };
        let now = world.now - lag;
        Ok(world.show(self.index, &key, now).map_or(Fetched::NotFound, Fetched::Found))
    }

    fn execute_now(&self, order: &Order<'_>) -> Result<Answer, Fault> {
        let mut world = look(&self.world);
        world.face(self.index);
        world.pass(1);
        let sent = Sent {
            command: order.command.clone(),
            set: order.set.clone(),
            expect: order.expect.cloned(),
        };
        world.sides[self.index].asked += 1;
        world.trouble_before(self.index, &sent)?;
        world.before_write(self.index, &sent)?;
        let done_before = world.knows_command(self.index, &sent);
        if !done_before && world.refuses() {
            let why = Refusal::Locked;
            return Ok(Answer::Refused { why, message: "locked by another user".to_owned() });
        }
        if let Some(refused) = world.refuses_by_script(self.index) {
            return Ok(refused);
        }
        let applied = world.apply(self.index, &sent);
        world.trouble_after(self.index, &sent)?;
        world.after_write(self.index, &sent, &applied)?;
        let marker = world.sides[self.index].offers.marker.then(|| sent.command.marker());
        Ok(match applied {
            Applied::Done(ext, image) => {
                let key = (sent.command.entity.clone(), ext.clone());
                let body = world.sides[self.index].offers.ack_body;
                let row = body.then(|| world.answer_row(self.index, &key, image, marker));
                Answer::Done { ext, row }
            }
            Applied::Deleted => Answer::Deleted,
            Applied::Gone => Answer::Gone,
            Applied::Changed(key) => {
                let now = world.now;
                match world.show(self.index, &key, now) {
                    Some(row) => Answer::Changed(row),
                    None => Answer::Gone,
                }
            }
            Applied::Refused(why, message) => Answer::Refused { why, message: message.to_owned() },
        })
    }

    fn find_now(&self, entity: &Name, probe: Probe<'_>) -> Result<Vec<Row>, Fault> {
        let mut world = look(&self.world);
        world.face(self.index);
        world.pass(1);
        if world.read_fails() {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        let keys: Vec<Name> =
            world.setup.schema.entity(entity).map(|e| e.key.clone()).unwrap_or_default();
        let fits = |marker: Option<&str>, image: &Image| match probe {
            Probe::Marker(wanted) => marker == Some(wanted),
            Probe::Key(wanted) => keys.iter().all(|key| image.get(key) == wanted.get(key)),
        };
        let found: Vec<RowKey> = world.sides[self.index]
            .rows
            .iter()
            .filter(|(key, cell)| {
                key.0 == *entity && cell.live && fits(cell.marker.as_deref(), &cell.image)
            })
            .map(|(key, _)| key.clone())
            .collect();
        let now = world.now;
        Ok(found.into_iter().filter_map(|key| world.show(self.index, &key, now)).collect())
    }
}

impl Adapter for SimSide {
    fn side(&self) -> &SideId {
        &self.id
    }

    fn capabilities(&self, _: &Name) -> Capabilities {
        let world = look(&self.world);
        let offers = world.sides[self.index].offers;
        Capabilities {
            since: offers.since && !world.has(self.index, Vice::NoStamps),
            sweep: true,
            conditional: offers.conditional,
            idempotent: offers.idempotent,
            marker: offers.marker,
            unique_key: offers.unique_key,
            find_by_key: offers.find_by_key,
            create: true,
            update: true,
            delete: offers.delete,
            stale_reads: offers.stale_reads,
            window_ms: WINDOW_MS + world.stamps_off(self.index),
            parallel: offers.parallel,
        }
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        known: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move { look(&self.world).list(self.index, entity, pull, token, known) })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move { self.get_now(entity, ext) })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move { self.execute_now(&order) })
    }

    fn find<'a>(
        &'a self,
        entity: &'a Name,
        probe: Probe<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        Box::pin(async move { self.find_now(entity, probe) })
    }
}

impl World {
    pub(crate) fn read_fails(&mut self) -> bool {
        self.strikes(Mishap::PageFails) || self.rng.per_mille(self.faults.read_fails)
    }

    pub(crate) fn stale(&mut self) -> bool {
        self.rng.per_mille(self.faults.stale * 3)
    }

    pub(crate) fn lag(&mut self, most: i64) -> i64 {
        self.coverage.note("listing was stale");
        self.rng.between(1, most)
    }

    pub(crate) fn truncated(&mut self) -> bool {
        self.rng.per_mille(self.faults.truncated)
    }

    fn refuses(&mut self) -> bool {
        self.rng.per_mille(self.faults.refused)
    }

    /// Keys and references are in every answer.
    fn always_shown(&self, entity: &str, name: &Name) -> bool {
        self.setup.schema.entity(entity).is_some_and(|entity| {
            let mut refers =
                entity.fields.iter().filter(|field| matches!(field.kind, Type::Ref(_)));
            entity.key.contains(name) || refers.any(|field| field.name == *name)
        })
    }

    pub(crate) fn page_size(&mut self, side: usize) -> usize {
        let drawn = 1 + self.rng.below(4);
        let own = self.own_side(side).and_then(|own| own.page);
        own.or(self.script.page_size).unwrap_or(drawn)
    }

    pub(crate) fn below(&mut self, below: usize) -> usize {
        self.rng.below(below)
    }

    fn knows_command(&self, side: usize, sent: &Sent) -> bool {
        let side = &self.sides[side];
        side.offers.idempotent && side.memory.contains_key(&sent.command.id)
    }

    /// A row as an answer shows it at a time; fields may be missing in it.
    pub(crate) fn show(&mut self, side: usize, key: &RowKey, time: i64) -> Option<Row> {
        if self.has(side, Vice::Lies) && key.1.as_str().ends_with('2') {
            return None;
        }
        let cell = self.sides[side].rows.get(key)?;
        let (image, stamp, marker) = cell.at(time)?.clone();
        self.touch(side, key);
        Some(self.row_of(side, key, image, stamp, marker))
    }

    /// The row in the answer to a write.
    fn answer_row(
        &mut self,
        side: usize,
        key: &RowKey,
        image: Image,
        marker: Option<String>,
    ) -> Row {
        let stamp = self.sides[side].rows.get(key).map_or(self.now, |cell| cell.stamp);
        self.row_of(side, key, image, stamp, marker)
    }

    fn row_of(
        &mut self,
        side: usize,
        key: &RowKey,
        image: Image,
        stamp: i64,
        marker: Option<String>,
    ) -> Row {
        let thing = self.sides[side].rows.get(key).map_or(usize::MAX, |cell| cell.thing);
        let mut image = image;
        let names: Vec<Name> = image.iter().map(|(name, _)| name.clone()).collect();
        for name in names {
            let keeps = self.always_shown(&key.0, &name);
            if !keeps && self.rng.per_mille(self.faults.field_dropped) {
                self.coverage.note("field was missing in an answer");
                image.forget(&name);
                if let Some(about) = self.ghost.things.get_mut(thing) {
                    about.dropped = true;
                }
            }
        }
        let tags: Vec<u32> =
            image.iter().filter_map(|(name, value)| self.ghost.tag(thing, name, value)).collect();
        self.ghost.shown.extend(tags);
        if self.has(side, Vice::NullIsAbsent) {
            let nulls = image.iter().filter(|(_, value)| value.is_null());
            let nulls: Vec<Name> = nulls.map(|(name, _)| name.clone()).collect();
            nulls.iter().for_each(|name| image.forget(name));
        }
        let stamp = self.clock_of(side, key, stamp);
        let stamp = (!self.has(side, Vice::NoStamps)).then_some(Timestamp(stamp));
        let mut row = Row { ext: key.1.clone(), image, stamp, tag: None, marker };
        row.tag = self.tag_of(side, &row);
        row
    }
}
