//! Caches beside a log: named bytes with a checksum, each in one file, never the only copy of anything.

use crate::error::StoreError;
use crate::files;
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"MIZANCCH";

/// Writes a cache in one step: the file is the old one or the new one.
pub(crate) fn save(log: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let path = path_of(log, name);
    if let Some(folder) = path.parent() {
        files::create_folder(folder)?;
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(MAGIC);
    crc.update(bytes);
    files::replace(&path, &[MAGIC, bytes, &crc.finalize().to_le_bytes()])
}

/// Reads a cache; anything wrong with it is `None`.
pub(crate) fn load(log: &Path, name: &str) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path_of(log, name)).ok()?;
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    if !content.starts_with(MAGIC) || crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    bytes.truncate(bytes.len() - 4);
    bytes.drain(..MAGIC.len());
    Some(bytes)
}

/// A name is a file's name and never a way out of the folder.
fn path_of(log: &Path, name: &str) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    log.join("cache").join(name.chars().map(safe).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back_and_what_is_damaged_does_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path();
        assert_eq!(load(log, "index"), None);
        save(log, "index", b"first").expect("saves");
        save(log, "index", b"second").expect("saves");
        save(log, "../index", b"other").expect("saves");
        assert_eq!(load(log, "index").as_deref(), Some(&b"second"[..]));
        assert!(!folder.path().join("index").exists(), "a name is no path");
        let path = log.join("cache").join("index");
        let whole = fs::read(&path).expect("a file");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).expect("writes");
            assert_eq!(load(log, "index"), None, "byte {at}");
            fs::write(&path, &whole[..at]).expect("writes");
            assert_eq!(load(log, "index"), None, "cut at {at}");
        }
    }
}
