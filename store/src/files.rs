//! Small durable file operations: replace a file in one step, make a folder's names durable.

use crate::error::StoreError;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Makes the names in `folder` durable; a no-op where folders cannot be opened.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        let handle = File::open(folder).map_err(|e| StoreError::io(folder, e))?;
        handle.sync_all().map_err(|e| StoreError::io(folder, e))?;
    }
    Ok(())
}

/// Creates `folder` with its parents and makes its own name durable.
pub(crate) fn create_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, e))?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}

/// Replaces `path` by a file with these `parts`: after a crash it is the old file or the new one.
pub(crate) fn replace(path: &Path, parts: &[&[u8]]) -> Result<(), StoreError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = File::create(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|e| StoreError::io(path, e))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Renames `path` to the first free `<path>.<word>-N` and returns the new name.
pub(crate) fn move_aside(path: &Path, word: &str) -> Result<PathBuf, StoreError> {
    let free = free_name(path, word);
    fs::rename(path, &free).map_err(|e| StoreError::io(path, e))?;
    path.parent().map_or(Ok(()), sync_folder)?;
    Ok(free)
}

/// The first `<path>.<word>-N` that does not exist.
pub(crate) fn free_name(path: &Path, word: &str) -> PathBuf {
    let mut number = 1_u64;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{word}-{number}"));
        let candidate = PathBuf::from(name);
        if !candidate.exists() {
            return candidate;
        }
        number += 1;
    }
}

/// Copies a folder with everything below it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(to).map_err(|e| StoreError::io(to, e))?;
    for entry in fs::read_dir(from).map_err(|e| StoreError::io(from, e))? {
        let entry = entry.map_err(|e| StoreError::io(from, e))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(|e| StoreError::io(&source, e))?;
        }
    }
    Ok(())
}
