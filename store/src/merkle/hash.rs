//! The two hashes of the tree, kept apart by their first byte so that no leaf can pass for a node.

use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256 hash of a leaf, a node or a root; as text 64 hexadecimal digits.
///
/// Not a [`ContentHash`](mizan_core::ContentHash), which is BLAKE3: this one is what tools for
/// transparency logs compute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash(pub [u8; 32]);

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash of the leaf that holds these bytes.
///
/// ```
/// use mizan_store::merkle::leaf_hash;
/// let hash = leaf_hash(b"").to_string();
/// assert_eq!(hash, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
/// ```
#[must_use]
pub fn leaf_hash(event: &[u8]) -> TreeHash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(event);
    TreeHash(hasher.finalize().into())
}

/// The hash of the node over two others.
#[must_use]
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut bytes = [0; 65];
    bytes[0] = 1;
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    TreeHash(Sha256::digest(bytes).into())
}

/// The root of a tree without leaves.
pub(crate) fn empty_root() -> TreeHash {
    TreeHash(Sha256::digest(b"").into())
}
