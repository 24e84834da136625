//! Vices: what real systems do beyond failing, each a switch of one simulated side.
//!
//! A vice is how a system always behaves, as opposed to a [fault](crate::Faults), which strikes now and then. Each
//! either keeps every law, and then the profile `vicious` draws it; or no reconciler can keep some law with it, and
//! then [`Vice::breaks`] names that law and an adapter must not declare what such a system cannot do.

use crate::law::Law;
use crate::rng::SplitMix64;
use std::fmt;

macro_rules! vices {
    ($($(#[doc = $doc:literal])+ $name:ident breaks [$($law:ident),*],)*) => {
        /// A vice of a simulated side.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Vice {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Vice {
            /// Every vice.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The laws that no reconciler can keep with such a side, the plainest first; empty: all of them can be kept.
            #[must_use]
            pub fn breaks(self) -> &'static [Law] {
                match self {
                    $(Self::$name => &[$(Law::$law),*],)*
                }
            }
        }
    };
}

vices! {
    /// Rows carry a version tag, and a listing only names the rows whose tag is known.
    Tagged breaks [],
    /// The version tag is another one in every answer.
    TagFlickers breaks [],
    /// Listings give another version tag than direct reads and answers do.
    TagListDiffers breaks [],
    /// Stamps are cut to tenths of a second.
    StampsCoarse breaks [],
    /// Stamps are cut to five seconds, so that many rows share one.
    OneStamp breaks [],
    /// Stamps are rounded, so that some lie in the future.
    StampsRounded breaks [],
    /// The clock is three days ahead.
    ClockAhead breaks [],
    /// The clock is three days behind.
    ClockBehind breaks [],
    /// The clock is set back once, by less than the declared window.
    ClockStepsBack breaks [],
    /// No edit moves a row's stamp.
    StampsFrozen breaks [],
    /// Rows carry no stamp.
    NoStamps breaks [],
    /// "Changed since" means created since.
    CreatedFilter breaks [],
    /// "Changed since" is ignored, and every row is listed.
    FilterIgnored breaks [],
    /// The wanted page size is ignored, and every page holds everything that is left.
    PageSizeIgnored breaks [],
    /// After the last row comes an empty page.
    LastPageEmpty breaks [],
    /// Every page comes twice.
    PageRepeated breaks [],
    /// The token of the second page is the empty text.
    TokenEmpty breaks [],
    /// Every row is listed twice on its page.
    RowsTwice breaks [],
    /// The rows of a page come in the opposite order.
    RowsReordered breaks [],
    /// Ids of rows are "", "0", "00", "٠" and the like.
    OddIds breaks [],
    /// Rows have a column that nobody maps.
    UnknownColumn breaks [],
    /// An order is refused as long as its customer is new.
    RefusesByOther breaks [],
    /// Some rows refuse every change for good.
    Locks breaks [],
    /// A read moves the row's stamp.
    TouchedByReads breaks [LogSilent],
    /// All versions of all rows have one tag, and a listing only names the rows whose tag is known.
    TagReused breaks [Observed, Converge, Counter, NoLostUpdate],
    /// A row that is there is said not to be found by every third direct read.
    GetHides breaks [Absence, NoDuplicate, Identity],
    /// A listing with rows left out says that it is complete.
    ListTrimmed breaks [Bootstrap, NoDuplicate],
    /// A listing is empty, and says that it is complete.
    ListEmpty breaks [Bootstrap, NoDuplicate],
    /// Pages are counted by offset while users create and delete, and nobody notices.
    PageByOffset breaks [Bootstrap, NoDuplicate],
    /// The total lies, so that no listing is ever known to be complete.
    TotalLies breaks [NoPhantomDelete, Terminate, Converge],
    /// A new row gets the id of a deleted one.
    IdsReused breaks [Identity, Absence, NoInvention, NoLostUpdate, NoFalseConflict, NoResurrect, NoPhantomDelete,
        Terminate, HeadOfLine, Converge, Counter, Observed, NoDangling],
    /// Listings are stale, and nobody says so: seldom seen, as a listed change that looks old is read again (T14).
    StaleUnsaid breaks [NoFalseConflict, NoLostUpdate],
    /// A direct read shows a row as it was a moment ago.
    ReadsLag breaks [Absence, NoDuplicate, Identity, NoLostUpdate, NoFalseConflict],
    /// A repeated command has a second effect, although the side takes an idempotency key.
    KeyIgnored breaks [NoDuplicate, Effects, Counter, NormalisedBack],
    /// Some rows answer every write with a server error, and nobody knows whether it was done.
    AlwaysFails breaks [Terminate, Observed, NoPhantomDelete, Converge, Counter, LogSilent],
    /// An empty field is left out of answers.
    NullIsAbsent breaks [Observed, Converge, Terminate],
    /// Texts are trimmed and shortened, and no normaliser says so: where answers carry the row, the other sides keep
    /// what they have; where they do not, it looks as if a user had shortened the text.
    TrimsUnsaid breaks [Converge],
    /// The answer to a write shows the values as they were sent, and not as the side stored them.
    AckAsSent breaks [],
    /// An empty text is stored as "", and no normaliser says so.
    EmptyForNull breaks [Converge, NoLostUpdate, NoInvention, NoFalseConflict],
    /// An empty note is filled with "today", and no normaliser says so.
    FillsBlank breaks [Converge],
    /// Creates are carried out twice.
    Doubles breaks [NoDuplicate, NoLostUpdate, NoResurrect, Counter, NormalisedBack],
    /// Some rows are said not to be there by every read.
    Lies breaks [Absence, Observed, NoPhantomDelete, NoDuplicate, HeadOfLine, Converge, Identity, Bootstrap],
    /// Updates are answered and not stored.
    Forgets breaks [NoLostUpdate, DeleteDominance, Observed, NoFalseConflict, Converge, LogSilent, Counter, NormalisedBack],
    /// A row that is not as expected is written over.
    Overwrites breaks [NoLostUpdate, NoBlindOverwrite, NoFalseConflict, Counter, NoResurrect],
    /// An update empties the fields that it does not name.
    Blanks breaks [NoLostUpdate, DeleteDominance, Observed, NoFalseConflict, Converge, LogSilent, Counter, NoDangling, Terminate],
}

impl Vice {
    /// Its name on the command line, as `stamps-coarse`.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// The vice of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|vice| vice.name() == name)
    }

    /// The vices with which every law can be kept.
    pub fn lawful() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|vice| vice.breaks().is_empty())
    }
}

/// A set of vices.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Vices(u64);

impl Vices {
    /// None.
    pub const NONE: Self = Self(0);

    /// Exactly these.
    #[must_use]
    pub fn of(vices: &[Vice]) -> Self {
        Self(vices.iter().fold(0, |bits, vice| bits | 1 << *vice as u32))
    }

    /// True where the vice is among them.
    #[must_use]
    pub fn has(self, vice: Vice) -> bool {
        self.0 >> (vice as u32) & 1 == 1
    }

    /// The vices, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Vice> {
        Vice::ALL.iter().copied().filter(move |vice| self.has(*vice))
    }

    /// Draws up to five of those with which every law can be kept.
    #[must_use]
    pub fn drawn(rng: &mut SplitMix64) -> Self {
        let lawful: Vec<Vice> = Vice::lawful().collect();
        let count = rng.below(6);
        let some: Vec<Vice> = (0..count).map(|_| lawful[rng.below(lawful.len())]).collect();
        Self::of(&some)
    }
}

impl fmt::Debug for Vices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
