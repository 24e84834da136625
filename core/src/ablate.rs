//! Ablations: each design choice behind a switch, so that a test can show which law breaks without it.
//!
//! A check that cannot fail proves nothing. With a choice switched off, the simulation must find a broken law within a
//! bounded number of histories; `mizan-sim ablations` does that for every switch.
//!
//! Without the feature `ablate` nothing can be switched: [`off`] is the constant `false`, and the compiler drops every
//! branch that asks it. With the feature, the switches that are off stand in a thread-local, which is the one piece of
//! hidden state in this crate: a history runs on one thread, and an argument through every pure function would change
//! the signatures of the product for the sake of a test. Never build a program for users with the feature.

macro_rules! switches {
    ($($(#[doc = $doc:literal])+ $case:ident = $name:literal,)*) => {
        /// One design choice; the text says what it is and what is done instead when it is off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Switch {
            $($(#[doc = $doc])+ $case,)*
        }

        impl Switch {
            /// Every switch.
            pub const ALL: &'static [Self] = &[$(Self::$case),*];

            /// Its name on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$case => $name,)*
                }
            }
        }
    };
}

switches! {
    // What a side showed.
    /// The base is what the side showed, not what was sent (L15, L16).
    ShownBase = "shown-base",
    /// The base after a doubt is what the side would have made of the value sent, not what the row shows later (T2).
    ExactBase = "exact-base",
    /// A side's declared form of a value is that value; off: what a side stores must be what was sent (L16, L24).
    Normaliser = "normaliser",
    /// Of values that are each other's images the finest is agreed on; off: they are rivals (L24, L33).
    Finest = "finest",
    /// A row that shows the merged value is an echo; off: it is a change (L15).
    Echo = "echo",
    /// A field that an answer leaves out is unknown; off: it is empty (L17).
    Unknown = "unknown",
    /// What a later direct read or answer shows holds, whatever its stamp; off: an older stamp is ignored (T11, T16).
    LaterAnswer = "later-answer",
    /// Where listings may be stale, every change is read directly (T14).
    ConfirmStale = "confirm-stale",
    /// A listed row whose stamp does not rise is read directly (L12).
    OlderStamp = "older-stamp",
    /// A listed row with contents that it had before is read directly (T11).
    EarlierContent = "earlier-content",
    /// A read that was issued before our last write was answered is confirmed (L12).
    Ticket = "ticket",
    /// A row that was deleted and is listed again is read directly (L35).
    BackConfirmed = "back-confirmed",
    /// Absence needs a direct read; off: what a listing leaves out is gone, even where it was cut (L19).
    AbsenceEvidence = "absence-evidence",
    /// Listings begin a window before the cursor; off: at the cursor (L18).
    Overlap = "overlap",
    /// The cursor is the largest stamp that was returned; off: the present moment (L18, L46).
    CursorIsStamp = "cursor-is-stamp",
    /// The cursor is appended with the rows that it covers; off: before them (L7).
    AtomicCursor = "atomic-cursor",
    /// Behind a listing that was cut the cursor stays (L18).
    CutKeepsCursor = "cut-keeps-cursor",
    /// Complete listings find what moved no stamp; off: only the first listing is complete (L18).
    Sweeps = "sweeps",

    // Identity.
    /// Rows with one natural key are one record; off: each row begins a record (L50).
    LinkByKey = "link-by-key",
    /// Rows are linked when all sides were listed; off: at once (L50).
    ListAllFirst = "list-all-first",
    /// Nothing is created on a side whose listing failed or was cut (L50).
    UnreadCreatesNothing = "unread-creates-nothing",
    /// The row of a dead record stays its own; off: it is forgotten and may come back as a new record (L35).
    Tombstones = "tombstones",
    /// A row's id belongs to its record for ever; off: until the record gets another row there (T8, L49).
    Aliases = "aliases",
    /// A reference to a row that was not seen yet is kept as it is; off: it is dropped (T1).
    RawReferences = "raw-references",
    /// A row that others refer to is linked: they are decided again (T1).
    RecallAwaiting = "recall-awaiting",
    /// What is blocked and unknown to its parent is decided again before anything is sent (T1).
    AdoptOrphans = "adopt-orphans",

    // Decisions.
    /// Fields are decided one by one; off: the record as a whole (L30).
    FieldMerge = "field-merge",
    /// A field's owner alone may change it and is never written to (L31).
    Ownership = "ownership",
    /// Losers are in the decision (L32).
    RecordLosers = "record-losers",
    /// What a delete drops is in the decision (L32).
    DeleteLosers = "delete-losers",
    /// Counters add up; off: they are values (L48).
    CounterDeltas = "counter-deltas",
    /// A deletion wins only over what its deleters had seen; off: over everything (L32, L34).
    DeleteVector = "delete-vector",
    /// What deleters had seen is joined; off: one of them must have seen everything (T10).
    DeletersJoin = "deleters-join",
    /// A living child keeps its parent alive (L47).
    LivingChild = "living-child",
    /// A dead parent is decided again when a living child refers to it (L47).
    RecallParents = "recall-parents",
    /// Deletions of children are decided before those of their parents (L35).
    ChildrenDieFirst = "children-die-first",
    /// A change of a field that another side owns is no edit that outlives a deletion (T20).
    OverridesDoNotVote = "overrides-do-not-vote",
    /// Policies give the same answer to the same question (L3, L22).
    Deterministic = "deterministic",

    // Commands.
    /// An intent is durable before a byte leaves; off: it is logged with its outcome (L6).
    IntentFirst = "intent-first",
    /// A write without an answer is in doubt; off: it counts as not done (L39).
    Doubt = "doubt",
    /// While a write is in doubt nothing is listed from there (L39).
    Quarantine = "quarantine",
    /// A create in doubt is searched for by its marker; off: it counts as not done (L37).
    MarkerSearch = "marker-search",
    /// A create in doubt is searched for by its natural key; off: it counts as not done (L37).
    KeySearch = "key-search",
    /// An update in doubt was done if the row carries its marker; off: if the row shows what was sent (T5).
    UpdateMarker = "update-marker",
    /// What is not found is not done only when it can no longer arrive (L37).
    WaitForLate = "wait-for-late",
    /// A create that comes late may be an earlier try, and shows what that had sent (L32).
    EarlierTries = "earlier-tries",
    /// The identity of a create depends on the record's life only; off: on when it was planned (L37).
    StableCreateId = "stable-create-id",
    /// Updates and deletes carry the image that they expect (L40).
    Expect = "expect",
    /// A record has one command under way at most (L39).
    OneInFlight = "one-in-flight",
    /// A field that shows the wanted value is not written (L41).
    NoopSuppression = "noop-suppression",
    /// A row waits until those that it refers to are there (L47).
    WaitForParent = "wait-for-parent",
    /// Parents are created before children and deleted after them (L43).
    ParentsFirst = "parents-first",
    /// A refused command leaves the plan (L43).
    RefusedBackoff = "refused-backoff",
    /// A complete listing gives a refused command another chance (T13, T15).
    SweepFrees = "sweep-frees",
    /// Where a reference was refused, the parent is read again (T7).
    RereadParent = "reread-parent",
    /// A repeated create whose row is gone was done and then deleted by a user; off: it was not done (T18).
    GoneIsDelete = "gone-is-delete",
}

impl Switch {
    /// The switch of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|switch| switch.name() == name)
    }
}

/// True where the choice is switched off on this thread; always false without the feature `ablate`.
#[cfg(not(feature = "ablate"))]
#[must_use]
#[inline]
pub const fn off(_: Switch) -> bool {
    false
}

#[cfg(feature = "ablate")]
pub use switched::{off, without};

#[cfg(feature = "ablate")]
mod switched {
    use super::Switch;
    use std::cell::Cell;

    thread_local! {
        /// One bit a switch that is off.
        static OFF: Cell<u64> = const { Cell::new(0) };
    }

    const _: () = assert!(Switch::ALL.len() <= 64, "a switch is a bit of a u64");

    /// True where the choice is switched off on this thread; always false without the feature `ablate`.
    #[must_use]
    pub fn off(switch: Switch) -> bool {
        OFF.get() & (1 << switch as u64) != 0
    }

    /// Runs something with exactly these choices switched off on this thread.
    ///
    /// What was off before is off again afterwards, whatever happens inside.
    ///
    /// ```
    /// use mizan_core::ablate::{Switch, off, without};
    /// without(&[Switch::Echo], || {
    ///     assert!(off(Switch::Echo) && !off(Switch::Doubt));
    ///     without(&[], || assert!(!off(Switch::Echo)));
    /// });
    /// assert!(!off(Switch::Echo));
    /// ```
    pub fn without<T>(switches: &[Switch], run: impl FnOnce() -> T) -> T {
        struct Restore(u64);
        impl Drop for Restore {
            fn drop(&mut self) {
                OFF.set(self.0);
            }
        }
        let bits = switches.iter().fold(0, |bits, switch| bits | (1 << *switch as u64));
        let _restore = Restore(OFF.replace(bits));
        run()
    }
}
