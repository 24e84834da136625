//! Logging in, against the sandbox as a small authorization server of its own.

use mizan_adapters::http::Policy;
use mizan_adapters::oauth::{
    AuthError, ClientAuth, Code, Endpoints, FileStore, Grant, Loopback, MemoryStore, OAuth,
    Provider, Revoked, Settings, TokenStore, Tokens, Unfit,
};
use mizan_adapters::sandbox::{Sandbox, SandboxOptions};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

const REDIRECT: &str = "http://127.0.0.1/callback";

fn oauth_at(endpoints: Endpoints, auth: ClientAuth, store: &Arc<MemoryStore>) -> OAuth {
    let secret = Some("sandbox-secret".into());
    let mut settings = Settings::new(Grant::RefreshToken, "sandbox-client", secret);
    settings.client_auth = auth;
    let provider = Provider::new(endpoints, Duration::from_secs(5), Policy::default());
    let clock = Arc::new(|| chrono::Utc::now().timestamp());
    OAuth::new(settings, provider, store.clone(), clock).unwrap()
}

fn discovered(sandbox: &Sandbox, store: &Arc<MemoryStore>) -> OAuth {
    oauth_at(Endpoints::Discover { issuer: sandbox.issuer() }, ClientAuth::Header, store)
}

fn browser() -> reqwest::Client {
    // The tests of the kit install TLS through a client of their own; plain http needs none.
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let _ = mizan_adapters::http::Client::builder("http://127.0.0.1").build().unwrap();
    builder.no_proxy().tls_certs_only([]).build().unwrap()
}

/// Opens the address as a person would, presses a button, and gives the address that follows.
async fn press(address: &str, decision: &str) -> String {
    let page = browser().get(address).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let action = action.replace("&amp;", "&");
    let host = address.split("/oauth/").next().unwrap();
    let form = browser().post(format!("{host}{action}"));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let sent = form.body(format!("decision={decision}")).send().await.unwrap();
    assert_eq!(sent.status(), 303);
    sent.headers()["location"].to_str().unwrap().to_owned()
}

async fn sandbox() -> Sandbox {
    Sandbox::start_local(SandboxOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_person_logs_in_with_the_browser_and_out_again() {
    let sandbox = sandbox().await;
    for fixed in [false, true] {
        let store = Arc::new(MemoryStore::default());
        let oauth = if fixed {
            let endpoints = Endpoints::Fixed {
                token: sandbox.token_url(),
                authorize: Some(sandbox.authorize_url()),
                revoke: Some(format!("{}/oauth/revoke", sandbox.issuer())),
            };
            oauth_at(endpoints, ClientAuth::Body, &store)
        } else {
            discovered(&sandbox, &store)
        };
        let loopback = Loopback::bind(REDIRECT).await.unwrap();
        let redirect = loopback.redirect().to_owned();
        let login = oauth.begin(&redirect).await.unwrap();
        assert!(login.address().contains("code_challenge_method=S256"), "{}", login.address());
        let expected = login.expected().clone();
        let waiting = tokio::spawn(async move { loopback.wait(&expected).await });
        // What else may come by meanwhile changes nothing.
        let strange = browser().get(format!("{redirect}?code=x&state=y")).send().await.unwrap();
        assert_eq!(strange.status(), 400);
        let favicon = redirect.replace("callback", "favicon.ico");
        assert_eq!(browser().get(favicon).send().await.unwrap().status(), 404);
        let back = press(login.address(), "allow").await;
        let page = browser().get(&back).send().await.unwrap();
        assert_eq!(page.headers()["cache-control"], "no-store");
        let text = page.text().await.unwrap();
        assert!(text.contains("can be closed") && !text.contains("code="), "{text}");
        let code = waiting.await.unwrap().unwrap();
        assert!(browser().get(&back).send().await.is_err(), "nothing listens any more");
        let tokens = oauth.finish(login, &code).await.unwrap();
        assert!(tokens.refresh.is_some());
        assert_eq!(
            oauth.token().await.unwrap().expose_secret(),
            store.load().unwrap().unwrap().access.expose_secret()
        );
        let bearer = tokens.access.expose_secret().to_owned();
        let url = format!("{}/products", sandbox.url());
        let see =
            || async { browser().get(&url).bearer_auth(&bearer).send().await.unwrap().status() };
        assert_ne!(see().await, 401);
        assert_eq!(oauth.forget().await.unwrap(), Revoked::Done);
        assert!(store.load().unwrap().is_none());
        assert_eq!(see().await, 401, "revoked at the server, too");
        assert_eq!(oauth.forget().await.unwrap(), Revoked::Nothing);
        assert!(matches!(oauth.token().await, Err(AuthError::LogInAgain { .. })));
    }
}

async fn code(oauth: &OAuth) -> (mizan_adapters::oauth::Login, Code) {
    let login = oauth.begin(REDIRECT).await.unwrap();
    let back = press(login.address(), "allow").await;
    let code = login.expected().read_address(&back).unwrap();
    (login, code)
}

#[tokio::test]
async fn a_code_works_once_and_for_its_own_log_in() {
    let sandbox = sandbox().await;
    let store = Arc::new(MemoryStore::default());
    let oauth = discovered(&sandbox, &store);
    let (login, first) = code(&oauth).await;
    let (other, _) = code(&oauth).await;
    // The verifier of another log-in does not fit.
    let error = oauth.finish(other, &first).await.unwrap_err();
    assert!(matches!(error, AuthError::Denied { .. }), "{error}");
    let error = oauth.finish(login, &first).await.unwrap_err();
    assert!(matches!(error, AuthError::Denied { .. }), "used up: {error}");
    assert!(store.load().unwrap().is_none());
    let (login, code) = code(&oauth).await;
    oauth.finish(login, &code).await.unwrap();
}

#[tokio::test]
async fn a_refusal_comes_back_as_one() {
    let sandbox = sandbox().await;
    let oauth = discovered(&sandbox, &Arc::new(MemoryStore::default()));
    let loopback = Loopback::bind(REDIRECT).await.unwrap();
    let login = oauth.begin(loopback.redirect()).await.unwrap();
    let expected = login.expected().clone();
    let waiting = tokio::spawn(async move { loopback.wait(&expected).await });
    let back = press(login.address(), "deny").await;
    assert!(browser().get(&back).send().await.unwrap().text().await.unwrap().contains("refused"));
    let error = waiting.await.unwrap().unwrap_err().to_string();
    assert_eq!(error, "the authorization server did not log in: access_denied");
    assert!(matches!(login.expected().read_address(&back), Err(Unfit::Denied(_))));
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_grant() {
    let sandbox = sandbox().await;
    let store = Arc::new(MemoryStore::default());
    let oauth = discovered(&sandbox, &store);
    let (login, code) = code(&oauth).await;
    let first = oauth.finish(login, &code).await.unwrap();
    let second = oauth.renew(&first.access).await.unwrap();
    let thief = Arc::new(MemoryStore::with(first.clone()));
    let error = discovered(&sandbox, &thief).renew(&first.access).await.unwrap_err();
    assert!(matches!(error, AuthError::LogInAgain { .. }), "{error}");
    let error = oauth.renew(&second).await.unwrap_err();
    assert!(matches!(error, AuthError::LogInAgain { .. }), "the whole family: {error}");
}

#[tokio::test]
async fn discovery_is_believed_only_of_the_issuer_itself() {
    let sandbox = sandbox().await;
    let by_name = sandbox.issuer().replace("127.0.0.1", "localhost") + "/";
    for (issuer, wanted) in
        [(format!("{}/elsewhere", sandbox.issuer()), "status 404"), (by_name, "ok")]
    {
        let store = Arc::new(MemoryStore::default());
        let oauth = oauth_at(Endpoints::Discover { issuer }, ClientAuth::Header, &store);
        match oauth.begin(REDIRECT).await {
            Ok(_) => assert_eq!(wanted, "ok"),
            Err(error) => assert!(error.to_string().contains(wanted), "{error}"),
        }
    }
    let router = axum::Router::new().fallback(|| async {
        r#"{"issuer":"http://other.example","token_endpoint":"http://127.0.0.1:1/t"}"#
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let store = Arc::new(MemoryStore::default());
    let oauth = oauth_at(Endpoints::Discover { issuer }, ClientAuth::Header, &store);
    let error = oauth.token().await.unwrap_err();
    // Nobody has logged in, so nothing is asked at all; a log-in asks.
    assert!(matches!(error, AuthError::LogInAgain { .. }), "{error}");
    let error = oauth.begin(REDIRECT).await.unwrap_err();
    assert!(error.to_string().contains("another issuer"), "{error}");
}

#[tokio::test]
async fn addresses_that_would_give_secrets_away_are_refused() {
    let store = Arc::new(MemoryStore::default());
    for token in ["http://id.example/token", "ftp://id.example", "https://u:p@id.example/"] {
        let provider = Provider::token_endpoint(token, Policy::default());
        let settings = Settings::new(Grant::ClientCredentials, "c", None);
        let made = OAuth::new(settings, provider, store.clone(), Arc::new(|| 0));
        assert!(matches!(made, Err(AuthError::Settings { .. })), "{token}");
    }
    for redirect in ["https://127.0.0.1/cb", "http://shop.example/cb", "http://10.0.0.1/cb", "cb"] {
        let error = Loopback::bind(redirect).await.unwrap_err();
        assert!(matches!(error, AuthError::Settings { .. }), "{redirect}: {error}");
    }
}

#[tokio::test]
async fn who_logs_out_removes_no_tokens_of_another_client() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let file = FileStore::new(folder.path().join("tokens.json"));
    let theirs = file.clone().for_origin("https://id.example", "other");
    theirs.save(&Tokens::new("a".into(), None, 1)).unwrap();
    let settings = Settings::new(Grant::RefreshToken, "sandbox-client", None);
    let provider = Provider::token_endpoint(sandbox.token_url(), Policy::default());
    let ours = Arc::new(file.for_origin(provider.name(), "sandbox-client"));
    let oauth = OAuth::new(settings, provider, ours, Arc::new(|| 0)).unwrap();
    let error = oauth.forget().await.unwrap_err();
    assert!(matches!(error, AuthError::Foreign { .. }), "{error}");
    assert!(theirs.load().unwrap().is_some());
}

#[tokio::test]
async fn the_scope_is_known_though_the_server_names_it_once_or_never() {
    let answers = [r#","scope":"a b""#, ""];
    for (first, wanted) in answers.into_iter().zip(["a b", "asked for"]) {
        let turn = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let router = axum::Router::new().fallback(move || {
            let nth = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let scope = if nth == 0 { first } else { "" };
            let body = format!(
                r#"{{"access_token":"t{nth}","refresh_token":"r","token_type":"Bearer"{scope}}}"#
            );
            async move { ([("content-type", "application/json")], body) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let token = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let store = Arc::new(MemoryStore::default());
        let authorize = Some("http://127.0.0.1/auth".to_owned());
        let mut settings = Settings::new(Grant::RefreshToken, "c", None);
        settings.scopes = vec!["asked".to_owned(), "for".to_owned()];
        let endpoints = Endpoints::Fixed { token, authorize, revoke: None };
        let provider = Provider::new(endpoints, Duration::from_secs(5), Policy::default());
        let oauth = OAuth::new(settings, provider, store.clone(), Arc::new(|| 0)).unwrap();
        let login = oauth.begin(REDIRECT).await.unwrap();
        let state = login.address().split("state=").nth(1).unwrap().split('&').next().unwrap();
        let code = login.expected().read_query(&format!("code=c&state={state}")).unwrap();
        let tokens = oauth.finish(login, &code).await.unwrap();
        assert_eq!(tokens.scope.as_deref(), Some(wanted));
        oauth.renew(&tokens.access).await.unwrap();
        assert_eq!(store.load().unwrap().unwrap().scope.as_deref(), Some(wanted));
        assert_eq!(oauth.forget().await.unwrap(), Revoked::NotOffered);
    }
}
