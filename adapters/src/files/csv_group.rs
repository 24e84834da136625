//! Groups: records of one id become one row, and where they contradict each other it is said.

use super::native::Shape;
use super::options::{CsvOptions, OnAmbiguous};
use super::table::content_tag;
use crate::adapter::{Listed, Row};
use mizan_core::Ext;
use mizan_core::lens::{FieldPath, Path};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Line numbers that a report names; the rest is counted.
const NAMED: usize = 10;

/// The records of a file by their ids.
pub(super) struct Groups<'a> {
    file: &'a str,
    options: &'a CsvOptions,
    shape: &'a Shape,
    /// The mapped fields that every record of a group must agree in.
    shared: Vec<&'a FieldPath>,
    groups: Vec<Group>,
    index: BTreeMap<Ext, usize>,
}

struct Group {
    ext: Ext,
    records: Vec<(usize, Json)>,
    /// The line of a record that belongs here and cannot be read.
    spoilt: Option<usize>,
}

impl<'a> Groups<'a> {
    /// No records yet.
    pub(super) fn new(file: &'a str, options: &'a CsvOptions, shape: &'a Shape) -> Self {
        let fields = shape.lens.fields.iter();
        let shared = fields
            .filter(|field| options.lines.as_deref().is_none_or(|at| !within(&field.path, at)))
            .collect();
        Self { file, options, shape, shared, groups: Vec::new(), index: BTreeMap::new() }
    }

    /// Adds a record.
    pub(super) fn add(&mut self, line: usize, id: String, native: Json) {
        self.group(&Ext::new(id)).records.push((line, native));
    }

    /// Notes that a record of that id cannot be read: the group is not whole without it.
    pub(super) fn spoil(&mut self, id: &str, line: usize) -> Ext {
        let ext = Ext::new(id);
        self.group(&ext).spoilt.get_or_insert(line);
        ext
    }

    fn group(&mut self, ext: &Ext) -> &mut Group {
        let next = self.groups.len();
        let at = *self.index.entry(ext.clone()).or_insert(next);
        if at == next {
            self.groups.push(Group { ext: ext.clone(), records: Vec::new(), spoilt: None });
        }
        &mut self.groups[at]
    }

    /// Makes the rows, and reports what cannot be one.
    pub(super) fn finish(mut self, listed: &mut Vec<Listed>) {
        for group in std::mem::take(&mut self.groups) {
            self.row(group, listed);
        }
    }

    fn row(&self, group: Group, listed: &mut Vec<Listed>) {
        let Some((first, _)) = group.records.first() else { return };
        let at = format!("{}:{first}", self.file);
        let bad = |why: String| Listed::Bad { at: at.clone(), ext: Some(group.ext.clone()), why };
        if let Some(line) = group.spoilt {
            listed.push(bad(format!("belongs to line {line}, which cannot be read")));
            return;
        }
        if !self.options.group && group.records.len() > 1 {
            let lines: Vec<usize> = group.records.iter().map(|(line, _)| *line).collect();
            listed.push(bad(format!("has an id that is in several records: {}", named(&lines))));
            return;
        }
        let reports = self.contradictions(&group);
        let refused = !reports.is_empty() && self.options.on_ambiguous == OnAmbiguous::Refuse;
        listed.extend(reports);
        if refused {
            return;
        }
        let native = self.native(&group.records);
        match self.shape.image(&native) {
            Ok(image) => {
                let tag = serde_json::to_vec(&native).ok().map(|text| content_tag(&text));
                let ext = group.ext;
                listed.push(Listed::Row(Row { ext, image, stamp: None, tag, marker: None }));
            }
            Err(why) => listed.push(bad(why)),
        }
    }

    /// The mapped columns in which records of a group differ from its first one.
    fn contradictions(&self, group: &Group) -> Vec<Listed> {
        let mut reports = Vec::new();
        let Some((first, native)) = group.records.first() else { return reports };
        for field in &self.shared {
            let column = field.path.as_str();
            let differs = |other: &Json| field.path.find(other) != field.path.find(native);
            let other = group.records.iter().filter(|(_, other)| differs(other));
            let lines: Vec<usize> = other.map(|(line, _)| *line).collect();
            if !lines.is_empty() {
                let at = format!("{}: id {}, column {column}", self.file, group.ext);
                let taken = match self.options.on_ambiguous {
                    OnAmbiguous::Refuse => "the row is refused",
                    OnAmbiguous::First => "the first one stands",
                };
                let why = format!("differs between line {first} and {}; {taken}", named(&lines));
                reports.push(Listed::Bad { at, ext: Some(group.ext.clone()), why });
            }
        }
        reports
    }

    fn native(&self, records: &[(usize, Json)]) -> Json {
        let mut native = records.first().map(|(_, native)| native.clone()).unwrap_or_default();
        if let (Some(lines), Some(row)) = (&self.options.lines, native.as_object_mut()) {
            let all = records.iter().map(|(_, native)| native.clone()).collect();
            row.insert(lines.clone(), Json::Array(all));
        }
        native
    }
}

/// True where a path begins with the name of the list of records.
fn within(path: &Path, lines: &str) -> bool {
    let rest = path.as_str().strip_prefix(lines);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Line numbers for people.
fn named(lines: &[usize]) -> String {
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let texts: Vec<String> = lines.iter().take(NAMED).map(ToString::to_string).collect();
    match lines.len().saturating_sub(NAMED) {
        0 => format!("{word} {}", texts.join(", ")),
        more => format!("{word} {} and {more} more", texts.join(", ")),
    }
}
