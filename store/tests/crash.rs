//! What a power cut, a broken disk or a broken database leaves behind, made by hand.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_holds, batch, copy, grow, open, segment, try_open};
use mizan_core::Seq;
use mizan_store::{EventLog, SledHealth, StoreError, examine, rebuild};
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// A closed log, the offset at which each batch ends, and the head after it.
fn written(path: &Path, batches: &[u64]) -> Vec<(u64, u64)> {
    let (mut log, _) = open(path);
    let mut ends = vec![(64, 0)];
    for count in batches {
        let head = grow(&mut log, *count);
        drop(log);
        ends.push((examine(path).unwrap().segments[0].used, head.0));
        log = open(path).0;
    }
    ends
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

fn zero_to_end(path: &Path, at: u64) {
    let length = fs::metadata(path).unwrap().len();
    overwrite(path, at, &vec![0; (length - at) as usize]);
}

/// A log whose last batch was written but whose process died before sled or a checkpoint knew of it.
fn with_unacknowledged_end(folder: &Path) -> (std::path::PathBuf, Vec<(u64, u64)>) {
    let whole = folder.join("whole");
    let ends = written(&whole, &[1, 2, 1, 3]);
    let known = folder.join("known");
    written(&known, &[1, 2, 1]);
    // The segments of the longer log with the sled and checkpoint of the shorter one.
    fs::copy(segment(&whole, 1), segment(&known, 1)).unwrap();
    (known, ends)
}

#[test]
fn a_write_cut_at_any_byte_leaves_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (image, ends) = with_unacknowledged_end(folder.path());
    let (acknowledged, head) = ends[ends.len() - 2];
    let end = ends[ends.len() - 1].0;
    let work = folder.path().join("work");
    for at in acknowledged..=end {
        for cut in ["zeros", "truncated", "garbage", "hole"] {
            copy(&image, &work);
            let file = segment(&work, 1);
            match cut {
                "zeros" => zero_to_end(&file, at),
                "truncated" => {
                    OpenOptions::new().write(true).open(&file).unwrap().set_len(at).unwrap();
                }
                "garbage" => overwrite(&file, at, &[0xA5; 300]),
                _ => overwrite(&file, acknowledged, &vec![0; (at - acknowledged) as usize]),
            }
            let (mut log, report) = open(&work);
            let whole = match cut {
                "hole" => at == acknowledged,
                _ => at == end,
            };
            let expected = if whole { head + 3 } else { head };
            assert_eq!((report.events, report.rebuilt), (expected, None), "{cut} at {at}");
            assert_holds(&log, expected);
            assert_eq!(grow(&mut log, 2), Seq(expected + 2));
            drop(log);
            assert!(examine(&work).unwrap().is_healthy(), "{cut} at {at}");
            if at % 16 != 0 {
                continue;
            }
            let (log, report) = open(&work);
            assert_eq!((report.torn_tail_bytes, report.replayed_frames), (0, 0));
            assert_holds(&log, expected + 2);
        }
    }
}

#[test]
fn a_torn_batch_of_several_frames_is_dropped_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let known = folder.path().join("known");
    written(&known, &[1, 1]);
    copy(&known, &whole);
    let (mut log, _) = open(&whole);
    let big: Vec<_> = (0..5_u8).map(|n| vec![n + 1; 60_000]).collect();
    log.append(Seq(2), &mizan_store::Batch::of_events(big.clone())).unwrap();
    drop(log);
    let used = examine(&whole).unwrap().segments[1].used;
    for lost in 0..5 {
        let work = folder.path().join("work");
        copy(&known, &work);
        for number in [1, 2] {
            fs::copy(segment(&whole, number), segment(&work, number)).unwrap();
        }
        // One page of the write never reached the disk, the pages behind it did.
        let at = 64 + lost * 60_085 + 7;
        assert!(at + 4_096 < used);
        overwrite(&segment(&work, 2), at, &[0; 4_096]);
        let (mut log, report) = open(&work);
        assert!(report.torn_tail_bytes > 0);
        assert_holds(&log, 2);
        grow(&mut log, 3);
        drop(log);
        let (log, report) = open(&work);
        assert_eq!((report.events, report.torn_tail_bytes), (5, 0));
        assert_holds(&log, 5);
    }
}

#[test]
fn damage_before_the_last_batch_is_reported_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let ends = written(&image, &[1, 2, 1, 3]);
    let work = folder.path().join("work");
    for (index, window) in ends.windows(2).take(3).enumerate() {
        let ((start, head), (end, _)) = (window[0], window[1]);
        for at in (start..end).step_by(3) {
            copy(&image, &work);
            let file = segment(&work, 1);
            let byte = fs::read(&file).unwrap()[at as usize];
            overwrite(&file, at, &[byte ^ 0x10]);
            let before = common::bytes_of(&work.join("segments"));
            match try_open(&work).map(|_| ()) {
                Err(StoreError::Damaged { file: named, offset, seq, .. }) => {
                    assert_eq!((named, offset, seq), (file.clone(), start, Seq(head + 1)));
                }
                other => panic!("batch {index}, byte {at}: {other:?}"),
            }
            assert_eq!(common::bytes_of(&work.join("segments")), before, "nothing was changed");
        }
        let found = examine(&work).unwrap();
        let damage = found.damage.unwrap();
        assert_eq!((damage.offset, damage.seq, damage.restorable), (start, Seq(head + 1), true));
        let report = rebuild(&work).unwrap();
        assert_eq!((report.restored.len(), report.events), (1, 7));
        assert_holds(&open(&work).0, 7);
        assert_eq!(fs::read(segment(&work, 1)).unwrap(), fs::read(segment(&image, 1)).unwrap());
    }
}

#[test]
fn damage_to_an_acknowledged_last_batch_is_proved_by_sled() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let ends = written(&image, &[1, 2, 3]);
    let (start, end) = (ends[2].0, ends[3].0);
    let work = folder.path().join("work");
    for keep_checkpoint in [true, false] {
        copy(&image, &work);
        if !keep_checkpoint {
            fs::remove_file(work.join("checkpoint")).unwrap();
        }
        overwrite(&segment(&work, 1), end - 9, b"?????");
        match try_open(&work).map(|_| ()) {
            Err(StoreError::Damaged { offset, seq, .. }) => {
                assert_eq!((offset, seq), (start, Seq(4)));
            }
            other => panic!("{other:?}"),
        }
        let found = examine(&work).unwrap();
        assert!(found.damage.unwrap().restorable);
        assert_eq!(found.sled, SledHealth::Ahead(Seq(6)));
        let report = rebuild(&work).unwrap();
        assert_eq!((report.events, report.restored[0].offset), (6, start));
        assert_holds(&open(&work).0, 6);
    }
}

/// A log of three segments, closed.
fn three_segments(path: &Path) -> u64 {
    let (mut log, _) = open(path);
    while examine_count(path) < 3 {
        grow(&mut log, 100);
    }
    let head = grow(&mut log, 5).0;
    drop(log);
    // Opened once more, the sealed segments have summaries.
    drop(open(path));
    assert!(path.join("segments/00000002.idx").exists());
    head
}

fn examine_count(path: &Path) -> usize {
    (1..).take_while(|number| segment(path, *number).exists()).count()
}

#[test]
fn a_lost_or_damaged_segment_file_is_restored_from_sled() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let head = three_segments(&image);
    let work = folder.path().join("work");
    for number in 1..=3 {
        for harm in ["removed", "emptied", "opening", "cut", "zeroed"] {
            copy(&image, &work);
            let file = segment(&work, number);
            let used = examine(&image).unwrap().segments[number as usize - 1].used;
            match harm {
                "removed" => fs::remove_file(&file).unwrap(),
                "emptied" => drop(File::create(&file).unwrap()),
                "opening" => overwrite(&file, 20, b"????"),
                "cut" => {
                    OpenOptions::new().write(true).open(&file).unwrap().set_len(used / 2).unwrap();
                }
                _ => overwrite(&file, 64, &vec![0; used as usize - 64]),
            }
            match try_open(&work).map(|_| ()) {
                Err(StoreError::Damaged { .. }) => {}
                other => panic!("{number} {harm}: {other:?}"),
            }
            let found = examine(&work).unwrap();
            assert!(found.damage.is_some_and(|damage| damage.restorable), "{number} {harm}");
            let report = rebuild(&work).unwrap();
            assert_eq!(report.events, head, "{number} {harm}");
            assert_holds(&open(&work).0, head);
            assert!(examine(&work).unwrap().is_healthy());
        }
    }
}

#[test]
fn damage_inside_a_sealed_segment_is_found_by_whoever_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let head = three_segments(&path);
    let file = segment(&path, 2);
    let original = fs::read(&file).unwrap();
    let middle = original.len() / 2;
    overwrite(&file, middle as u64, &[!original[middle]]);
    let damage = examine(&path).unwrap().damage.unwrap();
    assert_eq!((&damage.file, damage.restorable), (&file, true));
    let (log, _) = open(&path);
    let mut last = 0;
    let scanned = log.scan(Seq(0), &mut |seq, _| {
        last = seq.0;
        Ok(())
    });
    match scanned {
        Err(StoreError::Damaged { file: named, offset, seq, .. }) => {
            assert_eq!((named, offset, seq), (file.clone(), damage.offset, damage.seq));
            assert_eq!(last + 1, seq.0);
        }
        other => panic!("{other:?}"),
    }
    drop(log);
    assert_eq!(rebuild(&path).unwrap().restored.len(), 1);
    assert_eq!(fs::read(&file).unwrap(), original);
    assert_holds(&open(&path).0, head);
}

#[test]
fn a_summary_is_only_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let (mut log, _) = open(&image);
    let mut bodies = 0;
    while segment(&image, 4).metadata().is_err() {
        let head = log.head().0;
        let mut next = batch(head + 1, 9);
        next.bodies = vec![(common::hash(bodies), vec![bodies as u8; 3_000])];
        bodies += 1;
        log.append(Seq(head), &next).unwrap();
    }
    let head = log.head().0;
    drop(log);
    drop(open(&image));
    let work = folder.path().join("work");
    let summary = |work: &Path, number| segment(work, number).with_extension("idx");
    let harms: [&dyn Fn(); 4] = [
        &|| {},
        &|| fs::remove_file(summary(&work, 2)).unwrap(),
        &|| overwrite(&summary(&work, 2), 150, b"????"),
        &|| {
            fs::copy(summary(&work, 1), summary(&work, 2)).unwrap();
        },
    ];
    for harm in harms {
        copy(&image, &work);
        harm();
        let (mut log, report) = open(&work);
        assert_eq!((report.events, report.rebuilt), (head, None));
        assert_holds(&log, head);
        for body in 0..bodies {
            assert_eq!(log.body(&common::hash(body)).unwrap(), Some(vec![body as u8; 3_000]));
        }
        assert!(!log.has_body(&common::hash(bodies)));
        grow(&mut log, 2);
        drop(log);
        let kept = |work: &Path| fs::read(summary(work, 2)).unwrap();
        assert_eq!(kept(&work), kept(&image));
    }
}

#[test]
fn damage_that_sled_does_not_hold_stays_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let ends = written(&path, &[1, 2, 1]);
    fs::remove_dir_all(path.join("sled")).unwrap();
    overwrite(&segment(&path, 1), ends[1].0 + 90, b"?");
    for _ in 0..2 {
        assert!(matches!(rebuild(&path), Err(StoreError::Damaged { seq: Seq(2), .. })));
        assert!(matches!(try_open(&path), Err(StoreError::Damaged { seq: Seq(2), .. })));
    }
    let found = examine(&path).unwrap();
    assert!(!found.damage.unwrap().restorable);
    assert_eq!((found.head, found.sled), (Seq(1), SledHealth::Missing));
}

#[test]
fn damage_is_told_from_a_torn_end_without_any_second_copy() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let ends = written(&image, &[1, 2, 1]);
    let work = folder.path().join("work");
    for (batch, (start, head)) in ends.iter().take(3).enumerate() {
        let end = ends[batch + 1].0;
        for at in *start..end {
            copy(&image, &work);
            fs::remove_dir_all(work.join("sled")).unwrap();
            fs::remove_file(work.join("checkpoint")).unwrap();
            let byte = fs::read(segment(&work, 1)).unwrap()[at as usize];
            overwrite(&segment(&work, 1), at, &[!byte]);
            let opened = try_open(&work).map(|(_, report)| report.events);
            match (batch, opened) {
                (0 | 1, Err(StoreError::Damaged { offset, seq, .. })) => {
                    assert_eq!((offset, seq), (*start, Seq(head + 1)));
                }
                (2, Ok(events)) => assert_eq!(events, *head, "undecidable, so taken for torn"),
                (batch, other) => panic!("batch {batch}, byte {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_checkpoint_proves_that_the_end_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let ends = written(&path, &[1, 2]);
    fs::remove_dir_all(path.join("sled")).unwrap();
    zero_to_end(&segment(&path, 1), ends[1].0);
    for _ in 0..2 {
        match try_open(&path).map(|_| ()) {
            Err(StoreError::Damaged { offset, seq, .. }) => {
                assert_eq!((offset, seq), (ends[1].0, Seq(2)));
            }
            other => panic!("{other:?}"),
        }
    }
    let damage = examine(&path).unwrap().damage.unwrap();
    assert_eq!((damage.seq, damage.restorable), (Seq(2), false));
}

#[test]
fn a_sled_of_another_log_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("log"), folder.path().join("other"));
    written(&path, &[1, 2, 1]);
    let (mut log, _) = open(&other);
    for head in 0..3 {
        log.append(Seq(head), &mizan_store::Batch::of_events([b"other".to_vec()])).unwrap();
    }
    drop(log);
    copy(&other.join("sled"), &path.join("sled"));
    fs::remove_file(path.join("checkpoint")).unwrap();
    let (log, report) = open(&path);
    assert!(report.rebuilt.is_some() && report.suspect.is_some());
    assert_holds(&log, 4);
}

#[test]
fn checkpoints_are_made_while_the_log_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let options = mizan_store::Options { checkpoint_frames: 2, ..common::small() };
    let (mut log, _) = mizan_store::SledLog::open_with(folder.path(), options).unwrap();
    for _ in 0..9 {
        grow(&mut log, 1);
    }
    assert_eq!(log.read(Seq(9)).unwrap(), Some(common::event(9)));
    assert!(examine(folder.path()).unwrap().checkpoint >= Seq(6));
}

/// Opens a log whose sled was harmed and expects it to be noticed and repaired.
fn expect_rebuilt(path: &Path, head: u64, what: &str) {
    let (mut log, report) = open(path);
    assert!(report.rebuilt.is_some(), "{what} went unnoticed");
    assert_eq!(report.events, head);
    assert_holds(&log, head);
    grow(&mut log, 1);
    drop(log);
    let (log, report) = open(path);
    assert_eq!((report.rebuilt, report.replayed_frames), (None, 0), "{what}");
    assert_holds(&log, head + 1);
}

#[test]
fn a_harmed_sled_is_noticed_kept_and_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let head = three_segments(&image);
    let work = folder.path().join("work");
    let sled = work.join("sled");
    let harms: [(&str, &dyn Fn()); 6] = [
        ("a removed folder", &|| fs::remove_dir_all(&sled).unwrap()),
        ("an emptied database", &|| {
            fs::remove_dir_all(&sled).unwrap();
            drop(sled_at(&sled));
        }),
        ("a zeroed database", &|| zero_to_end(&sled.join("db"), 0)),
        ("a configuration of nonsense", &|| fs::write(sled.join("conf"), [0xFF; 200]).unwrap()),
        ("a missing frame", &|| {
            let db = sled_at(&sled);
            db.remove(1_u64.to_be_bytes()).unwrap();
            db.flush().unwrap();
        }),
        ("a frame of another log", &|| {
            let db = sled_at(&sled);
            let (key, frame) = db.last().unwrap().unwrap();
            let mut other = frame.to_vec();
            other[100] ^= 1;
            db.insert(key, other).unwrap();
            db.flush().unwrap();
        }),
    ];
    for (what, harm) in harms {
        copy(&image, &work);
        harm();
        expect_rebuilt(&work, head, what);
    }
    copy(&image, &work);
    let db = sled_at(&sled);
    for _ in 0..3 {
        db.pop_max().unwrap();
    }
    db.flush().unwrap();
    drop(db);
    expect_rebuilt(&work, head, "a lost end that had been made durable");
    assert!(work.join("sled.suspect-1").is_dir());
}

fn sled_at(path: &Path) -> ::sled::Db {
    ::sled::Config::new().path(path).mode(::sled::Mode::HighThroughput).open().unwrap()
}

#[test]
fn every_torn_sled_file_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let head = three_segments(&image);
    let work = folder.path().join("work");
    let length = fs::metadata(image.join("sled/db")).unwrap().len();
    for part in 0..24 {
        for zeroed in [true, false] {
            copy(&image, &work);
            let file = work.join("sled/db");
            let at = length * part / 24;
            if zeroed {
                let end = (at + length / 24).min(length);
                overwrite(&file, at, &vec![0; (end - at) as usize]);
            } else {
                OpenOptions::new().write(true).open(&file).unwrap().set_len(at).unwrap();
            }
            let (mut log, report) = open(&work);
            assert_eq!(report.events, head);
            assert_holds(&log, head);
            grow(&mut log, 4);
            drop(log);
            assert_holds(&open(&work).0, head + 4);
        }
    }
    for entry in fs::read_dir(image.join("sled")).unwrap() {
        let name = entry.unwrap().file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("snap.") {
            continue;
        }
        copy(&image, &work);
        let file = work.join("sled").join(&*name);
        let length = fs::metadata(&file).unwrap().len();
        fs::copy(&file, work.join("sled/snap.00000000000000FF.generating")).unwrap();
        OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
        assert_holds(&open(&work).0, head);
    }
}

#[test]
fn a_sled_that_is_behind_is_fed_from_the_segments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    written(&path, &[1, 2]);
    let old = folder.path().join("old");
    copy(&path, &old);
    let (mut log, _) = open(&path);
    for count in 1..40 {
        grow(&mut log, count % 5 + 1);
    }
    let head = log.head().0;
    drop(log);
    fs::remove_dir_all(path.join("sled")).unwrap();
    copy(&old.join("sled"), &path.join("sled"));
    fs::copy(old.join("checkpoint"), path.join("checkpoint")).unwrap();
    assert_eq!(examine(&path).unwrap().sled, SledHealth::Behind);
    let (log, report) = open(&path);
    assert_eq!((report.rebuilt, report.replayed_frames), (None, 39));
    assert_holds(&log, head);
}

#[test]
fn a_half_made_segment_and_a_missing_checkpoint_are_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    written(&path, &[1, 2]);
    fs::write(path.join("segments/00000002.new"), b"half").unwrap();
    fs::write(path.join("snapshot"), b"half").unwrap();
    fs::remove_file(path.join("checkpoint")).unwrap();
    let (mut log, report) = open(&path);
    assert_eq!((report.rebuilt, report.replayed_frames, report.segments), (None, 0, 1));
    assert_eq!(log.load_snapshot("code").unwrap(), None);
    log.append(Seq(3), &batch(4, 1)).unwrap();
    assert_holds(&log, 4);
}
