//! The key that a log signs with: one file, readable by its owner only, never printed.

use super::AuditError;
use super::note::{Checkpoint, ED25519, Note, VerifyingKey, key_id};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::Signer as _;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A private key with the name that it signs under.
///
/// The file has the form that other tools for signed notes read: `PRIVATE+KEY+NAME+KEYID+BASE64`. Beside it,
/// `FILE.pub` has the public key, to be given to whoever will check.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads the key of the log `origin`.
    ///
    /// # Errors
    /// When the file cannot be read, is no key, or is the key of another log.
    pub fn load(path: &Path, origin: &str) -> Result<Self, AuditError> {
        let text = fs::read_to_string(path).map_err(|error| AuditError::file(path, error))?;
        let wrong = |why: &str| AuditError::Key { path: path.to_owned(), why: why.to_owned() };
        let text = SecretString::from(text);
        let (name, id, key) = text
            .expose_secret()
            .trim()
            .strip_prefix("PRIVATE+KEY+")
            .and_then(|rest| {
                let mut parts = rest.splitn(3, '+');
                Some((parts.next()?, parts.next()?, parts.next()?))
            })
            .ok_or_else(|| wrong("is no signing key; put the file back from a backup"))?;
        let bytes = BASE64.decode(key).unwrap_or_default();
        let seed: Option<&[u8; 32]> = match bytes.split_first() {
            Some((&ED25519, seed)) => seed.try_into().ok(),
            Some(_) | None => None,
        };
        let seed = seed.ok_or_else(|| wrong("is damaged; put the file back from a backup"))?;
        let key = Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(seed) };
        if key.id_text() != id {
            return Err(wrong("is damaged; put the file back from a backup"));
        }
        if name != origin {
            return Err(wrong(&format!(
                "belongs to another log ({name}); this one is {origin}. Name the right file in [audit] key"
            )));
        }
        Ok(key)
    }

    /// Makes a key for the log `origin`, from the system's randomness, and writes it and its public half.
    ///
    /// # Errors
    /// When there is a file already, no randomness, or the files cannot be written.
    pub fn create(path: &Path, origin: &str) -> Result<Self, AuditError> {
        let failed = |error| AuditError::file(path, error);
        if path.exists() {
            return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| AuditError::Key {
            path: path.to_owned(),
            why: format!("cannot be made: the system gives no randomness ({error})"),
        })?;
        let key =
            Self { name: origin.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) };
        let mut secret = vec![ED25519];
        secret.extend_from_slice(&seed);
        let encoded = BASE64.encode(&secret);
        let text = format!("PRIVATE+KEY+{origin}+{}+{encoded}\n", key.id_text());
        let text = SecretString::from(text);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        write_private(path, text.expose_secret()).map_err(failed)?;
        key.publish(path)?;
        Ok(key)
    }

    /// Writes the public half beside the key file `path` where it is missing, as after a crash between the two.
    pub(super) fn publish(&self, path: &Path) -> Result<(), AuditError> {
        let public = public_of(path);
        let text = format!("{}\n", self.verifying());
        if fs::read_to_string(&public).is_ok_and(|found| found == text) {
            return Ok(());
        }
        fs::write(&public, text).map_err(|error| AuditError::file(&public, error))
    }

    /// The public half.
    #[must_use]
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey::new(self.name.clone(), self.key.verifying_key())
    }

    /// Signs a checkpoint.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> Note {
        let text = checkpoint.to_string();
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        Note::signed(text, &self.name, self.key.verifying_key().as_bytes(), &signature)
    }

    fn id_text(&self) -> String {
        let id = key_id(&self.name, self.key.verifying_key().as_bytes());
        format!("{:08x}", u32::from_be_bytes(id))
    }
}

/// Where the public half of a key file is.
pub(super) fn public_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Writes a new file that only its owner can read: whole, or not at all.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    // A leftover of an attempt that was cut off was never used.
    let _leftover = fs::remove_file(&temporary);
    let mut how = OpenOptions::new();
    how.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        how.mode(0o600);
    }
    let mut file = how.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => {
            File::open(folder)?.sync_all()
        }
        Some(_) | None => Ok(()),
    }
}
