//! A policy that is right: the largest total wins, and whoever says it.
//!
//! `cargo run -p mizan-testkit --example largest_order` checks every law, the promised ones too, and then runs it in a
//! simulated set-up of a shop, a point of sale and an ERP that rounds.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use mizan_core::policy::{Conflict, Policy, Promises, Verdict};
use mizan_core::{Field, Name, Rivalry, SideId, Type};
use mizan_testkit::policy_laws::PolicyCheck;
use mizan_testkit::simulation::{Shape, Side, Simulation};
use mizan_testkit::strategies;

/// The largest total; nothing at all is less than any.
struct LargestOrder;

impl Policy for LargestOrder {
    fn id(&self) -> Name {
        "largest-order/1".into()
    }

    fn promises(&self) -> Promises {
        Promises::ALL
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let best = conflict.candidates.iter().enumerate().max_by_key(|(_, one)| one.value);
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}

fn main() {
    let total = Field::new("total", Type::Decimal);
    let broken = PolicyCheck::new(&LargestOrder, total.clone()).sides(2..=4);
    let broken = broken.all(&strategies::values(&total));
    assert!(broken.is_empty(), "{}", broken[0]);
    println!("largest-order/1 keeps every law that it is bound by");

    let report = Simulation::new()
        .side("erp", Side::new().marker().ack_body().rounds("total", 2))
        .side("pos", Side::full().late_commits())
        .side("shop", Side::full().stale_reads())
        .entity(
            Shape::of("order")
                .key("number")
                .decimal("total")
                .rivalry(Rivalry::Custom("largest-order".into()))
                .text("note")
                .rivalry(Rivalry::Prefer(SideId::new("shop"))),
        )
        .policy(LargestOrder)
        .histories(300)
        .seed_from_env("MIZAN_SEED")
        .run()
        .expect("the set-up can be simulated");
    println!("{report}{}", report.coverage);
    report.assert_ok();
}
