//! The adapters of this project keep the contract, and adapters that are broken on purpose do not.

use mizan_adapters::files::Files;
use mizan_adapters::http::{Api, Auth, Client, Limiter, Limits, Policy};
use mizan_adapters::qoyod::Qoyod;
use mizan_adapters::sandbox::{Sandbox, SandboxOptions};
use mizan_adapters::{
    Adapter, Answer, Binding, BoxFuture, Capabilities, Fault, Fetched, Known, Order, Page, Probe,
    Pull, Row,
};
use mizan_core::lens::{FieldPath, Lens, Style};
use mizan_core::{
    DeletePolicy, Entity, EntityOnSide, Ext, Field, FieldOnSide, Image, Name, Normaliser, RecordId,
    Rounding, Rule, SideId, Type, Value,
};
use mizan_testkit::contract::{Broken, Clause, Contract, check_adapter};
use mizan_testkit::{
    FailingLog, Profile, Setup, SharedWorld, SimSide, Thing, Vice, Vices, World, look,
};
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn number(text: &str) -> Value {
    Value::decimal(text.parse().expect("it is a number"))
}

fn image<const N: usize>(fields: [(&str, Value); N]) -> Image {
    fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect()
}

fn told(broken: &[Broken]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn clauses(broken: &[Broken]) -> BTreeSet<Clause> {
    broken.iter().map(|one| one.clause).collect()
}

// ---------------------------------------------------------------- simulated sides

fn world(profile: Profile, seed: u64) -> SharedWorld {
    let setup = Arc::new(Setup::drawn(seed, profile, 3));
    let mut world = World::new(setup, FailingLog::default());
    // The world follows records by what the log says of them, and here nobody writes a log.
    for record in 0..10 {
        world.watch.things.insert(RecordId(record), record as usize);
        let about = Thing { ambiguous: true, ..Thing::new("customer".into(), Vec::new()) };
        world.ghost.things.push(about);
    }
    Arc::new(Mutex::new(world))
}

fn customers() -> Vec<Image> {
    let one = |n: u32| {
        image([
            ("name", Value::text(format!("v{n} and more"))),
            ("email", Value::text(format!("c{n}@example.org"))),
            ("note", Value::text(format!("v{n} "))),
            ("credit", number(&format!("{n}.125"))),
        ])
    };
    (1..=4).map(one).collect()
}

fn customer(world: &SharedWorld) -> Entity {
    look(world).setup.schema.entity("customer").expect("it is in every set-up").clone()
}

fn of_side(world: &SharedWorld, index: usize) -> Vec<Broken> {
    check_adapter(&SimSide::new(world, index), &customer(world), &customers())
}

#[test]
fn simulated_sides_keep_the_contract_in_every_profile() {
    // Vices are what real systems do against the contract; the engine copes with them, and the contract names them.
    for profile in Profile::ALL.iter().filter(|profile| **profile != Profile::Vicious) {
        for seed in 0..4 {
            for index in 0..3 {
                let broken = of_side(&world(*profile, seed), index);
                assert!(broken.is_empty(), "{} {seed} {index}: {}", profile.name(), told(&broken));
            }
        }
    }
}

mod by_macro {
    use super::*;
    mizan_testkit::adapter_contract! {
        adapter: SimSide::new(&world(Profile::Full, 7), 1),
        entity: customer(&world(Profile::Full, 7)),
        samples: customers(),
    }
}

fn with_vice(vice: Vice) -> BTreeSet<Clause> {
    let world = world(Profile::Full, 3);
    let last = look(&world).sides.len() - 1;
    look(&world).sides[last].vices = Vices::of(&[vice]);
    clauses(&of_side(&world, 2))
}

#[test]
fn a_side_that_writes_over_what_it_does_not_expect_is_caught() {
    let found = with_vice(Vice::Overwrites);
    assert!(found.contains(&Clause::StaleIsRefused), "{found:?}");
    assert!(found.contains(&Clause::RefusedWritesNothing), "{found:?}");
}

#[test]
fn a_side_that_empties_what_is_not_named_is_caught() {
    assert_eq!(with_vice(Vice::Blanks), [Clause::OtherFieldsUntouched].into());
}

#[test]
fn a_side_that_creates_twice_is_caught() {
    let found = with_vice(Vice::Doubles);
    assert!(found.contains(&Clause::FoundByMarker), "{found:?}");
}

#[test]
fn a_side_that_says_that_it_stored_what_it_did_not_is_caught() {
    let found = with_vice(Vice::Forgets);
    assert!(found.contains(&Clause::UpdateShows), "{found:?}");
}

#[test]
fn a_side_that_hides_a_row_is_caught() {
    let found = with_vice(Vice::Lies);
    assert!(found.contains(&Clause::CreateShows), "{found:?}");
}

#[test]
fn a_marker_that_a_user_s_edit_takes_off_is_caught() {
    let check = |keeps: bool| {
        let world = world(Profile::Full, 3);
        let side = SimSide::new(&world, 0);
        let entity = customer(&world);
        let user = |ext: &Ext, edit: &Image| {
            let mut world = look(&world);
            let cell = world.sides[0].rows.get_mut(&("customer".into(), ext.clone()));
            let cell = cell.expect("the row is there");
            cell.image = edit.clone().over(&cell.image);
            if !keeps {
                cell.marker = None;
            }
            let now = world.now;
            world.pass(1);
            let cell = world.sides[0].rows.get_mut(&("customer".into(), ext.clone()));
            cell.expect("the row is there").stamp = now;
        };
        clauses(&Contract::new(&side, &entity, &customers()).user(&user).check())
    };
    assert!(!check(true).contains(&Clause::MarkerSurvives));
    assert!(check(false).contains(&Clause::MarkerSurvives));
}

#[test]
fn a_declared_normaliser_that_is_not_the_side_s_is_caught() {
    let world = world(Profile::Full, 3);
    let mut entity = customer(&world);
    for field in entity.fields.iter_mut().filter(|field| field.name == "credit") {
        let side = field.sides.get_mut(&SideId::new("A")).expect("every side carries it");
        side.normaliser = Normaliser(vec![Rule::Decimal { scale: 0, mode: Rounding::HalfUp }]);
    }
    let broken = check_adapter(&SimSide::new(&world, 0), &entity, &customers());
    assert!(clauses(&broken).contains(&Clause::NormaliserAsDeclared), "{}", told(&broken));
}

#[test]
fn too_few_samples_are_said() {
    let world = world(Profile::Full, 3);
    let broken = check_adapter(&SimSide::new(&world, 0), &customer(&world), &customers()[..2]);
    assert_eq!(clauses(&broken), [Clause::Samples].into());
}

// ---------------------------------------------------------------- adapters that are broken on purpose

/// What is wrong with an adapter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It says that it is done after the first page.
    FirstPage,
    /// It shows the last row of a page again on the next one.
    Overlap,
    /// It says that a row is not there by failing, and fails by saying that it is not there.
    Missing,
    /// It does not know the ids that it was given from those that look alike.
    Lenient,
    /// It carries out what its capabilities deny.
    Eager,
    /// It forgets that it has seen a command.
    Forgetful,
}

struct Bad {
    inner: SimSide,
    wrong: Wrong,
    shown: Mutex<VecDeque<Row>>,
}

impl Bad {
    fn new(wrong: Wrong) -> (Self, Entity) {
        let world = world(Profile::Full, 3);
        let inner = SimSide::new(&world, 0);
        (Self { inner, wrong, shown: Mutex::default() }, customer(&world))
    }
}

impl Adapter for Bad {
    fn side(&self) -> &SideId {
        self.inner.side()
    }

    fn capabilities(&self, entity: &Name) -> Capabilities {
        let known = self.inner.capabilities(entity);
        Capabilities { delete: self.wrong != Wrong::Eager, ..known }
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        known: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move {
            let mut page = self.inner.pull(entity, pull, token, known).await?;
            match self.wrong {
                Wrong::FirstPage => {
                    page.rows.truncate(1);
                    page.next = None;
                    page.complete = true;
                }
                Wrong::Overlap => {
                    let mut shown = self.shown.lock().expect("nobody panicked");
                    if token.is_none() {
                        shown.clear();
                    }
                    page.rows.extend(shown.pop_front().map(mizan_adapters::Listed::Row));
                    shown.extend(page.rows.iter().filter_map(|listed| match listed {
                        mizan_adapters::Listed::Row(row) => Some(row.clone()),
                        _ => None,
                    }));
                }
                Wrong::Missing | Wrong::Lenient | Wrong::Eager | Wrong::Forgetful => {}
            }
            Ok(page)
        })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move {
            match self.wrong {
                Wrong::Missing => match self.inner.get(entity, ext).await? {
                    Fetched::NotFound => Err(Fault::BadAnswer("404".to_owned())),
                    found @ Fetched::Found(_) => Ok(found),
                },
                Wrong::Lenient => {
                    let plain = Ext::new(ext.as_str().trim().trim_start_matches('0'));
                    self.inner.get(entity, &plain).await
                }
                Wrong::FirstPage | Wrong::Overlap | Wrong::Eager | Wrong::Forgetful => {
                    self.inner.get(entity, ext).await
                }
            }
        })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            if self.wrong != Wrong::Forgetful {
                return self.inner.execute(order).await;
            }
            let mut command = order.command.clone();
            let salt = self.shown.lock().expect("nobody panicked").len();
            command.id.0.0[0] ^= u8::try_from(salt % 256).unwrap_or(0);
            self.shown.lock().expect("nobody panicked").push_back(Row {
                ext: Ext::new(""),
                image: Image::default(),
                stamp: None,
                tag: None,
                marker: None,
            });
            self.inner.execute(Order { command: &command, ..order }).await
        })
    }

    fn find<'a>(
        &'a self,
        entity: &'a Name,
        probe: Probe<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        self.inner.find(entity, probe)
    }
}

fn wrong(wrong: Wrong) -> BTreeSet<Clause> {
    let (bad, entity) = Bad::new(wrong);
    clauses(&check_adapter(&bad, &entity, &customers()))
}

#[test]
fn a_listing_of_the_first_page_alone_is_not_complete() {
    let found = wrong(Wrong::FirstPage);
    assert!(found.contains(&Clause::ListingComplete), "{found:?}");
}

#[test]
fn a_row_on_two_pages_is_caught() {
    let found = wrong(Wrong::Overlap);
    assert!(found.contains(&Clause::ListingComplete), "{found:?}");
}

#[test]
fn a_fault_in_place_of_not_found_is_caught() {
    let found = wrong(Wrong::Missing);
    assert!(found.contains(&Clause::Answers), "{found:?}");
}

#[test]
fn ids_that_are_not_opaque_are_caught() {
    let found = wrong(Wrong::Lenient);
    assert!(found.contains(&Clause::IdsAreOpaque), "{found:?}");
}

#[test]
fn what_the_capabilities_deny_and_is_done_is_caught() {
    let found = wrong(Wrong::Eager);
    assert_eq!(found, [Clause::SaysWhatItCannot].into());
}

#[test]
fn a_side_that_forgets_commands_is_caught() {
    let found = wrong(Wrong::Forgetful);
    assert!(found.contains(&Clause::OnceOnly), "{found:?}");
}

// ---------------------------------------------------------------- files

fn path(name: &str, kind: Type, path: &str) -> FieldPath {
    let path = path.parse().expect("it is a path");
    FieldPath { field: Name::new(name), kind, path, items: Vec::new() }
}

fn field(name: &str, kind: Type, side: &str, rules: Vec<Rule>) -> Field {
    let on = FieldOnSide { normaliser: Normaliser(rules), writable: true, create_only: false };
    Field { sides: [(SideId::new(side), on)].into(), ..Field::new(name, kind) }
}

fn entity(name: &str, side: &str, key: &[&str], fields: Vec<Field>) -> Entity {
    let on = EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: None };
    Entity {
        name: Name::new(name),
        fields,
        key: key.iter().map(Name::new).collect(),
        sides: [(SideId::new(side), on)].into(),
        on_delete: DeletePolicy::EditWins,
        copies: None,
    }
}

fn products() -> Vec<Image> {
    let one = |n: u32| {
        image([
            ("name", Value::text(format!("Product {n}"))),
            ("price", number(&format!("{n}.25"))),
            ("sku", Value::text(format!("SKU-{n}"))),
        ])
    };
    (1..=4).map(one).collect()
}

fn files(root: &Path, options: serde_json::Value) -> Vec<Broken> {
    let fields = vec![
        path("name", Type::Text, "name"),
        path("price", Type::Decimal, "price"),
        path("sku", Type::Text, "sku"),
    ];
    let binding = Binding {
        entity: "product".into(),
        lens: Lens { side: SideId::new("pos"), fields, style: Style::default() },
        key: vec!["sku".into()],
        options,
        on_create: serde_json::Map::new(),
    };
    let files = Files::new(SideId::new("pos"), root.to_owned(), vec![binding]);
    let files = files.expect("the options are right");
    let field = |name, kind| field(name, kind, "pos", Vec::new());
    let fields =
        vec![field("name", Type::Text), field("price", Type::Decimal), field("sku", Type::Text)];
    check_adapter(&files, &entity("product", "pos", &["sku"], fields), &products())
}

#[test]
fn a_directory_of_json_files_keeps_the_contract() {
    let root = tempfile::tempdir().expect("a folder can be made");
    std::fs::create_dir(root.path().join("product")).expect("a folder can be made");
    let broken = files(root.path(), json!({}));
    assert!(broken.is_empty(), "{}", told(&broken));
}

#[test]
fn a_file_of_json_lines_keeps_the_contract() {
    let root = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(root.path().join("products.jsonl"), "").expect("a file can be written");
    let broken =
        files(root.path(), json!({"path": "products.jsonl", "format": "jsonl", "id": "id"}));
    assert!(broken.is_empty(), "{}", told(&broken));
}

// ---------------------------------------------------------------- Qoyod

async fn qoyod(
    resource: &str,
    fields: Vec<FieldPath>,
    key: &str,
    on_create: serde_json::Value,
) -> (Sandbox, Qoyod) {
    let options = SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options, ([127, 0, 0, 1], 0).into()).await;
    let sandbox = sandbox.expect("a local server can be started");
    let client = Client::builder(sandbox.url()).build().expect("the address is one");
    let auth = Auth::ApiKey { header: "API-KEY".to_owned(), secret: "sandbox-key".into() };
    let limiter = Limiter::new(Limits { requests_max: None, ..Limits::default() });
    let style = Style { decimals_as_text: true, ids_as_numbers: true };
    let binding = Binding {
        entity: "thing".into(),
        lens: Lens { side: SideId::new("qoyod"), fields, style },
        key: vec![Name::new(key)],
        options: json!({ "resource": resource }),
        on_create: on_create.as_object().cloned().unwrap_or_default(),
    };
    let api = Api::new(client, auth, limiter, Policy::default());
    let qoyod = Qoyod::new(SideId::new("qoyod"), api, vec![binding]);
    (sandbox, qoyod.expect("the binding is right"))
}

async fn of_qoyod(
    resource: &str,
    fields: Vec<(Field, &str)>,
    key: &str,
    on_create: serde_json::Value,
    samples: Vec<Image>,
) -> Vec<Broken> {
    let paths = fields
        .iter()
        .map(|(field, native)| path(&field.name, field.kind.clone(), native))
        .collect();
    let (_sandbox, qoyod) = qoyod(resource, paths, key, on_create).await;
    let fields = fields.into_iter().map(|(field, _)| field).collect();
    let entity = entity("thing", "qoyod", &[key], fields);
    Contract::new(&qoyod, &entity, &samples).run().await
}

fn of(name: &str, kind: Type) -> Field {
    field(name, kind, "qoyod", Vec::new())
}

#[tokio::test]
async fn qoyod_s_products_keep_the_contract() {
    let on_create = json!({"type": "Product", "category_id": 1, "product_unit_type_id": 7,
        "tax_id": 1, "sale_item": 1, "sales_account_id": 17, "track_quantity": 1});
    let fields = vec![
        (of("name", Type::Text), "name_ar"),
        (of("english", Type::Text), "name_en"),
        (of("price", Type::Decimal), "selling_price"),
        (of("sku", Type::Text), "sku"),
    ];
    let one = |n: u32| {
        let english = ("english", Value::text(format!("Product {n}")));
        image([english]).over(&products()[n as usize - 1])
    };
    let samples = (1..=4).map(one).collect();
    let broken = of_qoyod("products", fields, "sku", on_create, samples).await;
    assert!(broken.is_empty(), "{}", told(&broken));
}

#[tokio::test]
async fn qoyod_s_customers_keep_the_contract() {
    let fields = vec![
        (of("name", Type::Text), "name"),
        (of("organization", Type::Text), "organization"),
        (of("email", Type::Text), "email"),
    ];
    let one = |n: u32| {
        image([
            ("name", Value::text(format!("Customer {n}"))),
            ("organization", Value::text(format!("Shop {n}"))),
            ("email", Value::text(format!("c{n}@example.org"))),
        ])
    };
    let samples = (1..=4).map(one).collect();
    let broken = of_qoyod("customers", fields, "name", json!({}), samples).await;
    assert!(broken.is_empty(), "{}", told(&broken));
}

#[tokio::test]
async fn qoyod_s_categories_keep_the_contract() {
    let fields = vec![(of("name", Type::Text), "name"), (of("about", Type::Text), "description")];
    let one = |n: u32| {
        image([
            ("name", Value::text(format!("Category {n}"))),
            ("about", Value::text(format!("Things of kind {n}"))),
        ])
    };
    let samples = (1..=4).map(one).collect();
    let broken = of_qoyod("categories", fields, "name", json!({}), samples).await;
    assert!(broken.is_empty(), "{}", told(&broken));
}
