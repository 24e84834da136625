//! The leaf hashes on disk are a cache: they may lag, they never lie, and they are no reason not to open.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_holds, copy, event, grow, open, segment};
use mizan_core::Seq;
use mizan_store::merkle::{Frontier, leaf_hash, verify_consistency, verify_inclusion};
use mizan_store::{
    Batch, EventLog, LeafHealth, MemoryLog, Overlay, SledLog, StoreError, examine, rebuild,
};
use std::fs::{self, OpenOptions};
use std::path::Path;

fn reference(head: u64) -> MemoryLog {
    let mut log = MemoryLog::default();
    log.append(Seq(0), &common::batch(1, head)).unwrap();
    log
}

/// Roots, leaves and proofs are those of a log in memory with the same events.
fn assert_proves(log: &dyn EventLog, head: u64) {
    assert_eq!(log.head(), Seq(head));
    let memory = reference(head);
    assert_eq!(log.root(Seq(head)).unwrap(), memory.root(Seq(head)).unwrap());
    assert_eq!(log.leaves(Seq(0), Seq(head)).unwrap(), memory.leaves(Seq(0), Seq(head)).unwrap());
    let root = memory.root(Seq(head)).unwrap();
    for at in (1..=head).step_by((head / 12).max(1) as usize) {
        assert_eq!(log.root(Seq(at)).unwrap(), memory.root(Seq(at)).unwrap(), "size {at}");
        let path = log.inclusion(Seq(at), Seq(head)).unwrap();
        assert!(verify_inclusion(&leaf_hash(&event(at)), at - 1, head, &path, &root), "{at}");
        let old = memory.root(Seq(at)).unwrap();
        let path = log.consistency(Seq(at), Seq(head)).unwrap();
        assert!(verify_consistency(at, &old, head, &root, &path), "{at} in {head}");
    }
}

/// A log in several segments, with batches of many sizes and one event over several frames.
fn written(path: &Path) -> u64 {
    let (mut log, _) = open(path);
    for round in 0..60_u64 {
        grow(&mut log, round % 23 + 1);
    }
    grow(&mut log, 2_500);
    log.head().0
}

#[test]
fn a_durable_log_proves_what_the_reference_proves() {
    let folder = tempfile::tempdir().unwrap();
    let head = written(folder.path());
    assert!(segment(folder.path(), 2).exists());
    let (mut log, _) = open(folder.path());
    assert_proves(&log, head);
    for count in [1, 255, 256, 257] {
        grow(&mut log, count);
        assert_proves(&log, log.head().0);
    }
    let head = log.head().0;
    drop(log);
    assert_eq!(examine(folder.path()).unwrap().leaves, LeafHealth::Fit(Seq(head)));
}

#[test]
fn an_event_over_several_frames_has_its_leaf() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    let large = vec![7; 300_000];
    log.append(Seq(0), &Batch::of_events([b"a".to_vec(), large.clone(), b"b".to_vec()])).unwrap();
    let leaves = log.leaves(Seq(0), Seq(3)).unwrap();
    assert_eq!(leaves, [leaf_hash(b"a"), leaf_hash(&large), leaf_hash(b"b")]);
}

#[test]
fn an_overlay_proves_the_base_and_what_is_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let head = written(folder.path());
    let mut dry = Overlay::over(Box::new(open(folder.path()).0));
    assert_proves(&dry, head);
    grow(&mut dry, 300);
    assert_proves(&dry, head + 300);
}

/// Whatever a crash leaves of the two files, the log opens and its roots are right.
#[test]
fn every_torn_leaf_file_and_marker_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let (early, image) = (folder.path().join("early"), folder.path().join("image"));
    let (mut log, _) = open(&early);
    grow(&mut log, 37);
    drop(log);
    copy(&early, &image);
    let (mut log, _) = open(&image);
    for count in [1, 5, 30] {
        grow(&mut log, count);
    }
    let head = log.head().0;
    drop(log);
    let work = folder.path().join("work");
    let check = |what: &str| {
        let (mut log, report) = open(&work);
        assert_eq!(report.events, head, "{what}");
        assert_proves(&log, head);
        grow(&mut log, 3);
        assert_proves(&log, head + 3);
        drop(log);
        assert_proves(&open(&work).0, head + 3);
        assert_eq!(examine(&work).unwrap().leaves, LeafHealth::Fit(Seq(head + 3)), "{what}");
    };
    let leaves = fs::read(image.join("leaves")).unwrap();
    let marker = fs::read(image.join("tree")).unwrap();
    assert_eq!(leaves.len() as u64, head * 32);
    // The marker names what was synced: behind it the file may hold anything.
    for end in (0..=leaves.len()).step_by(75) {
        copy(&image, &work);
        fs::copy(early.join("tree"), work.join("tree")).unwrap();
        let mut torn = leaves[..end].to_vec();
        torn.resize(end.max(37 * 32), 0xAA);
        torn[..37 * 32].copy_from_slice(&leaves[..37 * 32]);
        fs::write(work.join("leaves"), torn).unwrap();
        check(&format!("leaves torn at {end}"));
    }
    for end in (0..marker.len()).step_by(9) {
        copy(&image, &work);
        fs::write(work.join("tree"), &marker[..end]).unwrap();
        check(&format!("marker torn at {end}"));
    }
    for (what, file) in [("leaves", "leaves"), ("marker", "tree")] {
        copy(&image, &work);
        fs::remove_file(work.join(file)).unwrap();
        check(&format!("{what} missing"));
    }
    copy(&image, &work);
    OpenOptions::new().write(true).open(work.join("leaves")).unwrap().set_len(head * 16).unwrap();
    check("a file shorter than the marker says");
}

/// The log as it is when a power cut hits it at any byte of an append, with leaves of any age.
#[test]
fn a_log_that_lost_its_torn_end_has_the_root_of_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (mut log, _) = open(&path);
    grow(&mut log, 9);
    let size = fs::metadata(segment(&path, 1)).unwrap().len();
    drop(log);
    let used = examine(&path).unwrap().segments[0].used;
    let before = folder.path().join("before");
    copy(&path, &before);
    let (mut log, _) = open(&path);
    grow(&mut log, 4);
    drop(log);
    let whole = fs::read(segment(&path, 1)).unwrap();
    let end = examine(&path).unwrap().segments[0].used;
    let work = folder.path().join("work");
    for cut in (used..end).step_by(7) {
        copy(&before, &work);
        let mut torn = whole[..cut as usize].to_vec();
        torn.resize(size as usize, 0);
        fs::write(segment(&work, 1), torn).unwrap();
        let (log, _) = open(&work);
        assert_proves(&log, 9);
    }
}

#[test]
fn kept_leaves_of_another_log_are_never_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("log"), folder.path().join("other"));
    let (mut log, _) = open(&path);
    grow(&mut log, 20);
    drop(log);
    let (mut log, _) = open(&other);
    let events = (1..=20).map(|seq| if seq == 20 { b"another".to_vec() } else { event(seq) });
    log.append(Seq(0), &Batch::of_events(events)).unwrap();
    drop(log);
    for file in ["leaves", "tree"] {
        fs::copy(other.join(file), path.join(file)).unwrap();
    }
    refuses_and_mends(&path, 20, 20);
}

/// Events can be read, roots and proofs are refused, the doctor names the event and mends it.
fn refuses_and_mends(path: &Path, head: u64, at: u64) {
    let (log, _) = open(path);
    assert_holds(&log, head);
    for result in [
        log.root(Seq(head / 2)).map(|_| ()),
        log.inclusion(Seq(1), Seq(head)).map(|_| ()),
        log.consistency(Seq(1), Seq(head)).map(|_| ()),
    ] {
        assert!(matches!(result, Err(StoreError::Damaged { .. })), "{result:?}");
    }
    let kept = log.leaves(Seq(0), Seq(head)).unwrap();
    assert_ne!(kept[at as usize - 1], leaf_hash(&event(at)));
    drop(log);
    let found = examine(path).unwrap();
    assert_eq!((found.leaves, found.is_healthy()), (LeafHealth::Differ(Seq(at)), false));
    let aside = rebuild(path).unwrap().leaves.unwrap();
    assert!(aside.exists());
    assert_proves(&open(path).0, head);
    assert!(examine(path).unwrap().is_healthy());
}

#[test]
fn a_flipped_bit_anywhere_in_the_kept_leaves_is_found_at_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let (mut log, _) = open(&image);
    grow(&mut log, 29);
    drop(log);
    let work = folder.path().join("work");
    let leaves = fs::read(image.join("leaves")).unwrap();
    for at in (0..leaves.len()).step_by(31) {
        copy(&image, &work);
        let mut flipped = leaves.clone();
        flipped[at] ^= 4;
        fs::write(work.join("leaves"), flipped).unwrap();
        refuses_and_mends(&work, 29, at as u64 / 32 + 1);
    }
}

#[test]
fn the_tree_of_a_hundred_thousand_events_is_the_frontiers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = SledLog::open(folder.path()).unwrap();
    let mut tree = Frontier::default();
    for batch in 0..100_u64 {
        let events: Vec<Vec<u8>> =
            (0..1_000).map(|event| (batch * 1_000 + event).to_be_bytes().to_vec()).collect();
        tree.extend(events.iter().map(|event| leaf_hash(event)));
        log.append(log.head(), &Batch::of_events(events)).unwrap();
    }
    let size = Seq(100_000);
    let root = log.root(size).unwrap();
    assert_eq!(root, tree.root());
    for at in [1, 2, 255, 256, 257, 65_536, 65_537, 99_999, 100_000] {
        let path = log.inclusion(Seq(at), size).unwrap();
        let leaf = leaf_hash(&(at - 1).to_be_bytes());
        assert!(path.len() <= 17 && verify_inclusion(&leaf, at - 1, size.0, &path, &root), "{at}");
    }
}
