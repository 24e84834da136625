//! `mizan replay`: the log folded again, and with --verify every decision and intent computed again.

use crate::Failure;
use crate::args::{Cli, Replay};
use crate::output::{load, look, moment, place_of, table, walking};
use mizan::config::Config;
use mizan::core::Seq;
use mizan::core::policy::Policies;
use mizan::replay::{
    Compared, Finding, Kind, PolicyRegistry, Replayed, RulesUnknown, Tally, Unverifiable,
    Verification, replay, verify,
};
use serde_json::json;

/// Findings that a person is shown.
const SHOWN_MAX: usize = 20;

pub(crate) fn run(args: &Replay, cli: &Cli) -> Result<u8, Failure> {
    let config: Config = load(&cli.config)?;
    let look = look(&config)?;
    let to = match &args.at {
        Some(at) => place_of(&look, moment(at)?)?,
        None => look.journal.head(),
    };
    let bar = walking(cli.json, "folding", to);
    let replayed = replay(&look.journal, to, &mut |seq: Seq| bar.set_position(seq.0));
    bar.finish_and_clear();
    let replayed = replayed?;
    let verified = match args.verify {
        false => None,
        true => {
            let bar = walking(cli.json, "computing again", look.journal.head());
            let registry = PolicyRegistry::of(&Policies::default());
            let mut told = |seq: Seq| bar.set_position(seq.0);
            let verified = verify(&look.journal, Some(&config.schema), &registry, &mut told);
            bar.finish_and_clear();
            Some(verified?)
        }
    };
    let holds = replayed.holds() && verified.as_ref().is_none_or(Verification::holds);
    if cli.json {
        let (replay, exit_code) = (&replayed, u8::from(!holds));
        println!("{}", json!({ "replay": replay, "verify": verified, "exit_code": exit_code }));
    } else {
        print_replayed(&replayed);
        if let Some(verified) = &verified {
            print_verified(verified);
        }
    }
    Ok(u8::from(!holds))
}

fn print_replayed(replayed: &Replayed) {
    println!("folded events 1 to {}: state {}", replayed.at, replayed.state);
    println!(
        "{} records, {} in conflict, {} commands in doubt, {} parked",
        replayed.records, replayed.conflicts, replayed.in_doubt, replayed.parked
    );
    print_compared("the snapshot", replayed.snapshot.as_ref());
    print_compared("the state in memory", replayed.live.as_ref());
}

fn print_compared(what: &str, compared: Option<&Compared>) {
    let Some(compared) = compared else { return };
    if compared.equal {
        println!("{what}, of event {}: equal", compared.at);
        return;
    }
    println!("{what}, of event {}: DIFFERS ({})", compared.at, compared.hash);
    if let Some(first) = &compared.first {
        match (first.event, first.kind) {
            (Some(event), Some(kind)) => println!(
                "  first at event {event} ({kind}): {} of record {} is not what it makes of it",
                first.part, first.record
            ),
            (Some(_) | None, _) => println!(
                "  {} of record {} is what the log says at no position",
                first.part, first.record
            ),
        }
    }
    let mut out = table(&["record", "part", "the log says", "it says"]);
    for one in &compared.differences {
        let record = one.record.map(|record| record.to_string()).unwrap_or_default();
        out.add_row([record, one.part.clone(), one.folded.clone(), one.other.clone()]);
    }
    println!("{out}");
    println!("  the log is what counts: remove the file `snapshot` in its folder, and look again");
}

fn print_verified(verified: &Verification) {
    let row = |tally: &Tally| {
        [tally.confirmed, tally.differs, tally.unverifiable].map(|count| count.to_string())
    };
    let mut out = table(&["computed again", "confirmed", "differs", "unverifiable"]);
    for (name, tally) in [("decisions", &verified.decisions), ("intents", &verified.intents)] {
        let [confirmed, differs, unverifiable] = row(tally);
        out.add_row([name.to_owned(), confirmed, differs, unverifiable]);
    }
    println!("{out}");
    println!("{} of the decisions were about a conflict", verified.conflicts);
    for finding in verified.findings.iter().take(SHOWN_MAX) {
        print_finding(finding);
    }
    let differ = verified.decisions.differs + verified.intents.differs;
    if differ > SHOWN_MAX as u64 {
        println!("... and {} more (--json has the first thousand)", differ - SHOWN_MAX as u64);
    }
    for cause in &verified.causes {
        println!(
            "{} could not be computed again, the first at event {}: {}",
            cause.count,
            cause.first,
            because(&cause.why)
        );
    }
    for seq in &verified.forgotten {
        println!("event {seq}: the record knows less after it than before; run `mizan doctor`");
    }
    let confirmed = verified.decisions.confirmed + verified.intents.confirmed;
    if verified.holds() && confirmed > 0 {
        println!("everything that could be computed again is as it is recorded");
    }
}

fn print_finding(finding: &Finding) {
    let what = match finding.kind {
        Kind::Decided => "decision",
        Kind::Intent => "intent",
    };
    let Finding { seq, record, entity, .. } = finding;
    println!("event {seq}, the {what} on {entity} {record}, comes out otherwise:");
    for difference in &finding.differences {
        println!("  {difference}");
    }
    if finding.unsteady {
        println!(
            "  asked twice, the policy gave two answers: it reads something but its arguments"
        );
    }
}

fn because(why: &Unverifiable) -> String {
    match why {
        Unverifiable::Policy(policy) => format!(
            "the policy {policy} is not part of this program; the one that registers it can say"
        ),
        Unverifiable::Rules { entity, why } => {
            let why = match why {
                RulesUnknown::NotKept => {
                    "were not kept by the version that wrote them, and those of now are not the same"
                }
                RulesUnknown::Damaged => "are damaged; run `mizan doctor`",
                RulesUnknown::Unreadable => "are of another version of mizan",
            };
            format!("the rules of {entity} then {why}")
        }
        Unverifiable::Erased => "contents were erased".to_owned(),
        Unverifiable::Missing => {
            "contents are missing that nobody erased; run `mizan doctor`".to_owned()
        }
    }
}
