//! Archiving moves segments and changes nothing else: every event, root and proof stays (L55).
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_holds, copy, event, grow, open, segment};
use mizan_core::Seq;
use mizan_store::merkle::{leaf_hash, verify_inclusion};
use mizan_store::{EventLog, LeafHealth, MemoryLog, StoreError, archive, examine};
use std::fs;
use std::path::{Path, PathBuf};

/// A closed log of several sealed segments, and its head.
fn written(path: &Path) -> u64 {
    let (mut log, _) = open(path);
    while segment(path, 5).metadata().is_err() {
        grow(&mut log, 60);
    }
    let head = log.head().0;
    drop(log);
    drop(open(path));
    head
}

fn assert_proves(log: &dyn EventLog, head: u64) {
    let mut memory = MemoryLog::default();
    memory.append(Seq(0), &common::batch(1, head)).unwrap();
    let root = memory.root(Seq(head)).unwrap();
    assert_eq!(log.root(Seq(head)).unwrap(), root);
    for at in (1..=head).step_by(97) {
        assert_eq!(log.root(Seq(at)).unwrap(), memory.root(Seq(at)).unwrap());
        let path = log.inclusion(Seq(at), Seq(head)).unwrap();
        assert!(verify_inclusion(&leaf_hash(&event(at)), at - 1, head, &path, &root));
    }
}

fn first_of(path: &Path, number: usize) -> u64 {
    examine(path).unwrap().segments[number - 1].first.0
}

#[test]
fn archived_events_are_read_and_proven_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("log"), folder.path().join("cold/archive"));
    let head = written(&path);
    let before = Seq(first_of(&path, 4));
    assert_eq!(archive(&path, Seq(first_of(&path, 2) - 1), &to).unwrap().moved, [] as [PathBuf; 0]);
    let report = archive(&path, before, &to).unwrap();
    assert_eq!((report.moved.len(), report.through), (3, Seq(before.0 - 1)));
    assert!(!segment(&path, 1).exists() && segment(&path, 4).exists());
    let manifest = fs::read_to_string(to.join("manifest.tsv")).unwrap();
    assert_eq!(manifest.lines().count(), 3);
    assert!(manifest.starts_with("00000001.seg\t1\t"), "{manifest}");
    let (mut log, report) = open(&path);
    assert_eq!((report.rebuilt, report.replayed_frames), (None, 0));
    assert_holds(&log, head);
    assert_proves(&log, head);
    grow(&mut log, 70);
    assert_holds(&log, head + 70);
    drop(log);
    let found = examine(&path).unwrap();
    assert!(found.is_healthy(), "{found:?}");
    assert_eq!(found.leaves, LeafHealth::Fit(Seq(head + 70)));
    let archived: Vec<bool> = found.segments.iter().map(|segment| segment.archived).collect();
    assert_eq!(archived[..5], [true, true, true, false, false]);
    assert_eq!(
        archive(&path, before, &to).unwrap().moved,
        [] as [PathBuf; 0],
        "nothing is left to do"
    );
}

#[test]
fn a_log_works_on_without_its_archive_and_names_what_it_needs_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("log"), folder.path().join("archive"));
    let head = written(&path);
    let before = first_of(&path, 4);
    archive(&path, Seq(before), &to).unwrap();
    let away = folder.path().join("elsewhere");
    fs::rename(&to, &away).unwrap();
    let (mut log, _) = open(&path);
    assert_proves(&log, head);
    grow(&mut log, 10);
    assert_proves(&log, head + 10);
    let mut next = before;
    log.scan(Seq(before - 1), &mut |seq, bytes| {
        assert_eq!((seq, bytes), (Seq(next), &event(next)[..]));
        next += 1;
        Ok(())
    })
    .unwrap();
    let named = |error: StoreError| match error {
        StoreError::Archived { file, seq } => (file.file_name().unwrap().to_owned(), seq),
        other => panic!("{other:?}"),
    };
    let scanned = log.scan(Seq(0), &mut |_, _| Ok(())).unwrap_err();
    assert_eq!(named(scanned), ("00000001.seg".into(), Seq(1)));
    drop(log);
    let found = examine(&path).unwrap();
    assert!(found.damage.is_none() && !found.segments[0].reachable, "{found:?}");
    assert_eq!(found.leaves, LeafHealth::NotExamined);
    // Moved archives are found again where they are now.
    let report = archive(&path, Seq(1), &away).unwrap();
    assert_eq!((report.moved.len(), report.found_again.len()), (0, 3));
    assert_holds(&open(&path).0, head + 10);
    assert!(examine(&path).unwrap().is_healthy());
}

/// The folders as a crash leaves them after each step of archiving the first two segments.
#[test]
fn a_crash_at_every_step_of_archiving_reopens_and_the_next_archiving_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let head = written(&image);
    let before = Seq(first_of(&image, 3));
    let done = folder.path().join("done");
    copy(&image, &done.join("log"));
    archive(&done.join("log"), before, &done.join("archive")).unwrap();
    let work = folder.path().join("work");
    let (log, to) = (work.join("log"), work.join("archive"));
    let name = "00000001.seg";
    let half: Vec<u8> = fs::read(segment(&image, 1)).unwrap()[..5_000].to_vec();
    let new = to.join("00000001.new");
    let moved = log.join("segments/00000001.moved");
    let steps: [(&str, &dyn Fn()); 6] = [
        ("the folder is made", &|| {}),
        ("half a copy", &|| fs::write(&new, &half).unwrap()),
        ("a copy that is not renamed", &|| {
            fs::copy(segment(&image, 1), &new).unwrap();
        }),
        ("a copy", &|| {
            fs::copy(segment(&image, 1), to.join(name)).unwrap();
        }),
        ("a half-written manifest", &|| fs::write(to.join("manifest.tsv.tmp"), "0000").unwrap()),
        ("the place is noted", &|| {
            let place = fs::canonicalize(&to).unwrap();
            fs::write(&moved, format!("{}\n", place.display())).unwrap();
        }),
    ];
    for reached in 0..=steps.len() {
        let _ = fs::remove_dir_all(&work);
        copy(&image, &log);
        fs::create_dir_all(&to).unwrap();
        let mut what = "nothing";
        for (step, action) in &steps[..reached] {
            what = step;
            action();
        }
        let opened = open(&log).0;
        assert_holds(&opened, head);
        assert_proves(&opened, head);
        drop(opened);
        assert!(examine(&log).unwrap().is_healthy(), "{what}");
        archive(&log, before, &to).unwrap();
        let manifest = |to: &Path| fs::read_to_string(to.join("manifest.tsv")).unwrap();
        assert_eq!(manifest(&to), manifest(&done.join("archive")), "{what}");
        assert!(!segment(&log, 2).exists() && segment(&log, 3).exists(), "{what}");
        let opened = open(&log).0;
        assert_holds(&opened, head);
        assert_proves(&opened, head);
    }
    // Between the first segment and the second: one is archived, the other is not.
    fs::copy(to.join("00000002.seg"), segment(&log, 2)).unwrap();
    fs::remove_file(log.join("segments/00000002.moved")).unwrap();
    assert_holds(&open(&log).0, head);
    assert_eq!(archive(&log, before, &to).unwrap().moved.len(), 1);
    assert_holds(&open(&log).0, head);
}

#[test]
fn a_changed_archive_is_found_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("log"), folder.path().join("archive"));
    written(&path);
    archive(&path, Seq(first_of(&path, 3)), &to).unwrap();
    let file = to.join("00000001.seg");
    let mut bytes = fs::read(&file).unwrap();
    bytes[3_000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let damage = examine(&path).unwrap().damage.unwrap();
    assert_eq!(damage.file, fs::canonicalize(&file).unwrap());
    let scanned = open(&path).0.scan(Seq(0), &mut |_, _| Ok(()));
    assert!(matches!(scanned, Err(StoreError::Damaged { .. })), "{scanned:?}");
}
