//! Building requests.

use super::resources::Resource;
use crate::Binding;
use crate::http::Request;
use chrono::{FixedOffset, TimeZone};
use mizan_core::{Image, Timestamp};
use serde_json::{Map, Value as Json, json};

/// Rows of one page.
pub(super) const PER_PAGE: usize = 100;

/// A request with what every request carries.
pub(super) fn common(request: Request) -> Request {
    request.header("Accept", "application/json").header("LOCALE", "en")
}

/// A moment as the filter wants it.
pub(super) fn moment(at: Timestamp) -> String {
    let riyadh = FixedOffset::east_opt(3 * 3600);
    let moment = riyadh.and_then(|zone| zone.timestamp_millis_opt(at.0).single());
    moment.map_or_else(String::new, |moment| moment.format("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// The body of a create: the mapped fields over the configured ones, under request names.
pub(super) fn create_body(
    resource: &Resource,
    binding: &Binding,
    line: &Map<String, Json>,
    set: &Image,
) -> Json {
    let mut fields = binding.on_create.clone();
    for (name, value) in fields_of(resource, binding, line, set) {
        if !value.is_null() {
            fields.insert(name, value);
        }
    }
    json!({ resource.request_root: fields })
}

/// The body of an update: the set fields only. Lines of a document are never sent, since they would be added.
pub(super) fn update_body(resource: &Resource, binding: &Binding, set: &Image) -> Json {
    let mut fields = fields_of(resource, binding, &Map::new(), set);
    fields.remove("line_items");
    json!({ resource.request_root: fields })
}

fn fields_of(
    resource: &Resource,
    binding: &Binding,
    line: &Map<String, Json>,
    set: &Image,
) -> Map<String, Json> {
    let mut native = json!({});
    binding.lens.put(set, &mut native);
    let mut fields = Map::new();
    let Json::Object(native) = native else { return fields };
    for (name, value) in native {
        if resource.read_only.contains(&name.as_str()) {
            continue;
        }
        let renamed = resource.renames.iter().find(|(shows, _)| *shows == name);
        let value = if name == "line_items" { lines(value, line) } else { value };
        fields.insert(renamed.map_or(name.clone(), |(_, asks)| (*asks).to_owned()), value);
    }
    fields
}

/// Lines under request names, with what the configuration adds to each.
fn lines(value: Json, extra: &Map<String, Json>) -> Json {
    let Json::Array(items) = value else { return value };
    let renamed = items.into_iter().map(|item| {
        let Json::Object(item) = item else { return item };
        let mut line = extra.clone();
        for (name, value) in item {
            let name = match name.as_str() {
                "tax_percent" => "tax_percentage".to_owned(),
                _ => name,
            };
            line.insert(name, value);
        }
        Json::Object(line)
    });
    Json::Array(renamed.collect())
}
