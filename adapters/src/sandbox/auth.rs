//! Who may come in: the API key, and the tokens that were handed out.

use super::forms::{base64_url, from_base64};
use super::options::SandboxOptions;
use axum::http::HeaderMap;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Everything: an API key, or a token without scopes.
    All,
    /// What the named basic scopes allow.
    Basic(Vec<String>),
}

/// The scopes that a token can be asked for.
pub(crate) const SCOPES: &[&str] = &["account:read", "customer:read"];

/// Tokens, refresh tokens and authorization codes in force.
#[derive(Default)]
pub(crate) struct Tokens {
    access: BTreeMap<String, (Instant, Rights)>,
    /// Values that work once: refresh tokens and authorization codes.
    single_use: BTreeMap<String, Rights>,
}

/// A pair of tokens as it is handed out.
pub(crate) struct Issued {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
}

impl Tokens {
    /// Hands out an access token, with a refresh token where wanted.
    pub(crate) fn issue(&mut self, rights: Rights, seconds: u64, with_refresh: bool) -> Issued {
        let header = base64_url(json!({ "alg": "HS256", "typ": "JWT" }).to_string().as_bytes());
        let payload = json!({ "jti": Uuid::new_v4().to_string(), "iss": "sandbox" }).to_string();
        let signature = base64_url(Uuid::new_v4().as_bytes());
        let access = format!("{header}.{}.{signature}", base64_url(payload.as_bytes()));
        let until = Instant::now() + Duration::from_secs(seconds);
        self.access.retain(|_, (until, _)| *until > Instant::now());
        self.access.insert(access.clone(), (until, rights.clone()));
        let refresh = with_refresh.then(|| self.issue_single_use(rights));
        Issued { access, refresh }
    }

    /// Hands out a refresh token or an authorization code.
    pub(crate) fn issue_single_use(&mut self, rights: Rights) -> String {
        let value = Uuid::new_v4().simple().to_string();
        self.single_use.insert(value.clone(), rights);
        value
    }

    /// Uses up a refresh token or an authorization code.
    pub(crate) fn redeem(&mut self, value: &str) -> Option<Rights> {
        self.single_use.remove(value)
    }

    /// Makes every access token expire now.
    pub(crate) fn expire(&mut self) {
        self.access.clear();
    }

    /// Makes everything worthless, refresh tokens included.
    pub(crate) fn revoke(&mut self) {
        self.access.clear();
        self.single_use.clear();
    }

    /// What the caller with these headers may see; where refused, the reason.
    pub(crate) fn rights(
        &self,
        options: &SandboxOptions,
        headers: &HeaderMap,
    ) -> Result<Rights, &'static str> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(key) = text("API-KEY") {
            return if key == options.api_key { Ok(Rights::All) } else { Err("Invalid API key") };
        }
        let bearer = text("Authorization").and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = bearer else { return Err("Invalid API key") };
        match self.access.get(token) {
            Some((until, rights)) if *until > Instant::now() => Ok(rights.clone()),
            Some(_) | None => Err("Invalid access token"),
        }
    }
}

/// The client id and secret of a Basic header.
pub(crate) fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get("Authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(from_base64(value.trim())?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((super::forms::decoded(id), super::forms::decoded(secret)))
}
