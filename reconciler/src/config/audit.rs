//! `[audit]`: checkpoints, the key that signs them, and where they are anchored.

use super::document::{ConfigError, Kind, Node};
use crate::audit::anchor::Anchor;
use std::path::{Path, PathBuf};

/// How a log is made provable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Whether checkpoints are made at all.
    pub checkpoints: bool,
    /// After so many new events a running program makes one; every sync that did something ends with one.
    pub every: u64,
    /// And after so many seconds, where anything is new.
    pub seconds: u64,
    /// The file of the signing key; `audit.key` in the log's folder where it is not given.
    pub key: Option<PathBuf>,
    /// Where checkpoints are taken to.
    pub anchors: Vec<Anchor>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { checkpoints: true, every: 10_000, seconds: 3_600, key: None, anchors: Vec::new() }
    }
}

pub(super) fn read_audit(node: &Node, folder: &Path) -> Result<AuditConfig, ConfigError> {
    node.only(&["checkpoints", "checkpoint_every", "checkpoint_seconds", "key", "anchor"])?;
    let mut audit = AuditConfig::default();
    if let Some(node) = node.get("checkpoints") {
        audit.checkpoints = node.flag()?;
    }
    let counts = [
        ("checkpoint_every", &mut audit.every, 1_000_000_000),
        ("checkpoint_seconds", &mut audit.seconds, 31_536_000),
    ];
    for (name, place, most) in counts {
        if let Some(node) = node.get(name) {
            *place = node.number(1, most)?.unsigned_abs();
        }
    }
    if let Some(node) = node.get("key") {
        audit.key = Some(folder.join(node.text()?));
    }
    if let Some(node) = node.get("anchor") {
        audit.anchors = read_anchors(node, folder)?;
    }
    Ok(audit)
}

fn read_anchors(node: &Node, folder: &Path) -> Result<Vec<Anchor>, ConfigError> {
    let Kind::List(items) = &node.kind else {
        return Err(node.error("anchors are written as [[audit.anchor]], with two brackets"));
    };
    let mut anchors = Vec::new();
    for item in items {
        item.only(&["file", "command", "post"])?;
        let anchor = match (item.get("file"), item.get("command"), item.get("post")) {
            (Some(file), None, None) => Anchor::File(folder.join(file.text()?)),
            (None, Some(command), None) => {
                let words = command.texts()?;
                if words.is_empty() {
                    return Err(
                        command.error("`command` names no program: [\"program\", \"argument\"]")
                    );
                }
                Anchor::Command(words.into_iter().map(str::to_owned).collect())
            }
            (None, None, Some(url)) => read_post(url)?,
            _none_or_several => {
                return Err(item.error(
                    "an anchor is one of file = \"PATH\", command = [\"PROGRAM\", ...] and post = \"https://...\"",
                ));
            }
        };
        anchors.push(anchor);
    }
    Ok(anchors)
}

fn read_post(node: &Node) -> Result<Anchor, ConfigError> {
    let url = node.text()?;
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Anchor::Http(url.to_owned()));
    }
    Err(node.error(format!("`post` is \"{url}\"; it should begin with https://")))
}
