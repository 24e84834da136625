//! OAuth: the token endpoint with refresh tokens that rotate, revocation, and the discovery document.

use super::auth::{Bound, Rights, SCOPES, basic_credentials};
use super::authorize;
use super::forms::pairs;
use super::reply::Reply;
use super::world::World;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use serde_json::{Value as Json, json};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A refusal as OAuth gives it: the status and the code.
pub(crate) type Refused = (u16, &'static str);

/// Whether a path belongs to OAuth.
pub(crate) fn is_ours(path: &str) -> bool {
    path.starts_with("/oauth/") || path == DISCOVERY
}

/// Answers a request at one of OAuth's paths.
pub(crate) fn answer(world: &mut World, parts: &Parts, body: &[u8]) -> Reply {
    let form = pairs(&String::from_utf8_lossy(body));
    let headers = &parts.headers;
    match (parts.method.as_str(), parts.uri.path()) {
        ("POST", "/oauth/token") => answer_json(issue(world, headers, &form)),
        ("POST", "/oauth/revoke") => answer_json(revoke(world, headers, &form)),
        ("GET", "/oauth/authorize") => authorize::ask(world, parts),
        ("POST", "/oauth/authorize") => authorize::decide(world, parts, &form),
        ("GET", DISCOVERY) => Reply::json(200, document(headers)),
        _ => Reply::json(404, json!({ "error": "URL not found" })),
    }
}

fn answer_json(result: Result<Json, Refused>) -> Reply {
    match result {
        Ok(body) => Reply::json(200, body),
        Err((status, error)) => Reply::json(
            status,
            json!({ "error": error, "error_description": error.replace('_', " ") }),
        ),
    }
}

/// Who asks under this name is answered under it: the sandbox has no name of its own.
pub(crate) fn issuer(headers: &HeaderMap) -> String {
    let host = headers.get("Host").and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1"))
}

fn document(headers: &HeaderMap) -> Json {
    let issuer = issuer(headers);
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    })
}

type Form = [(String, String)];

fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn check_client(world: &World, headers: &HeaderMap, form: &Form) -> Result<(), Refused> {
    let basic = basic_credentials(headers);
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (field(form, "client_id"), field(form, "client_secret")),
    };
    let options = &world.options;
    let known =
        id == Some(options.client_id.as_str()) && secret == Some(options.client_secret.as_str());
    if known { Ok(()) } else { Err((401, "invalid_client")) }
}

fn issue(world: &mut World, headers: &HeaderMap, form: &Form) -> Result<Json, Refused> {
    check_client(world, headers, form)?;
    let options = &world.options;
    let seconds = options.token_seconds;
    let grant = field(form, "grant_type").ok_or((400, "invalid_request"))?;
    let (rights, family, with_refresh) = match grant {
        "client_credentials" => {
            let rights = wanted(field(form, "scope"))?;
            let with_refresh = options.refresh_with_client_credentials;
            (rights, world.tokens.family(), with_refresh)
        }
        "refresh_token" | "authorization_code" => {
            let name = if grant == "refresh_token" { "refresh_token" } else { "code" };
            let value = field(form, name).ok_or((400, "invalid_request"))?;
            let ticket = world.tokens.redeem(value).ok_or((400, "invalid_grant"))?;
            if ticket.code.is_some() != (grant == "authorization_code") {
                return Err((400, "invalid_grant"));
            }
            if let Some(bound) = &ticket.code {
                check_bound(bound, form)?;
            }
            (ticket.rights, ticket.family, true)
        }
        _ => return Err((400, "unsupported_grant_type")),
    };
    let scope = match &rights {
        Rights::All => String::new(),
        Rights::Basic(scopes) => scopes.join(" "),
    };
    let issued = world.tokens.issue(rights, family, seconds, with_refresh);
    let mut body = json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": seconds,
        "scope": scope, "created_at": world.now_ms() / 1000,
    });
    if let Some(refresh) = issued.refresh {
        body["refresh_token"] = Json::String(refresh);
    }
    Ok(body)
}

/// A code works for the address that it was sent to, and for who knows the verifier (RFC 7636).
fn check_bound(bound: &Bound, form: &Form) -> Result<(), Refused> {
    if bound.redirect.is_some() && bound.redirect.as_deref() != field(form, "redirect_uri") {
        return Err((400, "invalid_grant"));
    }
    let Some(challenge) = &bound.challenge else { return Ok(()) };
    let verifier = field(form, "code_verifier").unwrap_or_default();
    if !(43..=128).contains(&verifier.len()) {
        return Err((400, "invalid_grant"));
    }
    let verifier = PkceCodeVerifier::new(verifier.to_owned());
    let found = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    if found.as_str() == challenge { Ok(()) } else { Err((400, "invalid_grant")) }
}

fn revoke(world: &mut World, headers: &HeaderMap, form: &Form) -> Result<Json, Refused> {
    check_client(world, headers, form)?;
    let token = field(form, "token").ok_or((400, "invalid_request"))?;
    world.tokens.revoke_one(token);
    Ok(json!({}))
}

/// The rights of the scopes that are asked for; those of OpenID Connect give none of their own.
pub(crate) fn wanted(scope: Option<&str>) -> Result<Rights, Refused> {
    let scopes: Vec<String> = scope
        .unwrap_or("")
        .split_whitespace()
        .filter(|scope| !["openid", "offline_access"].contains(scope))
        .map(ToOwned::to_owned)
        .collect();
    if scopes.is_empty() {
        return Ok(Rights::All);
    }
    if scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
        Ok(Rights::Basic(scopes))
    } else {
        Err((400, "invalid_scope"))
    }
}
