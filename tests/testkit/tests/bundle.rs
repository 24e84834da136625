//! A bundle folds like the log that it was made of, and says nothing that the log said.

use mizan::bundle::{Bundle, Slice, bundle};
use mizan::engine::Journal;
use mizan_core::fold::{Record, State};
use mizan_core::{ContentHash, Image, RecordId, Seq, Value};
use mizan_store::{EventLog, MemoryLog, export, import};
use mizan_testkit::Profile;
use mizan_testkit::strategies::{self, RandomLog};
use proptest::prelude::*;
use proptest::sample::Index;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

fn logs() -> impl Strategy<Value = RandomLog> {
    let mixed = strategies::log(Profile::Mixed, 2, 5..40);
    prop_oneof![mixed, strategies::log(Profile::Rules, 3, 5..30)]
}

fn made(log: &RandomLog, slice: &Slice) -> (Journal, Bundle, Journal) {
    let journal = Journal::open(Box::new(log.log.clone())).expect("it opens");
    let made = bundle(&journal, slice).expect("a bundle");
    // By way of a file, as it is handed over.
    let mut file = Vec::new();
    export(&made.log, Seq(1), made.log.head(), &mut file, &mut |_| ()).expect("it is exported");
    let mut copy = MemoryLog::default();
    import(&mut file.as_slice(), &mut copy, &mut |_| ()).expect("it is imported");
    assert_eq!(copy, made.log);
    let there = Journal::open(Box::new(copy)).expect("it folds");
    (journal, made, there)
}

/// What a record is like, without contents, ids and positions.
fn shape(record: &Record, to: &dyn Fn(RecordId) -> RecordId) -> String {
    let slots: Vec<String> = record
        .slots
        .iter()
        .map(|(side, slot)| {
            format!(
                "{side} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
                slot.presence,
                slot.changed,
                slot.behind,
                slot.knows,
                slot.stamp,
                slot.stamp_is_ours,
                (slot.seen == slot.base, slot.seen == record.merged, slot.tried.len())
            )
        })
        .collect();
    format!(
        "{} {:?} {slots:?} {:?} {:?} {:?} {:?}",
        record.entity,
        (record.life, record.dead, record.disputed, record.copies, record.skipped),
        (record.pending.is_some(), record.refused.as_ref().map(|refusal| refusal.why)),
        (&record.contains, &record.deleters_knew, record.parked, &record.stamps),
        record.resolution.as_ref().map(|left| (left.choices.len(), left.keep)),
        (
            record.copy_of.map(to),
            record.refers_to.iter().map(|id| to(*id)).collect::<BTreeSet<_>>(),
        ),
    )
}

fn queues(state: &State, id: RecordId) -> [bool; 4] {
    [&state.undecided, &state.owed, &state.conflicts, &state.refused].map(|all| all.contains(&id))
}

fn same_shape(here: &Journal, made: &Bundle, there: &Journal) {
    let numbers: BTreeMap<RecordId, RecordId> =
        made.records.iter().copied().zip((0..).map(RecordId)).collect();
    assert_eq!(there.state().records.len(), numbers.len());
    let same = |id: RecordId| id;
    for (was, is) in &numbers {
        let before = here.state().record(*was).expect("it was chosen from here");
        let after = there.state().record(*is).expect("it is there");
        let renumbered = |id: RecordId| numbers.get(&id).copied().unwrap_or(RecordId(u32::MAX));
        assert_eq!(shape(before, &renumbered), shape(after, &same), "{was} is {is}");
        assert_eq!(queues(here.state(), *was), queues(there.state(), *is), "{was} is {is}");
        for (side, slot) in &before.slots {
            let other = &after.slots[side];
            same_order(here, &slot.seen, &before.merged, there, &other.seen, &after.merged);
            same_order(here, &slot.base, &slot.seen, there, &other.base, &other.seen);
        }
    }
}

fn image(journal: &Journal, hash: &ContentHash) -> Image {
    mizan_core::bodies::image_of(journal, hash).expect("it is there")
}

/// Fields of two images compare as they did.
fn same_order(
    here: &Journal,
    a: &ContentHash,
    b: &ContentHash,
    there: &Journal,
    x: &ContentHash,
    y: &ContentHash,
) {
    let (a, b, x, y) = (image(here, a), image(here, b), image(there, x), image(there, y));
    assert_eq!(a.len(), x.len());
    for (name, value) in a.iter() {
        let (Some(other), Some(mine), Some(theirs)) = (b.get(name), x.get(name), y.get(name))
        else {
            assert!(b.get(name).is_none() && x.get(name).is_some(), "{name}");
            continue;
        };
        let plain =
            |value: &Value| !matches!(value, Value::Ref(_) | Value::List(_) | Value::Map(_));
        let (was, is) = (value.cmp(other), mine.cmp(theirs));
        if plain(value) && plain(other) {
            assert_eq!(was, is, "{name}");
        } else {
            assert_eq!(was == Ordering::Equal, is == Ordering::Equal, "{name}");
        }
    }
}

fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Text(text) => {
            found.insert(text.to_string());
        }
        Value::Ref(reference) => {
            if let mizan_core::RefTo::Row { ext, .. } = &reference.to {
                found.insert(ext.to_string());
            }
        }
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Map(entries) => entries.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Decimal(_) | Value::Date(_) | Value::Instant(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_bundle_of_all_folds_like_the_log_and_shows_nothing(log in logs()) {
        let (here, made, there) = made(&log, &Slice::default());
        same_shape(&here, &made, &there);
        prop_assert_eq!(here.state().pending.len(), there.state().pending.len());
        prop_assert_eq!(here.state().unlinked.len(), there.state().unlinked.len());
        prop_assert_eq!(here.state().rows.len(), there.state().rows.len());
        prop_assert_eq!(here.state().keys.len(), there.state().keys.len());
        prop_assert_eq!(&here.state().cursors, &there.state().cursors);
        prop_assert_eq!(here.state().unreadable.len(), there.state().unreadable.len());

        let mut words = BTreeSet::new();
        for (_, bytes) in log.log.bodies() {
            if let Ok(image) = Image::from_bytes(bytes) {
                image.iter().for_each(|(_, value)| texts(value, &mut words));
            }
        }
        let mut file = made.log.events().concat();
        made.log.bodies().for_each(|(_, body)| file.extend_from_slice(body));
        for word in words.iter().filter(|word| word.len() > 3) {
            let found = file.windows(word.len()).any(|part| part == word.as_bytes());
            prop_assert!(!found, "`{word}` is in the bundle");
        }
    }

    #[test]
    fn a_bundle_of_a_record_folds_as_far_as_it_goes(log in logs(), which in any::<Index>()) {
        let journal = Journal::open(Box::new(log.log.clone())).expect("it opens");
        if journal.state().records.is_empty() {
            return Ok(());
        }
        let record = RecordId(which.index(journal.state().records.len()) as u32);
        let (here, made, there) = made(&log, &Slice { records: vec![record], to: None });
        prop_assert!(made.records.contains(&record));
        same_shape(&here, &made, &there);
    }

    #[test]
    fn a_bundle_of_the_past_is_one_of_the_log_as_it_was(log in logs(), at in any::<Index>()) {
        let to = Seq(1 + at.index(log.events.len()) as u64);
        let (_, made, there) = made(&log, &Slice { records: Vec::new(), to: Some(to) });
        let mut past = MemoryLog::default();
        for (event, bytes) in log.events.iter().zip(log.log.events()).take(to.0 as usize) {
            let mut batch = mizan_store::Batch::of_events([bytes.clone()]);
            event.fact.each_body(&mut |hash| {
                let body = log.log.body(hash).expect("it is read").expect("it is there");
                batch.bodies.push((*hash, body));
            });
            past.append(past.head(), &batch).expect("it follows");
        }
        let past = Journal::open(Box::new(past)).expect("it opens");
        same_shape(&past, &made, &there);
    }
}
