//! L3 and L51: what was decided and sent comes out again, and where it does not, it is said.

use super::support::{Counts, Past, Takes};
use mizan::core::policy::Policies;
use mizan::core::{Command, ContentHash, Entity, Event, Fact, Seq, SideId, Timestamp};
use mizan::engine::Journal;
use mizan::replay::{Kind, PolicyRegistry, RulesUnknown, Unverifiable};
use mizan::store::{Batch, EventLog, MemoryLog};

fn none() -> PolicyRegistry {
    PolicyRegistry::default()
}

/// One conflict that the till won, under rules that are not the configured ones any more.
fn past() -> Past {
    let mut past = Past::under("till");
    past.prices("till", "1");
    past.syncs(Policies::default());
    past.quarrels("2", "3", Policies::default());
    past.rule("books");
    past
}

#[test]
fn decisions_are_computed_under_the_rules_of_their_time() {
    let mut past = past();
    past.quarrels("4", "5", Policies::default());
    let verified = past.verified(&none());
    assert!(verified.holds(), "{verified:#?}");
    assert_eq!(verified.conflicts, 2, "one for the till, one for the books");
    assert_eq!(verified.decisions.unverifiable + verified.intents.unverifiable, 0);
    assert!(verified.decisions.confirmed >= 3 && verified.intents.confirmed >= 3, "{verified:?}");
    assert_eq!(verified.events, past.events().len() as u64);
}

#[test]
fn a_log_that_kept_no_rules_is_computed_only_by_the_same_configuration() {
    let mut past = past();
    let rules: Vec<ContentHash> = past
        .events()
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::PolicySet { params, .. } => Some(*params),
            _ => None,
        })
        .collect();
    past.with(|journal, _| {
        let body = journal.body(&rules[0]).expect("reads").expect("the rules are kept");
        assert_eq!(Entity::params_hash_of(&body), rules[0]);
        assert_eq!(Entity::from_params(&body).expect("an entity").name, "product");
    });
    past.forgets(rules);
    let verified = past.verified(&none());
    assert!(verified.holds(), "not knowing is no failure");
    assert_eq!(verified.decisions.confirmed + verified.intents.confirmed, 0);
    let why = Unverifiable::Rules { entity: "product".into(), why: RulesUnknown::NotKept };
    assert_eq!(verified.causes.len(), 1);
    assert_eq!(verified.causes[0].why, why);
    // The configuration of then stands in.
    past.rule("till");
    let verified = past.with(|journal, config| {
        mizan::replay::verify(journal, Some(&config.schema), &none(), &mut |_| {})
    });
    let verified = verified.expect("verified");
    assert!(verified.holds() && verified.causes.is_empty(), "{verified:?}");
    assert!(verified.decisions.confirmed >= 2);
}

#[test]
fn a_decision_that_the_rules_do_not_make_is_told_field_by_field() {
    let mut past = past();
    let (record, mut decision) = past
        .events()
        .into_iter()
        .rev()
        .find_map(|event| match event.fact {
            Fact::Decided { record, decision } if !decision.fields.is_empty() => {
                Some((record, decision))
            }
            _ => None,
        })
        .expect("a conflict");
    // Nothing is in conflict any more: the same once more is not what comes out.
    decision.fields[0].winner = Some(SideId::new("books"));
    let wrong = Fact::Decided { record, decision };
    past.with(|journal, _| journal.append_facts(Timestamp(9), vec![wrong])).expect("appends");
    let at = Seq(past.events().len() as u64);
    let verified = past.verified(&none());
    assert!(!verified.holds());
    let [finding] = &verified.findings[..] else { panic!("{:#?}", verified.findings) };
    assert_eq!((finding.seq, finding.kind, finding.unsteady), (at, Kind::Decided, false));
    let price = finding.differences.iter().find(|one| one.what == "decision on price");
    let price = price.expect("it is about the price");
    assert_eq!(price.recorded, "2 from books (preferred) over 3 of books");
    assert_eq!(price.now, "no conflict");
}

/// The last command of the log.
fn last_command(past: &mut Past) -> Command {
    let commands = past.events().into_iter().rev().find_map(|event| match event.fact {
        Fact::Intent { command } => Some(command),
        _ => None,
    });
    commands.expect("a command")
}

#[test]
fn a_command_that_nothing_implies_is_told() {
    let intent = |past: &mut Past, command: Command| {
        let fact = Fact::Intent { command };
        past.with(|journal, _| journal.append_facts(Timestamp(9), vec![fact])).expect("appends");
        let verified = past.verified(&none());
        assert_eq!((verified.intents.differs, verified.findings.len()), (1, 1), "{verified:?}");
        assert_eq!(verified.findings[0].kind, Kind::Intent);
        verified.findings[0].differences.clone()
    };
    // What has been done is not planned once more: nothing gives its id again.
    let mut past = self::past();
    let command = last_command(&mut past);
    assert_eq!(intent(&mut past, command)[0].what, "its id");
    // A create has one id for ever, and the row is there.
    let mut past = self::past();
    let create = past.events().into_iter().find_map(|event| match event.fact {
        Fact::Intent { command } => Some(command),
        _ => None,
    });
    let told = intent(&mut past, create.expect("a create"));
    assert_eq!(told[0].what, "plan");
    assert!(told[0].now.contains("no side is owed"), "{told:?}");
}

#[test]
fn a_command_for_a_record_that_was_never_decided_is_told() {
    let mut past = Past::under("till");
    past.prices("till", "1");
    past.syncs(Policies::default());
    let command = last_command(&mut past);
    let before = past.events().iter().position(|event| matches!(event.fact, Fact::Decided { .. }));
    let kept = past.events()[..before.expect("a decision")].to_vec();
    let mut log = MemoryLog::default();
    let mut batch = Batch::of_events(kept.iter().map(Event::to_bytes));
    batch
        .events
        .push(Event { seq: Seq(0), at: Timestamp(9), fact: Fact::Intent { command } }.to_bytes());
    log.append(Seq(0), &batch).expect("appends");
    let journal = Journal::open(Box::new(log)).expect("opens");
    let verified = mizan::replay::verify(&journal, None, &none(), &mut |_| {}).expect("verified");
    assert_eq!(verified.findings[0].differences[0].what, "what implies it");
}

fn first() -> Policies {
    Policies::default().with(Takes("pick/1", |_| 0))
}

#[test]
fn a_policy_of_ones_own_is_looked_up_by_its_version() {
    let mut past = Past::under("policy pick");
    past.prices("till", "1");
    past.syncs(first());
    past.quarrels("2", "3", first());
    let second =
        Policies::default().with(Takes("pick/2", |conflict| conflict.candidates.len() - 1));
    past.quarrels("4", "5", second);
    let both = none()
        .with(Takes("pick/1", |_| 0))
        .with(Takes("pick/2", |conflict| conflict.candidates.len() - 1));
    let verified = past.verified(&both);
    assert!(verified.holds() && verified.causes.is_empty(), "{verified:#?}");
    assert_eq!(verified.conflicts, 2);
    // Without the first, what it decided cannot be computed; what did not ask it can.
    let verified =
        past.verified(&none().with(Takes("pick/2", |conflict| conflict.candidates.len() - 1)));
    assert!(verified.holds());
    let [cause] = &verified.causes[..] else { panic!("{:?}", verified.causes) };
    assert_eq!((&cause.why, cause.count), (&Unverifiable::Policy("pick/1".into()), 1));
    // Changed without a new version, it is caught.
    let changed = none()
        .with(Takes("pick/1", |conflict| conflict.candidates.len() - 1))
        .with(Takes("pick/2", |conflict| conflict.candidates.len() - 1));
    let verified = past.verified(&changed);
    assert_eq!(verified.decisions.differs, 1, "{verified:#?}");
    assert!(!verified.findings[0].unsteady);
}

#[test]
fn a_policy_that_is_no_function_shows_itself() {
    let counts = || Policies::default().with(Counts::default());
    let mut past = Past::under("policy pick");
    past.prices("till", "1");
    past.syncs(counts());
    past.quarrels("2", "3", counts());
    // Its first answer is the recorded one, its second is not.
    let verified = past.verified(&none().with(Counts::default()));
    assert_eq!(verified.decisions.differs, 1, "{verified:#?}");
    assert!(verified.findings[0].unsteady);
}

#[test]
fn what_was_erased_cannot_be_computed_and_what_is_missing_is_not_the_same() {
    let mut past = past();
    let decided = past.events().into_iter().rev().find_map(|event| match event.fact {
        Fact::Decided { record, decision } => Some((record, decision.merged)),
        _ => None,
    });
    let (record, _) = decided.expect("a decision");
    let seen: Vec<ContentHash> = past
        .events()
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Observed { seen, .. } => *seen,
            _ => None,
        })
        .collect();
    past.forgets(seen.clone());
    let verified = past.verified(&none());
    assert!(verified.holds() && verified.decisions.confirmed == 0, "{verified:#?}");
    assert!(verified.causes.iter().all(|cause| cause.why == Unverifiable::Missing));
    let (by, why) = ("huda".to_owned(), "asked for".to_owned());
    let erased = Fact::Erased { record, events: Vec::new(), bodies: seen, by, why };
    past.with(|journal, _| journal.append_facts(Timestamp(9), vec![erased])).expect("appends");
    let verified = past.verified(&none());
    assert!(verified.holds());
    assert!(verified.causes.iter().all(|cause| cause.why == Unverifiable::Erased), "{verified:?}");
}
