//! A log of made events that fold: rows are seen, linked, decided, written and seen again.

use crate::made::{Body, ENTITY, FIELDS, all_fields, changed_by_version, id_of, observed, product};
use mizan_core::event::{Decision, Life, LinkedBy, SideAfter};
use mizan_core::fold::{STATE_CODE, State, empty_image, fold};
use mizan_core::{
    Actor, Command, CommandId, ContentHash, Event, Ext, Fact, FieldSet, Image, KeyHash, Name,
    Operation, RecordId, Seq, SideId, Timestamp, VersionVector,
};
use mizan_store::{Batch, EventLog, SledLog, Snapshot};
use std::error::Error;
use std::path::Path;

/// Records whose facts of one kind stand together, as the batches of a real pass do.
const CHUNK: u64 = 500;

/// What was built.
pub(super) struct Built {
    pub(super) events: u64,
    /// Events and bodies without any framing.
    pub(super) raw_bytes: u64,
}

/// What the builder knows of a record.
#[derive(Clone)]
struct Known {
    shown: ContentHash,
    contains: VersionVector,
}

struct Builder {
    log: SledLog,
    state: State,
    records: Vec<Known>,
    at: Timestamp,
    raw_bytes: u64,
    facts: Vec<Fact>,
    bodies: Vec<(ContentHash, Vec<u8>)>,
    a: SideId,
    b: SideId,
}

/// Builds a log of at least `events` events over `records` records, and its snapshot.
pub(super) fn build(path: &Path, records: u64, events: u64) -> Result<Built, Box<dyn Error>> {
    let (log, _) = SledLog::open(path)?;
    let mut builder = Builder {
        log,
        state: State::default(),
        records: Vec::new(),
        at: Timestamp(1_764_000_000_000),
        raw_bytes: 0,
        facts: Vec::new(),
        bodies: Vec::new(),
        a: SideId::new("a"),
        b: SideId::new("b"),
    };
    builder.declare()?;
    let mut version = 0;
    while builder.state.head.0 < events {
        let mut first = 0;
        while first < records && (version == 0 || builder.state.head.0 < events) {
            builder.chunk(first..records.min(first + CHUNK), version)?;
            first += CHUNK;
        }
        version += 1;
    }
    builder.end()
}

impl Builder {
    fn declare(&mut self) -> Result<(), Box<dyn Error>> {
        let entity = Name::new(ENTITY);
        let fields = FIELDS.iter().map(Name::new).collect();
        let hash = |text: &str| ContentHash::of("mizan.bench.v1", text.as_bytes());
        self.facts = vec![
            Fact::Opened { log_id: hash("log"), epoch: 1 },
            Fact::SideAttached { side: self.a.clone() },
            Fact::SideAttached { side: self.b.clone() },
            Fact::EntityDeclared { entity: entity.clone(), fields },
            Fact::PolicySet { entity, policy: "declared/1".into(), params: hash("schema") },
        ];
        self.append()
    }

    /// One version of some records: each kind of fact in a batch of its own.
    fn chunk(&mut self, numbers: std::ops::Range<u64>, version: u64) -> Result<(), Box<dyn Error>> {
        let fresh = version == 0;
        let mut seen = Vec::new();
        for number in numbers.clone() {
            let body = Body::of(&product(number, version));
            seen.push(body.hash);
            self.bodies.push((body.hash, body.bytes));
            self.facts.push(observed(number, &self.a, body.hash, fresh));
        }
        self.append()?;
        if fresh {
            for number in numbers.clone() {
                let record = self.new_record();
                let (entity, ext) = (Name::new(ENTITY), Ext::new(id_of(number)));
                let side = self.a.clone();
                self.facts.push(Fact::Linked { record, entity, side, ext, how: LinkedBy::New });
            }
            self.append()?;
        }
        for (number, hash) in numbers.clone().zip(&seen) {
            let decided = self.decided(number, *hash, fresh);
            self.facts.push(decided);
        }
        self.append()?;
        let mut commands = Vec::new();
        for (number, hash) in numbers.clone().zip(&seen) {
            let command = self.command(number, version, *hash);
            commands.push(command.id);
            self.facts.push(Fact::Intent { command });
        }
        self.append()?;
        for ((number, hash), command) in numbers.zip(&seen).zip(commands) {
            self.facts.push(done(number, command, *hash));
            self.records[usize::try_from(number)?].shown = *hash;
        }
        self.append()
    }

    fn new_record(&mut self) -> RecordId {
        let record = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.records.push(Known { shown: empty_image(), contains: VersionVector::default() });
        RecordId(record)
    }

    fn decided(&mut self, number: u64, seen: ContentHash, fresh: bool) -> Fact {
        let record = RecordId(u32::try_from(number).unwrap_or(u32::MAX));
        let known = &mut self.records[record.0 as usize];
        known.contains.bump(&Actor { side: self.a.clone(), epoch: 1 });
        let fields = if fresh { all_fields() } else { changed_by_version() };
        let side = |side: &SideId, base, behind| SideAfter {
            side: side.clone(),
            base,
            changed: FieldSet::EMPTY,
            behind,
        };
        let decision = Decision {
            policy: "declared/1".into(),
            merged: seen,
            taken: vec![(self.a.clone(), fields)],
            agreed: FieldSet::EMPTY,
            fields: Vec::new(),
            sides: vec![side(&self.a, seen, FieldSet::EMPTY), side(&self.b, known.shown, fields)],
            life: Life::Alive,
            contains: known.contains.clone(),
            refers_to: Vec::new(),
            stamps: Vec::new(),
            awaits: Vec::new(),
        };
        Fact::Decided { record, decision }
    }

    fn command(&mut self, number: u64, version: u64, seen: ContentHash) -> Command {
        let record = RecordId(u32::try_from(number).unwrap_or(u32::MAX));
        let known = &self.records[record.0 as usize];
        let (operation, fields, set) = if version == 0 {
            (Operation::Create, all_fields(), seen)
        } else {
            let body = Body::of(&changed_part(number, version));
            let set = body.hash;
            self.bodies.push((body.hash, body.bytes));
            let (ext, expect) = (Ext::new(id_of(number)), known.shown);
            (Operation::Update { ext, expect }, changed_by_version(), set)
        };
        let name = [number.to_be_bytes(), version.to_be_bytes()].concat();
        Command {
            id: CommandId(ContentHash::of("mizan.bench.v1", &name)),
            record,
            entity: Name::new(ENTITY),
            side: self.b.clone(),
            operation,
            fields,
            set,
            contains: known.contains.clone(),
            refers_to: Vec::new(),
        }
    }

    fn append(&mut self) -> Result<(), Box<dyn Error>> {
        let mut batch = Batch { events: Vec::new(), bodies: std::mem::take(&mut self.bodies) };
        let expected = self.state.head;
        for fact in std::mem::take(&mut self.facts) {
            let event = Event { seq: self.state.head.next(), at: self.at, fact };
            batch.events.push(event.to_bytes());
            fold(&mut self.state, &event)?;
        }
        self.raw_bytes += batch.size();
        self.at.0 += 1;
        self.log.append(expected, &batch)?;
        Ok(())
    }

    fn end(mut self) -> Result<Built, Box<dyn Error>> {
        let bytes = self.state.to_bytes();
        let snapshot = Snapshot {
            at: self.state.head,
            state_hash: ContentHash::of("mizan.state.v1", &bytes),
            code_id: STATE_CODE.to_owned(),
            bytes,
        };
        self.log.save_snapshot(&snapshot)?;
        let Seq(events) = self.state.head;
        Ok(Built { events, raw_bytes: self.raw_bytes })
    }
}

/// Only the fields that a version changes, as an update sets them.
fn changed_part(number: u64, version: u64) -> Image {
    let whole = product(number, version);
    let fields = changed_by_version();
    let names = fields.iter().map(|bit| FIELDS[bit]);
    names.filter_map(|name| Some((Name::new(name), whole.get(name)?.clone()))).collect()
}

fn done(number: u64, command: CommandId, seen: ContentHash) -> Fact {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Fact::Done {
        command,
        ext: Ext::new(id_of(number)),
        seen,
        base: seen,
        changed: FieldSet::EMPTY,
        edit: false,
        key: Some(KeyHash(key)),
        stamp: Some(Timestamp(1_764_000_000_000)),
        tag: Some(number),
        exact: true,
        missing: FieldSet::EMPTY,
    }
}
