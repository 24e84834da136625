//! Anchors: places outside the log that hold its checkpoints, so that its keeper cannot rewrite it unseen.

use super::keeper::{Keeper, Last};
use super::notes_in;
use mizan_adapters::http::{Body, Client, Request, Transport};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// How long an anchor may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where checkpoints are taken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Appended to a file, which should be on another machine or medium.
    File(PathBuf),
    /// Given to a program on its standard input; it succeeds with exit code 0.
    Command(Vec<String>),
    /// Sent by HTTP POST as plain text; any answer of 200 to 299 is success.
    Http(String),
}

impl Anchor {
    /// Its name in reports and in what is remembered of it.
    ///
    /// ```
    /// use mizan::audit::anchor::Anchor;
    /// let anchor = Anchor::Command(vec!["notarise".into(), "--quiet".into()]);
    /// assert_eq!(anchor.name(), "command notarise --quiet");
    /// ```
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Command(words) => format!("command {}", words.join(" ")),
            Self::Http(url) => format!("post {url}"),
        }
    }

    /// Takes a note there.
    ///
    /// # Errors
    /// Why it could not be, in words.
    pub async fn deliver(&self, note: &str) -> Result<(), String> {
        match self {
            Self::File(path) => append(path, note).map_err(|error| error.to_string()),
            Self::Command(words) => {
                let ran = tokio::time::timeout(PATIENCE, run(words, note)).await;
                ran.unwrap_or_else(|_| Err("did not end within 30 s".to_owned()))
            }
            Self::Http(url) => post(url, note).await,
        }
    }
}

/// Adds a note to a file, unless it is the last one there.
fn append(path: &Path, note: &str) -> std::io::Result<()> {
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if notes_in(&before).last().is_some_and(|last| last == note) {
        return Ok(());
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let gap = if before.is_empty() { "" } else { "\n" };
    file.write_all(format!("{gap}{note}").as_bytes())?;
    file.sync_all()
}

async fn run(words: &[String], note: &str) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("no program is named".to_owned());
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input may still succeed; its exit code says so.
        let _its_exit_code_counts = input.write_all(note.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or_default().to_owned();
    Err(format!("failed with {}: {last}", output.status))
}

async fn post(url: &str, note: &str) -> Result<(), String> {
    let client = Client::builder(url).timeout(PATIENCE).build().map_err(|e| e.to_string())?;
    let mut request = Request::post("").header("content-type", "text/plain; charset=utf-8");
    request.body = Body::Form(note.as_bytes().to_vec());
    let answer = client.exchange(&request, None).await.map_err(|failure| failure.why)?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(format!("answered {}", answer.status))
}

/// What became of one anchor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Delivered {
    /// The anchor.
    pub anchor: String,
    /// The size of the checkpoint that it was given.
    pub size: u64,
    /// Why it does not have it; it is tried again at the next checkpoint or sync.
    pub failed: Option<String>,
}

/// Gives the newest checkpoint to every anchor that does not have it yet, or to all with `again`.
///
/// A checkpoint that an anchor missed need not be made up for: a later one proves the same events.
pub async fn deliver_pending(keeper: &Keeper, last: &Last, again: bool) -> Vec<Delivered> {
    let path = keeper.folder().join("anchored");
    let mut known: BTreeMap<String, u64> = fs::read_to_string(&path)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let mut delivered = Vec::new();
    for anchor in &keeper.settings().anchors {
        let name = anchor.name();
        if !again && known.get(&name).is_some_and(|size| *size == last.size) {
            continue;
        }
        let failed = anchor.deliver(&last.note).await.err();
        if failed.is_none() {
            known.insert(name.clone(), last.size);
        }
        delivered.push(Delivered { anchor: name, size: last.size, failed });
    }
    if let Ok(text) = serde_json::to_string(&known) {
        // Without it the anchor is given the same checkpoint once more, which does no harm.
        let _best_effort = fs::write(&path, text);
    }
    delivered
}
