//! Payments of invoices, which are receipts with one allocation.

use super::super::clock;
use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::reply::Reply;
use super::super::values::{Fields, amount, fields, id_of, is_date, or_null, shown, text};
use super::super::world::World;
use super::{invoices, references};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

const LONGEST_DECIMALS: u32 = 2;

/// Books a payment: a receipt, its allocation, and what the invoice still owes.
pub(super) fn create(world: &mut World, input: &Fields) -> Result<u64, Refusal> {
    if input.get("amount").is_some_and(|amount| amount.is_object() || amount.is_array()) {
        let text = "Amount must be a value and cannot be a Hash".to_owned();
        return Err(Refusal::BadRequest(text));
    }
    let invoice_id = id_of(input.get("invoice_id"));
    let invoice = invoice_id.and_then(|id| world.get(Kind::Invoices, id)).cloned();
    if invoice.as_ref().is_some_and(invoices::is_draft) {
        return Err(Refusal::sentence("Cannot pay Draft invoice"));
    }
    let paid = amount(input.get("amount"));
    check(world, input, invoice.as_ref(), paid).verdict().map_err(Refusal::Invalid)?;
    let (Some(invoice_id), Some(invoice), Some(paid)) = (invoice_id, invoice, paid) else {
        return Err(Refusal::Broken);
    };
    let reference = text(input.get("reference"))
        .unwrap_or_else(|| references::made_up(world, Kind::Payments, "RCT"));
    let id = world.table(Kind::Payments).next_id();
    let stamp = clock::stamp(world.now_ms());
    let allocation = json!({
        "id": id, "amount": shown(paid), "date": or_null(input, "date"), "source_id": id,
        "source_type": "Receipt", "allocatee_id": invoice_id, "allocatee_type": "Invoice",
        "created_at": stamp, "updated_at": stamp,
    });
    let description = text(input.get("description")).unwrap_or_else(|| reference.clone());
    let receipt = json!({
        "id": id, "reference": reference, "description": description,
        "date": or_null(input, "date"), "amount": shown(paid), "kind": "received", "_kind": 0,
        "contact_id": or_null(&invoice, "contact_id"),
        "account_id": id_of(input.get("account_id")), "allocations": [allocation.clone()],
    });
    world.insert(Kind::Payments, fields(receipt));
    let mut allocations = allocations_of(&invoice);
    allocations.push(allocation);
    settle(world, invoice_id, allocations);
    Ok(id)
}

fn check(
    world: &World,
    input: &Fields,
    invoice: Option<&Fields>,
    paid: Option<Decimal>,
) -> FieldErrors {
    let mut errors = FieldErrors::default();
    let due = invoice.map(|invoice| amount(invoice.get("due_amount")).unwrap_or_default());
    match (paid, due) {
        (_, None) => errors.add("invoice", Message::Blank),
        (None, _) => errors.add("amount", Message::Blank),
        (Some(paid), _) if paid <= Decimal::ZERO => errors.add("amount", Message::NotPositive),
        (Some(paid), _) if paid.normalize().scale() > LONGEST_DECIMALS => {
            errors.add("amount", Message::Invalid);
        }
        (Some(paid), Some(due)) if paid > due => errors.add("amount", Message::Exceeds),
        _ => {}
    }
    if !world.exists(Kind::Accounts, id_of(input.get("account_id"))) {
        errors.add("account", Message::Blank);
    }
    match text(input.get("date")) {
        None => errors.add("date", Message::Blank),
        Some(_) if !is_date(input.get("date")) => errors.add("date", Message::Invalid),
        Some(_) => {}
    }
    let reference = text(input.get("reference"));
    if reference.is_some_and(|text| references::is_taken(world, Kind::Payments, &text, None)) {
        errors.add("reference", Message::Taken);
    }
    errors
}

/// Deletes a receipt; the invoices that it paid owe again.
pub(crate) fn delete(world: &mut World, id: u64) -> Result<Reply, Refusal> {
    let receipt = world.remove(Kind::Payments, id).ok_or(Refusal::NoRecord(Kind::Payments, id))?;
    for allocation in allocations_in(&receipt, "allocations") {
        let Some(invoice_id) = id_of(allocation.get("allocatee_id")) else { continue };
        let Some(invoice) = world.get(Kind::Invoices, invoice_id) else { continue };
        let mut left = allocations_of(invoice);
        left.retain(|other| id_of(other.get("source_id")) != Some(id));
        settle(world, invoice_id, left);
    }
    Ok(Reply::empty())
}

/// Gives an invoice its allocations, and the amounts and status that follow.
fn settle(world: &mut World, invoice_id: u64, allocations: Vec<Json>) {
    let Some(invoice) = world.get(Kind::Invoices, invoice_id) else { return };
    let total = amount(invoice.get("total")).unwrap_or_default();
    let paid = allocations.iter().fold(Decimal::ZERO, |sum, allocation| {
        sum.saturating_add(amount(allocation.get("amount")).unwrap_or_default())
    });
    let due = total.saturating_sub(paid);
    let status = if due <= Decimal::ZERO { "Paid" } else { "Approved" };
    let changes = json!({
        "paid_amount": shown(paid), "due_amount": shown(due), "status": status,
        "payments": allocations,
    });
    world.change(Kind::Invoices, invoice_id, fields(changes));
}

fn allocations_of(invoice: &Fields) -> Vec<Json> {
    allocations_in(invoice, "payments")
}

fn allocations_in(record: &Fields, name: &str) -> Vec<Json> {
    record.get(name).and_then(Json::as_array).cloned().unwrap_or_default()
}
