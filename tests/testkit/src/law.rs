//! The laws that the oracle checks, by the names that a failing seed prints.

use std::fmt;

macro_rules! laws {
    ($($name:ident = $number:literal),* $(,)?) => {
        /// One law of the specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Law {
            $(
                #[doc = concat!("Law ", $number, ".")]
                $name,
            )*
        }

        impl Law {
            /// Every law that is checked.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its number in the specification.
            #[must_use]
            pub fn number(self) -> &'static str {
                match self {
                    $(Self::$name => $number,)*
                }
            }
        }

        impl fmt::Display for Law {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str(concat!(stringify!($name), " (", $number, ")")),)*
                }
            }
        }
    };
}

laws! {
    Determinism = "L1", ReplayEq = "L2", DecisionReplay = "L3", Snapshot = "L4", Prefix = "L5",
    WriteAhead = "L6", DupIdempotent = "L10", SideCommute = "L11", StampsAreHints = "L13",
    NormalisedBack = "L16", Observed = "L18", Absence = "L19", VvMonotone = "L20", DotsFresh = "L21",
    NoInvention = "L25", DisjointEdits = "L30", Together = "groups", Ownership = "L31",
    NoLostUpdate = "L32", NoFalseConflict = "L33", DeleteDominance = "L34", NoResurrect = "L35",
    NoPhantomDelete = "L36",
    NoDuplicate = "L37", Effects = "L38", DoubtIsAState = "L39", NoBlindOverwrite = "L40",
    NoNoopWrite = "L41", Terminate = "L42", Bounded = "L42, count", HeadOfLine = "L43", Throttled = "L44", Converge = "L45", LogSilent = "L46",
    Unmapped = "V15", NoDangling = "L47", Counter = "L48", Identity = "L49", Bootstrap = "L50", NoError = "total",
}

/// A law was broken, and how it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// What was found.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.what)
    }
}
