//! What policies promise, alone and together.

use mizan_core::Name;
use mizan_core::policy::{Conflict, Declared, Policies, Policy, Promises, Verdict};

struct Says(&'static str, Promises);

impl Policy for Says {
    fn id(&self) -> Name {
        Name::new(self.0)
    }

    fn promises(&self) -> Promises {
        self.1
    }

    fn resolve(&self, _: &Conflict<'_>) -> Verdict {
        Verdict::Park
    }
}

/// One that says nothing about itself.
struct Silent;

impl Policy for Silent {
    fn id(&self) -> Name {
        Name::new("silent/1")
    }

    fn resolve(&self, _: &Conflict<'_>) -> Verdict {
        Verdict::Park
    }
}

#[test]
fn all_is_both_laws_and_no_liberty() {
    let all = Promises { symmetric: true, incremental: true, merges: false, reads_stamps: false };
    assert_eq!(Promises::ALL, all);
    assert_eq!(Promises::NONE, Promises::default());
    assert_eq!(Silent.promises(), Promises::NONE);
}

#[test]
fn the_declared_policy_reads_stamps_and_promises_nothing() {
    assert_eq!(Declared.promises(), Promises { reads_stamps: true, ..Promises::NONE });
}

#[test]
fn together_they_promise_what_every_one_does_and_take_each_liberty() {
    assert_eq!(Policies::default().promises(), Declared.promises());
    let merging = Promises { merges: true, ..Promises::ALL };
    let both = Policies::default().with(Says("a/1", merging)).with(Says("b/1", Promises::ALL));
    // The declared policy promises neither law, so together they do not.
    assert_eq!(both.promises(), Promises { merges: true, reads_stamps: true, ..Promises::NONE });
}

#[test]
fn policies_are_known_by_their_names_without_the_version() {
    let policies =
        Policies::default().with(Says("b/2", Promises::ALL)).with(Says("a/1", Promises::ALL));
    assert!(policies.knows("a") && policies.knows("b"));
    assert!(!policies.knows("c") && !policies.knows("b/2"));
    assert_eq!(policies.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(policies.each().map(|one| one.id()).collect::<Vec<_>>(), ["a/1", "b/2"]);
    assert_eq!(policies.id(), "declared/1+a/1+b/2");
    assert_eq!(format!("{policies:?}"), r#"Policies("declared/1+a/1+b/2")"#);
}
