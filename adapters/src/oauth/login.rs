//! A person's log-in: the address to open, and what it takes to use the answer.

use super::callback::Expected;
use super::provider::Resolved;
use super::{AuthError, Settings};
use oauth2::basic::BasicClient;
use oauth2::{AuthType, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use secrecy::SecretString;
use std::sync::Arc;

/// A log-in that has begun: made by [`OAuth::begin`](super::OAuth::begin), used up by
/// [`OAuth::finish`](super::OAuth::finish).
#[derive(Debug)]
pub struct Login {
    address: String,
    expected: Expected,
    pub(super) verifier: SecretString,
    pub(super) redirect: RedirectUrl,
}

impl Login {
    pub(super) fn new(
        at: &Arc<Resolved>,
        settings: &Settings,
        redirect: &str,
    ) -> Result<Self, AuthError> {
        let Some(authorize) = at.authorize.clone() else {
            return Err(AuthError::settings(
                "no address is known where a person can log in: give `authorize_url`, or an `issuer` that names it",
            ));
        };
        let redirect = RedirectUrl::new(redirect.to_owned())
            .map_err(|_| AuthError::settings("the redirect address is no URL"))?;
        let client = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_auth_uri(authorize)
            .set_auth_type(AuthType::RequestBody)
            .set_redirect_uri(redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        for (name, value) in &settings.params {
            request = request.add_extra_param(name, value);
        }
        // OpenID Connect gives a refresh token for this scope only where the person is asked (section 11).
        let offline = settings.scopes.iter().any(|scope| scope == "offline_access");
        if offline && !settings.params.iter().any(|(name, _)| name == "prompt") {
            request = request.add_extra_param("prompt", "consent");
        }
        let (address, state) = request.url();
        let expected = Expected { state, issuer: at.issuer.clone(), names_issuer: at.names_issuer };
        let verifier = SecretString::from(verifier.into_secret());
        Ok(Self { address: address.into(), expected, verifier, redirect })
    }

    /// The address to open in a browser.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the answer must hold.
    #[must_use]
    pub fn expected(&self) -> &Expected {
        &self.expected
    }
}
