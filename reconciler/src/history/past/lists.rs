//! Everything as it was, in numbers and in lists.

use super::{Standing, images_of, label_in};
use mizan_core::bodies::Bodies;
use mizan_core::fold::{Presence, State};
use mizan_core::{Image, Name, RecordId, Schema, SideId};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many records of an entity stood how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntityThen {
    /// The entity.
    pub entity: Name,
    /// All its records.
    pub records: usize,
    /// Live rows, by side.
    pub rows: BTreeMap<SideId, usize>,
    /// Records by how they stood.
    pub standing: BTreeMap<&'static str, usize>,
}

/// Everything in numbers, by entity.
#[must_use]
pub fn overview(state: &State) -> Vec<EntityThen> {
    let mut found: BTreeMap<Name, EntityThen> = BTreeMap::new();
    for (id, record) in state.each_record() {
        let then = found.entry(record.entity.clone()).or_insert_with(|| EntityThen {
            entity: record.entity.clone(),
            records: 0,
            rows: BTreeMap::new(),
            standing: BTreeMap::new(),
        });
        then.records += 1;
        *then.standing.entry(Standing::of(state, id, record).word()).or_default() += 1;
        for (side, slot) in &record.slots {
            let here = usize::from(slot.presence == Presence::Here);
            *then.rows.entry(side.clone()).or_default() += here;
        }
    }
    found.into_values().collect()
}

/// One record in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordLine {
    /// The record.
    pub record: RecordId,
    /// Its name for people.
    pub label: String,
    /// How it stood.
    pub standing: Standing,
    /// What was merged.
    pub merged: Image,
}

/// The records of an entity, one after the other.
pub fn lines<'a>(
    state: &'a State,
    schema: &'a Schema,
    bodies: &'a dyn Bodies,
    entity: &'a Name,
) -> impl Iterator<Item = RecordLine> + 'a {
    let records = state.each_record().filter(move |(_, record)| record.entity == *entity);
    records.filter_map(move |(id, record)| {
        let images = images_of(bodies, record);
        let label = label_in(&images, schema.entity(entity)?);
        Some(RecordLine {
            record: id,
            label: label.unwrap_or_else(|| id.to_string()),
            standing: Standing::of(state, id, record),
            merged: images.merged,
        })
    })
}
