//! The authorization server: its endpoints, given or discovered.

use super::AuthError;
use crate::http::{Api, Auth, Client, HttpError, Limiter, Policy, Request};
use oauth2::{AuthUrl, TokenUrl};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Where the discovery document stands below the issuer (OpenID Connect Discovery 1.0, section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Where the endpoints are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// The issuer says so itself, in its discovery document.
    Discover {
        /// The issuer, exactly as it names itself.
        issuer: String,
    },
    /// They are given.
    Fixed {
        /// The token endpoint.
        token: String,
        /// Where a person logs in.
        authorize: Option<String>,
        /// Where tokens are revoked.
        revoke: Option<String>,
    },
}

/// An authorization server; its discovery document is read once, when it is first needed.
pub struct Provider {
    endpoints: Endpoints,
    timeout: Duration,
    policy: Policy,
    resolved: OnceCell<Arc<Resolved>>,
}

/// The endpoints, ready to be asked.
pub(super) struct Resolved {
    pub(super) token_url: TokenUrl,
    pub(super) token: Api,
    pub(super) authorize: Option<AuthUrl>,
    pub(super) revoke: Option<Api>,
    /// What an answer at the redirect address must name as its issuer, where it names one.
    pub(super) issuer: Option<String>,
    /// Whether it must name one (RFC 9207).
    pub(super) names_issuer: bool,
}

/// What is used of a discovery document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    token_endpoint: Option<String>,
    authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Provider {
    /// A server with these endpoints.
    #[must_use]
    pub fn new(endpoints: Endpoints, timeout: Duration, policy: Policy) -> Self {
        Self { endpoints, timeout, policy, resolved: OnceCell::new() }
    }

    /// A server of which only the token endpoint is known.
    #[must_use]
    pub fn token_endpoint(url: impl Into<String>, policy: Policy) -> Self {
        let endpoints = Endpoints::Fixed { token: url.into(), authorize: None, revoke: None };
        Self::new(endpoints, Duration::from_secs(30), policy)
    }

    /// What the tokens of this server are known by: its issuer or its token endpoint.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.endpoints {
            Endpoints::Discover { issuer } => issuer,
            Endpoints::Fixed { token, .. } => token,
        }
    }

    /// Refuses addresses that cannot be used, without asking anybody.
    ///
    /// # Errors
    /// [`AuthError::Settings`].
    pub fn check(&self) -> Result<(), AuthError> {
        match &self.endpoints {
            Endpoints::Discover { issuer } => self.client(&well_known(issuer)).map(drop),
            Endpoints::Fixed { .. } => self.fixed(&self.endpoints).map(drop),
        }
    }

    /// The endpoints; asks the issuer for them the first time.
    pub(super) async fn resolve(&self) -> Result<Arc<Resolved>, AuthError> {
        let resolving = async {
            match &self.endpoints {
                Endpoints::Discover { issuer } => self.discover(issuer).await,
                Endpoints::Fixed { .. } => self.fixed(&self.endpoints),
            }
            .map(Arc::new)
        };
        self.resolved.get_or_try_init(|| resolving).await.cloned()
    }

    async fn discover(&self, issuer: &str) -> Result<Resolved, AuthError> {
        let bad = |why: &str| AuthError::BadAnswer {
            why: format!("the discovery document of {issuer}: {why}"),
        };
        let request = Request::get("");
        let answer = self.api(&well_known(issuer))?.exchange(&request, None).await;
        let answer = answer.map_err(|error| match error {
            HttpError::BadAnswer { ref why } => bad(why),
            HttpError::NotSent { .. }
            | HttpError::InDoubt { .. }
            | HttpError::Throttled { .. }
            | HttpError::Unauthorized { .. }
            | HttpError::TooLarge { .. } => AuthError::Unreachable { why: error.to_string() },
        })?;
        if answer.status != 200 {
            return Err(bad(&format!("status {}; is this the issuer?", answer.status)));
        }
        let document: Document = serde_json::from_slice(&answer.body)
            .map_err(|_| bad("it is none, or names no issuer"))?;
        if document.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(bad("it names another issuer; write that one if it is the right one"));
        }
        let token = document.token_endpoint.ok_or_else(|| bad("it names no token endpoint"))?;
        let (authorize, revoke) = (document.authorization_endpoint, document.revocation_endpoint);
        let mut resolved = self.fixed(&Endpoints::Fixed { token, authorize, revoke })?;
        resolved.issuer = Some(document.issuer);
        resolved.names_issuer = document.authorization_response_iss_parameter_supported;
        Ok(resolved)
    }

    fn fixed(&self, endpoints: &Endpoints) -> Result<Resolved, AuthError> {
        let Endpoints::Fixed { token, authorize, revoke } = endpoints else {
            return Err(AuthError::settings("the endpoints are not known yet"));
        };
        let token_url = TokenUrl::new(token.clone())
            .map_err(|_| AuthError::settings("the token URL is no URL"))?;
        let authorize = match authorize {
            None => None,
            Some(url) => {
                // A browser goes there, but the address carries the request, so the same rules hold.
                self.client(url.split('?').next().unwrap_or(url))?;
                let url = AuthUrl::new(url.clone());
                Some(url.map_err(|_| AuthError::settings("the authorization URL is no URL"))?)
            }
        };
        let revoke = revoke.as_deref().map(|url| self.api(url)).transpose()?;
        let token = self.api(token)?;
        Ok(Resolved { token_url, token, authorize, revoke, issuer: None, names_issuer: false })
    }

    /// Each endpoint has a gate of its own: tokens must not queue behind the requests that wait for them.
    fn api(&self, url: &str) -> Result<Api, AuthError> {
        Ok(Api::new(self.client(url)?, Auth::None, Limiter::default(), self.policy))
    }

    fn client(&self, url: &str) -> Result<Client, AuthError> {
        Client::builder(url)
            .timeout(self.timeout)
            .build()
            .map_err(|error| AuthError::settings(error.to_string()))
    }
}

fn well_known(issuer: &str) -> String {
    format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'))
}
