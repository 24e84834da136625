//! A log as a file of lines and back: nothing changes on the way, and nothing that was changed is taken.

use mizan_core::Seq;
use mizan_store::{EventLog, ExportError, Exported, MemoryLog, export, import, import_folder};
use mizan_testkit::Profile;
use mizan_testkit::strategies::{self, RandomLog};
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::Path;

fn logs() -> impl Strategy<Value = RandomLog> {
    let mixed = strategies::log(Profile::Mixed, 2, 5..40);
    prop_oneof![mixed, strategies::log(Profile::Rules, 3, 5..30)]
}

fn exported(log: &dyn EventLog) -> (Vec<u8>, Exported) {
    let mut file = Vec::new();
    let done = export(log, Seq(1), log.head(), &mut file, &mut |_| ()).expect("a log is exported");
    (file, done)
}

fn imported(file: &[u8]) -> Result<MemoryLog, ExportError> {
    let mut log = MemoryLog::default();
    import(&mut &file[..], &mut log, &mut |_| ())?;
    Ok(log)
}

fn folder_of(file: &[u8], folder: &Path) -> Result<Exported, ExportError> {
    import_folder(&mut &file[..], folder, &mut |_| ())
}

fn lines(file: &[u8]) -> Vec<&[u8]> {
    file.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The line that a refusal names.
fn refused(file: &[u8]) -> u64 {
    match imported(file) {
        Err(ExportError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_exported_comes_back_byte_for_byte(log in logs()) {
        let (file, wrote) = exported(&log.log);
        let copy = imported(&file).expect("it is imported");
        prop_assert_eq!(copy.events(), log.log.events());
        let bodies: Vec<_> = log.log.bodies().collect();
        prop_assert_eq!(copy.bodies().collect::<Vec<_>>(), bodies, "no content is left out");
        prop_assert_eq!(wrote.absent, 0, "no event names what is not there");
        prop_assert_eq!(exported(&copy), (file, wrote));
    }

    #[test]
    fn a_changed_missing_doubled_or_swapped_line_is_refused(log in logs(), at in any::<Index>(), byte in any::<Index>()) {
        let (file, _) = exported(&log.log);
        let all = lines(&file);
        let at = at.index(all.len());
        let joined = |lines: &[&[u8]]| lines.concat();

        let mut flipped = all[at].to_vec();
        let byte = byte.index(flipped.len());
        flipped[byte] ^= 1;
        let mut changed = all.clone();
        changed[at] = &flipped;
        prop_assert!(imported(&joined(&changed)).is_err(), "byte {byte} of line {at} was changed");

        let mut missing = all.clone();
        missing.remove(at);
        prop_assert!(imported(&joined(&missing)).is_err(), "line {at} is missing");

        let mut doubled = all.clone();
        doubled.insert(at, all[at]);
        prop_assert!(imported(&joined(&doubled)).is_err(), "line {at} is there twice");

        if at + 1 < all.len() && all[at] != all[at + 1] {
            let mut swapped = all.clone();
            swapped.swap(at, at + 1);
            prop_assert!(imported(&joined(&swapped)).is_err(), "lines {at} and the next changed places");
        }
        prop_assert!(imported(&file[..file.len() - 1 - at]).is_err(), "the end is cut off");
    }
}

fn some_log() -> RandomLog {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    logs().new_tree(&mut runner).expect("a log").current()
}

#[test]
fn a_folder_is_made_whole_or_not_at_all() {
    let (file, wrote) = exported(&some_log().log);
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("log");
    assert_eq!(folder_of(&file, &folder).expect("it is imported"), wrote);
    let (log, report) = mizan_store::SledLog::open(&folder).expect("it opens");
    assert_eq!((report.events, report.torn_tail_bytes), (wrote.events, 0));
    assert_eq!(exported(&log).0, file);
    drop(log);

    let again = folder_of(&file, &folder);
    assert!(matches!(again, Err(ExportError::NotEmpty { .. })), "{again:?}");

    let other = place.path().join("other");
    let cut = lines(&file);
    let cut = cut[..cut.len() - 1].concat();
    assert!(folder_of(&cut, &other).is_err());
    let names: Vec<_> = std::fs::read_dir(place.path()).expect("a folder").flatten().collect();
    assert_eq!(names.len(), 1, "nothing of it is left: {names:?}");
}

#[test]
fn what_a_killed_import_left_is_no_hindrance_and_one_that_runs_is() {
    let (file, _) = exported(&some_log().log);
    let place = tempfile::tempdir().expect("a folder");
    let (folder, beside) = (place.path().join("log"), place.path().join("log.importing"));
    let (running, _) = mizan_store::SledLog::open(&beside).expect("a log");
    let refused = folder_of(&file, &folder);
    assert!(
        matches!(refused, Err(ExportError::Store(mizan_store::StoreError::Locked { .. }))),
        "{refused:?}"
    );
    drop(running);
    folder_of(&file, &folder).expect("nobody holds it");
    assert!(!beside.exists());
}

#[test]
fn a_slice_is_for_reading_only() {
    let log = some_log();
    let mut file = Vec::new();
    let done = export(&log.log, Seq(3), Seq(5), &mut file, &mut |_| ()).expect("a slice");
    assert_eq!((done.first, done.last, done.events), (Seq(3), Seq(5), 3));
    assert!(matches!(imported(&file), Err(ExportError::Slice { first: Seq(3) })));
    let beyond = export(&log.log, Seq(1_000_000), Seq(u64::MAX), &mut file, &mut |_| ());
    assert!(matches!(beyond, Err(ExportError::Nothing { .. })), "{beyond:?}");
}

#[test]
fn the_line_is_named() {
    let (file, _) = exported(&some_log().log);
    let all = lines(&file);
    let text = |at: usize| String::from_utf8(all[at].to_vec()).expect("text");
    let with = |at: usize, line: &str| {
        let mut changed = all.clone();
        changed[at] = line.as_bytes();
        changed.concat()
    };
    assert_eq!(refused(b""), 1);
    assert_eq!(refused(&with(0, "{\"hello\":1}\n")), 1);
    assert_eq!(refused(&with(0, &text(0).replace("\"version\":1", "\"version\":2"))), 1);
    assert_eq!(refused(&with(4, "not JSON\n")), 5);
    assert_eq!(refused(&with(4, "{\"event\":4,\"bytes\":\"*\"}\n")), 5);
    let last = all.len() - 1;
    assert_eq!(refused(&all[..last].concat()), last as u64 + 1);
    assert_eq!(refused(&[&file[..], b"{}\n"].concat()), last as u64 + 2);
    // What people read may be changed by nobody either: the checksum is over all of it.
    let at = (1..last).find(|at| text(*at).contains("\"is\"")).expect("a readable line");
    assert_eq!(refused(&with(at, &text(at).replace("\"is\":", "\"is\": "))), last as u64 + 1);
}
