//! One request to the token endpoint: the `oauth2` crate's messages over our own client.

use super::{AuthError, ClientAuth, Settings, Tokens};
use crate::BoxFuture;
use crate::http::{Api, Body, Credential, HttpError, Method, Request, Response};
use oauth2::basic::{
    BasicClient, BasicErrorResponseType, BasicRequestTokenError, BasicTokenResponse,
};
use oauth2::http::{self, header};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RefreshToken,
    Scope,
};
use oauth2::{TokenResponse, TokenUrl};
use secrecy::{ExposeSecret, SecretString};

/// Asks for tokens: with the refresh token if there is one, else as the client itself.
pub(super) async fn ask(
    api: &Api,
    token_url: &TokenUrl,
    settings: &Settings,
    refresh: Option<&SecretString>,
    now_s: i64,
) -> Result<Tokens, AuthError> {
    let mut client = BasicClient::new(ClientId::new(settings.client_id.clone()))
        .set_token_uri(token_url.clone())
        .set_auth_type(match settings.client_auth {
            ClientAuth::Header => AuthType::BasicAuth,
            ClientAuth::Body => AuthType::RequestBody,
        });
    if let Some(secret) = &settings.client_secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    let scopes: Vec<Scope> = settings.scopes.iter().cloned().map(Scope::new).collect();
    // A refresh token may work only once, so using it is a write; asking as the client changes nothing.
    let once = refresh.is_some();
    let send = Endpoint { api: api.clone(), once };
    let granted = match refresh {
        Some(token) => {
            let token = RefreshToken::new(token.expose_secret().to_owned());
            client.exchange_refresh_token(&token).add_scopes(scopes).request_async(&send).await
        }
        None => client.exchange_client_credentials().add_scopes(scopes).request_async(&send).await,
    };
    granted.map(|granted| tokens(settings, &granted, refresh, now_s)).map_err(|e| failed(&e))
}

fn tokens(
    settings: &Settings,
    granted: &BasicTokenResponse,
    refresh: Option<&SecretString>,
    now_s: i64,
) -> Tokens {
    let lifetime_s = granted.expires_in().map_or(settings.lifetime_default_s, |time| {
        i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
    });
    let rotated = granted.refresh_token().map(|token| SecretString::from(token.secret().as_str()));
    Tokens {
        access: SecretString::from(granted.access_token().secret().as_str()),
        // A server that does not rotate sends none: the old one stays good.
        refresh: rotated.or_else(|| refresh.cloned()),
        // Counted from before the request: too early rather than too late.
        expires_at_s: now_s.saturating_add(lifetime_s),
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

/// Their error in our words. Their texts may quote the answer, and with it a token.
fn failed(error: &BasicRequestTokenError<HttpError>) -> AuthError {
    use oauth2::RequestTokenError as E;
    match error {
        E::ServerResponse(answer) => refused(answer.error()),
        E::Request(HttpError::BadAnswer { why } | HttpError::NotSent { why }) => {
            AuthError::Unreachable { why: why.clone() }
        }
        E::Request(HttpError::InDoubt { why }) => {
            AuthError::Unreachable { why: format!("{why}; the refresh token may be used up") }
        }
        E::Request(error) => AuthError::Unreachable { why: error.to_string() },
        E::Parse(..) => AuthError::BadAnswer { why: "it is no token response".to_owned() },
        E::Other(_) => AuthError::BadAnswer { why: "it is empty or no JSON".to_owned() },
    }
}

fn refused(code: &BasicErrorResponseType) -> AuthError {
    use BasicErrorResponseType as Code;
    let code = match code {
        Code::InvalidGrant => {
            let why = "the server no longer accepts the grant (invalid_grant): it was revoked, has ended, or was \
                       used elsewhere";
            return AuthError::LogInAgain { why: why.to_owned() };
        }
        Code::InvalidClient => "invalid_client: check client id and secret",
        Code::InvalidRequest => "invalid_request",
        Code::InvalidScope => "invalid_scope: check the scopes",
        Code::UnauthorizedClient => "unauthorized_client: the client may not use this grant",
        Code::UnsupportedGrantType => "unsupported_grant_type",
        Code::Extension(_) => "an error code outside of RFC 6749",
    };
    AuthError::Refused { why: code.to_owned() }
}
