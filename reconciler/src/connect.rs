//! Connect: a configuration becomes adapters, a log and an engine.

use crate::clock::SystemClock;
use crate::config::{Auth as AuthConfig, Config, Secret, System};
use crate::engine::{Engine, EngineError};
use crate::what_if::comparable;
use mizan_adapters::files::Files;
use mizan_adapters::http::{Api, Auth, Client, Limiter, Limits, Policy as RetryPolicy};
use mizan_adapters::qoyod::Qoyod;
use mizan_adapters::{Adapter, Binding};
use mizan_core::policy::Policies;
use mizan_core::{Name, Rivalry, Schema, SideId};
use mizan_store::{EventLog, OpenReport, SledLog, StoreError};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A side, the log or the engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A secret is not where the configuration says.
    #[error("side `{side}`: {what}")]
    Secret {
        /// The side.
        side: SideId,
        /// Which secret and where it was looked for; never what it is.
        what: String,
    },
    /// A side cannot be set up.
    #[error("side `{side}`: {what}")]
    Side {
        /// The side.
        side: SideId,
        /// Why.
        what: String,
    },
    /// The configuration names a policy that this program does not have.
    #[error(
        "entity `{entity}`, field `{field}`: no policy `{policy}` is registered (there are: {known}). Policies of \
         one's own live in a program that embeds Mizan and registers them with `Policies::with` before \
         `connect::open_engine_with`; the `mizan` program has none: write a side or another rule for `prefer`"
    )]
    UnknownPolicy {
        /// The entity.
        entity: Name,
        /// The field.
        field: Name,
        /// The name that `prefer` gives.
        policy: Name,
        /// The names that are registered.
        known: String,
    },
    /// The rules that are to run beside cannot be used.
    #[error("[shadow] rules = {path}: {what}")]
    Shadow {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The log cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The sides of a configuration, ready to be used.
pub struct Sides {
    /// The adapters.
    pub adapters: Vec<Arc<dyn Adapter>>,
    /// The HTTP side of those that have one, for counting requests.
    pub apis: BTreeMap<SideId, Api>,
}

/// Sets up the adapters of a configuration.
///
/// # Errors
/// When a secret is missing or an adapter refuses its settings.
pub fn connect_sides(config: &Config) -> Result<Sides, ConnectError> {
    let mut sides = Sides { adapters: Vec::new(), apis: BTreeMap::new() };
    for (side, settings) in &config.sides {
        let bindings = config.bindings.get(side).cloned().unwrap_or_default();
        let failed = |what: String| ConnectError::Side { side: side.clone(), what };
        match &settings.system {
            System::Files { root } => {
                let files = Files::new(side.clone(), root.clone(), bindings)
                    .map_err(|error| failed(error.to_string()))?;
                sides.adapters.push(Arc::new(files));
            }
            System::Qoyod { url, auth, requests_per_minute, timeout_seconds } => {
                let parallel = bindings.iter().map(parallel_of).max().unwrap_or(4);
                let api =
                    connect_api(side, url, auth, *requests_per_minute, *timeout_seconds, parallel)?;
                let qoyod = Qoyod::new(side.clone(), api.clone(), bindings)
                    .map_err(|error| failed(error.to_string()))?;
                sides.adapters.push(Arc::new(qoyod));
                sides.apis.insert(side.clone(), api);
            }
        }
    }
    Ok(sides)
}

fn parallel_of(binding: &Binding) -> usize {
    let parallel = binding.options.get("parallel").and_then(serde_json::Value::as_u64);
    parallel.and_then(|parallel| usize::try_from(parallel).ok()).unwrap_or(4).max(4)
}

/// Opens the log of a configuration.
///
/// # Errors
/// When it is held by another process, damaged, or the disk refuses.
pub fn open_log(path: &Path) -> Result<(Box<dyn EventLog>, OpenReport), ConnectError> {
    let (log, report) = SledLog::open(path)?;
    Ok((Box::new(log), report))
}

/// Refuses a configuration that names a policy which is not registered: it would decide nothing, silently.
///
/// # Errors
/// [`ConnectError::UnknownPolicy`], with the first such entity and field.
pub fn check_policies(config: &Config, policies: &Policies) -> Result<(), ConnectError> {
    for entity in &config.schema.entities {
        for field in &entity.fields {
            let Rivalry::Custom(policy) = &field.rivalry else { continue };
            if !policies.knows(policy) {
                let names: Vec<&str> = policies.names().map(Name::as_str).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(ConnectError::UnknownPolicy {
                    entity: entity.name.clone(),
                    field: field.name.clone(),
                    policy: policy.clone(),
                    known,
                });
            }
        }
    }
    Ok(())
}

/// The rules that `[shadow]` names, to be asked beside those in force; `None` where nothing is said.
///
/// # Errors
/// [`ConnectError::Shadow`] where the file cannot be used, or is about other entities, fields or sides.
pub fn read_shadow(config: &Config, policies: &Policies) -> Result<Option<Schema>, ConnectError> {
    let Some(path) = &config.shadow else { return Ok(None) };
    let failed = |what: String| ConnectError::Shadow { path: path.clone(), what };
    let other = Config::load(path).map_err(|error| failed(error.to_string()))?;
    check_policies(&other, policies).map_err(|error| failed(error.to_string()))?;
    comparable(&config.schema, &other.schema).map_err(|error| failed(error.to_string()))?;
    Ok(Some(other.schema))
}

/// Opens an engine over a log, with the rules that the configuration declares and no others.
///
/// # Errors
/// As [`open_engine_with`].
pub fn open_engine(
    config: &Config,
    log: Box<dyn EventLog>,
    adapters: Vec<Arc<dyn Adapter>>,
) -> Result<Engine, ConnectError> {
    open_engine_with(config, log, adapters, Policies::default())
}

/// Opens an engine over a log, with policies of the user's own for the fields that say `prefer = "policy NAME"`.
///
/// `examples/custom_policy.rs` is a complete program.
///
/// ```
/// use mizan::connect::{connect_sides, open_engine_with};
/// use mizan::core::Name;
/// use mizan::core::policy::{Conflict, Policies, Policy, Verdict};
/// use mizan::store::MemoryLog;
///
/// /// The longest text wins.
/// struct Longest;
///
/// impl Policy for Longest {
///     fn id(&self) -> Name {
///         "longest/1".into()
///     }
///     fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
///         let all = conflict.candidates.iter().enumerate();
///         let best = all.max_by_key(|(_, one)| (one.value.to_string().len(), one.value));
///         best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
///     }
/// }
///
/// let config = r#"
/// [sides.till]
/// adapter = "files"
/// root = "till"
/// [sides.books]
/// adapter = "files"
/// root = "books"
/// [entities.product]
/// direction = "both"
/// prefer = "policy longest"
/// [entities.product.sides]
/// till = {}
/// books = {}
/// [entities.product.fields]
/// name = { till = "name", books = "title" }
/// "#;
/// let config = mizan::Config::parse(config, std::path::Path::new("."))?;
/// let open = |policies| {
///     let adapters = connect_sides(&config)?.adapters;
///     open_engine_with(&config, Box::new(MemoryLog::default()), adapters, policies)
/// };
/// assert!(open(Policies::default()).is_err(), "nothing is registered as `longest`");
/// assert!(open(Policies::default().with(Longest)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a policy that the configuration names is not registered, and as [`Engine::open`].
pub fn open_engine_with(
    config: &Config,
    log: Box<dyn EventLog>,
    adapters: Vec<Arc<dyn Adapter>>,
    policies: Policies,
) -> Result<Engine, ConnectError> {
    check_policies(config, &policies)?;
    let shadow = read_shadow(config, &policies)?;
    let policy = Arc::new(policies);
    let clock = Arc::new(SystemClock);
    let schema = config.schema.clone();
    let mut engine = Engine::open(log, schema, adapters, policy.clone(), config.settings(), clock)?;
    if let Some(other) = shadow {
        engine.shadow(&other, policy);
    }
    Ok(engine)
}

fn connect_api(
    side: &SideId,
    url: &str,
    auth: &AuthConfig,
    requests_per_minute: Option<u32>,
    timeout_seconds: u64,
    parallel: usize,
) -> Result<Api, ConnectError> {
    let failed = |what: String| ConnectError::Side { side: side.clone(), what };
    let timeout = Duration::from_secs(timeout_seconds);
    let client =
        Client::builder(url).timeout(timeout).build().map_err(|error| failed(error.to_string()))?;
    let limiter = Limiter::new(Limits {
        requests_max: requests_per_minute,
        concurrent_max: parallel,
        ..Limits::default()
    });
    let auth = match auth {
        AuthConfig::ApiKey(secret) => {
            Auth::ApiKey { header: "API-KEY".to_owned(), secret: read_secret(side, secret)? }
        }
        AuthConfig::Oauth(oauth) => {
            Auth::Bearer(Arc::new(crate::auth::token_source(side, oauth, timeout)?))
        }
    };
    Ok(Api::new(client, auth, limiter, RetryPolicy::default()))
}

pub(crate) fn read_secret(side: &SideId, secret: &Secret) -> Result<SecretString, ConnectError> {
    read_plain(side, secret).map(SecretString::from)
}

pub(crate) fn read_plain(side: &SideId, secret: &Secret) -> Result<String, ConnectError> {
    let missing = |what: String| ConnectError::Secret { side: side.clone(), what };
    let text = match secret {
        Secret::Env(name) => std::env::var(name).map_err(|_| {
            missing(format!("the environment variable {name} is not set; put the secret there"))
        })?,
        Secret::File(path) => std::fs::read_to_string(path).map_err(|error| {
            missing(format!("cannot read the secret from {}: {error}", path.display()))
        })?,
    };
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(missing("the secret is empty".to_owned()));
    }
    Ok(text)
}
