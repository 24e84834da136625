//! Shared by the tests: small logs, copies of folders, and what a log holds.
#![allow(dead_code, clippy::unwrap_used)]

use mizan_core::{ContentHash, Seq};
use mizan_store::{Batch, EventLog, OpenReport, Options, SledLog, StoreError};
use std::fs;
use std::path::{Path, PathBuf};

/// Options that keep files small enough to copy them thousands of times.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 64 * 1024,
        preallocate_bytes: 2 * 1024,
        free_floor_bytes: 0,
        cache_bytes: 1024 * 1024,
        ..Options::default()
    }
}

pub(crate) fn open(path: &Path) -> (SledLog, OpenReport) {
    SledLog::open_with(path, small()).unwrap()
}

pub(crate) fn try_open(path: &Path) -> Result<(SledLog, OpenReport), StoreError> {
    SledLog::open_with(path, small())
}

/// The event that stands at a position in the logs that these tests write.
pub(crate) fn event(seq: u64) -> Vec<u8> {
    format!("event {seq} {}", "x".repeat((seq % 37) as usize)).into_bytes()
}

pub(crate) fn hash(number: u64) -> ContentHash {
    ContentHash::of("mizan.test.v1", &number.to_be_bytes())
}

pub(crate) fn batch(first: u64, count: u64) -> Batch {
    Batch::of_events((first..first + count).map(event))
}

/// Appends `count` events in one batch.
pub(crate) fn grow(log: &mut dyn EventLog, count: u64) -> Seq {
    let head = log.head();
    log.append(head, &batch(head.0 + 1, count)).unwrap()
}

pub(crate) fn events(log: &dyn EventLog) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut next = 1;
    log.scan(Seq(0), &mut |seq, bytes| {
        assert_eq!(seq, Seq(next), "a gap");
        next += 1;
        found.push(bytes.to_vec());
        Ok(())
    })
    .unwrap();
    found
}

/// Checks that the log holds exactly the events 1 to `head`, by scan and by point reads.
pub(crate) fn assert_holds(log: &dyn EventLog, head: u64) {
    assert_eq!(log.head(), Seq(head));
    let expected: Vec<_> = (1..=head).map(event).collect();
    assert_eq!(events(log), expected);
    let step = (head / 50).max(1) as usize;
    for seq in (1..=head).rev().step_by(step) {
        assert_eq!(log.read(Seq(seq)).unwrap(), Some(event(seq)));
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn segment(log: &Path, number: u32) -> PathBuf {
    log.join(format!("segments/{number:08}.seg"))
}

/// Every file below `folder` with its bytes.
pub(crate) fn bytes_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bytes_of(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
