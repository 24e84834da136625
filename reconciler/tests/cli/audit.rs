//! `mizan audit`: checkpoints at the end of a sync, proofs, anchors, and what a change of the log is called.

use super::support::{Ran, Shop, TWO_FOLDERS};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::TcpListener;

fn shop(audit: &str) -> Shop {
    let shop = Shop::new(&format!("{audit}\n{TWO_FOLDERS}"));
    put(&shop, 1, "قهوة");
    shop
}

fn put(shop: &Shop, number: u32, name: &str) {
    let record = json!({ "sku": format!("A-{number}"), "name": name, "price": "1.50" });
    shop.put(&format!("till/products/A-{number}.json"), &record);
}

fn events(shop: &Shop, kind: &str) -> Vec<Json> {
    let ran = shop.run(&["log", "--kind", kind, "--json"]);
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn verify(shop: &Shop) -> Ran {
    shop.run(&["audit", "verify", "--json"])
}

#[test]
fn a_sync_that_did_something_ends_with_a_checkpoint_and_one_that_did_nothing_does_not() {
    let shop = shop("");
    let made = shop.sync().json()["audit"]["checkpoint"].clone();
    assert_eq!(made["at"].as_u64(), made["size"].as_u64().map(|size| size + 1), "{made}");
    let before = shop.log_bytes();
    for _ in 0..3 {
        assert!(shop.sync().json()["audit"]["checkpoint"].is_null());
        assert_eq!(shop.run(&["audit", "checkpoint"]).code, 0);
    }
    assert_eq!(shop.log_bytes(), before, "checkpoints that cover only checkpoints");
    put(&shop, 2, "شاي");
    shop.sync();
    assert_eq!(events(&shop, "checkpointed").len(), 2);
    let found = verify(&shop);
    assert_eq!((found.code, found.json()["verdict"].as_str()), (0, Some("ok")), "{}", found.out);
    assert_eq!(found.json()["checkpoints"], 2);
    let said = shop.run(&["audit", "verify"]).out;
    assert!(said.contains("proven by no anchor"), "{said}");
}

#[test]
fn checkpoints_can_be_switched_off() {
    let shop = shop("[audit]\ncheckpoints = false\n");
    assert!(shop.sync().json()["audit"]["checkpoint"].is_null());
    assert!(events(&shop, "checkpointed").is_empty());
    assert!(!shop.path().join("mizan-log/audit.key").exists());
}

#[test]
fn a_dry_run_signs_nothing() {
    let shop = shop("");
    shop.run(&["sync", "--dry-run"]);
    assert!(!shop.path().join("mizan-log/audit.key").exists());
}

#[test]
fn a_record_is_proven_to_somebody_who_has_only_the_bundle_and_the_key() {
    let shop = shop("[[audit.anchor]]\nfile = \"notes\"\n");
    shop.sync();
    let ran = shop.run(&["audit", "prove", "product:A-1", "--out", "proof.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let read = |file: &str| std::fs::read_to_string(shop.path().join(file)).expect("a file");
    let bundle: Json = serde_json::from_str(&read("proof.json")).expect("JSON");
    let kinds: Vec<&str> = bundle["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["event"]["fact"]["kind"].as_str())
        .collect();
    for kind in ["opened", "observed", "linked", "decided", "intent", "done"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let key = read("mizan-log/audit.key.pub");
    let report = mizan_verify::check(&read("proof.json"), Some(&key), Some(&read("notes")));
    let report = report.expect("signed");
    assert!(report.is_ok() && report.items.len() > kinds.len(), "{report:?}");
    assert_eq!(shop.run(&["audit", "prove", "product:nothing"]).code, 2);
    // An edit after the checkpoint is said to be missing, not passed over.
    shop.run(&["conflicts", "list"]);
    let newest = events(&shop, "checkpointed")[0]["seq"].as_u64().expect("a position");
    assert_eq!(shop.run(&["audit", "prove", &newest.to_string()]).code, 3);
}

#[test]
fn a_change_of_a_stored_event_is_named() {
    let shop = shop("");
    shop.sync();
    let path = shop.path().join("mizan-log/segments/00000001.seg");
    let mut bytes = std::fs::read(&path).expect("the segment");
    let at = bytes.windows(4).position(|four| four == b"book").expect("a side's name");
    bytes[at] = b'c';
    std::fs::write(&path, bytes).expect("the segment");
    let ran = verify(&shop);
    assert_eq!((ran.code, ran.json()["verdict"].as_str()), (1, Some("tampered")), "{}", ran.out);
    assert!(ran.json()["from"].as_u64().is_some());
}

#[test]
fn a_log_put_back_from_a_backup_is_truncated_for_the_anchor() {
    let shop = shop("[[audit.anchor]]\nfile = \"notes\"\n");
    shop.sync();
    let backup = shop.path().join("backup");
    copy(&shop.path().join("mizan-log"), &backup);
    put(&shop, 2, "شاي");
    shop.sync();
    assert_eq!(verify(&shop).code, 0);
    std::fs::remove_dir_all(shop.path().join("mizan-log")).expect("the log");
    copy(&backup, &shop.path().join("mizan-log"));
    let ran = verify(&shop);
    assert_eq!((ran.code, ran.json()["verdict"].as_str()), (1, Some("truncated")), "{}", ran.out);
    let ran = shop.run(&["audit", "verify", "--anchor", "nowhere"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn a_failed_anchor_is_reported_and_made_up_for_and_stops_nothing() {
    let audit = "[[audit.anchor]]\ncommand = [\"sh\", \"-c\", \"test -e ready && cat >> taken\"]\n\
                 [[audit.anchor]]\nfile = \"notes\"\n";
    let shop = shop(audit);
    let ran = shop.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("anchor failed: command sh"), "{}", ran.err);
    std::fs::write(shop.path().join("ready"), "").expect("a file");
    let ran = shop.sync();
    assert_eq!(ran.json()["audit"]["anchors"].as_array().map(Vec::len), Some(1), "{}", ran.out);
    let read = |file: &str| std::fs::read_to_string(shop.path().join(file)).expect("notes");
    assert_eq!(read("taken"), read("notes"));
    assert_eq!(shop.sync().json()["audit"]["anchors"], json!([]), "both have it");
    assert_eq!(shop.run(&["audit", "anchor"]).code, 0);
    assert_eq!(mizan::audit::notes_in(&read("notes")).len(), 1, "the same note is not added twice");
}

#[test]
fn a_checkpoint_is_posted_as_plain_text() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/notes", server.local_addr().expect("an address"));
    let shop = shop(&format!("[[audit.anchor]]\npost = \"{url}\"\n"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("a request");
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("\n\n— mizan-log") {
            let count = stream.read(&mut chunk).expect("bytes");
            request.extend_from_slice(&chunk[..count]);
        }
        let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).expect("an answer");
        String::from_utf8_lossy(&request).into_owned()
    });
    let ran = shop.sync();
    let request = thread.join().expect("the server");
    assert!(request.starts_with("POST /notes") && request.contains("text/plain"), "{request}");
    assert!(ran.json()["audit"]["anchors"][0]["failed"].is_null(), "{}", ran.out);
}

#[test]
fn wrong_settings_are_named() {
    for (audit, what) in [
        ("[audit]\nkeyy = \"x\"\n", "did you mean `key`"),
        ("[[audit.anchor]]\nfile = \"a\"\npost = \"https://x\"\n", "an anchor is one of"),
        ("[[audit.anchor]]\npost = \"ftp://x\"\n", "https://"),
        ("[audit]\ncheckpoint_every = 0\n", "between 1 and"),
        ("[audit.anchor]\nfile = \"a\"\n", "two brackets"),
    ] {
        let ran = shop(audit).run(&["audit", "verify"]);
        assert!(ran.code == 2 && ran.err.contains(what), "{audit}: {}", ran.err);
    }
    let shop = shop("");
    shop.sync();
    assert_eq!(shop.run(&["audit", "anchor"]).code, 2, "none is configured");
}

/// Segments are 64 MiB; a test does not fill one, so this looks at the words and the exit codes.
#[test]
fn archiving_a_log_of_one_segment_moves_nothing_and_says_why() {
    let shop = shop("");
    assert_eq!(shop.run(&["audit", "archive", "--before", "9", "--to", "cold"]).code, 1, "no log");
    shop.sync();
    let before = shop.log_bytes();
    let ran = shop.run(&["audit", "archive", "--before", "9", "--to", "cold"]);
    assert!(ran.code == 0 && ran.out.contains("nothing to move"), "{}{}", ran.out, ran.err);
    assert_eq!(shop.log_bytes(), before);
    let ran = shop.run(&["audit", "archive", "--before", "9", "--to", "cold", "--json"]);
    assert_eq!(ran.json()["moved"], json!([]));
    assert_eq!(shop.run(&["doctor", "--json"]).json()["archived_segments"], 0);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file");
        }
    }
}
