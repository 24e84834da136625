//! Filters, sorting, pages, and what an empty list answers.

use crate::client::{Tenant, map, product};
use mizan_adapters::sandbox::Vices;
use serde_json::json;

async fn with_products(count: usize) -> Tenant {
    let tenant = Tenant::start().await;
    for number in 1..=count {
        tenant.product(&format!("A-{number}"));
    }
    tenant
}

#[tokio::test]
async fn empty_lists_answer_404_or_nothing_by_resource() {
    let tenant = Tenant::start().await;
    for (path, body) in [
        ("/products", json!("We found nothing")),
        ("/customers", json!("We could not retrieve your customers, we found nothing.")),
        ("/invoices", json!("We could not retrieve your Invoices, we found nothing.")),
        (
            "/categories?q[id_gt]=1",
            json!("We could not retrieve your categories, we found nothing."),
        ),
        ("/accounts?q[code_eq]=x", json!("We could not retrieve your accounts, we found nothing.")),
        ("/product_unit_types?q[id_eq]=1", json!("We found nothing")),
    ] {
        assert_eq!(tenant.get(path).await.both(), (404, body), "{path}");
    }
    let payments = tenant.get("/invoice_payments").await;
    assert_eq!(payments.both(), (200, json!({ "receipts": [] })));
    let inventories = tenant.get("/inventories?q[name_eq]=x").await;
    assert_eq!(inventories.both(), (200, json!({ "inventories": [] })));
    let taxes = tenant.get("/taxes?q[code_eq]=x").await;
    assert_eq!((taxes.status, &taxes.json()["taxes"]), (200, &json!([])));
}

#[tokio::test]
async fn predicates_filter_and_unknown_keys_do_not() {
    let tenant = with_products(12).await;
    for (query, wanted) in [
        ("q[sku_eq]=A-3", vec![3]),
        ("q[sku_cont]=a-1", vec![1, 10, 11, 12]),
        ("q[sku_start]=A-1&q[sku_end]=2", vec![12]),
        ("q[id_gt]=10", vec![11, 12]),
        ("q[id_gteq]=11", vec![11, 12]),
        ("q[id_lt]=2", vec![1]),
        ("q[id_lteq]=2", vec![1, 2]),
        ("q[sku_in][]=A-1&q[sku_in][]=A-5", vec![1, 5]),
        ("q%5Bsku_in%5D%5B%5D=A-1", vec![1]),
        ("q[id_not_in][]=1&q[id_not_in][]=2&q[id_lt]=5", vec![3, 4]),
        ("q[sku_not_eq]=A-1&q[id_lt]=4", vec![2, 3]),
        ("q[barcode_null]=1&q[id_lt]=3", vec![1, 2]),
        ("q[en_name_eq]=Product%20A-3", vec![3]),
        ("q[name_end]=A-7", vec![7]),
        ("q[s]=id desc&q[id_gt]=10", vec![12, 11]),
        ("q[s]=sku+asc&q[id_in][]=2&q[id_in][]=10", vec![10, 2]),
    ] {
        assert_eq!(tenant.ids(&format!("/products?{query}"), "products").await, wanted, "{query}");
    }
    for query in ["q[name_en_eq]=x", "q[nonsense]=1", "q[sku_eq]=", "limit=2", "q[s]=unknown asc"] {
        let ids = tenant.ids(&format!("/products?{query}"), "products").await;
        assert_eq!(ids.len(), 12, "{query}");
    }
}

#[tokio::test]
async fn columns_have_the_names_of_the_database() {
    let tenant = Tenant::start().await;
    let customer =
        json!({ "name": "Sara", "email": "s@x.example", "tax_number": "312345678901233" });
    tenant.door.create("customers", &map(customer)).unwrap();
    tenant.customer("Omar");
    for query in [
        "contact_name_eq]=Sara",
        "name_cont]=sar",
        "primary_email_eq]=s@x.example",
        "tax_number_eq]=312345678901233",
    ] {
        assert_eq!(tenant.ids(&format!("/customers?q[{query}"), "customers").await, [1], "{query}");
    }
    assert_eq!(tenant.ids("/customers?q[email_eq]=s@x.example", "customers").await, [1, 2]);
    assert_eq!(tenant.ids("/accounts?q[en_name_eq]=Sales", "accounts").await, [17]);
    assert_eq!(tenant.ids("/accounts?q[type_eq]=Revenue", "accounts").await.len(), 6);
    assert_eq!(tenant.ids("/taxes?q[english_name_cont]=vat", "taxes").await, [1]);
}

#[tokio::test]
async fn changes_since_a_moment_are_found_in_any_offset() {
    let tenant = with_products(2).await;
    let stamp = |text: &str| map(json!({ "updated_at": text }));
    tenant.door.edit_silently("products", 1, stamp("2026-01-01T10:00:00.000+03:00"));
    tenant.door.edit_silently("products", 2, stamp("2026-01-01T10:00:01.000+03:00"));
    for (since, wanted) in [
        ("2026-01-01T10:00:01%2B03:00", vec![2]),
        ("2026-01-01T07:00:01Z", vec![2]),
        ("2026-01-01T10:00:00.000%2B03:00", vec![1, 2]),
        // A plus that was not escaped is a blank, and what cannot be read does not filter.
        ("2026-01-01T10:00:01+03:00", vec![1, 2]),
    ] {
        let path = format!("/products?q[updated_at_gteq]={since}");
        assert_eq!(tenant.ids(&path, "products").await, wanted, "{since}");
    }
}

#[tokio::test]
async fn pages_have_100_rows_and_products_say_so_partly_in_texts() {
    let tenant = with_products(103).await;
    let first = tenant.get("/products").await.json();
    assert_eq!(first["products"].as_array().unwrap().len(), 100);
    let pagination = json!({
        "count": 100, "total": 103, "perPage": "100", "currentPage": "1", "totalPages": 2,
    });
    assert_eq!(first["pagination"], pagination);
    assert_eq!(tenant.ids("/products?page=2", "products").await, [101, 102, 103]);
    assert_eq!(tenant.ids("/products?page=2&per_page=2", "products").await, [3, 4]);
    assert_eq!(tenant.get("/products?page=3").await.both(), (404, json!("We found nothing")));
    assert_eq!(tenant.ids("/products?per_page=200", "products").await.len(), 103);
}

#[tokio::test]
async fn each_resource_has_its_own_paging() {
    let tenant = Tenant::start().await;
    for number in 0..101 {
        tenant.door.create("categories", &map(json!({ "name": format!("C{number}") }))).unwrap();
        tenant.customer(&format!("C{number}"));
    }
    assert_eq!(tenant.ids("/categories?per_page=10&page=2", "categories").await.len(), 102);
    let customers = tenant.get("/customers").await.json();
    assert_eq!(customers["customers"].as_array().unwrap().len(), 100);
    assert!(customers.get("pagination").is_none());
    assert_eq!(tenant.ids("/accounts?per_page=2", "accounts").await.len(), 6);
    assert_eq!(tenant.ids("/accounts?per_page=2&page=2", "accounts").await, [10, 12]);
    assert_eq!(tenant.ids("/product_unit_types?per_page=1", "product_unit_types").await, [7]);
    let taxes = tenant.get("/taxes?per_page=2").await.json();
    let pagination =
        json!({ "count": 2, "total": 3, "perPage": 2, "currentPage": 1, "totalPages": 2 });
    assert_eq!(taxes["pagination"], pagination);
}

#[tokio::test]
async fn offsets_slide_when_rows_disappear_between_pages() {
    let tenant = with_products(4).await;
    assert_eq!(tenant.ids("/products?per_page=2&page=1", "products").await, [1, 2]);
    assert!(tenant.door.remove("products", 1));
    assert_eq!(tenant.ids("/products?per_page=2&page=2", "products").await, [4]);
    assert_eq!(tenant.ids("/products?q[s]=id asc&q[id_gt]=2", "products").await, [3, 4]);
}

#[tokio::test]
async fn the_vices_of_paging() {
    let tenant = with_products(5).await;
    let vices = Vices { ignores_paging: true, ignores_id_gt: true, ..Vices::default() };
    tenant.door.set_vices(vices);
    assert_eq!(tenant.ids("/products?per_page=2&page=2", "products").await.len(), 5);
    assert_eq!(tenant.ids("/products?q[id_gt]=3", "products").await.len(), 5);
    tenant.door.set_vices(Vices { page_max: Some(2), ..Vices::default() });
    assert_eq!(tenant.ids("/products?per_page=100", "products").await, [1, 2]);
    for number in 0..100 {
        let account = json!({
            "en_name": format!("A{number}"), "ar_name": "x", "account_kind": "Asset",
            "parent_kind": "Asset", "branch_kind": "Asset",
        });
        tenant.door.create("accounts", &map(account)).unwrap();
    }
    tenant.door.set_vices(Vices { accounts_fail_after_first_page: true, ..Vices::default() });
    assert_eq!(tenant.get("/accounts?page=1&per_page=100").await.status, 200);
    let failed = tenant.get("/accounts?page=2&per_page=100").await;
    assert_eq!(failed.both(), (500, json!({ "status": 500, "error": "Internal Server Error" })));
    tenant.door.set_vices(Vices { nothing_as_object: true, ..Vices::default() });
    let nothing = tenant.get("/products?q[sku_eq]=x").await;
    assert_eq!(nothing.both(), (404, json!({ "error": "We found nothing" })));
    assert_eq!(tenant.post("/products", json!({ "product": product("B-1") })).await.status, 201);
}
