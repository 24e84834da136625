//! What happens to a write on its way: faults as they are drawn, and troubles as a scenario planned them.

use super::{Applied, Moment, RowKey, Sent, Trouble, World};
use crate::profile::Mishap;
use crate::vices::Vice;
use mizan_adapters::{Answer, Fault, Refusal};
use mizan_core::Operation;

impl World {
    fn doubted(&mut self, sent: &Sent) {
        self.catch_up();
        if let Some(thing) = self.watch.things.get(&sent.command.record) {
            self.ghost.things[*thing].doubtful = true;
        }
        self.coverage.note(match sent.command.operation {
            Operation::Create => "create in doubt",
            Operation::Update { .. } => "update in doubt",
            Operation::Delete { .. } => "delete in doubt",
        });
    }

    /// What can happen before a write arrives.
    pub(crate) fn before_write(&mut self, side: usize, sent: &Sent) -> Result<(), Fault> {
        let faults = self.faults;
        if self.rng.per_mille(faults.not_sent) {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        if let Some(ext) = sent.command.operation.ext() {
            let key = (sent.command.entity.clone(), ext.clone());
            if self.rng.per_mille(faults.delete_before_write) {
                self.delete(side, &key);
            } else if (self.strikes(Mishap::EditBeforeWrite)
                || self.rng.per_mille(faults.edit_before_write))
                && self.sides[side].rows.get(&key).is_some_and(|cell| cell.live)
            {
                self.meddle(side, &key);
            }
        }
        if self.strikes(Mishap::RequestLost) || self.rng.per_mille(faults.request_lost) {
            self.doubted(sent);
            let late = self.sides[side].offers.late_arrivals && self.rng.per_mille(500);
            if late {
                self.arrive_later(side, sent.clone());
            }
            let id = &self.sides[side].id;
            let line = format!("the {} is lost on its way to {id}", sent.command);
            self.tell(|| line);
            return Err(Fault::InDoubt("no answer in time".to_owned()));
        }
        Ok(())
    }

    /// What can happen before its answer arrives.
    pub(crate) fn after_write(
        &mut self,
        side: usize,
        sent: &Sent,
        applied: &Applied,
    ) -> Result<(), Fault> {
        let faults = self.faults;
        if let Applied::Done(ext, _) = applied {
            let key = (sent.command.entity.clone(), ext.clone());
            if self.rng.per_mille(faults.delete_after_write) {
                self.delete(side, &key);
            } else if self.rng.per_mille(faults.edit_after_write) {
                self.meddle(side, &key);
            }
        }
        if self.strikes(Mishap::AnswerLost) || self.rng.per_mille(faults.answer_lost) {
            self.doubted(sent);
            self.tell(|| format!("the answer to {} is lost", sent.command));
            return Err(Fault::InDoubt("the answer was lost".to_owned()));
        }
        Ok(())
    }

    /// What a scenario planned for before a write arrives.
    pub(crate) fn trouble_before(&mut self, side: usize, sent: &Sent) -> Result<(), Fault> {
        self.meanwhile(side, Moment::BeforeWrite);
        if self.befalls(side, Trouble::NotSent) {
            return Err(Fault::NotSent("the connection failed".to_owned()));
        }
        if self.befalls(side, Trouble::Unauthorized) {
            return Err(Fault::Unauthorized("the token has ended".to_owned()));
        }
        if self.befalls(side, Trouble::RequestLate) {
            self.doubted(sent);
            self.arrive_later(side, sent.clone());
            return Err(Fault::InDoubt("no answer in time".to_owned()));
        }
        if self.befalls(side, Trouble::RequestLost) || self.always_fails(side, sent) {
            self.doubted(sent);
            return Err(Fault::InDoubt("the side answered with an error of its own".to_owned()));
        }
        Ok(())
    }

    /// What a scenario planned for before its answer arrives.
    pub(crate) fn trouble_after(&mut self, side: usize, sent: &Sent) -> Result<(), Fault> {
        self.meanwhile(side, Moment::AfterWrite);
        if self.befalls(side, Trouble::AnswerLost) {
            self.doubted(sent);
            return Err(Fault::InDoubt("the answer was lost".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn refuses_by_script(&mut self, side: usize) -> Option<Answer> {
        let refused = |why, message: &str| Answer::Refused { why, message: message.to_owned() };
        if self.befalls(side, Trouble::Locked) {
            return Some(refused(Refusal::Locked, "the row is final"));
        }
        if self.befalls(side, Trouble::Invalid) {
            return Some(refused(Refusal::Invalid, "the rules do not allow it"));
        }
        None
    }

    fn always_fails(&self, side: usize, sent: &Sent) -> bool {
        let ext = sent.command.operation.ext();
        self.has(side, Vice::AlwaysFails) && ext.is_some_and(|ext| ext.as_str().ends_with('2'))
    }

    /// True where a direct read says of a row that is there that it is not found.
    pub(crate) fn hides(&mut self, side: usize) -> bool {
        self.vice_strikes(side, Vice::GetHides, 300)
    }

    /// A read moves the row's stamp, where the side is like that.
    pub(crate) fn touch(&mut self, side: usize, key: &RowKey) {
        let now = self.now;
        if self.has(side, Vice::TouchedByReads)
            && let Some(cell) = self.sides[side].rows.get_mut(key).filter(|cell| cell.live)
        {
            cell.stamp = now;
            cell.keep(now);
        }
    }
}
