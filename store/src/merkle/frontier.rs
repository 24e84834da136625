//! The right edge of a growing tree: all that is needed to add leaves and to know the root.

use super::hash::{TreeHash, empty_root, node_hash};

/// The roots of the complete subtrees that a tree consists of, largest first: one for each bit of its size.
///
/// ```
/// use mizan_store::merkle::{Frontier, leaf_hash, node_hash};
///
/// let (a, b, c) = (leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c"));
/// let mut tree = Frontier::default();
/// [a, b, c].into_iter().for_each(|leaf| tree.push(leaf));
/// assert_eq!(tree.size(), 3);
/// assert_eq!(tree.root(), node_hash(&node_hash(&a, &b), &c));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// A frontier as [`peaks`](Self::peaks) gave it; `None` where their number does not fit the size.
    pub(crate) fn from_peaks(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Leaves in the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        self.push_complete(0, leaf);
    }

    /// Adds the root of a complete subtree of `2^level` leaves; the size must be a multiple of that.
    pub(crate) fn push_complete(&mut self, level: u32, root: TreeHash) {
        debug_assert!(self.size.trailing_zeros() >= level, "the subtree is not aligned");
        let mut root = root;
        let mut carry = self.size >> level;
        while carry & 1 == 1 {
            // Every bit that is set has its peak, so there is one to take.
            let Some(left) = self.peaks.pop() else { break };
            root = node_hash(&left, &root);
            carry >>= 1;
        }
        self.peaks.push(root);
        self.size += 1 << level;
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |root, left| node_hash(left, &root))
    }
}

impl Extend<TreeHash> for Frontier {
    fn extend<I: IntoIterator<Item = TreeHash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}
