//! What a side can do, measured: promises of adapters are what guarantees are made of (LAWS 1.6).

use super::removes;
use super::report::{Ability, Measured};
use super::run::{Came, Made, Nothing, Run};
use mizan_adapters::{Answer, Conditional, Fault, Fetched, Listed, Probe, Pull, Refusal, Row};
use mizan_core::{Command, Ext, Image, Operation, Value};
use std::time::{Duration, Instant};

pub(super) fn note(
    run: &mut Run<'_>,
    what: &'static str,
    declared: Option<bool>,
    measured: Measured,
) {
    run.report.abilities.push(Ability { what, declared, measured });
}

fn yes(text: impl Into<String>) -> Measured {
    Measured::Yes(text.into())
}

fn no(text: impl Into<String>) -> Measured {
    Measured::No(text.into())
}

fn unknown(text: impl Into<String>) -> Measured {
    Measured::Unknown(text.into())
}

/// The canary can be read by its id, and a listing shows it.
pub(super) async fn reads(run: &mut Run<'_>) {
    let Some(canary) = run.made.first().cloned() else { return };
    let got = run.adapter.get(&run.entity.name, &canary.ext).await;
    let (measured, stamp) = match got {
        Ok(Fetched::Found(row)) => {
            let other: Vec<&str> = row
                .image
                .iter()
                .filter(|(name, value)| canary.image.get(name).is_some_and(|told| told != *value))
                .map(|(name, _)| name.as_str())
                .collect();
            let measured = if other.is_empty() {
                yes("it does")
            } else {
                no(format!("the answer to the create said otherwise of {}", other.join(", ")))
            };
            run.made[0].image = row.image.clone().over(&canary.image);
            run.made[0].marker = row.marker.clone().or(canary.marker);
            (measured, row.stamp)
        }
        Ok(Fetched::NotFound) => (no("the side says that there is no such row"), None),
        Err(fault) => (unknown(fault.to_string()), None),
    };
    note(run, "a read shows what the write answered", None, measured);
    let measured = listed_after(run, &canary.ext, stamp).await;
    note(run, "a listing shows a new row", Some(run.has.since || run.has.sweep), measured);
}

/// Waits until a listing shows the row.
async fn listed_after(run: &Run<'_>, ext: &Ext, stamp: Option<mizan_core::Timestamp>) -> Measured {
    let begun = Instant::now();
    let pull = match stamp {
        Some(stamp) if run.has.since => {
            Pull::Since(mizan_core::Timestamp(stamp.0.saturating_sub(run.has.window_ms.max(1_000))))
        }
        Some(_) | None => Pull::All,
    };
    let mut looks = 0;
    loop {
        looks += 1;
        match is_listed(run, pull, ext).await {
            Ok(true) if looks == 1 => return yes("at once"),
            Ok(true) => return yes(format!("after {:.1} s", begun.elapsed().as_secs_f64())),
            Ok(false) if begun.elapsed() < run.options.patience && !run.options.stopped() => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Ok(false) => {
                return no(format!("not within {:.0} s", begun.elapsed().as_secs_f64()));
            }
            Err(fault) => return unknown(fault.to_string()),
        }
    }
}

async fn is_listed(run: &Run<'_>, pull: Pull, wanted: &Ext) -> Result<bool, Fault> {
    let mut token: Option<String> = None;
    loop {
        let page = run.adapter.pull(&run.entity.name, pull, token.as_deref(), &Nothing).await?;
        let is_it = |row: &Listed| match row {
            Listed::Row(row) => row.ext == *wanted,
            Listed::Same(ext) => ext == wanted,
            Listed::Bad { ext, .. } => ext.as_ref() == Some(wanted),
        };
        if page.rows.iter().any(is_it) {
            return Ok(true);
        }
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(false),
        }
    }
}

/// The same create twice, and another create with the same key.
pub(super) async fn creates_again(run: &mut Run<'_>, command: &Command) {
    let tidy = removes(run.adapter, run.entity);
    let what = "the same create sent twice makes one row";
    let measured = match &tidy {
        Err(why) if !run.has.idempotent => unknown(format!("a second row might stay: {why}")),
        Ok(()) | Err(_) => {
            let set = run.first.clone();
            let came = run.send(command, &set, None).await;
            twice(run, came)
        }
    };
    note(run, what, Some(run.has.idempotent), measured);
    if run.entity.key.is_empty() {
        return;
    }
    let what = "a second row with the same key is refused";
    let measured = match &tidy {
        Err(why) if !run.has.unique_key => unknown(format!("a second row might stay: {why}")),
        Ok(()) | Err(_) => {
            let set = other_values(run);
            let command = run.command(Operation::Create, &set);
            let came = run.send(&command, &set, None).await;
            twice(run, came)
        }
    };
    note(run, what, Some(run.has.unique_key), measured);
}

/// The canary's key with other texts, so that it cannot be taken for a repetition.
fn other_values(run: &Run<'_>) -> Image {
    let mut set = run.first.clone();
    for (name, value) in run.first.iter() {
        let holds_name = value.to_string().starts_with("mizan-canary");
        if let (Value::Text(text), true, false) = (value, holds_name, run.entity.key.contains(name))
        {
            set.set(name, Value::text(format!("{text} again")));
        }
    }
    set
}

/// What a second create came to; a row that it made is kept in mind for tidying up.
fn twice(run: &mut Run<'_>, came: Came) -> Measured {
    match came {
        Came::Done(made, _) if run.made.iter().any(|known| known.ext == made.ext) => {
            yes(format!("answered with row {} again", made.ext))
        }
        Came::Done(made, _) => {
            let text = format!("there are two rows now, the other is {}", made.ext);
            run.report.made.push(made.ext.clone());
            run.made.push(made);
            no(text)
        }
        Came::Answered(Answer::Refused { why: Refusal::KeyTaken(_), message }) => {
            yes(format!("refused: {message}"))
        }
        Came::Answered(Answer::Refused { message, .. }) => {
            yes(format!("refused for another reason: {message}"))
        }
        Came::Answered(answer) => unknown(format!("answered with {answer:?}")),
        Came::Failed(fault) => {
            run.in_doubt |= !matches!(fault, Fault::NotSent(_) | Fault::Unauthorized(_));
            unknown(fault.to_string())
        }
    }
}

/// The canary is found by its key and by its marker.
pub(super) async fn finds(run: &mut Run<'_>, command: &Command) {
    if !run.entity.key.is_empty() {
        let what = "rows are found by their key";
        let measured = if run.has.find_by_key {
            let image = run.first.clone();
            let found = run.adapter.find(&run.entity.name, Probe::Key(&image)).await;
            found_it(run, found)
        } else {
            unknown("the adapter offers no such search")
        };
        note(run, what, Some(run.has.find_by_key), measured);
    }
    let what = "rows keep a marker and are found by it";
    let measured = if run.has.marker {
        let found = run.adapter.find(&run.entity.name, Probe::Marker(&command.marker())).await;
        found_it(run, found)
    } else {
        unknown("the adapter offers no such search")
    };
    note(run, what, Some(run.has.marker), measured);
}

fn found_it(run: &Run<'_>, found: Result<Vec<Row>, Fault>) -> Measured {
    let Some(canary) = run.made.first() else { return unknown("there is no canary") };
    match found {
        Ok(rows) if !rows.iter().any(|row| row.ext == canary.ext) => no("it was not found"),
        Ok(rows) if rows.len() > 1 => yes(format!("found, among {} rows", rows.len())),
        Ok(_) => yes("found"),
        Err(fault) => unknown(fault.to_string()),
    }
}

/// The same update twice, and an update that was made on an old view.
pub(super) async fn updates(run: &mut Run<'_>) {
    let Some(before) = run.made.first().cloned() else { return };
    for (set, other) in two_edits(run, &before.image) {
        let (ext, expect) = (before.ext.clone(), before.image.hash());
        let command = run.command(Operation::Update { ext, expect }, &set);
        // A value that the side does not take measures nothing; another field may.
        let Came::Done(now, _) = run.send(&command, &set, Some(&before.image)).await else {
            continue;
        };
        let now = now.image.over(&before.image);
        if now == before.image {
            continue;
        }
        run.made[0].image = now;
        let again = run.send(&command, &set, Some(&before.image)).await;
        let measured = match again {
            Came::Done(..) => yes("done again, to the same effect"),
            Came::Answered(Answer::Changed(_)) => {
                yes("the second was not carried out: the row had changed")
            }
            Came::Answered(answer) => no(format!("answered with {answer:?}")),
            Came::Failed(fault) => unknown(fault.to_string()),
        };
        note(run, "the same update sent twice has one effect", Some(true), measured);
        let measured = stale(run, &before, &other).await;
        let what = match run.has.conditional {
            Conditional::Native => "an update made on an old view is refused, by the side itself",
            Conditional::ReadCompareWrite => {
                "an update made on an old view is refused, by reading first"
            }
        };
        note(run, what, Some(true), measured);
        return;
    }
    run.report.notes.push("no change was taken by which old views could be tried".to_owned());
}

/// Sends an update that expects the row as it was before the last change.
async fn stale(run: &mut Run<'_>, before: &Made, set: &Image) -> Measured {
    let (ext, expect) = (before.ext.clone(), before.image.hash());
    let command = run.command(Operation::Update { ext, expect }, set);
    match run.send(&command, set, Some(&before.image)).await {
        Came::Answered(Answer::Changed(_)) => yes("refused, and the row was shown"),
        Came::Answered(Answer::Refused { message, .. }) => yes(format!("refused: {message}")),
        Came::Answered(answer) => unknown(format!("answered with {answer:?}")),
        Came::Done(now, _) => {
            run.made[0].image = now.image;
            no("it was carried out: an edit in between would have been overwritten")
        }
        Came::Failed(fault) => unknown(fault.to_string()),
    }
}

/// For each field that may be changed, two changes of it that the row does not show yet.
fn two_edits(run: &Run<'_>, shown: &Image) -> Vec<(Image, Image)> {
    let (side, token) = (run.side(), &run.options.token);
    let pair = |field: &mizan_core::Field| {
        let first = run.first.get(&field.name)?;
        if super::canary::edits(run.entity, field, side, token).is_empty() {
            return None;
        }
        let one = bumped(first)?;
        let one = if shown.get(&field.name) == Some(&one) { bumped(&one)? } else { one };
        let other = bumped(&one)?;
        let image = |value: Value| [(field.name.clone(), value)].into_iter().collect::<Image>();
        Some((image(one), image(other)))
    };
    run.entity.fields.iter().filter_map(pair).collect()
}

/// Another value of the same kind, and as easy to take.
fn bumped(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Text(text) => Value::text(format!("{text} 2")),
        Value::Decimal(number) => Value::decimal(number.saturating_add(1.into())),
        Value::Bool(flag) => Value::Bool(!flag),
        Value::Date(day) => Value::Date(day.succ_opt()?),
        Value::Instant(ms) => Value::Instant(ms.saturating_add(86_400_000)),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Ref(_) => return None,
    })
}
