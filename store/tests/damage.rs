//! Whatever hits a segment file: no wrong event is ever shown, and sled puts everything back.

#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_holds, bytes_of, copy, event, grow, open, try_open};
use mizan_core::Seq;
use mizan_store::{EventLog, StoreError, examine, rebuild};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A closed log with several segments, summaries included, and its head.
static IMAGE: LazyLock<(tempfile::TempDir, PathBuf, u64)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for batches in [600, 50] {
        let (mut log, _) = open(&path);
        for number in 0..batches {
            grow(&mut log, number % 9 + 1);
        }
    }
    let head = open(&path).0.head().0;
    (folder, path, head)
});

#[derive(Clone, Debug)]
enum Harm {
    Flip { bit: u8 },
    Zero,
    Truncate,
    Move { to: f64 },
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (0..8_u8).prop_map(|bit| Harm::Flip { bit }),
        Just(Harm::Zero),
        Just(Harm::Truncate),
        (0.0..1.0).prop_map(|to| Harm::Move { to }),
    ]
}

fn apply(log: &Path, file: usize, place: f64, harm: &Harm) {
    let files = bytes_of(&log.join("segments"));
    let (path, mut bytes) = files[file % files.len()].clone();
    if bytes.is_empty() {
        return;
    }
    let at = (bytes.len() as f64 * place) as usize;
    match harm {
        Harm::Flip { bit } => bytes[at] ^= 1 << bit,
        Harm::Zero => {
            let end = (at + 4_096).min(bytes.len());
            bytes[at..end].fill(0);
        }
        Harm::Truncate => bytes.truncate(at),
        Harm::Move { to } => {
            let length = (bytes.len() - at).min(500);
            let to = ((bytes.len() - length) as f64 * to) as usize;
            bytes.copy_within(at..at + length, to);
        }
    }
    fs::write(&path, &bytes).unwrap();
}

/// Reads everything and says whether damage was met; a wrong event fails the test.
fn read_all(log: &dyn EventLog, head: u64) -> bool {
    assert_eq!(log.head(), Seq(head));
    let mut next = 1;
    let scanned = log.scan(Seq(0), &mut |seq, bytes| {
        assert_eq!((seq, bytes), (Seq(next), event(next).as_slice()));
        next += 1;
        Ok(())
    });
    match scanned {
        Ok(()) => {
            assert_eq!(next, head + 1);
            false
        }
        Err(StoreError::Damaged { seq, .. }) => {
            assert_eq!(seq, Seq(next));
            true
        }
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 30, ..ProptestConfig::default() })]
    #[test]
    fn damage_is_never_shown_as_an_event_and_is_mended(
        harms in prop::collection::vec((0..6_usize, 0.0..1.0, harm()), 1..3),
        with_checkpoint in any::<bool>(),
    ) {
        let (_, image, head) = &*IMAGE;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        copy(image, &path);
        if !with_checkpoint {
            fs::remove_file(path.join("checkpoint")).unwrap();
        }
        for (file, place, harm) in &harms {
            apply(&path, *file, *place, harm);
        }
        let found = examine(&path).unwrap();
        match try_open(&path) {
            Ok((log, report)) => {
                prop_assert_eq!(report.rebuilt, None);
                prop_assert_eq!(read_all(&log, *head), found.damage.is_some());
            }
            Err(StoreError::Damaged { seq, .. }) => {
                let damage = found.damage.unwrap();
                prop_assert!(damage.seq <= seq && damage.restorable);
            }
            Err(other) => panic!("{other}"),
        }
        prop_assert_eq!(rebuild(&path).unwrap().events, *head);
        let (mut log, _) = open(&path);
        assert_holds(&log, *head);
        grow(&mut log, 3);
        drop(log);
        assert_holds(&open(&path).0, head + 3);
        let found = examine(&path).unwrap();
        prop_assert!(found.is_healthy(), "{:?}", found);
    }
}
