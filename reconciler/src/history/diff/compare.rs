//! Records of two states, held against each other.

use super::{Change, FieldDiff, Have, RecordDiff};
use crate::explain::label;
use crate::history::Standing;
use mizan_core::bodies::image_of;
use mizan_core::fold::{Presence, Record};
use mizan_core::{Entity, Image, Name, RecordId, Schema, SideId};
use std::collections::BTreeSet;

pub(super) fn compare(
    a: &Have<'_>,
    b: &Have<'_>,
    schema: &Schema,
    pairs: impl Iterator<Item = (Option<RecordId>, Option<RecordId>)>,
    entity: Option<&Name>,
) -> Vec<RecordDiff> {
    let mut found = Vec::new();
    for (first, second) in pairs {
        let of = |have: &Have<'_>, id: Option<RecordId>| {
            id.and_then(|id| have.state.record(id).map(|record| (id, record.clone())))
        };
        let (first, second) = (of(a, first), of(b, second));
        let Some((_, any)) = first.as_ref().or(second.as_ref()) else { continue };
        if entity.is_some_and(|entity| *entity != any.entity) {
            continue;
        }
        let Some(entity) = schema.entity(&any.entity) else { continue };
        found.extend(one(a, b, schema, entity, first, second));
    }
    found
}

type Known = Option<(RecordId, Record)>;

fn one(
    a: &Have<'_>,
    b: &Have<'_>,
    schema: &Schema,
    entity: &Entity,
    first: Known,
    second: Known,
) -> Option<RecordDiff> {
    let standing = |have: &Have<'_>, known: &Known| {
        known.as_ref().map(|(id, record)| Standing::of(have.state, *id, record))
    };
    let (stood, stands) = (standing(a, &first), standing(b, &second));
    let fields = fields(a, b, &first, &second);
    let open = |known: &Known| -> BTreeSet<Name> {
        let Some((_, record)) = known else { return BTreeSet::new() };
        let bits = crate::conflicts::open_bits(record);
        let fields = bits.iter().filter_map(|bit| entity.fields.get(bit));
        fields.map(|field| field.name.clone()).collect()
    };
    let here = |known: &Known| -> BTreeSet<SideId> {
        let Some((_, record)) = known else { return BTreeSet::new() };
        let slots = record.slots.iter().filter(|(_, slot)| slot.presence == Presence::Here);
        slots.map(|(side, _)| side.clone()).collect()
    };
    let dead = |known: &Known| known.as_ref().is_some_and(|(_, record)| record.dead);
    let (opened, closed) = (open(&second), open(&first));
    let (rows_b, rows_a) = (here(&second), here(&first));
    let change = match (&first, &second) {
        (None, _) => Change::Added,
        (_, None) => Change::Missing,
        (Some(_), Some(_)) if dead(&first) != dead(&second) => {
            if dead(&second) {
                Change::Deleted
            } else {
                Change::Revived
            }
        }
        (Some(_), Some(_)) if !fields.is_empty() => Change::Changed,
        (Some(_), Some(_)) if stood != stands || rows_a != rows_b || opened != closed => {
            Change::Stands
        }
        (Some(_), Some(_)) => return None,
    };
    let (have, id) = match (&first, &second) {
        (_, Some((id, _))) => (b, *id),
        (Some((id, _)), None) => (a, *id),
        (None, None) => return None,
    };
    Some(RecordDiff {
        record: first.as_ref().map_or(id, |(id, _)| *id),
        entity: entity.name.clone(),
        label: label(have.state, schema, have.bodies, id),
        change,
        fields,
        conflicts_opened: opened.difference(&closed).cloned().collect(),
        conflicts_closed: closed.difference(&opened).cloned().collect(),
        rows_added: rows_b.difference(&rows_a).cloned().collect(),
        rows_gone: rows_a.difference(&rows_b).cloned().collect(),
        stood,
        stands,
    })
}

fn fields(a: &Have<'_>, b: &Have<'_>, first: &Known, second: &Known) -> Vec<FieldDiff> {
    let hash = |known: &Known| known.as_ref().map(|(_, record)| record.merged);
    if hash(first) == hash(second) {
        return Vec::new();
    }
    let image = |have: &Have<'_>, known: &Known| -> Image {
        let hash = hash(known);
        hash.and_then(|hash| image_of(have.bodies, &hash).ok()).unwrap_or_default()
    };
    let (a, b) = (image(a, first), image(b, second));
    let names: BTreeSet<&Name> = a.iter().chain(b.iter()).map(|(name, _)| name).collect();
    let differ = names.into_iter().filter(|name| a.get(name) != b.get(name));
    differ
        .map(|name| FieldDiff {
            field: name.clone(),
            a: a.get(name).cloned(),
            b: b.get(name).cloned(),
        })
        .collect()
}
