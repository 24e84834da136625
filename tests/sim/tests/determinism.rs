//! A thousand seeds in two processes: their logs are equal, byte for byte (L1).

use std::process::Command;

/// The digests of processes in an environment of their own.
fn digests(environment: &[(&str, &str)], threads: &str, seed: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for profile in ["full", "mixed", "stale", "erp"] {
        let ran = Command::new(env!("CARGO_BIN_EXE_mizan-sim"))
            .env_clear()
            .envs(environment.iter().copied())
            .args(["--digest", "--histories", "250", "--profile", profile])
            .args(["--threads", threads, "--seed", seed])
            .output()
            .expect("the built binary runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let out = String::from_utf8(ran.stdout).expect("it prints text");
        lines.extend(out.lines().map(str::to_owned));
    }
    lines
}

#[test]
fn a_thousand_seeds_leave_the_same_logs_in_two_processes() {
    let here = [("TZ", "UTC"), ("LC_ALL", "C"), ("HASH_SEED", "1")];
    let there = [
        ("TZ", "Asia/Riyadh"),
        ("LC_ALL", "ar_SA.UTF-8"),
        ("LANG", "tr_TR.UTF-8"),
        ("HASH_SEED", "2"),
        ("RUST_MIN_STACK", "8388608"),
        ("HOME", "/nowhere"),
    ];
    let one = digests(&here, "2", "1");
    let other = digests(&there, "1", "1");
    assert_eq!(one.len(), 12, "{one:?}");
    assert_eq!(one, other);
    let mut hashes: Vec<&str> = one.iter().filter_map(|line| line.split(": ").nth(1)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 12, "different seeds leave different logs: {one:?}");
}
