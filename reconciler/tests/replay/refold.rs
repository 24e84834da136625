//! L2 and L4: the log folded again is what is cached and what is in memory, and where not, it is said from where on.

use super::support::Past;
use mizan::core::fold::{STATE_CODE, State};
use mizan::core::policy::Policies;
use mizan::core::{ContentHash, Fact, RecordId, Seq, Timestamp};
use mizan::engine::Journal;
use mizan::history::Moment;
use mizan::replay::{Replayed, Walk, replay};
use mizan::store::{EventLog, MemoryLog, Snapshot};
use std::ops::ControlFlow;

fn past() -> Past {
    let mut past = Past::under("till");
    past.prices("till", "1");
    past.syncs(Policies::default());
    past.quarrels("2", "3", Policies::default());
    past
}

/// The log with this state as its snapshot.
fn cached(past: &mut Past, state: &State) -> MemoryLog {
    let mut log = MemoryLog::default();
    for event in past.events() {
        let batch = mizan::store::Batch::of_events([event.to_bytes()]);
        log.append(Seq(event.seq.0 - 1), &batch).expect("appends");
    }
    let bytes = state.to_bytes();
    let state_hash = ContentHash::of("mizan.state.v1", &bytes);
    let code_id = STATE_CODE.to_owned();
    let snapshot = Snapshot { at: state.head, state_hash, code_id, bytes };
    log.save_snapshot(&snapshot).expect("saves");
    log
}

fn replayed(log: MemoryLog) -> Replayed {
    let journal = Journal::open(Box::new(log)).expect("opens");
    replay(&journal, journal.head(), &mut |_| {}).expect("replays")
}

fn state_at(past: &mut Past, to: u64) -> State {
    past.with(|journal, _| Walk::over(journal).to(Seq(to)).end()).expect("walks").0
}

#[test]
fn a_right_snapshot_is_equal_and_so_is_what_is_in_memory() {
    let mut past = past();
    let head = past.events().len() as u64;
    for at in [1, head / 2, head] {
        let state = state_at(&mut past, at);
        let replayed = replayed(cached(&mut past, &state));
        assert!(replayed.holds(), "{replayed:#?}");
        assert!(replayed.snapshot.is_some_and(|one| one.equal && one.at == Seq(at)));
        assert!(replayed.live.is_some_and(|one| one.equal && one.at == Seq(head)));
    }
}

#[test]
fn a_snapshot_that_lacks_an_event_is_told_with_the_event_and_the_field() {
    let mut past = past();
    let head = past.events().len() as u64;
    let decided = past.events().iter().rev().find_map(|event| match event.fact {
        Fact::Decided { .. } => Some(event.seq),
        _ => None,
    });
    let decided = decided.expect("a decision");
    // As if the last decision had not been folded.
    let mut state = state_at(&mut past, decided.0);
    state.records = state_at(&mut past, decided.0 - 1).records;
    let wrong = replayed(cached(&mut past, &state));
    assert!(!wrong.holds());
    let snapshot = wrong.snapshot.expect("compared");
    let first = snapshot.first.expect("found");
    assert_eq!((first.event, first.kind), (Some(decided), Some("decided")));
    assert!(snapshot.differences.iter().any(|one| one.part == "slots.books.behind"));
    // What the engine would go on with is wrong as well, and says so.
    assert!(wrong.live.is_some_and(|live| !live.equal));

    // What the log never said is told as that.
    let mut state = state_at(&mut past, head);
    state.records[0].life = 77;
    let wrong = replayed(cached(&mut past, &state));
    let first = wrong.snapshot.and_then(|one| one.first).expect("found");
    assert_eq!((first.record, first.part.as_str()), (RecordId(0), "life"));
    assert_eq!(first.event, None);
}

#[test]
fn a_walk_gives_the_state_before_each_event_and_stops_where_it_is_told() {
    let mut past = past();
    let events = past.events();
    past.with(|journal, _| {
        let mut seen = Vec::new();
        let walked = Walk::over(journal).to(Seq(7)).each(&mut |step| {
            assert_eq!(step.before.head.next(), step.event.seq);
            seen.push(step.event.clone());
            Ok(ControlFlow::Continue(()))
        });
        let (state, rules) = walked.expect("walks");
        assert_eq!(seen, events[..7]);
        assert_eq!(state.head, Seq(7));
        let then = rules.of(&"product".into()).expect("declared");
        assert_eq!(then.policy, "declared/1");
        assert_eq!(then.entity().map(|entity| entity.fields.len()), Some(2));
        let stopped = Walk::over(journal).each(&mut |step| {
            let on = step.event.seq < Seq(4);
            Ok(if on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        });
        assert_eq!(stopped.expect("walks").0.head, Seq(3), "the event that broke did not happen");
    });
}

#[test]
fn a_moment_is_the_last_event_before_anything_later() {
    let mut journal = Journal::open(Box::new(MemoryLog::default())).expect("opens");
    let plan = ContentHash([1; 32]);
    for at in [10, 20, 20, 15, 30] {
        let fact = Fact::Approved { plan, by: "huda".to_owned() };
        journal.append_facts(Timestamp(at), vec![fact]).expect("appends");
    }
    let at = |ms| Moment::Time(Timestamp(ms)).position(&journal).expect("reads").0;
    // The fourth came after 20, whatever its clock said.
    assert_eq!([at(9), at(10), at(15), at(20), at(29), at(30)], [0, 1, 1, 4, 4, 5]);
    assert!(Moment::Position(Seq(99)).position(&journal).is_err(), "nothing is there yet");
}
