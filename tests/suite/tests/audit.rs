//! The provable log as a whole: every change of every small log is found, other people's tools read our notes and
//! proofs, and the standalone verifier agrees (L52).
#![allow(clippy::unwrap_used)]

use mizan::audit::prove::{Subject, prove};
use mizan::audit::verify::{Evidence, Verdict, verify};
use mizan::audit::{Checkpoint, Keeper, Note, SigningKey, VerifyingKey, origin_of};
use mizan::config::Config;
use mizan::engine::Journal;
use mizan_core::{ContentHash, Event, Fact, Seq, Timestamp};
use mizan_store::merkle::{Frontier, TreeHash, leaf_hash, verify_inclusion};
use mizan_store::{Batch, EventLog, MemoryLog, Snapshot, StoreError};
use serde_json::Value as Json;
use std::path::Path;

/// Events between two checkpoints of the logs that these tests make.
const EVERY: u64 = 7;

/// A log whose kept hashes are not those of its events: what a change behind the log's back looks like.
struct Doctored {
    log: MemoryLog,
    kept: Vec<TreeHash>,
}

impl EventLog for Doctored {
    fn head(&self) -> Seq {
        self.log.head()
    }
    fn append(&mut self, expected: Seq, batch: &Batch) -> Result<Seq, StoreError> {
        self.log.append(expected, batch)
    }
    fn scan(
        &self,
        after: Seq,
        visit: &mut dyn FnMut(Seq, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.log.scan(after, visit)
    }
    fn read(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.read(at)
    }
    fn body(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.body(hash)
    }
    fn has_body(&self, hash: &ContentHash) -> bool {
        self.log.has_body(hash)
    }
    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.log.save_snapshot(snapshot)
    }
    fn load_snapshot(&self, code_id: &str) -> Result<Option<Snapshot>, StoreError> {
        self.log.load_snapshot(code_id)
    }
    fn leaves(&self, after: Seq, to: Seq) -> Result<Vec<TreeHash>, StoreError> {
        let mut leaves = self.log.leaves(Seq(0), to)?;
        for (leaf, kept) in leaves.iter_mut().zip(&self.kept) {
            *leaf = *kept;
        }
        Ok(leaves.split_off(after.0 as usize))
    }
}

fn log_of(events: &[Vec<u8>]) -> MemoryLog {
    let mut log = MemoryLog::default();
    log.append(Seq(0), &Batch::of_events(events.iter().cloned())).unwrap();
    log
}

fn bytes(seq: u64, fact: Fact) -> Vec<u8> {
    Event { seq: Seq(seq), at: Timestamp(seq as i64), fact }.to_bytes()
}

fn approved(seq: u64, by: &str) -> Vec<u8> {
    let plan = ContentHash::of("mizan.plan.v1", &seq.to_be_bytes());
    bytes(seq, Fact::Approved { plan, by: by.to_owned() })
}

/// A signed history of `size` events, with the key and a note over all of it that somebody else holds.
struct Signed {
    events: Vec<Vec<u8>>,
    key: VerifyingKey,
    anchored: String,
}

fn signed(folder: &Path, size: u64) -> Signed {
    let log_id = ContentHash([9; 32]);
    let origin = origin_of(&log_id);
    let path = folder.join("key");
    let key = SigningKey::load(&path, &origin).or_else(|_| SigningKey::create(&path, &origin));
    let key = key.unwrap();
    let mut events = vec![bytes(1, Fact::Opened { log_id, epoch: 1 })];
    let mut tree = Frontier::default();
    tree.push(leaf_hash(&events[0]));
    let note = |tree: &Frontier| {
        let origin = origin.clone();
        key.sign(&Checkpoint { origin, size: tree.size(), root: tree.root() }).to_string()
    };
    for seq in 2..=size {
        let event = if seq.is_multiple_of(EVERY) {
            let (size, root) = (seq - 1, ContentHash(tree.root().0));
            bytes(seq, Fact::Checkpointed { size, root, note: note(&tree) })
        } else {
            approved(seq, "a person")
        };
        tree.push(leaf_hash(&event));
        events.push(event);
    }
    let anchored = note(&tree);
    Signed { events, key: key.verifying(), anchored }
}

/// Every way in which the event at a position, from 1, can be changed, and the first position that is another then.
fn changes(events: &[Vec<u8>], at: u64) -> Vec<(&'static str, u64, Vec<Vec<u8>>)> {
    let index = at as usize - 1;
    let mut all = Vec::new();
    for byte in [0, events[index].len() / 2, events[index].len() - 1] {
        let mut flipped = events.to_vec();
        flipped[index][byte] ^= 1;
        all.push(("flipped", at, flipped));
    }
    let mut replaced = events.to_vec();
    replaced[index] = approved(at, "somebody else");
    all.push(("replaced", at, replaced));
    let mut dropped = events.to_vec();
    dropped.remove(index);
    all.push(("dropped", at, dropped));
    let mut inserted = events.to_vec();
    inserted.insert(index, approved(at, "never"));
    all.push(("inserted", at, inserted));
    if at > 1 {
        let mut swapped = events.to_vec();
        swapped.swap(index, index - 1);
        all.push(("swapped", at - 1, swapped));
    }
    all.push(("truncated", at, events[..index].to_vec()));
    all
}

fn evidence(signed: &Signed) -> Evidence {
    let anchored = vec![("the anchor".to_owned(), signed.anchored.clone())];
    Evidence { keys: vec![signed.key.clone()], anchored, watch: None }
}

/// What must be said of a change at `at`, where the kept hashes are the old ones (`kept`) or were made anew.
fn assert_found(verdict: Verdict, kept: bool, at: u64, left: u64, what: &str) {
    match verdict {
        Verdict::Ok => panic!("{what}: not found"),
        Verdict::Tampered { from, to } => {
            assert!(from.0 <= at && at <= to.0, "{what}: said to be at {from} to {to}");
            assert!(
                !kept || from == to,
                "{what}: the kept hashes say where, not only {from} to {to}"
            );
        }
        Verdict::Fork { .. } | Verdict::Truncated { .. } => {
            assert!(!kept || at > left, "{what}: {verdict:?}, although the kept hashes say where");
        }
    }
}

#[test]
fn an_untouched_log_of_any_size_is_ok() {
    let folder = tempfile::tempdir().unwrap();
    for size in 1..=40 {
        let signed = signed(folder.path(), size);
        let found = verify(&log_of(&signed.events), &evidence(&signed)).unwrap();
        assert_eq!(found.verdict, Verdict::Ok, "{found:?}");
        assert_eq!((found.events, found.anchored), (size, size));
        assert_eq!(found.covered, (size / EVERY * EVERY).saturating_sub(1));
        assert!(found.findings.is_empty() && found.warnings.is_empty());
    }
}

#[test]
fn every_change_at_every_position_of_every_small_log_is_found_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for size in 1..=40 {
        let signed = signed(folder.path(), size);
        let kept: Vec<TreeHash> = signed.events.iter().map(|event| leaf_hash(event)).collect();
        for at in 1..=size {
            for (what, first, events) in changes(&signed.events, at) {
                tried += 1;
                let what = format!("{what} at {at} of {size}");
                let left = events.len() as u64;
                let log = log_of(&events);
                let found = verify(&log, &evidence(&signed)).unwrap();
                assert_found(found.verdict, false, first, left, &what);
                let log = Doctored { log, kept: kept.clone() };
                let found = verify(&log, &evidence(&signed)).unwrap();
                assert_found(found.verdict, true, first, left, &what);
            }
        }
    }
    assert!(tried > 6_000, "{tried}");
}

#[test]
fn changes_at_random_positions_of_a_large_log_are_found_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let signed = signed(folder.path(), 100_000);
    let kept: Vec<TreeHash> = signed.events.iter().map(|event| leaf_hash(event)).collect();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..12_u64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = random % 99_990 + 2;
        let (index, mut events) = (at as usize - 1, signed.events.clone());
        match round % 4 {
            0 => events[index] = approved(at, "somebody else"),
            1 => drop(events.remove(index)),
            2 => events.insert(index, approved(at, "never")),
            _ => events.swap(index, index + 1),
        }
        // Signatures of 14,000 checkpoints cost a second a round, and are not what this is about.
        let evidence = Evidence { keys: Vec::new(), ..evidence(&signed) };
        let log = Doctored { log: log_of(&events), kept: kept.clone() };
        let found = verify(&log, &evidence).unwrap();
        assert_eq!(
            found.verdict,
            Verdict::Tampered { from: Seq(at), to: Seq(at) },
            "round {round}"
        );
        let found = verify(&log.log, &evidence).unwrap();
        assert_found(found.verdict, false, at, events.len() as u64, &format!("round {round}"));
    }
}

#[test]
fn a_log_written_anew_with_the_key_is_found_by_an_anchor_and_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let told = signed(folder.path(), 30);
    let mut other = signed(folder.path(), 3);
    // The keeper makes another history of 30 events, hashes it, and signs it with the right key.
    let key = SigningKey::load(&folder.path().join("key"), told.key.name()).unwrap();
    let mut tree = Frontier::default();
    tree.extend(other.events.iter().map(|event| leaf_hash(event)));
    for seq in 4..=30 {
        let event = approved(seq, "a story");
        tree.push(leaf_hash(&event));
        other.events.push(event);
    }
    let origin = told.key.name().to_owned();
    let checkpoint = Checkpoint { origin, size: 30, root: tree.root() };
    let note = key.sign(&checkpoint).to_string();
    let root = ContentHash(tree.root().0);
    other.events.push(bytes(31, Fact::Checkpointed { size: 30, root, note }));
    let log = log_of(&other.events);
    let alone = Evidence { keys: vec![told.key.clone()], ..Evidence::default() };
    assert_eq!(verify(&log, &alone).unwrap().verdict, Verdict::Ok, "as the manual says");
    assert_eq!(verify(&log, &evidence(&told)).unwrap().verdict, Verdict::Fork { size: 30 });
    let short = log_of(&other.events[..20]);
    let verdict = verify(&short, &evidence(&told)).unwrap().verdict;
    assert_eq!(verdict, Verdict::Truncated { size: 30, events: 20 });
}

#[test]
fn a_checkpoint_of_another_key_or_another_log_does_not_count() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (signed(ours.path(), 20), signed(theirs.path(), 20));
    let mixed = Evidence { keys: vec![theirs.key.clone()], ..Evidence::default() };
    let found = verify(&log_of(&ours.events), &mixed).unwrap();
    assert_eq!(found.verdict, Verdict::Tampered { from: Seq(7), to: Seq(7) });
    let both = Evidence { keys: vec![theirs.key.clone(), ours.key.clone()], ..Evidence::default() };
    assert_eq!(verify(&log_of(&ours.events), &both).unwrap().verdict, Verdict::Ok);
    let folder = tempfile::tempdir().unwrap();
    let origin = origin_of(&ContentHash([1; 32]));
    let other = SigningKey::create(&folder.path().join("key"), &origin).unwrap();
    let root = TreeHash([0; 32]);
    let note = other.sign(&Checkpoint { origin, size: 5, root }).to_string();
    let evidence = Evidence {
        keys: vec![ours.key.clone(), other.verifying()],
        anchored: vec![("the anchor".to_owned(), note)],
        watch: None,
    };
    let found = verify(&log_of(&ours.events), &evidence).unwrap();
    assert!(matches!(found.verdict, Verdict::Fork { .. }), "{found:?}");
    assert!(found.findings[0].what.contains("another log"), "{found:?}");
}

#[test]
fn a_damaged_kept_hash_of_a_signed_event_is_a_note_and_no_accusation() {
    let folder = tempfile::tempdir().unwrap();
    let signed = signed(folder.path(), 20);
    let mut kept: Vec<TreeHash> = signed.events.iter().map(|event| leaf_hash(event)).collect();
    kept[4].0[0] ^= 1;
    let log = Doctored { log: log_of(&signed.events), kept };
    let found = verify(&log, &evidence(&signed)).unwrap();
    assert_eq!((found.verdict, found.warnings.len()), (Verdict::Ok, 1), "{found:?}");
}

#[test]
fn other_tools_read_our_keys_notes_and_proofs_and_we_read_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let signed = signed(folder.path(), 40);
    let verifier = signed_note::StandardVerifier::new(&signed.key.to_string()).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let note = signed_note::Note::from_bytes(signed.anchored.as_bytes()).unwrap();
    assert_eq!(note.verify(&known).unwrap().0.len(), 1);
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let log = log_of(&signed.events);
    let root = log.root(Seq(40)).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (signed.key.name(), 40));
    assert_eq!(checkpoint.hash().0, root.0);
    let theirs = |path: Vec<TreeHash>| path.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect();
    for at in 1..=40 {
        let path = theirs(log.inclusion(Seq(at), Seq(40)).unwrap());
        let hash = tlog_tiles::record_hash(&signed.events[at as usize - 1]);
        tlog_tiles::check_record(&path, 40, *checkpoint.hash(), at - 1, hash).unwrap();
        let old = tlog_tiles::Hash(log.root(Seq(at)).unwrap().0);
        let path = theirs(log.consistency(Seq(at), Seq(40)).unwrap());
        tlog_tiles::check_tree(&path, 40, *checkpoint.hash(), at, old).unwrap();
    }
    let secret = std::fs::read_to_string(folder.path().join("key")).unwrap();
    let signer = signed_note::StandardSigner::new(secret.trim()).unwrap();
    let mut note = signed_note::Note::new(b"mizan\n3\nroot\n", &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let read: Note = String::from_utf8(note.to_bytes()).unwrap().parse().unwrap();
    assert!(read.is_signed_by(&signed.key));
    assert_eq!(read.text(), "mizan\n3\nroot\n");
}

/// A durable log with a few events and one checkpoint, and its keeper.
fn kept(folder: &Path) -> (Journal, Keeper) {
    let text = "[sides.a]\nadapter = \"files\"\nroot = \"a\"\n[sides.b]\nadapter = \"files\"\nroot = \"b\"\n\
                [entities.x]\ndirection = \"both\"\n[entities.x.sides]\na = {}\nb = {}\n[entities.x.fields]\n\
                n = { a = \"n\", b = \"n\" }\n";
    let config = Config::parse(text, folder).unwrap();
    let (log, _) = mizan::connect::open_log(&config.log).unwrap();
    (Journal::open(log).unwrap(), Keeper::of(&config))
}

fn approve(journal: &mut Journal, by: &str) {
    let plan = ContentHash::of("mizan.plan.v1", by.as_bytes());
    let fact = Fact::Approved { plan, by: by.to_owned() };
    journal.append_facts(Timestamp(1), vec![fact]).unwrap();
}

fn begun(folder: &Path, count: u64) -> (Journal, Keeper) {
    let (mut journal, keeper) = kept(folder);
    let fact = Fact::Opened { log_id: ContentHash([3; 32]), epoch: 1 };
    journal.append_facts(Timestamp(1), vec![fact]).unwrap();
    (2..=count).for_each(|seq| approve(&mut journal, &format!("person {seq}")));
    keeper.checkpoint(&mut journal, false).unwrap().unwrap();
    (journal, keeper)
}

#[test]
fn the_standalone_verifier_agrees_on_every_event_and_on_every_change_of_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, keeper) = begun(folder.path(), 21);
    let key = keeper.public_key().unwrap().unwrap().to_string();
    let note = keeper.last(&journal).unwrap().unwrap().note;
    for at in 1..=21 {
        let bundle = prove(&journal, &keeper, Subject::Event(Seq(at))).unwrap();
        let json = serde_json::to_value(&bundle).unwrap();
        let check = |json: &Json| mizan_verify::check(&json.to_string(), Some(&key), Some(&note));
        let report = check(&json).unwrap();
        assert!(report.is_ok() && report.items.len() == 1, "{report:?}");
        let accepted = |json: &Json| check(json).is_ok_and(|report| report.is_ok());
        for other in (0..23).filter(|other| *other != at) {
            let mut moved = json.clone();
            moved["events"][0]["position"] = other.into();
            assert!(!accepted(&moved), "event {at} as {other}");
        }
        let texts = [
            json["events"][0]["bytes"].clone(),
            json["checkpoint"].clone(),
            json["events"][0]["proof"][0].clone(),
        ];
        for (place, text) in texts.iter().enumerate() {
            let text = text.as_str().unwrap();
            for index in (0..text.len()).filter(|index| text.is_char_boundary(*index)) {
                let mut letters: Vec<char> = text.chars().collect();
                let Some(letter) = letters.get_mut(index) else { break };
                *letter = if *letter == 'B' { 'C' } else { 'B' };
                let changed: String = letters.into_iter().collect();
                let mut other = json.clone();
                let target = match place {
                    0 => &mut other["events"][0]["bytes"],
                    1 => &mut other["checkpoint"],
                    _ => &mut other["events"][0]["proof"][0],
                };
                *target = changed.into();
                assert!(!accepted(&other), "event {at}, place {place}, letter {index}");
            }
        }
    }
    let at = Subject::Event(Seq(22));
    assert_eq!(prove(&journal, &keeper, at).unwrap().uncovered, [Seq(22)], "the checkpoint itself");
}

/// A crash between any two writes of making a key, a checkpoint and what is remembered of it.
#[test]
fn a_checkpoint_that_was_cut_off_anywhere_is_made_up_for() {
    let image = tempfile::tempdir().unwrap();
    drop(begun(image.path(), 9));
    let log = image.path().join("mizan-log");
    type Cut<'c> = (&'c str, &'c dyn Fn(&Path));
    let cuts: [Cut<'_>; 7] = [
        ("nothing", &|_| {}),
        ("the public half", &|log| std::fs::remove_file(log.join("audit.key.pub")).unwrap()),
        ("the hint", &|log| std::fs::remove_file(log.join("audited")).unwrap()),
        ("half the hint", &|log| std::fs::write(log.join("audited"), "").unwrap()),
        ("a hint to another event", &|log| std::fs::write(log.join("audited"), "3\n").unwrap()),
        ("a hint beyond the end", &|log| std::fs::write(log.join("audited"), "99\n").unwrap()),
        ("a half-made key", &|log| std::fs::write(log.join("audit.key.new"), "PRIV").unwrap()),
    ];
    for (what, cut) in cuts {
        let work = tempfile::tempdir().unwrap();
        copy(&log, &work.path().join("mizan-log"));
        cut(&work.path().join("mizan-log"));
        let (mut journal, keeper) = kept(work.path());
        assert!(
            keeper.checkpoint(&mut journal, false).unwrap().is_none(),
            "{what}: nothing is new"
        );
        assert_eq!(journal.head(), Seq(10), "{what}");
        approve(&mut journal, "one more");
        let made = keeper.checkpoint(&mut journal, false).unwrap().unwrap();
        assert_eq!((made.at, made.size), (Seq(12), 11), "{what}");
        let keys = vec![keeper.public_key().unwrap().unwrap()];
        let evidence = Evidence { keys, ..Evidence::default() };
        let found = journal.with_log(|log| verify(log, &evidence)).unwrap();
        assert_eq!((found.verdict, found.checkpoints), (Verdict::Ok, 2), "{what}: {found:?}");
    }
}

#[test]
fn a_lost_key_is_asked_for_and_replaced_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, keeper) = begun(folder.path(), 5);
    let secret = std::fs::read_to_string(keeper.key_path()).unwrap();
    let key = SigningKey::load(&keeper.key_path(), &origin_of(&ContentHash([3; 32]))).unwrap();
    assert!(!format!("{key:?}").contains(secret.trim().rsplit('+').next().unwrap()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(keeper.key_path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::remove_file(keeper.key_path()).unwrap();
    approve(&mut journal, "one more");
    let error = keeper.checkpoint(&mut journal, false).unwrap_err().to_string();
    assert!(error.contains("--new-key"), "{error}");
    assert!(keeper.checkpoint(&mut journal, true).unwrap().is_some());
    std::fs::write(keeper.key_path(), "PRIVATE+KEY+x+00000000+AAAA\n").unwrap();
    approve(&mut journal, "and another");
    let error = keeper.checkpoint(&mut journal, false).unwrap_err().to_string();
    assert!(error.contains("damaged") && !error.contains("AAAA"), "{error}");
}

#[test]
fn a_running_program_makes_checkpoints_by_count_and_by_time_and_none_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, keeper) = begun(folder.path(), 5);
    let last = keeper.last(&journal).unwrap().unwrap();
    let later = |ms: i64| Timestamp(last.time.0 + ms);
    let hour = 3_600_000;
    assert!(!keeper.is_due(&journal, later(10 * hour)).unwrap(), "nothing is new");
    approve(&mut journal, "one more");
    assert!(!keeper.is_due(&journal, later(hour - 1)).unwrap());
    assert!(keeper.is_due(&journal, later(hour)).unwrap());
    let facts = |from: u64| {
        (from..from + 9_999)
            .map(|n| Fact::Approved {
                plan: ContentHash::of("mizan.plan.v1", &n.to_be_bytes()),
                by: "many".to_owned(),
            })
            .collect()
    };
    journal.append_facts(Timestamp(1), facts(0)).unwrap();
    assert!(keeper.is_due(&journal, later(1)).unwrap(), "10,000 events");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_store_proves_what_the_verifier_of_the_store_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, keeper) = begun(folder.path(), 12);
    let last = keeper.last(&journal).unwrap().unwrap();
    let root = TreeHash(last.root.0);
    journal.with_log(|log| {
        for at in 1..=last.size {
            let leaf = log.leaves(Seq(at - 1), Seq(at)).unwrap()[0];
            let path = log.inclusion(Seq(at), Seq(last.size)).unwrap();
            assert!(verify_inclusion(&leaf, at - 1, last.size, &path, &root));
        }
    });
}
