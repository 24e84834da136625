//! `mizan undo`: a span of the log taken back, as a plan first.

use crate::Failure;
use crate::args::{Cli, Undo};
use crate::output::{asked_wrongly, load, look, moment, place_of, record_named, table};
use mizan::clock::{Clock, SystemClock};
use mizan::core::compare::declarations;
use mizan::core::hash::BadHash;
use mizan::core::policy::{Policies, Policy};
use mizan::core::{Image, Name};
use mizan::history::undo::{
    Action, Approval, RecordUndo, Span, UndoError, UndoPlan, approve, counts, plan,
};

/// Records of a plan that a person is shown.
const SHOWN_MAX: usize = 40;

pub(crate) fn run(args: &Undo, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let mut look = look(&config)?;
    let entity = args.entity.as_ref().map(Name::new);
    if let Some(wrong) = entity.as_ref().filter(|name| look.schema.entity(name).is_none()) {
        let known: Vec<&str> =
            look.schema.entities.iter().map(|entity| entity.name.as_str()).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!("there is no entity `{wrong}`; there are {known}")));
    }
    let span = Span {
        from: place_of(&look, moment(&args.from)?)?,
        to: place_of(&look, moment(&args.to)?)?,
        record: args.record.as_ref().map(|text| record_named(&look, text)).transpose()?,
        entity,
        immutable: config.immutable.clone(),
    };
    let Some(hash) = &args.approve else {
        let plan = plan(&look.journal, &look.schema, &span).map_err(asked_wrongly)?;
        return Ok(show(&plan, args, cli.json, false));
    };
    let hash = hash.parse().map_err(|error: BadHash| {
        Failure::usage(format!("--approve {hash}: {error}; take it from the plan"))
    })?;
    let (by, why) = (args.by.clone().unwrap_or_default(), args.why.clone().unwrap_or_default());
    let approval = Approval { plan: hash, by, why };
    let policies = Policies::default();
    let declared = declarations(look.journal.state(), &config.schema, &policies.id());
    let schema = look.schema.clone();
    let when = (SystemClock.now(), declared);
    let done = approve(&mut look.journal, &schema, &policies, &span, &approval, when);
    let plan = done.map_err(refusal)?;
    Ok(show(&plan, args, cli.json, true))
}

/// An approval of another plan is refused as by a guard.
fn refusal(error: UndoError) -> Failure {
    match error {
        UndoError::OtherPlan { .. } => Failure { code: 4, what: error.to_string() },
        UndoError::Unsigned => Failure::usage(error.to_string()),
        UndoError::History(error) => asked_wrongly(error),
        _ => Failure::from(error),
    }
}

fn show(plan: &UndoPlan, args: &Undo, json: bool, approved: bool) -> u8 {
    let code = match (plan.is_empty(), approved) {
        (true, _) if plan.needs_person() => 3,
        (true, _) => 0,
        (false, false) => 4,
        (false, true) if plan.needs_person() => 3,
        (false, true) => 0,
    };
    if json {
        let mut document = serde_json::to_value(plan).unwrap_or_default();
        document["approved"] = approved.into();
        document["counts"] = serde_json::to_value(counts(plan)).unwrap_or_default();
        document["exit_code"] = code.into();
        println!("{document}");
        return code;
    }
    let counts: Vec<String> =
        counts(plan).into_iter().map(|(what, count)| format!("{count} to {what}")).collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    println!("undo of events {} to {}: {counts}", plan.from.next(), plan.to);
    print_records(plan);
    if plan.is_empty() {
        println!("nothing to take back");
    } else if approved {
        println!("noted; the next `mizan sync` carries it out");
    } else {
        let mut narrowed = String::new();
        for (option, value) in [("--record", &args.record), ("--entity", &args.entity)] {
            if let Some(value) = value {
                narrowed.push_str(&format!(" {option} {value}"));
            }
        }
        eprintln!("nothing was changed. If this is what you want:");
        eprintln!(
            "  mizan undo --from {} --to {}{narrowed} --approve {} --by YOU --why REASON",
            plan.from, plan.to, plan.hash
        );
    }
    code
}

fn print_records(plan: &UndoPlan) {
    let mut out = table(&["record", "what", "field", "now", "becomes", "because"]);
    let mut shown = 0;
    for one in plan.records.iter().filter(|one| one.action != Action::Leave).take(SHOWN_MAX) {
        lines(one).into_iter().for_each(|line| {
            out.add_row(line);
        });
        shown += 1;
    }
    if shown > 0 {
        println!("{out}");
    }
    for one in plan.records.iter().filter(|one| !one.sends.is_empty()).take(SHOWN_MAX) {
        for send in &one.sends {
            let row = send.ext.as_ref().map(|ext| format!(" row {ext}")).unwrap_or_default();
            let sets = sets(&send.sets);
            println!("  {} {} {} on {}{row}{sets}", send.verb, one.entity, one.label, send.side);
        }
    }
    let total = plan.records.iter().filter(|one| one.action != Action::Leave).count();
    if total > shown {
        println!("... and {} more records (--json has all)", total - shown);
    }
    let left: Vec<String> = plan
        .records
        .iter()
        .flat_map(|one| {
            one.left.iter().map(move |left| {
                let field = left.field.as_ref().map(|field| format!(" {field}"));
                let field = field.unwrap_or_default();
                format!("  {} {} ({}){field}: {}", one.entity, one.label, one.record, left.why)
            })
        })
        .collect();
    if !left.is_empty() {
        println!("left as it is:");
        left.iter().take(SHOWN_MAX).for_each(|line| println!("{line}"));
    }
    if left.len() > SHOWN_MAX {
        println!("  ... and {} more (--json has all)", left.len() - SHOWN_MAX);
    }
}

fn sets(sets: &Image) -> String {
    let sets: Vec<String> =
        sets.iter().map(|(field, value)| format!("{field} = {value}")).collect();
    if sets.is_empty() { String::new() } else { format!(" setting {}", sets.join(", ")) }
}

fn lines(one: &RecordUndo) -> Vec<[String; 6]> {
    let what = format!("{} {}: {}", one.entity, one.label, one.action.word());
    let mut lines: Vec<[String; 6]> = one
        .action
        .fields()
        .iter()
        .map(|field| {
            [
                String::new(),
                String::new(),
                field.field.to_string(),
                field.from.to_string(),
                field.to.to_string(),
                field.because.to_string(),
            ]
        })
        .collect();
    if lines.is_empty() {
        let because = match &one.action {
            Action::Correct { side, ext } => {
                let row = ext.as_ref().map(ToString::to_string).unwrap_or_default();
                format!(
                    "row {row} of {side} is a final document: a credit note, or whatever corrects it, is made there"
                )
            }
            Action::Delete => "we made it in the span".to_owned(),
            Action::CreateAgain { .. } => "it was deleted in the span".to_owned(),
            Action::Restore { .. } | Action::Leave => String::new(),
        };
        lines.push(std::array::from_fn(|at| if at == 5 { because.clone() } else { String::new() }));
    }
    lines[0][0] = one.record.to_string();
    lines[0][1] = what;
    lines
}
