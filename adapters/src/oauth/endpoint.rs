//! One request to the token endpoint: the `oauth2` crate's messages over our own client.

use super::callback::Code;
use super::provider::Resolved;
use super::scrub::scrubbed;
use super::{AuthError, ClientAuth, Mark, Settings, Tokens};
use crate::BoxFuture;
use crate::http::{Api, Body, Credential, HttpError, Method, Request, Response};
use oauth2::basic::{
    BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicRequestTokenError,
    BasicTokenResponse,
};
use oauth2::http::{self, header};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope,
    TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;

/// With what tokens are asked for.
pub(super) enum With<'a> {
    /// As the client itself.
    Client,
    /// With a refresh token, which may work only once.
    Refresh(&'a SecretString),
    /// With the code of a log-in.
    Code { code: &'a Code, verifier: &'a SecretString, redirect: &'a RedirectUrl },
}

impl<'a> With<'a> {
    /// What must not be shown of what is sent.
    fn secrets(&self) -> Vec<&'a str> {
        match self {
            With::Client => Vec::new(),
            With::Refresh(token) => vec![token.expose_secret()],
            With::Code { code, verifier, .. } => {
                vec![code.expose(), verifier.expose_secret()]
            }
        }
    }
}

type TokenClient = oauth2::Client<
    BasicErrorResponse,
    BasicTokenResponse,
    oauth2::basic::BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Asks for tokens.
pub(super) async fn ask(
    at: &Resolved,
    settings: &Settings,
    with: With<'_>,
    now_s: i64,
) -> Result<Tokens, AuthError> {
    let client = client(at, settings);
    // A code and a refresh token work once, so using one is a write; asking as the client changes nothing.
    let once = !matches!(with, With::Client);
    let send = Endpoint { api: at.token.clone(), once };
    let params = settings.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let granted = match &with {
        With::Client => {
            let scopes = settings.scopes.iter().cloned().map(Scope::new);
            let mut request = client.exchange_client_credentials().add_scopes(scopes);
            for (name, value) in params {
                request = request.add_extra_param(name, value);
            }
            request.request_async(&send).await
        }
        With::Refresh(token) => {
            // No scopes: those that were granted stay, and asking for more is refused (RFC 6749, section 6).
            let token = RefreshToken::new(token.expose_secret().to_owned());
            let mut request = client.exchange_refresh_token(&token);
            for (name, value) in params {
                request = request.add_extra_param(name, value);
            }
            request.request_async(&send).await
        }
        With::Code { code, verifier, redirect } => {
            let code = AuthorizationCode::new(code.expose().to_owned());
            let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
            let mut request = client
                .exchange_code(code)
                .set_pkce_verifier(verifier)
                .set_redirect_uri(Cow::Borrowed(redirect));
            for (name, value) in params {
                request = request.add_extra_param(name, value);
            }
            request.request_async(&send).await
        }
    };
    granted
        .map(|granted| tokens(settings, &granted, &with, now_s))
        .map_err(|error| failed(&error, settings, &with))
}

fn client(at: &Resolved, settings: &Settings) -> TokenClient {
    let client = BasicClient::new(ClientId::new(settings.client_id.clone()))
        .set_token_uri(at.token_url.clone())
        .set_auth_type(match settings.client_auth {
            ClientAuth::Header => AuthType::BasicAuth,
            ClientAuth::Body => AuthType::RequestBody,
        });
    match &settings.client_secret {
        None => client,
        Some(secret) => {
            client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        }
    }
}

fn tokens(
    settings: &Settings,
    granted: &BasicTokenResponse,
    with: &With<'_>,
    now_s: i64,
) -> Tokens {
    let lifetime_s = granted.expires_in().map_or(settings.lifetime_default_s, |time| {
        i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
    });
    let rotated = granted.refresh_token().map(|token| SecretString::from(token.secret().as_str()));
    let scope = granted.scopes().map(|scopes| {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        scopes.join(" ")
    });
    let scope = match with {
        // Not named, it is what was asked for (RFC 6749, section 5.1); after a refresh, what it was before.
        With::Client | With::Code { .. } => scope.or_else(|| Some(settings.scopes.join(" "))),
        With::Refresh(_) => scope,
    };
    let refresh = match with {
        // A server that does not rotate sends none: the old one stays good.
        With::Refresh(old) => rotated.or_else(|| Some((*old).clone())),
        With::Client | With::Code { .. } => rotated,
    };
    Tokens {
        access: SecretString::from(granted.access_token().secret().as_str()),
        refresh,
        // Counted from before the request: too early rather than too late. The server's clock plays no part.
        expires_at_s: now_s.saturating_add(lifetime_s),
        issued_at_s: Some(now_s),
        scope: scope.filter(|scope| !scope.is_empty()),
        mark: Mark::Unused,
    }
}

/// Our api as the crate's client. A closure would do, but its futures could not move between threads.
struct Endpoint {
    api: Api,
    once: bool,
}

impl<'c> AsyncHttpClient<'c> for Endpoint {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(exchange(&self.api, request, self.once))
    }
}

async fn exchange(api: &Api, request: HttpRequest, once: bool) -> Result<HttpResponse, HttpError> {
    let (request, credential) = ours(request, once);
    let response = api.exchange(&request, credential.as_ref()).await?;
    theirs(response).ok_or_else(|| HttpError::BadAnswer { why: "an odd status".to_owned() })
}

/// Their request as ours; the `Authorization` header leaves the request and becomes a credential.
fn ours(request: HttpRequest, once: bool) -> (Request, Option<Credential>) {
    let (head, body) = request.into_parts();
    // The client's base is the token endpoint itself.
    let mut out = Request::new(Method::Post, "");
    if !once {
        out = out.reads_only();
    }
    let mut credential = None;
    for (name, value) in &head.headers {
        let Ok(value) = value.to_str() else { continue };
        if name == header::AUTHORIZATION {
            let header = name.as_str().to_owned();
            credential = Some(Credential { header, value: SecretString::from(value) });
        } else if name != header::CONTENT_TYPE {
            out = out.header(name.as_str(), value);
        }
    }
    out.body = Body::Form(body);
    (out, credential)
}

fn theirs(response: Response) -> Option<HttpResponse> {
    let mut out = http::Response::builder().status(response.status);
    if let Some(kind) = response.header("content-type") {
        out = out.header(header::CONTENT_TYPE, kind);
    }
    out.body(response.body).ok()
}

/// Their error in our words, with the server's own where they tell no secret.
fn failed(
    error: &BasicRequestTokenError<HttpError>,
    settings: &Settings,
    with: &With<'_>,
) -> AuthError {
    use oauth2::RequestTokenError as E;
    match error {
        E::ServerResponse(answer) => {
            let mut secrets = with.secrets();
            secrets.extend(settings.client_secret.iter().map(ExposeSecret::expose_secret));
            refused(answer, with, &secrets)
        }
        E::Request(HttpError::BadAnswer { why } | HttpError::NotSent { why }) => {
            AuthError::Unreachable { why: why.clone() }
        }
        E::Request(HttpError::InDoubt { why }) => {
            let used = match with {
                With::Client => "",
                With::Refresh(_) => "; the refresh token may be used up",
                With::Code { .. } => "; the code may be used up, so begin again",
            };
            AuthError::Unreachable { why: format!("{why}{used}") }
        }
        E::Request(error) => AuthError::Unreachable { why: error.to_string() },
        E::Parse(..) => AuthError::BadAnswer { why: "it is no token response".to_owned() },
        E::Other(_) => AuthError::BadAnswer { why: "it is empty or no JSON".to_owned() },
    }
}

fn refused(answer: &BasicErrorResponse, with: &With<'_>, secrets: &[&str]) -> AuthError {
    use BasicErrorResponseType as Code;
    let said = answer.error_description().map(|text| scrubbed(text, secrets));
    let said = said.filter(|text| !text.is_empty()).map(|text| format!(" (it says: {text})"));
    let said = said.unwrap_or_default();
    let code = match answer.error() {
        Code::InvalidGrant => {
            return match with {
                // Nobody can log in for a client that acts for itself.
                With::Client => AuthError::Refused { why: format!("invalid_grant{said}") },
                With::Refresh(_) => AuthError::LogInAgain {
                    why: format!(
                        "the server no longer accepts the grant (invalid_grant): it was revoked, has ended, or was \
                         used elsewhere{said}"
                    ),
                },
                With::Code { .. } => AuthError::Denied {
                    why: format!(
                        "invalid_grant: the code is used up or too old, or the redirect address is not the one that \
                         is registered{said}"
                    ),
                },
            };
        }
        Code::InvalidClient => "invalid_client: check client id and secret".to_owned(),
        Code::InvalidRequest => "invalid_request".to_owned(),
        Code::InvalidScope => "invalid_scope: check the scopes".to_owned(),
        Code::UnauthorizedClient => {
            "unauthorized_client: the client may not use this grant".to_owned()
        }
        Code::UnsupportedGrantType => "unsupported_grant_type".to_owned(),
        Code::Extension(code) => {
            format!("{}, an error code outside of RFC 6749", scrubbed(code, secrets))
        }
    };
    AuthError::Refused { why: format!("{code}{said}") }
}
