//! Tidying up: what the probe made is removed where that may be, and named exactly where not.

use super::abilities::note;
use super::removes;
use super::report::{Left, Measured};
use super::run::{Came, Made, Run};
use mizan_adapters::{Answer, Fetched, Probe};
use mizan_core::{Image, Operation};

impl Run<'_> {
    /// Removes what was made, the last first.
    pub(super) async fn tidy(&mut self) {
        self.look_for_doubtful().await;
        let allowed = removes(self.adapter, self.entity);
        let mut removed = None;
        while let Some(made) = self.made.pop() {
            let why = match &allowed {
                Err(why) => Some(why.clone()),
                Ok(()) => self.remove(&made).await.err(),
            };
            removed = Some(why.clone());
            if let Some(why) = why {
                self.left(Some(&made), why);
            }
        }
        let what = "a row can be deleted, and is gone then";
        let declared = Some(self.has.delete);
        match (&allowed, removed) {
            (_, None) => {}
            (Err(why), Some(_)) => note(self, what, declared, Measured::Unknown(why.clone())),
            (Ok(()), Some(None)) => {
                note(self, what, declared, Measured::Yes("it is".to_owned()));
            }
            (Ok(()), Some(Some(why))) => note(self, what, declared, Measured::No(why)),
        }
    }

    fn left(&mut self, made: Option<&Made>, why: String) {
        let ext = made.map(|made| made.ext.clone());
        self.report.left.push(Left { ext, find: self.report.name.clone(), why });
    }

    /// A create without an answer may have been carried out all the same.
    async fn look_for_doubtful(&mut self) {
        if !self.in_doubt {
            return;
        }
        let entity = &self.entity.name;
        let keyed = self.entity.key_of(&self.first).is_some() && self.has.find_by_key;
        if keyed && let Ok(rows) = self.adapter.find(entity, Probe::Key(&self.first)).await {
            for row in rows {
                if self.made.iter().all(|made| made.ext != row.ext) {
                    self.report.made.push(row.ext.clone());
                    let (ext, image, marker) = (row.ext, row.image, row.marker);
                    self.made.push(Made { ext, image, marker });
                }
            }
        }
        if self.made.is_empty() {
            let why = "a create was not answered and may have been carried out; look for the name, \
                       now and in a few minutes";
            self.left(None, why.to_owned());
        }
    }

    async fn remove(&mut self, made: &Made) -> Result<(), String> {
        let entity = &self.entity.name;
        // As it is now: a stale expectation must not keep our own row there.
        let image = match self.adapter.get(entity, &made.ext).await {
            Ok(Fetched::Found(row)) => row.image,
            Ok(Fetched::NotFound) => return Ok(()),
            Err(_) => made.image.clone(),
        };
        let (ext, expect) = (made.ext.clone(), image.hash());
        let nothing = Image::default();
        let command = self.command(Operation::Delete { ext, expect }, &nothing);
        match self.send(&command, &nothing, Some(&image)).await {
            Came::Answered(Answer::Deleted | Answer::Gone) => {}
            Came::Answered(Answer::Refused { message, .. }) => {
                return Err(format!("the side refused to delete it: {message}"));
            }
            Came::Answered(Answer::Changed(_)) => {
                return Err("it changes by itself, so it was not deleted".to_owned());
            }
            Came::Answered(Answer::Done { .. }) | Came::Done(..) => {
                return Err("the side answered the delete with a row".to_owned());
            }
            Came::Failed(fault) => return Err(format!("the delete has no answer: {fault}")),
        }
        match self.adapter.get(&self.entity.name, &made.ext).await {
            Ok(Fetched::NotFound) => Ok(()),
            Ok(Fetched::Found(_)) => Err("the side said deleted and still shows it".to_owned()),
            Err(fault) => Err(format!("whether it is gone could not be read: {fault}")),
        }
    }
}
