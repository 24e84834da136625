//! The `files` adapter: formats, malformed input, guarded writes, names.

#![allow(missing_docs, clippy::unwrap_used)]

use mizan_adapters::files::{Files, FilesError};
use mizan_adapters::{
    Adapter, Answer, Binding, Fault, Fetched, Known, Listed, Order, Page, Probe, Pull, Refusal, Row,
};
use mizan_core::command::command_id;
use mizan_core::lens::{FieldPath, Lens, Style};
use mizan_core::{
    Command, ContentHash, Ext, FieldSet, Image, Item, Name, Operation, RecordId, Seq, SideId, Type,
    Value, VersionVector,
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

#[derive(Default)]
struct Tags(HashMap<Ext, u64>);

impl Known for Tags {
    fn tag(&self, ext: &Ext) -> Option<u64> {
        self.0.get(ext).copied()
    }
}

fn field(name: &str, kind: Type, path: &str) -> FieldPath {
    FieldPath { field: Name::new(name), kind, path: path.parse().unwrap(), items: Vec::new() }
}

fn product_fields() -> Vec<FieldPath> {
    vec![
        field("name", Type::Text, "name"),
        field("price", Type::Decimal, "price"),
        field("sku", Type::Text, "sku"),
    ]
}

fn bind(options: Json, fields: Vec<FieldPath>, key: &[&str]) -> Binding {
    Binding {
        entity: Name::new("product"),
        lens: Lens { side: SideId::new("pos"), fields, style: Style::default() },
        key: key.iter().map(Name::new).collect(),
        options,
        on_create: serde_json::Map::new(),
    }
}

fn side(root: &Path, binding: Binding) -> Files {
    Files::new(SideId::new("pos"), root.to_owned(), vec![binding]).unwrap()
}

/// A root with an empty directory of products, and its side.
fn directory() -> (TempDir, Files) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("product")).unwrap();
    let files = side(root.path(), bind(json!({}), product_fields(), &["sku"]));
    (root, files)
}

/// A root with one file, and its side.
fn file(name: &str, content: impl AsRef<[u8]>, binding: Binding) -> (TempDir, Files) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(name), content).unwrap();
    let files = side(root.path(), binding);
    (root, files)
}

fn put(root: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    fs::write(root.path().join("product").join(name), content).unwrap();
}

fn text(root: &TempDir, name: &str) -> String {
    fs::read_to_string(root.path().join(name)).unwrap()
}

fn age(path: &Path) {
    let old = SystemTime::now() - Duration::from_secs(60);
    File::options().append(true).open(path).unwrap().set_modified(old).unwrap();
}

fn entity() -> Name {
    Name::new("product")
}

async fn pull(files: &Files, tags: &Tags) -> Result<Page, Fault> {
    let entity = entity();
    let mut all = Page::default();
    loop {
        let token = all.next.take();
        let page = files.pull(&entity, Pull::All, token.as_deref(), tags).await?;
        all.rows.extend(page.rows);
        all.complete = page.complete;
        all.next = page.next;
        if all.next.is_none() {
            return Ok(all);
        }
    }
}

async fn listed(files: &Files) -> Page {
    pull(files, &Tags::default()).await.unwrap()
}

fn rows(page: &Page) -> Vec<&Row> {
    let row = |listed: &'_ Listed| matches!(listed, Listed::Row(_));
    let rows = page.rows.iter().filter(|listed| row(listed));
    rows.map(|listed| if let Listed::Row(row) = listed { row } else { unreachable!() }).collect()
}

fn bad(page: &Page) -> Vec<(String, Option<String>, String)> {
    let mut found = Vec::new();
    for listed in &page.rows {
        if let Listed::Bad { at, ext, why } = listed {
            let at = at.rsplit('/').next().unwrap().to_owned();
            found.push((at, ext.as_ref().map(ToString::to_string), why.clone()));
        }
    }
    found
}

fn exts(page: &Page) -> Vec<&str> {
    rows(page).into_iter().map(|row| row.ext.as_str()).collect()
}

fn image<const N: usize>(fields: [(&str, Value); N]) -> Image {
    fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect()
}

fn product(sku: &str, name: &str, price: &str) -> Image {
    image([
        ("name", Value::text(name)),
        ("price", Value::decimal(price.parse().unwrap())),
        ("sku", Value::text(sku)),
    ])
}

fn command(record: u32, operation: Operation, set: &Image) -> Command {
    let (log, side) = (ContentHash([7; 32]), SideId::new("pos"));
    Command {
        id: command_id(&log, 1, RecordId(record), 0, &side, &operation, &set.hash(), Seq(1)),
        record: RecordId(record),
        entity: entity(),
        side,
        operation,
        fields: FieldSet::EMPTY,
        set: set.hash(),
        contains: VersionVector::default(),
        refers_to: Vec::new(),
    }
}

async fn create(files: &Files, record: u32, set: &Image) -> Answer {
    let command = command(record, Operation::Create, set);
    files.execute(Order { command: &command, set, expect: None }).await.unwrap()
}

async fn update(files: &Files, ext: &str, set: &Image, expect: &Image) -> Result<Answer, Fault> {
    let operation = Operation::Update { ext: Ext::new(ext), expect: expect.hash() };
    let command = command(1, operation, set);
    files.execute(Order { command: &command, set, expect: Some(expect) }).await
}

async fn delete(files: &Files, ext: &str, expect: &Image) -> Result<Answer, Fault> {
    let operation = Operation::Delete { ext: Ext::new(ext), expect: expect.hash() };
    let (command, set) = (command(1, operation, &Image::default()), Image::default());
    files.execute(Order { command: &command, set: &set, expect: Some(expect) }).await
}

async fn get(files: &Files, ext: &str) -> Result<Fetched, Fault> {
    files.get(&entity(), &Ext::new(ext)).await
}

fn done(answer: Answer) -> Row {
    match answer {
        Answer::Done { row: Some(row), .. } => row,
        other => panic!("not done: {other:?}"),
    }
}

fn refusal(answer: Answer) -> Refusal {
    match answer {
        Answer::Refused { why, .. } => why,
        other => panic!("not refused: {other:?}"),
    }
}

fn options_error(options: Json) -> String {
    let binding = bind(options, product_fields(), &[]);
    match Files::new(SideId::new("pos"), "root".into(), vec![binding]) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("accepted"),
    }
}

// Options.

#[test]
fn unknown_options_are_refused_with_the_known_ones() {
    let error = options_error(json!({"format": "dir", "pth": "x"}));
    assert!(error.contains("`product`") && error.contains("`pth`"), "{error}");
    assert!(error.contains("`path`") && error.contains("`durability`"), "{error}");
    let error = options_error(json!({"format": "csv", "path": "x", "id": "a", "sort": 1}));
    assert!(error.contains("`on_ambiguous`") && error.contains("`computed`"), "{error}");
    let error = options_error(json!({"format": "xml"}));
    assert!(error.contains("dir, jsonl, csv"), "{error}");
    assert!(options_error(json!({"format": "jsonl", "path": "x"})).contains("`id`"));
    assert!(options_error(json!({"durability": "never"})).contains("`batch`"));
}

#[test]
fn paths_stay_within_the_root() {
    for path in ["../x", "/etc", "a/../b", ""] {
        assert!(options_error(json!({"path": path})).contains("within the root"), "{path}");
    }
    let csv = json!({"format": "csv", "path": "x.csv", "id": "id", "lines": "lines"});
    assert!(options_error(csv).contains("group"));
}

#[test]
fn two_entities_do_not_share_a_place() {
    let first = bind(json!({"path": "p"}), product_fields(), &[]);
    let mut second = bind(json!({"path": "./p"}), product_fields(), &[]);
    second.entity = Name::new("customer");
    let error = Files::new(SideId::new("pos"), "root".into(), vec![first, second]).err();
    assert!(matches!(error, Some(FilesError::SamePath { .. })));
}

#[tokio::test]
async fn capabilities_follow_the_format() {
    let (_root, files) = directory();
    let dir = files.capabilities(&entity());
    assert!(dir.sweep && dir.idempotent && dir.unique_key && dir.find_by_key && !dir.since);
    assert!(!files.capabilities(&Name::new("other")).sweep);
    let csv = json!({"format": "csv", "path": "x.csv", "id": "sku"});
    let csv = side(Path::new("nowhere"), bind(csv, product_fields(), &[]));
    let offered = csv.capabilities(&entity());
    assert!(offered.sweep && !offered.create && !offered.update && !offered.delete);
    let answer = create(&csv, 1, &product("a", "A", "1")).await;
    assert_eq!(refusal(answer), Refusal::Unsupported);
    let since = Pull::Since(mizan_core::Timestamp(0));
    assert!(files.pull(&entity(), since, None, &Tags::default()).await.is_err());
}

// Directories: reading.

#[tokio::test]
async fn a_directory_is_listed_in_order_and_others_files_are_left_alone() {
    let (root, files) = directory();
    put(&root, "b.json", r#"{"sku":"b","name":"قهوة عربية","price":"12.50","x":1}"#);
    put(&root, "a.json", "\u{feff}{\"sku\":\"a\",\"price\":3}");
    put(&root, ".hidden.json", "{}");
    put(&root, "notes.txt", "{}");
    let page = listed(&files).await;
    assert!(page.complete);
    assert_eq!(exts(&page), ["a", "b"]);
    assert_eq!(rows(&page)[0].image.get("name"), None);
    assert_eq!(rows(&page)[1].image, product("b", "قهوة عربية", "12.5"));
}

#[tokio::test]
async fn what_cannot_be_read_is_reported_and_is_not_absent() {
    let (root, files) = directory();
    put(&root, "array.json", "[1]");
    put(&root, "empty.json", "");
    put(&root, "half.json", r#"{"sku":"half","na"#);
    put(&root, "latin.json", b"{\"sku\":\"\xe9\"}");
    put(&root, "price.json", r#"{"price":"cheap"}"#);
    put(&root, "sound.json", r#"{"sku":"sound"}"#);
    fs::create_dir(root.path().join("product/folder.json")).unwrap();
    let large = File::create(root.path().join("product/large.json")).unwrap();
    large.set_len((16 << 20) + 1).unwrap();
    let page = listed(&files).await;
    assert!(page.complete);
    assert_eq!(exts(&page), ["sound"]);
    let found = bad(&page);
    let names: Vec<_> = found.iter().map(|(_, ext, _)| ext.as_deref().unwrap()).collect();
    assert_eq!(names, ["array", "empty", "folder", "half", "large", "latin", "price"]);
    let why = |at: usize| found[at].2.as_str();
    assert!(why(0).contains("not a JSON object"));
    assert!(why(3).contains("ends too early"));
    assert!(why(4).contains("larger than 16 MiB"));
    assert!(why(6).contains("`price`") && !why(6).contains("cheap"));
    assert_eq!(found[3].0, "half.json");
    for ext in names {
        assert!(matches!(get(&files, ext).await, Err(Fault::BadAnswer(_))), "{ext}");
    }
    assert_eq!(get(&files, "other").await, Ok(Fetched::NotFound));
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed_and_strange_names_are_reported() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (root, files) = directory();
    put(&root, "real.json", r#"{"sku":"real"}"#);
    let dir = root.path().join("product");
    std::os::unix::fs::symlink(dir.join("real.json"), dir.join("link.json")).unwrap();
    fs::write(dir.join(OsStr::from_bytes(b"\xff.json")), "{}").unwrap();
    let page = listed(&files).await;
    assert_eq!(exts(&page), ["real"]);
    let found = bad(&page);
    assert!(found.iter().any(|(_, ext, why)| ext.is_none() && why.contains("UTF-8")));
    let link = |(_, ext, why): &(String, Option<String>, String)| {
        ext.as_deref() == Some("link") && why.contains("symbolic link")
    };
    assert!(found.iter().any(link));
    assert!(matches!(get(&files, "link").await, Err(Fault::BadAnswer(_))));
    let (set, expect) = (image([("name", Value::text("x"))]), Image::default());
    let answer = update(&files, "link", &set, &expect).await.unwrap();
    assert_eq!(refusal(answer), Refusal::Locked);
    assert_eq!(text(&root, "product/real.json"), r#"{"sku":"real"}"#);
}

#[tokio::test]
async fn a_missing_directory_is_a_fault_and_not_an_empty_listing() {
    let (root, files) = directory();
    put(&root, "a.json", r#"{"sku":"a"}"#);
    fs::rename(root.path().join("product"), root.path().join("away")).unwrap();
    let fault = pull(&files, &Tags::default()).await.unwrap_err();
    assert!(fault.to_string().contains("is not there; nothing is taken as deleted"), "{fault}");
    assert!(matches!(get(&files, "a").await, Err(Fault::BadAnswer(_))));
    let gone = delete(&files, "a", &image([("sku", Value::text("a"))])).await;
    assert!(matches!(gone, Err(Fault::NotSent(_))));
    let set = product("b", "B", "1");
    let order = command(1, Operation::Create, &set);
    let made = files.execute(Order { command: &order, set: &set, expect: None }).await;
    assert!(matches!(made, Err(Fault::NotSent(_))));
    fs::write(root.path().join("product"), "a file").unwrap();
    let fault = pull(&files, &Tags::default()).await.unwrap_err();
    assert!(fault.to_string().contains("nothing is taken as deleted"), "{fault}");
}

#[tokio::test]
async fn a_directory_that_vanishes_between_pages_is_a_fault() {
    let (root, files) = directory();
    for number in 0..4_100 {
        put(&root, &format!("p{number:05}.json"), r#"{"sku":"x"}"#);
    }
    let first = files.pull(&entity(), Pull::All, None, &Tags::default()).await.unwrap();
    assert_eq!((first.rows.len(), first.complete), (2_000, false));
    fs::remove_file(root.path().join("product/p02001.json")).unwrap();
    let token = first.next.as_deref();
    let second = files.pull(&entity(), Pull::All, token, &Tags::default()).await.unwrap();
    assert_eq!((second.rows.len(), second.complete), (1_999, false));
    fs::rename(root.path().join("product"), root.path().join("away")).unwrap();
    fs::create_dir(root.path().join("product")).unwrap();
    let token = second.next.as_deref();
    let third = files.pull(&entity(), Pull::All, token, &Tags::default()).await;
    assert!(matches!(third, Err(Fault::BadAnswer(_))));
}

#[tokio::test]
async fn a_token_of_an_earlier_process_begins_again() {
    let (root, files) = directory();
    put(&root, "a.json", r#"{"sku":"a"}"#);
    let page = files.pull(&entity(), Pull::All, Some("77:2000"), &Tags::default()).await.unwrap();
    assert_eq!(exts(&page), ["a"]);
    assert!(page.complete);
}

#[tokio::test]
async fn known_versions_are_not_read_again() {
    let (root, files) = directory();
    put(&root, "a.json", r#"{"sku":"a"}"#);
    put(&root, "b.json", r#"{"sku":"b"}"#);
    let path = root.path().join("product/b.json");
    age(&root.path().join("product/a.json"));
    age(&path);
    let page = listed(&files).await;
    let tags = Tags(rows(&page).iter().map(|row| (row.ext.clone(), row.tag.unwrap())).collect());
    let again = pull(&files, &tags).await.unwrap();
    let same = |name| Listed::Same(Ext::new(name));
    assert_eq!((again.rows, again.complete), (vec![same("a"), same("b")], true));
    // Same size, same time of writing: the change time gives it away.
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, r#"{"sku":"c"}"#).unwrap();
    File::options().append(true).open(&path).unwrap().set_modified(times).unwrap();
    let third = pull(&files, &tags).await.unwrap();
    assert!(third.rows.contains(&same("a")));
    assert_eq!(rows(&third)[0].image.get("sku"), Some(&Value::text("c")));
}

#[tokio::test]
async fn a_version_that_is_too_new_gets_no_tag() {
    let (root, files) = directory();
    put(&root, "a.json", r#"{"sku":"a"}"#);
    let path = root.path().join("product/a.json");
    let soon = SystemTime::now() + Duration::from_secs(60);
    File::options().append(true).open(&path).unwrap().set_modified(soon).unwrap();
    assert_eq!(rows(&listed(&files).await)[0].tag, None);
}

// Directories: writing.

#[tokio::test]
async fn a_create_makes_a_file_that_reads_back_the_same() {
    let (root, files) = directory();
    let set = product("7-A", "قهوة", "12.50");
    let row = done(create(&files, 1, &set).await);
    assert_eq!((row.ext.as_str(), &row.image), ("7-A", &set));
    let content = text(&root, "product/7-A.json");
    assert_eq!(content, r#"{"name":"قهوة","price":12.5,"sku":"7-A"}"#);
    let tags = Tags([(row.ext.clone(), row.tag.unwrap())].into());
    assert_eq!(pull(&files, &tags).await.unwrap().rows, [Listed::Same(row.ext)]);
    assert_eq!(fs::read_dir(root.path().join("product")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_create_repeated_is_done_once_and_another_content_is_refused() {
    let (root, files) = directory();
    let set = product("a", "A", "1");
    let first = done(create(&files, 1, &set).await);
    let again = done(create(&files, 1, &set).await);
    assert_eq!((first.ext.as_str(), first.image), ("a", again.image));
    let other = create(&files, 2, &product("a", "B", "2")).await;
    assert_eq!(refusal(other), Refusal::KeyTaken(Some(Ext::new("a"))));
    put(&root, "half.json", "{");
    let other = create(&files, 3, &product("half", "B", "2")).await;
    assert_eq!(refusal(other), Refusal::KeyTaken(Some(Ext::new("half"))));
    assert_eq!(text(&root, "product/half.json"), "{");
}

#[tokio::test]
async fn creates_at_the_same_time_with_one_name_leave_one_winner() {
    let (root, files) = directory();
    let files = std::sync::Arc::new(files);
    let tries: Vec<_> = (0..16)
        .map(|number| {
            let files = files.clone();
            tokio::spawn(async move {
                let set = product("a", &format!("name {number}"), "1");
                matches!(create(&files, number, &set).await, Answer::Done { .. })
            })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        won += usize::from(one.await.unwrap());
    }
    assert_eq!(won, 1);
    assert_eq!(fs::read_dir(root.path().join("product")).unwrap().count(), 1);
}

#[tokio::test]
async fn strange_keys_make_safe_names() {
    let (root, files) = directory();
    let long = "ق".repeat(300);
    for (number, key) in
        ["0", "007", "a/b", "..", ".", "a b", "%", "قهوة", "../../x", &long].iter().enumerate()
    {
        let set = product(key, "x", "1");
        let row = done(create(&files, u32::try_from(number).unwrap(), &set).await);
        let Ok(Fetched::Found(again)) = get(&files, row.ext.as_str()).await else {
            panic!("{key}")
        };
        assert_eq!((again.ext, again.image), (row.ext, row.image), "{key}");
    }
    let page = listed(&files).await;
    let found = exts(&page);
    for name in ["0", "007", "a%2Fb", "%2E.", "%2E", "a%20b", "%25", "قهوة", "%2E.%2F..%2Fx"] {
        assert!(found.contains(&name), "{name} in {found:?}");
    }
    let long = found.iter().find(|name| name.len() > 100).unwrap();
    assert!(long.len() <= 200 && long.starts_with("قق") && long.is_char_boundary(long.len() - 16));
    assert_eq!(found.len(), 10);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn without_a_key_the_marker_is_the_name() {
    let (root, _) = directory();
    let files = side(root.path(), bind(json!({}), product_fields(), &[]));
    let set = product("a", "A", "1");
    let row = done(create(&files, 1, &set).await);
    assert_eq!(row.ext.as_str(), command(1, Operation::Create, &set).marker());
    let keyed = side(root.path(), bind(json!({}), product_fields(), &["sku", "name"]));
    let row = done(create(&keyed, 1, &set).await);
    assert_eq!(row.ext.as_str(), "a~A");
    let empty = image([("sku", Value::text("")), ("name", Value::text("A"))]);
    let row = done(create(&keyed, 2, &empty).await);
    assert_eq!(row.ext.as_str(), command(2, Operation::Create, &empty).marker());
}

#[tokio::test]
async fn new_rows_get_the_fields_that_the_side_asks_for() {
    let (root, _) = directory();
    let mut binding = bind(json!({}), product_fields(), &["sku"]);
    binding.on_create = json!({"active": true}).as_object().unwrap().clone();
    done(create(&side(root.path(), binding), 1, &product("a", "A", "1")).await);
    let content = text(&root, "product/a.json");
    assert_eq!(content, r#"{"active":true,"name":"A","price":1,"sku":"a"}"#);
}

#[tokio::test]
async fn an_update_keeps_what_is_not_mapped() {
    let (root, files) = directory();
    put(&root, "a.json", r#"{"zoom":1.50,"sku":"a","name":"A","tags":["x",{"y":null}],"price":1}"#);
    let set = image([("name", Value::text("B"))]);
    let row = done(update(&files, "a", &set, &product("a", "A", "1")).await.unwrap());
    assert_eq!(row.image, product("a", "B", "1"));
    assert!(row.tag.is_some());
    let content = text(&root, "product/a.json");
    assert_eq!(content, r#"{"name":"B","price":1,"sku":"a","tags":["x",{"y":null}],"zoom":1.50}"#);
    // The same command again finds its own work, and leaves it as it is.
    let again = done(update(&files, "a", &set, &product("a", "A", "1")).await.unwrap());
    assert_eq!(again.image, row.image);
    assert_eq!(text(&root, "product/a.json"), content);
}

#[cfg(unix)]
#[tokio::test]
async fn an_update_keeps_the_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let (root, files) = directory();
    put(&root, "a.json", r#"{"sku":"a","name":"A","price":1}"#);
    let path = root.path().join("product/a.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let set = image([("name", Value::text("B"))]);
    done(update(&files, "a", &set, &product("a", "A", "1")).await.unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn a_row_that_changed_under_us_is_not_written() {
    let (root, files) = directory();
    let native = r#"{"sku":"a","name":"theirs","price":1}"#;
    put(&root, "a.json", native);
    let (set, expect) = (image([("name", Value::text("ours"))]), product("a", "A", "1"));
    let changed = |answer: Answer| match answer {
        Answer::Changed(row) => row.image,
        other => panic!("{other:?}"),
    };
    let seen = changed(update(&files, "a", &set, &expect).await.unwrap());
    assert_eq!(seen, product("a", "theirs", "1"));
    changed(delete(&files, "a", &expect).await.unwrap());
    assert_eq!(text(&root, "product/a.json"), native);
    // A field that was expected and is not there any more is a change too.
    put(&root, "a.json", r#"{"sku":"a","name":"A"}"#);
    changed(update(&files, "a", &set, &expect).await.unwrap());
    // A write without an expectation would be a blind one.
    let operation = Operation::Update { ext: Ext::new("a"), expect: expect.hash() };
    let blind = command(1, operation, &set);
    let answer = files.execute(Order { command: &blind, set: &set, expect: None }).await.unwrap();
    changed(answer);
}

#[tokio::test]
async fn updates_and_deletes_of_missing_and_broken_rows() {
    let (root, files) = directory();
    let (set, expect) = (image([("name", Value::text("B"))]), product("a", "A", "1"));
    assert_eq!(update(&files, "a", &set, &expect).await, Ok(Answer::Gone));
    assert_eq!(delete(&files, "a", &expect).await, Ok(Answer::Deleted));
    put(&root, "a.json", r#"{"sku":"a","na"#);
    assert_eq!(refusal(update(&files, "a", &set, &expect).await.unwrap()), Refusal::Locked);
    assert_eq!(refusal(delete(&files, "a", &expect).await.unwrap()), Refusal::Locked);
    put(&root, "a.json", r#"{"sku":"a","name":"A","price":"1.0"}"#);
    assert_eq!(delete(&files, "a", &expect).await, Ok(Answer::Deleted));
    assert!(!root.path().join("product/a.json").exists());
    for outside in ["../x", "a/b", "", ".a"] {
        let answer = delete(&files, outside, &expect).await.unwrap();
        assert_eq!(refusal(answer), Refusal::Unsupported, "{outside}");
        assert!(matches!(get(&files, outside).await, Err(Fault::BadAnswer(_))), "{outside}");
    }
}

#[tokio::test]
async fn an_unfinished_file_of_a_crash_is_neither_read_nor_in_the_way() {
    let (root, files) = directory();
    let dir = root.path().join("product");
    let set = product("a", "A", "1");
    done(create(&files, 1, &set).await);
    // A crash between the two steps of a create leaves a second name of the record itself.
    fs::hard_link(dir.join("a.json"), dir.join(".mizan.tmp.a.json")).unwrap();
    assert_eq!(exts(&listed(&files).await), ["a"]);
    let change = image([("name", Value::text("B"))]);
    done(update(&files, "a", &change, &set).await.unwrap());
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    fs::write(dir.join(".mizan.tmp.old.json"), "{").unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(7_200);
    let left = File::options().append(true).open(dir.join(".mizan.tmp.old.json")).unwrap();
    left.set_modified(long_ago).unwrap();
    listed(&files).await;
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}

#[tokio::test]
async fn rows_are_found_by_their_key() {
    let (root, files) = directory();
    put(&root, "1.json", r#"{"sku":" A-1 ","name":"x"}"#);
    put(&root, "2.json", r#"{"sku":"a-1"}"#);
    put(&root, "3.json", r#"{"sku":"a-2"}"#);
    let probe = image([("sku", Value::text("a-1"))]);
    let found = files.find(&entity(), Probe::Key(&probe)).await.unwrap();
    assert_eq!(found.iter().map(|row| row.ext.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    // One that cannot be read may be another of them: then nobody knows.
    put(&root, "4.json", r#"{"sku":"#);
    assert!(matches!(files.find(&entity(), Probe::Key(&probe)).await, Err(Fault::BadAnswer(_))));
    assert!(files.find(&entity(), Probe::Marker("m")).await.is_err());
    assert!(files.find(&entity(), Probe::Key(&Image::default())).await.is_err());
}

#[tokio::test]
async fn batch_durability_writes_the_same() {
    let (root, _) = directory();
    let binding = bind(json!({"durability": "batch"}), product_fields(), &["sku"]);
    let files = side(root.path(), binding);
    let set = product("a", "A", "1");
    done(create(&files, 1, &set).await);
    assert_eq!(delete(&files, "a", &set).await, Ok(Answer::Deleted));
    assert!(listed(&files).await.rows.is_empty());
}

// JSON Lines.

fn lines(content: &str) -> (TempDir, Files) {
    let options = json!({"format": "jsonl", "path": "p.jsonl", "id": "id"});
    file("p.jsonl", content, bind(options, product_fields(), &["sku"]))
}

const THREE: &str = "{\"id\":\"a\",\"name\":\"A\",\"x\":1.0}\n\n{\"id\":7,\"name\":\"قهوة\"}\r\n{ \"id\" : \"c\" }\n";

#[tokio::test]
async fn lines_are_rows() {
    let (root, files) = lines(THREE);
    let page = listed(&files).await;
    assert!(page.complete);
    assert_eq!(exts(&page), ["7", "a", "c"]);
    let tags = Tags(rows(&page).iter().map(|row| (row.ext.clone(), row.tag.unwrap())).collect());
    assert_eq!(rows(&pull(&files, &tags).await.unwrap()).len(), 0);
    fs::write(root.path().join("p.jsonl"), THREE.replace("\"A\"", "\"B\"")).unwrap();
    assert_eq!(exts(&pull(&files, &tags).await.unwrap()), ["a"]);
    assert_eq!(get(&files, "x").await, Ok(Fetched::NotFound));
    fs::remove_file(root.path().join("p.jsonl")).unwrap();
    let fault = pull(&files, &tags).await.unwrap_err();
    assert!(fault.to_string().contains("nothing is taken as deleted"), "{fault}");
}

#[tokio::test]
async fn bad_lines_are_reported_by_number_and_the_listing_is_not_complete() {
    let content = "{\"id\":\"a\"}\nnot json\n{\"id\":\"b\",\"price\":\"x\"}\n{\"name\":\"A\"}\n{\"id\":\"d\"}\n{\"id\":\"d\"}\n{\"id\":\"e\",\"na";
    let (_root, files) = lines(content);
    let page = listed(&files).await;
    assert!(!page.complete);
    assert_eq!(exts(&page), ["a"]);
    let found: Vec<_> = bad(&page).into_iter().map(|(at, ext, _)| (at, ext)).collect();
    for (line, ext) in
        [(2, None), (3, Some("b")), (4, None), (5, Some("d")), (6, Some("d")), (7, None)]
    {
        let wanted = (format!("p.jsonl:{line}"), ext.map(str::to_owned));
        assert!(found.contains(&wanted), "{wanted:?}");
    }
    assert!(matches!(get(&files, "e").await, Err(Fault::BadAnswer(_))));
    // Somebody is writing the last line: now is not the time.
    let set = image([("name", Value::text("B"))]);
    let written = update(&files, "a", &set, &Image::default()).await;
    assert!(matches!(written, Err(Fault::NotSent(_))));
}

#[tokio::test]
async fn writes_keep_the_other_lines_and_their_order() {
    let (root, files) = lines(THREE);
    let set = image([("name", Value::text("B"))]);
    let expect = image([("name", Value::text("قهوة"))]);
    let row = done(update(&files, "7", &set, &expect).await.unwrap());
    assert_eq!(row.image, set);
    let now = "{\"id\":\"a\",\"name\":\"A\",\"x\":1.0}\n\n{\"id\":7,\"name\":\"B\"}\r\n{ \"id\" : \"c\" }\n";
    assert_eq!(text(&root, "p.jsonl"), now);
    let tags = Tags([(row.ext.clone(), row.tag.unwrap())].into());
    assert!(pull(&files, &tags).await.unwrap().rows.contains(&Listed::Same(row.ext)));
    assert!(matches!(update(&files, "a", &set, &expect).await, Ok(Answer::Changed(_))));
    assert_eq!(update(&files, "z", &set, &expect).await, Ok(Answer::Gone));
    assert_eq!(delete(&files, "z", &expect).await, Ok(Answer::Deleted));
    assert_eq!(
        delete(&files, "a", &image([("name", Value::text("A"))])).await,
        Ok(Answer::Deleted)
    );
    assert_eq!(text(&root, "p.jsonl"), "\n{\"id\":7,\"name\":\"B\"}\r\n{ \"id\" : \"c\" }\n");
    let new = product("N-1", "N", "1");
    let row = done(create(&files, 1, &new).await);
    assert_eq!(row.ext.as_str(), "N-1");
    done(create(&files, 1, &new).await);
    assert!(matches!(
        refusal(create(&files, 2, &product("N-1", "other", "1")).await),
        Refusal::KeyTaken(Some(_))
    ));
    let end = "{\"id\":\"N-1\",\"name\":\"N\",\"price\":1,\"sku\":\"N-1\"}\n";
    assert!(text(&root, "p.jsonl").ends_with(end));
}

#[tokio::test]
async fn many_writes_at_once_all_arrive() {
    let (root, files) = lines("{\"id\":\"a\"}\n");
    let files = std::sync::Arc::new(files);
    let tries: Vec<_> = (0..100)
        .map(|number| {
            let files = files.clone();
            tokio::spawn(async move {
                done(create(&files, number, &product(&format!("n{number}"), "N", "1")).await)
            })
        })
        .collect();
    for one in tries {
        one.await.unwrap();
    }
    assert_eq!(text(&root, "p.jsonl").lines().count(), 101);
    // A write of another program in between is seen, not lost.
    let other = format!("{}{{\"id\":\"theirs\"}}\n", text(&root, "p.jsonl"));
    fs::write(root.path().join("p.jsonl"), other).unwrap();
    done(create(&files, 200, &product("last", "N", "1")).await);
    let page = listed(&files).await;
    assert_eq!((rows(&page).len(), page.complete), (103, true));
}

// CSV.

fn csv_options(more: Json) -> Json {
    let mut options = json!({"format": "csv", "path": "s.csv", "id": "id"});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    options
}

fn csv_fields() -> Vec<FieldPath> {
    vec![field("name", Type::Text, "Name"), field("price", Type::Decimal, "unit_price")]
}

fn csv(content: impl AsRef<[u8]>, more: Json) -> (TempDir, Files) {
    file("s.csv", content, bind(csv_options(more), csv_fields(), &[]))
}

#[tokio::test]
async fn csv_records_are_rows() {
    let content = "\u{feff}id,Name,unit_price\r\n007,\"قهوة, عربية\",1.50\r\n\"a/b\",\"two\nlines, \"\"quoted\"\"\",\r\n0,5\" pipe,2\r\n";
    let (_root, files) = csv(content, json!({}));
    let page = listed(&files).await;
    assert_eq!(bad(&page), []);
    assert!(page.complete);
    assert_eq!(exts(&page), ["0", "007", "a/b"]);
    let found = rows(&page);
    assert_eq!(found[1].image.get("name"), Some(&Value::text("قهوة, عربية")));
    assert_eq!(found[1].image.get("price"), Some(&Value::decimal("1.5".parse().unwrap())));
    assert_eq!(found[2].image.get("name"), Some(&Value::text("two\nlines, \"quoted\"")));
    assert_eq!(found[2].image.get("price"), Some(&Value::Null));
    let tags = Tags(found.iter().map(|row| (row.ext.clone(), row.tag.unwrap())).collect());
    assert_eq!(rows(&pull(&files, &tags).await.unwrap()).len(), 0);
    assert!(matches!(get(&files, "007").await, Ok(Fetched::Found(_))));
    assert_eq!(get(&files, "7").await, Ok(Fetched::NotFound));
}

#[tokio::test]
async fn malformed_records_are_reported_and_the_rest_goes_on() {
    let mut content = b"id,Name,unit_price\na,A,1\nb,B\nc,C,1,2\nd,\"D\"x,1\ne,E,1\nf,\xff,1\n,G,1\nh,H,many\ni,\"open,1\nj,J,1\n".to_vec();
    content.extend_from_slice(b"k,K");
    let (_root, files) = csv(&content, json!({}));
    let page = listed(&files).await;
    assert!(!page.complete);
    assert_eq!(exts(&page), ["a", "e", "j"]);
    let found = bad(&page);
    let cases = [
        (3, Some("b"), "2 fields instead of 3"),
        (4, Some("c"), "4 fields instead of 3"),
        (5, None, "after its closing quote"),
        (7, Some("f"), "not UTF-8 in column `Name`"),
        (8, None, "no id in column `id`"),
        (9, Some("h"), "`price`"),
        (10, None, "without a closing quote"),
        (12, Some("k"), "2 fields instead of 3"),
    ];
    for (line, ext, words) in cases {
        let fits = |(at, found, why): &(String, Option<String>, String)| {
            *at == format!("s.csv:{line}") && found.as_deref() == ext && why.contains(words)
        };
        assert!(found.iter().any(fits), "line {line} in {found:?}");
    }
    assert_eq!(found.len(), cases.len());
    assert!(matches!(get(&files, "z").await, Err(Fault::BadAnswer(_))));
}

#[tokio::test]
async fn a_last_record_without_an_end_waits_until_the_file_is_left_alone() {
    let (root, files) = csv("id,Name,unit_price\na,A,1\nb,B,12", json!({}));
    let page = listed(&files).await;
    assert_eq!(exts(&page), ["a"]);
    assert_eq!(bad(&page)[0].1.as_deref(), Some("b"));
    assert!(bad(&page)[0].2.contains("half written"));
    age(&root.path().join("s.csv"));
    let page = listed(&files).await;
    assert_eq!((exts(&page), page.complete), (vec!["a", "b"], true));
}

#[tokio::test]
async fn headers_that_do_not_fit_are_faults() {
    for (content, words) in [
        ("", "header is missing"),
        ("Name,unit_price\nA,1\n", "no column `id`"),
        ("id,Name,Name\na,A,B\n", "`Name` twice"),
    ] {
        let (_root, files) = csv(content, json!({}));
        let fault = pull(&files, &Tags::default()).await.unwrap_err();
        assert!(fault.to_string().contains(words), "{fault}");
    }
    let computed = json!({"computed": {"unit_price": {"divide": ["Sales", "Qty"]}}});
    let (_root, files) = csv("id,Name,Sales\na,A,1\n", computed);
    assert!(pull(&files, &Tags::default()).await.unwrap_err().to_string().contains("`Qty`"));
}

#[tokio::test]
async fn an_id_in_several_records_is_refused_without_grouping() {
    let (_root, files) = csv("id,Name,unit_price\na,A,1\nb,B,1\na,A,1\n", json!({}));
    let page = listed(&files).await;
    assert_eq!((exts(&page), page.complete), (vec!["b"], true));
    assert!(bad(&page)[0].2.contains("lines 2, 4"), "{:?}", bad(&page));
}

const ORDERS: &str =
    "id,Name,Sales,Qty\nx,secret one,10,4\ny,Y,1,3\nx,secret two,7,2\nx,secret one,1,8\n";

#[tokio::test]
async fn groups_that_contradict_themselves_are_refused_or_reported() {
    let computed = json!({"unit_price": {"divide": ["Sales", "Qty"], "scale": 4}});
    let lines = |on: &str| json!({"group": true, "on_ambiguous": on, "computed": computed.clone()});
    let (_root, files) = csv(ORDERS, lines("refuse"));
    let page = listed(&files).await;
    assert_eq!((exts(&page), page.complete), (vec!["y"], true));
    let found = bad(&page);
    let name = found.iter().find(|(at, ..)| at == "s.csv: id x, column Name").unwrap();
    assert_eq!(name.1.as_deref(), Some("x"));
    assert!(name.2.contains("line 2 and line 4") && !name.2.contains("secret"), "{}", name.2);
    assert!(found.iter().any(|(at, ..)| at == "s.csv: id x, column unit_price"));
    assert!(matches!(get(&files, "x").await, Err(Fault::BadAnswer(_))));

    let (_root, files) = csv(ORDERS, lines("first"));
    let page = listed(&files).await;
    assert_eq!(exts(&page), ["x", "y"]);
    assert_eq!(bad(&page).len(), 2);
    assert_eq!(rows(&page)[0].image.get("name"), Some(&Value::text("secret one")));
    let price = |at: usize| rows(&page)[at].image.get("price").unwrap().to_string();
    assert_eq!((price(0).as_str(), price(1).as_str()), ("2.5", "0.3333"));
    assert!(matches!(get(&files, "x").await, Ok(Fetched::Found(_))));
}

#[tokio::test]
async fn a_group_has_its_records_as_lines() {
    let item = |name: &str, kind: &Type| Item { name: Name::new(name), kind: kind.clone() };
    let kind = Type::Items(vec![item("name", &Type::Text), item("price", &Type::Decimal)]);
    let mut list = field("lines", kind, "lines");
    list.items = csv_fields();
    let options = csv_options(json!({"group": true, "lines": "lines",
        "computed": {"unit_price": {"divide": ["Sales", "Qty"]}}}));
    let (_root, files) = file("s.csv", ORDERS, bind(options.clone(), vec![list.clone()], &[]));
    let page = listed(&files).await;
    assert_eq!(bad(&page), []);
    let Some(Value::List(found)) = rows(&page)[0].image.get("lines") else { panic!() };
    assert_eq!(found.len(), 3);
    let Value::Map(second) = &found[1] else { panic!() };
    assert_eq!(second.get("price").unwrap().to_string(), "3.5");

    // A group one of whose records cannot be read is not whole, and is no row.
    let broken = "id,Name,Sales,Qty\nx,A,1,1\nx,B,1\nx,C,1,0\ny,Y,1,1\n";
    let (_root, files) = file("s.csv", broken, bind(options, vec![list], &[]));
    let page = listed(&files).await;
    assert_eq!(exts(&page), ["y"]);
    let found = bad(&page);
    assert!(found.iter().any(|(at, _, why)| at == "s.csv:4" && why.contains("`Qty` is zero")));
    assert!(
        found.iter().any(|(_, ext, why)| ext.as_deref() == Some("x") && why.contains("line 3"))
    );
}
