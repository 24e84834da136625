//! L55: contents can be made unreadable, and neither the state nor any proof notices.

use mizan::engine::Journal;
use mizan::erase::{EraseError, Erasure, erase, examine};
use mizan_core::bodies::{Bodies, Body, Outcome};
use mizan_core::event::{Choice, Evidence, Secret};
use mizan_core::fold::{State, fold};
use mizan_core::schema::FieldSet;
use mizan_core::{
    ContentHash, Event, Ext, Fact, Image, Name, RecordId, Seq, SideId, Timestamp, Value,
};
use mizan_store::{Contents, EventLog, MemoryLog, export, import};
use mizan_testkit::strategies::{self, RandomLog};
use mizan_testkit::{FailingLog, Profile};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

fn logs() -> impl Strategy<Value = RandomLog> {
    let mixed = strategies::log(Profile::Mixed, 2, 5..40);
    prop_oneof![mixed, strategies::log(Profile::Rules, 3, 5..30)]
}

fn folded<'e>(events: impl IntoIterator<Item = &'e Event>) -> State {
    let mut state = State::default();
    for event in events {
        fold(&mut state, event).expect("a log folds");
    }
    state
}

/// A state without the three things in it that are values or words.
fn wordless(mut state: State) -> State {
    for record in &mut state.records {
        if let Some(refusal) = &mut record.refused {
            refusal.message.clear();
        }
        for (_, choice) in record.resolution.iter_mut().flat_map(|left| &mut left.choices) {
            match choice {
                Choice::Value(value) => *value = Value::Null,
                Choice::Side(_) | Choice::Skip => {}
            }
        }
    }
    state.unreadable.values_mut().for_each(String::clear);
    state
}

/// Told apart by hand, so that a part that is not hidden shows here.
fn says_nothing(fact: &Fact) -> bool {
    match fact {
        Fact::Refused { message, .. } => message.is_empty(),
        Fact::Unreadable { why, .. } | Fact::Unresolved { why, .. } => why.is_empty(),
        Fact::Resolved { choices, why, .. } => {
            let null =
                |choice: &Choice| !matches!(choice, Choice::Value(value) if !value.is_null());
            why.is_empty() && choices.iter().all(|(_, choice)| null(choice))
        }
        Fact::Decided { decision, .. } => decision.fields.iter().all(|field| {
            field.value.is_null() && field.losers.iter().all(|loser| loser.value.is_null())
        }),
        _ => true,
    }
}

fn images_of(log: &MemoryLog) -> Vec<(ContentHash, Image)> {
    let image = |bytes: &[u8]| Image::from_bytes(bytes).ok();
    let all = log.bodies().filter_map(|(hash, bytes)| Some((*hash, image(bytes)?)));
    all.filter(|(hash, image)| image.hash() == *hash).collect()
}

/// The same events in a log of which every entity is personal.
fn sealed(log: &RandomLog) -> (FailingLog, Journal) {
    let personal: BTreeSet<Name> =
        log.setup.schema.entities.iter().map(|entity| entity.name.clone()).collect();
    let shared = FailingLog::default();
    let journal = Journal::open(Box::new(shared.clone())).expect("an empty log opens");
    let mut journal = journal.sealing(personal);
    let mut seen = BTreeSet::new();
    for event in &log.events {
        let mut outcome = Outcome::fact(event.fact.clone());
        event.fact.each_body(&mut |hash| {
            let bytes = log.log.body(hash).expect("the log is read").expect("nothing is missing");
            if let (true, Ok(image)) = (seen.insert(*hash), Image::from_bytes(&bytes)) {
                outcome.images.push(Body { hash: *hash, bytes, image });
            }
        });
        journal.append(event.at, outcome).expect("it follows");
    }
    (shared, journal)
}

fn events_of(journal: &Journal) -> Vec<Event> {
    let mut events = Vec::new();
    journal.each_event(Seq(0), &mut |event| events.push(event.clone())).expect("the log is read");
    events
}

fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Text(text) => {
            found.insert(text.to_string());
        }
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Map(entries) => entries.values().for_each(|value| texts(value, found)),
        Value::Null
        | Value::Bool(_)
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::Ref(_) => {}
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A record that can be erased, and what that takes.
fn erasable(journal: &Journal, at: &Index) -> Option<Erasure> {
    let records = journal.state().each_record().map(|(record, _)| record);
    let all: Vec<Erasure> =
        records.filter_map(|record| examine(journal, record, true).ok()).collect();
    (!all.is_empty()).then(|| at.get(&all).clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_fold_needs_no_values(log in logs()) {
        let mut structures = Vec::new();
        for event in &log.events {
            let (structure, secret) = event.split();
            match secret {
                None => prop_assert_eq!(&structure.to_bytes(), &event.to_bytes()),
                Some(secret) => {
                    let secret = Secret::from_bytes(&secret.to_bytes()).expect("it is read");
                    prop_assert_eq!(structure.join(&secret), Some(event.clone()));
                    prop_assert_eq!(structure.split().1, None, "nothing is left to hide");
                }
            }
            prop_assert!(says_nothing(&structure.fact), "{:?}", structure.fact);
            structures.push(structure);
        }
        prop_assert_eq!(folded(&structures), wordless(folded(&log.events)));
    }

    #[test]
    fn what_is_sealed_reads_as_before_and_shows_nothing(log in logs()) {
        let (shared, journal) = sealed(&log);
        prop_assert_eq!(journal.state(), &folded(&log.events));
        prop_assert_eq!(events_of(&journal), log.events.clone());
        let mut words = BTreeSet::new();
        for (hash, image) in images_of(&log.log) {
            image.iter().for_each(|(_, value)| texts(value, &mut words));
            prop_assert_eq!(journal.image(&hash), Some(image));
        }
        let stored = shared.copy();
        let bytes: Vec<u8> = stored.events().concat();
        let bodies: Vec<u8> = stored.bodies().flat_map(|(_, body)| body.to_vec()).collect();
        let structures: Vec<u8> =
            log.events.iter().flat_map(|event| event.split().0.to_bytes()).collect();
        for word in words.iter().filter(|word| word.len() > 3 && !contains(&structures, word)) {
            prop_assert!(!contains(&bytes, word), "`{word}` stands in an event");
            prop_assert!(!contains(&bodies, word), "`{word}` stands in a body");
        }
        let again = Journal::open(Box::new(stored)).expect("it opens");
        prop_assert_eq!(again.state(), journal.state());
    }

    #[test]
    fn an_erasure_takes_one_record_and_changes_no_proof(log in logs(), which in any::<Index>()) {
        let (shared, mut journal) = sealed(&log);
        let Some(erasure) = erasable(&journal, &which) else { return Ok(()) };
        let (before, head) = (shared.copy(), journal.head());
        let state = journal.state().clone();
        let proof = before.inclusion(erasure.events.first().copied().unwrap_or(Seq(1)), head);
        erase(&mut journal, Timestamp(9), &erasure, "huda", "asked").expect("it is erased");

        let after = shared.copy();
        prop_assert_eq!(&after.events()[..before.events().len()], before.events());
        prop_assert_eq!(after.bodies().collect::<Vec<_>>(), before.bodies().collect::<Vec<_>>());
        prop_assert_eq!(after.root(head).expect("a root"), before.root(head).expect("a root"));
        let at = erasure.events.first().copied().unwrap_or(Seq(1));
        prop_assert_eq!(after.inclusion(at, head).expect("a proof"), proof.expect("a proof"));

        let gone: BTreeSet<Seq> = erasure.events.iter().copied().collect();
        for (was, is) in log.events.iter().zip(events_of(&journal)) {
            let erased = gone.contains(&was.seq);
            prop_assert_eq!(&is, if erased { &was.split().0 } else { was });
            let contents = journal.contents(was.seq).expect("it is read");
            prop_assert_eq!(contents == Some(Contents::Erased), erased);
        }
        for (hash, image) in images_of(&log.log) {
            let left = if erasure.bodies.contains(&hash) { Image::default() } else { image };
            prop_assert_eq!(journal.image(&hash), Some(left));
        }
        let mut expected = state;
        let last = journal.event(journal.head()).expect("it is read").expect("the erasure");
        fold(&mut expected, &last).expect("it follows");
        prop_assert_eq!(wordless(journal.state().clone()), wordless(expected));
        let again = examine(&journal, erasure.record, true);
        prop_assert!(matches!(again, Err(EraseError::Nothing { .. })), "{again:?}");

        let reopened = Journal::open(Box::new(after.clone())).expect("it opens");
        prop_assert_eq!(reopened.state(), journal.state());
        prop_assert_eq!(events_of(&reopened), events_of(&journal));

        let mut file = Vec::new();
        export(&after, Seq(1), after.head(), &mut file, &mut |_| ()).expect("it is exported");
        let mut copy = MemoryLog::default();
        import(&mut file.as_slice(), &mut copy, &mut |_| ()).expect("it is imported");
        prop_assert_eq!(copy.events(), after.events());
        let reopened = Journal::open(Box::new(copy)).expect("it opens");
        prop_assert_eq!(events_of(&reopened), events_of(&journal));
    }

    #[test]
    fn an_erasure_that_was_cut_off_is_finished_by_the_next_start(log in logs(), which in any::<Index>()) {
        let (shared, mut journal) = sealed(&log);
        let Some(erasure) = erasable(&journal, &which) else { return Ok(()) };
        let Erasure { record, events, bodies, .. } = erasure.clone();
        let (by, why) = (String::new(), String::new());
        let erased = Fact::Erased { record, events, bodies, by, why };
        journal.append_facts(Timestamp(9), vec![erased]).expect("it is appended");
        drop(journal);
        let journal = Journal::open(Box::new(shared)).expect("it opens");
        for at in &erasure.events {
            prop_assert_eq!(journal.contents(*at).expect("it is read"), Some(Contents::Erased));
        }
        for hash in &erasure.bodies {
            prop_assert_eq!(journal.image(hash), Some(Image::default()));
        }
    }
}

fn customer(name: &str) -> Image {
    [("name".into(), Value::text(name))].into_iter().collect()
}

fn observed(image: &Image, ext: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let seen = Some(outcome.keep(image.clone()));
    outcome.facts.push(Fact::Observed {
        entity: "customer".into(),
        side: SideId::new("shop"),
        ext: Ext::new(ext),
        seen,
        changed: FieldSet::EMPTY,
        edit: false,
        key: None,
        stamp: None,
        tag: None,
        evidence: Evidence::List,
        ticket: Seq(0),
    });
    outcome
}

fn linked(record: u32, ext: &str) -> Vec<Fact> {
    let how = mizan_core::event::LinkedBy::New;
    let (entity, side) = ("customer".into(), SideId::new("shop"));
    vec![Fact::Linked { record: RecordId(record), entity, side, ext: Ext::new(ext), how }]
}

/// Two customers, seen and linked.
fn two(first: &Image, second: &Image) -> (FailingLog, Journal) {
    let shared = FailingLog::default();
    let journal = Journal::open(Box::new(shared.clone())).expect("an empty log opens");
    let mut journal = journal.sealing(BTreeSet::from(["customer".into()]));
    for (record, (ext, image)) in (0..).zip([("1", first), ("2", second)]) {
        journal.append(Timestamp(0), observed(image, ext)).expect("it follows");
        journal.append_facts(Timestamp(0), linked(record, ext)).expect("it follows");
    }
    (shared, journal)
}

#[test]
fn a_record_that_waits_for_a_decision_is_not_erased() {
    let same = customer("Huda Hassan");
    let (_, journal) = two(&same, &same);
    // A record that was never decided is not at rest.
    let undecided = examine(&journal, RecordId(0), true);
    assert!(matches!(undecided, Err(EraseError::Busy(_))), "{undecided:?}");
}

#[test]
fn who_comes_back_after_an_erasure_is_readable_again() {
    let huda = customer("Huda Hassan");
    let hash = huda.hash();
    let (shared, mut journal) = two(&huda, &customer("Sami Said"));
    let erased = Fact::Erased {
        record: RecordId(0),
        events: Vec::new(),
        bodies: vec![hash],
        by: "huda".to_owned(),
        why: "asked".to_owned(),
    };
    for _ in 0..3 {
        journal.append_facts(Timestamp(1), vec![erased.clone()]).expect("it follows");
        drop(journal);
        journal = Journal::open(Box::new(shared.clone())).expect("it opens");
        journal = journal.sealing(BTreeSet::from(["customer".into()]));
        assert_eq!(journal.image(&hash), Some(Image::default()), "it was erased");
        journal.append(Timestamp(2), observed(&huda, "3")).expect("it follows");
        drop(journal);
        journal = Journal::open(Box::new(shared.clone())).expect("it opens");
        assert_eq!(journal.image(&hash), Some(huda.clone()), "and came back");
        journal = journal.sealing(BTreeSet::from(["customer".into()]));
        // The same content is not stored twice while it can be read.
        let bodies = shared.copy().bodies().count();
        journal.append(Timestamp(2), observed(&huda, "4")).expect("it follows");
        assert_eq!(shared.copy().bodies().count(), bodies);
    }
    let log = shared.copy();
    let mut file = Vec::new();
    export(&log, Seq(1), log.head(), &mut file, &mut |_| ()).expect("it is exported");
    let mut copy = MemoryLog::default();
    import(&mut file.as_slice(), &mut copy, &mut |_| ()).expect("it is imported");
    let journal = Journal::open(Box::new(copy)).expect("it opens");
    assert_eq!(journal.image(&hash), Some(huda), "an export brings the last of them, with its key");
}

#[test]
fn a_key_of_something_else_opens_nothing() {
    let (shared, journal) = two(&customer("Huda Hassan"), &customer("Sami Said"));
    drop(journal);
    let log = shared.copy();
    let mut file = Vec::new();
    export(&log, Seq(1), log.head(), &mut file, &mut |_| ()).expect("it is exported");
    let text = String::from_utf8(file).expect("text");
    let keys: Vec<&str> =
        text.split("\"key\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(keys.len(), 2, "{text}");
    let swapped = text.replacen(keys[0], keys[1], 1);
    let refused = import(&mut swapped.as_bytes(), &mut MemoryLog::default(), &mut |_| ());
    let said = refused.expect_err("it is refused").to_string();
    assert!(said.contains("line 2: ") && said.contains("not what its key opens"), "{said}");
}
