//! Laws of users' writes: none is lost, none is invented, none is called a conflict that is none.

use super::rest::excused;
use crate::law::{Law, Violation};
use crate::profile::Profile;
use crate::rules::GROUPED;
use crate::world::World;
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::event::{FieldDecision, Found};
use mizan_core::fold::State;
use mizan_core::{DeletePolicy, Event, Fact, RecordId};
use std::collections::BTreeSet;

/// Checks what became of the users' writes.
#[must_use]
pub fn check_updates(
    world: &World,
    state: &State,
    bodies: &dyn Bodies,
    events: &[Event],
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut losers: BTreeSet<u32> = BTreeSet::new();
    let mut contested: BTreeSet<u32> = BTreeSet::new();
    for event in events {
        let Fact::Decided { record, decision } = &event.fact else { continue };
        for field in &decision.fields {
            let tags = loser_tags(world, *record, field);
            losers.extend(&tags);
            if field.found != Found::Died {
                contested.extend(&tags);
            }
            judge_conflict(world, *record, field, &tags, event, &mut found);
        }
    }
    // What is merged and waits for a person is not lost.
    losers.extend(waiting(world, state, bodies));
    lost_updates(world, &losers, &mut found);
    resurrections(world, state, &mut found);
    overruled_edits(world, state, &contested, &mut found);
    found
}

/// The merged values of records whose life is disputed.
fn waiting(world: &World, state: &State, bodies: &dyn Bodies) -> BTreeSet<u32> {
    let mut tags = BTreeSet::new();
    for (id, record) in state.each_record().filter(|(_, record)| record.disputed) {
        let Some(thing) = thing_of(world, id) else { continue };
        let merged = image_of(bodies, &record.merged).unwrap_or_default();
        tags.extend(merged.iter().filter_map(|(name, value)| world.ghost.tag(thing, name, value)));
    }
    tags
}

fn thing_of(world: &World, record: RecordId) -> Option<usize> {
    world.watch.things.get(&record).copied()
}

fn loser_tags(world: &World, record: RecordId, field: &FieldDecision) -> BTreeSet<u32> {
    let Some(thing) = thing_of(world, record) else { return BTreeSet::new() };
    let values = field.losers.iter().map(|loser| &loser.value);
    values.filter_map(|value| world.ghost.tag(thing, &field.field, value)).collect()
}

/// L33: a recorded conflict is between writes of which none had seen the other.
fn judge_conflict(
    world: &World,
    record: RecordId,
    field: &FieldDecision,
    losers: &BTreeSet<u32>,
    event: &Event,
    found: &mut Vec<Violation>,
) {
    let Some(thing) = thing_of(world, record) else { return };
    let ghost = &world.ghost;
    if world.setup.profile == Profile::Rules && GROUPED.contains(&field.field.as_str()) {
        // Rivals of a group may have changed another of its fields; `Together` judges groups.
        return;
    }
    let looped = |tag: &u32| ghost.looped.contains(tag);
    if losers.iter().any(looped) || world.ghost.things[thing].ambiguous {
        return;
    }
    let concurrent = |a: u32, b: u32| !ghost.surely_saw(a, b) && !ghost.surely_saw(b, a);
    match field.found {
        Found::Preferred
        | Found::Newest
        | Found::Greatest
        | Found::Least
        | Found::KeptBoth
        | Found::Custom => {
            let Some(winner) = ghost.tag(thing, &field.field, &field.value) else {
                let tagged = field.losers.iter().any(|one| {
                    !one.value.is_null() && ghost.tag(thing, &field.field, &one.value).is_some()
                });
                if tagged && !field.value.is_null() {
                    let what = format!("event {}: nobody wrote {}", event.seq, field.value);
                    found.push(Violation { law: Law::NoInvention, what });
                }
                return;
            };
            if looped(&winner) {
                return;
            }
            let rivals = || losers.iter().copied().chain([winner]);
            for loser in losers {
                let wrong = winner != *loser && ghost.surely_saw(winner, *loser);
                if wrong || !rivals().any(|rival| concurrent(*loser, rival)) {
                    let what = format!(
                        "event {}: v{loser} lost to v{winner} in {}, but one had seen the other",
                        event.seq, field.field
                    );
                    found.push(Violation { law: Law::NoFalseConflict, what });
                }
            }
        }
        Found::Manual => {
            let all: Vec<u32> = losers.iter().copied().collect();
            let real = all.iter().any(|a| all.iter().any(|b| concurrent(*a, *b)));
            if !real && all.len() > 1 {
                let what = format!("event {}: {all:?} are no conflict", event.seq);
                found.push(Violation { law: Law::NoFalseConflict, what });
            }
        }
        Found::Owner
        | Found::Reverted
        | Found::Person
        | Found::Summed
        | Found::Joined
        | Found::Counted
        | Found::Died => {}
    }
}

/// L32: every write is in the end somewhere: in a row, in the record of a loser, or in what a deleter saw.
fn lost_updates(world: &World, losers: &BTreeSet<u32>, found: &mut Vec<Violation>) {
    let ghost = &world.ghost;
    let mut roots = losers.clone();
    let mut alive = vec![false; ghost.things.len()];
    for side in &world.sides {
        for cell in side.rows.values().filter(|cell| cell.live) {
            alive[cell.thing] = true;
            let tags = cell.image.iter().filter_map(|(f, v)| ghost.tag(cell.thing, f, v));
            roots.extend(tags);
        }
    }
    for (thing, about) in ghost.things.iter().enumerate() {
        for deletion in &about.deletions {
            let own = |tag: &&u32| {
                !alive[thing]
                    || about.ambiguous
                    || !ghost.shown.contains(tag)
                    || ghost.of(**tag).is_some_and(|write| write.side == deletion.side)
            };
            roots.extend(deletion.saw.iter().filter(own));
        }
    }
    // Where a row was typed in twice, or its field was not shown at first, an empty field is no statement.
    let unsaid = |tag: &u32| {
        let silent = |thing: usize| {
            let about = &ghost.things[thing];
            about.ambiguous || about.dropped || about.doubtful
        };
        ghost.of(*tag).is_some_and(|write| silent(write.thing)) && ghost.is_empty_tag(*tag)
    };
    roots.extend(ghost.stored.iter().copied().filter(unsaid));
    for tag in &ghost.stored {
        if ghost.covered(*tag, &roots) {
            continue;
        }
        if let Some(write) = ghost.of(*tag) {
            let what = format!(
                "v{tag}, written on {} into {} of thing {}, is nowhere",
                world.sides[write.side].id, write.field, write.thing
            );
            found.push(Violation { law: Law::NoLostUpdate, what });
        }
    }
}

/// L35: what a user deleted, and nobody changed at the same time, stays deleted.
fn resurrections(world: &World, state: &State, found: &mut Vec<Violation>) {
    let ghost = &world.ghost;
    let excused = excused(world, state);
    for (thing, about) in ghost.things.iter().enumerate() {
        if about.deletions.is_empty() {
            continue;
        }
        let place = world.sides.iter().find(|side| side.of_thing(thing).is_some());
        let Some(place) = place else { continue };
        let waits = world.watch.things.iter().any(|(id, of)| *of == thing && excused.contains(id));
        let parks = world
            .setup
            .schema
            .entity(&about.entity)
            .is_some_and(|entity| entity.on_delete == DeletePolicy::Park);
        let seen: BTreeSet<u32> = about.deletions.iter().flat_map(|d| d.saw.clone()).collect();
        // A value that was put back or emptied more than once has no certain order.
        let unseen = ghost.stored.iter().any(|tag| {
            ghost.of(*tag).filter(|write| write.thing == thing).is_some_and(|write| {
                let saw = seen.iter().any(|one| ghost.surely_saw(*tag, *one));
                ghost.looped.contains(tag) || (!saw && !write.overrides)
            })
        });
        let reason = waits
            || parks
            || unseen
            || about.moves > 0
            || about.doubtful
            || about.ambiguous
            // A field that is first shown after the deletion looks like an edit that nobody had seen.
            || about.dropped
            || !about.children.is_empty();
        if !reason {
            let what = format!("thing {thing} was deleted and is on {}", place.id);
            found.push(Violation { law: Law::NoResurrect, what });
        }
    }
}

/// L34: where edits win, what nobody who deleted it had seen keeps a thing alive.
fn overruled_edits(
    world: &World,
    state: &State,
    contested: &BTreeSet<u32>,
    found: &mut Vec<Violation>,
) {
    let ghost = &world.ghost;
    let excused = excused(world, state);
    for (thing, about) in ghost.things.iter().enumerate() {
        let lives = world.sides.iter().any(|side| side.of_thing(thing).is_some());
        let waits = world.watch.things.iter().any(|(id, of)| *of == thing && excused.contains(id));
        let entity = world.setup.schema.entity(&about.entity);
        let edits_win = entity.is_some_and(|entity| entity.on_delete == DeletePolicy::EditWins);
        let unsure = about.doubtful || about.ambiguous || about.dropped;
        if lives || waits || unsure || !edits_win || about.deletions.is_empty() {
            continue;
        }
        // What lost to another value is out of the race.
        let saw = about.deletions.iter().flat_map(|one| one.saw.iter().copied());
        let done: BTreeSet<u32> = saw.chain(contested.iter().copied()).collect();
        let unseen = ghost.stored.iter().find(|tag| {
            ghost.of(**tag).is_some_and(|write| write.thing == thing && !write.overrides)
                && ghost.shown.contains(tag)
                && !ghost.looped.contains(tag)
                && !ghost.covered(**tag, &done)
        });
        if let Some(tag) = unseen {
            let what = format!("thing {thing} was deleted over v{tag}, which no deleter had seen");
            found.push(Violation { law: Law::DeleteDominance, what });
        }
    }
}
