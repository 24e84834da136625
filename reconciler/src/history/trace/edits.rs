//! Whose a value is: changes get their names when they are seen, and decisions bring them in.

use super::{Candidate, Edit, How, Origin, Walk, adds};
use mizan_core::compare::inward;
use mizan_core::event::{Choice, Found};
use mizan_core::version::Actor;
use mizan_core::{ContentHash, Event, Fact, SideId, Value};
use std::collections::BTreeMap;

impl Walk<'_> {
    /// Gives new changes their names, field by field: what changed before and waits keeps its own.
    pub(super) fn note_edits(
        &mut self,
        event: &Event,
        before: &BTreeMap<SideId, u32>,
        seen: &BTreeMap<SideId, ContentHash>,
    ) {
        let Some(record) = self.slice.inside() else { return };
        let mut new = Vec::new();
        for (side, slot) in &record.slots {
            let Actor { epoch, .. } = self.slice.state().actor(side);
            let count = slot.knows.count(&self.slice.state().actor(side));
            if count <= before.get(side).copied().unwrap_or(0) {
                continue;
            }
            let was = seen.get(side).map(|hash| self.image(hash)).unwrap_or_default();
            let now = self.image(&slot.seen);
            let first = self.shown.get(side).copied().unwrap_or(event.seq).min(event.seq);
            let seen_at = self.times.get(&first).copied().unwrap_or(event.at);
            for (bit, field) in self.entity.fields.iter().enumerate() {
                let key = (side.clone(), bit);
                let moved = now.get(&field.name) != was.get(&field.name);
                if moved && (slot.changed.contains(bit) || !self.edits.contains_key(&key)) {
                    let (side, seq, at) = (side.clone(), first, seen_at);
                    new.push((key, Edit { side, epoch, count, seq, at }));
                }
            }
        }
        self.edits.extend(new);
    }

    /// Whose the value is that a decision brought.
    pub(super) fn origin(
        &self,
        bit: usize,
        how: How,
        candidates: &[Candidate],
        value: Option<&Value>,
    ) -> Origin {
        let word = self.said.filter(|_| how == How::By(Found::Person));
        let word = word.and_then(|at| Some((at, self.journal.event(at).ok()??)));
        if let Some((seq, Event { fact: Fact::Resolved { choices, by, why, .. }, .. })) = word {
            let name = &self.entity.fields[bit].name;
            let own = choices
                .iter()
                .any(|(field, choice)| field == name && matches!(choice, Choice::Value(_)));
            if own {
                return Origin::Person { by, why, seq };
            }
        }
        let edits = |wanted: &dyn Fn(&Candidate) -> bool| {
            let of = |one: &Candidate| self.edits.get(&(one.side.clone(), bit)).cloned();
            let mut edits: Vec<Edit> =
                candidates.iter().filter(|one| wanted(one)).filter_map(of).collect();
            edits.sort_by_key(|edit| edit.seq);
            edits
        };
        let brings = |one: &Candidate| one.value.as_ref() == value || self.means(one, value);
        let mut own = edits(&brings);
        if own.is_empty() || adds(&self.entity.fields[bit]) {
            own = edits(&|_| true);
        }
        if own.is_empty() { Origin::Policy } else { Origin::Edits(own) }
    }

    /// The side's value is the merged one, said in its own terms.
    fn means(&self, one: &Candidate, value: Option<&Value>) -> bool {
        let (Some(raw), Some(value)) = (&one.value, value) else { return false };
        inward(self.journal.state(), raw) == *value
    }
}
