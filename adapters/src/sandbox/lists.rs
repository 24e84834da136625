//! Lists: filtered, sorted, cut into pages, and refused where nothing is found.

use super::auth::Rights;
use super::faults::FaultKind;
use super::kind::Kind;
use super::paging;
use super::present;
use super::ransack::{conditions, sort};
use super::refusal::Refusal;
use super::reply::Reply;
use super::values::Fields;
use super::world::World;
use serde_json::{Map, Value as Json};

/// Answers a list.
pub(crate) fn answer(
    world: &World,
    kind: Kind,
    query: &[(String, String)],
    rights: &Rights,
    fault: Option<FaultKind>,
) -> Result<Reply, Refusal> {
    let conditions = conditions(kind, query);
    let counts = |record: &&Fields| {
        conditions
            .iter()
            .filter(|one| !(world.vices.ignores_id_gt && one.is_id_gt()))
            .all(|one| one.passes(record))
    };
    let mut records: Vec<&Fields> =
        world.table(kind).listed(world.now_ms()).filter(counts).collect();
    sort(kind, query, &mut records);
    let total = records.len();
    let page = paging::page(kind, &world.vices, query);
    if let Some(page) = page {
        let fails = kind == Kind::Accounts && world.vices.accounts_fail_after_first_page;
        if fails && page.offset() >= 100 {
            return Err(Refusal::Broken);
        }
        let repeats = fault == Some(FaultKind::DuplicatePage);
        let shown = if repeats { page.before() } else { page };
        records = records.into_iter().skip(shown.offset()).take(shown.rows).collect();
    }
    if records.is_empty() && refuses_empty(kind) {
        return Err(Refusal::FoundNothing(kind, world.vices.nothing_as_object));
    }
    let rows: Vec<Json> =
        records.iter().map(|record| present::record(world, kind, record, rights)).collect();
    let mut body = Map::new();
    if let Some(paging) = paging::object(kind, page, rows.len(), total) {
        body.insert("pagination".to_owned(), paging);
    }
    body.insert(kind.list_root().to_owned(), Json::Array(rows));
    Ok(Reply::json(200, body.into()))
}

fn refuses_empty(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Accounts
            | Kind::Categories
            | Kind::Customers
            | Kind::Invoices
            | Kind::Products
            | Kind::Units
    )
}
