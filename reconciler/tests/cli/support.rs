//! A folder with a configuration, and the binary run in it.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Two folders of JSON files, a configuration, and a log.
pub(crate) struct Shop {
    folder: TempDir,
}

/// What a run of the binary ended with.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in {:?}, stderr {:?}", self.out, self.err))
    }
}

pub(crate) const TWO_FOLDERS: &str = r#"
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
name = { till = "name", books = "title" }
price = { type = "decimal", scale = 2, till = "price", books = "unit_price" }
"#;

impl Shop {
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shop = Self { folder };
        for side in ["till", "books"] {
            std::fs::create_dir_all(shop.path().join(side).join("products")).expect("folders");
        }
        std::fs::write(shop.path().join("mizan.toml"), config).expect("the configuration");
        shop
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn put(&self, file: &str, record: &Json) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, record.to_string()).expect("a record");
    }

    pub(crate) fn get(&self, file: &str) -> Json {
        let text = std::fs::read_to_string(self.path().join(file)).expect("a record");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path().join(folder))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
        command.current_dir(self.path()).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the binary runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn sync(&self) -> Ran {
        self.run(&["sync", "--json"])
    }

    /// Everything in the log's folder, to compare before and after.
    pub(crate) fn log_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path().join("mizan-log").join("segments"), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push((path.clone(), std::fs::read(&path).expect("a file")));
        }
    }
}
