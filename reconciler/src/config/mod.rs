//! The configuration: one TOML file, read once, checked once, passed down (`docs/src/configuration.md`).

mod audit;
mod document;
mod entity;
mod field;
mod normaliser;
mod oauth;
mod policy;
mod side;

use crate::engine::{Settings, Sweep};
use mizan_adapters::Binding;
use mizan_core::check::Limits;
use mizan_core::{Name, Schema, SideId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use audit::AuditConfig;
pub use document::ConfigError;
pub use oauth::{ClientId, OauthConfig};
pub use side::{Auth, Secret, SideConfig, System};

/// Largest configuration file that is read.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A configuration that holds together.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the log.
    pub log: PathBuf,
    /// The sides.
    pub sides: BTreeMap<SideId, SideConfig>,
    /// The entities, parents first.
    pub schema: Schema,
    /// How each side meets each entity.
    pub bindings: BTreeMap<SideId, Vec<Binding>>,
    /// Sweeps that are not the default.
    pub sweeps: BTreeMap<(Name, SideId), Sweep>,
    /// Entities whose rows on a side are final documents: they are corrected by another document, never changed back.
    pub immutable: BTreeSet<(Name, SideId)>,
    /// Entities whose values are sealed in the log, so that they can be erased.
    pub personal: BTreeSet<Name>,
    /// The guards.
    pub limits: Limits,
    /// After so many milliseconds a refused command is tried again.
    pub retry_refused_after_ms: i64,
    /// A configuration whose rules are asked beside these and never obeyed.
    pub shadow: Option<PathBuf>,
    /// How the log is made provable.
    pub audit: AuditConfig,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error(
        "cannot read the configuration {path}: {source}; `mizan init` writes one to start from"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any configuration.
    #[error("the configuration {path} is larger than 4 MiB; is it another file?")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A setting is wrong.
    #[error("{path}, {error}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Which and why.
        error: ConfigError,
    },
}

impl Config {
    /// Reads and checks a file; paths in it are relative to its folder.
    ///
    /// # Errors
    /// When it cannot be read, or a setting is unknown, wrong or contradicts another; the error names the line.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > BYTES_MAX {
            return Err(LoadError::TooLarge { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder)
            .map_err(|error| LoadError::Wrong { path: path.to_owned(), error })
    }

    /// Reads and checks a text; paths in it are relative to `folder`.
    ///
    /// ```
    /// use mizan::config::Config;
    /// let error = Config::parse("[lgo]\npath = \"x\"", std::path::Path::new(".")).unwrap_err();
    /// assert_eq!(error.to_string(), "line 1: `lgo` is not a setting of the file; did you mean `log`?");
    /// ```
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let document = document::parse(text)?;
        document.only(&[
            "log",
            "sides",
            "entities",
            "limits",
            "retry_refused_after_seconds",
            "shadow",
            "audit",
        ])?;
        let log = match document.get("log") {
            None => folder.join("mizan-log"),
            Some(node) => {
                node.only(&["path"])?;
                folder.join(node.need("path", "the folder of the log")?.text()?)
            }
        };
        let sides = side::read_sides(
            document.need("sides", "the two systems to connect, as [sides.NAME]")?,
            folder,
        )?;
        let entities = document.need("entities", "what to keep in balance, as [entities.NAME]")?;
        let entity::Entities { list, bindings, sweeps, immutable, personal } =
            entity::read_entities(entities, &sides)?;
        let schema = Schema::new(sides.keys().cloned().collect(), list)
            .map_err(|error| entities.error(error.to_string()))?;
        let limits = match document.get("limits") {
            None => Limits::default(),
            Some(node) => read_limits(node)?,
        };
        let retry_refused_after_ms = match document.get("retry_refused_after_seconds") {
            None => 3_600_000,
            Some(node) => node.number(0, 31_536_000)? * 1_000,
        };
        let shadow = match document.get("shadow") {
            None => None,
            Some(node) => {
                node.only(&["rules"])?;
                let rules = node.need("rules", "the configuration file with the other rules")?;
                Some(folder.join(rules.text()?))
            }
        };
        let audit = match document.get("audit") {
            None => AuditConfig::default(),
            Some(node) => audit::read_audit(node, folder)?,
        };
        Ok(Self {
            log,
            sides,
            schema,
            bindings,
            sweeps,
            immutable,
            personal,
            limits,
            retry_refused_after_ms,
            shadow,
            audit,
        })
    }

    /// The engine's settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let visibility = self
            .sides
            .iter()
            .filter_map(|(side, config)| Some((side.clone(), config.visibility_ms?)));
        Settings {
            limits: self.limits,
            sweeps: self.sweeps.clone(),
            personal: self.personal.clone(),
            visibility_ms: visibility.collect(),
            retry_refused_after_ms: self.retry_refused_after_ms,
            ..Settings::default()
        }
    }
}

fn read_limits(node: &document::Node) -> Result<Limits, ConfigError> {
    node.only(&["deletes_free", "deletes_percent", "updates_free", "updates_percent"])?;
    let mut limits = Limits::default();
    let places = [
        ("deletes_free", &mut limits.deletes_free, 1_000_000_000),
        ("deletes_percent", &mut limits.deletes_percent, 100),
        ("updates_free", &mut limits.updates_free, 1_000_000_000),
        ("updates_percent", &mut limits.updates_percent, 100),
    ];
    for (name, place, most) in places {
        if let Some(node) = node.get(name) {
            *place = usize::try_from(node.number(0, most)?).unwrap_or(usize::MAX);
        }
    }
    Ok(limits)
}
