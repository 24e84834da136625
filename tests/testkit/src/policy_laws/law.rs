//! The laws of a policy, by the names that a test and a report use.

use std::fmt;

macro_rules! policy_law {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $number:literal, $wants:literal;)*) => {
        /// One law of a conflict policy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PolicyLaw {
            $($(#[$doc])* $name,)*
        }

        impl PolicyLaw {
            /// Every law, the promised ones too.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as the tests of [`policy_laws!`](crate::policy_laws!) are called.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Its number in the specification.
            #[must_use]
            pub fn number(self) -> &'static str {
                match self { $(Self::$name => $number,)* }
            }

            /// What it wants, in one sentence.
            #[must_use]
            pub fn wants(self) -> &'static str {
                match self { $(Self::$name => $wants,)* }
            }
        }
    };
}

policy_law! {
    /// No panic, and no candidate that is not there.
    Total = "total", "total", "every question has an answer: no panic, no index out of range";
    /// L22.
    Deterministic = "deterministic", "L22", "the same question has the same answer";
    /// L23.
    ArrivalOrder = "arrival_order", "L23", "the order of the candidates does not matter";
    /// L24.
    Unanimous = "unanimous", "L24", "what all agree on is the answer";
    /// L25.
    NoInvention = "no_invention", "L25",
        "the answer is a candidate or what was before, unless the policy says that it merges";
    /// L26, where promised.
    SideSymmetry = "side_symmetry", "L26", "other names for the sides change nothing, as promised";
    /// L27, where promised.
    Incremental = "incremental", "L27",
        "deciding some first and the others later is deciding all at once, as promised";
    /// L28.
    Fixpoint = "fixpoint", "L28", "asked again when its answer is everywhere, it says the same";
    /// L29.
    NormaliserStable = "normaliser_stable", "L29",
        "deciding and storing comes to rest within two rounds";
    /// L13.
    IgnoresUndeclaredStamps = "ignores_undeclared_stamps", "L13",
        "other stamps change nothing, unless the policy says that it reads them";
}

impl fmt::Display for PolicyLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.number())
    }
}
