//! What a fold refuses: an event that cannot follow is an error, and the state stays as it was (L1).

mod small;

use mizan_core::event::{LinkedBy, RefusedBy, Undone};
use mizan_core::fold::{FoldError, State, fold};
use mizan_core::{
    Actor, CommandId, ContentHash, Event, Ext, Fact, Name, RecordId, Rivalry, Seq, SideId,
    Timestamp, Type,
};
use small::{Small, field, text, thing};

fn hash(byte: u8) -> ContentHash {
    ContentHash([byte; 32])
}

fn world() -> Small {
    let fields =
        vec![field("key", Type::Text, Rivalry::Manual), field("note", Type::Text, Rivalry::Manual)];
    let mut world = Small::new(thing(fields));
    world.create("A", &[("key", text("k1")), ("note", text("n"))]);
    world.create("A", &[("key", text("k2")), ("note", text("m"))]);
    world.sync();
    world
}

fn refusal(state: &State, fact: Fact) -> FoldError {
    let mut after = state.clone();
    let event = Event { seq: state.head.next(), at: Timestamp(0), fact };
    let error = fold(&mut after, &event).expect_err("it must not fold");
    assert!(after == *state, "a refused event changes nothing");
    error
}

fn folds(state: &State, fact: Fact) -> State {
    let mut after = state.clone();
    let event = Event { seq: state.head.next(), at: Timestamp(0), fact };
    fold(&mut after, &event).expect("it folds");
    after
}

fn intent(world: &Small) -> Fact {
    let mut intents = world.events.iter().filter_map(|event| match &event.fact {
        Fact::Intent { command } => Some(command.clone()),
        _ => None,
    });
    let mut command = intents.next_back().expect("something was sent");
    command.id = CommandId(hash(9));
    Fact::Intent { command }
}

#[test]
fn an_event_out_of_turn_is_a_gap() {
    let state = world().state;
    for seq in [state.head, Seq(state.head.0 + 2)] {
        let event =
            Event { seq, at: Timestamp(0), fact: Fact::SideAttached { side: SideId::new("A") } };
        let error = fold(&mut state.clone(), &event).expect_err("a gap");
        assert_eq!(error, FoldError::Gap { head: state.head, found: seq });
    }
}

#[test]
fn nothing_is_said_of_a_record_that_no_event_began() {
    let world = world();
    let (state, record) = (&world.state, RecordId(2));
    let (by, why) = ("huda".to_owned(), "test".to_owned());
    let decided = world.events.iter().find_map(|event| match &event.fact {
        Fact::Decided { decision, .. } => Some(decision.clone()),
        _ => None,
    });
    let Fact::Intent { mut command } = intent(&world) else { panic!("an intent") };
    command.record = record;
    let at = state.head.next();
    let link = |record| Fact::Linked {
        record,
        entity: Name::new("thing"),
        side: SideId::new("A"),
        ext: Ext::new("new"),
        how: LinkedBy::Person,
    };
    for fact in [
        Fact::Decided { record, decision: decided.expect("a decision") },
        Fact::Resolved {
            record,
            choices: Vec::new(),
            keep: None,
            by: by.clone(),
            why: why.clone(),
        },
        Fact::Unresolved { record, by: by.clone(), why: why.clone() },
        Fact::Erased { record, events: Vec::new(), bodies: Vec::new(), by, why },
        Fact::Intent { command },
        link(RecordId(3)),
    ] {
        let record = if matches!(fact, Fact::Linked { .. }) { RecordId(3) } else { record };
        assert_eq!(refusal(state, fact), FoldError::UnknownRecord { at, record });
    }
    // A number one above all others begins a record.
    assert_eq!(folds(state, link(record)).records.len(), 3);
}

#[test]
fn a_row_belongs_to_one_record_for_ever() {
    let world = world();
    let state = &world.state;
    let owned = state.rows.keys().find(|(_, side, _)| *side == SideId::new("A")).cloned();
    let (entity, side, ext) = owned.expect("a row");
    let owner = state.record_of(&entity, &side, &ext).expect("a record");
    let other = RecordId(1 - owner.0);
    let link = |record| Fact::Linked {
        record,
        entity: entity.clone(),
        side: side.clone(),
        ext: ext.clone(),
        how: LinkedBy::Key,
    };
    let at = state.head.next();
    assert_eq!(refusal(state, link(other)), FoldError::Relinked { at, record: other, owner });
    folds(state, link(owner));
}

#[test]
fn a_record_has_one_command_in_flight() {
    let world = world();
    let busy = folds(&world.state, intent(&world));
    let Fact::Intent { mut command } = intent(&world) else { panic!("an intent") };
    command.id = CommandId(hash(10));
    let (at, record) = (busy.head.next(), command.record);
    assert_eq!(refusal(&busy, Fact::Intent { command }), FoldError::Busy { at, record });
    let free = folds(&busy, Fact::Withdrawn { command: CommandId(hash(9)), why: Undone::NotSent });
    folds(&free, intent(&world));
}

#[test]
fn only_an_open_command_has_an_outcome() {
    let world = world();
    let (state, command, at) = (&world.state, CommandId(hash(9)), world.state.head.next());
    let done = world.events.iter().find_map(|event| match &event.fact {
        Fact::Done { .. } => Some(event.fact.clone()),
        _ => None,
    });
    let Some(Fact::Done {
        ext, seen, base, changed, edit, key, stamp, tag, exact, missing, ..
    }) = done
    else {
        panic!("something was done")
    };
    for fact in [
        Fact::Done { command, ext, seen, base, changed, edit, key, stamp, tag, exact, missing },
        Fact::Deleted { command },
        Fact::Refused { command, why: RefusedBy::Rules, message: String::new() },
        Fact::Withdrawn { command, why: Undone::Gone },
    ] {
        assert_eq!(refusal(state, fact), FoldError::UnknownCommand { at, command });
    }
}

#[test]
fn fields_keep_their_places() {
    let state = world().state;
    let declare = |fields: &[&str]| Fact::EntityDeclared {
        entity: Name::new("thing"),
        fields: fields.iter().map(Name::new).collect(),
    };
    let at = state.head.next();
    for moved in [&["note", "key"][..], &["key"], &["key", "new", "note"]] {
        assert_eq!(refusal(&state, declare(moved)), FoldError::FieldsMoved { at });
    }
    let more = folds(&state, declare(&["key", "note", "new"]));
    assert_eq!(more.entities["thing"].len(), 3);
    let again = folds(&state, declare(&["key", "note"]));
    assert_eq!(again.entities, state.entities);
}

#[test]
fn a_log_goes_on_as_itself_and_each_time_in_a_new_epoch() {
    let state = world().state;
    let log_id = state.log_id.expect("it was opened");
    let at = state.head.next();
    let foreign = Fact::Opened { log_id: hash(77), epoch: 5 };
    let why = "belongs to another log";
    assert_eq!(refusal(&state, foreign), FoldError::Reopened { at, epoch: 5, why });
    let why = "it had before";
    let first = Fact::Opened { log_id, epoch: 1 };
    assert_eq!(refusal(&state, first), FoldError::Reopened { at, epoch: 1, why });

    let second = folds(&state, Fact::Opened { log_id, epoch: 5 });
    assert_eq!((second.epoch, second.epochs.clone()), (5, vec![(2, 5)]));
    let at = second.head.next();
    let again = Fact::Opened { log_id, epoch: 5 };
    assert_eq!(refusal(&second, again), FoldError::Reopened { at, epoch: 5, why });

    // Changes have other names from here on, and records that are there keep the names of their creates.
    let side = SideId::new("A");
    assert_eq!(second.actor(&side), Actor { side, epoch: 5 });
    let third = folds(&second, Fact::Opened { log_id, epoch: 3 });
    assert_eq!((third.epoch_of(RecordId(1)), third.epoch_of(RecordId(2))), (1, 3));
    assert_eq!(second.epoch_of(RecordId(2)), 5);
}

#[test]
fn a_state_rests_when_nothing_is_to_be_decided_linked_or_known() {
    let mut world = world();
    assert!(world.state.rests());
    assert!(!folds(&world.state, intent(&world)).rests(), "a command is under way");
    let unlinked = (Name::new("thing"), SideId::new("A"), Ext::new("x"));
    let mut state = world.state.clone();
    state.unlinked.insert(unlinked);
    assert!(!state.rests(), "a row belongs to no record");
    state = world.state.clone();
    state.undecided.insert(RecordId(0));
    assert!(!state.rests(), "a record is to be decided");
    world.sync();
    assert!(world.state.rests());
}

#[test]
fn a_side_is_in_quarantine_for_the_entity_of_its_command_only() {
    let world = world();
    let state = folds(&world.state, intent(&world));
    let Fact::Intent { command } = intent(&world) else { panic!("an intent") };
    let elsewhere = SideId::new(if command.side == SideId::new("A") { "B" } else { "A" });
    let thing = Name::new("thing");
    assert!(state.quarantined(&command.side, &thing));
    assert!(!state.quarantined(&elsewhere, &thing));
    assert!(!state.quarantined(&command.side, &Name::new("other")));
    assert!(!world.state.quarantined(&command.side, &thing));
}
