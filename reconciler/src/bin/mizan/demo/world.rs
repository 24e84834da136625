//! The two systems of the demo, and the binary run against them.

use super::data;
use crate::Failure;
use mizan::adapters::sandbox::{BackDoor, Sandbox, SandboxOptions};
use serde_json::{Map, Value as Json, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// A folder with a shop, a local Qoyod, and how to talk about them.
pub(super) struct World {
    pub(super) folder: PathBuf,
    pub(super) door: BackDoor,
    quiet: bool,
    sandbox: Sandbox,
}

impl World {
    /// Starts everything.
    pub(super) async fn start(folder: &Path, quiet: bool) -> Result<Self, Failure> {
        let options = SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() };
        let api_key = options.api_key.clone();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sandbox = Sandbox::start(options, address).await?;
        let door = sandbox.back_door();
        let world = Self { folder: folder.to_owned(), door, quiet, sandbox };
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("api-key"), api_key)?;
        std::fs::write(folder.join("mizan.toml"), data::config(&world.sandbox.url()))?;
        data::fill(&world.shop())?;
        for at in data::KNOWN_AT_QOYOD {
            let (sku, name_ar, name_en, price) = data::PRODUCTS[*at];
            let fields = json!({
                "sku": sku, "name": name_ar, "en_name": name_en, "selling_price": price,
                "tax_id": 1, "sale_item": 1, "product_unit_type_id": 7, "category_id": 1,
                "sales_account_id": 17,
            });
            let fields = fields.as_object().cloned().unwrap_or_default();
            world.door.create("products", &fields).map_err(|refused| Failure {
                code: 1,
                what: format!("the demo's own Qoyod refused {sku}: {refused}"),
            })?;
        }
        Ok(world)
    }

    pub(super) fn shop(&self) -> PathBuf {
        self.folder.join("shop")
    }

    pub(super) async fn stop(self) {
        self.sandbox.stop().await;
    }

    /// A headline of the story.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            println!("\n{text}");
        }
    }

    /// A detail of the story.
    pub(super) fn tell(&self, text: &str) {
        if !self.quiet {
            println!("   {text}");
        }
    }

    /// A promise of the story; broken, the demo fails.
    pub(super) fn expect(&self, what: &str, holds: bool) -> Result<(), Failure> {
        if holds {
            self.tell(&format!("yes: {what}"));
            return Ok(());
        }
        Err(Failure {
            code: 1,
            what: format!("the demo expected: {what}; the log is in {}", self.folder.display()),
        })
    }

    /// Changes a product as a web user of Qoyod.
    pub(super) fn web_user(&self, sku: &str, field: &str, value: &str) {
        let Some(id) = self.door.find("products", "sku", sku).and_then(|row| row["id"].as_u64())
        else {
            return;
        };
        let changes = Map::from_iter([(field.to_owned(), Json::from(value))]);
        self.door.edit("products", id, changes);
    }

    fn command(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.current_dir(&self.folder).args(arguments).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs the binary and returns what it printed.
    pub(super) async fn text(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.command(arguments)?.stderr(Stdio::piped()).output().await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // 3 says that something waits for a person, which is part of the story; 1 that a side failed, too.
        if output.status.code().is_some_and(|code| code == 2 || code == 4) || text.is_empty() {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure {
                code: 1,
                what: format!("mizan {}: {text}{error}", arguments.join(" ")),
            });
        }
        Ok(text)
    }

    /// Runs the binary and reads its JSON.
    pub(super) async fn mizan(&self, arguments: &[&str]) -> Result<Json, Failure> {
        Ok(serde_json::from_str(&self.text(arguments).await?)?)
    }

    /// Runs a sync and tells what it did.
    pub(super) async fn sync(&self, name: &str) -> Result<Json, Failure> {
        let report = self.mizan(&["sync", "--json"]).await?;
        let counts = &report["counts"];
        self.tell(&format!(
            "{name}: {} observed, {} linked, {} created, {} updated, {} events, {:.2} s",
            counts["observed"],
            counts["linked"],
            counts["created"],
            counts["updated"],
            counts["events"],
            report["seconds"].as_f64().unwrap_or_default()
        ));
        Ok(report)
    }

    /// Starts the binary and leaves it running.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Result<Child, Failure> {
        let mut command = self.command(arguments)?;
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        Ok(command.spawn()?)
    }
}
