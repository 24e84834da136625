//! Policies that are wrong on purpose break exactly the laws that they should, and the story says how.

use mizan_core::policy::{Candidate, Conflict, Policy, Promises, Stamp, Verdict};
use mizan_core::{Field, Name, Type, Value};
use mizan_testkit::policy_laws::{BrokenLaw, PolicyCheck, PolicyLaw};
use mizan_testkit::strategies::{decimals, texts};
use proptest::strategy::Strategy;
use rust_decimal::Decimal;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A policy made of one function.
struct Of(Promises, fn(&Conflict<'_>) -> Verdict);

impl Policy for Of {
    fn id(&self) -> Name {
        "of/1".into()
    }

    fn promises(&self) -> Promises {
        self.0
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        self.1(conflict)
    }
}

const MERGES: Promises = Promises { merges: true, ..Promises::ALL };
const STAMPS: Promises = Promises { reads_stamps: true, ..Promises::ALL };

fn broken(policy: &dyn Policy) -> Vec<BrokenLaw> {
    PolicyCheck::new(policy, Field::new("total", Type::Decimal)).all(&decimals())
}

fn broken_on_texts(policy: &dyn Policy) -> Vec<BrokenLaw> {
    PolicyCheck::new(policy, Field::new("name", Type::Text)).all(&texts())
}

fn laws(broken: &[BrokenLaw]) -> Vec<PolicyLaw> {
    broken.iter().map(|one| one.law).collect()
}

/// The story of a broken law fits on a page: a question with at most four claims, and what came of it.
fn told(broken: &[BrokenLaw], law: PolicyLaw) -> String {
    let one = broken.iter().find(|one| one.law == law).expect("the law is broken");
    assert!(one.story.len() <= 12, "{one}");
    one.to_string()
}

fn number(value: &Value) -> Decimal {
    match value {
        Value::Decimal(number) => *number,
        _ => Decimal::ZERO,
    }
}

fn numbers(conflict: &Conflict<'_>) -> Vec<Decimal> {
    conflict.candidates.iter().map(|one| number(one.value)).collect()
}

/// The index of the greatest by some measure, or the last of those.
fn by<K: Ord>(conflict: &Conflict<'_>, key: impl Fn(&Candidate<'_>) -> K) -> Verdict {
    let best = conflict.candidates.iter().enumerate().max_by_key(|(_, one)| key(one));
    best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
}

fn when(stamp: Option<Stamp>) -> Option<i64> {
    stamp.map(|stamp| stamp.at.0)
}

#[test]
fn the_first_in_the_list_depends_on_the_order() {
    let found = broken(&Of(Promises::NONE, |_| Verdict::Take(0)));
    assert_eq!(laws(&found), [PolicyLaw::ArrivalOrder]);
    let story = told(&found, PolicyLaw::ArrivalOrder);
    assert!(story.contains("handed over as"), "{story}");
}

#[test]
fn an_average_is_neither_incremental_nor_at_rest_where_a_side_rounds() {
    let average = Of(MERGES, |conflict| {
        let all = numbers(conflict);
        let sum: Decimal = all.iter().sum();
        Verdict::Merged(Value::decimal(sum / Decimal::from(all.len())))
    });
    let found = broken(&average);
    assert_eq!(laws(&found), [PolicyLaw::Incremental, PolicyLaw::NormaliserStable]);
    let story = told(&found, PolicyLaw::NormaliserStable);
    assert!(story.contains("stored as"), "{story}");
}

#[test]
fn an_average_that_does_not_say_that_it_merges_invents_values() {
    let found = broken(&Of(Promises::NONE, |conflict| {
        let all = numbers(conflict);
        let sum: Decimal = all.iter().sum();
        Verdict::Merged(Value::decimal(sum / Decimal::from(all.len())))
    }));
    assert_eq!(laws(&found), [PolicyLaw::NoInvention, PolicyLaw::NormaliserStable]);
}

#[test]
fn a_sum_of_differences_counts_a_change_twice_that_two_sides_made() {
    let found = broken(&Of(MERGES, |conflict| {
        let base = conflict.base.map_or(Decimal::ZERO, number);
        let moved: Decimal = numbers(conflict).iter().map(|one| one - base).sum();
        Verdict::Merged(Value::decimal(base + moved))
    }));
    assert_eq!(laws(&found)[0], PolicyLaw::Unanimous);
    assert!(!laws(&found).contains(&PolicyLaw::Incremental), "{:?}", laws(&found));
    assert!(!laws(&found).contains(&PolicyLaw::Fixpoint), "{:?}", laws(&found));
}

#[test]
fn texts_put_together_grow_for_ever() {
    let found = broken_on_texts(&Of(MERGES, |conflict| {
        let mut all: Vec<String> =
            conflict.candidates.iter().map(|c| c.value.to_string()).collect();
        all.sort();
        Verdict::Merged(Value::text(all.concat()))
    }));
    assert_eq!(
        laws(&found),
        [
            PolicyLaw::Unanimous,
            PolicyLaw::Incremental,
            PolicyLaw::Fixpoint,
            PolicyLaw::NormaliserStable
        ]
    );
}

#[test]
fn whichever_differs_from_the_base_depends_on_the_order() {
    let found = broken(&Of(Promises::NONE, |conflict| {
        let all = conflict.candidates.iter();
        let other = all.clone().position(|one| Some(one.value) != conflict.base);
        Verdict::Take(other.unwrap_or(0))
    }));
    assert_eq!(laws(&found), [PolicyLaw::ArrivalOrder]);
}

#[test]
fn rounding_up_to_the_next_ten_never_comes_to_rest() {
    let found = broken(&Of(MERGES, |conflict| {
        let most = numbers(conflict).into_iter().max().unwrap_or_default();
        let ten = Decimal::TEN;
        Verdict::Merged(Value::decimal(((most / ten).floor() + Decimal::ONE) * ten))
    }));
    assert_eq!(
        laws(&found),
        [
            PolicyLaw::Unanimous,
            PolicyLaw::Incremental,
            PolicyLaw::Fixpoint,
            PolicyLaw::NormaliserStable
        ]
    );
}

#[test]
fn the_last_writer_with_ties_to_the_greater_value_is_lawful() {
    let found =
        broken(&Of(STAMPS, |conflict| by(conflict, |one| (when(one.stamp), one.value.clone()))));
    assert_eq!(laws(&found), []);
}

#[test]
fn the_last_writer_with_ties_to_the_first_depends_on_the_order() {
    let found = broken(&Of(Promises { reads_stamps: true, ..Promises::NONE }, |conflict| {
        by(conflict, |one| when(one.stamp))
    }));
    assert_eq!(laws(&found), [PolicyLaw::ArrivalOrder]);
}

#[test]
fn the_last_writer_that_does_not_say_that_it_reads_clocks_is_caught() {
    let found = broken(&Of(Promises::ALL, |conflict| {
        by(conflict, |one| (when(one.stamp), one.value.clone()))
    }));
    assert_eq!(laws(&found), [PolicyLaw::IgnoresUndeclaredStamps]);
}

#[test]
fn the_last_writer_that_forgets_when_is_not_incremental() {
    let found = broken(&Of(STAMPS, |conflict| {
        let all = conflict.candidates.iter();
        let best = all.max_by_key(|one| (when(one.stamp), one.value));
        best.map_or(Verdict::Park, |one| Verdict::Merged(one.value.clone()))
    }));
    assert_eq!(laws(&found), [PolicyLaw::Incremental]);
    let story = told(&found, PolicyLaw::Incremental);
    assert!(story.contains("asked about all at once"), "{story}");
}

/// Takes turns.
struct Turns(AtomicUsize);

impl Policy for Turns {
    fn id(&self) -> Name {
        "turns/1".into()
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        Verdict::Take(self.0.fetch_add(1, Ordering::Relaxed) % conflict.candidates.len())
    }
}

#[test]
fn a_policy_with_a_memory_is_not_deterministic() {
    let found = broken(&Turns(AtomicUsize::new(0)));
    let found = laws(&found);
    assert!(found.contains(&PolicyLaw::Deterministic), "{found:?}");
    // What it answers depends on how often it was asked, so it fails whatever asks twice.
    let asks_twice = [
        PolicyLaw::Deterministic,
        PolicyLaw::ArrivalOrder,
        PolicyLaw::IgnoresUndeclaredStamps,
        PolicyLaw::NormaliserStable,
    ];
    assert!(found.iter().all(|law| asks_twice.contains(law)), "{found:?}");
}

#[test]
fn a_policy_that_panics_or_takes_one_too_many_is_not_total() {
    let too_many = Of(Promises::ALL, |conflict| Verdict::Take(conflict.candidates.len()));
    assert_eq!(laws(&broken(&too_many)), [PolicyLaw::Total]);
    let panics = Of(Promises::ALL, |conflict| {
        assert!(conflict.base.is_some(), "nobody ever had nothing before");
        by(conflict, |one| one.value.clone())
    });
    let found = broken(&panics);
    assert_eq!(laws(&found), [PolicyLaw::Total]);
    assert!(told(&found, PolicyLaw::Total).contains("it panicked"));
}

#[test]
fn a_side_that_always_wins_is_lawful_until_it_claims_to_be_fair() {
    let first: fn(&Conflict<'_>) -> Verdict =
        |conflict| by(conflict, |one| std::cmp::Reverse((one.side.cloned(), one.value.clone())));
    assert_eq!(laws(&broken(&Of(Promises::NONE, first))), []);
    let fair = Promises { symmetric: true, ..Promises::NONE };
    assert_eq!(laws(&broken(&Of(fair, first))), [PolicyLaw::SideSymmetry]);
}

#[test]
fn stories_are_small() {
    let found = broken(&Of(Promises::NONE, |_| Verdict::Take(0)));
    let dispute = found[0].dispute.as_ref().expect("it was drawn");
    assert_eq!(dispute.claims.len(), 2, "{}", found[0]);
    assert_eq!(dispute.base, None, "{}", found[0]);
}

#[test]
fn values_may_come_from_any_strategy() {
    let tens = (0i64..9).prop_map(|n| Value::decimal(Decimal::from(n * 10)));
    let policy = Of(Promises::ALL, |conflict| by(conflict, |one| one.value.clone()));
    let check = PolicyCheck::new(&policy, Field::new("tens", Type::Decimal)).sides(2..=5);
    assert!(check.all(&tens).is_empty());
}
