//! When two situations are one: everything that can make a difference later, and nothing that cannot.
//!
//! Positions in the log and the heights of counters are left out. What counts of a version vector is which edits it
//! has of those that others have; of a stamp, how long ago it was.

use super::round::Situation;
use crate::fold::{Record, RowState};
use crate::hash::ContentHash;
use crate::id::SideId;
use crate::version::{Actor, VersionVector};
use crate::wire::Writer;
use std::collections::{BTreeMap, BTreeSet};

/// Names a situation.
pub(super) fn key(now: &Situation) -> [u8; 16] {
    let mut out = Writer(Vec::with_capacity(1024));
    world(&mut out, now);
    each(&mut out, &now.state.records, |out, record| write_record(out, now.world.now, record));
    each(&mut out, &now.state.rows, |out, ((entity, side, ext), row)| {
        out.text(entity);
        out.text(side.as_str());
        out.text(ext.as_str());
        match row {
            RowState::Linked(record) => out.uint(u64::from(record.0)),
            RowState::Unlinked(row) => {
                out.hash(&row.seen);
                out.uint(row.fields.0);
                out.uint(u64::from(row.parked.is_some()));
            }
        }
    });
    each(&mut out, &now.state.undecided, |out, id| out.uint(u64::from(id.0)));
    let mut short = [0; 16];
    short.copy_from_slice(&ContentHash::of("mizan.situation.v1", &out.0).0[..16]);
    short
}

fn world(out: &mut Writer, now: &Situation) {
    let world = &now.world;
    for ((entity, side), rows) in &world.rows {
        out.uint(*entity as u64);
        out.text(side.as_str());
        out.uint(rows.len() as u64);
        for (ext, row) in rows {
            out.text(ext.as_str());
            out.image(&row.image);
            ago(out, world.now, row.stamp);
        }
    }
    each(out, &world.owed, |out, ((bit, side), value)| {
        out.uint(*bit as u64);
        out.text(side.as_str());
        out.value(value);
    });
    each(out, &world.totals, |out, (_, total)| out.text(&total.normalize().to_string()));
    for members in [&world.put, &world.taken] {
        each(out, members, |out, (bit, value)| {
            out.uint(*bit as u64);
            out.value(value);
        });
    }
    out.uint(u64::from(world.deleted));
    out.uint(u64::from(world.buried));
    each(out, &world.mains, |out, (side, exts)| {
        out.text(side.as_str());
        out.uint(exts.len() as u64);
    });
}

/// Writes a list with an end, so that no two lists run into each other.
fn each<T>(out: &mut Writer, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Writer, T)) {
    for item in items {
        out.u8(1);
        write(out, item);
    }
    out.u8(0);
}

fn ago(out: &mut Writer, now: i64, stamp: Option<i64>) {
    out.uint(stamp.map_or(0, |at| u64::try_from(now.saturating_sub(at)).unwrap_or(0) + 1));
}

fn write_record(out: &mut Writer, now: i64, record: &Record) {
    let flags = [record.dead, record.disputed, record.parked.is_some(), record.pending.is_some()];
    flags.iter().for_each(|flag| out.uint(u64::from(*flag)));
    out.text(&record.entity);
    out.hash(&record.merged);
    out.uint(record.copy_of.map_or(0, |id| u64::from(id.0) + 1));
    each(out, &record.stamps, |out, stamp| {
        out.uint(u64::from(stamp.bit));
        ago(out, now, Some(stamp.at.0));
    });
    let order = Order::of(record);
    order.write(out, &record.contains);
    order.write(out, &record.deleters_knew);
    each(out, &record.slots, |out, (side, slot)| {
        out.text(side.as_str());
        out.uint(slot.presence as u64);
        out.text(slot.ext.as_ref().map_or("", |ext| ext.as_str()));
        out.hash(&slot.seen);
        out.hash(&slot.base);
        out.uint(slot.changed.0);
        out.uint(slot.behind.0);
        ago(out, now, slot.stamp.map(|at| at.0));
        order.write(out, &slot.knows);
    });
    each(out, &record.refers_to, |out, parent| out.uint(u64::from(parent.0)));
}

/// The heights that occur in a record's vectors, by side: only their order makes a difference.
struct Order(BTreeMap<SideId, BTreeSet<u32>>);

impl Order {
    fn of(record: &Record) -> Self {
        let mut heights: BTreeMap<SideId, BTreeSet<u32>> = BTreeMap::new();
        let slots = record.slots.values().map(|slot| &slot.knows);
        for vector in slots.chain([&record.contains, &record.deleters_knew]) {
            for (Actor { side, .. }, count) in vector.iter() {
                heights.entry(side.clone()).or_default().insert(count);
            }
        }
        Self(heights)
    }

    fn write(&self, out: &mut Writer, vector: &VersionVector) {
        each(out, vector.iter(), |out, (actor, count)| {
            out.text(actor.side.as_str());
            let place = self.0.get(&actor.side).map_or(0, |all| all.range(..count).count());
            out.uint(place as u64);
        });
    }
}
