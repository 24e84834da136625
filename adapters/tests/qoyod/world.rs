//! A local Qoyod, an adapter over it, and short words for what the tests do with them.

use mizan_adapters::http::{Api, Auth, Client, Limiter, Limits, Policy};
use mizan_adapters::qoyod::Qoyod;
use mizan_adapters::sandbox::{BackDoor, FaultKind, OneFault, Sandbox, SandboxOptions, Vices};
use mizan_adapters::{
    Adapter, Answer, Binding, Fault, Fetched, Known, Listed, Order, Page, Probe, Pull, Row,
};
use mizan_core::lens::{FieldPath, Lens, Style};
use mizan_core::{
    Command, CommandId, ContentHash, Ext, FieldSet, Image, Item, Name, Operation, RecordId, SideId,
    Type, VersionVector,
};
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) door: BackDoor,
    pub(crate) qoyod: Qoyod,
    pub(crate) api: Api,
}

struct NoTags;

impl Known for NoTags {
    fn tag(&self, _: &Ext) -> Option<u64> {
        None
    }
}

/// Waits that a test can afford.
pub(crate) fn policy() -> Policy {
    Policy {
        backoff_first: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        ..Policy::default()
    }
}

pub(crate) fn limiter() -> Limiter {
    Limiter::new(Limits { requests_max: None, ..Limits::default() })
}

pub(crate) fn client(url: &str) -> Client {
    Client::builder(url).timeout(Duration::from_secs(10)).build().unwrap()
}

pub(crate) fn key(key: &str) -> Auth {
    Auth::ApiKey { header: "API-KEY".to_owned(), secret: SecretString::from(key) }
}

pub(crate) async fn sandbox() -> Sandbox {
    let options = SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() };
    Sandbox::start(options, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

pub(crate) async fn world() -> World {
    over(sandbox().await, key("sandbox-key"))
}

pub(crate) fn over(sandbox: Sandbox, auth: Auth) -> World {
    let api = Api::new(client(&sandbox.url()), auth, limiter(), policy());
    let qoyod = Qoyod::new(SideId::new("qoyod"), api.clone(), bindings()).unwrap();
    World { door: sandbox.back_door(), sandbox, qoyod, api }
}

// ---------------------------------------------------------------- mappings

fn field(name: &str, path: &str, kind: Type) -> FieldPath {
    FieldPath { field: name.into(), kind, path: path.parse().unwrap(), items: Vec::new() }
}

fn text(name: &str, path: &str) -> FieldPath {
    field(name, path, Type::Text)
}

fn items(name: &str, path: &str, fields: Vec<FieldPath>) -> FieldPath {
    let item = |item: &FieldPath| Item { name: item.field.clone(), kind: item.kind.clone() };
    let kinds = fields.iter().map(item).collect();
    FieldPath { items: fields, ..field(name, path, Type::Items(kinds)) }
}

fn to(entity: &str) -> Type {
    Type::Ref(entity.into())
}

pub(crate) fn binding(
    entity: &str,
    options: Json,
    key: &[&str],
    on_create: Json,
    fields: Vec<FieldPath>,
) -> Binding {
    let style = Style { decimals_as_text: true, ids_as_numbers: true };
    Binding {
        entity: entity.into(),
        lens: Lens { side: SideId::new("qoyod"), fields, style },
        key: key.iter().map(|field| (*field).into()).collect(),
        options,
        on_create: on_create.as_object().cloned().unwrap_or_default(),
    }
}

fn simple(entity: &str, resource: &str, key: &str, names: &[&str]) -> Binding {
    let fields = names.iter().map(|name| text(name, name)).collect();
    binding(entity, json!({ "resource": resource }), &[key], json!({}), fields)
}

fn account() -> Binding {
    let simple = simple("account", "accounts", "code", &["code", "name_en", "name_ar"]);
    let kinds = json!({"account_kind": 1, "parent_kind": 1, "branch_kind": 1});
    Binding { on_create: kinds.as_object().cloned().unwrap_or_default(), ..simple }
}

fn product() -> Binding {
    let on_create = json!({"type": "Product", "category_id": 1, "product_unit_type_id": 7,
        "tax_id": 1, "sale_item": 1, "sales_account_id": 17, "track_quantity": 1});
    let fields = vec![
        text("sku", "sku"),
        text("name_ar", "name_ar"),
        text("name_en", "name_en"),
        field("price", "selling_price", Type::Decimal),
        field("stock", "inventories[id=1].stock", Type::Decimal),
    ];
    binding("product", json!({"resource": "products", "parallel": 8}), &["sku"], on_create, fields)
}

fn invoice() -> Binding {
    let lines = vec![
        field("product", "product_id", to("product")),
        field("quantity", "quantity", Type::Decimal),
        field("unit_price", "unit_price", Type::Decimal),
        field("tax", "tax_percent", Type::Decimal),
    ];
    let fields = vec![
        text("reference", "reference"),
        field("customer", "contact_id", to("customer")),
        field("issued", "issue_date", Type::Date),
        field("due", "due_date", Type::Date),
        text("status", "status"),
        text("warehouse", "inventory_id"),
        text("terms", "terms_conditions"),
        field("total", "total", Type::Decimal),
        items("lines", "line_items", lines),
    ];
    let options = json!({"resource": "invoices"});
    binding("invoice", options, &["reference"], json!({"inventory_id": 1}), fields)
}

fn payment() -> Binding {
    let fields = vec![
        text("reference", "reference"),
        field("invoice", "invoice_id", to("invoice")),
        field("amount", "amount", Type::Decimal),
        field("date", "date", Type::Date),
    ];
    let options = json!({"resource": "invoice_payments"});
    binding("payment", options, &["reference"], json!({"account_id": 7}), fields)
}

fn count() -> Binding {
    let lines = vec![
        field("product", "product_id", to("product")),
        field("quantity", "actual_quantity", Type::Decimal),
    ];
    let fields = vec![text("note", "description"), items("lines", "line_items", lines)];
    let on_create = json!({"inventory_id": 1, "revenue_account_id": 17, "expense_account_id": 12});
    binding("count", json!({"resource": "inventory_adjustments"}), &[], on_create, fields)
}

pub(crate) fn bindings() -> Vec<Binding> {
    vec![
        product(),
        invoice(),
        payment(),
        count(),
        simple("customer", "customers", "name", &["name", "organization", "email"]),
        simple("by_code", "customers", "organization", &["organization", "name"]),
        simple("category", "categories", "name", &["name", "description"]),
        simple("unit", "product_unit_types", "unit_name", &["unit_name", "unit_representation"]),
        simple("tax", "taxes", "code", &["name_en", "code", "percentage"]),
        account(),
        simple("warehouse", "inventories", "name", &["name", "ar_name"]),
    ]
}

// ---------------------------------------------------------------- what tests do

impl World {
    pub(crate) fn image(&self, entity: &str, native: Json) -> Image {
        let binding = bindings().into_iter().find(|b| b.entity == entity).unwrap();
        binding.lens.get(&native).unwrap()
    }

    async fn execute(
        &self,
        entity: &str,
        operation: Operation,
        set: &Image,
        expect: Option<&Image>,
    ) -> Result<Answer, Fault> {
        let id = ContentHash::of("test.v1", operation.verb().as_bytes());
        let command = Command {
            id: CommandId(id),
            record: RecordId(1),
            entity: entity.into(),
            side: SideId::new("qoyod"),
            operation,
            fields: FieldSet::EMPTY,
            set: set.hash(),
            contains: VersionVector::default(),
            refers_to: Vec::new(),
        };
        self.qoyod.execute(Order { command: &command, set, expect }).await
    }

    pub(crate) async fn try_create(&self, entity: &str, native: Json) -> Result<Answer, Fault> {
        let set = self.image(entity, native);
        self.execute(entity, Operation::Create, &set, None).await
    }

    pub(crate) async fn try_create_unbound(&self) -> Result<Answer, Fault> {
        self.execute("unknown", Operation::Create, &Image::default(), None).await
    }

    /// Creates a row that must be created and shown.
    pub(crate) async fn create(&self, entity: &str, native: Json) -> Row {
        match self.try_create(entity, native).await {
            Ok(Answer::Done { ext, row: Some(row) }) => {
                assert_eq!(row.ext, ext);
                row
            }
            other => panic!("{entity}: {other:?}"),
        }
    }

    pub(crate) async fn update(
        &self,
        entity: &str,
        ext: &Ext,
        native: Json,
        expect: &Image,
    ) -> Result<Answer, Fault> {
        let set = self.image(entity, native);
        let operation = Operation::Update { ext: ext.clone(), expect: expect.hash() };
        self.execute(entity, operation, &set, Some(expect)).await
    }

    pub(crate) async fn delete(
        &self,
        entity: &str,
        ext: &Ext,
        expect: &Image,
    ) -> Result<Answer, Fault> {
        let operation = Operation::Delete { ext: ext.clone(), expect: expect.hash() };
        self.execute(entity, operation, &Image::default(), Some(expect)).await
    }

    pub(crate) async fn get(&self, entity: &str, ext: &str) -> Result<Fetched, Fault> {
        self.qoyod.get(&Name::new(entity), &Ext::new(ext)).await
    }

    pub(crate) async fn find(&self, entity: &str, native: Json) -> Result<Vec<String>, Fault> {
        let key = self.image(entity, native);
        let rows = self.qoyod.find(&Name::new(entity), Probe::Key(&key)).await?;
        Ok(rows.into_iter().map(|row| row.ext.to_string()).collect())
    }

    /// A whole listing: its rows, the last page, and the number of pages.
    pub(crate) async fn list(&self, entity: &str, pull: Pull) -> Result<List, Fault> {
        let (mut rows, mut token, mut pages) = (Vec::new(), None, 0);
        loop {
            let entity = Name::new(entity);
            let page: Page = self.qoyod.pull(&entity, pull, token.as_deref(), &NoTags).await?;
            pages += 1;
            rows.extend(page.rows);
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok(List { rows, complete: page.complete, pages }),
            }
        }
    }

    pub(crate) fn next_fault(&self, method: &str, path: &str, kind: FaultKind) {
        self.door.next_fault(OneFault { method: method.to_owned(), path: path.to_owned(), kind });
    }

    pub(crate) fn vices(&self, change: impl FnOnce(&mut Vices)) {
        let mut vices = Vices::default();
        change(&mut vices);
        self.door.set_vices(vices);
    }

    /// So many more products, as a web user makes them.
    pub(crate) fn seed(&self, products: usize) {
        let there = self.door.rows("products").len();
        for number in there..there + products {
            let fields = json!({"name": "منتج", "en_name": format!("Item {number}"),
                "sku": format!("P-{number:04}"), "tax_id": 1, "sale_item": 1,
                "selling_price": "5", "track_quantity": 1});
            self.door.create("products", fields.as_object().unwrap()).unwrap();
        }
    }

    pub(crate) fn requests(&self, route: &str) -> u64 {
        self.door.requests().get(route).copied().unwrap_or(0)
    }
}

/// A listing.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) rows: Vec<Listed>,
    pub(crate) complete: bool,
    pub(crate) pages: usize,
}

impl List {
    pub(crate) fn exts(&self) -> BTreeSet<String> {
        let ext = |listed: &Listed| match listed {
            Listed::Row(row) => Some(row.ext.to_string()),
            Listed::Same(ext) => Some(ext.to_string()),
            Listed::Bad { ext, .. } => ext.as_ref().map(ToString::to_string),
        };
        self.rows.iter().filter_map(ext).collect()
    }
}

pub(crate) fn coffee() -> Json {
    json!({"sku": "COF-250", "name_ar": "قهوة", "name_en": "Coffee", "selling_price": "30.00"})
}

/// The row of an answer that must be `Done` with one.
pub(crate) fn done(answer: Result<Answer, Fault>) -> Row {
    match answer {
        Ok(Answer::Done { row: Some(row), .. }) => row,
        other => panic!("{other:?}"),
    }
}

/// The row of an answer that must be found.
pub(crate) fn found(answer: Result<Fetched, Fault>) -> Row {
    match answer {
        Ok(Fetched::Found(row)) => row,
        other => panic!("{other:?}"),
    }
}
