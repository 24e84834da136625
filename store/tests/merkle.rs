//! The tree is RFC 6962's, its proofs are those of other implementations, and no change gets through it (L52).
#![allow(clippy::unwrap_used)]

mod common;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use mizan_core::Seq;
use mizan_store::merkle::{
    Frontier, TreeHash, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
use mizan_store::{Batch, EventLog, MemoryLog};
use sha2::Sha256;

const SIZES: u64 = 40;

fn log_of(events: &[Vec<u8>]) -> MemoryLog {
    let mut log = MemoryLog::default();
    log.append(Seq(0), &Batch::of_events(events.iter().cloned())).unwrap();
    log
}

fn events(count: u64) -> Vec<Vec<u8>> {
    (1..=count).map(common::event).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The leaves and roots that the tests of certificate transparency use, and that RFC 6962's authors published.
#[test]
fn the_published_vectors_come_out() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let log = log_of(&leaves.map(hex));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(log.root(Seq(0)).unwrap().to_string(), empty);
    for (size, root) in (1..).zip(roots) {
        assert_eq!(log.root(Seq(size)).unwrap().to_string(), root, "size {size}");
    }
    let path = |leaf: u64, size| -> Vec<String> {
        log.inclusion(Seq(leaf + 1), Seq(size)).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        path(5, 8),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(path(2, 3), ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]);
    let steps: Vec<String> =
        log.consistency(Seq(6), Seq(8)).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

fn theirs(root: TreeHash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

fn bytes(path: &[TreeHash]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

fn ours(path: &[u8]) -> Vec<TreeHash> {
    path.as_chunks::<32>().0.iter().map(|hash| TreeHash(*hash)).collect()
}

#[test]
fn another_implementation_has_the_same_roots_and_accepts_our_proofs_and_we_its() {
    let all = events(SIZES);
    let log = log_of(&all);
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=SIZES {
        tree.push(all[size as usize - 1].clone());
        let root = log.root(Seq(size)).unwrap();
        assert!(tree.root() == theirs(root, size), "size {size}");
        for leaf in 0..size {
            let path = log.inclusion(Seq(leaf + 1), Seq(size)).unwrap();
            let proof = tree.prove_inclusion(leaf as usize);
            assert_eq!(bytes(&path), proof.as_bytes(), "leaf {leaf} of {size}");
            let event = &all[leaf as usize];
            let made = InclusionProof::try_from_bytes(bytes(&path)).unwrap();
            theirs(root, size).verify_inclusion(event, leaf, &made).unwrap();
            let read = ours(proof.as_bytes());
            assert!(verify_inclusion(&leaf_hash(event), leaf, size, &read, &root));
        }
        for old in 1..=size {
            let old_root = log.root(Seq(old)).unwrap();
            let path = log.consistency(Seq(old), Seq(size)).unwrap();
            assert!(verify_consistency(old, &old_root, size, &root, &path), "{old} in {size}");
            let made = ConsistencyProof::try_from_bytes(bytes(&path)).unwrap();
            let checked = theirs(root, size).verify_consistency(&theirs(old_root, old), &made);
            assert!(checked.is_ok() || old == size, "{old} in {size}: {checked:?}");
            if old < size {
                let proof = tree.prove_consistency((size - old) as usize);
                assert_eq!(bytes(&path), proof.as_bytes(), "{old} in {size}");
            }
        }
    }
}

/// Every way in which one event of a log can be changed.
fn changed(events: &[Vec<u8>], at: usize) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut flipped = events.to_vec();
    flipped[at][0] ^= 1;
    let mut dropped = events.to_vec();
    dropped.remove(at);
    let mut inserted = events.to_vec();
    inserted.insert(at, b"never happened".to_vec());
    let mut longer = events.to_vec();
    longer[at].push(0);
    let mut all = vec![
        ("flipped", flipped),
        ("dropped", dropped),
        ("inserted", inserted),
        ("made longer", longer),
        ("truncated", events[..at].to_vec()),
    ];
    if at > 0 {
        let mut swapped = events.to_vec();
        swapped.swap(at, at - 1);
        all.push(("swapped", swapped));
    }
    all
}

#[test]
fn every_change_of_every_small_log_has_another_root_and_no_proof() {
    let mut tried = 0;
    for size in 1..=SIZES {
        let all = events(size);
        let log = log_of(&all);
        let root = log.root(Seq(size)).unwrap();
        for at in 0..all.len() {
            let leaf = at as u64;
            for (what, other) in changed(&all, at) {
                tried += 1;
                let count = other.len() as u64;
                let other = log_of(&other);
                let found = other.root(Seq(count)).unwrap();
                assert_ne!(root, found, "{what} at {at} of {size}");
                // The longer log is no continuation of the shorter, whatever proof its keeper makes.
                let path = other.consistency(Seq(size.min(count)), Seq(count)).unwrap();
                let fits = if count < size {
                    // The log without events is a prefix of every log.
                    count > 0 && verify_consistency(count, &found, size, &root, &path)
                } else {
                    verify_consistency(size, &root, count, &found, &path)
                };
                assert!(!fits, "{what} at {at} of {size}");
                // The event that was there is not shown by the changed log, nor the new one by the old root.
                if leaf < count && what != "inserted" {
                    let path = other.inclusion(Seq(leaf + 1), Seq(count)).unwrap();
                    let event = other.read(Seq(leaf + 1)).unwrap().unwrap();
                    let fits = verify_inclusion(&leaf_hash(&event), leaf, size, &path, &root);
                    assert!(!fits, "{what} at {at} of {size}");
                }
            }
        }
    }
    assert!(tried > 4_000, "{tried}");
}

#[test]
fn no_changed_proof_is_accepted() {
    for size in 1..=24_u64 {
        let log = log_of(&events(size));
        let root = log.root(Seq(size)).unwrap();
        for leaf in 0..size {
            let hash = log.leaves(Seq(leaf), Seq(leaf + 1)).unwrap()[0];
            let path = log.inclusion(Seq(leaf + 1), Seq(size)).unwrap();
            assert!(verify_inclusion(&hash, leaf, size, &path, &root));
            for other in (0..size + 2).filter(|other| *other != leaf) {
                assert!(!verify_inclusion(&hash, other, size, &path, &root), "{leaf} as {other}");
            }
            assert!(!verify_inclusion(&root, leaf, size, &path, &root) || size == 1);
            for wrong in wrong_paths(&path) {
                assert!(!verify_inclusion(&hash, leaf, size, &wrong, &root), "{leaf} of {size}");
            }
        }
        for old in 1..size {
            let old_root = log.root(Seq(old)).unwrap();
            let path = log.consistency(Seq(old), Seq(size)).unwrap();
            for wrong in wrong_paths(&path) {
                assert!(!verify_consistency(old, &old_root, size, &root, &wrong), "{old}/{size}");
            }
            for other in (0..size).filter(|other| *other != old) {
                assert!(!verify_consistency(other, &old_root, size, &root, &path), "{old}/{size}");
            }
            assert!(!verify_consistency(old, &root, size, &root, &path));
            assert!(!verify_consistency(old, &old_root, size, &old_root, &path));
        }
    }
}

fn wrong_paths(path: &[TreeHash]) -> Vec<Vec<TreeHash>> {
    let mut wrong = Vec::new();
    for at in 0..path.len() {
        let mut flipped = path.to_vec();
        flipped[at].0[7] ^= 0x10;
        wrong.push(flipped);
        let mut dropped = path.to_vec();
        dropped.remove(at);
        wrong.push(dropped);
        let mut doubled = path.to_vec();
        doubled.insert(at, path[at]);
        wrong.push(doubled);
        if at > 0 && path[at] != path[at - 1] {
            let mut swapped = path.to_vec();
            swapped.swap(at, at - 1);
            wrong.push(swapped);
        }
    }
    let mut longer = path.to_vec();
    longer.push(TreeHash([0; 32]));
    wrong.push(longer);
    wrong
}

/// The confusion that the first byte is there against: a node passed off as a leaf of 64 bytes.
#[test]
fn a_node_does_not_pass_for_a_leaf() {
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let both: Vec<u8> = a.0.into_iter().chain(b.0).collect();
    assert_ne!(leaf_hash(&both), node_hash(&a, &b));
}

#[test]
fn positions_that_a_log_does_not_have_are_refused() {
    let log = log_of(&events(5));
    let beyond =
        |at, end| format!("{:?}", mizan_store::StoreError::Beyond { at: Seq(at), end: Seq(end) });
    let said = |result: Result<Vec<TreeHash>, _>| format!("{:?}", result.unwrap_err());
    assert_eq!(said(log.inclusion(Seq(1), Seq(6))), beyond(6, 5));
    assert_eq!(said(log.inclusion(Seq(5), Seq(4))), beyond(5, 4));
    assert_eq!(said(log.inclusion(Seq(0), Seq(4))), beyond(0, 4));
    assert_eq!(said(log.consistency(Seq(3), Seq(2))), beyond(3, 2));
    assert_eq!(said(log.leaves(Seq(0), Seq(6))), beyond(6, 5));
    assert_eq!(log.leaves(Seq(5), Seq(2)).unwrap(), []);
}

#[test]
fn a_frontier_keeps_one_peak_for_each_bit_of_its_size() {
    let mut tree = Frontier::default();
    for size in 1..300_u64 {
        tree.push(leaf_hash(&size.to_be_bytes()));
        assert_eq!((tree.size(), tree.peaks().len()), (size, size.count_ones() as usize));
    }
}
