//! What adapters use: client, gate, retries and credentials behind one call.

use super::retry::{self, Budget, Line};
use super::{Auth, Credential, HttpError, Limiter, Policy, Request, Response, Stats, Transport};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        Self { inner: Arc::new(Inner { transport, auth, limiter, policy, budget, sent }) }
    }

    /// Sends a request and gives the answer, which may be any 2xx, 304 or 4xx but 401, 408 and 429.
    ///
    /// After a 401 the token is renewed once and the request repeated; a write too, since it was refused before it
    /// was looked at.
    ///
    /// # Errors
    /// [`HttpError`]; only [`HttpError::InDoubt`] leaves open whether a write was processed.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let credential = self.inner.auth.credential().await?;
        let answer = self.exchange(&request, credential.as_ref()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let Some(fresh) = self.inner.auth.renewed(credential.as_ref()).await? else {
            return Err(refused("the remote does not accept the credentials"));
        };
        let answer = self.exchange(&request, Some(&fresh)).await?;
        if answer.status == 401 {
            return Err(refused("the remote does not accept a token that was just renewed"));
        }
        Ok(answer)
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

fn refused(why: &str) -> HttpError {
    HttpError::Unauthorized { why: why.to_owned() }
}
