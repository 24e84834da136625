//! Listings of a simulated side, with everything that real ones get wrong.

use super::{Moment, RowKey, Trouble, World};
use crate::profile::Mishap;
use crate::setup::LAG_MAX_MS;
use crate::step::Step;
use crate::vices::Vice;
use mizan_adapters::{Fault, Known, Listed, Page, Pull, Row};
use mizan_core::{Ext, Name};

/// How long ago a stale listing was true, in a scenario.
const STALE_MS: i64 = 50;

/// Where a listing is, as its token says it.
struct Place {
    after: (i64, RowKey),
    /// Rows to leave out at the beginning, where pages are counted by offset.
    skip: usize,
    /// The page is the one that was shown before.
    again: bool,
    first: bool,
    /// Nothing is left but an empty page.
    over: bool,
}

impl World {
    /// One page of a listing.
    pub(crate) fn list(
        &mut self,
        side: usize,
        entity: &Name,
        pull: Pull,
        token: Option<&str>,
        known: &dyn Known,
    ) -> Result<Page, Fault> {
        self.face(side);
        self.pass(1);
        self.fails_to_list(side, token)?;
        if token.is_none() {
            self.sides[side].lag = self.draw_lag(side);
        } else {
            self.meanwhile(side, Moment::BetweenPages);
            self.users_between_pages(side);
        }
        let time = self.now - self.sides[side].lag;
        let place = self.place(side, entity, token);
        let mut rows = self.wanted(side, entity, pull, time);
        if self.has(side, Vice::PageByOffset) {
            rows.drain(..place.skip.min(rows.len()));
        } else if !place.first {
            rows.retain(|row| *row > place.after);
        }
        let mut size = self.page_size(side);
        let cut_short = pull == Pull::All && self.strikes(Mishap::ListingCut);
        let cut = cut_short
            || (pull == Pull::All && (self.truncated() || self.befalls(side, Trouble::ListCut)));
        if self.has(side, Vice::PageSizeIgnored) {
            size = usize::MAX;
        }
        let more = rows.len() > size && !cut;
        if cut {
            self.coverage.note("listing was cut");
            let keep = match (cut_short, self.script.page_size) {
                (true, _) => 0,
                (false, Some(_)) => 1,
                (false, None) => self.below(rows.len() + 1),
            };
            rows.truncate(keep);
        }
        rows.truncate(size);
        self.leave_out(side, pull, more, &mut rows);
        let next = if cut { None } else { self.next_token(side, &place, &rows, more) };
        let complete =
            next.is_none() && pull == Pull::All && !cut && !self.has(side, Vice::TotalLies);
        let rows = rows.into_iter().map(|(_, key)| key).collect();
        Ok(Page { rows: self.show_page(side, rows, time, known), next, complete })
    }

    fn fails_to_list(&mut self, side: usize, token: Option<&str>) -> Result<(), Fault> {
        if self.read_fails() {
            return Err(Fault::BadAnswer("the page was not readable".to_owned()));
        }
        if self.befalls(side, Trouble::Down) {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        let trouble = if token.is_none() { Trouble::ListFails } else { Trouble::SecondPageFails };
        if self.befalls(side, trouble) {
            return Err(Fault::BadAnswer("the page was not readable".to_owned()));
        }
        Ok(())
    }

    fn draw_lag(&mut self, side: usize) -> i64 {
        if self.befalls(side, Trouble::ListStale) {
            return STALE_MS;
        }
        let stale = self.sides[side].offers.stale_reads && self.stale();
        if stale {
            return self.lag(LAG_MAX_MS);
        }
        if self.vice_strikes(side, Vice::StaleUnsaid, 300) {
            self.luck.between(1, LAG_MAX_MS)
        } else {
            0
        }
    }

    /// The rows that the listing is about, in its order.
    fn wanted(&self, side: usize, entity: &Name, pull: Pull, time: i64) -> Vec<(i64, RowKey)> {
        let mut rows: Vec<(i64, RowKey)> = Vec::new();
        for (key, cell) in &self.sides[side].rows {
            if key.0 != *entity {
                continue;
            }
            let Some((_, stamp, _)) = cell.at(time) else { continue };
            let filter = if self.has(side, Vice::CreatedFilter) { cell.made_at() } else { *stamp };
            let stamp = self.clock_of(side, key, *stamp);
            let filter = self.clock_of(side, key, filter);
            match pull {
                Pull::Since(since) if filter < since.0 && !self.has(side, Vice::FilterIgnored) => {}
                // In the order of stamps that every read moves, a listing would have no end.
                Pull::Since(_) if self.has(side, Vice::TouchedByReads) => {
                    rows.push((0, key.clone()));
                }
                Pull::Since(_) => rows.push((stamp, key.clone())),
                Pull::All => rows.push((0, key.clone())),
            }
        }
        rows.sort();
        rows
    }

    fn place(&mut self, side: usize, entity: &Name, token: Option<&str>) -> Place {
        let begin = (i64::MIN, (entity.clone(), Ext::new("")));
        let Some(token) = token else {
            return Place { after: begin, skip: 0, again: false, first: true, over: false };
        };
        let kept = if token.is_empty() { self.sides[side].resume.take() } else { None };
        let token = kept.unwrap_or_else(|| token.to_owned());
        let (again, token) = match token.strip_prefix("again ") {
            Some(token) => (true, token.to_owned()),
            None => (false, token),
        };
        if token == "over" {
            let end = (i64::MAX, (entity.clone(), Ext::new("")));
            return Place { after: end, skip: usize::MAX, again: false, first: false, over: true };
        }
        if token == "begin" {
            return Place { after: begin, skip: 0, again, first: true, over: false };
        }
        let (stamp, ext) = token.split_once(' ').unwrap_or(("0", ""));
        let number: i64 = stamp.parse().unwrap_or(0);
        let skip = usize::try_from(number).unwrap_or(0);
        let after = (number, (entity.clone(), Ext::new(ext)));
        Place { after, skip, again, first: false, over: false }
    }

    fn next_token(
        &mut self,
        side: usize,
        place: &Place,
        rows: &[(i64, RowKey)],
        more: bool,
    ) -> Option<String> {
        if place.over {
            return None;
        }
        if self.has(side, Vice::PageRepeated) && !place.again && !self.has(side, Vice::PageByOffset)
        {
            let (stamp, (_, ext)) = &place.after;
            let same = if place.first { "begin".to_owned() } else { format!("{stamp} {ext}") };
            return Some(format!("again {same}"));
        }
        let next = if self.has(side, Vice::PageByOffset) {
            more.then(|| format!("{} by-offset", place.skip + rows.len()))
        } else {
            rows.last().filter(|_| more).map(|(stamp, (_, ext))| format!("{stamp} {ext}"))
        };
        let next = match next {
            None if self.has(side, Vice::LastPageEmpty) => Some("over".to_owned()),
            next => next,
        };
        match next {
            Some(next) if place.first && self.has(side, Vice::TokenEmpty) => {
                self.sides[side].resume = Some(next);
                Some(String::new())
            }
            next => next,
        }
    }

    /// Rows that a listing leaves out without saying so.
    fn leave_out(&mut self, side: usize, pull: Pull, more: bool, rows: &mut Vec<(i64, RowKey)>) {
        if pull == Pull::All && self.vice_strikes(side, Vice::ListTrimmed, 500) {
            self.coverage.note("listing left rows out unsaid");
            let luck = &mut self.luck;
            rows.retain(|_| luck.per_mille(500));
        }
        let empties = pull == Pull::All && self.vice_strikes(side, Vice::ListEmpty, 500);
        if empties || self.befalls(side, Trouble::ListEmpty) {
            rows.clear();
        }
        if !more && !rows.is_empty() && self.befalls(side, Trouble::RowLeftOut) {
            rows.pop();
        }
    }

    fn show_page(
        &mut self,
        side: usize,
        keys: Vec<RowKey>,
        time: i64,
        known: &dyn Known,
    ) -> Vec<Listed> {
        let mut listed = Vec::new();
        for key in keys {
            if self.befalls(side, Trouble::RowUnreadable) || self.unreadable(side, &key) {
                let why = "the row is no JSON".to_owned();
                let at = key.1.to_string();
                listed.push(Listed::Bad { at, ext: Some(key.1), why });
                continue;
            }
            let Some(mut row) = self.show(side, &key, time) else { continue };
            if self.has(side, Vice::TagListDiffers) {
                row.tag = row.tag.map(|tag| tag + 1_000_000);
            }
            let same = row.tag.is_some() && row.tag == known.tag(&row.ext);
            listed.push(if same { Listed::Same(row.ext) } else { Listed::Row(row) });
        }
        if self.has(side, Vice::RowsTwice) {
            listed = listed.into_iter().flat_map(|row| [row.clone(), row]).collect();
        }
        if self.has(side, Vice::RowsReordered) {
            listed.reverse();
        }
        listed
    }

    /// True where nobody can read the row.
    pub(crate) fn unreadable(&self, side: usize, key: &RowKey) -> bool {
        let side = &self.sides[side];
        side.rows.get(key).is_some_and(|cell| side.unreadable.contains(&cell.thing))
    }

    /// Users create and delete rows while pages are read.
    fn users_between_pages(&mut self, side: usize) {
        if self.vice_strikes(side, Vice::PageByOffset, 400) {
            let live = self.sides[side].live();
            let pick = self.luck.below(live.len().max(1));
            match live.get(pick) {
                Some(row) if self.luck.per_mille(700) => self.delete(side, row),
                Some(_) | None => self.user(Step::Create { side, order: false }),
            }
        }
    }

    /// A side's own clock: what it says of a moment of the world.
    pub(crate) fn clock_of(&self, side: usize, key: &RowKey, stamp: i64) -> i64 {
        const DAY_MS: i64 = 86_400_000;
        /// When the clock is set back, and by how much.
        const STEP: (i64, i64) = (1_300, 100);
        let vices = self.sides[side].vices;
        let mut at = stamp;
        if vices.has(Vice::StampsFrozen) {
            at = self.sides[side].rows.get(key).map_or(stamp, super::Cell::made_at);
        }
        if vices.has(Vice::ClockStepsBack) && at >= STEP.0 {
            at -= STEP.1;
        }
        if vices.has(Vice::ClockAhead) {
            at += 3 * DAY_MS;
        }
        if vices.has(Vice::ClockBehind) {
            at -= 3 * DAY_MS;
        }
        if vices.has(Vice::StampsRounded) {
            at = (at + 50).div_euclid(100) * 100;
        }
        if vices.has(Vice::StampsCoarse) {
            at = at.div_euclid(100) * 100;
        }
        if vices.has(Vice::OneStamp) {
            at = at.div_euclid(5_000) * 5_000;
        }
        at
    }

    /// How much the side's stamps may be off beyond what every side's may.
    pub(crate) fn stamps_off(&self, side: usize) -> i64 {
        let vices = self.sides[side].vices;
        let by = |vice, ms| if vices.has(vice) { ms } else { 0 };
        by(Vice::StampsCoarse, 100)
            + by(Vice::StampsRounded, 100)
            + by(Vice::ClockStepsBack, 100)
            + by(Vice::OneStamp, 5_000)
    }

    /// The version tag of a row, where the side has any.
    pub(crate) fn tag_of(&mut self, side: usize, row: &Row) -> Option<u64> {
        let vices = self.sides[side].vices;
        if vices.has(Vice::TagReused) {
            return Some(7);
        }
        if vices.has(Vice::TagFlickers) {
            self.sides[side].answers += 1;
            return Some(self.sides[side].answers);
        }
        let tagged = vices.has(Vice::Tagged) || vices.has(Vice::TagListDiffers);
        let hash = row.image.hash();
        tagged.then(|| hash.0[..7].iter().fold(0, |tag, byte| tag << 8 | u64::from(*byte)))
    }
}
