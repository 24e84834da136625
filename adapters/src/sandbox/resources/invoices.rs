//! Invoices: drafts that can change, approvals that move stock.

use super::super::forms::base64_url;
use super::super::kind::Kind;
use super::super::messages::{FieldErrors, Message};
use super::super::refusal::Refusal;
use super::super::reply::Reply;
use super::super::values::{Fields, amount, first, id_of, is_date, shown, text, truth};
use super::super::world::World;
use super::{copy_given, lines, references};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

const DRAFT: &str = "Draft";
const APPROVED: &str = "Approved";
const AWAITING: &str = "Awaiting for approval";

const HEADER: &[&str] = &[
    "description",
    "issue_date",
    "due_date",
    "supply_date",
    "notes",
    "payment_method",
    "contract_id",
    "settlement_type",
    "inclusive_cd_discount",
    "discount_account_id",
    "discount_tax_id",
];

/// Creates an invoice.
pub(super) fn create(world: &mut World, input: &Fields) -> Result<u64, Refusal> {
    let mut invoice = fresh();
    overlay(&mut invoice, input);
    let mut sentences = early_faults(world, &invoice);
    let inventory = id_of(invoice.get("_inventory_id")).unwrap_or(0);
    match lines::read(world, input.get("line_items"), inventory) {
        Ok(lines) if lines.is_empty() => sentences.push(Message::plain("line_items is missing")),
        Ok(lines) => {
            invoice.insert("line_items".to_owned(), lines.into());
        }
        Err(more) => sentences.extend(more),
    }
    if !sentences.is_empty() {
        return Err(Refusal::Sentences(sentences));
    }
    if text(invoice.get("reference")).is_none() {
        let reference = references::made_up(world, Kind::Invoices, "INV");
        invoice.insert("reference".to_owned(), reference.into());
    }
    check_fields(world, &invoice, None)?;
    set_amounts(&mut invoice);
    settle_status(world, &mut invoice, input)?;
    Ok(world.insert(Kind::Invoices, invoice))
}

/// Changes the header of a draft; lines that come along are added to those that it has.
pub(super) fn update(world: &mut World, id: u64, input: &Fields) -> Result<(), Refusal> {
    let current = world.get(Kind::Invoices, id).ok_or(Refusal::NoRecord(Kind::Invoices, id))?;
    if !is_draft(current) {
        return Err(Refusal::sentence("Not update other than draft"));
    }
    let mut invoice = current.clone();
    overlay(&mut invoice, input);
    let mut sentences = early_faults(world, &invoice);
    if let Some(items) = input.get("line_items") {
        let inventory = id_of(invoice.get("_inventory_id")).unwrap_or(0);
        match lines::read(world, Some(items), inventory) {
            Ok(more) => {
                let mut all = lines_of(&invoice).to_vec();
                all.extend(more);
                invoice.insert("line_items".to_owned(), all.into());
            }
            Err(more) => sentences.extend(more),
        }
    }
    if !sentences.is_empty() {
        return Err(Refusal::Sentences(sentences));
    }
    check_fields(world, &invoice, Some(id))?;
    set_amounts(&mut invoice);
    settle_status(world, &mut invoice, input)?;
    world.change(Kind::Invoices, id, invoice);
    Ok(())
}

/// Deletes an invoice that has no payments; what it took out of stock comes back.
pub(crate) fn delete(world: &mut World, id: u64) -> Result<Reply, Refusal> {
    let invoice = world.get(Kind::Invoices, id).ok_or(Refusal::NoRecord(Kind::Invoices, id))?;
    let payments = invoice.get("payments").and_then(Json::as_array);
    if payments.is_some_and(|payments| !payments.is_empty()) {
        return Err(Refusal::Bare(Message::plain("Invoice couldn't be destroyed")));
    }
    let returned =
        if is_draft(invoice) { Vec::new() } else { lines::demand(world, lines_of(invoice)) };
    for (product, inventory, quantity) in returned {
        world.move_stock(product, inventory, quantity);
    }
    world.remove(Kind::Invoices, id);
    Ok(Reply::sentence("Invoice destroyed successfully"))
}

/// Approves a draft whatever the stock is, as a web user may; false where there is none.
pub(crate) fn approve(world: &mut World, id: u64) -> bool {
    let draft = world.get(Kind::Invoices, id).filter(|invoice| is_draft(invoice)).cloned();
    let Some(mut invoice) = draft else { return false };
    take_stock(world, &invoice);
    invoice.insert("status".to_owned(), APPROVED.into());
    world.change(Kind::Invoices, id, invoice)
}

/// Whether an invoice is not in the ledger yet.
pub(super) fn is_draft(invoice: &Fields) -> bool {
    matches!(text(invoice.get("status")).as_deref(), Some(DRAFT | AWAITING))
}

fn fresh() -> Fields {
    super::super::values::fields(json!({
        "description": null, "issue_date": null, "due_date": null, "supply_date": null,
        "due_amount": "0.0", "paid_amount": "0.0", "total": "0.0", "contact_id": null,
        "status": DRAFT, "reference": null, "notes": null, "terms_conditions": null,
        "qrcode_string": base64_url(b"sandbox"), "payment_method": null, "contract_id": null,
        "settlement_type": null, "created_by": "api@sandbox.example",
        "inclusive_cd_discount": null, "discount_account_id": null, "discount_tax_id": null,
        "line_items": [], "payments": [], "_inventory_id": null,
    }))
}

fn overlay(invoice: &mut Fields, input: &Fields) {
    copy_given(invoice, input, HEADER);
    for (shows, name) in [("contact_id", "contact_id"), ("_inventory_id", "inventory_id")] {
        if let Some(value) = input.get(name) {
            invoice.insert(shows.to_owned(), id_of(Some(value)).map_or(Json::Null, Json::from));
        }
    }
    if let Some(reference) = text(input.get("reference")) {
        invoice.insert("reference".to_owned(), reference.into());
    }
    let terms = ["terms_and_conditions", "terms_conditions", "term_conditions"];
    if let Some(terms) = first(input, &terms) {
        invoice.insert("terms_conditions".to_owned(), terms.clone());
    }
}

/// What is refused before validation, as sentences.
fn early_faults(world: &World, invoice: &Fields) -> Vec<Message> {
    let mut sentences = Vec::new();
    let contact = id_of(invoice.get("contact_id"));
    match contact.map(|id| (id, world.get(Kind::Customers, id))) {
        None => sentences.push(Message::plain("contact id is missing")),
        Some((id, None)) => sentences.push(Message::Plain(format!("contact {id} is not found"))),
        Some((id, Some(contact))) if text(contact.get("status")).as_deref() == Some("Inactive") => {
            sentences.push(Message::Plain(format!("this contact {id} is not active")));
        }
        Some(_) => {}
    }
    for name in ["issue_date", "due_date"] {
        if text(invoice.get(name)).is_none() {
            sentences.push(Message::Plain(format!("{name} is missing")));
        }
    }
    match id_of(invoice.get("_inventory_id")) {
        None => sentences.push(Message::plain("inventory id missing in a line item")),
        id if !world.exists(Kind::Inventories, id) => {
            sentences.push(Message::plain("inventory is not found"));
        }
        Some(_) => {}
    }
    sentences
}

fn check_fields(world: &World, invoice: &Fields, own: Option<u64>) -> Result<(), Refusal> {
    let mut errors = FieldErrors::default();
    let reference = text(invoice.get("reference")).unwrap_or_default();
    if let Some(message) = references::fault(world, Kind::Invoices, &reference, own) {
        errors.add("reference", message);
    }
    for name in ["issue_date", "due_date"] {
        if !is_date(invoice.get(name)) {
            errors.add(name, Message::Invalid);
        }
    }
    let method = invoice.get("payment_method").filter(|method| !method.is_null());
    if method.is_some_and(|method| !matches!(id_of(Some(method)), Some(1 | 10 | 30 | 42 | 48))) {
        errors.add("payment_method", Message::NotListed);
    }
    if amount(invoice.get("inclusive_cd_discount")).is_some_and(|discount| !discount.is_zero()) {
        let text = "Total CD Discount is not enabled for this organisation.";
        errors.add("base", Message::plain(text));
    }
    errors.verdict()?;
    Ok(())
}

fn set_amounts(invoice: &mut Fields) {
    let total = lines::total(lines_of(invoice));
    let paid = amount(invoice.get("paid_amount")).unwrap_or_default();
    invoice.insert("total".to_owned(), shown(total));
    invoice.insert("due_amount".to_owned(), shown(total.saturating_sub(paid)));
}

/// Approves where asked and possible; too little stock refuses, or leaves a draft where that is asked.
fn settle_status(world: &mut World, invoice: &mut Fields, input: &Fields) -> Result<(), Refusal> {
    match text(input.get("status")).as_deref() {
        None | Some(DRAFT) => return Ok(()),
        Some(APPROVED) => {}
        Some(_) => return Err(Refusal::field("status", Message::NotListed)),
    }
    let short = |(product, inventory, quantity): &(u64, u64, Decimal)| {
        world.stock(*product, *inventory) < *quantity
    };
    if lines::demand(world, lines_of(invoice)).iter().any(short) {
        if truth(input.get("draft_if_out_of_stock")) {
            invoice.insert("status".to_owned(), DRAFT.into());
            return Ok(());
        }
        return Err(Refusal::field("base", Message::OutOfStock));
    }
    take_stock(world, invoice);
    invoice.insert("status".to_owned(), APPROVED.into());
    Ok(())
}

fn take_stock(world: &mut World, invoice: &Fields) {
    for (product, inventory, quantity) in lines::demand(world, lines_of(invoice)) {
        world.move_stock(product, inventory, -quantity);
    }
}

fn lines_of(invoice: &Fields) -> &[Json] {
    invoice.get("line_items").and_then(Json::as_array).map_or(&[][..], Vec::as_slice)
}
