//! Paging: which lists are cut into pages, and which of them say so.

use super::kind::Kind;
use super::options::Vices;
use serde_json::{Value as Json, json};

const DEFAULT_ROWS: usize = 100;

/// The page that a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) rows: usize,
}

impl Page {
    /// How many records come before it.
    pub(crate) fn offset(self) -> usize {
        (self.number - 1).saturating_mul(self.rows)
    }

    /// The page before it, or itself.
    pub(crate) fn before(self) -> Self {
        Self { number: self.number.saturating_sub(1).max(1), ..self }
    }
}

/// The page that a query asks for; nothing where the list comes whole.
pub(crate) fn page(kind: Kind, vices: &Vices, query: &[(String, String)]) -> Option<Page> {
    let given = |name: &str| {
        let value = query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)?;
        value.parse::<usize>().ok().filter(|number| *number > 0)
    };
    let (number, rows) = (given("page"), given("per_page"));
    let paged = match kind {
        Kind::Products | Kind::Invoices | Kind::Customers | Kind::Taxes => true,
        Kind::Accounts => number.is_some() && rows.is_some(),
        Kind::Payments => (number.is_some() || rows.is_some()) && !vices.payments_ignore_paging,
        Kind::Adjustments
        | Kind::Categories
        | Kind::Inventories
        | Kind::TaxReasons
        | Kind::Units => false,
    };
    let most = if kind == Kind::Taxes { Some(500) } else { vices.page_max };
    let rows = rows.unwrap_or(DEFAULT_ROWS).min(most.unwrap_or(usize::MAX)).max(1);
    (paged && !vices.ignores_paging).then_some(Page { number: number.unwrap_or(1), rows })
}

/// The paging object, on the lists that have one; products give two of its numbers as texts.
pub(crate) fn object(kind: Kind, page: Option<Page>, count: usize, total: usize) -> Option<Json> {
    let page = page.unwrap_or(Page { number: 1, rows: total.max(1) });
    let pages = total.div_ceil(page.rows);
    match kind {
        Kind::Products => Some(json!({
            "count": count, "total": total, "perPage": page.rows.to_string(),
            "currentPage": page.number.to_string(), "totalPages": pages,
        })),
        Kind::Taxes => Some(json!({
            "count": count, "total": total, "perPage": page.rows, "currentPage": page.number,
            "totalPages": pages,
        })),
        _ => None,
    }
}
