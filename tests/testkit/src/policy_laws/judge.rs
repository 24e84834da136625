//! What each law says of one dispute.

use super::dispute::{Chosen, Claim, Dispute, shown};
use super::law::PolicyLaw;
use mizan_core::policy::{Policy, Promises, Stamp};
use mizan_core::{Entity, Field, Timestamp, Value};

/// How often the same question is asked, so that a policy with a memory shows it.
const TIMES: usize = 4;
/// Rounds of deciding and storing after which nothing may change any more (L29).
const ROUNDS: usize = 2;

/// A policy, and the field that it is asked about.
pub(super) struct Judge<'a> {
    pub(super) policy: &'a dyn Policy,
    pub(super) entity: &'a Entity,
    pub(super) field: &'a Field,
    pub(super) promises: Promises,
}

/// The law is broken: what happened, in words.
type Story = Vec<String>;

impl Judge<'_> {
    fn ask(&self, dispute: &Dispute) -> Chosen {
        dispute.ask(self.policy, self.entity, self.field).0
    }

    /// True where the law binds the policy: always, but for what it did not promise or said that it does.
    pub(super) fn binds(&self, law: PolicyLaw) -> bool {
        match law {
            PolicyLaw::SideSymmetry => self.promises.symmetric,
            PolicyLaw::Incremental => self.promises.incremental,
            PolicyLaw::NoInvention => !self.promises.merges,
            PolicyLaw::IgnoresUndeclaredStamps => !self.promises.reads_stamps,
            PolicyLaw::Total
            | PolicyLaw::Deterministic
            | PolicyLaw::ArrivalOrder
            | PolicyLaw::Unanimous
            | PolicyLaw::Fixpoint
            | PolicyLaw::NormaliserStable => true,
        }
    }

    /// Judges one dispute; the story where the law is broken.
    pub(super) fn judge(&self, law: PolicyLaw, dispute: &Dispute) -> Result<(), Story> {
        let first = self.ask(dispute);
        let broken = matches!(first, Chosen::Panicked | Chosen::Nobody(_));
        if law == PolicyLaw::Total {
            let story = || tale(dispute, &[format!("it chooses {first}")]);
            return if broken { Err(story()) } else { Ok(()) };
        }
        if broken {
            // There is no answer to hold against anything; `total` says so.
            return Ok(());
        }
        match law {
            PolicyLaw::Total => Ok(()),
            PolicyLaw::Deterministic => self.deterministic(dispute, &first),
            PolicyLaw::ArrivalOrder => self.arrival_order(dispute, &first),
            PolicyLaw::Unanimous => self.unanimous(dispute),
            PolicyLaw::NoInvention => no_invention(dispute, &first),
            PolicyLaw::SideSymmetry => self.side_symmetry(dispute, &first),
            PolicyLaw::Incremental => self.incremental(dispute, &first),
            PolicyLaw::Fixpoint => self.fixpoint(dispute, &first),
            PolicyLaw::NormaliserStable => self.normaliser_stable(dispute, &first),
            PolicyLaw::IgnoresUndeclaredStamps => self.ignores_stamps(dispute, &first),
        }
    }

    fn deterministic(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        for _ in 0..TIMES {
            let again = self.ask(dispute);
            if again != *first {
                let then = [format!("it chooses {first}"), format!("asked again, {again}")];
                return Err(tale(dispute, &then));
            }
        }
        Ok(())
    }

    fn arrival_order(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        for turned in orders(dispute) {
            let again = self.ask(&turned);
            if again != *first {
                let names: Vec<String> = turned.claims.iter().map(name_of).collect();
                let then = [
                    format!("it chooses {first}"),
                    format!("handed over as {}, it chooses {again}", names.join(", ")),
                ];
                return Err(tale(dispute, &then));
            }
        }
        Ok(())
    }

    /// A person may always be asked: the engine asks a policy only where values do not agree.
    fn unanimous(&self, dispute: &Dispute) -> Result<(), Story> {
        let Some(value) = dispute.claims.last().map(|claim| claim.value.clone()) else {
            return Ok(());
        };
        let agreed = all_say(dispute, dispute.base.clone(), |_| value.clone());
        let chosen = self.ask(&agreed);
        if chosen.value().is_some_and(|chosen| *chosen != value) {
            return Err(tale(&agreed, &[format!("all agree, and it chooses {chosen}")]));
        }
        Ok(())
    }

    fn side_symmetry(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        let mut names: Vec<_> = dispute.claims.iter().filter_map(|c| c.side.clone()).collect();
        for _ in 1..names.len() {
            names.rotate_left(1);
            let mut renamed = dispute.clone();
            let mut next = names.iter();
            for claim in renamed.claims.iter_mut().filter(|claim| claim.side.is_some()) {
                claim.side = next.next().cloned();
            }
            let renamed = renamed.sorted();
            let again = self.ask(&renamed);
            if again != *first {
                let mut then = vec![format!("it chooses {first}"), "with other names,".to_owned()];
                then.extend(renamed.lines().split_off(1));
                then.push(format!("it chooses {again}"));
                return Err(tale(dispute, &then));
            }
        }
        Ok(())
    }

    /// What some have decided is the merged value that the others are held against.
    fn incremental(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        let count = dispute.claims.len();
        let merged = dispute.claims.iter().any(|claim| claim.side.is_none());
        for late in 0..count {
            // What was merged earlier takes part in every decision from then on.
            if count < 3 || (merged && dispute.claims[late].side.is_none()) {
                continue;
            }
            let mut early = dispute.clone();
            let last = early.claims.remove(late);
            let (chosen, at) = early.ask(self.policy, self.entity, self.field);
            let Some(value) = chosen.value().cloned() else { continue };
            let stamp = at.and_then(|index| early.claims.get(index)).and_then(|c| c.stamp);
            let between = Claim { side: None, value, stamp };
            let then = Dispute { base: dispute.base.clone(), claims: vec![between, last.clone()] };
            let end = self.ask(&then);
            if end.value() != first.value() {
                let told = [
                    format!("asked about all at once, it chooses {first}"),
                    format!("asked about all but {} first, {chosen}", name_of(&last)),
                    format!("and then about that and {}, {end}", name_of(&last)),
                ];
                return Err(tale(dispute, &told));
            }
        }
        Ok(())
    }

    fn fixpoint(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        let Some(value) = first.value() else { return Ok(()) };
        let everywhere = all_say(dispute, Some(value.clone()), |_| value.clone());
        let again = self.ask(&everywhere);
        if again.value().is_some_and(|again| again != value) {
            let then = [
                format!("it chooses {first}"),
                format!("asked again when that is everywhere, it chooses {again}"),
            ];
            return Err(tale(dispute, &then));
        }
        Ok(())
    }

    fn normaliser_stable(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        let Some(value) = first.value() else { return Ok(()) };
        let mut merged = value.clone();
        let mut then = vec![format!("it chooses {}", shown(&merged))];
        for round in 0..=ROUNDS {
            let mut stored = all_say(dispute, Some(merged.clone()), |claim| match &claim.side {
                Some(side) => self.field.on_side(side, &merged),
                None => merged.clone(),
            });
            stored.claims.retain(|claim| claim.side.is_some());
            let shows = stored.claims.iter().map(|c| format!("{} {}", name_of(c), shown(&c.value)));
            let shows: Vec<String> = shows.collect();
            let next = self.ask(&stored);
            then.push(format!("stored as {}, it chooses {next}", shows.join(", ")));
            match next.value() {
                None => return Ok(()),
                Some(next) if *next == merged => return Ok(()),
                Some(_) if round == ROUNDS => return Err(tale(dispute, &then)),
                Some(next) => merged = next.clone(),
            }
        }
        Ok(())
    }

    fn ignores_stamps(&self, dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
        let count = i64::try_from(dispute.claims.len()).unwrap_or(0);
        let stamped = |at: i64| Some(Stamp { at: Timestamp(at * 1_000), within_ms: 1 });
        let rising = |index: i64| stamped(index);
        let falling = |index: i64| stamped(count - index);
        let none = |_: i64| None;
        let others: [&dyn Fn(i64) -> Option<Stamp>; 3] = [&rising, &falling, &none];
        for stamp in others {
            let mut other = dispute.clone();
            for (index, claim) in (0i64..).zip(&mut other.claims) {
                claim.stamp = stamp(index);
            }
            let again = self.ask(&other);
            if again != *first {
                let mut then = vec![format!("it chooses {first}"), "with other stamps,".to_owned()];
                then.extend(other.lines().split_off(1));
                then.push(format!("it chooses {again}"));
                return Err(tale(dispute, &then));
            }
        }
        Ok(())
    }
}

fn no_invention(dispute: &Dispute, first: &Chosen) -> Result<(), Story> {
    let Some(value) = first.value() else { return Ok(()) };
    let known = dispute.claims.iter().any(|claim| claim.value == *value);
    if known || dispute.base.as_ref() == Some(value) {
        return Ok(());
    }
    Err(tale(
        dispute,
        &[format!("it chooses {first}, which nobody has, and does not say it merges")],
    ))
}

fn tale(dispute: &Dispute, then: &[String]) -> Story {
    let mut story = dispute.lines();
    story.extend_from_slice(then);
    story
}

fn name_of(claim: &Claim) -> String {
    claim.side.as_ref().map_or_else(|| "what was merged".to_owned(), ToString::to_string)
}

/// The same claims with other values, written at no certain time.
fn all_say(dispute: &Dispute, base: Option<Value>, value: impl Fn(&Claim) -> Value) -> Dispute {
    let say = |claim: &Claim| Claim { side: claim.side.clone(), value: value(claim), stamp: None };
    Dispute { base, claims: dispute.claims.iter().map(say).collect() }
}

/// Every rotation of the claims and of their reverse.
fn orders(dispute: &Dispute) -> Vec<Dispute> {
    let mut orders = Vec::new();
    let mut turned = dispute.clone();
    for _ in 0..2 {
        for _ in 0..turned.claims.len() {
            turned.claims.rotate_left(1);
            orders.push(turned.clone());
        }
        turned.claims.reverse();
    }
    orders
}
