//! What adapters use: client, gate, retries and credentials behind one call.

use super::retry::{self, Budget, Line};
use super::{Auth, Credential, HttpError, Limiter, Policy, Request, Response, Stats, Transport};
use secrecy::ExposeSecret;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// A remote that can be asked.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Arc<dyn Transport>,
    auth: Auth,
    limiter: Limiter,
    policy: Policy,
    budget: Budget,
    sent: AtomicU64,
    pause: Mutex<Option<Pause>>,
}

/// A credential that the remote has refused and that nothing could replace.
struct Pause {
    refused: Option<Credential>,
    why: String,
    until: Instant,
}

impl Api {
    /// Joins the parts; give all apis of one account clones of one limiter.
    #[must_use]
    pub fn new(
        transport: impl Transport + 'static,
        auth: Auth,
        limiter: Limiter,
        policy: Policy,
    ) -> Self {
        let budget = Budget::new(&policy);
        let transport = Arc::new(transport);
        let sent = AtomicU64::new(0);
        let pause = Mutex::new(None);
        Self { inner: Arc::new(Inner { transport, auth, limiter, policy, budget, sent, pause }) }
    }

    /// Sends a request and gives the answer, which may be any 2xx, 304 or 4xx but 401, 408 and 429.
    ///
    /// After a 401 the token is renewed once and the request repeated; a write too, since it was refused before it
    /// was looked at. Where that does not help, nothing more is sent with the refused credential for a while
    /// ([`Policy::refusal_pause`]): a remote that sees one wrong credential after another may lock the account.
    ///
    /// # Errors
    /// [`HttpError`]; only [`HttpError::InDoubt`] leaves open whether a write was processed.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let auth = &self.inner.auth;
        let mut credential = auth.credential().await?;
        if let Some(still) = self.paused(credential.as_ref()) {
            still?;
            // Another log-in may have come meanwhile; a fixed key is tried again as it is.
            let fresh = auth.renewed(credential.as_ref()).await;
            credential = fresh.map_err(|error| self.pause(None, error))?.or(credential);
        }
        let answer = self.exchange(&request, credential.as_ref()).await?;
        if answer.status != 401 {
            self.resume();
            return Ok(answer);
        }
        let fresh = match auth.renewed(credential.as_ref()).await {
            Ok(Some(fresh)) => fresh,
            Ok(None) => {
                let error = refused("the remote does not accept the credentials");
                return Err(self.pause(credential, error));
            }
            Err(error) => return Err(self.pause(credential, error)),
        };
        let answer = self.exchange(&request, Some(&fresh)).await?;
        if answer.status == 401 {
            let error = refused("the remote does not accept a token that was just renewed");
            return Err(self.pause(Some(fresh), error));
        }
        self.resume();
        Ok(answer)
    }

    /// `None` where this credential may be sent; else whether it is too early to try again.
    fn paused(&self, credential: Option<&Credential>) -> Option<Result<(), HttpError>> {
        let pause = self.inner.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = pause.as_ref().filter(|pause| same(pause.refused.as_ref(), credential))?;
        let early = Instant::now() < pause.until;
        Some(if early { Err(refused(&pause.why)) } else { Ok(()) })
    }

    /// Remembers a refusal that a person has to end; `None` keeps what was refused before.
    fn pause(&self, refused: Option<Credential>, error: HttpError) -> HttpError {
        let HttpError::Unauthorized { why } = &error else { return error };
        let mut pause = self.inner.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = refused.or_else(|| pause.take().and_then(|before| before.refused));
        let until = Instant::now() + self.inner.policy.refusal_pause;
        *pause = Some(Pause { refused, why: why.clone(), until });
        error
    }

    fn resume(&self) {
        *self.inner.pause.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sends with this credential and gives a 401 back like any answer.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Response, HttpError> {
        let line = Line {
            transport: self.inner.transport.as_ref(),
            limiter: &self.inner.limiter,
            policy: &self.inner.policy,
            budget: &self.inner.budget,
            number: self.inner.sent.fetch_add(1, Ordering::Relaxed),
        };
        retry::run(&line, request, credential).await
    }

    /// The gate, for a graceful stop.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.inner.limiter
    }

    /// What was sent through the gate so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.limiter.stats()
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("auth", &self.inner.auth)
            .field("policy", &self.inner.policy)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn same(left: Option<&Credential>, right: Option<&Credential>) -> bool {
    let text = |credential: &Credential| credential.value.expose_secret().to_owned();
    left.map(text) == right.map(text)
}

fn refused(why: &str) -> HttpError {
    HttpError::Unauthorized { why: why.to_owned() }
}
