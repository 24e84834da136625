//! Lenses: native JSON of one side to an image, and back without losing what is not mapped (V15).

use crate::id::{Ext, Name, SideId};
use crate::image::Image;
use crate::schema::Type;
use crate::value::{RefTo, Value};
use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::str::FromStr;

/// A path into native JSON: names divided by dots; `list[key=value]` picks an item of a list.
///
/// ```
/// use mizan_core::lens::Path;
/// let row = serde_json::json!({"inventories": [{"id": 1, "stock": "12.0"}]});
/// let path: Path = "inventories[id=1].stock".parse().unwrap();
/// assert_eq!(path.find(&row).unwrap(), "12.0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: String,
    pick: Option<(String, String)>,
}

/// The text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path: names divided by dots, with `[key=value]` after the name of a list")]
pub struct BadPath(String);

impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let bad = || BadPath(text.to_owned());
        let mut steps = Vec::new();
        for part in text.split('.') {
            let step = match part.split_once('[') {
                None => Step { name: part.to_owned(), pick: None },
                Some((name, pick)) => {
                    let pick = pick.strip_suffix(']').and_then(|pick| pick.split_once('='));
                    let (key, value) = pick.ok_or_else(bad)?;
                    Step { name: name.to_owned(), pick: Some((key.to_owned(), value.to_owned())) }
                }
            };
            if step.name.is_empty() {
                return Err(bad());
            }
            steps.push(step);
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

impl TryFrom<String> for Path {
    type Error = BadPath;

    fn try_from(text: String) -> Result<Self, BadPath> {
        text.parse()
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.text
    }
}

impl Path {
    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is at the path, if the whole way is there.
    #[must_use]
    pub fn find<'a>(&self, native: &'a Json) -> Option<&'a Json> {
        let mut here = native;
        for step in &self.steps {
            here = here.get(&step.name)?;
            if let Some((key, value)) = &step.pick {
                here = here.as_array()?.iter().find(|item| matches(item, key, value))?;
            }
        }
        Some(here)
    }

    /// Puts `value` at the path, making objects and list items on the way.
    pub fn put(&self, native: &mut Json, value: Json) {
        let mut here = native;
        for step in &self.steps {
            if !here.is_object() {
                *here = Json::Object(Map::new());
            }
            let Json::Object(entries) = here else { return };
            let next = entries.entry(step.name.clone()).or_insert(Json::Null);
            here = match &step.pick {
                None => next,
                Some((key, value)) => {
                    if !next.is_array() {
                        *next = Json::Array(Vec::new());
                    }
                    let Json::Array(items) = next else { return };
                    let at = items.iter().position(|item| matches(item, key, value));
                    let at = at.unwrap_or_else(|| {
                        let id = Json::String(value.clone());
                        items.push(Json::Object(Map::from_iter([(key.clone(), id)])));
                        items.len() - 1
                    });
                    &mut items[at]
                }
            };
        }
        *here = value;
    }
}

fn matches(item: &Json, key: &str, value: &str) -> bool {
    match item.get(key) {
        Some(Json::String(text)) => text == value,
        Some(Json::Number(number)) => number.to_string() == value,
        Some(Json::Bool(flag)) => flag.to_string() == value,
        Some(Json::Null | Json::Array(_) | Json::Object(_)) | None => false,
    }
}

/// How a side spells what JSON leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Style {
    /// Decimals are sent as JSON texts.
    pub decimals_as_text: bool,
    /// References are sent as JSON integers where they are digits only.
    pub ids_as_numbers: bool,
}

/// Where one field is in native JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldPath {
    /// The canonical name.
    pub field: Name,
    /// The type.
    pub kind: Type,
    /// The place.
    pub path: Path,
    /// For a list of items: where each item's fields are in the native item.
    #[serde(default)]
    pub items: Vec<FieldPath>,
}

/// The lens of one entity on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lens {
    /// The side.
    pub side: SideId,
    /// The fields.
    pub fields: Vec<FieldPath>,
    /// The spelling.
    pub style: Style,
}

/// A native value is not of the declared type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` (at `{path}`) should be {expected}; the row is left as it is")]
pub struct LensError {
    /// The canonical field.
    pub field: Name,
    /// Where it was looked for.
    pub path: String,
    /// What was expected.
    pub expected: &'static str,
}

impl Lens {
    /// Reads an image; a field whose path leads nowhere is unknown, not empty (L17).
    ///
    /// # Errors
    /// When a value is there and not of its type: the row is reported, never guessed at.
    pub fn get(&self, native: &Json) -> Result<Image, LensError> {
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            if let Some(found) = field.path.find(native) {
                fields.push((field.field.clone(), self.read(field, found)?));
            }
        }
        Ok(fields.into_iter().collect())
    }

    fn read(&self, field: &FieldPath, native: &Json) -> Result<Value, LensError> {
        let error = |expected| LensError {
            field: field.field.clone(),
            path: field.path.as_str().to_owned(),
            expected,
        };
        if native.is_null() {
            return Ok(Value::Null);
        }
        match &field.kind {
            Type::Text => text_of(native).map(Value::text).ok_or_else(|| error("a text")),
            Type::Decimal => decimal_of(native).ok_or_else(|| error("a decimal number")),
            Type::Bool => bool_of(native).ok_or_else(|| error("true or false")),
            Type::Date => date_of(native).ok_or_else(|| error("a date as YYYY-MM-DD")),
            Type::Instant => {
                instant_of(native).ok_or_else(|| error("a time as RFC 3339, with its offset"))
            }
            Type::Ref(entity) => match text_of(native) {
                Some(ext) if ext.is_empty() => Ok(Value::Null),
                Some(ext) => Ok(Value::row_ref(entity, &self.side, Ext::new(ext))),
                None => Err(error("an id")),
            },
            Type::Items(_) => {
                let items = native.as_array().ok_or_else(|| error("a list"))?;
                let lens = Self {
                    side: self.side.clone(),
                    fields: field.items.clone(),
                    style: self.style,
                };
                let items = items.iter().map(|item| {
                    let image = lens.get(item)?;
                    Ok(Value::Map(image.into()))
                });
                Ok(Value::List(items.collect::<Result<_, LensError>>()?))
            }
            Type::Any => any_of(native).ok_or_else(|| error("JSON with numbers of 28 digits")),
        }
    }

    /// Writes the known fields of an image into native JSON, leaving everything else as it was.
    pub fn put(&self, image: &Image, native: &mut Json) {
        for field in &self.fields {
            if let Some(value) = image.get(&field.field) {
                let text_before = field.path.find(native).is_some_and(Json::is_string);
                let value = self.write(field, value, text_before);
                field.path.put(native, value);
            }
        }
    }

    fn write(&self, field: &FieldPath, value: &Value, was_text: bool) -> Json {
        match (value, &field.kind) {
            (Value::List(items), Type::Items(_)) => {
                let lens = Self {
                    side: self.side.clone(),
                    fields: field.items.clone(),
                    style: self.style,
                };
                let items = items.iter().map(|item| {
                    let mut native = Json::Object(Map::new());
                    if let Value::Map(entries) = item {
                        lens.put(&Image::from(entries.clone()), &mut native);
                    }
                    native
                });
                Json::Array(items.collect())
            }
            (value, _) => json_of(value, self.style, was_text),
        }
    }
}

/// Native JSON of a canonical value, in a side's spelling.
fn json_of(value: &Value, style: Style, was_text: bool) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Decimal(number) if style.decimals_as_text || was_text => {
            Json::String(number.to_string())
        }
        Value::Decimal(number) => number_of(&number.to_string()),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Date(_) | Value::Instant(_) => Json::String(value.to_string()),
        Value::List(items) => {
            Json::Array(items.iter().map(|item| json_of(item, style, false)).collect())
        }
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|(name, value)| (name.to_string(), json_of(value, style, false)))
                .collect(),
        ),
        Value::Ref(reference) => match &reference.to {
            RefTo::Row { ext, .. } if style.ids_as_numbers && !was_text => {
                if is_plain_number(ext.as_str()) {
                    number_of(ext.as_str())
                } else {
                    Json::String(ext.to_string())
                }
            }
            RefTo::Row { ext, .. } => Json::String(ext.to_string()),
            // The plan translates references before anything is written (L47); a record id here is our bug.
            RefTo::Record(record) => Json::String(format!("unresolved {record}")),
        },
    }
}

fn is_plain_number(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 18
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

fn number_of(text: &str) -> Json {
    match serde_json::Number::from_str(text) {
        Ok(number) => Json::Number(number),
        Err(_) => Json::String(text.to_owned()),
    }
}

fn text_of(native: &Json) -> Option<String> {
    match native {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Reads a decimal exactly, from a number or from a text, with an exponent or without.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

fn decimal_of(native: &Json) -> Option<Value> {
    match native {
        Json::String(text) if text.trim().is_empty() => Some(Value::Null),
        Json::String(text) => parse_decimal(text).map(Value::decimal),
        Json::Number(number) => parse_decimal(&number.to_string()).map(Value::decimal),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn bool_of(native: &Json) -> Option<Value> {
    match native {
        Json::Bool(flag) => Some(Value::Bool(*flag)),
        Json::String(text) if text.is_empty() => Some(Value::Null),
        _ => match text_of(native)?.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => Some(Value::Bool(true)),
            "0" | "false" | "no" => Some(Value::Bool(false)),
            _ => None,
        },
    }
}

fn date_of(native: &Json) -> Option<Value> {
    let text = native.as_str()?.trim();
    if text.is_empty() {
        return Some(Value::Null);
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Value::Date)
}

fn instant_of(native: &Json) -> Option<Value> {
    let text = native.as_str()?;
    if text.is_empty() {
        return Some(Value::Null);
    }
    DateTime::parse_from_rfc3339(text).ok().map(|at| Value::Instant(at.timestamp_millis()))
}

fn any_of(native: &Json) -> Option<Value> {
    Some(match native {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::decimal(parse_decimal(&number.to_string())?),
        Json::String(text) => Value::text(text),
        Json::Array(items) => Value::List(items.iter().map(any_of).collect::<Option<_>>()?),
        Json::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(name, value)| Some((Name::new(name), any_of(value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}
