//! A policy that is wrong on purpose: it settles a conflict on the average of what the sides say.
//!
//! `cargo run -p mizan-testkit --example average` shows which laws it breaks and how, first by itself and then in
//! the whole engine. It asserts that the kit finds them.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use mizan_core::policy::{Conflict, Policy, Promises, Verdict};
use mizan_core::{Field, Name, Rivalry, Type, Value};
use mizan_testkit::policy_laws::{PolicyCheck, PolicyLaw};
use mizan_testkit::simulation::{Shape, Side, Simulation};
use mizan_testkit::{Law, strategies};
use rust_decimal::Decimal;

/// The average of what the sides say; it does not even say that it makes values up, unless it is told to.
struct Average {
    says_so: bool,
}

impl Policy for Average {
    fn id(&self) -> Name {
        "average/1".into()
    }

    fn promises(&self) -> Promises {
        Promises { merges: self.says_so, incremental: true, ..Promises::NONE }
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let numbers = conflict.candidates.iter().filter_map(|one| match one.value {
            Value::Decimal(number) => Some(*number),
            _ => None,
        });
        let numbers: Vec<Decimal> = numbers.collect();
        if numbers.is_empty() {
            return Verdict::Park;
        }
        let sum: Decimal = numbers.iter().sum();
        Verdict::Merged(Value::decimal(sum / Decimal::from(numbers.len())))
    }
}

fn main() {
    let honest = Average { says_so: true };
    let broken = PolicyCheck::new(&honest, Field::new("total", Type::Decimal));
    let broken = broken.all(&strategies::decimals());
    for one in &broken {
        println!("{one}\n");
    }
    let laws: Vec<PolicyLaw> = broken.iter().map(|one| one.law).collect();
    assert_eq!(laws, [PolicyLaw::Incremental, PolicyLaw::NormaliserStable]);

    // In the whole: an order that the shop and the ERP change at the same time ends with a total that nobody wrote.
    let report = Simulation::new()
        .side("shop", Side::full())
        .side("erp", Side::full().rounds("total", 2))
        .entity(
            Shape::of("order")
                .key("number")
                .decimal("total")
                .rivalry(Rivalry::Custom("average".into())),
        )
        .policy(Average { says_so: false })
        .histories(200)
        .run()
        .expect("the set-up can be simulated");
    let told = report.failures.iter().find(|one| one.law == Law::NoInvention);
    let told = told.expect("the oracle sees a value that nobody wrote");
    println!("{told}");
    assert!(told.story.steps.len() <= 6);
}
