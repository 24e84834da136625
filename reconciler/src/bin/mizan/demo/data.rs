//! The shop of the demo: a catalogue in Arabic and English, customers, orders.

use serde_json::{Value as Json, json};
use std::path::Path;

/// Products: sku, Arabic name, English name, price.
pub(crate) const PRODUCTS: &[(&str, &str, &str, &str)] = &[
    ("COF-250", "قهوة عربية ٢٥٠ غ", "Arabic coffee 250 g", "30.00"),
    ("COF-500", "قهوة عربية ٥٠٠ غ", "Arabic coffee 500 g", "55.00"),
    ("TEA-100", "شاي أسود ١٠٠ كيس", "Black tea 100 bags", "18.50"),
    ("TEA-MNT", "شاي بالنعناع", "Mint tea", "16.75"),
    ("DAT-AJW", "تمر عجوة ١ كغ", "Ajwa dates 1 kg", "95.00"),
    ("DAT-SUK", "تمر سكري ١ كغ", "Sukkari dates 1 kg", "42.00"),
    ("HNY-SDR", "عسل سدر ٥٠٠ غ", "Sidr honey 500 g", "180.00"),
    ("HNY-ACA", "عسل طلح ٥٠٠ غ", "Acacia honey 500 g", "120.00"),
    ("OIL-OLV", "زيت زيتون ٧٥٠ مل", "Olive oil 750 ml", "48.90"),
    ("OIL-SES", "زيت سمسم ٥٠٠ مل", "Sesame oil 500 ml", "27.25"),
    ("RCE-BAS", "أرز بسمتي ٥ كغ", "Basmati rice 5 kg", "62.00"),
    ("SPC-CRD", "هيل حب ١٠٠ غ", "Cardamom pods 100 g", "38.00"),
    ("SPC-SAF", "زعفران ١ غ", "Saffron 1 g", "24.00"),
    ("SPC-CMN", "كمون ٢٠٠ غ", "Cumin 200 g", "9.95"),
    ("CUP-FNJ", "طقم فناجين قهوة", "Coffee cup set", "75.00"),
    ("POT-DLH", "دلة نحاس", "Copper dallah", "210.00"),
    ("INC-OUD", "بخور عود", "Oud incense", "145.00"),
    ("INC-BRN", "مبخرة", "Incense burner", "85.00"),
    ("SOP-OLV", "صابون زيت زيتون", "Olive oil soap", "12.00"),
    ("SOP-LAU", "صابون غار", "Laurel soap", "14.00"),
    ("NUT-ALM", "لوز محمص ٥٠٠ غ", "Roasted almonds 500 g", "39.00"),
    ("NUT-PIS", "فستق حلبي ٥٠٠ غ", "Pistachios 500 g", "58.00"),
    ("HLW-TAH", "حلاوة طحينية", "Tahini halva", "17.50"),
    ("JUC-POM", "عصير رمان ١ ل", "Pomegranate juice 1 l", "15.25"),
];

/// Customers: code, name, email, phone.
pub(crate) const CUSTOMERS: &[(&str, &str, &str, &str)] = &[
    ("C-001", "مقهى النخيل", "orders@palms.example", "+966500000001"),
    ("C-002", "متجر البركة", "hello@baraka.example", "+966500000002"),
    ("C-003", "مطعم الديوان", "diwan@diwan.example", "+966500000003"),
    ("C-004", "Corner Roastery", "buy@corner.example", "+966500000004"),
    ("C-005", "فندق الواحة", "stores@oasis.example", "+966500000005"),
    ("C-006", "Blue Door Bakery", "kitchen@bluedoor.example", "+966500000006"),
];

/// Products that the accountant had entered in Qoyod before anybody connected the shop.
pub(crate) const KNOWN_AT_QOYOD: &[usize] = &[0, 2, 6, 8];

/// The configuration of the demo.
pub(crate) fn config(url: &str) -> String {
    format!(
        r#"# The demo's configuration: a shop of JSON files and a local Qoyod.
[log]
path = "log"

[sides.shop]
adapter = "files"
root = "shop"

[sides.qoyod]
adapter = "qoyod"
url = "{url}"
api_key_file = "api-key"
requests_per_minute = 0
visibility_seconds = 1

[entities.product]
direction = "both"
key = ["sku"]
prefer = "manual"
[entities.product.sides.shop]
format = "dir"
path = "products"
[entities.product.sides.qoyod]
resource = "products"
on_create = {{ type = "Product", category_id = 1, product_unit_type_id = 7, tax_id = 1, sale_item = 1, sales_account_id = 17 }}
[entities.product.fields]
sku = {{ shop = "sku", qoyod = "sku" }}
name_ar = {{ shop = "name_ar", qoyod = "name_ar" }}
name_en = {{ shop = "name_en", qoyod = "name_en" }}
price = {{ type = "decimal", scale = 2, owner = "qoyod", shop = "price", qoyod = "selling_price" }}

[entities.customer]
direction = "push"
key = ["code"]
[entities.customer.sides.shop]
format = "dir"
path = "customers"
[entities.customer.sides.qoyod]
resource = "customers"
[entities.customer.fields]
code = {{ shop = "code", qoyod = "organization" }}
name = {{ shop = "name", qoyod = "name" }}
email = {{ shop = "email", qoyod = "email" }}
phone = {{ shop = "phone", qoyod = "phone_number" }}

[entities.invoice]
direction = "push"
key = ["reference"]
[entities.invoice.sides.shop]
format = "dir"
path = "orders"
[entities.invoice.sides.qoyod]
resource = "invoices"
on_create = {{ inventory_id = 1, status = "Approved" }}
[entities.invoice.fields]
reference = {{ shop = "number", qoyod = "reference" }}
customer = {{ type = "ref customer", shop = "customer", qoyod = "contact_id" }}
issued = {{ type = "date", shop = "date", qoyod = "issue_date" }}
due = {{ type = "date", shop = "date", qoyod = "due_date" }}
total = {{ type = "decimal", owner = "qoyod", shop = "qoyod_total", qoyod = {{ path = "total", read_only = true }} }}
[entities.invoice.fields.lines]
type = "items"
shop = "lines"
qoyod = "line_items"
[entities.invoice.fields.lines.items]
product = {{ type = "ref product", shop = "product", qoyod = "product_id" }}
quantity = {{ type = "decimal", shop = "quantity", qoyod = "quantity" }}
unit_price = {{ type = "decimal", shop = "price", qoyod = "unit_price" }}
"#
    )
}

/// Writes one record of the shop.
pub(crate) fn write(shop: &Path, kind: &str, name: &str, record: &Json) -> std::io::Result<()> {
    let folder = shop.join(kind);
    std::fs::create_dir_all(&folder)?;
    let temporary = folder.join(format!(".{name}.new"));
    std::fs::write(&temporary, serde_json::to_vec_pretty(record)?)?;
    std::fs::rename(temporary, folder.join(format!("{name}.json")))
}

/// Reads one record of the shop.
pub(crate) fn read(shop: &Path, kind: &str, name: &str) -> std::io::Result<Json> {
    let bytes = std::fs::read(shop.join(kind).join(format!("{name}.json")))?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Changes one field of a record, as a user of the shop.
pub(crate) fn edit(
    shop: &Path,
    kind: &str,
    name: &str,
    field: &str,
    value: &str,
) -> std::io::Result<()> {
    let mut record = read(shop, kind, name)?;
    record[field] = Json::from(value);
    write(shop, kind, name, &record)
}

/// Fills the shop.
pub(crate) fn fill(shop: &Path) -> std::io::Result<()> {
    for (sku, name_ar, name_en, price) in PRODUCTS {
        let record = json!({ "sku": sku, "name_ar": name_ar, "name_en": name_en, "price": price });
        write(shop, "products", sku, &record)?;
    }
    for (code, name, email, phone) in CUSTOMERS {
        let record = json!({ "code": code, "name": name, "email": email, "phone": phone });
        write(shop, "customers", code, &record)?;
    }
    for number in 1..=10 {
        order(shop, number)?;
    }
    Ok(())
}

/// Writes an order with two lines, the same for the same number.
pub(crate) fn order(shop: &Path, number: usize) -> std::io::Result<()> {
    let name = format!("ORD-{number:05}");
    let line = |at: usize, quantity: usize| {
        let (sku, _, _, price) = PRODUCTS[at % PRODUCTS.len()];
        json!({ "product": sku, "quantity": quantity, "price": price })
    };
    let record = json!({
        "number": name,
        "customer": CUSTOMERS[number % CUSTOMERS.len()].0,
        "date": format!("2026-09-{:02}", 1 + number % 28),
        "lines": [line(number, 1 + number % 3), line(number * 5 + 1, 2)],
    });
    write(shop, "orders", &name, &record)
}
