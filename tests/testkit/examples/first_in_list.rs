//! A policy that is wrong on purpose: the first in the list wins.
//!
//! `cargo run -p mizan-testkit --example first_in_list` shows the law that it breaks, and asserts that it is that one.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use mizan_core::policy::{Conflict, Policy, Verdict};
use mizan_core::{Field, Name, Type};
use mizan_testkit::policy_laws::{PolicyCheck, PolicyLaw};
use mizan_testkit::strategies;

/// Whoever comes first.
struct FirstInList;

impl Policy for FirstInList {
    fn id(&self) -> Name {
        "first-in-list/1".into()
    }

    fn resolve(&self, _: &Conflict<'_>) -> Verdict {
        Verdict::Take(0)
    }
}

fn main() {
    let check = PolicyCheck::new(&FirstInList, Field::new("name", Type::Text));
    let broken = check.all(&strategies::texts());
    for one in &broken {
        println!("{one}");
    }
    assert_eq!(broken.len(), 1, "nothing but the order is wrong with it");
    assert_eq!(broken[0].law, PolicyLaw::ArrivalOrder);
}
