//! The durable log answers every call as the reference in memory does.
#![allow(clippy::unwrap_used)]

mod common;

use common::{hash, small};
use mizan_core::Seq;
use mizan_store::{Batch, EventLog, MemoryLog, Overlay, SledLog, Snapshot, StoreError};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append { events: Vec<usize>, bodies: Vec<(u64, usize)> },
    AppendAt { expected: u64 },
    Reopen,
    Scan { after: u64 },
    Snapshot { at: u64 },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0..400_usize, 3 => 5_000..30_000_usize, 1 => 95_000..220_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    let events = prop::collection::vec(size(), 0..12);
    let bodies = prop::collection::vec((0..30_u64, size()), 0..5);
    prop_oneof![
        8 => (events, bodies).prop_map(|(events, bodies)| Step::Append { events, bodies }),
        1 => (0..100_u64).prop_map(|expected| Step::AppendAt { expected }),
        2 => Just(Step::Reopen),
        2 => (0..120_u64).prop_map(|after| Step::Scan { after }),
        1 => (0..120_u64).prop_map(|at| Step::Snapshot { at }),
    ]
}

fn make(events: &[usize], bodies: &[(u64, usize)], salt: u64) -> Batch {
    let fill = |size: usize, salt: u64| (0..size as u64).map(|at| (at * 7 + salt) as u8).collect();
    Batch {
        events: events.iter().zip(salt..).map(|(size, salt)| fill(*size, salt)).collect(),
        bodies: bodies.iter().map(|(id, size)| (hash(*id), fill(*size, *id))).collect(),
    }
}

/// Two results are the same if both went well with equal values or both failed in the same words.
fn same<T: PartialEq + std::fmt::Debug>(a: Result<T, StoreError>, b: Result<T, StoreError>) {
    match (a, b) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        (a, b) => panic!("{a:?} is not {b:?}"),
    }
}

fn scanned(log: &dyn EventLog, after: u64) -> Vec<(Seq, Vec<u8>)> {
    let mut found = Vec::new();
    log.scan(Seq(after), &mut |seq, bytes| {
        found.push((seq, bytes.to_vec()));
        Ok(())
    })
    .unwrap();
    found
}

fn compare(log: &dyn EventLog, memory: &dyn EventLog) {
    assert_eq!(log.head(), memory.head());
    assert_eq!(scanned(log, 0), scanned(memory, 0));
    for seq in 0..=memory.head().0 + 2 {
        same(log.read(Seq(seq)), memory.read(Seq(seq)));
        same(log.root(Seq(seq)), memory.root(Seq(seq)));
        same(log.leaves(Seq(seq / 2), Seq(seq)), memory.leaves(Seq(seq / 2), Seq(seq)));
        same(log.inclusion(Seq(seq), memory.head()), memory.inclusion(Seq(seq), memory.head()));
        same(log.consistency(Seq(seq), memory.head()), memory.consistency(Seq(seq), memory.head()));
    }
    for id in 0..30 {
        same(log.body(&hash(id)), memory.body(&hash(id)));
        assert_eq!(log.has_body(&hash(id)), memory.has_body(&hash(id)));
    }
    same(log.load_snapshot("code"), memory.load_snapshot("code"));
    same(log.load_snapshot("other"), memory.load_snapshot("other"));
}

fn walk(mut log: Box<dyn EventLog>, steps: &[Step], reopen: &dyn Fn() -> Option<SledLog>) {
    let mut memory = MemoryLog::default();
    for (salt, step) in (0..).zip(steps) {
        match step {
            Step::Append { events, bodies } => {
                let batch = make(events, bodies, salt);
                let head = memory.head();
                same(log.append(head, &batch), memory.append(head, &batch));
            }
            Step::AppendAt { expected } => {
                let batch = make(&[3], &[], salt);
                same(log.append(Seq(*expected), &batch), memory.append(Seq(*expected), &batch));
            }
            Step::Reopen => {
                drop(log);
                log = match reopen() {
                    Some(opened) => Box::new(opened),
                    None => return,
                };
                compare(log.as_ref(), &memory);
            }
            Step::Scan { after } => {
                assert_eq!(scanned(log.as_ref(), *after), scanned(&memory, *after));
            }
            Step::Snapshot { at } => {
                let snapshot = Snapshot {
                    at: Seq(*at),
                    state_hash: hash(*at),
                    code_id: "code".to_owned(),
                    bytes: vec![7; *at as usize],
                };
                same(log.save_snapshot(&snapshot), memory.save_snapshot(&snapshot));
            }
        }
    }
    compare(log.as_ref(), &memory);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_durable_log_answers_as_the_reference(
        steps in prop::collection::vec(step(), 1..25),
        segment_bytes in prop_oneof![Just(4_096_u64), Just(65_536), Just(1_048_576)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = mizan_store::Options { segment_bytes, ..small() };
        let reopen = || {
            let (log, report) = SledLog::open_with(folder.path(), options.clone()).unwrap();
            assert_eq!((report.rebuilt, report.replayed_frames, report.torn_tail_bytes), (None, 0, 0));
            Some(log)
        };
        walk(Box::new(reopen().unwrap()), &steps, &reopen);
        let found = mizan_store::examine(folder.path()).unwrap();
        assert!(found.is_healthy(), "{found:?}");
    }

    #[test]
    fn an_overlay_answers_as_the_reference(
        before in prop::collection::vec(step(), 1..12),
        steps in prop::collection::vec(step(), 1..12),
    ) {
        let mut base = MemoryLog::default();
        for (salt, step) in (0..).zip(&before) {
            if let Step::Append { events, bodies } = step {
                let head = base.head();
                let _refused = base.append(head, &make(events, bodies, salt));
            }
        }
        let mut dry = Overlay::over(Box::new(base.clone()));
        let mut memory = base.clone();
        for (salt, step) in (500..).zip(&steps) {
            if let Step::Append { events, bodies } = step {
                let batch = make(events, bodies, salt);
                let head = memory.head();
                same(dry.append(head, &batch), memory.append(head, &batch));
            }
        }
        compare(&dry, &memory);
        compare(dry.into_base().as_ref(), &base);
    }
}
