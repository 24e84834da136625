//! Laws of the pure core, on logs that the real engine wrote in random worlds.

use mizan_core::bodies::Bodies;
use mizan_core::decide::decide;
use mizan_core::event::Decision;
use mizan_core::fold::{Record, RowState, State, fold};
use mizan_core::plan::{Planned, plan};
use mizan_core::policy::Declared;
use mizan_core::{Event, Fact, Image, RecordId, Rivalry, SideId};
use mizan_testkit::oracle::LogBodies;
use mizan_testkit::policy_laws::PolicyCheck;
use mizan_testkit::rename::{Renaming, sorted};
use mizan_testkit::simulation::{Shape, Side, Simulation};
use mizan_testkit::strategies::{self, RandomLog};
use mizan_testkit::{Profile, Setup};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};

fn folded(events: &[Event]) -> State {
    let mut state = State::default();
    for event in events {
        fold(&mut state, event).expect("a log folds");
    }
    state
}

fn mixed(sides: usize) -> impl Strategy<Value = RandomLog> {
    strategies::log(Profile::Mixed, sides, 5..40)
}

/// Also with groups, sets, copies, clocks and every other rule that a field can have.
fn ruled(sides: usize) -> impl Strategy<Value = RandomLog> {
    let rules = strategies::log(Profile::Rules, sides, 5..40);
    prop_oneof![mixed(sides), rules]
}

/// Where a linked row's side and record are known, and the observation can be moved.
fn observed<'a>(state: &State, event: &'a Event) -> Option<(&'a SideId, RecordId)> {
    let Fact::Observed { entity, side, ext, .. } = &event.fact else { return None };
    match state.rows.get(&(entity.clone(), side.clone(), ext.clone())) {
        Some(RowState::Linked(record)) => Some((side, *record)),
        Some(RowState::Unlinked(_)) | None => None,
    }
}

fn rises(was: &Record, is: &Record) -> bool {
    let slots = was
        .slots
        .iter()
        .all(|(side, slot)| is.slots.get(side).is_some_and(|now| now.knows.covers(&slot.knows)));
    slots && is.contains.covers(&was.contains) && is.deleters_knew.covers(&was.deleters_knew)
}

/// The sides, each with the name of the next.
fn turned(setup: &Setup) -> BTreeMap<SideId, SideId> {
    let names: Vec<SideId> = setup.sides.iter().map(|(side, _)| side.clone()).collect();
    let next = names.iter().cycle().skip(1).take(names.len()).cloned();
    names.iter().cloned().zip(next).collect()
}

fn decision(
    state: &State,
    setup: &mizan_core::Schema,
    bodies: &dyn Bodies,
    id: RecordId,
) -> Option<Decision> {
    let outcome = decide(state, setup, bodies, id, &Declared).expect("every image is there")?;
    match outcome.facts.into_iter().next() {
        Some(Fact::Decided { decision, .. }) => Some(decision),
        _ => None,
    }
}

/// A write: the side, what is done, and what it sets.
type Owed = (SideId, String, Image);

/// Of records that are owed something on one side alone: there, nothing but the names of sides can choose.
fn commands(
    state: &State,
    planned: Vec<Planned>,
    named: impl Fn(&SideId) -> SideId,
    image: impl Fn(&Image) -> Image,
) -> BTreeSet<(RecordId, Option<Owed>)> {
    let one = |planned: Planned| {
        let command = planned.command;
        let record = state.record(command.record).expect("a command is of a record");
        let owed = record.slots.values().filter(|slot| !slot.behind.is_empty()).count();
        let operation = match &command.operation {
            mizan_core::Operation::Create => "create".to_owned(),
            mizan_core::Operation::Update { ext, .. } => format!("update {ext}"),
            mizan_core::Operation::Delete { ext, .. } => format!("delete {ext}"),
        };
        let what = (named(&command.side), operation, image(&planned.set));
        (command.record, (owed == 1).then_some(what))
    };
    planned.into_iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// L2, L4: a snapshot at any position, and what was appended after it, are the whole log.
    #[test]
    fn l4_a_snapshot_at_any_position_is_the_log_up_to_there(log in ruled(2), at in any::<Index>()) {
        let (before, after) = log.events.split_at(at.index(log.events.len() + 1));
        let mut state = State::from_bytes(&folded(before).to_bytes()).expect("a snapshot is read");
        for event in after {
            fold(&mut state, event).expect("a log folds on a snapshot");
        }
        prop_assert_eq!(state.hash(), folded(&log.events).hash());
    }

    /// L5: every prefix of a log is a log, and its state is one that the engine can go on from.
    #[test]
    fn l5_every_prefix_is_a_log(log in ruled(2), at in any::<Index>()) {
        let state = folded(&log.events[..at.index(log.events.len() + 1)]);
        let bodies = LogBodies(&log.log);
        for id in state.undecided.clone() {
            prop_assert!(decide(&state, &log.setup.schema, &bodies, id, &Declared).is_ok());
        }
        prop_assert!(plan(&state, &log.setup.schema, &bodies).is_ok());
    }

    /// L10: an observation once more changes nothing.
    #[test]
    fn l10_an_observation_twice_is_one(log in ruled(2)) {
        let mut state = State::default();
        for event in &log.events {
            fold(&mut state, event).expect("a log folds");
            if matches!(event.fact, Fact::Observed { .. }) {
                let mut again = state.clone();
                let next = Event { seq: state.head.next(), ..event.clone() };
                fold(&mut again, &next).expect("a log folds");
                again.head = state.head;
                prop_assert_eq!(&again, &state);
            }
        }
    }

    /// L11: neighbouring observations of linked rows on different sides commute.
    #[test]
    fn l11_observations_of_different_sides_commute(log in ruled(3)) {
        let mut state = State::default();
        for pair in log.events.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            if let (Some((one, _)), Some((two, _))) = (observed(&state, a), observed(&state, b))
                && one != two
            {
                let (mut there, mut back) = (state.clone(), state.clone());
                for event in [a.clone(), b.clone()] {
                    fold(&mut there, &event).expect("a log folds");
                }
                for (seq, event) in [(a.seq, b.clone()), (b.seq, a.clone())] {
                    fold(&mut back, &Event { seq, ..event }).expect("a log folds");
                }
                prop_assert_eq!(there, back);
            }
            fold(&mut state, a).expect("a log folds");
        }
    }

    /// L20: what is known of edits never becomes less.
    #[test]
    fn l20_vectors_only_rise(log in ruled(3)) {
        let mut state = State::default();
        for event in &log.events {
            let before: Vec<(RecordId, Record)> =
                state.each_record().map(|(id, record)| (id, record.clone())).collect();
            fold(&mut state, event).expect("a log folds");
            for (id, was) in before {
                let is = state.record(id).expect("a record is never taken out");
                prop_assert!(rises(&was, is), "event {} lowers a vector of {id}", event.seq);
            }
        }
    }

    /// L26: with other names for the sides, everything is decided and planned as before, under the other names.
    #[test]
    fn l26_other_names_for_the_sides_change_nothing_else(log in mixed(3), at in any::<Index>()) {
        let events = &log.events[..at.index(log.events.len() + 1)];
        let bodies = LogBodies(&log.log);
        let renaming = Renaming::new(turned(&log.setup), &bodies);
        let schema = &log.setup.schema;
        let other_schema = renaming.schema(schema);
        let state = folded(events);
        let other: Vec<Event> = events.iter().map(|event| renaming.event(event)).collect();
        let other = folded(&other);
        prop_assert_eq!(&state.undecided, &other.undecided);
        for id in &state.undecided {
            let mut outcome = decide(&state, schema, &bodies, *id, &Declared).expect("images");
            let made = outcome.iter_mut().flat_map(|outcome| std::mem::take(&mut outcome.images));
            let made = Extra(made.map(|body| (body.hash, body.image)).collect(), &bodies);
            let again = Renaming::new(turned(&log.setup), &made);
            let expected = decision(&state, schema, &bodies, *id).map(|one| again.decision(&one));
            let is = decision(&other, &other_schema, &renaming, *id).map(sorted);
            prop_assert_eq!(expected, is, "record {}", id);
        }
        let planned = plan(&state, schema, &bodies).expect("images").commands;
        let again = plan(&other, &other_schema, &renaming).expect("images").commands;
        let same = |side: &SideId| side.clone();
        prop_assert_eq!(
            commands(&state, planned, |side| renaming.side(side), |set| renaming.of_image(set)),
            commands(&other, again, same, Image::clone)
        );
    }

    /// Policies from the table are lawful by how they are made.
    #[test]
    fn policies_of_the_table_are_lawful(policy in strategies::policy_table()) {
        for kind in [mizan_core::Type::Text, mizan_core::Type::Decimal] {
            let field = mizan_core::Field::new("field", kind);
            let check = PolicyCheck::new(&policy, field.clone()).cases(16);
            let broken = check.all(&strategies::values(&field));
            prop_assert!(broken.is_empty(), "{}", broken[0]);
        }
    }
}

/// Images that were just made, before those of the log.
struct Extra<'a>(BTreeMap<mizan_core::ContentHash, Image>, &'a dyn Bodies);

impl Bodies for Extra<'_> {
    fn image(&self, hash: &mizan_core::ContentHash) -> Option<Image> {
        self.0.get(hash).cloned().or_else(|| self.1.image(hash))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every law holds with every correct policy.
    #[test]
    fn the_whole_is_correct_with_any_correct_policy(
        policy in strategies::policy_table(),
        seed in 0u64..1_000_000,
    ) {
        let by_table = || Rivalry::Custom("table".into());
        let report = Simulation::new()
            .side("erp", Side::full().rounds("total", 2).trims("name").cuts("name", 9))
            .side("pos", Side::full().trims("name"))
            .side("shop", Side::full().late_commits())
            .entity(
                Shape::of("order")
                    .key("number")
                    .text("name")
                    .rivalry(by_table())
                    .decimal("total")
                    .rivalry(by_table()),
            )
            .policy(policy)
            .histories(20)
            .seed(seed)
            .threads(1)
            .run()
            .expect("it can be simulated");
        prop_assert!(report.is_ok(), "{report}");
    }

    /// Images of an entity survive their bytes, whatever they hold.
    #[test]
    fn images_survive_their_bytes(seed in 0u64..100, n in any::<Index>()) {
        let setup = Setup::drawn(seed, Profile::Full, 2);
        let entity = &setup.schema.entities[n.index(setup.schema.entities.len())];
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let image = strategies::image(entity);
        let image = image.new_tree(&mut runner).expect("images are drawn").current();
        prop_assert_eq!(Image::from_bytes(&image.to_bytes()), Ok(image));
    }
}
