//! What each fact does to the state.

use super::state::{
    Pending, Presence, Record, Refusal, Resolution, RowKey, RowState, Slot, State, UnlinkedRow,
};
use crate::ablate::{Switch, off};
use crate::command::{Command, Operation};
use crate::event::{Choice, Decision, Event, Fact, Life, ParkedFor, Subject, Undone};
use crate::id::{CommandId, Ext, Name, RecordId, SideId};
use crate::schema::{FieldSet, KeyHash};
use crate::{ContentHash, Seq, Timestamp};

#[expect(clippy::too_many_lines, reason = "a table: one arm a fact")]
pub(super) fn apply(state: &mut State, event: &Event) {
    let at = event.seq;
    match &event.fact {
        Fact::Opened { log_id, epoch } => {
            if state.log_id.is_some() {
                state.epochs.push((state.records.len() as u32, *epoch));
            }
            state.log_id = Some(*log_id);
            state.epoch = *epoch;
        }
        Fact::SideAttached { side } => {
            if state.sides.insert(side.clone()) {
                // A record may be owed to the new side: look at all of them once.
                let all = state.each_record().map(|(id, _)| id).collect::<Vec<_>>();
                state.undecided.extend(all);
            }
        }
        Fact::EntityDeclared { entity, fields } => {
            state.entities.insert(entity.clone(), fields.clone());
        }
        Fact::PolicySet { entity, policy, params } => {
            state.policies.insert(entity.clone(), (policy.clone(), *params));
        }
        Fact::Observed { entity, side, ext, seen, changed, edit, key, stamp, tag, .. } => {
            let row = RowNews {
                entity,
                side,
                ext,
                changed: *changed,
                edit: *edit,
                key: *key,
                stamp: *stamp,
                tag: *tag,
            };
            match seen {
                Some(seen) => observed(state, &row, *seen),
                None => absent(state, &row),
            }
        }
        Fact::Cursor { side, entity, at } => {
            state.cursors.insert((side.clone(), entity.clone()), *at);
        }
        Fact::Swept { freed, .. } => freed.iter().for_each(|id| unrefuse(state, *id)),
        Fact::Linked { record, entity, side, ext, .. } => linked(state, *record, entity, side, ext),
        Fact::Decided { record, decision } => decided(state, *record, decision, at),
        Fact::Intent { command } => intent(state, command, at, event.at),
        Fact::Done {
            command, ext, seen, base, changed, edit, key, stamp, tag, missing, ..
        } => {
            if let Some(command) = close(state, command) {
                let row = RowNews {
                    entity: &command.entity,
                    side: &command.side,
                    ext,
                    changed: *changed,
                    edit: *edit,
                    key: *key,
                    stamp: *stamp,
                    tag: *tag,
                };
                done(state, &command, &row, (*seen, *base), *missing, at);
            }
        }
        Fact::Deleted { command } => {
            if let Some(command) = close(state, command) {
                deleted(state, &command, at);
            }
        }
        Fact::Refused { command, why, message } => {
            if let Some(command) = close(state, command) {
                let side = command.side.clone();
                let message = message.clone();
                let refusal = Refusal { side, why: *why, message, at, since: event.at };
                state.records[command.record.0 as usize].refused = Some(refusal);
                state.refused.insert(command.record);
            }
        }
        // What the side showed instead, if anything, follows as an observation in the same batch.
        Fact::Withdrawn { command, why } => {
            if let Some(command) = close(state, command) {
                match (why, &command.operation) {
                    (Undone::Gone, Operation::Create) if !off(Switch::GoneIsDelete) => {
                        deleted_unseen(state, &command);
                    }
                    (Undone::NotApplied, Operation::Create) if !off(Switch::EarlierTries) => {
                        tried(state, &command);
                    }
                    (
                        Undone::NotSent | Undone::NotApplied | Undone::Changed | Undone::Gone,
                        Operation::Create | Operation::Update { .. } | Operation::Delete { .. },
                    ) => {}
                }
                refresh(state, command.record);
            }
        }
        Fact::Parked { subject, why } => parked(state, subject, Some(*why)),
        Fact::Unparked { subject, .. } => parked(state, subject, None),
        Fact::Resolved { record, choices, keep, .. } => resolved(state, *record, choices, *keep),
        Fact::Unresolved { record, .. } => {
            state.records[record.0 as usize].resolution = None;
            state.records[record.0 as usize].skipped = FieldSet::EMPTY;
            state.undecided.insert(*record);
        }
        Fact::Forked { from, merged, contains, refers_to, .. } => {
            let original = &mut state.records[from.0 as usize];
            original.copies = original.copies.saturating_add(1);
            let entity = original.entity.clone();
            let id = RecordId(u32::try_from(state.records.len()).unwrap_or(u32::MAX));
            let mut copy = Record::new(entity);
            copy.merged = *merged;
            copy.contains = contains.clone();
            copy.copy_of = Some(*from);
            copy.refers_to.clone_from(refers_to);
            state.records.push(copy);
            state.undecided.insert(id);
            adopt(state, id, refers_to);
            recall_parents(state, id, refers_to);
        }
        Fact::Redecided { entity, .. } => {
            let again: Vec<RecordId> = state.conflicts.iter().copied().collect();
            for id in again {
                if state.records[id.0 as usize].entity == *entity {
                    state.undecided.insert(id);
                }
            }
        }
        Fact::Approved { plan, .. } => {
            state.approved.insert(*plan);
        }
        // Said about the log, or about what could have been: the state is what it was.
        Fact::Drifted { .. }
        | Fact::Checkpointed { .. }
        | Fact::Erased { .. }
        | Fact::Shadowed { .. } => {}
        Fact::Unreadable { side, entity, at, why } => {
            state.unreadable.insert((side.clone(), entity.clone(), at.clone()), why.clone());
        }
        Fact::Readable { side, entity, at } => {
            state.unreadable.remove(&(side.clone(), entity.clone(), at.clone()));
        }
    }
}

/// What an observation or an answer says of a row besides its content.
struct RowNews<'a> {
    entity: &'a Name,
    side: &'a SideId,
    ext: &'a Ext,
    changed: FieldSet,
    edit: bool,
    key: Option<KeyHash>,
    stamp: Option<Timestamp>,
    tag: Option<u64>,
}

fn observed(state: &mut State, row: &RowNews<'_>, seen: ContentHash) {
    let row_key = (row.entity.clone(), row.side.clone(), row.ext.clone());
    let Some(RowState::Linked(id)) = state.rows.get(&row_key) else {
        let before = match state.rows.get(&row_key) {
            Some(RowState::Unlinked(before)) => before.key,
            Some(RowState::Linked(_)) | None => None,
        };
        index_key(state, row, before, row.key);
        let unlinked = UnlinkedRow {
            seen,
            fields: row.changed,
            key: row.key,
            stamp: row.stamp,
            tag: row.tag,
            parked: None,
        };
        state.parked.remove(&subject_of(row));
        state.rows.insert(row_key.clone(), RowState::Unlinked(unlinked));
        state.unlinked.insert(row_key);
        return;
    };
    let id = *id;
    let actor = state.actor(row.side);
    let slot = state.records[id.0 as usize].slot(row.side);
    if slot.presence == Presence::Here && slot.ext.as_ref() != Some(row.ext) {
        // A late copy of an alias while another row is live: known, and never a second live id (L49).
        return;
    }
    let back = slot.presence != Presence::Here;
    let news = back || slot.seen != seen;
    if news && (row.edit || back) {
        slot.knows.bump(&actor);
    }
    let key_before = slot.key;
    slot.ext = Some(row.ext.clone());
    slot.presence = Presence::Here;
    // A change that was taken back may end a conflict.
    let waited = !slot.changed.is_empty();
    set_row(slot, row, seen);
    slot.stamp_is_ours &= !news;
    let something = waited || !slot.changed.is_empty() || back;
    index_key(state, row, key_before, row.key);
    if something {
        state.undecided.insert(id);
    }
    if news {
        release(state, id);
    }
    refresh(state, id);
}

fn set_row(slot: &mut Slot, row: &RowNews<'_>, seen: ContentHash) {
    slot.show(seen);
    slot.changed = row.changed;
    slot.key = row.key;
    slot.stamp = row.stamp;
    slot.tag = row.tag;
}

fn absent(state: &mut State, row: &RowNews<'_>) {
    let row_key = (row.entity.clone(), row.side.clone(), row.ext.clone());
    match state.rows.get(&row_key).cloned() {
        None => {}
        Some(RowState::Unlinked(unlinked)) => {
            index_key(state, row, unlinked.key, None);
            state.rows.remove(&row_key);
            state.unlinked.remove(&row_key);
            state.parked.remove(&subject_of(row));
        }
        Some(RowState::Linked(id)) => {
            let record = &mut state.records[id.0 as usize];
            let slot = record.slot(row.side);
            if slot.presence != Presence::Here || slot.ext.as_ref() != Some(row.ext) {
                return;
            }
            let key = slot.key.take();
            slot.presence = Presence::Gone;
            slot.changed = FieldSet::EMPTY;
            slot.behind = FieldSet::EMPTY;
            let knew = slot.knows.clone();
            record.deleters_knew.join(&knew);
            index_key(state, row, key, None);
            state.undecided.insert(id);
            release(state, id);
            refresh(state, id);
        }
    }
}

fn linked(state: &mut State, id: RecordId, entity: &Name, side: &SideId, ext: &Ext) {
    if id.0 as usize == state.records.len() {
        state.records.push(Record::new(entity.clone()));
    }
    let row_key = (entity.clone(), side.clone(), ext.clone());
    recall_awaiting(state, &row_key);
    let before = state.rows.insert(row_key.clone(), RowState::Linked(id));
    state.unlinked.remove(&row_key);
    let subject = Subject::Row { entity: entity.clone(), side: side.clone(), ext: ext.clone() };
    state.parked.remove(&subject);
    let actor = state.actor(side);
    let Some(RowState::Unlinked(row)) = before else { return };
    let slot = state.records[id.0 as usize].slot(side);
    slot.ext = Some(ext.clone());
    slot.presence = Presence::Here;
    slot.seen = row.seen;
    // Another row of the record there may have had a base: this one agreed to nothing yet, and what is merged
    // is news to it.
    slot.base = super::empty_image();
    slot.changed = row.fields;
    slot.behind = FieldSet(u64::MAX);
    slot.key = row.key;
    slot.stamp = row.stamp;
    slot.tag = row.tag;
    slot.tried.clear();
    slot.knows.bump(&actor);
    state.undecided.insert(id);
    release(state, id);
}

/// A row that records refer to belongs to a record from now on: they are decided again, so that the parent knows its
/// children, those in conflict included (LAWS 1.7 g, T1).
fn recall_awaiting(state: &mut State, row: &RowKey) {
    if let Some(waiting) = state.awaited.remove(row)
        && !off(Switch::RecallAwaiting)
    {
        state.undecided.extend(waiting);
    }
}

fn decided(state: &mut State, id: RecordId, decision: &Decision, at: Seq) {
    let record = &mut state.records[id.0 as usize];
    record.merged = decision.merged;
    record.contains.join(&decision.contains);
    record.decided_at = at;
    record.resolution = None;
    record.stamps.clone_from(&decision.stamps);
    record.disputed = decision.life == Life::Disputed;
    record.dead = decision.life == Life::Dead;
    if decision.life == Life::Revived {
        record.life += 1;
        for slot in record.slots.values_mut() {
            if slot.presence == Presence::Gone {
                slot.presence = Presence::Missing;
                slot.seen = super::empty_image();
                slot.base = super::empty_image();
            }
        }
    }
    let contains = record.contains.clone();
    for after in &decision.sides {
        let slot = record.slot(&after.side);
        slot.base = after.base;
        slot.changed = after.changed;
        slot.behind = after.behind;
        let current = slot.presence == Presence::Here && after.behind.is_empty();
        if current && after.changed.is_empty() {
            slot.knows.join(&contains);
        }
    }
    let refers_to = std::mem::replace(&mut record.refers_to, decision.refers_to.clone());
    for parent in refers_to {
        if let Some(children) = state.children.get_mut(&parent) {
            children.remove(&id);
        }
    }
    adopt(state, id, &decision.refers_to);
    for row in &decision.awaits {
        state.awaited.entry(row.clone()).or_default().insert(id);
    }
    if decision.life != Life::Dead && !off(Switch::RecallParents) {
        recall_parents(state, id, &decision.refers_to);
    }
    if decision.life == Life::Dead && off(Switch::Tombstones) {
        state.rows.retain(|_, row| *row != RowState::Linked(id));
    }
    state.undecided.remove(&id);
    release(state, id);
    refresh(state, id);
}

fn adopt(state: &mut State, id: RecordId, parents: &[RecordId]) {
    for parent in parents {
        state.children.entry(*parent).or_default().insert(id);
    }
}

/// A living record refers to one that died: the parent is decided again, since its death would leave this one
/// without it (LAWS 1.7 g).
fn recall_parents(state: &mut State, child: RecordId, parents: &[RecordId]) {
    for parent in parents {
        let record = &state.records[parent.0 as usize];
        let somewhere = record.slots.values().any(|slot| slot.presence == Presence::Here);
        if *parent != child && record.dead && somewhere {
            state.undecided.insert(*parent);
        }
    }
}

fn intent(state: &mut State, command: &Command, seq: Seq, since: Timestamp) {
    state.approved.clear();
    let record = &mut state.records[command.record.0 as usize];
    record.pending = Some(command.id);
    state.refused.remove(&command.record);
    record.refused = None;
    let pending = Pending { command: command.clone(), seq, since };
    state.pending.insert(command.id, pending);
    adopt(state, command.record, &command.refers_to);
}

fn close(state: &mut State, id: &CommandId) -> Option<Command> {
    let pending = state.pending.remove(id)?;
    state.records[pending.command.record.0 as usize].pending = None;
    Some(pending.command)
}

fn done(
    state: &mut State,
    command: &Command,
    row: &RowNews<'_>,
    (seen, base): (ContentHash, ContentHash),
    missing: FieldSet,
    at: Seq,
) {
    let id = command.record;
    let actor = state.actor(row.side);
    let row_key = (row.entity.clone(), row.side.clone(), row.ext.clone());
    if let Some(RowState::Unlinked(before)) = state.rows.get(&row_key) {
        let before = before.key;
        index_key(state, row, before, None);
        state.unlinked.remove(&row_key);
        state.parked.remove(&subject_of(row));
    }
    recall_awaiting(state, &row_key);
    if off(Switch::Aliases) {
        state.rows.retain(|(_, side, _), known| side != row.side || *known != RowState::Linked(id));
    }
    state.rows.insert(row_key, RowState::Linked(id));
    let slot = state.records[id.0 as usize].slot(row.side);
    slot.tried.clear();
    let key_before = slot.key;
    slot.ext = Some(row.ext.clone());
    slot.presence = Presence::Here;
    slot.base = base;
    set_row(slot, row, seen);
    slot.stamp_is_ours = true;
    slot.written_at = at;
    slot.behind = match command.operation {
        Operation::Create => FieldSet::EMPTY,
        Operation::Update { .. } | Operation::Delete { .. } => slot.behind.minus(command.fields),
    }
    .union(missing);
    if missing.is_empty() {
        slot.knows.join(&command.contains);
    }
    if row.edit {
        slot.knows.bump(&actor);
    }
    // What is missing is decided again too: an owner's row is not written to, whatever it lacks.
    let something = !slot.changed.is_empty() || !missing.is_empty();
    index_key(state, row, key_before, row.key);
    if something {
        state.undecided.insert(id);
    }
    refresh(state, id);
}

fn deleted(state: &mut State, command: &Command, at: Seq) {
    let record = &mut state.records[command.record.0 as usize];
    let slot = record.slot(&command.side);
    let key = slot.key.take();
    slot.presence = Presence::Gone;
    slot.changed = FieldSet::EMPTY;
    slot.behind = FieldSet::EMPTY;
    slot.written_at = at;
    if let Some(ext) = slot.ext.clone() {
        let row = RowNews {
            entity: &command.entity,
            side: &command.side,
            ext: &ext,
            changed: FieldSet::EMPTY,
            edit: false,
            key: None,
            stamp: None,
            tag: None,
        };
        index_key(state, &row, key, None);
    }
    refresh(state, command.record);
}

/// A create left no trace so far; it may still arrive, with what it set (LAWS 1.7 c, v).
fn tried(state: &mut State, command: &Command) {
    let slot = state.records[command.record.0 as usize].slot(&command.side);
    if !slot.tried.contains(&command.set) {
        slot.tried.push(command.set);
    }
}

/// A create was done and its row deleted by a user before we saw it: a deletion that had seen the create (T18).
fn deleted_unseen(state: &mut State, command: &Command) {
    let record = &mut state.records[command.record.0 as usize];
    let slot = record.slot(&command.side);
    slot.presence = Presence::Gone;
    slot.changed = FieldSet::EMPTY;
    slot.behind = FieldSet::EMPTY;
    slot.knows.join(&command.contains);
    let knew = slot.knows.clone();
    record.deleters_knew.join(&knew);
    state.undecided.insert(command.record);
}

/// What a person decided waits for `decide`; what they set aside waits for news.
fn resolved(state: &mut State, id: RecordId, choices: &[(Name, Choice)], keep: Option<bool>) {
    let record = &mut state.records[id.0 as usize];
    let mut left = Vec::new();
    for (field, choice) in choices {
        match choice {
            Choice::Skip => {
                let order = state.entities.get(&record.entity);
                let bit = order.and_then(|order| order.iter().position(|known| known == field));
                bit.into_iter().for_each(|bit| record.skipped.insert(bit));
            }
            Choice::Side(_) | Choice::Value(_) => left.push((field.clone(), choice.clone())),
        }
    }
    if left.is_empty() && keep.is_none() {
        refresh_conflict(state, id);
        return;
    }
    record.resolution = Some(Resolution { choices: left, keep });
    state.undecided.insert(id);
}

fn parked(state: &mut State, subject: &Subject, why: Option<ParkedFor>) {
    match why {
        Some(why) => {
            state.parked.insert(subject.clone(), why);
        }
        None => {
            state.parked.remove(subject);
        }
    }
    match subject {
        Subject::Record(id) => {
            if let Some(record) = state.records.get_mut(id.0 as usize) {
                record.parked = why;
                if why.is_none() {
                    state.undecided.insert(*id);
                }
            }
        }
        Subject::Row { entity, side, ext } => {
            let row_key = (entity.clone(), side.clone(), ext.clone());
            if let Some(RowState::Unlinked(row)) = state.rows.get_mut(&row_key) {
                row.parked = why;
                if why.is_some() {
                    state.unlinked.remove(&row_key);
                } else {
                    state.unlinked.insert(row_key);
                }
            }
        }
    }
}

/// News about a record: what was refused before may be tried again, and what was set aside is asked again.
fn release(state: &mut State, id: RecordId) {
    state.records[id.0 as usize].skipped = FieldSet::EMPTY;
    unrefuse(state, id);
}

fn unrefuse(state: &mut State, id: RecordId) {
    if state.refused.remove(&id) {
        state.records[id.0 as usize].refused = None;
    }
}

fn refresh(state: &mut State, id: RecordId) {
    if state.records[id.0 as usize].owes() {
        state.owed.insert(id);
    } else {
        state.owed.remove(&id);
    }
    refresh_conflict(state, id);
}

fn refresh_conflict(state: &mut State, id: RecordId) {
    if state.records[id.0 as usize].in_conflict() && !state.undecided.contains(&id) {
        state.conflicts.insert(id);
    } else {
        state.conflicts.remove(&id);
    }
}

fn subject_of(row: &RowNews<'_>) -> Subject {
    Subject::Row { entity: row.entity.clone(), side: row.side.clone(), ext: row.ext.clone() }
}

fn index_key(
    state: &mut State,
    row: &RowNews<'_>,
    before: Option<KeyHash>,
    after: Option<KeyHash>,
) {
    if before == after {
        if let Some(key) = after {
            let entry = state.keys.entry((row.entity.clone(), key)).or_default();
            entry.insert((row.side.clone(), row.ext.clone()));
        }
        return;
    }
    if let Some(key) = before {
        let index = (row.entity.clone(), key);
        if let Some(rows) = state.keys.get_mut(&index) {
            rows.remove(&(row.side.clone(), row.ext.clone()));
            if rows.is_empty() {
                state.keys.remove(&index);
            }
        }
    }
    if let Some(key) = after {
        let entry = state.keys.entry((row.entity.clone(), key)).or_default();
        entry.insert((row.side.clone(), row.ext.clone()));
    }
}
