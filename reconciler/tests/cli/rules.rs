//! What becomes of a field that both sides changed, rule by rule, and how it is told afterwards.

use super::pair::{Pair, configured};
use super::support::Shop;
use serde_json::json;

const NOTE: &[(&str, &str)] = &[("note", "")];

/// Both changed the note; the till five seconds before the books.
fn note_changed_on_both(entity: &str) -> Pair {
    let pair = Pair::agreed(entity, NOTE, &json!({ "note": "old" }));
    pair.writes_at("till", 1_000, &json!({ "note": "left" }));
    pair.writes_at("books", 6_000, &json!({ "note": "right" }));
    pair
}

#[test]
fn the_preferred_side_wins_and_the_other_value_is_kept_in_the_log() {
    let pair = note_changed_on_both("prefer = \"till\"");
    pair.syncs(0);
    pair.both_show("note", &json!("left"));
    pair.explained("note", "till is preferred, left holds; lost right (books)");
}

#[test]
fn manual_overwrites_nobody() {
    let pair = note_changed_on_both("prefer = \"manual\"");
    pair.syncs(3);
    pair.shows("till", "note", &json!("left"));
    pair.shows("books", "note", &json!("right"));
    pair.explained("note", "waits for a person between right (books), left (till)");
}

#[test]
fn the_newest_wins_whatever_its_side() {
    let pair = note_changed_on_both("prefer = \"newest\"");
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    pair.explained("note", "books was surely later, right holds; lost left (till)");
    pair.writes_at("books", 20_000, &json!({ "note": "earlier" }));
    pair.writes_at("till", 21_000, &json!({ "note": "later" }));
    pair.syncs(0);
    pair.both_show("note", &json!("later"));
}

#[test]
fn what_newest_cannot_promise_is_said_by_check() {
    let pair = note_changed_on_both("prefer = \"newest\"");
    let ran = pair.0.run(&["check", "--json"]).json();
    let till = ran["guarantees"][1].to_string();
    assert!(till.contains("the stamp of the row, not of the field, and to 1000 ms"), "{till}");
}

#[test]
fn clocks_that_cannot_tell_leave_it_to_a_person() {
    for (till, books) in [(1_000, 1_000), (1_000, 1_999), (1_999, 1_000)] {
        let pair = Pair::agreed("prefer = \"newest\"", NOTE, &json!({ "note": "old" }));
        pair.writes_at("till", till, &json!({ "note": "left" }));
        pair.writes_at("books", books, &json!({ "note": "right" }));
        pair.syncs(3);
        pair.shown("are less than 1000 ms apart");
    }
}

#[test]
fn what_mizan_writes_itself_makes_no_value_newer() {
    let fields = [("note", "prefer = \"newest\""), ("color", "")];
    let pair = Pair::agreed("", &fields, &json!({ "note": "old", "color": "red" }));
    pair.writes_at("till", 1_000, &json!({ "note": "left" }));
    pair.writes_at("books", 1_500, &json!({ "note": "right" }));
    pair.syncs(3);
    // The color goes to the till, whose row is stamped by that; its note is as old as it was.
    pair.writes_at("books", 1_700, &json!({ "color": "bright blue" }));
    pair.syncs(3);
    pair.shows("till", "color", &json!("bright blue"));
    pair.shows("till", "note", &json!("left"));
    pair.shows("books", "note", &json!("right"));
    pair.shown("no comparable stamp of till");
    pair.writes_at("till", 60_000, &json!({ "note": "left again" }));
    pair.syncs(0);
    pair.both_show("note", &json!("left again"));
}

#[test]
fn a_stamp_is_of_the_row_and_not_of_the_field() {
    let fields = [("note", "prefer = \"newest\""), ("price", "type = \"decimal\"")];
    let pair = Pair::agreed("", &fields, &json!({ "note": "old", "price": 1 }));
    pair.writes_at("till", 1_000, &json!({ "note": "first" }));
    pair.writes_at("books", 6_000, &json!({ "note": "second" }));
    pair.writes_at("till", 60_000, &json!({ "price": 2 }));
    pair.syncs(0);
    pair.both_show("note", &json!("first"));
}

#[test]
fn the_greatest_and_the_least_value_win() {
    let fields = [
        ("points", "type = \"decimal\", prefer = \"greatest\""),
        ("until", "type = \"date\", prefer = \"least\""),
    ];
    let pair = Pair::agreed("", &fields, &json!({ "points": 1, "until": "2026-05-05" }));
    pair.writes("till", &json!({ "points": 9, "until": "2026-03-09" }));
    pair.writes("books", &json!({ "points": 10, "until": "2026-03-10" }));
    pair.syncs(0);
    pair.both_show("points", &json!(10));
    pair.both_show("until", &json!("2026-03-09"));
    pair.explained("points", "10 is the greatest and holds; lost 9 (till)");
    pair.explained("until", "2026-03-09 is the least and holds; lost 2026-03-10 (books)");
}

#[test]
fn nothing_is_neither_greater_nor_less() {
    let fields = [("points", "type = \"decimal\", prefer = \"greatest\"")];
    let pair = Pair::agreed("", &fields, &json!({ "points": 1 }));
    pair.writes("till", &json!({ "points": null }));
    pair.writes("books", &json!({ "points": 10 }));
    pair.syncs(3);
    pair.shown("the values have no order");
}

#[test]
fn both_are_kept_one_of_them_in_a_copy() {
    let fields = [("name", ""), ("note", "prefer = \"keep-both\"")];
    let entity = "copies = \"sku\"";
    let pair = Pair::agreed(entity, &fields, &json!({ "name": "Tea", "note": "old" }));
    pair.writes("till", &json!({ "note": "left" }));
    pair.writes("books", &json!({ "note": "right" }));
    pair.syncs(0);
    pair.both_show("note", &json!("right"));
    pair.explained("note", "right holds here, and copies keep left (till)");
    for side in ["till", "books"] {
        let names = pair.0.names(&format!("{side}/products"));
        let copy = names.iter().find(|name| *name != "A.json").expect("a copy");
        let copy = pair.0.get(&format!("{side}/products/{copy}"));
        assert_eq!(copy, json!({ "sku": "A (copy, till)", "name": "Tea", "note": "left" }));
        assert_eq!(names.len(), 2);
    }
}

#[test]
fn every_conflict_of_a_record_has_a_copy_of_its_own() {
    let pair =
        Pair::agreed("copies = \"sku\"\nprefer = \"keep-both\"", NOTE, &json!({ "note": "old" }));
    for round in 1..=3 {
        pair.writes("till", &json!({ "note": format!("left {round}") }));
        pair.writes("books", &json!({ "note": format!("right {round}") }));
        pair.syncs(0);
    }
    pair.both_show("note", &json!("right 3"));
    for side in ["till", "books"] {
        let rows = pair.0.names(&format!("{side}/products"));
        let rows = rows.iter().map(|name| pair.0.get(&format!("{side}/products/{name}")));
        let mut rows: Vec<_> = rows.map(|row| (row["sku"].clone(), row["note"].clone())).collect();
        rows.sort_by_key(|(sku, _)| sku.to_string());
        let copy = |mark: &str, note: &str| (json!(format!("A ({mark}, till)")), json!(note));
        let copies = [copy("copy 2", "left 2"), copy("copy 3", "left 3"), copy("copy", "left 1")];
        assert_eq!(rows[..3], copies);
        assert_eq!(rows.len(), 4);
    }
}

#[test]
fn the_preferred_of_three_sides_may_have_nothing_to_say() {
    let config = configured("prefer = \"shop\"", NOTE)
        .replace(
            "[entities.product]\n",
            "[sides.shop]\nadapter = \"files\"\nroot = \"shop\"\n[entities.product]\n",
        )
        .replace(
            "[entities.product.fields]",
            "shop = { path = \"products\" }\n[entities.product.fields]",
        )
        .replace("books = \"sku\"", "books = \"sku\", shop = \"sku\"")
        .replace("books = \"note\"", "books = \"note\", shop = \"note\"");
    let pair = Pair(Shop::new(&config));
    std::fs::create_dir_all(pair.0.path().join("shop/products")).expect("folders");
    pair.writes("till", &json!({ "note": "old" }));
    pair.syncs(0);
    pair.writes("till", &json!({ "note": "left" }));
    pair.writes("books", &json!({ "note": "right" }));
    pair.syncs(3);
    pair.shown("shop is preferred and has no new value; the others disagree");
    pair.writes("shop", &json!({ "note": "third" }));
    pair.syncs(0);
    pair.both_show("note", &json!("third"));
}

#[test]
fn a_copy_is_not_copied_again() {
    let pair =
        Pair::agreed("copies = \"sku\"\nprefer = \"keep-both\"", NOTE, &json!({ "note": "old" }));
    let put = |side: &str, note: &str| {
        let row = json!({ "sku": "B (copy, till)", "note": note });
        pair.0.put(&format!("{side}/products/B.json"), &row);
    };
    put("till", "left");
    put("books", "right");
    pair.syncs(3);
    let shown = pair.0.run(&["conflicts", "show", "product:B (copy, till)"]);
    assert!(shown.out.contains("no copy can be made"), "{}{}", shown.out, shown.err);
}

#[test]
fn a_set_joins_what_both_put_in_and_took_out() {
    let fields = [("tags", "type = \"any\", set = true")];
    let pair = Pair::agreed("", &fields, &json!({ "tags": ["tea", "hot", "new"] }));
    pair.writes("till", &json!({ "tags": ["tea", "hot", "sale"] }));
    pair.writes("books", &json!({ "tags": ["green", "hot", "new"] }));
    pair.syncs(0);
    pair.both_show("tags", &json!(["green", "hot", "sale"]));
    pair.explained("tags", "what all sides put in and took out gives [green, hot, sale]");
}

#[test]
fn a_counter_adds_up_what_both_moved() {
    let fields = [("stock", "type = \"decimal\", counter = true")];
    let pair = Pair::agreed("", &fields, &json!({ "stock": 10 }));
    pair.writes("till", &json!({ "stock": 7 }));
    pair.writes("books", &json!({ "stock": 12 }));
    pair.syncs(0);
    pair.both_show("stock", &json!(9));
    pair.explained("stock", "movements of all sides add up to 9");
}

#[test]
fn a_stocktake_states_the_total() {
    let fields = [("stock", "type = \"decimal\", counter = true, stocktake = \"books\"")];
    let pair = Pair::agreed("", &fields, &json!({ "stock": 10 }));
    pair.writes("till", &json!({ "stock": 7 }));
    pair.writes("books", &json!({ "stock": 40 }));
    pair.syncs(0);
    pair.both_show("stock", &json!(37));
    pair.explained("stock", "counts and movements give stock");
}

const ADDRESS: &[(&str, &str)] =
    &[("street", "group = \"address\""), ("city", "group = \"address\"")];

/// The till moved the shop within the city, the books moved it to another one.
fn address_changed_on_both(entity: &str) -> Pair {
    let old = json!({ "street": "Palm 1", "city": "Jeddah" });
    let pair = Pair::agreed(entity, ADDRESS, &old);
    pair.writes("till", &json!({ "street": "Rose 5" }));
    pair.writes("books", &json!({ "street": "Hill 9", "city": "Abha" }));
    pair
}

#[test]
fn an_address_is_never_mixed() {
    for (rule, street, city) in [("till", "Rose 5", "Jeddah"), ("books", "Hill 9", "Abha")] {
        let pair = address_changed_on_both(&format!("prefer = \"{rule}\""));
        pair.syncs(0);
        pair.both_show("street", &json!(street));
        pair.both_show("city", &json!(city));
        pair.explained("city", &format!("{rule} is preferred, {city} holds"));
    }
}

#[test]
fn different_fields_of_a_group_are_rivals_too() {
    let pair = Pair::agreed(
        "prefer = \"till\"",
        ADDRESS,
        &json!({ "street": "Palm 1", "city": "Jeddah" }),
    );
    pair.writes("till", &json!({ "street": "Rose 5" }));
    pair.writes("books", &json!({ "city": "Abha" }));
    pair.syncs(0);
    pair.both_show("street", &json!("Rose 5"));
    pair.both_show("city", &json!("Jeddah"));
    pair.explained("city", "lost Abha (books)");
}

#[test]
fn one_sides_address_is_taken_whole() {
    let pair = Pair::agreed("", ADDRESS, &json!({ "street": "Palm 1", "city": "Jeddah" }));
    pair.writes("books", &json!({ "street": "Hill 9", "city": "Abha" }));
    pair.syncs(0);
    pair.both_show("street", &json!("Hill 9"));
    pair.both_show("city", &json!("Abha"));
}

#[test]
fn an_address_in_conflict_is_decided_as_one() {
    let pair = address_changed_on_both("");
    pair.syncs(3);
    pair.shown("street, city (decided as one, as address)");
    let one = pair.resolves(&["--field", "street", "--value", "Sea 3"]);
    assert_eq!(one.code, 2);
    assert!(one.err.contains("group `address`") && one.err.contains("`city`"), "{}", one.err);
    let both = ["--field", "street", "--value", "Sea 3", "--field", "city", "--value", "Yanbu"];
    assert_eq!(pair.resolves(&both).code, 0);
    pair.syncs(0);
    pair.both_show("street", &json!("Sea 3"));
    pair.both_show("city", &json!("Yanbu"));
}

#[test]
fn a_side_is_taken_with_its_whole_address() {
    let pair = address_changed_on_both("");
    pair.syncs(3);
    assert_eq!(pair.resolves(&["--field", "street", "--take", "till"]).code, 0);
    pair.syncs(0);
    pair.both_show("street", &json!("Rose 5"));
    pair.both_show("city", &json!("Jeddah"));
}
