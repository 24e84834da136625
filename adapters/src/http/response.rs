//! A response as a plain value.

use super::HttpError;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A longer pause than a day is a mistake of the sender, and an unbounded one would overflow the clock.
const RETRY_AFTER_S_MAX: u64 = 86_400;

/// What the remote answered: any status, whole body.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers by lower-case name; several of one name are joined by `, `. Cookies are left out.
    pub headers: BTreeMap<String, String>,
    /// The body, at most as long as the client allows.
    pub body: Vec<u8>,
}

impl Response {
    /// A header by name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Whether the status is a 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`HttpError::BadAnswer`] with the place of the mistake. The parser's own words are left out, since they
    /// quote the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = match error.classify() {
                serde_json::error::Category::Eof => "JSON that ends too early",
                serde_json::error::Category::Data => "JSON of an unexpected shape",
                serde_json::error::Category::Io | serde_json::error::Category::Syntax => "no JSON",
            };
            HttpError::BadAnswer {
                why: format!(
                    "status {} with {kind} (line {}, column {})",
                    self.status,
                    error.line(),
                    error.column()
                ),
            }
        })
    }

    /// The pause that `Retry-After` asks for, when it is given in seconds.
    ///
    /// The date form is not read: it would need the remote's clock and ours to agree.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(RETRY_AFTER_S_MAX)))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
