//! Proof bundles: everything an auditor needs about one record or event, checkable without Mizan.

use super::AuditError;
use super::keeper::{Keeper, Last};
use super::note::{Note, VerifyingKey};
use crate::engine::Journal;
use crate::explain::each_event_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mizan_core::{ContentHash, Event, Fact, RecordId, Seq};
use mizan_store::merkle::{TreeHash, leaf_hash, verify_inclusion};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The form of a bundle, for whoever reads it.
pub const FORMAT: &str = "mizan-proof-1";

/// What a bundle is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One record: all its events, and those that say how to read them.
    Record(RecordId),
    /// One event.
    Event(Seq),
}

/// Events with their proofs, the contents that they name, and the signed checkpoint that they are proven against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// `mizan-proof-1`.
    pub format: String,
    /// The record or position that was asked for.
    pub subject: String,
    /// The public key of the log, for convenience: an auditor compares it with the one he was given before.
    pub key: String,
    /// The signed note with size and root.
    pub checkpoint: String,
    /// The events, oldest first.
    pub events: Vec<Proven>,
    /// The contents that they name by hash.
    pub bodies: Vec<NamedBody>,
    /// Hashes of contents that the log no longer holds: erased, or archived out of reach.
    pub missing: Vec<String>,
    /// Events about the subject that are newer than the checkpoint, and so are not in the bundle.
    pub uncovered: Vec<Seq>,
}

/// One event with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// Its position, from 1; its leaf is one less.
    pub position: u64,
    /// Its stored bytes, in base64.
    pub bytes: String,
    /// The inclusion proof: hashes in base64, from the leaf upwards.
    pub proof: Vec<String>,
    /// The event as Mizan reads it; not proven by itself, the bytes are.
    pub event: Json,
}

/// Contents with the hash that names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedBody {
    /// The content hash, in hexadecimal.
    pub hash: String,
    /// The domain that the hash was made in.
    pub domain: String,
    /// The bytes, in base64.
    pub bytes: String,
}

/// Makes the bundle of a record or event against the newest checkpoint.
///
/// # Errors
/// When there is no checkpoint or no public key yet, the log cannot be read, or an event does not fit the signed
/// root.
pub fn prove(journal: &Journal, keeper: &Keeper, subject: Subject) -> Result<Bundle, AuditError> {
    let Some(last) = keeper.last(journal)? else {
        return Err(AuditError::Nothing(
            "the log has no checkpoint yet, so there is nothing to prove against; make one with `mizan audit checkpoint`"
                .to_owned(),
        ));
    };
    let Some(key) = keeper.public_key()? else {
        return Err(AuditError::Nothing(format!(
            "the public key {}.pub is missing; put it back, or make a new key with `mizan audit checkpoint --new-key`",
            keeper.key_path().display()
        )));
    };
    check_signature(&last, &key)?;
    let (events, uncovered) = events_of(journal, subject, last.size)?;
    let mut bundle = Bundle {
        format: FORMAT.to_owned(),
        subject: match subject {
            Subject::Record(record) => record.to_string(),
            Subject::Event(seq) => format!("event {seq}"),
        },
        key: key.to_string(),
        checkpoint: last.note.clone(),
        events: Vec::with_capacity(events.len()),
        bodies: Vec::new(),
        missing: Vec::new(),
        uncovered,
    };
    let mut named = BTreeSet::new();
    for event in &events {
        let proven = proven(journal, event, &last)?;
        collect_hashes(&proven.event, &mut named);
        bundle.events.push(proven);
    }
    journal.with_log(|log| {
        for hash in named {
            match log.body(&hash)? {
                Some(bytes) => bundle.bodies.push(named_body(hash, &bytes)),
                None if is_body(&events, &hash) => bundle.missing.push(hash.to_string()),
                None => {}
            }
        }
        Ok::<(), AuditError>(())
    })?;
    Ok(bundle)
}

fn check_signature(last: &Last, key: &VerifyingKey) -> Result<(), AuditError> {
    let note: Note = last.note.parse()?;
    if note.is_signed_by(key) {
        return Ok(());
    }
    Err(AuditError::Unfit(format!(
        "the checkpoint at event {} is not signed by the key beside the log",
        last.at
    )))
}

/// The events to prove, and the positions of those that are too new for it.
fn events_of(
    journal: &Journal,
    subject: Subject,
    size: u64,
) -> Result<(Vec<Event>, Vec<Seq>), AuditError> {
    let mut events = Vec::new();
    match subject {
        Subject::Event(at) => {
            let bytes = journal.with_log(|log| log.read(at))?;
            let bytes = bytes.ok_or(mizan_store::StoreError::Beyond { at, end: journal.head() })?;
            events.push(Event::from_bytes(at, &bytes).map_err(crate::engine::EngineError::from)?);
        }
        Subject::Record(record) => {
            let entity = journal.state().record(record).map(|record| record.entity.clone());
            let of_entity = |fact: &Fact| {
                if let Fact::EntityDeclared { entity: named, .. }
                | Fact::PolicySet { entity: named, .. } = fact
                {
                    return Some(named) == entity.as_ref();
                }
                matches!(fact, Fact::Opened { .. })
            };
            journal.each_event(Seq(0), &mut |event| {
                if of_entity(&event.fact) {
                    events.push(event.clone());
                }
            })?;
            each_event_of(journal, record, &mut |event| events.push(event.clone()))?;
        }
    }
    events.sort_by_key(|event| event.seq);
    events.dedup_by_key(|event| event.seq);
    let (covered, newer): (Vec<Event>, Vec<Event>) =
        events.into_iter().partition(|event| event.seq.0 <= size);
    Ok((covered, newer.into_iter().map(|event| event.seq).collect()))
}

fn proven(journal: &Journal, event: &Event, last: &Last) -> Result<Proven, AuditError> {
    let at = event.seq;
    let (bytes, path) = journal.with_log(|log| {
        Ok::<_, AuditError>((log.read(at)?.unwrap_or_default(), log.inclusion(at, Seq(last.size))?))
    })?;
    let root = TreeHash(last.root.0);
    if !verify_inclusion(&leaf_hash(&bytes), at.0 - 1, last.size, &path, &root) {
        return Err(AuditError::Unfit(format!(
            "event {at} is not under the root that the checkpoint at event {} signs",
            last.at
        )));
    }
    Ok(Proven {
        position: at.0,
        bytes: BASE64.encode(&bytes),
        proof: path.iter().map(|hash| BASE64.encode(hash.0)).collect(),
        event: serde_json::to_value(event).unwrap_or(Json::Null),
    })
}

/// Every content hash in an event's JSON form.
fn collect_hashes(json: &Json, into: &mut BTreeSet<ContentHash>) {
    match json {
        Json::String(text) => into.extend(text.parse::<ContentHash>().ok()),
        Json::Array(items) => items.iter().for_each(|item| collect_hashes(item, into)),
        Json::Object(entries) => entries.values().for_each(|value| collect_hashes(value, into)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether a hash names contents for certain: what a row showed, or what was merged.
fn is_body(events: &[Event], hash: &ContentHash) -> bool {
    events.iter().any(|event| {
        if let Fact::Observed { seen, .. } = &event.fact {
            return seen.as_ref() == Some(hash);
        }
        matches!(&event.fact, Fact::Decided { decision, .. } if decision.merged == *hash)
    })
}

fn named_body(hash: ContentHash, bytes: &[u8]) -> NamedBody {
    let domains = ["mizan.image.v1", "mizan.schema.v1"];
    let domain = domains.into_iter().find(|domain| ContentHash::of(domain, bytes) == hash);
    NamedBody {
        hash: hash.to_string(),
        domain: domain.unwrap_or_default().to_owned(),
        bytes: BASE64.encode(bytes),
    }
}
