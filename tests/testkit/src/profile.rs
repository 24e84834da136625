//! Capability profiles: what a simulated side offers, and which laws it then cannot promise (LAWS 1.6).

use crate::law::Law;
use crate::rng::SplitMix64;
use mizan_adapters::Conditional;

/// What one simulated side offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// How updates are guarded.
    pub conditional: Conditional,
    /// The same command sent twice has one effect.
    pub idempotent: bool,
    /// A command's marker stays on the row and can be searched for.
    pub marker: bool,
    /// A second row with the natural key is refused.
    pub unique_key: bool,
    /// Rows can be found by their natural key.
    pub find_by_key: bool,
    /// Answers to writes carry the row.
    pub ack_body: bool,
    /// Rows can be listed from a stamp on.
    pub since: bool,
    /// Mizan may delete rows.
    pub delete: bool,
    /// Listings may show an older state.
    pub stale_reads: bool,
    /// A write may arrive after its request was given up.
    pub late_arrivals: bool,
    /// A user may edit between the compare and the write of a read-compare-write.
    pub races: bool,
    /// Writes under way at the same time.
    pub parallel: usize,
}

impl Offers {
    /// Everything that a side can offer.
    pub const FULL: Self = Self {
        conditional: Conditional::Native,
        idempotent: true,
        marker: true,
        unique_key: false,
        find_by_key: true,
        ack_body: true,
        since: true,
        delete: true,
        stale_reads: false,
        late_arrivals: false,
        races: false,
        parallel: 1,
    };

    /// A random side of those that can promise every law but the counter's and the delete's in doubt.
    fn drawn(rng: &mut SplitMix64) -> Self {
        let idempotent = rng.per_mille(500);
        Self {
            conditional: if rng.per_mille(500) {
                Conditional::Native
            } else {
                Conditional::ReadCompareWrite
            },
            idempotent,
            marker: !idempotent || rng.per_mille(500),
            unique_key: rng.per_mille(300),
            find_by_key: rng.per_mille(500),
            ack_body: rng.per_mille(500),
            since: rng.per_mille(500),
            delete: true,
            stale_reads: rng.per_mille(300),
            late_arrivals: rng.per_mille(300),
            races: false,
            parallel: rng.between(1, 3).unsigned_abs() as usize,
        }
    }
}

/// A named set-up of all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Every side offers everything.
    Full,
    /// Every side offers something else that still suffices.
    Mixed,
    /// The second side does not show the row in its answers.
    NoAck,
    /// The second side knows no idempotency key.
    NoKey,
    /// The second side keeps no marker.
    NoMarker,
    /// The second side has neither.
    NoKeyNoMarker,
    /// The second side is read, compared and written.
    Compare,
    /// As `Compare`, and users edit in between.
    Race,
    /// An ERP: no condition, no key, a unique natural key, read-compare-write.
    Erp,
    /// Listings of every side may be stale.
    Stale,
    /// The second side offers nothing.
    Nothing,
    /// Every side offers everything, and entities have every rule there is.
    Rules,
    /// Every side has a few of the [vices](crate::Vice) with which all laws can be kept.
    Vicious,
    /// A set-up of the user's own, which is in code; a story of it replays with that code alone.
    Own,
}

impl Profile {
    /// Every profile that a seed draws a set-up of.
    pub const ALL: &'static [Self] = &[
        Self::Full,
        Self::Mixed,
        Self::NoAck,
        Self::NoKey,
        Self::NoMarker,
        Self::NoKeyNoMarker,
        Self::Compare,
        Self::Race,
        Self::Erp,
        Self::Stale,
        Self::Nothing,
        Self::Rules,
        Self::Vicious,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Mixed => "mixed",
            Self::NoAck => "no-ack",
            Self::NoKey => "no-key",
            Self::NoMarker => "no-marker",
            Self::NoKeyNoMarker => "no-key-no-marker",
            Self::Compare => "compare",
            Self::Race => "race",
            Self::Erp => "erp",
            Self::Stale => "stale",
            Self::Nothing => "nothing",
            Self::Rules => "rules",
            Self::Vicious => "vicious",
            Self::Own => "own",
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().chain(&[Self::Own]).copied().find(|profile| profile.name() == name)
    }

    /// What the side at `index` offers.
    #[must_use]
    pub fn offers(self, index: usize, rng: &mut SplitMix64) -> Offers {
        let full = Offers { parallel: rng.between(1, 3).unsigned_abs() as usize, ..Offers::FULL };
        let compare = Offers { conditional: Conditional::ReadCompareWrite, ..full };
        let nothing = Offers {
            idempotent: false,
            marker: false,
            find_by_key: false,
            ack_body: false,
            since: false,
            ..compare
        };
        match self {
            Self::Mixed => Offers::drawn(rng),
            Self::Stale => Offers { stale_reads: true, ..full },
            Self::Vicious => Offers {
                ack_body: rng.per_mille(500),
                since: rng.per_mille(700),
                conditional: if rng.per_mille(500) {
                    full.conditional
                } else {
                    compare.conditional
                },
                stale_reads: rng.per_mille(200),
                ..full
            },
            _ if index != 1 => full,
            Self::Full | Self::Rules | Self::Own => full,
            Self::NoAck => Offers { ack_body: false, ..full },
            Self::NoKey => Offers { idempotent: false, late_arrivals: true, ..full },
            Self::NoMarker => Offers { marker: false, ..full },
            Self::NoKeyNoMarker => Offers { idempotent: false, marker: false, ..full },
            Self::Compare => compare,
            Self::Race => Offers { races: true, ..compare },
            Self::Erp => Offers { unique_key: true, find_by_key: true, ack_body: true, ..nothing },
            Self::Nothing => nothing,
        }
    }

    /// The laws that no reconciler can promise with such sides (LAWS 1.6).
    #[must_use]
    pub fn may_break(self) -> &'static [Law] {
        match self {
            Self::Full
            | Self::Rules
            | Self::Own
            | Self::NoAck
            | Self::Compare
            | Self::Stale
            | Self::NoMarker
            | Self::Vicious => &[],
            // Rows carry the marker of the command that made them; of an update it is only proof where it is
            // there, so a user's movement that happens to make the same count passes for ours.
            // A create that arrives after its row was deleted brings the record back, in that side's form.
            Self::NoKey | Self::Mixed => &[Law::NoResurrect, Law::Counter, Law::NormalisedBack],
            // An update in doubt that a user overwrote is taken as not done: a conflict too many, and no
            // value too few.
            Self::NoKeyNoMarker => {
                &[Law::NoDuplicate, Law::Counter, Law::NoResurrect, Law::NoFalseConflict]
            }
            Self::Race => &[Law::NoLostUpdate, Law::Counter],
            Self::Erp => &[Law::NoResurrect, Law::Counter, Law::NoFalseConflict],
            // A row that was made in doubt and not found is a stranger later, and says what the side made of a value.
            Self::Nothing => &[
                Law::NormalisedBack,
                Law::NoDuplicate,
                Law::NoLostUpdate,
                Law::Counter,
                Law::NoResurrect,
                Law::NoFalseConflict,
            ],
        }
    }
}

/// One thing that goes wrong in a sync, at the first chance and only then: for histories that leave nothing to luck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// A write is done and its answer is lost.
    AnswerLost,
    /// A write is lost on its way.
    RequestLost,
    /// A complete listing is cut, before its first row.
    ListingCut,
    /// A page cannot be read.
    PageFails,
    /// A user edits the row after our read and before our write.
    EditBeforeWrite,
}

impl Mishap {
    /// Every one, with its words in a story.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::AnswerLost, "with an answer lost"),
        (Self::RequestLost, "with a request lost"),
        (Self::ListingCut, "with a listing cut"),
        (Self::PageFails, "with a page that fails"),
        (Self::EditBeforeWrite, "with an edit before a write"),
    ];
}

/// How often things go wrong, in thousandths, each rolled on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A write is lost on its way and nobody knows.
    pub request_lost: u32,
    /// A write is done and its answer is lost.
    pub answer_lost: u32,
    /// A request surely did not leave.
    pub not_sent: u32,
    /// A write arrives after it was given up, where the side does that at all.
    pub arrives_late: u32,
    /// A complete listing is cut and says so.
    pub truncated: u32,
    /// A page, a direct read or a search fails.
    pub read_fails: u32,
    /// A listing shows an older state, where the side does that at all.
    pub stale: u32,
    /// A field is missing in a row of an answer.
    pub field_dropped: u32,
    /// A user edits the row after our read and before our write.
    pub edit_before_write: u32,
    /// A user edits the row after our write and before our next read.
    pub edit_after_write: u32,
    /// A user deletes the row before our write.
    pub delete_before_write: u32,
    /// A user deletes the row after our write and before its answer.
    pub delete_after_write: u32,
    /// A write is refused for no reason that lasts.
    pub refused: u32,
}

impl Faults {
    /// No faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Draws how bad this history is.
    #[must_use]
    pub fn drawn(rng: &mut SplitMix64) -> Self {
        let scale = [0, 1, 1, 3, 6][rng.below(5)];
        let mut one = |most: i64| {
            let chance = rng.between(0, most) * scale;
            u32::try_from(chance).unwrap_or(0)
        };
        Self {
            request_lost: one(30),
            answer_lost: one(40),
            not_sent: one(10),
            arrives_late: one(30),
            truncated: one(30),
            read_fails: one(15),
            stale: one(60),
            field_dropped: one(20),
            edit_before_write: one(25),
            edit_after_write: one(25),
            delete_before_write: one(8),
            delete_after_write: one(8),
            refused: one(15),
        }
    }
}
