//! Sending one request once, as a function type, so that a test hands in a closure and a recorder wraps it.

use super::{Credential, Request, Response};
use crate::BoxFuture;
use std::future::Future;

/// How far a request came that got no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It cannot be put on the wire at all; trying again will not help.
    Unsendable,
    /// The host's name was not resolved.
    Dns,
    /// No connection was made: refused, unreachable, or TLS failed.
    Connect,
    /// No connection was made in time.
    ConnectTimeout,
    /// The connection was there, the whole answer was not there in time.
    Timeout,
    /// The connection broke before the answer's head.
    Reset,
    /// The connection broke within the answer's body.
    Truncated,
    /// The answer's body is longer than allowed.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// A request without a whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How far it came.
    pub kind: FailureKind,
    /// What happened, without anything of the request but the host.
    pub why: String,
}

/// Sends a request once.
///
/// The contract: no repeating, no waiting for permits, no following of redirects; every status is a [`Response`].
/// [`Client`](super::Client) is the real one, any `Fn(Request) -> Future` another.
pub trait Transport: Send + Sync {
    /// Sends the request, with the credential as a header.
    fn exchange<'a>(
        &'a self,
        request: &'a Request,
        credential: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Response, Failure>>;
}

impl<F, A> Transport for F
where
    F: Fn(Request) -> A + Send + Sync,
    A: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    fn exchange<'a>(
        &'a self,
        request: &'a Request,
        _credential: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(self(request.clone()))
    }
}
