//! The `[sides.NAME.oauth]` table: which server, which grant, and where the tokens are kept.

use super::document::{ConfigError, Node};
use super::side::{Secret, secret};
use mizan_adapters::oauth::{ClientAuth, Endpoints, Grant};
use std::path::{Path, PathBuf};

/// OAuth 2.0 as a side is let in by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthConfig {
    /// Who asks for tokens: the client for itself, or for a person who logged in.
    pub grant: Grant,
    /// The authorization server.
    pub endpoints: Endpoints,
    /// The client's id.
    pub client_id: ClientId,
    /// The client's secret; a public client has none.
    pub client_secret: Option<Secret>,
    /// Where these two go.
    pub client_auth: ClientAuth,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Further parameters that the server wants.
    pub params: Vec<(String, String)>,
    /// Where the browser is sent after a log-in.
    pub redirect_url: String,
    /// Where tokens are kept, readable by the owner only.
    pub token_file: PathBuf,
    /// The key that seals them.
    pub token_key: Option<Secret>,
}

/// Where a client's id is: it is no secret, so it may stand in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// Here.
    Text(String),
    /// Elsewhere, as a secret would be.
    Kept(Secret),
}

const SETTINGS: &[&str] = &[
    "grant",
    "issuer",
    "token_url",
    "authorize_url",
    "revoke_url",
    "client_id",
    "client_id_env",
    "client_id_file",
    "client_secret_env",
    "client_secret_file",
    "client_auth",
    "scope",
    "params",
    "redirect_url",
    "token_file",
    "token_key_env",
    "token_key_file",
];

/// Parameters that the protocol sets by itself.
const RESERVED: &[&str] = &[
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "response_type",
    "scope",
    "state",
];

pub(super) fn read_oauth(
    node: &Node,
    side: &str,
    folder: &Path,
) -> Result<OauthConfig, ConfigError> {
    for (name, what) in [("client_secret", "a secret"), ("token_key", "a key")] {
        if let Some(found) = node.get(name) {
            return Err(found.error(format!(
                "{what} does not belong in this file: put it into an environment variable and name that with \
                 `{name}_env`, or into a file of its own with `{name}_file`"
            )));
        }
    }
    node.only(SETTINGS)?;
    let grant = match node.get("grant") {
        None => Grant::ClientCredentials,
        Some(node) => match node.one_of(&["client_credentials", "authorization_code"])? {
            "authorization_code" => Grant::RefreshToken,
            _ => Grant::ClientCredentials,
        },
    };
    let endpoints = endpoints(node, grant)?;
    let client_secret = secret(node, "client_secret", folder)?;
    if client_secret.is_none() && grant == Grant::ClientCredentials {
        return Err(missing(node, "client_secret"));
    }
    let scope = node.get("scope").map(Node::text).transpose()?.unwrap_or_default();
    let redirect_url = match (node.get("redirect_url"), grant) {
        (Some(node), Grant::ClientCredentials) => {
            return Err(node.error(
                "`redirect_url` is for logging in, and grant = \"client_credentials\" needs none",
            ));
        }
        (Some(node), Grant::RefreshToken) => address(node)?,
        (None, _) => "http://127.0.0.1/callback".to_owned(),
    };
    let token_file = match node.get("token_file") {
        None => folder.join(format!("{side}-token.json")),
        Some(node) => folder.join(node.text()?),
    };
    Ok(OauthConfig {
        grant,
        client_auth: client_auth(node, &endpoints)?,
        endpoints,
        client_id: client_id(node, folder)?,
        client_secret,
        scopes: scope.split_whitespace().map(str::to_owned).collect(),
        params: params(node)?,
        redirect_url,
        token_file,
        token_key: secret(node, "token_key", folder)?,
    })
}

fn missing(node: &Node, name: &str) -> ConfigError {
    node.error(format!("`{name}_env` or `{name}_file` is missing in {}", node.path))
}

fn endpoints(node: &Node, grant: Grant) -> Result<Endpoints, ConfigError> {
    let url = |name: &str| node.get(name).map(address).transpose();
    let (issuer, token) = (url("issuer")?, url("token_url")?);
    let (authorize, revoke) = (url("authorize_url")?, url("revoke_url")?);
    match (issuer, token) {
        (Some(issuer), None) => {
            for name in ["authorize_url", "revoke_url"] {
                if let Some(node) = node.get(name) {
                    return Err(node.error(format!(
                        "`{name}` and `issuer` contradict each other: the issuer names its addresses itself"
                    )));
                }
            }
            Ok(Endpoints::Discover { issuer })
        }
        (None, Some(token)) => {
            if authorize.is_none() && grant == Grant::RefreshToken {
                return Err(node.error(format!(
                    "`authorize_url` is missing in {}: the address where a person logs in; or give `issuer` in place \
                     of both",
                    node.path
                )));
            }
            Ok(Endpoints::Fixed { token, authorize, revoke })
        }
        (Some(_), Some(_)) => {
            Err(node.error("`issuer` and `token_url` contradict each other; keep one"))
        }
        (None, None) => Err(node.error(format!(
            "`token_url` is missing in {}: the address that gives tokens; or `issuer`, which names it",
            node.path
        ))),
    }
}

fn address(node: &Node) -> Result<String, ConfigError> {
    let url = node.text()?;
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(url.to_owned());
    }
    Err(node.error(format!("`{}` is \"{url}\"; it should begin with https://", node.path)))
}

/// OpenID Connect's own default is the header; the body is what Qoyod's kind of server has always taken.
fn client_auth(node: &Node, endpoints: &Endpoints) -> Result<ClientAuth, ConfigError> {
    match (node.get("client_auth"), endpoints) {
        (Some(node), _) => match node.one_of(&["header", "body"])? {
            "header" => Ok(ClientAuth::Header),
            _ => Ok(ClientAuth::Body),
        },
        (None, Endpoints::Discover { .. }) => Ok(ClientAuth::Header),
        (None, Endpoints::Fixed { .. }) => Ok(ClientAuth::Body),
    }
}

fn client_id(node: &Node, folder: &Path) -> Result<ClientId, ConfigError> {
    match (node.get("client_id"), secret(node, "client_id", folder)?) {
        (Some(node), Some(_)) => {
            Err(node.error("the client's id is given twice; keep one of the settings"))
        }
        (Some(node), None) => Ok(ClientId::Text(node.text()?.to_owned())),
        (None, Some(kept)) => Ok(ClientId::Kept(kept)),
        (None, None) => Err(node.error(format!(
            "`client_id`, `client_id_env` or `client_id_file` is missing in {}",
            node.path
        ))),
    }
}

fn params(node: &Node) -> Result<Vec<(String, String)>, ConfigError> {
    let Some(node) = node.get("params") else { return Ok(Vec::new()) };
    let mut params = Vec::new();
    for (name, value) in node.table()? {
        if RESERVED.contains(&name.as_str()) {
            return Err(value.error(format!(
                "`{name}` is set by the protocol itself and cannot be one of the `params`"
            )));
        }
        params.push((name.clone(), value.text()?.to_owned()));
    }
    Ok(params)
}
