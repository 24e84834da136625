//! A customer's balance, out of the invoices that count.

use super::super::clock;
use super::super::kind::Kind;
use super::super::refusal::Refusal;
use super::super::reply::Reply;
use super::super::values::{Fields, amount, id_of, shown, text};
use super::super::world::World;
use rust_decimal::Decimal;
use serde_json::json;

/// Answers what a customer owes.
pub(crate) fn read(world: &World, id: u64) -> Result<Reply, Refusal> {
    if world.get(Kind::Customers, id).is_none() {
        return Err(Refusal::NoRecord(Kind::Customers, id));
    }
    let today = clock::date(world.now_ms());
    let (mut count, mut sum, mut due, mut overdue) =
        (0_u64, Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    for (_, invoice) in world.table(Kind::Invoices).all() {
        let counts = !matches!(text(invoice.get("status")).as_deref(), Some("Draft"));
        if id_of(invoice.get("contact_id")) != Some(id) || !counts {
            continue;
        }
        count += 1;
        sum = sum.saturating_add(value(invoice, "total"));
        due = due.saturating_add(value(invoice, "due_amount"));
        if text(invoice.get("due_date")).is_some_and(|date| date < today) {
            overdue = overdue.saturating_add(value(invoice, "due_amount"));
        }
    }
    let balance = json!({
        "balance": shown(due), "total_outstanding": shown(due), "overdue_amount": shown(overdue),
        "count_of_all_invoices": count, "sum_amount_of_all_invoices": shown(sum),
    });
    Ok(Reply::rooted(200, "customer_balance", balance))
}

fn value(invoice: &Fields, name: &str) -> Decimal {
    amount(invoice.get(name)).unwrap_or_default()
}
