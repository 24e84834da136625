//! Mizan inside another program: two folders of JSON files kept in balance on an in-memory log.
//! Run it with `cargo run -p mizan --example embed`.
use mizan::connect::{connect_sides, open_engine};
use mizan::store::MemoryLog;
use mizan::{Config, SyncOptions};

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
prefer = "books"
[entities.product.sides]
till = { path = "products" }
books = { path = "products" }
[entities.product.fields]
sku = { till = "sku", books = "sku" }
price = { type = "decimal", scale = 2, till = "price", books = "unit_price" }
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for side in ["till", "books"] {
        std::fs::create_dir_all(folder.path().join(side).join("products"))?;
    }
    std::fs::write(folder.path().join("till/products/a.json"), r#"{"sku":"A-1","price":9.5}"#)?;
    let config = Config::parse(CONFIG, folder.path())?;
    let sides = connect_sides(&config)?;
    let mut engine = open_engine(&config, Box::new(MemoryLog::default()), sides.adapters)?;
    let report = engine.sync(&SyncOptions::default()).await?;
    assert_eq!((report.counts.created, report.exit_code()), (1, 0));
    Ok(())
}
