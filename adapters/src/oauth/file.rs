//! Tokens in a file that only its owner can read.

use super::seal::{CIPHER, Key};
use super::{AuthError, Mark, StoreLock, TokenStore, Tokens};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The layout's number, so that a later one can tell them apart. Version 1 had no origin, scope, marks and seal.
const VERSION: u32 = 2;

/// Keeps tokens as JSON in one file of mode 0600, sealed where there is a key.
///
/// A save writes a second file, makes it durable and renames it over the first, so that there is always one whole file.
/// Who refreshes holds a lock on a third one, `NAME.lock`, which is empty and stays.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
    origin: Option<String>,
    key: Option<Key>,
}

/// What stands in the file in the open. Not flattened into one with what is kept: read that way, numbers of any
/// precision are none.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    /// Whose tokens these are: the server and the client's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// A file without a seal.
#[derive(Serialize)]
struct Open {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    access_token: String,
    refresh_token: Option<String>,
    expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// When the refresh token was sent; gone once the answer to that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<i64>,
    /// Why the refresh token is worthless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl FileStore {
    /// A store in this file; its directory must exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), origin: None, key: None }
    }

    /// Marks what is saved as the tokens of this server and client, and refuses those of another.
    #[must_use]
    pub fn for_origin(mut self, server: &str, client_id: &str) -> Self {
        self.origin = Some(format!("{server} {client_id}"));
        self
    }

    /// Seals what is saved with a key.
    #[must_use]
    pub fn sealed_with(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the tokens in the file are sealed; `None` where there is no such file.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub fn is_sealed(&self) -> Result<Option<bool>, AuthError> {
        let found = self.read()?;
        Ok(found.map(|(head, _)| head.sealed.is_some()))
    }

    fn failed(&self, what: &str, error: &io::Error) -> AuthError {
        self.refused(&format!("{what}: {}", error.kind()))
    }

    fn refused(&self, what: &str) -> AuthError {
        AuthError::Store { why: format!("{}: {what}", self.path.display()) }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    }

    fn read(&self) -> Result<Option<(Head, Vec<u8>)>, AuthError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("cannot be read", &error)),
        };
        check_private(&self.path)?;
        let head: Head = self.parsed(&bytes)?;
        if !(1..=VERSION).contains(&head.version) {
            return Err(self.refused(&format!("it has the layout {}", head.version)));
        }
        Ok(Some((head, bytes)))
    }

    fn parsed<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, AuthError> {
        // Not the parser's words: they quote the file.
        serde_json::from_slice(bytes).map_err(|_| self.refused("it is no token file"))
    }

    fn open(&self, head: Head, bytes: &[u8]) -> Result<Kept, AuthError> {
        let Some(sealed) = head.sealed else { return self.parsed(bytes) };
        let Some(key) = &self.key else {
            return Err(self.refused(
                "the tokens in it are sealed; name the key with `token_key_env` or `token_key_file`",
            ));
        };
        if head.cipher.as_deref() != Some(CIPHER) {
            return Err(self.refused("it is sealed with a cipher that this version does not know"));
        }
        let (origin, nonce) = (head.origin.unwrap_or_default(), head.nonce.unwrap_or_default());
        let bytes = key.open(&nonce, &sealed, &origin).ok_or_else(|| {
            self.refused(
                "it is sealed with another key, or was changed; find the key, or log in again",
            )
        })?;
        self.parsed(&bytes)
    }

    fn pack(&self, kept: Kept) -> Result<Vec<u8>, AuthError> {
        let no_json = |_| self.refused("the tokens are no JSON");
        let origin = self.origin.clone();
        let mut head = Head { version: VERSION, origin, cipher: None, nonce: None, sealed: None };
        let Some(key) = &self.key else {
            return serde_json::to_vec_pretty(&Open { head, kept }).map_err(no_json);
        };
        let text = serde_json::to_vec(&kept).map_err(no_json)?;
        let (nonce, sealed) = key
            .seal(&text, head.origin.as_deref().unwrap_or_default())
            .ok_or_else(|| self.refused("the tokens cannot be sealed"))?;
        (head.cipher, head.nonce, head.sealed) =
            (Some(CIPHER.to_owned()), Some(nonce), Some(sealed));
        serde_json::to_vec_pretty(&head).map_err(no_json)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let next = self.beside(".tmp");
        // A leftover of a crash may have another mode or be a link; a new file has neither.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = private(options.write(true).create_new(true)).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        sync_directory(&self.path)
    }
}

impl TokenStore for FileStore {
    fn load(&self) -> Result<Option<Tokens>, AuthError> {
        let Some((head, bytes)) = self.read()? else { return Ok(None) };
        if let (Some(theirs), Some(ours)) = (&head.origin, &self.origin)
            && theirs != ours
        {
            let path = self.path.display();
            return Err(AuthError::Foreign {
                why: format!(
                    "{path} holds the tokens of another server or client ({theirs}), and they are not sent to this \
                     one ({ours}); give each side a `token_file` of its own, or remove that file"
                ),
            });
        }
        let kept = self.open(head, &bytes)?;
        let mark = match (kept.refused, kept.sent_at) {
            (Some(why), _) => Mark::Refused { why },
            (None, Some(at_s)) => Mark::Sent { at_s },
            (None, None) => Mark::Unused,
        };
        Ok(Some(Tokens {
            access: SecretString::from(kept.access_token),
            refresh: kept.refresh_token.map(SecretString::from),
            expires_at_s: kept.expires_at,
            issued_at_s: kept.issued_at,
            scope: kept.scope,
            mark,
        }))
    }

    fn save(&self, tokens: &Tokens) -> Result<(), AuthError> {
        let (refused, sent_at) = match &tokens.mark {
            Mark::Unused => (None, None),
            Mark::Sent { at_s } => (None, Some(*at_s)),
            Mark::Refused { why } => (Some(why.clone()), None),
        };
        let bytes = self.pack(Kept {
            access_token: tokens.access.expose_secret().to_owned(),
            refresh_token: tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
            expires_at: tokens.expires_at_s,
            issued_at: tokens.issued_at_s,
            scope: tokens.scope.clone(),
            sent_at,
            refused,
        })?;
        self.write(&bytes).map_err(|error| self.failed("cannot be written", &error))
    }

    fn clear(&self) -> Result<(), AuthError> {
        for path in [self.beside(".tmp"), self.path.clone()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(self.failed("cannot be removed", &error));
                }
                _ => {}
            }
        }
        sync_directory(&self.path).map_err(|error| self.failed("cannot be removed", &error))
    }

    fn try_lock(&self) -> Result<Option<StoreLock>, AuthError> {
        let failed = |error: &io::Error| self.failed("its lock file cannot be used", error);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = private(&mut options).open(self.beside(".lock")).map_err(|e| failed(&e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(StoreLock::held(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes the rename itself durable; only the directory's own sync does.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A token file that others can read is refused aloud: they may have read it already.
fn check_private(path: &Path) -> Result<(), AuthError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
        if mode & 0o077 != 0 {
            let path = path.display();
            let why = format!("{path} can be read by others; log in again after `chmod 600`");
            return Err(AuthError::Store { why });
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
