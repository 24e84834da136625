//! The lines of an export, as they stand in the file.

use crate::keys::Key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizan_core::{ContentHash, Event, Image, Seq};
use serde::{Deserialize, Serialize};

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) mizan: String,
    pub(super) version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<ContentHash>,
    pub(super) first: Seq,
    pub(super) last: Seq,
    /// Of a bundle: the configuration to look at it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<String>,
}

/// The word in [`Header::mizan`].
pub(super) const KIND: &str = "log";

#[derive(Serialize)]
pub(super) struct EventLine<'a> {
    pub(super) event: Seq,
    pub(super) bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is: Option<&'a Event>,
}

#[derive(Serialize)]
pub(super) struct BodyLine<'a> {
    pub(super) body: ContentHash,
    /// How often the same content was erased before these bytes were stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<u32>,
    pub(super) bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is: Option<Readable<'a>>,
}

/// A body for people.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Readable<'a> {
    Image(&'a Image),
    Rules(serde_json::Value),
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Trailer {
    pub(super) end: bool,
    pub(super) events: u64,
    pub(super) bodies: u64,
    pub(super) absent: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) keys: u64,
    pub(super) blake3: ContentHash,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Any line after the first, as it is read: which one it is shows in what it holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Any {
    #[serde(default)]
    pub(super) event: Option<Seq>,
    #[serde(default)]
    pub(super) body: Option<ContentHash>,
    #[serde(default)]
    pub(super) again: Option<u32>,
    #[serde(default)]
    pub(super) bytes: Option<String>,
    #[serde(default)]
    pub(super) key: Option<String>,
    #[serde(default, rename = "is")]
    _is: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(super) end: Option<bool>,
    #[serde(default)]
    pub(super) events: Option<u64>,
    #[serde(default)]
    pub(super) bodies: Option<u64>,
    #[serde(default)]
    pub(super) absent: Option<u64>,
    #[serde(default)]
    pub(super) keys: Option<u64>,
    #[serde(default)]
    pub(super) blake3: Option<ContentHash>,
}

/// The bytes of an event or a body, and the key where they are sealed and it is there.
pub(super) struct Entry {
    pub(super) bytes: Vec<u8>,
    pub(super) key: Option<Key>,
}

/// What a line after the first is.
pub(super) enum Line {
    Event(Seq, Entry),
    Body(ContentHash, u32, Entry),
    End(Trailer),
}

impl Any {
    /// Tells the lines apart; an error says what is missing.
    pub(super) fn line(self) -> Result<Line, String> {
        match self {
            Self { event: Some(seq), body: None, end: None, bytes: Some(bytes), key, .. } => {
                Ok(Line::Event(seq, entry(&bytes, key)?))
            }
            Self {
                event: None,
                body: Some(hash),
                end: None,
                bytes: Some(bytes),
                key,
                again,
                ..
            } => Ok(Line::Body(hash, again.unwrap_or(0), entry(&bytes, key)?)),
            Self {
                event: None,
                body: None,
                end: Some(true),
                bytes: None,
                events: Some(events),
                bodies: Some(bodies),
                absent: Some(absent),
                keys,
                blake3: Some(blake3),
                ..
            } => {
                let keys = keys.unwrap_or(0);
                Ok(Line::End(Trailer { end: true, events, bodies, absent, keys, blake3 }))
            }
            _ => Err("this is neither an event nor a body nor the end".to_owned()),
        }
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn entry(bytes: &str, key: Option<String>) -> Result<Entry, String> {
    let bytes = decode(bytes)?;
    let Some(key) = key else { return Ok(Entry { bytes, key: None }) };
    let key = <[u8; 32]>::try_from(decode(&key)?).map_err(|_| "a key has 32 bytes".to_owned())?;
    Ok(Entry { bytes, key: Some(Key::from_bytes(key)) })
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("the bytes are not base64 ({error})"))
}
