//! A folder with a configuration, and the built binary run in it.

use crate::browser::Browser;
use crate::gateway::Gateway;
use crate::provider::{CLIENT_SECRET, CONFIDENTIAL, Provider};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

pub(crate) struct Shop {
    folder: TempDir,
    /// All that the binary ever said here.
    said: Mutex<String>,
}

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) all: String,
}

/// The binary that was built with this test.
fn binary() -> PathBuf {
    let here = std::env::current_exe().expect("this test");
    let folder = here.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let binary = folder.join("mizan");
    assert!(binary.exists(), "{} is not there; cargo build -p mizan", binary.display());
    binary
}

/// The token endpoint with its faults, the rest at the provider itself.
pub(crate) fn by_gateway(gateway: &Gateway, provider: &Provider) -> String {
    let issuer = &provider.issuer;
    format!(
        "token_url = \"{}\"\nauthorize_url = \"{issuer}/auth\"\nrevoke_url = \"{issuer}/token/revocation\"\n\
         client_auth = \"header\"\n",
        gateway.token_url()
    )
}

pub(crate) const PERSON: &str = "grant = \"authorization_code\"\n\
     scope = \"openid offline_access products:read products:write\"\n";

pub(crate) fn confidential() -> String {
    format!("client_id = \"{CONFIDENTIAL}\"\nclient_secret_file = \"secret\"\n")
}

impl Shop {
    pub(crate) fn new(gateway: &Gateway, oauth: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let api = gateway.api_url();
        let config = format!(
            r#"
[sides.till]
adapter = "files"
root = "till"
[sides.shop]
adapter = "qoyod"
url = "{api}"
requests_per_minute = 0
visibility_seconds = 0
[sides.shop.oauth]
{oauth}
[entities.product]
direction = "till -> shop"
key = ["sku"]
[entities.product.sides.till]
path = "products"
[entities.product.sides.shop]
resource = "products"
on_create = {{ type = "Product", category_id = 1, product_unit_type_id = 7, tax_id = 1, sale_item = 1, sales_account_id = 17, track_quantity = 1 }}
[entities.product.fields]
sku = {{ till = "sku", shop = "sku" }}
name = {{ till = "name", shop = "name_ar" }}
price = {{ type = "decimal", scale = 2, till = "price", shop = "selling_price" }}
"#
        );
        let shop = Self { folder, said: Mutex::default() };
        shop.write("mizan.toml", &config);
        shop.write("secret", CLIENT_SECRET);
        std::fs::create_dir_all(shop.path().join("till/products")).expect("made");
        shop.product("P-1");
        shop
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).expect("written");
    }

    pub(crate) fn product(&self, sku: &str) {
        let row = serde_json::json!({ "sku": sku, "name": "تمر", "price": "5.00" });
        self.write(&format!("till/products/{sku}.json"), &row.to_string());
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("whole").clone()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.path()).args(arguments).env("RUST_LOG", "trace");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.end(self.command(arguments).spawn().expect("the binary runs")).await
    }

    pub(crate) async fn end(&self, child: Child) -> Ran {
        let output = child.wait_with_output().await.expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = text(&output.stdout) + &text(&output.stderr);
        self.said.lock().expect("whole").push_str(&all);
        Ran { code: output.status.code(), all }
    }

    pub(crate) async fn good(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments).await;
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", told(&ran.all));
        ran
    }

    /// Logs in with the browser; gives the address at which it ended, with its code.
    pub(crate) async fn log_in(&self) -> String {
        let mut child = self.command(&["auth", "login", "shop"]).spawn().expect("runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said = String::new();
        let (mut address, mut ends_at) = (None, None);
        while ends_at.is_none() {
            let line = lines.next_line().await.expect("read").expect("an address");
            if line.starts_with("http") {
                address = Some(line.clone());
            }
            ends_at = line.strip_prefix("waiting for the answer at ").map(str::to_owned);
            said.push_str(&line);
        }
        let ends_at = ends_at.expect("told").split(',').next().unwrap_or_default().to_owned();
        let back = Browser::default().log_in(&address.expect("told"), &ends_at).await;
        let page = crate::provider::http().get(&back).send().await.expect("a page");
        assert_eq!(page.status(), 200);
        let mut rest = String::new();
        let mut stdout = lines.into_inner();
        stdout.read_to_string(&mut rest).await.expect("read");
        let ran = self.end(child).await;
        assert_eq!(ran.code, Some(0), "{said}{rest}{}", told(&ran.all));
        assert!(rest.contains("logged in to shop"), "{rest}");
        self.said.lock().expect("whole").push_str(&(said + &rest));
        back
    }

    /// Logs in by pasting.
    pub(crate) async fn log_in_by_paste(&self) -> String {
        let mut child = self.command(&["auth", "login", "shop", "--paste"]).spawn().expect("runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("read").expect("an address");
            if line.starts_with("http") {
                break line;
            }
        };
        let back = Browser::default().log_in(&address, "http://127.0.0.1/callback").await;
        let mut stdin = child.stdin.take().expect("piped");
        let wrong = back.replace("state=", "state=x");
        stdin.write_all(format!("{wrong}\n{back}\n").as_bytes()).await.expect("written");
        drop(stdin);
        let mut rest = String::new();
        lines.into_inner().read_to_string(&mut rest).await.expect("read");
        let ran = self.end(child).await;
        assert_eq!(ran.code, Some(0), "{rest}{}", told(&ran.all));
        assert!(ran.all.contains("its state is another one"), "{}", told(&ran.all));
        back
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.path().join("shop-token.json")
    }

    pub(crate) fn tokens(&self) -> Json {
        let text = std::fs::read_to_string(self.token_file()).expect("a token file");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn token(&self, name: &str) -> String {
        self.tokens()[name].as_str().expect("a token").to_owned()
    }

    /// Makes the stored access token look ended.
    pub(crate) fn age(&self) {
        let mut tokens = self.tokens();
        tokens["expires_at"] = 1.into();
        self.write("shop-token.json", &tokens.to_string());
    }
}

/// What a person would see: without the trace.
pub(crate) fn told(all: &str) -> String {
    let lines = all.lines().filter(|line| !line.contains("TRACE") && !line.contains("DEBUG"));
    lines.collect::<Vec<_>>().join("\n")
}
