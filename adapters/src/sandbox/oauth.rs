//! The token endpoint: client credentials, authorization codes, and refresh tokens that rotate.

use super::auth::{Rights, SCOPES, basic_credentials};
use super::forms::pairs;
use super::reply::Reply;
use super::world::World;
use axum::http::HeaderMap;
use serde_json::{Value as Json, json};

/// Answers a token request.
pub(crate) fn answer(world: &mut World, method: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
    if method != "POST" {
        return Reply::json(404, json!({ "error": "URL not found" }));
    }
    let form = pairs(&String::from_utf8_lossy(body));
    match issue(world, headers, &form) {
        Ok(body) => Reply::json(200, body),
        Err((status, error)) => Reply::json(
            status,
            json!({ "error": error, "error_description": error.replace('_', " ") }),
        ),
    }
}

fn issue(
    world: &mut World,
    headers: &HeaderMap,
    form: &[(String, String)],
) -> Result<Json, (u16, &'static str)> {
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let basic = basic_credentials(headers);
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (field("client_id"), field("client_secret")),
    };
    let options = &world.options;
    if id != Some(options.client_id.as_str()) || secret != Some(options.client_secret.as_str()) {
        return Err((401, "invalid_client"));
    }
    let seconds = options.token_seconds;
    let grant = field("grant_type").ok_or((400, "invalid_request"))?;
    let (rights, with_refresh) = match grant {
        "client_credentials" => (wanted(field("scope"))?, options.refresh_with_client_credentials),
        "refresh_token" | "authorization_code" => {
            let name = if grant == "refresh_token" { "refresh_token" } else { "code" };
            let value = field(name).ok_or((400, "invalid_request"))?;
            (world.tokens.redeem(value).ok_or((400, "invalid_grant"))?, true)
        }
        _ => return Err((400, "unsupported_grant_type")),
    };
    let scope = match &rights {
        Rights::All => String::new(),
        Rights::Basic(scopes) => scopes.join(" "),
    };
    let issued = world.tokens.issue(rights, seconds, with_refresh);
    let mut body = json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": seconds,
        "scope": scope, "created_at": world.now_ms() / 1000,
    });
    if let Some(refresh) = issued.refresh {
        body["refresh_token"] = Json::String(refresh);
    }
    Ok(body)
}

fn wanted(scope: Option<&str>) -> Result<Rights, (u16, &'static str)> {
    let scopes: Vec<String> =
        scope.unwrap_or("").split_whitespace().map(ToOwned::to_owned).collect();
    if scopes.is_empty() {
        return Ok(Rights::All);
    }
    if scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
        Ok(Rights::Basic(scopes))
    } else {
        Err((400, "invalid_scope"))
    }
}
