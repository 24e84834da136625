//! The rules of each resource: what a create or an update must bring, and what it does.

use super::store::{Tenant, id_of, merged, number, shown, truth};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value as Json, json};

/// A refusal: status and body.
pub(super) type Refusal = (u16, Json);

fn errors(field: &str, message: &str) -> Refusal {
    (422, json!({ "errors": { field: [message] } }))
}

fn listed(messages: Vec<String>) -> Refusal {
    (422, json!({ "errors": messages }))
}

fn text<'a>(body: &'a Map<String, Json>, names: &[&str]) -> Option<&'a Json> {
    names.iter().find_map(|name| body.get(*name))
}

fn blank(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => true,
        Some(Json::String(text)) => text.trim().is_empty(),
        Some(Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => false,
    }
}

fn or_null(value: Option<&Json>) -> Json {
    value.cloned().unwrap_or(Json::Null)
}

fn money(value: Option<&Json>) -> Json {
    number(value).map_or(Json::Null, shown)
}

fn check_lengths(names: &[&Json]) -> Result<(), Refusal> {
    let long = |name: &&Json| name.as_str().is_some_and(|name| name.chars().count() > 250);
    if names.iter().any(long) {
        return Err(errors("name", "is too long (maximum is 250 characters)"));
    }
    Ok(())
}

impl Tenant {
    fn stamped(&self, id: u64, mut row: Json) -> Json {
        let now = Json::String(self.now());
        row["id"] = Json::from(id);
        if row.get("created_at").is_none() {
            row["created_at"] = now.clone();
        }
        row["updated_at"] = now;
        row
    }

    // ------------------------------------------------------------------ products

    /// Checks and builds a product; `id` where it exists already.
    pub(super) fn product(
        &self,
        body: &Map<String, Json>,
        id: Option<u64>,
    ) -> Result<Json, Refusal> {
        let old = id.and_then(|id| self.table("products").get(&id).cloned());
        let given = |names: &[&str], shows: &str| match text(body, names) {
            Some(value) => value.clone(),
            None => or_null(old.as_ref().and_then(|old| old.get(shows))),
        };
        let name_ar = given(&["name", "name_ar", "ar_name"], "name_ar");
        if blank(Some(&name_ar)) {
            return Err(errors("name", "can't be blank"));
        }
        let name_en = given(&["en_name", "name_en"], "name_en");
        let sku = given(&["sku"], "sku");
        check_lengths(&[&name_ar, &name_en])?;
        self.check_sku(&sku, id)?;
        let tax_id = given(&["tax_id"], "tax_id");
        if !id_of(Some(&tax_id)).is_some_and(|tax| self.table("taxes").contains_key(&tax)) {
            return Err(errors("tax_id", "Please select taxes"));
        }
        let sold = text(body, &["sale_item"]).map_or_else(
            || truth(old.as_ref().and_then(|old| old.get("is_sold"))),
            |flag| truth(Some(flag)),
        );
        let bought = text(body, &["purchase_item"]).map_or_else(
            || truth(old.as_ref().and_then(|old| old.get("is_bought"))),
            |flag| truth(Some(flag)),
        );
        if !sold && !bought {
            let message = "enter at least a purchase price or a sales price to continue.";
            return Err(errors("base", message));
        }
        let price = given(&["selling_price"], "selling_price");
        if sold && !price.is_null() && number(Some(&price)).is_none() {
            return Err(errors("selling_price", "is not a number"));
        }
        let unit = given(&["product_unit_type_id"], "unit_type");
        let kind = match &old {
            Some(old) => or_null(old.get("type")),
            None => text(body, &["type"]).cloned().unwrap_or_else(|| json!("Product")),
        };
        let row = json!({
            "name_ar": name_ar, "name_en": name_en, "sku": sku, "type": kind,
            "description": given(&["description"], "description"),
            "category_id": given(&["category_id"], "category_id"),
            "unit_type": unit, "unit": "pc",
            "buying_price": money(Some(&given(&["buying_price"], "buying_price"))),
            "selling_price": money(Some(&price)),
            "is_selling_price_inclusive": truth(Some(&given(&["is_selling_price_inclusive"], "is_selling_price_inclusive"))),
            "is_buying_price_inclusive": truth(Some(&given(&["is_buying_price_inclusive"], "is_buying_price_inclusive"))),
            "barcode": given(&["barcode"], "barcode"),
            "is_sold": sold, "is_bought": bought,
            "track_quantity": truth(Some(&given(&["track_quantity"], "track_quantity"))),
            "tax_id": tax_id, "special_tax_reason_id": given(&["special_tax_reason_id"], "special_tax_reason_id"),
            "inventories": old.as_ref().and_then(|old| old.get("inventories").cloned()).unwrap_or_else(|| self.stocks()),
            "ingredients": [], "unit_conversions": [], "pos_product": sold,
            "terms_and_conditions": given(&["terms_and_conditions"], "terms_and_conditions"),
            "sales_account_id": given(&["sales_account_id"], "sales_account_id"),
            "expense_account_id": given(&["expense_account_id", "cogs_account_id"], "expense_account_id"),
        });
        let id = id.unwrap_or_else(|| self.next_id("products"));
        Ok(self.stamped(id, keep_created(row, old.as_ref())))
    }

    fn check_sku(&self, sku: &Json, id: Option<u64>) -> Result<(), Refusal> {
        if blank(Some(sku)) {
            return Err(errors("sku", "can't be blank"));
        }
        let mut others = self.table("products").iter().filter(|(other, _)| Some(**other) != id);
        match others.find(|(_, row)| row.get("sku") == Some(sku)) {
            Some((other, _)) => {
                Err(errors("sku", &format!("Reference is already taken by id {other}")))
            }
            None => Ok(()),
        }
    }

    fn stocks(&self) -> Json {
        let stocks = self.table("inventories").values().map(|inventory| {
            json!({
                "id": inventory["id"], "name_en": inventory["name"],
                "name_ar": inventory["ar_name"], "stock": "0.0",
            })
        });
        Json::Array(stocks.collect())
    }

    // ------------------------------------------------------------------ contacts and small ones

    /// Checks and builds a customer; nothing is unique.
    pub(super) fn customer(
        &self,
        body: &Map<String, Json>,
        id: Option<u64>,
    ) -> Result<Json, Refusal> {
        let old = id.and_then(|id| self.table("customers").get(&id).cloned());
        let mut row = old.clone().unwrap_or_else(|| {
            json!({
                "name": null, "organization": null, "status": "Active", "email": null,
                "phone_number": null, "secondary_phone_number": null, "tax_number": null,
                "custom_fields": {}, "website": null, "pos": false, "government_entity": false,
                "billing_address": null, "shipping_address": null, "bank": null,
            })
        });
        let Json::Object(known) = row.clone() else { return Err(errors("contact", "is missing")) };
        for name in known.keys() {
            // What the API does not echo is dropped without a word.
            if let Some(value) = body.get(name) {
                row[name] = value.clone();
            }
        }
        if blank(row.get("name")) {
            return Err(errors("contact_name", "Can't be blank"));
        }
        let id = id.unwrap_or_else(|| self.next_id("customers"));
        Ok(self.stamped(id, row))
    }

    /// Checks and builds a row of the simple resources.
    pub(super) fn simple(
        &self,
        resource: &'static str,
        body: &Map<String, Json>,
        id: Option<u64>,
    ) -> Result<Json, Refusal> {
        let needed: &[&str] = match resource {
            "categories" => &["name"],
            "product_unit_types" => &["unit_name", "unit_representation"],
            "accounts" => &["name_en", "name_ar"],
            _ => &["name"],
        };
        let old = id.and_then(|id| self.table(resource).get(&id).cloned());
        let row = merged(old.unwrap_or_else(|| json!({})), &Json::Object(body.clone()));
        for name in needed {
            if blank(row.get(*name)) {
                return Err(match resource {
                    "inventories" => listed(vec!["Name can't be blank".to_owned()]),
                    "accounts" => (
                        422,
                        json!({ "error": "Invalid resource", "messages": { *name: ["Can't be blank"] } }),
                    ),
                    _ => errors(name, "Can't be blank"),
                });
            }
        }
        let id = id.unwrap_or_else(|| self.next_id(resource));
        Ok(self.stamped(id, row))
    }

    // ------------------------------------------------------------------ invoices

    /// Checks and builds an invoice, and books its stock where it is approved.
    pub(super) fn invoice(&mut self, body: &Map<String, Json>) -> Result<Json, Refusal> {
        let mut messages = Vec::new();
        let contact = id_of(body.get("contact_id"));
        match contact.and_then(|contact| self.table("customers").get(&contact)) {
            None if contact.is_none() => messages.push("contact id is missing".to_owned()),
            None => return Err(errors("contact", "must exist")),
            Some(customer) if customer["status"] == "Inactive" => {
                messages.push(format!("this contact {} is not active", contact.unwrap_or(0)));
            }
            Some(_) => {}
        }
        for name in ["issue_date", "due_date"] {
            if blank(body.get(name)) {
                messages.push(format!("{name} is missing"));
            }
        }
        if id_of(body.get("inventory_id")).is_none() {
            messages.push("inventory id missing in a line item".to_owned());
        }
        if !messages.is_empty() {
            return Err(listed(messages));
        }
        let reference = self.reference(body.get("reference"))?;
        let mut lines = Vec::new();
        for line in body.get("line_items").and_then(Json::as_array).into_iter().flatten() {
            lines.push(self.line(line, body.get("inventory_id"))?);
        }
        if lines.is_empty() {
            return Err(errors("line_items", "can't be blank"));
        }
        let mut status =
            text(body, &["status"]).and_then(Json::as_str).unwrap_or("Draft").to_owned();
        if status == "Approved" && !self.in_stock(&lines) {
            if !truth(body.get("draft_if_out_of_stock")) {
                return Err(errors("line_items", "quantity is not available in the inventory"));
            }
            status = "Draft".to_owned();
        }
        if status == "Approved" {
            self.move_stock(&lines);
        }
        let total = total(&lines);
        let row = json!({
            "description": or_null(body.get("description")), "issue_date": body["issue_date"],
            "due_date": body["due_date"], "supply_date": or_null(body.get("supply_date")),
            "due_amount": shown(total), "paid_amount": "0.0", "total": shown(total),
            "contact_id": contact, "status": status, "reference": reference,
            "notes": or_null(body.get("notes")),
            "terms_conditions": or_null(text(body, &["terms_and_conditions", "terms_conditions"])),
            "payment_method": or_null(body.get("payment_method")), "contract_id": or_null(body.get("contract_id")),
            "created_by": "api@sandbox.example", "line_items": lines, "payments": [],
        });
        Ok(self.stamped(self.next_id("invoices"), row))
    }

    fn reference(&self, given: Option<&Json>) -> Result<String, Refusal> {
        let Some(reference) = given.and_then(Json::as_str).filter(|text| !text.is_empty()) else {
            return Ok(format!("INV-{}", self.next_id("invoices")));
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let ends = reference.ends_with(|c: char| c.is_ascii_digit());
        if reference.len() > 25 || !reference.chars().all(plain) || !ends {
            return Err(errors("reference", "is invalid"));
        }
        let taken = self.table("invoices").values().any(|row| row["reference"] == reference);
        if taken {
            Err(errors("reference", "has already been taken"))
        } else {
            Ok(reference.to_owned())
        }
    }

    fn line(&self, line: &Json, inventory: Option<&Json>) -> Result<Json, Refusal> {
        let Some(product) =
            id_of(line.get("product_id")).and_then(|id| self.table("products").get(&id))
        else {
            return Err(listed(vec!["product id is missing or unknown in a line item".to_owned()]));
        };
        if !truth(product.get("is_sold")) {
            return Err(listed(vec!["a product in a line item is not for sale".to_owned()]));
        }
        let quantity = number(line.get("quantity")).filter(|quantity| *quantity > Decimal::ZERO);
        let price = number(line.get("unit_price")).filter(|price| *price >= Decimal::ZERO);
        let (Some(quantity), Some(price)) = (quantity, price) else {
            return Err(errors("line_items", "quantity or unit price is invalid"));
        };
        if quantity.normalize().scale() > 10 || price.normalize().scale() > 10 {
            return Err(errors("line_items", "has more than 10 decimals"));
        }
        let default = id_of(product.get("tax_id")).and_then(|tax| self.table("taxes").get(&tax));
        let tax = number(text_in(line, &["tax_percentage", "tax_percent"]))
            .or_else(|| number(default.and_then(|tax| tax.get("percentage"))))
            .unwrap_or_default();
        let hundred = Decimal::ONE_HUNDRED;
        let inclusive = truth(line.get("is_inclusive"));
        let net = if inclusive { price * hundred / (hundred + tax) } else { price };
        let discount = number(text_in(line, &["discount_percent", "discount"])).unwrap_or_default();
        let line_net = net * quantity * (hundred - discount) / hundred;
        Ok(json!({
            "product_id": product["id"], "product_name": product["name_ar"],
            "description": or_null(line.get("description")), "quantity": shown(quantity),
            "unit_price": shown(net), "unit_type": product["unit_type"], "unit": product["unit"],
            "discount_percent": shown(discount), "discount_amount": "0.0",
            "tax_percent": shown(tax), "line_total": shown(cents(line_net)),
            "inventory_id": or_null(inventory), "is_inclusive": inclusive,
            "inclusive_unit_price": shown(net * (hundred + tax) / hundred),
            "unrounded_vat_value": (line_net * tax / hundred).normalize().to_string(),
            "unrounded_net": line_net.normalize().to_string(),
        }))
    }

    fn in_stock(&self, lines: &[Json]) -> bool {
        lines.iter().all(|line| {
            let product =
                id_of(line.get("product_id")).and_then(|id| self.table("products").get(&id));
            product.is_none_or(|product| {
                !truth(product.get("track_quantity"))
                    || stock_of(product, id_of(line.get("inventory_id")))
                        >= number(line.get("quantity")).unwrap_or_default()
            })
        })
    }

    fn move_stock(&mut self, lines: &[Json]) {
        for line in lines {
            let Some(id) = id_of(line.get("product_id")) else { continue };
            let inventory = id_of(line.get("inventory_id"));
            let by = number(line.get("quantity")).unwrap_or_default();
            let tracked =
                self.table("products").get(&id).is_some_and(|p| truth(p.get("track_quantity")));
            if tracked {
                let now = self.table("products").get(&id).map(|p| stock_of(p, inventory));
                self.set_stock(id, inventory, now.unwrap_or_default() - by);
            }
        }
    }

    /// Sets a product's stock in a warehouse; its stamp moves only where the vice says so.
    pub(super) fn set_stock(&mut self, product: u64, inventory: Option<u64>, to: Decimal) -> bool {
        let bump = self.vices.stock_bumps_updated_at;
        let now = self.now();
        let Some(row) = self.tables.entry("products").or_default().get_mut(&product) else {
            return false;
        };
        if bump {
            row["updated_at"] = Json::String(now);
        }
        let Some(stocks) = row.get_mut("inventories").and_then(Json::as_array_mut) else {
            return false;
        };
        for stock in stocks {
            if inventory.is_none() || id_of(stock.get("id")) == inventory {
                stock["stock"] = shown(to);
                return true;
            }
        }
        false
    }

    /// Changes an invoice's header; only a draft may be, and lines are added, not replaced.
    pub(super) fn change_invoice(
        &mut self,
        id: u64,
        body: &Map<String, Json>,
    ) -> Result<Json, Refusal> {
        let Some(old) = self.table("invoices").get(&id).cloned() else {
            return Err((404, json!("We found nothing")));
        };
        if old["status"] != "Draft" && old["status"] != "Awaiting for approval" {
            return Err((422, json!({ "errors": "Not update other than draft" })));
        }
        let mut row = old.clone();
        for name in
            ["description", "issue_date", "due_date", "notes", "reference", "status", "contact_id"]
        {
            if let Some(value) = body.get(name) {
                row[name] = value.clone();
            }
        }
        let mut lines = row["line_items"].as_array().cloned().unwrap_or_default();
        for line in body.get("line_items").and_then(Json::as_array).into_iter().flatten() {
            lines.push(self.line(line, lines.first().and_then(|line| line.get("inventory_id")))?);
        }
        let total = total(&lines);
        let paid = number(row.get("paid_amount")).unwrap_or_default();
        row["total"] = shown(total);
        row["due_amount"] = shown(total - paid);
        row["line_items"] = Json::Array(lines);
        Ok(self.stamped(id, row))
    }

    // ------------------------------------------------------------------ payments and adjustments

    /// Checks and books a payment.
    pub(super) fn payment(&mut self, body: &Map<String, Json>) -> Result<Json, Refusal> {
        let invalid = |field: &str, message: &str| {
            (422, json!({ "error": "Invalid resource", "messages": { field: [message] } }))
        };
        let invoice = id_of(body.get("invoice_id"));
        let Some(row) = invoice.and_then(|id| self.table("invoices").get(&id).cloned()) else {
            return Err(invalid("invoice", "Can't be blank"));
        };
        if row["status"] == "Draft" || row["status"] == "Awaiting for approval" {
            return Err((422, json!({ "errors": "Cannot pay Draft invoice" })));
        }
        if body.get("amount").is_some_and(Json::is_object) {
            return Err((400, json!({ "error": "Amount must be a value and cannot be a Hash" })));
        }
        let Some(amount) = number(body.get("amount")).filter(|amount| *amount > Decimal::ZERO)
        else {
            return Err(invalid("amount", "Can't be blank"));
        };
        if !id_of(body.get("account_id")).is_some_and(|id| self.table("accounts").contains_key(&id))
        {
            return Err(invalid("account", "Can't be blank"));
        }
        if blank(body.get("date")) {
            return Err(invalid("date", "Can't be blank"));
        }
        let due = number(row.get("due_amount")).unwrap_or_default();
        if amount > due {
            return Err(invalid("amount", "exceeds the amount that is due"));
        }
        let reference = match body.get("reference").and_then(Json::as_str).filter(|r| !r.is_empty())
        {
            Some(reference) => {
                let taken =
                    self.table("invoice_payments").values().any(|p| p["reference"] == reference);
                if taken {
                    return Err(invalid("reference", "has already been taken"));
                }
                reference.to_owned()
            }
            None => format!("REC-{}", self.next_id("invoice_payments")),
        };
        let invoice = invoice.unwrap_or(0);
        let paid = number(row.get("paid_amount")).unwrap_or_default() + amount;
        let mut changes = Map::new();
        changes.insert("paid_amount".to_owned(), shown(paid));
        changes.insert("due_amount".to_owned(), shown(due - amount));
        if due == amount {
            changes.insert("status".to_owned(), json!("Paid"));
        }
        self.touch("invoices", invoice, changes);
        let id = self.next_id("invoice_payments");
        let allocation = json!({
            "id": id, "amount": shown(amount), "date": body["date"], "source_id": id, "source_type": "Receipt",
            "allocatee_id": invoice, "allocatee_type": "Invoice",
        });
        let receipt = json!({
            "reference": reference, "description": or_null(body.get("description")), "date": body["date"],
            "amount": shown(amount), "kind": "received", "contact_id": row["contact_id"],
            "account_id": body["account_id"], "invoice_id": invoice, "allocations": [allocation],
        });
        Ok(self.stamped(id, receipt))
    }

    /// Sets stock to absolute counts.
    pub(super) fn adjustment(&mut self, body: &Map<String, Json>) -> Result<Json, Refusal> {
        let inventory = id_of(body.get("inventory_id"));
        let known = inventory.is_some_and(|id| self.table("inventories").contains_key(&id));
        let lines = body.get("line_items").and_then(Json::as_array).cloned().unwrap_or_default();
        let counts: Option<Vec<(u64, Decimal)>> = lines
            .iter()
            .map(|line| {
                let product = id_of(line.get("product_id"))?;
                let tracked =
                    self.table("products").get(&product).filter(|p| truth(p.get("track_quantity")));
                tracked?;
                Some((product, number(line.get("actual_quantity"))?))
            })
            .collect();
        let (true, Some(counts)) = (known && !lines.is_empty(), counts) else {
            let messages = json!({ "error": "Invalid resource", "messages": { "line_items": ["Can't be blank"] } });
            if self.vices.adjustment_errors_with_200 {
                return Err((
                    200,
                    json!({ "inventory_adjustment": {}, "errors": messages["messages"] }),
                ));
            }
            return Err((422, messages));
        };
        for (product, to) in counts {
            self.set_stock(product, inventory, to);
        }
        let row = json!({
            "date": or_null(body.get("date")), "description": or_null(body.get("description")),
            "line_items": lines,
        });
        Ok(self.stamped(self.next_id("inventory_adjustments"), row))
    }
}

fn text_in<'a>(line: &'a Json, names: &[&str]) -> Option<&'a Json> {
    names.iter().find_map(|name| line.get(*name)).filter(|value| !value.is_null())
}

fn keep_created(mut row: Json, old: Option<&Json>) -> Json {
    if let Some(created) = old.and_then(|old| old.get("created_at")) {
        row["created_at"] = created.clone();
    }
    row
}

fn stock_of(product: &Json, inventory: Option<u64>) -> Decimal {
    let stocks = product.get("inventories").and_then(Json::as_array);
    stocks
        .into_iter()
        .flatten()
        .find(|stock| inventory.is_none() || id_of(stock.get("id")) == inventory)
        .and_then(|stock| number(stock.get("stock")))
        .unwrap_or_default()
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Subtotal and tax are each rounded once, for the whole document.
fn total(lines: &[Json]) -> Decimal {
    let sum =
        |name: &str| -> Decimal { lines.iter().filter_map(|line| number(line.get(name))).sum() };
    cents(sum("unrounded_net")) + cents(sum("unrounded_vat_value"))
}
