//! What a fresh tenant holds.

use super::kind::Kind;
use super::values::fields;
use super::world::World;
use serde_json::json;

/// Account that money is paid into.
pub(crate) const BANK: u64 = 7;

/// Puts in the taxes with their reasons, accounts, one category, one unit and one warehouse.
pub(crate) fn plant(world: &mut World) {
    for (id, name, arabic, percentage, code) in [
        (1, "VAT 15%", "ضريبة القيمة المضافة 15%", 15, "S"),
        (2, "Zero rated", "خاضع للنسبة الصفرية", 0, "Z"),
        (3, "Exempt", "معفى من الضريبة", 0, "E"),
    ] {
        let tax = json!({
            "id": id, "name_en": name, "name_ar": arabic, "percentage": percentage, "code": code,
        });
        world.insert(Kind::Taxes, fields(tax));
    }
    for id in 1..=14 {
        let category = if id <= 11 { "Z" } else { "E" };
        let reason = json!({
            "id": id, "code": format!("VATEX-SA-{id}"), "reason": format!("Reason {id}"),
            "category": category, "display_reason": format!("VATEX-SA-{id} | Reason {id}"),
        });
        world.insert(Kind::TaxReasons, fields(reason));
    }
    for (id, code, name, arabic, kind, side) in [
        (BANK, "1101", "Bank", "البنك", "Asset", "Debit"),
        (9, "1102", "Receivables", "المدينون", "Asset", "Debit"),
        (10, "1103", "Inventory", "المخزون", "Asset", "Debit"),
        (12, "5101", "Cost of goods sold", "تكلفة المبيعات", "Expense", "Debit"),
        (14, "2101", "Payables", "الدائنون", "Liability", "Credit"),
        (17, "4101", "Sales", "المبيعات", "Revenue", "Credit"),
    ] {
        let account = json!({
            "id": id, "code": code, "name_en": name, "name_ar": arabic, "type": kind,
            "group_type": kind, "status": "Active", "account_nature": null,
            "deferral_template_id": null, "type_of_account": side, "parent_type": kind,
            "balance": "0.0",
        });
        world.insert(Kind::Accounts, fields(account));
    }
    let category = json!({ "id": 1, "name": "General", "description": null, "parent_id": null });
    world.insert(Kind::Categories, fields(category));
    let unit = json!({ "id": 7, "unit_name": "Piece", "unit_representation": "pc", "kind": 1 });
    world.insert(Kind::Units, fields(unit));
    let inventory = json!({
        "id": 1, "name": "Main", "ar_name": "الرئيسي", "address": null, "city": null,
        "account_id": 10, "is_default": true, "contact_shipping_address": null,
    });
    world.insert(Kind::Inventories, fields(inventory));
}
