//! A writer that is killed at a random moment loses nothing that it acknowledged.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{assert_holds, batch, open};
use mizan_core::Seq;
use mizan_store::{EventLog, StoreError};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const FOLDER: &str = "MIZAN_KILL_TEST_FOLDER";
const ROLE: &str = "MIZAN_KILL_TEST_ROLE";

/// Runs this test binary again as a child that plays `role`.
fn child(folder: &Path, role: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_child", "--nocapture", "--ignored"])
        .env(FOLDER, folder)
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the other half of the tests below, not a test of its own"]
fn the_child() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    if env::var(ROLE).unwrap() == "open" {
        let answer = match common::try_open(&folder) {
            Err(StoreError::Locked { .. }) => "locked",
            Err(_) => "error",
            Ok(_) => "open",
        };
        println!("answer {answer}");
        return;
    }
    let (mut log, _) = open(&folder);
    let mut out = std::io::stdout();
    println!("open");
    loop {
        let head = log.head().0;
        let count = head % 7 + 1;
        let head = log.append(Seq(head), &batch(head + 1, count)).unwrap();
        writeln!(out, "acknowledged {head}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut known = 0;
    for round in 0..12_u64 {
        let mut writer = child(&path, "write");
        let lines = BufReader::new(writer.stdout.take().unwrap());
        let reading = thread::spawn(move || {
            let mut last = 0;
            for line in lines.lines().map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("acknowledged ") {
                    last = number.parse::<u64>().unwrap_or(last).max(last);
                }
            }
            last
        });
        thread::sleep(Duration::from_millis(120 + (round * 89) % 400));
        writer.kill().unwrap();
        writer.wait().unwrap();
        known = reading.join().unwrap().max(known);
        let (log, report) = open(&path);
        assert_eq!(report.rebuilt, None);
        assert!(log.head().0 >= known, "{known} was acknowledged, {} is there", log.head());
        assert_holds(&log, log.head().0);
    }
    assert!(known > 100, "the writer wrote only {known} events");
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let answer = || {
        let mut other = child(&path, "open");
        let lines = BufReader::new(other.stdout.take().unwrap()).lines().map_while(Result::ok);
        let answer =
            lines.filter_map(|line| line.strip_prefix("answer ").map(str::to_owned)).next();
        other.wait().unwrap();
        answer.unwrap()
    };
    let (log, _) = open(&path);
    assert_eq!(answer(), "locked");
    drop(log);
    assert_eq!(answer(), "open");
}
