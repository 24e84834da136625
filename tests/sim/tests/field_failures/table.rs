//! The table in the documentation names tests that are there, and every test here is in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Numbers that were never given.
const GAPS: [u32; 10] = [11, 12, 13, 15, 32, 44, 53, 68, 83, 90];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the table: number, and what is said of it.
fn table() -> Vec<(u32, String)> {
    let text = read(&root().join("docs/src/testing.md"));
    let rows = text.lines().filter_map(|line| line.strip_prefix("| F"));
    let row = |row: &str| {
        let (number, rest) = row.split_once(" | ").expect("a row has cells");
        (number.parse().expect("a number"), rest.to_owned())
    };
    rows.map(row).collect()
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_number_is_in_the_table() {
    let numbers: Vec<u32> = table().iter().map(|(number, _)| *number).collect();
    let wanted: Vec<u32> = (1..=105).filter(|number| !GAPS.contains(number)).collect();
    assert_eq!(numbers, wanted);
}

#[test]
fn every_test_here_is_in_the_table_and_no_other() {
    let folder = root().join("tests/sim/tests/field_failures");
    let mut here = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let text = read(&entry.expect("it can be listed").path());
        let names = text.lines().filter_map(|line| line.strip_prefix("fn f"));
        let names =
            names.filter_map(|name| name.split_once('(')).map(|(name, _)| format!("f{name}"));
        here.extend(names.filter(|name| name[1..].starts_with(|c: char| c.is_ascii_digit())));
    }
    let mut listed = BTreeSet::new();
    for (number, rest) in table() {
        for part in rest.split("; ") {
            let mut elsewhere = part.split(", ").filter(|word| word.contains(".rs"));
            let file = elsewhere.next().map(|file| file.trim_end_matches(" |"));
            let file = file.map(|file| file.split(':').next().unwrap_or(file));
            for name in quoted(part) {
                match file {
                    Some(file) => {
                        let text = read(&root().join(file));
                        assert!(
                            text.contains(&format!("fn {name}(")),
                            "F{number}: {name} in {file}"
                        );
                    }
                    None => {
                        assert!(name.starts_with(&format!("f{number:02}_")), "F{number}: {name}");
                        listed.insert(name.to_owned());
                    }
                }
            }
        }
    }
    assert_eq!(listed, here);
}
