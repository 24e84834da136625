//! The clauses, by name.

macro_rules! clauses {
    ($($(#[$doc:meta])* $name:ident = $wants:literal;)*) => {
        /// One clause of the contract of an adapter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Clause {
            $($(#[$doc])* $name,)*
        }

        impl Clause {
            /// Every clause.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What it wants, in one sentence.
            #[must_use]
            pub fn wants(self) -> &'static str {
                match self { $(Self::$name => $wants,)* }
            }
        }
    };
}

clauses! {
    /// The check itself.
    Samples = "four samples or more, all different, in every field that the side takes";
    /// Reads and writes without faults are answered.
    Answers = "a side that is well answers";
    /// Creating.
    CreateShows = "a created row can be read at once, with what was written";
    /// The row in an answer.
    AnswerIsTheRow = "a row in the answer to a write is the row as it is read afterwards";
    /// V16.
    IdsAreOpaque = "every row has an id of its own, and no other spelling of it names a row";
    /// L16.
    NormaliserAsDeclared = "what comes back is what the declared normaliser makes of what was written";
    /// Normalisers.
    NormaliserAtRest = "what a side makes of its own values is the same value";
    /// L18, L19.
    ListingComplete = "a complete listing holds every row, once, over all its pages";
    /// Listings.
    ListingEnds = "a listing comes to an end, and says on its last page whether it was complete";
    /// L18.
    SinceBrings = "a listing from a row's own stamp on brings that row";
    /// L19.
    NotFoundIsSaid = "a row that is not there is `NotFound`; a listing without rows is an empty one";
    /// Updates.
    UpdateShows = "an update that expects the row as it is, is done and shows";
    /// V15.
    OtherFieldsUntouched = "fields that an update does not name stay as they are";
    /// L40.
    StaleIsRefused = "a write that expects another row is answered `Changed`";
    /// L40.
    RefusedWritesNothing = "a write that is refused changes nothing";
    /// L38.
    OnceOnly = "the same command sent twice has one effect, where that is declared";
    /// Markers.
    FoundByMarker = "a marker finds the row that the command wrote and no other, where that is declared";
    /// T5.
    MarkerSurvives = "a marker survives what users do to the row";
    /// Keys.
    FoundByKey = "a key finds the row that has it and no other, where that is declared";
    /// Keys.
    KeyIsUnique = "a second row with a key is refused as `KeyTaken`, where keys are declared unique";
    /// Deleting.
    DeleteShows = "a deleted row cannot be read any more and is in no listing";
    /// Deleting.
    GoneIsSaid = "a write to a row that is gone says so";
    /// Capabilities.
    SaysWhatItCannot = "what the capabilities deny is refused as `Unsupported`, and not done";
}
