//! The base and what counts as a change: contents, never clocks, sizes or flags.

use mizan_core::event::{Choice, Found};
use mizan_core::policy::{Candidate, Conflict, Declared, Policy, Stamp, Verdict};
use mizan_core::{
    DeletePolicy, Entity, Event, Ext, Field, Rivalry, Rule, Seq, SideId, Timestamp, Type, Value,
};
use mizan_testkit::scenario::{A, B, C, Item, Rules, Scenario};
use mizan_testkit::{Law, Moment, Trouble, Vice};
use std::collections::BTreeMap;

fn ann_everywhere(rules: Rules) -> (Scenario, Item) {
    let mut s = rules.begin();
    let ann = s.creates_customer(A, "Ann");
    s.syncs();
    s.writes();
    (s, ann)
}

#[test]
fn f14_two_edits_within_one_unit_of_the_clock_are_both_seen() {
    let rules = Rules::new().vice(A, Vice::OneStamp).vice(B, Vice::OneStamp).sweeps_first_only();
    let (mut s, ann) = ann_everywhere(rules);
    for name in ["Anna", "Anne"] {
        s.edits(A, ann, "name", name);
        s.syncs();
        s.assert_all_show(ann, "name", name);
    }
    s.ends();
}

#[test]
fn f14_what_was_edited_unseen_is_not_overwritten() {
    // B's clock stands still, so its edit is not listed; the write to it finds the row changed.
    let rules = Rules::new().prefers(A).vice(B, Vice::StampsFrozen).sweeps_first_only();
    let (mut s, ann) = ann_everywhere(rules);
    s.passes(10_000);
    s.edits(B, ann, "note", "seen by nobody");
    s.edits(A, ann, "name", "Anna");
    s.syncs();
    s.assert_all_show(ann, "name", "Anna");
    s.assert_all_show(ann, "note", "seen by nobody");
    s.ends();
}

#[test]
fn f16_a_field_that_changes_at_every_step_of_a_sync_ends_at_its_last_value() {
    let (mut s, ann) = ann_everywhere(Rules::new().prefers(A));
    s.edits(A, ann, "name", "first");
    for (moment, side, name) in [
        (Moment::BeforeWrite, A, "second"),
        (Moment::AfterWrite, A, "third"),
        (Moment::BeforeWrite, A, "fourth"),
    ] {
        s.meanwhile(B, moment, move |world| {
            world.user_sets(side, ann.0, "name", &Value::text(name));
        });
    }
    s.syncs();
    s.syncs();
    s.assert_all_show(ann, "name", "third");
    s.ends();
}

#[test]
fn f17_clocks_that_disagree_hide_no_conflict() {
    let rules = Rules::new().vice(A, Vice::ClockAhead).vice(B, Vice::ClockBehind);
    let (mut s, ann) = ann_everywhere(rules);
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    let report = s.syncs();
    assert_eq!(report.standing.conflicts, 1);
    assert_eq!(s.conflicts(ann), ["name"]);
    s.assert_shows(A, ann, "name", "Anna");
    s.assert_shows(B, ann, "name", "Anne");
    s.ends();
}

#[test]
fn f18_newest_wins_leaves_equal_times_to_a_person() {
    let rules = Rules::new().rivalry(&Rivalry::Newest).clock(A, 1_000).clock(B, 1_000);
    let (mut s, ann) = ann_everywhere(rules.clone());
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    s.syncs();
    assert_eq!(s.conflicts(ann), ["name"]);
    assert_eq!(s.writes(), 0);
    s.ends();

    let (mut s, ann) = ann_everywhere(rules);
    s.edits(A, ann, "name", "Anna");
    s.passes(1_000);
    s.edits(B, ann, "name", "Anne");
    s.syncs();
    s.assert_all_show(ann, "name", "Anne");
    assert_eq!(s.losers(ann, "name"), [Value::text("Anna")]);
    s.ends();
}

#[test]
fn f19_a_coarser_moment_is_the_same_moment() {
    let rules = Rules::new().field("customer", Field::new("since", Type::Instant)).stores(
        B,
        "since",
        vec![Rule::Granularity(1_000)],
    );
    let mut s = rules.begin();
    let ann = s.creates_customer(A, "Ann");
    s.edits(A, ann, "since", Value::Instant(1_234_567));
    s.syncs();
    s.assert_shows(B, ann, "since", Value::Instant(1_234_000));
    s.writes();
    s.sweeps();
    s.sweeps();
    assert_eq!(s.writes(), 0);
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.assert_shows(A, ann, "since", Value::Instant(1_234_567));
    s.ends();
}

#[test]
fn f20_two_primaries_by_newest_wins_end_equal_and_the_loser_is_told() {
    let rules = Rules::between(3).rivalry(&Rivalry::Newest).clock(A, 10).clock(B, 10).clock(C, 10);
    let (mut s, ann) = ann_everywhere(rules);
    for (side, name) in [(C, "first"), (A, "second"), (B, "third")] {
        s.passes(500);
        s.edits(side, ann, "name", name);
    }
    s.syncs();
    s.assert_all_show(ann, "name", "third");
    assert_eq!(s.losers(ann, "name").len(), 2);
    s.ends();
}

#[test]
fn f21_a_lost_log_makes_conflicts_and_overwrites_nothing() {
    let (mut s, ann) = ann_everywhere(Rules::new());
    s.edits(B, ann, "name", "newer");
    s.loses_the_log();
    s.syncs();
    assert_eq!(s.writes(), 0);
    assert_eq!(s.conflicts(ann), ["name"]);
    s.decides(ann, "name", Choice::Side(SideId::new("B")));
    s.syncs();
    s.assert_all_show(ann, "name", "newer");
    // Who had seen whom was in the log that is gone.
    s.allows(&[Law::NoFalseConflict]);
    s.ends();
}

#[test]
fn f23_newest_wins_takes_the_same_one_in_any_order() {
    let sides = ["A", "B", "C"].map(SideId::new);
    let field = Field { rivalry: Rivalry::Newest, ..Field::new("name", Type::Text) };
    let entity = Entity {
        name: "customer".into(),
        fields: vec![field.clone()],
        key: Vec::new(),
        sides: BTreeMap::new(),
        on_delete: DeletePolicy::EditWins,
        copies: None,
    };
    let values = ["x", "y", "z"].map(Value::text);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for times in 0..5i64.pow(3) {
        let at = [times % 5, times / 5 % 5, times / 25];
        let winner = |order: &[usize; 3]| {
            let candidates: Vec<Candidate<'_>> = order
                .iter()
                .map(|one| Candidate {
                    side: Some(&sides[*one]),
                    value: &values[*one],
                    stamp: Some(Stamp { at: Timestamp(at[*one]), within_ms: 2 }),
                })
                .collect();
            let base = None;
            let conflict =
                Conflict { entity: &entity, field: &field, base, candidates: &candidates };
            match Declared.resolve(&conflict) {
                Verdict::Take(index) => Some(order[index]),
                Verdict::Merged(_) | Verdict::Both(_) | Verdict::Park => None,
            }
        };
        let first = winner(&orders[0]);
        assert!(orders.iter().all(|order| winner(order) == first), "{at:?}");
        if let Some(first) = first {
            let others = (0..3).filter(|one| *one != first);
            others.for_each(|one| assert!(at[first] - at[one] >= 2, "{at:?} took {first}"));
        }
    }
}

#[test]
fn f24_ids_that_differ_in_zeros_stay_apart_in_the_log() {
    let (mut s, _) = ann_everywhere(Rules::new().vice(A, Vice::OddIds).vice(B, Vice::OddIds));
    for name in ["Bob", "Cem", "Dee", "Eva", "Fay"] {
        s.creates_customer(A, name);
    }
    s.syncs();
    let state = s.state().clone();
    let again = mizan_core::fold::State::from_bytes(&state.to_bytes());
    assert_eq!(again, Some(state.clone()));
    for event in s.events() {
        let bytes = event.to_bytes();
        let read = Event::from_bytes(Seq(event.seq.0), &bytes).expect("it was written");
        assert_eq!(read, event);
    }
    let customer = "customer".into();
    let record = |ext: &str| state.record_of(&customer, &SideId::new("A"), &Ext::new(ext));
    let all = ["", "0", "00", "٠", "A", "a"].map(record);
    let distinct: std::collections::BTreeSet<_> = all.iter().flatten().collect();
    assert_eq!(distinct.len(), 6);
    s.ends();
}

#[test]
fn f25_an_edit_of_exactly_what_we_wrote_is_no_conflict() {
    let (mut s, ann) = ann_everywhere(Rules::new());
    s.edits(A, ann, "name", "Anna");
    s.syncs();
    s.edits(B, ann, "name", "Anne");
    s.syncs();
    s.assert_all_show(ann, "name", "Anne");
    assert!(s.decisions(ann, "name").is_empty(), "there was nothing to decide");
    s.ends();
}

#[test]
fn f26_without_any_tag_or_stamp_nothing_doubles() {
    let rules = Rules::new().vice(B, Vice::NoStamps).offers(B, |offers| {
        offers.idempotent = false;
        offers.ack_body = false;
    });
    let mut s = rules.begin();
    let ann = s.creates_customer(A, "Ann");
    s.next(B, Trouble::AnswerLost);
    for _ in 0..4 {
        s.syncs();
        s.restarts();
    }
    assert_eq!(s.everywhere(ann), [1, 1]);
    s.ends();
}

#[test]
fn f27_empty_nothing_and_absent_are_three_things() {
    let (mut s, ann) = ann_everywhere(Rules::new());
    s.edits(A, ann, "note", "");
    s.edits(A, ann, "phone", "12");
    s.syncs();
    s.assert_all_show(ann, "note", "");
    s.clears(B, ann, "phone");
    s.syncs();
    s.assert_all_show(ann, "phone", Value::Null);
    s.assert_all_show(ann, "note", "");
    s.ends();
}

#[test]
fn f27_a_field_that_an_answer_leaves_out_is_not_cleared() {
    let mut s = Rules::new().vice(B, Vice::NullIsAbsent).begin();
    let ann = s.creates_customer(A, "Ann");
    s.edits(A, ann, "note", "kept");
    let email = Value::text("ann@example.org");
    s.types_in(B, ann, &[("email", email), ("name", Value::text("Ann"))]);
    s.syncs();
    s.assert_shows(A, ann, "note", "kept");
    s.sweeps();
    s.assert_shows(A, ann, "note", "kept");
}

#[test]
fn f28_a_default_of_the_target_does_not_come_back_as_an_edit() {
    let (mut s, ann) = ann_everywhere(Rules::new().vice(B, Vice::FillsBlank));
    s.edits(A, ann, "note", "soon");
    s.syncs();
    s.clears(A, ann, "note");
    s.syncs();
    s.sweeps();
    s.sweeps();
    s.assert_shows(A, ann, "note", Value::Null);
    s.assert_shows(B, ann, "note", "today");
    assert_eq!(s.writes(), 2, "it was not written again and again");
}

#[test]
fn f29_columns_that_nobody_maps_stay_as_they_are() {
    let rules = Rules::new().vice(A, Vice::UnknownColumn).vice(B, Vice::UnknownColumn);
    let (mut s, ann) = ann_everywhere(rules);
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "note", "a note");
    s.syncs();
    s.assert_all_show(ann, "name", "Anna");
    s.assert_shows(A, ann, "legacy", "kept a1");
    s.assert_shows(B, ann, "legacy", "kept b1");
    s.ends();
}

#[test]
fn f100_a_conflict_that_a_person_decides_is_not_decided_before() {
    let (mut s, ann) = ann_everywhere(Rules::new());
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    for _ in 0..3 {
        s.sweeps();
        s.restarts();
    }
    s.syncs();
    s.assert_shows(A, ann, "name", "Anna");
    s.assert_shows(B, ann, "name", "Anne");
    assert_eq!(s.found(ann, "name"), Some(Found::Manual));
    s.decides(ann, "name", Choice::Side(SideId::new("B")));
    s.syncs();
    s.assert_all_show(ann, "name", "Anne");
    assert!(s.losers(ann, "name").contains(&Value::text("Anna")));
    s.ends();
}

#[test]
fn f103_copies_of_a_conflict_do_not_breed() {
    let rules = Rules::new()
        .rivalry(&Rivalry::KeepBoth)
        .entities(|entity| entity.copies = Some(entity.key[0].clone()));
    let (mut s, ann) = ann_everywhere(rules);
    s.edits(A, ann, "name", "Anna");
    s.edits(B, ann, "name", "Anne");
    for _ in 0..4 {
        s.sweeps();
    }
    let rows = |s: &mut Scenario, side: usize| s.world(|world| world.sides[side].live().len());
    assert_eq!((rows(&mut s, A), rows(&mut s, B)), (2, 2), "the record and one copy");
    s.writes();
    s.sweeps();
    assert_eq!(s.writes(), 0);
    s.ends();
}
