//! A conversation with an adapter: what is said, and what was found wrong with the answers.

use super::{Broken, Clause};
use mizan_adapters::{Adapter, Answer, Fault, Fetched, Known, Listed, Order, Pull, Row};
use mizan_core::{
    Command, CommandId, ContentHash, Entity, Ext, Field, FieldSet, Image, Name, Operation,
    RecordId, SideId, VersionVector,
};
use std::collections::BTreeMap;

/// Pages after which a listing is taken to have no end.
const PAGES_MAX: usize = 10_000;

struct NoTags;

impl Known for NoTags {
    fn tag(&self, _: &Ext) -> Option<u64> {
        None
    }
}

/// A row that the check made, and the command that made it.
pub(super) struct Made {
    pub(super) ext: Ext,
    pub(super) row: Row,
    pub(super) command: Command,
    pub(super) set: Image,
}

pub(super) struct Talk<'a> {
    pub(super) adapter: &'a dyn Adapter,
    pub(super) entity: &'a Entity,
    pub(super) samples: &'a [Image],
    pub(super) broken: Vec<Broken>,
    salt: ContentHash,
    commands: u32,
}

impl<'a> Talk<'a> {
    pub(super) fn new(adapter: &'a dyn Adapter, entity: &'a Entity, samples: &'a [Image]) -> Self {
        // Samples are new to the side, so what is made of them names commands that it has never seen.
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.hash().0).collect();
        let salt = ContentHash::of("mizan.contract.v1", &bytes);
        Self { adapter, entity, samples, broken: Vec::new(), salt, commands: 0 }
    }

    pub(super) fn broke(&mut self, clause: Clause, what: String) {
        self.broken.push(Broken { clause, what });
    }

    pub(super) fn side(&self) -> &'a SideId {
        self.adapter.side()
    }

    pub(super) fn field(&self, name: &str) -> Option<&'a Field> {
        self.entity.fields.iter().find(|field| field.name == name)
    }

    /// Fields that may be changed in a row that is there.
    pub(super) fn changeable(&self) -> Vec<&'a Field> {
        let fields = self.entity.fields.iter();
        let open = fields.filter(|field| {
            field.writable_on(self.side(), false) && !self.entity.key.contains(&field.name)
        });
        open.collect()
    }

    /// What the side is declared to make of an image.
    pub(super) fn stored(&self, image: &Image) -> Image {
        let stored = |name: &Name, value: &mizan_core::Value| match self.field(name) {
            Some(field) => field.on_side(self.side(), value),
            None => value.clone(),
        };
        image.iter().map(|(name, value)| (name.clone(), stored(name, value))).collect()
    }

    /// A sample, as far as the side takes it.
    pub(super) fn sample(&self, index: usize) -> Image {
        let Some(sample) = self.samples.get(index) else { return Image::default() };
        let taken = sample.iter().filter(|(name, _)| {
            self.field(name).is_some_and(|field| field.writable_on(self.side(), true))
        });
        taken.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The key fields of an image.
    pub(super) fn key(&self, image: &Image) -> Image {
        let fields = image.iter().filter(|(name, _)| self.entity.key.contains(name));
        fields.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(super) fn command(&mut self, record: u32, operation: Operation, set: &Image) -> Command {
        self.commands += 1;
        let mut bytes = self.salt.0.to_vec();
        bytes.extend(self.commands.to_be_bytes());
        let mut fields = FieldSet::EMPTY;
        for (name, _) in set.iter() {
            let bit = self.entity.bit(name).and_then(|bit| usize::try_from(bit).ok());
            bit.into_iter().for_each(|bit| fields.insert(bit));
        }
        Command {
            id: CommandId(ContentHash::of("mizan.contract.command.v1", &bytes)),
            record: RecordId(record),
            entity: self.entity.name.clone(),
            side: self.side().clone(),
            operation,
            fields,
            set: set.hash(),
            contains: VersionVector::default(),
            refers_to: Vec::new(),
        }
    }

    pub(super) async fn send(
        &self,
        command: &Command,
        set: &Image,
        expect: Option<&Image>,
    ) -> Result<Answer, Fault> {
        self.adapter.execute(Order { command, set, expect }).await
    }

    pub(super) async fn update(
        &mut self,
        ext: &Ext,
        set: &Image,
        expect: &Image,
    ) -> Result<(Command, Answer), Fault> {
        let operation = Operation::Update { ext: ext.clone(), expect: expect.hash() };
        let command = self.command(1, operation, set);
        let answer = self.send(&command, set, Some(expect)).await?;
        Ok((command, answer))
    }

    pub(super) async fn delete(&mut self, ext: &Ext, expect: &Image) -> Result<Answer, Fault> {
        let operation = Operation::Delete { ext: ext.clone(), expect: expect.hash() };
        let command = self.command(1, operation, &Image::default());
        self.send(&command, &Image::default(), Some(expect)).await
    }

    pub(super) async fn get(&self, ext: &Ext) -> Result<Option<Row>, Fault> {
        Ok(match self.adapter.get(&self.entity.name, ext).await? {
            Fetched::Found(row) => Some(row),
            Fetched::NotFound => None,
        })
    }

    /// A row that must be there.
    pub(super) async fn read(&mut self, ext: &Ext, clause: Clause) -> Result<Option<Row>, Fault> {
        let row = self.get(ext).await?;
        match &row {
            Some(row) if row.ext == *ext => {}
            Some(row) => {
                let what = format!("asked for row {ext}, it answered with row {}", row.ext);
                self.broke(Clause::IdsAreOpaque, what);
            }
            None => self.broke(clause, format!("row {ext} is not found")),
        }
        Ok(row)
    }

    /// A whole listing; what is wrong with it as a listing is noted.
    pub(super) async fn sweep(&mut self) -> Result<BTreeMap<Ext, Option<Row>>, Fault> {
        self.list(Pull::All).await
    }

    pub(super) async fn list(&mut self, pull: Pull) -> Result<BTreeMap<Ext, Option<Row>>, Fault> {
        let name = self.entity.name.clone();
        let mut rows = BTreeMap::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = self.adapter.pull(&name, pull, token.as_deref(), &NoTags).await?;
            for listed in page.rows {
                let (ext, row) = match listed {
                    Listed::Row(row) => (row.ext.clone(), Some(row)),
                    Listed::Same(ext) => (ext, None),
                    Listed::Bad { ext: Some(ext), .. } => (ext, None),
                    Listed::Bad { ext: None, .. } => continue,
                };
                if rows.insert(ext.clone(), row).is_some() && pull == Pull::All {
                    self.broke(Clause::ListingComplete, format!("row {ext} is listed twice"));
                }
            }
            let Some(next) = page.next else {
                let sweeps = self.adapter.capabilities(&name).sweep;
                if pull == Pull::All && sweeps && !page.complete {
                    let what = "a listing of all rows does not say that it was complete";
                    self.broke(Clause::ListingEnds, what.to_owned());
                }
                return Ok(rows);
            };
            token = Some(next);
        }
        self.broke(Clause::ListingEnds, format!("{PAGES_MAX} pages are not the end of it"));
        Ok(rows)
    }
}

/// The fields of `wanted` that a row shows otherwise; a field that it does not show says nothing.
pub(super) fn departs(row: &Image, wanted: &Image) -> Vec<Name> {
    let other = wanted.iter().filter(|(name, value)| row.get(name).is_some_and(|is| is != *value));
    other.map(|(name, _)| name.clone()).collect()
}

pub(super) fn names(list: &[Name]) -> String {
    list.join(", ")
}
