//! How to ask for tokens.

use secrecy::SecretString;

/// Which grant gives the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The client asks for itself; a new token can be had at any time.
    ClientCredentials,
    /// A person has logged in once, and the refresh token of that log-in gives further ones.
    RefreshToken,
}

/// Where the client's id and secret go in a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// In an `Authorization: Basic` header, as RFC 6749 prefers.
    Header,
    /// In the body, for servers that know only that.
    Body,
}

/// How to ask for tokens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The grant.
    pub grant: Grant,
    /// The client's id.
    pub client_id: String,
    /// The client's secret; a public client has none.
    pub client_secret: Option<SecretString>,
    /// Where these two go.
    pub client_auth: ClientAuth,
    /// The scopes to ask for; empty leaves them to the server.
    pub scopes: Vec<String>,
    /// Further parameters that the server wants, such as `audience`.
    pub params: Vec<(String, String)>,
    /// How long before its end a token is replaced, in seconds: longer than a request takes, clock error included.
    ///
    /// Of a token that lives only shortly, at most a quarter of its life: it would count as ended from the start.
    pub skew_s: i64,
    /// How long a token counts as good when the server does not say, in seconds.
    pub lifetime_default_s: i64,
    /// What a person types to log in; told where that is needed.
    pub log_in: Option<String>,
}

impl Settings {
    /// Settings with a skew of 60 s, and a lifetime of two hours where the server does not say.
    #[must_use]
    pub fn new(
        grant: Grant,
        client_id: impl Into<String>,
        client_secret: Option<SecretString>,
    ) -> Self {
        Self {
            grant,
            client_id: client_id.into(),
            client_secret,
            client_auth: ClientAuth::Header,
            scopes: Vec::new(),
            params: Vec::new(),
            skew_s: 60,
            lifetime_default_s: 7200,
            log_in: None,
        }
    }
}
