//! The provider as a process of its own.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub(crate) const CONFIDENTIAL: &str = "mizan-confidential";
pub(crate) const CLIENT_SECRET: &str = "confidential-s3cret-5f2c";
pub(crate) const PUBLIC: &str = "mizan-public";

pub(crate) struct Provider {
    pub(crate) issuer: String,
    _child: Child,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where `tests/run` installs the packages.
fn modules() -> PathBuf {
    let by_hand = std::env::var_os("MIZAN_OIDC").map(PathBuf::from);
    let folder = by_hand.unwrap_or_else(|| root().join(".work/oidc"));
    let there = folder.join("node_modules/oidc-provider/package.json");
    assert!(there.exists(), "{} is not there; tests/run installs it", there.display());
    folder.join("package.json")
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::start_skewed(0).await
    }

    /// A provider whose clock is wrong by so many seconds.
    pub(crate) async fn start_skewed(skew_s: i64) -> Self {
        let mut child = Command::new("node")
            .arg(root().join("tests/oidc/provider.mjs"))
            .arg("0")
            .env("MIZAN_OIDC_MODULES", modules())
            .env("MIZAN_OIDC_SKEW_S", skew_s.to_string())
            // It ends with its input, should this process not live to kill it.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.expect("read").expect("it says where it listens");
        let started: Json = serde_json::from_str(&line).expect("JSON");
        let issuer = started["issuer"].as_str().expect("an issuer").to_owned();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { issuer, _child: child }
    }

    async fn get(&self, path: &str) -> Json {
        let answer = http().get(format!("{}{path}", self.issuer)).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// How often something was asked for.
    pub(crate) async fn count(&self, name: &str) -> u64 {
        self.get("/test/counts").await[name].as_u64().expect("a number")
    }

    /// Method and address of every request.
    pub(crate) async fn urls(&self) -> String {
        self.get("/test/urls").await.to_string()
    }

    async fn post(&self, path: &str, token: &str) -> reqwest::Response {
        http()
            .post(format!("{}{path}", self.issuer))
            .basic_auth(CONFIDENTIAL, Some(CLIENT_SECRET))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"))
            .send()
            .await
            .expect("an answer")
    }

    /// Whether a token is good for something.
    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let answer = self.post("/token/introspection", token).await;
        answer.json::<Json>().await.expect("JSON")["active"] == true
    }

    /// Makes a token worthless, as an administrator can.
    pub(crate) async fn revoke(&self, token: &str) {
        assert!(self.post("/token/revocation", token).await.status().is_success());
    }
}

/// A client that follows nothing by itself.
pub(crate) fn http() -> reqwest::Client {
    // Building one of ours installs TLS for the process; none is spoken here.
    mizan::adapters::http::Client::builder("http://127.0.0.1").build().expect("a client");
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.no_proxy().tls_certs_only([]).build().expect("a client")
}
