//! A policy of one's own: where both sides changed a description, the longer one holds.
//! Run it with `cargo run -p mizan --example custom_policy`.
use mizan::connect::{connect_sides, open_engine_with};
use mizan::core::Name;
use mizan::core::policy::{Conflict, Policies, Policy, Promises, Verdict};
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
[entities.product.sides]
till = { path = "products" }
books = { path = "products" }
[entities.product.fields]
sku = { till = "sku", books = "sku" }
text = { prefer = "policy longest", till = "text", books = "description" }
"#;

// ANCHOR: policy
/// The longest text wins; among equally long ones the greater, so that the order of the sides decides nothing.
struct Longest;

impl Policy for Longest {
    /// Decisions in the log name it so; when it answers anything otherwise, it becomes `longest/2`.
    fn id(&self) -> Name {
        "longest/1".into()
    }

    /// What `mizan-testkit` may hold it to.
    fn promises(&self) -> Promises {
        Promises::ALL
    }

    /// A pure function of its arguments: no clock, no network, no chance.
    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let all = conflict.candidates.iter().enumerate();
        let best = all.max_by_key(|(_, one)| (one.value.to_string().len(), one.value));
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}
// ANCHOR_END: policy

fn write(folder: &Path, file: &str, text: &str) -> std::io::Result<()> {
    let path = folder.join(file);
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    std::fs::create_dir_all(here.join("books/products"))?;
    write(here, "till/products/a.json", r#"{"sku":"A-1","text":"dates"}"#)?;
    let config = Config::parse(CONFIG, here)?;
    let adapters = connect_sides(&config)?.adapters;
    let log = Box::new(MemoryLog::default());
    let mut engine = open_engine_with(&config, log, adapters, Policies::default().with(Longest))?;
    engine.sync(&SyncOptions::default()).await?;

    // Both sides change the text before the next sync.
    write(here, "till/products/a.json", r#"{"sku":"A-1","text":"ajwa dates"}"#)?;
    let books = std::fs::read_dir(here.join("books/products"))?.next().ok_or("no row")??;
    let text = r#"{"sku":"A-1","description":"ajwa dates from Medina"}"#;
    std::fs::write(books.path(), text)?;
    let report = engine.sync(&SyncOptions::default()).await?;

    assert_eq!(report.exit_code(), 0, "nothing waits for a person");
    let till = std::fs::read_to_string(here.join("till/products/a.json"))?;
    assert!(till.contains("ajwa dates from Medina"), "{till}");
    Ok(())
}
