//! Ten thousand random histories, from a fixed seed, without a broken law.

use mizan_testkit::simulation::Variant;
use mizan_testkit::simulation::campaign::{Campaign, campaign};
use mizan_testkit::{Coverage, Profile};

fn clean(profile: Profile, sides: usize, histories: u64, seed: u64) -> Coverage {
    let what = Campaign {
        histories,
        seed,
        profile,
        sides,
        steps: (5, 45),
        threads: 2,
        stop: false,
        variant: Variant::default(),
    };
    let found = campaign(&what, &|_| {});
    assert_eq!(found.histories, histories);
    let failures: Vec<String> =
        found.failures.iter().map(|one| format!("{}\n{}", one.violation, one.story)).collect();
    assert!(failures.is_empty(), "{} {sides}: {}", profile.name(), failures.join("\n"));
    found.coverage
}

#[test]
fn ten_thousand_histories_keep_every_law() {
    let mut coverage = Coverage::default();
    coverage.add(&clean(Profile::Full, 2, 2_500, 1_000_000));
    coverage.add(&clean(Profile::Full, 3, 1_500, 2_000_000));
    coverage.add(&clean(Profile::Mixed, 2, 2_000, 3_000_000));
    coverage.add(&clean(Profile::Erp, 2, 2_000, 4_000_000));
    coverage.add(&clean(Profile::NoAck, 2, 1_000, 5_000_000));
    coverage.add(&clean(Profile::Stale, 2, 1_000, 6_000_000));
    coverage.add(&clean(Profile::Vicious, 2, 1_000, 7_000_000));
    coverage.add(&clean(Profile::Vicious, 3, 300, 8_000_000));
    for what in [
        "conflict decided by preference",
        "conflict left to a person",
        "change put back to the owner's",
        "movements added up",
        "edit lost to a delete, recorded",
        "delete lost to an edit",
        "delete disputed",
        "create found done",
        "update found done",
        "command met a changed row",
        "command refused",
        "sweep freed a refused command",
        "row linked by its key",
        "revived record created again",
        "process died",
        "parked",
        "row was locked for good",
        "order refused, its customer is new",
    ] {
        assert!(coverage.of(what) > 0, "it never happened: {what}");
    }
}
