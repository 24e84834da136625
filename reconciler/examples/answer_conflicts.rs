//! A service that asks its own people: conflicts are read, answered and taken back as data, without the program.
//! Run it with `cargo run -p mizan --example answer_conflicts`.
use mizan::conflicts::{Answer, Pick, list, resolve, show, undo};
use mizan::connect::{connect_sides, open_engine};
use mizan::core::SideId;
use mizan::core::policy::Policies;
use mizan::store::MemoryLog;
use mizan::{Config, SyncOptions};
use std::path::Path;

const CONFIG: &str = r#"
[sides.till]
adapter = "files"
root = "till"
[sides.books]
adapter = "files"
root = "books"
[entities.product]
direction = "both"
key = ["sku"]
prefer = "manual"
[entities.product.sides]
till = { path = "products" }
books = { path = "products" }
[entities.product.fields]
sku = { till = "sku", books = "sku" }
name = { till = "name", books = "name" }
"#;

fn name(folder: &Path, side: &str, name: &str) -> std::io::Result<()> {
    let path = folder.join(side).join("products");
    std::fs::create_dir_all(&path)?;
    std::fs::write(path.join("A-1.json"), format!(r#"{{"sku":"A-1","name":"{name}"}}"#))
}

fn shown(folder: &Path, side: &str) -> std::io::Result<String> {
    std::fs::read_to_string(folder.join(side).join("products/A-1.json"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    name(here, "till", "Tea")?;
    name(here, "books", "Tea")?;
    let config = Config::parse(CONFIG, here)?;
    let adapters = connect_sides(&config)?.adapters;
    let mut engine = open_engine(&config, Box::new(MemoryLog::default()), adapters)?;
    let sync = SyncOptions::default();
    engine.sync(&sync).await?;

    // Both sides change the name: it waits for a person.
    name(here, "till", "Green tea")?;
    name(here, "books", "Black tea")?;
    assert_eq!(engine.sync(&sync).await?.exit_code(), 3);
    let waiting = list(engine.journal(), engine.schema(), false)?;
    let record = waiting.first().ok_or("one conflict")?.record;
    let policies = Policies::default();
    let detail = show(engine.journal(), engine.schema(), &policies, record)?.ok_or("open")?;
    assert_eq!(detail.open[0].field, "name");

    // The person's word is one fact; the next sync carries it out.
    let answer = Answer {
        at: detail.at,
        pick: Pick::Take(SideId::new("till"), Vec::new()),
        by: "huda".to_owned(),
        why: "checked the label".to_owned(),
    };
    let word = resolve(engine.journal(), engine.schema(), record, &answer)?;
    engine.append(vec![word])?;
    assert_eq!(engine.sync(&sync).await?.exit_code(), 0);
    assert!(shown(here, "books")?.contains("Green tea"));

    // And taken back: what held before the conflict comes again.
    let undone = undo(engine.journal(), engine.schema(), record, "huda", "the old label")?;
    assert_eq!(undone.restored[0].to.to_string(), "Tea");
    engine.append(vec![undone.fact])?;
    engine.sync(&sync).await?;
    assert!(shown(here, "till")?.contains("\"Tea\"") && shown(here, "books")?.contains("\"Tea\""));
    Ok(())
}
