//! Options: the settings of one entity, from JSON, with unknown ones refused.

use super::FilesError;
use crate::adapter::Binding;
use mizan_core::lens::Path as FieldPath;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// How one entity is kept.
#[derive(Clone, Debug)]
pub(super) enum Options {
    /// A directory with one JSON object in each file.
    Dir(DirOptions),
    /// A file with one JSON object in each line.
    Jsonl(JsonlOptions),
    /// A CSV export; only read.
    Csv(CsvOptions),
}

/// When a write counts as safe from a power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Durability {
    /// Before it is answered; writes under way at the same time share the directory's sync.
    #[default]
    Each,
    /// Its content before it is answered, its name before the next listing.
    Batch,
}

/// Settings of `format = "dir"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DirOptions {
    #[serde(rename = "format")]
    _format: Option<String>,
    /// The directory, within the root.
    pub(super) path: PathBuf,
    /// When a write counts as safe.
    #[serde(default)]
    pub(super) durability: Durability,
}

/// Settings of `format = "jsonl"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonlOptions {
    #[serde(rename = "format")]
    _format: Option<String>,
    /// The file, within the root.
    pub(super) path: PathBuf,
    /// Where the id is in each object.
    pub(super) id: FieldPath,
    /// When a write counts as safe.
    #[serde(default)]
    pub(super) durability: Durability,
}

/// Settings of `format = "csv"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CsvOptions {
    #[serde(rename = "format")]
    _format: Option<String>,
    /// The file, within the root.
    pub(super) path: PathBuf,
    /// The column that holds the id.
    pub(super) id: String,
    /// Records of one id make one row.
    #[serde(default)]
    pub(super) group: bool,
    /// Where the row has the list of its records.
    #[serde(default)]
    pub(super) lines: Option<String>,
    /// What becomes of a row whose records differ in a mapped column.
    #[serde(default)]
    pub(super) on_ambiguous: OnAmbiguous,
    /// Columns that are computed from others, by their names.
    #[serde(default)]
    pub(super) computed: BTreeMap<String, Computed>,
}

/// What becomes of a row whose records differ in a mapped column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnAmbiguous {
    /// It is reported, and is not a row.
    #[default]
    Refuse,
    /// It is reported, and the first record stands.
    First,
}

/// A column computed from others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Computed {
    /// The dividend's column and the divisor's.
    pub(super) divide: [String; 2],
    /// Digits after the point; halves go away from zero.
    #[serde(default = "ten")]
    pub(super) scale: u32,
}

fn ten() -> u32 {
    10
}

/// Most digits after the point that an exact decimal has.
const SCALE_MAX: u32 = 28;

impl Options {
    /// Reads the settings of a binding.
    pub(super) fn of(binding: &Binding) -> Result<Self, FilesError> {
        let mut given = binding.options.clone();
        if given.is_null() {
            given = Json::Object(serde_json::Map::new());
        }
        let wrong = |why: String| FilesError::Options { entity: binding.entity.clone(), why };
        let format = match given.get("format") {
            None => "dir".to_owned(),
            Some(Json::String(format)) => format.clone(),
            Some(_) => return Err(wrong("`format` is a text".to_owned())),
        };
        if let (Some(entries), "dir") = (given.as_object_mut(), format.as_str()) {
            entries.entry("path").or_insert_with(|| Json::String(binding.entity.to_string()));
        }
        let options = match format.as_str() {
            "dir" => Self::Dir(parse(given).map_err(wrong)?),
            "jsonl" => Self::Jsonl(parse(given).map_err(wrong)?),
            "csv" => Self::Csv(parse(given).map_err(wrong)?),
            other => {
                return Err(wrong(format!("format `{other}` is not one of dir, jsonl, csv")));
            }
        };
        options.sound().map_err(wrong)?;
        Ok(options)
    }

    /// The file or directory, within the root.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Dir(options) => &options.path,
            Self::Jsonl(options) => &options.path,
            Self::Csv(options) => &options.path,
        }
    }

    fn sound(&self) -> Result<(), String> {
        let path = self.path();
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.as_os_str().is_empty() || !path.components().all(inside) {
            return Err(format!("path `{}` does not stay within the root", path.display()));
        }
        let Self::Csv(csv) = self else { return Ok(()) };
        if csv.lines.is_some() && !csv.group {
            return Err("`lines` needs `group = true`".to_owned());
        }
        match csv.computed.iter().find(|(_, computed)| computed.scale > SCALE_MAX) {
            Some((name, _)) => Err(format!("computed `{name}`: the scale is at most {SCALE_MAX}")),
            None => Ok(()),
        }
    }
}

/// The error of an unknown key lists the known ones.
fn parse<T: DeserializeOwned>(given: Json) -> Result<T, String> {
    serde_json::from_value(given).map_err(|error| error.to_string())
}
