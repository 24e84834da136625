//! Durable appends: Mizan's log beside a plain file and SQLite, each in its turn.

use crate::made::{Body, bytes_of, observed, product};
use crate::measure::{Figure, Sheet, Target, median, ratio, timed};
use crate::{Common, Outcome};
use mizan_core::SideId;
use mizan_store::{Batch, EventLog, GroupLog, SledLog};
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Barrier;
use std::thread;

/// Events in a commit, and commits in one contender's turn.
const GROUPS: [(usize, usize); 4] = [(1, 150), (10, 60), (100, 20), (1000, 6)];

const MIZAN: &str = "Mizan log";
const GROWING: &str = "file, growing";
const PREALLOCATED: &str = "file, preallocated";
const SQLITE: &str = "SQLite WAL FULL";

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Someone who can make a batch durable.
trait Contender {
    fn name(&self) -> &'static str;
    /// Returns when the batch is on the disk.
    fn commit(&mut self, batch: &Batch) -> Fallible<()>;
    /// Ends work that goes on behind the contender's back, so that it does not disturb the next one.
    fn settle(&mut self) -> Fallible<()> {
        Ok(())
    }
}

/// Runs the section.
pub(crate) fn run(common: &Common, sheet: &mut Sheet) -> Outcome {
    let rounds = if common.quick { 3 } else { 11 };
    let bytes = batch(0, 1).size();
    sheet.section(&format!("Durable appends of events of {bytes} bytes (event and body)"));
    for (group, commits) in GROUPS {
        grouped(common, sheet, (group, commits), rounds)?;
    }
    for threads in [16, 64] {
        from_threads(common, sheet, threads, if common.quick { 2 } else { 7 })?;
    }
    Ok(())
}

fn grouped(
    common: &Common,
    sheet: &mut Sheet,
    (group, commits): (usize, usize),
    rounds: usize,
) -> Outcome {
    let scratch = common.scratch()?;
    let bytes = (rounds + 1) * commits * group * 1_300 + (1 << 20);
    let mut contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(Mizan::open(&scratch.path().join("mizan"))?),
        Box::new(Plain::open(&scratch.path().join("growing"), None)?),
        Box::new(Plain::open(&scratch.path().join("preallocated"), Some(bytes))?),
        Box::new(Sqlite::open(&scratch.path().join("sqlite"))?),
    ];
    let mut speeds = vec![Vec::new(); contenders.len()];
    let mut with_sled = Vec::new();
    // Round 0 warms up and does not count.
    for round in 0..=rounds {
        let batches: Vec<Batch> =
            (0..commits).map(|commit| batch(round * commits + commit, group)).collect();
        let events = (commits * group) as f64;
        for turn in 0..contenders.len() {
            let who = (turn + round) % contenders.len();
            let contender = &mut contenders[who];
            let (done, acknowledged) =
                timed(|| batches.iter().try_for_each(|batch| contender.commit(batch)));
            done?;
            let (settled, behind) = timed(|| contender.settle());
            settled?;
            if round > 0 {
                speeds[who].push(events / acknowledged.as_secs_f64());
                if contender.name() == MIZAN {
                    with_sled.push(events / (acknowledged + behind).as_secs_f64());
                }
            }
        }
    }
    let name = format!("groups of {group}");
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name()).collect();
    let of = |wanted: &str| names.iter().position(|name| *name == wanted).unwrap_or(0);
    let (baseline, target) = match group {
        1 => (PREALLOCATED, Some(Target::AtLeast(0.85))),
        100 => (SQLITE, Some(Target::AtLeast(1.3))),
        1000 => (SQLITE, Some(Target::AtLeast(2.5))),
        _ => (SQLITE, None),
    };
    let base = &speeds[of(baseline)];
    for (who, speed) in names.iter().zip(&speeds) {
        let figure = Figure::new(&name, *who, median(speed), "events/s");
        sheet.add(&match (*who == MIZAN, target) {
            (true, Some(target)) => figure.against(ratio(speed, base), baseline).target(target),
            _ => figure.against(ratio(speed, base), baseline),
        });
    }
    let sled = Figure::new(&name, "Mizan log, sled caught up", median(&with_sled), "events/s");
    sheet.add(&sled.against(ratio(&with_sled, base), baseline));
    Ok(())
}

fn from_threads(common: &Common, sheet: &mut Sheet, threads: usize, rounds: usize) -> Outcome {
    let scratch = common.scratch()?;
    let each = if common.quick { 100 } else { 300 };
    let bytes = (rounds + 1) * each * 1_300 + (1 << 20);
    let mut alone = Plain::open(&scratch.path().join("preallocated"), Some(bytes))?;
    let (log, _) = SledLog::open(&scratch.path().join("mizan"))?;
    let group = GroupLog::new(Box::new(log));
    let (mut together, mut one_by_one) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let work: Vec<Vec<Batch>> = (0..threads)
            .map(|thread| {
                let from = (round * threads + thread) * each;
                (from..from + each).map(|number| batch(number, 1)).collect()
            })
            .collect();
        let first = work.first().cloned().unwrap_or_default();
        let (done, time) = timed(|| first.iter().try_for_each(|batch| alone.commit(batch)));
        done?;
        let seconds = race(&group, work)?;
        group.with(|log| log.read(log.head()))??;
        if round > 0 {
            one_by_one.push(each as f64 / time.as_secs_f64());
            together.push((threads * each) as f64 / seconds);
        }
    }
    let what = format!("{threads} threads, one event each");
    let baseline = format!("{PREALLOCATED}, one by one");
    let figure = Figure::new(what, "Mizan group log", median(&together), "events/s");
    sheet.add(&figure.against(ratio(&together, &one_by_one), baseline));
    Ok(())
}

/// All threads append what is theirs; returns the seconds until the last event is acknowledged.
fn race(group: &GroupLog, work: Vec<Vec<Batch>>) -> Fallible<f64> {
    let start = Barrier::new(work.len() + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = work
            .into_iter()
            .map(|batches| {
                let (log, start) = (group.clone(), &start);
                scope.spawn(move || {
                    start.wait();
                    batches.into_iter().try_for_each(|batch| log.append_any(batch).map(|_| ()))
                })
            })
            .collect();
        start.wait();
        let (done, time) = timed(|| -> Fallible<()> {
            for thread in threads {
                thread.join().map_err(|_| "an appending thread panicked")??;
            }
            Ok(())
        });
        done.map(|()| time.as_secs_f64())
    })
}

/// A batch that no other call with another number makes.
fn batch(number: usize, group: usize) -> Batch {
    let side = SideId::new("a");
    let mut batch = Batch::default();
    for event in 0..group {
        let unique = (number * group + event) as u64;
        let body = Body::of(&product(unique % 10_000, unique));
        batch.events.push(bytes_of(observed(unique % 10_000, &side, body.hash, false)));
        batch.bodies.push((body.hash, body.bytes));
    }
    batch
}

struct Mizan(SledLog);

impl Mizan {
    fn open(path: &Path) -> Fallible<Self> {
        Ok(Self(SledLog::open(path)?.0))
    }
}

impl Contender for Mizan {
    fn name(&self) -> &'static str {
        MIZAN
    }

    fn commit(&mut self, batch: &Batch) -> Fallible<()> {
        let head = self.0.head();
        self.0.append(head, batch)?;
        Ok(())
    }

    fn settle(&mut self) -> Fallible<()> {
        // A point read waits until sled has the event.
        self.0.read(self.0.head())?;
        Ok(())
    }
}

/// The same bytes, written to a file and synced: nothing can be plainer.
struct Plain {
    file: File,
    preallocated: bool,
    buffer: Vec<u8>,
}

impl Plain {
    fn open(path: &Path, preallocate: Option<usize>) -> Fallible<Self> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        if let Some(bytes) = preallocate {
            let zeros = vec![0; 1 << 20];
            for _ in 0..bytes.div_ceil(zeros.len()) {
                file.write_all(&zeros)?;
            }
            file.seek(SeekFrom::Start(0))?;
        }
        file.sync_all()?;
        Ok(Self { file, preallocated: preallocate.is_some(), buffer: Vec::new() })
    }
}

impl Contender for Plain {
    fn name(&self) -> &'static str {
        if self.preallocated { PREALLOCATED } else { GROWING }
    }

    fn commit(&mut self, batch: &Batch) -> Fallible<()> {
        self.buffer.clear();
        for (event, (_, body)) in batch.events.iter().zip(&batch.bodies) {
            self.buffer.extend_from_slice(event);
            self.buffer.extend_from_slice(body);
        }
        self.file.write_all(&self.buffer)?;
        self.file.sync_data()?;
        Ok(())
    }
}

/// One row an event, event and body in one blob, one transaction a batch: what SQLite does fastest.
struct Sqlite {
    connection: rusqlite::Connection,
    next: i64,
    buffer: Vec<u8>,
}

impl Sqlite {
    fn open(path: &Path) -> Fallible<Self> {
        let connection = rusqlite::Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection
            .execute_batch("create table event (seq integer primary key, bytes blob not null)")?;
        Ok(Self { connection, next: 1, buffer: Vec::new() })
    }
}

impl Contender for Sqlite {
    fn name(&self) -> &'static str {
        SQLITE
    }

    fn commit(&mut self, batch: &Batch) -> Fallible<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("insert into event (seq, bytes) values (?, ?)")?;
            for (event, (_, body)) in batch.events.iter().zip(&batch.bodies) {
                self.buffer.clear();
                self.buffer.extend_from_slice(event);
                self.buffer.extend_from_slice(body);
                insert.execute((self.next, &self.buffer))?;
                self.next += 1;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}
