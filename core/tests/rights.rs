//! Golden cases of what may be done where, of records that wait, and of rows that die and come back.

mod small;

use mizan_core::bodies::Outcome;
use mizan_core::decide::decide;
use mizan_core::event::{Found, ParkedFor, Subject};
use mizan_core::plan::{BlockedBy, plan};
use mizan_core::policy::Policies;
use mizan_core::{
    Entity, Ext, Fact, Field, Name, RecordId, Ref, RefTo, Rivalry, Schema, SideId, Type, Value,
};
use small::{Small, field, text, thing};

fn entity() -> Entity {
    let rivalry = Rivalry::Prefer(SideId::new("A"));
    thing(vec![field("key", Type::Text, Rivalry::Manual), field("note", Type::Text, rivalry)])
}

fn on<'a>(entity: &'a mut Entity, side: &str) -> &'a mut mizan_core::EntityOnSide {
    entity.sides.get_mut(&SideId::new(side)).expect("a side")
}

fn schema(entity: &Entity) -> Schema {
    let sides = vec![SideId::new("A"), SideId::new("B")];
    Schema::new(sides, vec![entity.clone()]).expect("a sound schema")
}

fn rows(world: &Small, side: &str) -> usize {
    world.rows[&SideId::new(side)].len()
}

#[test]
fn where_records_may_not_be_created_none_is() {
    let mut entity = entity();
    on(&mut entity, "B").creates = false;
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    assert_eq!((rows(&world, "A"), rows(&world, "B")), (1, 0));
    assert!(world.state.owed.is_empty(), "nothing is owed that may not be done");
}

#[test]
fn where_records_may_not_be_created_none_comes_back_either() {
    let mut entity = entity();
    on(&mut entity, "B").creates = false;
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.create("B", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    // B deletes what A edits at the same time: the edit wins, and B may not be given the row again.
    world.edit("A", "note", text("edited"));
    world.delete("B");
    world.sync();
    assert_eq!((rows(&world, "A"), rows(&world, "B")), (1, 0));
    assert!(!world.state.records[0].dead);
}

#[test]
fn where_records_may_not_be_deleted_the_row_stays() {
    let mut entity = entity();
    on(&mut entity, "B").deletes = false;
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    world.delete("A");
    world.sync();
    assert_eq!((rows(&world, "A"), rows(&world, "B")), (0, 1));
    assert!(world.state.records[0].dead && world.state.owed.is_empty());
}

#[test]
fn where_records_may_not_be_changed_nothing_is_owed() {
    let mut entity = entity();
    on(&mut entity, "B").updates = false;
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    world.edit("A", "note", text("edited"));
    world.sync();
    assert_eq!(world.shows("B", "note"), text("n"));
    assert!(world.state.owed.is_empty());
}

#[test]
fn a_record_that_waits_for_an_outcome_is_not_decided() {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.look("A");
    world.think();
    let command =
        plan(&world.state, &schema(&entity()), &world).expect("bodies").commands.remove(0);
    world.append(Outcome::fact(Fact::Intent { command: command.command }));
    let policies = Policies::default();
    let asked = decide(&world.state, &schema(&entity()), &world, RecordId(0), &policies);
    assert_eq!(asked.expect("bodies"), None);
}

#[test]
fn a_record_that_waits_for_a_person_is_not_decided_and_goes_on_when_they_say_so() {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    let subject = || Subject::Record(RecordId(0));
    let why = ParkedFor::Undecidable;
    world.append(Outcome::fact(Fact::Parked { subject: subject(), why }));
    world.edit("A", "note", text("edited"));
    world.look("A");
    let policies = Policies::default();
    let asked = decide(&world.state, &schema(&entity()), &world, RecordId(0), &policies);
    assert_eq!(asked.expect("bodies"), None);
    world.append(Outcome::fact(Fact::Unparked { subject: subject(), by: "a person".to_owned() }));
    world.sync();
    assert_eq!(world.both("note"), text("edited"));
}

#[test]
fn an_entity_that_is_not_configured_is_left_alone() {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.look("A");
    world.think();
    let none = Schema::new(vec![SideId::new("A")], Vec::new()).expect("a sound schema");
    let asked = decide(&world.state, &none, &world, RecordId(0), &Policies::default());
    assert_eq!(asked.expect("bodies"), None);
    assert!(plan(&world.state, &none, &world).expect("bodies").commands.is_empty());
}

#[test]
fn a_group_is_decided_once() {
    let part = |name: &str| Field {
        group: Some(Name::new("address")),
        ..field(name, Type::Text, Rivalry::Manual)
    };
    let key = field("key", Type::Text, Rivalry::Manual);
    let mut world = Small::new(thing(vec![key, part("street"), part("city")]));
    let row = [("key", text("k1")), ("street", text("s")), ("city", text("c"))];
    world.create("A", &row);
    world.sync();
    for side in ["A", "B"] {
        world.edit(side, "street", text(&format!("street on {side}")));
        world.edit(side, "city", text(&format!("city on {side}")));
    }
    world.look("A");
    world.look("B");
    world.think();
    let last = world.events.iter().rev().find_map(|event| match &event.fact {
        Fact::Decided { decision, .. } => Some(decision.clone()),
        _ => None,
    });
    let names: Vec<Name> =
        last.expect("it was decided").fields.into_iter().map(|one| one.field).collect();
    assert_eq!(names, ["street", "city"]);
}

#[test]
fn what_an_owner_had_and_deleted_is_no_loss() {
    let mut entity = entity();
    entity.fields[1].owner = Some(SideId::new("A"));
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    world.delete("A");
    world.sync();
    assert_eq!(rows(&world, "B"), 0);
    assert_eq!(world.decision("note"), None, "the owner saw its own value");
}

#[test]
fn what_others_had_given_a_field_is_recorded_when_its_owner_never_came() {
    let mut entity = entity();
    entity.fields[1].owner = Some(SideId::new("B"));
    on(&mut entity, "B").creates = false;
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("seeded"))]);
    world.sync();
    world.delete("A");
    world.sync();
    assert_eq!(world.verdict("note"), Some((Found::Died, vec![text("seeded")])));
}

#[test]
fn what_a_dead_record_never_delivered_is_owed_when_it_comes_back() {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    // An edit that B has not got, and a user on B who deletes: the edit wins.
    world.edit("A", "note", text("edited"));
    world.look("A");
    world.think();
    world.delete("B");
    world.sync();
    assert_eq!(world.both("note"), text("edited"));
    assert_eq!(world.state.records[0].life, 2);
}

#[test]
fn a_record_that_holds_nothing_is_made_on_the_other_side_too() {
    let note = field("note", Type::Text, Rivalry::Manual);
    let mut world = Small::new(thing(vec![note]));
    world.create("A", &[("note", Value::Null)]);
    world.sync();
    assert_eq!(rows(&world, "B"), 1);
}

#[test]
fn two_counts_of_one_thing_meet_and_the_second_is_recorded() {
    let stock = Field {
        meaning: mizan_core::Meaning::Counter,
        ..field("stock", Type::Decimal, Rivalry::Manual)
    };
    let mut world = Small::new(thing(vec![field("key", Type::Text, Rivalry::Manual), stock]));
    world.create("A", &[("key", text("k1")), ("stock", small::number("10"))]);
    world.create("B", &[("key", text("k1")), ("stock", small::number("7"))]);
    world.sync();
    assert_eq!(world.both("stock"), small::number("10"));
    assert_eq!(world.verdict("stock"), Some((Found::Summed, vec![small::number("7")])));
}

/// What was decided for a record before it died is owed again when an edit brings it back.
#[test]
fn a_record_that_comes_back_is_given_what_it_still_lacks() {
    let mut entity = entity();
    entity.fields.push(field("name", Type::Text, Rivalry::Manual));
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n")), ("name", text("old"))]);
    world.sync();
    world.edit("A", "note", text("edited"));
    world.look("A");
    world.think();
    // Before B is given the note, A deletes the row; before B's row is removed, B's user edits it.
    world.delete("A");
    world.look("A");
    world.think();
    assert!(world.state.records[0].dead);
    world.edit("B", "name", text("new"));
    world.sync();
    assert!(!world.state.records[0].dead);
    assert_eq!(world.both("note"), text("edited"));
    assert_eq!(world.both("name"), text("new"));
}

/// An edit that waited for a person when its own side deleted the row died with it: whoever deletes has seen it.
#[test]
fn a_dead_record_contains_every_edit_that_its_deleters_knew() {
    let mut entity = thing(vec![
        field("key", Type::Text, Rivalry::Manual),
        field("note", Type::Text, Rivalry::Manual),
    ]);
    entity.on_delete = mizan_core::DeletePolicy::DeleteWins;
    let mut world = Small::new(entity);
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    world.edit("A", "note", text("on A"));
    world.edit("B", "note", text("on B"));
    world.sync();
    assert_eq!(world.state.conflicts.len(), 1);
    world.delete("B");
    world.sync();
    let record = &world.state.records[0];
    assert!(record.dead);
    assert!(record.contains.covers(&record.deleters_knew), "{record:?}");
    assert!(!record.deleters_knew.is_empty());
}

/// The configuration no longer has the entity on a side: what was owed there is not sent.
#[test]
fn a_side_that_an_entity_has_left_is_sent_nothing() {
    let mut world = Small::new(entity());
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.look("A");
    world.think();
    let owed = plan(&world.state, &schema(&entity()), &world).expect("bodies");
    assert_eq!(owed.commands.len(), 1);
    let mut left = entity();
    left.sides.remove(&SideId::new("B"));
    for field in &mut left.fields {
        field.rivalry = Rivalry::Manual;
        field.sides.remove(&SideId::new("B"));
    }
    let owed = plan(&world.state, &schema(&left), &world).expect("bodies");
    assert!(owed.commands.is_empty(), "{owed:?}");
}

/// Of several rows that a record refers to, the first one that is missing is named.
#[test]
fn the_parent_that_is_missing_is_named_and_not_the_one_that_is_there() {
    let mut entity = entity();
    entity.fields.push(field("parts", Type::Any, Rivalry::Manual));
    let mut world = Small::new(entity.clone());
    let there = world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.sync();
    let missing = world.create("A", &[("key", text("k2")), ("note", text("n"))]);
    let later = world.create("A", &[("key", text("k4")), ("note", text("n"))]);
    let part = |ext: &Ext| {
        let to = RefTo::Row { side: SideId::new("A"), ext: ext.clone() };
        Value::Ref(Box::new(Ref { entity: Name::new("thing"), to }))
    };
    let parts = Value::List(vec![part(&there), part(&missing), part(&later)]);
    world.create("A", &[("key", text("k3")), ("note", text("n")), ("parts", parts)]);
    world.look("A");
    world.think();
    let owed = plan(&world.state, &schema(&entity), &world).expect("bodies");
    let blocked: Vec<_> = owed.blocked.iter().map(|one| (one.record, one.why.clone())).collect();
    assert_eq!(blocked, [(RecordId(3), BlockedBy::Parent(RecordId(1)))]);
}
