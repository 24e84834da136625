//! Names: keys made into safe file names, and the ids that may be one.

use mizan_core::{ContentHash, Ext, Image, Name, RefTo, Value};
use std::fmt::Write as _;

/// The end of every record's file name.
pub(super) const SUFFIX: &str = ".json";

/// The beginning of the name of a file that is not finished yet.
pub(super) const STAGED: &str = ".mizan.tmp.";

/// Longest name, in bytes and without the suffix, that is made from a key.
const NAME_MAX: usize = 200;

/// The text of a natural key as the side's own id, or `None` where a part of the key is missing or empty.
///
/// The parts of a key with several fields are divided by `~`, which [`safe`] never leaves as it is.
pub(super) fn of_key(key: &[Name], image: &Image, part: fn(&str) -> String) -> Option<String> {
    let parts: Option<Vec<String>> = key
        .iter()
        .map(|field| plain(image.get(field)?).filter(|text| !text.is_empty()))
        .map(|text| text.map(|text| part(&text)))
        .collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("~"))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => None,
        Value::Text(text) => Some(text.trim().to_owned()),
        Value::Bool(_) | Value::Decimal(_) | Value::Date(_) | Value::Instant(_) => {
            Some(value.to_string())
        }
        Value::Ref(reference) => match &reference.to {
            RefTo::Row { ext, .. } => Some(ext.to_string()),
            RefTo::Record(_) => None,
        },
    }
}

/// A text as a part of a file name: letters, digits, `-`, `_` and `.` stay, the rest is percent-encoded.
///
/// A leading point is encoded too, so that no key makes a hidden file or leaves the directory.
pub(super) fn safe(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for letter in text.chars() {
        let kept = letter.is_alphanumeric()
            || matches!(letter, '-' | '_')
            || (letter == '.' && !name.is_empty());
        if kept {
            name.push(letter);
            continue;
        }
        let mut bytes = [0; 4];
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            // Writing into a text cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// A name short enough for any file system: a long one ends in 16 digits of its own hash instead.
pub(super) fn shortened(name: String) -> String {
    if name.len() <= NAME_MAX {
        return name;
    }
    let hash = ContentHash::of("mizan.files.name.v1", name.as_bytes()).to_string();
    let mut cut = NAME_MAX - 17;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    // Half of a percent sequence would stand for nothing.
    if let Some(at) = name[..cut].rfind('%').filter(|at| at + 3 > cut) {
        cut = at;
    }
    format!("{}-{}", &name[..cut], &hash[..16])
}

/// The file name of an id, or `None` where no file of ours can have that id.
pub(super) fn file_of(ext: &Ext) -> Option<String> {
    let text = ext.as_str();
    let outside = |letter: char| matches!(letter, '/' | '\\' | '\0');
    if text.is_empty() || text.starts_with('.') || text.contains(outside) {
        return None;
    }
    Some(format!("{text}{SUFFIX}"))
}

/// The name under which a file is written before it takes its place.
pub(super) fn staged(name: &str) -> String {
    format!("{STAGED}{}", shortened(name.to_owned()))
}
