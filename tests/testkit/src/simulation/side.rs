//! One side of a simulation of the user's own: what it offers, what it does to values, how it fails.

use crate::profile::{Faults, Offers};
use crate::vices::Vice;
use crate::world::OwnSide;
use mizan_adapters::Conditional;
use mizan_core::{Name, Normaliser, Rounding, Rule};

/// A side that offers nothing but listings, until it is said what more it does.
///
/// ```
/// use mizan_testkit::simulation::Side;
/// let erp = Side::new().marker().rounds("credit", 2).trims("name").page_size(20).stale_reads();
/// # let _ = erp;
/// ```
#[derive(Clone, Debug)]
pub struct Side {
    pub(super) offers: Offers,
    pub(super) own: OwnSide,
    pub(super) rules: Vec<(Name, Rule)>,
    pub(super) silent: bool,
}

impl Default for Side {
    fn default() -> Self {
        Self::new()
    }
}

impl Side {
    /// A side that lists and reads rows, and takes writes that are read, compared and written.
    #[must_use]
    pub fn new() -> Self {
        let offers = Offers {
            conditional: Conditional::ReadCompareWrite,
            idempotent: false,
            marker: false,
            find_by_key: false,
            ack_body: false,
            since: false,
            ..Offers::FULL
        };
        Self { offers, own: OwnSide::default(), rules: Vec::new(), silent: false }
    }

    /// A side that offers everything.
    #[must_use]
    pub fn full() -> Self {
        Self { offers: Offers::FULL, ..Self::new() }
    }

    /// A side of just these offers.
    #[must_use]
    pub fn offering(offers: Offers) -> Self {
        Self { offers, ..Self::new() }
    }

    fn offer(mut self, change: impl FnOnce(&mut Offers)) -> Self {
        change(&mut self.offers);
        self
    }

    fn rule(mut self, field: &str, rule: Rule) -> Self {
        self.rules.push((Name::new(field), rule));
        self
    }

    /// The side itself compares before it writes.
    #[must_use]
    pub fn conditional_writes(self) -> Self {
        self.offer(|offers| offers.conditional = Conditional::Native)
    }

    /// The same command sent twice has one effect.
    #[must_use]
    pub fn idempotency_keys(self) -> Self {
        self.offer(|offers| offers.idempotent = true)
    }

    /// Rows keep the marker of the command that wrote them, and are found by it.
    #[must_use]
    pub fn marker(self) -> Self {
        self.offer(|offers| offers.marker = true)
    }

    /// A second row with the natural key is refused.
    #[must_use]
    pub fn unique_keys(self) -> Self {
        self.offer(|offers| offers.unique_key = true)
    }

    /// Rows are found by their natural key.
    #[must_use]
    pub fn find_by_key(self) -> Self {
        self.offer(|offers| offers.find_by_key = true)
    }

    /// Answers to writes carry the row.
    #[must_use]
    pub fn ack_body(self) -> Self {
        self.offer(|offers| offers.ack_body = true)
    }

    /// Rows are listed from a stamp on.
    #[must_use]
    pub fn since(self) -> Self {
        self.offer(|offers| offers.since = true)
    }

    /// Listings may show an older state.
    #[must_use]
    pub fn stale_reads(self) -> Self {
        self.offer(|offers| offers.stale_reads = true)
    }

    /// A write may arrive after its request was given up.
    #[must_use]
    pub fn late_arrivals(self) -> Self {
        self.offer(|offers| offers.late_arrivals = true)
    }

    /// A user may edit between the compare and the write of a read-compare-write.
    #[must_use]
    pub fn races(self) -> Self {
        self.offer(|offers| offers.races = true)
    }

    /// Writes under way at the same time.
    #[must_use]
    pub fn parallel(self, writes: usize) -> Self {
        self.offer(|offers| offers.parallel = writes.max(1))
    }

    /// Edits may show later than their stamps say.
    #[must_use]
    pub fn late_commits(mut self) -> Self {
        self.own.late_commits = true;
        self
    }

    /// Counters move without the row's stamp, on every side.
    #[must_use]
    pub fn silent_counters(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Rows on a page; from one to four, drawn each time, where nothing is said.
    #[must_use]
    pub fn page_size(mut self, rows: usize) -> Self {
        self.own.page = Some(rows.max(1));
        self
    }

    /// How often what goes wrong here, in place of the simulation's.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.own.faults = Some(faults);
        self
    }

    /// A breach of the adapter's contract: no reconciler can make up for it, and the oracle says what it costs.
    #[must_use]
    pub fn vice(mut self, vice: Vice) -> Self {
        self.own.vice = Some(vice);
        self
    }

    /// Keeps so many digits of a field, halves away from zero.
    #[must_use]
    pub fn rounds(self, field: &str, digits: u32) -> Self {
        self.rule(field, Rule::Decimal { scale: digits, mode: Rounding::HalfUp })
    }

    /// Cuts white space at both ends of a field.
    #[must_use]
    pub fn trims(self, field: &str) -> Self {
        self.rule(field, Rule::Trim)
    }

    /// Keeps the first characters of a field; at least eight, so that values can be told apart.
    #[must_use]
    pub fn cuts(self, field: &str, most: usize) -> Self {
        self.rule(field, Rule::MaxLen(most))
    }

    /// Any rule for what the side makes of a field.
    #[must_use]
    pub fn normalises(self, field: &str, rule: Rule) -> Self {
        self.rule(field, rule)
    }

    /// Adds the side's rules to what the schema says already.
    pub(super) fn normaliser(&self, field: &str, known: &Normaliser) -> Normaliser {
        let mine = self.rules.iter().filter(|(name, _)| name == field);
        let rules = known.0.iter().cloned().chain(mine.map(|(_, rule)| rule.clone()));
        Normaliser(rules.collect())
    }
}
