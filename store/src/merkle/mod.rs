//! The Merkle tree over the stored bytes of all events: RFC 6962, as RFC 9162 section 2.1 says it again.
//!
//! ```text
//! leaf i   SHA-256( 0x00 ‖ bytes of the event at position i + 1 )
//! node     SHA-256( 0x01 ‖ left ‖ right )
//! root     of no leaves SHA-256(""), of one its leaf, of n the node over the first k leaves and the rest,
//!          where k is the largest power of two below n
//! ```
//!
//! Positions ([`Seq`](mizan_core::Seq)) count from 1, as everywhere in a log; leaves count from 0, as in
//! the RFC. The event at position `p` is leaf `p - 1`. A size is a number of events: the tree of size
//! `n` covers the positions 1 to `n`. Functions that take a `Seq` say positions, functions here that
//! take a number say leaves.
//!
//! The functions of this module are pure: whoever has a root from someone he trusts can check with
//! [`verify_inclusion`] that an event is in the log, and with [`verify_consistency`] that a later log
//! still holds all of an earlier one (L52), without the log and without trusting its keeper.
//!
//! ```
//! use mizan_core::Seq;
//! use mizan_store::merkle::{leaf_hash, verify_consistency, verify_inclusion};
//! use mizan_store::{Batch, EventLog, MemoryLog};
//!
//! let mut log = MemoryLog::default();
//! log.append(Seq(0), &Batch::of_events([b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]))?;
//! let old = log.root(Seq(3))?;
//! log.append(Seq(3), &Batch::of_events([b"d".to_vec(), b"e".to_vec()]))?;
//! let new = log.root(Seq(5))?;
//!
//! let proof = log.inclusion(Seq(2), Seq(5))?;
//! assert!(verify_inclusion(&leaf_hash(b"b"), 1, 5, &proof, &new));
//! assert!(!verify_inclusion(&leaf_hash(b"x"), 1, 5, &proof, &new));
//! let proof = log.consistency(Seq(3), Seq(5))?;
//! assert!(verify_consistency(3, &old, 5, &new, &proof));
//! # Ok::<(), mizan_store::StoreError>(())
//! ```

pub(crate) mod file;
mod frontier;
mod hash;
pub(crate) mod path;
mod verify;

pub use frontier::Frontier;
pub use hash::{TreeHash, leaf_hash, node_hash};
pub use verify::{verify_consistency, verify_inclusion};
