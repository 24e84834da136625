//! Building proofs from the roots of subtrees (RFC 9162 sections 2.1.3.1 and 2.1.4.1).

use super::hash::TreeHash;

/// Where proofs get their hashes: the root over the leaves `from..to`, which are never none.
pub(crate) type Roots<'r, E> = &'r dyn Fn(u64, u64) -> Result<TreeHash, E>;

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The inclusion proof of a leaf in the tree of the first `size` leaves.
pub(crate) fn inclusion<E>(leaf: u64, size: u64, root: Roots<'_, E>) -> Result<Vec<TreeHash>, E> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if leaf < middle {
            path.push(root(middle, to)?);
            to = middle;
        } else {
            path.push(root(from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves; empty where `old` is 0 or `new`.
pub(crate) fn consistency<E>(old: u64, new: u64, root: Roots<'_, E>) -> Result<Vec<TreeHash>, E> {
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut from, mut to) = (0, new);
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(root(middle, to)?);
            to = middle;
        } else {
            path.push(root(from, middle)?);
            from = middle;
        }
    }
    // Where the old tree is one complete subtree of the new one, the verifier has its root already.
    if from > 0 {
        path.push(root(from, to)?);
    }
    path.reverse();
    Ok(path)
}
