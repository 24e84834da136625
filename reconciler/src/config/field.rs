//! The `[entities.NAME.fields]` table: what each field is, and where each side has it.

use super::document::{ConfigError, Kind, Node, suggestion};
use super::entity::Direction;
use super::normaliser::{read_normaliser, type_defaults};
use super::policy;
use super::side::check_name;
use mizan_core::lens::{FieldPath, Path};
use mizan_core::{
    Field, FieldOnSide, Item, Name, Normaliser, Rivalry, Rounding, Rule, SideId, Type,
};
use std::collections::BTreeMap;

/// The fields and, for each side, where they are.
pub(super) struct Fields {
    pub(super) fields: Vec<Field>,
    pub(super) paths: BTreeMap<SideId, Vec<FieldPath>>,
}

/// What does not change from field to field.
struct Place<'a> {
    sides: &'a [SideId],
    direction: &'a Direction,
    rivalry: &'a Rivalry,
    entities: &'a [&'a str],
}

const TYPES: &[&str] =
    &["text", "decimal", "bool", "date", "instant", "items", "any", "ref ENTITY"];

/// What a field's table may say besides where each side has it.
const SETTINGS: &[&str] = &[
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
];

pub(super) fn read_fields(
    node: &Node,
    sides: &[SideId],
    direction: &Direction,
    rivalry: &Rivalry,
    entities: &[&str],
) -> Result<Fields, ConfigError> {
    let place = Place { sides, direction, rivalry, entities };
    let mut fields = Vec::new();
    let mut paths: BTreeMap<SideId, Vec<FieldPath>> = BTreeMap::new();
    for (name, node) in node.table()? {
        check_name(name, node)?;
        let name = Name::new(name);
        let (field, found) = read_field(&name, node, &place)?;
        for (side, path) in found {
            paths.entry(side).or_default().push(path);
        }
        fields.push(field);
    }
    if fields.is_empty() {
        return Err(node.error("no field is configured"));
    }
    Ok(Fields { fields, paths })
}

fn read_field(
    name: &Name,
    node: &Node,
    place: &Place<'_>,
) -> Result<(Field, Vec<(SideId, FieldPath)>), ConfigError> {
    let mut known = SETTINGS.to_vec();
    known.extend(place.sides.iter().map(SideId::as_str));
    node.only(&known)?;
    let kind = read_type(node, place)?;
    let everywhere = read_scale(node, &kind)?;
    let mut sides = BTreeMap::new();
    let mut paths = Vec::new();
    for side in place.sides {
        let Some(table) = node.get(side.as_str()) else { continue };
        let (path, mut on) = read_on_side(table)?;
        type_defaults(table, &mut on.normaliser, &kind)?;
        on.normaliser.0.extend(everywhere.clone());
        let items = match (&kind, node.get("items")) {
            (Type::Items(_), Some(items)) => read_item_paths(items, side, place)?,
            (_, Some(items)) => return Err(items.error("`items` belongs to the type \"items\"")),
            (_, None) => Vec::new(),
        };
        paths.push((
            side.clone(),
            FieldPath { field: name.clone(), kind: kind.clone(), path, items },
        ));
        sides.insert(side.clone(), on);
    }
    if sides.is_empty() {
        return Err(node.error(format!(
            "field `{name}` is on no side: say where it is, as in {} = \"name\"",
            place.sides.first().map_or("shop", |side| side.as_str())
        )));
    }
    let owner = read_owner(node, &sides, place)?;
    let rivalry = match (node.get("prefer"), &owner) {
        (Some(prefer), Some(owner)) => {
            return Err(prefer.error(format!(
                "`prefer` and an owner contradict each other: {owner} always wins; remove one"
            )));
        }
        (Some(prefer), None) => policy::rivalry_of(prefer, place.sides)?,
        (None, _) => place.rivalry.clone(),
    };
    let carriers: Vec<&SideId> = sides.keys().collect();
    let (meaning, stocktake) = policy::read_meaning(node, &kind, owner.as_ref(), &carriers)?;
    sides.values_mut().for_each(|on| on.normaliser.0.extend(policy::rule_of(&meaning)));
    let group = match node.get("group") {
        None => None,
        Some(node) => {
            check_name(node.text()?, node)?;
            Some(Name::new(node.text()?))
        }
    };
    let rest = Field::new(name.clone(), kind);
    let field = Field { meaning, owner, rivalry, group, stocktake, sides, ..rest };
    Ok((field, paths))
}

fn read_type(node: &Node, place: &Place<'_>) -> Result<Type, ConfigError> {
    let Some(kind) = node.get("type") else { return Ok(Type::Text) };
    let text = kind.text()?;
    if let Some(target) = text.strip_prefix("ref ") {
        let target = target.trim();
        if !place.entities.contains(&target) {
            return Err(kind.error(format!(
                "`{target}` is not an entity{}",
                suggestion(target, place.entities)
            )));
        }
        return Ok(Type::Ref(Name::new(target)));
    }
    Ok(match text {
        "text" => Type::Text,
        "decimal" => Type::Decimal,
        "bool" => Type::Bool,
        "date" => Type::Date,
        "instant" => Type::Instant,
        "any" => Type::Any,
        "items" => {
            let items = node.need("items", "the fields of an item, as a table")?;
            let mut list = Vec::new();
            for (name, item) in items.table()? {
                list.push(Item { name: Name::new(name), kind: read_type(item, place)? });
            }
            Type::Items(list)
        }
        _ => return Err(kind.error(format!("`type` is \"{text}\"{}", suggestion(text, TYPES)))),
    })
}

fn read_item_paths(
    items: &Node,
    side: &SideId,
    place: &Place<'_>,
) -> Result<Vec<FieldPath>, ConfigError> {
    let mut paths = Vec::new();
    for (name, item) in items.table()? {
        let mut known = vec!["type", "items"];
        known.extend(place.sides.iter().map(SideId::as_str));
        item.only(&known)?;
        let Some(path) = item.get(side.as_str()) else { continue };
        paths.push(FieldPath {
            field: Name::new(name),
            kind: read_type(item, place)?,
            path: read_path(path)?,
            items: Vec::new(),
        });
    }
    Ok(paths)
}

fn read_path(node: &Node) -> Result<Path, ConfigError> {
    node.text()?.parse().map_err(|error: mizan_core::lens::BadPath| node.error(error.to_string()))
}

fn read_scale(node: &Node, kind: &Type) -> Result<Option<Rule>, ConfigError> {
    let mode = match node.get("rounding") {
        None => Rounding::HalfUp,
        Some(node) => match node.one_of(&["half-up", "half-even", "truncate"])? {
            "half-up" => Rounding::HalfUp,
            "half-even" => Rounding::HalfEven,
            _ => Rounding::Truncate,
        },
    };
    match (node.get("scale"), node.get("rounding")) {
        (Some(scale), _) => {
            if *kind != Type::Decimal {
                return Err(scale.error("`scale` belongs to the type \"decimal\""));
            }
            let scale = u32::try_from(scale.number(0, 28)?).unwrap_or(28);
            Ok(Some(Rule::Decimal { scale, mode }))
        }
        (None, Some(rounding)) => Err(rounding.error("`rounding` needs a `scale`")),
        (None, None) => Ok(None),
    }
}

/// `"path"`, or a table with the path and what is special there.
fn read_on_side(node: &Node) -> Result<(Path, FieldOnSide), ConfigError> {
    if let Kind::Text(_) = node.kind {
        let on = FieldOnSide { writable: true, ..FieldOnSide::default() };
        return Ok((read_path(node)?, on));
    }
    node.only(&["path", "read_only", "create_only", "normalise"])?;
    let path = read_path(node.need("path", "where the field is on this side")?)?;
    let read_only = node.get("read_only").map_or(Ok(false), Node::flag)?;
    let create_only = node.get("create_only").map_or(Ok(false), Node::flag)?;
    if read_only && create_only {
        return Err(node.error("`read_only` and `create_only` contradict each other; keep one"));
    }
    let normaliser = match node.get("normalise") {
        None => Normaliser::default(),
        Some(node) => read_normaliser(node)?,
    };
    Ok((path, FieldOnSide { normaliser, writable: !read_only, create_only }))
}

fn read_owner(
    node: &Node,
    sides: &BTreeMap<SideId, FieldOnSide>,
    place: &Place<'_>,
) -> Result<Option<SideId>, ConfigError> {
    let Some(owner) = node.get("owner") else {
        return Ok(match place.direction {
            Direction::From { source, .. } if sides.contains_key(source) => Some(source.clone()),
            // Only the following side has the field: it owns it, nobody else can say anything.
            Direction::From { target, .. } => Some(target.clone()),
            Direction::Both => None,
        });
    };
    let known: Vec<&str> = sides.keys().map(SideId::as_str).collect();
    let text = owner.text()?;
    let side = SideId::new(text);
    if !sides.contains_key(&side) {
        return Err(owner.error(format!(
            "`owner` is \"{text}\", which does not carry the field{}",
            suggestion(text, &known)
        )));
    }
    Ok(Some(side))
}
