//! What other rules would have decided: exact up to the first decision with another effect, and no further.

use super::support::{Past, Takes};
use mizan::config::Config;
use mizan::core::bodies::image_of;
use mizan::core::policy::{Policies, Policy};
use mizan::core::{Seq, SideId, Value};
use mizan::what_if::{Counted, Simulated, WhatIf, comparable, simulate, what_if};

/// What these rules would have made of a past.
fn asked(past: &mut Past, price: &str, policy: &dyn Policy, from: u64) -> WhatIf {
    past.rule(price);
    past.with(|journal, config: &Config| {
        what_if(journal, &config.schema, policy, Seq(from), &mut |_| {}).expect("asked")
    })
}

fn past() -> Past {
    let mut past = Past::under("till");
    past.prices("till", "10");
    past.syncs(Policies::default());
    past.quarrels("11", "12.5", Policies::default());
    past
}

fn shown(values: &[&Value]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_rules_change_nothing() {
    let mut past = past();
    let report = asked(&mut past, "till", &Policies::default(), 0);
    assert!(report.same() && report.changes.is_empty(), "{report:#?}");
    assert_eq!((report.compared, report.unknown), (2, 0));
    assert_eq!(report.conflicts, Counted { recorded: 1, other: 1 });
    // Another rule with the same answer is another rule, and nothing else.
    let report = asked(&mut past, "least", &Policies::default(), 0);
    assert!(report.same(), "{report:#?}");
}

#[test]
fn another_winner_is_told_with_its_values_its_commands_and_its_money() {
    let mut past = past();
    let report = asked(&mut past, "books", &Policies::default(), 0);
    assert_eq!((report.diverged, report.referring), (1, 0));
    let [change] = &report.changes[..] else { panic!("{:#?}", report.changes) };
    assert_eq!(change.recorded.winner, Some(SideId::new("till")));
    assert_eq!(change.other.winner, Some(SideId::new("books")));
    assert_eq!((change.recorded.rule.as_str(), change.count), ("preferred", 1));
    assert_eq!((report.values_lost, report.values_gained), (1, 1));
    let [money] = &report.money[..] else { panic!("{:#?}", report.money) };
    let numbers = shown(&[&money.recorded, &money.other, &money.difference]);
    assert_eq!((numbers.join(" ").as_str(), money.label.as_str()), ("11 12.5 1.5", "A"));
    // The books would not be written to, and the till would.
    let commands = |side: &str| report.commands[&SideId::new(side)];
    assert_eq!((commands("books").saved, commands("books").added), (1, 0));
    assert_eq!((commands("till").saved, commands("till").added), (0, 1));
    assert_eq!(report.divergences[0].at, money.at);
}

#[test]
fn what_is_foretold_comes_true_where_the_other_rules_are_in_force() {
    for rule in ["till", "books", "least", "greatest", "manual"] {
        let report = asked(&mut past(), rule, &Policies::default(), 0);
        let foretold = match report.divergences.first() {
            Some(divergence) => divergence.fields[0].other_value.to_string(),
            None => "11".to_owned(),
        };
        let mut other = Past::under(rule);
        other.prices("till", "10");
        other.syncs(Policies::default());
        other.quarrels("11", "12.5", Policies::default());
        let happened = other.with(|journal, _| {
            let merged = journal.state().records[0].merged;
            image_of(journal, &merged).expect("an image").get("price").map(ToString::to_string)
        });
        assert_eq!(happened, Some(foretold), "{rule}");
    }
}

#[test]
fn what_would_wait_for_a_person_is_not_lost() {
    let mut past = past();
    let report = asked(&mut past, "manual", &Policies::default(), 0);
    assert_eq!(report.left_to_a_person, Counted { recorded: 0, other: 1 });
    assert!(report.changes[0].other.waits);
    let before = shown(&[&report.divergences[0].fields[0].other_value]);
    assert_eq!(before, ["10"], "the value before");
    assert!(report.commands.values().all(|commands| commands.added == 0));
}

#[test]
fn after_its_first_divergence_a_record_is_no_fact_any_more() {
    let mut past = past();
    past.quarrels("13", "14", Policies::default());
    past.quarrels("15", "16", Policies::default());
    let report = asked(&mut past, "books", &Policies::default(), 0);
    assert_eq!((report.diverged, report.compared), (1, 2), "{report:#?}");
    assert_eq!((report.hypothetical.compared, report.hypothetical.differing), (2, 2));
    assert_eq!(report.conflicts, Counted { recorded: 1, other: 1 }, "the first, and no other");
    assert_eq!(report.money.len(), 1);
    // Asked from later on, the later ones are the first.
    let from = report.divergences[0].at.0;
    let report = asked(&mut past, "books", &Policies::default(), from);
    assert_eq!((report.compared, report.hypothetical.compared), (1, 1));
    assert_eq!(shown(&[&report.money[0].recorded]), ["13"]);
}

#[test]
fn a_policy_of_ones_own_is_asked_like_any_other() {
    let mut past = past();
    // Candidates come by side: the books first.
    let first = Policies::default().with(Takes("pick/1", |_| 0));
    let report = asked(&mut past, "policy pick", &first, 0);
    assert_eq!(report.policy, "declared/1+pick/1");
    assert_eq!(report.changes[0].other.rule, "custom");
}

#[test]
fn other_things_cannot_be_compared() {
    let past = Past::under("till");
    let text = super::support::configured("till");
    let parse = |text: &str| Config::parse(text, std::path::Path::new(".")).expect("parses");
    let told = |text: &str| {
        comparable(&past.config.schema, &parse(text).schema).map_err(|error| error.to_string())
    };
    assert_eq!(told(&text), Ok(Vec::new()));
    let scaled = text.replace("type = \"decimal\"", "type = \"decimal\", scale = 2");
    assert_eq!(told(&scaled), Ok(vec!["what the sides make of product.price".to_owned()]));
    let more = format!("{text}name = {{ till = \"name\", books = \"name\" }}\n");
    assert!(told(&more).is_err_and(|error| error.contains("a field `name` only in the other")));
    let other = text.replace("product", "customer");
    assert!(told(&other).is_err());
}

/// What a model of the sides comes to under these rules.
fn modelled(past: &mut Past, price: &str) -> Simulated {
    past.rule(price);
    past.with(|journal, config: &Config| {
        let policy = std::sync::Arc::new(Policies::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(simulate(journal, &config.schema, policy)).expect("modelled")
    })
}

#[test]
fn a_model_under_the_same_rules_ends_as_it_was() {
    let mut past = past();
    past.quarrels("13", "14", Policies::default());
    let model = modelled(&mut past, "till");
    assert_eq!(model.ends_otherwise, Vec::new());
    assert_eq!(model.conflicts, Counted { recorded: 2, other: 2 });
    assert_eq!(model.lost_deeds, 0);
    // The row and twice a price on each side; what the till's values did to the books was not the users' doing.
    assert_eq!(model.deeds, 5);
    for (side, counted) in &model.commands {
        assert_eq!(counted.recorded, counted.other, "{side}");
    }
}

#[test]
fn a_model_goes_on_where_the_exact_comparison_ends() {
    let mut past = past();
    past.quarrels("13", "14", Policies::default());
    let model = modelled(&mut past, "books");
    assert_eq!(model.conflicts.other, 2, "the second conflict is one in the model too");
    let [end] = &model.ends_otherwise[..] else { panic!("{:#?}", model.ends_otherwise) };
    assert_eq!(shown(&[&end.recorded, &end.other]), ["13", "14"]);
    // Left to a person, the first conflict is open when the second comes: nobody answered in the log.
    let model = modelled(&mut past, "manual");
    assert_eq!(model.open, Counted { recorded: 0, other: 1 });
    assert!(model.left_to_a_person.other >= 2, "{model:#?}");
}
