//! Products, customers and the small resources.

use crate::client::{Tenant, map, product};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn a_product_comes_back_under_the_names_of_answers() {
    let tenant = Tenant::start().await;
    let created = tenant.post("/products", json!({ "product": product("A-1") })).await;
    assert_eq!(created.status, 201);
    let shown = &created.json()["product"];
    assert_eq!(shown["name_ar"], "منتج A-1");
    assert_eq!(shown["name_en"], "Product A-1");
    assert_eq!((&shown["selling_price"], &shown["buying_price"]), (&json!("30.0"), &json!("18.0")));
    assert_eq!((&shown["is_sold"], &shown["track_quantity"]), (&json!(true), &json!(true)));
    assert_eq!((&shown["unit_type"], &shown["unit"]), (&json!(7), &json!("pc")));
    let inventory = json!({ "id": 1, "name_en": "Main", "name_ar": "الرئيسي", "stock": "0.0" });
    assert_eq!(shown["inventories"], json!([inventory]));
    assert!(shown.get("sale_item").is_none() && shown.get("_sale").is_none());
    let stamp = shown["updated_at"].as_str().unwrap();
    assert!(stamp.ends_with(".000+03:00") && stamp.len() == 29, "{stamp}");
    let id = shown["id"].as_u64().unwrap();
    assert_eq!(tenant.get(&format!("/products/{id}")).await.json()["product"], *shown);
}

#[tokio::test]
async fn a_taken_sku_is_refused_with_the_id_that_has_it() {
    let tenant = Tenant::start().await;
    let id = tenant.product("A-1");
    let again = tenant.post("/products", json!({ "product": product("A-1") })).await;
    let message = format!("Reference is already taken by id {id}");
    assert_eq!(again.both(), (422, json!({ "errors": { "sku": [message] } })));
    let other = tenant.product("A-2");
    for (id, status) in [(other, 422), (id, 200)] {
        let body = json!({ "product": { "sku": "A-1" } });
        assert_eq!(tenant.put(&format!("/products/{id}"), body).await.status, status);
    }
}

#[tokio::test]
async fn a_product_needs_a_scalar_tax_a_flag_for_its_price_and_the_account_of_the_flag() {
    let tenant = Tenant::start().await;
    for (field, value, error) in [
        ("tax_id", json!(["15"]), json!({ "tax_id": ["Please select taxes"] })),
        ("tax_id", Json::Null, json!({ "tax_id": ["Please select taxes"] })),
        ("sku", json!(""), json!({ "sku": ["can't be blank"] })),
        ("name", Json::Null, json!({ "name": ["can't be blank"] })),
        (
            "name",
            json!("n".repeat(251)),
            json!({ "name": ["is too long (maximum is 250 characters)"] }),
        ),
        ("selling_price", Json::Null, json!({ "selling_price": ["must be a number"] })),
        ("expense_account_id", Json::Null, json!({ "cogs_account_id": ["Can't be blank"] })),
        ("category_id", json!(99), json!({ "category_id": ["does not exist"] })),
        ("tax_id", json!(2), json!({ "special_tax_reason_id": ["Can't be blank"] })),
    ] {
        let mut body = product("A-1");
        body[field] = value;
        let refused = tenant.post("/products", json!({ "product": body })).await;
        assert_eq!(refused.both(), (422, json!({ "errors": error })), "{field}");
    }
    let mut neither = product("A-1");
    (neither["sale_item"], neither["purchase_item"]) = (json!(false), json!(0));
    let refused = tenant.post("/products", json!({ "product": neither })).await;
    let message = "enter at least a purchase price or a sales price to continue.";
    assert_eq!(refused.both(), (422, json!({ "errors": { "base": [message] } })));
    let mut zero = product("A-1");
    (zero["tax_id"], zero["special_tax_reason_id"]) = (json!(2), json!(1));
    assert_eq!(tenant.post("/products", json!({ "product": zero })).await.status, 201);
}

#[tokio::test]
async fn a_batch_of_products_is_written_whole_or_not_at_all() {
    let tenant = Tenant::start().await;
    let bad = json!([product("A-1"), { "sku": "A-2" }]);
    assert_eq!(tenant.post("/products", json!({ "product": bad })).await.status, 422);
    let twice = json!([product("A-1"), product("A-1")]);
    assert_eq!(tenant.post("/products", json!({ "product": twice })).await.status, 422);
    assert!(tenant.door.rows("products").is_empty());
    let good = json!([product("A-1"), product("A-2")]);
    let created = tenant.post("/products", json!({ "product": good })).await;
    assert_eq!((created.status, created.json()["products"].as_array().unwrap().len()), (201, 2));
    let empty = tenant.post("/products", json!({ "product": [] })).await;
    assert_eq!(empty.both(), (201, json!({ "products": [] })));
}

#[tokio::test]
async fn a_type_is_set_once_and_nothing_but_a_change_moves_the_stamp() {
    let tenant = Tenant::start().await;
    let mut service = product("A-1");
    service["type"] = json!("service");
    let created = tenant.post("/products", json!({ "product": service })).await.json();
    assert_eq!(created["product"]["type"], "Service");
    let id = created["product"]["id"].as_u64().unwrap();
    let past = json!("2020-01-01T00:00:00.000+03:00");
    assert!(tenant.door.edit_silently("products", id, map(json!({ "updated_at": past }))));
    let path = format!("/products/{id}");
    let typed = tenant.put(&path, json!({ "product": { "type": "Expense" } })).await.json();
    assert_eq!(typed["product"]["type"], "Service");
    assert_eq!(typed["product"]["updated_at"], past);
    let priced = tenant.put(&path, json!({ "product": { "selling_price": 31.5 } })).await.json();
    assert_eq!(priced["product"]["selling_price"], "31.5");
    assert_ne!(priced["product"]["updated_at"], past);
    let off = tenant.put(&path, json!({ "product": { "sale_item": 0 } })).await.json();
    assert_eq!(
        (&off["product"]["is_sold"], &off["product"]["selling_price"]),
        (&json!(false), &Json::Null)
    );
}

#[tokio::test]
async fn what_cannot_be_deleted_answers_404_and_stays() {
    let tenant = Tenant::start().await;
    let (product, customer) = (tenant.product("A-1"), tenant.customer("Sara"));
    for path in [format!("/products/{product}"), format!("/customers/{customer}")] {
        assert_eq!(tenant.delete(&path).await.status, 404);
        assert_eq!(tenant.get(&path).await.status, 200);
    }
    for path in
        ["/categories/1", "/product_unit_types/7", "/inventories/1", "/taxes/1", "/accounts/7"]
    {
        assert_eq!(tenant.delete(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_customer_needs_a_name_and_nothing_is_unique() {
    let tenant = Tenant::start().await;
    let contact = json!({ "contact": {
        "name": "Sara", "email": "s@x.example", "secondary_email": "t@x.example",
        "billing_address": { "billing_city": "Riyadh" },
    } });
    let first = tenant.post("/customers", contact.clone()).await;
    let second = tenant.post("/customers", contact).await;
    assert_eq!((first.status, second.status), (201, 201));
    let shown = &first.json()["contact"];
    assert_eq!((&shown["status"], &shown["email"]), (&json!("Active"), &json!("s@x.example")));
    assert_eq!(shown["billing_address"]["billing_city"], "Riyadh");
    assert!(shown.get("secondary_email").is_none());
    assert_eq!(tenant.door.duplicates().len(), 1);
    let blank = tenant.post("/customers", json!({ "contact": { "name": " " } })).await;
    assert_eq!(blank.both(), (422, json!({ "errors": { "contact_name": ["Can't be blank"] } })));
    let tax = json!({ "contact": { "name": "A", "tax_number": "123" } });
    assert_eq!(tenant.post("/customers", tax).await.status, 422);
    let batch = tenant.post("/customers", json!({ "contact": [{ "name": "A" }, { "name": "B" }] }));
    let batch = batch.await;
    assert_eq!((batch.status, batch.json()["contacts"].as_array().unwrap().len()), (200, 2));
}

#[tokio::test]
async fn one_missing_record_answers_as_its_resource_does() {
    let tenant = Tenant::start().await;
    let receipt = json!({ "message": "Invalid receipt ID. Please provide a valid receipt ID." });
    for (path, body) in [
        ("/products/99", json!("Product not found")),
        ("/customers/99", json!("Customer Not Found")),
        ("/product_unit_types/99", json!("Product Unit Type not found")),
        ("/invoices/99", json!("We found nothing")),
        ("/inventories/99", json!({ "error": "Inventory not found" })),
        ("/categories/999", json!({ "invoice": "category with id: 999 is not found" })),
        ("/invoice_payments/99", receipt.clone()),
        ("/receipts/99", receipt),
        ("/contacts", json!({ "error": "URL not found" })),
    ] {
        assert_eq!(tenant.get(path).await.both(), (404, body), "{path}");
    }
}

#[tokio::test]
async fn categories_units_warehouses_and_accounts_have_their_own_errors() {
    let tenant = Tenant::start().await;
    let bad = tenant.post("/categories", json!({ "category": { "parent_id": 99 } })).await;
    let errors = json!({ "name": ["Can't be blank"], "parent_id": ["does not exist"] });
    assert_eq!(bad.both(), (422, json!({ "errors": errors })));
    let text = tenant.post("/categories", json!({ "category": "x" })).await;
    assert_eq!(text.both(), (422, json!({ "errors": "category must be an array of objects" })));
    let good = tenant.post("/categories", json!({ "category": { "name": "Tea", "parent_id": 1 } }));
    assert_eq!(good.await.status, 201);
    assert_eq!(tenant.ids("/categories?q[level_eq]=1", "categories").await, [2]);
    let unit = json!({ "unit_name": "Box", "unit_representation": "bx" });
    assert_eq!(
        tenant.post("/product_unit_types", json!({ "product_unit_type": unit })).await.status,
        201
    );
    assert_eq!(
        tenant.put("/product_unit_types/7", json!({ "product_unit_type": unit })).await.status,
        404
    );
    let bare = tenant.post("/inventories", json!({ "ar_name": "x" })).await;
    assert_eq!(bare.both(), (422, json!({ "errors": ["Name can't be blank"] })));
    for body in [json!({ "name": "East" }), json!({ "inventory": { "name": "West" } })] {
        assert_eq!(tenant.post("/inventories", body).await.status, 201);
    }
    assert_eq!(tenant.get("/inventories/1").await.json()["inventory"]["product_count"], 0);
    let account = tenant.post("/accounts", json!({ "account": { "en_name": "Petty cash" } })).await;
    assert_eq!((account.status, &account.json()["error"]), (422, &json!("Invalid resource")));
    assert_eq!(account.json()["messages"]["ar_name"], json!(["Can't be blank"]));
    assert_eq!(tenant.post("/taxes", json!({ "tax": {} })).await.status, 404);
}

#[tokio::test]
async fn the_language_follows_the_header_and_categories_are_arabic_without_it() {
    let tenant = Tenant::start().await;
    let post = |path: &str, body: Json| {
        let url = format!("{}{path}", tenant.sandbox.url());
        tenant.http.post(url).header("API-KEY", "sandbox-key").json(&body)
    };
    let category = json!({ "category": {} });
    let arabic = post("/categories", category.clone()).send().await.unwrap();
    let arabic: Json = arabic.json().await.unwrap();
    let english = post("/categories", category).header("LOCALE", "en").send().await.unwrap();
    let english: Json = english.json().await.unwrap();
    assert_ne!(arabic["errors"]["name"], english["errors"]["name"]);
    let contact = post("/customers", json!({ "contact": {} })).header("LOCALE", "ar");
    let contact: Json = contact.send().await.unwrap().json().await.unwrap();
    assert_eq!(contact["errors"]["contact_name"], arabic["errors"]["name"]);
}

#[tokio::test]
async fn malformed_bodies_are_refused_and_too_large_ones_are_not_read() {
    let tenant = Tenant::start().await;
    let url = format!("{}/products", tenant.sandbox.url());
    let send =
        |body: String| tenant.http.post(&url).header("API-KEY", "sandbox-key").body(body).send();
    assert_eq!(send("{".to_owned()).await.unwrap().status(), 400);
    assert_eq!(send("{\"wrong\":{}}".to_owned()).await.unwrap().status(), 400);
    assert_eq!(send(" ".repeat(1024 * 1024 + 1)).await.unwrap().status(), 413);
}

#[tokio::test]
async fn tracking_unit_and_sales_account_freeze_once_a_product_is_on_a_document() {
    let tenant = Tenant::start().await;
    let (product, customer) = (tenant.product("A-1"), tenant.customer("Sara"));
    let path = format!("/products/{product}");
    let off = json!({ "product": { "track_quantity": 0 } });
    let on = json!({ "product": { "track_quantity": 1 } });
    assert_eq!(tenant.put(&path, off.clone()).await.status, 200);
    assert_eq!(tenant.put(&path, on).await.status, 200);
    let invoice = crate::client::invoice(customer, product, "1", "30");
    assert_eq!(tenant.post("/invoices", json!({ "invoice": invoice })).await.status, 201);
    let refused = tenant.put(&path, off).await;
    assert_eq!(refused.status, 422);
    assert!(refused.json()["errors"]["track_quantity"].is_array());
}
