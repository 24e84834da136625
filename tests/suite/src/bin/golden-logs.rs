//! Writes the golden logs of this release, once: `cargo run -p mizan-suite --bin golden-logs`.
//!
//! It never writes into the folder of a release that has one: those logs are what that release wrote.
#![expect(clippy::print_stdout, reason = "this is a program that talks to people")]

use mizan::connect::{connect_sides, open_engine_with};
use mizan::core::event::{Found, Life, ParkedFor, Subject};
use mizan::core::policy::Policies;
use mizan::core::{ContentHash, Fact, Name, RecordId, Seq, SideId, Timestamp};
use mizan::engine::Journal;
use mizan::{Config, SyncOptions};
use mizan_store::{EventLog, MemoryLog};
use mizan_suite::golden::{Golden, events, folded, folder};
use mizan_testkit::simulation::{Story, Variant, run};
use mizan_testkit::{FailingLog, Profile, policies};
use std::collections::BTreeSet;
use std::path::Path;

/// Bytes that the simulated logs may take together.
const SIMULATED_BYTES: usize = 150_000;

fn main() {
    let release = env!("CARGO_PKG_VERSION");
    let here = folder().join(release);
    assert!(
        !here.exists(),
        "{} is there: what a release wrote is not written again",
        here.display()
    );
    let mut logs = simulated();
    logs.push(shop());
    logs.push(quarrels());
    logs.push(told());
    std::fs::create_dir_all(&here).expect("the folder can be made");
    for golden in logs {
        let text = golden.text();
        println!("{}: {} events, {} bytes", golden.name, golden.log.head(), text.len());
        std::fs::write(here.join(format!("{}.jsonl", golden.name)), text).expect("written");
    }
}

/// What can be found in a log: kinds of facts, and of what they say.
fn features(log: &MemoryLog) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for event in events(log) {
        let kind = event.fact.kind();
        found.insert(kind.to_owned());
        match &event.fact {
            Fact::Decided { decision, .. } => {
                found.insert(format!("{kind} {:?}", decision.life));
                found.extend(decision.fields.iter().map(|one| format!("{kind} {:?}", one.found)));
                if !decision.awaits.is_empty() {
                    found.insert("awaits".to_owned());
                }
                if !decision.stamps.is_empty() {
                    found.insert("stamps".to_owned());
                }
            }
            Fact::Observed { evidence, seen, .. } => {
                found.insert(format!("{kind} {evidence:?} {}", seen.is_some()));
            }
            Fact::Linked { how, .. } => {
                found.insert(format!("{kind} {how:?}"));
            }
            Fact::Intent { command } => {
                found.insert(format!("{kind} {}", command.operation.verb()));
            }
            Fact::Done { exact, missing, .. } => {
                found.insert(format!("{kind} {exact} {}", missing.is_empty()));
            }
            Fact::Refused { why, .. } => {
                found.insert(format!("{kind} {why:?}"));
            }
            Fact::Withdrawn { why, .. } => {
                found.insert(format!("{kind} {why:?}"));
            }
            Fact::Parked { why, .. } => {
                found.insert(format!("{kind} {why:?}"));
            }
            _ => {}
        }
    }
    found
}

/// The simulated histories that have the most to show for their size.
fn simulated() -> Vec<Golden> {
    let mut left: Vec<(String, MemoryLog, BTreeSet<String>, usize)> = Vec::new();
    for profile in Profile::ALL {
        for (sides, seed) in
            [2, 3].into_iter().flat_map(|sides| (0..60).map(move |seed| (sides, seed)))
        {
            let story = Story::drawn(seed, *profile, sides, 5, 25);
            let log = run(&story, Variant::default()).log;
            let name = format!("simulated-{}-{sides}-{seed}", profile.name());
            let bytes = Golden::made(&name, "", log.clone()).text().len();
            left.push((name, log.clone(), features(&log), bytes));
        }
    }
    let (mut known, mut spent, mut chosen) = (BTreeSet::new(), 0, Vec::new());
    loop {
        let worth = |one: &(String, MemoryLog, BTreeSet<String>, usize)| {
            one.2.difference(&known).count() * 1_000_000 / one.3
        };
        let Some(best) = (0..left.len()).max_by_key(|at| worth(&left[*at])) else { break };
        let (name, log, features, bytes) = left.swap_remove(best);
        if features.is_subset(&known) || spent + bytes > SIMULATED_BYTES {
            break;
        }
        spent += bytes;
        known.extend(features);
        chosen.push(Golden::made(&name, "a simulated history", log));
    }
    println!("{} kinds of things in {} simulated logs", known.len(), chosen.len());
    chosen
}

/// Syncs two folders of files over a log that goes on.
struct Folders {
    folder: tempfile::TempDir,
    log: FailingLog,
}

impl Folders {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), log: FailingLog::default() }
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        std::fs::write(path, text).expect("a row");
    }

    fn sync(&self, config: &str, policies: Policies) {
        let config = Config::parse(config, self.folder.path()).expect("a configuration");
        let adapters = connect_sides(&config).expect("sides").adapters;
        let mut engine = open_engine_with(&config, Box::new(self.log.clone()), adapters, policies)
            .expect("an engine");
        let options = SyncOptions { sweep: true, ..SyncOptions::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(engine.sync(&options)).expect("a sync");
    }
}

/// Products, customers and invoices with lines, as in the demo.
fn shop() -> Golden {
    const CONFIG: &str = include_str!("../../golden/shop.toml");
    let folders = Folders::new();
    for side in ["books/products", "books/customers", "books/invoices"] {
        std::fs::create_dir_all(folders.folder.path().join(side)).expect("a folder");
    }
    for (sku, name, price) in
        [("COF-250", "قهوة عربية", "34.50"), ("DAT-AJW", "Ajwa dates 1 kg", "95")]
    {
        let row = format!(r#"{{"sku":"{sku}","name":"{name}","price":"{price}"}}"#);
        folders.put(&format!("shop/products/{sku}.json"), &row);
    }
    folders.put(
        "shop/customers/C-1.json",
        r#"{"code":"C-1","name":"Huda","email":"Huda@Example.com"}"#,
    );
    for number in 1..=4 {
        let row = format!(
            r#"{{"number":"S-{number}","customer":"C-1","date":"2026-03-0{number}","lines":[{{"product":"COF-250","quantity":"{number}","price":"34.50"}}]}}"#
        );
        folders.put(&format!("shop/orders/S-{number}.json"), &row);
    }
    folders.sync(CONFIG, Policies::default());
    // Both change a name, the books change a price that they own, and an order is cancelled.
    folders.put(
        "shop/products/DAT-AJW.json",
        r#"{"sku":"DAT-AJW","name":"Ajwa dates, premium","price":"99"}"#,
    );
    let books = folders.folder.path().join("books/products");
    for entry in std::fs::read_dir(books).expect("the books").flatten() {
        let row = std::fs::read_to_string(entry.path()).expect("a row");
        let row = row.replace("Ajwa dates 1 kg", "Ajwa dates from Madinah");
        std::fs::write(entry.path(), row).expect("a row");
    }
    folders.sync(CONFIG, Policies::default());
    std::fs::remove_file(folders.folder.path().join("shop/orders/S-4.json")).expect("there");
    folders.sync(CONFIG, Policies::default());
    folders.sync(CONFIG, Policies::default());
    Golden::made(
        "shop",
        "products, customers and invoices with lines, between two folders",
        folders.log.copy(),
    )
}

/// The rules for a text change from one to the next, a policy of the user's own among them.
fn quarrels() -> Golden {
    let folders = Folders::new();
    std::fs::create_dir_all(folders.folder.path().join("books/products")).expect("a folder");
    folders.put("shop/products/A.json", r#"{"sku":"A","text":"dates"}"#);
    let mut turn = 0;
    for prefer in ["manual", "shop", "policy longest", "greatest", "policy longest", "newest"] {
        let config = include_str!("../../golden/quarrels.toml").replace("PREFER", prefer);
        folders.sync(&config, policies());
        turn += 1;
        folders.put("shop/products/A.json", &format!(r#"{{"sku":"A","text":"dates {turn}"}}"#));
        let long = "x".repeat(turn);
        let row = folders.folder.path().join("books/products/A.json");
        std::fs::write(row, format!(r#"{{"sku":"A","text":"dates of the books {long}"}}"#))
            .expect("a row");
        folders.sync(&config, policies());
        folders.sync(&config, policies());
    }
    let about =
        "one text under six rules in turn, two of them a policy of the user's own: longest/1";
    Golden::made("quarrels", about, folders.log.copy())
}

/// What no simulation does: everything that a person or a signer says, after a history.
fn told() -> Golden {
    let drawn = (0..)
        .map(|seed| run(&Story::drawn(seed, Profile::ALL[0], 2, 10, 20), Variant::default()).log);
    let log = drawn
        .into_iter()
        .find(|log| folded(&events(log)).records.len() > 2)
        .expect("some history has records");
    let mut journal = Journal::open(Box::new(FailingLog::holding(log.clone()))).expect("a journal");
    let record = RecordId(0);
    let entity: Name = journal.state().records[0].entity.clone();
    let (by, why) = ("huda".to_owned(), "checked the label".to_owned());
    let side: SideId = journal.state().sides.first().cloned().expect("a side");
    let subject = Subject::Record(record);
    let at = "page 1, row 3".to_owned();
    let field = journal.state().entities[&entity][0].clone();
    let decided = journal.state().records[0].decided_at;
    let head = journal.head();
    let fields = vec![mizan::core::event::FieldDecision {
        field: field.clone(),
        found: Found::Greatest,
        winner: Some(side.clone()),
        value: mizan::core::Value::text("other"),
        losers: Vec::new(),
    }];
    let command = mizan::core::CommandId(ContentHash([9; 32]));
    let facts = vec![
        Fact::Resolved {
            record,
            choices: Vec::new(),
            keep: Some(true),
            by: by.clone(),
            why: why.clone(),
        },
        Fact::Unresolved { record, by: by.clone(), why: why.clone() },
        Fact::Redecided { entity: entity.clone(), by: by.clone(), why: why.clone() },
        Fact::Approved { plan: ContentHash([7; 32]), by: by.clone() },
        Fact::Parked { subject: subject.clone(), why: ParkedFor::Undecidable },
        Fact::Unparked { subject, by: by.clone() },
        Fact::Drifted { command, fields: vec![field] },
        Fact::Unreadable {
            side: side.clone(),
            entity: entity.clone(),
            at: at.clone(),
            why: "no id".to_owned(),
        },
        Fact::Readable { side, entity, at },
        Fact::Checkpointed {
            size: head.0,
            root: ContentHash([8; 32]),
            note: "a note\n".to_owned(),
        },
        Fact::Shadowed {
            record,
            decided,
            policy: "declared/1".into(),
            params: ContentHash([6; 32]),
            fields,
            life: Life::Alive,
        },
        Fact::Erased { record, events: vec![Seq(1)], bodies: vec![ContentHash([5; 32])], by, why },
    ];
    for fact in facts {
        journal.append_facts(Timestamp(1_790_000_000_000), vec![fact]).expect("it follows");
    }
    let about = "a history, and after it everything that a person or a signer can say";
    Golden::made("told", about, with_events(&log, &journal))
}

/// The bodies of a log with the events of another that goes on from it.
fn with_events(log: &MemoryLog, journal: &Journal) -> MemoryLog {
    let mut all = MemoryLog::default();
    let mut batch = mizan_store::Batch::default();
    batch.bodies.extend(log.bodies().map(|(hash, bytes)| (*hash, bytes.to_vec())));
    journal.each_event(Seq(0), &mut |event| batch.events.push(event.to_bytes())).expect("read");
    all.append(Seq(0), &batch).expect("it fits");
    all
}
