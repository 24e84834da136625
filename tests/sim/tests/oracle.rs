//! The oracle is tested too: what is broken on purpose is caught, under the right name.

use mizan_testkit::simulation::campaign::{Campaign, campaign};
use mizan_testkit::simulation::{Broken, Story, Variant, shrink};
use mizan_testkit::{Law, Profile};

fn catches(broken: Broken, law: Law) -> Story {
    let variant = Variant { broken, ..Variant::default() };
    let what = Campaign {
        histories: 400,
        seed: 77,
        profile: Profile::Full,
        sides: 2,
        steps: (5, 25),
        threads: 2,
        stop: false,
        variant,
    };
    let found = campaign(&what, &|_| {});
    let failure = found.failures.iter().find(|one| one.violation.law == law);
    let failure = failure.unwrap_or_else(|| panic!("{law} was not noticed: {:?}", found.broken));
    shrink(&failure.story, law, variant)
}

#[test]
fn a_policy_that_makes_values_up_is_caught() {
    catches(Broken::Inventing, Law::NoInvention);
}

#[test]
fn a_side_that_creates_twice_is_caught_and_the_story_is_small() {
    let story = catches(Broken::Doubling, Law::NoDuplicate);
    assert!(story.steps.len() <= 3, "{story}");
}

#[test]
fn a_side_that_lies_about_absence_is_caught() {
    catches(Broken::Lying, Law::Absence);
}

#[test]
fn a_side_that_forgets_updates_is_caught() {
    catches(Broken::Forgetting, Law::NoLostUpdate);
}

#[test]
fn a_story_survives_being_written_and_read() {
    let story = Story::drawn(5, Profile::Erp, 3, 40, 45);
    assert_eq!(story.to_string().parse::<Story>().as_ref(), Ok(&story));
}
