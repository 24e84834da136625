//! Listings, with all the vices.

use super::world::{List, World, world};
use mizan_adapters::{Fault, Listed, Pull};
use mizan_core::Timestamp;
use serde_json::{Map, json};

async fn all(world: &World, entity: &str) -> List {
    world.list(entity, Pull::All).await.unwrap()
}

#[tokio::test]
async fn every_resource_is_listed_completely() {
    let world = world().await;
    for (entity, rows) in [
        ("product", 0),
        ("customer", 0),
        ("invoice", 0),
        ("payment", 0),
        ("category", 1),
        ("unit", 1),
        ("warehouse", 1),
        ("tax", 3),
        ("account", 6),
    ] {
        let list = all(&world, entity).await;
        assert_eq!((list.rows.len(), list.complete, list.pages), (rows, true, 1), "{entity}");
    }
    let counts = all(&world, "count").await;
    assert_eq!((counts.rows.len(), counts.complete), (0, false), "they are never shown");
}

#[tokio::test]
async fn pages_are_followed_by_id() {
    let world = world().await;
    for (more, pages) in [(100, 2), (1, 2), (149, 3)] {
        world.seed(more);
        let list = all(&world, "product").await;
        assert_eq!(list.exts().len(), world.door.rows("products").len());
        assert_eq!((list.complete, list.pages), (true, pages));
        assert_eq!(list.rows.len(), list.exts().len(), "no row came twice");
    }
}

#[tokio::test]
async fn ignored_paging_and_ignored_filters_are_survived() {
    let world = world().await;
    world.seed(250);
    for (entity, resource) in [("product", "products"), ("customer", "customers")] {
        if entity == "customer" {
            for number in 0..250 {
                let fields = Map::from_iter([("name".to_owned(), json!(format!("N {number}")))]);
                world.door.create("customers", &fields).unwrap();
            }
        }
        for (paging, id_gt) in [(true, false), (false, true), (true, true)] {
            world.vices(|vices| {
                vices.ignores_paging = paging;
                vices.ignores_id_gt = id_gt;
            });
            let list = all(&world, entity).await;
            let rows = world.door.rows(resource).len();
            assert_eq!((list.exts().len(), list.complete), (rows, true), "{paging} {id_gt}");
        }
    }
}

#[tokio::test]
async fn accounts_past_the_first_hundred_are_listed_where_pages_fail() {
    let world = world().await;
    for number in 0..150 {
        let name = json!(format!("Account {number}"));
        let fields =
            Map::from_iter([("name_en".to_owned(), name.clone()), ("name_ar".to_owned(), name)]);
        world.door.create("accounts", &fields).unwrap();
    }
    for id_gt in [false, true] {
        world.vices(|vices| {
            vices.accounts_fail_after_first_page = true;
            vices.ignores_id_gt = id_gt;
        });
        let list = all(&world, "account").await;
        assert_eq!((list.exts().len(), list.complete), (156, true), "id_gt ignored: {id_gt}");
    }
}

#[tokio::test]
async fn changes_are_listed_from_a_moment_on() {
    let world = world().await;
    world.seed(3);
    let list = all(&world, "product").await;
    let stamps = list.rows.iter().filter_map(|listed| match listed {
        Listed::Row(row) => row.stamp,
        Listed::Same(_) | Listed::Bad { .. } => None,
    });
    let newest = stamps.max().unwrap();
    // Stamps are whole seconds, so the filter lets the very second in.
    let since = world.list("product", Pull::Since(newest)).await.unwrap();
    assert!(!since.rows.is_empty() && !since.complete);
    let later = Timestamp(newest.0 + 60_000);
    let since = world.list("product", Pull::Since(later)).await.unwrap();
    assert_eq!((since.rows.len(), since.pages), (0, 1));
    world.vices(|vices| vices.clock_skew_seconds = 3600);
    world.door.edit("products", 2, Map::from_iter([("selling_price".into(), json!("9.0"))]));
    let since = world.list("product", Pull::Since(later)).await.unwrap();
    assert_eq!(since.exts().into_iter().collect::<Vec<_>>(), ["2"]);
    // Without a filter by time everything comes, which is allowed.
    assert_eq!(world.list("tax", Pull::Since(later)).await.unwrap().rows.len(), 3);
}

#[tokio::test]
async fn an_unreadable_row_is_reported_and_the_rest_goes_on() {
    let world = world().await;
    world.seed(3);
    let broken = json!("a secret");
    world.door.edit("products", 2, Map::from_iter([("selling_price".into(), broken)]));
    let list = all(&world, "product").await;
    assert_eq!((list.exts().len(), list.complete), (3, true));
    let bad = list.rows.iter().find_map(|listed| match listed {
        Listed::Bad { at, why, .. } => Some((at.as_str(), why.as_str())),
        Listed::Row(_) | Listed::Same(_) => None,
    });
    let (at, why) = bad.unwrap();
    assert_eq!(at, "products 2");
    assert!(why.contains("price") && !why.contains("secret"), "{why}");
    let Err(Fault::BadAnswer(why)) = world.get("product", "2").await else { panic!() };
    assert!(why.contains("products 2") && !why.contains("secret"), "{why}");
}
