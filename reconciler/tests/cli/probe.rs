//! `mizan check --probe`: on files, and on a local Qoyod that keeps to what is declared or does not.

use super::support::{Shop, TWO_FOLDERS};
use mizan::adapters::sandbox::{BackDoor, FaultKind, OneFault, Sandbox, SandboxOptions, Vices};
use serde_json::{Value as Json, json};

/// A local Qoyod with vices, for as long as the test.
pub(super) struct Qoyod {
    _runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    pub(super) door: BackDoor,
}

impl Qoyod {
    pub(super) fn start(vices: Vices) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let options =
            SandboxOptions { requests_per_minute: None, vices, ..SandboxOptions::default() };
        let sandbox = runtime.block_on(Sandbox::start_local(options)).expect("a sandbox");
        let door = sandbox.back_door();
        Self { _runtime: runtime, sandbox, door }
    }

    /// A folder beside it, with a configuration whose product has these fields at Qoyod.
    pub(super) fn shop(&self, name: &str, price: &str) -> Shop {
        let config = format!(
            r#"
[sides.shop]
adapter = "files"
root = "till"
[sides.qoyod]
adapter = "qoyod"
url = "{}"
api_key_file = "api-key"
requests_per_minute = 0
visibility_seconds = 0
[entities.product]
direction = "both"
key = ["sku"]
prefer = "shop"
[entities.product.sides.shop]
path = "products"
[entities.product.sides.qoyod]
resource = "products"
on_create = {{ type = "Product", category_id = 1, product_unit_type_id = 7, tax_id = 1, sale_item = 1, sales_account_id = 17, track_quantity = 1 }}
[entities.product.fields]
sku = {{ shop = "sku", qoyod = "sku" }}
name = {{ shop = "name", qoyod = {name} }}
price = {{ type = "decimal", shop = "price", qoyod = {price} }}
[entities.customer]
direction = "push"
[entities.customer.sides.shop]
path = "customers"
[entities.customer.sides.qoyod]
resource = "customers"
[entities.customer.fields]
name = {{ shop = "name", qoyod = "name" }}
tax = {{ shop = "tax", qoyod = "tax_number" }}
[entities.invoice]
direction = "push"
key = ["reference"]
[entities.invoice.sides.shop]
path = "orders"
[entities.invoice.sides.qoyod]
resource = "invoices"
deletes = true
on_create = {{ inventory_id = 1, status = "Draft" }}
[entities.invoice.fields]
reference = {{ shop = "number", qoyod = "reference" }}
customer = {{ type = "ref customer", shop = "customer", qoyod = "contact_id" }}
issued = {{ type = "date", shop = "date", qoyod = "issue_date" }}
due = {{ type = "date", shop = "date", qoyod = "due_date" }}
[entities.invoice.fields.lines]
type = "items"
shop = "lines"
qoyod = "line_items"
[entities.invoice.fields.lines.items]
product = {{ type = "ref product", shop = "product", qoyod = "product_id" }}
quantity = {{ type = "decimal", shop = "quantity", qoyod = "quantity" }}
unit_price = {{ type = "decimal", shop = "price", qoyod = "unit_price" }}
"#,
            self.sandbox.url()
        );
        let shop = Shop::new(&config);
        std::fs::write(shop.path().join("api-key"), "sandbox-key").expect("written");
        for folder in ["customers", "orders"] {
            std::fs::create_dir_all(shop.path().join("till").join(folder)).expect("made");
        }
        shop
    }
}

fn probe(shop: &Shop, more: &[&str]) -> (i32, Vec<Json>) {
    let mut arguments = vec!["check", "--probe", "--yes", "--json"];
    arguments.extend(more);
    let ran = shop.run(&arguments);
    let document = ran.json();
    let probes = document["probes"].as_array().unwrap_or_else(|| panic!("{document}")).clone();
    assert_eq!(document["exit_code"], ran.code);
    assert!(!shop.path().join("mizan-log").exists(), "nothing of a probe is logged");
    (ran.code, probes)
}

fn field<'a>(probe: &'a Json, name: &str) -> &'a Json {
    let fields = probe["fields"].as_array().expect("fields");
    fields.iter().find(|field| field["field"] == name).expect("the field")
}

fn verdicts(field: &Json) -> Vec<String> {
    let samples = field["samples"].as_array().expect("samples").iter();
    let mut words: Vec<String> = samples
        .map(|sample| match &sample["verdict"] {
            Json::String(word) => word.clone(),
            _ => "refused".to_owned(),
        })
        .collect();
    words.sort();
    words.dedup();
    words
}

#[test]
fn a_faithful_side_is_as_it_was_and_does_as_declared() {
    let shop = Shop::new(TWO_FOLDERS);
    let (code, probes) = probe(&shop, &[]);
    assert_eq!((code, probes.len()), (0, 2), "{probes:#?}");
    for probe in &probes {
        assert_eq!(verdicts(field(probe, "name")), ["as_declared"]);
        assert_eq!(verdicts(field(probe, "price")), ["as_declared", "finer"]);
        assert_eq!(probe["made"].as_array().map(Vec::len), Some(1), "F54: measured, not trusted");
        assert_eq!(probe["left"], json!([]));
    }
    assert!(shop.names("till/products").is_empty() && shop.names("books/products").is_empty());
}

#[test]
fn without_a_yes_nothing_is_sent_anywhere() {
    let qoyod = Qoyod::start(Vices::default());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let ran = shop.run(&["check", "--probe"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in ["nothing was done", "STAYS THERE", "by hand: product on qoyod, customer on qoyod"]
    {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
    assert!(qoyod.door.requests().is_empty(), "{:?}", qoyod.door.requests());
    assert!(shop.names("till/products").is_empty());
}

#[test]
fn what_a_side_does_undeclared_is_found_and_once_declared_expected() {
    let vices =
        Vices { trims_texts: true, text_max: Some(40), price_scale: Some(1), ..Vices::default() };
    let qoyod = Qoyod::start(vices);
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let only = ["--side", "qoyod", "--entity", "product"];
    let (code, probes) = probe(&shop, &only);
    assert_eq!(code, 3, "a person has something to do");
    assert_eq!(field(&probes[0], "name")["suggest"], json!(["trim", "max-length 40"]));
    assert_eq!(field(&probes[0], "price")["suggest"], json!(["decimal 1"]));
    let told = shop.run(&["check", "--probe", "--yes", "--side", "qoyod", "--entity", "product"]);
    let advice = "name: qoyod = { path = \"name_ar\", normalise = [\"trim\", \"max-length 40\"] }";
    assert!(told.out.contains(advice), "{}", told.out);
    // What was advised is taken as it is.
    let shop = qoyod.shop(
        "{ path = \"name_ar\", normalise = [\"trim\", \"max-length 40\"] }",
        "{ path = \"selling_price\", normalise = [\"decimal 1\"] }",
    );
    let (_, probes) = probe(&shop, &only);
    assert_eq!(verdicts(field(&probes[0], "name")), ["as_declared", "refused"]);
    assert_eq!(verdicts(field(&probes[0], "price")), ["as_declared", "refused"]);
}

#[test]
fn what_cannot_be_deleted_is_named_with_its_id() {
    let qoyod = Qoyod::start(Vices::default());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let (code, probes) = probe(&shop, &["--side", "qoyod", "--entity", "product"]);
    let rows = qoyod.door.rows("products");
    assert_eq!((code, rows.len()), (3, 1), "no second row where it could not be removed");
    let left = &probes[0]["left"][0];
    assert_eq!(left["ext"], rows[0]["id"].to_string());
    let name = left["find"].as_str().expect("a name");
    assert_eq!(rows[0]["name_ar"], format!("{name} name"), "a person can tell what it is");
}

#[test]
fn where_the_configuration_forbids_deletes_none_is_tried() {
    let config = TWO_FOLDERS.replace(
        "books = { path = \"products\" }",
        "books = { path = \"products\", deletes = false }",
    );
    let shop = Shop::new(&config);
    let (code, probes) = probe(&shop, &["--side", "books"]);
    let left = probes[0]["left"][0]["ext"].as_str().expect("an id").to_owned();
    assert_eq!((code, shop.names("books/products")), (3, vec![format!("{left}.json")]));
    assert!(probes[0]["left"][0]["why"].as_str().is_some_and(|why| why.contains("`deletes`")));
}

#[test]
fn a_side_that_is_only_read_is_not_probed() {
    let config = TWO_FOLDERS
        .replace("\"both\"", "\"till -> books\"")
        .replace("prefer = \"manual\"\n", "")
        .replace(
            "till = { path = \"products\" }",
            "till = { format = \"csv\", path = \"export.csv\", id = \"sku\" }",
        );
    let shop = Shop::new(&config);
    std::fs::write(shop.path().join("till/export.csv"), "sku,name,price\n").expect("written");
    let (code, probes) = probe(&shop, &["--side", "till"]);
    assert_eq!((code, &probes[0]["skipped"]), (0, &json!("till cannot create product")));
}

#[test]
fn a_refused_field_is_left_out_and_reported() {
    let qoyod = Qoyod::start(Vices::default());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let (_, probes) = probe(&shop, &["--side", "qoyod", "--entity", "customer"]);
    assert_eq!(verdicts(field(&probes[0], "tax")), ["refused"]);
    assert_eq!(verdicts(field(&probes[0], "name")), ["as_declared", "refused"]);
}

#[test]
fn references_point_to_rows_that_are_there() {
    let qoyod = Qoyod::start(Vices::default());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let only = ["--side", "qoyod", "--entity", "invoice"];
    let (code, probes) = probe(&shop, &only);
    assert_eq!(code, 1, "an invoice needs a customer: {probes:#?}");
    assert_eq!(field(&probes[0], "customer")["left_out"], "no customer is there to refer to");
    let record = |fields: Json| fields.as_object().expect("an object").clone();
    let customer = qoyod.door.create("customers", &record(json!({ "name": "Corner shop" })));
    let product = json!({ "name": "Tea", "sku": "T-1", "selling_price": "2.5", "sale_item": 1 });
    let product = qoyod.door.create("products", &record(product));
    assert!(customer.is_ok() && product.is_ok(), "{customer:?} {product:?}");
    let (code, probes) = probe(&shop, &only);
    assert_eq!(code, 0, "{probes:#?}");
    assert_eq!(verdicts(field(&probes[0], "lines")), ["as_declared"]);
    assert!(qoyod.door.rows("invoices").is_empty(), "the canary is gone");
}

#[test]
fn a_lost_answer_is_followed_up_and_what_stays_is_named() {
    let qoyod = Qoyod::start(Vices::default());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let (method, path) = ("POST".to_owned(), "/products".to_owned());
    qoyod.door.next_fault(OneFault { method, path, kind: FaultKind::AnswerLost });
    let (code, probes) = probe(&shop, &["--side", "qoyod", "--entity", "product"]);
    let rows = qoyod.door.rows("products");
    assert_eq!((code, rows.len()), (1, 1));
    assert_eq!(probes[0]["left"][0]["ext"], rows[0]["id"].to_string(), "{probes:#?}");
}

#[test]
fn a_failure_on_the_way_leaves_nothing_where_that_can_be_helped() {
    let qoyod = Qoyod::start(Vices::default());
    let shop = qoyod.shop("\"name_ar\"", "\"selling_price\"");
    let record = |fields: Json| fields.as_object().expect("an object").clone();
    qoyod.door.create("customers", &record(json!({ "name": "Corner shop" }))).expect("made");
    let product = json!({ "name": "Tea", "sku": "T-1", "selling_price": "2.5", "sale_item": 1 });
    qoyod.door.create("products", &record(product)).expect("made");
    let (method, path) = ("PUT".to_owned(), "/invoices".to_owned());
    qoyod.door.next_fault(OneFault { method, path, kind: FaultKind::AnswerLost });
    let (code, probes) = probe(&shop, &["--side", "qoyod", "--entity", "invoice"]);
    assert_eq!((code, &probes[0]["left"]), (1, &json!([])), "{probes:#?}");
    assert!(qoyod.door.rows("invoices").is_empty());
}

#[test]
fn an_unknown_side_or_entity_is_named() {
    let shop = Shop::new(TWO_FOLDERS);
    for (option, name, known) in [("--side", "tilt", "till"), ("--entity", "prodct", "product")] {
        let ran = shop.run(&["check", "--probe", option, name]);
        assert!(ran.code == 2 && ran.err.contains(known), "{}", ran.err);
    }
}
