//! The file of keys through crashes: a key that a durable event needs is there, and one that was thrown away is not.
#![allow(clippy::unwrap_used)]

mod common;

use common::{open, try_open};
use mizan_core::sealed::KeyId;
use mizan_store::{Batch, EventLog, Key, SledLog, StoreError};
use std::fs;
use std::path::Path;

fn key(number: u8) -> (KeyId, Key) {
    (KeyId([number; 16]), Key::from_bytes([number ^ 0x55; 32]))
}

fn held(log: &SledLog) -> Vec<u8> {
    (0..=u8::MAX).filter(|number| log.key(&KeyId([*number; 16])) == Some(key(*number).1)).collect()
}

fn path(folder: &Path) -> std::path::PathBuf {
    folder.join("keys")
}

/// Three writes of keys, each followed by the batch that needs them.
fn written(folder: &Path) -> Vec<u8> {
    let (mut log, _) = open(folder);
    assert!(!log.has_sealed() && !path(folder).exists(), "a log that seals nothing has no file");
    for keys in [&[1, 2][..], &[3], &[4, 5, 6]] {
        let keys: Vec<_> = keys.iter().map(|number| key(*number)).collect();
        log.add_keys(&keys).unwrap();
        let head = log.head();
        log.append(head, &Batch::of_events([b"event".to_vec()])).unwrap();
    }
    assert_eq!(held(&log), [1, 2, 3, 4, 5, 6]);
    drop(log);
    fs::read(path(folder)).unwrap()
}

fn with_keys(folder: &Path, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    fs::write(path(folder), bytes).unwrap();
    let (log, _) = try_open(folder)?;
    let held = held(&log);
    drop(log);
    // What was cut stays cut, and the next write goes on behind it.
    let (mut log, _) = try_open(folder).unwrap();
    log.add_keys(&[key(9)]).unwrap();
    drop(log);
    let (log, _) = try_open(folder).unwrap();
    assert_eq!(common_with(&log, &held), held);
    assert!(log.key(&KeyId([9; 16])).is_some());
    Ok(held)
}

fn common_with(log: &SledLog, numbers: &[u8]) -> Vec<u8> {
    held(log).into_iter().filter(|number| numbers.contains(number)).collect()
}

#[test]
fn a_crash_at_any_byte_of_a_write_loses_only_keys_that_nothing_uses_yet() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = written(folder.path());
    assert_eq!(bytes.len(), 6 * 64);
    // The third write, cut at every byte: its batch was not begun, the keys before were durable.
    for cut in (3 * 64..=bytes.len()).step_by(16).chain([193, 319, 383]) {
        let held = with_keys(folder.path(), &bytes[..cut]).unwrap();
        assert_eq!(held, (1..=(cut / 64) as u8).collect::<Vec<_>>(), "cut at byte {cut}");
    }
    // Its pages may also arrive in any order, with zeros for the others.
    for missing in 3..6 {
        let mut torn = bytes.clone();
        torn[missing * 64..(missing + 1) * 64].fill(0);
        let held = with_keys(folder.path(), &torn).unwrap();
        assert!(held.starts_with(&[1, 2, 3]), "slot {missing} is missing: {held:?}");
        assert!(!held.contains(&(missing as u8 + 1)));
    }
}

#[test]
fn damage_to_a_key_that_was_durable_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = written(folder.path());
    for byte in (0..3 * 64).step_by(5) {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1;
        let opened = with_keys(folder.path(), &damaged);
        assert!(
            matches!(&opened, Err(StoreError::Damaged { file, offset, .. })
                if *file == path(folder.path()) && *offset == (byte / 64 * 64) as u64),
            "byte {byte}: {opened:?}"
        );
    }
}

#[test]
fn what_was_thrown_away_is_in_no_file_and_the_rest_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path());
    let (mut log, _) = open(folder.path());
    log.forget_keys(&[KeyId([2; 16]), KeyId([5; 16]), KeyId([77; 16])]).unwrap();
    assert_eq!(held(&log), [1, 3, 4, 6]);
    log.add_keys(&[key(7)]).unwrap();
    drop(log);
    let (mut log, _) = open(folder.path());
    assert_eq!(held(&log), [1, 3, 4, 6, 7]);
    log.forget_keys(&[1, 3, 4, 6, 7].map(|number| KeyId([number; 16]))).unwrap();
    drop(log);
    let (log, _) = open(folder.path());
    assert_eq!(held(&log), [] as [u8; 0]);
    assert!(log.has_sealed(), "it is remembered that something was sealed");
    let bytes = fs::read(path(folder.path())).unwrap();
    assert!(!bytes.windows(32).any(|part| part == key(2).1.bytes()));
}

#[test]
fn a_crash_before_the_rename_of_an_erasure_keeps_every_key() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = written(folder.path());
    for length in [0, 1, 63, 64, 200] {
        fs::write(folder.path().join("keys.new"), &bytes[..length]).unwrap();
        let (log, _) = open(folder.path());
        assert_eq!(held(&log), [1, 2, 3, 4, 5, 6]);
        assert!(!folder.path().join("keys.new").exists(), "a half-written file of keys is removed");
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_keys() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    written(folder.path());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path(folder.path())), 0o600);
    let (mut log, _) = open(folder.path());
    log.forget_keys(&[KeyId([1; 16])]).unwrap();
    assert_eq!(mode(&path(folder.path())), 0o600);
}
