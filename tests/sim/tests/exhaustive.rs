//! Every history of four steps out of twelve, from two starts, without a broken law.

use mizan_testkit::Profile;
use mizan_testkit::simulation::exhaustive::{Exhaustive, SMALL, exhaustive, full, quiet_seed};
use mizan_testkit::simulation::{Broken, Story, Variant, run};

fn what(length: usize, alphabet: Vec<mizan_testkit::Step>, variant: Variant) -> Exhaustive {
    let profile = Profile::Full;
    Exhaustive { length, alphabet, seed: quiet_seed(1, profile), profile, threads: 2, variant }
}

#[test]
fn every_history_of_four_steps_keeps_every_law() {
    let found = exhaustive(&what(4, SMALL.to_vec(), Variant::default()), &|_, _| {});
    assert_eq!(found.histories, 2 * 12_u64.pow(4));
    let failures: Vec<String> =
        found.failures.iter().map(|one| format!("{}\n{}", one.violation, one.story)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(found.judged > 2_000, "{} that differ are too few", found.judged);
    for what in ["process died", "create found done", "delete lost to an edit"] {
        assert!(found.coverage.of(what) > 0, "it never happened: {what}");
    }
}

#[test]
fn every_history_of_two_steps_out_of_twenty_keeps_every_law() {
    let found = exhaustive(&what(2, full(), Variant::default()), &|_, _| {});
    assert_eq!(found.histories, 2 * 20_u64.pow(2));
    assert!(found.broken.is_empty(), "{:?}", found.failures);
}

#[test]
fn a_broken_side_is_found() {
    for broken in [Broken::Doubling, Broken::Forgetting] {
        let variant = Variant { broken, ..Variant::default() };
        let found = exhaustive(&what(2, full(), variant), &|_, _| {});
        assert!(!found.broken.is_empty(), "{broken:?}");
        // The story tells the same to whoever runs it alone.
        let failure = &found.failures[0];
        let story: Story = failure.story.to_string().parse().expect("a story can be read back");
        assert_eq!(story, failure.story);
        let law = failure.violation.law;
        assert!(run(&story, variant).violations.iter().any(|one| one.law == law), "{story}");
    }
}
