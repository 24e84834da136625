//! Telling the server that tokens are no longer wanted (RFC 7009).
//!
//! By hand: the `oauth2` crate does this over https only, which leaves out a server on this machine.

use super::provider::Resolved;
use super::{AuthError, ClientAuth, Settings, Tokens};
use crate::http::{Body, Credential, Request, form, segment};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};

/// What became of tokens at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// They are worthless now.
    Done,
    /// The server has no place to revoke tokens.
    NotOffered,
    /// There were none.
    Nothing,
    /// The server did not do it: they may go on being accepted.
    Failed(AuthError),
}

/// Revokes the refresh token, and with it what came of it, then the access token.
pub(super) async fn revoke(at: &Resolved, settings: &Settings, tokens: &Tokens) -> Revoked {
    let Some(api) = &at.revoke else { return Revoked::NotOffered };
    let refresh = tokens.refresh.as_ref().map(|token| ("refresh_token", token));
    for (hint, token) in refresh.into_iter().chain([("access_token", &tokens.access)]) {
        let (request, credential) = request(settings, hint, token);
        let failed = match api.exchange(&request, credential.as_ref()).await {
            Ok(answer) if (200..300).contains(&answer.status) => continue,
            Ok(answer) => {
                AuthError::BadAnswer { why: format!("status {} to a revocation", answer.status) }
            }
            Err(error) => AuthError::Unreachable { why: error.to_string() },
        };
        return Revoked::Failed(failed);
    }
    Revoked::Done
}

/// Revoking twice is as good as once, so it counts as a read and may be repeated.
fn request(settings: &Settings, hint: &str, token: &SecretString) -> (Request, Option<Credential>) {
    let mut pairs = vec![("token", token.expose_secret()), ("token_type_hint", hint)];
    let id = settings.client_id.as_str();
    let secret = settings.client_secret.as_ref().map(ExposeSecret::expose_secret);
    let mut credential = None;
    match (settings.client_auth, secret) {
        (ClientAuth::Header, Some(secret)) => {
            let both = BASE64.encode(format!("{}:{}", segment(id), segment(secret)));
            let value = SecretString::from(format!("Basic {both}"));
            credential = Some(Credential { header: "authorization".to_owned(), value });
        }
        (ClientAuth::Body, Some(secret)) => {
            pairs.extend([("client_id", id), ("client_secret", secret)]);
        }
        (ClientAuth::Header | ClientAuth::Body, None) => pairs.push(("client_id", id)),
    }
    let mut request = Request::post("").reads_only();
    request.body = Body::Form(form(&pairs).into_bytes());
    (request, credential)
}
