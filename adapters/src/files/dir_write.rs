//! Writes of the format `dir`: compare, then replace the whole file.

use super::dir::{Dir, Found};
use super::names;
use super::native::{Wish, refused, taken};
use super::stat::Stat;
use crate::adapter::{Answer, Fault, Refusal, Row};
use mizan_core::{Ext, Image, Operation, Timestamp};
use serde_json::Value as Json;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{MutexGuard, PoisonError};

/// Tries to write a file that others write to as well.
const TRIES: usize = 3;

const BUSY: &str = "the file keeps changing";

impl Dir {
    /// Carries out one write.
    pub(super) fn execute(&self, wish: &Wish) -> Result<Answer, Fault> {
        match &wish.operation {
            Operation::Create => self.create(wish),
            Operation::Update { ext, .. } => {
                let _one = self.lock(ext);
                self.update(wish, ext)
            }
            Operation::Delete { ext, .. } => {
                let _one = self.lock(ext);
                self.delete(wish, ext)
            }
        }
    }

    fn create(&self, wish: &Wish) -> Result<Answer, Fault> {
        let key = names::of_key(&self.shape.key, &wish.set, names::safe);
        let ext = Ext::new(names::shortened(key.unwrap_or_else(|| wish.marker.clone())));
        let Some(name) = names::file_of(&ext) else {
            return Ok(refused(Refusal::Invalid, "the key does not make a file name"));
        };
        let native = self.shape.fresh(&wish.set);
        let (bytes, image) = match self.shape.written(&native) {
            Ok(written) => written,
            Err(refusal) => return Ok(*refusal),
        };
        let _one = self.lock(&ext);
        for _ in 0..TRIES {
            match self.read(&ext, None) {
                Found::Missing => {
                    self.still_there()?;
                    if let Some(stat) = self.place.create(&name, &bytes)? {
                        return Ok(self.done(&ext, image, &stat));
                    }
                }
                Found::Row { row, native: other, .. } if other == native => {
                    return self.done_before(row);
                }
                Found::Row { .. } => {
                    return Ok(taken(&ext, "a file of that name is there, with other content"));
                }
                Found::Bad(why) => {
                    return Ok(taken(&ext, &format!("a file of that name is there: it {why}")));
                }
            }
        }
        Ok(refused(Refusal::Locked, BUSY))
    }

    fn update(&self, wish: &Wish, ext: &Ext) -> Result<Answer, Fault> {
        let Some(name) = names::file_of(ext) else { return Ok(not_ours()) };
        for _ in 0..TRIES {
            let (row, mut native, stat) = match self.expected(wish, ext)? {
                Ok(found) => found,
                Err(answer) => return Ok(answer),
            };
            let before = native.clone();
            self.shape.lens.put(&wish.set, &mut native);
            if native == before {
                return self.done_before(row);
            }
            let (bytes, image) = match self.shape.written(&native) {
                Ok(written) => written,
                Err(refusal) => return Ok(*refusal),
            };
            if let Some(stat) = self.place.replace(&name, &bytes, &stat)? {
                return Ok(self.done(ext, image, &stat));
            }
        }
        Ok(refused(Refusal::Locked, BUSY))
    }

    fn delete(&self, wish: &Wish, ext: &Ext) -> Result<Answer, Fault> {
        let Some(name) = names::file_of(ext) else { return Ok(not_ours()) };
        for _ in 0..TRIES {
            let (_, _, stat) = match self.expected(wish, ext)? {
                Ok(found) => found,
                Err(Answer::Gone) => {
                    self.place.settle()?;
                    return Ok(Answer::Deleted);
                }
                Err(answer) => return Ok(answer),
            };
            if self.place.remove(&name, &stat)? {
                return Ok(Answer::Deleted);
            }
        }
        Ok(refused(Refusal::Locked, BUSY))
    }

    /// The row as it has to be for the write, or the answer that ends the write.
    fn expected(&self, wish: &Wish, ext: &Ext) -> Result<Result<(Row, Json, Stat), Answer>, Fault> {
        Ok(match self.read(ext, None) {
            Found::Missing => {
                self.still_there()?;
                Err(Answer::Gone)
            }
            Found::Bad(why) => {
                Err(refused(Refusal::Locked, &format!("the file {why}; it is left as it is")))
            }
            Found::Row { row, native, stat } if wish.meets(&row.image) => Ok((row, native, stat)),
            Found::Row { row, .. } if wish.is_done(&row.image) => Err(self.done_before(row)?),
            Found::Row { row, .. } => Err(Answer::Changed(row)),
        })
    }

    /// A write into a directory that is not there was surely not done.
    fn still_there(&self) -> Result<(), Fault> {
        self.is_there().map_err(|fault| match fault {
            Fault::BadAnswer(why) => Fault::NotSent(why),
            other => other,
        })
    }

    fn done(&self, ext: &Ext, image: Image, stat: &Stat) -> Answer {
        let (stamp, tag) = (Some(Timestamp(stat.modified_ms())), Some(stat.tag()));
        let row = Row { ext: ext.clone(), image, stamp, tag, marker: None };
        Answer::Done { ext: ext.clone(), row: Some(row) }
    }

    /// The row is as wished already; an earlier try may have left its name to be made durable.
    fn done_before(&self, row: Row) -> Result<Answer, Fault> {
        self.place.settle()?;
        Ok(Answer::Done { ext: row.ext.clone(), row: Some(row) })
    }

    fn lock(&self, ext: &Ext) -> MutexGuard<'_, ()> {
        let mut hash = DefaultHasher::new();
        ext.hash(&mut hash);
        let at = usize::try_from(hash.finish() % self.locks.len() as u64).unwrap_or(0);
        self.locks[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_ours() -> Answer {
    refused(Refusal::Unsupported, "the id is not the name of a file here")
}
