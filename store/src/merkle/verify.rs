//! Checking proofs, step for step as RFC 9162 writes it (2.1.3.2 and 2.1.4.2), so that it can be compared with it.

use super::hash::{TreeHash, node_hash};

/// Whether `path` proves that the leaf with this hash is leaf `index` (from 0) of the tree with `root`.
///
/// The leaf of the event at position `p` has the index `p - 1`.
///
/// ```
/// use mizan_store::merkle::{leaf_hash, node_hash, verify_inclusion};
/// let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
/// let root = node_hash(&a, &b);
/// assert!(verify_inclusion(&a, 0, 2, &[b], &root));
/// assert!(!verify_inclusion(&a, 1, 2, &[b], &root), "the place counts as well");
/// ```
#[must_use]
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    size: u64,
    path: &[TreeHash],
    root: &TreeHash,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for other in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(other, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, other);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree of `new` leaves begins with the tree of `old` leaves (L52).
///
/// Every tree begins with the tree without leaves; the path is then empty, as between equal sizes.
///
/// ```
/// use mizan_store::merkle::{Frontier, leaf_hash, verify_consistency};
/// let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
/// let mut tree = Frontier::default();
/// tree.push(a);
/// let old = tree.root();
/// tree.push(b);
/// assert!(verify_consistency(1, &old, 2, &tree.root(), &[b]));
/// assert!(!verify_consistency(1, &b, 2, &tree.root(), &[b]));
/// ```
#[must_use]
pub fn verify_consistency(
    old: u64,
    old_root: &TreeHash,
    new: u64,
    new_root: &TreeHash,
    path: &[TreeHash],
) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return path.is_empty() && *old_root == super::hash::empty_root();
    }
    let complete = old.is_power_of_two();
    let (first, rest) = match path.split_first() {
        None => return false,
        Some(_) if complete => (old_root, path),
        Some((first, rest)) => (first, rest),
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for other in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(other, &old_hash);
            new_hash = node_hash(other, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, other);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}
