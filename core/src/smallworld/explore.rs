//! All sequences of actions, shortest first, each situation once.

use super::key::key;
use super::rest::at_rest;
use super::round::{Hub, Pool, Situation};
use super::scope::{Scope, adds_up};
use super::values::Values;
use super::watch::Watch;
use super::words::step;
use super::world::{Act, World};
use super::{Bounds, Broke, Law};
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// Rounds after which a world without users' edits is at rest; the next one finds nothing to do (V3).
const ROUNDS_MAX: usize = 2;

/// What became of a world.
pub(super) struct Explored {
    pub(super) sequences: u64,
    pub(super) capped: bool,
    pub(super) broke: Option<Broke>,
    pub(super) steps: Vec<String>,
}

/// How a situation was reached.
struct Reached {
    from: Option<(usize, Act)>,
    begins: &'static str,
}

struct Explorer<'a> {
    hub: Hub<'a>,
    reached: Vec<Reached>,
    seen: BTreeSet<[u8; 16]>,
    /// Situations that are known to come to rest lawfully, with the rounds that it takes.
    judged: BTreeMap<[u8; 16], usize>,
}

/// Goes through a world.
pub(super) fn explore(scope: &Scope, policy: &dyn Policy, bounds: Bounds) -> Explored {
    let hub = Hub { scope, policy: Watch::new(policy), pool: Pool::default() };
    let mut explorer =
        Explorer { hub, reached: Vec::new(), seen: BTreeSet::new(), judged: BTreeMap::new() };
    let (result, capped) = explorer.run(bounds);
    let (broke, steps) = match result {
        Ok(()) => (None, Vec::new()),
        Err((at, broke)) => (Some(broke), explorer.steps(at)),
    };
    Explored { sequences: explorer.seen.len() as u64, capped, broke, steps }
}

/// A law broke, in the situation of that number.
type Failed = (usize, Broke);

impl Explorer<'_> {
    fn run(&mut self, bounds: Bounds) -> (Result<(), Failed>, bool) {
        let acts = acts(self.hub.scope);
        let mut level = match self.begin() {
            Ok(level) => level,
            Err(failed) => return (Err(failed), false),
        };
        for _ in 0..bounds.length {
            let mut next = Vec::new();
            for (at, now) in &level {
                for act in &acts {
                    match self.step(*at, now, act) {
                        Ok(found) => next.extend(found),
                        Err(failed) => return (Err(failed), false),
                    }
                    if self.seen.len() >= bounds.situations_max {
                        return (Ok(()), true);
                    }
                }
            }
            level = next;
        }
        (Ok(()), false)
    }

    /// The record on every side, at rest; and no record at all.
    fn begin(&mut self) -> Result<Vec<(usize, Situation)>, Failed> {
        let mut level = Vec::new();
        let begins = [
            (true, "every side has the record, with the same contents, and all is at rest"),
            (false, "no side has the record"),
        ];
        for (at_rest, begins) in begins {
            let at = self.reached.len();
            self.reached.push(Reached { from: None, begins });
            let failed = |broke| (at, broke);
            let world = World::begin(self.hub.scope, at_rest);
            let mut now = self.hub.open(world).map_err(failed)?;
            self.judge(&now).map_err(failed)?;
            for _ in 0..=ROUNDS_MAX {
                self.hub.round(&mut now, None).map_err(failed)?;
            }
            self.seen.insert(key(&now));
            level.push((at, now));
        }
        Ok(level)
    }

    /// One action on from a situation; nothing where it changes nothing, or leads to where another one led before.
    fn step(
        &mut self,
        from: usize,
        before: &Situation,
        act: &Act,
    ) -> Result<Option<(usize, Situation)>, Failed> {
        let mut now = before.clone();
        let at = self.reached.len();
        let tried = match act {
            Act::Round => self.hub.round(&mut now, None).map(|_| true),
            Act::Slip { .. } => self.hub.round(&mut now, Some(act)),
            Act::Write { .. } | Act::Clear { .. } | Act::Create { .. } | Act::Delete { .. } => {
                let quiet =
                    self.judged.get(&key(before)) == Some(&0) && before.state.conflicts.is_empty();
                Ok(now.world.user(self.hub.scope, &now.state, &self.hub.pool, act, quiet))
            }
        };
        let reached = Reached { from: Some((from, act.clone())), begins: "" };
        match tried {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(broke) => {
                self.reached.push(reached);
                return Err((at, broke));
            }
        }
        if !self.seen.insert(key(&now)) {
            return Ok(None);
        }
        self.reached.push(reached);
        self.judge(&now).map_err(|broke| (at, broke))?;
        Ok(Some((at, now)))
    }

    /// Lets a world come to rest, and looks at what it came to.
    fn judge(&mut self, now: &Situation) -> Result<(), Broke> {
        let mut now = now.clone();
        let mut way = Vec::new();
        let mut rounds = loop {
            let here = key(&now);
            if let Some(rounds) = self.judged.get(&here) {
                break rounds + 1;
            }
            way.push(here);
            if way.len() > ROUNDS_MAX + 1 {
                let what = format!(
                    "after {} rounds without an edit there is still something to do, and again after each further one",
                    ROUNDS_MAX + 1
                );
                return Err(Broke { law: Law::Rests, what });
            }
            let head = now.state.head;
            self.hub.round(&mut now, None)?;
            if now.state.head == head {
                at_rest(&self.hub, &now)?;
                break 0;
            }
        };
        for here in way.into_iter().rev() {
            if rounds > ROUNDS_MAX {
                let what = format!("it takes {rounds} rounds to come to rest");
                return Err(Broke { law: Law::Rests, what });
            }
            self.judged.insert(here, rounds);
            rounds += 1;
        }
        Ok(())
    }

    fn steps(&self, at: usize) -> Vec<String> {
        let mut steps = vec!["sync, until nothing is left to do".to_owned()];
        let mut at = at;
        while let Some(reached) = self.reached.get(at) {
            match &reached.from {
                Some((from, act)) => {
                    steps.push(step(self.hub.scope, act));
                    at = *from;
                }
                None => {
                    steps.push(format!("at first, {}", reached.begins));
                    break;
                }
            }
        }
        steps.reverse();
        steps
    }
}

/// Everything that can happen in a world, cheapest to tell first.
fn acts(scope: &Scope) -> Vec<Act> {
    let mut acts = vec![Act::Round];
    let sides: Vec<_> = scope.main().sides.keys().cloned().collect();
    for ((bit, side), values) in &scope.values {
        let (bit, side) = (*bit, side.clone());
        for value in 0..values.len() {
            acts.push(Act::Write { side: side.clone(), bit, value, later: false });
            if scope.clock_step.is_some() {
                acts.push(Act::Write { side: side.clone(), bit, value, later: true });
            }
        }
        if !adds_up(scope.spec(bit)) {
            acts.push(Act::Clear { side: side.clone(), bit });
        }
        acts.push(Act::Slip { side, bit, value: values.len().saturating_sub(1).min(1) });
    }
    for side in sides {
        acts.push(Act::Delete { side: side.clone() });
        let lists = scope.fields.iter().filter_map(|bit| scope.values.get(&(*bit, side.clone())));
        let most = lists.map(|values| match values {
            Values::Plain(values) => values.len(),
            Values::Moves(..) | Values::Members(_) => 1,
        });
        let most = most.max().unwrap_or(0);
        acts.extend((0..most).map(|at| Act::Create { side: side.clone(), value: Some(at) }));
        acts.push(Act::Create { side, value: None });
    }
    acts
}
