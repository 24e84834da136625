//! Signed notes and checkpoints as C2SP writes them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

use super::AuditError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Verifier as _};
use mizan_store::merkle::TreeHash;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The algorithm byte of ed25519 in keys.
pub(super) const ED25519: u8 = 1;

/// The size and root of a log at one moment.
///
/// ```
/// use mizan::audit::Checkpoint;
/// use mizan::store::merkle::TreeHash;
///
/// let checkpoint = Checkpoint { origin: "mizan-log/x".into(), size: 3, root: TreeHash([0; 32]) };
/// let text = checkpoint.to_string();
/// assert_eq!(text, "mizan-log/x\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
/// assert_eq!(text.parse::<Checkpoint>()?, checkpoint);
/// # Ok::<(), mizan::audit::AuditError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many events.
    pub size: u64,
    /// The Merkle root over them.
    pub root: TreeHash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(self.root.0))
    }
}

impl FromStr for Checkpoint {
    type Err = AuditError;

    fn from_str(text: &str) -> Result<Self, AuditError> {
        let wrong = |what: &str| AuditError::Malformed(format!("this is no checkpoint: {what}"));
        let mut lines = text.split('\n');
        let (origin, size) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let number: u64 = size.parse().map_err(|_| wrong("its second line is no size"))?;
        if origin.is_empty() || number.to_string() != size {
            return Err(wrong("it has no origin, or its size is written in an unusual way"));
        }
        let root = BASE64.decode(lines.next().unwrap_or_default());
        let root = root.ok().and_then(|bytes| bytes.try_into().ok());
        let root = TreeHash(root.ok_or_else(|| wrong("its third line is no root"))?);
        // Further lines are extensions that newer writers may add; they are signed, and mean nothing here.
        if !text.ends_with('\n') {
            return Err(wrong("its last line has no end"));
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

/// The four bytes that name a key in a signature line.
pub(super) fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', ED25519]);
    hasher.update(public);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
    [a, b, c, d]
}

/// A public key with the name that it signs under; as text `NAME+KEYID+BASE64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    pub(super) fn new(name: String, key: ed25519_dalek::VerifyingKey) -> Self {
        Self { name, key }
    }

    /// The name that the key signs under: the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.key.as_bytes())
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(key))
    }
}

impl FromStr for VerifyingKey {
    type Err = AuditError;

    fn from_str(text: &str) -> Result<Self, AuditError> {
        let wrong = || {
            let what = "this is no public key of a log; it looks like mizan-log/ID+0123abcd+BASE64";
            AuditError::Malformed(what.to_owned())
        };
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let bytes = BASE64.decode(key).map_err(|_| wrong())?;
        let (algorithm, key) = bytes.split_first().ok_or_else(wrong)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| wrong())?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| wrong())?;
        let key = Self { name: name.to_owned(), key };
        let named = format!("{:08x}", u32::from_be_bytes(key.id()));
        if *algorithm != ED25519 || name.is_empty() || named != id {
            return Err(wrong());
        }
        Ok(key)
    }
}

/// A text with signatures under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    /// Name and content of each signature line.
    signatures: Vec<(String, Vec<u8>)>,
}

impl Note {
    /// A text signed once.
    pub(super) fn signed(text: String, name: &str, public: &[u8; 32], signature: &[u8]) -> Self {
        let mut content = key_id(name, public).to_vec();
        content.extend_from_slice(signature);
        Self { text, signatures: vec![(name.to_owned(), content)] }
    }

    /// What was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this key signed the text; a signature of it that does not fit makes the whole note worthless.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let id = key.id();
        let mut own = self
            .signatures
            .iter()
            .filter(|(name, content)| *name == key.name && content.starts_with(&id))
            .peekable();
        own.peek().is_some()
            && own.all(|(_, content)| {
                let signature = content.get(4..).and_then(|rest| Signature::from_slice(rest).ok());
                signature.is_some_and(|signature| {
                    key.key.verify(self.text.as_bytes(), &signature).is_ok()
                })
            })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        let mut signatures = self.signatures.iter();
        signatures
            .try_for_each(|(name, content)| writeln!(f, "— {name} {}", BASE64.encode(content)))
    }
}

impl FromStr for Note {
    type Err = AuditError;

    fn from_str(text: &str) -> Result<Self, AuditError> {
        let wrong = || AuditError::Malformed("this is no signed note".to_owned());
        let (content, lines) = text.rsplit_once("\n\n").ok_or_else(wrong)?;
        let mut signatures = Vec::new();
        for line in lines.lines() {
            let rest = line.strip_prefix("— ").ok_or_else(wrong)?;
            let (name, content) = rest.split_once(' ').ok_or_else(wrong)?;
            let content = BASE64.decode(content).map_err(|_| wrong())?;
            signatures.push((name.to_owned(), content));
        }
        if signatures.is_empty() {
            return Err(wrong());
        }
        Ok(Self { text: format!("{content}\n"), signatures })
    }
}

/// The notes in a file of notes, one after the other with an empty line between them.
///
/// What is no note is given as it stands, so that nothing in the file is passed over.
///
/// ```
/// let file = "a\n1\n\n— a AAAA\n\nb\n2\n\n— b AAAA\n";
/// assert_eq!(mizan::audit::notes_in(file), ["a\n1\n\n— a AAAA\n", "b\n2\n\n— b AAAA\n"]);
/// ```
#[must_use]
pub fn notes_in(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = String::new();
    let mut signed = false;
    for line in text.lines() {
        if line.is_empty() && (signed || note.is_empty()) {
            if signed {
                notes.push(std::mem::take(&mut note));
            }
            signed = false;
            continue;
        }
        let signature = line.starts_with("— ");
        if signed && !signature {
            notes.push(std::mem::take(&mut note));
        }
        signed = signature;
        note.push_str(line);
        note.push('\n');
    }
    if !note.is_empty() {
        notes.push(note);
    }
    notes
}
