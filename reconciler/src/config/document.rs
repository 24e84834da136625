//! The configuration as a tree that knows its lines, so that every refusal can name one.

use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// A setting that cannot be used: where, why, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ConfigError {
    /// Line in the file; the first is 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub what: String,
}

/// A value with the line that it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) path: String,
    pub(crate) kind: Kind,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Text(String),
    Int(i64),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// A float or a date: nothing that a setting may be.
    Other(&'static str),
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Node, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError {
        line: error.span().map_or(1, |span| line_at(text, span.start)),
        what: format!("this is not TOML: {}", error.message()),
    })?;
    Ok(Node { line: 1, path: String::new(), kind: table_kind(text, "", table.get_ref()) })
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

fn table_kind(text: &str, path: &str, table: &DeTable<'_>) -> Kind {
    let mut entries: Vec<(String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let line = line_at(text, key.span().start);
            let kind = kind_of(text, &path, value.get_ref());
            (name, Node { line, path, kind })
        })
        .collect();
    entries.sort_by_key(|(_, node)| node.line);
    Kind::Table(entries)
}

fn kind_of(text: &str, path: &str, value: &DeValue<'_>) -> Kind {
    match value {
        DeValue::String(string) => Kind::Text(string.to_string()),
        DeValue::Integer(number) => {
            match i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
                Ok(number) => Kind::Int(number),
                Err(_) => Kind::Other("a number beyond 64 bits"),
            }
        }
        DeValue::Boolean(flag) => Kind::Bool(*flag),
        DeValue::Array(items) => Kind::List(
            items
                .iter()
                .map(|item| Node {
                    line: line_at(text, item.span().start),
                    path: path.to_owned(),
                    kind: kind_of(text, path, item.get_ref()),
                })
                .collect(),
        ),
        DeValue::Table(table) => table_kind(text, path, table),
        DeValue::Float(_) => Kind::Other("a floating-point number"),
        DeValue::Datetime(_) => Kind::Other("a date"),
    }
}

impl Node {
    /// An error at this node.
    pub(crate) fn error(&self, what: impl Into<String>) -> ConfigError {
        ConfigError { line: self.line, what: what.into() }
    }

    fn wrong(&self, wanted: &str) -> ConfigError {
        let found = match &self.kind {
            Kind::Text(_) => "a text",
            Kind::Int(_) => "a whole number",
            Kind::Bool(_) => "true or false",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
            Kind::Other(what) => what,
        };
        self.error(format!("`{}` is {found}; it should be {wanted}", self.path))
    }

    /// The entries of a table.
    pub(crate) fn table(&self) -> Result<&[(String, Self)], ConfigError> {
        match &self.kind {
            Kind::Table(entries) => Ok(entries),
            Kind::Text(_) | Kind::Int(_) | Kind::Bool(_) | Kind::List(_) | Kind::Other(_) => {
                Err(self.wrong("a table"))
            }
        }
    }

    /// An entry of a table.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Table(entries) => {
                entries.iter().find(|(known, _)| known == name).map(|(_, node)| node)
            }
            Kind::Text(_) | Kind::Int(_) | Kind::Bool(_) | Kind::List(_) | Kind::Other(_) => None,
        }
    }

    /// An entry that must be there.
    pub(crate) fn need(&self, name: &str, for_what: &str) -> Result<&Self, ConfigError> {
        self.get(name).ok_or_else(|| {
            let place = if self.path.is_empty() { "the file" } else { &self.path };
            self.error(format!("`{name}` is missing in {place}: {for_what}"))
        })
    }

    /// A text.
    pub(crate) fn text(&self) -> Result<&str, ConfigError> {
        match &self.kind {
            Kind::Text(text) => Ok(text),
            Kind::Int(_) | Kind::Bool(_) | Kind::List(_) | Kind::Table(_) | Kind::Other(_) => {
                Err(self.wrong("a text in quotes"))
            }
        }
    }

    /// True or false.
    pub(crate) fn flag(&self) -> Result<bool, ConfigError> {
        match &self.kind {
            Kind::Bool(flag) => Ok(*flag),
            Kind::Int(_) | Kind::Text(_) | Kind::List(_) | Kind::Table(_) | Kind::Other(_) => {
                Err(self.wrong("true or false"))
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number(&self, least: i64, most: i64) -> Result<i64, ConfigError> {
        match &self.kind {
            Kind::Int(number) if (least..=most).contains(number) => Ok(*number),
            Kind::Int(number) => Err(self.error(format!(
                "`{}` is {number}; it should be between {least} and {most}",
                self.path
            ))),
            Kind::Bool(_) | Kind::Text(_) | Kind::List(_) | Kind::Table(_) | Kind::Other(_) => {
                Err(self.wrong("a whole number"))
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self) -> Result<Vec<&str>, ConfigError> {
        match &self.kind {
            Kind::List(items) => items.iter().map(Self::text).collect(),
            Kind::Int(_) | Kind::Bool(_) | Kind::Text(_) | Kind::Table(_) | Kind::Other(_) => {
                Err(self.wrong("a list of texts"))
            }
        }
    }

    /// Refuses entries that are not known, with the nearest one that is.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ConfigError> {
        for (name, node) in self.table()? {
            if !known.contains(&name.as_str()) {
                return Err(node.error(format!(
                    "`{name}` is not a setting of {}{}",
                    if self.path.is_empty() { "the file" } else { &self.path },
                    suggestion(name, known)
                )));
            }
        }
        Ok(())
    }

    /// One of a few words.
    pub(crate) fn one_of(&self, words: &[&str]) -> Result<&str, ConfigError> {
        let text = self.text()?;
        if words.contains(&text) {
            return Ok(text);
        }
        Err(self.error(format!("`{}` is \"{text}\"{}", self.path, suggestion(text, words))))
    }

    /// The node as JSON, for an adapter that reads its own settings.
    pub(crate) fn json(&self) -> Result<Json, ConfigError> {
        Ok(match &self.kind {
            Kind::Text(text) => Json::String(text.clone()),
            Kind::Int(number) => Json::from(*number),
            Kind::Bool(flag) => Json::Bool(*flag),
            Kind::List(items) => {
                Json::Array(items.iter().map(Self::json).collect::<Result<_, _>>()?)
            }
            Kind::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(name, node)| Ok((name.clone(), node.json()?)))
                    .collect::<Result<Map<_, _>, ConfigError>>()?,
            ),
            Kind::Other(what) => {
                return Err(self.error(format!(
                    "`{}` is {what}; write numbers with a point as a text in quotes",
                    self.path
                )));
            }
        })
    }
}

/// "; did you mean `x`?" or the list of what there is.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    let near = known.iter().min_by_key(|candidate| strsim::damerau_levenshtein(word, candidate));
    match near {
        Some(near) if strsim::damerau_levenshtein(word, near) <= 1 + word.len() / 3 => {
            format!("; did you mean `{near}`?")
        }
        Some(_) | None => {
            let sorted: BTreeSet<&&str> = known.iter().collect();
            let list: Vec<String> = sorted.into_iter().map(|name| format!("`{name}`")).collect();
            format!("; possible are {}", list.join(", "))
        }
    }
}
