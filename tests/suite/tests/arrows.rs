//! The arrows between crates point inwards; a new one fails here and is a decision, not an accident.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let inner = ["mizan-core", "mizan-store", "mizan-adapters"];
    BTreeMap::from([
        ("mizan-core", BTreeSet::new()),
        ("mizan-store", BTreeSet::from(["mizan-core"])),
        ("mizan-adapters", BTreeSet::from(["mizan-core"])),
        // The verifier is used by tests only; nothing of ours uses it otherwise.
        ("mizan", BTreeSet::from(["mizan-verify"]).union(&inner.into()).copied().collect()),
        ("mizan-testkit", BTreeSet::from(["mizan"]).union(&inner.into()).copied().collect()),
        ("mizan-verify", BTreeSet::new()),
        (
            "mizan-suite",
            BTreeSet::from(["mizan", "mizan-testkit", "mizan-verify"])
                .union(&inner.into())
                .copied()
                .collect(),
        ),
        (
            "mizan-sim",
            BTreeSet::from(["mizan", "mizan-testkit"]).union(&inner.into()).copied().collect(),
        ),
        (
            "mizan-bench",
            BTreeSet::from(["mizan", "mizan-testkit"]).union(&inner.into()).copied().collect(),
        ),
    ])
}

#[test]
fn arrows_between_our_crates_point_inwards() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata runs");
    let allowed = allowed();
    let ours: BTreeSet<String> =
        metadata.packages.iter().map(|package| package.name.to_string()).collect();
    for package in &metadata.packages {
        let may = allowed
            .get(package.name.as_str())
            .unwrap_or_else(|| panic!("{} is not in the list of arrows", package.name));
        for dependency in &package.dependencies {
            if ours.contains(&dependency.name) {
                assert!(
                    may.contains(dependency.name.as_str()),
                    "forbidden arrow: {} -> {}",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

/// What core may not have at all: runtimes, networks, stores, clocks of its own, randomness.
#[test]
fn core_depends_on_nothing_impure() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata runs");
    let core = metadata.packages.iter().find(|p| p.name.as_str() == "mizan-core").expect("core");
    let forbidden = ["tokio", "reqwest", "sled", "rand", "uuid", "tracing", "axum", "mio"];
    for dependency in &core.dependencies {
        if dependency.kind == DependencyKind::Normal {
            assert!(
                !forbidden.contains(&dependency.name.as_str()),
                "core uses {}",
                dependency.name
            );
        }
    }
}

/// An auditor's check may rely on public standards only, and must stay short enough to be read.
#[test]
fn the_verifier_depends_on_nothing_of_ours_and_is_short() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata runs");
    let verifier = metadata.packages.iter().find(|p| p.name.as_str() == "mizan-verify");
    let may = ["base64", "blake3", "ed25519-dalek", "serde_json", "sha2"];
    for dependency in &verifier.expect("mizan-verify").dependencies {
        assert!(may.contains(&dependency.name.as_str()), "the verifier uses {}", dependency.name);
    }
    let lines = |file: &str| {
        let path = format!("{}/../verifier/src/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("the verifier's source").lines().count()
    };
    let count = lines("lib.rs") + lines("main.rs");
    assert!(count <= 300, "{count} lines");
}
