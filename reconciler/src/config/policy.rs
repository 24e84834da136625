//! Who wins where two sides changed one field: the words of `prefer`, and what each of them needs.

use super::document::{ConfigError, Node, suggestion};
use super::side::{SideConfig, System};
use mizan_core::{Entity, Field, Meaning, Name, Rivalry, Rule, SideId, Type};
use std::collections::BTreeMap;

/// The rules of `prefer` besides the names of sides.
const WORDS: &[&str] = &["manual", "newest", "greatest", "least", "keep-both", "policy NAME"];

/// Words that mean something where the name of a side may stand, so that no side may be called so.
const RESERVED: &[&str] = &[
    "manual",
    "newest",
    "greatest",
    "least",
    "policy",
    "type",
    "scale",
    "rounding",
    "owner",
    "prefer",
    "counter",
    "stocktake",
    "set",
    "group",
    "items",
    "both",
    "push",
    "pull",
];

/// The coarsest clock that is worth comparing: one day.
const CLOCK_MS_MAX: u32 = 86_400_000;

/// Refuses a side whose name would be read as something else.
pub(super) fn check_side_name(name: &str, node: &Node) -> Result<(), ConfigError> {
    if RESERVED.contains(&name) {
        return Err(node.error(format!(
            "a side cannot be called `{name}`: the word has a meaning of its own where sides are \
             named; call it `{name}_side`, say"
        )));
    }
    Ok(())
}

/// Reads `prefer`: the name of a side, or a rule.
pub(super) fn rivalry_of(node: &Node, sides: &[SideId]) -> Result<Rivalry, ConfigError> {
    let text = node.text()?;
    if let Some(name) = text.strip_prefix("policy ") {
        return custom(node, name.trim());
    }
    Ok(match text {
        "manual" => Rivalry::Manual,
        "newest" => Rivalry::Newest,
        "greatest" => Rivalry::Greatest,
        "least" => Rivalry::Least,
        "keep-both" => Rivalry::KeepBoth,
        _ => match sides.iter().find(|side| side.as_str() == text) {
            Some(side) => Rivalry::Prefer(side.clone()),
            None => {
                let mut words: Vec<&str> = sides.iter().map(SideId::as_str).collect();
                words.extend(WORDS);
                return Err(node.error(format!(
                    "`{}` is \"{text}\"{}",
                    node.path,
                    suggestion(text, &words)
                )));
            }
        },
    })
}

fn custom(node: &Node, name: &str) -> Result<Rivalry, ConfigError> {
    if let Some((name, _)) = name.split_once('/') {
        return Err(node.error(format!(
            "a policy is named without its version: write \"policy {name}\"; the log records the \
             version that decided"
        )));
    }
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(node.error("`prefer = \"policy NAME\"` needs one name without spaces"));
    }
    Ok(Rivalry::Custom(Name::new(name)))
}

/// Reads `clock`: how exact a side's stamps are, as `"500ms"`, `"1s"`, `"5m"` or `"1h"`.
pub(super) fn clock_of(
    node: &Node,
    side: &SideId,
    config: Option<&SideConfig>,
    table: &Node,
) -> Result<u32, ConfigError> {
    let text = node.text()?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number = digits.parse::<u32>().ok();
    let ms = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    let Some(ms) = ms.filter(|ms| (1..=CLOCK_MS_MAX).contains(ms)) else {
        return Err(node.error(format!(
            "`clock` is \"{text}\"; it should be a number with ms, s, m or h, from \"1ms\" to \
             \"24h\": how exact the side's stamps are, with all that its clock may be off"
        )));
    };
    if let Some(why) = config.and_then(|config| without_stamps(&config.system, table)) {
        return Err(node.error(format!(
            "`clock` says how exact the stamps of {side} are, and {why}; remove it"
        )));
    }
    Ok(ms)
}

/// Why rows of a side carry no stamps, where that is known before anything is read.
fn without_stamps(system: &System, table: &Node) -> Option<String> {
    let word = |name: &str| table.get(name).and_then(|node| node.text().ok());
    match system {
        System::Files { .. } => match word("format") {
            Some(format @ ("jsonl" | "csv")) => {
                Some(format!("rows of a {format} file have none: only the file as a whole has"))
            }
            Some(_) | None => None,
        },
        System::Qoyod { .. } => match word("resource") {
            Some(resource @ ("taxes" | "accounts")) => {
                Some(format!("Qoyod does not reliably stamp {resource}"))
            }
            Some(_) | None => None,
        },
    }
}

/// Refuses what cannot work together: each rule's needs, copies and groups.
pub(super) fn check(node: &Node, entity: &Entity) -> Result<(), ConfigError> {
    for field in &entity.fields {
        check_field(node, entity, field)?;
    }
    check_copies(node, entity)?;
    check_groups(node, entity)
}

/// The setting that a field's rule comes from: its own `prefer`, or the entity's.
fn source<'a>(node: &'a Node, field: &Field) -> &'a Node {
    let own = field_node(node, &field.name);
    own.get("prefer").or_else(|| node.get("prefer")).unwrap_or(own)
}

fn field_node<'a>(node: &'a Node, name: &Name) -> &'a Node {
    node.get("fields").and_then(|fields| fields.get(name)).unwrap_or(node)
}

/// True where the field can be in conflict at all, so that its rule is ever asked.
fn contested(field: &Field) -> bool {
    field.owner.is_none() && field.meaning == Meaning::Value
}

fn check_field(node: &Node, entity: &Entity, field: &Field) -> Result<(), ConfigError> {
    let (name, from) = (&field.name, source(node, field));
    let own = field_node(node, name).get("prefer");
    if let (Some(own), false) = (own, field.meaning == Meaning::Value) {
        return Err(own.error(format!(
            "`{name}` adds up what every side does, so nothing is ever in conflict there; remove \
             `prefer`"
        )));
    }
    if !contested(field) {
        return Ok(());
    }
    match &field.rivalry {
        Rivalry::Newest => {
            let clocks = entity
                .sides
                .iter()
                .filter(|(side, on)| on.clock_ms.is_some() && field.sides.contains_key(*side));
            if clocks.count() < 2 && field.sides.len() > 1 {
                return Err(from.error(format!(
                    "\"newest\" compares clocks, and fewer than two sides of `{name}` say how \
                     exact theirs is: write clock = \"1s\", say, in [entities.{}.sides.SIDE]",
                    entity.name
                )));
            }
        }
        Rivalry::Greatest | Rivalry::Least => check_order(from, field)?,
        Rivalry::KeepBoth if entity.copies.is_none() => {
            return Err(from.error(format!(
                "\"keep-both\" makes a copy of the record, and a copy needs a name of its own: say \
                 which text tells it from the original with copies = \"FIELD\" in [entities.{}]",
                entity.name
            )));
        }
        Rivalry::KeepBoth | Rivalry::Prefer(_) | Rivalry::Manual | Rivalry::Custom(_) => {}
    }
    Ok(())
}

fn check_order(from: &Node, field: &Field) -> Result<(), ConfigError> {
    let what = match &field.kind {
        Type::Text | Type::Decimal | Type::Bool | Type::Date | Type::Instant | Type::Any => {
            return Ok(());
        }
        Type::Ref(_) => "a reference",
        Type::Items(_) => "a list",
    };
    Err(from.error(format!(
        "\"greatest\" and \"least\" need values that have an order, and `{}` is {what}; give it a \
         `prefer` of its own",
        field.name
    )))
}

fn check_copies(node: &Node, entity: &Entity) -> Result<(), ConfigError> {
    let (Some(copies), Some(name)) = (node.get("copies"), &entity.copies) else { return Ok(()) };
    let known: Vec<&str> = entity.fields.iter().map(|field| field.name.as_str()).collect();
    let Some(field) = entity.fields.iter().find(|field| field.name == *name) else {
        return Err(copies.error(format!(
            "`copies` names `{name}`, which is not a field{}",
            suggestion(name, &known)
        )));
    };
    if field.kind != Type::Text {
        return Err(copies.error(format!(
            "`copies` names `{name}`, which is not a text; a copy is marked in a text, as in \
             \"Coffee (copy, shop)\""
        )));
    }
    if let Some(side) = entity.sides.keys().find(|side| !field.sides.contains_key(*side)) {
        return Err(copies.error(format!(
            "`copies` names `{name}`, which {side} does not carry; the mark must be on all sides"
        )));
    }
    if !entity.key.is_empty() && !entity.key.contains(name) {
        return Err(copies.error(format!(
            "`copies` names `{name}`, which is not part of `key`: a copy would have the key of its \
             original, and the two could not be told apart; add `{name}` to `key`, or name a key \
             field here"
        )));
    }
    if !entity.sides.values().any(|on| on.creates) {
        return Err(copies.error("`copies` makes new records, and no side has `creates`"));
    }
    Ok(())
}

fn check_groups(node: &Node, entity: &Entity) -> Result<(), ConfigError> {
    let mut groups: BTreeMap<&Name, Vec<&Field>> = BTreeMap::new();
    for field in &entity.fields {
        if let Some(group) = &field.group {
            groups.entry(group).or_default().push(field);
        }
    }
    for (group, fields) in &groups {
        let at = |field: &Field| {
            let own = field_node(node, &field.name);
            own.get("group").unwrap_or(own)
        };
        let first = fields[0];
        if fields.len() == 1 {
            let others: Vec<&str> =
                groups.keys().filter(|one| *one != group).map(|one| one.as_str()).collect();
            let near = if others.is_empty() { String::new() } else { suggestion(group, &others) };
            return Err(at(first).error(format!(
                "`{}` is alone in the group `{group}`; a group has at least two fields{near}",
                first.name
            )));
        }
        for field in fields {
            check_member(at(field), group, field, first)?;
        }
    }
    Ok(())
}

fn check_member(at: &Node, group: &Name, field: &Field, first: &Field) -> Result<(), ConfigError> {
    let name = &field.name;
    let refuse = |what: &str| {
        Err(at.error(format!(
            "`{name}` is in the group `{group}`, whose fields are decided as one, and {what}"
        )))
    };
    match (&field.owner, &field.meaning) {
        (Some(owner), _) => return refuse(&format!("{owner} owns it; remove `group`")),
        (None, Meaning::Counter) => return refuse("a counter adds up; remove one of the two"),
        (None, Meaning::Set) => return refuse("a set is joined; remove one of the two"),
        (None, Meaning::Value) => {}
    }
    match &field.rivalry {
        Rivalry::Greatest | Rivalry::Least => {
            return refuse(
                "several values have no order; \"greatest\" and \"least\" cannot decide it",
            );
        }
        Rivalry::Prefer(_)
        | Rivalry::Manual
        | Rivalry::Newest
        | Rivalry::KeepBoth
        | Rivalry::Custom(_) => {}
    }
    if field.rivalry != first.rivalry {
        let other = &first.name;
        return refuse(&format!("`prefer` differs from that of `{other}`; make them the same"));
    }
    Ok(())
}

/// Reads what a change of the field means: `counter` with `stocktake`, or `set`.
pub(super) fn read_meaning(
    node: &Node,
    kind: &Type,
    owner: Option<&SideId>,
    carriers: &[&SideId],
) -> Result<(Meaning, Option<SideId>), ConfigError> {
    let on = |name: &str| match node.get(name) {
        Some(entry) => Ok(entry.flag()?.then_some(entry)),
        None => Ok(None),
    };
    let (counter, set) = (on("counter")?, on("set")?);
    let meaning = match (counter, set) {
        (Some(_), Some(set)) => {
            return Err(set.error("`set` and `counter` contradict each other; keep one"));
        }
        (Some(counter), None) if *kind != Type::Decimal => {
            return Err(counter.error("only a decimal can be a counter"));
        }
        (Some(_), None) => Meaning::Counter,
        (None, Some(set)) => {
            if *kind != Type::Any {
                return Err(set.error("`set` belongs to the type \"any\", which may hold a list"));
            }
            if let Some(owner) = owner {
                return Err(set.error(format!(
                    "`set` joins what all sides do, and {owner} owns the field: its list always \
                     holds; remove one of the two"
                )));
            }
            Meaning::Set
        }
        (None, None) => Meaning::Value,
    };
    let Some(stocktake) = node.get("stocktake") else { return Ok((meaning, None)) };
    if meaning != Meaning::Counter {
        return Err(
            stocktake.error("`stocktake` says who counts a counter; it needs counter = true")
        );
    }
    if let Some(owner) = owner {
        return Err(stocktake.error(format!(
            "`stocktake` and an owner contradict each other: what {owner} shows always holds; \
             remove one of the two"
        )));
    }
    let text = stocktake.text()?;
    let Some(side) = carriers.iter().find(|side| side.as_str() == text) else {
        let known: Vec<&str> = carriers.iter().map(|side| side.as_str()).collect();
        return Err(stocktake.error(format!(
            "`stocktake` is \"{text}\", which is no side that carries the field{}",
            suggestion(text, &known)
        )));
    };
    Ok((meaning, Some((*side).clone())))
}

/// What every side does to the field's values because of its meaning.
pub(super) fn rule_of(meaning: &Meaning) -> Option<Rule> {
    match meaning {
        Meaning::Set => Some(Rule::Set),
        Meaning::Value | Meaning::Counter => None,
    }
}
