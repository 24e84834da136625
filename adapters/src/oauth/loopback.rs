//! The end of a log-in on this machine: one answer from the browser, then nothing listens any more (RFC 8252).

use super::AuthError;
use super::callback::{Code, Expected, Unfit};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use oauth2::url::{Host, Url};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How long the browser may take to receive its page once the answer is there.
const PATIENCE: Duration = Duration::from_millis(500);

/// A listener at the loopback address that waits for the browser.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    redirect: Url,
}

#[derive(Clone)]
struct Door {
    path: Arc<str>,
    expected: Arc<Expected>,
    ended: mpsc::Sender<Result<Code, AuthError>>,
}

impl Loopback {
    /// Listens where a redirect address points; with the port 0 or none, at any free port.
    ///
    /// # Errors
    /// [`AuthError::Settings`] for an address that is not on this machine, or a port that is taken.
    pub async fn bind(redirect: &str) -> Result<Self, AuthError> {
        let mut redirect = Url::parse(redirect)
            .map_err(|_| AuthError::settings("the redirect address is no URL"))?;
        let ip = match redirect.host() {
            Some(Host::Ipv4(ip)) if ip.is_loopback() => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) if ip.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            Some(Host::Domain("localhost")) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(Host::Ipv4(_) | Host::Ipv6(_) | Host::Domain(_)) | None => {
                return Err(elsewhere());
            }
        };
        if redirect.scheme() != "http" {
            return Err(elsewhere());
        }
        let address = SocketAddr::new(ip, redirect.port().unwrap_or(0));
        let taken = |error: io::Error| {
            AuthError::settings(format!("nothing can listen at {address}: {}", error.kind()))
        };
        let listener = TcpListener::bind(address).await.map_err(taken)?;
        let port = listener.local_addr().map_err(taken)?.port();
        redirect.set_port(Some(port)).map_err(|()| elsewhere())?;
        Ok(Self { listener, redirect })
    }

    /// The redirect address with the port that was taken.
    #[must_use]
    pub fn redirect(&self) -> &str {
        self.redirect.as_str()
    }

    /// Waits for the one answer that belongs to the log-in, and shows the browser a small page.
    ///
    /// What does not belong to it is refused and changes nothing: any page in the browser can send something here. Drop
    /// the future to give up; nothing listens then.
    ///
    /// # Errors
    /// [`AuthError::Denied`] where the server says no.
    pub async fn wait(self, expected: &Expected) -> Result<Code, AuthError> {
        let (ended, mut end) = mpsc::channel(1);
        let path = self.redirect.path().into();
        let door = Door { path, expected: Arc::new(expected.clone()), ended };
        let router = Router::new().fallback(answer).with_state(door);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let closing = async {
            // A dropped sender means the same as a sent stop.
            let _ = stopped.await;
        };
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(closing);
        let mut serving = std::pin::pin!(serving.into_future());
        let result = tokio::select! {
            result = end.recv() => result,
            _ = &mut serving => None,
        };
        drop(stop);
        // The page is on its way; a connection that a browser holds in reserve is not waited for.
        let _ = tokio::time::timeout(PATIENCE, serving).await;
        result.unwrap_or_else(|| {
            Err(AuthError::settings("the listener for the browser's answer has ended"))
        })
    }
}

fn elsewhere() -> AuthError {
    AuthError::settings(
        "the redirect address is not one of this machine (http://127.0.0.1:PORT/...), so nothing can listen there; \
         use --paste",
    )
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    if request.method() != "GET" || request.uri().path() != &*door.path {
        return page(StatusCode::NOT_FOUND, "There is nothing here.");
    }
    let query = request.uri().query().unwrap_or_default();
    match door.expected.read_query(query) {
        Ok(code) => {
            // A second answer finds the place taken, and the code is used once.
            let _ = door.ended.try_send(Ok(code));
            page(
                StatusCode::OK,
                "Mizan has the answer. Go on in the terminal; this page can be closed.",
            )
        }
        Err(Unfit::Denied(error)) => {
            let _ = door.ended.try_send(Err(error));
            page(
                StatusCode::OK,
                "The log-in was refused. The terminal says why; this page can be closed.",
            )
        }
        Err(Unfit::Strange(why)) => {
            tracing::warn!(why, "an answer that does not belong to this log-in was refused");
            page(
                StatusCode::BAD_REQUEST,
                "This answer does not belong to the log-in that is waited for.",
            )
        }
    }
}

/// The page holds nothing of the request, and the address with the code goes nowhere from it.
fn page(status: StatusCode, text: &str) -> Response {
    let body =
        format!("<!doctype html><meta charset=\"utf-8\"><title>Mizan</title><p>{text}</p>\n");
    let headers: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, Html(body)).into_response()
}
