//! The token file.

use mizan_adapters::oauth::{AuthError, FileStore, Key, Mark, TokenStore, Tokens};
use secrecy::ExposeSecret;
use std::fs;

fn tokens(number: u32) -> Tokens {
    let refresh = (number > 1).then(|| format!("refresh-{number}").into());
    Tokens::new(format!("access-{number}").into(), refresh, i64::from(number))
}

fn same(left: &Tokens, right: &Tokens) -> bool {
    let refresh = |tokens: &Tokens| tokens.refresh.as_ref().map(|t| t.expose_secret().to_owned());
    left.access.expose_secret() == right.access.expose_secret()
        && refresh(left) == refresh(right)
        && left.expires_at_s == right.expires_at_s
}

#[test]
fn what_is_saved_is_loaded_and_nothing_else_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    assert!(store.load().unwrap().is_none());
    // A leftover of a crash, readable by all.
    fs::write(directory.path().join("tokens.json.tmp"), "half").unwrap();
    for number in 1..4 {
        store.save(&tokens(number)).unwrap();
        assert!(same(&store.load().unwrap().unwrap(), &tokens(number)));
    }
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["tokens.json"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    store.save(&tokens(1)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = store.load().unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn what_is_no_token_file_is_refused_without_quoting_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    let other = r#"{"version":9,"access_token":"hush","refresh_token":null,"expires_at":1}"#;
    for text in ["hush", r#""hush""#, r#"{"version":"hush"}"#, other] {
        store.save(&tokens(1)).unwrap();
        fs::write(&path, text).unwrap();
        let error = store.load().unwrap_err();
        assert!(matches!(error, AuthError::Store { .. }));
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[test]
fn a_failed_save_leaves_the_old_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    store.save(&tokens(1)).unwrap();
    fs::create_dir(directory.path().join("tokens.json.tmp")).unwrap();
    store.save(&tokens(2)).unwrap_err();
    assert!(same(&store.load().unwrap().unwrap(), &tokens(1)));
    let nowhere = FileStore::new(directory.path().join("no/such/tokens.json"));
    assert!(matches!(nowhere.save(&tokens(1)), Err(AuthError::Store { .. })));
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn everything_that_is_known_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let open = FileStore::new(&path).for_origin("https://id.example", "client");
    let sealed = open.clone().sealed_with(Key::parse(KEY).unwrap());
    let marks = [Mark::Unused, Mark::Sent { at_s: 7 }, Mark::Refused { why: "revoked".to_owned() }];
    for (store, is_sealed) in [(open, false), (sealed, true)] {
        for mark in marks.clone() {
            let mut kept = tokens(2);
            kept.issued_at_s = Some(-1);
            kept.scope = Some("a b".to_owned());
            kept.mark = mark;
            store.save(&kept).unwrap();
            assert_eq!(store.is_sealed().unwrap(), Some(is_sealed));
            let found = store.load().unwrap().unwrap();
            assert!(same(&found, &kept));
            assert_eq!(
                (found.issued_at_s, found.scope, found.mark),
                (kept.issued_at_s, kept.scope, kept.mark)
            );
        }
    }
}

#[test]
fn a_sealed_file_tells_nothing_and_opens_with_its_key_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path).for_origin("https://id.example", "client");
    let sealed = store.clone().sealed_with(Key::parse(KEY).unwrap());
    sealed.save(&tokens(2)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("access-2") && !text.contains("refresh-2"), "{text}");
    let first = text;
    sealed.save(&tokens(2)).unwrap();
    assert_ne!(first, fs::read_to_string(&path).unwrap(), "a nonce is used once");

    let error = store.load().unwrap_err().to_string();
    assert!(error.contains("token_key_env"), "{error}");
    let other = Key::parse(&KEY.replace("00", "ff")).unwrap();
    let error = store.clone().sealed_with(other).load().unwrap_err().to_string();
    assert!(error.contains("another key"), "{error}");
    // Moved to another client's file: the seal holds what stands beside it, too.
    let moved = fs::read_to_string(&path).unwrap().replace("id.example client", "id.example other");
    fs::write(&path, moved).unwrap();
    let other = FileStore::new(&path).for_origin("https://id.example", "other");
    let error = other.sealed_with(Key::parse(KEY).unwrap()).load().unwrap_err().to_string();
    assert!(error.contains("was changed"), "{error}");
}

#[test]
fn a_file_in_plain_is_sealed_with_the_next_save() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let open = FileStore::new(&path);
    open.save(&tokens(2)).unwrap();
    let sealed = open.sealed_with(Key::parse(KEY).unwrap());
    let found = sealed.load().unwrap().unwrap();
    assert!(same(&found, &tokens(2)));
    sealed.save(&found).unwrap();
    assert_eq!(sealed.is_sealed().unwrap(), Some(true));
}

#[test]
fn tokens_of_another_client_are_not_given_out() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("tokens.json"));
    store.clone().for_origin("https://id.example", "one").save(&tokens(2)).unwrap();
    for (server, client) in [("https://id.example", "two"), ("https://evil.example", "one")] {
        let error = store.clone().for_origin(server, client).load().unwrap_err();
        assert!(matches!(error, AuthError::Foreign { .. }), "{error}");
    }
}

#[test]
fn a_file_of_version_1_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let old =
        r#"{"version":1,"access_token":"access-2","refresh_token":"refresh-2","expires_at":2}"#;
    fs::write(&path, old).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let store = FileStore::new(&path).for_origin("https://id.example", "client");
    assert!(same(&store.load().unwrap().unwrap(), &tokens(2)));
}

#[test]
fn what_is_cleared_is_gone_with_its_leftovers() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("tokens.json"));
    store.save(&tokens(2)).unwrap();
    fs::write(directory.path().join("tokens.json.tmp"), "half").unwrap();
    store.clear().unwrap();
    store.clear().unwrap();
    assert!(store.load().unwrap().is_none());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn keys_are_32_bytes() {
    for text in ["", "password", &KEY[2..], &KEY.replace("00", "zz"), "c2hvcnQ="] {
        assert!(Key::parse(text).is_err(), "{text}");
    }
    assert_eq!(format!("{:?}", Key::parse(KEY).unwrap()), "Key(redacted)");
}
