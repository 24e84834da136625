//! A block: what the index knows of a run of events.

use super::Filter;
use super::build::KINDS;
use super::bytes::{Parts, pull_number, push_number, put, put_large, put_small};
use mizan_core::{ContentHash, Name, RecordId, Seq};

/// Of every so many events the time is kept.
const TIME_EVERY: usize = 256;

/// A name that stands in no column.
const NONE: u8 = 0;

/// What is known of a run of events; columns have one byte for each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// The position before the first.
    before: u64,
    /// The latest time up to the end; not less than that of any event before.
    latest: i64,
    /// Hash of the last event.
    pub(super) mark: [u8; 32],
    names: Vec<Name>,
    kinds: Vec<u8>,
    sides: Vec<u8>,
    entities: Vec<u8>,
    /// The latest time up to every so-manieth event.
    times: Vec<u64>,
    /// The records that events here are about, sorted; positions can be earlier than the block.
    records: Vec<u32>,
    /// Where each record's positions end.
    ends: Vec<u32>,
    positions: Vec<u8>,
    /// Of a block under way: records with positions, as they came.
    fresh: Vec<(u32, u64)>,
}

/// What one event adds.
pub(super) struct Entry<'a> {
    pub(super) at: i64,
    pub(super) kind: u8,
    pub(super) side: Option<&'a Name>,
    pub(super) entity: Option<&'a Name>,
}

impl Block {
    /// An empty block after a position.
    pub(super) fn after(before: Seq, latest: i64) -> Self {
        Self { before: before.0, latest, ..Self::default() }
    }

    pub(super) fn first(&self) -> Seq {
        Seq(self.before + 1)
    }

    pub(super) fn last(&self) -> Seq {
        Seq(self.before + self.kinds.len() as u64)
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    pub(super) fn latest(&self) -> i64 {
        self.latest
    }

    /// Adds the next event; false where it has more names than a block can tell apart.
    pub(super) fn push(&mut self, entry: &Entry<'_>) -> bool {
        let (side, entity) = (self.name(entry.side), self.name(entry.entity));
        let (Some(side), Some(entity)) = (side, entity) else { return false };
        self.latest = self.latest.max(entry.at);
        if self.kinds.len().is_multiple_of(TIME_EVERY) {
            self.times.push(self.latest.cast_unsigned());
        }
        self.kinds.push(entry.kind);
        self.sides.push(side);
        self.entities.push(entity);
        true
    }

    /// Says that an event is about a record.
    pub(super) fn about(&mut self, record: RecordId, at: Seq) {
        self.fresh.push((record.0, at.0));
    }

    fn name(&mut self, name: Option<&Name>) -> Option<u8> {
        let Some(name) = name else { return Some(NONE) };
        let at = match self.names.iter().position(|known| known == name) {
            Some(at) => at,
            None => {
                self.names.push(name.clone());
                self.names.len() - 1
            }
        };
        u8::try_from(at + 1).ok()
    }

    /// Puts what is fresh in order, and notes the last event.
    pub(super) fn settle(&mut self, mark: ContentHash) {
        self.mark = mark.0;
        if self.fresh.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.fresh);
        for (at, record) in self.records.iter().enumerate() {
            all.extend(self.positions_at(at).map(|position| (*record, position)));
        }
        all.sort_unstable();
        all.dedup();
        self.records.clear();
        self.ends.clear();
        self.positions.clear();
        let mut previous = 0;
        for (record, position) in all {
            if self.records.last() != Some(&record) {
                self.records.push(record);
                self.ends.push(0);
                previous = 0;
            }
            push_number(&mut self.positions, position - previous);
            previous = position;
            if let Some(end) = self.ends.last_mut() {
                *end = u32::try_from(self.positions.len()).unwrap_or(u32::MAX);
            }
        }
    }

    fn positions_at(&self, at: usize) -> impl Iterator<Item = u64> {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        let mut bytes = &self.positions[start..self.ends[at] as usize];
        let mut position = 0;
        std::iter::from_fn(move || {
            position += pull_number(&mut bytes)?;
            Some(position)
        })
    }

    pub(super) fn of_record(&self, id: RecordId, found: &mut Vec<Seq>) {
        if let Ok(at) = self.records.binary_search(&id.0) {
            found.extend(self.positions_at(at).map(Seq));
        }
    }

    pub(super) fn forks_of(&self, original: RecordId, found: &mut Vec<Seq>) {
        let mut all = Vec::new();
        self.of_record(original, &mut all);
        let forked = kind_number("forked");
        found.extend(all.into_iter().filter(|at| self.column(&self.kinds, *at) == forked));
    }

    pub(super) fn redecisions_of(&self, entity: &Name, found: &mut Vec<Seq>) {
        let redecided = kind_number("redecided");
        let Some(entity) = self.number_of(entity) else { return };
        for (at, kind) in self.kinds.iter().enumerate() {
            if Some(*kind) == redecided && self.entities[at] == entity {
                found.push(Seq(self.before + 1 + at as u64));
            }
        }
    }

    fn column(&self, column: &[u8], at: Seq) -> Option<u8> {
        let index = at.0.checked_sub(self.before + 1)?;
        column.get(usize::try_from(index).ok()?).copied()
    }

    fn number_of(&self, name: &str) -> Option<u8> {
        let at = self.names.iter().position(|known| known == name)?;
        u8::try_from(at + 1).ok()
    }

    /// What a filter wants here, as numbers; `None` where nothing here passes.
    fn wanted(&self, filter: &Filter) -> Option<Wanted> {
        let side = match &filter.side {
            None => None,
            Some(side) => Some(self.number_of(side.as_str())?),
        };
        let entity = match &filter.entity {
            None => None,
            Some(entity) => Some(self.number_of(entity)?),
        };
        let kinds: Vec<u8> = filter.kinds.iter().filter_map(|kind| kind_number(kind)).collect();
        let any = filter.kinds.is_empty();
        Some(Wanted { side, entity, kinds, any })
    }

    fn passes_at(&self, index: usize, wanted: &Wanted) -> bool {
        wanted.side.is_none_or(|side| self.sides[index] == side)
            && wanted.entity.is_none_or(|entity| self.entities[index] == entity)
            && (wanted.any || wanted.kinds.contains(&self.kinds[index]))
    }

    pub(super) fn passes(&self, at: Seq, filter: &Filter) -> bool {
        let Some(wanted) = self.wanted(filter) else { return false };
        let index = at.0.checked_sub(self.before + 1).and_then(|index| usize::try_from(index).ok());
        index.is_some_and(|index| index < self.len() && self.passes_at(index, &wanted))
    }

    pub(super) fn each_passing(
        &self,
        filter: &Filter,
        (after, until): (Seq, Seq),
        found: &mut Vec<Seq>,
    ) {
        let Some(wanted) = self.wanted(filter) else { return };
        let from = after.0.saturating_sub(self.before);
        let to = until.0.saturating_sub(self.before);
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.len());
        let to = usize::try_from(to).unwrap_or(usize::MAX).min(self.len());
        let passing = (from..to).filter(|index| self.passes_at(*index, &wanted));
        found.extend(passing.map(|index| Seq(self.before + 1 + index as u64)));
    }

    /// A run of events in which the time goes past a moment: everything up to its start is not later.
    pub(super) fn around(&self, moment: i64) -> (Seq, Seq) {
        let later = self.times.partition_point(|time| time.cast_signed() <= moment);
        // The time kept is that of the event itself, so the first one that is later may be preceded by later ones.
        let from = later.saturating_sub(1) * TIME_EVERY;
        let to = later.saturating_mul(TIME_EVERY).min(self.len().saturating_sub(1));
        let before = if later == 0 { self.before } else { self.before + 1 + from as u64 };
        (Seq(before), Seq(self.before + 1 + to as u64))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.before.to_le_bytes());
        out.extend(self.latest.to_le_bytes());
        put(out, &self.mark);
        out.extend((self.names.len() as u64).to_le_bytes());
        self.names.iter().for_each(|name| put(out, name.as_bytes()));
        put(out, &self.kinds);
        put(out, &self.sides);
        put(out, &self.entities);
        put_large(out, &self.times);
        put_small(out, &self.records);
        put_small(out, &self.ends);
        put(out, &self.positions);
    }

    pub(super) fn read(parts: &mut Parts<'_>) -> Option<Self> {
        let before = parts.number()?;
        let latest = parts.number()?.cast_signed();
        let mark = parts.bytes()?.try_into().ok()?;
        let mut names = Vec::new();
        for _ in 0..parts.number()? {
            names.push(Name::new(parts.text()?));
        }
        let block = Self {
            before,
            latest,
            mark,
            names,
            kinds: parts.bytes()?.to_vec(),
            sides: parts.bytes()?.to_vec(),
            entities: parts.bytes()?.to_vec(),
            times: parts.large()?,
            records: parts.small()?,
            ends: parts.small()?,
            positions: parts.bytes()?.to_vec(),
            fresh: Vec::new(),
        };
        block.is_sound().then_some(block)
    }

    /// Everything that is looked up by a number is there.
    fn is_sound(&self) -> bool {
        let length = self.kinds.len();
        let ends = self.ends.is_sorted()
            && self.ends.last().map_or(0, |end| *end as usize) == self.positions.len();
        let columns = self.sides.len() == length && self.entities.len() == length;
        let times = self.times.len() == length.div_ceil(TIME_EVERY);
        columns && times && ends && self.records.len() == self.ends.len()
    }
}

/// What a filter wants of a block.
struct Wanted {
    side: Option<u8>,
    entity: Option<u8>,
    kinds: Vec<u8>,
    any: bool,
}

fn kind_number(kind: &str) -> Option<u8> {
    KINDS.iter().position(|known| *known == kind).and_then(|at| u8::try_from(at).ok())
}
