//! Golden logs: logs as a release wrote them, kept for ever (L9).
//!
//! `tests/golden/logs/RELEASE/NAME.jsonl` is text, one JSON object a line. The first says what the log is and what it
//! must come to; each further one is a body (`{"body": HASH, "bytes": BASE64}`) or an event (`{"event": BASE64}`), in the
//! order of the log. A file is written once, by the release whose name its folder has, and never again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizan_core::fold::{STATE_CODE, State, fold};
use mizan_core::{ContentHash, Event, HashWriter, Seq};
use mizan_store::{Batch, EventLog, MemoryLog};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// A log and what it must come to.
pub struct Golden {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub about: String,
    /// The log.
    pub log: MemoryLog,
    /// The code whose state has this hash; another code's may be laid out otherwise.
    pub state_code: String,
    /// The hash of the state.
    pub state: ContentHash,
    /// What holds whatever the layout: see [`rest`].
    pub rest: ContentHash,
    /// How many decisions and intents it has; all of them must come out again.
    pub decisions: u64,
    /// Intents.
    pub intents: u64,
}

/// The folder of all releases.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/logs")
}

/// The events of a log.
#[must_use]
pub fn events(log: &MemoryLog) -> Vec<Event> {
    let events = (1..).zip(log.events());
    events.map(|(seq, bytes)| Event::from_bytes(Seq(seq), bytes).expect("it is read")).collect()
}

/// What the events come to.
#[must_use]
pub fn folded(events: &[Event]) -> State {
    let mut state = State::default();
    for event in events {
        fold(&mut state, event).expect("it follows");
    }
    state
}

/// A hash of what the state says of every record and row, whatever the layout of its bytes.
#[must_use]
pub fn rest(state: &State) -> ContentHash {
    let mut hash = HashWriter::new("mizan.golden.v1");
    hash.int(state.head.0);
    hash.int(u64::from(state.epoch));
    for (id, record) in state.each_record() {
        hash.int(u64::from(id.0));
        hash.text(&record.entity);
        hash.int(u64::from(record.life));
        hash.text(if record.dead { "dead" } else { "alive" });
        hash.raw(&record.merged.0);
        for (side, slot) in &record.slots {
            hash.text(side.as_str());
            hash.text(slot.ext.as_ref().map_or("", |ext| ext.as_str()));
            hash.text(&format!("{:?}", slot.presence));
            hash.raw(&slot.seen.0);
            hash.raw(&slot.base.0);
            hash.int(slot.changed.0);
            hash.int(slot.behind.0);
        }
    }
    for (entity, side, ext) in state.rows.keys() {
        hash.text(entity);
        hash.text(side.as_str());
        hash.text(ext.as_str());
    }
    for list in [&state.undecided, &state.owed, &state.conflicts, &state.refused] {
        hash.int(list.len() as u64);
        list.iter().for_each(|id| hash.int(u64::from(id.0)));
    }
    hash.finish()
}

impl Golden {
    /// A log with what it comes to now.
    #[must_use]
    pub fn made(name: &str, about: &str, log: MemoryLog) -> Self {
        let events = events(&log);
        let state = folded(&events);
        let count = |kind: &str| events.iter().filter(|one| one.fact.kind() == kind).count() as u64;
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            state_code: STATE_CODE.to_owned(),
            state: state.hash(),
            rest: rest(&state),
            decisions: count("decided"),
            intents: count("intent"),
            log,
        }
    }

    /// As a file.
    #[must_use]
    pub fn text(&self) -> String {
        let head = json!({
            "golden": self.name,
            "about": self.about,
            "state_code": self.state_code,
            "state": self.state.to_string(),
            "rest": self.rest.to_string(),
            "decisions": self.decisions,
            "intents": self.intents,
        });
        let mut text = format!("{head}\n");
        for (hash, bytes) in self.log.bodies() {
            let line = json!({ "body": hash.to_string(), "bytes": STANDARD.encode(bytes) });
            text.push_str(&format!("{line}\n"));
        }
        for event in self.log.events() {
            text.push_str(&format!("{}\n", json!({ "event": STANDARD.encode(event) })));
        }
        text
    }

    /// From a file.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut lines = text.lines().map(|line| -> Json {
            serde_json::from_str(line).expect("a golden log has a JSON object in each line")
        });
        let head = lines.next().expect("a golden log has a first line");
        let bytes = |json: &Json| {
            STANDARD.decode(json.as_str().expect("bytes are a text")).expect("in base64")
        };
        let mut batch = Batch::default();
        for line in lines {
            match line.get("body") {
                Some(hash) => batch.bodies.push((parse(hash), bytes(&line["bytes"]))),
                None => batch.events.push(bytes(&line["event"])),
            }
        }
        let mut log = MemoryLog::default();
        log.append(Seq(0), &batch).expect("it fits a batch");
        let word = |name: &str| head[name].as_str().expect("a text").to_owned();
        Self {
            name: word("golden"),
            about: word("about"),
            state_code: word("state_code"),
            state: parse(&head["state"]),
            rest: parse(&head["rest"]),
            decisions: head["decisions"].as_u64().expect("a count"),
            intents: head["intents"].as_u64().expect("a count"),
            log,
        }
    }
}

fn parse(hash: &Json) -> ContentHash {
    hash.as_str().expect("a hash is a text").parse().expect("in hexadecimal")
}

/// All golden logs, by release.
#[must_use]
pub fn all() -> Vec<(String, Golden)> {
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths
    };
    let mut all = Vec::new();
    for release in list(&folder()) {
        let name = release.file_name().expect("a name").to_string_lossy().into_owned();
        for file in list(&release) {
            let text = std::fs::read_to_string(file).expect("a golden log is text");
            all.push((name.clone(), Golden::read(&text)));
        }
    }
    all
}
