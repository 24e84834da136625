//! Figures of the `files` adapter: `cargo test --release -p mizan-adapters --test files_speed -- --ignored --nocapture`.

#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use mizan_adapters::files::Files;
use mizan_adapters::{Adapter, Answer, Binding, Known, Listed, Order, Pull};
use mizan_core::command::command_id;
use mizan_core::lens::{FieldPath, Lens, Style};
use mizan_core::{
    Command, ContentHash, Ext, FieldSet, Image, Name, Operation, RecordId, Seq, SideId, Type,
    Value, VersionVector,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: u32 = 10_000;

#[derive(Default)]
struct Tags(HashMap<Ext, u64>);

impl Known for Tags {
    fn tag(&self, ext: &Ext) -> Option<u64> {
        self.0.get(ext).copied()
    }
}

fn side(root: &Path, options: serde_json::Value) -> Files {
    let field = |name: &str| FieldPath {
        field: Name::new(name),
        kind: Type::Text,
        path: name.parse().unwrap(),
        items: Vec::new(),
    };
    let fields = ["sku", "name", "note"].map(field).to_vec();
    let binding = Binding {
        entity: Name::new("product"),
        lens: Lens { side: SideId::new("pos"), fields, style: Style::default() },
        key: vec![Name::new("sku")],
        options,
        on_create: serde_json::Map::new(),
    };
    Files::new(SideId::new("pos"), root.to_owned(), vec![binding]).unwrap()
}

async fn listing(files: &Files, tags: &Tags) -> (usize, Tags, Duration) {
    let (entity, start) = (Name::new("product"), Instant::now());
    let (mut token, mut same, mut seen) = (None, 0, Tags::default());
    loop {
        let page = files.pull(&entity, Pull::All, token.as_deref(), tags).await.unwrap();
        for listed in page.rows {
            match listed {
                Listed::Same(_) => same += 1,
                Listed::Row(row) => {
                    seen.0.extend(row.tag.map(|tag| (row.ext, tag)));
                }
                Listed::Bad { at, why, .. } => panic!("{at} {why}"),
            }
        }
        token = page.next;
        if token.is_none() {
            assert!(page.complete);
            return (same, seen, start.elapsed());
        }
    }
}

fn create(number: u32) -> (Command, Image) {
    let set: Image = [
        (Name::new("name"), Value::text(format!("قهوة عربية {number}"))),
        (Name::new("note"), Value::text("x".repeat(700))),
        (Name::new("sku"), Value::text(format!("p{number:07}"))),
    ]
    .into_iter()
    .collect();
    let (log, side) = (ContentHash([7; 32]), SideId::new("pos"));
    let (record, operation) = (RecordId(number), Operation::Create);
    let command = Command {
        id: command_id(&log, 1, record, 0, &side, &operation, &set.hash(), Seq(1)),
        record,
        entity: Name::new("product"),
        side,
        operation,
        fields: FieldSet::EMPTY,
        set: set.hash(),
        contains: VersionVector::default(),
        refers_to: Vec::new(),
    };
    (command, set)
}

async fn creates(files: &Arc<Files>, parallel: u32) -> Duration {
    let start = Instant::now();
    let workers: Vec<_> = (0..parallel)
        .map(|worker| {
            let files = files.clone();
            tokio::spawn(async move {
                for number in (worker..ROWS).step_by(parallel as usize) {
                    let (command, set) = create(number);
                    let order = Order { command: &command, set: &set, expect: None };
                    let answer = files.execute(order).await.unwrap();
                    assert!(matches!(answer, Answer::Done { .. }));
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; run it by itself"]
async fn figures() {
    // Kept to the end: a file system is slow to make files shortly after many were removed.
    let mut roots = Vec::new();
    for (format, options) in [
        ("dir, each", serde_json::json!({"path": "p"})),
        ("dir, batch", serde_json::json!({"path": "p", "durability": "batch"})),
        ("jsonl", serde_json::json!({"format": "jsonl", "path": "p.jsonl", "id": "sku"})),
    ] {
        for parallel in [2, 16, 32, 64] {
            if format == "jsonl" && parallel < 32 {
                continue;
            }
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("p")).unwrap();
            std::fs::write(root.path().join("p.jsonl"), "").unwrap();
            let files = Arc::new(side(root.path(), options.clone()));
            let creating = creates(&files, parallel).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
            let fresh = side(root.path(), options.clone());
            let (_, tags, first) = listing(&fresh, &Tags::default()).await;
            assert_eq!(tags.0.len(), ROWS as usize);
            let mut again = Duration::MAX;
            for _ in 0..5 {
                let (same, _, took) = listing(&fresh, &tags).await;
                assert_eq!(same, ROWS as usize);
                again = again.min(took);
            }
            println!(
                "{format}, {parallel} at a time: {ROWS} creates {creating:.2?}, first listing {first:.1?}, unchanged {again:.1?}"
            );
            roots.push(root);
        }
    }
}
