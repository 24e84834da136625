//! Logging in and out, and what is known of the tokens of each side.
//!
//! A side with `grant = "authorization_code"` needs a person once: [`Session::listen`] gives the address to open and
//! waits for the browser, or [`Session::pasted`] takes what the person copies out of it. From then on the engine
//! refreshes by itself, until the server refuses the grant; [`standing`] tells.

use crate::config::{Auth, ClientId, Config, OauthConfig, Secret, System};
use crate::connect::{ConnectError, read_plain, read_secret};
use chrono::{DateTime, SecondsFormat, Utc};
use mizan_adapters::http::Policy;
use mizan_adapters::oauth::{
    AuthError, Code, FileStore, Grant, Key, Login, Loopback, Mark, OAuth, Provider, Revoked,
    Settings, TokenStore, Tokens,
};
use mizan_core::SideId;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why nobody can log in to a side, or out of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such side.
    #[error("there is no side `{side}`; there are {known}")]
    NoSuchSide {
        /// What was asked for.
        side: String,
        /// The sides.
        known: String,
    },
    /// The side is let in some other way.
    #[error("side `{side}`: {why}")]
    NoLogin {
        /// The side.
        side: SideId,
        /// How it is let in.
        why: &'static str,
    },
    /// The side cannot be set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server or the token file.
    #[error("side `{side}`: {error}")]
    Auth {
        /// The side.
        side: SideId,
        /// What is wrong.
        error: AuthError,
    },
}

/// What is known of a side's way in; never a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The side.
    pub side: SideId,
    /// How it is let in: `none`, `api_key`, `client_credentials` or `authorization_code`.
    pub by: &'static str,
    /// Whether there is a token that can be used or replaced without a person.
    pub ready: bool,
    /// When the access token ends, in RFC 3339; it is replaced ahead of that.
    pub valid_until: Option<String>,
    /// Whether it has ended already.
    pub ended: bool,
    /// Whether there is a refresh token that the server has not refused.
    pub refresh_token: bool,
    /// What the server says that the token is good for.
    pub scope: Option<String>,
    /// Where the tokens are kept.
    pub token_file: Option<PathBuf>,
    /// Whether they are sealed with a key.
    pub sealed: bool,
    /// What is to be known beside that.
    pub note: Option<String>,
    /// What a person has to type.
    pub to_do: Option<String>,
}

/// What a person types to log in to a side.
#[must_use]
pub fn log_in(side: &SideId) -> String {
    format!("mizan auth login {side}")
}

/// The tokens of a side, kept in its token file.
pub(crate) fn token_source(
    side: &SideId,
    oauth: &OauthConfig,
    timeout: Duration,
) -> Result<OAuth, ConnectError> {
    let secret =
        oauth.client_secret.as_ref().map(|secret| read_secret(side, secret)).transpose()?;
    let mut settings = Settings::new(oauth.grant, client_id(side, oauth)?, secret);
    settings.client_auth = oauth.client_auth;
    settings.scopes.clone_from(&oauth.scopes);
    settings.params.clone_from(&oauth.params);
    settings.log_in = Some(log_in(side));
    let store = Arc::new(token_store(side, oauth)?);
    let clock = Arc::new(|| Utc::now().timestamp());
    let provider = Provider::new(oauth.endpoints.clone(), timeout, Policy::default());
    OAuth::new(settings, provider, store, clock)
        .map_err(|error| ConnectError::Side { side: side.clone(), what: error.to_string() })
}

fn client_id(side: &SideId, oauth: &OauthConfig) -> Result<String, ConnectError> {
    match &oauth.client_id {
        ClientId::Text(text) => Ok(text.clone()),
        ClientId::Kept(kept) => read_plain(side, kept),
    }
}

fn token_store(side: &SideId, oauth: &OauthConfig) -> Result<FileStore, ConnectError> {
    // The provider is asked for its name only; nothing is sent.
    let provider =
        Provider::new(oauth.endpoints.clone(), Duration::from_secs(30), Policy::default());
    let client_id = client_id(side, oauth)?;
    let store = FileStore::new(oauth.token_file.clone()).for_origin(provider.name(), &client_id);
    let Some(kept) = &oauth.token_key else { return Ok(store) };
    let key = Key::parse(&read_plain(side, kept)?).map_err(|error| ConnectError::Secret {
        side: side.clone(),
        what: format!("the key for its tokens in {}: {error}", place(kept)),
    })?;
    Ok(store.sealed_with(key))
}

fn place(secret: &Secret) -> String {
    match secret {
        Secret::Env(name) => format!("the environment variable {name}"),
        Secret::File(path) => path.display().to_string(),
    }
}

/// What is known of the way in to each side, without asking any server.
#[must_use]
pub fn standing(config: &Config) -> Vec<Standing> {
    let now_s = Utc::now().timestamp();
    let each = config.sides.iter();
    each.map(|(side, settings)| match &settings.system {
        System::Files { .. } => open(side, "none"),
        System::Qoyod { auth: Auth::ApiKey(_), .. } => open(side, "api_key"),
        System::Qoyod { auth: Auth::Oauth(oauth), .. } => by_oauth(side, oauth, now_s),
    })
    .collect()
}

fn open(side: &SideId, by: &'static str) -> Standing {
    Standing {
        side: side.clone(),
        by,
        ready: true,
        valid_until: None,
        ended: false,
        refresh_token: false,
        scope: None,
        token_file: None,
        sealed: false,
        note: None,
        to_do: None,
    }
}

fn by_oauth(side: &SideId, oauth: &OauthConfig, now_s: i64) -> Standing {
    let by = match oauth.grant {
        Grant::ClientCredentials => "client_credentials",
        Grant::RefreshToken => "authorization_code",
    };
    let mut standing = Standing { token_file: Some(oauth.token_file.clone()), ..open(side, by) };
    let store = match token_store(side, oauth) {
        Ok(store) => store,
        Err(error) => {
            standing.ready = false;
            standing.note = Some(error.to_string());
            return standing;
        }
    };
    let loaded = store.is_sealed().and_then(|sealed| Ok((sealed, store.load()?)));
    match loaded {
        Err(error) => {
            standing.ready = false;
            standing.note = Some(error.to_string());
        }
        Ok((sealed, tokens)) => {
            standing.sealed = sealed == Some(true);
            if sealed == Some(false) && oauth.token_key.is_some() {
                standing.note =
                    Some("the tokens are sealed when they are next replaced".to_owned());
            }
            match oauth.grant {
                Grant::ClientCredentials => of_client(&mut standing, tokens.as_ref(), now_s),
                Grant::RefreshToken => of_person(&mut standing, tokens.as_ref(), now_s),
            }
        }
    }
    standing
}

fn tell(standing: &mut Standing, tokens: &Tokens, now_s: i64) {
    let until: Option<DateTime<Utc>> = DateTime::from_timestamp(tokens.expires_at_s, 0);
    standing.valid_until = until.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    standing.ended = tokens.expires_at_s <= now_s;
    standing.scope.clone_from(&tokens.scope);
}

fn of_client(standing: &mut Standing, tokens: Option<&Tokens>, now_s: i64) {
    match tokens {
        Some(tokens) => tell(standing, tokens, now_s),
        None => standing.note = Some("no token yet; one is asked for when it is needed".to_owned()),
    }
}

fn of_person(standing: &mut Standing, tokens: Option<&Tokens>, now_s: i64) {
    let Some(tokens) = tokens else {
        standing.ready = false;
        standing.note = Some("nobody has logged in yet".to_owned());
        standing.to_do = Some(log_in(&standing.side));
        return;
    };
    tell(standing, tokens, now_s);
    let refused = match &tokens.mark {
        Mark::Refused { why } => Some(why.clone()),
        Mark::Unused | Mark::Sent { .. } => None,
    };
    standing.refresh_token = tokens.refresh.is_some() && refused.is_none();
    if standing.refresh_token {
        if let Mark::Sent { at_s } = tokens.mark {
            let at = DateTime::from_timestamp(at_s, 0).map(|at: DateTime<Utc>| at.to_rfc3339());
            standing.note = Some(format!(
                "no answer was kept to the refresh of {}; it is tried again when a token is needed",
                at.unwrap_or_default()
            ));
        }
        return;
    }
    standing.to_do = Some(log_in(&standing.side));
    standing.ready = !standing.ended;
    standing.note = Some(refused.unwrap_or_else(|| {
        "the server gave no refresh token, so the log-in ends with the access token; many servers give one for the \
         scope offline_access"
            .to_owned()
    }));
}

/// A side that a person can log in to or out of.
pub struct Session {
    side: SideId,
    oauth: OAuth,
    redirect_url: String,
}

impl Session {
    /// Sets up the side of this name.
    ///
    /// # Errors
    /// [`SessionError`] where there is no such side or it is let in some other way.
    pub fn open(config: &Config, name: &str) -> Result<Self, SessionError> {
        let side = SideId::new(name);
        let Some(settings) = config.sides.get(&side) else {
            let known: Vec<&str> = config.sides.keys().map(SideId::as_str).collect();
            let known = known.join(", ");
            return Err(SessionError::NoSuchSide { side: name.to_owned(), known });
        };
        let why = match &settings.system {
            System::Files { .. } => "it is a folder of files, and needs no log-in",
            System::Qoyod { auth: Auth::ApiKey(_), .. } => {
                "it is let in by an API key, and needs no log-in"
            }
            System::Qoyod { auth: Auth::Oauth(oauth), timeout_seconds, .. } => {
                let timeout = Duration::from_secs(*timeout_seconds);
                let source = token_source(&side, oauth, timeout)?;
                let redirect_url = oauth.redirect_url.clone();
                return Ok(Self { side, oauth: source, redirect_url });
            }
        };
        Err(SessionError::NoLogin { side, why })
    }

    fn failed(&self, error: AuthError) -> SessionError {
        SessionError::Auth { side: self.side.clone(), error }
    }

    fn needs_a_person(&self) -> Result<(), SessionError> {
        match self.oauth.settings().grant {
            Grant::RefreshToken => Ok(()),
            Grant::ClientCredentials => Err(SessionError::NoLogin {
                side: self.side.clone(),
                why: "it uses grant = \"client_credentials\": the program logs in by itself, and `mizan check` \
                      tries it",
            }),
        }
    }

    /// Begins a log-in whose answer comes to this machine.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn listen(&self) -> Result<(Login, Loopback), SessionError> {
        self.needs_a_person()?;
        let loopback =
            Loopback::bind(&self.redirect_url).await.map_err(|error| self.failed(error))?;
        let login = self.oauth.begin(loopback.redirect()).await;
        Ok((login.map_err(|error| self.failed(error))?, loopback))
    }

    /// Begins a log-in whose answer a person copies out of the browser.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn pasted(&self) -> Result<Login, SessionError> {
        self.needs_a_person()?;
        self.oauth.begin(&self.redirect_url).await.map_err(|error| self.failed(error))
    }

    /// Waits for the browser.
    ///
    /// # Errors
    /// [`SessionError`] where the server or the person says no.
    pub async fn wait(&self, login: &Login, loopback: Loopback) -> Result<Code, SessionError> {
        loopback.wait(login.expected()).await.map_err(|error| self.failed(error))
    }

    /// Turns the code into tokens and keeps them.
    ///
    /// # Errors
    /// [`SessionError`]; the tokens kept before stay then.
    pub async fn finish(&self, login: Login, code: &Code) -> Result<(), SessionError> {
        self.oauth.finish(login, code).await.map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Forgets the tokens, and revokes them where the server lets that be done.
    ///
    /// # Errors
    /// [`SessionError`] where they cannot be removed.
    pub async fn log_out(&self) -> Result<Revoked, SessionError> {
        self.oauth.forget().await.map_err(|error| self.failed(error))
    }
}
