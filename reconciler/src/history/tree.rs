//! A derivation as a tree of text.

use super::derivation::{Carried, Derivation, Node, What};
use super::trace::{Candidate, How};
use mizan_core::event::{Choice, Found};
use mizan_core::{Seq, Value};
use std::collections::BTreeSet;
use std::fmt;

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "only one side had changed it",
            Self::Agreed => "all sides agree",
            Self::Copied => "made as a copy",
            Self::By(found) => match found {
                Found::Owner => "its owner's value holds",
                Found::Reverted => "changed only where it is not decided: put back",
                Found::Preferred => "conflict, decided for the preferred side",
                Found::Manual => "conflict, left to a person: the value stays",
                Found::Person => "a person decided",
                Found::Summed => "movements added up",
                Found::Died => "lost to the delete of the record",
                Found::Newest => "conflict, decided by the clocks",
                Found::Greatest => "conflict, decided for the greatest",
                Found::Least => "conflict, decided for the least",
                Found::Joined => "what was put in and taken out, joined",
                Found::Counted => "counted",
                Found::KeptBoth => "conflict, both kept",
                Found::Custom => "conflict, decided by your policy",
            },
        })
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "(not known)".to_owned(), Value::to_string)
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided { policy, how, winner, value, losers, .. } => {
                write!(f, "decided {}: {how}", shown(value.as_ref()))?;
                if let Some(winner) = winner {
                    write!(f, " ({winner})")?;
                }
                for loser in losers {
                    let whose = loser.side.as_ref().map_or("merged before", |side| side.as_str());
                    write!(f, "; lost {} ({whose})", loser.value)?;
                }
                write!(f, "; policy {policy}")
            }
            Self::Observed { side, ext, value, content, evidence, ticket } => match content {
                Some(content) => write!(
                    f,
                    "{side} showed {} in row {ext} ({}, read issued at {ticket}, content {})",
                    shown(value.as_ref()),
                    format!("{evidence:?}").to_lowercase(),
                    content.short()
                ),
                None => write!(f, "{side} no longer had row {ext}"),
            },
            Self::Linked { record, side, ext, how } => {
                let how = format!("{how:?}").to_lowercase();
                write!(f, "row {ext} of {side} belongs to {record} (by {how})")
            }
            Self::Said { choice, by, why } => {
                let choice = match choice {
                    Some(Choice::Side(side)) => format!("what {side} shows"),
                    Some(Choice::Value(value)) => value.to_string(),
                    Some(Choice::Skip) => "to set it aside".to_owned(),
                    None => "about another field".to_owned(),
                };
                write!(f, "{by} chose {choice} ({why})")
            }
            Self::Copied { from, side, value } => {
                let whose = side.as_ref().map_or("was merged before", |side| side.as_str());
                let value = shown(value.as_ref());
                write!(f, "made as a copy of {from}, with what {whose}: {value}")
            }
            Self::Sent { command, verb, side, value } => {
                write!(f, "{verb} {command} on {side} set {}", shown(value.as_ref()))
            }
            Self::Done { command, side, ext, value, content, exact } => {
                let how = if *exact { "answered" } else { "showed later" };
                let (value, content) = (shown(value.as_ref()), content.short());
                write!(f, "{side} {how} {command} with {value} in row {ext} (content {content})")
            }
        }
    }
}

/// What a person sees: the value, under it what it rests on, and then where it went.
impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entity, label, record) = (&self.entity, &self.label, self.record);
        writeln!(
            f,
            "{entity} {label} ({record}): {} = {}",
            self.field,
            shown(self.value.as_ref())
        )?;
        let mut told = BTreeSet::new();
        if let Some(root) = self.root {
            self.branch(f, root, "", true, &mut told)?;
        }
        for one in &self.carried {
            writeln!(f, "  carried {one}")?;
        }
        for Candidate { side, value, seq } in &self.shown {
            writeln!(f, "  {side} shows {} since event {seq}", shown(value.as_ref()))?;
        }
        Ok(())
    }
}

impl Derivation {
    fn branch(
        &self,
        f: &mut fmt::Formatter<'_>,
        seq: Seq,
        indent: &str,
        last: bool,
        told: &mut BTreeSet<Seq>,
    ) -> fmt::Result {
        let Some(Node { what, from, .. }) = self.nodes.get(&seq) else { return Ok(()) };
        let (turn, down) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        if !told.insert(seq) {
            return writeln!(f, "{indent}{turn}event {seq}, as above");
        }
        writeln!(f, "{indent}{turn}event {seq}: {what}")?;
        let indent = format!("{indent}{down}");
        let from: Vec<&Seq> = from.iter().filter(|seq| self.nodes.contains_key(seq)).collect();
        for (at, premise) in from.iter().rev().enumerate() {
            self.branch(f, **premise, &indent, at + 1 == from.len(), told)?;
        }
        Ok(())
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, verb, side, intent, ended, .. } = self;
        write!(
            f,
            "to {side} by {verb} {command}, set {} at event {intent}",
            shown(self.sets.as_ref())
        )?;
        match self.outcome {
            Some(at) => write!(f, ", {ended} at event {at}"),
            None => write!(f, ", {ended}"),
        }
    }
}
