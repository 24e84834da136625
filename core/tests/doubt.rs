//! Golden cases of writes in doubt, of what may run without a person, and of rows that meet by their key.

mod small;

use mizan_core::bodies::{Bodies, Outcome};
use mizan_core::check::{Limits, check};
use mizan_core::event::{Evidence, LinkedBy, ParkedFor, RefusedBy, Subject, Undone};
use mizan_core::ingest::{Ingest, Reading, Shown, ingest};
use mizan_core::plan::{Planned, plan};
use mizan_core::settle::{RowTrace, Trace, create_in_doubt, done, freed_by_sweep, update_in_doubt};
use mizan_core::{
    Entity, Ext, Fact, Field, Image, Meaning, Name, RecordId, Rivalry, SideId, Timestamp, Type,
    Value,
};
use small::{Small, field, number, text, thing};

fn entity() -> Entity {
    let stock =
        Field { meaning: Meaning::Counter, ..field("stock", Type::Decimal, Rivalry::Manual) };
    thing(vec![
        field("key", Type::Text, Rivalry::Manual),
        field("note", Type::Text, Rivalry::Manual),
        stock,
    ])
}

fn image(fields: &[(&str, Value)]) -> Image {
    fields.iter().map(|(name, value)| (Name::new(name), value.clone())).collect()
}

fn shown(ext: &str, fields: &[(&str, Value)]) -> Shown {
    let stamp = Some(Timestamp(1));
    Shown { ext: Ext::new(ext), image: image(fields), stamp, tag: None }
}

/// The next command, as an intent in the log whose answer never came.
fn lost(world: &mut Small, entity: &Entity) -> Planned {
    let schema =
        mizan_core::Schema::new(vec![SideId::new("A"), SideId::new("B")], vec![entity.clone()])
            .expect("it is there");
    let planned = plan(&world.state, &schema, world).expect("it is there").commands.remove(0);
    let mut outcome = Outcome::fact(Fact::Intent { command: planned.command.clone() });
    let set = outcome.keep(planned.set.clone());
    assert_eq!(set, planned.command.set);
    world.append(outcome);
    planned
}

/// A create on B whose answer was lost.
fn create_lost() -> (Small, Entity, Planned) {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n1")), ("stock", number("5"))]);
    world.look("A");
    world.think();
    let planned = lost(&mut world, &entity());
    (world, entity(), planned)
}

fn judge(world: &Small, entity: &Entity, planned: &Planned, trace: Trace) -> Option<Vec<Fact>> {
    let judged =
        create_in_doubt(&world.state, entity, world, &planned.command, &planned.set, trace);
    judged.expect("it is there").map(|outcome| outcome.facts)
}

fn full(ext: &str) -> Shown {
    shown(ext, &[("key", text("k1")), ("note", text("n1")), ("stock", number("5"))])
}

#[test]
fn a_create_that_left_one_row_was_done() {
    let (world, entity, planned) = create_lost();
    for marked in [true, false] {
        let trace = Trace { rows: vec![full("B9")], conclusive: false, marked };
        let facts = judge(&world, &entity, &planned, trace).expect("it is there");
        assert!(
            matches!(&facts[..], [Fact::Done { ext, exact: false, .. }] if ext.as_str() == "B9"),
            "{facts:?}"
        );
    }
}

#[test]
fn a_create_without_a_trace_was_not_done_only_where_the_search_says_so() {
    let (world, entity, planned) = create_lost();
    let nothing = |conclusive| Trace { rows: Vec::new(), conclusive, marked: true };
    assert_eq!(judge(&world, &entity, &planned, nothing(false)), None);
    let facts = judge(&world, &entity, &planned, nothing(true)).expect("it is there");
    let why = Undone::NotApplied;
    assert_eq!(facts, [Fact::Withdrawn { command: planned.command.id, why }]);
}

#[test]
fn two_rows_of_one_create_are_a_persons_business() {
    let (world, entity, planned) = create_lost();
    let rows = vec![full("B8"), full("B9")];
    let facts = judge(&world, &entity, &planned, Trace { rows, conclusive: true, marked: true });
    let subject = Subject::Record(RecordId(0));
    assert!(
        facts
            .expect("it is there")
            .contains(&Fact::Parked { subject, why: ParkedFor::Undecidable })
    );
}

#[test]
fn a_row_with_the_key_and_other_contents_is_linked_and_not_taken_for_ours() {
    let (mut world, entity, planned) = create_lost();
    let row =
        shown("B9", &[("key", text("k1")), ("note", text("typed in")), ("stock", number("7"))]);
    let trace = Trace { rows: vec![row], conclusive: false, marked: false };
    let judged =
        create_in_doubt(&world.state, &entity, &world, &planned.command, &planned.set, trace);
    let outcome = judged.expect("it is there").expect("it is there");
    let linked = outcome.facts.iter().any(|fact| {
        matches!(fact, Fact::Linked { record: RecordId(0), how: LinkedBy::Search, .. })
    });
    assert!(linked, "{:?}", outcome.facts);
    world.append(outcome);
    assert!(world.state.undecided.contains(&RecordId(0)));
    assert_eq!(world.state.records[0].pending, None);
}

#[test]
fn a_row_that_was_there_before_the_create_is_not_its_trace() {
    let (mut world, entity, planned) = create_lost();
    // The row is known: it belongs to nobody, and was seen before.
    let side = SideId::new("B");
    let ticket = world.head();
    let reading = Reading { entity: &entity, side: &side, evidence: Evidence::Get, ticket };
    let known = ingest(&world.state, &world, reading, full("B1")).expect("it is there");
    let Ingest::Observed(outcome) = known else { panic!("{known:?}") };
    world.append(outcome);
    let trace = Trace { rows: vec![full("B1")], conclusive: true, marked: false };
    let facts = judge(&world, &entity, &planned, trace).expect("it is there");
    let why = Undone::NotApplied;
    assert_eq!(facts, [Fact::Withdrawn { command: planned.command.id, why }]);
}

/// An update of B whose answer was lost; B's row was k1, n1, 5, and was to get the note n2 or the stock 8.
fn update_lost(edit: (&str, Value)) -> (Small, Entity, Planned) {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n1")), ("stock", number("5"))]);
    world.sync();
    world.edit("A", edit.0, edit.1);
    world.look("A");
    world.think();
    let planned = lost(&mut world, &entity());
    (world, entity(), planned)
}

fn after(
    world: &Small,
    entity: &Entity,
    planned: &Planned,
    row: Shown,
    trace: RowTrace,
) -> Vec<Fact> {
    let (state, command) = (&world.state, &planned.command);
    update_in_doubt(state, entity, world, command, &planned.set, row, trace)
        .expect("it is there")
        .facts
}

#[test]
fn an_update_in_doubt_is_judged_by_the_row() {
    let (world, entity, planned) = update_lost(("note", text("n2")));
    let ext = planned.command.operation.ext().expect("it is there").clone();
    let row = |note: &str| {
        let fields = [("key", text("k1")), ("note", text(note)), ("stock", number("5"))];
        Shown { ext: ext.clone(), ..shown("", &fields) }
    };
    let withdrawn = [Fact::Withdrawn { command: planned.command.id, why: Undone::NotApplied }];
    let was_done = |facts: Vec<Fact>| matches!(&facts[..], [Fact::Done { exact: false, .. }]);
    // It shows what was sent.
    assert!(was_done(after(&world, &entity, &planned, row("n2"), RowTrace::None)));
    // It shows what it had before, or what a user wrote.
    assert_eq!(after(&world, &entity, &planned, row("n1"), RowTrace::None), withdrawn);
    assert_eq!(after(&world, &entity, &planned, row("n3"), RowTrace::None), withdrawn);
    // It carries our marker: done, and a user was there since.
    assert!(was_done(after(&world, &entity, &planned, row("n3"), RowTrace::Ours)));
    // The side compared and refused: what fits is somebody else's.
    assert_eq!(after(&world, &entity, &planned, row("n2"), RowTrace::Refused), withdrawn);
}

#[test]
fn a_movement_in_doubt_on_a_row_that_moved_is_a_persons_business() {
    let (world, entity, planned) = update_lost(("stock", number("8")));
    let ext = planned.command.operation.ext().expect("it is there").clone();
    let row = |stock: &str| {
        let fields = [("key", text("k1")), ("note", text("n1")), ("stock", number(stock))];
        Shown { ext: ext.clone(), ..shown("", &fields) }
    };
    let done = after(&world, &entity, &planned, row("8"), RowTrace::None);
    assert!(matches!(&done[..], [Fact::Done { .. }]), "{done:?}");
    let untouched = after(&world, &entity, &planned, row("5"), RowTrace::None);
    assert!(matches!(&untouched[..], [Fact::Withdrawn { .. }]), "{untouched:?}");
    let moved = after(&world, &entity, &planned, row("6"), RowTrace::None);
    let subject = Subject::Record(RecordId(0));
    assert!(moved.contains(&Fact::Parked { subject, why: ParkedFor::Undecidable }), "{moved:?}");
}

#[test]
fn what_a_side_stores_otherwise_is_said_and_becomes_its_base() {
    let (mut world, entity, planned) = update_lost(("note", text("n2")));
    let ext = planned.command.operation.ext().expect("it is there").clone();
    let fields = [("key", text("k1")), ("note", text("N2")), ("stock", number("5"))];
    let row = Shown { ext, ..shown("", &fields) };
    let settled = done(&world.state, &entity, &world, &planned.command, &planned.set, row, true)
        .expect("it is there");
    let drifted = Fact::Drifted { command: planned.command.id, fields: vec!["note".into()] };
    assert!(settled.facts.contains(&drifted), "{:?}", settled.facts);
    world.append(settled);
    let slot = &world.state.records[0].slots[&SideId::new("B")];
    assert_eq!(world.image(&slot.base).expect("it is there").get("note"), Some(&text("N2")));
    assert!(slot.changed.is_empty() && slot.behind.is_empty());
}

#[test]
fn what_was_tried_before_is_no_edit_and_what_it_lacks_is_owed() {
    let (mut world, entity, planned) = create_lost();
    let why = Undone::NotApplied;
    world.append(Outcome::fact(Fact::Withdrawn { command: planned.command.id, why }));
    world.edit("A", "note", text("n2"));
    world.look("A");
    world.think();
    let second = lost(&mut world, &entity);
    assert_eq!(second.command.id, planned.command.id, "tries of one create share their identity");
    // The first try arrives, after all.
    let trace = Trace { rows: vec![full("B9")], conclusive: false, marked: true };
    let judged =
        create_in_doubt(&world.state, &entity, &world, &second.command, &second.set, trace);
    let outcome = judged.expect("it is there").expect("it is there");
    world.append(outcome);
    world.think();
    let slot = &world.state.records[0].slots[&SideId::new("B")];
    assert!(slot.changed.is_empty(), "nobody edited it");
    assert!(!slot.behind.is_empty(), "it is still owed the note");
    assert!(slot.tried.is_empty());
}

#[test]
fn a_refused_command_is_tried_again_after_a_sweep_and_not_before_its_time() {
    let (mut world, _, planned) = create_lost();
    let (why, message) = (RefusedBy::Rules, "no".to_owned());
    world.append(Outcome::fact(Fact::Refused { command: planned.command.id, why, message }));
    let since = world.state.records[0].refused.as_ref().expect("it is there").since;
    let free = |side: &str, entity: &str, before: i64| {
        freed_by_sweep(&world.state, &SideId::new(side), entity, Timestamp(before))
    };
    assert_eq!(free("B", "thing", since.0 + 1), [RecordId(0)]);
    assert!(free("B", "thing", since.0).is_empty(), "too soon");
    assert!(free("A", "thing", since.0 + 1).is_empty(), "another side refused");
    assert!(free("B", "other", since.0 + 1).is_empty(), "another entity was swept");
}

#[test]
fn what_a_side_cannot_do_at_all_is_not_tried_again() {
    let (mut world, _, planned) = create_lost();
    let (why, message) = (RefusedBy::Unsupported, "no".to_owned());
    world.append(Outcome::fact(Fact::Refused { command: planned.command.id, why, message }));
    let side = SideId::new("B");
    assert!(freed_by_sweep(&world.state, &side, "thing", Timestamp(i64::MAX)).is_empty());
}

/// So many rows on both sides, of which A's users change or delete some.
fn many(rows: usize, edits: usize, deletes: usize) -> (Small, mizan_core::plan::Plan) {
    let mut world = Small::new(entity());
    let mut made = Vec::new();
    for row in 0..rows {
        let key = text(&format!("k{row}"));
        made.push(world.create("A", &[("key", key), ("note", text("n")), ("stock", number("1"))]));
    }
    for _ in 0..2 {
        world.look("A");
        world.look("B");
        world.think();
        world.act();
    }
    let side = SideId::new("A");
    for ext in made.iter().take(deletes) {
        world.rows.get_mut(&side).expect("it is there").remove(ext);
    }
    for ext in made.iter().skip(deletes).take(edits) {
        let row =
            world.rows.get_mut(&side).expect("it is there").get_mut(ext).expect("it is there");
        row.0.set(&Name::new("note"), text("other"));
    }
    world.look("A");
    world.think();
    let schema = mizan_core::Schema::new(vec![SideId::new("A"), SideId::new("B")], vec![entity()])
        .expect("it is there");
    let plan = plan(&world.state, &schema, &world).expect("it is there");
    (world, plan)
}

#[test]
fn a_plan_may_do_so_much_and_no_more_without_a_person() {
    let limits =
        Limits { deletes_free: 2, deletes_percent: 20, updates_free: 3, updates_percent: 50 };
    for (edits, deletes, fits) in [
        (0, 2, true),  // free
        (0, 4, true),  // 4 of 20 are 20 %
        (0, 5, false), // 5 of 20 are more
        (3, 0, true),
        (10, 0, true), // half
        (11, 0, false),
    ] {
        let (world, plan) = many(20, edits, deletes);
        let found = check(&plan, &world.state, &limits);
        assert_eq!(found.is_empty(), fits, "{edits} edits, {deletes} deletes: {found:?}");
        if let [one] = &found[..] {
            assert_eq!((one.count, one.of), (edits.max(deletes), 20));
            assert_eq!(one.verb, if deletes > 0 { "deletes" } else { "updates" });
            assert_eq!(one.percent, if deletes > 0 { 20 } else { 50 });
        }
    }
}

#[test]
fn an_approval_is_for_exactly_one_plan_and_is_used_up() {
    let limits = Limits { deletes_free: 0, deletes_percent: 0, ..Limits::default() };
    let (mut world, plan) = many(5, 0, 1);
    assert_eq!(check(&plan, &world.state, &limits).len(), 1);
    world.append(Outcome::fact(Fact::Approved { plan: plan.hash(), by: "a person".to_owned() }));
    assert!(check(&plan, &world.state, &limits).is_empty());
    let (_, other) = many(5, 0, 2);
    assert_ne!(other.hash(), plan.hash());
    assert_eq!(check(&other, &world.state, &limits).len(), 1);
    let command = plan.commands[0].command.clone();
    world.append(Outcome::fact(Fact::Intent { command }));
    assert!(world.state.approved.is_empty());
}
