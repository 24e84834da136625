//! Checks a proof bundle of a Mizan log without any of Mizan's code, so that an auditor need not trust it.
//!
//! What it relies on is public: signed notes (c2sp.org/signed-note), checkpoints (c2sp.org/tlog-checkpoint), the
//! inclusion proofs of RFC 9162 section 2.1.3, ed25519, SHA-256, and BLAKE3 for the contents that events name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

type Hash = [u8; 32];

/// What the check of a bundle came to.
#[derive(Debug, Default)]
pub struct Report {
    /// The log that signed.
    pub origin: String,
    /// The events that the signed root covers.
    pub size: u64,
    /// Whether the key came from outside the bundle.
    pub key_is_given: bool,
    /// Whether the checkpoint was compared with notes from outside the bundle.
    pub checkpoint_is_given: bool,
    /// Each event and each content that events name, and why it is not proven where it is not.
    pub items: Vec<(String, Option<String>)>,
}

impl Report {
    /// Whether everything in the bundle is proven.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.items.iter().all(|(_, wrong)| wrong.is_none())
    }
}

/// Checks a bundle, with the public key and the notes that the auditor holds, if any.
///
/// # Errors
/// When the bundle cannot be read, or its checkpoint is not signed or not one of `notes`: then no event counts.
pub fn check(bundle: &str, key: Option<&str>, notes: Option<&str>) -> Result<Report, String> {
    let bundle: Json = serde_json::from_str(bundle).map_err(|e| format!("this is no JSON: {e}"))?;
    if bundle["format"] != "mizan-proof-1" {
        return Err("this is no proof bundle of a form that is known here".to_owned());
    }
    let note = text(&bundle, "checkpoint")?;
    let in_bundle = text(&bundle, "key")?;
    let key_text = key.unwrap_or(in_bundle).trim();
    let (origin, size, root) = signed(note, key_text)?;
    if let Some(notes) = notes {
        let known = signed_notes(notes, key_text).into_iter().any(|other| other == (size, root));
        if !known {
            return Err(format!(
                "the checkpoint of {size} events is not among the notes that were given"
            ));
        }
    }
    let mut report = Report {
        origin,
        size,
        key_is_given: key.is_some(),
        checkpoint_is_given: notes.is_some(),
        ..Report::default()
    };
    let mut proven = Vec::new();
    for event in list(&bundle, "events")? {
        let kind = event["event"]["fact"]["kind"].as_str().unwrap_or("?");
        let bytes = event_bytes(event, size, &root).map(|bytes| proven.push(bytes));
        report.items.push((format!("event {} ({kind})", event["position"]), bytes.err()));
    }
    for body in list(&bundle, "bodies")? {
        let name = format!("content {}", text(body, "hash")?);
        report.items.push((name, body_fits(body, &proven).err()));
    }
    Ok(report)
}

fn text<'j>(json: &'j Json, name: &str) -> Result<&'j str, String> {
    json[name].as_str().ok_or_else(|| format!("`{name}` is missing in the bundle"))
}

fn list<'j>(json: &'j Json, name: &str) -> Result<&'j [Json], String> {
    let list = json[name].as_array();
    list.map(Vec::as_slice).ok_or_else(|| format!("`{name}` is missing in the bundle"))
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|error| format!("this is no base64: {error}"))
}

/// A public key as `NAME+KEYID+BASE64`: its name, its four bytes in signatures, and itself.
fn public_key(text: &str) -> Result<(&str, [u8; 4], VerifyingKey), String> {
    let wrong = || "the public key is not in the form NAME+KEYID+BASE64".to_owned();
    let mut parts = text.splitn(3, '+');
    let (name, id) = (parts.next().ok_or_else(wrong)?, parts.next().ok_or_else(wrong)?);
    let encoded = decode(parts.next().ok_or_else(wrong)?)?;
    let digest: Hash = Sha256::new()
        .chain_update(name.as_bytes())
        .chain_update(b"\n")
        .chain_update(&encoded)
        .finalize()
        .into();
    let [a, b, c, d, ..] = digest;
    // 1 is the algorithm ed25519.
    let Some((1, key)) = encoded.split_first() else { return Err(wrong()) };
    let key = key.try_into().map_err(|_| wrong())?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| wrong())?;
    let computed = [a, b, c, d];
    if format!("{:08x}", u32::from_be_bytes(computed)) != id {
        return Err("the public key does not fit its own id".to_owned());
    }
    Ok((name, computed, key))
}

/// Origin, size and root of a signed checkpoint.
fn signed(note: &str, key: &str) -> Result<(String, u64, Hash), String> {
    let (name, id, key) = public_key(key)?;
    let (content, lines) = note.rsplit_once("\n\n").ok_or("the checkpoint is no signed note")?;
    let content = format!("{content}\n");
    let mut signed = false;
    for line in lines.lines() {
        let Some((signer, rest)) = line.strip_prefix("— ").and_then(|line| line.split_once(' '))
        else {
            return Err("the checkpoint is no signed note".to_owned());
        };
        let bytes = decode(rest)?;
        let Some(signature) = bytes.strip_prefix(&id).filter(|_| signer == name) else { continue };
        let signature = Signature::from_slice(signature).map_err(|_| "a signature is cut short")?;
        if key.verify(content.as_bytes(), &signature).is_err() {
            return Err("the checkpoint's signature does not fit".to_owned());
        }
        signed = true;
    }
    if !signed {
        return Err(format!("the checkpoint is not signed by {name}"));
    }
    let mut lines = content.lines();
    let origin = lines.next().unwrap_or_default().to_owned();
    let size =
        lines.next().and_then(|line| line.parse().ok()).ok_or("the checkpoint has no size")?;
    let root = decode(lines.next().unwrap_or_default())?;
    let root = root.try_into().map_err(|_| "the checkpoint has no root")?;
    if origin != name {
        return Err(format!("the checkpoint is of {origin}, the key of {name}"));
    }
    Ok((origin, size, root))
}

/// Sizes and roots of the notes in a file that the key signed.
fn signed_notes(file: &str, key: &str) -> Vec<(u64, Hash)> {
    let mut found = Vec::new();
    let mut note = String::new();
    let mut ended = false;
    for line in file.lines().chain(["", "end"]) {
        if ended && !line.starts_with("— ") {
            found.extend(signed(&note, key).ok().map(|(_, size, root)| (size, root)));
            note.clear();
            ended = false;
            if line.is_empty() {
                continue;
            }
        }
        ended |= line.starts_with("— ");
        note.push_str(line);
        note.push('\n');
    }
    found
}

/// The bytes of an event, if they are under the root at its position.
fn event_bytes(event: &Json, size: u64, root: &Hash) -> Result<Vec<u8>, String> {
    let bytes = decode(text(event, "bytes")?)?;
    let position = event["position"].as_u64().ok_or("it has no position")?;
    let index = position.checked_sub(1).ok_or("positions begin with 1")?;
    let mut path: Vec<Hash> = Vec::new();
    for hash in list(event, "proof")? {
        let hash = decode(hash.as_str().unwrap_or_default())?;
        path.push(hash.try_into().map_err(|_| "a hash of its proof has not 32 bytes")?);
    }
    let leaf = Sha256::new().chain_update([0]).chain_update(&bytes).finalize().into();
    match root_of(leaf, index, size, &path) {
        Some(found) if found == *root => Ok(bytes),
        _ => Err("it is not under the signed root at this position".to_owned()),
    }
}

/// RFC 9162, 2.1.3.2: the root that a leaf and its path lead to.
fn root_of(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let node = |left: &Hash, right: &Hash| -> Hash {
        Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
    };
    let (mut at, mut last, mut hash) = (index, size.checked_sub(1)?, leaf);
    if index >= size {
        return None;
    }
    for other in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(other, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, other);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// Whether a content has the hash that it says, and a proven event names it.
fn body_fits(body: &Json, proven: &[Vec<u8>]) -> Result<(), String> {
    let (bytes, domain) = (decode(text(body, "bytes")?)?, text(body, "domain")?);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(domain.len() as u64).to_be_bytes());
    hasher.update(domain.as_bytes());
    hasher.update(&bytes);
    let hash = hasher.finalize();
    if hash.to_hex().as_str() != text(body, "hash")? {
        return Err("its bytes have another hash".to_owned());
    }
    let named = |event: &Vec<u8>| event.windows(32).any(|part| part == hash.as_bytes());
    if proven.iter().any(named) { Ok(()) } else { Err("no proven event names it".to_owned()) }
}
