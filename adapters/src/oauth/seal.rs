//! Tokens that are worthless to who finds the file: sealed with a key that is kept elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox};
use std::fmt;
use std::sync::Arc;

/// The cipher's name in the file.
pub(super) const CIPHER: &str = "xchacha20poly1305";

/// A key of 32 bytes for tokens at rest.
#[derive(Clone)]
pub struct Key {
    bytes: Arc<SecretBox<[u8; 32]>>,
}

/// A text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no key of 32 bytes; make one with `openssl rand -base64 32`")]
pub struct BadKey;

impl Key {
    /// Reads a key of 32 bytes, in base 64 or as 64 hexadecimal digits.
    ///
    /// No password: a short one could be tried out by who has the file.
    ///
    /// ```
    /// use mizan_adapters::oauth::Key;
    /// assert!(Key::parse("c2VjcmV0IGtleSBvZiAzMiBieXRlcywgZm9yIHRlc3Q=").is_ok());
    /// assert!(Key::parse("correct horse battery staple").is_err());
    /// ```
    ///
    /// # Errors
    /// [`BadKey`] for anything else.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        let bytes = if text.len() == 64 { hex(text) } else { BASE64.decode(text).ok() };
        let bytes: [u8; 32] = bytes.ok_or(BadKey)?.try_into().map_err(|_| BadKey)?;
        Ok(Self { bytes: Arc::new(SecretBox::new(Box::new(bytes))) })
    }

    /// Seals a text together with what stands beside it in the open; nonce and sealed text, in base 64.
    pub(super) fn seal(&self, text: &[u8], beside: &str) -> Option<(String, String)> {
        let nonce = XNonce::try_generate().ok()?;
        let payload = Payload { msg: text, aad: beside.as_bytes() };
        let sealed = self.cipher().encrypt(&nonce, payload).ok()?;
        Some((BASE64.encode(nonce), BASE64.encode(sealed)))
    }

    /// Opens what was sealed; `None` where the key is another or anything was changed.
    pub(super) fn open(&self, nonce: &str, sealed: &str, beside: &str) -> Option<Vec<u8>> {
        let nonce: [u8; 24] = BASE64.decode(nonce).ok()?.try_into().ok()?;
        let sealed = BASE64.decode(sealed).ok()?;
        let payload = Payload { msg: &sealed, aad: beside.as_bytes() };
        self.cipher().decrypt(&XNonce::from(nonce), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes.expose_secret()).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| {
        let (high, low) = (digit(*pair.first()?)?, digit(*pair.get(1)?)?);
        u8::try_from(high * 16 + low).ok()
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
