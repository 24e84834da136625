//! OAuth 2.0: access tokens that are there when needed, asked for once, and never lost.
//!
//! [`OAuth`] is a [`TokenSource`](crate::http::TokenSource): hand it to [`Auth::Bearer`](crate::http::Auth). The
//! messages are made and read by the `oauth2` crate and travel through our own HTTP kit, so that timeouts, TLS
//! and redaction are the same as everywhere.

mod endpoint;
mod error;
mod file;
mod settings;
mod source;
mod tokens;

pub use error::AuthError;
pub use file::FileStore;
pub use settings::{ClientAuth, Grant, Settings};
pub use source::{Clock, OAuth};
pub use tokens::{MemoryStore, TokenStore, Tokens};
