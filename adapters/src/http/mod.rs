//! The HTTP kit: requests and responses as values, and one place each for sending, retrying and throttling.
//!
//! Adapters build a [`Request`], hand it to an [`Api`] and read the [`Response`]; they never loop, wait or
//! see a credential. Only `client.rs` knows the HTTP library, so that everything else is tested without a network.

mod api;
mod auth;
mod classify;
mod client;
mod error;
mod limiter;
mod percent;
mod request;
mod response;
mod retry;
mod stats;
mod transport;
mod window;

pub use api::Api;
pub use auth::{Auth, Credential, TokenSource};
pub use classify::{Class, Outcome, classify};
pub use client::{BuildError, Builder, Client};
pub use error::HttpError;
pub use limiter::{Closed, Limiter, Limits, Permit};
pub use percent::{form, segment};
pub use request::{Body, Effect, Method, Request};
pub use response::Response;
pub use retry::{Policy, Step, Tries, backoff, step};
pub use stats::Stats;
pub use transport::{Failure, FailureKind, Transport};
pub use window::{Admission, Window};
