//! The configuration in a bundle: what decides, without addresses, secrets and places.

use toml::{Table, Value};

/// What stands where a place or a secret was.
const REMOVED: &str = "removed";
/// A port on which nobody answers.
const NOWHERE: &str = "http://127.0.0.1:1/2.0";

/// The text of a configuration with everything removed that does not decide; `None` where it is no TOML.
///
/// ```
/// let text = r#"
/// [log]
/// path = "/srv/mizan/log"
/// [sides.books]
/// adapter = "qoyod"
/// url = "https://www.qoyod.com/2.0"
/// api_key = { env = "QOYOD_KEY" }
/// "#;
/// let shown = mizan::bundle::redacted_config(text).unwrap();
/// assert!(shown.contains("qoyod") && !shown.contains("https") && !shown.contains("QOYOD_KEY"));
/// assert!(!shown.contains("/srv"));
/// ```
#[must_use]
pub fn redacted(text: &str) -> Option<String> {
    let mut all: Table = text.parse().ok()?;
    all.retain(|name: &str, _| {
        matches!(name, "sides" | "entities" | "limits" | "retry_refused_after_seconds")
    });
    if let Some(Value::Table(sides)) = all.get_mut("sides") {
        sides.iter_mut().for_each(|(_, side)| hide(side, false));
    }
    if let Some(Value::Table(entities)) = all.get_mut("entities") {
        for (_, entity) in entities.iter_mut() {
            let Some(Value::Table(sides)) = entity.get_mut("sides") else { continue };
            for (_, side) in sides.iter_mut() {
                let Value::Table(side) = side else { continue };
                side.remove("on_create");
                for place in ["path", "file", "folder", "root", "url"] {
                    if let Some(text) = side.get_mut(place) {
                        *text = Value::String(REMOVED.to_owned());
                    }
                }
            }
        }
    }
    let mut log = Table::new();
    log.insert("path".to_owned(), Value::String(".".to_owned()));
    all.insert("log".to_owned(), Value::Table(log));
    toml::to_string(&all).ok()
}

/// Replaces every text but the kind of adapter.
fn hide(value: &mut Value, is_url: bool) {
    match value {
        Value::String(text) => {
            text.clear();
            text.push_str(if is_url { NOWHERE } else { REMOVED });
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, is_url)),
        Value::Table(entries) => {
            for (name, value) in entries.iter_mut() {
                match name.as_str() {
                    // Words of the configuration's own.
                    "adapter" | "clock" | "grant" | "within" => {}
                    name => hide(value, name.ends_with("url")),
                }
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}
