//! The past of simulated logs: the index against the whole log, as-of against the fold, one record against all (L54).

use mizan::engine::Journal;
use mizan::explain::{each_event_of, scan_events_of};
use mizan::history::{Derivation, Filter, How, Index, Origin, What, as_of, blame, record_as_of};
use mizan_core::fold::{State, fold};
use mizan_core::{Event, Fact, Schema, Seq, SideId, Timestamp};
use mizan_store::{Batch, EventLog, MemoryLog, SledLog};
use mizan_testkit::simulation::{Story, Variant, run};
use mizan_testkit::{Profile, Setup};

/// Simulated logs with the rules that they were written under.
fn logs(each: u64) -> Vec<(String, Schema, MemoryLog)> {
    let mut logs = Vec::new();
    for profile in [Profile::Full, Profile::Mixed, Profile::Erp, Profile::Vicious] {
        for (sides, seed) in (0..each).flat_map(|seed| [(2, 70_000 + seed), (3, 80_000 + seed)]) {
            let story = Story::drawn(seed, profile, sides, 10, 60);
            let log = run(&story, Variant::default()).log;
            let schema = Setup::drawn(seed, profile, sides).schema;
            logs.push((format!("{} {sides} {seed}", profile.name()), schema, log));
        }
    }
    logs
}

fn opened(log: &MemoryLog) -> Journal {
    Journal::open(Box::new(log.clone())).expect("a simulated log opens")
}

fn events(log: &MemoryLog) -> Vec<Event> {
    let read = |(seq, bytes): (u64, &Vec<u8>)| Event::from_bytes(Seq(seq), bytes).expect("reads");
    (1..).zip(log.events()).map(read).collect()
}

#[test]
fn the_index_finds_what_the_whole_log_has() {
    for (name, _, log) in logs(6) {
        let journal = opened(&log);
        for (id, _) in journal.state().each_record() {
            let (mut indexed, mut scanned) = (Vec::new(), Vec::new());
            each_event_of(&journal, id, &mut |event| indexed.push(event.seq)).expect("reads");
            scan_events_of(&journal, id, &mut |event| scanned.push(event.seq)).expect("reads");
            assert_eq!(indexed, scanned, "{id} in {name}");
        }
    }
}

/// What a filter without a record lets through, by reading everything.
fn filtered(events: &[Event], state: &State, filter: &Filter) -> Vec<Seq> {
    let mut commands = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    for event in events {
        if let Fact::Intent { command } = &event.fact {
            commands.insert(command.id, (command.side.clone(), command.entity.clone()));
        }
        let (side, entity) = match &event.fact {
            Fact::Observed { side, entity, .. }
            | Fact::Cursor { side, entity, .. }
            | Fact::Swept { side, entity, .. }
            | Fact::Linked { side, entity, .. } => (Some(side.clone()), Some(entity.clone())),
            Fact::Intent { command } => (Some(command.side.clone()), Some(command.entity.clone())),
            Fact::Done { command, .. }
            | Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. }
            | Fact::Drifted { command, .. } => {
                let (side, entity) = commands[command].clone();
                (Some(side), Some(entity))
            }
            Fact::Decided { record, .. } => {
                (None, state.record(*record).map(|record| record.entity.clone()))
            }
            Fact::EntityDeclared { entity, .. } | Fact::PolicySet { entity, .. } => {
                (None, Some(entity.clone()))
            }
            Fact::SideAttached { side } => (Some(side.clone()), None),
            _ => continue,
        };
        let kind =
            filter.kinds.is_empty() || filter.kinds.iter().any(|kind| kind == event.fact.kind());
        let there = filter.side.as_ref().is_none_or(|wanted| side.as_ref() == Some(wanted))
            && filter.entity.as_ref().is_none_or(|wanted| entity.as_ref() == Some(wanted));
        if kind && there && event.seq > filter.after && event.seq <= filter.until {
            found.push(event.seq);
        }
    }
    found
}

#[test]
fn filters_find_what_the_whole_log_has() {
    for (name, schema, log) in logs(2) {
        let (journal, events) = (opened(&log), events(&log));
        let head = journal.head();
        let index = {
            let mut index = Index::load_with(&journal, 16).expect("begins");
            index.follow(&journal, &mut |_| {}).expect("reads");
            index
        };
        for kinds in [vec!["observed"], vec!["done", "intent", "drifted"], vec!["decided"]] {
            for side in [None, Some(SideId::new("A")), Some(SideId::new("B"))] {
                for entity in [None, Some(schema.entities[0].name.clone())] {
                    for (after, until) in [(0, head.0), (head.0 / 3, head.0 / 2)] {
                        let filter = Filter {
                            record: None,
                            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
                            side: side.clone(),
                            entity: entity.clone(),
                            after: Seq(after),
                            until: Seq(until),
                        };
                        let wanted = filtered(&events, journal.state(), &filter);
                        assert_eq!(
                            index.find(journal.state(), &filter),
                            wanted,
                            "{name} {filter:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn an_index_that_grows_by_pieces_and_is_kept_is_the_same() {
    for (name, _, log) in logs(2) {
        let whole = opened(&log);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bodies: Vec<_> = log.bodies().map(|(hash, bytes)| (*hash, bytes.to_vec())).collect();
        let mut bodies = Some(bodies);
        for piece in log.events().chunks(37) {
            let (mut kept, _) = SledLog::open(folder.path()).expect("opens");
            let batch = Batch { events: piece.to_vec(), bodies: bodies.take().unwrap_or_default() };
            kept.append(kept.head(), &batch).expect("appends");
            let journal = Journal::open(Box::new(kept)).expect("opens");
            let mut index = Index::load_with(&journal, 16).expect("loads");
            index.follow(&journal, &mut |_| {}).expect("reads");
            index.keep(&journal).expect("keeps");
        }
        let journal = Journal::open(Box::new(SledLog::open(folder.path()).expect("opens").0));
        let journal = journal.expect("opens");
        let index = Index::load_with(&journal, 16).expect("loads");
        assert_eq!(index.head(), journal.head(), "nothing is to be read again: {name}");
        for (id, _) in journal.state().each_record() {
            let wanted = whole.with_index(|index| index.of_record(whole.state(), id));
            assert_eq!(index.of_record(journal.state(), id), wanted.expect("reads"), "{id} {name}");
        }
    }
}

#[test]
fn an_index_of_another_log_or_a_damaged_one_is_made_anew() {
    let mut all: Vec<MemoryLog> = logs(1).into_iter().map(|(_, _, log)| log).collect();
    all.sort_by_key(|log| log.events().len());
    // The other one is longer, so that every position of the first is in it, too.
    let (log, other) = (all.remove(0), all.remove(1));
    assert!(other.events().len() > log.events().len());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fill = |path: &std::path::Path, log: &MemoryLog| {
        let (mut kept, _) = SledLog::open(path).expect("opens");
        let bodies = log.bodies().map(|(hash, bytes)| (*hash, bytes.to_vec())).collect();
        kept.append(Seq(0), &Batch { events: log.events().to_vec(), bodies }).expect("appends");
        Journal::open(Box::new(kept)).expect("opens")
    };
    let journal = fill(&folder.path().join("one"), &log);
    let mut index = Index::load_with(&journal, 16).expect("begins");
    index.follow(&journal, &mut |_| {}).expect("reads");
    index.keep(&journal).expect("keeps");
    assert_eq!(Index::load_with(&journal, 16).expect("loads").head(), journal.head());
    let cache = folder.path().join("one").join("cache");
    for entry in std::fs::read_dir(&cache).expect("the cache").flatten() {
        let whole = std::fs::read(entry.path()).expect("a file");
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        std::fs::write(entry.path(), bytes).expect("writes");
        let index = Index::load_with(&journal, 16).expect("loads");
        assert_eq!(index.head(), Seq(0), "{:?} is damaged", entry.path());
        std::fs::write(entry.path(), whole).expect("writes");
    }
    assert_eq!(Index::load_with(&journal, 16).expect("loads").head(), journal.head());
    drop(journal);
    let journal = fill(&folder.path().join("two"), &other);
    let there = folder.path().join("two").join("cache");
    std::fs::rename(&cache, &there).expect("moves");
    assert_eq!(Index::load_with(&journal, 16).expect("loads").head(), Seq(0), "of another log");
}

#[test]
fn as_of_is_the_fold_up_to_there_and_a_record_is_what_its_own_events_say() {
    for (name, schema, log) in logs(2) {
        let (journal, events) = (opened(&log), events(&log));
        let mut state = State::default();
        for event in &events {
            fold(&mut state, event).expect("folds");
            if !event.seq.0.is_multiple_of(5) && event.seq != journal.head() {
                continue;
            }
            let past = as_of(&journal, event.seq, &mut |_| {}).expect("folds");
            assert_eq!(past.state.hash(), state.hash(), "{name} at {}", event.seq);
            for (id, _) in journal.state().each_record() {
                let alone = mizan::history::record_alone(&journal, id, event.seq).expect("folds");
                let mut wanted = state.record(id).cloned();
                if let Some(record) = &mut wanted {
                    record.refers_to.sort_unstable();
                }
                assert_eq!(alone, wanted, "{id} at {} in {name}", event.seq);
                let then = record_as_of(&journal, &schema, id, event.seq).expect("folds");
                assert_eq!(then.is_some(), wanted.is_some());
            }
        }
    }
}

#[test]
fn a_time_is_the_last_position_that_is_not_later_and_time_never_goes_back() {
    let mut journal = Journal::open(Box::new(MemoryLog::default())).expect("opens");
    let plan = mizan_core::ContentHash([2; 32]);
    let fact = || Fact::Approved { plan, by: "huda".to_owned() };
    for at in 0..1_500_i64 {
        // Every hundredth time the clock is set back by much.
        let now = if at % 100 == 99 { at * 10 - 700 } else { at * 10 };
        journal.append_facts(Timestamp(now), vec![fact()]).expect("appends");
    }
    let mut times = Vec::new();
    journal.each_event(Seq(0), &mut |event| times.push(event.at)).expect("reads");
    assert!(times.is_sorted(), "no event is earlier than the one before it");
    let reopened = Journal::open(journal.into_log());
    let mut journal = reopened.expect("opens");
    journal.append_facts(Timestamp(5), vec![fact()]).expect("appends");
    times.push(*times.last().expect("some"));
    let mut index = Index::load_with(&journal, 400).expect("begins");
    index.follow(&journal, &mut |_| {}).expect("reads");
    for moment in (-20..16_000).step_by(7) {
        let wanted = times.partition_point(|at| at.0 <= moment) as u64;
        let found = index.position_at(&journal, Timestamp(moment)).expect("reads");
        assert_eq!(found, Seq(wanted), "at {moment}");
    }
}

#[test]
fn the_events_of_a_derivation_alone_give_the_value() {
    let (mut derived, mut conflicts, mut through_answers, mut counters) = (0, 0, 0, 0);
    for (name, schema, log) in logs(8) {
        let journal = opened(&log);
        let schema = mizan_core::compare::aligned(&schema, journal.state());
        for (id, record) in journal.state().each_record() {
            let merged = mizan_core::bodies::image_of(&journal, &record.merged).expect("there");
            for one in Derivation::all(&journal, &schema, id).expect("reads") {
                let what = format!("{} of {id} in {name}\n{one}", one.field);
                assert_eq!(one.value.as_ref(), merged.get(&one.field), "{what}");
                for (seq, node) in &one.nodes {
                    assert!(node.from.iter().all(|premise| premise < seq), "{what}");
                    assert!(
                        node.from.iter().all(|premise| one.nodes.contains_key(premise)),
                        "{what}"
                    );
                    through_answers += u32::from(matches!(node.what, What::Done { .. }));
                    conflicts += u32::from(matches!(
                        node.what,
                        What::Decided { how: How::By(found), .. } if found.is_conflict()
                    ));
                }
                let again = one.replay(&journal, &schema);
                let again = again.unwrap_or_else(|error| panic!("{error}: {what}"));
                assert_eq!(again, one.value, "{what}");
                derived += 1;
                counters += u32::from(one.field == "stock" && one.nodes.len() > 6);
            }
        }
    }
    let counts = (derived, conflicts, through_answers, counters);
    assert!(derived > 500 && conflicts > 20 && through_answers > 20 && counters > 5, "{counts:?}");
}

#[test]
fn a_derivation_without_what_a_side_showed_does_not_give_the_value() {
    let (mut cut, mut noticed) = (0, 0);
    for (_, schema, log) in logs(2) {
        let journal = opened(&log);
        let schema = mizan_core::compare::aligned(&schema, journal.state());
        for (id, _) in journal.state().each_record() {
            for one in Derivation::all(&journal, &schema, id).expect("reads") {
                let Some(root) = one.root.and_then(|root| one.nodes.get(&root)) else { continue };
                if !matches!(root.what, What::Decided { how: How::Taken, .. })
                    || one.value.is_none()
                {
                    continue;
                }
                let mut less = one.clone();
                less.nodes.retain(|_, node| !matches!(node.what, What::Observed { .. }));
                cut += 1;
                noticed += u32::from(less.replay(&journal, &schema).is_err());
            }
        }
    }
    assert!(cut > 50 && noticed == cut, "{noticed} of {cut}");
}

#[test]
fn blame_names_an_edit_that_showed_the_value() {
    let mut edits = 0;
    for (name, schema, log) in logs(3) {
        let journal = opened(&log);
        let schema = mizan_core::compare::aligned(&schema, journal.state());
        for (id, record) in journal.state().each_record() {
            let found = blame(&journal, &schema, id).expect("reads").expect("it has begun");
            for field in found.fields {
                let text = format!("{} of {id} in {name}: {:?}", field.field, field.origin);
                let known = field.value.as_ref().is_some_and(|value| !value.is_null());
                assert!(field.origin.is_some() || !known, "{text}");
                let Some(Origin::Edits(list)) = &field.origin else { continue };
                for edit in list {
                    let actor =
                        mizan_core::version::Actor { side: edit.side.clone(), epoch: edit.epoch };
                    let slot = &record.slots[&edit.side];
                    assert!(edit.count >= 1 && edit.count <= slot.knows.count(&actor), "{text}");
                    let event = journal.event(edit.seq).expect("reads").expect("there");
                    assert!(
                        matches!(event.fact, Fact::Observed { .. } | Fact::Done { .. }),
                        "{text}"
                    );
                    assert!(field.decided.as_ref().is_some_and(|at| at.seq > edit.seq), "{text}");
                    edits += 1;
                }
            }
        }
    }
    assert!(edits > 200, "{edits}");
}
