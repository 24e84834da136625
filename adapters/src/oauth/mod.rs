//! OAuth 2.0: access tokens that are there when needed, asked for once, and never lost.
//!
//! [`OAuth`] is a [`TokenSource`](crate::http::TokenSource): hand it to [`Auth::Bearer`](crate::http::Auth). The
//! messages are made and read by the `oauth2` crate and travel through our own HTTP kit, so that timeouts, TLS
//! and redaction are the same as everywhere.
//!
//! A person logs in with [`OAuth::begin`], which gives the address to open, and [`OAuth::finish`], which takes the code
//! that came back to [`Loopback`] or was pasted. Client credentials need neither.

mod callback;
mod endpoint;
mod error;
mod file;
mod login;
mod loopback;
mod provider;
mod revoke;
mod scrub;
mod seal;
mod settings;
mod source;
mod tokens;

pub use callback::{Code, Expected, Unfit};
pub use error::AuthError;
pub use file::FileStore;
pub use login::Login;
pub use loopback::Loopback;
pub use provider::{Endpoints, Provider};
pub use revoke::Revoked;
pub use seal::{BadKey, Key};
pub use settings::{ClientAuth, Grant, Settings};
pub use source::{Clock, OAuth};
pub use tokens::{Mark, MemoryStore, StoreLock, TokenStore, Tokens};
