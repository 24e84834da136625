//! Wrong configurations: refused with the line and a suggestion, exit code 2.

use super::support::{Shop, TWO_FOLDERS};

fn refused(config: &str, line: &str, said: &str) {
    let shop = Shop::new(config);
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains(line) && ran.err.contains(said), "{}", ran.err);
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_known_one() {
    refused(&TWO_FOLDERS.replace("direction", "dirction"), "line 9", "did you mean `direction`");
    refused(
        &TWO_FOLDERS.replace("root = \"till\"", "rot = \"till\""),
        "line 4",
        "did you mean `root`",
    );
}

#[test]
fn a_field_that_does_not_exist_is_refused_in_the_key() {
    refused(
        &TWO_FOLDERS.replace("key = [\"sku\"]", "key = [\"skus\"]"),
        "line 10",
        "did you mean `sku`",
    );
}

#[test]
fn an_owner_and_a_preference_contradict_each_other() {
    let config =
        TWO_FOLDERS.replace("scale = 2,", "scale = 2, owner = \"till\", prefer = \"books\",");
    refused(&config, "line 18", "contradict each other");
}

#[test]
fn a_preference_in_a_one_way_entity_is_refused() {
    refused(&TWO_FOLDERS.replace("\"both\"", "\"till -> books\""), "line 11", "remove `prefer`");
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refused("[sides.till\nadapter = 1", "line 1", "not TOML");
}

#[test]
fn a_key_in_the_file_is_refused() {
    let config = TWO_FOLDERS.replace(
        "[sides.books]\nadapter = \"files\"\nroot = \"books\"",
        "[sides.books]\nadapter = \"qoyod\"\napi_key = \"secret-word\"",
    );
    let shop = Shop::new(&config);
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("api_key_env") && !ran.err.contains("secret-word"), "{}", ran.err);
}

#[test]
fn a_missing_file_says_how_to_begin() {
    let shop = Shop::new(TWO_FOLDERS);
    let ran = shop.run(&["sync", "--config", "nowhere.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("mizan init"), "{}", ran.err);
}

#[test]
fn the_example_that_init_writes_is_accepted() {
    let shop = Shop::new("");
    assert_eq!(shop.run(&["init"]).code, 2, "an existing file is not overwritten");
    assert_eq!(shop.run(&["init", "--config", "new.toml"]).code, 0);
    let ran = shop
        .command(&["check", "--offline", "--config", "new.toml"])
        .env("QOYOD_API_KEY", "key")
        .output()
        .expect("the binary runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn an_unknown_entity_is_named() {
    let shop = Shop::new(TWO_FOLDERS);
    let ran = shop.run(&["sync", "--only", "prodct"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there are product"), "{}", ran.err);
}

#[test]
fn an_oauth_table_that_contradicts_itself_is_refused() {
    let table = [
        ("", "`token_url` is missing"),
        ("issuer = \"https://a\"\ntoken_url = \"https://a\"", "contradict each other"),
        ("issuer = \"https://a\"\nrevoke_url = \"https://a\"", "contradict each other"),
        ("issuer = \"id.example\"", "should begin with https://"),
        ("issuer = \"https://a\"", "`client_secret_env` or `client_secret_file` is missing"),
        ("issuer = \"https://a\"\nclient_secret = \"hush\"", "does not belong in this file"),
        ("issuer = \"https://a\"\ntoken_key = \"hush\"", "does not belong in this file"),
        ("grant = \"password\"\nissuer = \"https://a\"", "possible are"),
        ("grant = \"authorization_code\"\ntoken_url = \"https://a\"", "`authorize_url` is missing"),
        ("grant = \"authorization_code\"\nissuer = \"https://a\"", "`client_id`"),
        (
            "issuer = \"https://a\"\nclient_secret_env = \"S\"\nredirect_url = \"http://127.0.0.1/\"",
            "needs none",
        ),
        (
            "issuer = \"https://a\"\nclient_id = \"c\"\nclient_secret_env = \"S\"\nparams = { state = \"x\" }",
            "cannot be one of the `params`",
        ),
        (
            "issuer = \"https://a\"\nclient_id = \"c\"\nclient_id_env = \"C\"\nclient_secret_env = \"S\"",
            "given twice",
        ),
        ("issuer = \"https://a\"\nscop = \"x\"", "did you mean `scope`"),
    ];
    for (oauth, said) in table {
        let config = TWO_FOLDERS.replace(
            "adapter = \"files\"\nroot = \"books\"",
            &format!("adapter = \"qoyod\"\n[sides.books.oauth]\n{oauth}"),
        );
        refused(&config, "line ", said);
        let shop = Shop::new(&config);
        assert!(!shop.run(&["sync"]).err.contains("hush"));
    }
}

#[test]
fn two_sides_with_one_token_file_are_refused() {
    let oauth = |side: &str| {
        format!(
            "[sides.{side}]\nadapter = \"qoyod\"\noauth = {{ issuer = \"https://a\", client_id = \"c\", \
             client_secret_env = \"S\", token_file = \"tokens\" }}"
        )
    };
    let config = TWO_FOLDERS
        .replace("[sides.till]\nadapter = \"files\"\nroot = \"till\"", &oauth("till"))
        .replace("[sides.books]\nadapter = \"files\"\nroot = \"books\"", &oauth("books"));
    refused(&config, "line ", "have one `token_file`");
}
