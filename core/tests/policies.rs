//! Golden cases of every policy: what both sides did, what holds, and what is written down about it.

mod small;

use mizan_core::bodies::image_of;
use mizan_core::event::{Choice, Found};
use mizan_core::policy::{Conflict, Policies, Policy, Verdict};
use mizan_core::{
    Fact, Field, Meaning, Name, RecordId, Rivalry, Rounding, Rule, SideId, Type, Value,
};
use small::{Small, field, list, number, rules, text, thing};

fn key() -> Field {
    field("key", Type::Text, Rivalry::Manual)
}

/// One record on both sides, with a note that both had agreed on.
fn agreed(note: Field, value: Value) -> Small {
    let mut world = Small::new(thing(vec![key(), note]));
    world.create("A", &[("key", text("k1")), ("note", value)]);
    world.sync();
    world
}

fn note(rivalry: Rivalry) -> Field {
    field("note", Type::Text, rivalry)
}

fn amount(rivalry: Rivalry) -> Field {
    field("note", Type::Decimal, rivalry)
}

#[test]
fn the_preferred_side_wins_and_the_other_value_is_recorded() {
    let mut world = agreed(note(Rivalry::Prefer(SideId::new("B"))), text("old"));
    world.edit("A", "note", text("from A"));
    world.edit("B", "note", text("from B"));
    world.sync();
    assert_eq!(world.both("note"), text("from B"));
    assert_eq!(world.verdict("note"), Some((Found::Preferred, vec![text("from A")])));
}

#[test]
fn of_two_edits_far_enough_apart_the_newest_wins() {
    for (first, second) in [("A", "B"), ("B", "A")] {
        let mut world = agreed(note(Rivalry::Newest), text("old"));
        world.pass(5_000);
        world.edit(first, "note", text("early"));
        world.pass(1_000);
        world.edit(second, "note", text("late"));
        world.sync();
        assert_eq!(world.both("note"), text("late"));
        assert_eq!(world.verdict("note"), Some((Found::Newest, vec![text("early")])));
    }
}

#[test]
fn edits_that_clocks_cannot_tell_apart_wait_for_a_person() {
    let mut world = agreed(note(Rivalry::Newest), text("old"));
    world.pass(5_000);
    world.edit("A", "note", text("one"));
    world.pass(999);
    world.edit("B", "note", text("other"));
    world.sync();
    assert_eq!(world.shows("A", "note"), text("one"));
    assert_eq!(world.shows("B", "note"), text("other"));
    assert_eq!(world.verdict("note"), Some((Found::Manual, vec![text("one"), text("other")])));
    assert!(world.state.conflicts.contains(&RecordId(0)));
}

#[test]
fn a_side_without_a_declared_clock_is_not_compared() {
    let mut entity = thing(vec![key(), note(Rivalry::Newest)]);
    if let Some(side) = entity.sides.get_mut(&SideId::new("B")) {
        side.clock_ms = None;
    }
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("old"))]);
    world.sync();
    world.pass(5_000);
    world.edit("A", "note", text("early"));
    world.pass(60_000);
    world.edit("B", "note", text("late"));
    world.sync();
    assert_eq!(world.verdict("note").map(|verdict| verdict.0), Some(Found::Manual));
}

#[test]
fn the_newest_is_found_against_a_value_that_is_merged_and_not_delivered() {
    for (wait, winner) in [(2_000, "late"), (-2_000, "merged")] {
        let mut world = agreed(note(Rivalry::Newest), text("old"));
        world.pass(10_000);
        world.edit("A", "note", text("merged"));
        world.look("A");
        world.think();
        // B has not been told when its user edits, two seconds later or, by B's clock, before.
        world.pass(wait);
        world.edit("B", "note", text("late"));
        world.pass(60_000);
        world.sync();
        assert_eq!(world.both("note"), text(winner));
        assert_eq!(world.verdict("note").map(|verdict| verdict.0), Some(Found::Newest));
    }
}

#[test]
fn the_greatest_and_the_least_amount_win() {
    for (rivalry, wins, loses, found) in [
        (Rivalry::Greatest, "10.25", "9.5", Found::Greatest),
        (Rivalry::Least, "9.5", "10.25", Found::Least),
    ] {
        let mut world = agreed(amount(rivalry), number("1"));
        world.edit("A", "note", number("9.5"));
        world.edit("B", "note", number("10.25"));
        world.sync();
        assert_eq!(world.both("note"), number(wins));
        assert_eq!(world.verdict("note"), Some((found, vec![number(loses)])));
    }
}

#[test]
fn nothing_is_neither_great_nor_small() {
    for rivalry in [Rivalry::Greatest, Rivalry::Least] {
        let mut world = agreed(amount(rivalry), number("1"));
        world.edit("A", "note", Value::Null);
        world.edit("B", "note", number("2"));
        world.sync();
        assert_eq!(world.verdict("note").map(|verdict| verdict.0), Some(Found::Manual));
    }
}

#[test]
fn the_greatest_keeps_its_digits_where_a_side_rounds() {
    let rounding = vec![Rule::Decimal { scale: 1, mode: Rounding::HalfUp }];
    let mut world = agreed(rules(amount(Rivalry::Greatest), "B", rounding), number("1"));
    world.edit("A", "note", number("10.25"));
    world.edit("B", "note", number("9"));
    world.sync();
    assert_eq!(world.shows("A", "note"), number("10.25"));
    assert_eq!(world.shows("B", "note"), number("10.3"));
}

fn tags() -> Field {
    let sorted = |field, side| rules(field, side, vec![Rule::Set]);
    let field = Field { meaning: Meaning::Set, ..field("note", Type::Any, Rivalry::Manual) };
    sorted(sorted(field, "A"), "B")
}

#[test]
fn what_both_put_into_a_set_and_took_out_of_it_is_joined() {
    let mut world = agreed(tags(), list(&["a", "b", "c"]));
    world.edit("A", "note", list(&["b", "c", "x"]));
    world.edit("B", "note", list(&["a", "b", "y"]));
    world.sync();
    assert_eq!(world.both("note"), list(&["b", "x", "y"]));
    assert_eq!(world.verdict("note"), Some((Found::Joined, vec![])));
}

#[test]
fn a_set_that_one_side_empties_keeps_what_the_other_put_in() {
    let mut world = agreed(tags(), list(&["a", "b"]));
    world.edit("A", "note", Value::Null);
    world.edit("B", "note", list(&["a", "b", "new"]));
    world.sync();
    assert_eq!(world.both("note"), list(&["new"]));
}

#[test]
fn what_was_put_in_and_not_delivered_is_not_taken_out_by_an_edit_that_had_not_seen_it() {
    let mut world = agreed(tags(), list(&["a"]));
    world.edit("A", "note", list(&["a", "undelivered"]));
    world.look("A");
    world.think();
    world.edit("B", "note", list(&["own"]));
    world.sync();
    assert_eq!(world.both("note"), list(&["own", "undelivered"]));
}

fn stock() -> Field {
    let counter = Field { meaning: Meaning::Counter, ..amount(Rivalry::Manual) };
    Field { stocktake: Some(SideId::new("B")), ..counter }
}

#[test]
fn movements_of_both_sides_add_up() {
    let counter = Field { meaning: Meaning::Counter, ..amount(Rivalry::Manual) };
    let mut world = agreed(counter, number("100"));
    world.edit("A", "note", number("97"));
    world.edit("B", "note", number("110"));
    world.sync();
    assert_eq!(world.both("note"), number("107"));
    assert_eq!(world.verdict("note"), Some((Found::Summed, vec![])));
}

#[test]
fn a_count_replaces_movements_that_the_counting_side_had_not_been_sent() {
    let mut world = agreed(stock(), number("100"));
    world.edit("A", "note", number("90"));
    world.look("A");
    world.think();
    // Ten were sold on A and B was not told; whoever counts on B finds 88 on the shelf.
    world.edit("B", "note", number("88"));
    world.sync();
    assert_eq!(world.both("note"), number("88"));
    assert_eq!(world.verdict("note"), Some((Found::Counted, vec![number("90")])));
}

#[test]
fn movements_seen_together_with_a_count_go_on_top_of_it() {
    let mut world = agreed(stock(), number("100"));
    world.edit("A", "note", number("95"));
    world.edit("B", "note", number("88"));
    world.sync();
    assert_eq!(world.both("note"), number("83"));
}

fn address(rivalry: Rivalry) -> Small {
    let part = |name: &str| Field {
        group: Some(Name::new("address")),
        ..field(name, Type::Text, rivalry.clone())
    };
    let mut world = Small::new(thing(vec![key(), part("street"), part("city")]));
    let row = [("key", text("k1")), ("street", text("Old Road")), ("city", text("Old Town"))];
    world.create("A", &row);
    world.sync();
    world
}

#[test]
fn fields_that_change_together_are_taken_from_one_side() {
    let mut world = address(Rivalry::Prefer(SideId::new("A")));
    world.edit("A", "street", text("A Road"));
    world.edit("B", "city", text("B Town"));
    world.sync();
    // Not A's street in B's town.
    assert_eq!(world.both("street"), text("A Road"));
    assert_eq!(world.both("city"), text("Old Town"));
    assert_eq!(world.verdict("city"), Some((Found::Preferred, vec![text("B Town")])));
}

#[test]
fn a_group_that_one_side_changed_is_no_conflict() {
    let mut world = address(Rivalry::Manual);
    world.edit("A", "street", text("A Road"));
    world.edit("A", "city", text("A Town"));
    world.sync();
    assert_eq!((world.both("street"), world.both("city")), (text("A Road"), text("A Town")));
    assert_eq!(world.decision("street"), None);
}

#[test]
fn a_group_that_both_sides_changed_alike_is_no_conflict() {
    let mut world = address(Rivalry::Manual);
    for side in ["A", "B"] {
        world.edit(side, "street", text("New Road"));
        world.edit(side, "city", text("New Town"));
    }
    world.sync();
    assert_eq!(world.both("street"), text("New Road"));
    assert_eq!(world.decision("street"), None);
}

#[test]
fn a_group_in_conflict_waits_as_a_whole_and_a_person_decides_it_as_a_whole() {
    let mut world = address(Rivalry::Manual);
    world.edit("A", "street", text("A Road"));
    world.edit("B", "city", text("B Town"));
    world.sync();
    assert_eq!(world.shows("B", "street"), text("Old Road"));
    assert_eq!(world.shows("A", "city"), text("Old Town"));
    let side = || Choice::Side(SideId::new("B"));
    world.resolve(&[("street", side()), ("city", side())]);
    world.sync();
    assert_eq!((world.both("street"), world.both("city")), (text("Old Road"), text("B Town")));
    assert_eq!(world.verdict("street"), Some((Found::Person, vec![text("A Road")])));
}

#[test]
fn a_group_is_also_decided_against_values_that_are_merged_and_not_delivered() {
    let mut world = address(Rivalry::Prefer(SideId::new("B")));
    world.edit("A", "street", text("A Road"));
    world.look("A");
    world.think();
    world.edit("B", "city", text("B Town"));
    world.sync();
    assert_eq!((world.both("street"), world.both("city")), (text("Old Road"), text("B Town")));
    assert_eq!(world.verdict("street"), Some((Found::Preferred, vec![text("A Road")])));
}

fn copied() -> Small {
    let mut entity = thing(vec![key(), note(Rivalry::KeepBoth)]);
    entity.copies = Some(Name::new("key"));
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("old"))]);
    world.sync();
    world
}

#[test]
fn both_values_are_kept_one_of_them_in_a_copy() {
    let mut world = copied();
    world.edit("A", "note", text("from A"));
    world.edit("B", "note", text("from B"));
    world.sync();
    for side in ["A", "B"] {
        let rows = world.rows[&SideId::new(side)].values();
        let mut shown: Vec<(Value, Value)> = rows
            .map(|(image, _)| {
                (image.get("key").unwrap().clone(), image.get("note").unwrap().clone())
            })
            .collect();
        shown.sort();
        let copy = (text("k1 (copy, B)"), text("from B"));
        assert_eq!(shown, vec![(text("k1"), text("from A")), copy]);
    }
    assert_eq!(world.verdict("note"), Some((Found::KeptBoth, vec![text("from B")])));
    assert_eq!(world.state.records[1].copy_of, Some(RecordId(0)));
}

#[test]
fn f103_copies_do_not_breed() {
    let mut world = copied();
    world.edit("A", "note", text("from A"));
    world.edit("B", "note", text("from B"));
    world.sync();
    let copies = |world: &Small| world.state.records.len() - 1;
    assert_eq!(copies(&world), 1);
    // The copy itself is in conflict next: it waits for a person.
    for side in ["A", "B"] {
        let side = SideId::new(side);
        for (image, _) in world.rows.get_mut(&side).unwrap().values_mut() {
            if image.get("key") != Some(&text("k1")) {
                image.set(&Name::new("note"), text(&format!("again on {side}")));
            }
        }
    }
    world.sync();
    assert_eq!(copies(&world), 1);
    assert_eq!(world.verdict("note").map(|verdict| verdict.0), Some(Found::Manual));
}

#[test]
fn where_nothing_tells_a_copy_from_its_original_a_person_decides() {
    let mut world = agreed(note(Rivalry::KeepBoth), text("old"));
    world.edit("A", "note", text("from A"));
    world.edit("B", "note", text("from B"));
    world.sync();
    assert_eq!(world.verdict("note").map(|verdict| verdict.0), Some(Found::Manual));
    assert_eq!(world.state.records.len(), 1);
}

/// The longest text wins, of equally long ones the greater.
struct Longest;

impl Policy for Longest {
    fn id(&self) -> Name {
        "longest/1".into()
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let all = conflict.candidates.iter().enumerate();
        let best = all.max_by_key(|(_, one)| (one.value.to_string().len(), one.value));
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}

#[test]
fn a_policy_of_the_users_own_decides_and_is_named_in_the_log() {
    let entity = thing(vec![key(), note(Rivalry::Custom("longest".into()))]);
    let mut world = Small::with(entity, Policies::default().with(Longest));
    world.create("A", &[("key", text("k1")), ("note", text("old"))]);
    world.sync();
    world.edit("A", "note", text("long enough"));
    world.edit("B", "note", text("short"));
    world.sync();
    assert_eq!(world.both("note"), text("long enough"));
    assert_eq!(world.verdict("note"), Some((Found::Custom, vec![text("short")])));
    let named = world.events.iter().any(|event| {
        matches!(&event.fact, Fact::PolicySet { policy, .. } if policy == "declared/1+longest/1")
    });
    assert!(named, "the rules in force are in the log");
}

#[test]
fn a_policy_that_is_not_registered_decides_nothing() {
    let mut world = agreed(note(Rivalry::Custom("longest".into())), text("old"));
    world.edit("A", "note", text("from A"));
    world.edit("B", "note", text("from B"));
    world.sync();
    assert_eq!(world.verdict("note").map(|verdict| verdict.0), Some(Found::Manual));
}

fn in_conflict() -> Small {
    let mut world = agreed(note(Rivalry::Manual), text("old"));
    world.edit("A", "note", text("from A"));
    world.edit("B", "note", text("from B"));
    world.sync();
    assert_eq!(world.state.conflicts.len(), 1);
    world
}

#[test]
fn a_conflict_that_is_skipped_is_not_asked_about_before_something_changes() {
    let mut world = in_conflict();
    world.resolve(&[("note", Choice::Skip)]);
    world.sync();
    assert!(world.state.conflicts.is_empty());
    assert_eq!(world.shows("A", "note"), text("from A"), "the sides keep what they show");
    assert_eq!(world.shows("B", "note"), text("from B"));
    world.edit("B", "note", text("from B, again"));
    world.sync();
    assert_eq!(world.state.conflicts.len(), 1);
}

#[test]
fn what_a_person_decided_can_be_taken_back_before_it_is_carried_out() {
    let mut world = in_conflict();
    world.resolve(&[("note", Choice::Value(text("a third")))]);
    let (record, by, why) = (RecordId(0), "a person".to_owned(), "a mistake".to_owned());
    world.append(mizan_core::bodies::Outcome::fact(Fact::Unresolved { record, by, why }));
    world.sync();
    assert_eq!(world.shows("A", "note"), text("from A"));
    assert_eq!(world.state.conflicts.len(), 1);
}

#[test]
fn new_rules_do_not_decide_the_past_before_they_are_asked_to() {
    let mut world = in_conflict();
    world.change_rules(|entity| entity.fields[1].rivalry = Rivalry::Prefer(SideId::new("B")));
    world.sync();
    assert_eq!(world.shows("A", "note"), text("from A"));
    let (entity, by, why) = ("thing".into(), "a person".to_owned(), "new rules".to_owned());
    world.append(mizan_core::bodies::Outcome::fact(Fact::Redecided { entity, by, why }));
    world.sync();
    assert_eq!(world.both("note"), text("from B"));
    assert!(world.state.conflicts.is_empty());
}

#[test]
fn a_merged_image_never_holds_what_nobody_wrote() {
    let mut world = in_conflict();
    world.resolve(&[("note", Choice::Side(SideId::new("A")))]);
    world.sync();
    let record = &world.state.records[0];
    let merged = image_of(&world, &record.merged).unwrap();
    assert_eq!(merged.get("note"), Some(&text("from A")));
    assert_eq!(world.verdict("note"), Some((Found::Person, vec![text("from B"), text("old")])));
}

#[test]
fn l27_a_finer_value_is_no_rival_of_its_own_form_whoever_was_seen_first() {
    let rounding = vec![Rule::Decimal { scale: 1, mode: Rounding::HalfUp }];
    for first in ["A", "B"] {
        let field = rules(amount(Rivalry::Prefer(SideId::new("B"))), "B", rounding.clone());
        let mut world = agreed(field, number("1"));
        // Two people are told the same amount; B keeps one digit of it.
        world.edit("A", "note", number("10.25"));
        world.edit("B", "note", number("10.25"));
        world.look(first);
        world.think();
        world.sync();
        assert_eq!(world.shows("A", "note"), number("10.25"), "{first} was seen first");
        assert_eq!(world.shows("B", "note"), number("10.3"));
        assert_eq!(world.decision("note"), None);
    }
}
