//! Logging in and out against the local Qoyod, whose token server needs nothing but this program.

use super::qoyod::{Qoyod, settle, shop};
use super::support::{Ran, Shop};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

const KEY: &str = "c2VjcmV0IGtleSBvZiAzMiBieXRlcywgZm9yIHRlc3Q=";

fn person(qoyod: &Qoyod, more: &str) -> Shop {
    let oauth = format!(
        "oauth = {{ grant = \"authorization_code\", issuer = \"{}\", client_id = \"sandbox-client\", \
         client_secret_file = \"secret\"{more} }}",
        qoyod.sandbox.issuer()
    );
    let shop = shop(&qoyod.sandbox.url(), &oauth, 0, 2, 0);
    std::fs::write(shop.path().join("secret"), "sandbox-secret").expect("written");
    std::fs::write(shop.path().join("key"), KEY).expect("written");
    shop
}

/// Sends a request as a browser does, and gives the whole answer as text.
fn send(method: &str, url: &str, body: &str) -> String {
    let rest = url.strip_prefix("http://").expect("plain http");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Opens the page and presses a button; gives the address that the browser is sent to.
fn press(address: &str, decision: &str) -> String {
    let page = send("GET", address, "");
    assert!(page.contains("<button"), "{page}");
    let answer = send("POST", address, &format!("decision={decision}"));
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    location.unwrap_or_else(|| panic!("{answer}")).trim().to_owned()
}

/// Begins a log-in; the address that it prints, and the rest of what it says.
fn begin(shop: &Shop, more: &[&str]) -> (Child, String, BufReader<ChildStdout>) {
    let mut command = shop.command(&[&["auth", "login", "qoyod"], more].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.starts_with("http") {
        line.clear();
        let read = out.read_line(&mut line).expect("read");
        if read == 0 {
            panic!("{:?}", child.wait_with_output());
        }
    }
    (child, line.trim().to_owned(), out)
}

fn end(child: Child, mut out: BufReader<ChildStdout>) -> Ran {
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("read");
    let output = child.wait_with_output().expect("it ends");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: rest,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn log_in(shop: &Shop) -> Ran {
    let (child, address, out) = begin(shop, &[]);
    let back = press(&address, "allow");
    let page = send("GET", &back, "");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("can be closed"), "{page}");
    end(child, out)
}

fn standing(shop: &Shop) -> Json {
    let ran = shop.run(&["auth", "status", "qoyod", "--json"]);
    ran.json()[0].clone()
}

#[test]
fn a_person_logs_in_the_sync_refreshes_and_a_log_out_ends_it() {
    let qoyod = Qoyod::free();
    let shop = person(&qoyod, "");
    let ran = shop.run(&["check", "--offline"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("log in: mizan auth login qoyod"), "{}", ran.err);
    assert_eq!(shop.run(&["check"]).err.matches("mizan auth login").count(), 1, "not per entity");
    assert_eq!(shop.run(&["auth", "status"]).code, 3);
    let ran = log_in(&shop);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("logged in to qoyod"), "{}", ran.out);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(shop.path().join("qoyod-token.json")).expect("kept").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let known = standing(&shop);
    assert_eq!((&known["ready"], &known["refresh_token"]), (&true.into(), &true.into()));
    settle(&shop);
    let before = shop.get("qoyod-token.json");
    qoyod.door.expire_tokens();
    settle(&shop);
    let after = shop.get("qoyod-token.json");
    assert_ne!(before["refresh_token"], after["refresh_token"], "rotated");
    let ran = shop.run(&["auth", "logout", "qoyod", "--json"]);
    assert_eq!((ran.code, &ran.json()["revoked"]), (0, &"done".into()));
    assert_eq!(shop.run(&["auth", "logout", "qoyod", "--json"]).json()["revoked"], "nothing");
    let ran = shop.sync();
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("type: mizan auth login qoyod"), "{}", ran.out);
}

#[test]
fn a_revoked_grant_pauses_the_connection_until_somebody_logs_in() {
    let qoyod = Qoyod::free();
    let shop = person(&qoyod, "");
    assert_eq!(log_in(&shop).code, 0);
    qoyod.door.revoke_tokens();
    let ran = shop.sync();
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("invalid_grant"), "{}", ran.out);
    let asked = qoyod.door.requests();
    for verb in ["sync", "check"] {
        let ran = shop.run(&[verb]);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("mizan auth login qoyod"), "{}", ran.err);
    }
    let now = qoyod.door.requests();
    assert_eq!(asked["POST /oauth"], now["POST /oauth"], "the token server is not asked again");
    assert_eq!(standing(&shop)["ready"], true, "by the clock the access token lasts");
    assert!(standing(&shop)["to_do"].is_string());
    assert_eq!(log_in(&shop).code, 0);
    settle(&shop);
}

#[test]
fn an_address_is_pasted_where_no_browser_can_come() {
    let qoyod = Qoyod::free();
    let shop =
        person(&qoyod, ", token_key_file = \"key\", redirect_url = \"https://shop.example/back\"");
    assert_eq!(shop.run(&["auth", "login", "qoyod"]).code, 1, "nothing can listen there");
    let (mut child, address, out) = begin(&shop, &["--paste"]);
    let back = press(&address, "allow");
    assert!(back.starts_with("https://shop.example/back?"), "{back}");
    let mut stdin = child.stdin.take().expect("piped");
    let strange = back.replace("state=", "state=0");
    write!(stdin, "\nno address\n{strange}\n{back}\n").expect("written");
    drop(stdin);
    let ran = end(child, out);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert!(
        ran.err.contains("it is no address") && ran.err.contains("state is another"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("sealed"), "{}", ran.out);
    let kept = std::fs::read_to_string(shop.path().join("qoyod-token.json")).expect("kept");
    assert!(!kept.contains("access_token"), "{kept}");
    settle(&shop);
    std::fs::write(shop.path().join("key"), KEY.replace("c2V", "d3V")).expect("written");
    let ran = shop.run(&["auth", "status"]);
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("another key"), "{}", ran.out);
    std::fs::write(shop.path().join("key"), "password").expect("written");
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("openssl rand -base64 32"), "{}", ran.err);
    assert!(!ran.err.contains("password"), "{}", ran.err);
}

#[test]
fn who_says_no_or_nothing_changes_nothing() {
    let qoyod = Qoyod::free();
    let shop = person(&qoyod, "");
    let (child, address, out) = begin(&shop, &[]);
    send("GET", &press(&address, "deny"), "");
    let ran = end(child, out);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("access_denied"), "{}", ran.err);
    let ran = shop.run(&["auth", "login", "qoyod", "--timeout", "1"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("no answer came within 1 s; nothing was changed"), "{}", ran.err);
    let (child, _, out) = begin(&shop, &[]);
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-2", &pid]).status();
    assert!(sent.expect("kill runs").success());
    let ran = end(child, out);
    assert_eq!(
        (ran.code, ran.err.contains("interrupted; nothing was changed")),
        (1, true),
        "{}",
        ran.err
    );
    assert!(!shop.path().join("qoyod-token.json").exists());
}

#[test]
fn only_sides_that_need_a_person_can_be_logged_in_to() {
    let qoyod = Qoyod::free();
    let shop = person(&qoyod, "");
    for (side, said) in [("shop", "a folder of files"), ("qoyd", "there are qoyod, shop")] {
        let ran = shop.run(&["auth", "login", side]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    assert_eq!(shop.run(&["auth", "status", "qoyd"]).code, 2);
    let text = std::fs::read_to_string(shop.path().join("mizan.toml")).expect("read");
    let text = text.replace("authorization_code", "client_credentials");
    std::fs::write(shop.path().join("mizan.toml"), text).expect("written");
    let ran = shop.run(&["auth", "login", "qoyod"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("logs in by itself"), "{}", ran.err);
    assert_eq!(shop.run(&["auth", "status"]).code, 0);
    settle(&shop);
}
