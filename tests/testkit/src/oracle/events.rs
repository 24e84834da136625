//! Laws of the log itself: it folds, and folding, deciding and snapshots are functions of it.

use crate::coverage::Coverage;
use crate::law::{Law, Violation};
use mizan_core::bodies::Bodies;
use mizan_core::decide::decide;
use mizan_core::event::{Evidence, Found, Life, LinkedBy};
use mizan_core::fold::{Presence, RowState, Slot, State, fold};
use mizan_core::policy::Policy;
use mizan_core::{
    ContentHash, Event, Fact, Image, Operation, RecordId, Schema, Seq, SideId, Timestamp, Type,
};
use mizan_store::{EventLog, MemoryLog};

/// Every so many events a snapshot is taken and used (L4).
const SNAPSHOT_EVERY: u64 = 7;

/// The images of a log.
pub struct LogBodies<'a>(pub &'a MemoryLog);

impl Bodies for LogBodies<'_> {
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        let bytes = self.0.body(hash).ok().flatten()?;
        Image::from_bytes(&bytes).ok()
    }
}

/// What a check of a log found.
#[derive(Debug, Default)]
pub struct LogCheck {
    /// The state at the end.
    pub state: State,
    /// The events.
    pub events: Vec<Event>,
    /// Broken laws.
    pub violations: Vec<Violation>,
    /// What happened.
    pub coverage: Coverage,
}

impl LogCheck {
    fn broke(&mut self, law: Law, what: String) {
        self.violations.push(Violation { law, what });
    }
}

/// Folds a log event by event and checks what can be checked of it alone.
#[must_use]
pub fn check_log(log: &MemoryLog, schema: &Schema, policy: &dyn Policy) -> LogCheck {
    let mut check = LogCheck::default();
    for (index, bytes) in log.events().iter().enumerate() {
        let seq = Seq(u64::try_from(index).unwrap_or(u64::MAX) + 1);
        match Event::from_bytes(seq, bytes) {
            Ok(event) => check.events.push(event),
            Err(error) => {
                check.broke(Law::Prefix, format!("event {seq}: {error}"));
                return check;
            }
        }
    }
    let mut state = State::default();
    let mut again = State::default();
    for at in 0..check.events.len() {
        let event = check.events[at].clone();
        before(&mut check, &state, log, schema, policy, &event);
        let was = record_of(&state, &event).and_then(|id| state.record(id).cloned());
        if let Err(error) = fold(&mut state, &event) {
            check.broke(Law::Prefix, format!("event {}: {error}", event.seq));
            return check;
        }
        if let (Some(id), Some(was)) = (record_of(&state, &event), was) {
            monotone(&mut check, &state, id, &was, &event);
        }
        twice(&mut check, &state, &event);
        if let Some(next) = check.events.get(at + 1).cloned() {
            commute(&mut check, &state, &event, &next, at);
        }
        if fold(&mut again, &event).is_err() {
            check.broke(Law::Snapshot, format!("event {} does not fold on a snapshot", event.seq));
            return check;
        }
        if event.seq.0.is_multiple_of(SNAPSHOT_EVERY) {
            match State::from_bytes(&again.to_bytes()) {
                Some(read) if read == again => again = read,
                _ => check.broke(Law::Snapshot, format!("the state at {} differs", event.seq)),
            }
        }
    }
    if again.hash() != state.hash() {
        check.broke(Law::Snapshot, "folding from snapshots ends in another state".to_owned());
    }
    stamps(&mut check, &state);
    check.state = state;
    check
}

fn record_of(state: &State, event: &Event) -> Option<RecordId> {
    match &event.fact {
        Fact::Observed { entity, side, ext, .. } => state.record_of(entity, side, ext),
        Fact::Decided { record, .. } | Fact::Linked { record, .. } => Some(*record),
        Fact::Intent { command } => Some(command.record),
        _ => None,
    }
}

/// What can be judged of an event before it is folded.
fn before(
    check: &mut LogCheck,
    state: &State,
    log: &MemoryLog,
    schema: &Schema,
    policy: &dyn Policy,
    event: &Event,
) {
    match &event.fact {
        Fact::Decided { record, decision } => {
            let again = decide(state, schema, &LogBodies(log), *record, policy);
            let same =
                matches!(&again, Ok(Some(outcome)) if outcome.facts.first() == Some(&event.fact));
            if !same {
                let what = format!("event {} is decided differently now: {again:?}", event.seq);
                check.broke(Law::DecisionReplay, what);
            }
            note_decision(check, decision);
            note_kinds(check, state, schema, *record, decision);
        }
        Fact::Observed { entity, side, ext, seen: Some(_), evidence: Evidence::List, .. } => {
            let known = state.rows.contains_key(&(entity.clone(), side.clone(), ext.clone()));
            let doubt = state.pending.values().any(|pending| {
                let command = &pending.command;
                command.operation == Operation::Create
                    && command.side == *side
                    && command.entity == *entity
            });
            if doubt && !known {
                let what = format!("event {} takes {ext} as new during a create", event.seq);
                check.broke(Law::DoubtIsAState, what);
            }
        }
        Fact::Done { command, exact, .. } => {
            if let Some(pending) = state.pending.get(command) {
                check.coverage.note(match (&pending.command.operation, exact) {
                    (Operation::Create, true) => "create done",
                    (Operation::Create, false) => "create found done",
                    (_, true) => "update done",
                    (_, false) => "update found done",
                });
                if pending.command.operation == Operation::Create
                    && state.record(pending.command.record).is_some_and(|r| r.life > 1)
                {
                    check.coverage.note("revived record created again");
                }
            }
        }
        Fact::Linked { how: LinkedBy::Key, .. } => check.coverage.note("row linked by its key"),
        Fact::Refused { .. } => check.coverage.note("command refused"),
        Fact::Withdrawn { why, .. } => check.coverage.note(match why {
            mizan_core::event::Undone::NotSent => "command not sent",
            mizan_core::event::Undone::NotApplied => "command in doubt was not done",
            mizan_core::event::Undone::Changed => "command met a changed row",
            mizan_core::event::Undone::Gone => "command met a deleted row",
        }),
        Fact::Parked { .. } => check.coverage.note("parked"),
        Fact::Drifted { .. } => check.coverage.note("drifted"),
        Fact::Swept { .. } => check.coverage.note("sweep freed a refused command"),
        _ => {}
    }
}

fn note_decision(check: &mut LogCheck, decision: &mizan_core::event::Decision) {
    for field in &decision.fields {
        check.coverage.note(match field.found {
            Found::Owner => "owner overruled another",
            Found::Reverted => "change put back to the owner's",
            Found::Preferred => "conflict decided by preference",
            Found::Manual => "conflict left to a person",
            Found::Person => "conflict decided by a person",
            Found::Summed => "movements added up",
            Found::Newest => "conflict decided by clocks",
            Found::Greatest => "conflict decided for the greatest",
            Found::Least => "conflict decided for the least",
            Found::KeptBoth => "conflict in which both are kept",
            Found::Custom => "conflict decided by a custom policy",
            Found::Joined => "sets joined",
            Found::Counted => "stock counted",
            Found::Died => "edit lost to a delete, recorded",
        });
    }
    match decision.life {
        Life::Alive => {}
        Life::Dead => check.coverage.note("record died"),
        Life::Revived => check.coverage.note("delete lost to an edit"),
        Life::Disputed => check.coverage.note("delete disputed"),
    }
}

/// Conflicts by the kind of field, and deletes by what they lost to.
fn note_kinds(
    check: &mut LogCheck,
    state: &State,
    schema: &Schema,
    id: RecordId,
    decision: &mizan_core::event::Decision,
) {
    let Some(record) = state.record(id) else { return };
    let Some(entity) = schema.entity(&record.entity) else { return };
    for decided in decision.fields.iter().filter(|field| field.found.is_conflict()) {
        let field = entity.fields.iter().find(|field| field.name == decided.field);
        let Some(field) = field else { continue };
        check.coverage.note(match (&field.group, &field.kind) {
            (Some(_), _) => "conflict in a group",
            (None, Type::Text) => "conflict in a text",
            (None, Type::Decimal) => "conflict in a decimal",
            (None, Type::Ref(_)) => "conflict in a reference",
            (None, Type::Bool | Type::Date | Type::Instant | Type::Items(_) | Type::Any) => {
                "conflict in another field"
            }
        });
    }
    let gone: Vec<_> = record.slots.values().filter(|s| s.presence == Presence::Gone).collect();
    let apart = |a: &Slot, b: &Slot| !a.knows.covers(&b.knows) && !b.knows.covers(&a.knows);
    if gone.iter().any(|a| gone.iter().any(|b| apart(a, b))) {
        check.coverage.note("both deleted, each without the other's edit");
    }
    if decision.life == Life::Revived {
        let child = state.children.get(&id).is_some_and(|children| {
            children.iter().any(|child| state.record(*child).is_some_and(|child| !child.dead))
        });
        if child {
            check.coverage.note("delete lost to a child");
        }
        if !record.deleters_knew.covers(&record.contains) {
            check.coverage.note("delete lost to an edit that was not delivered");
        }
    }
}

fn monotone(
    check: &mut LogCheck,
    state: &State,
    id: RecordId,
    was: &mizan_core::fold::Record,
    event: &Event,
) {
    let Some(is) = state.record(id) else { return };
    let mut rises = is.contains.covers(&was.contains);
    rises &= is.deleters_knew.covers(&was.deleters_knew);
    for (side, slot) in &was.slots {
        rises &= is.slots.get(side).is_some_and(|now| now.knows.covers(&slot.knows));
    }
    if !rises {
        check.broke(Law::VvMonotone, format!("event {} lowers a vector of {id}", event.seq));
    }
    fresh(check, state, id, was, event);
}

/// L20, L21: an edit that a side shows for the first time has one new name, and nothing else has.
fn fresh(
    check: &mut LogCheck,
    state: &State,
    id: RecordId,
    was: &mizan_core::fold::Record,
    event: &Event,
) {
    let Fact::Observed { entity: _, side, ext, seen, edit, .. } = &event.fact else { return };
    let (Some(is), Some(before)) = (state.record(id), was.slots.get(side)) else { return };
    let Some(after) = is.slots.get(side) else { return };
    let actor = state.actor(side);
    let here = before.presence == Presence::Here;
    let alias = here && before.ext.as_ref() != Some(ext);
    let novel = match seen {
        Some(seen) if here => *edit && *seen != before.seen && !alias,
        Some(_) => true,
        None => false,
    };
    let names = u64::from(after.knows.count(&actor)) - u64::from(before.knows.count(&actor));
    if names != u64::from(novel) {
        let what = format!("event {} gives {names} names to {}", event.seq, u8::from(novel));
        check.broke(Law::VvMonotone, what);
    }
    let known = was.slots.values().map(|slot| &slot.knows).chain([&was.contains]);
    let used = known.map(|known| known.count(&actor)).max().unwrap_or(0);
    if novel && after.knows.count(&actor) <= used {
        check.broke(Law::DotsFresh, format!("event {} names a change as another was", event.seq));
    }
}

/// L10: the same observation once more changes nothing.
fn twice(check: &mut LogCheck, state: &State, event: &Event) {
    if !matches!(event.fact, Fact::Observed { .. }) {
        return;
    }
    let mut again = state.clone();
    let repeated = Event { seq: state.head.next(), ..event.clone() };
    let folds = fold(&mut again, &repeated).is_ok();
    again.head = state.head;
    if !folds || again != *state {
        check.broke(Law::DupIdempotent, format!("event {} twice is not once", event.seq));
    }
}

fn linked_side<'a>(state: &State, event: &'a Event) -> Option<&'a SideId> {
    match &event.fact {
        Fact::Observed { entity, side, ext, .. } => {
            let key = (entity.clone(), side.clone(), ext.clone());
            matches!(state.rows.get(&key), Some(RowState::Linked(_))).then_some(side)
        }
        _ => None,
    }
}

/// L11: neighbouring observations of different sides commute. `state` is after `event`, before `next`.
fn commute(check: &mut LogCheck, state: &State, event: &Event, next: &Event, at: usize) {
    let (Some(a), Some(b)) = (linked_side(state, event), linked_side(state, next)) else { return };
    if a == b {
        return;
    }
    let mut one = State::default();
    for earlier in &check.events[..at] {
        if fold(&mut one, earlier).is_err() {
            return;
        }
    }
    let mut other = one.clone();
    let first = Event { seq: event.seq, ..next.clone() };
    let second = Event { seq: next.seq, ..event.clone() };
    let folds = fold(&mut one, event).is_ok()
        && fold(&mut one, next).is_ok()
        && fold(&mut other, &first).is_ok()
        && fold(&mut other, &second).is_ok();
    if !folds || one != other {
        check.broke(Law::SideCommute, format!("events {} and {}", event.seq, next.seq));
    }
}

/// L13: other stamps change nothing but stamps.
fn stamps(check: &mut LogCheck, state: &State) {
    let mut other = State::default();
    for (index, event) in check.events.iter().enumerate() {
        let mut event = event.clone();
        let changed = i64::try_from(index).unwrap_or(0).wrapping_mul(7_919) % 1_000;
        match &mut event.fact {
            Fact::Observed { stamp, .. } | Fact::Done { stamp, .. } => {
                *stamp = Some(Timestamp(changed));
            }
            Fact::Cursor { at, .. } => *at = Timestamp(changed),
            _ => {}
        }
        if fold(&mut other, &event).is_err() {
            check.broke(Law::StampsAreHints, format!("event {} does not fold", event.seq));
            return;
        }
    }
    if without_stamps(other) != without_stamps(state.clone()) {
        check.broke(Law::StampsAreHints, "other stamps lead to another state".to_owned());
    }
}

fn without_stamps(mut state: State) -> State {
    state.cursors.clear();
    for record in &mut state.records {
        for slot in record.slots.values_mut() {
            slot.stamp = None;
        }
    }
    for row in state.rows.values_mut() {
        if let RowState::Unlinked(row) = row {
            row.stamp = None;
        }
    }
    state
}
