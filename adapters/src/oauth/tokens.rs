//! Tokens and where they are kept.

use super::AuthError;
use secrecy::SecretString;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// An access token and what replaces it.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// What requests carry.
    pub access: SecretString,
    /// What the next token is asked with; servers may rotate it with each use.
    pub refresh: Option<SecretString>,
    /// When the access token ends, in seconds since 1970 by our clock.
    pub expires_at_s: i64,
}

/// Keeps the tokens of one connection.
///
/// The contract: when `save` returns, the tokens survive a crash, and a crash before leaves the old ones whole. A
/// server that rotates refresh tokens has by then forgotten the old one, so losing the new one means logging in again.
/// Both methods may block; they are called where that is allowed.
pub trait TokenStore: Send + Sync {
    /// The tokens kept last.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    fn load(&self) -> Result<Option<Tokens>, AuthError>;

    /// Keeps these tokens instead.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    fn save(&self, tokens: &Tokens) -> Result<(), AuthError>;
}

/// Keeps tokens in memory, for tests and for grants that can start anew.
#[derive(Default)]
pub struct MemoryStore {
    tokens: Mutex<Option<Tokens>>,
}

impl MemoryStore {
    /// A store that holds these tokens.
    #[must_use]
    pub fn with(tokens: Tokens) -> Self {
        Self { tokens: Mutex::new(Some(tokens)) }
    }
}

impl TokenStore for MemoryStore {
    fn load(&self) -> Result<Option<Tokens>, AuthError> {
        Ok(self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, tokens: &Tokens) -> Result<(), AuthError> {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokens.clone());
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore(redacted)")
    }
}
