//! Why there is no token, and who can help.

use crate::http::HttpError;

/// Why there is no token.
///
/// The texts never hold a token or a secret; what a server says is shown without them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The grant is used up, revoked or was never given: a person has to log in.
    #[error("log in again: {why}")]
    LogInAgain {
        /// What ended the grant, and what to type.
        why: String,
    },
    /// The server does not accept the client itself: the settings are wrong.
    #[error("the authorization server refuses this client: {why}")]
    Refused {
        /// The server's error code and words.
        why: String,
    },
    /// The log-in was refused, by the person or by the server.
    #[error("the authorization server did not log in: {why}")]
    Denied {
        /// The server's error code and words.
        why: String,
    },
    /// The settings cannot be used, whatever the server says.
    #[error("the OAuth settings cannot be used: {why}")]
    Settings {
        /// What is wrong with them.
        why: String,
    },
    /// The stored tokens are those of another client or server, and are not sent to this one.
    #[error("{why}")]
    Foreign {
        /// Where they are, and what to do.
        why: String,
    },
    /// The server was not reached or gave no answer: later may be better.
    #[error("the authorization server gave no answer: {why}")]
    Unreachable {
        /// What failed.
        why: String,
    },
    /// The server's answer cannot be used.
    #[error("the authorization server gave an unusable answer: {why}")]
    BadAnswer {
        /// What is wrong with it.
        why: String,
    },
    /// Tokens cannot be kept, so a new one is not used.
    #[error("the token store failed: {why}")]
    Store {
        /// What failed.
        why: String,
    },
}

impl AuthError {
    pub(super) fn settings(why: impl Into<String>) -> Self {
        Self::Settings { why: why.into() }
    }
}

impl From<AuthError> for HttpError {
    /// A request without a token is not sent; whether that needs a person is the difference that remains.
    fn from(error: AuthError) -> Self {
        let why = error.to_string();
        match error {
            AuthError::LogInAgain { .. }
            | AuthError::Refused { .. }
            | AuthError::Denied { .. }
            | AuthError::Settings { .. }
            | AuthError::Foreign { .. } => Self::Unauthorized { why },
            AuthError::Unreachable { .. }
            | AuthError::BadAnswer { .. }
            | AuthError::Store { .. } => Self::NotSent { why },
        }
    }
}
