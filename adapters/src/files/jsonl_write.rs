//! Writes of the format `jsonl`: one line of the table at a time, in memory.

use super::jsonl::Jsonl;
use super::names;
use super::native::{self, BYTE_ORDER_MARK, Wish, refused, taken};
use super::table::{At, Line, Read, Table, content_tag, id_of};
use crate::adapter::{Answer, Refusal, Row};
use mizan_core::{Ext, Operation};
use serde_json::Value as Json;

impl Jsonl {
    /// Changes the table as a command wishes; the second part of the result is true where it was changed.
    pub(super) fn apply(&self, table: &mut Table, wish: &Wish) -> (Answer, bool) {
        let outcome = match &wish.operation {
            Operation::Create => self.create(table, wish),
            Operation::Update { ext, .. } => self.update(table, wish, ext),
            Operation::Delete { ext, .. } => self.delete(table, wish, ext),
        };
        match outcome {
            Ok(answer) => (answer, true),
            Err(answer) => (*answer, false),
        }
    }

    /// `Ok` where the table was changed.
    fn create(&self, table: &mut Table, wish: &Wish) -> Result<Answer, Box<Answer>> {
        let mut native = self.shape.fresh(&wish.set);
        if id_of(&native, &self.id).is_none() {
            let key = names::of_key(&self.shape.key, &wish.set, str::to_owned);
            let id = key.unwrap_or_else(|| wish.marker.clone());
            self.id.put(&mut native, Json::String(id));
        }
        let Some(ext) = id_of(&native, &self.id) else {
            return Err(refused(Refusal::Invalid, "the new row has no id").into());
        };
        if let Some(at) = table.find(&ext) {
            let same = match at {
                At::Line(number) => native::object(&table.lines[number].text) == Ok(native),
                At::Several(_) => false,
            };
            let answer = match table.row(&ext) {
                Some(Ok(row)) if same => done(row.clone()),
                _ => taken(&ext, "a line with that id is there, with other content"),
            };
            return Err(answer.into());
        }
        let (text, image) = self.shape.written(&native)?;
        let tag = Some(content_tag(&text));
        let row = Row { ext: ext.clone(), image, stamp: None, tag, marker: None };
        table.push(&ext, Line { text, read: Read::Row(row.clone()) });
        Ok(done(row))
    }

    fn update(&self, table: &mut Table, wish: &Wish, ext: &Ext) -> Result<Answer, Box<Answer>> {
        let number = self.expected(table, wish, ext)?;
        let line = &mut table.lines[number];
        let before = native::object(&line.text).map_err(|why| locked(&why))?;
        let mut native = before.clone();
        self.shape.lens.put(&wish.set, &mut native);
        if id_of(&native, &self.id).as_ref() != Some(ext) {
            return Err(refused(Refusal::Invalid, "the write would change the row's id").into());
        }
        if let Read::Row(row) = &line.read
            && native == before
        {
            return Err(done(row.clone()).into());
        }
        let (object, image) = self.shape.written(&native)?;
        let text = around(&line.text, &object);
        let tag = Some(content_tag(&text));
        let row = Row { ext: ext.clone(), image, stamp: None, tag, marker: None };
        *line = Line { text, read: Read::Row(row.clone()) };
        Ok(done(row))
    }

    fn delete(&self, table: &mut Table, wish: &Wish, ext: &Ext) -> Result<Answer, Box<Answer>> {
        let number = self.expected(table, wish, ext).map_err(|answer| match *answer {
            Answer::Gone => Box::new(Answer::Deleted),
            other => other.into(),
        })?;
        table.remove(ext, number);
        Ok(Answer::Deleted)
    }

    /// The line of the row as it has to be, or the answer that ends the write.
    fn expected(&self, table: &Table, wish: &Wish, ext: &Ext) -> Result<usize, Box<Answer>> {
        let row = match table.row(ext) {
            None if table.is_sound() => return Err(Answer::Gone.into()),
            None => {
                return Err(locked("some lines cannot be read, and one of them may be the row"));
            }
            Some(Err(why)) => return Err(locked(&format!("the row {why}"))),
            Some(Ok(row)) => row,
        };
        if !wish.meets(&row.image) {
            let row = row.clone();
            let repeated = wish.is_done(&row.image);
            return Err(if repeated { done(row) } else { Answer::Changed(row) }.into());
        }
        match table.find(ext) {
            Some(At::Line(number)) => Ok(number),
            Some(At::Several(_)) | None => Err(Answer::Gone.into()),
        }
    }
}

/// A line with a new object, between the byte order mark and the carriage return of the old one.
fn around(old: &[u8], object: &[u8]) -> Vec<u8> {
    let mark: &[u8] = if old.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { b"" };
    let end: &[u8] = if old.ends_with(b"\r") { b"\r" } else { b"" };
    [mark, object, end].concat()
}

fn done(row: Row) -> Answer {
    Answer::Done { ext: row.ext.clone(), row: Some(row) }
}

fn locked(why: &str) -> Box<Answer> {
    refused(Refusal::Locked, &format!("{why}; it is left as it is")).into()
}
