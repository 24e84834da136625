//! A till and the books with one product, told as a story: who changes what, and what both show afterwards.

use super::support::{Ran, Shop};
use serde_json::{Value as Json, json};
use std::time::{Duration, SystemTime};

pub(crate) struct Pair(pub(crate) Shop);

/// The configuration: lines for the entity, and fields as `("name", "settings")` that both sides call the same.
pub(crate) fn configured(entity: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, settings)| {
            let comma = if settings.is_empty() { "" } else { ", " };
            format!("{name} = {{ {settings}{comma}till = \"{name}\", books = \"{name}\" }}\n")
        })
        .collect();
    format!(
        "[sides.till]\nadapter = \"files\"\nroot = \"till\"\n\
         [sides.books]\nadapter = \"files\"\nroot = \"books\"\n\
         [entities.product]\ndirection = \"both\"\nkey = [\"sku\"]\n{entity}\n\
         [entities.product.sides]\n\
         till = {{ path = \"products\", clock = \"1s\" }}\n\
         books = {{ path = \"products\", clock = \"1s\" }}\n\
         [entities.product.fields]\nsku = {{ till = \"sku\", books = \"sku\" }}\n{}",
        fields.concat()
    )
}

impl Pair {
    /// Both sides agree on product A, which the till had first.
    pub(crate) fn agreed(entity: &str, fields: &[(&str, &str)], product: &Json) -> Self {
        let pair = Self(Shop::new(&configured(entity, fields)));
        pair.writes("till", product);
        pair.syncs(0);
        pair
    }

    fn file(side: &str) -> String {
        format!("{side}/products/A.json")
    }

    /// A user of the side changes fields of product A.
    pub(crate) fn writes(&self, side: &str, fields: &Json) {
        let path = self.0.path().join(Self::file(side));
        let mut row = if path.exists() { self.row(side) } else { json!({ "sku": "A" }) };
        for (name, value) in fields.as_object().expect("fields") {
            row[name] = value.clone();
        }
        self.0.put(&Self::file(side), &row);
    }

    /// The same, with the moment in milliseconds that the side's clock puts on the row.
    pub(crate) fn writes_at(&self, side: &str, ms: u64, fields: &Json) {
        self.writes(side, fields);
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_000 + ms);
        let path = self.0.path().join(Self::file(side));
        let file = std::fs::File::options().write(true).open(path).expect("the row");
        file.set_modified(at).expect("a time");
    }

    pub(crate) fn deletes(&self, side: &str) {
        std::fs::remove_file(self.0.path().join(Self::file(side))).expect("removed");
    }

    pub(crate) fn row(&self, side: &str) -> Json {
        self.0.get(&Self::file(side))
    }

    /// A sync that ends with this exit code.
    pub(crate) fn syncs(&self, code: i32) -> Ran {
        let ran = self.0.sync();
        assert_eq!(ran.code, code, "{} {}", ran.out, ran.err);
        ran
    }

    pub(crate) fn shows(&self, side: &str, field: &str, value: &Json) {
        assert_eq!(self.row(side)[field], *value, "{field} on {side}");
    }

    /// Both sides show it, and a further sync has nothing to do.
    pub(crate) fn both_show(&self, field: &str, value: &Json) {
        self.shows("till", field, value);
        self.shows("books", field, value);
        let again = self.0.sync();
        assert_eq!(again.json()["counts"]["events"], 0, "it rests: {}", again.out);
    }

    /// `mizan explain` says so of product A.
    pub(crate) fn explained(&self, field: &str, said: &str) {
        let ran = self.0.run(&["explain", "product:A", field]);
        assert!(ran.out.contains(said), "{said:?} in {}", ran.out);
    }

    /// `mizan conflicts show` says so of product A.
    pub(crate) fn shown(&self, said: &str) {
        let ran = self.0.run(&["conflicts", "show", "product:A"]);
        assert!(ran.out.contains(said), "{said:?} in {}{}", ran.out, ran.err);
    }

    /// A person's word, on what they see now.
    pub(crate) fn resolves(&self, choice: &[&str]) -> Ran {
        let at = self.0.run(&["conflicts", "show", "product:A", "--json"]).json()["at"].to_string();
        let mut arguments = vec!["conflicts", "resolve", "product:A", "--at", &at];
        arguments.extend(["--by", "huda", "--why", "checked the label"]);
        arguments.extend(choice);
        self.0.run(&arguments)
    }

    pub(crate) fn undoes(&self) -> Ran {
        self.0.run(&["conflicts", "undo", "product:A", "--by", "omar", "--why", "a slip"])
    }

    /// The exit code of `mizan conflicts list`, and how many it lists with these arguments.
    pub(crate) fn listed(&self, arguments: &[&str]) -> (i32, usize) {
        let ran = self.0.run(&[&["conflicts", "list", "--json"], arguments].concat());
        (ran.code, ran.json().as_array().map_or(0, Vec::len))
    }
}
