//! The format `jsonl`: one JSON object in each line; writes that wait together make one new file.

use super::dir::absent;
use super::native::{self, Shape, TABLE_MAX, Taken, Wish};
use super::options::JsonlOptions;
use super::place::Place;
use super::stat::Stat;
use super::sweep::{Entry, Sweep};
use super::table::Table;
use crate::adapter::{Answer, Fault, Fetched};
use mizan_core::Ext;
use mizan_core::lens::Path as FieldPath;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tries to write a file that others write to as well.
const TRIES: usize = 3;

/// Longest time that a write waits for others to join it.
const GATHER_MAX: Duration = Duration::from_millis(20);

/// A JSON Lines file.
pub(super) struct Jsonl {
    pub(super) shape: Shape,
    pub(super) id: FieldPath,
    path: PathBuf,
    place: Place,
    table: Mutex<Option<Table>>,
    queue: Mutex<Queue>,
    /// Told when a new file is there, or when the one who made it gave up.
    turn: Condvar,
}

/// The writes that wait for the next new file.
#[derive(Default)]
struct Queue {
    waiting: Vec<Arc<Pending>>,
    /// Somebody is making a new file.
    busy: bool,
    /// How long the last new file took.
    took: Duration,
}

/// A write that waits for the next new file.
struct Pending {
    wish: Wish,
    answer: Mutex<Option<Result<Answer, Fault>>>,
}

impl Jsonl {
    /// The file `path` of that shape.
    pub(super) fn new(path: &Path, options: JsonlOptions, shape: Shape) -> Self {
        let dir = path.parent().unwrap_or(Path::new(".")).to_owned();
        Self {
            shape,
            id: options.id,
            path: path.to_owned(),
            place: Place::new(dir, options.durability),
            table: Mutex::default(),
            queue: Mutex::default(),
            turn: Condvar::new(),
        }
    }

    /// Lists the file.
    pub(super) fn sweep(&self) -> Result<Sweep, Fault> {
        let file = self.path.display().to_string();
        let (listed, complete) = self.with(|table| (table.listed(&file), table.is_sound()))?;
        self.place.catch_up()?;
        let mut entries: Vec<Entry> = listed.into_iter().map(Entry::Ready).collect();
        entries.sort_by(|a, b| a.ext().cmp(&b.ext()));
        Ok(Sweep { entries, complete, dir: None })
    }

    /// One row.
    pub(super) fn get(&self, ext: &Ext) -> Result<Fetched, Fault> {
        let file = self.path.display();
        self.with(|table| match table.row(ext) {
            Some(Ok(row)) => Ok(Fetched::Found(row.clone())),
            Some(Err(why)) => Err(Fault::BadAnswer(format!("{file}: id {ext} {why}"))),
            None if table.is_sound() => Ok(Fetched::NotFound),
            None => Err(Fault::BadAnswer(format!("{file} has lines that cannot be read"))),
        })?
    }

    /// Carries out one write; those that wait at the same time are written together by one of them.
    pub(super) fn execute(&self, wish: Wish) -> Result<Answer, Fault> {
        let pending = Arc::new(Pending { wish, answer: Mutex::default() });
        let mut queue = locked(&self.queue);
        queue.waiting.push(pending.clone());
        while queue.busy {
            queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = locked(&pending.answer).take() {
                return answer;
            }
        }
        queue.busy = true;
        let gather = (queue.took / 8).min(GATHER_MAX);
        drop(queue);
        let turn = Turn(self);
        // The dearer a new file is, the longer it pays to let others join.
        std::thread::sleep(gather);
        let start = Instant::now();
        let batch = std::mem::take(&mut locked(&self.queue).waiting);
        self.write(&batch);
        locked(&self.queue).took = start.elapsed();
        drop(turn);
        let answer = locked(&pending.answer).take();
        answer.unwrap_or_else(|| Err(Fault::InDoubt("the write was not answered".to_owned())))
    }

    fn write(&self, batch: &[Arc<Pending>]) {
        for _ in 0..TRIES {
            match self.try_write(batch) {
                Ok(Some(answers)) => {
                    for (pending, answer) in batch.iter().zip(answers) {
                        *locked(&pending.answer) = Some(Ok(answer));
                    }
                    return;
                }
                Ok(None) => {}
                Err(fault) => return fail(batch, &fault),
            }
        }
        fail(batch, &Fault::NotSent(format!("{} keeps changing", self.path.display())));
    }

    /// The answers, or `None` where the file was changed meanwhile and nothing was written.
    fn try_write(&self, batch: &[Arc<Pending>]) -> Result<Option<Vec<Answer>>, Fault> {
        let mut kept = self.current().map_err(surely_not)?;
        let Some(mut table) = kept.take() else { return Ok(None) };
        if table.half {
            let file = self.path.display();
            let why = format!("the last line of {file} is half written; nothing is written now");
            return Err(Fault::NotSent(why));
        }
        let (mut answers, mut dirty) = (Vec::with_capacity(batch.len()), false);
        for pending in batch {
            let (answer, changed) = self.apply(&mut table, &pending.wish);
            answers.push(answer);
            dirty |= changed;
        }
        if dirty {
            let Some(name) = self.path.file_name().and_then(|name| name.to_str()) else {
                return Err(Fault::NotSent("the file's name is not UTF-8".to_owned()));
            };
            table.compact();
            match self.place.replace(name, &table.bytes(), &table.stat)? {
                None => return Ok(None),
                Some(stat) => (table.stat, table.firm) = (stat, true),
            }
        } else {
            self.place.settle()?;
        }
        *kept = Some(table);
        Ok(Some(answers))
    }

    fn with<R>(&self, work: impl FnOnce(&Table) -> R) -> Result<R, Fault> {
        let kept = self.current()?;
        match kept.as_ref() {
            Some(table) => Ok(work(table)),
            None => Err(absent(&self.path, ErrorKind::NotFound)),
        }
    }

    /// The table, read again where the file has another version.
    fn current(&self) -> Result<MutexGuard<'_, Option<Table>>, Fault> {
        let mut kept = locked(&self.table);
        let fresh = kept.as_ref().is_some_and(|table| {
            let now = fs::symlink_metadata(&self.path);
            table.firm && now.is_ok_and(|meta| Stat::of(&meta) == table.stat)
        });
        if fresh {
            return Ok(kept);
        }
        *kept = None;
        match native::take(&self.path, TABLE_MAX, None) {
            Taken::Whole { bytes, stat, tag, .. } => {
                *kept = Some(Table::of(&bytes, stat, tag.is_some(), &self.id, &self.shape));
                Ok(kept)
            }
            Taken::Missing => Err(absent(&self.path, ErrorKind::NotFound)),
            Taken::Bad(why) => Err(Fault::BadAnswer(format!("{} {why}", self.path.display()))),
        }
    }
}

/// The right to make the next new file; it passes on however the work ends.
struct Turn<'a>(&'a Jsonl);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        locked(&self.0.queue).busy = false;
        self.0.turn.notify_all();
    }
}

/// Every write of the batch gets the fault.
fn fail(batch: &[Arc<Pending>], fault: &Fault) {
    for pending in batch {
        *locked(&pending.answer) = Some(Err(fault.clone()));
    }
}

/// A file that could not be read was not written either.
fn surely_not(fault: Fault) -> Fault {
    match fault {
        Fault::BadAnswer(why) => Fault::NotSent(why),
        other => other,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
