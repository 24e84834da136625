//! The `[sides.NAME]` tables: which system, where, and how to be let in.

use super::document::{ConfigError, Node, suggestion};
use super::oauth::{OauthConfig, read_oauth};
use mizan_core::SideId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One side.
#[derive(Clone, Debug)]
pub struct SideConfig {
    /// The system behind it.
    pub system: System,
    /// How long a write that was not answered may still take effect, in milliseconds.
    pub visibility_ms: Option<i64>,
}

/// A kind of system with its settings.
#[derive(Clone, Debug)]
pub enum System {
    /// Files in a folder.
    Files {
        /// The folder.
        root: PathBuf,
    },
    /// Qoyod, or the local sandbox of it.
    Qoyod {
        /// Address, up to and with `/2.0`.
        url: String,
        /// Credentials.
        auth: Auth,
        /// Requests a minute; `None`: no limit of our own.
        requests_per_minute: Option<u32>,
        /// Seconds that one request may take.
        timeout_seconds: u64,
    },
}

/// Where a secret is: never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, which holds nothing else.
    File(PathBuf),
}

/// How to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// An API key.
    ApiKey(Secret),
    /// OAuth 2.0.
    Oauth(Box<OauthConfig>),
}

pub(super) fn read_sides(
    node: &Node,
    folder: &Path,
) -> Result<BTreeMap<SideId, SideConfig>, ConfigError> {
    let mut sides = BTreeMap::new();
    for (name, side) in node.table()? {
        check_name(name, side)?;
        super::policy::check_side_name(name, side)?;
        sides.insert(SideId::new(name), read_side(side, name, folder)?);
    }
    if sides.len() < 2 {
        return Err(node.error("two sides are needed: a shop and Qoyod, say"));
    }
    one_token_file_each(node, &sides)?;
    Ok(sides)
}

/// Tokens of two sides in one file would replace each other.
fn one_token_file_each(
    node: &Node,
    sides: &BTreeMap<SideId, SideConfig>,
) -> Result<(), ConfigError> {
    let mut seen: BTreeMap<&Path, &SideId> = BTreeMap::new();
    for (side, config) in sides {
        let System::Qoyod { auth: Auth::Oauth(oauth), .. } = &config.system else { continue };
        if let Some(other) = seen.insert(&oauth.token_file, side) {
            let at = node.get(side.as_str()).unwrap_or(node);
            return Err(at.error(format!(
                "the sides `{other}` and `{side}` have one `token_file`; give each its own"
            )));
        }
    }
    Ok(())
}

pub(super) fn check_name(name: &str, node: &Node) -> Result<(), ConfigError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if starts && name.chars().all(plain) && name.len() <= 40 {
        return Ok(());
    }
    Err(node.error(format!(
        "`{name}` cannot be a name here: use a-z, 0-9 and _, starting with a letter, at most 40"
    )))
}

fn read_side(node: &Node, name: &str, folder: &Path) -> Result<SideConfig, ConfigError> {
    let adapter = node.need("adapter", "\"files\" or \"qoyod\"")?;
    let visibility_ms = match node.get("visibility_seconds") {
        None => None,
        Some(node) => Some(node.number(0, 86_400)? * 1_000),
    };
    let system = match adapter.one_of(&["files", "qoyod"])? {
        "files" => {
            node.only(&["adapter", "root", "visibility_seconds"])?;
            let root = node.need("root", "the folder with the files")?.text()?;
            System::Files { root: folder.join(root) }
        }
        _ => read_qoyod(node, name, folder)?,
    };
    Ok(SideConfig { system, visibility_ms })
}

const QOYOD: &[&str] = &[
    "adapter",
    "url",
    "api_key_env",
    "api_key_file",
    "oauth",
    "requests_per_minute",
    "timeout_seconds",
    "visibility_seconds",
];

fn read_qoyod(node: &Node, name: &str, folder: &Path) -> Result<System, ConfigError> {
    if let Some(key) = node.get("api_key") {
        return Err(key.error(
            "a key does not belong in this file: put it into an environment variable and name that \
             with `api_key_env`, or into a file of its own with `api_key_file`",
        ));
    }
    node.only(QOYOD)?;
    let url = match node.get("url") {
        None => "https://api.qoyod.com/2.0".to_owned(),
        Some(node) => {
            let url = node.text()?.trim_end_matches('/');
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(
                    node.error(format!("`url` is \"{url}\"; it should begin with https://"))
                );
            }
            url.to_owned()
        }
    };
    let key = secret(node, "api_key", folder)?;
    let auth = match (key, node.get("oauth")) {
        (Some(_), Some(oauth)) => {
            return Err(oauth.error("an API key and OAuth contradict each other; keep one"));
        }
        (Some(key), None) => Auth::ApiKey(key),
        (None, Some(oauth)) => Auth::Oauth(Box::new(read_oauth(oauth, name, folder)?)),
        (None, None) => {
            return Err(node.error(
                "no credentials: give `api_key_env` (the name of an environment variable), \
                 `api_key_file` or a table `oauth`",
            ));
        }
    };
    let requests_per_minute = match node.get("requests_per_minute") {
        None => Some(300),
        Some(node) => match u32::try_from(node.number(0, 1_000_000)?).unwrap_or(u32::MAX) {
            0 => None,
            limit => Some(limit),
        },
    };
    let timeout_seconds = match node.get("timeout_seconds") {
        None => 30,
        Some(node) => u64::try_from(node.number(1, 600)?).unwrap_or(30),
    };
    Ok(System::Qoyod { url, auth, requests_per_minute, timeout_seconds })
}

pub(super) fn secret(
    node: &Node,
    name: &str,
    folder: &Path,
) -> Result<Option<Secret>, ConfigError> {
    let (env, file) = (node.get(&format!("{name}_env")), node.get(&format!("{name}_file")));
    match (env, file) {
        (Some(_), Some(file)) => {
            Err(file
                .error(format!("`{name}_env` and `{name}_file` contradict each other; keep one")))
        }
        (Some(env), None) => Ok(Some(Secret::Env(env.text()?.to_owned()))),
        (None, Some(file)) => Ok(Some(Secret::File(folder.join(file.text()?)))),
        (None, None) => Ok(None),
    }
}

/// A side by its name, or an error that lists the sides.
pub(super) fn side_named(
    node: &Node,
    name: &str,
    sides: &BTreeMap<SideId, SideConfig>,
) -> Result<SideId, ConfigError> {
    let side = SideId::new(name);
    if sides.contains_key(&side) {
        return Ok(side);
    }
    let known: Vec<&str> = sides.keys().map(SideId::as_str).collect();
    Err(node.error(format!("`{name}` is not a side{}", suggestion(name, &known))))
}
