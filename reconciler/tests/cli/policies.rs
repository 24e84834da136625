//! Policies in the configuration: what is accepted, and what is refused with its line and with what to write instead.

use super::support::{Shop, TWO_FOLDERS};

/// The configuration with other lines for: the entity's `prefer` (11), the sides (13, 14), fields (from 16 on).
fn config(prefer: &str, till: &str, books: &str, fields: &str) -> String {
    let head = TWO_FOLDERS.split("prefer").next().unwrap_or_default();
    format!(
        "{head}{prefer}\n[entities.product.sides]\ntill = {{ path = \"products\"{till} }}\n\
         books = {{ path = \"products\"{books} }}\n[entities.product.fields]\n{fields}\n"
    )
}

const SKU: &str = "sku = { till = \"sku\", books = \"sku\" }\n";

fn field(name: &str, settings: &str) -> String {
    format!("{name} = {{ {settings}till = \"{name}\", books = \"{name}\" }}\n")
}

fn fields(settings: &str) -> String {
    format!("{SKU}{}", field("name", settings))
}

fn refused(config: &str, line: &str, said: &str) {
    let ran = Shop::new(config).run(&["check", "--offline"]);
    assert_eq!(ran.code, 2, "{config}\n{}", ran.err);
    assert!(ran.err.contains(&format!("{line}:")) && ran.err.contains(said), "{}", ran.err);
}

fn accepted(config: &str) {
    let ran = Shop::new(config).run(&["check", "--offline"]);
    assert_eq!(ran.code, 0, "{config}\n{}", ran.err);
}

const CLOCK: &str = ", clock = \"1s\"";

#[test]
fn every_rule_is_accepted_on_an_entity_and_on_a_field() {
    for rule in ["till", "books", "manual", "newest", "greatest", "least", "keep-both"] {
        let prefer = format!("prefer = \"{rule}\"\ncopies = \"sku\"");
        accepted(&config(&prefer, CLOCK, CLOCK, &fields("")));
        let own = fields(&format!("prefer = \"{rule}\", "));
        accepted(&config("copies = \"sku\"", CLOCK, CLOCK, &own));
    }
}

#[test]
fn a_misspelt_rule_is_refused_with_the_nearest_one() {
    let plain = fields("");
    refused(&config("prefer = \"newst\"", "", "", &plain), "line 11", "did you mean `newest`");
    refused(
        &config("prefer = \"keepboth\"", "", "", &plain),
        "line 11",
        "did you mean `keep-both`",
    );
    let own = fields("prefer = \"bokks\", ");
    refused(&config("", "", "", &own), "line 17", "did you mean `books`");
}

#[test]
fn a_side_may_not_be_called_like_a_rule_or_a_setting() {
    for word in ["newest", "manual", "least", "group", "push"] {
        refused(&TWO_FOLDERS.replace("till", word), "line 2", "cannot be called");
    }
}

#[test]
fn newest_needs_a_clock_on_two_sides() {
    let newest = "prefer = \"newest\"";
    refused(&config(newest, "", "", &fields("")), "line 11", "fewer than two sides");
    refused(&config(newest, CLOCK, "", &fields("")), "line 11", "write clock = \"1s\"");
    let own = fields("prefer = \"newest\", ");
    refused(&config("", CLOCK, "", &own), "line 17", "`name`");
    // A field that only one side has is never in conflict, and neither is one that somebody owns.
    let lone = format!("{}note = {{ till = \"note\" }}\n", fields("owner = \"till\", "));
    accepted(&config(newest, CLOCK, CLOCK, &lone));
}

#[test]
fn a_clock_is_a_number_with_a_unit() {
    for good in ["1ms", "500ms", "1s", "5m", "24h"] {
        accepted(&config("", &format!(", clock = \"{good}\""), CLOCK, &fields("")));
    }
    for bad in ["0s", "1", "s", "1 day", "25h", "-1s", "1.5s", "99999999999999s", "1ß"] {
        let clock = format!(", clock = \"{bad}\"");
        refused(&config("", &clock, "", &fields("")), "line 13", "a number with ms, s, m or h");
    }
    refused(&config("", ", clock = 5", "", &fields("")), "line 13", "a text in quotes");
}

#[test]
fn a_clock_is_refused_where_rows_have_no_stamps() {
    let lines = ", format = \"jsonl\", id = \"sku\", clock = \"1s\"";
    refused(&config("", lines, "", &fields("")), "line 13", "rows of a jsonl file have none");
    let qoyod = config("", "", ", resource = \"taxes\", clock = \"1s\"", &fields("")).replace(
        "[sides.books]\nadapter = \"files\"\nroot = \"books\"",
        "[sides.books]\nadapter = \"qoyod\"\napi_key_env = \"KEY\"",
    );
    refused(&qoyod, "line 14", "does not reliably stamp taxes");
}

#[test]
fn greatest_and_least_need_an_order() {
    let reference = fields("type = \"ref product\", prefer = \"greatest\", ");
    refused(&config("", "", "", &reference), "line 17", "`name` is a reference");
    let inherited = fields("type = \"ref product\", ");
    refused(&config("prefer = \"least\"", "", "", &inherited), "line 11", "`name` is a reference");
    let lines = "[entities.product.fields.lines]\ntype = \"items\"\nprefer = \"greatest\"\ntill = \"l\"\n\
                 [entities.product.fields.lines.items]\na = { till = \"a\" }\n";
    refused(&config("", "", "", &format!("{SKU}{lines}")), "line 19", "`lines` is a list");
}

#[test]
fn a_set_is_a_list_that_nobody_owns() {
    accepted(&config("prefer = \"newest\"", CLOCK, CLOCK, &fields("type = \"any\", set = true, ")));
    refused(&config("", "", "", &fields("set = true, ")), "line 17", "belongs to the type \"any\"");
    let owned = fields("type = \"any\", set = true, owner = \"till\", ");
    refused(&config("", "", "", &owned), "line 17", "till owns the field");
    let one_way = config("", "", "", &fields("type = \"any\", set = true, "))
        .replace("\"both\"", "\"till -> books\"");
    refused(&one_way, "line 17", "till owns the field");
    let both = fields("type = \"any\", set = true, counter = true, ");
    refused(&config("", "", "", &both), "line 17", "contradict each other");
    let chosen = fields("type = \"any\", set = true, prefer = \"till\", ");
    refused(&config("", "", "", &chosen), "line 17", "nothing is ever in conflict");
}

#[test]
fn a_stocktake_belongs_to_a_counter() {
    let counter = "type = \"decimal\", counter = true, ";
    accepted(&config("", "", "", &fields(&format!("{counter}stocktake = \"books\", "))));
    let without = fields("type = \"decimal\", stocktake = \"books\", ");
    refused(&config("", "", "", &without), "line 17", "needs counter = true");
    let unknown = fields(&format!("{counter}stocktake = \"boks\", "));
    refused(&config("", "", "", &unknown), "line 17", "did you mean `books`");
    let owned = fields(&format!("{counter}owner = \"till\", stocktake = \"books\", "));
    refused(&config("", "", "", &owned), "line 17", "remove one of the two");
    let chosen = fields(&format!("{counter}prefer = \"till\", "));
    refused(&config("", "", "", &chosen), "line 17", "nothing is ever in conflict");
    refused(&config("", "", "", &fields("counter = true, ")), "line 17", "only a decimal");
}

/// Two fields of one group with these settings of their own.
fn address(street: &str, city: &str) -> String {
    let group = "group = \"address\", ";
    let (street, city) = (format!("{group}{street}"), format!("{group}{city}"));
    format!("{SKU}{}{}", field("street", &street), field("city", &city))
}

#[test]
fn the_fields_of_a_group_have_one_rule() {
    for rule in ["till", "manual", "newest", "keep-both"] {
        let prefer = format!("prefer = \"{rule}\"\ncopies = \"sku\"");
        accepted(&config(&prefer, CLOCK, CLOCK, &address("", "")));
    }
    let differ = address("prefer = \"till\", ", "prefer = \"books\", ");
    refused(&config("", "", "", &differ), "line 18", "differs from that of `street`");
    let owned = address("owner = \"till\", ", "");
    refused(&config("", "", "", &owned), "line 17", "till owns it");
    let counter = address("", "type = \"decimal\", counter = true, ");
    refused(&config("", "", "", &counter), "line 18", "a counter adds up");
    let set = address("", "type = \"any\", set = true, ");
    refused(&config("", "", "", &set), "line 18", "a set is joined");
    refused(&config("prefer = \"greatest\"", "", "", &address("", "")), "line 17", "have no order");
}

#[test]
fn a_group_of_one_is_a_slip_of_the_pen() {
    let alone = fields("group = \"adress\", ");
    refused(&config("", "", "", &alone), "line 17", "alone in the group `adress`");
    let near = format!("{}{}", address("", ""), field("zip", "group = \"adress\", "));
    refused(&config("", "", "", &near), "line 19", "did you mean `address`");
    let name = fields("group = \"The Address\", ");
    refused(&config("", "", "", &name), "line 17", "cannot be a name");
}

#[test]
fn a_copy_needs_a_text_of_its_own() {
    let keep = |copies: &str| format!("prefer = \"keep-both\"\n{copies}");
    let plain = fields("");
    refused(&config(&keep(""), "", "", &plain), "line 11", "copies = \"FIELD\"");
    refused(&config(&keep("copies = \"nam\""), "", "", &plain), "line 12", "did you mean `name`");
    refused(&config(&keep("copies = \"name\""), "", "", &plain), "line 12", "part of `key`");
    let number = fields("type = \"decimal\", ");
    refused(&config(&keep("copies = \"name\""), "", "", &number), "line 12", "not a text");
    let lone = format!("{SKU}name = {{ till = \"name\" }}\n");
    refused(&config(&keep("copies = \"name\""), "", "", &lone), "line 12", "books does not carry");
    let closed =
        config(&keep("copies = \"sku\""), ", creates = false", ", creates = false", &plain);
    refused(&closed, "line 12", "no side has `creates`");
    let keyless = config(&keep("copies = \"name\""), "", "", &plain).replace("key = [\"sku\"]", "");
    accepted(&keyless);
}

#[test]
fn a_policy_of_ones_own_is_refused_by_the_program_with_what_to_do() {
    let own = config("", "", "", &fields("prefer = \"policy longest\", "));
    let ran = Shop::new(&own).run(&["sync"]);
    assert_eq!(ran.code, 2);
    for part in ["entity `product`, field `name`", "`longest`", "Policies::with"] {
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    assert!(mizan::Config::parse(&own, std::path::Path::new(".")).is_ok(), "a library may know it");
    let version = config("prefer = \"policy longest/1\"", "", "", &fields(""));
    refused(&version, "line 11", "write \"policy longest\"");
    refused(&config("prefer = \"policy \"", "", "", &fields("")), "line 11", "needs one name");
}
