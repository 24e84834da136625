//! The file of keys: one slot of 64 bytes for each, appended and made durable before what it seals.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..4 | the marker `MZK1` |
//! | 4..8 | number of the write that brought the slot, from 1 |
//! | 8..12 | the slot's place in that write, from 0 |
//! | 12..28 | the key's name |
//! | 28..60 | the key |
//! | 60..64 | CRC-32 of bytes 0..60 |
//!
//! A write is durable before the next one begins. So a slot that cannot be read is the torn end of the last write, whose
//! keys nothing uses yet, or it stands before the beginning of the last write and is damage.

use super::Key;
use crate::error::StoreError;
use crate::files;
use mizan_core::Seq;
use mizan_core::sealed::KeyId;
use secrecy::zeroize::Zeroizing;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MARKER: &[u8; 4] = b"MZK1";
const SLOT: usize = 64;

/// The keys of a log in a folder.
pub(crate) struct KeyFile {
    path: PathBuf,
    keys: BTreeMap<KeyId, Key>,
    file: Option<File>,
    /// Number of the last write.
    write: u32,
    /// Where the next slot goes.
    end: u64,
}

impl KeyFile {
    /// Reads the keys; there are none as long as nothing was sealed.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let io = |error| StoreError::io(path, error);
        let half = replacement(path);
        if half.exists() {
            // The old file is still whole: the erasure that wrote this one did not come to its rename.
            fs::remove_file(&half).map_err(io)?;
        }
        let mut all =
            Self { path: path.to_owned(), keys: BTreeMap::new(), file: None, write: 0, end: 0 };
        let bytes = match fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            Err(error) => return Err(io(error)),
        };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        all.end = all.take(&bytes)?;
        if all.end < bytes.len() as u64 {
            file.set_len(all.end).and_then(|()| file.sync_all()).map_err(io)?;
        }
        all.file = Some(file);
        Ok(all)
    }

    /// Takes what can be read and returns where it ends.
    fn take(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        let slots: Vec<Option<Slot>> = bytes.chunks(SLOT).map(Slot::read).collect();
        let last = slots.iter().flatten().map(|slot| slot.write).max().unwrap_or(0);
        // Everything before the first slot of the last write was durable before that write began.
        let found = slots.iter().enumerate();
        let begins = found
            .filter_map(|(at, slot)| slot.as_ref().map(|slot| (at, slot)))
            .find(|(_, slot)| slot.write == last)
            .map_or(0, |(at, slot)| at.saturating_sub(slot.place as usize));
        let mut whole = 0;
        for (at, slot) in slots.into_iter().enumerate() {
            match slot {
                Some(slot) => {
                    self.keys.insert(slot.id, slot.key);
                    whole = at + 1;
                }
                None if at < begins => {
                    return Err(StoreError::Damaged {
                        file: self.path.clone(),
                        offset: (at * SLOT) as u64,
                        seq: Seq(0),
                        reason: "a key of sealed contents cannot be read".to_owned(),
                    });
                }
                None => break,
            }
        }
        self.write = last;
        Ok((whole * SLOT) as u64)
    }

    /// Whether anything was ever sealed here.
    pub(crate) fn exists(&self) -> bool {
        self.file.is_some()
    }

    pub(crate) fn get(&self, id: &KeyId) -> Option<Key> {
        self.keys.get(id).cloned()
    }

    /// Keeps keys; they are durable when this returns.
    pub(crate) fn add(&mut self, keys: &[(KeyId, Key)]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        if self.write == u32::MAX {
            // The numbers of the writes begin anew.
            self.forget(&[])?;
        }
        let write = self.write + 1;
        let slots = slots(write, keys.iter().map(|(id, key)| (id, key)));
        let put = self.put(&slots);
        if let Err(error) = put {
            // What stands after the end is cut by the next write or the next open.
            return Err(StoreError::io(&self.path, error));
        }
        self.write = write;
        self.end += slots.len() as u64;
        self.keys.extend(keys.iter().cloned());
        Ok(())
    }

    fn put(&mut self, slots: &[u8]) -> io::Result<()> {
        let end = self.end;
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = create(&self.path)?;
                if let Some(folder) = self.path.parent().filter(|_| cfg!(unix)) {
                    File::open(folder)?.sync_all()?;
                }
                none.insert(file)
            }
        };
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(slots)?;
        file.sync_data()
    }

    /// Removes keys: a new file without them takes the old one's place, and the old one is overwritten.
    pub(crate) fn forget(&mut self, ids: &[KeyId]) -> Result<(), StoreError> {
        let io = |error| StoreError::io(&self.path, error);
        let Some(old) = self.file.take() else { return Ok(()) };
        let mut left = self.keys.clone();
        for id in ids {
            left.remove(id);
        }
        let slots = slots(1, left.iter());
        let half = replacement(&self.path);
        let written = create(&half).and_then(|mut file| {
            file.write_all(&slots)?;
            file.sync_all()?;
            fs::rename(&half, &self.path)?;
            Ok(file)
        });
        let file = match written {
            Ok(file) => file,
            Err(error) => {
                self.file = Some(old);
                return Err(io(error));
            }
        };
        self.file = Some(file);
        self.keys = left;
        (self.write, self.end) = (1, slots.len() as u64);
        let length = old.metadata().map_err(io)?.len();
        self.path.parent().map_or(Ok(()), files::sync_folder)?;
        // Best effort: a disk may have written the blocks elsewhere before.
        let _name_is_gone = wipe(old, length);
        Ok(())
    }
}

/// The name under which an erasure writes the file that takes the place of the old one.
fn replacement(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// A new file that nobody else may read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn wipe(mut file: File, length: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.sync_all()
}

fn slots<'k>(write: u32, keys: impl Iterator<Item = (&'k KeyId, &'k Key)>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(keys.size_hint().0 * SLOT));
    for (place, (id, key)) in (0_u32..).zip(keys) {
        let start = bytes.len();
        bytes.extend_from_slice(MARKER);
        bytes.extend_from_slice(&write.to_le_bytes());
        bytes.extend_from_slice(&place.to_le_bytes());
        bytes.extend_from_slice(&id.0);
        bytes.extend_from_slice(key.bytes());
        let crc = crc32fast::hash(&bytes[start..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    bytes
}

struct Slot {
    write: u32,
    place: u32,
    id: KeyId,
    key: Key,
}

impl Slot {
    /// Reads a slot; `None` where the bytes are none.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if bytes.len() != SLOT || crc32fast::hash(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (marker, rest) = content.split_first_chunk::<4>()?;
        let (write, rest) = rest.split_first_chunk::<4>()?;
        let (place, rest) = rest.split_first_chunk::<4>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let key = Key::from_bytes(rest.try_into().ok()?);
        let (write, place) = (u32::from_le_bytes(*write), u32::from_le_bytes(*place));
        (marker == MARKER).then_some(Self { write, place, id: KeyId(*id), key })
    }
}
