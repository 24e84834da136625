//! The token file.

use mizan_adapters::oauth::{AuthError, FileStore, TokenStore, Tokens};
use secrecy::ExposeSecret;
use std::fs;

fn tokens(number: u32) -> Tokens {
    Tokens {
        access: format!("access-{number}").into(),
        refresh: (number > 1).then(|| format!("refresh-{number}").into()),
        expires_at_s: i64::from(number),
    }
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
