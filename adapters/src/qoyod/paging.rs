//! Where a listing goes on: pure, and built to survive what the remote does with pages and filters.
//!
//! Rows are asked for by id, each time those above the last one (`id_gt`), which is safe while rows come and go. Where
//! the remote ignores that, it is asked by page numbers, and then everything twice: a row that was deleted between
//! two pages pulls another one over the page's edge, and two readings with the same ids show that none was lost.
//! Where it ignores page numbers as well and does not give everything at once, there is nothing left to do but say so.
//!
//! A listing by id does not see what changes behind it. The overlap of the next one covers that as long as the
//! listing is quicker than the overlap; if it was not, what changed meanwhile is asked for at its end.

use super::answer::Pagination;
use super::request::moment;
use super::resources::Paging;
use crate::Fault;
use mizan_core::Timestamp;
use serde::{Deserialize, Serialize};

/// Rows of one page.
const PER_PAGE: u64 = 100;
/// Answers of one pass: a remote that never ends is stopped, not followed.
const ANSWERS_MAX: u32 = 20_000;
/// How often a listing by page numbers is compared with the one before.
const ROUNDS_MAX: u8 = 4;
/// How often what changed meanwhile is asked for.
const PASSES_MAX: u8 = 8;

/// Where a listing stands; it travels as the page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Only rows that changed at this moment or later.
    since: Option<i64>,
    at: At,
    /// The remote's clock when this pass began.
    began: Option<i64>,
    /// Answers of this pass so far.
    answers: u32,
    pass: u8,
    /// The first pass ended with a proof that nothing was left out.
    proven: bool,
}

/// Which rows come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    /// Those with a larger id.
    After(u64),
    /// Those of a page.
    Numbered(Numbered),
    /// All that there are.
    Whole,
}

/// A listing by page numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Numbered {
    page: u64,
    /// Digest of all ids of this round so far.
    sum: u64,
    /// Digest of the first page.
    first: u64,
    /// Digest of the page before.
    last: u64,
    /// Digest of all ids of the round before.
    check: Option<u64>,
    round: u8,
}

/// What one answer had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The ids, in the order of the rows.
    pub(super) ids: Vec<u64>,
    /// Number of rows, those without an id included.
    pub(super) rows: u64,
    /// What the answer says about paging.
    pub(super) said: Pagination,
    /// The remote's clock, in milliseconds.
    pub(super) clock: Option<i64>,
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More rows are to be asked for.
    More(Place),
    /// The listing is at its end; `proven` says that nothing can have been left out.
    End {
        /// Nothing can have been left out.
        proven: bool,
    },
}

enum Follow {
    More(At),
    End(bool),
    /// Page numbers are ignored, and more rows are there.
    Stuck,
}

impl Place {
    /// The beginning of a listing.
    pub(super) fn start(since: Option<Timestamp>) -> Self {
        let since = since.map(|at| at.0);
        Self { since, at: At::After(0), began: None, answers: 0, pass: 0, proven: false }
    }

    /// Reads a token.
    pub(super) fn parse(token: &str) -> Result<Self, Fault> {
        let bad = |_| Fault::BadAnswer("the page token is not one of ours".to_owned());
        serde_json::from_str(token).map_err(bad)
    }

    /// The token.
    pub(super) fn token(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// The query that asks for the next rows.
    pub(super) fn query(self) -> Vec<(&'static str, String)> {
        let mut query = vec![("q[s]", "id asc".to_owned())];
        if let Some(since) = self.since {
            query.push(("q[updated_at_gteq]", moment(Timestamp(since))));
        }
        let page = match self.at {
            At::Whole => return query,
            At::After(_) => 1,
            At::Numbered(numbered) => numbered.page,
        };
        query.push(("page", page.to_string()));
        query.push(("per_page", PER_PAGE.to_string()));
        if let At::After(id) = self.at
            && id > 0
        {
            query.push(("q[id_gt]", id.to_string()));
        }
        query
    }

    /// What follows an answer. `overlap_ms` is given where changes can be asked for.
    pub(super) fn next(
        self,
        seen: &Seen,
        paging: Paging,
        overlap_ms: Option<i64>,
    ) -> Result<Step, Fault> {
        let bad = |why: &str| Fault::BadAnswer(why.to_owned());
        let began = self.began.or(seen.clock);
        let answers = self.answers + 1;
        if answers > ANSWERS_MAX {
            return Err(bad("the listing has no end"));
        }
        let proven = match follow(self.at, seen, paging) {
            Follow::More(at) => return Ok(Step::More(Self { at, began, answers, ..self })),
            Follow::Stuck => return Err(bad("page numbers are ignored, and there are more rows")),
            Follow::End(proven) if self.pass == 0 => proven,
            Follow::End(_) => self.proven,
        };
        let (Some(overlap), Some(began), Some(now)) = (overlap_ms, began, seen.clock) else {
            return Ok(Step::End { proven });
        };
        if answers == 1 || now - began <= overlap / 2 {
            return Ok(Step::End { proven });
        }
        if self.pass == PASSES_MAX {
            return Err(bad("rows change faster than they can be listed"));
        }
        let again = Self::start(Some(Timestamp(began - overlap)));
        Ok(Step::More(Self { pass: self.pass + 1, proven, ..again }))
    }
}

fn follow(at: At, seen: &Seen, paging: Paging) -> Follow {
    // A row without an id may be any row.
    let known = seen.ids.len() as u64 == seen.rows;
    match at {
        At::Whole => Follow::End(known),
        At::After(after) => follow_id(after, seen, paging, known),
        At::Numbered(numbered) => numbered.follow(seen, paging, known),
    }
}

fn follow_id(after: u64, seen: &Seen, paging: Paging, known: bool) -> Follow {
    if after > 0 && seen.ids.iter().any(|id| *id <= after) {
        // The id is ignored, so these are the first rows again.
        return match paging {
            Paging::Whole => Follow::End(known),
            Paging::OnDemand => Follow::More(At::Whole),
            Paging::Pages | Paging::Never => Numbered::START.follow(seen, paging, known),
        };
    }
    let no_more = seen.said.total.is_none_or(|total| total <= seen.rows);
    if seen.rows == 0 {
        return Follow::End(known && (after > 0 || no_more));
    }
    // More rows than asked for are all rows.
    if no_more && (seen.rows < per_page(seen) || seen.rows > PER_PAGE) {
        return Follow::End(known);
    }
    match seen.ids.last() {
        Some(last) if seen.ids.is_sorted() => Follow::More(At::After(*last)),
        Some(_) | None if after == 0 => Numbered::START.follow(seen, paging, known),
        Some(_) | None => Follow::More(At::Numbered(Numbered::START)),
    }
}

fn per_page(seen: &Seen) -> u64 {
    seen.said.per_page.unwrap_or(PER_PAGE).clamp(1, PER_PAGE)
}

impl Numbered {
    const START: Self = Self { page: 1, sum: DIGEST, first: 0, last: 0, check: None, round: 0 };

    fn follow(self, seen: &Seen, paging: Paging, known: bool) -> Follow {
        let here = digest(DIGEST, &seen.ids);
        let sum = digest(self.sum, &seen.ids);
        let repeated = self.page > 1 && seen.rows > 0 && (here == self.first || here == self.last);
        if repeated {
            return if paging == Paging::Whole { Follow::End(known) } else { Follow::Stuck };
        }
        let all_at_once = self.page == 1 && seen.rows > PER_PAGE;
        let ended = seen.rows == 0
            || match seen.said.pages {
                Some(pages) => self.page >= pages,
                None => seen.rows < per_page(seen) || all_at_once,
            };
        if !ended {
            let first = if self.page == 1 { here } else { self.first };
            let next = Self { page: self.page + 1, sum, first, last: here, ..self };
            return Follow::More(At::Numbered(next));
        }
        if self.page == 1 || self.check == Some(sum) {
            return Follow::End(known);
        }
        if self.round == ROUNDS_MAX {
            return Follow::End(false);
        }
        let round = self.round + 1;
        Follow::More(At::Numbered(Self { check: Some(sum), round, ..Self::START }))
    }
}

/// FNV-1a's beginning.
const DIGEST: u64 = 0xcbf2_9ce4_8422_2325;

/// A digest of ids in their order; it only has to tell honest listings apart.
fn digest(before: u64, ids: &[u64]) -> u64 {
    ids.iter().fold(before, |sum, id| (sum ^ id).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests;
