//! Locks, full disks, dry runs, groups: the edges of the contract.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_holds, batch, bytes_of, event, grow, hash, open, small, try_open};
use mizan_core::Seq;
use mizan_store::{Batch, EventLog, GroupLog, MemoryLog, Options, Overlay, SledLog, StoreError};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

#[test]
fn a_log_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    let refused = try_open(folder.path()).map(|_| ());
    assert!(matches!(&refused, Err(StoreError::Locked { path }) if path == folder.path()));
    assert!(matches!(mizan_store::rebuild(folder.path()), Err(StoreError::Locked { .. })));
    let found = mizan_store::examine(folder.path()).unwrap();
    assert!(found.in_use && found.is_healthy());
    drop(log);
    assert!(try_open(folder.path()).is_ok());
}

#[test]
fn below_the_floor_appends_are_refused_until_space_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1_000));
    let ask = Arc::clone(&free);
    let options = Options {
        free_floor_bytes: 500,
        free_space: Some(Arc::new(move |_| Ok(ask.load(Ordering::Relaxed)))),
        ..small()
    };
    let (mut log, _) = SledLog::open_with(folder.path(), options).unwrap();
    grow(&mut log, 2);
    free.store(499, Ordering::Relaxed);
    let refused = log.append(Seq(2), &batch(3, 1));
    assert!(matches!(refused, Err(StoreError::DiskFull { free: 499, floor: 500 })));
    assert_holds(&log, 2);
    free.store(500, Ordering::Relaxed);
    grow(&mut log, 1);
    assert_holds(&log, 3);
}

/// A tiny file system of its own, where mounting is allowed.
struct Tiny<'a>(&'a Path);

impl<'a> Tiny<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(at);
        let mounted = mount.stderr(std::process::Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for Tiny<'_> {
    fn drop(&mut self) {
        let _status = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_tiny) = Tiny::mount(folder.path(), "size=8m") else { return };
    let path = folder.path().join("log");
    let ballast = folder.path().join("ballast");
    // Room for the repair: a sled folder that lost something is kept while a new one is made.
    std::fs::write(&ballast, vec![1; 3 * 1024 * 1024]).unwrap();
    let options = Options { segment_bytes: 256 * 1024, ..small() };
    let (mut log, _) = SledLog::open_with(&path, options.clone()).unwrap();
    let mut known = 0;
    let error = loop {
        let next = batch(known + 1, 200);
        match log.append(Seq(known), &next) {
            Ok(head) => known = head.0,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::DiskFull { .. } | StoreError::Engine { .. }), "{error}");
    let again = log.append(Seq(known), &batch(known + 1, 2_000));
    assert!(again.is_err());
    assert_eq!(log.head(), Seq(known));
    drop(log);
    std::fs::remove_file(&ballast).unwrap();
    let (mut log, report) = SledLog::open_with(&path, options).unwrap();
    assert_eq!((report.events, report.torn_tail_bytes), (known, 0));
    grow(&mut log, 1);
    assert_holds(&log, known + 1);
}

#[test]
fn a_write_that_does_not_fit_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_tiny) = Tiny::mount(folder.path(), "size=6m") else { return };
    let path = folder.path().join("log");
    let (mut log, _) = SledLog::open_with(&path, small()).unwrap();
    grow(&mut log, 2);
    let large = Batch::of_events((0..80_u8).map(|n| vec![n | 1; 100_000]));
    for _ in 0..2 {
        let refused = log.append(Seq(2), &large);
        assert!(matches!(refused, Err(StoreError::DiskFull { .. })), "{refused:?}");
        assert_holds(&log, 2);
    }
    grow(&mut log, 1);
    assert_holds(&log, 3);
    drop(log);
    let (log, report) = SledLog::open_with(&path, small()).unwrap();
    assert_eq!((report.events, report.torn_tail_bytes, report.rebuilt), (3, 0, None));
    assert_holds(&log, 3);
}

#[test]
fn a_dry_run_leaves_the_segments_byte_equal() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    let first = Batch { events: vec![event(1)], bodies: vec![(hash(1), b"one".to_vec())] };
    log.append(Seq(0), &first).unwrap();
    drop(log);
    let (log, _) = open(folder.path());
    let before = bytes_of(&folder.path().join("segments"));
    let mut dry = Overlay::over(Box::new(log));
    let more = Batch {
        events: vec![event(2)],
        bodies: vec![(hash(1), b"other".to_vec()), (hash(2), b"two".to_vec())],
    };
    dry.append(Seq(1), &more).unwrap();
    assert_holds(&dry, 2);
    assert_eq!(dry.body(&hash(1)).unwrap(), Some(b"one".to_vec()));
    assert_eq!(dry.body(&hash(2)).unwrap(), Some(b"two".to_vec()));
    let base = dry.into_base();
    assert_holds(base.as_ref(), 1);
    assert!(!base.has_body(&hash(2)));
    drop(base);
    assert_eq!(bytes_of(&folder.path().join("segments")), before);
}

#[test]
fn what_no_log_takes_is_refused_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let logs: [Box<dyn EventLog>; 3] = [
        Box::new(MemoryLog::default()),
        Box::new(open(folder.path()).0),
        Box::new(Overlay::over(Box::new(MemoryLog::default()))),
    ];
    for mut log in logs {
        let lonely = Batch { events: vec![], bodies: vec![(hash(1), vec![1])] };
        let refused = log.append(Seq(0), &lonely);
        assert!(matches!(refused, Err(StoreError::BodiesWithoutEvent { bodies: 1 })));
        let huge = Batch::of_events([vec![0; 64 * 1024 * 1024 + 1]]);
        assert!(matches!(log.append(Seq(0), &huge), Err(StoreError::TooLarge { .. })));
        assert_eq!(log.append(Seq(0), &Batch::default()).unwrap(), Seq(0));
        grow(log.as_mut(), 3);
        let stop = |seq: Seq, _: &[u8]| match seq {
            Seq(2) => Err(StoreError::Stopped { reason: "enough".to_owned() }),
            _ => Ok(()),
        };
        let mut stop = stop;
        assert!(matches!(log.scan(Seq(0), &mut stop), Err(StoreError::Stopped { .. })));
    }
}

#[test]
fn a_batch_larger_than_a_segment_is_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    grow(&mut log, 1);
    let large: Vec<_> = (2..=40).map(|n| vec![n as u8; n * 9_000]).collect();
    log.append(Seq(1), &Batch::of_events(large.clone())).unwrap();
    drop(log);
    let (log, report) = open(folder.path());
    assert_eq!((report.events, report.segments), (40, 2));
    for (index, event) in large.iter().enumerate() {
        assert_eq!(log.read(Seq(index as u64 + 2)).unwrap().as_ref(), Some(event));
    }
}

#[test]
fn many_writers_share_commits_and_get_their_own_positions() {
    let folder = tempfile::tempdir().unwrap();
    let group = GroupLog::new(Box::new(open(folder.path()).0));
    let writers: Vec<_> = (0..8_u8)
        .map(|writer| {
            let group = group.clone();
            thread::spawn(move || {
                let mut spans = Vec::new();
                for count in 1..30_u8 {
                    let events = (0..=count % 3).map(|n| vec![writer, count, n]);
                    let span = group.append_any(Batch::of_events(events)).unwrap();
                    spans.push((span, writer, count));
                }
                // One batch that no log takes harms nobody else.
                let lonely = Batch { events: vec![], bodies: vec![(hash(1), vec![1])] };
                assert!(group.append_any(lonely).is_err());
                spans
            })
        })
        .collect();
    let mut spans: Vec<_> = writers.into_iter().flat_map(|w| w.join().unwrap()).collect();
    spans.sort_unstable();
    assert_eq!(group.with(|log| log.head()).unwrap().0, spans.last().unwrap().0.1.0);
    let other = group.clone();
    let log = group.close().unwrap();
    assert!(matches!(other.append_any(batch(1, 1)), Err(StoreError::Closed)));
    let mut next = 1;
    for ((first, last), writer, count) in spans {
        assert_eq!(first, Seq(next));
        for seq in first.0..=last.0 {
            let n = (seq - first.0) as u8;
            assert_eq!(log.read(Seq(seq)).unwrap(), Some(vec![writer, count, n]));
        }
        next = last.0 + 1;
    }
    assert_eq!(log.head().0 + 1, next);
}
