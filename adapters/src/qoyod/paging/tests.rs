//! Remotes of every kind against the paging.

use super::*;
use std::collections::BTreeSet;

/// A remote with vices, as a table of ids.
#[derive(Clone)]
struct Remote {
    ids: Vec<u64>,
    ignores_id_gt: bool,
    ignores_paging: bool,
    ignores_page: bool,
    ignores_sort: bool,
    page_max: Option<u64>,
    says: bool,
    seconds_per_answer: i64,
    now: i64,
}

fn remote(ids: impl IntoIterator<Item = u64>) -> Remote {
    Remote {
        ids: ids.into_iter().collect(),
        ignores_id_gt: false,
        ignores_paging: false,
        ignores_page: false,
        ignores_sort: false,
        page_max: None,
        says: false,
        seconds_per_answer: 0,
        now: 1_000_000,
    }
}

impl Remote {
    fn answer(&mut self, query: &[(&'static str, String)]) -> Seen {
        let value = |name: &str| {
            query.iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok())
        };
        let after: u64 = value("q[id_gt]").filter(|_| !self.ignores_id_gt).unwrap_or(0);
        let mut ids: Vec<u64> = self.ids.iter().copied().filter(|id| *id > after).collect();
        if !self.ignores_sort {
            ids.sort_unstable();
        }
        let total = ids.len() as u64;
        let per_page = value("per_page").unwrap_or(100).min(self.page_max.unwrap_or(u64::MAX));
        let page = if self.ignores_page { 1 } else { value("page").unwrap_or(1) };
        if !self.ignores_paging && value("page").is_some() {
            let (skip, take) = ((page - 1) * per_page, per_page);
            ids = ids.into_iter().skip(skip as usize).take(take as usize).collect();
        }
        let said = Pagination {
            total: Some(total),
            per_page: Some(per_page),
            pages: Some(total.div_ceil(per_page)),
        };
        self.now += self.seconds_per_answer * 1000;
        let said = if self.says { said } else { Pagination::default() };
        Seen { rows: ids.len() as u64, ids, said, clock: Some(self.now) }
    }
}

/// Lists everything; before each question `meanwhile` may change the remote.
fn list(
    mut remote: Remote,
    paging: Paging,
    mut meanwhile: impl FnMut(&mut Remote, usize),
) -> Result<(BTreeSet<u64>, bool, usize), Fault> {
    let (mut place, mut found) = (Place::start(None), BTreeSet::new());
    for asked in 0.. {
        assert!(asked < 1000, "no end");
        meanwhile(&mut remote, asked);
        let seen = remote.answer(&place.query());
        found.extend(seen.ids.iter().copied());
        match place.next(&seen, paging, Some(300_000))? {
            Step::More(next) => place = Place::parse(&next.token())?,
            Step::End { proven } => return Ok((found, proven, asked + 1)),
        }
    }
    unreachable!("the loop ends by itself");
}

fn all(remote: Remote, paging: Paging) -> (bool, bool, usize) {
    let expected: BTreeSet<u64> = remote.ids.iter().copied().collect();
    let (found, proven, asked) = list(remote, paging, |_, _| {}).unwrap();
    (found == expected, proven, asked)
}

#[test]
fn good_remotes_of_every_size_are_listed_completely() {
    for (count, asked) in [(0, 1), (1, 1), (99, 1), (100, 2), (101, 2), (250, 3), (300, 4)] {
        for paging in [Paging::Pages, Paging::OnDemand, Paging::Whole] {
            assert_eq!(all(remote(1..=count), paging), (true, true, asked), "{count} rows");
            let says = Remote { says: true, ..remote(1..=count) };
            let (found, proven, _) = all(says, paging);
            assert!(found && proven, "{count} rows with pagination");
        }
    }
}

#[test]
fn vices_are_survived() {
    for count in [1, 99, 100, 101, 199, 200, 250] {
        let plain = remote((1..=count).map(|id| id * 3));
        let dump = Remote { ignores_paging: true, ..plain.clone() };
        assert_eq!((all(dump.clone(), Paging::Pages).0, all(dump, Paging::Pages).1), (true, true));
        let no_id = Remote { ignores_id_gt: true, ..plain.clone() };
        let (found, proven, _) = all(no_id, Paging::Pages);
        assert!(found && proven, "{count} rows by page numbers");
        let unsorted = Remote { ids: plain.ids.iter().rev().copied().collect(), ..plain.clone() };
        let unsorted = Remote { ignores_sort: true, ..unsorted };
        let (found, proven, _) = all(unsorted, Paging::Pages);
        assert!(found && proven, "{count} rows without an order");
        let small = Remote { page_max: Some(30), says: true, ..plain.clone() };
        let (found, proven, _) = all(small, Paging::Pages);
        assert!(found && proven, "{count} rows in pages of 30");
        let whole = Remote { ignores_paging: true, ignores_id_gt: true, ..plain.clone() };
        let (found, proven, _) = all(whole.clone(), Paging::Whole);
        assert!(found && proven, "{count} rows, never in pages");
        let (found, proven, _) = all(whole, Paging::OnDemand);
        assert!(found && proven, "{count} rows, in pages on demand");
    }
}

#[test]
fn where_nothing_helps_it_is_said() {
    let stuck = Remote { ignores_page: true, ignores_id_gt: true, ..remote(1..=250) };
    assert!(matches!(list(stuck, Paging::Pages, |_, _| {}), Err(Fault::BadAnswer(_))));
    let mut seen = remote(1..=5).answer(&Place::start(None).query());
    seen.rows = 6;
    let step = Place::start(None).next(&seen, Paging::Pages, None).unwrap();
    assert_eq!(step, Step::End { proven: false }, "a row without an id");
    assert!(Place::parse("page 2").is_err());
}

#[test]
fn rows_that_come_and_go_meanwhile_hide_no_other_row() {
    let churn = |remote: &mut Remote, asked: usize| {
        if (1..4).contains(&asked) {
            remote.ids.remove(0);
            let new = 1000 + asked as u64;
            remote.ids.push(new);
        }
    };
    for ignores_id_gt in [false, true] {
        let remote = Remote { ignores_id_gt, ..remote(1..=450) };
        let (found, proven, _) = list(remote, Paging::Pages, churn).unwrap();
        let stayed = (4..=450).chain(1001..=1003).all(|id| found.contains(&id));
        assert!(stayed && proven, "id_gt ignored: {ignores_id_gt}");
    }
}

#[test]
fn a_listing_that_never_comes_to_rest_proves_nothing() {
    let restless = Remote { ignores_id_gt: true, ..remote(1..=250) };
    let churn = |remote: &mut Remote, asked: usize| remote.ids.push(1000 + asked as u64);
    let (found, proven, _) = list(restless, Paging::Pages, churn).unwrap();
    assert!(!proven && (1..=250).all(|id| found.contains(&id)));
}

#[test]
fn after_a_slow_listing_what_changed_meanwhile_is_asked_for() {
    let slow = Remote { seconds_per_answer: 100, ..remote(1..=250) };
    let mut place = Place::start(None);
    let mut remote = slow;
    let mut queries = Vec::new();
    loop {
        queries.push(place.query());
        if queries.len() == 4 {
            // Nothing changed but one row.
            remote.ids.truncate(1);
        }
        let seen = remote.answer(&place.query());
        match place.next(&seen, Paging::Pages, Some(300_000)).unwrap() {
            Step::More(next) => place = next,
            Step::End { proven } => {
                assert!(proven);
                break;
            }
        }
    }
    let since = |query: &[(&str, String)]| {
        query.iter().find(|(name, _)| *name == "q[updated_at_gteq]").map(|(_, at)| at.clone())
    };
    assert_eq!(queries.len(), 4);
    assert_eq!(since(&queries[2]), None);
    // The first answer came at 1,100 s, and the overlap is 300 s.
    assert_eq!(since(&queries[3]).as_deref(), Some("1970-01-01T03:13:20+03:00"));
}

#[test]
fn the_first_question_and_the_next() {
    let mut place = Place::start(Some(Timestamp(1_767_510_000_000)));
    let text = |place: Place| {
        let pairs = place.query().into_iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    };
    assert_eq!(
        text(place),
        "q[s]=id asc&q[updated_at_gteq]=2026-01-04T10:00:00+03:00&page=1&per_page=100"
    );
    place.at = At::After(41);
    assert!(text(place).ends_with("&page=1&per_page=100&q[id_gt]=41"));
}
