//! Rename: facts under other names, with every hash following.

use super::pseudonyms::{Pseudonyms, Vocabulary};
use super::select::Selection;
use mizan_core::command::Operation;
use mizan_core::event::{Decision, Subject};
use mizan_core::{Command, ContentHash, Fact, Image, Name, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Collects what a fact says in values and row ids.
pub(super) fn learn(fact: &Fact, words: &mut Vocabulary) {
    let found = RefCell::new(Vec::new());
    fact.clone().reword(&mut |value| found.borrow_mut().push(value.clone()), &mut |_| {});
    found.into_inner().iter().for_each(|value| words.value(value));
    match fact {
        Fact::Observed { ext, .. } | Fact::Linked { ext, .. } | Fact::Done { ext, .. } => {
            words.ext(ext);
        }
        Fact::Decided { decision, .. } => {
            decision.awaits.iter().for_each(|(_, _, ext)| words.ext(ext));
        }
        Fact::Intent { command } => command.operation.ext().into_iter().for_each(|e| words.ext(e)),
        Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => match subject {
            Subject::Row { ext, .. } => words.ext(ext),
            Subject::Record(_) => {}
        },
        Fact::Unreadable { at, .. } | Fact::Readable { at, .. } => {
            words.value(&Value::Text(Name::new(at)));
        }
        Fact::Resolved { by, .. }
        | Fact::Unresolved { by, .. }
        | Fact::Redecided { by, .. }
        | Fact::Approved { by, .. }
        | Fact::Erased { by, .. } => words.value(&Value::Text(Name::new(by))),
        Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Deleted { .. }
        | Fact::Refused { .. }
        | Fact::Withdrawn { .. }
        | Fact::Forked { .. }
        | Fact::Drifted { .. }
        | Fact::Checkpointed { .. }
        | Fact::Shadowed { .. } => {}
    }
}

/// Everything under its other name.
pub(super) struct Renaming<'a> {
    names: &'a Pseudonyms,
    selection: &'a Selection<'a>,
    hashes: BTreeMap<ContentHash, ContentHash>,
    images: BTreeMap<ContentHash, Image>,
}

impl<'a> Renaming<'a> {
    pub(super) fn new(
        names: &'a Pseudonyms,
        selection: &'a Selection<'a>,
        images: &BTreeMap<ContentHash, Image>,
    ) -> Self {
        let (mut hashes, mut renamed) = (BTreeMap::new(), BTreeMap::new());
        for (hash, image) in images {
            let image = names.image(image, &|record| selection.record(record));
            let new = image.hash();
            hashes.insert(*hash, new);
            renamed.insert(new, image);
        }
        Self { names, selection, hashes, images: renamed }
    }

    /// An image, by its new hash.
    pub(super) fn renamed(&self, hash: &ContentHash) -> Option<&Image> {
        self.images.get(hash)
    }

    fn hash(&self, hash: &mut ContentHash) {
        // What the log does not hold, or is no image, has a name all the same.
        let found = self.hashes.get(hash).copied();
        *hash = found.unwrap_or_else(|| self.names.hash("content", &hash.0));
    }

    fn person(&self, by: &mut String) {
        *by = self.names.text(&Name::new(&*by)).to_string();
    }

    fn command(&self, command: &mut Command) {
        let Command { id, record, operation, set, refers_to, .. } = command;
        *id = self.names.command(id);
        *record = self.selection.record(*record);
        match operation {
            Operation::Create => {}
            Operation::Update { ext, expect } | Operation::Delete { ext, expect } => {
                *ext = self.names.ext(ext);
                self.hash(expect);
            }
        }
        self.hash(set);
        refers_to.iter_mut().for_each(|record| *record = self.selection.record(*record));
    }

    fn decision(&self, decision: &mut Decision) {
        // Every part by name: a new one must be looked at here.
        let Decision {
            policy: _,
            merged,
            taken: _,
            agreed: _,
            fields: _,
            sides,
            life: _,
            contains: _,
            refers_to,
            stamps: _,
            awaits,
        } = decision;
        self.hash(merged);
        sides.iter_mut().for_each(|after| self.hash(&mut after.base));
        refers_to.iter_mut().for_each(|record| *record = self.selection.record(*record));
        awaits.iter_mut().for_each(|(_, _, ext)| *ext = self.names.ext(ext));
    }

    fn subject(&self, subject: &mut Subject) {
        match subject {
            Subject::Record(record) => *record = self.selection.record(*record),
            Subject::Row { ext, .. } => *ext = self.names.ext(ext),
        }
    }

    /// A fact under its other names.
    pub(super) fn fact(&mut self, fact: &Fact) -> Fact {
        let (names, selection) = (self.names, self.selection);
        let mut fact = fact.clone();
        fact.reword(
            &mut |value| *value = names.value(value, &|record| selection.record(record)),
            &mut String::clear,
        );
        self.rename(&mut fact);
        fact
    }

    #[expect(clippy::too_many_lines, reason = "a table: one arm a fact")]
    fn rename(&self, fact: &mut Fact) {
        let (names, selection) = (self.names, self.selection);
        match fact {
            Fact::Opened { log_id, .. } => *log_id = names.hash("log", &log_id.0),
            Fact::PolicySet { params, .. } => *params = names.hash("rules", &params.0),
            Fact::Observed { ext, seen, key, tag, ticket, .. } => {
                *ext = names.ext(ext);
                seen.iter_mut().for_each(|seen| self.hash(seen));
                *key = key.as_ref().map(|key| names.key(key));
                *tag = tag.map(|tag| names.tag(tag));
                *ticket = selection.position(*ticket);
            }
            Fact::Swept { freed, .. } => {
                freed.iter_mut().for_each(|record| *record = selection.record(*record));
            }
            Fact::Linked { record, ext, .. } => {
                *record = selection.record(*record);
                *ext = names.ext(ext);
            }
            Fact::Decided { record, decision } => {
                *record = selection.record(*record);
                self.decision(decision);
            }
            Fact::Intent { command } => self.command(command),
            Fact::Done { command, ext, seen, base, key, tag, .. } => {
                *command = names.command(command);
                *ext = names.ext(ext);
                self.hash(seen);
                self.hash(base);
                *key = key.as_ref().map(|key| names.key(key));
                *tag = tag.map(|tag| names.tag(tag));
            }
            Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. }
            | Fact::Drifted { command, .. } => *command = names.command(command),
            Fact::Parked { subject, .. } => self.subject(subject),
            Fact::Unparked { subject, by } => {
                self.subject(subject);
                if by != "news" {
                    by.clear();
                }
            }
            Fact::Resolved { record, by, .. } | Fact::Unresolved { record, by, .. } => {
                *record = selection.record(*record);
                self.person(by);
            }
            Fact::Forked { from, merged, refers_to, .. } => {
                *from = selection.record(*from);
                self.hash(merged);
                refers_to.iter_mut().for_each(|record| *record = selection.record(*record));
            }
            Fact::Redecided { by, why, .. } => {
                self.person(by);
                why.clear();
            }
            Fact::Approved { plan, by } => {
                *plan = names.hash("plan", &plan.0);
                self.person(by);
            }
            Fact::Unreadable { at, .. } | Fact::Readable { at, .. } => {
                *at = names.text(&Name::new(&*at)).to_string();
            }
            Fact::Erased { record, events, bodies, by, why } => {
                *record = selection.record(*record);
                events.iter_mut().for_each(|at| *at = selection.position(*at));
                bodies.iter_mut().for_each(|body| self.hash(body));
                self.person(by);
                why.clear();
            }
            Fact::Shadowed { record, decided, params, .. } => {
                *record = selection.record(*record);
                *decided = selection.position(*decided);
                *params = names.hash("rules", &params.0);
            }
            Fact::SideAttached { .. }
            | Fact::EntityDeclared { .. }
            | Fact::Cursor { .. }
            | Fact::Checkpointed { .. } => {}
        }
    }
}
