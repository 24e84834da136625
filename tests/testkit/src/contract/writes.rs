//! What is written: creates, updates, deletes, and what must not be done.

use super::Clause;
use super::talk::{Made, Talk, departs, names};
use mizan_adapters::{Answer, Fault, Refusal, Row};
use mizan_core::{Ext, Image, Operation};
use std::collections::{BTreeMap, BTreeSet};

/// What an answer says, without the row.
fn said(answer: &Answer) -> String {
    match answer {
        Answer::Done { ext, .. } => format!("`Done` with row {ext}"),
        Answer::Deleted => "`Deleted`".to_owned(),
        Answer::Gone => "`Gone`".to_owned(),
        Answer::Changed(row) => format!("`Changed` with row {}", row.ext),
        Answer::Refused { why, message } => format!("`Refused` as {why:?}: {message}"),
    }
}

fn unsupported(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { why: Refusal::Unsupported, .. })
}

impl Talk<'_> {
    pub(super) async fn refuses_creates(
        &mut self,
        before: &BTreeMap<Ext, Option<Row>>,
    ) -> Result<(), Fault> {
        let set = self.stored(&self.sample(0));
        let command = self.command(1, Operation::Create, &set);
        let answer = self.send(&command, &set, None).await?;
        if !unsupported(&answer) {
            let what = format!("a create is answered {}", said(&answer));
            self.broke(Clause::SaysWhatItCannot, what);
        }
        let after = self.sweep().await?;
        if after.len() != before.len() {
            let what = "a create was denied and done".to_owned();
            self.broke(Clause::SaysWhatItCannot, what);
        }
        Ok(())
    }

    /// Creates the samples but the last; nothing where one of them could not be created.
    pub(super) async fn creates(
        &mut self,
        before: &BTreeMap<Ext, Option<Row>>,
    ) -> Result<Option<Vec<Made>>, Fault> {
        let mut made: Vec<Made> = Vec::new();
        let mut known: BTreeSet<Ext> = before.keys().cloned().collect();
        for index in 0..super::SAMPLES - 1 {
            // As it is, and not as the side stores it: what it makes of it is part of the contract.
            let set = self.sample(index);
            let record = u32::try_from(index).unwrap_or(0) + 1;
            let command = self.command(record, Operation::Create, &set);
            let answer = self.send(&command, &set, None).await?;
            let Answer::Done { ext, row: shown } = answer else {
                let what = format!("a create is answered {}", said(&answer));
                self.broke(Clause::CreateShows, what);
                return Ok(None);
            };
            if !known.insert(ext.clone()) {
                let what = format!("the created row has the id {ext}, which another row has");
                self.broke(Clause::IdsAreOpaque, what);
            }
            let Some(row) = self.read(&ext, Clause::CreateShows).await? else { return Ok(None) };
            self.answer_is_the_row(shown.as_ref(), &row);
            self.shows(&row, &set);
            made.push(Made { ext, row, command, set });
        }
        Ok(Some(made))
    }

    fn answer_is_the_row(&mut self, shown: Option<&Row>, row: &Row) {
        let Some(shown) = shown else { return };
        let other = departs(&row.image, &shown.image);
        if !other.is_empty() || shown.ext != row.ext {
            let what = format!("row {} is read with another {}", row.ext, names(&other));
            self.broke(Clause::AnswerIsTheRow, what);
        }
    }

    /// L16: what was written is shown, as the declared normaliser has it.
    fn shows(&mut self, row: &Row, set: &Image) {
        let wanted = self.stored(set);
        for name in departs(&row.image, &wanted) {
            let clause = Clause::NormaliserAsDeclared;
            let (sent, is) = (set.get(&name), row.image.get(&name));
            let text = |value: Option<&mizan_core::Value>| {
                value.map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"))
            };
            let what = format!(
                "{name}: {} was written, {} declared and {} read",
                text(sent),
                text(wanted.get(&name)),
                text(is)
            );
            self.broke(clause, what);
        }
        let missing =
            wanted.iter().filter(|(name, value)| row.image.get(name).is_none() && !value.is_null());
        let missing: Vec<_> = missing.map(|(name, _)| name.clone()).collect();
        if !missing.is_empty() {
            let what = format!("row {} does not show {}", row.ext, names(&missing));
            self.broke(Clause::CreateShows, what);
        }
    }

    /// One field of another sample, in which it departs from the row.
    fn change(&self, row: &Row, index: usize) -> Image {
        let other = self.stored(&self.sample(index));
        let change = self.changeable().into_iter().find_map(|field| {
            let value = other.get(&field.name)?;
            let departs = row.image.get(&field.name) != Some(value);
            departs.then(|| (field.name.clone(), value.clone()))
        });
        change.into_iter().collect()
    }

    pub(super) async fn updates(&mut self, made: &[Made]) -> Result<(), Fault> {
        let Some(row) = self.read(&made[0].ext, Clause::CreateShows).await? else { return Ok(()) };
        let set = self.change(&row, 1);
        if set.is_empty() {
            return Ok(());
        }
        let (command, answer) = self.update(&row.ext, &set, &row.image).await?;
        let Some(after) = self.read(&row.ext, Clause::UpdateShows).await? else { return Ok(()) };
        if !self.adapter.capabilities(&self.entity.name).update {
            if !unsupported(&answer) || after.image != row.image {
                let what = format!("an update is answered {}", said(&answer));
                self.broke(Clause::SaysWhatItCannot, what);
            }
            return Ok(());
        }
        match &answer {
            Answer::Done { ext, row: shown } if *ext == row.ext => {
                self.answer_is_the_row(shown.as_ref(), &after);
            }
            answer => {
                let what = format!("an update of row {} is answered {}", row.ext, said(answer));
                self.broke(Clause::UpdateShows, what);
                return Ok(());
            }
        }
        let missed = departs(&after.image, &set);
        if !missed.is_empty() {
            let what = format!("row {} does not show the new {}", row.ext, names(&missed));
            self.broke(Clause::UpdateShows, what);
        }
        let touched: Image = row.image.clone();
        let touched = departs(&after.image, &touched);
        let touched: Vec<_> = touched.into_iter().filter(|name| set.get(name).is_none()).collect();
        if !touched.is_empty() {
            let what = format!("an update of {} changed {}", fields(&set), names(&touched));
            self.broke(Clause::OtherFieldsUntouched, what);
        }
        self.stale(&row, &after).await?;
        self.once(&command, &set, &row).await
    }

    /// L40: the row is not as expected any more.
    async fn stale(&mut self, before: &Row, now: &Row) -> Result<(), Fault> {
        let set = self.change(now, 2);
        if set.is_empty() {
            return Ok(());
        }
        let (_, answer) = self.update(&now.ext, &set, &before.image).await?;
        match &answer {
            Answer::Changed(row) => {
                let other = departs(&row.image, &now.image);
                if !other.is_empty() {
                    let what = format!("`Changed` shows another {}", names(&other));
                    self.broke(Clause::StaleIsRefused, what);
                }
            }
            answer => {
                let what = format!("an update of {} is answered {}", fields(&set), said(answer));
                self.broke(Clause::StaleIsRefused, what);
            }
        }
        self.untouched(now, "a stale update").await
    }

    async fn untouched(&mut self, now: &Row, after: &str) -> Result<(), Fault> {
        let Some(row) = self.read(&now.ext, Clause::RefusedWritesNothing).await? else {
            return Ok(());
        };
        let other = departs(&row.image, &now.image);
        if !other.is_empty() {
            let what = format!("{after} of row {} changed {}", now.ext, names(&other));
            self.broke(Clause::RefusedWritesNothing, what);
        }
        Ok(())
    }

    /// L38: an update sent twice, where the side remembers commands.
    async fn once(
        &mut self,
        command: &mizan_core::Command,
        set: &Image,
        before: &Row,
    ) -> Result<(), Fault> {
        if !self.adapter.capabilities(&self.entity.name).idempotent {
            return Ok(());
        }
        let answer = self.send(command, set, Some(&before.image)).await?;
        if !matches!(&answer, Answer::Done { ext, .. } if *ext == before.ext) {
            let what = format!("an update sent twice is answered {}", said(&answer));
            self.broke(Clause::OnceOnly, what);
        }
        Ok(())
    }

    pub(super) async fn repeats(&mut self, made: &[Made]) -> Result<(), Fault> {
        let can = self.adapter.capabilities(&self.entity.name);
        let before = self.sweep().await?.len();
        let one = &made[1];
        if can.idempotent {
            let answer = self.send(&one.command, &one.set, None).await?;
            if !matches!(&answer, Answer::Done { ext, .. } if *ext == one.ext) {
                let what = format!("a create sent twice is answered {}", said(&answer));
                self.broke(Clause::OnceOnly, what);
            }
            let after = self.sweep().await?.len();
            if after != before {
                let what = format!("a create sent twice made {} rows more", after.abs_diff(before));
                self.broke(Clause::OnceOnly, what);
            }
        }
        if can.unique_key && !self.entity.key.is_empty() {
            let mut set = self.sample(super::SAMPLES - 1);
            for (name, value) in self.key(&one.set).iter() {
                set.set(name, value.clone());
            }
            let command = self.command(9, Operation::Create, &set);
            let answer = self.send(&command, &set, None).await?;
            let taken = matches!(&answer, Answer::Refused { why: Refusal::KeyTaken(of), .. }
                if of.as_ref().is_none_or(|ext| *ext == one.ext));
            if !taken {
                let what = format!("a second create with a key is answered {}", said(&answer));
                self.broke(Clause::KeyIsUnique, what);
            }
        }
        Ok(())
    }

    pub(super) async fn deletes(&mut self, made: &[Made]) -> Result<(), Fault> {
        let ext = made[2].ext.clone();
        let Some(row) = self.read(&ext, Clause::CreateShows).await? else { return Ok(()) };
        if !self.adapter.capabilities(&self.entity.name).delete {
            let answer = self.delete(&ext, &row.image).await?;
            if !unsupported(&answer) || self.get(&ext).await?.is_none() {
                let what = format!("a delete is answered {}", said(&answer));
                self.broke(Clause::SaysWhatItCannot, what);
            }
            return Ok(());
        }
        let mut stale = row.image.clone();
        for (name, value) in self.change(&row, 1).iter() {
            stale.set(name, value.clone());
        }
        if stale != row.image {
            let answer = self.delete(&ext, &stale).await?;
            if !matches!(answer, Answer::Changed(_)) {
                let what = format!("a delete is answered {}", said(&answer));
                self.broke(Clause::StaleIsRefused, what);
            }
            self.untouched(&row, "a stale delete").await?;
        }
        let answer = self.delete(&ext, &row.image).await?;
        if answer != Answer::Deleted {
            let what = format!("a delete of row {ext} is answered {}", said(&answer));
            self.broke(Clause::DeleteShows, what);
            return Ok(());
        }
        self.is_gone(&row).await?;
        for one in &made[..2] {
            if let Some(row) = self.get(&one.ext).await? {
                self.delete(&one.ext, &row.image).await?;
            }
        }
        self.sweep().await.map(|_| ())
    }

    async fn is_gone(&mut self, row: &Row) -> Result<(), Fault> {
        let ext = &row.ext;
        if self.get(ext).await?.is_some() {
            self.broke(Clause::DeleteShows, format!("row {ext} is still read"));
        }
        if self.sweep().await?.contains_key(ext) {
            self.broke(Clause::DeleteShows, format!("row {ext} is still listed"));
        }
        let answer = self.delete(ext, &row.image).await?;
        if !matches!(answer, Answer::Deleted | Answer::Gone) {
            let what = format!("a second delete of row {ext} is answered {}", said(&answer));
            self.broke(Clause::GoneIsSaid, what);
        }
        let set = self.change(row, 1);
        if self.adapter.capabilities(&self.entity.name).update && !set.is_empty() {
            let (_, answer) = self.update(ext, &set, &row.image).await?;
            if answer != Answer::Gone {
                let what = format!("an update of deleted row {ext} is answered {}", said(&answer));
                self.broke(Clause::GoneIsSaid, what);
            }
        }
        Ok(())
    }
}

fn fields(set: &Image) -> String {
    let list: Vec<_> = set.iter().map(|(name, _)| name.clone()).collect();
    names(&list)
}
