//! Events as bytes; the layout is `docs/src/format.md`, and a tag once given is never given again (L9).

use super::{
    Choice, Decision, Event, Evidence, Fact, FieldDecision, Found, Life, LinkedBy, Loser,
    ParkedFor, RefusedBy, SideAfter, Stamped, Subject, Undone,
};
use crate::command::{Command, Operation};
use crate::id::{CommandId, RecordId};
use crate::schema::{FieldSet, KeyHash};
use crate::sealed::SealedEvent;
use crate::version::VersionVector;
use crate::wire::{Reader, WireError, Writer};
use crate::{Seq, Timestamp};

/// First byte of every event: the version of the layout.
const VERSION: u8 = 1;

/// Gives each case of an enum without contents its permanent number.
macro_rules! numbered {
    ($type:ident { $($case:ident = $number:literal),+ $(,)? }) => {
        impl $type {
            fn number(self) -> u8 {
                match self { $(Self::$case => $number),+ }
            }

            fn from_number(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                match reader.u8()? {
                    $($number => Ok(Self::$case),)+
                    _ => Err(reader.error(concat!("a case of ", stringify!($type)))),
                }
            }
        }
    };
}

numbered!(Evidence { List = 0, Get = 1, Sweep = 2, Answer = 3 });
numbered!(LinkedBy { New = 0, Key = 1, Create = 2, Search = 3, Person = 4 });
numbered!(Found {
    Owner = 0, Reverted = 1, Preferred = 2, Manual = 3, Person = 4, Summed = 5, Died = 6, Newest = 7,
    Greatest = 8, Least = 9, Joined = 10, Counted = 11, KeptBoth = 12, Custom = 13,
});
numbered!(Life { Alive = 0, Dead = 1, Revived = 2, Disputed = 3 });
numbered!(Undone { NotSent = 0, NotApplied = 1, Changed = 2, Gone = 3 });
numbered!(RefusedBy { KeyTaken = 0, Reference = 1, Locked = 2, Rules = 3, Unsupported = 4 });
numbered!(ParkedFor { AmbiguousKey = 0, Undecidable = 1, Final = 2 });

impl Event {
    /// The event's bytes; its position is not in them, it is where they stand.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(128));
        out.u8(VERSION);
        out.int(self.at.0);
        write_fact(&mut out, &self.fact);
        out.0
    }

    /// Reads the event at position `seq`; of one that is sealed the structure, without its values.
    ///
    /// # Errors
    /// When the bytes are not an event of this version or an earlier one.
    pub fn from_bytes(seq: Seq, bytes: &[u8]) -> Result<Self, WireError> {
        let sealed = SealedEvent::read(bytes)?;
        let mut reader = Reader::new(sealed.map_or(bytes, |sealed| sealed.structure));
        if reader.u8()? != VERSION {
            return Err(WireError {
                at: 0,
                what: "an event of layout 1; a newer Mizan wrote this",
            });
        }
        let at = Timestamp(reader.int()?);
        let fact = read_fact(&mut reader)?;
        reader.end()?;
        Ok(Self { seq, at, fact })
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one arm a fact, in the order of their tags")]
fn write_fact(out: &mut Writer, fact: &Fact) {
    match fact {
        Fact::Opened { log_id, epoch } => {
            out.u8(1);
            out.hash(log_id);
            out.uint(u64::from(*epoch));
        }
        Fact::SideAttached { side } => {
            out.u8(2);
            out.text(side.as_str());
        }
        Fact::EntityDeclared { entity, fields } => {
            out.u8(3);
            out.text(entity);
            out.list(fields, |out, field| out.text(field));
        }
        Fact::PolicySet { entity, policy, params } => {
            out.u8(4);
            out.text(entity);
            out.text(policy);
            out.hash(params);
        }
        Fact::Observed {
            entity,
            side,
            ext,
            seen,
            changed,
            edit,
            key,
            stamp,
            tag,
            evidence,
            ticket,
        } => {
            out.u8(5);
            out.text(entity);
            out.text(side.as_str());
            out.text(ext.as_str());
            out.option(seen.as_ref(), Writer::hash);
            out.uint(changed.0);
            out.u8(u8::from(*edit));
            write_key(out, key.as_ref());
            write_version(out, *stamp, *tag);
            out.u8(evidence.number());
            out.uint(ticket.0);
        }
        Fact::Cursor { side, entity, at } => {
            out.u8(6);
            out.text(side.as_str());
            out.text(entity);
            out.int(at.0);
        }
        Fact::Swept { side, entity, freed } => {
            out.u8(7);
            out.text(side.as_str());
            out.text(entity);
            write_records(out, freed);
        }
        Fact::Linked { record, entity, side, ext, how } => {
            out.u8(8);
            out.uint(u64::from(record.0));
            out.text(entity);
            out.text(side.as_str());
            out.text(ext.as_str());
            out.u8(how.number());
        }
        Fact::Decided { record, decision } => {
            out.u8(9);
            out.uint(u64::from(record.0));
            write_decision(out, decision);
        }
        Fact::Intent { command } => {
            out.u8(10);
            write_command(out, command);
        }
        Fact::Done { command, ext, seen, base, changed, edit, key, stamp, tag, exact, missing } => {
            out.u8(11);
            out.hash(&command.0);
            out.text(ext.as_str());
            out.hash(seen);
            out.hash(base);
            out.uint(changed.0);
            out.u8(u8::from(*edit));
            write_key(out, key.as_ref());
            write_version(out, *stamp, *tag);
            out.u8(u8::from(*exact));
            // Came later.
            if !missing.is_empty() {
                out.uint(missing.0);
            }
        }
        Fact::Deleted { command } => {
            out.u8(12);
            out.hash(&command.0);
        }
        Fact::Refused { command, why, message } => {
            out.u8(13);
            out.hash(&command.0);
            out.u8(why.number());
            out.text(message);
        }
        Fact::Withdrawn { command, why } => {
            out.u8(14);
            out.hash(&command.0);
            out.u8(why.number());
        }
        Fact::Parked { subject, why } => {
            out.u8(15);
            write_subject(out, subject);
            out.u8(why.number());
        }
        Fact::Unparked { subject, by } => {
            out.u8(16);
            write_subject(out, subject);
            out.text(by);
        }
        Fact::Resolved { record, choices, keep, by, why } => {
            out.u8(17);
            out.uint(u64::from(record.0));
            out.list(choices, |out, (field, choice)| {
                out.text(field);
                write_choice(out, choice);
            });
            out.option(keep.as_ref(), |out, keep| out.u8(u8::from(*keep)));
            out.text(by);
            out.text(why);
        }
        Fact::Approved { plan, by } => {
            out.u8(18);
            out.hash(plan);
            out.text(by);
        }
        Fact::Drifted { command, fields } => {
            out.u8(19);
            out.hash(&command.0);
            out.list(fields, |out, field| out.text(field));
        }
        Fact::Unreadable { side, entity, at, why } => {
            out.u8(20);
            out.text(side.as_str());
            out.text(entity);
            out.text(at);
            out.text(why);
        }
        Fact::Readable { side, entity, at } => {
            out.u8(21);
            out.text(side.as_str());
            out.text(entity);
            out.text(at);
        }
        Fact::Unresolved { record, by, why } => {
            out.u8(22);
            out.uint(u64::from(record.0));
            out.text(by);
            out.text(why);
        }
        Fact::Forked { from, side, merged, contains, refers_to } => {
            out.u8(23);
            out.uint(u64::from(from.0));
            out.option(side.as_ref(), |out, side| out.text(side.as_str()));
            out.hash(merged);
            contains.write(out);
            write_records(out, refers_to);
        }
        Fact::Redecided { entity, by, why } => {
            out.u8(24);
            out.text(entity);
            out.text(by);
            out.text(why);
        }
        Fact::Checkpointed { size, root, note } => {
            out.u8(25);
            out.uint(*size);
            out.hash(root);
            out.text(note);
        }
        Fact::Erased { record, events, bodies, by, why } => {
            out.u8(26);
            out.uint(u64::from(record.0));
            out.list(events, |out, seq| out.uint(seq.0));
            out.list(bodies, Writer::hash);
            out.text(by);
            out.text(why);
        }
        Fact::Shadowed { record, decided, policy, params, fields, life } => {
            out.u8(27);
            out.uint(u64::from(record.0));
            out.uint(decided.0);
            out.text(policy);
            out.hash(params);
            write_fields(out, fields);
            out.u8(life.number());
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one arm a fact, in the order of their tags")]
fn read_fact(reader: &mut Reader<'_>) -> Result<Fact, WireError> {
    Ok(match reader.u8()? {
        1 => Fact::Opened { log_id: reader.hash()?, epoch: reader.small()? },
        2 => Fact::SideAttached { side: reader.side()? },
        3 => Fact::EntityDeclared { entity: reader.name()?, fields: reader.list(Reader::name)? },
        4 => Fact::PolicySet {
            entity: reader.name()?,
            policy: reader.name()?,
            params: reader.hash()?,
        },
        5 => {
            let (entity, side, ext) = (reader.name()?, reader.side()?, reader.ext()?);
            let seen = reader.option(Reader::hash)?;
            let changed = FieldSet(reader.uint()?);
            let edit = reader.u8()? == 1;
            let key = read_key(reader)?;
            let (stamp, tag) = read_version(reader)?;
            let evidence = Evidence::from_number(reader)?;
            let ticket = Seq(reader.uint()?);
            Fact::Observed {
                entity,
                side,
                ext,
                seen,
                changed,
                edit,
                key,
                stamp,
                tag,
                evidence,
                ticket,
            }
        }
        6 => Fact::Cursor {
            side: reader.side()?,
            entity: reader.name()?,
            at: Timestamp(reader.int()?),
        },
        7 => Fact::Swept {
            side: reader.side()?,
            entity: reader.name()?,
            freed: read_records(reader)?,
        },
        8 => Fact::Linked {
            record: RecordId(reader.small()?),
            entity: reader.name()?,
            side: reader.side()?,
            ext: reader.ext()?,
            how: LinkedBy::from_number(reader)?,
        },
        9 => {
            let record = RecordId(reader.small()?);
            Fact::Decided { record, decision: read_decision(reader)? }
        }
        10 => Fact::Intent { command: read_command(reader)? },
        11 => {
            let (command, ext) = (CommandId(reader.hash()?), reader.ext()?);
            let (seen, base) = (reader.hash()?, reader.hash()?);
            let changed = FieldSet(reader.uint()?);
            let edit = reader.u8()? == 1;
            let key = read_key(reader)?;
            let (stamp, tag) = read_version(reader)?;
            let exact = reader.u8()? == 1;
            let missing = FieldSet(if reader.at_end() { 0 } else { reader.uint()? });
            Fact::Done { command, ext, seen, base, changed, edit, key, stamp, tag, exact, missing }
        }
        12 => Fact::Deleted { command: CommandId(reader.hash()?) },
        13 => Fact::Refused {
            command: CommandId(reader.hash()?),
            why: RefusedBy::from_number(reader)?,
            message: reader.text()?.to_owned(),
        },
        14 => Fact::Withdrawn {
            command: CommandId(reader.hash()?),
            why: Undone::from_number(reader)?,
        },
        15 => Fact::Parked { subject: read_subject(reader)?, why: ParkedFor::from_number(reader)? },
        16 => Fact::Unparked { subject: read_subject(reader)?, by: reader.text()?.to_owned() },
        17 => Fact::Resolved {
            record: RecordId(reader.small()?),
            choices: reader.list(|reader| Ok((reader.name()?, read_choice(reader)?)))?,
            keep: reader.option(|reader| Ok(reader.u8()? == 1))?,
            by: reader.text()?.to_owned(),
            why: reader.text()?.to_owned(),
        },
        18 => Fact::Approved { plan: reader.hash()?, by: reader.text()?.to_owned() },
        19 => {
            Fact::Drifted { command: CommandId(reader.hash()?), fields: reader.list(Reader::name)? }
        }
        20 => Fact::Unreadable {
            side: reader.side()?,
            entity: reader.name()?,
            at: reader.text()?.to_owned(),
            why: reader.text()?.to_owned(),
        },
        21 => Fact::Readable {
            side: reader.side()?,
            entity: reader.name()?,
            at: reader.text()?.to_owned(),
        },
        22 => Fact::Unresolved {
            record: RecordId(reader.small()?),
            by: reader.text()?.to_owned(),
            why: reader.text()?.to_owned(),
        },
        23 => Fact::Forked {
            from: RecordId(reader.small()?),
            side: reader.option(Reader::side)?,
            merged: reader.hash()?,
            contains: VersionVector::read(reader)?,
            refers_to: read_records(reader)?,
        },
        24 => Fact::Redecided {
            entity: reader.name()?,
            by: reader.text()?.to_owned(),
            why: reader.text()?.to_owned(),
        },
        25 => Fact::Checkpointed {
            size: reader.uint()?,
            root: reader.hash()?,
            note: reader.text()?.to_owned(),
        },
        26 => Fact::Erased {
            record: RecordId(reader.small()?),
            events: reader.list(|reader| Ok(Seq(reader.uint()?)))?,
            bodies: reader.list(Reader::hash)?,
            by: reader.text()?.to_owned(),
            why: reader.text()?.to_owned(),
        },
        27 => Fact::Shadowed {
            record: RecordId(reader.small()?),
            decided: Seq(reader.uint()?),
            policy: reader.name()?,
            params: reader.hash()?,
            fields: read_fields(reader)?,
            life: Life::from_number(reader)?,
        },
        _ => return Err(reader.error("a fact that this version knows; a newer Mizan wrote this")),
    })
}

fn write_key(out: &mut Writer, key: Option<&KeyHash>) {
    out.option(key, |out, key| out.0.extend_from_slice(&key.0));
}

fn read_key(reader: &mut Reader<'_>) -> Result<Option<KeyHash>, WireError> {
    reader.option(|reader| {
        let mut key = [0; 16];
        for byte in &mut key {
            *byte = reader.u8()?;
        }
        Ok(KeyHash(key))
    })
}

fn write_version(out: &mut Writer, stamp: Option<Timestamp>, tag: Option<u64>) {
    out.option(stamp.as_ref(), |out, stamp| out.int(stamp.0));
    out.option(tag.as_ref(), |out, tag| out.0.extend_from_slice(&tag.to_be_bytes()));
}

fn read_version(reader: &mut Reader<'_>) -> Result<(Option<Timestamp>, Option<u64>), WireError> {
    let stamp = reader.option(|reader| Ok(Timestamp(reader.int()?)))?;
    let tag = reader.option(|reader| {
        let mut tag = 0u64;
        for _ in 0..8 {
            tag = (tag << 8) | u64::from(reader.u8()?);
        }
        Ok(tag)
    })?;
    Ok((stamp, tag))
}

fn write_records(out: &mut Writer, records: &[RecordId]) {
    out.list(records, |out, record| out.uint(u64::from(record.0)));
}

fn read_records(reader: &mut Reader<'_>) -> Result<Vec<RecordId>, WireError> {
    reader.list(|reader| Ok(RecordId(reader.small()?)))
}

fn write_subject(out: &mut Writer, subject: &Subject) {
    match subject {
        Subject::Record(record) => {
            out.u8(0);
            out.uint(u64::from(record.0));
        }
        Subject::Row { entity, side, ext } => {
            out.u8(1);
            out.text(entity);
            out.text(side.as_str());
            out.text(ext.as_str());
        }
    }
}

fn read_subject(reader: &mut Reader<'_>) -> Result<Subject, WireError> {
    Ok(match reader.u8()? {
        0 => Subject::Record(RecordId(reader.small()?)),
        1 => Subject::Row { entity: reader.name()?, side: reader.side()?, ext: reader.ext()? },
        _ => return Err(reader.error("a subject")),
    })
}

fn write_choice(out: &mut Writer, choice: &Choice) {
    match choice {
        Choice::Side(side) => {
            out.u8(0);
            out.text(side.as_str());
        }
        Choice::Value(value) => {
            out.u8(1);
            out.value(value);
        }
        Choice::Skip => out.u8(2),
    }
}

fn read_choice(reader: &mut Reader<'_>) -> Result<Choice, WireError> {
    Ok(match reader.u8()? {
        0 => Choice::Side(reader.side()?),
        1 => Choice::Value(reader.value()?),
        2 => Choice::Skip,
        _ => return Err(reader.error("a choice")),
    })
}

fn write_decision(out: &mut Writer, decision: &Decision) {
    out.text(&decision.policy);
    out.hash(&decision.merged);
    out.list(&decision.taken, |out, (side, fields)| {
        out.text(side.as_str());
        out.uint(fields.0);
    });
    out.uint(decision.agreed.0);
    write_fields(out, &decision.fields);
    out.list(&decision.sides, |out, after| {
        out.text(after.side.as_str());
        out.hash(&after.base);
        out.uint(after.changed.0);
        out.uint(after.behind.0);
    });
    out.u8(decision.life.number());
    decision.contains.write(out);
    write_records(out, &decision.refers_to);
    // Came later: decisions with neither end here.
    if !decision.stamps.is_empty() || !decision.awaits.is_empty() {
        out.list(&decision.stamps, |out, stamped| {
            out.uint(u64::from(stamped.bit));
            out.int(stamped.at.0);
            out.uint(u64::from(stamped.within_ms));
        });
    }
    if !decision.awaits.is_empty() {
        out.list(&decision.awaits, |out, (entity, side, ext)| {
            out.text(entity);
            out.text(side.as_str());
            out.text(ext.as_str());
        });
    }
}

fn read_decision(reader: &mut Reader<'_>) -> Result<Decision, WireError> {
    Ok(Decision {
        policy: reader.name()?,
        merged: reader.hash()?,
        taken: reader.list(|reader| Ok((reader.side()?, FieldSet(reader.uint()?))))?,
        agreed: FieldSet(reader.uint()?),
        fields: read_fields(reader)?,
        sides: reader.list(|reader| {
            Ok(SideAfter {
                side: reader.side()?,
                base: reader.hash()?,
                changed: FieldSet(reader.uint()?),
                behind: FieldSet(reader.uint()?),
            })
        })?,
        life: Life::from_number(reader)?,
        contains: VersionVector::read(reader)?,
        refers_to: read_records(reader)?,
        stamps: if reader.at_end() { Vec::new() } else { reader.list(read_stamped)? },
        awaits: if reader.at_end() {
            Vec::new()
        } else {
            reader.list(|reader| Ok((reader.name()?, reader.side()?, reader.ext()?)))?
        },
    })
}

fn write_fields(out: &mut Writer, fields: &[FieldDecision]) {
    out.list(fields, |out, field| {
        out.text(&field.field);
        out.u8(field.found.number());
        out.option(field.winner.as_ref(), |out, side| out.text(side.as_str()));
        out.value(&field.value);
        out.list(&field.losers, |out, loser| {
            out.option(loser.side.as_ref(), |out, side| out.text(side.as_str()));
            out.value(&loser.value);
        });
    });
}

fn read_fields(reader: &mut Reader<'_>) -> Result<Vec<FieldDecision>, WireError> {
    reader.list(|reader| {
        Ok(FieldDecision {
            field: reader.name()?,
            found: Found::from_number(reader)?,
            winner: reader.option(Reader::side)?,
            value: reader.value()?,
            losers: reader.list(|reader| {
                Ok(Loser { side: reader.option(Reader::side)?, value: reader.value()? })
            })?,
        })
    })
}

fn read_stamped(reader: &mut Reader<'_>) -> Result<Stamped, WireError> {
    let (bit, at) = (reader.small()?, Timestamp(reader.int()?));
    Ok(Stamped { bit, at, within_ms: reader.small()? })
}

fn write_command(out: &mut Writer, command: &Command) {
    out.hash(&command.id.0);
    out.uint(u64::from(command.record.0));
    out.text(&command.entity);
    out.text(command.side.as_str());
    match &command.operation {
        Operation::Create => out.u8(0),
        Operation::Update { ext, expect } => {
            out.u8(1);
            out.text(ext.as_str());
            out.hash(expect);
        }
        Operation::Delete { ext, expect } => {
            out.u8(2);
            out.text(ext.as_str());
            out.hash(expect);
        }
    }
    out.uint(command.fields.0);
    out.hash(&command.set);
    command.contains.write(out);
    write_records(out, &command.refers_to);
}

fn read_command(reader: &mut Reader<'_>) -> Result<Command, WireError> {
    Ok(Command {
        id: CommandId(reader.hash()?),
        record: RecordId(reader.small()?),
        entity: reader.name()?,
        side: reader.side()?,
        operation: match reader.u8()? {
            0 => Operation::Create,
            1 => Operation::Update { ext: reader.ext()?, expect: reader.hash()? },
            2 => Operation::Delete { ext: reader.ext()?, expect: reader.hash()? },
            _ => return Err(reader.error("an operation")),
        },
        fields: FieldSet(reader.uint()?),
        set: reader.hash()?,
        contains: VersionVector::read(reader)?,
        refers_to: read_records(reader)?,
    })
}
