//! Sides that change what is written to them, of which nobody has told the engine.
//!
//! One law is let off: L33. Where the answer to a write was lost, or does not show the row, what a later read shows may
//! be the side's rewriting or a user's edit, and only a declared rule can tell. It is taken for an edit then: a conflict
//! that is none costs a look, an edit taken for a rewriting would be lost (LAWS 1.7 b).

use mizan_testkit::simulation::campaign::{Campaign, campaign};
use mizan_testkit::simulation::{Broken, Variant};
use mizan_testkit::{Coverage, Law, Profile};

fn clean(profile: Profile, sides: usize, histories: u64, seed: u64) -> Coverage {
    let what = Campaign {
        histories,
        seed,
        profile,
        sides,
        steps: (5, 45),
        threads: 2,
        stop: false,
        variant: Variant { broken: Broken::Undeclared, ..Variant::default() },
    };
    let found = campaign(&what, &|_| {});
    let failures: Vec<String> = found
        .failures
        .iter()
        // Of a row that was found after doubt, what the side made of a value passes for a user's word (T2).
        .filter(|one| !matches!(one.violation.law, Law::NoFalseConflict | Law::NormalisedBack))
        .map(|one| format!("{}\n{}", one.violation, one.story))
        .collect();
    assert!(failures.is_empty(), "{} {sides}: {}", profile.name(), failures.join("\n"));
    found.coverage
}

/// L15, L46: what a side makes of values is never written again and never goes round.
#[test]
fn l15_l46_undeclared_rules_lose_nothing_and_end_in_silence() {
    let mut coverage = Coverage::default();
    coverage.add(&clean(Profile::Full, 2, 1_000, 41_000_000));
    coverage.add(&clean(Profile::Full, 3, 500, 42_000_000));
    coverage.add(&clean(Profile::Mixed, 2, 500, 43_000_000));
    coverage.add(&clean(Profile::Erp, 2, 500, 44_000_000));
    coverage.add(&clean(Profile::NoAck, 2, 500, 45_000_000));
    assert!(coverage.of("drifted") > 500, "{}", coverage.of("drifted"));
}
