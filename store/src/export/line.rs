//! The lines of an export, as they stand in the file.

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
}

/// The word in [`Header::mizan`].
pub(super) const KIND: &str = "log";

#[derive(Serialize)]
pub(super) struct EventLine<'a> {
    pub(super) event: Seq,
    pub(super) bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is: Option<&'a Event>,
}

#[derive(Serialize)]
pub(super) struct BodyLine<'a> {
    pub(super) body: ContentHash,
    pub(super) bytes: String,
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
    pub(super) blake3: ContentHash,
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
    pub(super) bytes: Option<String>,
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
    pub(super) blake3: Option<ContentHash>,
}

/// What a line after the first is.
pub(super) enum Line {
    Event(Seq, Vec<u8>),
    Body(ContentHash, Vec<u8>),
    End(Trailer),
}

impl Any {
    /// Tells the lines apart; an error says what is missing.
    pub(super) fn line(self) -> Result<Line, String> {
        match self {
            Self { event: Some(seq), body: None, end: None, bytes: Some(bytes), .. } => {
                Ok(Line::Event(seq, decode(&bytes)?))
            }
            Self { event: None, body: Some(hash), end: None, bytes: Some(bytes), .. } => {
                Ok(Line::Body(hash, decode(&bytes)?))
            }
            Self {
                event: None,
                body: None,
                end: Some(true),
                bytes: None,
                events: Some(events),
                bodies: Some(bodies),
                absent: Some(absent),
                blake3: Some(blake3),
                ..
            } => Ok(Line::End(Trailer { end: true, events, bodies, absent, blake3 })),
            _ => Err("this is neither an event nor a body nor the end".to_owned()),
        }
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("the bytes are not base64 ({error})"))
}
