//! A token whenever one is asked for, with one request for all who ask.

use super::endpoint::ask;
use super::{AuthError, Grant, Settings, TokenStore, Tokens};
use crate::BoxFuture;
use crate::http::{Api, Auth, Client, HttpError, Limiter, Policy, TokenSource};
use oauth2::TokenUrl;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The time in seconds since 1970; handed in, so that a test can move it.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The tokens of one connection, kept fresh.
///
/// - A token is replaced ahead of its end; if that fails while it is still good, it goes on being used.
/// - However many tasks need a new token, one request is made, and it is finished even if all of them stop waiting:
///   a rotated refresh token must not be dropped with a cancelled task.
/// - A new token is handed out only after the store has it. If saving fails, it is kept and saved at the next call.
/// - The store is read before each refresh, so a log-in made meanwhile by another process is noticed.
#[derive(Clone)]
pub struct OAuth {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    api: Api,
    token_url: TokenUrl,
    store: Arc<dyn TokenStore>,
    clock: Clock,
    flight: Arc<Mutex<Flight>>,
    /// Refreshes that have ended, so that those who waited for one can tell.
    rounds: AtomicU64,
}

#[derive(Default)]
struct Flight {
    tokens: Option<Tokens>,
    /// The tokens are newer than the store; they must not be used yet.
    unsaved: bool,
    /// The refresh token that the server has refused for good, so that it is not asked again and again.
    spent: Option<SecretString>,
    /// How the last refresh failed.
    failed: Option<AuthError>,
}

impl OAuth {
    /// Tokens from the endpoint that is the client's base URL.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the base URL is none that the protocol can use.
    pub fn new(
        settings: Settings,
        endpoint: Client,
        policy: Policy,
        store: Arc<dyn TokenStore>,
        clock: Clock,
    ) -> Result<Self, AuthError> {
        let token_url = TokenUrl::new(endpoint.base().to_owned())
            .map_err(|_| AuthError::Refused { why: "the token URL is no URL".to_owned() })?;
        // The endpoint has its own gate: tokens must not queue behind the requests that wait for them.
        let api = Api::new(endpoint, Auth::None, Limiter::default(), policy);
        let flight = Arc::new(Mutex::new(Flight::default()));
        let rounds = AtomicU64::new(0);
        let inner = Inner { settings, api, token_url, store, clock, flight, rounds };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A token that should be accepted now.
    ///
    /// # Errors
    /// [`AuthError`]; [`AuthError::LogInAgain`] needs a person.
    pub async fn token(&self) -> Result<SecretString, AuthError> {
        self.get(None).await
    }

    /// Another token than this one, which was refused.
    ///
    /// # Errors
    /// As [`OAuth::token`].
    pub async fn renew(&self, refused: &SecretString) -> Result<SecretString, AuthError> {
        self.get(Some(refused)).await
    }

    async fn get(&self, refused: Option<&SecretString>) -> Result<SecretString, AuthError> {
        let inner = &self.inner;
        let seen = inner.rounds.load(Ordering::SeqCst);
        let flight = Arc::clone(&inner.flight).lock_owned().await;
        if let Some(token) = inner.good(&flight, refused, inner.settings.skew_s) {
            return Ok(token);
        }
        // Somebody tried while we waited: their failure is ours, not a reason to try once more each.
        if inner.rounds.load(Ordering::SeqCst) != seen
            && let Some(error) = &flight.failed
        {
            return Err(error.clone());
        }
        // A task of its own, so that giving up waiting does not give up the answer.
        let task = tokio::spawn(Arc::clone(inner).round(flight, refused.cloned()));
        task.await.unwrap_or_else(|_| {
            Err(AuthError::Unreachable { why: "the refresh was stopped".to_owned() })
        })
    }
}

impl Inner {
    /// The token in hand, if it is saved, not the refused one, and good for so many seconds more.
    fn good(
        &self,
        flight: &Flight,
        refused: Option<&SecretString>,
        ahead_s: i64,
    ) -> Option<SecretString> {
        let tokens = flight.tokens.as_ref().filter(|_| !flight.unsaved)?;
        let fresh = (self.clock)().saturating_add(ahead_s) < tokens.expires_at_s;
        let other = refused.is_none_or(|refused| !same(refused, &tokens.access));
        (fresh && other).then(|| tokens.access.clone())
    }

    async fn round(
        self: Arc<Self>,
        mut flight: OwnedMutexGuard<Flight>,
        refused: Option<SecretString>,
    ) -> Result<SecretString, AuthError> {
        let result = match self.refresh(&mut flight, refused.as_ref()).await {
            Ok(token) => Ok(token),
            Err(error) => {
                tracing::warn!(%error, "no new access token");
                // Not in time for the skew, but the old one may still be good.
                self.good(&flight, refused.as_ref(), 0).ok_or(error)
            }
        };
        flight.failed = result.as_ref().err().cloned();
        self.rounds.fetch_add(1, Ordering::SeqCst);
        result
    }

    async fn refresh(
        &self,
        flight: &mut Flight,
        refused: Option<&SecretString>,
    ) -> Result<SecretString, AuthError> {
        if flight.unsaved {
            self.save(flight).await?;
        } else {
            self.load(flight).await?;
        }
        if let Some(token) = self.good(flight, refused, self.settings.skew_s) {
            return Ok(token);
        }
        let refresh = self.refresh_token(flight)?;
        let now_s = (self.clock)();
        let asked = ask(&self.api, &self.token_url, &self.settings, refresh.as_ref(), now_s).await;
        match asked {
            Ok(tokens) => {
                let access = tokens.access.clone();
                flight.tokens = Some(tokens);
                flight.unsaved = true;
                self.save(flight).await?;
                Ok(access)
            }
            Err(error) => {
                if matches!(error, AuthError::LogInAgain { .. }) {
                    flight.spent = refresh;
                }
                Err(error)
            }
        }
    }

    /// What to refresh with; none for the grant that needs none.
    fn refresh_token(&self, flight: &Flight) -> Result<Option<SecretString>, AuthError> {
        let again = |why: &str| Err(AuthError::LogInAgain { why: why.to_owned() });
        match self.settings.grant {
            Grant::ClientCredentials => Ok(None),
            Grant::RefreshToken => {
                let Some(token) = flight.tokens.as_ref().and_then(|t| t.refresh.clone()) else {
                    return again("there is no refresh token; nobody has logged in yet");
                };
                if flight.spent.as_ref().is_some_and(|spent| same(spent, &token)) {
                    return again("the server has refused the stored refresh token");
                }
                Ok(Some(token))
            }
        }
    }

    async fn load(&self, flight: &mut Flight) -> Result<(), AuthError> {
        let store = Arc::clone(&self.store);
        if let Some(tokens) = blocking(move || store.load()).await? {
            flight.tokens = Some(tokens);
        }
        Ok(())
    }

    async fn save(&self, flight: &mut Flight) -> Result<(), AuthError> {
        if let Some(tokens) = flight.tokens.clone() {
            let store = Arc::clone(&self.store);
            blocking(move || store.save(&tokens)).await?;
        }
        flight.unsaved = false;
        Ok(())
    }
}

impl TokenSource for OAuth {
    fn token(&self) -> BoxFuture<'_, Result<SecretString, HttpError>> {
        Box::pin(async { Ok(self.get(None).await?) })
    }

    fn renew<'a>(
        &'a self,
        refused: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, HttpError>> {
        Box::pin(async { Ok(self.get(Some(refused)).await?) })
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

fn same(left: &SecretString, right: &SecretString) -> bool {
    left.expose_secret() == right.expose_secret()
}

/// Runs what may block where blocking hurts nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
) -> Result<T, AuthError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(AuthError::Store { why: "the store was stopped".to_owned() }))
}
