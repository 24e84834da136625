//! What two answers to one question differ in, in words.

use mizan_core::bodies::Bodies;
use mizan_core::event::{Decision, FieldDecision};
use mizan_core::{Command, ContentHash, Entity, Fact, FieldSet, Image, Name, SideId, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One thing in which what is recorded differs from what is computed now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `merged price`, `decision on name`, `life`, ...
    pub what: String,
    /// What the log says.
    pub recorded: String,
    /// What comes out now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, recorded, now } = self;
        write!(f, "{what}: recorded {recorded}, now {now}")
    }
}

/// Collects differences.
pub(crate) struct Differ<'a> {
    entity: Option<&'a Entity>,
    found: Vec<Difference>,
}

impl<'a> Differ<'a> {
    pub(crate) fn new(entity: Option<&'a Entity>) -> Self {
        Self { entity, found: Vec::new() }
    }

    pub(crate) fn found(self) -> Vec<Difference> {
        self.found
    }

    /// Notes a difference where the texts are not the same.
    pub(crate) fn text(&mut self, what: impl Into<String>, recorded: String, now: String) {
        if recorded != now {
            self.found.push(Difference { what: what.into(), recorded, now });
        }
    }

    fn fields(&self, set: FieldSet) -> String {
        let name = |bit: usize| match self.entity.and_then(|entity| entity.fields.get(bit)) {
            Some(field) => field.name.to_string(),
            None => format!("field {bit}"),
        };
        if set == FieldSet(u64::MAX) {
            return "all".to_owned();
        }
        let names: Vec<String> = set.iter().map(name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// Compares two images by their hashes, and says in which fields they differ.
    pub(crate) fn images(
        &mut self,
        what: &str,
        bodies: &dyn Bodies,
        (recorded, now): (&ContentHash, &ContentHash),
        fresh: &BTreeMap<ContentHash, &Image>,
    ) {
        if recorded == now {
            return;
        }
        let find = |hash: &ContentHash| {
            fresh.get(hash).map(|image| (*image).clone()).or_else(|| bodies.image(hash))
        };
        let (before, after) = (find(recorded).unwrap_or_default(), find(now).unwrap_or_default());
        let known = self.found.len();
        for name in names(&before, &after) {
            let (a, b) = (shown(before.get(&name)), shown(after.get(&name)));
            self.text(format!("{what} {name}"), a, b);
        }
        if self.found.len() == known {
            self.text(what, recorded.to_string(), now.to_string());
        }
    }

    /// Compares two decisions.
    pub(crate) fn decisions(
        &mut self,
        bodies: &dyn Bodies,
        recorded: &Decision,
        now: &Decision,
        fresh: &BTreeMap<ContentHash, &Image>,
    ) {
        self.text("policy", recorded.policy.to_string(), now.policy.to_string());
        self.images("merged", bodies, (&recorded.merged, &now.merged), fresh);
        self.field_decisions(&recorded.fields, &now.fields);
        self.taken(&recorded.taken, &now.taken);
        self.text("agreed", self.fields(recorded.agreed), self.fields(now.agreed));
        self.sides(bodies, recorded, now, fresh);
        self.debug("life", &recorded.life, &now.life);
        self.debug("edits contained", &recorded.contains, &now.contains);
        self.debug("refers to", &recorded.refers_to, &now.refers_to);
        self.debug("stamps", &recorded.stamps, &now.stamps);
        self.debug("rows awaited", &recorded.awaits, &now.awaits);
    }

    fn debug<T: fmt::Debug + PartialEq>(&mut self, what: &str, recorded: &T, now: &T) {
        if recorded != now {
            self.text(what, format!("{recorded:?}"), format!("{now:?}"));
        }
    }

    fn field_decisions(&mut self, recorded: &[FieldDecision], now: &[FieldDecision]) {
        let mut all: Vec<&Name> = recorded.iter().chain(now).map(|one| &one.field).collect();
        all.sort();
        all.dedup();
        let told = |list: &[FieldDecision], name: &Name| {
            let told: Vec<String> =
                list.iter().filter(|one| one.field == *name).map(tell_field).collect();
            if told.is_empty() { "no conflict".to_owned() } else { told.join("; ") }
        };
        for name in all {
            self.text(format!("decision on {name}"), told(recorded, name), told(now, name));
        }
    }

    fn taken(&mut self, recorded: &[(SideId, FieldSet)], now: &[(SideId, FieldSet)]) {
        let mut sides: Vec<&SideId> = recorded.iter().chain(now).map(|(side, _)| side).collect();
        sides.sort();
        sides.dedup();
        for side in sides {
            let of = |list: &[(SideId, FieldSet)]| {
                list.iter().find(|(name, _)| name == side).map_or(FieldSet::EMPTY, |(_, set)| *set)
            };
            let (a, b) = (self.fields(of(recorded)), self.fields(of(now)));
            self.text(format!("taken from {side}"), a, b);
        }
    }

    fn sides(
        &mut self,
        bodies: &dyn Bodies,
        recorded: &Decision,
        now: &Decision,
        fresh: &BTreeMap<ContentHash, &Image>,
    ) {
        let all = recorded.sides.iter().chain(&now.sides).map(|after| &after.side);
        let mut names: Vec<&SideId> = all.collect();
        names.sort();
        names.dedup();
        for side in names {
            let of = |decision: &'_ Decision| {
                decision.sides.iter().find(|after| after.side == *side).cloned()
            };
            match (of(recorded), of(now)) {
                (Some(a), Some(b)) => {
                    self.images(&format!("base of {side}"), bodies, (&a.base, &b.base), fresh);
                    let (x, y) = (self.fields(a.changed), self.fields(b.changed));
                    self.text(format!("undecided on {side}"), x, y);
                    let (x, y) = (self.fields(a.behind), self.fields(b.behind));
                    self.text(format!("owed to {side}"), x, y);
                }
                (a, b) => {
                    let told = |there: bool| if there { "is" } else { "is not" }.to_owned();
                    let what = format!("{side} in the decision");
                    self.text(what, told(a.is_some()), told(b.is_some()));
                }
            }
        }
    }

    /// Compares a command with the one that is planned now; ids are judged elsewhere.
    pub(crate) fn commands(
        &mut self,
        bodies: &dyn Bodies,
        recorded: &Command,
        now: &Command,
        set: &Image,
    ) {
        self.text("side", recorded.side.to_string(), now.side.to_string());
        self.debug("operation", &recorded.operation, &now.operation);
        self.text("fields", self.fields(recorded.fields), self.fields(now.fields));
        let fresh = BTreeMap::from([(now.set, set)]);
        self.images("sets", bodies, (&recorded.set, &now.set), &fresh);
        self.debug("edits contained", &recorded.contains, &now.contains);
        self.debug("refers to", &recorded.refers_to, &now.refers_to);
    }

    /// Compares two facts that follow a decision: the copies that it makes.
    pub(crate) fn copies(&mut self, recorded: Option<&Fact>, now: Option<&Fact>) {
        if recorded != now {
            let told = |fact: Option<&Fact>| match fact {
                Some(Fact::Forked { side: Some(side), merged, .. }) => {
                    format!("a copy with the value of {side} ({merged})")
                }
                Some(Fact::Forked { side: None, merged, .. }) => {
                    format!("a copy with the value before ({merged})")
                }
                Some(_) | None => "none".to_owned(),
            };
            self.text("copy", told(recorded), told(now));
        }
    }
}

fn names(a: &Image, b: &Image) -> Vec<Name> {
    let mut names: Vec<Name> = a.iter().chain(b.iter()).map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// A decision on a field, in words: by which rule, who won with what, who lost what.
pub(crate) fn tell_field(decision: &FieldDecision) -> String {
    let FieldDecision { found, winner, value, losers, .. } = decision;
    let rule = serde_json::to_value(found).ok();
    let rule = rule.as_ref().and_then(|rule| rule.as_str()).unwrap_or("?").replace('_', " ");
    let winner = winner.as_ref().map(|side| format!(" from {side}")).unwrap_or_default();
    let mut text = format!("{value}{winner} ({rule})");
    if !losers.is_empty() {
        let lost: Vec<String> = losers
            .iter()
            .map(|loser| match &loser.side {
                Some(side) => format!("{} of {side}", loser.value),
                None => format!("{} merged before", loser.value),
            })
            .collect();
        text.push_str(" over ");
        text.push_str(&lost.join(", "));
    }
    text
}
