//! The changes of a probe, and what became of each value.

use super::canary::{self, Trial};
use super::report::{Sample, Verdict};
use super::run::{Came, Run};
use mizan_adapters::Answer;
use mizan_core::suggest::suggest;
use mizan_core::{Field, Image, Name, Operation, Type, Value};

impl Run<'_> {
    /// Changes the canary as often as there are values to try, all fields at once where the side takes them.
    pub(super) async fn edit_all(&mut self) {
        let (side, token) = (self.side(), &self.options.token);
        let probed = |field: &&Field| {
            let report = self.report.fields.iter().find(|report| report.field == field.name);
            // What was not taken in its plainest form will not be taken in any other.
            report
                .and_then(|report| report.samples.first())
                .is_some_and(|first| !matches!(first.verdict, Verdict::Refused(_)))
        };
        let edits: Vec<(Name, Vec<Trial>)> = self
            .entity
            .fields
            .iter()
            .filter(probed)
            .map(|field| (field.name.clone(), canary::edits(self.entity, field, side, token)))
            .collect();
        let rounds = edits.iter().map(|(_, trials)| trials.len()).max().unwrap_or(0);
        for round in 0..rounds {
            let at = |(name, trials): &(Name, Vec<Trial>)| {
                Some((name.clone(), trials.get(round)?.clone()))
            };
            let trials: Vec<(Name, Trial)> = edits.iter().filter_map(at).collect();
            if self.options.stopped() || !self.edit(&trials).await {
                return;
            }
        }
    }

    /// One change; where the side refuses it, each field on its own. False where the probe cannot go on.
    async fn edit(&mut self, trials: &[(Name, Trial)]) -> bool {
        match self.update(trials).await {
            Came::Failed(fault) => {
                self.failed("the canary could not be changed", &fault);
                false
            }
            Came::Done(..) => true,
            Came::Answered(Answer::Refused { .. }) if trials.len() > 1 => {
                for trial in trials {
                    if !Box::pin(self.edit(std::slice::from_ref(trial))).await {
                        return false;
                    }
                }
                true
            }
            Came::Answered(Answer::Refused { message, .. }) => {
                for (name, (about, sent)) in trials {
                    let (declared, verdict) = (sent.clone(), Verdict::Refused(message.clone()));
                    let sent = sent.clone();
                    self.sample(name, Sample { about, sent, declared, stored: None, verdict });
                }
                true
            }
            Came::Answered(answer) => {
                let what = match answer {
                    Answer::Changed(_) => {
                        "the row was not as it had been shown: it changes by itself"
                    }
                    Answer::Gone => "the row was gone",
                    Answer::Deleted | Answer::Done { .. } | Answer::Refused { .. } => {
                        "the answer was none to an update"
                    }
                };
                self.report.failed = Some(format!("the canary could not be changed: {what}"));
                false
            }
        }
    }

    async fn update(&mut self, trials: &[(Name, Trial)]) -> Came {
        let set: Image =
            trials.iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect();
        let Some(before) = self.made.first().cloned() else {
            return Came::Answered(Answer::Gone);
        };
        let (ext, expect) = (before.ext.clone(), before.image.hash());
        let command = self.command(Operation::Update { ext, expect }, &set);
        let came = self.send(&command, &set, Some(&before.image)).await;
        if let Came::Done(made, _) = &came {
            let after = made.image.clone().over(&before.image);
            for (name, (about, sent)) in trials {
                self.compare(name, about, sent, Some(&before.image), &after);
            }
            self.made[0].image = after;
        }
        came
    }

    /// Puts the plain values back: where the canary stays, a person must be able to tell what it is.
    pub(super) async fn restore(&mut self) {
        let Some(now) = self.made.first().cloned() else { return };
        let side = self.side();
        let changed = self.first.iter().filter(|(name, value)| {
            let field = self.entity.fields.iter().find(|field| field.name == **name);
            field.is_some_and(|field| field.writable_on(side, false))
                && now.image.get(name) != Some(*value)
        });
        let set: Image = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
        if set.is_empty() {
            return;
        }
        let (ext, expect) = (now.ext.clone(), now.image.hash());
        let command = self.command(Operation::Update { ext, expect }, &set);
        if let Came::Done(made, _) = self.send(&command, &set, Some(&now.image)).await {
            self.made[0].image = made.image.over(&now.image);
        }
    }

    /// Holds what is stored against what was sent and against what is declared.
    pub(super) fn compare(
        &mut self,
        name: &Name,
        about: &'static str,
        sent: &Value,
        before: Option<&Image>,
        after: &Image,
    ) {
        let Some(field) = self.entity.fields.iter().find(|field| field.name == *name) else {
            return;
        };
        let declared = field.on_side(self.side(), sent);
        let stored = after.get(name).cloned();
        let old = before.and_then(|before| before.get(name));
        let verdict = verdict(field, sent, &declared, stored.as_ref(), old);
        self.sample(name, Sample { about, sent: sent.clone(), declared, stored, verdict });
    }

    pub(super) fn sample(&mut self, name: &Name, sample: Sample) {
        if let Some(report) = self.report.fields.iter_mut().find(|report| report.field == *name) {
            report.samples.push(sample);
        }
    }
}

fn verdict(
    field: &Field,
    sent: &Value,
    declared: &Value,
    stored: Option<&Value>,
    old: Option<&Value>,
) -> Verdict {
    let Some(stored) = stored else { return Verdict::NotShown };
    let empty = sent.is_null() || *sent == Value::text("");
    if stored == declared {
        Verdict::AsDeclared
    } else if stored == sent {
        Verdict::Finer
    } else if Some(stored) == old && (empty || suggest(&[(sent, stored)]).is_none()) {
        Verdict::Ignored
    } else if matches!(field.kind, Type::Items(_)) && holds_items(sent, stored) {
        Verdict::AsDeclared
    } else {
        Verdict::Drift
    }
}

/// True where each item shows what was sent, whatever else the side adds to it.
fn holds_items(sent: &Value, stored: &Value) -> bool {
    let (Value::List(sent), Value::List(stored)) = (sent, stored) else { return false };
    sent.len() == stored.len()
        && sent.iter().zip(stored).all(|(sent, stored)| match (sent, stored) {
            (Value::Map(sent), Value::Map(stored)) => {
                sent.iter().all(|(name, value)| stored.get(name) == Some(value))
            }
            _ => sent == stored,
        })
}
