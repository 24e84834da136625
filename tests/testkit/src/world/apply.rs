//! Commands as they take effect, with the laws that can be judged at that moment.

use super::{Cell, Deferred, Later, Remembered, RowKey, World};
use crate::law::Law;
use crate::setup::{LAG_MAX_MS, LATE_MAX_MS, VISIBLE_MS};
use crate::vices::Vice;
use mizan_adapters::Refusal;
use mizan_core::{Command, Ext, Image, Operation, RefTo, Value};

/// A column of rows that no schema names.
const UNKNOWN_COLUMN: mizan_core::Name = mizan_core::Name::new_static("legacy");
/// How long a customer is new.
const NEW_MS: i64 = 100;

/// A write as it travels.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) command: Command,
    pub(crate) set: Image,
    pub(crate) expect: Option<Image>,
}

/// What a write did.
#[derive(Clone, Debug)]
pub(crate) enum Applied {
    /// Created or updated; the row right after it.
    Done(Ext, Image),
    Deleted,
    Gone,
    Changed(RowKey),
    Refused(Refusal, &'static str),
}

/// What an image says, as a story tells it.
fn words(image: &Image) -> String {
    let words: Vec<String> = image.iter().map(|(name, value)| format!("{name} {value}")).collect();
    words.join(", ")
}

impl World {
    /// A write reaches its side.
    pub(crate) fn apply(&mut self, side: usize, sent: &Sent) -> Applied {
        self.catch_up();
        let id = sent.command.id;
        if !self.watch.intents.contains(&id) {
            self.broke(Law::WriteAhead, format!("{} has no durable intent", sent.command));
        }
        if self.sides[side].offers.idempotent
            && !self.has(side, Vice::KeyIgnored)
            && let Some(known) = self.sides[side].memory.get(&id).cloned()
        {
            self.coverage.note("repeated command had no second effect");
            return self.again(side, sent, known);
        }
        let applied = match &sent.command.operation {
            Operation::Create => {
                if self.has(side, Vice::Doubles) {
                    self.apply_create(side, sent);
                }
                self.apply_create(side, sent)
            }
            Operation::Update { ext, .. } if self.has(side, Vice::Forgets) => {
                let row = (sent.command.entity.clone(), ext.clone());
                let image = self.sides[side].rows.get(&row).map(|cell| cell.image.clone());
                Applied::Done(ext.clone(), sent.set.clone().over(&image.unwrap_or_default()))
            }
            Operation::Update { ext, .. } => self.apply_update(side, sent, ext),
            Operation::Delete { ext, .. } => self.apply_delete(side, sent, ext),
        };
        let applied = match applied {
            Applied::Done(ext, image) if self.has(side, Vice::AckAsSent) => {
                Applied::Done(ext, sent.set.clone().over(&image))
            }
            applied => applied,
        };
        if let Applied::Done(..) | Applied::Deleted = &applied {
            self.effects += 1;
            self.sides[side].written += 1;
            let count = self.watch.applied.entry(id).or_default();
            *count += 1;
            let times = *count;
            if times > 1 && sent.command.operation.verb() == "update" {
                self.broke(Law::Effects, format!("{} took effect {times} times", sent.command));
            }
            let memory = match &applied {
                Applied::Done(ext, image) => {
                    Remembered { ext: Some(ext.clone()), image: image.clone() }
                }
                _ => Remembered { ext: None, image: Image::default() },
            };
            self.sides[side].memory.insert(id, memory);
        }
        applied
    }

    /// A repeated command is answered, not carried out.
    fn again(&mut self, side: usize, sent: &Sent, known: Remembered) -> Applied {
        let Some(ext) = known.ext else { return Applied::Deleted };
        let row = (sent.command.entity.clone(), ext.clone());
        match self.sides[side].rows.get(&row).filter(|cell| cell.live) {
            None => Applied::Gone,
            Some(_) if self.setup.replays_original => Applied::Done(ext, known.image),
            Some(cell) => Applied::Done(ext, cell.image.clone()),
        }
    }

    fn stored_set(&self, side: usize, sent: &Sent) -> Image {
        let entity = self.setup.schema.entity(&sent.command.entity);
        let id = &self.sides[side].id;
        let stored = |name: &mizan_core::Name, value: &Value| {
            let field = entity.and_then(|e| e.fields.iter().find(|field| field.name == *name));
            field.map_or_else(|| value.clone(), |field| field.on_side(id, value))
        };
        let set = sent.set.iter();
        set.map(|(name, value)| (name.clone(), self.unsaid(side, name, &stored(name, value))))
            .collect()
    }

    /// What a side makes of a value although nobody said that it does.
    fn unsaid(&self, side: usize, field: &mizan_core::Name, value: &Value) -> Value {
        match value {
            Value::Text(text) if self.has(side, Vice::TrimsUnsaid) => {
                Value::text(text.trim().chars().take(12).collect::<String>())
            }
            Value::Null if field == "note" && self.has(side, Vice::EmptyForNull) => Value::text(""),
            Value::Null if field == "note" && self.has(side, Vice::FillsBlank) => {
                Value::text("today")
            }
            Value::Null
            | Value::Text(_)
            | Value::Bool(_)
            | Value::Decimal(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Ref(_) => value.clone(),
        }
    }

    /// What the side's rules say of the values.
    fn refusal(&self, side: usize, sent: &Sent) -> Option<Applied> {
        for (_, value) in sent.set.iter() {
            if matches!(value, Value::Text(text) if text.contains('!')) {
                return Some(Applied::Refused(Refusal::Invalid, "no exclamation marks"));
            }
            let mut missing = false;
            value.each_ref(&mut |reference| {
                let live = match &reference.to {
                    RefTo::Row { ext, .. } => {
                        let row = (reference.entity.clone(), ext.clone());
                        self.sides[side].rows.get(&row).is_some_and(|cell| cell.live)
                    }
                    RefTo::Record(_) => false,
                };
                missing |= !live;
            });
            if missing {
                return Some(Applied::Refused(Refusal::BadReference, "no such customer"));
            }
        }
        None
    }

    /// What the side says to any write of a row, whatever it sets.
    fn vice_refuses(&mut self, side: usize, sent: &Sent) -> Option<Applied> {
        let ext = sent.command.operation.ext();
        if self.has(side, Vice::Locks) && ext.is_some_and(|ext| ext.as_str().ends_with('3')) {
            if let Some(thing) = self.watch.things.get(&sent.command.record) {
                // Refused for good, as a value that the side does not allow.
                self.ghost.things[*thing].poisoned = true;
            }
            self.coverage.note("row was locked for good");
            return Some(Applied::Refused(Refusal::Locked, "the row is final"));
        }
        if self.has(side, Vice::RefusesByOther) {
            let mut fresh = false;
            for (_, value) in sent.set.iter() {
                value.each_ref(&mut |reference| {
                    if let RefTo::Row { ext, .. } = &reference.to {
                        let row = (reference.entity.clone(), ext.clone());
                        let parent = self.sides[side].rows.get(&row);
                        fresh |= parent.is_some_and(|cell| self.now - cell.made_at() < NEW_MS);
                    }
                });
            }
            if fresh {
                self.coverage.note("order refused, its customer is new");
                return Some(Applied::Refused(Refusal::Invalid, "the customer is not approved"));
            }
        }
        None
    }

    /// L47: a reference is an id of that side, of the thing that is meant.
    fn check_references(&mut self, side: usize, sent: &Sent) {
        let mut bad = Vec::new();
        for (name, value) in sent.set.iter() {
            value.each_ref(&mut |reference| match &reference.to {
                RefTo::Row { side: of, ext } if *of == self.sides[side].id => {
                    let row = (reference.entity.clone(), ext.clone());
                    if !self.sides[side].rows.contains_key(&row) {
                        bad.push(format!("{name} refers to {ext}, which never was there"));
                    }
                }
                to => bad.push(format!("{name} refers to {to:?}, which is no id of this side")),
            });
        }
        for what in bad {
            self.broke(Law::NoDangling, format!("{}: {what}", sent.command));
        }
    }

    fn apply_create(&mut self, side: usize, sent: &Sent) -> Applied {
        self.check_references(side, sent);
        if let Some(refused) = self.vice_refuses(side, sent).or_else(|| self.refusal(side, sent)) {
            return refused;
        }
        let entity = sent.command.entity.clone();
        let Some(thing) = self.watch.things.get(&sent.command.record).copied() else {
            self.broke(Law::Identity, format!("{} is of no thing", sent.command));
            return Applied::Refused(Refusal::Invalid, "nobody knows what this is");
        };
        if let Some(refused) = self.key_taken(side, sent) {
            return refused;
        }
        self.check_bootstrap(side, thing, sent);
        if let Some((row, other)) = self.sides[side].of_thing(thing)
            && !(self.ghost.things[thing].ambiguous && other.made_by.is_none())
        {
            let what = format!("{} while {} is there (thing {thing})", sent.command, row.1);
            self.broke(Law::NoDuplicate, what);
        }
        let mut image = self.stored_set(side, sent);
        let all = self.setup.schema.entity(&entity).into_iter().flat_map(|e| &e.fields);
        let here = all.filter(|field| field.sides.contains_key(&self.sides[side].id));
        let unset: Vec<_> = here.map(|field| field.name.clone()).collect();
        for name in &unset {
            if image.get(name).is_none() {
                image.set(name, Value::Null);
            }
        }
        let ext = self.sides[side].new_ext();
        self.add_unknown_column(side, &ext, &mut image);
        let marker = self.sides[side].offers.marker.then(|| sent.command.marker());
        let mut cell = Cell {
            thing,
            image: image.clone(),
            stamp: self.now,
            marker,
            live: true,
            deleted_at: None,
            made_by: Some(sent.command.id),
            versions: Vec::new(),
        };
        cell.keep(self.now);
        self.note_child(side, thing, &image);
        self.sides[side].rows.insert((entity.clone(), ext.clone()), cell);
        let id = self.side_id(side);
        self.tell(|| {
            format!("mizan creates {entity} {ext} on {id} (thing {thing}): {}", words(&image))
        });
        Applied::Done(ext, image)
    }

    /// L50: nothing is created that was there, with its key, when the record began.
    fn check_bootstrap(&mut self, side: usize, thing: usize, sent: &Sent) {
        let began = self.watch.linked_at.get(&sent.command.record).copied().unwrap_or(i64::MAX);
        let there = self.sides[side].of_thing(thing).filter(|(_, cell)| {
            let since = cell.versions.first().map_or(i64::MAX, |version| version.at);
            cell.made_by.is_none() && since < began - LAG_MAX_MS - LATE_MAX_MS
        });
        if let Some((row, _)) = there {
            let what = format!("{} although {} was there (thing {thing})", sent.command, row.1);
            self.broke(Law::Bootstrap, what);
        }
    }

    /// A row with another row's natural key is refused, where the side keeps it unique.
    fn key_taken(&self, side: usize, sent: &Sent) -> Option<Applied> {
        let (name, own) = (&sent.command.entity, sent.command.operation.ext());
        let key = self.setup.schema.entity(name).map_or_else(Vec::new, |entity| entity.key.clone());
        if !self.sides[side].offers.unique_key || !key.iter().any(|key| sent.set.get(key).is_some())
        {
            return None;
        }
        let mut rows = self.sides[side].rows.iter();
        let same = rows.find(|((of, ext), cell)| {
            let wanted = |key: &mizan_core::Name| sent.set.get(key);
            let same =
                key.iter().all(|key| wanted(key).is_none() || cell.image.get(key) == wanted(key));
            of == name && cell.live && own != Some(ext) && same
        });
        let ((_, ext), _) = same?;
        Some(Applied::Refused(Refusal::KeyTaken(Some(ext.clone())), "the key is taken"))
    }

    /// Every row gets a column that nobody maps, where the side is like that (V15).
    pub(crate) fn add_unknown_column(&self, side: usize, ext: &Ext, image: &mut Image) {
        if self.has(side, Vice::UnknownColumn) {
            image.set(&UNKNOWN_COLUMN, Value::text(format!("kept {ext}")));
        }
    }

    /// Rows whose unknown column is not as it was.
    pub(crate) fn unknown_lost(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for side in self.sides.iter().filter(|side| side.vices.has(Vice::UnknownColumn)) {
            for ((_, ext), cell) in side.rows.iter().filter(|(_, cell)| cell.live) {
                let kept = Value::text(format!("kept {ext}"));
                if cell.image.get(&UNKNOWN_COLUMN) != Some(&kept) {
                    lost.push(format!("{ext} on {} lost a column that nobody maps", side.id));
                }
            }
        }
        lost
    }

    fn note_child(&mut self, side: usize, child: usize, image: &Image) {
        for (_, value) in image.iter() {
            value.each_ref(&mut |reference| {
                if let RefTo::Row { ext, .. } = &reference.to
                    && let Some(cell) =
                        self.sides[side].rows.get(&(reference.entity.clone(), ext.clone()))
                {
                    self.ghost.things[cell.thing].children.insert(child);
                }
            });
        }
    }

    /// `None` where the row is as expected.
    fn compared(&self, side: usize, sent: &Sent, ext: &Ext) -> Option<Applied> {
        let row = (sent.command.entity.clone(), ext.clone());
        let Some(cell) = self.sides[side].rows.get(&row).filter(|cell| cell.live) else {
            return Some(Applied::Gone);
        };
        if self.has(side, Vice::Overwrites) {
            return None;
        }
        let expect = sent.expect.as_ref()?;
        let same = expect.iter().all(|(name, value)| cell.image.get(name) == Some(value));
        // What was not known must hold nothing, or it would be overwritten or deleted unseen.
        let same = same
            && cell.image.iter().all(|(name, value)| expect.get(name).is_some() || value.is_null());
        if same { None } else { Some(Applied::Changed(row)) }
    }

    fn apply_update(&mut self, side: usize, sent: &Sent, ext: &Ext) -> Applied {
        self.judge_update(side, sent);
        self.check_references(side, sent);
        if let Some(applied) = self.compared(side, sent, ext) {
            self.coverage.note("update met a changed row");
            return applied;
        }
        if let Some(refused) = self.vice_refuses(side, sent).or_else(|| self.refusal(side, sent)) {
            return refused;
        }
        if let Some(refused) = self.key_taken(side, sent) {
            return refused;
        }
        let row = (sent.command.entity.clone(), ext.clone());
        if self.sides[side].offers.races && self.chance(self.faults.edit_before_write) {
            self.coverage.note("user raced a read-compare-write");
            self.meddle(side, &row);
        }
        let blanks = self.has(side, Vice::Blanks);
        let set = self.stored_set(side, sent);
        let (now, marker) = (self.now, sent.command.marker());
        let keeps = self.sides[side].offers.marker;
        let Some(cell) = self.sides[side].rows.get_mut(&row) else { return Applied::Gone };
        if blanks {
            cell.image = cell.image.iter().map(|(name, _)| (name.clone(), Value::Null)).collect();
        }
        for (name, value) in set.iter() {
            cell.image.set(name, value.clone());
        }
        if keeps {
            cell.marker = Some(marker);
        }
        cell.stamp = now;
        cell.keep(now);
        let (thing, after) = (cell.thing, cell.image.clone());
        self.note_child(side, thing, &set);
        let id = self.side_id(side);
        self.tell(|| format!("mizan updates {ext} on {id} (thing {thing}): {}", words(&set)));
        Applied::Done(ext.clone(), after)
    }

    fn judge_update(&mut self, side: usize, sent: &Sent) {
        let Some(expect) = &sent.expect else {
            return self.broke(Law::NoBlindOverwrite, format!("{} expects nothing", sent.command));
        };
        let first = !self.watch.applied.contains_key(&sent.command.id);
        if first && sent.set.iter().all(|(name, value)| expect.get(name) == Some(value)) {
            self.broke(Law::NoNoopWrite, format!("{} changes nothing", sent.command));
        }
        let id = &self.sides[side].id;
        let entity = self.setup.schema.entity(&sent.command.entity);
        let owned = entity
            .into_iter()
            .flat_map(|entity| &entity.fields)
            .find(|field| field.owner.as_ref() == Some(id) && sent.set.get(&field.name).is_some());
        if let Some(field) = owned {
            let what = format!("{} writes {}, which is the side's own", sent.command, field.name);
            self.broke(Law::Ownership, what);
        }
    }

    fn apply_delete(&mut self, side: usize, sent: &Sent, ext: &Ext) -> Applied {
        let row = (sent.command.entity.clone(), ext.clone());
        if sent.expect.is_none() {
            self.broke(Law::NoBlindOverwrite, format!("{} expects nothing", sent.command));
        }
        match self.compared(side, sent, ext) {
            Some(Applied::Gone) => return Applied::Deleted,
            Some(applied) => {
                self.coverage.note("delete met a changed row");
                return applied;
            }
            None => {}
        }
        if let Some(refused) = self.vice_refuses(side, sent) {
            return refused;
        }
        if self.in_use(side, &row) {
            self.coverage.note("delete refused, the row is in use");
            return Applied::Refused(Refusal::Locked, "orders refer to it");
        }
        let now = self.now;
        if let Some(cell) = self.sides[side].rows.get_mut(&row) {
            cell.live = false;
            cell.deleted_at = Some(now);
            cell.keep(now);
            let (thing, id) = (cell.thing, self.side_id(side));
            self.tell(|| format!("mizan deletes {ext} on {id} (thing {thing})"));
        }
        Applied::Deleted
    }

    /// A write that was given up is on its way still.
    pub(crate) fn arrive_later(&mut self, side: usize, sent: Sent) {
        let at = self.now + self.rng.between(1, VISIBLE_MS / 2);
        self.deferred.push(Deferred { at, side, what: Later::Arrival(Box::new(sent)) });
    }
}
