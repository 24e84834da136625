//! Who asks: the credential of a request, apart from the request.

use super::HttpError;
use crate::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;

/// Gives bearer tokens; OAuth 2.0 is one way to have them.
pub trait TokenSource: Send + Sync {
    /// A token that should be accepted now.
    ///
    /// # Errors
    /// [`HttpError::Unauthorized`] when a person has to act, [`HttpError::NotSent`] when later may be better.
    fn token(&self) -> BoxFuture<'_, Result<SecretString, HttpError>>;

    /// Another token than the one that the remote has just refused.
    ///
    /// The refused one is named so that of many tasks that were refused at once only one asks for a new token.
    ///
    /// # Errors
    /// As [`TokenSource::token`].
    fn renew<'a>(
        &'a self,
        refused: &'a SecretString,
    ) -> BoxFuture<'a, Result<SecretString, HttpError>>;
}

/// How requests are authorised.
#[derive(Clone)]
pub enum Auth {
    /// A fixed key in a header of its own.
    ApiKey {
        /// The header's name.
        header: String,
        /// The key.
        secret: SecretString,
    },
    /// `Authorization: Bearer` with a token that changes.
    Bearer(Arc<dyn TokenSource>),
    /// Not at all.
    None,
}

impl Auth {
    /// The credential to send now.
    pub(super) async fn credential(&self) -> Result<Option<Credential>, HttpError> {
        match self {
            Self::ApiKey { header, secret } => {
                Ok(Some(Credential { header: header.clone(), value: secret.clone() }))
            }
            Self::Bearer(source) => Ok(Some(bearer(&source.token().await?))),
            Self::None => Ok(None),
        }
    }

    /// Another credential after a refusal; `None` where there is no other.
    pub(super) async fn renewed(
        &self,
        refused: Option<&Credential>,
    ) -> Result<Option<Credential>, HttpError> {
        let (Self::Bearer(source), Some(refused)) = (self, refused) else { return Ok(None) };
        let value = refused.value.expose_secret();
        let token = SecretString::from(value.strip_prefix(BEARER).unwrap_or(value));
        Ok(Some(bearer(&source.renew(&token).await?)))
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey { .. } => f.write_str("ApiKey(redacted)"),
            Self::Bearer(_) => f.write_str("Bearer(redacted)"),
            Self::None => f.write_str("None"),
        }
    }
}

const BEARER: &str = "Bearer ";

fn bearer(token: &SecretString) -> Credential {
    let value = SecretString::from(format!("{BEARER}{}", token.expose_secret()));
    Credential { header: "authorization".to_owned(), value }
}

/// A header that must not be seen.
#[derive(Clone)]
pub struct Credential {
    /// The header's name.
    pub header: String,
    /// Its value.
    pub value: SecretString,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(redacted)")
    }
}
