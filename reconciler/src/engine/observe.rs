//! Observe: pages of rows become observations, with the cursor in the same batch (L7).

use super::{Engine, EngineError, Problem, Stage, Sweep, SyncOptions};
use mizan_adapters::{Adapter, Fault, Fetched, Known, Listed, Page, Pull, Row};
use mizan_core::ablate::{Switch, off};
use mizan_core::bodies::Outcome;
use mizan_core::event::Evidence;
use mizan_core::fold::{Presence, RowState, State};
use mizan_core::ingest::{Absence, Ingest, Reading, Shown, ingest, ingest_absence};
use mizan_core::settle::freed_by_sweep;
use mizan_core::{Entity, Ext, Fact, Name, SideId, Timestamp};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// Pages of one listing; a side that never ends is stopped, not followed.
const PAGES_MAX: usize = 100_000;

/// The tags that the log knows, for one entity on one side.
struct Tags<'a> {
    state: &'a State,
    entity: &'a Name,
    side: &'a SideId,
}

impl Known for Tags<'_> {
    fn tag(&self, ext: &Ext) -> Option<u64> {
        let key = (self.entity.clone(), self.side.clone(), ext.clone());
        match self.state.rows.get(&key)? {
            RowState::Unlinked(row) => row.tag,
            RowState::Linked(record) => {
                let slot = self.state.record(*record)?.slots.get(self.side)?;
                if slot.presence == Presence::Here && slot.ext.as_ref() == Some(ext) {
                    slot.tag
                } else {
                    None
                }
            }
        }
    }
}

/// One listing under way.
struct Listing {
    adapter: Arc<dyn Adapter>,
    entity: Entity,
    side: SideId,
    sweep: bool,
    /// The side can list from a stamp on, so a cursor is of use.
    since: bool,
    /// The side vouches for complete listings, so one that is not was cut.
    vouches: bool,
    /// A listed row may be older than one that was shown before, so that every change is read again (T14).
    stale: bool,
    present: BTreeSet<Ext>,
    bad: BTreeSet<String>,
    newest: Option<Timestamp>,
    rows: usize,
}

impl Listing {
    /// True where rows are missing in what was listed.
    fn cut(&self, complete: bool) -> bool {
        self.sweep && self.vouches && !complete
    }
}

pub(super) fn shown(row: Row) -> Shown {
    Shown { ext: row.ext, image: row.image, stamp: row.stamp, tag: row.tag }
}

impl Engine {
    /// Reads every entity on every side; what fails is noted and the rest goes on.
    pub(super) async fn observe(
        &mut self,
        options: &SyncOptions,
        first_round: bool,
    ) -> Result<(), EngineError> {
        self.listed.clear();
        self.unread.clear();
        for entity in self.schema.entities.clone() {
            if !options.only.is_empty() && !options.only.contains(&entity.name) {
                continue;
            }
            let mut all = true;
            for side in entity.sides.keys() {
                all &= self.observe_side(&entity, side, options, first_round).await?;
            }
            if all {
                self.listed.insert(entity.name.clone());
            }
        }
        Ok(())
    }

    async fn observe_side(
        &mut self,
        entity: &Entity,
        side: &SideId,
        options: &SyncOptions,
        first_round: bool,
    ) -> Result<bool, EngineError> {
        let Some(adapter) = self.adapter(side) else { return Ok(false) };
        let doubt = self.state().quarantined(side, &entity.name) && !off(Switch::Quarantine);
        if self.down.contains(side) || doubt {
            // A create in doubt: its own row would look new (L39).
            return Ok(false);
        }
        let capabilities = adapter.capabilities(&entity.name);
        let key = (entity.name.clone(), side.clone());
        let cursor = self.state().cursors.get(&(side.clone(), entity.name.clone())).copied();
        let always = self.settings.sweeps.get(&key).copied().unwrap_or_default() == Sweep::Always;
        if self.swept.contains(&key) && !capabilities.since && !self.unsettled.contains(side) {
            // Listed whole in this sync already, and all that happened there since are our own writes, each with
            // its row in the answer: another whole listing would show the same.
            return Ok(true);
        }
        let wanted = !self.swept.contains(&key) && (options.sweep || (always && first_round));
        let pull = match cursor {
            Some(at) if capabilities.since && !wanted => {
                let window = if off(Switch::Overlap) { 0 } else { capabilities.window_ms };
                Pull::Since(Timestamp(at.0 - window))
            }
            Some(_) | None => Pull::All,
        };
        let mut listing = Listing {
            adapter,
            entity: entity.clone(),
            side: side.clone(),
            sweep: pull == Pull::All,
            since: capabilities.since,
            vouches: capabilities.sweep,
            stale: capabilities.stale_reads && !off(Switch::ConfirmStale),
            present: BTreeSet::new(),
            bad: BTreeSet::new(),
            newest: None,
            rows: 0,
        };
        match self.pages(&mut listing, pull).await? {
            Err(fault) => {
                self.trouble(side, Some(&entity.name), &fault);
                self.unread.insert(key);
                Ok(false)
            }
            Ok(complete) => {
                let creates = entity.sides.get(side).is_some_and(|on| on.creates);
                if listing.cut(complete) && creates {
                    self.unread.insert(key.clone());
                }
                if (complete || off(Switch::AbsenceEvidence)) && listing.sweep {
                    self.swept.insert(key);
                    self.finish_sweep(&listing).await?;
                }
                // A row that a cut listing left out could have the key of one that would be created there (L50);
                // where nothing is ever created, an export with a broken line does not hold the rest back (L43).
                Ok(!(listing.cut(complete) && creates))
            }
        }
    }

    /// Notes a failure; a side that cannot be reached or refuses us is left alone for the rest of the sync.
    pub(super) fn trouble(&mut self, side: &SideId, entity: Option<&Name>, fault: &Fault) {
        let problem =
            Problem { side: side.clone(), entity: entity.cloned(), what: fault.to_string() };
        match fault {
            Fault::NotSent(_) | Fault::Unauthorized(_) => {
                self.down.insert(side.clone());
                self.report.problems.insert(problem);
            }
            // Whether this is a problem or was put right shows at the end.
            Fault::InDoubt(_) => {
                self.report.recovered.insert(problem);
            }
            Fault::BadAnswer(_) => {
                self.report.problems.insert(problem);
            }
        }
    }

    async fn pages(
        &mut self,
        listing: &mut Listing,
        pull: Pull,
    ) -> Result<Result<bool, Fault>, EngineError> {
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let ticket = self.journal.head();
            let page = {
                let (entity, side) = (&listing.entity.name, &listing.side);
                let tags = Tags { state: self.journal.state(), entity, side };
                listing.adapter.pull(entity, pull, token.as_deref(), &tags).await
            };
            let page = match page {
                Ok(page) => page,
                Err(fault) => return Ok(Err(fault)),
            };
            let Page { rows, next, complete } = page;
            listing.rows += rows.len();
            self.report.counts.rows_read += rows.len();
            let (entity, side) = (&listing.entity.name, &listing.side);
            self.progress.at(Stage::Reading { entity, side, rows: listing.rows });
            let last = next.is_none();
            // Behind a cut listing the cursor stays: what it left out was not read (L18).
            let read = last && (!listing.cut(complete) || off(Switch::CutKeepsCursor));
            if let Err(fault) = self.take_page(listing, rows, ticket, read).await? {
                return Ok(Err(fault));
            }
            if last {
                return Ok(Ok(complete));
            }
            token = next;
        }
        Ok(Err(Fault::BadAnswer("the listing has no end; the side repeats its pages".to_owned())))
    }

    async fn take_page(
        &mut self,
        listing: &mut Listing,
        rows: Vec<Listed>,
        ticket: mizan_core::Seq,
        read: bool,
    ) -> Result<Result<(), Fault>, EngineError> {
        let mut outcome = Outcome::default();
        for row in rows {
            match row {
                Listed::Same(ext) => {
                    listing.present.insert(ext);
                }
                Listed::Bad { at, ext, why } => {
                    listing.present.extend(ext);
                    outcome.facts.extend(self.unreadable(listing, &at, why));
                    listing.bad.insert(at);
                }
                Listed::Row(row) => {
                    listing.present.insert(row.ext.clone());
                    listing.newest = listing.newest.max(row.stamp);
                    let reading = Reading {
                        entity: &listing.entity,
                        side: &listing.side,
                        evidence: Evidence::List,
                        ticket,
                    };
                    let ext = row.ext.clone();
                    match ingest(self.state(), &self.journal, reading, shown(row))? {
                        Ingest::Nothing => {}
                        Ingest::Observed(facts) if !listing.stale => outcome.extend(facts),
                        Ingest::Observed(_) | Ingest::Confirm => {
                            match self.confirm(listing, &ext).await? {
                                Ok(facts) => outcome.extend(facts),
                                Err(fault) => return Ok(Err(fault)),
                            }
                        }
                    }
                }
            }
        }
        let cursor = if read { self.cursor(listing) } else { None };
        self.cursors_moved += u64::from(cursor.is_some());
        if off(Switch::AtomicCursor) {
            self.append_observed(Outcome {
                facts: cursor.into_iter().collect(),
                ..Outcome::default()
            })?;
        } else {
            outcome.facts.extend(cursor);
        }
        self.append_observed(outcome)?;
        Ok(Ok(()))
    }

    fn append_observed(&mut self, outcome: Outcome) -> Result<(), EngineError> {
        let observed = outcome.facts.iter().filter(|fact| matches!(fact, Fact::Observed { .. }));
        self.report.counts.observed += observed.count();
        self.journal.append(self.clock.now(), outcome)
    }

    /// Reads one row directly, where a listing may have been stale (L12).
    async fn confirm(
        &mut self,
        listing: &Listing,
        ext: &Ext,
    ) -> Result<Result<Outcome, Fault>, EngineError> {
        let ticket = self.journal.head();
        let fetched = match listing.adapter.get(&listing.entity.name, ext).await {
            Ok(fetched) => fetched,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(Ok(self.fetched(&listing.entity, &listing.side, ext, fetched, ticket)?))
    }

    /// What a direct read means.
    pub(super) fn fetched(
        &self,
        entity: &Entity,
        side: &SideId,
        ext: &Ext,
        fetched: Fetched,
        ticket: mizan_core::Seq,
    ) -> Result<Outcome, EngineError> {
        let reading = Reading { entity, side, evidence: Evidence::Get, ticket };
        let ingest = match fetched {
            Fetched::Found(row) => ingest(self.state(), &self.journal, reading, shown(row))?,
            Fetched::NotFound => {
                ingest_absence(self.state(), reading, Absence::not_found(ext.clone()))
            }
        };
        Ok(match ingest {
            Ingest::Observed(outcome) => outcome,
            Ingest::Nothing | Ingest::Confirm => Outcome::default(),
        })
    }

    fn unreadable(&self, listing: &Listing, at: &str, why: String) -> Option<Fact> {
        let (side, entity) = (listing.side.clone(), listing.entity.name.clone());
        let key = (side.clone(), entity.clone(), at.to_owned());
        if self.state().unreadable.get(&key) == Some(&why) {
            return None;
        }
        Some(Fact::Unreadable { side, entity, at: at.to_owned(), why })
    }

    /// The cursor moves to the largest stamp that was returned, never to "now" (LAWS 1.7 e).
    fn cursor(&self, listing: &Listing) -> Option<Fact> {
        let at = if off(Switch::CursorIsStamp) { Some(self.clock.now()) } else { listing.newest };
        let at = at.filter(|_| listing.since)?;
        let known = self.state().cursors.get(&(listing.side.clone(), listing.entity.name.clone()));
        if known.is_some_and(|known| *known >= at) {
            return None;
        }
        Some(Fact::Cursor { side: listing.side.clone(), entity: listing.entity.name.clone(), at })
    }

    /// After a complete listing: rows that it did not have are looked up one by one (L19), things that can be read
    /// again are noted, and old refusals get another chance (T15).
    async fn finish_sweep(&mut self, listing: &Listing) -> Result<(), EngineError> {
        let (entity, side) = (&listing.entity.name, &listing.side);
        let missing = self.missing_rows(listing);
        for chunk in missing.chunks(256) {
            let mut outcome = Outcome::default();
            for ext in chunk {
                if off(Switch::AbsenceEvidence) {
                    let (gone, ticket) = (Fetched::NotFound, self.journal.head());
                    outcome.extend(self.fetched(&listing.entity, side, ext, gone, ticket)?);
                    continue;
                }
                match self.confirm(listing, ext).await? {
                    Ok(facts) => outcome.extend(facts),
                    Err(fault) => {
                        self.trouble(side, Some(entity), &fault);
                        break;
                    }
                }
            }
            self.append_observed(outcome)?;
        }
        let mut facts = Vec::new();
        for (bad_side, bad_entity, at) in self.state().unreadable.keys() {
            if bad_side == side && bad_entity == entity && !listing.bad.contains(at) {
                let (side, entity) = (side.clone(), entity.clone());
                facts.push(Fact::Readable { side, entity, at: at.clone() });
            }
        }
        let before = Timestamp(self.clock.now().0 - self.settings.retry_refused_after_ms);
        let freed = freed_by_sweep(self.state(), side, entity, before);
        if !freed.is_empty() && !off(Switch::SweepFrees) {
            facts.push(Fact::Swept { side: side.clone(), entity: entity.clone(), freed });
        }
        self.journal.append_facts(self.clock.now(), facts)
    }

    fn missing_rows(&self, listing: &Listing) -> Vec<Ext> {
        let (entity, side) = (&listing.entity.name, &listing.side);
        let from = (entity.clone(), side.clone(), Ext::new(""));
        let rows = self.state().rows.range((Bound::Included(from), Bound::Unbounded));
        rows.take_while(|((row_entity, row_side, _), _)| row_entity == entity && row_side == side)
            .filter(|((_, _, ext), row)| {
                let live = match row {
                    RowState::Unlinked(_) => true,
                    RowState::Linked(record) => self
                        .state()
                        .record(*record)
                        .is_some_and(|record| record.live_ext(side) == Some(ext)),
                };
                live && !listing.present.contains(ext)
            })
            .map(|((_, _, ext), _)| ext.clone())
            .collect()
    }
}
