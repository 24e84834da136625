//! The adapter of a simulated side: the only thing of the world that an engine ever sees.

use crate::profile::Mishap;
use crate::setup::{LAG_MAX_MS, WINDOW_MS};
use crate::world::{Applied, RowKey, Sent, Vice, World};
use mizan_adapters::{
    Adapter, Answer, BoxFuture, Capabilities, Fault, Fetched, Known, Listed, Order, Page, Probe,
    Pull, Refusal, Row,
};
use mizan_core::{Ext, Image, Name, Operation, SideId, Timestamp, Type};
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

    fn pull_now(&self, entity: &Name, pull: Pull, token: Option<&str>) -> Result<Page, Fault> {
        let mut world = look(&self.world);
        world.face(self.index);
        world.pass(1);
        if world.read_fails() {
            return Err(Fault::BadAnswer("the page was not readable".to_owned()));
        }
        if token.is_none() {
            let stale = world.sides[self.index].offers.stale_reads && world.stale();
            let lag = if stale { world.lag(LAG_MAX_MS) } else { 0 };
            world.sides[self.index].lag = lag;
        }
        let time = world.now - world.sides[self.index].lag;
        let mut rows: Vec<(i64, RowKey)> = Vec::new();
        for (key, cell) in &world.sides[self.index].rows {
            if key.0 != *entity {
                continue;
            }
            let Some((_, stamp, _)) = cell.at(time) else { continue };
            match pull {
                Pull::Since(since) if *stamp < since.0 => {}
                Pull::Since(_) => rows.push((*stamp, key.clone())),
                Pull::All => rows.push((0, key.clone())),
            }
        }
        rows.sort();
        if let Some(token) = token {
            let (stamp, ext) = token.split_once(' ').unwrap_or(("0", ""));
            let after = (stamp.parse().unwrap_or(0), (entity.clone(), Ext::new(ext)));
            rows.retain(|row| *row > after);
        }
        let size = world.page_size(self.index);
        let cut_short = pull == Pull::All && world.strikes(Mishap::ListingCut);
        let cut = cut_short || (pull == Pull::All && world.truncated());
        let more = rows.len() > size && !cut;
        if cut {
            world.coverage.note("listing was cut");
            let keep = if cut_short { 0 } else { world.below(rows.len() + 1) };
            rows.truncate(keep);
        }
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|(stamp, (_, ext))| format!("{stamp} {ext}"));
        let rows = rows.into_iter().filter_map(|(_, key)| world.show(self.index, &key, time));
        let rows = rows.map(Listed::Row).collect();
        let complete = next.is_none() && pull == Pull::All && !cut;
        Ok(Page { rows, next, complete })
    }

    fn get_now(&self, entity: &Name, ext: &Ext) -> Result<Fetched, Fault> {
        let mut world = look(&self.world);
        world.face(self.index);
        world.pass(1);
        if world.read_fails() {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        let (now, key) = (world.now, (entity.clone(), ext.clone()));
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
        world.before_write(self.index, &sent)?;
        let done_before = world.knows_command(self.index, &sent);
        if !done_before && world.refuses() {
            let why = Refusal::Locked;
            return Ok(Answer::Refused { why, message: "locked by another user".to_owned() });
        }
        let applied = world.apply(self.index, &sent);
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
        let offers = look(&self.world).sides[self.index].offers;
        Capabilities {
            since: offers.since,
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
            window_ms: WINDOW_MS,
            parallel: offers.parallel,
        }
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        _: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move { self.pull_now(entity, pull, token) })
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
    fn read_fails(&mut self) -> bool {
        self.strikes(Mishap::PageFails) || self.rng.per_mille(self.faults.read_fails)
    }

    fn stale(&mut self) -> bool {
        self.rng.per_mille(self.faults.stale * 3)
    }

    fn lag(&mut self, most: i64) -> i64 {
        self.coverage.note("listing was stale");
        self.rng.between(1, most)
    }

    fn truncated(&mut self) -> bool {
        self.rng.per_mille(self.faults.truncated)
    }

    fn refuses(&mut self) -> bool {
        self.rng.per_mille(self.faults.refused)
    }

    fn page_size(&mut self, side: usize) -> usize {
        let own = self.own_side(side).and_then(|own| own.page);
        own.unwrap_or_else(|| 1 + self.rng.below(4))
    }

    fn below(&mut self, below: usize) -> usize {
        self.rng.below(below)
    }

    fn knows_command(&self, side: usize, sent: &Sent) -> bool {
        let side = &self.sides[side];
        side.offers.idempotent && side.memory.contains_key(&sent.command.id)
    }

    /// A row as an answer shows it at a time; fields may be missing in it.
    fn show(&mut self, side: usize, key: &RowKey, time: i64) -> Option<Row> {
        if self.vicious(side, Vice::Lies) && key.1.as_str().ends_with('2') {
            return None;
        }
        let cell = self.sides[side].rows.get(key)?;
        let (image, stamp, marker) = cell.at(time)?.clone();
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
        Row { ext: key.1.clone(), image, stamp: Some(Timestamp(stamp)), tag: None, marker }
    }

    /// Keys and references are in every answer.
    fn always_shown(&self, entity: &str, name: &Name) -> bool {
        self.setup.schema.entity(entity).is_some_and(|entity| {
            let mut refers =
                entity.fields.iter().filter(|field| matches!(field.kind, Type::Ref(_)));
            entity.key.contains(name) || refers.any(|field| field.name == *name)
        })
    }

    fn doubted(&mut self, sent: &Sent) {
        self.catch_up();
        if let Some(thing) = self.watch.things.get(&sent.command.record) {
            self.ghost.things[*thing].doubtful = true;
        }
        self.coverage.note(match sent.command.operation {
            Operation::Create => "create in doubt",
            Operation::Update { .. } => "update in doubt",
            Operation::Delete { .. } => "delete in doubt",
        });
    }

    /// What can happen before a write arrives.
    fn before_write(&mut self, side: usize, sent: &Sent) -> Result<(), Fault> {
        let faults = self.faults;
        if self.rng.per_mille(faults.not_sent) {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        if let Some(ext) = sent.command.operation.ext() {
            let key = (sent.command.entity.clone(), ext.clone());
            if self.rng.per_mille(faults.delete_before_write) {
                self.delete(side, &key);
            } else if (self.strikes(Mishap::EditBeforeWrite)
                || self.rng.per_mille(faults.edit_before_write))
                && self.sides[side].rows.get(&key).is_some_and(|cell| cell.live)
            {
                self.meddle(side, &key);
            }
        }
        if self.strikes(Mishap::RequestLost) || self.rng.per_mille(faults.request_lost) {
            self.doubted(sent);
            let late = self.sides[side].offers.late_arrivals && self.rng.per_mille(500);
            if late {
                self.arrive_later(side, sent.clone());
            }
            let id = &self.sides[side].id;
            let line = format!("the {} is lost on its way to {id}", sent.command);
            self.tell(|| line);
            return Err(Fault::InDoubt("no answer in time".to_owned()));
        }
        Ok(())
    }

    /// What can happen before its answer arrives.
    fn after_write(&mut self, side: usize, sent: &Sent, applied: &Applied) -> Result<(), Fault> {
        let faults = self.faults;
        if let Applied::Done(ext, _) = applied {
            let key = (sent.command.entity.clone(), ext.clone());
            if self.rng.per_mille(faults.delete_after_write) {
                self.delete(side, &key);
            } else if self.rng.per_mille(faults.edit_after_write) {
                self.meddle(side, &key);
            }
        }
        if self.strikes(Mishap::AnswerLost) || self.rng.per_mille(faults.answer_lost) {
            self.doubted(sent);
            self.tell(|| format!("the answer to {} is lost", sent.command));
            return Err(Fault::InDoubt("the answer was lost".to_owned()));
        }
        Ok(())
    }
}
