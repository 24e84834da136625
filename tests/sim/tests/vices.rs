//! Vices are tested too: those that every law can be kept with keep it, and the others break what they say.

use mizan_core::Value;
use mizan_testkit::scenario::{A, B, Item, Rules, Scenario};
use mizan_testkit::simulation::campaign::{Campaign, campaign};
use mizan_testkit::simulation::{Broken, Variant};
use mizan_testkit::{Law, Moment, Profile, Trouble, Vice};

/// The laws that histories break with a vice on the last side.
fn broken(vice: Vice, profile: Profile, histories: u64) -> Vec<Law> {
    let what = Campaign {
        histories,
        seed: 31,
        profile,
        sides: 2,
        steps: (5, 45),
        threads: 2,
        stop: false,
        variant: Variant { broken: Broken::Vicious(vice), ..Variant::default() },
    };
    campaign(&what, &|_| {}).broken.into_keys().collect()
}

#[test]
fn each_lawful_vice_alone_keeps_every_law() {
    for vice in Vice::lawful() {
        for (profile, histories) in [(Profile::Full, 30), (Profile::NoAck, 20)] {
            assert_eq!(broken(vice, profile, histories), [], "{vice:?} {}", profile.name());
        }
    }
}

#[test]
fn each_other_vice_breaks_what_it_says_and_nothing_else() {
    // These strike too seldom to wait for: scenarios show them below, and T14 is known.
    let seldom = [
        Vice::ListTrimmed,
        Vice::ListEmpty,
        Vice::PageByOffset,
        Vice::StaleUnsaid,
        Vice::FillsBlank,
        Vice::EmptyForNull,
    ];
    for vice in Vice::ALL.iter().copied().filter(|vice| !vice.breaks().is_empty()) {
        let found = broken(vice, Profile::Full, 150);
        let plainest = vice.breaks()[0];
        assert!(seldom.contains(&vice) || found.contains(&plainest), "{vice:?} {plainest}");
        let others: Vec<&Law> = found.iter().filter(|law| !vice.breaks().contains(law)).collect();
        assert!(others.is_empty(), "{vice:?} {others:?}");
    }
}

/// Ann is on A, and was typed in on B by hand.
fn typed_in_twice(rules: Rules) -> (Scenario, Item) {
    let mut s = rules.begin();
    s.creates_customer(B, "Bob");
    let ann = s.creates_customer(A, "Ann");
    s.types_in(B, ann, &[("email", Value::text("ann@example.org"))]);
    s.passes(1_000);
    (s, ann)
}

#[test]
fn a_listing_that_leaves_rows_out_and_says_it_is_complete_makes_doubles() {
    for trouble in [Trouble::RowLeftOut, Trouble::ListEmpty] {
        let (mut s, ann) = typed_in_twice(Rules::new());
        s.next(B, trouble);
        s.syncs();
        assert_eq!(s.everywhere(ann), [1, 2], "{trouble:?}");
        assert!(s.ends_breaking().contains(&Law::Bootstrap));
    }
}

#[test]
fn a_listing_that_says_that_it_was_cut_does_not() {
    let (mut s, ann) = typed_in_twice(Rules::new());
    s.next(B, Trouble::ListCut);
    s.syncs();
    s.syncs();
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.ends();
}

#[test]
fn pages_by_offset_over_a_moving_set_make_doubles() {
    let create = |rules: Rules| {
        let (mut s, ann) = typed_in_twice(rules.page_size(1));
        let bob = Item(0);
        s.meanwhile(B, Moment::BetweenPages, move |world| world.user_deletes(B, bob.0));
        s.syncs();
        (s, ann)
    };
    let (s, ann) = create(Rules::new().vice(B, Vice::PageByOffset));
    assert_eq!(s.everywhere(ann), [1, 2]);
    let (s, ann) = create(Rules::new());
    assert_eq!(s.everywhere(ann), [1, 1], "pages by id do not");
    s.ends();
}

#[test]
fn names_of_vices_are_read_back() {
    for vice in Vice::ALL {
        assert_eq!(Vice::named(&vice.name()), Some(*vice));
    }
    assert_eq!(Vice::StampsCoarse.name(), "stamps-coarse");
}
