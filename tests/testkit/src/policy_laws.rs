//! Laws of a conflict policy (L22 to L25, L28, L29), checked on random conflicts.

use mizan_core::policy::{Candidate, Conflict, Policy, Verdict};
use mizan_core::{Entity, Field, SideId, Value};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// A random conflict: a base, a merged value that is not delivered everywhere, and a value for each side.
#[derive(Clone, Debug)]
struct Case {
    base: Option<Value>,
    merged: Option<Value>,
    sides: Vec<(SideId, Value)>,
    turn: usize,
}

/// Checks that a policy decides a field of an entity lawfully, for any values.
///
/// # Errors
/// The law that it breaks and the smallest conflict that shows it.
///
/// ```
/// use mizan_core::policy::Declared;
/// use mizan_testkit::{Profile, Setup, policy_laws::{policy_laws, texts}};
/// let setup = Setup::drawn(1, Profile::Full, 3);
/// let entity = setup.schema.entity("customer").expect("it is in every set-up");
/// for field in &entity.fields {
///     policy_laws(&Declared, entity, field, texts(), 64).expect("the declared policy is lawful");
/// }
/// ```
pub fn policy_laws(
    policy: &dyn Policy,
    entity: &Entity,
    field: &Field,
    values: impl Strategy<Value = Value> + Clone + 'static,
    cases: u32,
) -> Result<(), String> {
    let sides: Vec<SideId> = field.sides.keys().cloned().collect();
    let count = sides.len();
    let strategy = (
        proptest::option::of(values.clone()),
        proptest::option::of(values.clone()),
        proptest::collection::vec(values, count),
        0..count.max(1),
    )
        .prop_map(move |(base, merged, values, turn)| {
            let sides = sides.iter().cloned().zip(values).collect();
            Case { base, merged, sides, turn }
        });
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let run = runner.run(&strategy, |case| judge(policy, entity, field, &case));
    run.map_err(|error| format!("{} on {}: {error}", policy.id(), field.name))
}

/// Texts, with those that normalisers change.
pub fn texts() -> impl Strategy<Value = Value> + Clone {
    "[a-c ]{0,12}".prop_map(Value::text)
}

/// Decimals with more digits than some sides keep.
pub fn decimals() -> impl Strategy<Value = Value> + Clone {
    (-100_000i64..100_000).prop_map(|n| Value::decimal(rust_decimal::Decimal::new(n, 3)))
}

fn candidates(case: &Case) -> Vec<Candidate<'_>> {
    let merged = case.merged.iter().map(|value| Candidate { side: None, value, stamp: None });
    let sides =
        case.sides.iter().map(|(side, value)| Candidate { side: Some(side), value, stamp: None });
    merged.chain(sides).collect()
}

/// The policy's value; `None` where it parks.
fn value(verdict: &Verdict, candidates: &[Candidate<'_>]) -> Result<Option<Value>, TestCaseError> {
    match verdict {
        Verdict::Park => Ok(None),
        Verdict::Merged(value) => Ok(Some(value.clone())),
        Verdict::Take(index) | Verdict::Both(index) => match candidates.get(*index) {
            Some(one) => Ok(Some(one.value.clone())),
            None => Err(TestCaseError::fail("L25: it takes a candidate that is not there")),
        },
    }
}

fn judge(
    policy: &dyn Policy,
    entity: &Entity,
    field: &Field,
    case: &Case,
) -> Result<(), TestCaseError> {
    let fail = |what: &str| Err(TestCaseError::fail(what.to_owned()));
    let list = candidates(case);
    let base = case.base.as_ref();
    let ask = |list: &[Candidate<'_>]| {
        policy.resolve(&Conflict { entity, field, base, candidates: list })
    };
    let first = ask(&list);
    if ask(&list) != first {
        return fail("L22: the same question has two answers");
    }
    let chosen = value(&first, &list)?;
    let mut turned = list.clone();
    turned.rotate_left(case.turn % list.len().max(1));
    if value(&ask(&turned), &turned)? != chosen {
        return fail("L23: the order of the candidates matters");
    }
    let Some(chosen) = chosen else { return Ok(()) };
    let known = list.iter().any(|one| *one.value == chosen) || base == Some(&chosen);
    if matches!(first, Verdict::Take(_)) && !known {
        return fail("L25: it takes what nobody has");
    }
    let everywhere: Vec<Candidate<'_>> =
        list.iter().map(|one| Candidate { side: one.side, value: &chosen, stamp: None }).collect();
    if value(&ask(&everywhere), &everywhere)?.is_some_and(|again| again != chosen) {
        return fail("L24, L28: agreement is decided otherwise");
    }
    rests(field, case, &chosen, &ask)
}

/// L29: deciding and storing comes to rest within two rounds.
fn rests(
    field: &Field,
    case: &Case,
    chosen: &Value,
    ask: &dyn Fn(&[Candidate<'_>]) -> Verdict,
) -> Result<(), TestCaseError> {
    let mut merged = chosen.clone();
    let mut last = None;
    for _ in 0..3 {
        let shown: Vec<Value> =
            case.sides.iter().map(|(side, _)| field.on_side(side, &merged)).collect();
        let list: Vec<Candidate<'_>> = case
            .sides
            .iter()
            .zip(&shown)
            .map(|((side, _), value)| Candidate { side: Some(side), value, stamp: None })
            .collect();
        last = Some(merged.clone());
        match value(&ask(&list), &list)? {
            Some(next) => merged = next,
            None => return Ok(()),
        }
    }
    if last == Some(merged) {
        Ok(())
    } else {
        Err(TestCaseError::fail("L29: what sides make of the value is decided again and again"))
    }
}
