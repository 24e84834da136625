//! The pure functions against whole logs of simulated histories: asked again at every position, they give the answers
//! that are in the log.
//!
//! `mizan-sim --traces core/tests/traces.bin` writes the traces anew. A difference here is a change of behaviour (L3).

use mizan_core::behaviour::behaviour;
use mizan_core::bodies::{Bodies, Outcome};
use mizan_core::decide::decide;
use mizan_core::event::Evidence;
use mizan_core::fold::{State, fold};
use mizan_core::ingest::{Absence, CompleteSweep, Ingest, Reading, Shown, ingest, ingest_absence};
use mizan_core::link::link;
use mizan_core::plan::{Planned, plan};
use mizan_core::policy::{Conflict, Policies, Policy, Verdict};
use mizan_core::settle::done;
use mizan_core::{Command, CommandId, ContentHash, Event, Fact, Image, Name, Schema, Seq};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Trace {
    name: String,
    schema: String,
    events: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    state: ContentHash,
    behaviour: Vec<[u8; 4]>,
}

/// The policy of the user's own that some traces name.
struct Longest;

impl Policy for Longest {
    fn id(&self) -> Name {
        Name::new_static("longest/1")
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let all = conflict.candidates.iter().enumerate();
        let best = all.max_by_key(|(_, one)| (one.value.to_string().len(), one.value));
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}

struct Images(BTreeMap<ContentHash, Image>);

impl Bodies for Images {
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        self.0.get(hash).cloned()
    }
}

struct Replay {
    name: String,
    schema: Schema,
    images: Images,
    events: Vec<Event>,
    state: State,
    behaviour: Vec<[u8; 4]>,
    commands: BTreeMap<CommandId, Command>,
    plans: Vec<Vec<Planned>>,
    asked: BTreeMap<&'static str, usize>,
}

fn traces() -> Vec<Trace> {
    postcard::from_bytes(include_bytes!("traces.bin")).expect("the traces can be read")
}

#[test]
fn every_answer_in_every_trace_is_given_again() {
    let mut asked: BTreeMap<&'static str, usize> = BTreeMap::new();
    for trace in traces() {
        let wanted = trace.state;
        let mut replay = Replay::begin(trace);
        replay.run();
        assert_eq!(replay.state.hash(), wanted, "{} ends in another state", replay.name);
        for (what, count) in replay.asked {
            *asked.entry(what).or_default() += count;
        }
    }
    // Were a trace without any of them, nothing would be checked.
    for (what, least) in [
        ("absence", 10),
        ("behaviour", 10_000),
        ("decide", 100),
        ("done", 100),
        ("ingest", 100),
        ("link", 100),
        ("plan", 100),
    ] {
        assert!(asked.get(what).is_some_and(|count| *count >= least), "{what}: {asked:?}");
    }
}

impl Replay {
    fn begin(trace: Trace) -> Self {
        let images = trace.bodies.iter().map(|bytes| {
            let image = Image::from_bytes(bytes).expect("a body is an image");
            (image.hash(), image)
        });
        let events = (1..).zip(&trace.events).map(|(seq, bytes)| {
            let event = Event::from_bytes(Seq(seq), bytes).expect("an event can be read");
            assert_eq!(event.to_bytes(), *bytes, "{}: event {seq} has other bytes now", trace.name);
            event
        });
        Self {
            name: trace.name.clone(),
            schema: serde_json::from_str(&trace.schema).expect("the rules can be read"),
            images: Images(images.collect()),
            events: events.collect(),
            state: State::default(),
            behaviour: trace.behaviour.clone(),
            commands: BTreeMap::new(),
            plans: Vec::new(),
            asked: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        assert_eq!(self.behaviour.len(), self.events.len() + 1, "{}", self.name);
        for at in 0..self.events.len() {
            let event = self.events[at].clone();
            self.behaves(at);
            self.ask(at, &event);
            if let Fact::Intent { command } = &event.fact {
                self.commands.insert(command.id, command.clone());
            }
            fold(&mut self.state, &event).expect("it folds");
        }
        self.behaves(self.events.len());
    }

    /// What would follow is what followed when the trace was written.
    fn behaves(&mut self, at: usize) {
        let policies = Policies::default().with(Longest);
        let hash = behaviour(&self.state, &self.schema, &self.images, &policies).expect("bodies");
        assert_eq!(hash.0[..4], self.behaviour[at], "{} after event {at}", self.name);
        let read = State::from_bytes(&self.state.to_bytes()).expect("a snapshot is read back");
        assert!(read == self.state, "{} after event {at}: a snapshot", self.name);
        self.note("behaviour");
    }

    fn note(&mut self, what: &'static str) {
        *self.asked.entry(what).or_default() += 1;
    }

    fn ask(&mut self, at: usize, event: &Event) {
        let seq = event.seq;
        match &event.fact {
            Fact::Observed { seen: Some(_), evidence, .. } if *evidence != Evidence::Answer => {
                self.ingest(event);
            }
            Fact::Observed { seen: None, .. } => self.absence(event),
            Fact::Linked { how, .. } if *how != mizan_core::event::LinkedBy::Search => {
                self.link(at);
            }
            Fact::Decided { record, .. } => {
                let policies = Policies::default().with(Longest);
                let decided = decide(&self.state, &self.schema, &self.images, *record, &policies);
                let decided = decided.expect("bodies").expect("there is something to decide");
                assert_eq!(decided.facts.first(), Some(&event.fact), "{} {seq}", self.name);
                let copies = decided.facts.len() - 1;
                for (fact, next) in decided.facts[1..].iter().zip(&self.events[at + 1..]) {
                    assert_eq!(*fact, next.fact, "{} {seq}: a copy", self.name);
                }
                assert!(self.events.len() > at + copies, "{} {seq}: copies are missing", self.name);
                self.note("decide");
            }
            Fact::Intent { .. } => self.plan(at),
            Fact::Done { .. } => self.done(event),
            _ => {}
        }
    }

    fn ingest(&mut self, event: &Event) {
        let Fact::Observed { entity, side, ext, seen, stamp, tag, evidence, ticket, .. } =
            &event.fact
        else {
            return;
        };
        let image = seen.and_then(|seen| self.images.image(&seen)).expect("a body");
        let spec = self.schema.entity(entity).expect("an entity");
        let (evidence, ticket) = (*evidence, *ticket);
        let reading = Reading { entity: spec, side, evidence, ticket };
        let shown = Shown { ext: ext.clone(), image, stamp: *stamp, tag: *tag };
        let taken = ingest(&self.state, &self.images, reading, shown).expect("bodies");
        match taken {
            Ingest::Observed(outcome) => {
                assert_eq!(
                    outcome.facts,
                    std::slice::from_ref(&event.fact),
                    "{} {}",
                    self.name,
                    event.seq
                );
            }
            other => panic!("{} {}: {other:?}", self.name, event.seq),
        }
        // Told twice, it says nothing (L10).
        let mut after = self.state.clone();
        fold(&mut after, event).expect("it folds");
        let shown = Shown {
            ext: ext.clone(),
            image: seen.and_then(|seen| self.images.image(&seen)).expect("a body"),
            stamp: *stamp,
            tag: *tag,
        };
        let again = ingest(&after, &self.images, reading, shown).expect("bodies");
        assert_eq!(again, Ingest::Nothing, "{} {}", self.name, event.seq);
        self.note("ingest");
    }

    fn absence(&mut self, event: &Event) {
        let Fact::Observed { entity, side, ext, evidence, ticket, .. } = &event.fact else {
            return;
        };
        let spec = self.schema.entity(entity).expect("an entity");
        let absence = match evidence {
            Evidence::Sweep => {
                let sweep = CompleteSweep::twice(true, true).expect("both were complete");
                Absence::swept(ext.clone(), sweep)
            }
            Evidence::List | Evidence::Get | Evidence::Answer => Absence::not_found(ext.clone()),
        };
        let reading = Reading { entity: spec, side, evidence: *evidence, ticket: *ticket };
        let taken = ingest_absence(&self.state, reading, absence);
        match taken {
            Ingest::Observed(Outcome { facts, .. }) => match (&facts[..], evidence) {
                ([fact], Evidence::Get | Evidence::Sweep) => {
                    assert_eq!(*fact, event.fact, "{} {}", self.name, event.seq);
                }
                (facts, _) => assert_eq!(facts.len(), 1),
            },
            other => panic!("{} {}: {other:?}", self.name, event.seq),
        }
        self.note("absence");
    }

    /// Links come in one batch: the first of it is held against what `link` says there.
    fn link(&mut self, at: usize) {
        let linking = |event: &Event| matches!(event.fact, Fact::Linked { .. });
        if at > 0 && linking(&self.events[at - 1]) {
            return;
        }
        let run: Vec<&Event> = self.events[at..].iter().take_while(|one| linking(one)).collect();
        let ready: BTreeSet<Name> = run
            .iter()
            .filter_map(|event| match &event.fact {
                Fact::Linked { entity, .. } => Some(entity.clone()),
                _ => None,
            })
            .collect();
        let facts = link(&self.state, &ready);
        let links: Vec<&Fact> =
            facts.iter().filter(|fact| matches!(fact, Fact::Linked { .. })).collect();
        for (event, fact) in run.iter().zip(&links) {
            assert_eq!(&&event.fact, fact, "{} {}", self.name, event.seq);
        }
        self.note("link");
    }

    /// Intents of one batch come from one plan, or from what is left of it.
    fn plan(&mut self, at: usize) {
        let intent = |event: &Event| matches!(event.fact, Fact::Intent { .. });
        if at > 0 && intent(&self.events[at - 1]) {
            return;
        }
        self.plans.push(plan(&self.state, &self.schema, &self.images).expect("bodies").commands);
        // A plan is carried out in batches, and a later batch is still of the plan that was made first.
        let planned: Vec<Planned> = self.plans.iter().rev().take(10).flatten().cloned().collect();
        let run: Vec<Event> =
            self.events[at..].iter().take_while(|one| intent(one)).cloned().collect();
        for event in run {
            let Fact::Intent { command } = &event.fact else { return };
            let found = planned.iter().any(|one| {
                let same = Command { id: command.id, ..one.command.clone() };
                same == *command && one.set.hash() == command.set
            });
            assert!(found, "{} {}: {command:?} is not in {planned:?}", self.name, event.seq);
            self.note("plan");
        }
    }

    fn done(&mut self, event: &Event) {
        let Fact::Done { command, ext, seen, stamp, tag, exact, .. } = &event.fact else { return };
        let command = self.commands[command].clone();
        let spec = self.schema.entity(&command.entity).expect("an entity");
        let sent = self.images.image(&command.set).unwrap_or_default();
        let image = self.images.image(seen).expect("a body");
        let shown = Shown { ext: ext.clone(), image, stamp: *stamp, tag: *tag };
        let settled = done(&self.state, spec, &self.images, &command, &sent, shown, *exact);
        let settled = settled.expect("bodies");
        assert_eq!(settled.facts.first(), Some(&event.fact), "{} {}", self.name, event.seq);
        self.note("done");
    }
}
