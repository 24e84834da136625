//! Sending over the network: the only file that knows the HTTP library.

use super::{Body, Credential, Failure, FailureKind, Method, Request, Response, Transport};
use crate::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Url, redirect, retry};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::Once;
use std::time::Duration;

/// Headers that a request may not bring: credentials come from `Auth`, framing from the library.
const HEADERS_REFUSED: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

/// Shorter than the keep-alive of common servers. A write sent into a connection that the server is just closing
/// would be in doubt for nothing.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// Why a client cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The base URL cannot be used; it is not quoted, since it may hold a password.
    #[error("the base URL cannot be used: {why}")]
    BadBase {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Credentials would be readable on the way.
    #[error("plain http to {host} is not allowed; use https, or allow it in so many words")]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// The library could not be set up, for instance because the system has no certificates.
    #[error("the HTTP client cannot be set up")]
    Setup,
}

/// Settings of a [`Client`].
#[derive(Clone)]
pub struct Builder {
    base: String,
    connect_timeout: Duration,
    timeout: Duration,
    body_max_bytes: usize,
    allow_plain_http: bool,
}

impl Builder {
    /// How long making a connection may take; 10 s unless set.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How long the whole exchange may take, the answer's body included; 30 s unless set.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// The longest answer's body that is read; 16 MiB unless set.
    #[must_use]
    pub fn body_max_bytes(mut self, bytes: usize) -> Self {
        self.body_max_bytes = bytes;
        self
    }

    /// Allows `http` to hosts other than this machine.
    #[must_use]
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.allow_plain_http = allow;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`BuildError`] when the base URL is not one, holds a password, a query or a fragment, is plain `http` to
    /// another machine, or TLS cannot be set up.
    pub fn build(self) -> Result<Client, BuildError> {
        let base = checked_base(&self.base)?;
        let plain = base.scheme() == "http";
        let local = is_loopback(&base);
        if plain && !local && !self.allow_plain_http {
            return Err(BuildError::PlainHttp { host: host(&base) });
        }
        install_tls();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("mizan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .pool_idle_timeout(POOL_IDLE)
            // A redirect would carry credentials to a host that nobody configured.
            .redirect(redirect::Policy::none())
            .referer(false)
            // Retries are made in one layer, and this is not it.
            .retry(retry::never());
        if local {
            http = http.no_proxy();
        }
        if plain {
            // No TLS will be spoken, so a system without certificates is no obstacle.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|_| BuildError::Setup)?;
        Ok(Client { http, base, timeout: self.timeout, body_max_bytes: self.body_max_bytes })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the base: it is not checked yet and may hold a password.
        f.debug_struct("Builder")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("body_max_bytes", &self.body_max_bytes)
            .finish_non_exhaustive()
    }
}

/// Sends requests below one base URL, each once.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    timeout: Duration,
    body_max_bytes: usize,
}

impl Client {
    /// Settings for a base URL, to be changed and built.
    #[must_use]
    pub fn builder(base: impl Into<String>) -> Builder {
        Builder {
            base: base.into(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            body_max_bytes: 16 << 20,
            allow_plain_http: false,
        }
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_str()
    }

    /// Turns a link that the remote gave (a next page) into a `GET` below the base.
    ///
    /// `None` for a link to another origin or outside the base: our credentials do not go there.
    #[must_use]
    pub fn follow(&self, link: &str) -> Option<Request> {
        let url = self.base.join(link).ok()?;
        let rest = url.path().strip_prefix(self.base.path().trim_end_matches('/'))?;
        if url.origin() != self.base.origin() || !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        let mut request = Request::get(rest);
        request.query = url.query_pairs().into_owned().collect();
        Some(request)
    }

    async fn once(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Response, Failure> {
        let wire = self.wire(request, credential).map_err(|why| Failure {
            kind: FailureKind::Unsendable,
            why: format!("the request cannot be sent: {why}"),
        })?;
        let sent = self.http.execute(wire).await;
        let mut answer = sent.map_err(|error| self.failure(&error, FailureKind::Reset))?;
        let status = answer.status().as_u16();
        let headers = headers(answer.headers());
        let body = match self.body(&mut answer).await {
            Ok(body) => body,
            // These two mean "not processed" whatever the body says.
            Err(_) if status == 401 || status == 429 => Vec::new(),
            Err(failure) => return Err(failure),
        };
        Ok(Response { status, headers, body })
    }

    async fn body(&self, answer: &mut reqwest::Response) -> Result<Vec<u8>, Failure> {
        let limit = self.body_max_bytes;
        let too_large = || Failure {
            kind: FailureKind::TooLarge { limit },
            why: format!("the answer is longer than {limit} bytes"),
        };
        let announced = answer.content_length().unwrap_or(0);
        if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let chunk = answer.chunk().await;
            let chunk = chunk.map_err(|error| self.failure(&error, FailureKind::Truncated))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if chunk.len() > limit - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }

    fn wire(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<reqwest::Request, &'static str> {
        let mut wire = reqwest::Request::new(method(request.method), self.url(request)?);
        let headers = wire.headers_mut();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header's name")?;
            if HEADERS_REFUSED.contains(&name.as_str()) {
                return Err("a header that is not the adapter's to set");
            }
            let value = HeaderValue::from_str(value).map_err(|_| "a header's value")?;
            headers.append(name, value);
        }
        let content_type = match request.body {
            Body::None => None,
            Body::Json(_) => Some("application/json"),
            Body::Form(_) => Some("application/x-www-form-urlencoded"),
        };
        // A request may name its own type (`application/vnd.api+json`).
        if let Some(content_type) = content_type
            && !headers.contains_key(CONTENT_TYPE)
        {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(credential) = credential {
            let name = HeaderName::from_bytes(credential.header.as_bytes())
                .map_err(|_| "the credential's header name")?;
            let mut value = HeaderValue::from_str(credential.value.expose_secret())
                .map_err(|_| "the credential has characters that no header can hold")?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        if request.body != Body::None {
            *wire.body_mut() = Some(request.body.bytes().to_vec().into());
        }
        Ok(wire)
    }

    fn url(&self, request: &Request) -> Result<Url, &'static str> {
        let path = request.path.as_str();
        if !(path.is_empty() || path.starts_with('/')) {
            return Err("its path has no leading slash");
        }
        if path.contains(['?', '#', '\\']) || path.split('/').any(is_dots) {
            return Err("its path leads elsewhere");
        }
        let mut url = self.base.clone();
        if !path.is_empty() {
            url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    /// Our own words for the library's error, whose own would quote the URL.
    fn failure(&self, error: &reqwest::Error, otherwise: FailureKind) -> Failure {
        let host = host(&self.base);
        let (kind, what) = if error.is_builder() {
            (FailureKind::Unsendable, format!("the request to {host} cannot be built"))
        } else if error.is_connect() && error.is_timeout() {
            (FailureKind::ConnectTimeout, format!("no connection to {host} in time"))
        } else if error.is_connect() && error.is_dns() {
            (FailureKind::Dns, format!("the name {host} was not resolved"))
        } else if error.is_connect() {
            (FailureKind::Connect, format!("no connection to {host}"))
        } else if error.is_timeout() {
            let s = self.timeout.as_secs_f32();
            (FailureKind::Timeout, format!("no whole answer from {host} within {s} s"))
        } else if otherwise == FailureKind::Truncated {
            (otherwise, format!("the answer of {host} broke off"))
        } else {
            (otherwise, format!("the connection to {host} broke before an answer"))
        };
        let why = cause(error).map_or(what.clone(), |cause| format!("{what}: {cause}"));
        Failure { kind, why }
    }
}

impl Transport for Client {
    fn exchange<'a>(
        &'a self,
        request: &'a Request,
        credential: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(self.once(request, credential))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &host(&self.base)).finish_non_exhaustive()
    }
}

fn checked_base(base: &str) -> Result<Url, BuildError> {
    let bad = |why| Err(BuildError::BadBase { why });
    let Ok(url) = Url::parse(base) else { return bad("it is no URL") };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return bad("it is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("it holds a user or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return bad("it holds a query or a fragment");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().map_or(host == "localhost", |ip| ip.is_loopback())
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a URL parser would take a path segment for "here" or "up", escaped or not.
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// One provider for the whole process; a second call, or one that somebody else made first, changes nothing.
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("a TLS provider was already installed");
        }
    });
}

/// The innermost cause that has nothing of the request in it: an I/O kind or a TLS error.
fn cause(error: &reqwest::Error) -> Option<String> {
    let mut source = error.source();
    let mut found = None;
    while let Some(inner) = source {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            found = Some(tls.to_string());
        } else if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            // TLS errors hide within I/O errors, which do not show them as their source.
            let tls = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
            found = Some(tls.map_or_else(|| io.kind().to_string(), ToString::to_string));
        }
        source = inner.source();
    }
    found
}

fn headers(map: &HeaderMap) -> BTreeMap<String, String> {
    let mut out = BTreeMap::<String, String>::new();
    for (name, value) in map {
        // Cookies are credentials, and a value that is no text cannot be used.
        let Ok(value) = value.to_str() else { continue };
        if name == "set-cookie" {
            continue;
        }
        out.entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    out
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}
