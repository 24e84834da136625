//! Against the local Qoyod over HTTP: credentials, outages, limits, lost answers, crashes.

use super::support::Shop;
use mizan::adapters::sandbox::{BackDoor, FaultKind, Faults, OneFault, Sandbox, SandboxOptions};
use serde_json::json;
use std::time::Duration;

/// A local Qoyod that lives as long as the test.
pub(crate) struct Qoyod {
    runtime: tokio::runtime::Runtime,
    pub(crate) sandbox: Sandbox,
    pub(crate) door: BackDoor,
}

impl Qoyod {
    fn start(options: SandboxOptions) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let address = ([127, 0, 0, 1], 0).into();
        let sandbox = runtime.block_on(Sandbox::start(options, address)).expect("a sandbox");
        let door = sandbox.back_door();
        Self { runtime, sandbox, door }
    }

    pub(crate) fn free() -> Self {
        Self::start(SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() })
    }

    fn skus(&self) -> Vec<String> {
        let rows = self.door.rows("products");
        let mut skus: Vec<String> =
            rows.iter().map(|row| row["sku"].as_str().unwrap_or("").to_owned()).collect();
        skus.sort();
        skus
    }
}

const AUTH: &str = "api_key_file = \"api-key\"";

fn config(url: &str, auth: &str, rpm: u32) -> String {
    format!(
        r#"
[sides.shop]
adapter = "files"
root = "till"
[sides.qoyod]
adapter = "qoyod"
url = "{url}"
{auth}
requests_per_minute = {rpm}
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
name = {{ shop = "name", qoyod = "name_ar" }}
price = {{ type = "decimal", scale = 2, owner = "qoyod", shop = "price", qoyod = "selling_price" }}
stock = {{ type = "decimal", owner = "qoyod", shop = "stock", qoyod = {{ path = "inventories[id=1].stock", read_only = true }} }}
[entities.customer]
direction = "push"
key = ["code"]
[entities.customer.sides.shop]
path = "customers"
[entities.customer.sides.qoyod]
resource = "customers"
[entities.customer.fields]
code = {{ shop = "code", qoyod = "organization" }}
name = {{ shop = "name", qoyod = "name" }}
[entities.invoice]
direction = "push"
key = ["reference"]
[entities.invoice.sides.shop]
path = "orders"
[entities.invoice.sides.qoyod]
resource = "invoices"
on_create = {{ inventory_id = 1, status = "Approved", draft_if_out_of_stock = true }}
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
"#
    )
}

pub(crate) fn shop(url: &str, auth: &str, rpm: u32, products: usize, orders: usize) -> Shop {
    let shop = Shop::new(&config(url, auth, rpm));
    std::fs::write(shop.path().join("api-key"), "sandbox-key").expect("written");
    for folder in ["customers", "orders"] {
        std::fs::create_dir_all(shop.path().join("till").join(folder)).expect("made");
    }
    for number in 0..products {
        let record = json!({ "sku": format!("P-{number:03}"), "name": "تمر", "price": "5.00" });
        shop.put(&format!("till/products/P-{number:03}.json"), &record);
    }
    if orders > 0 {
        shop.put("till/customers/C-1.json", &json!({ "code": "C-1", "name": "Corner shop" }));
    }
    for number in 0..orders {
        let line = json!({ "product": format!("P-{:03}", number % products), "quantity": 2, "price": "5.00" });
        let record = json!({
            "number": format!("O-{number:04}"), "customer": "C-1", "date": "2026-09-01", "lines": [line],
        });
        shop.put(&format!("till/orders/O-{number:04}.json"), &record);
    }
    shop
}

/// Syncs until everything is confirmed.
pub(crate) fn settle(shop: &Shop) {
    for _ in 0..20 {
        let ran = shop.sync();
        let report = ran.json();
        if report["complete"] == true && report["standing"]["in_doubt"] == 0 {
            assert_eq!(ran.code, 0, "{}", ran.out);
            return;
        }
    }
    panic!("it does not settle: {}", shop.run(&["status"]).out);
}

#[test]
fn orders_follow_their_customers_and_products() {
    let qoyod = Qoyod::free();
    let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 3, 4);
    settle(&shop);
    assert_eq!(qoyod.door.rows("invoices").len(), 4, "L47");
    assert_eq!(shop.sync().json()["counts"]["events"], 0, "L46");
}

#[test]
fn stock_that_moves_no_stamp_is_found_by_the_sweep() {
    let qoyod = Qoyod::free();
    let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 2, 0);
    settle(&shop);
    let id =
        qoyod.door.find("products", "sku", "P-001").expect("there")["id"].as_u64().expect("id");
    assert!(qoyod.door.set_stock(id, 1, "12".parse().expect("a number")));
    settle(&shop);
    assert_eq!(shop.get("till/products/P-001.json")["stock"], 12);
}

#[test]
fn a_wrong_key_is_a_clear_error_and_nothing_is_lost() {
    let qoyod = Qoyod::free();
    let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 2, 0);
    std::fs::write(shop.path().join("api-key"), "wrong-secret-key").expect("written");
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("not authorised") && !ran.err.contains("wrong-secret-key"),
        "{}",
        ran.err
    );
    std::fs::write(shop.path().join("api-key"), "sandbox-key").expect("written");
    settle(&shop);
    assert_eq!(qoyod.skus(), ["P-000", "P-001"]);
}

#[test]
fn a_missing_secret_names_where_it_was_looked_for() {
    let shop = shop("http://127.0.0.1:9/2.0", "api_key_env = \"MIZAN_NO_SUCH_KEY\"", 0, 1, 0);
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("MIZAN_NO_SUCH_KEY is not set"), "{}", ran.err);
}

#[test]
fn an_unreachable_qoyod_is_a_clear_error_and_the_shop_is_observed_meanwhile() {
    let qoyod = Qoyod::free();
    let url = qoyod.sandbox.url();
    let shop = shop(&url, AUTH, 0, 2, 0);
    qoyod.runtime.block_on(qoyod.sandbox.stop());
    let ran = shop.sync();
    let report = ran.json();
    assert_eq!((ran.code, report["counts"]["observed"].as_u64()), (1, Some(2)), "{}", ran.out);
    assert!(ran.out.contains("not sent"), "{}", ran.out);
}

#[test]
fn oauth_tokens_are_fetched_kept_private_and_renewed_when_they_expire() {
    let qoyod = Qoyod::free();
    let auth = format!(
        "oauth = {{ token_url = \"{}\", client_id_file = \"id\", client_secret_file = \"secret\" }}",
        qoyod.sandbox.token_url()
    );
    let shop = shop(&qoyod.sandbox.url(), &auth, 0, 2, 0);
    std::fs::write(shop.path().join("id"), "sandbox-client").expect("written");
    std::fs::write(shop.path().join("secret"), "sandbox-secret").expect("written");
    settle(&shop);
    let token = shop.path().join("qoyod-token.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&token).expect("the token is kept").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    qoyod.door.expire_tokens();
    shop.put(
        "till/products/P-000.json",
        &json!({ "sku": "P-000", "name": "new", "price": "5.00" }),
    );
    settle(&shop);
    assert_eq!(qoyod.door.find("products", "sku", "P-000").expect("there")["name_ar"], "new");
}

#[test]
fn the_limit_of_requests_is_never_passed() {
    let options = SandboxOptions { requests_per_minute: Some(300), ..SandboxOptions::default() };
    let qoyod = Qoyod::start(options);
    let shop = shop(&qoyod.sandbox.url(), AUTH, 300, 320, 0);
    let mut child = shop.command(&["sync", "--json"]).spawn().expect("runs");
    // It has more to send than a minute allows, and must wait instead of being refused.
    while qoyod.door.writes() < 280 && child.try_wait().expect("asks").is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(2));
    assert!(qoyod.door.most_in_a_minute() <= 300);
    assert!(child.try_wait().expect("asks").is_none(), "it waits for the next minute");
    assert!(qoyod.door.writes() < 300);
    child.kill().expect("killed");
    child.wait().expect("gone");
}

#[test]
fn every_fault_on_every_write_ends_in_one_row() {
    for kind in [
        FaultKind::AnswerLost,
        FaultKind::ErrorBefore,
        FaultKind::ErrorAfter,
        FaultKind::Throttled,
        FaultKind::Truncated,
        FaultKind::Unauthorized,
    ] {
        let qoyod = Qoyod::free();
        let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 3, 2);
        for path in ["/products", "/customers", "/invoices"] {
            let (method, path) = ("POST".to_owned(), path.to_owned());
            qoyod.door.next_fault(OneFault { method, path, kind });
        }
        settle(&shop);
        shop.put(
            "till/products/P-001.json",
            &json!({ "sku": "P-001", "name": "later", "price": "5.00" }),
        );
        let (method, path) = ("PUT".to_owned(), "/products".to_owned());
        qoyod.door.next_fault(OneFault { method, path, kind });
        settle(&shop);
        assert_eq!(qoyod.door.duplicates(), Vec::<String>::new(), "{kind:?}");
        assert_eq!(qoyod.skus(), ["P-000", "P-001", "P-002"], "{kind:?}");
        assert_eq!(qoyod.door.rows("invoices").len(), 2, "{kind:?}");
        let row = qoyod.door.find("products", "sku", "P-001").expect("there");
        assert_eq!(row["name_ar"], "later", "{kind:?}");
    }
}

#[test]
fn random_faults_end_in_balance() {
    let faults = Faults {
        answer_lost: 60,
        error_before: 40,
        error_after: 40,
        throttled: 20,
        truncated: 40,
        slow_ms: 0,
    };
    for seed in 1..4 {
        let options =
            SandboxOptions { requests_per_minute: None, faults, seed, ..SandboxOptions::default() };
        let qoyod = Qoyod::start(options);
        let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 12, 15);
        for _ in 0..3 {
            shop.sync();
        }
        qoyod.door.set_faults(Faults::default());
        settle(&shop);
        assert_eq!(qoyod.door.duplicates(), Vec::<String>::new(), "seed {seed}");
        assert_eq!(
            (qoyod.skus().len(), qoyod.door.rows("invoices").len()),
            (12, 15),
            "seed {seed}"
        );
    }
}

#[test]
fn killed_at_any_write_it_converges_without_doubles() {
    let qoyod = Qoyod::free();
    qoyod.door.set_faults(Faults { slow_ms: 3, ..Faults::default() });
    let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 20, 30);
    for goal in [1, 3, 7, 12, 20, 24, 31, 38, 45] {
        let mut child = shop
            .command(&["sync", "--json"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("runs");
        while qoyod.door.writes() < goal && child.try_wait().expect("asks").is_none() {
            std::thread::sleep(Duration::from_micros(300));
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    qoyod.door.set_faults(Faults::default());
    settle(&shop);
    assert_eq!(qoyod.door.duplicates(), Vec::<String>::new());
    assert_eq!((qoyod.skus().len(), qoyod.door.rows("invoices").len()), (20, 30));
    assert_eq!(shop.sync().json()["counts"]["events"], 0);
}

#[test]
fn nothing_is_created_where_the_listing_failed() {
    let qoyod = Qoyod::free();
    let shop = shop(&qoyod.sandbox.url(), AUTH, 0, 1, 1);
    let known = json!({ "name": "Corner shop", "organization": "C-1" });
    let known = known.as_object().expect("an object").clone();
    qoyod.door.create("customers", &known).expect("created by a web user");
    let (method, path) = ("GET".to_owned(), "/customers".to_owned());
    let fault = OneFault { method, path, kind: FaultKind::ErrorBefore };
    qoyod.door.next_faults(fault, 20);
    let ran = shop.sync();
    assert_eq!((ran.code, ran.json()["complete"].as_bool()), (1, Some(false)), "{}", ran.out);
    assert_eq!(qoyod.door.rows("customers").len(), 1, "L37: it is there, only unseen");
    qoyod.door.clear_faults();
    settle(&shop);
    assert_eq!(qoyod.door.rows("customers").len(), 1, "L50");
    assert_eq!(qoyod.door.duplicates(), Vec::<String>::new());
}

#[test]
fn this_configuration_can_lose_nothing() {
    let shop = shop("http://127.0.0.1:9", AUTH, 0, 0, 0);
    let ran = shop.run(&["check", "--offline"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("nothing can be lost, nothing loops"), "{}", ran.out);
}
