//! The steps of a probe: create, read, change, and what each value became.

use super::canary::{self, Parents, Trial};
use super::report::{FieldReport, Measured, ProbeReport, Sample, Verdict};
use super::{ProbeOptions, abilities};
use mizan_adapters::{
    Adapter, Answer, Capabilities, Fault, Fetched, Known, Listed, Order, Pull, Row,
};
use mizan_core::suggest::suggest;
use mizan_core::{
    Command, CommandId, ContentHash, Entity, Ext, FieldSet, Image, Name, Operation, RecordId,
    SideId, Value, VersionVector,
};
use std::collections::BTreeMap;

/// A probe does not remember rows.
pub(super) struct Nothing;

impl Known for Nothing {
    fn tag(&self, _: &Ext) -> Option<u64> {
        None
    }
}

/// A row that the probe made, as it was last shown.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) ext: Ext,
    pub(super) image: Image,
    pub(super) marker: Option<String>,
}

/// What came of a write.
pub(super) enum Came {
    /// Done; the row afterwards, and whether the answer itself showed it.
    Done(Made, bool),
    /// Something else that the side said.
    Answered(Answer),
    /// The side did not say; the rest of the probe is called off.
    Failed(Fault),
}

/// A probe under way.
pub(super) struct Run<'a> {
    pub(super) adapter: &'a dyn Adapter,
    pub(super) entity: &'a Entity,
    pub(super) options: &'a ProbeOptions,
    pub(super) has: Capabilities,
    pub(super) report: ProbeReport,
    /// Rows that are there because of us, the canary first.
    pub(super) made: Vec<Made>,
    /// What the create of the canary set.
    pub(super) first: Image,
    /// A create whose effect is not known.
    pub(super) in_doubt: bool,
    steps: u32,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        adapter: &'a dyn Adapter,
        entity: &'a Entity,
        options: &'a ProbeOptions,
        report: ProbeReport,
    ) -> Self {
        let has = adapter.capabilities(&entity.name);
        let (made, first) = (Vec::new(), Image::default());
        Self { adapter, entity, options, has, report, made, first, in_doubt: false, steps: 0 }
    }

    /// Everything but tidying up.
    pub(super) async fn all(&mut self) {
        let parents = self.parents().await;
        let Some(command) = self.create(&parents).await else { return };
        abilities::reads(self).await;
        abilities::creates_again(self, &command).await;
        abilities::finds(self, &command).await;
        if self.options.stopped() {
            return;
        }
        let updates = self.entity.sides.get(self.side()).is_some_and(|on| on.updates);
        if updates && self.has.update {
            self.edit_all().await;
            abilities::updates(self).await;
            self.restore().await;
        } else {
            let why = if updates { "the side cannot change rows" } else { "`updates` is false" };
            self.report.notes.push(format!("nothing was changed: {why}"));
        }
    }

    pub(super) fn side(&self) -> &'a SideId {
        self.adapter.side()
    }

    pub(super) fn failed(&mut self, doing: &str, fault: &Fault) {
        let what = format!("{doing}: {fault}");
        if self.report.failed.is_none() {
            self.report.failed = Some(what);
        } else {
            self.report.notes.push(what);
        }
    }

    /// A command of this probe, and of nobody else's.
    pub(super) fn command(&mut self, operation: Operation, set: &Image) -> Command {
        self.steps += 1;
        let what =
            (self.options.name(), self.side().as_str(), self.entity.name.as_str(), self.steps);
        let id = ContentHash::of("mizan.probe.v1", format!("{what:?}").as_bytes());
        let mut fields = FieldSet::EMPTY;
        for (name, _) in set.iter() {
            if let Some(bit) = self.entity.bit(name) {
                fields.insert(bit as usize);
            }
        }
        Command {
            id: CommandId(id),
            record: RecordId(0),
            entity: self.entity.name.clone(),
            side: self.side().clone(),
            operation,
            fields,
            set: set.hash(),
            contains: VersionVector::default(),
            refers_to: Vec::new(),
        }
    }

    /// Sends one write, and reads the row where the answer does not show it, as a sync does.
    pub(super) async fn send(
        &self,
        command: &Command,
        set: &Image,
        expect: Option<&Image>,
    ) -> Came {
        let entity = &self.entity.name;
        match self.adapter.execute(Order { command, set, expect }).await {
            Ok(Answer::Done { ext, row: Some(row) }) => Came::Done(made(ext, row), true),
            Ok(Answer::Done { ext, row: None }) => match self.adapter.get(entity, &ext).await {
                Ok(Fetched::Found(row)) => Came::Done(made(ext, row), false),
                // The write is done, whatever became of the read.
                Ok(Fetched::NotFound) | Err(_) => {
                    Came::Done(Made { ext, image: Image::default(), marker: None }, false)
                }
            },
            Ok(answer) => Came::Answered(answer),
            Err(fault) => Came::Failed(fault),
        }
    }

    /// The first row of each entity that is referred to.
    async fn parents(&mut self) -> Parents {
        let mut parents = Parents::new();
        for target in self.entity.references() {
            if parents.contains_key(&target) {
                continue;
            }
            let found = match self.adapter.pull(&target, Pull::All, None, &Nothing).await {
                Ok(page) => page.rows.into_iter().find_map(|row| match row {
                    Listed::Row(row) => Some(row.ext),
                    Listed::Same(ext) => Some(ext),
                    Listed::Bad { .. } => None,
                }),
                Err(fault) => {
                    self.report.notes.push(format!("{target} could not be listed: {fault}"));
                    None
                }
            };
            parents.insert(target, found);
        }
        parents
    }

    /// Creates the canary; what the side refuses to take is left out.
    async fn create(&mut self, parents: &Parents) -> Option<Command> {
        let trials = self.first_values(parents);
        let mut refusal = None;
        for without in self.suspects(&trials) {
            let taken: BTreeMap<Name, Trial> = trials
                .iter()
                .filter(|(name, _)| !without.contains(name))
                .map(|(name, trial)| (name.clone(), trial.clone()))
                .collect();
            let set: Image =
                taken.iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect();
            let command = self.command(Operation::Create, &set);
            match self.send(&command, &set, None).await {
                Came::Done(made, shown) => {
                    let why: String = refusal.unwrap_or_default();
                    for name in &without {
                        self.refused(name, &trials, &why);
                    }
                    self.created(made, shown, set, &taken);
                    return Some(command);
                }
                Came::Answered(Answer::Refused { message, .. }) => {
                    refusal.get_or_insert(message);
                }
                Came::Answered(answer) => {
                    self.report.failed = Some(format!("the create was answered with {answer:?}"));
                    return None;
                }
                Came::Failed(fault) => {
                    self.in_doubt = !matches!(fault, Fault::NotSent(_) | Fault::Unauthorized(_));
                    self.first = set;
                    self.failed("the canary could not be created", &fault);
                    return None;
                }
            }
        }
        let why = refusal.unwrap_or_default();
        self.report.failed = Some(format!("the side refused the canary: {why}"));
        None
    }

    /// Fields to leave out, try by try: none; each that is not part of the key; all texts but names; all of those.
    fn suspects(&self, trials: &BTreeMap<Name, Trial>) -> Vec<Vec<Name>> {
        let own: Vec<&Name> =
            trials.keys().filter(|name| !self.entity.key.contains(*name)).collect();
        let odd = own.iter().filter(|name| {
            let text = trials.get(**name).is_some_and(|(_, value)| matches!(value, Value::Text(_)));
            text && !name.contains("name") && !name.contains("title")
        });
        let odd: Vec<Name> = odd.map(|name| (*name).clone()).collect();
        let mut suspects = vec![Vec::new()];
        suspects.extend(own.iter().map(|name| vec![(*name).clone()]));
        suspects.push(odd);
        suspects.push(own.into_iter().cloned().collect());
        suspects
    }

    fn first_values(&mut self, parents: &Parents) -> BTreeMap<Name, Trial> {
        let (side, token, today) = (self.side(), &self.options.token, self.options.today);
        let mut trials = BTreeMap::new();
        for field in &self.entity.fields {
            if !field.sides.contains_key(side) {
                continue;
            }
            let mut left_out = None;
            if !field.writable_on(side, true) {
                left_out = Some("it is never written there".to_owned());
            } else {
                match canary::created(self.entity, field, side, token, today, parents) {
                    Ok(trial) => {
                        trials.insert(field.name.clone(), trial);
                    }
                    Err(why) => left_out = Some(why),
                }
            }
            let (field, samples) = (field.name.clone(), Vec::new());
            self.report.fields.push(FieldReport { field, samples, suggest: None, left_out });
        }
        trials
    }

    /// The create went through without this field.
    fn refused(&mut self, name: &Name, trials: &BTreeMap<Name, Trial>, why: &str) {
        if let Some((about, sent)) = trials.get(name).cloned() {
            let declared = sent.clone();
            let verdict = Verdict::Refused(why.to_owned());
            self.sample(name, Sample { about, sent, declared, stored: None, verdict });
        }
    }

    fn created(&mut self, made: Made, shown: bool, set: Image, trials: &BTreeMap<Name, Trial>) {
        let what = "the answer to a write shows the row";
        let measured = if shown {
            Measured::Yes("it does".to_owned())
        } else {
            Measured::No("the row has to be read again after each write".to_owned())
        };
        abilities::note(self, what, None, measured);
        for (name, (about, sent)) in trials {
            self.compare(name, about, sent, None, &made.image);
        }
        self.report.made.push(made.ext.clone());
        self.first = set;
        self.made.push(made);
    }

    /// The report, with what would explain each field.
    pub(super) fn finished(mut self) -> ProbeReport {
        if self.options.stopped() && self.report.failed.is_none() {
            self.report.failed = Some("it was interrupted".to_owned());
        }
        for field in &mut self.report.fields {
            if field.samples.iter().all(|sample| sample.verdict != Verdict::Drift) {
                continue;
            }
            let stored = field.samples.iter().filter_map(|sample| match sample.verdict {
                Verdict::AsDeclared | Verdict::Finer | Verdict::Drift => {
                    Some((&sample.sent, sample.stored.as_ref()?))
                }
                Verdict::Ignored | Verdict::NotShown | Verdict::Refused(_) => None,
            });
            let examples: Vec<_> = stored.collect();
            let rules = suggest(&examples);
            field.suggest = rules.map(|side| side.0.iter().map(ToString::to_string).collect());
        }
        self.report
    }
}

fn made(ext: Ext, row: Row) -> Made {
    Made { ext, image: row.image, marker: row.marker }
}
