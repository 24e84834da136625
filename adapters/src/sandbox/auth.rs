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
    access: BTreeMap<String, Access>,
    /// Values that work once: refresh tokens and authorization codes.
    single_use: BTreeMap<String, Ticket>,
    /// Those that have worked, with their family.
    used: BTreeMap<String, u64>,
    families: u64,
}

struct Access {
    until: Instant,
    rights: Rights,
    family: u64,
}

/// What a value stands for that works once.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) rights: Rights,
    /// What was given out since one log-in; when one of its values is used twice, all of it is worthless.
    pub(crate) family: u64,
    /// What an authorization code is bound to; `None` for a refresh token.
    pub(crate) code: Option<Bound>,
}

/// What an authorization code is bound to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    pub(crate) redirect: Option<String>,
    pub(crate) challenge: Option<String>,
}

/// A pair of tokens as it is handed out.
pub(crate) struct Issued {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
}

impl Tokens {
    /// A family of its own, for a new log-in.
    pub(crate) fn family(&mut self) -> u64 {
        self.families += 1;
        self.families
    }

    /// Hands out an access token, with a refresh token where wanted.
    pub(crate) fn issue(
        &mut self,
        rights: Rights,
        family: u64,
        seconds: u64,
        with_refresh: bool,
    ) -> Issued {
        let header = base64_url(json!({ "alg": "HS256", "typ": "JWT" }).to_string().as_bytes());
        let payload = json!({ "jti": Uuid::new_v4().to_string(), "iss": "sandbox" }).to_string();
        let signature = base64_url(Uuid::new_v4().as_bytes());
        let token = format!("{header}.{}.{signature}", base64_url(payload.as_bytes()));
        let until = Instant::now() + Duration::from_secs(seconds);
        self.access.retain(|_, access| access.until > Instant::now());
        let access = Access { until, rights: rights.clone(), family };
        self.access.insert(token.clone(), access);
        let ticket = Ticket { rights, family, code: None };
        let refresh = with_refresh.then(|| self.issue_single_use(ticket));
        Issued { access: token, refresh }
    }

    /// Hands out a refresh token or an authorization code.
    pub(crate) fn issue_single_use(&mut self, ticket: Ticket) -> String {
        let value = Uuid::new_v4().simple().to_string();
        self.single_use.insert(value.clone(), ticket);
        value
    }

    /// Uses up a refresh token or an authorization code; whoever uses one twice ends its family.
    pub(crate) fn redeem(&mut self, value: &str) -> Option<Ticket> {
        if let Some(family) = self.used.get(value).copied() {
            self.end(family);
            return None;
        }
        let ticket = self.single_use.remove(value)?;
        self.used.insert(value.to_owned(), ticket.family);
        Some(ticket)
    }

    /// Makes a token worthless; with a refresh token, its family.
    pub(crate) fn revoke_one(&mut self, value: &str) {
        self.access.remove(value);
        if let Some(ticket) = self.single_use.get(value) {
            self.end(ticket.family);
        }
    }

    fn end(&mut self, family: u64) {
        self.access.retain(|_, access| access.family != family);
        self.single_use.retain(|_, ticket| ticket.family != family);
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
            Some(access) if access.until > Instant::now() => Ok(access.rights.clone()),
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
