//! References of documents: made up where absent, checked and unique where given.

use super::super::kind::Kind;
use super::super::messages::Message;
use super::super::world::World;
use serde_json::Value as Json;

const LONGEST: usize = 25;

/// What is wrong with a document's reference, if anything is.
pub(super) fn fault(
    world: &World,
    kind: Kind,
    reference: &str,
    own: Option<u64>,
) -> Option<Message> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if reference.chars().count() > LONGEST {
        Some(Message::TooLong(LONGEST))
    } else if !reference.bytes().all(plain) || !reference.ends_with(|c: char| c.is_ascii_digit()) {
        Some(Message::Invalid)
    } else if is_taken(world, kind, reference, own) {
        Some(Message::Taken)
    } else {
        None
    }
}

/// Whether another record has this reference.
pub(super) fn is_taken(world: &World, kind: Kind, reference: &str, own: Option<u64>) -> bool {
    world.table(kind).all().any(|(id, other)| {
        Some(id) != own && other.get("reference").and_then(Json::as_str) == Some(reference)
    })
}

/// A reference that no record has.
pub(super) fn made_up(world: &World, kind: Kind, prefix: &str) -> String {
    let mut number = world.table(kind).next_id();
    loop {
        let reference = format!("{prefix}{number}");
        if !is_taken(world, kind, &reference, None) {
            return reference;
        }
        number += 1;
    }
}
