//! Version vectors: which edits of which side are known (LAWS 1.5).

use crate::id::SideId;
use crate::wire::{Reader, WireError, Writer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One who edits: a side in one epoch of the log, so that a reset or swapped side is a new actor (L21).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// The side.
    pub side: SideId,
    /// The log's epoch when the edit was seen.
    pub epoch: u32,
}

/// The name of one change: the `count`-th novel observation of a record on `actor`'s side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dot {
    /// Whose change.
    pub actor: Actor,
    /// Which one; the first is 1.
    pub count: u32,
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}#{}", self.actor.side, self.actor.epoch, self.count)
    }
}

/// For each actor the number of its changes that are known; counters only rise (L20).
///
/// ```
/// use mizan_core::{Actor, SideId, VersionVector};
/// let shop = Actor { side: SideId::new("shop"), epoch: 1 };
/// let mut a = VersionVector::default();
/// let b = a.clone();
/// a.bump(&shop);
/// assert!(a.covers(&b) && !b.covers(&a));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionVector(Vec<(Actor, u32)>);

impl VersionVector {
    /// Adds one change of `actor` and names it.
    pub fn bump(&mut self, actor: &Actor) -> Dot {
        let count = self.count(actor) + 1;
        self.raise(actor, count);
        Dot { actor: actor.clone(), count }
    }

    /// The number of changes of `actor` that are known.
    #[must_use]
    pub fn count(&self, actor: &Actor) -> u32 {
        self.0.iter().find(|(known, _)| known == actor).map_or(0, |(_, count)| *count)
    }

    /// Makes at least `count` changes of `actor` known.
    pub fn raise(&mut self, actor: &Actor, count: u32) {
        match self.0.binary_search_by(|(known, _)| known.cmp(actor)) {
            Ok(at) => self.0[at].1 = self.0[at].1.max(count),
            Err(at) => self.0.insert(at, (actor.clone(), count)),
        }
    }

    /// Makes everything known that `other` knows.
    pub fn join(&mut self, other: &Self) {
        for (actor, count) in &other.0 {
            self.raise(actor, *count);
        }
    }

    /// True where everything that `other` knows is known here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(actor, count)| self.count(actor) >= *count)
    }

    /// True where nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Actors and counts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Actor, u32)> {
        self.0.iter().map(|(actor, count)| (actor, *count))
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.list(&self.0, |out, (actor, count)| {
            out.text(actor.side.as_str());
            out.uint(u64::from(actor.epoch));
            out.uint(u64::from(*count));
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let entries: BTreeMap<Actor, u32> = reader
            .list(|reader| {
                let actor = Actor { side: reader.side()?, epoch: reader.small()? };
                Ok((actor, reader.small()?))
            })?
            .into_iter()
            .collect();
        Ok(Self(entries.into_iter().collect()))
    }
}
