//! The `[entities.NAME]` tables: direction, key, policies, and how each side carries the entity.

use super::document::{ConfigError, Node, suggestion};
use super::field::{Fields, read_fields};
use super::policy;
use super::side::{SideConfig, System, check_name, side_named};
use crate::engine::Sweep;
use mizan_adapters::Binding;
use mizan_core::lens::{Lens, Style};
use mizan_core::{DeletePolicy, Entity, EntityOnSide, Name, Rivalry, SideId};
use std::collections::{BTreeMap, BTreeSet};

/// All entities, with what the sides need for them.
pub(super) struct Entities {
    pub(super) list: Vec<Entity>,
    pub(super) bindings: BTreeMap<SideId, Vec<Binding>>,
    pub(super) sweeps: BTreeMap<(Name, SideId), Sweep>,
    pub(super) immutable: BTreeSet<(Name, SideId)>,
    pub(super) personal: BTreeSet<Name>,
}

/// Documents that Qoyod does not change once they are approved.
const QOYOD_FINAL: [&str; 5] =
    ["invoices", "invoice_payments", "receipts", "credit_notes", "bills"];

/// Who knows first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Either side.
    Both,
    /// One side; the other follows.
    From { source: SideId, target: SideId },
}

pub(super) type Sides = BTreeMap<SideId, SideConfig>;

pub(super) fn read_entities(node: &Node, sides: &Sides) -> Result<Entities, ConfigError> {
    let mut entities = Entities {
        list: Vec::new(),
        bindings: BTreeMap::new(),
        sweeps: BTreeMap::new(),
        immutable: BTreeSet::new(),
        personal: BTreeSet::new(),
    };
    let names: Vec<&str> = node.table()?.iter().map(|(name, _)| name.as_str()).collect();
    for (name, node) in node.table()? {
        check_name(name, node)?;
        read_entity(&Name::new(name), node, sides, &names, &mut entities)?;
    }
    if entities.list.is_empty() {
        return Err(node.error("no entity is configured"));
    }
    Ok(entities)
}

fn read_entity(
    name: &Name,
    node: &Node,
    sides: &Sides,
    all: &[&str],
    entities: &mut Entities,
) -> Result<(), ConfigError> {
    node.only(&[
        "direction",
        "key",
        "prefer",
        "on_delete",
        "copies",
        "personal",
        "sides",
        "fields",
    ])?;
    let tables = node.need("sides", "a table [entities.NAME.sides.SIDE] for each of its sides")?;
    let mut own = Vec::new();
    for (side, table) in tables.table()? {
        own.push((side_named(table, side, sides)?, table));
    }
    if own.len() < 2 {
        return Err(tables.error(format!("entity `{name}` needs at least two sides")));
    }
    let direction = read_direction(node, sides, &own)?;
    let fields_node = node.need("fields", "a table [entities.NAME.fields]")?;
    let side_names: Vec<SideId> = own.iter().map(|(side, _)| side.clone()).collect();
    let rivalry = read_rivalry(node, &direction, &side_names)?;
    let Fields { fields, paths } =
        read_fields(fields_node, &side_names, &direction, &rivalry, all)?;
    let key = read_key(node, &fields, &side_names)?;
    let on_delete = read_on_delete(node)?;
    if node.get("personal").map(Node::flag).transpose()?.unwrap_or(false) {
        entities.personal.insert(name.clone());
    }
    let copies = node.get("copies").map(Node::text).transpose()?.map(Name::new);
    let mut on_sides = BTreeMap::new();
    for (side, table) in own {
        let writes = fields.iter().any(|field| field.writable_on(&side, false));
        let lens_fields = paths.get(&side).cloned().unwrap_or_default();
        let read = read_entity_side(&side, table, sides, &direction, writes)?;
        on_sides.insert(side.clone(), read.on);
        if read.immutable {
            entities.immutable.insert((name.clone(), side.clone()));
        }
        if let Some(sweep) = read.sweep {
            entities.sweeps.insert((name.clone(), side.clone()), sweep);
        }
        let lens = Lens { side: side.clone(), fields: lens_fields, style: read.style };
        entities.bindings.entry(side).or_default().push(Binding {
            entity: name.clone(),
            lens,
            key: key.clone(),
            options: read.options,
            on_create: read.on_create,
        });
    }
    let entity = Entity { name: name.clone(), fields, key, sides: on_sides, on_delete, copies };
    policy::check(node, &entity)?;
    entities.list.push(entity);
    Ok(())
}

fn read_on_delete(node: &Node) -> Result<DeletePolicy, ConfigError> {
    let Some(node) = node.get("on_delete") else { return Ok(DeletePolicy::EditWins) };
    Ok(match node.one_of(&["edit-wins", "delete-wins", "park"])? {
        "edit-wins" => DeletePolicy::EditWins,
        "delete-wins" => DeletePolicy::DeleteWins,
        _ => DeletePolicy::Park,
    })
}

fn read_direction(
    node: &Node,
    sides: &Sides,
    own: &[(SideId, &Node)],
) -> Result<Direction, ConfigError> {
    let node = node.need(
        "direction",
        "who knows first: \"both\", \"push\" (to Qoyod), \"pull\" (from Qoyod) or \"SIDE -> SIDE\"",
    )?;
    let text = node.text()?;
    if text == "both" {
        return Ok(Direction::Both);
    }
    if let Some((source, target)) = text.split_once("->") {
        let source = side_named(node, source.trim(), sides)?;
        let target = side_named(node, target.trim(), sides)?;
        if source == target {
            return Err(node.error("a direction leads from one side to another"));
        }
        return Ok(Direction::From { source, target });
    }
    let qoyod = |side: &SideId| {
        sides.get(side).is_some_and(|config| matches!(config.system, System::Qoyod { .. }))
    };
    let accounting: Vec<&SideId> = own.iter().map(|(s, _)| s).filter(|s| qoyod(s)).collect();
    let others: Vec<&SideId> = own.iter().map(|(s, _)| s).filter(|s| !qoyod(s)).collect();
    match (text, accounting.as_slice(), others.as_slice()) {
        ("push", [qoyod], [shop]) => {
            Ok(Direction::From { source: (*shop).clone(), target: (*qoyod).clone() })
        }
        ("pull", [qoyod], [shop]) => {
            Ok(Direction::From { source: (*qoyod).clone(), target: (*shop).clone() })
        }
        ("push" | "pull", _, _) => Err(node.error(format!(
            "\"{text}\" needs exactly one Qoyod side and one other; write \"SIDE -> SIDE\" instead"
        ))),
        _ => Err(node.error(format!(
            "`direction` is \"{text}\"{}",
            suggestion(text, &["both", "push", "pull"])
        ))),
    }
}

fn read_rivalry(
    node: &Node,
    direction: &Direction,
    sides: &[SideId],
) -> Result<Rivalry, ConfigError> {
    let Some(prefer) = node.get("prefer") else { return Ok(Rivalry::Manual) };
    if *direction != Direction::Both {
        return Err(prefer.error(
            "`prefer` decides between two sides, and `direction` has decided already: the side that \
             knows first wins; remove `prefer`, or set direction = \"both\"",
        ));
    }
    policy::rivalry_of(prefer, sides)
}

fn read_key(
    node: &Node,
    fields: &[mizan_core::Field],
    sides: &[SideId],
) -> Result<Vec<Name>, ConfigError> {
    let Some(node) = node.get("key") else { return Ok(Vec::new()) };
    let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let mut key = Vec::new();
    for name in node.texts()? {
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(node.error(format!(
                "`key` names `{name}`, which is not a field{}",
                suggestion(name, &known)
            )));
        };
        if let Some(side) = sides.iter().find(|side| !field.sides.contains_key(*side)) {
            return Err(node.error(format!(
                "`key` names `{name}`, which {side} does not carry; a key must be on all sides"
            )));
        }
        key.push(Name::new(name));
    }
    Ok(key)
}

/// What the table of an entity on one side says.
struct OnSide {
    on: EntityOnSide,
    sweep: Option<Sweep>,
    immutable: bool,
    style: Style,
    options: serde_json::Value,
    on_create: serde_json::Map<String, serde_json::Value>,
}

fn read_entity_side(
    side: &SideId,
    node: &Node,
    sides: &Sides,
    direction: &Direction,
    writes: bool,
) -> Result<OnSide, ConfigError> {
    let qoyod = sides.get(side).is_some_and(|config| matches!(config.system, System::Qoyod { .. }));
    let receives = match direction {
        Direction::Both => true,
        Direction::From { target, .. } => target == side,
    };
    let deletes = receives && !qoyod;
    let mut on = EntityOnSide { creates: receives, updates: writes, deletes, clock_ms: None };
    let mut style = Style { decimals_as_text: qoyod, ids_as_numbers: qoyod };
    let (mut sweep, mut immutable) = (None, None);
    let mut on_create = serde_json::Map::new();
    let mut options = serde_json::Map::new();
    for (name, entry) in node.table()? {
        match name.as_str() {
            "creates" => on.creates = entry.flag()?,
            "updates" => on.updates = entry.flag()?,
            "deletes" => on.deletes = entry.flag()?,
            "immutable" => immutable = Some(entry.flag()?),
            "decimals_as_text" => style.decimals_as_text = entry.flag()?,
            "ids_as_numbers" => style.ids_as_numbers = entry.flag()?,
            "clock" => {
                on.clock_ms = Some(policy::clock_of(entry, side, sides.get(side), node)?);
            }
            "sweep" => {
                sweep = Some(match entry.one_of(&["always", "first"])? {
                    "always" => Sweep::Always,
                    _ => Sweep::First,
                });
            }
            "on_create" => match entry.json()? {
                serde_json::Value::Object(map) => on_create = map,
                _ => return Err(entry.error("`on_create` should be a table")),
            },
            // The adapter knows its own options and refuses what it does not know.
            _ => {
                options.insert(name.clone(), entry.json()?);
            }
        }
    }
    let resource = options.get("resource").and_then(serde_json::Value::as_str);
    let is_final = qoyod && resource.is_some_and(|resource| QOYOD_FINAL.contains(&resource));
    let immutable = immutable.unwrap_or(is_final);
    Ok(OnSide { on, sweep, immutable, style, options: options.into(), on_create })
}
