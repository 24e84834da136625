//! Listings: one answer of the remote is one page.

use super::options::Bound;
use super::paging::{Place, Seen, Step};
use super::{Qoyod, answer};
use crate::http::{Request, Response};
use crate::{Fault, Page, Pull};
use serde_json::Value as Json;

/// One page of a listing.
pub(super) async fn pull(
    qoyod: &Qoyod,
    bound: &Bound,
    pull: Pull,
    token: Option<&str>,
) -> Result<Page, Fault> {
    if !bound.resource.readable() {
        // Nothing can be seen, so nothing is seen to be absent either.
        return Ok(Page::default());
    }
    let since = match pull {
        Pull::Since(at) if bound.resource.since => Some(at),
        Pull::Since(_) | Pull::All => None,
    };
    let place = match token {
        Some(token) => Place::parse(token)?,
        None => Place::start(since),
    };
    let (rows, seen) = ask(qoyod, bound, place, None).await?;
    // The remote may have ignored the filter: older rows are repeated then, which does no harm.
    let rows = rows.into_iter().map(|native| answer::listed(bound, native)).collect();
    let overlap = bound.resource.since.then_some(bound.window_ms);
    Ok(match place.next(&seen, bound.resource.paging, overlap)? {
        Step::More(next) => Page { rows, next: Some(next.token()), complete: false },
        Step::End { proven } => Page { rows, next: None, complete: proven && pull == Pull::All },
    })
}

/// Asks for the rows at a place, with one more filter.
pub(super) async fn ask(
    qoyod: &Qoyod,
    bound: &Bound,
    place: Place,
    filter: Option<&(String, String)>,
) -> Result<(Vec<Json>, Seen), Fault> {
    let mut request = Request::get(format!("/{}", bound.resource.name));
    for (name, value) in place.query() {
        request = request.query(name, value);
    }
    if let Some((name, value)) = filter {
        request = request.query(name, value);
    }
    let response = qoyod.send(request).await?;
    let (rows, said) = answer::many(bound.resource, &response)?;
    let ids = rows.iter().filter_map(answer::id_of).collect();
    let seen = Seen { ids, rows: rows.len() as u64, said, clock: clock_of(&response) };
    Ok((rows, seen))
}

/// The remote's clock: a listing's length is measured by it, since stamps come from it too.
fn clock_of(response: &Response) -> Option<i64> {
    let date = response.header("date")?;
    chrono::DateTime::parse_from_rfc2822(date).ok().map(|at| at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qoyod::testing::answer;
    use serde_json::json;

    #[test]
    fn the_clock_is_read_from_the_date_header() {
        let mut response = answer(200, json!({}));
        assert_eq!(clock_of(&response), None);
        let date = "Sun, 04 Jan 2026 07:00:00 GMT".to_owned();
        response.headers.insert("date".to_owned(), date);
        assert_eq!(clock_of(&response), Some(1_767_510_000_000));
    }
}
