//! Keys of sealed contents: one for each event and each image, so that one can be thrown away (L55).
//!
//! What is sealed stays in the log for ever, byte for byte, under every hash and proof. What makes it readable is a key
//! that stands in one other place, [`EventLog::key`](crate::EventLog::key), and an erasure removes it there.

pub(crate) mod file;

use crate::error::StoreError;
use crate::log::EventLog;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use mizan_core::event::Secret;
use mizan_core::sealed::{KeyId, SealedBody, SealedEvent, address};
use mizan_core::wire::WireError;
use mizan_core::{ContentHash, Event, Seq};
use secrecy::zeroize::Zeroizing;
use std::fmt;

/// What seals one event or one image, and nothing else; it does not print and is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A key by its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for where keys are kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key that is used once has no nonce to choose: its name is as good as any.
    fn cipher(&self, id: &KeyId) -> (XChaCha20Poly1305, XNonce) {
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(&id.0);
        (XChaCha20Poly1305::new(&(*self.0).into()), XNonce::from(nonce))
    }

    fn open(&self, id: &KeyId, sealed: &[u8], about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (cipher, nonce) = self.cipher(id);
        cipher.decrypt(&nonce, Payload { msg: sealed, aad: about }).ok().map(Zeroizing::new)
    }

    /// The values of an event put back into its structure; `None` where they are not what was sealed with it.
    pub(crate) fn open_event(&self, sealed: &SealedEvent<'_>, structure: &Event) -> Option<Event> {
        let secret = self.open(&sealed.key, sealed.secret, sealed.structure)?;
        structure.join(&Secret::from_bytes(&secret).ok()?)
    }

    /// The bytes of a body; `None` where they are not what was sealed under that hash.
    pub(crate) fn open_body(&self, sealed: &SealedBody<'_>, hash: &ContentHash) -> Option<Vec<u8>> {
        self.open(&sealed.key, sealed.secret, &hash.0).map(|plain| plain.to_vec())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

/// Something sealed, and the key that must be durable before it is appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The bytes for the log.
    pub bytes: Vec<u8>,
    /// Names the key.
    pub id: KeyId,
    /// The key.
    pub key: Key,
}

/// How much of an event or image can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// It was never sealed.
    Plain,
    /// It is sealed, and the key is there.
    Sealed(KeyId),
    /// It is sealed, and the key is gone.
    Erased,
}

/// Seals the values of an event; `None` for one that has none.
///
/// ```
/// use mizan_core::{Event, Fact, Seq, SideId, Timestamp};
/// let fact = Fact::SideAttached { side: SideId::new("shop") };
/// let event = Event { seq: Seq(1), at: Timestamp(0), fact };
/// assert!(mizan_store::seal_event(&event)?.is_none(), "there is nothing to hide");
/// # Ok::<(), mizan_store::StoreError>(())
/// ```
///
/// # Errors
/// [`StoreError::Cipher`] where the operating system gives no random numbers.
pub fn seal_event(event: &Event) -> Result<Option<Sealed>, StoreError> {
    let (structure, secret) = event.split();
    let Some(secret) = secret else { return Ok(None) };
    let structure = structure.to_bytes();
    let (id, key, sealed) = seal(&Zeroizing::new(secret.to_bytes()), &structure)?;
    let bytes = SealedEvent { key: id, structure: &structure, secret: &sealed }.to_bytes();
    Ok(Some(Sealed { bytes, id, key }))
}

/// Seals the bytes of an image.
///
/// # Errors
/// As [`seal_event`].
pub fn seal_body(hash: &ContentHash, bytes: &[u8]) -> Result<Sealed, StoreError> {
    let (id, key, sealed) = seal(bytes, &hash.0)?;
    Ok(Sealed { bytes: SealedBody { key: id, secret: &sealed }.to_bytes(), id, key })
}

/// Reads an event with its values where the log has the key, and without them where it has not.
///
/// # Errors
/// When the bytes are not an event, or what was sealed is not what belongs to it.
pub fn open_event(
    log: &dyn EventLog,
    seq: Seq,
    bytes: &[u8],
) -> Result<(Event, Contents), WireError> {
    let event = Event::from_bytes(seq, bytes)?;
    let Some(sealed) = SealedEvent::read(bytes)? else { return Ok((event, Contents::Plain)) };
    let Some(key) = log.key(&sealed.key) else { return Ok((event, Contents::Erased)) };
    let wrong = WireError { at: 0, what: "values that were sealed with this event" };
    let event = key.open_event(&sealed, &event).ok_or(wrong)?;
    Ok((event, Contents::Sealed(sealed.key)))
}

/// A body as the log can give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// No event brought it.
    Missing,
    /// Its bytes.
    Here(Vec<u8>, Contents),
    /// It was there, and its key is gone.
    Erased,
}

/// Reads a body, unsealed where it was sealed and the log has the key.
///
/// # Errors
/// When the log cannot be read, and [`StoreError::Cipher`] for a body that its key does not open.
pub fn open_body(log: &dyn EventLog, hash: &ContentHash) -> Result<Body, StoreError> {
    let mut last = Body::Missing;
    for erasures in 0.. {
        let Some(bytes) = log.body(&address(hash, erasures))? else { break };
        let (bytes, contents) = open_bytes(log, hash, bytes)?;
        match contents {
            Contents::Erased => last = Body::Erased,
            Contents::Plain | Contents::Sealed(_) => return Ok(Body::Here(bytes, contents)),
        }
    }
    Ok(last)
}

/// The bytes of a body as they stand in the log, unsealed; as they are where they cannot be.
pub(crate) fn open_bytes(
    log: &dyn EventLog,
    hash: &ContentHash,
    bytes: Vec<u8>,
) -> Result<(Vec<u8>, Contents), StoreError> {
    let Some(sealed) = SealedBody::read(&bytes) else { return Ok((bytes, Contents::Plain)) };
    let Some(key) = log.key(&sealed.key) else { return Ok((bytes, Contents::Erased)) };
    let plain = key.open_body(&sealed, hash);
    let plain = plain.ok_or_else(|| StoreError::Cipher {
        reason: format!("the content {hash} is not what was sealed"),
    })?;
    Ok((plain, Contents::Sealed(sealed.key)))
}

fn seal(plain: &[u8], about: &[u8]) -> Result<(KeyId, Key, Vec<u8>), StoreError> {
    let failed = |reason: String| StoreError::Cipher { reason };
    let none = |_| failed("the operating system gives no random numbers".to_owned());
    let key = Key::from_bytes(<[u8; 32]>::try_generate().map_err(none)?);
    let id = KeyId(<[u8; 16]>::try_generate().map_err(none)?);
    let (cipher, nonce) = key.cipher(&id);
    let sealed = cipher
        .encrypt(&nonce, Payload { msg: plain, aad: about })
        .map_err(|_| failed("the contents are too large to be sealed".to_owned()))?;
    Ok((id, key, sealed))
}
