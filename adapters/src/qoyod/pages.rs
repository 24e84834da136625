//! Paging that survives what the remote does: ignored pages, ignored filters, 404 for an empty list.

use super::request::{PER_PAGE, moment};
use super::{Bound, Qoyod, answer};
use crate::http::Request;
use crate::{Fault, Listed, Page, Pull, Row};
use mizan_core::Image;
use mizan_core::normalise::key_text;
use serde_json::Value as Json;

/// Pages of one search.
const PAGES_MAX: usize = 10_000;

/// Where a listing stands; it travels as the page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Rows with a larger id come next: safe while rows come and go.
    After(u64),
    /// The remote ignores the id filter: plain page numbers, and the number of rows so far.
    Numbered { page: usize, rows: usize, last: u64 },
}

impl At {
    fn parse(token: Option<&str>) -> Result<Self, Fault> {
        let bad = || Fault::BadAnswer("the page token is not one of ours".to_owned());
        let Some(token) = token else { return Ok(Self::After(0)) };
        if let Some(id) = token.strip_prefix("after ") {
            return id.parse().map(Self::After).map_err(|_| bad());
        }
        let parts: Vec<&str> = token.split(' ').collect();
        match parts.as_slice() {
            ["page", page, rows, last] => Ok(Self::Numbered {
                page: page.parse().map_err(|_| bad())?,
                rows: rows.parse().map_err(|_| bad())?,
                last: last.parse().map_err(|_| bad())?,
            }),
            _ => Err(bad()),
        }
    }

    fn token(self) -> String {
        match self {
            Self::After(id) => format!("after {id}"),
            Self::Numbered { page, rows, last } => format!("page {page} {rows} {last}"),
        }
    }
}

/// Native rows of one request, and where the listing goes on.
struct Part {
    rows: Vec<Json>,
    next: Option<At>,
    /// The end was proven: nothing can have been left out.
    complete: bool,
}

pub(super) async fn pull(
    qoyod: &Qoyod,
    bound: &Bound,
    pull: Pull,
    token: Option<&str>,
) -> Result<Page, Fault> {
    if bound.resource.name == "inventory_adjustments" {
        // They can be written and never read again.
        return Ok(Page { rows: Vec::new(), next: None, complete: false });
    }
    let filter = match pull {
        Pull::Since(at) => Some(("q[updated_at_gteq]".to_owned(), moment(at))),
        Pull::All => None,
    };
    let part = part(qoyod, bound, filter, At::parse(token)?).await?;
    let rows =
        part.rows.iter().map(|native| answer::listed(&bound.binding, bound.resource, native));
    Ok(Page { rows: rows.collect(), next: part.next.map(At::token), complete: part.complete })
}

/// All rows that a filter by the natural key brings; where the filter is ignored these are all rows.
pub(super) async fn find(qoyod: &Qoyod, bound: &Bound, image: &Image) -> Result<Vec<Row>, Fault> {
    let filter = bound.binding.key.iter().find_map(|key| {
        let field = bound.binding.lens.fields.iter().find(|field| field.field == *key)?;
        let name = field.path.as_str();
        if name.contains('.') || name.contains('[') {
            return None;
        }
        let columns = bound.resource.columns;
        let column = columns.iter().find(|(shows, _)| *shows == name).map_or(name, |(_, c)| *c);
        let value = image.get(key)?;
        key_text(value)?;
        Some((format!("q[{column}_eq]"), value.to_string()))
    });
    match scan(qoyod, bound, filter.clone()).await {
        // Some companies answer a filter with a wrong 404: then everything is read.
        Err(Fault::BadAnswer(_)) if filter.is_some() => scan(qoyod, bound, None).await,
        result => result,
    }
}

async fn scan(
    qoyod: &Qoyod,
    bound: &Bound,
    filter: Option<(String, String)>,
) -> Result<Vec<Row>, Fault> {
    let mut at = At::After(0);
    let mut rows = Vec::new();
    for _ in 0..PAGES_MAX {
        let part = part(qoyod, bound, filter.clone(), at).await?;
        for native in &part.rows {
            if let Listed::Row(row) = answer::listed(&bound.binding, bound.resource, native) {
                rows.push(row);
            }
        }
        match part.next {
            Some(next) => at = next,
            None if part.complete => return Ok(rows),
            None => break,
        }
    }
    Err(Fault::BadAnswer("the search could not be completed".to_owned()))
}

async fn part(
    qoyod: &Qoyod,
    bound: &Bound,
    filter: Option<(String, String)>,
    at: At,
) -> Result<Part, Fault> {
    let resource = bound.resource;
    let mut request = Request::get(format!("/{}", resource.name)).query("q[s]", "id asc");
    if let Some((name, value)) = filter {
        request = request.query(name, value);
    }
    let page = match at {
        At::After(_) => 1,
        At::Numbered { page, .. } => page,
    };
    request = request.query("page", page.to_string()).query("per_page", PER_PAGE.to_string());
    if let At::After(id) = at
        && id > 0
    {
        request = request.query("q[id_gt]", id.to_string());
    }
    let response = qoyod.send(request).await?;
    let text = response.text().into_owned();
    if response.status == 404 && answer::found_nothing(resource, &text) {
        return Ok(Part { rows: Vec::new(), next: None, complete: ends_well(at) });
    }
    let bad = |what: &str| Fault::BadAnswer(format!("GET /{}: {what}", resource.name));
    if !response.is_success() {
        return Err(bad(&format!("status {}", response.status)));
    }
    let body: Json = response.json().map_err(|_| bad("not JSON"))?;
    let Some(Json::Array(rows)) = body.get(resource.list_root).cloned() else {
        return Err(bad("the list is missing"));
    };
    let total = body.get("pagination").and_then(|p| p.get("total")).and_then(Json::as_u64);
    Ok(follow(rows, at, resource.paged, total))
}

/// A numbered listing that just ends may have skipped rows that moved between its pages.
fn ends_well(at: At) -> bool {
    match at {
        At::After(_) => true,
        At::Numbered { .. } => false,
    }
}

/// Decides where a listing goes on after a page of rows.
fn follow(rows: Vec<Json>, at: At, paged: bool, total: Option<u64>) -> Part {
    let largest = rows.iter().filter_map(answer::id_of).max().unwrap_or(0);
    if !paged || rows.len() > PER_PAGE {
        // Everything came at once; what was given before is given again, which is allowed.
        return Part { rows, next: None, complete: true };
    }
    match at {
        At::After(after) => {
            let ignored = after > 0 && rows.iter().filter_map(answer::id_of).any(|id| id <= after);
            if ignored {
                // The id filter is ignored, so this was the first page again: go on by number.
                let next = At::Numbered { page: 2, rows: PER_PAGE, last: after };
                return Part { rows: Vec::new(), next: Some(next), complete: false };
            }
            let full = rows.len() == PER_PAGE;
            let next = full.then_some(At::After(largest));
            Part { rows, next, complete: !full }
        }
        At::Numbered { page, rows: before, last } => {
            let so_far = before + rows.len();
            let news = rows.iter().filter_map(answer::id_of).any(|id| id > last);
            let full = rows.len() == PER_PAGE && news;
            let next = full.then_some(At::Numbered { page: page + 1, rows: so_far, last: largest });
            let complete = !full && total == Some(so_far as u64);
            Part { rows, next, complete }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(from: u64, count: u64) -> Vec<Json> {
        (from..from + count).map(|id| json!({ "id": id })).collect()
    }

    #[test]
    fn a_short_page_ends_the_listing_and_a_full_one_goes_on_after_its_last_id() {
        let part = follow(rows(1, 100), At::After(0), true, None);
        assert_eq!((part.next, part.complete), (Some(At::After(100)), false));
        let part = follow(rows(101, 3), At::After(100), true, None);
        assert_eq!((part.next, part.complete), (None, true));
    }

    #[test]
    fn ignored_paging_and_ignored_filters_are_noticed() {
        let part = follow(rows(1, 250), At::After(0), true, None);
        assert_eq!((part.next, part.complete), (None, true));
        let part = follow(rows(1, 100), At::After(100), true, None);
        assert_eq!(part.next, Some(At::Numbered { page: 2, rows: 100, last: 100 }));
        let part =
            follow(rows(101, 50), At::Numbered { page: 2, rows: 100, last: 100 }, true, Some(150));
        assert_eq!((part.next, part.complete), (None, true));
        let part = follow(rows(1, 100), At::Numbered { page: 2, rows: 100, last: 100 }, true, None);
        assert_eq!((part.next, part.complete), (None, false), "the same page again proves nothing");
    }
}
