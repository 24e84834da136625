//! Tokens and where they are kept.

use super::AuthError;
use secrecy::SecretString;
use std::fmt;
use std::fs::File;
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
    /// When it was asked for, by the same clock; unknown of tokens that an older version kept.
    pub issued_at_s: Option<i64>,
    /// What the server says that the token is good for, divided by spaces.
    pub scope: Option<String>,
    /// What is known of the refresh token.
    pub mark: Mark,
}

/// What is known of a refresh token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing speaks against it.
    #[default]
    Unused,
    /// It was sent at this time, in seconds since 1970, and no answer was kept: it may be used up.
    Sent {
        /// When it was sent.
        at_s: i64,
    },
    /// The server has refused it for good.
    Refused {
        /// Why, in the words of the error.
        why: String,
    },
}

impl Tokens {
    /// Tokens of which nothing else is known.
    #[must_use]
    pub fn new(access: SecretString, refresh: Option<SecretString>, expires_at_s: i64) -> Self {
        Self { access, refresh, expires_at_s, issued_at_s: None, scope: None, mark: Mark::Unused }
    }
}

/// Keeps the tokens of one connection.
///
/// The contract: when `save` returns, the tokens survive a crash, and a crash before leaves the old ones whole. A
/// server that rotates refresh tokens has by then forgotten the old one, so losing the new one means logging in again.
/// All methods may block shortly; they are called where that is allowed.
pub trait TokenStore: Send + Sync {
    /// The tokens kept last.
    ///
    /// # Errors
    /// [`AuthError::Store`], and [`AuthError::Foreign`] where they are those of another client.
    fn load(&self) -> Result<Option<Tokens>, AuthError>;

    /// Keeps these tokens instead.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    fn save(&self, tokens: &Tokens) -> Result<(), AuthError>;

    /// Forgets the tokens.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    fn clear(&self) -> Result<(), AuthError>;

    /// Takes the right to refresh for as long as the lock is held; `None` where somebody else has it.
    ///
    /// Of all who share the store, in this process and in others, one refreshes at a time and the others then find its
    /// tokens. Two refreshes with one token that works once look like theft to the server, which ends the whole grant.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    fn try_lock(&self) -> Result<Option<StoreLock>, AuthError> {
        Ok(Some(StoreLock::free()))
    }
}

/// The right to refresh; given back when dropped, and by the system when the process ends.
#[derive(Debug)]
pub struct StoreLock {
    /// Closing it gives the lock back.
    _file: Option<File>,
}

impl StoreLock {
    /// The lock of a store that nobody shares.
    #[must_use]
    pub fn free() -> Self {
        Self { _file: None }
    }

    pub(super) fn held(file: File) -> Self {
        Self { _file: Some(file) }
    }
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

    fn clear(&self) -> Result<(), AuthError> {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore(redacted)")
    }
}
