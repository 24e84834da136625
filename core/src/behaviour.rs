//! Behaviour: one hash over everything that the pure functions would do next, to hold two versions against each other.

use crate::bodies::{Bodies, MissingBody};
use crate::decide::{decide, decision_order};
use crate::event::{Event, Fact};
use crate::fold::State;
use crate::hash::{ContentHash, HashWriter};
use crate::link::link;
use crate::plan::{Blocked, BlockedBy, plan};
use crate::policy::Policy;
use crate::schema::Schema;
use crate::{Seq, Timestamp};
use std::collections::BTreeSet;

/// Hashes what would follow from a state: what rests and what is in quarantine, the rows that would be linked, the
/// decision on every record, the order of those that are due, and the plan with what blocks it.
///
/// Two versions that give the same hash at every position of a log treat that log alike. `core/tests/traces.bin` keeps
/// the hashes of this version for simulated histories, so that no change of behaviour goes unseen (L1, L3).
///
/// ```
/// use mizan_core::behaviour::behaviour;
/// use mizan_core::bodies::{Bodies, MissingBody};
/// use mizan_core::fold::State;
/// use mizan_core::policy::Declared;
/// use mizan_core::{ContentHash, Image, Schema};
///
/// struct NoBodies;
/// impl Bodies for NoBodies {
///     fn image(&self, _: &ContentHash) -> Option<Image> {
///         None
///     }
/// }
///
/// let (state, schema) = (State::default(), Schema::default());
/// let hash = behaviour(&state, &schema, &NoBodies, &Declared)?;
/// assert_eq!(hash, behaviour(&state, &schema, &NoBodies, &Declared)?);
/// # Ok::<(), MissingBody>(())
/// ```
///
/// # Errors
/// When an image that the log refers to is missing.
pub fn behaviour(
    state: &State,
    schema: &Schema,
    bodies: &dyn Bodies,
    policy: &dyn Policy,
) -> Result<ContentHash, MissingBody> {
    let mut hash = HashWriter::new("mizan.behaviour.v1");
    hash.raw(&state.hash().0);
    hash.int(u64::from(state.rests()));
    for entity in &schema.entities {
        for side in &schema.sides {
            hash.int(u64::from(state.quarantined(side, &entity.name)));
        }
    }
    let listed: BTreeSet<_> = schema.entities.iter().map(|entity| entity.name.clone()).collect();
    link(state, &listed).into_iter().for_each(|fact| write(&mut hash, fact));
    for (id, record) in state.each_record() {
        hash.int(u64::from(record.owes()));
        let decided = decide(state, schema, bodies, id, policy)?;
        if let Some(outcome) = decided {
            outcome.images.iter().for_each(|body| hash.raw(&body.hash.0));
            outcome.facts.into_iter().for_each(|fact| write(&mut hash, fact));
        }
    }
    for id in decision_order(state, schema) {
        hash.int(u64::from(id.0));
    }
    let plan = plan(state, schema, bodies)?;
    for planned in plan.commands {
        hash.raw(&planned.set.hash().0);
        write(&mut hash, Fact::Intent { command: planned.command });
    }
    plan.blocked.iter().for_each(|blocked| write_blocked(&mut hash, blocked));
    Ok(hash.finish())
}

fn write(hash: &mut HashWriter, fact: Fact) {
    let event = Event { seq: Seq(0), at: Timestamp(0), fact };
    let bytes = event.to_bytes();
    hash.int(bytes.len() as u64);
    hash.raw(&bytes);
}

fn write_blocked(hash: &mut HashWriter, blocked: &Blocked) {
    hash.int(u64::from(blocked.record.0));
    hash.text(blocked.side.as_str());
    match &blocked.why {
        BlockedBy::Parent(parent) => {
            hash.text("parent");
            hash.int(u64::from(parent.0));
        }
        BlockedBy::UnknownParent(entity) => {
            hash.text("unknown parent");
            hash.text(entity);
        }
        BlockedBy::Refused(why) => {
            hash.text("refused");
            write(
                hash,
                Fact::Refused {
                    command: crate::CommandId(ContentHash([0; 32])),
                    why: *why,
                    message: String::new(),
                },
            );
        }
    }
}
