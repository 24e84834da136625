//! Options: the settings of one entity, with unknown ones refused.

use super::resources::{Resource, names, resource};
use crate::Binding;
use mizan_core::Name;
use serde_json::{Map, Value as Json};

/// The overlap of cursors unless set: Qoyod's servers need not agree on the time.
const WINDOW_SECONDS_DEFAULT: i64 = 300;
/// No overlap is longer than a day.
const WINDOW_SECONDS_MAX: i64 = 86_400;
/// Writes at the same time unless set: the remote is someone's bookkeeping at work.
const PARALLEL_DEFAULT: i64 = 4;
/// The most writes at the same time.
const PARALLEL_MAX: i64 = 64;

const OPTIONS: &[&str] = &["resource", "window_seconds", "parallel", "on_create_line"];

/// The settings of a Qoyod side cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QoyodError {
    /// An entity names no resource, or one that is not there.
    #[error("entity `{entity}` needs `resource`, one of {known}")]
    Resource {
        /// The entity.
        entity: Name,
        /// The resources.
        known: String,
    },
    /// A setting is not known.
    #[error(
        "`{option}` is not a setting of entity `{entity}` on a Qoyod side; possible are {known}"
    )]
    Option {
        /// The entity.
        entity: Name,
        /// The setting.
        option: String,
        /// The settings.
        known: String,
    },
    /// A setting has a value that it cannot have.
    #[error("entity `{entity}`: `{option}` must be {expected}")]
    Value {
        /// The entity.
        entity: Name,
        /// The setting.
        option: &'static str,
        /// What it can be.
        expected: String,
    },
    /// An entity is bound twice.
    #[error("entity `{entity}` is bound twice")]
    Twice {
        /// The entity.
        entity: Name,
    },
}

/// An entity with its resource.
#[derive(Debug)]
pub(super) struct Bound {
    /// What the configuration says.
    pub(super) binding: Binding,
    /// What the API says.
    pub(super) resource: &'static Resource,
    /// The overlap of cursors.
    pub(super) window_ms: i64,
    /// Writes at the same time.
    pub(super) parallel: usize,
    /// Native fields that each line of a new row gets besides the mapped ones.
    pub(super) line: Map<String, Json>,
}

impl Bound {
    /// Reads the settings of a binding.
    pub(super) fn of(binding: Binding) -> Result<Self, QoyodError> {
        let entity = binding.entity.clone();
        let empty = Map::new();
        let options = match &binding.options {
            Json::Null => &empty,
            Json::Object(options) => options,
            _ => {
                let (option, known) = ("options".to_owned(), OPTIONS.join(", "));
                return Err(QoyodError::Option { entity, option, known });
            }
        };
        if let Some(option) = options.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
            let (option, known) = (option.clone(), OPTIONS.join(", "));
            return Err(QoyodError::Option { entity, option, known });
        }
        let name = options.get("resource").and_then(Json::as_str).unwrap_or("");
        let Some(resource) = resource(name) else {
            return Err(QoyodError::Resource { entity, known: names() });
        };
        let number = |option: &'static str, default: i64, least: i64, most: i64| {
            let expected = format!("a whole number, {least} to {most}");
            let wrong = QoyodError::Value { entity: entity.clone(), option, expected };
            match options.get(option) {
                None => Ok(default),
                Some(given) => {
                    given.as_i64().filter(|given| (least..=most).contains(given)).ok_or(wrong)
                }
            }
        };
        let window = number("window_seconds", WINDOW_SECONDS_DEFAULT, 0, WINDOW_SECONDS_MAX)?;
        let parallel = number("parallel", PARALLEL_DEFAULT, 1, PARALLEL_MAX)?;
        let line = match options.get("on_create_line") {
            None => Map::new(),
            Some(Json::Object(line)) if resource.lines => line.clone(),
            Some(_) => {
                let expected = "a table, and only where rows have `line_items`".to_owned();
                return Err(QoyodError::Value { entity, option: "on_create_line", expected });
            }
        };
        let parallel = usize::try_from(parallel).unwrap_or(1);
        Ok(Self { resource, window_ms: window * 1000, parallel, line, binding })
    }

    /// Where a field is in a row, if that is at its top.
    pub(super) fn top_name(&self, field: &Name) -> Option<&str> {
        let found = self.binding.lens.fields.iter().find(|known| known.field == *field)?;
        let path = found.path.as_str();
        (!path.contains(['.', '['])).then_some(path)
    }

    /// True where Qoyod refuses a second row with the same natural key.
    pub(super) fn unique_key(&self) -> bool {
        let [field] = self.binding.key.as_slice() else { return false };
        let name = self.top_name(field).map(|name| self.resource.shows(name));
        name.is_some() && name == self.resource.unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_core::SideId;
    use mizan_core::lens::{Lens, Style};
    use serde_json::json;

    fn of(options: Json) -> Result<Bound, String> {
        let lens = Lens { side: SideId::new("q"), fields: Vec::new(), style: Style::default() };
        let (entity, key) = ("thing".into(), Vec::new());
        Bound::of(Binding { entity, lens, key, options, on_create: Map::new() })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_and_settings() {
        let bound = of(json!({"resource": "products"})).unwrap();
        assert_eq!((bound.window_ms, bound.parallel), (300_000, 4));
        let bound = of(json!({"resource": "invoices", "window_seconds": 0, "parallel": 16,
            "on_create_line": {"tax_percentage": "15"}}))
        .unwrap();
        assert_eq!((bound.window_ms, bound.parallel, bound.line.len()), (0, 16, 1));
    }

    #[test]
    fn wrong_settings_are_refused_with_what_is_possible() {
        for (options, said) in [
            (json!(null), "needs `resource`, one of products, inventories,"),
            (json!({"resource": "contacts"}), "customers, invoices, invoice_payments"),
            (json!({"resource": "products", "windows": 1}), "resource, window_seconds, parallel"),
            (json!({"resource": "products", "parallel": 0}), "a whole number, 1 to 64"),
            (json!({"resource": "products", "window_seconds": "5"}), "a whole number, 0 to 86400"),
            (json!({"resource": "products", "on_create_line": {}}), "only where rows have"),
            (json!(["resource"]), "`options` is not a setting"),
        ] {
            let error = of(options).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
