//! What the wire can do to a request, and what may be done about it.

use crate::servers::{api, client, quick, raw, serve};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{any, get};
use mizan_adapters::http::{
    Api, Auth, Client, HttpError, Limiter, Limits, Method, Policy, Request, Transport,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A server that answers the n-th request with the n-th status, and with the last one from then on.
async fn script(
    statuses: &'static [u16],
    headers: &'static [(&'static str, &'static str)],
) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let handler = move || {
        let nth = counted.fetch_add(1, Ordering::SeqCst);
        let status = statuses[nth.min(statuses.len() - 1)];
        let status = StatusCode::from_u16(status).unwrap();
        let headers: HeaderMap =
            headers.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
        async move { (status, headers, "body") }
    };
    (serve(Router::new().fallback(any(handler))).await, count)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_built() {
    async fn echo(method: axum::http::Method, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
        let header = |name: &str| headers.get(name).map_or("-", |v| v.to_str().unwrap()).to_owned();
        format!(
            "{method} {uri} {} {} {} {} {}",
            header("content-type"),
            header("api-key"),
            header("locale"),
            header("user-agent"),
            String::from_utf8_lossy(&body),
        )
    }
    let base = serve(Router::new().fallback(any(echo))).await;
    let auth = Auth::ApiKey { header: "API-KEY".to_owned(), secret: "k1".into() };
    let api = Api::new(client(&format!("{base}/2.0/")), auth, Limiter::default(), quick());
    let agent = concat!("mizan/", env!("CARGO_PKG_VERSION"));

    let request = Request::put("/rows/7").query("q[a_eq]", "x y&").header("locale", "en");
    let answer = api.send(request.json(&serde_json::json!({"a": 1}))).await.unwrap();
    assert_eq!(
        answer.text(),
        format!("PUT /2.0/rows/7?q%5Ba_eq%5D=x+y%26 application/json k1 en {agent} {{\"a\":1}}")
    );
    let answer = api.send(Request::post("/rows").form(&[("a", "b c")])).await.unwrap();
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(answer.text(), format!("POST /2.0/rows {kind} k1 - {agent} a=b+c"));
    let answer = api.send(Request::get("")).await.unwrap();
    assert_eq!(answer.text(), format!("GET /2.0/ - k1 - {agent} "));
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));

    for method in
        [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete]
    {
        let answer = api.send(Request::new(method, "/m")).await.unwrap();
        assert!(method == Method::Head || answer.text().starts_with(method.as_str()));
    }
    let stats = api.stats();
    assert_eq!((stats.requests, stats.reads, stats.writes), (9, 3, 6));
    assert_eq!((stats.retries, stats.throttled), (0, 0));
}

#[tokio::test]
async fn requests_that_lead_elsewhere_are_not_sent() {
    let (base, count) = script(&[200], &[]).await;
    let api = api(&format!("{base}/2.0"));
    for request in [
        Request::get("rows"),
        Request::get("/../admin"),
        Request::get("/a/%2e%2E/b"),
        Request::get("/a?b=c"),
        Request::get("/a#b"),
        Request::get("/a\\..\\b"),
        Request::get("/a").header("Authorization", "x"),
        Request::get("/a").header("Host", "b.example"),
        Request::get("/a").header("bad name", "x"),
        Request::get("/a").header("x", "a\r\nb: c"),
    ] {
        let error = api.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn refusals_are_answers() {
    for status in [400, 403, 404, 409, 422] {
        let table: &'static [u16] = Box::leak(Box::new([status]));
        let (base, count) = script(table, &[]).await;
        for request in [Request::get("/"), Request::post("/")] {
            let answer = api(&base).send(request).await.unwrap();
            assert_eq!((answer.status, answer.text().as_ref()), (status, "body"));
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn server_errors_repeat_reads_and_never_writes() {
    let (base, count) = script(&[500, 502, 200], &[]).await;
    let reader = api(&base);
    assert_eq!(reader.send(Request::get("/")).await.unwrap().status, 200);
    assert_eq!((count.load(Ordering::SeqCst), reader.stats().retries), (3, 2));

    let (base, count) = script(&[503], &[]).await;
    let error = api(&base).send(Request::get("/")).await.unwrap_err();
    assert_eq!(error, HttpError::BadAnswer { why: "status 503 (3 tries)".to_owned() });
    assert_eq!(count.load(Ordering::SeqCst), 3);

    let (base, count) = script(&[500, 200], &[]).await;
    let error = api(&base).send(Request::post("/")).await.unwrap_err();
    assert_eq!(error, HttpError::InDoubt { why: "status 500".to_owned() });
    assert_eq!(count.load(Ordering::SeqCst), 1);

    let (base, count) = script(&[500, 200], &[]).await;
    assert_eq!(api(&base).send(Request::post("/").reads_only()).await.unwrap().status, 200);
    assert_eq!(count.load(Ordering::SeqCst), 2, "a search by POST is a read");
}

#[tokio::test]
async fn a_remote_in_trouble_is_not_asked_ever_more() {
    let (base, count) = script(&[500], &[]).await;
    let policy = Policy { budget_retries: 3, ..quick() };
    let api = Api::new(client(&base), Auth::None, Limiter::default(), policy);
    for _ in 0..10 {
        api.send(Request::get("/")).await.unwrap_err();
    }
    assert_eq!(count.load(Ordering::SeqCst), 13);
}

#[tokio::test]
async fn throttled_requests_wait_and_go_again_writes_too() {
    let (base, count) = script(&[429, 201], &[("retry-after", "1")]).await;
    let api = api(&base);
    let began = Instant::now();
    let first = api.clone();
    let write = tokio::spawn(async move { first.send(Request::post("/")).await });
    while api.stats().throttled == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Another task, which was not throttled itself, waits as well.
    assert_eq!(api.send(Request::get("/")).await.unwrap().status, 201);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(write.await.unwrap().unwrap().status, 201);
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let stats = api.stats();
    assert_eq!((stats.throttled, stats.retries), (1, 1));
    assert!(stats.waits >= 1 && stats.waited_ms >= 900, "{stats:?}");
}

#[tokio::test]
async fn endless_throttling_comes_to_an_end() {
    let (base, count) = script(&[429], &[("retry-after", "0")]).await;
    let error = api(&base).send(Request::post("/")).await.unwrap_err();
    assert_eq!(error, HttpError::Throttled { retry_after: Duration::ZERO });
    assert_eq!(count.load(Ordering::SeqCst), 6);

    let (base, count) = script(&[429], &[("retry-after", "4000")]).await;
    let patient = api(&base);
    let error = patient.send(Request::get("/")).await.unwrap_err();
    assert_eq!(error, HttpError::Throttled { retry_after: Duration::from_secs(4000) });
    let error = patient.send(Request::get("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::Throttled { .. }), "the pause holds: {error}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "and nothing is sent in it");
}

#[tokio::test]
async fn a_429_counts_even_when_its_body_breaks_off() {
    let (base, count) =
        raw(b"HTTP/1.1 429 Too Many\r\nretry-after: 0\r\ncontent-length: 99\r\n\r\nabc");
    let error = api(&base).send(Request::post("/")).await.unwrap_err();
    assert_eq!(error, HttpError::Throttled { retry_after: Duration::ZERO });
    assert_eq!(count.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_not_tried_again() {
    let (base, count) = script(&[401], &[]).await;
    let auth = Auth::ApiKey { header: "api-key".to_owned(), secret: "k1".into() };
    let api = Api::new(client(&base), auth, Limiter::default(), quick());
    let error = api.send(Request::get("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::Unauthorized { .. }), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn slow_answers() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let slow = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(60))
    };
    let base = serve(Router::new().fallback(any(slow))).await;
    let client = Client::builder(&base).timeout(Duration::from_millis(150)).build().unwrap();
    let api = Api::new(client, Auth::None, Limiter::default(), quick());
    let error = api.send(Request::get("/")).await.unwrap_err();
    assert!(matches!(&error, HttpError::BadAnswer { why } if why.contains("0.15 s")), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let error = api.send(Request::post("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::InDoubt { .. }), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn broken_connections() {
    let answers: [&'static [u8]; 4] = [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for answer in answers {
        let name = String::from_utf8_lossy(answer);
        let (base, count) = raw(answer);
        let error = api(&base).send(Request::get("/")).await.unwrap_err();
        assert!(matches!(error, HttpError::BadAnswer { .. }), "{name}: {error}");
        assert_eq!(count.load(Ordering::SeqCst), 3, "{name}");
        let body = serde_json::json!({"a": "b"});
        let error = api(&base).send(Request::post("/").json(&body)).await.unwrap_err();
        assert!(matches!(error, HttpError::InDoubt { .. }), "{name}: {error}");
        assert_eq!(count.load(Ordering::SeqCst), 4, "{name}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for base in [format!("http://127.0.0.1:{port}"), "https://no-such-host.invalid".to_owned()] {
        for request in [Request::get("/"), Request::post("/")] {
            let api = api(&base);
            let error = api.send(request).await.unwrap_err();
            assert!(
                matches!(&error, HttpError::NotSent { why } if why.contains("3 tries")),
                "{error}"
            );
            assert_eq!(api.stats().retries, 2, "a write that was not sent may be sent");
        }
    }
}

#[tokio::test]
async fn a_failed_handshake_is_not_sent() {
    let (base, _) = raw(b"this is no TLS at all, it is only text");
    let base = base.replace("http:", "https:");
    let error = api(&base).send(Request::post("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_not_sent() {
    // A listener that never accepts; once its queue is full, connecting hangs.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..16 {
        let connect = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(100), connect).await {
            Ok(stream) => queue.push(stream),
            Err(_) => break,
        }
    }
    let client = Client::builder(format!("http://{address}"))
        .connect_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let failure = client.exchange(&Request::post("/"), None).await.unwrap_err();
    assert_eq!(failure.kind, mizan_adapters::http::FailureKind::ConnectTimeout, "{failure:?}");
    let api = Api::new(client, Auth::None, Limiter::default(), quick());
    let error = api.send(Request::post("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn large_answers_are_cut_off() {
    let sized = get(|| async { "x".repeat(5000) });
    let base = serve(Router::new().route("/sized", sized)).await;
    let chunked: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        20\r\n01234567890123456789012345678901\r\n20\r\n01234567890123456789012345678901\r\n0\r\n\r\n";
    let (streamed, _) = raw(chunked);
    for (base, path, limit) in [(&base, "/sized", 4999), (&streamed, "/", 63)] {
        let with = |limit| {
            let client = Client::builder(base).body_max_bytes(limit).build().unwrap();
            Api::new(client, Auth::None, Limiter::default(), quick())
        };
        let error = with(limit).send(Request::get(path)).await.unwrap_err();
        assert_eq!(error, HttpError::TooLarge { limit });
        let answer = with(limit + 1).send(Request::get(path)).await.unwrap();
        assert_eq!(answer.body.len(), limit + 1);
    }
    let client = Client::builder(&streamed).body_max_bytes(10).build().unwrap();
    let api = Api::new(client, Auth::None, Limiter::default(), quick());
    let error = api.send(Request::post("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::InDoubt { .. }), "the write may have been done: {error}");
    assert_eq!(api.stats().requests, 1);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, followed) = script(&[200], &[]).await;
    for status in [301, 302, 303, 307, 308] {
        let table: &'static [u16] = Box::leak(Box::new([status]));
        let location: &'static str = Box::leak(target.clone().into_boxed_str());
        let headers = Box::leak(Box::new([("location", location)]));
        let (base, count) = script(table, headers).await;
        let error = api(&base).send(Request::get("/")).await.unwrap_err();
        assert!(
            matches!(&error, HttpError::BadAnswer { why } if why.contains("redirect")),
            "{error}"
        );
        let error = api(&base).send(Request::post("/")).await.unwrap_err();
        assert!(matches!(error, HttpError::InDoubt { .. }), "{error}");
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_closed_gate_sends_nothing() {
    let (base, count) = script(&[200], &[]).await;
    let api = api(&base);
    api.limiter().close();
    let error = api.send(Request::post("/")).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_closure_is_a_transport() {
    let transport = |request: Request| async move {
        let headers = std::collections::BTreeMap::new();
        Ok(mizan_adapters::http::Response { status: 200, headers, body: request.path.into_bytes() })
    };
    let limiter = Limiter::new(Limits { requests_max: None, ..Limits::default() });
    let api = Api::new(transport, Auth::None, limiter, Policy::default());
    assert_eq!(api.send(Request::get("/x")).await.unwrap().text(), "/x");
}
