//! Tokens in a file that only its owner can read.

use super::{AuthError, TokenStore, Tokens};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The layout's number, so that a later one can tell them apart.
const VERSION: u32 = 1;

/// Keeps tokens as JSON in one file of mode 0600.
///
/// A save writes a second file, makes it durable and renames it over the first, so that there is always one whole file.
/// One process at a time may save; the connection's own lock is what makes sure of it.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Layout {
    version: u32,
    access_token: String,
    refresh_token: Option<String>,
    expires_at: i64,
}

impl FileStore {
    /// A store in this file; its directory must exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn failed(&self, what: &str, error: &io::Error) -> AuthError {
        AuthError::Store { why: format!("{what} {}: {}", self.path.display(), error.kind()) }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".tmp");
        let next = PathBuf::from(name);
        // A leftover of a crash may have another mode or be a link; a new file has neither.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        sync_directory(&self.path)
    }
}

impl TokenStore for FileStore {
    fn load(&self) -> Result<Option<Tokens>, AuthError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("cannot read", &error)),
        };
        check_private(&self.path)?;
        let layout: Layout = serde_json::from_slice(&bytes).map_err(|_| AuthError::Store {
            // Not the parser's words: they quote the file.
            why: format!("{} is no token file", self.path.display()),
        })?;
        if layout.version != VERSION {
            let (path, version) = (self.path.display(), layout.version);
            return Err(AuthError::Store { why: format!("{path} has the layout {version}") });
        }
        Ok(Some(Tokens {
            access: SecretString::from(layout.access_token),
            refresh: layout.refresh_token.map(SecretString::from),
            expires_at_s: layout.expires_at,
        }))
    }

    fn save(&self, tokens: &Tokens) -> Result<(), AuthError> {
        let layout = Layout {
            version: VERSION,
            access_token: tokens.access.expose_secret().to_owned(),
            refresh_token: tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
            expires_at: tokens.expires_at_s,
        };
        let bytes = serde_json::to_vec_pretty(&layout)
            .map_err(|_| AuthError::Store { why: "the tokens are no JSON".to_owned() })?;
        self.write(&bytes).map_err(|error| self.failed("cannot write", &error))
    }
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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
