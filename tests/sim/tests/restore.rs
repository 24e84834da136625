//! L21: a log that was put back from a backup goes on, and nothing that it lost comes back as something else.
//!
//! What the lost part had decided is lost with it: the sides' present rows are what there is. So laws that compare
//! with the whole past (who was in conflict, what was an edit and what our own write, movements of stock) are not
//! asked here. That the sides come to the same rows, that nothing is doubled, and that no command of the new epoch
//! bears a name of the old one with other contents, is.

use mizan_core::{Command, CommandId, Event, Fact, Operation, Seq};
use mizan_store::MemoryLog;
use mizan_testkit::simulation::{Story, Variant, run};
use mizan_testkit::{Law, Profile, Step};
use std::collections::BTreeMap;

/// What holds whatever was lost.
const KEPT: &[Law] = &[
    Law::Determinism,
    Law::ReplayEq,
    Law::DecisionReplay,
    Law::Snapshot,
    Law::Prefix,
    Law::WriteAhead,
    Law::DupIdempotent,
    Law::SideCommute,
    Law::StampsAreHints,
    Law::VvMonotone,
    Law::DotsFresh,
    Law::NoInvention,
    Law::NoDuplicate,
    Law::DoubtIsAState,
    Law::NoBlindOverwrite,
    Law::Terminate,
    Law::Converge,
    Law::LogSilent,
    Law::Unmapped,
    Law::NoDangling,
    Law::Identity,
    Law::NoError,
];

fn story(seed: u64, back: u64, cut: usize) -> Story {
    let mut steps = Step::history(seed, 2, true, 12, 40);
    let at = steps.len() / 2 + cut % (steps.len() / 2);
    steps.insert(at, Step::Restore { back, number: 1_000 });
    Story { seed, profile: Profile::Full, sides: 2, steps }
}

fn commands(log: &MemoryLog) -> BTreeMap<CommandId, Command> {
    let mut commands = BTreeMap::new();
    for (seq, bytes) in (1..).zip(log.events()) {
        let event = Event::from_bytes(Seq(seq), bytes).expect("an event");
        if let Fact::Intent { command } = event.fact {
            commands.insert(command.id, command);
        }
    }
    commands
}

#[test]
fn a_restored_log_converges_and_doubles_nothing() {
    let mut broken = Vec::new();
    let mut restored = 0;
    for seed in 0..2_000 {
        let outcome = run(&story(seed, 1 + seed % 60, seed as usize), Variant::default());
        restored += outcome.coverage.of("epoch after restore");
        let laws = outcome.violations.iter().filter(|found| KEPT.contains(&found.law));
        broken.extend(laws.map(|found| format!("seed {seed}: {found}")));
    }
    assert!(restored > 1_800, "{restored}");
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn no_command_of_a_new_epoch_is_named_as_one_that_was_lost() {
    let mut again = 0;
    for seed in 0..300 {
        let whole = story(seed, 1 + seed % 60, seed as usize);
        let at = whole.steps.iter().position(|step| matches!(step, Step::Restore { .. }));
        let before =
            Story { steps: whole.steps[..at.expect("it is there")].to_vec(), ..whole.clone() };
        let lost = commands(&run(&before, Variant::default()).log);
        for (id, command) in commands(&run(&whole, Variant::default()).log) {
            let Some(earlier) = lost.get(&id) else { continue };
            again += 1;
            let same = earlier.record == command.record && earlier.side == command.side;
            let create = command.operation == Operation::Create;
            assert!(
                same && (create || *earlier == command),
                "seed {seed}: {earlier:?}\n{command:?}"
            );
        }
    }
    assert!(again > 0, "what the backup holds is named as before");
}

/// A row was made again in the lost part, and a user emptied a field of it since. The side answers the same create with
/// the row as it is now: that is no answer to what was sent, and what it shows is the user's edit.
#[test]
fn a_create_that_the_lost_part_had_sent_is_found_and_not_answered() {
    let steps = "create customer on 0\nsync 941405\ncreate order on 1\nsync 582630\n\
        edit field 2 of row 2 on 1 late 0\nsync 832018\ndelete row 7 on 1\nclear field 2 of row 7 on 0\nheal\n\
        edit field 1 of row 5 on 1 late 0\nsync 570935\nrestore 28 events back, epoch 1000\n\
        clear field 0 of row 5 on 1";
    let steps = steps.lines().map(|line| line.parse().expect("a step")).collect();
    let outcome =
        run(&Story { seed: 267, profile: Profile::Full, sides: 2, steps }, Variant::default());
    let broken: Vec<_> = outcome.violations.iter().filter(|one| KEPT.contains(&one.law)).collect();
    assert!(broken.is_empty(), "{broken:?}");
}
