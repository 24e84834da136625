//! A token whenever one is asked for, with one request for all who ask.

use super::callback::Code;
use super::endpoint::{With, ask};
use super::revoke::{Revoked, revoke};
use super::{AuthError, Grant, Login, Mark, Provider, Settings, StoreLock, TokenStore, Tokens};
use crate::BoxFuture;
use crate::http::{HttpError, TokenSource};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long another process may take for its refresh; longer than all the tries of one request.
const LOCK_WAIT: Duration = Duration::from_secs(120);

/// How often the lock is looked at meanwhile.
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// The time in seconds since 1970; handed in, so that a test can move it.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The tokens of one connection, kept fresh.
///
/// - A token is replaced ahead of its end; if that fails while it is still good, it goes on being used.
/// - However many tasks need a new token, one request is made, and it is finished even if all of them stop waiting:
///   a rotated refresh token must not be dropped with a cancelled task.
/// - However many processes share the store, one of them refreshes at a time, and the others take over its tokens.
/// - That a refresh token is sent is noted in the store before, so that a full disk is met while the token is still good,
///   and a crash before the answer is kept can be named afterwards.
/// - A new token is handed out only after the store has it. If saving fails, it is kept and saved at the next call.
/// - The store is read before each refresh, so a log-in made meanwhile by another process is noticed.
/// - A refresh token that was refused for good is not sent again; a person has to log in.
#[derive(Clone)]
pub struct OAuth {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    provider: Provider,
    store: Arc<dyn TokenStore>,
    clock: Clock,
    flight: Arc<Mutex<Flight>>,
    /// Refreshes that have ended, so that those who waited for one can tell.
    rounds: AtomicU64,
}

#[derive(Default)]
struct Flight {
    tokens: Option<Tokens>,
    /// The tokens are newer than the store: they must not be used yet, and nobody else may refresh meanwhile.
    unsaved: Option<StoreLock>,
    /// The refresh token that the server has refused for good, so that it is not asked again and again.
    spent: Option<SecretString>,
    /// How the last refresh failed.
    failed: Option<AuthError>,
}

impl OAuth {
    /// Tokens from this server.
    ///
    /// # Errors
    /// [`AuthError::Settings`] for addresses that the protocol cannot use.
    pub fn new(
        settings: Settings,
        provider: Provider,
        store: Arc<dyn TokenStore>,
        clock: Clock,
    ) -> Result<Self, AuthError> {
        provider.check()?;
        let flight = Arc::new(Mutex::new(Flight::default()));
        let rounds = AtomicU64::new(0);
        let inner = Inner { settings, provider, store, clock, flight, rounds };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the tokens were given for and how.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The tokens in the store.
    ///
    /// # Errors
    /// As [`TokenStore::load`].
    pub async fn stored(&self) -> Result<Option<Tokens>, AuthError> {
        let store = Arc::clone(&self.inner.store);
        blocking(move || store.load()).await
    }

    /// Begins a log-in by authorization code with PKCE: the address to open in a browser.
    ///
    /// # Errors
    /// [`AuthError::Settings`] where the server has no place to log in or the redirect address is none.
    pub async fn begin(&self, redirect: &str) -> Result<Login, AuthError> {
        let at = self.inner.provider.resolve().await?;
        Login::new(&at, &self.inner.settings, redirect)
    }

    /// Ends a log-in: the code becomes tokens, and they are kept before they are given out.
    ///
    /// # Errors
    /// [`AuthError`]; the tokens kept before stay then.
    pub async fn finish(&self, login: Login, code: &Code) -> Result<Tokens, AuthError> {
        let inner = &self.inner;
        let mut flight = inner.flight.lock().await;
        // Before the code is used, which works once.
        let lock = inner.lock().await?;
        let at = inner.provider.resolve().await?;
        let with = With::Code { code, verifier: &login.verifier, redirect: &login.redirect };
        let tokens = ask(&at, &inner.settings, with, (inner.clock)()).await?;
        flight.tokens = Some(tokens.clone());
        flight.unsaved = Some(lock);
        inner.save(&mut flight).await?;
        Ok(tokens)
    }

    /// Forgets the tokens, and revokes them where the server lets that be done.
    ///
    /// They are forgotten even where that fails: a person who logs out wants them gone from here.
    ///
    /// # Errors
    /// [`AuthError::Store`] where they cannot be removed, [`AuthError::Foreign`] where they are those of another client,
    /// which stay.
    pub async fn forget(&self) -> Result<Revoked, AuthError> {
        let inner = &self.inner;
        let mut flight = inner.flight.lock().await;
        let lock = inner.lock().await?;
        let store = Arc::clone(&inner.store);
        // A file that cannot be read can still be removed.
        let stored = blocking(move || store.load()).await;
        let revoked = match &stored {
            Ok(None) => Revoked::Nothing,
            Err(AuthError::Foreign { .. }) => return stored.map(|_| Revoked::Nothing),
            Err(error) => Revoked::Failed(error.clone()),
            Ok(Some(tokens)) => match inner.provider.resolve().await {
                Ok(at) => revoke(&at, &inner.settings, tokens).await,
                Err(error) => Revoked::Failed(error),
            },
        };
        let store = Arc::clone(&inner.store);
        blocking(move || store.clear()).await?;
        *flight = Flight::default();
        drop(lock);
        Ok(revoked)
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
        let tokens = flight.tokens.as_ref().filter(|_| flight.unsaved.is_none())?;
        let lifetime_s = tokens.issued_at_s.map(|at| tokens.expires_at_s.saturating_sub(at));
        let ahead_s = lifetime_s.map_or(ahead_s, |lifetime_s| ahead_s.min(lifetime_s / 4));
        let fresh = (self.clock)().saturating_add(ahead_s) < tokens.expires_at_s;
        let other = refused.is_none_or(|refused| !same(refused, &tokens.access));
        (fresh && other).then(|| tokens.access.clone())
    }

    /// Waits for the right to refresh.
    async fn lock(&self) -> Result<StoreLock, AuthError> {
        let mut waited = Duration::ZERO;
        loop {
            let store = Arc::clone(&self.store);
            if let Some(lock) = blocking(move || store.try_lock()).await? {
                return Ok(lock);
            }
            if waited >= LOCK_WAIT {
                let s = LOCK_WAIT.as_secs();
                let why = format!("another process has held the tokens' lock for {s} s");
                return Err(AuthError::Store { why });
            }
            tokio::time::sleep(LOCK_LOOK).await;
            waited += LOCK_LOOK;
        }
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
                self.good(&flight, refused.as_ref(), 0).ok_or_else(|| self.told(error))
            }
        };
        flight.failed = result.as_ref().err().cloned();
        self.rounds.fetch_add(1, Ordering::SeqCst);
        result
    }

    /// Adds what to type where a person has to log in.
    fn told(&self, error: AuthError) -> AuthError {
        match (error, &self.settings.log_in) {
            (AuthError::LogInAgain { why }, Some(command)) => {
                AuthError::LogInAgain { why: format!("{why}; type: {command}") }
            }
            (error, _) => error,
        }
    }

    async fn refresh(
        &self,
        flight: &mut Flight,
        refused: Option<&SecretString>,
    ) -> Result<SecretString, AuthError> {
        if flight.unsaved.is_some() {
            self.save(flight).await?;
            if let Some(token) = self.good(flight, refused, self.settings.skew_s) {
                return Ok(token);
            }
        }
        let lock = self.lock().await?;
        // Only now: who had the lock before may have renewed them, or logged out.
        self.load(flight).await?;
        if let Some(token) = self.good(flight, refused, self.settings.skew_s) {
            return Ok(token);
        }
        let refresh = self.refresh_token(flight)?;
        let at = self.provider.resolve().await?;
        let now_s = (self.clock)();
        let before = flight.tokens.as_ref().map(|tokens| tokens.mark.clone());
        let before = before.filter(|mark| matches!(mark, Mark::Sent { .. }));
        if refresh.is_some() {
            self.mark(flight, before.clone().unwrap_or(Mark::Sent { at_s: now_s })).await?;
        }
        let with = refresh.as_ref().map_or(With::Client, With::Refresh);
        match ask(&at, &self.settings, with, now_s).await {
            Ok(mut tokens) => {
                let access = tokens.access.clone();
                let before = flight.tokens.take();
                // A refresh changes no scope, and need not name it (RFC 6749, section 5.1).
                tokens.scope = tokens.scope.or(before.and_then(|before| before.scope));
                flight.tokens = Some(tokens);
                flight.unsaved = Some(lock);
                self.save(flight).await?;
                Ok(access)
            }
            Err(AuthError::LogInAgain { why }) if refresh.is_some() => {
                let why = match before {
                    Some(Mark::Sent { at_s }) => format!("{why}; {}", interrupted(at_s)),
                    Some(Mark::Unused | Mark::Refused { .. }) | None => why,
                };
                flight.spent = refresh;
                // The note only spares the server a question; without it, it is asked once more.
                let _ = self.mark(flight, Mark::Refused { why: why.clone() }).await;
                Err(AuthError::LogInAgain { why })
            }
            Err(error) => Err(error),
        }
    }

    /// What to refresh with; none for the grant that needs none.
    fn refresh_token(&self, flight: &Flight) -> Result<Option<SecretString>, AuthError> {
        let again = |why: &str| Err(AuthError::LogInAgain { why: why.to_owned() });
        match self.settings.grant {
            Grant::ClientCredentials => Ok(None),
            Grant::RefreshToken => {
                let Some(tokens) = &flight.tokens else {
                    return again("nobody has logged in yet");
                };
                let Some(token) = tokens.refresh.clone() else {
                    return again(
                        "the access token has ended, and the server gave no refresh token with it",
                    );
                };
                if let Mark::Refused { why } = &tokens.mark {
                    return again(why);
                }
                if flight.spent.as_ref().is_some_and(|spent| same(spent, &token)) {
                    return again("the server has refused the stored refresh token");
                }
                Ok(Some(token))
            }
        }
    }

    async fn load(&self, flight: &mut Flight) -> Result<(), AuthError> {
        let store = Arc::clone(&self.store);
        // None there means that somebody has logged out.
        flight.tokens = blocking(move || store.load()).await?;
        Ok(())
    }

    async fn save(&self, flight: &mut Flight) -> Result<(), AuthError> {
        if let Some(tokens) = flight.tokens.clone() {
            let store = Arc::clone(&self.store);
            blocking(move || store.save(&tokens)).await?;
        }
        flight.unsaved = None;
        Ok(())
    }

    /// Notes in the store what is known of the refresh token.
    async fn mark(&self, flight: &mut Flight, mark: Mark) -> Result<(), AuthError> {
        let Some(tokens) = &mut flight.tokens else { return Ok(()) };
        tokens.mark = mark;
        let (store, tokens) = (Arc::clone(&self.store), tokens.clone());
        blocking(move || store.save(&tokens)).await
    }
}

/// What an interrupted refresh means, for the message after it.
fn interrupted(at_s: i64) -> String {
    let at = chrono::DateTime::from_timestamp(at_s, 0);
    let at = at.map_or_else(String::new, |at| at.format(" at %Y-%m-%dT%H:%M:%SZ").to_string());
    format!(
        "no answer to the refresh begun{at} was ever kept, so the server may have replaced the token then"
    )
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
