//! Derivations: a value with the decision that gave it, what that was made from, and the commands that carried it (L53).

use super::HistoryError;
use super::trace::{Candidate, How, Touch, Trace, ruling};
use crate::engine::Journal;
use crate::explain::label;
use mizan_core::bodies::{Bodies, image_of};
use mizan_core::event::{Choice, Decision, Evidence, LinkedBy, Loser};
use mizan_core::{
    CommandId, ContentHash, Event, Ext, Fact, Name, RecordId, Schema, Seq, SideId, Timestamp, Value,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Why a field has the value that it has: a finite graph of events, each of which stands after all that it rests on.
///
/// [`Derivation::replay`] computes the value again from these events alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Derivation {
    /// The record.
    pub record: RecordId,
    /// Its entity.
    pub entity: Name,
    /// Its name for people.
    pub label: String,
    /// The field.
    pub field: Name,
    /// The merged value; `None`: not known.
    pub value: Option<Value>,
    /// The event that the value comes from; `None` where nothing was ever decided about the field.
    pub root: Option<Seq>,
    /// The events, by position.
    pub nodes: BTreeMap<Seq, Node>,
    /// The commands that carried the value to the sides.
    pub carried: Vec<Carried>,
    /// What each side shows now, and the event that showed it.
    pub shown: Vec<Candidate>,
}

/// One event of a derivation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its position.
    pub seq: Seq,
    /// When it was appended.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
    /// What it rests on; all of it stands earlier.
    pub from: Vec<Seq>,
}

/// What an event of a derivation says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A decision gave the field its value.
    Decided {
        /// The policy, with its version.
        policy: Name,
        /// How it came by the value.
        how: How,
        /// The side whose value was taken, where it was one side's.
        winner: Option<SideId>,
        /// The value.
        value: Option<Value>,
        /// The values that lost.
        losers: Vec<Loser>,
        /// What the sides showed.
        candidates: Vec<Candidate>,
    },
    /// A side showed something.
    Observed {
        /// The side.
        side: SideId,
        /// Its row.
        ext: Ext,
        /// The field's value there; `None`: not carried, or the row is gone.
        value: Option<Value>,
        /// Hash of all that was shown; `None`: the row is gone.
        content: Option<ContentHash>,
        /// Which read it was.
        evidence: Evidence,
        /// The log's head when the read was issued.
        ticket: Seq,
    },
    /// A row belongs to a record.
    Linked {
        /// The record.
        record: RecordId,
        /// The side.
        side: SideId,
        /// The row.
        ext: Ext,
        /// Why.
        how: LinkedBy,
    },
    /// A person decided.
    Said {
        /// What, of this field.
        choice: Option<Choice>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// The record was made as a copy.
    Copied {
        /// Of which.
        from: RecordId,
        /// With the value that this side showed; `None`: with what was merged before.
        side: Option<SideId>,
        /// The value.
        value: Option<Value>,
    },
    /// A command was sent.
    Sent {
        /// The command.
        command: CommandId,
        /// `create`, `update` or `delete`.
        verb: &'static str,
        /// The side.
        side: SideId,
        /// The field's value in it.
        value: Option<Value>,
    },
    /// A command was done, and the side showed the row.
    Done {
        /// The command.
        command: CommandId,
        /// The side.
        side: SideId,
        /// The row.
        ext: Ext,
        /// The field's value there.
        value: Option<Value>,
        /// Hash of all that was shown.
        content: ContentHash,
        /// The answer itself showed it.
        exact: bool,
    },
}

/// A command that carried a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// The command.
    pub command: CommandId,
    /// `create`, `update` or `delete`.
    pub verb: &'static str,
    /// The side.
    pub side: SideId,
    /// What it set the field to, in the side's own terms.
    pub sets: Option<Value>,
    /// Where its intent stands.
    pub intent: Seq,
    /// Where its outcome stands; `None`: in doubt.
    pub outcome: Option<Seq>,
    /// `done`, `refused`, `withdrawn`, `deleted` or `in doubt`.
    pub ended: &'static str,
}

impl Derivation {
    /// The derivation of a field; `None` where the record had not begun, or there is no such field.
    ///
    /// ```no_run
    /// # fn show(journal: &mizan::engine::Journal, schema: &mizan::core::Schema, id: mizan::core::RecordId)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use mizan::history::Derivation;
    ///
    /// if let Some(derivation) = Derivation::of(journal, schema, id, &"price".into())? {
    ///     print!("{derivation}");
    ///     assert_eq!(derivation.replay(journal, schema)?, derivation.value);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of(
        journal: &Journal,
        schema: &Schema,
        id: RecordId,
        field: &Name,
    ) -> Result<Option<Self>, HistoryError> {
        let Some(trace) = Trace::of(journal, schema, id, journal.head())? else { return Ok(None) };
        let Some(bit) = trace.entity.bit(field) else { return Ok(None) };
        Ok(Some(Self::build(journal, schema, id, &trace, bit as usize)))
    }

    /// The derivations of all fields of a record, in their order; empty where it had not begun.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn all(
        journal: &Journal,
        schema: &Schema,
        id: RecordId,
    ) -> Result<Vec<Self>, HistoryError> {
        let Some(trace) = Trace::of(journal, schema, id, journal.head())? else {
            return Ok(Vec::new());
        };
        let bits = 0..trace.entity.fields.len();
        Ok(bits.map(|bit| Self::build(journal, schema, id, &trace, bit)).collect())
    }

    fn build(journal: &Journal, schema: &Schema, id: RecordId, trace: &Trace, bit: usize) -> Self {
        let field = trace.entity.fields[bit].name.clone();
        let touches: BTreeMap<Seq, &Touch> =
            trace.touches[bit].iter().map(|touch| (touch.seq, touch)).collect();
        let root = touches.keys().next_back().copied();
        let mut nodes = BTreeMap::new();
        let mut open: Vec<Seq> = root.into_iter().collect();
        while let Some(seq) = open.pop() {
            let Some(event) = trace.events.get(&seq).filter(|_| !nodes.contains_key(&seq)) else {
                continue;
            };
            let touch = touches.get(&seq).copied();
            let mut from: BTreeSet<Seq> =
                trace.needs.get(&seq).into_iter().flatten().copied().collect();
            from.extend(touch.iter().flat_map(|touch| &touch.premises));
            from.retain(|premise| *premise < seq && trace.events.contains_key(premise));
            open.extend(&from);
            let reader = Teller { bodies: journal, trace, field: &field };
            if let Some(what) = reader.what(event, touch) {
                let from = from.into_iter().collect();
                nodes.insert(seq, Node { seq, at: event.at, what, from });
            }
        }
        let shown = trace.shown.iter().filter_map(|(side, seq)| {
            let slot = trace.record.slots.get(side)?;
            let image = image_of(journal, &slot.seen).unwrap_or_default();
            let value = image.get(&field).cloned();
            trace.record.live_ext(side)?;
            Some(Candidate { side: side.clone(), value, seq: *seq })
        });
        Self {
            record: id,
            entity: trace.entity.name.clone(),
            label: label(journal.state(), schema, journal, id),
            value: trace.merged.get(&field).cloned(),
            root,
            nodes,
            carried: carried(journal, trace, bit, root.unwrap_or_default()),
            shown: shown.collect(),
            field,
        }
    }

    /// The positions that the value rests on; the declarations of sides, fields and rules come on top.
    pub fn positions(&self) -> impl Iterator<Item = Seq> {
        self.nodes.keys().copied()
    }
}

/// The commands after a decision that set a field.
pub(super) fn carried(journal: &Journal, trace: &Trace, bit: usize, after: Seq) -> Vec<Carried> {
    let field = &trace.entity.fields[bit].name;
    let own = trace.sent.iter().filter(|sent| sent.intent > after);
    let own = own.filter(|sent| sent.command.fields.contains(bit));
    own.map(|sent| {
        let outcome = sent.outcome.and_then(|at| trace.events.get(&at));
        Carried {
            command: sent.command.id,
            verb: sent.command.operation.verb(),
            side: sent.command.side.clone(),
            sets: image_of(journal, &sent.command.set).ok().and_then(|set| set.get(field).cloned()),
            intent: sent.intent,
            outcome: sent.outcome,
            ended: outcome.map_or("in doubt", |event| event.fact.kind()),
        }
    })
    .collect()
}

/// Says what events have to do with one field.
struct Teller<'a> {
    bodies: &'a dyn Bodies,
    trace: &'a Trace,
    field: &'a Name,
}

impl Teller<'_> {
    fn value(&self, hash: &ContentHash) -> Option<Value> {
        image_of(self.bodies, hash).ok()?.get(self.field).cloned()
    }

    fn what(&self, event: &Event, touch: Option<&Touch>) -> Option<What> {
        Some(match &event.fact {
            Fact::Decided { decision, .. } => self.decided(decision, touch),
            Fact::Observed { side, ext, seen, evidence, ticket, .. } => What::Observed {
                side: side.clone(),
                ext: ext.clone(),
                value: seen.as_ref().and_then(|seen| self.value(seen)),
                content: *seen,
                evidence: *evidence,
                ticket: *ticket,
            },
            Fact::Linked { record, side, ext, how, .. } => {
                What::Linked { record: *record, side: side.clone(), ext: ext.clone(), how: *how }
            }
            Fact::Resolved { choices, by, why, .. } => {
                let own = choices.iter().find(|(field, _)| field == self.field);
                let choice = own.map(|(_, choice)| choice.clone());
                What::Said { choice, by: by.clone(), why: why.clone() }
            }
            Fact::Forked { from, side, merged, .. } => {
                What::Copied { from: *from, side: side.clone(), value: self.value(merged) }
            }
            Fact::Intent { command } => What::Sent {
                command: command.id,
                verb: command.operation.verb(),
                side: command.side.clone(),
                value: self.value(&command.set),
            },
            Fact::Done { command, ext, seen, exact, .. } => What::Done {
                command: *command,
                side: self.side_of(command)?,
                ext: ext.clone(),
                value: self.value(seen),
                content: *seen,
                exact: *exact,
            },
            Fact::Opened { .. }
            | Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::PolicySet { .. }
            | Fact::Cursor { .. }
            | Fact::Swept { .. }
            | Fact::Deleted { .. }
            | Fact::Refused { .. }
            | Fact::Withdrawn { .. }
            | Fact::Parked { .. }
            | Fact::Unparked { .. }
            | Fact::Unresolved { .. }
            | Fact::Redecided { .. }
            | Fact::Approved { .. }
            | Fact::Drifted { .. }
            | Fact::Unreadable { .. }
            | Fact::Readable { .. }
            | Fact::Checkpointed { .. }
            | Fact::Erased { .. }
            | Fact::Shadowed { .. } => return None,
        })
    }

    fn side_of(&self, command: &CommandId) -> Option<SideId> {
        self.trace.events.values().find_map(|event| {
            if let Fact::Intent { command: sent } = &event.fact
                && sent.id == *command
            {
                Some(sent.side.clone())
            } else {
                None
            }
        })
    }

    fn decided(&self, decision: &Decision, touch: Option<&Touch>) -> What {
        let bit = self.trace.entity.bit(self.field).unwrap_or(u32::MAX) as usize;
        let field = self.trace.entity.fields.get(bit);
        let found = field.and_then(|field| ruling(decision, bit, field));
        let taker = decision.taken.iter().find(|(_, fields)| fields.contains(bit));
        let winner = found.and_then(|found| found.winner.clone());
        What::Decided {
            policy: decision.policy.clone(),
            // A decision that is here for what it agreed with the sides, and not for this field.
            how: touch.map_or(How::Agreed, |touch| touch.how),
            winner: winner.or_else(|| taker.map(|(side, _)| side.clone())),
            value: self.value(&decision.merged),
            losers: found.map(|found| found.losers.clone()).unwrap_or_default(),
            candidates: touch.map(|touch| touch.candidates.clone()).unwrap_or_default(),
        }
    }
}
