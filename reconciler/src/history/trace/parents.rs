//! Rows of other records, where a value refers to them.

use super::super::slice::read;
use super::super::{Filter, HistoryError};
use super::Walk;
use mizan_core::value::RefTo;
use mizan_core::{CommandId, Event, Ext, Fact, Name, Seq, SideId, Value};
use std::collections::BTreeMap;

impl Walk<'_> {
    /// The events that made rows of other records known that a value refers to.
    pub(super) fn parents_of(
        &mut self,
        value: &Value,
        before: Seq,
    ) -> Result<Vec<Seq>, HistoryError> {
        let mut rows = Vec::new();
        value.each_ref(&mut |reference| {
            if let RefTo::Row { side, ext } = &reference.to {
                rows.push((reference.entity.clone(), side.clone(), ext.clone()));
            }
        });
        let mut found = Vec::new();
        for (entity, side, ext) in rows {
            if let Some(link) = self.link_of(&entity, &side, &ext)?.filter(|link| *link < before) {
                found.push(link);
            }
        }
        Ok(found)
    }

    fn link_of(
        &mut self,
        entity: &Name,
        side: &SideId,
        ext: &Ext,
    ) -> Result<Option<Seq>, HistoryError> {
        let state = self.journal.state();
        let Some(parent) = state.record_of(entity, side, ext) else { return Ok(None) };
        let places = self.journal.with_index(|index| {
            let kinds = ["linked", "intent", "done"].map(str::to_owned).to_vec();
            index.find(state, &Filter { record: Some(parent), kinds, ..Filter::default() })
        })?;
        let mut intents: BTreeMap<CommandId, Event> = BTreeMap::new();
        for event in read(self.journal, &places)? {
            let seq = event.seq;
            if let Fact::Intent { command } = &event.fact {
                intents.insert(command.id, event.clone());
            } else if let Fact::Linked { side: on, ext: row, .. } = &event.fact
                && on == side
                && row == ext
            {
                self.parents.insert(seq, event);
                return Ok(Some(seq));
            } else if let Fact::Done { command, ext: row, .. } = &event.fact
                && row == ext
                && let Some(intent) = intents.get(command).filter(|intent| is_on(intent, side))
            {
                self.needs.insert(seq, vec![intent.seq]);
                self.parents.insert(intent.seq, intent.clone());
                self.parents.insert(seq, event);
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }
}

/// An intent for a side.
fn is_on(intent: &Event, side: &SideId) -> bool {
    matches!(&intent.fact, Fact::Intent { command } if command.side == *side)
}
