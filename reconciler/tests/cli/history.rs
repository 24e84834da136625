//! The past as a person asks it: what was, why, whose, what differs, and back again.

use super::pair::{Pair, configured};
use super::support::{Ran, Shop, TWO_FOLDERS};
use serde_json::{Value as Json, json};

const FIELDS: &[(&str, &str)] = &[("name", ""), ("price", "type = \"decimal\"")];

fn head(shop: &Shop) -> u64 {
    shop.run(&["status", "--json"]).json()["events"].as_u64().expect("a number")
}

fn ran(shop: &Shop, arguments: &[&str], code: i32) -> Ran {
    let ran = shop.run(arguments);
    assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
    ran
}

/// Both agree on product A, then the till changes its price, and that is carried; the heads before and after.
fn repriced() -> (Pair, u64, u64) {
    let pair = Pair::agreed("prefer = \"till\"", FIELDS, &json!({ "name": "Tea", "price": 4 }));
    let before = head(&pair.0);
    pair.writes("till", &json!({ "price": 9 }));
    pair.syncs(0);
    let after = head(&pair.0);
    (pair, before, after)
}

struct Undo<'a> {
    pair: &'a Pair,
    span: [String; 2],
}

impl<'a> Undo<'a> {
    fn of(pair: &'a Pair, from: u64, to: u64) -> Self {
        Self { pair, span: [from.to_string(), to.to_string()] }
    }

    fn run(&self, more: &[&str], code: i32) -> Ran {
        let mut arguments = vec!["undo", "--from", &self.span[0], "--to", &self.span[1]];
        arguments.extend(more);
        ran(&self.pair.0, &arguments, code)
    }

    fn plan(&self, code: i32) -> Json {
        self.run(&["--json"], code).json()
    }

    fn approve(&self, hash: &Json, code: i32) -> Ran {
        let hash = hash.as_str().expect("a hash");
        self.run(&["--approve", hash, "--by", "huda", "--why", "wrong price list"], code)
    }

    /// Shown, approved as it was shown.
    fn done(&self, code: i32) {
        let plan = self.plan(4);
        self.approve(&plan["hash"], code);
    }
}

#[test]
fn a_record_is_shown_as_it_was_by_position_and_by_time() {
    let (pair, before, after) = repriced();
    let at = before.to_string();
    let then = ran(&pair.0, &["as-of", &at, "product:A", "--json"], 0).json();
    assert_eq!(then["fields"][2]["field"], "price", "{then}");
    assert_eq!(then["fields"][2]["merged"]["decimal"], "4");
    assert_eq!(then["fields"][2]["sides"]["books"]["decimal"], "4");
    let now = ran(&pair.0, &["as-of", "now", "product:A"], 0);
    assert!(now.out.contains("in balance") && now.out.contains('9'), "{}", now.out);
    assert!(now.out.contains(&format!("after event {after}")), "{}", now.out);
    let early = ran(&pair.0, &["as-of", "1", "product:A"], 0);
    assert!(early.out.contains("was not known yet"), "{}", early.out);
    let time =
        ran(&pair.0, &["log", "--since", &(before - 1).to_string(), "--until", &at, "--json"], 0);
    let time = time.json()["at"].as_i64().expect("a time");
    let text = chrono::DateTime::from_timestamp_millis(time).expect("a time").to_rfc3339();
    let by_time = ran(&pair.0, &["as-of", &text, "product:A", "--json"], 0).json();
    assert_eq!((&by_time["at"], &by_time["fields"]), (&json!(before), &then["fields"]));
    let gone = ran(&pair.0, &["as-of", "999999"], 2);
    assert!(gone.err.contains("the log ends at event"), "{}", gone.err);
    assert!(ran(&pair.0, &["as-of", "yesterday"], 2).err.contains("no moment"));
}

#[test]
fn everything_is_shown_as_it_was_in_numbers_and_in_a_list() {
    let (pair, before, _) = repriced();
    let at = before.to_string();
    let all = ran(&pair.0, &["as-of", &at, "--json"], 0).json();
    assert_eq!(all["entities"][0]["standing"]["in balance"], 1, "{all}");
    let list = ran(&pair.0, &["as-of", &at, "--entity", "product"], 0);
    assert!(
        list.out.contains("Tea") && list.out.contains(" 4 ") && !list.out.contains(" 9 "),
        "{}",
        list.out
    );
    assert!(
        ran(&pair.0, &["as-of", &at, "--entity", "prodct"], 2).err.contains("there are product")
    );
}

#[test]
fn a_value_is_explained_by_what_it_rests_on_and_where_it_went() {
    let (pair, ..) = repriced();
    let told = ran(&pair.0, &["explain", "product:A", "price"], 0);
    for part in [
        "price = 9",
        "└─ event",
        "only one side had changed it (till)",
        "till showed 9",
        "carried to books",
        "belongs to r0",
    ] {
        assert!(told.out.contains(part), "{part:?} in {}", told.out);
    }
    let found = ran(&pair.0, &["explain", "product:A", "price", "--json"], 0).json();
    let root = found["derivation"]["root"].to_string();
    assert_eq!(found["derivation"]["nodes"][&root]["what"], "decided", "{found}");
    assert_eq!(found["derivation"]["carried"][0]["ended"], "done");
}

#[test]
fn blame_says_whose_edit_it_is_and_what_carried_it() {
    let (pair, before, _) = repriced();
    pair.writes("books", &json!({ "name": "Green tea" }));
    pair.syncs(0);
    let found = ran(&pair.0, &["blame", "product:A", "--json"], 0).json();
    let field = |name: &str| {
        let fields = found["fields"].as_array().expect("fields");
        fields.iter().find(|field| field["field"] == name).expect("the field").clone()
    };
    let edit = &field("price")["origin"]["edits"][0];
    assert_eq!((&edit["side"], &edit["count"]), (&json!("till"), &json!(2)), "{found}");
    let seen = edit["seq"].as_u64().expect("a position");
    assert!(seen > before);
    let span = [(seen - 1).to_string(), seen.to_string()];
    let event =
        ran(&pair.0, &["log", "--since", &span[0], "--until", &span[1], "--json"], 0).json();
    assert_eq!((&event["at"], &event["fact"]["kind"]), (&edit["at"], &json!("observed")));
    assert_eq!(field("price")["carried"][0]["side"], "books");
    assert_eq!(field("name")["origin"]["edits"][0]["side"], "books");
    assert_eq!(field("sku")["origin"]["edits"][0]["side"], "till");
    let told = ran(&pair.0, &["blame", "product:A"], 0);
    assert!(told.out.contains("till#2") && told.out.contains("books#"), "{}", told.out);
}

#[test]
fn the_log_is_filtered_by_kind_side_record_and_span() {
    let (pair, before, after) = repriced();
    let lines = |arguments: &[&str]| -> Vec<Json> {
        let ran = ran(&pair.0, &[&["log", "--all", "--json"], arguments].concat(), 0);
        ran.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    };
    assert_eq!(lines(&[]).len() as u64, after);
    let span = lines(&["--since", &before.to_string(), "--until", &after.to_string()]);
    assert_eq!(span.len() as u64, after - before);
    let kinds = lines(&["--kind", "intent,done", "--side", "books"]);
    assert_eq!(kinds.len(), 4, "a create and an update: {kinds:?}");
    assert!(kinds.iter().all(|event| {
        ["intent", "done"].contains(&event["fact"]["kind"].as_str().unwrap_or_default())
    }));
    assert!(lines(&["--kind", "intent", "--side", "till"]).is_empty());
    let record = lines(&["--record", "product:A", "--since", &before.to_string()]);
    assert!(!record.is_empty() && record.len() < span.len() + 1);
    assert_eq!(lines(&["--entity", "product", "--kind", "decided"]).len(), 2);
    assert!(ran(&pair.0, &["log", "--kind", "decide"], 2).err.contains("there are opened"));
    assert!(ran(&pair.0, &["log", "--side", "shop"], 2).err.contains("there are books, till"));
}

#[test]
fn a_span_is_compared_and_a_copy_of_the_log_as_well() {
    let (pair, before, after) = repriced();
    let (a, b) = (before.to_string(), after.to_string());
    let found = ran(&pair.0, &["diff", &a, &b, "--json"], 0).json();
    assert_eq!(found["records"][0]["change"], "changed", "{found}");
    assert_eq!(found["records"][0]["fields"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["commands"][0]["ended"], "done");
    let told = ran(&pair.0, &["diff", &a, &b], 0);
    assert!(told.out.starts_with("1 changed, 1 values differ, 1 commands\n"), "{}", told.out);
    assert!(ran(&pair.0, &["diff", &b, &b], 0).out.starts_with("no difference"));
    assert_eq!(ran(&pair.0, &["diff", &b, &a], 2).out, "");
    let (from, to) = (pair.0.path().join("mizan-log"), pair.0.path().join("copy"));
    copy(&from, &to);
    let same = ran(&pair.0, &["diff", "--other", "copy"], 0);
    assert!(same.out.starts_with("no difference"), "{}", same.out);
    pair.writes("books", &json!({ "price": 5 }));
    pair.syncs(0);
    let later = ran(&pair.0, &["diff", "--other", "copy", "--json"], 0).json();
    assert_eq!((&later["common"], &later["b"]["at"]), (&json!(after), &json!(after)), "{later}");
    assert_eq!(later["records"][0]["fields"][0]["b"]["decimal"], "9");
    assert_eq!(later["commands"][0]["in_b"], false);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn an_undo_is_shown_first_and_then_carried_out_once() {
    let (pair, before, after) = repriced();
    let undo = Undo::of(&pair, before, after);
    let log = pair.0.log_bytes();
    let plan = undo.plan(4);
    let one = &plan["records"][0];
    assert_eq!(
        (&one["action"], &one["fields"][0]["to"]["decimal"]),
        (&json!("restore"), &json!("4"))
    );
    let sends: Vec<_> =
        one["sends"].as_array().expect("sends").iter().map(|send| send["side"].clone()).collect();
    assert_eq!(sends, ["books", "till"], "{plan}");
    let told = undo.run(&[], 4);
    assert!(told.err.contains(plan["hash"].as_str().expect("a hash")), "{}", told.err);
    assert_eq!(pair.0.log_bytes(), log, "a plan appends nothing");
    let wrong = undo.approve(&json!("0".repeat(64)), 4);
    assert!(wrong.err.contains("another plan"), "{}", wrong.err);
    assert_eq!(pair.0.log_bytes(), log);
    undo.approve(&plan["hash"], 0);
    pair.syncs(0);
    pair.both_show("price", &json!(4));
    pair.explained("price", "huda chose 4 (wrong price list; undo of events");
    let again = undo.approve(&plan["hash"], 4);
    assert!(again.err.contains("another plan"), "an approval works once: {}", again.err);
}

#[test]
fn an_undo_can_be_undone() {
    let (pair, before, after) = repriced();
    Undo::of(&pair, before, after).done(0);
    pair.syncs(0);
    let undone = head(&pair.0);
    Undo::of(&pair, after, undone).done(0);
    pair.syncs(0);
    pair.both_show("price", &json!(9));
    ran(&pair.0, &["replay", "--verify"], 0);
}

#[test]
fn what_was_changed_after_the_span_stays() {
    let (pair, before, after) = repriced();
    pair.writes("books", &json!({ "price": 5 }));
    pair.syncs(0);
    let plan = Undo::of(&pair, before, after).plan(3);
    assert_eq!(plan["records"][0]["action"], "leave", "{plan}");
    assert_eq!(plan["records"][0]["left"][0]["why"]["why"], "changed_since");
    pair.both_show("price", &json!(5));
}

#[test]
fn an_edit_that_comes_between_the_undo_and_the_sync_is_not_overwritten() {
    let (pair, before, after) = repriced();
    Undo::of(&pair, before, after).done(0);
    pair.writes("till", &json!({ "price": 11 }));
    pair.syncs(0);
    pair.both_show("price", &json!(11));
}

#[test]
fn a_value_that_lost_to_a_decision_comes_back() {
    let pair = Pair::agreed("prefer = \"manual\"", FIELDS, &json!({ "name": "Tea", "price": 4 }));
    pair.writes("till", &json!({ "price": 7 }));
    pair.writes("books", &json!({ "price": 8 }));
    pair.syncs(3);
    let before = head(&pair.0);
    assert_eq!(pair.resolves(&["--take", "till"]).code, 0);
    pair.syncs(0);
    pair.both_show("price", &json!(7));
    let undo = Undo::of(&pair, before, head(&pair.0));
    let plan = undo.plan(4);
    assert_eq!(plan["records"][0]["fields"][0]["because"]["lost"]["side"], "books", "{plan}");
    undo.approve(&plan["hash"], 0);
    pair.syncs(0);
    pair.both_show("price", &json!(8));
}

#[test]
fn a_deleted_record_is_created_again_and_that_can_be_undone() {
    let pair = Pair::agreed("prefer = \"till\"", FIELDS, &json!({ "name": "Tea", "price": 4 }));
    let before = head(&pair.0);
    pair.deletes("till");
    pair.syncs(0);
    assert!(pair.0.names("books/products").is_empty());
    let after = head(&pair.0);
    let plan = Undo::of(&pair, before, after).plan(4);
    assert_eq!(plan["records"][0]["action"], "create_again", "{plan}");
    let named = Undo::of(&pair, before, after).run(&["--record", "product:A", "--json"], 4);
    assert_eq!(named.json()["records"], plan["records"], "its key still names it");
    Undo::of(&pair, before, after).approve(&plan["hash"], 0);
    pair.syncs(0);
    assert_eq!(pair.0.names("books/products").len(), 1);
    assert_eq!(pair.0.names("till/products").len(), 1);
    let again = pair.0.sync();
    assert_eq!(again.json()["counts"]["events"], 0, "{}", again.out);
    let made = head(&pair.0);
    let plan = Undo::of(&pair, after, made).plan(4);
    assert_eq!(plan["records"][0]["action"], "delete", "{plan}");
    Undo::of(&pair, after, made).approve(&plan["hash"], 0);
    pair.syncs(0);
    assert!(pair.0.names("books/products").is_empty() && pair.0.names("till/products").is_empty());
    let again = pair.0.sync();
    assert_eq!(again.json()["counts"]["events"], 0, "{}", again.out);
    // Exit code 1 where a decision is not what the rules make of what was known.
    ran(&pair.0, &["replay", "--verify"], 0);
}

#[test]
fn a_record_that_was_made_in_the_span_is_deleted_only_where_nothing_else_happened_to_it() {
    let shop = Shop::new(&configured("prefer = \"till\"", FIELDS));
    shop.put("till/products/A.json", &json!({ "sku": "A", "name": "Tea", "price": 4 }));
    shop.put("till/products/B.json", &json!({ "sku": "B", "name": "Mate", "price": 5 }));
    let pair = Pair(shop);
    pair.syncs(0);
    let after = head(&pair.0);
    pair.writes("books", &json!({ "price": 6 }));
    pair.syncs(0);
    let plan = Undo::of(&pair, 0, after).plan(4);
    let actions: Vec<_> = plan["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|one| (one["label"].clone(), one["action"].clone()))
        .collect();
    assert_eq!(actions, [(json!("A"), json!("leave")), (json!("B"), json!("delete"))], "{plan}");
    let all = Undo::of(&pair, 0, head(&pair.0)).plan(4);
    assert_eq!(all["records"][0]["left"][0]["why"]["why"], "touched", "{all}");
    Undo::of(&pair, 0, after).approve(&plan["hash"], 3);
    pair.syncs(0);
    assert_eq!(pair.0.names("books/products").len(), 1, "A stays");
    pair.both_show("price", &json!(6));
}

#[test]
fn an_edit_meets_a_delete_that_an_undo_wants_and_holds() {
    let shop = Shop::new(TWO_FOLDERS);
    shop.put("till/products/A.json", &json!({ "sku": "A", "name": "Tea", "price": 4 }));
    let pair = Pair(shop);
    pair.syncs(0);
    Undo::of(&pair, 0, head(&pair.0)).done(0);
    pair.writes("till", &json!({ "name": "Green tea" }));
    pair.syncs(0);
    assert_eq!(pair.0.names("books/products").len(), 1, "it lives on with the edit");
    assert_eq!(pair.row("till")["name"], "Green tea");
    let again = pair.0.sync();
    assert_eq!(again.json()["counts"]["events"], 0, "{}", again.out);
}

#[test]
fn a_final_document_waits_for_a_person_and_a_count_is_told() {
    let fields =
        &[("stock", "type = \"decimal\", counter = true"), ("price", "type = \"decimal\"")];
    let config = configured("prefer = \"till\"", fields);
    let pair = Pair(Shop::new(&config));
    pair.writes("till", &json!({ "stock": 10, "price": 4 }));
    pair.syncs(0);
    let before = head(&pair.0);
    pair.writes("till", &json!({ "stock": 7 }));
    pair.syncs(0);
    let plan = Undo::of(&pair, before, head(&pair.0)).plan(3);
    assert_eq!(plan["records"][0]["left"][0]["why"]["by"]["decimal"], "3", "{plan}");
    let config = config.replace(
        "books = { path = \"products\"",
        "books = { immutable = true, path = \"products\"",
    );
    std::fs::write(pair.0.path().join("mizan.toml"), config).expect("the configuration");
    let plan = Undo::of(&pair, before, head(&pair.0)).plan(4);
    assert_eq!(
        (&plan["records"][0]["action"], &plan["records"][0]["side"]),
        (&json!("correct"), &json!("books")),
        "{plan}"
    );
    Undo::of(&pair, before, head(&pair.0)).approve(&plan["hash"], 3);
    let parked = ran(&pair.0, &["parked", "list"], 3);
    assert!(parked.out.contains("credit note"), "{}", parked.out);
    let plan = Undo::of(&pair, before, head(&pair.0)).plan(4);
    assert_eq!(plan["records"][0]["action"], "correct", "it still does: {plan}");
}

#[test]
fn the_owner_of_a_field_is_not_written_to() {
    let fields = &[("note", "owner = \"till\"")];
    let pair = Pair::agreed("", fields, &json!({ "note": "old" }));
    let before = head(&pair.0);
    pair.writes("till", &json!({ "note": "new" }));
    pair.syncs(0);
    let plan = Undo::of(&pair, before, head(&pair.0)).plan(3);
    assert_eq!(plan["records"][0]["left"][0]["why"]["why"], "not_written", "{plan}");
    assert_eq!(plan["records"][0]["left"][0]["why"]["side"], "till");
}

#[test]
fn an_undo_needs_a_span_a_name_and_a_reason() {
    let (pair, before, after) = repriced();
    Undo::of(&pair, after, before).run(&[], 2);
    Undo::of(&pair, before, after).run(&["--approve", &"0".repeat(64)], 2);
    Undo::of(&pair, before, after).run(&["--record", "product:Z"], 2);
    let nothing = Undo::of(&pair, after, after).run(&[], 0);
    assert!(nothing.out.contains("nothing to take back"), "{}", nothing.out);
    let narrowed =
        Undo::of(&pair, before, after).run(&["--entity", "product", "--record", "product:A"], 4);
    assert!(
        narrowed.err.contains("--record product:A --entity product --approve"),
        "{}",
        narrowed.err
    );
}

#[test]
fn documents_of_qoyod_are_final_unless_it_is_said_otherwise() {
    let config = |more: &str| {
        let text = format!(
            "[sides.till]\nadapter = \"files\"\nroot = \"till\"\n\
             [sides.qoyod]\nadapter = \"qoyod\"\napi_key_env = \"KEY\"\n\
             [entities.invoice]\ndirection = \"push\"\nkey = [\"number\"]\n\
             [entities.invoice.sides]\ntill = {{ path = \"invoices\" }}\n\
             qoyod = {{ resource = \"invoices\"{more} }}\n\
             [entities.invoice.fields]\nnumber = {{ till = \"number\", qoyod = \"reference\" }}\n"
        );
        mizan::Config::parse(&text, std::path::Path::new(".")).expect("a configuration").immutable
    };
    assert_eq!(config("").len(), 1);
    assert!(config(", immutable = false").is_empty());
}
