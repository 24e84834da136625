//! Taking back what a person decided about a record last.

use super::{ConflictError, open_bits};
use crate::engine::{EngineError, Journal};
use crate::explain::each_event_of;
use mizan_core::bodies::image_of;
use mizan_core::event::{Choice, Decision, Found};
use mizan_core::fold::{Record, empty_image};
use mizan_core::{ContentHash, Fact, Image, Name, RecordId, Schema, Seq, Value};
use serde::Serialize;

/// A value that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The field.
    pub field: Name,
    /// What the person chose.
    pub from: Value,
    /// What held before.
    pub to: Value,
}

/// How a decision is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// The fact to append.
    pub fact: Fact,
    /// The values that come back; none where no sync had carried the decision out: then the conflict is open again.
    pub restored: Vec<Restored>,
    /// Who had decided, why, and where it stands in the log.
    pub was: (String, String, Seq),
}

/// A person's word: who, why, where in the log.
type Word = (String, String, Seq);

/// What persons said about a record, and what became of it.
#[derive(Default)]
struct Last {
    /// Said, and not carried out yet; or set aside.
    waiting: Option<(Word, bool)>,
    /// Carried out last, and whether it was about the record's life.
    said: Option<(Word, bool)>,
    /// The decision that carried it out, and the merged image before it.
    done: Option<(Decision, ContentHash)>,
    merged: Option<ContentHash>,
}

impl Last {
    fn decided(&mut self, decision: &Decision) {
        if let Some(said) = self.waiting.take() {
            let person = decision.fields.iter().any(|field| field.found == Found::Person);
            let before = self.merged.unwrap_or_else(empty_image);
            self.done = person.then(|| (decision.clone(), before));
            if person || said.1 {
                self.said = Some(said);
            }
        }
        self.merged = Some(decision.merged);
    }
}

/// What a person decided about a record last, taken back.
///
/// What no sync has carried out is withdrawn. What was carried out is decided anew, for the values that held before.
///
/// # Errors
/// When nobody decided anything, or what was decided no longer holds: later changes are not undone.
pub fn undo(
    journal: &Journal,
    schema: &Schema,
    id: RecordId,
    by: &str,
    why: &str,
) -> Result<Undo, ConflictError> {
    if by.trim().is_empty() || why.trim().is_empty() {
        return Err(ConflictError::Unsigned);
    }
    let nothing = ConflictError::NothingToUndo(id);
    let Some(record) = journal.state().record(id) else { return Err(nothing) };
    let last = last_word(journal, id)?;
    let (by, why) = (by.to_owned(), why.to_owned());
    if record.resolution.is_some() || !record.skipped.is_empty() {
        let Some((was, _)) = last.waiting else { return Err(nothing) };
        let fact = Fact::Unresolved { record: id, by, why };
        return Ok(Undo { fact, restored: Vec::new(), was });
    }
    let Some((was, life)) = last.said else { return Err(nothing) };
    let Some((decision, before)) = last.done else {
        return Err(if life { ConflictError::Lived(id) } else { nothing });
    };
    let before = image_of(journal, &before).map_err(EngineError::from)?;
    let now = image_of(journal, &record.merged).map_err(EngineError::from)?;
    refuse_superseded(schema, id, record, &decision, &now)?;
    let mut restored = Vec::new();
    for field in decision.fields.iter().filter(|field| field.found == Found::Person) {
        let lost = field.losers.iter().find(|loser| loser.side.is_none());
        let to = lost.map(|loser| &loser.value).or_else(|| before.get(&field.field));
        let Some(to) = to.cloned() else {
            return Err(ConflictError::NothingBefore { record: id, field: field.field.clone() });
        };
        restored.push(Restored { field: field.field.clone(), from: field.value.clone(), to });
    }
    let choices =
        restored.iter().map(|one| (one.field.clone(), Choice::Value(one.to.clone()))).collect();
    let fact = Fact::Resolved { record: id, choices, keep: None, by, why };
    Ok(Undo { fact, restored, was })
}

fn last_word(journal: &Journal, id: RecordId) -> Result<Last, EngineError> {
    let mut last = Last::default();
    each_event_of(journal, id, &mut |event| {
        if let Fact::Resolved { by, why, keep, .. } = &event.fact {
            last.waiting = Some(((by.clone(), why.clone(), event.seq), keep.is_some()));
        } else if let Fact::Unresolved { .. } = &event.fact {
            last.waiting = None;
        } else if let Fact::Decided { decision, .. } = &event.fact {
            last.decided(decision);
        }
    })?;
    Ok(last)
}

/// What a person chose must still hold: a later change is somebody's, and is not thrown away with it.
fn refuse_superseded(
    schema: &Schema,
    id: RecordId,
    record: &Record,
    decision: &Decision,
    now: &Image,
) -> Result<(), ConflictError> {
    let superseded = |what: String| ConflictError::Superseded { record: id, what };
    if record.dead {
        return Err(superseded("the record was deleted since".to_owned()));
    }
    let open = open_bits(record);
    for field in decision.fields.iter().filter(|field| field.found == Found::Person) {
        let name = &field.field;
        let held = now.get(name).unwrap_or(&Value::Null);
        if *held != field.value {
            return Err(superseded(format!("`{name}` was changed to {held} since")));
        }
        let entity = schema.entity(&record.entity);
        let bit = entity.and_then(|entity| entity.bit(name));
        if bit.is_some_and(|bit| open.contains(bit as usize)) {
            return Err(superseded(format!("`{name}` is in conflict again")));
        }
    }
    Ok(())
}
