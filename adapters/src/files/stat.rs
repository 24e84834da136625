//! Stats: what the file system says of a file's version, and when that is not to be trusted.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that was changed so shortly before it was read may change again under the same times.
const RACY: Duration = Duration::from_millis(20);

/// The version of a file: two equal ones mean that nobody wrote to it in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    modified_ns: i64,
    changed_ns: i64,
    size: u64,
    inode: u64,
}

impl Stat {
    /// The version that `meta` tells of.
    #[cfg(unix)]
    pub(super) fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            size: meta.size(),
            inode: meta.ino(),
        }
    }

    /// The version that `meta` tells of, where there are neither inodes nor change times.
    #[cfg(not(unix))]
    pub(super) fn of(meta: &Metadata) -> Self {
        let modified_ns = meta.modified().map(nanoseconds).unwrap_or_default();
        Self { modified_ns, changed_ns: 0, size: meta.len(), inode: 0 }
    }

    /// The version as one number; kept in the log, so it may not differ between builds or machines.
    pub(super) fn tag(&self) -> u64 {
        let words = [
            self.modified_ns.cast_unsigned(),
            self.changed_ns.cast_unsigned(),
            self.size,
            self.inode,
        ];
        words.into_iter().fold(0x6d69_7a61_6e00_0001, |state, word| stir(state ^ word))
    }

    /// The tag, unless the file was written so recently that another write could leave the same times.
    pub(super) fn tag_at(&self, now: SystemTime) -> Option<u64> {
        let racy = i64::try_from(RACY.as_nanos()).unwrap_or(i64::MAX);
        let quiet = nanoseconds(now).saturating_sub(self.modified_ns) >= racy;
        quiet.then(|| self.tag())
    }

    /// How long before `now` the file was written last; nothing where it claims to be from the future.
    pub(super) fn age(&self, now: SystemTime) -> Duration {
        let age = nanoseconds(now).saturating_sub(self.modified_ns);
        u64::try_from(age).map(Duration::from_nanos).unwrap_or_default()
    }

    /// The time of the last write in milliseconds since the epoch.
    pub(super) fn modified_ms(&self) -> i64 {
        self.modified_ns.div_euclid(1_000_000)
    }

    /// True where both are of one file, whatever was written to it.
    pub(super) fn same_file(&self, other: &Self) -> bool {
        self.inode == other.inode
    }

    /// True where nothing came into the directory or left it between the two.
    pub(super) fn same_entries(&self, other: &Self) -> bool {
        self.inode == other.inode && self.modified_ns == other.modified_ns
    }
}

fn nanoseconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// One round of splitmix64.
fn stir(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
