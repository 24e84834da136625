//! What needs no network: classes, steps, pauses, encoding, URLs.

use crate::servers::quick;
use mizan_adapters::http::FailureKind::{
    Connect, ConnectTimeout, Dns, Reset, Timeout, TooLarge, Truncated, Unsendable,
};
use mizan_adapters::http::Outcome::{Failed, Status};
use mizan_adapters::http::{
    BuildError, Class, Client, Effect, HttpError, Policy, Request, Response, Step, Tries, backoff,
    classify, form, segment, step,
};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn every_outcome_has_its_class() {
    let limit = TooLarge { limit: 1 };
    let table = [
        (Status(200), Class::Answer, Class::Answer),
        (Status(201), Class::Answer, Class::Answer),
        (Status(204), Class::Answer, Class::Answer),
        (Status(304), Class::Answer, Class::Answer),
        (Status(400), Class::Answer, Class::Answer),
        (Status(401), Class::Unauthorized, Class::Unauthorized),
        (Status(403), Class::Answer, Class::Answer),
        (Status(404), Class::Answer, Class::Answer),
        (Status(408), Class::Again, Class::InDoubt),
        (Status(409), Class::Answer, Class::Answer),
        (Status(422), Class::Answer, Class::Answer),
        (Status(429), Class::Throttled, Class::Throttled),
        (Status(500), Class::Again, Class::InDoubt),
        (Status(502), Class::Again, Class::InDoubt),
        (Status(503), Class::Again, Class::InDoubt),
        (Status(504), Class::Again, Class::InDoubt),
        (Status(101), Class::Bad, Class::InDoubt),
        (Status(302), Class::Bad, Class::InDoubt),
        (Status(307), Class::Bad, Class::InDoubt),
        (Status(999), Class::Bad, Class::InDoubt),
        (Failed(Unsendable), Class::Unsendable, Class::Unsendable),
        (Failed(Dns), Class::NotSent, Class::NotSent),
        (Failed(Connect), Class::NotSent, Class::NotSent),
        (Failed(ConnectTimeout), Class::NotSent, Class::NotSent),
        (Failed(Timeout), Class::Again, Class::InDoubt),
        (Failed(Reset), Class::Again, Class::InDoubt),
        (Failed(Truncated), Class::Again, Class::InDoubt),
        (Failed(limit), Class::TooLarge, Class::InDoubt),
    ];
    for (outcome, read, write) in table {
        assert_eq!(classify(Effect::Read, outcome), read, "{outcome:?} of a read");
        assert_eq!(classify(Effect::Write, outcome), write, "{outcome:?} of a write");
    }
}

#[test]
fn no_status_lets_a_write_in_doubt_be_repeated() {
    for status in 0..=u16::MAX {
        let class = classify(Effect::Write, Status(status));
        assert_ne!(class, Class::Again, "{status}");
        assert!(class != Class::NotSent && class != Class::Bad, "{status}");
    }
}

#[test]
fn steps_follow_the_policy() {
    let policy = quick();
    let s = Duration::from_secs;
    let tries = |failed, throttled| Tries { failed, throttled };
    let at = |tries, class, after| step(&policy, 7, tries, class, after);

    for class in [Class::Again, Class::NotSent] {
        assert!(matches!(at(tries(1, 0), class, None), Step::Wait(_)));
        assert!(matches!(at(tries(2, 9), class, None), Step::Wait(_)));
        assert_eq!(at(tries(3, 0), class, None), Step::Give);
        assert_eq!(at(tries(1, 0), class, Some(s(7))), Step::Wait(s(7)), "a 503 may name a pause");
        assert_eq!(at(tries(1, 0), class, Some(s(301))), Step::Give);
    }
    assert_eq!(at(tries(0, 1), Class::Throttled, None), Step::Wait(s(60)));
    assert_eq!(at(tries(0, 5), Class::Throttled, Some(s(2))), Step::Wait(s(2)));
    assert_eq!(at(tries(0, 6), Class::Throttled, Some(s(2))), Step::Give);
    assert_eq!(at(tries(0, 1), Class::Throttled, Some(s(301))), Step::Give);
    for class in [
        Class::Answer,
        Class::Unauthorized,
        Class::Unsendable,
        Class::InDoubt,
        Class::TooLarge,
        Class::Bad,
    ] {
        assert_eq!(at(tries(1, 0), class, Some(s(1))), Step::Give, "{class:?}");
    }
}

#[test]
fn pauses_double_with_a_jitter_that_can_be_repeated() {
    let policy = Policy { seed: 42, ..Policy::default() };
    let mut seen = std::collections::BTreeSet::new();
    for request in 0..500 {
        for failed in 1..40 {
            let whole = Duration::from_secs(1 << (failed - 1).min(10)).min(policy.backoff_max);
            let pause = backoff(&policy, request, failed);
            assert!(pause >= whole / 2 && pause <= whole, "{request} {failed}: {pause:?}");
            assert_eq!(pause, backoff(&policy, request, failed));
            seen.insert(pause);
        }
    }
    assert!(seen.len() > 1000, "jitter spreads: {}", seen.len());
    let other = Policy { seed: 43, ..policy };
    assert!((0..20).any(|n| backoff(&policy, n, 1) != backoff(&other, n, 1)));
}

#[test]
fn retry_after_is_read_in_seconds_only() {
    let table = [
        (Some("0"), Some(0)),
        (Some(" 12 "), Some(12)),
        (Some("99999999999"), Some(86_400)),
        (Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
        (Some("-1"), None),
        (Some(""), None),
        (None, None),
    ];
    for (header, seconds) in table {
        let headers = header.map(|value| ("retry-after".to_owned(), value.to_owned()));
        let headers: BTreeMap<_, _> = headers.into_iter().collect();
        let response = Response { status: 429, headers, body: Vec::new() };
        assert_eq!(response.retry_after(), seconds.map(Duration::from_secs), "{header:?}");
    }
}

#[test]
fn values_are_encoded() {
    assert_eq!(segment("a/b?c#d%e é.~"), "a%2Fb%3Fc%23d%25e%20%C3%A9.~");
    assert_eq!(form(&[("a b", "1&2=3"), ("ق", "")]), "a+b=1%262%3D3&%D9%82=");
    let body = Request::post("/x").form(&[("k", "v w")]).body;
    assert_eq!(body.bytes(), b"k=v+w");
}

#[test]
fn base_urls_are_checked() {
    let build = |base: &str| Client::builder(base).build();
    for base in
        ["http://localhost:1", "http://127.3.2.1:1/api", "http://[::1]:1", "https://a.example/2.0"]
    {
        assert!(build(base).is_ok(), "{base}");
    }
    for base in [
        "",
        "a.example",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://a.example?k=v",
        "file:///etc",
    ] {
        let error = build(base).unwrap_err();
        assert!(matches!(error, BuildError::BadBase { .. }), "{base}: {error}");
    }
    for base in [
        "http://a.example",
        "http://10.0.0.1",
        "http://localhost.a.example",
        "http://127.0.0.1.a.example",
    ] {
        assert!(matches!(build(base), Err(BuildError::PlainHttp { .. })), "{base}");
        assert!(Client::builder(base).allow_plain_http(true).build().is_ok(), "{base}");
    }
}

#[test]
fn links_are_followed_only_below_the_base() {
    let client = Client::builder("https://a.example/api/2.0").build().unwrap();
    let inside = ["https://a.example/api/2.0/rows?page=2&q=a%20b", "/api/2.0/rows?page=2&q=a+b"];
    for link in inside {
        let request = client.follow(link).unwrap();
        let expected = Request::get("/rows").query("page", "2").query("q", "a b");
        assert_eq!(request, expected, "{link}");
    }
    for link in [
        "https://b.example/api/2.0/rows",
        "http://a.example/api/2.0/rows",
        "https://a.example:444/api/2.0/rows",
        "https://a.example/api/2.0/../admin",
        "https://a.example/api/2.01",
        "//b.example/api/2.0/rows",
    ] {
        assert_eq!(client.follow(link), None, "{link}");
    }
}

#[test]
fn json_errors_name_the_place_and_not_the_content() {
    let response = Response { status: 200, headers: BTreeMap::new(), body: b"\"hush\"".to_vec() };
    let error = response.json::<Vec<u8>>().unwrap_err();
    assert!(matches!(error, HttpError::BadAnswer { .. }));
    assert!(!error.to_string().contains("hush"), "{error}");
    assert_eq!(response.json::<String>().unwrap(), "hush");
}
