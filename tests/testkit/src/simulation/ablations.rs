//! Ablations: for every design choice the set-up in which its absence shows, and the law that must break then.

use super::history::{Variant, run};
use super::story::Story;
use crate::{Law, Profile, Violation};
use mizan_core::ablate::Switch;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// One design choice and where its absence shows.
#[derive(Clone, Copy, Debug)]
pub struct Ablation {
    /// The choice, and behind it the second lines that cover it and are switched off beside it.
    pub off: &'static [Switch],
    /// What the sides offer.
    pub profile: Profile,
    /// How many sides.
    pub sides: usize,
    /// The laws of which one must break.
    pub laws: &'static [Law],
    /// Why nothing breaks, where nothing does; empty where a law must break.
    pub covered: &'static str,
}

impl Ablation {
    /// The choice.
    #[must_use]
    pub fn switch(&self) -> Switch {
        self.off[0]
    }

    /// What is switched off beside it, in the control too.
    #[must_use]
    pub fn beside(&self) -> &'static [Switch] {
        &self.off[1..]
    }
}

const fn of(off: &'static [Switch], profile: Profile, laws: &'static [Law]) -> Ablation {
    Ablation { off, profile, sides: 2, laws, covered: "" }
}

const fn covered(off: &'static [Switch], profile: Profile, why: &'static str) -> Ablation {
    Ablation { off, profile, sides: 2, laws: Law::ALL, covered: why }
}

#[rustfmt::skip]
mod table {
    use super::{Ablation, covered, of};
    use crate::{Law, Profile};
    use mizan_core::ablate::Switch as S;

    const FULL: Profile = Profile::Full;
    const STALE: Profile = Profile::Stale;
    const NO_KEY: Profile = Profile::NoKey;
    const ERP: Profile = Profile::Erp;

    /// Every switch, in the order of the enum.
    pub const ALL: &[Ablation] = &[
        of(&[S::ShownBase, S::Normaliser], FULL, &[Law::Terminate, Law::NoFalseConflict]),
        of(&[S::ExactBase], FULL, &[Law::Converge, Law::NoLostUpdate]),
        of(&[S::Normaliser], FULL, &[Law::NoFalseConflict]),
        of(&[S::Finest], ERP, &[Law::NormalisedBack, Law::NoFalseConflict]),
        covered(&[S::Echo], FULL, "finest: what a side shows of the merged value is agreement"),
        of(&[S::Unknown], FULL, &[Law::NoFalseConflict, Law::NoLostUpdate]),
        of(&[S::LaterAnswer], FULL, &[Law::Observed]),
        of(&[S::ConfirmStale, S::OlderStamp, S::EarlierContent], STALE, &[Law::NoLostUpdate, Law::NoFalseConflict]),
        of(&[S::OlderStamp, S::ConfirmStale, S::EarlierContent], STALE, &[Law::NoLostUpdate, Law::NoFalseConflict]),
        of(&[S::EarlierContent, S::ConfirmStale, S::OlderStamp], STALE, &[Law::NoLostUpdate, Law::NoFalseConflict]),
        covered(&[S::Ticket], STALE, "reads and writes take turns in the engine, so no read overtakes a write"),
        of(&[S::BackConfirmed, S::ConfirmStale], STALE, &[Law::NoLostUpdate]),
        of(&[S::AbsenceEvidence], FULL, &[Law::Absence]),
        of(&[S::Overlap, S::Sweeps], FULL, &[Law::Observed]),
        of(&[S::CursorIsStamp], FULL, &[Law::Terminate, Law::LogSilent]),
        of(&[S::AtomicCursor, S::Sweeps], FULL, &[Law::Observed]),
        of(&[S::CutKeepsCursor, S::Sweeps, S::Overlap], FULL, &[Law::Observed]),
        of(&[S::Sweeps], FULL, &[Law::Converge, Law::Observed]),
        of(&[S::LinkByKey], FULL, &[Law::Bootstrap]),
        of(&[S::ListAllFirst, S::UnreadCreatesNothing], FULL, &[Law::Bootstrap, Law::NoDuplicate]),
        of(&[S::UnreadCreatesNothing, S::ListAllFirst], FULL, &[Law::Bootstrap, Law::NoDuplicate]),
        of(&[S::Tombstones], FULL, &[Law::Converge, Law::NoResurrect]),
        of(&[S::Aliases, S::ConfirmStale], STALE, &[Law::NoFalseConflict]),
        of(&[S::RawReferences], FULL, &[Law::NoLostUpdate]),
        of(&[S::RecallAwaiting, S::AdoptOrphans], FULL, &[Law::HeadOfLine, Law::NoPhantomDelete]),
        of(&[S::AdoptOrphans, S::RecallAwaiting], FULL, &[Law::HeadOfLine, Law::NoPhantomDelete]),
        of(&[S::FieldMerge], FULL, &[Law::NoFalseConflict]),
        of(&[S::Ownership], FULL, &[Law::Ownership]),
        of(&[S::RecordLosers], FULL, &[Law::NoLostUpdate]),
        of(&[S::DeleteLosers], FULL, &[Law::NoLostUpdate]),
        of(&[S::CounterDeltas], FULL, &[Law::Counter]),
        of(&[S::DeleteVector], FULL, &[Law::DeleteDominance]),
        of(&[S::DeletersJoin], FULL, &[Law::NoResurrect]),
        of(&[S::LivingChild], FULL, &[Law::HeadOfLine]),
        of(&[S::RecallParents], FULL, &[Law::HeadOfLine]),
        covered(&[S::ChildrenDieFirst], FULL, "the oracle excuses a parent that comes back and ever had a child"),
        of(&[S::OverridesDoNotVote], FULL, &[Law::NoResurrect]),
        of(&[S::Deterministic], FULL, &[Law::DecisionReplay]),
        of(&[S::IntentFirst], FULL, &[Law::WriteAhead]),
        of(&[S::Doubt], FULL, &[Law::NoFalseConflict, Law::Counter]),
        of(&[S::Quarantine], FULL, &[Law::DoubtIsAState, Law::NoDuplicate]),
        of(&[S::MarkerSearch], NO_KEY, &[Law::NoDuplicate]),
        of(&[S::KeySearch, S::LinkByKey], ERP, &[Law::NoDuplicate]),
        of(&[S::UpdateMarker], NO_KEY, &[Law::NoFalseConflict]),
        of(&[S::WaitForLate], NO_KEY, &[Law::NoDuplicate]),
        of(&[S::EarlierTries], NO_KEY, &[Law::NoLostUpdate]),
        of(&[S::StableCreateId, S::Doubt], FULL, &[Law::NoDuplicate]),
        of(&[S::Expect], FULL, &[Law::NoBlindOverwrite]),
        of(&[S::OneInFlight], FULL, &[Law::NoFalseConflict, Law::Counter]),
        of(&[S::NoopSuppression], FULL, &[Law::NoNoopWrite]),
        of(&[S::WaitForParent], FULL, &[Law::NoDangling]),
        of(&[S::ParentsFirst, S::SweepFrees], FULL, &[Law::HeadOfLine]),
        of(&[S::RefusedBackoff], FULL, &[Law::Terminate]),
        of(&[S::SweepFrees], FULL, &[Law::HeadOfLine]),
        of(&[S::RereadParent, S::Sweeps], FULL, &[Law::HeadOfLine]),
        of(&[S::GoneIsDelete], FULL, &[Law::Terminate]),
    ];
}

pub use table::ALL;

/// How much may be tried.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Most histories.
    pub histories: u64,
    /// The first seed; each history has the next one.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
}

/// The first history in which a law breaks without the choice, and none breaks with it.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Its seed.
    pub seed: u64,
    /// The laws that broke.
    pub laws: Vec<Law>,
    /// The first of those that must break, and how.
    pub violation: Violation,
    /// The story as drawn.
    pub story: Story,
}

/// Looks for a proof that the choice carries its law; `None` where the bound was not enough.
///
/// The same story with the choice in place, and with the same second lines switched off, must break no law at all.
#[must_use]
pub fn ablate(ablation: &Ablation, bound: Bound) -> Option<Proof> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let first: Mutex<Option<Proof>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..bound.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= bound.histories {
                        return;
                    }
                    let Some(proof) = one(ablation, bound.seed.wrapping_add(index)) else {
                        continue;
                    };
                    // Every earlier seed was handed out before, so the smallest is found whoever is quicker.
                    stop.store(true, Ordering::Relaxed);
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|first| first.seed > proof.seed) {
                        *first = Some(proof);
                    }
                }
            });
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one(ablation: &Ablation, seed: u64) -> Option<Proof> {
    prove(ablation, Story::drawn(seed, ablation.profile, ablation.sides, 5, 45))
}

/// Takes a story for a proof if a law breaks in it without the choice, and none with it.
#[must_use]
pub fn prove(ablation: &Ablation, story: Story) -> Option<Proof> {
    let found = broken(&story, ablation.off);
    let violation = found.iter().find(|one| ablation.laws.contains(&one.law))?.clone();
    if !broken(&story, ablation.beside()).is_empty() {
        return None;
    }
    let mut laws: Vec<Law> = found.iter().map(|one| one.law).collect();
    laws.sort_unstable();
    laws.dedup();
    Some(Proof { seed: story.seed, laws, violation, story })
}

/// The laws that a story breaks with some choices switched off, of those that its sides could keep.
fn broken(story: &Story, without: &'static [Switch]) -> Vec<Violation> {
    let allowed = story.profile.may_break();
    let mut found = run(story, Variant { without, ..Variant::default() }).violations;
    found.retain(|one| !allowed.contains(&one.law));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_has_its_ablation() {
        let named: Vec<Switch> = ALL.iter().map(Ablation::switch).collect();
        assert_eq!(named, Switch::ALL);
    }
}
