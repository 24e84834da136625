//! Answers before they are HTTP.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value as Json, json};

/// An answer: a status, a body, and how long to wait after a 429.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    body: Content,
    retry_after: Option<u64>,
}

#[derive(Clone, Debug)]
enum Content {
    Empty,
    Json(Json),
    Sentence(&'static str),
    Page(String),
    Elsewhere(String),
}

impl Reply {
    pub(crate) fn json(status: u16, body: Json) -> Self {
        Self { status, body: Content::Json(body), retry_after: None }
    }

    /// One record under its root key.
    pub(crate) fn rooted(status: u16, root: &str, record: Json) -> Self {
        Self::json(status, json!({ root: record }))
    }

    /// A bare sentence that is not JSON, as deletions answer.
    pub(crate) fn sentence(text: &'static str) -> Self {
        Self { status: 200, body: Content::Sentence(text), retry_after: None }
    }

    /// A page for a browser.
    pub(crate) fn page(status: u16, html: String) -> Self {
        Self { status, body: Content::Page(html), retry_after: None }
    }

    /// Sends a browser to another address.
    pub(crate) fn redirect(to: String) -> Self {
        Self { status: 303, body: Content::Elsewhere(to), retry_after: None }
    }

    pub(crate) fn empty() -> Self {
        Self { status: 200, body: Content::Empty, retry_after: None }
    }

    pub(crate) fn broken() -> Self {
        Self::json(500, json!({ "status": 500, "error": "Internal Server Error" }))
    }

    pub(crate) fn throttled(seconds: u64) -> Self {
        let mut reply = Self::json(429, json!({ "error": "Too Many Requests" }));
        reply.retry_after = Some(seconds);
        reply
    }

    pub(crate) fn unauthorized(what: &str) -> Self {
        Self::json(401, json!({ "error": format!("Unauthorized - {what}") }))
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.body, Content::Empty)
    }

    /// The JSON of the body, null where it has none.
    pub(crate) fn into_json(self) -> Json {
        match self.body {
            Content::Json(body) => body,
            Content::Empty | Content::Sentence(_) | Content::Page(_) | Content::Elsewhere(_) => {
                Json::Null
            }
        }
    }

    /// The HTTP answer of a server with this clock.
    pub(crate) fn into_response(self, date: &str) -> Response {
        let mut elsewhere = None;
        let (kind, text) = match self.body {
            Content::Page(html) => (Some("text/html; charset=utf-8"), html),
            Content::Elsewhere(to) => {
                elsewhere = HeaderValue::from_str(&to).ok();
                (None, String::new())
            }
            Content::Empty => (None, String::new()),
            Content::Json(body) => (Some("application/json; charset=utf-8"), body.to_string()),
            Content::Sentence(text) => (Some("text/plain; charset=utf-8"), text.to_owned()),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(to) = elsewhere {
            headers.insert(header::LOCATION, to);
        }
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Ok(date) = HeaderValue::from_str(date) {
            headers.insert(header::DATE, date);
        }
        response
    }
}
