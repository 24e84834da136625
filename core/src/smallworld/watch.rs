//! The policy under watch: each question is put to it in several ways, and its answers are held against each other.

use super::{Broke, Law};
use crate::id::{Name, SideId};
use crate::policy::{Candidate, Conflict, Policy, Promises, Verdict};
use crate::schema::{DeletePolicy, Entity, Field};
use crate::value::Value;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// A policy that notes what is wrong with its answers, and asks a person from then on.
pub(super) struct Watch<'a> {
    policy: &'a dyn Policy,
    broke: Mutex<Option<Broke>>,
}

/// What an answer comes to, without the place of a candidate in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meant {
    Value(Value),
    Copies(Value),
    Person,
}

impl Policy for Watch<'_> {
    fn id(&self) -> Name {
        self.policy.id()
    }

    fn promises(&self) -> Promises {
        self.policy.promises()
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        match self.judge(conflict) {
            Ok(verdict) => verdict,
            Err(broke) => {
                let mut first = self.broke.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(broke);
                Verdict::Park
            }
        }
    }

    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        self.policy.on_delete(entity)
    }
}

impl<'a> Watch<'a> {
    pub(super) fn new(policy: &'a dyn Policy) -> Self {
        Self { policy, broke: Mutex::new(None) }
    }

    /// What was wrong since the last time.
    pub(super) fn verdict(&self) -> Result<(), Broke> {
        let broke = self.broke.lock().unwrap_or_else(PoisonError::into_inner).take();
        broke.map_or(Ok(()), Err)
    }

    fn ask(&self, conflict: &Conflict<'_>) -> Result<(Verdict, Meant), Broke> {
        // A policy of the user's own may panic; that is what is being found out here.
        let asked = catch_unwind(AssertUnwindSafe(|| self.policy.resolve(conflict)));
        let verdict = asked.map_err(|_| Broke {
            law: Law::Answers,
            what: format!("the policy panics when it is asked about {}", told(conflict)),
        })?;
        let one = |index: usize| match conflict.candidates.get(index) {
            Some(one) => Ok(one.value.clone()),
            None => Err(Broke {
                law: Law::Answers,
                what: format!("candidate {index} is chosen from {}", told(conflict)),
            }),
        };
        let meant = match &verdict {
            Verdict::Take(index) => Meant::Value(one(*index)?),
            Verdict::Both(index) => Meant::Copies(one(*index)?),
            Verdict::Merged(value) => Meant::Value(value.clone()),
            Verdict::Park => Meant::Person,
        };
        Ok((verdict, meant))
    }

    fn judge(&self, conflict: &Conflict<'_>) -> Result<Verdict, Broke> {
        let (verdict, meant) = self.ask(conflict)?;
        let differs = |law, how: &str, other: &Meant| Broke {
            law,
            what: format!("asked about {} it says {meant}, {how} {other}", told(conflict)),
        };
        let (_, again) = self.ask(conflict)?;
        if again != meant {
            return Err(differs(Law::OneAnswer, "and asked again", &again));
        }
        let mut turned: Vec<Candidate<'_>> = conflict.candidates.to_vec();
        for _ in 0..conflict.candidates.len() {
            turned.rotate_left(1);
            for reversed in [false, true] {
                let mut list = turned.clone();
                if reversed {
                    list.reverse();
                }
                let (_, other) = self.ask(&Conflict { candidates: &list, ..*conflict })?;
                if other != meant {
                    let how = "and with the candidates in another order";
                    return Err(differs(Law::OneAnswer, how, &other));
                }
            }
        }
        if self.policy.promises().symmetric {
            self.renamed(conflict, &meant)?;
        }
        if self.policy.promises().incremental {
            self.in_parts(conflict, &verdict, &meant)?;
        }
        self.stays(conflict, &meant)?;
        Ok(verdict)
    }

    /// L26: with two sides' names exchanged the same value wins.
    fn renamed(&self, conflict: &Conflict<'_>, meant: &Meant) -> Result<(), Broke> {
        let sides: Vec<&SideId> = conflict.field.sides.keys().collect();
        for pair in sides.windows(2) {
            let [a, b] = pair else { continue };
            let rename = |side: &'_ SideId| {
                if side == *a {
                    (*b).clone()
                } else if side == *b {
                    (*a).clone()
                } else {
                    side.clone()
                }
            };
            let names: Vec<Option<SideId>> =
                conflict.candidates.iter().map(|one| one.side.map(rename)).collect();
            let list = conflict.candidates.iter().zip(&names);
            let mut list: Vec<Candidate<'_>> =
                list.map(|(one, name)| Candidate { side: name.as_ref(), ..*one }).collect();
            list.sort_by_key(|one| one.side);
            let (_, other) = self.ask(&Conflict { candidates: &list, ..*conflict })?;
            if other != *meant {
                let what = format!(
                    "asked about {} it says {meant}, and {other} with {a} and {b} exchanged, although it promises \
                     that names do not matter",
                    told(conflict)
                );
                return Err(Broke { law: Law::Symmetric, what });
            }
        }
        Ok(())
    }

    /// L27: deciding two first and the third later is deciding all three at once.
    fn in_parts(
        &self,
        conflict: &Conflict<'_>,
        verdict: &Verdict,
        meant: &Meant,
    ) -> Result<(), Broke> {
        let [first, second, rest @ ..] = conflict.candidates else { return Ok(()) };
        if rest.is_empty() || matches!(verdict, Verdict::Both(_)) {
            return Ok(());
        }
        let pair = [*first, *second];
        let (part, decided) = self.ask(&Conflict { candidates: &pair, ..*conflict })?;
        let Meant::Value(value) = decided else { return Ok(()) };
        let stamp = match part {
            Verdict::Take(index) => pair.get(index).and_then(|one| one.stamp),
            Verdict::Merged(_) | Verdict::Both(_) | Verdict::Park => None,
        };
        let mut list = vec![Candidate { side: None, value: &value, stamp }];
        list.extend(rest);
        let (_, other) = self.ask(&Conflict { candidates: &list, ..*conflict })?;
        if other == *meant {
            return Ok(());
        }
        let what = format!(
            "asked about {} it says {meant}, and {other} when the first two are decided before the others come",
            told(conflict)
        );
        Err(Broke { law: Law::Incremental, what })
    }

    /// L28, L29: the answer, as the sides store it, is not answered otherwise.
    fn stays(&self, conflict: &Conflict<'_>, meant: &Meant) -> Result<(), Broke> {
        let Meant::Value(first) = meant else { return Ok(()) };
        let mut merged = first.clone();
        for turn in 0..3 {
            let sides: Vec<&SideId> =
                conflict.candidates.iter().filter_map(|one| one.side).collect();
            let shown: Vec<Value> = sides
                .iter()
                .map(|side| stored(conflict.entity, conflict.field, side, &merged))
                .collect();
            let list = sides.iter().zip(&shown);
            let list: Vec<Candidate<'_>> = list
                .map(|(side, value)| Candidate { side: Some(side), value, stamp: None })
                .collect();
            let (_, next) = self.ask(&Conflict { candidates: &list, ..*conflict })?;
            let Meant::Value(next) = next else { return Ok(()) };
            if next == merged {
                return Ok(());
            }
            // What the sides make of it may be coarser once; from then on it has to stay.
            if turn > 0 || shown.iter().all(|value| *value == merged) {
                let what = format!(
                    "asked about {} it says {first}; when every side has that it says {next}",
                    told(conflict)
                );
                return Err(Broke { law: Law::Settled, what });
            }
            merged = next;
        }
        Ok(())
    }
}

/// What a side makes of a value; of a group's values each by its own field.
fn stored(entity: &Entity, field: &Field, side: &SideId, value: &Value) -> Value {
    match (value, &field.group) {
        (Value::Map(values), Some(_)) => {
            let stored = values.iter().map(|(name, value)| {
                let field = entity.fields.iter().find(|field| field.name == *name);
                (name.clone(), field.map_or(value.clone(), |field| field.on_side(side, value)))
            });
            Value::Map(stored.collect::<BTreeMap<Name, Value>>())
        }
        (value, _) => field.on_side(side, value),
    }
}

fn told(conflict: &Conflict<'_>) -> String {
    let list: Vec<String> = conflict
        .candidates
        .iter()
        .map(|one| match one.side {
            Some(side) => format!("{} ({side})", super::words::value(one.value)),
            None => format!("{} (merged before)", super::words::value(one.value)),
        })
        .collect();
    list.join(" against ")
}

impl std::fmt::Display for Meant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(value) => f.write_str(&super::words::value(value)),
            Self::Copies(value) => write!(f, "{}, with copies", super::words::value(value)),
            Self::Person => f.write_str("that a person must say"),
        }
    }
}
