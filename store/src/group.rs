//! Group commit: appends that arrive while the disk is busy become durable together.

use crate::error::StoreError;
use crate::log::{Batch, EventLog, MAX_BATCH_BYTES};
use mizan_core::Seq;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

/// Appends that one commit collects at most.
const MAX_WAITERS: usize = 1_024;
/// Bytes that one commit collects at most.
const MAX_BYTES: u64 = MAX_BATCH_BYTES / 8;

type Answer = Result<(Seq, Seq), StoreError>;
type Work = Box<dyn FnOnce(&mut dyn EventLog) + Send>;

struct Waiting {
    batch: Batch,
    answer: Sender<Answer>,
}

enum Message {
    Append(Waiting),
    With(Work),
    Close(Sender<Box<dyn EventLog>>),
}

/// A handle on a writer thread that owns the log; cheap to clone, one for every task that appends.
///
/// Calls block until the batch is durable, so an async program makes them on a blocking thread.
///
/// ```
/// use mizan_core::Seq;
/// use mizan_store::{Batch, EventLog, GroupLog, MemoryLog};
///
/// let log = GroupLog::new(Box::new(MemoryLog::default()));
/// let other = log.clone();
/// let task = std::thread::spawn(move || other.append_any(Batch::of_events([b"a".to_vec()])));
/// log.append_any(Batch::of_events([b"b".to_vec()]))?;
/// task.join().expect("the task does not panic")?;
/// assert_eq!(log.close()?.head(), Seq(2));
/// # Ok::<(), mizan_store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct GroupLog {
    sender: Sender<Message>,
}

impl GroupLog {
    /// Starts the writer thread; it ends when the last handle is dropped or one is closed.
    #[must_use]
    pub fn new(log: Box<dyn EventLog>) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || run(log, &receiver));
        Self { sender }
    }

    /// Appends at whatever the head is and returns the first and last position of the batch.
    ///
    /// For a batch without events both are the head.
    ///
    /// # Errors
    ///
    /// As [`EventLog::append`], except `Moved`; [`StoreError::Closed`] after [`close`](Self::close).
    pub fn append_any(&self, batch: Batch) -> Answer {
        let (answer, result) = channel();
        let message = Message::Append(Waiting { batch, answer });
        self.sender.send(message).map_err(|_| StoreError::Closed)?;
        result.recv().map_err(|_| StoreError::Closed)?
    }

    /// Runs `job` on the log between two commits and returns what it returned.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] after [`close`](Self::close).
    pub fn with<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn EventLog) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        let (answer, result) = channel();
        let work: Work = Box::new(move |log| {
            let _caller_gone = answer.send(job(log));
        });
        self.sender.send(Message::With(work)).map_err(|_| StoreError::Closed)?;
        result.recv().map_err(|_| StoreError::Closed)
    }

    /// Ends the writer thread after what is queued and gives the log back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`] if another handle closed it first.
    pub fn close(self) -> Result<Box<dyn EventLog>, StoreError> {
        let (answer, result) = channel();
        self.sender.send(Message::Close(answer)).map_err(|_| StoreError::Closed)?;
        result.recv().map_err(|_| StoreError::Closed)
    }
}

/// The writer thread: take what has arrived, commit it, answer, repeat.
fn run(mut log: Box<dyn EventLog>, receiver: &Receiver<Message>) {
    let mut next = receiver.recv().ok();
    while let Some(message) = next.take() {
        match message {
            Message::Append(first) => {
                let (group, then) = collect(first, receiver);
                commit(log.as_mut(), group);
                next = then;
            }
            Message::With(work) => work(log.as_mut()),
            Message::Close(answer) => {
                let _caller_gone = answer.send(log);
                return;
            }
        }
        if next.is_none() {
            next = receiver.recv().ok();
        }
    }
}

/// Everything that waits behind `first`, up to the limits or to a message that is no append.
fn collect(first: Waiting, receiver: &Receiver<Message>) -> (Vec<Waiting>, Option<Message>) {
    let mut bytes = first.batch.size();
    let mut group = vec![first];
    while group.len() < MAX_WAITERS && bytes < MAX_BYTES {
        match receiver.try_recv() {
            Ok(Message::Append(waiting)) if bytes + waiting.batch.size() <= MAX_BYTES => {
                bytes += waiting.batch.size();
                group.push(waiting);
            }
            Ok(other) => return (group, Some(other)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    (group, None)
}

/// Commits a group as one batch; if that is refused, each one alone, so that one cannot harm another.
fn commit(log: &mut dyn EventLog, mut group: Vec<Waiting>) {
    if group.len() > 1 && group.iter().all(|waiting| waiting.batch.check().is_ok()) {
        let mut whole = Batch::default();
        let counts: Vec<u64> = group.iter().map(|w| w.batch.events.len() as u64).collect();
        let sizes: Vec<(usize, usize)> =
            group.iter().map(|w| (w.batch.events.len(), w.batch.bodies.len())).collect();
        for waiting in &mut group {
            whole.events.append(&mut waiting.batch.events);
            whole.bodies.append(&mut waiting.batch.bodies);
        }
        let mut head = log.head();
        if log.append(head, &whole).is_ok() {
            for (waiting, count) in group.into_iter().zip(counts) {
                let last = Seq(head.0 + count);
                let _caller_gone = waiting.answer.send(Ok(span(head, last)));
                head = last;
            }
            return;
        }
        let (mut events, mut bodies) = (whole.events.into_iter(), whole.bodies.into_iter());
        for (waiting, (events_of, bodies_of)) in group.iter_mut().zip(sizes) {
            waiting.batch.events.extend(events.by_ref().take(events_of));
            waiting.batch.bodies.extend(bodies.by_ref().take(bodies_of));
        }
    }
    for waiting in group {
        let head = log.head();
        let answer = log.append(head, &waiting.batch).map(|last| span(head, last));
        let _caller_gone = waiting.answer.send(answer);
    }
}

/// The first and last position of what was appended after `head`.
fn span(head: Seq, last: Seq) -> (Seq, Seq) {
    (if last > head { head.next() } else { head }, last)
}
