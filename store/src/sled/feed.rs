//! The second thread: copies durable frames to sled, and hashes their events, while the next append is on its way.

use super::checkpoint;
use super::mirror::Mirror;
use crate::merkle::file::LeafFile;
use crate::merkle::leaf_hash;
use crate::segment::entry::{Entries, Entry, Span, Stop};
use crate::segment::frame::{HEADER, Header};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Batches that may wait before an append waits for sled.
const QUEUE: usize = 256;

enum Job {
    Copy { bytes: Vec<u8>, frames: Vec<Span>, last: u64 },
    Checkpoint,
}

#[derive(Default)]
struct Progress {
    /// Every event up to here is in sled.
    done: u64,
    /// Why sled takes no more; it stays so until the log is opened again.
    failed: Option<String>,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    moved: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue in front of sled.
pub(super) struct Feed {
    sender: Option<SyncSender<Job>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts the thread for a sled that holds everything up to `done`.
    pub(super) fn start(
        mirror: Arc<Mirror>,
        leaves: Arc<Mutex<LeafFile>>,
        root: PathBuf,
        done: u64,
        every: u64,
    ) -> Self {
        let (sender, receiver) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        shared.lock().done = done;
        let feeder = Feeder { mirror, leaves, root, every, since: 0, shared: Arc::clone(&shared) };
        let thread = thread::spawn(move || feeder.run(&receiver));
        Self { sender: Some(sender), shared, thread: Some(thread) }
    }

    /// Hands over the frames of a batch that ends with the event `last`.
    pub(super) fn send(&self, bytes: Vec<u8>, frames: Vec<Span>, last: u64) {
        self.post(Job::Copy { bytes, frames, last });
    }

    /// Asks for a checkpoint after what is queued.
    pub(super) fn checkpoint(&self) {
        self.post(Job::Checkpoint);
    }

    fn post(&self, job: Job) {
        let sent = self.sender.as_ref().map(|sender| sender.send(job));
        if !matches!(sent, Some(Ok(()))) {
            let mut progress = self.shared.lock();
            progress.failed.get_or_insert_with(|| "its thread ended".to_owned());
        }
    }

    /// Why sled takes no more, if it does not.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.lock().failed.clone()
    }

    /// Waits until the event `seq` is in sled; false if it will never be.
    pub(super) fn wait_for(&self, seq: u64) -> bool {
        let progress = self.shared.lock();
        let waited = self
            .shared
            .moved
            .wait_while(progress, |progress| progress.done < seq && progress.failed.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).done >= seq
    }
}

impl Drop for Feed {
    /// Copies what is queued, makes it durable and ends the thread.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // Its panic is already recorded as a failure, and the next open repairs sled.
            let _recorded = thread.join();
        }
    }
}

struct Feeder {
    mirror: Arc<Mirror>,
    leaves: Arc<Mutex<LeafFile>>,
    root: PathBuf,
    /// Frames between two checkpoints.
    every: u64,
    since: u64,
    shared: Arc<Shared>,
}

impl Feeder {
    fn run(mut self, receiver: &Receiver<Job>) {
        while let Ok(job) = receiver.recv() {
            let result = match job {
                Job::Copy { bytes, frames, last } => self.copy(&bytes, &frames, last),
                Job::Checkpoint => self.checkpoint(),
            };
            if let Err(reason) = result {
                self.shared.lock().failed = Some(reason);
                self.shared.moved.notify_all();
                return;
            }
        }
        if let Err(reason) = self.checkpoint() {
            self.shared.lock().failed = Some(reason);
        }
    }

    fn copy(&mut self, bytes: &[u8], frames: &[Span], last: u64) -> Result<(), String> {
        for span in frames {
            self.mirror.put(span.first, span.part, &bytes[span.start..span.end])?;
        }
        self.hash(bytes, frames);
        self.shared.lock().done = last;
        self.shared.moved.notify_all();
        self.since += frames.len() as u64;
        if self.since >= self.every { self.checkpoint() } else { Ok(()) }
    }

    /// Adds the leaves of a batch; where that fails they are hashed from the segments when they are needed.
    fn hash(&self, bytes: &[u8], frames: &[Span]) {
        let mut entries = Entries::default();
        let mut hashed = Vec::new();
        for span in frames {
            let frame = &bytes[span.start..span.end];
            let Ok(header) = Header::decode(frame) else { return };
            let fed = entries.feed(0, &header, &frame[HEADER..], &mut |_, entry| {
                if let Entry::Event(event) = entry {
                    hashed.push(leaf_hash(event));
                }
                Ok::<(), Infallible>(())
            });
            match fed {
                Ok(()) => {}
                Err(Stop::Fault(_)) => return,
                Err(Stop::Visitor(never)) => match never {},
            }
        }
        let first = frames.first().map_or(1, |span| span.first);
        let _hashed_later = self.leaves().push(first.saturating_sub(1), &hashed);
    }

    fn leaves(&self) -> MutexGuard<'_, LeafFile> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn checkpoint(&mut self) -> Result<(), String> {
        let done = self.shared.lock().done;
        self.since = 0;
        self.mirror.sync()?;
        // Without it the next open has weaker evidence, and nothing else is lost.
        let _best_effort = checkpoint::save(&self.root, done);
        // Without it the next open hashes again what was not saved.
        let _best_effort = self.leaves().save();
        Ok(())
    }
}
