//! Creating, changing and deleting rows of each resource.

use super::world::{coffee, done, found, world};
use mizan_adapters::{Adapter, Answer, Fetched, Refusal};
use mizan_core::{Ext, Image, Name, Value};
use serde_json::{Map, json};

fn refused(answer: Result<Answer, mizan_adapters::Fault>) -> (Refusal, String) {
    match answer {
        Ok(Answer::Refused { why, message }) => (why, message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_product_lives() {
    let world = world().await;
    let row = world.create("product", coffee()).await;
    let price = Value::decimal("30".parse().unwrap());
    assert_eq!(row.image.get("price"), Some(&price));
    assert_eq!(row.image.get("stock"), Some(&Value::decimal(0.into())));
    assert!(row.stamp.is_some() && row.tag.is_none() && row.marker.is_none());
    assert_eq!(found(world.get("product", row.ext.as_str()).await), row);

    let change = json!({"selling_price": "31.5", "name_en": null});
    let after = done(world.update("product", &row.ext, change, &row.image).await);
    assert_eq!(after.image.get("name_en"), Some(&Value::Null));
    assert_eq!(after.image.get("name_ar"), row.image.get("name_ar"));
    let native = world.door.find("products", "sku", "COF-250").unwrap();
    assert_eq!((&native["selling_price"], &native["unit_type"]), (&json!("31.5"), &json!(7)));
    assert_eq!(world.get("product", "999").await, Ok(Fetched::NotFound));

    let deleted = world.delete("product", &row.ext, &after.image).await;
    assert_eq!(refused(deleted).0, Refusal::Unsupported);
    assert_eq!(world.requests("DELETE /products"), 0);
}

#[tokio::test]
async fn a_row_that_is_not_as_expected_is_not_written() {
    let world = world().await;
    let row = world.create("product", coffee()).await;
    let id = row.ext.as_str().parse().unwrap();
    let edit = json!({"selling_price": "44.0"});
    world.door.edit("products", id, edit.as_object().unwrap().clone());
    let answer = world.update("product", &row.ext, json!({"name_en": "New"}), &row.image).await;
    let Ok(Answer::Changed(shown)) = answer else { panic!("{answer:?}") };
    assert_eq!(shown.image.get("price"), Some(&Value::decimal(44.into())));
    assert_eq!(world.requests("PUT /products"), 0);
    // What the row holds and nobody has seen must not be overwritten with it.
    let known: Image = [("sku".into(), Value::text("COF-250"))].into_iter().collect();
    let answer = world.update("product", &row.ext, json!({"name_en": "New"}), &known).await;
    assert!(matches!(answer, Ok(Answer::Changed(_))), "{answer:?}");
    done(world.update("product", &row.ext, json!({"name_en": "New"}), &shown.image).await);

    world.door.remove("products", id);
    let answer = world.update("product", &row.ext, json!({"name_en": "X"}), &known).await;
    assert_eq!(answer, Ok(Answer::Gone));
}

#[tokio::test]
async fn a_taken_key_names_the_row_that_has_it() {
    let world = world().await;
    let row = world.create("product", coffee()).await;
    let (why, message) = refused(world.try_create("product", coffee()).await);
    assert_eq!(why, Refusal::KeyTaken(Some(row.ext)));
    assert!(message.starts_with("sku: Reference is already taken"), "{message}");
    let (why, message) = refused(world.try_create("product", json!({"sku": "X"})).await);
    assert_eq!(why, Refusal::Invalid);
    assert!(message.contains("name: can't be blank"), "{message}");
}

#[tokio::test]
async fn customers_and_small_resources_live() {
    let world = world().await;
    for (entity, first, change) in [
        (
            "customer",
            json!({"name": "مقهى النخيل", "organization": "C-1", "email": null}),
            json!({"name": "Palms", "email": "a@palms.example"}),
        ),
        ("category", json!({"name": "Tea", "description": "hot"}), json!({"name": "Teas"})),
        ("warehouse", json!({"name": "North", "ar_name": "شمال"}), json!({"name": "South"})),
        (
            "account",
            json!({"code": "1105", "name_en": "Till", "name_ar": "صندوق"}),
            json!({"name_en": "Cash"}),
        ),
    ] {
        let row = world.create(entity, first).await;
        let expected = world.image(entity, change.clone()).over(&row.image);
        let after = done(world.update(entity, &row.ext, change, &row.image).await);
        assert_eq!(after.image, expected, "{entity}");
        assert_eq!(found(world.get(entity, row.ext.as_str()).await).image, expected, "{entity}");
        if entity == "account" {
            // How a missing account is answered is not known: its absence is not believed.
            assert!(world.get(entity, "999").await.is_err());
            continue;
        }
        assert_eq!(world.get(entity, "999").await, Ok(Fetched::NotFound), "{entity}");
        let (missing, change) = (Ext::new("999"), json!({"name": "X", "name_en": "X"}));
        let answer = world.update(entity, &missing, change, &row.image).await;
        assert_eq!(answer, Ok(Answer::Gone), "{entity}");
    }
    let unit = world.create("unit", json!({"unit_name": "Box", "unit_representation": "bx"})).await;
    let answer = world.update("unit", &unit.ext, json!({"unit_name": "Case"}), &unit.image).await;
    assert_eq!(refused(answer).0, Refusal::Unsupported);
    let tax = world.try_create("tax", json!({"name_en": "New", "code": "S"})).await;
    assert_eq!(refused(tax).0, Refusal::Unsupported);
    assert_eq!(found(world.get("tax", "1").await).image.get("code"), Some(&Value::text("S")));
}

#[tokio::test]
async fn an_invoice_lives_until_it_is_approved() {
    let world = world().await;
    let product = world.create("product", coffee()).await.ext;
    let customer = world.create("customer", json!({"name": "Nadia"})).await.ext;
    let native = json!({"reference": "S-1", "contact_id": customer.as_str(),
        "issue_date": "2026-09-01", "due_date": "2026-09-30", "terms_conditions": "30 days",
        "line_items": [{"product_id": product.as_str(), "quantity": "2", "unit_price": "30",
            "tax_percent": "5"}]});
    let row = world.create("invoice", native.clone()).await;
    let sent = world.image("invoice", native.clone());
    for (name, value) in sent.iter() {
        assert_eq!(row.image.get(name), Some(value), "{name}");
    }
    assert_eq!(row.image.get("total"), Some(&Value::decimal(63.into())));
    assert_eq!(row.image.get("warehouse"), Some(&Value::text("1")));
    let (why, _) = refused(world.try_create("invoice", native.clone()).await);
    assert_eq!(why, Refusal::KeyTaken(None));

    let change = json!({"due_date": "2026-10-15"});
    let row = done(world.update("invoice", &row.ext, change, &row.image).await);
    assert_eq!(row.image.get("total"), Some(&Value::decimal(63.into())), "no line was added");
    let lines = json!({"line_items": native["line_items"], "due_date": "2026-11-01"});
    let (why, message) = refused(world.update("invoice", &row.ext, lines, &row.image).await);
    assert_eq!(why, Refusal::Unsupported, "{message}");

    world.door.set_stock(product.as_str().parse().unwrap(), 1, 9.into());
    let approve = json!({"status": "Approved"});
    let row = done(world.update("invoice", &row.ext, approve, &row.image).await);
    let change = json!({"due_date": "2026-12-01"});
    let (why, message) = refused(world.update("invoice", &row.ext, change, &row.image).await);
    assert_eq!((why, message.as_str()), (Refusal::Locked, "Not update other than draft"));

    assert_eq!(world.delete("invoice", &row.ext, &row.image).await, Ok(Answer::Deleted));
    assert_eq!(world.get("invoice", row.ext.as_str()).await, Ok(Fetched::NotFound));
    assert_eq!(world.delete("invoice", &row.ext, &row.image).await, Ok(Answer::Deleted));
}

#[tokio::test]
async fn an_invoice_for_a_row_that_may_not_be_used_is_refused_for_that() {
    let world = world().await;
    let product = world.create("product", coffee()).await.ext;
    let customer = world.create("customer", json!({"name": "Nadia"})).await.ext;
    let id = customer.as_str().parse().unwrap();
    world.door.edit("customers", id, Map::from_iter([("status".into(), json!("Inactive"))]));
    let invoice = |customer: &str, product: &str| {
        json!({"contact_id": customer, "issue_date": "2026-09-01", "due_date": "2026-09-01",
            "line_items": [{"product_id": product, "quantity": "1", "unit_price": "1"}]})
    };
    for native in [invoice(customer.as_str(), product.as_str()), invoice("999", product.as_str())] {
        assert_eq!(refused(world.try_create("invoice", native).await).0, Refusal::BadReference);
    }
    world.door.edit("customers", id, Map::from_iter([("status".into(), json!("Active"))]));
    let native = invoice(customer.as_str(), "999");
    assert_eq!(refused(world.try_create("invoice", native).await).0, Refusal::BadReference);
}

#[tokio::test]
async fn a_payment_is_booked_and_shows_its_invoice() {
    let world = world().await;
    let product = world.create("product", coffee()).await.ext;
    let customer = world.create("customer", json!({"name": "Nadia"})).await.ext;
    world.door.set_stock(product.as_str().parse().unwrap(), 1, 9.into());
    let native = json!({"reference": "S-1", "contact_id": customer.as_str(), "status": "Draft",
        "issue_date": "2026-09-01", "due_date": "2026-09-01",
        "line_items": [{"product_id": product.as_str(), "quantity": "1", "unit_price": "100"}]});
    let invoice = world.create("invoice", native).await;
    let payment = json!({"reference": "PAY-1", "invoice_id": invoice.ext.as_str(),
        "amount": "115.00", "date": "2026-09-02"});
    let (why, message) = refused(world.try_create("payment", payment.clone()).await);
    assert_eq!((why, message.as_str()), (Refusal::BadReference, "Cannot pay Draft invoice"));
    let approve = json!({"status": "Approved"});
    done(world.update("invoice", &invoice.ext, approve, &invoice.image).await);

    let row = world.create("payment", payment.clone()).await;
    assert_eq!(row.image, world.image("payment", payment.clone()));
    assert_eq!(found(world.get("payment", row.ext.as_str()).await), row);
    assert_eq!(world.get("payment", "999").await, Ok(Fetched::NotFound));
    let paid = found(world.get("invoice", invoice.ext.as_str()).await);
    assert_eq!(paid.image.get("status"), Some(&Value::text("Paid")));
    let again = json!({"reference": "PAY-2", "invoice_id": invoice.ext.as_str(), "amount": "1",
        "date": "2026-09-02"});
    assert_eq!(refused(world.try_create("payment", again).await).0, Refusal::Invalid);
    let unknown = json!({"invoice_id": "999", "amount": "1", "date": "2026-09-02"});
    assert_eq!(refused(world.try_create("payment", unknown).await).0, Refusal::BadReference);
}

#[tokio::test]
async fn stock_is_counted_by_an_adjustment_and_a_refusal_with_200_is_seen() {
    let world = world().await;
    let product = world.create("product", coffee()).await;
    let count = |product: &str| {
        json!({"description": "count", "line_items": [
            {"product_id": product, "actual_quantity": "12.5"}]})
    };
    world.create("count", count(product.ext.as_str())).await;
    let after = found(world.get("product", product.ext.as_str()).await);
    assert_eq!(after.image.get("stock"), Some(&Value::decimal("12.5".parse().unwrap())));
    for with_200 in [false, true] {
        world.vices(|vices| vices.adjustment_errors_with_200 = with_200);
        let (why, message) = refused(world.try_create("count", count("999")).await);
        assert_eq!((why, message.as_str()), (Refusal::Invalid, "line_items: Can't be blank"));
    }
    assert!(world.get("count", "1").await.is_err());
    let capabilities = world.qoyod.capabilities(&Name::new("count"));
    assert!(capabilities.create && !capabilities.update && !capabilities.sweep);
}

#[tokio::test]
async fn capabilities_are_those_of_the_resource_and_the_key() {
    let world = world().await;
    let of = |entity: &str| world.qoyod.capabilities(&Name::new(entity));
    let product = of("product");
    assert!(product.since && product.sweep && product.unique_key && product.find_by_key);
    assert!(product.create && product.update && !product.delete);
    assert!(!product.idempotent && !product.marker);
    assert_eq!((product.window_ms, product.parallel), (300_000, 8));
    assert!(of("invoice").unique_key && of("invoice").delete);
    assert!(of("payment").unique_key && !of("payment").update);
    assert!(!of("customer").unique_key && of("customer").find_by_key);
    assert!(!of("tax").create && !of("tax").since && of("tax").sweep);
    let unknown = of("unknown");
    assert!(!unknown.create && !unknown.sweep && !unknown.find_by_key);
    assert_eq!(refused(world.try_create_unbound().await).0, Refusal::Unsupported);
}
