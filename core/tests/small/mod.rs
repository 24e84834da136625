//! A small world for tests that read like prose: sides that store what they are told, users, and the pure functions.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use mizan_core::bodies::{Bodies, Outcome};
use mizan_core::compare::declarations;
use mizan_core::decide::{decide, decision_order};
use mizan_core::event::{Choice, Evidence, FieldDecision, Found};
use mizan_core::fold::{State, fold};
use mizan_core::ingest::{Absence, Ingest, Reading, Shown, ingest, ingest_absence};
use mizan_core::link::link;
use mizan_core::plan::plan;
use mizan_core::policy::{Policies, Policy};
use mizan_core::settle::done;
use mizan_core::{
    ContentHash, DeletePolicy, Entity, EntityOnSide, Event, Ext, Fact, Field, FieldOnSide, Image,
    Name, Operation, RecordId, Rivalry, Rule, Schema, Seq, SideId, Timestamp, Type, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// A text.
pub fn text(text: &str) -> Value {
    Value::text(text)
}

/// A decimal.
pub fn number(text: &str) -> Value {
    Value::decimal(text.parse().expect("a number"))
}

/// A list of texts.
pub fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| text(item)).collect())
}

/// A field that sides `A` and `B` carry and that may be written on both.
pub fn field(name: &str, kind: Type, rivalry: Rivalry) -> Field {
    let on = || FieldOnSide { writable: true, ..FieldOnSide::default() };
    let sides = ["A", "B"].map(|side| (SideId::new(side), on()));
    Field { rivalry, sides: BTreeMap::from(sides), ..Field::new(name, kind) }
}

/// The same with rules on one side.
pub fn rules(mut field: Field, side: &str, rules: Vec<Rule>) -> Field {
    if let Some(on) = field.sides.get_mut(&SideId::new(side)) {
        on.normaliser.0 = rules;
    }
    field
}

/// An entity `thing` of these fields, with clocks that are exact to a second, linked by `key` where it has that.
pub fn thing(fields: Vec<Field>) -> Entity {
    let on = EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: Some(1_000) };
    let key = fields.iter().filter(|field| field.name == "key").map(|field| field.name.clone());
    Entity {
        name: Name::new("thing"),
        key: key.collect(),
        fields,
        sides: ["A", "B"].map(|side| (SideId::new(side), on.clone())).into(),
        on_delete: DeletePolicy::EditWins,
        copies: None,
    }
}

/// The world.
pub struct Small {
    pub state: State,
    pub events: Vec<Event>,
    pub writes: usize,
    pub rows: BTreeMap<SideId, BTreeMap<Ext, (Image, Timestamp)>>,
    schema: Schema,
    policies: Policies,
    images: BTreeMap<ContentHash, Image>,
    now: i64,
    next: usize,
}

impl Bodies for Small {
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        self.images.get(hash).cloned()
    }
}

impl Small {
    pub fn new(entity: Entity) -> Self {
        Self::with(entity, Policies::default())
    }

    pub fn with(entity: Entity, policies: Policies) -> Self {
        let sides: Vec<SideId> = entity.sides.keys().cloned().collect();
        let rows = sides.iter().map(|side| (side.clone(), BTreeMap::new())).collect();
        let schema = Schema::new(sides, vec![entity]).expect("a sound schema");
        let mut world = Self {
            state: State::default(),
            events: Vec::new(),
            writes: 0,
            rows,
            schema,
            policies,
            images: BTreeMap::new(),
            now: 100_000,
            next: 0,
        };
        let log_id = ContentHash([7; 32]);
        world.append(Outcome::fact(Fact::Opened { log_id, epoch: 1 }));
        world.declare();
        world
    }

    fn declare(&mut self) {
        let facts = declarations(&self.state, &self.schema, &self.policies.id());
        self.append(Outcome { facts, images: Vec::new() });
    }

    /// The rules change; nothing else does.
    pub fn change_rules(&mut self, change: impl FnOnce(&mut Entity)) {
        change(&mut self.schema.entities[0]);
        self.declare();
    }

    pub fn append(&mut self, outcome: Outcome) {
        for body in outcome.images {
            self.images.insert(body.hash, body.image);
        }
        for fact in outcome.facts {
            let event = Event { seq: self.state.head.next(), at: Timestamp(self.now), fact };
            let again = Event::from_bytes(event.seq, &event.to_bytes()).expect("its own bytes");
            assert_eq!(again, event, "an event comes back from its bytes");
            fold(&mut self.state, &event).expect("it folds");
            self.events.push(event);
        }
    }

    /// A user makes a row; its id is the side's name and a number.
    pub fn create(&mut self, side: &str, fields: &[(&str, Value)]) -> Ext {
        self.next += 1;
        let ext = Ext::new(format!("{side}{}", self.next));
        let side = SideId::new(side);
        let image = fields.iter().map(|(name, value)| (Name::new(name), value.clone())).collect();
        let stored = self.stored(&side, image);
        let now = Timestamp(self.now);
        self.rows.get_mut(&side).expect("a side").insert(ext.clone(), (stored, now));
        ext
    }

    fn stored(&self, side: &SideId, image: Image) -> Image {
        let entity = &self.schema.entities[0];
        let store = |(name, value): (&Name, &Value)| {
            let field = entity.fields.iter().find(|field| field.name == *name).expect("a field");
            (name.clone(), field.on_side(side, value))
        };
        image.iter().map(store).collect()
    }

    /// A user edits the only row of a side, as late as the side's clock says now.
    pub fn edit(&mut self, side: &str, field: &str, value: Value) {
        let side = SideId::new(side);
        let ext = self.rows[&side].keys().next().expect("a row").clone();
        let (mut image, _) = self.rows[&side][&ext].clone();
        image.set(&Name::new(field), value);
        let stored = self.stored(&side, image);
        let now = Timestamp(self.now);
        self.rows.get_mut(&side).expect("a side").insert(ext, (stored, now));
    }

    /// A user deletes the only row of a side.
    pub fn delete(&mut self, side: &str) {
        self.rows.get_mut(&SideId::new(side)).expect("a side").clear();
    }

    pub fn pass(&mut self, ms: i64) {
        self.now += ms;
    }

    /// Looks at every row of a side.
    pub fn look(&mut self, side: &str) {
        let side = SideId::new(side);
        let entity = self.schema.entities[0].clone();
        let ticket = self.state.head;
        for (ext, (image, stamp)) in self.rows[&side].clone() {
            let reading = Reading { entity: &entity, side: &side, evidence: Evidence::Get, ticket };
            let shown = Shown { ext, image, stamp: Some(stamp), tag: None };
            let taken = ingest(&self.state, self, reading, shown).expect("all bodies are there");
            if let Ingest::Observed(outcome) = taken {
                self.append(outcome);
            }
        }
        let known: Vec<Ext> = self
            .state
            .rows
            .keys()
            .filter(|(_, of, ext)| *of == side && !self.rows[&side].contains_key(ext))
            .map(|(_, _, ext)| ext.clone())
            .collect();
        for ext in known {
            let reading = Reading { entity: &entity, side: &side, evidence: Evidence::Get, ticket };
            let gone = ingest_absence(&self.state, reading, Absence::not_found(ext));
            if let Ingest::Observed(outcome) = gone {
                self.append(outcome);
            }
        }
    }

    /// Links and decides.
    pub fn think(&mut self) {
        let ready = BTreeSet::from([Name::new("thing")]);
        let facts = link(&self.state, &ready);
        self.append(Outcome { facts, images: Vec::new() });
        for id in decision_order(&self.state, &self.schema) {
            let decided = decide(&self.state, &self.schema, self, id, &self.policies);
            if let Some(outcome) = decided.expect("all bodies are there") {
                self.append(outcome);
            }
        }
    }

    /// Carries out what is owed; sides do as they are told.
    pub fn act(&mut self) {
        for planned in plan(&self.state, &self.schema, self).expect("all bodies").commands {
            self.writes += 1;
            let (command, set) = (planned.command, planned.set);
            self.images.insert(set.hash(), set.clone());
            self.append(Outcome::fact(Fact::Intent { command: command.clone() }));
            let side = command.side.clone();
            let entity = self.schema.entities[0].clone();
            let ext = match &command.operation {
                Operation::Create => {
                    self.next += 1;
                    Ext::new(format!("{side}{}", self.next))
                }
                Operation::Update { ext, .. } => ext.clone(),
                Operation::Delete { ext, .. } => {
                    self.rows.get_mut(&side).expect("a side").remove(ext);
                    self.append(Outcome::fact(Fact::Deleted { command: command.id }));
                    continue;
                }
            };
            let before = self.rows[&side].get(&ext).map(|row| row.0.clone()).unwrap_or_default();
            let image = self.stored(&side, set.clone().over(&before));
            let stamp = Timestamp(self.now);
            self.rows.get_mut(&side).expect("a side").insert(ext.clone(), (image.clone(), stamp));
            let shown = Shown { ext, image, stamp: Some(stamp), tag: None };
            let settled = done(&self.state, &entity, self, &command, &set, shown, true);
            self.append(settled.expect("all bodies are there"));
        }
    }

    /// Looks, thinks and acts until nothing is left, and looks once more: nothing may come of it.
    pub fn sync(&mut self) {
        for _ in 0..4 {
            self.look("A");
            self.look("B");
            self.think();
            self.act();
        }
        let (events, writes) = (self.events.len(), self.writes);
        self.look("A");
        self.look("B");
        self.think();
        self.act();
        assert_eq!((self.events.len(), self.writes), (events, writes), "at rest nothing happens");
    }

    /// What the only row of a side shows.
    pub fn shows(&self, side: &str, field: &str) -> Value {
        let rows = &self.rows[&SideId::new(side)];
        assert_eq!(rows.len(), 1, "{side} has one row");
        let (image, _) = rows.values().next().expect("one row");
        image.get(field).cloned().unwrap_or(Value::Null)
    }

    /// What both sides show; they must agree.
    pub fn both(&self, field: &str) -> Value {
        assert_eq!(self.shows("A", field), self.shows("B", field));
        self.shows("A", field)
    }

    /// The last decision on a field that there was something to decide about.
    pub fn decision(&self, name: &str) -> Option<FieldDecision> {
        let decided = self.events.iter().rev().filter_map(|event| match &event.fact {
            Fact::Decided { decision, .. } => Some(decision),
            _ => None,
        });
        let mut fields = decided.flat_map(|decision| &decision.fields);
        fields.find(|field| field.field == name).cloned()
    }

    /// How a field was last decided, and what lost.
    pub fn verdict(&self, name: &str) -> Option<(Found, Vec<Value>)> {
        let decision = self.decision(name)?;
        Some((decision.found, decision.losers.into_iter().map(|loser| loser.value).collect()))
    }

    pub fn resolve(&mut self, choices: &[(&str, Choice)]) {
        let choices = choices.iter().map(|(name, choice)| (Name::new(name), choice.clone()));
        self.append(Outcome::fact(Fact::Resolved {
            record: RecordId(0),
            choices: choices.collect(),
            keep: None,
            by: "a person".to_owned(),
            why: "asked".to_owned(),
        }));
    }

    pub fn head(&self) -> Seq {
        self.state.head
    }
}
