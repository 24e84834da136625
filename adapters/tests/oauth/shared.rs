//! Several who share one token file.

use crate::server::{START_S, Server, settings, text};
use mizan_adapters::oauth::{FileStore, Grant, OAuth, Provider, TokenStore, Tokens};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

fn store(path: &std::path::Path) -> FileStore {
    FileStore::new(path.join("tokens.json"))
}

fn sharer(base: &str, path: &std::path::Path) -> OAuth {
    let policy = crate::server::quick();
    let provider = Provider::token_endpoint(format!("{base}/oauth/token"), policy);
    let settings = settings(Grant::RefreshToken);
    OAuth::new(settings, provider, Arc::new(store(path)), Arc::new(|| START_S)).unwrap()
}

#[tokio::test]
async fn eight_who_share_a_file_refresh_once() {
    let (server, base) = Server::start().await;
    *server.delay.lock().unwrap() = Duration::from_millis(100);
    let folder = tempfile::tempdir().unwrap();
    let old = Tokens::new("old".into(), Some("refresh-0".into()), START_S);
    store(folder.path()).save(&old).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            // Each has a file handle and a flight of its own, as another process has.
            let oauth = sharer(&base, folder.path());
            tokio::spawn(async move { oauth.token().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(text(&task.await.unwrap().unwrap()), "access-1");
    }
    assert_eq!(server.asked(), 1);
    let kept = store(folder.path()).load().unwrap().unwrap();
    assert_eq!(kept.refresh.unwrap().expose_secret(), "refresh-1");
}

#[tokio::test]
async fn who_has_the_lock_is_waited_for() {
    let (server, base) = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    store.save(&Tokens::new("old".into(), Some("refresh-0".into()), START_S)).unwrap();
    let lock = store.try_lock().unwrap().unwrap();
    assert!(store.try_lock().unwrap().is_none());
    let oauth = sharer(&base, folder.path());
    let waiting = tokio::spawn(async move { oauth.token().await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.asked(), 0);
    store.save(&Tokens::new("theirs".into(), Some("r".into()), START_S + 999)).unwrap();
    drop(lock);
    assert_eq!(text(&waiting.await.unwrap().unwrap()), "theirs");
    assert_eq!(server.asked(), 0);
}
