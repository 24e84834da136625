//! All flows with everything logged: no secret is anywhere but in the token file, and sealed not even there.

use crate::gateway::Gateway;
use crate::provider::{CLIENT_SECRET, Provider};
use crate::shop::{PERSON, Shop, by_gateway, confidential};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the token endpoint was sent and what it answered that nobody else may see.
fn secrets_of(seen: &[String]) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for text in seen {
        if let Ok(Json::Object(answer)) = serde_json::from_str(text) {
            for name in ["access_token", "refresh_token", "id_token"] {
                secrets.extend(answer.get(name).and_then(Json::as_str).map(str::to_owned));
            }
            continue;
        }
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if ["code", "code_verifier", "refresh_token", "client_secret"].contains(&name) {
                secrets.insert(value.to_owned());
            }
        }
    }
    secrets
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_anywhere_else() {
    for sealed in [false, true] {
        let provider = Arc::new(Provider::start().await);
        let gateway = Gateway::start(Arc::clone(&provider)).await;
        let key = if sealed { "token_key_file = \"key\"\n" } else { "" };
        let oauth = by_gateway(&gateway, &provider) + PERSON + &confidential() + key;
        let shop = Shop::new(&gateway, &oauth);
        let key = "c2VjcmV0IGtleSBvZiAzMiBieXRlcywgZm9yIHRlc3Q=";
        shop.write("key", key);
        shop.log_in().await;
        let last = shop.log_in_by_paste().await;
        shop.good(&["sync"]).await;
        shop.good(&["auth", "status"]).await;
        // A refusal by the API, and with it a refresh; then a refresh that is refused, and what is said of it.
        let seen = gateway.seen();
        let answers = seen.iter().rev().filter_map(|text| serde_json::from_str::<Json>(text).ok());
        let access =
            answers.filter_map(|answer| answer["access_token"].as_str().map(str::to_owned));
        let access = access.take(1).next().expect("a token");
        gateway.block(&access);
        shop.product("P-2");
        shop.good(&["sync"]).await;
        assert_eq!(provider.count("refresh_ok").await, 1);
        let seen = gateway.seen();
        let newest: Json = serde_json::from_str(seen.last().expect("an answer")).expect("JSON");
        let old = std::fs::read(shop.token_file()).expect("the token file");
        provider.revoke(newest["access_token"].as_str().expect("a token")).await;
        provider.revoke(newest["refresh_token"].as_str().expect("a token")).await;
        shop.product("P-3");
        assert_eq!(shop.run(&["sync"]).await.code, Some(1));
        assert_eq!(shop.run(&["auth", "status", "--json"]).await.code, Some(3));

        let mut secrets = secrets_of(&gateway.seen());
        assert!(
            secrets.len() >= 10,
            "two codes, two verifiers, six tokens and more: {}",
            secrets.len()
        );
        assert!(secrets.iter().all(|secret| secret.len() >= 16), "{secrets:?}");
        secrets.insert(CLIENT_SECRET.to_owned());
        secrets.insert(key.to_owned());
        let said = shop.said();
        assert!(said.contains("DEBUG") && said.contains("answered"), "it was logged");
        let (urls, lines) = (provider.urls().await, gateway.lines());
        assert!(urls.contains("/auth?") && lines.contains("/2.0/products"));
        for secret in &secrets {
            assert!(!said.contains(secret.as_str()), "a secret was said");
            assert!(
                !urls.contains(secret.as_str()) && !lines.contains(secret.as_str()),
                "in an address"
            );
        }
        let token_file = shop.token_file();
        let mut found = Vec::new();
        files(shop.path(), &mut found);
        assert!(found.iter().any(|path| path.ends_with("shop-token.json.lock")), "{found:?}");
        assert!(found.iter().any(|path| path.starts_with(shop.path().join("mizan-log"))));
        for path in &found {
            let given = path.ends_with("secret") || path.ends_with("key");
            let bytes = std::fs::read(path).expect("a file");
            for secret in &secrets {
                let allowed = given || (*path == token_file && !sealed);
                assert!(allowed || !holds(&bytes, secret), "in {}", path.display());
            }
        }
        assert_eq!(secrets.iter().any(|secret| holds(&old, secret)), !sealed);
        shop.good(&["auth", "logout", "shop"]).await;
        assert!(!last.is_empty() && !token_file.exists());
    }
}
