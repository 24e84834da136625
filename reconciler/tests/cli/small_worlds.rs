//! `mizan check` goes through small worlds, and refuses what can lose an edit or never comes to rest.

use super::support::{Shop, TWO_FOLDERS};

/// A field that Mizan never writes on one side, and that nobody owns.
fn can_lose() -> String {
    TWO_FOLDERS.replace(
        "name = { till = \"name\", books = \"title\" }",
        "name = { till = \"name\", books = { path = \"title\", read_only = true } }",
    )
}

#[test]
fn a_sound_configuration_is_said_to_lose_nothing() {
    let shop = Shop::new(TWO_FOLDERS);
    for args in [&["check"][..], &["check", "--offline"]] {
        let ran = shop.run(args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let said = ran.out.lines().find(|line| line.starts_with("policies: "));
        let said = said.unwrap_or_else(|| panic!("{}", ran.out));
        assert!(said.ends_with("small worlds: nothing can be lost, nothing loops"), "{said}");
        assert!(!ran.out.contains("not gone through to the end"), "{}", ran.out);
    }
    let json = shop.run(&["check", "--json"]).json();
    assert_eq!(json["policies"]["findings"].as_array().map(Vec::len), Some(0), "{json}");
    assert!(json["policies"]["sequences"].as_u64() > Some(500), "{json}");
    assert!(json["guarantees"].is_array(), "{json}");
}

#[test]
fn a_configuration_that_can_lose_an_edit_is_refused_with_the_shortest_way() {
    let shop = Shop::new(&can_lose());
    for args in [&["check"][..], &["check", "--offline"]] {
        let ran = shop.run(args);
        assert_eq!(ran.code, 2, "{} {}", ran.out, ran.err);
        let steps = [
            "policies: product.name breaks a law: no edit is lost in silence (L32)",
            "1. at first, every side has the record, with the same contents, and all is at rest",
            "2. till: a user sets `name` to \"b\"",
            "3. sync",
            "4. books: a user sets `name` to \"c\"",
            "5. sync, until nothing is left to do",
            "=> the \"b\" that a user of till wrote into `name` is gone: \"c\" holds",
        ];
        let mut rest = ran.err.as_str();
        for step in steps {
            let Some((_, after)) = rest.split_once(step) else { panic!("{step}: {}", ran.err) };
            rest = after;
        }
    }
    let ran = shop.run(&["check", "--offline", "--json"]);
    assert_eq!(ran.code, 2);
    let finding = &ran.json()["policies"]["findings"][0];
    assert_eq!(finding["law"], "nothing_lost");
    assert_eq!(finding["steps"].as_array().map(Vec::len), Some(5), "{finding}");
}

#[test]
fn an_owner_makes_it_sound() {
    let owned = can_lose().replace("name = { till", "name = { owner = \"till\", till");
    let ran = Shop::new(&owned).run(&["check", "--offline"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}
