//! What the configured policies can lose or never end: the check of `mizan check`, for programs with their own.

use crate::config::Config;
use mizan_core::policy::Policy;
use mizan_core::smallworld::{self, Bounds, Checked};
use std::fmt::Write;

/// Goes through every short history of every configured field (`docs/src/testing.md`, "Small worlds").
///
/// A program that registers policies of its own runs this in a test, or before it opens an engine:
///
/// ```
/// use mizan::core::policy::{Conflict, Policies, Policy, Verdict};
/// use mizan::{Config, check_policies};
///
/// /// The greatest value wins.
/// struct Greatest;
/// impl Policy for Greatest {
///     fn id(&self) -> mizan::core::Name { "greatest/1".into() }
///     fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
///         let best = conflict.candidates.iter().enumerate().max_by_key(|(_, one)| one.value);
///         best.map_or(Verdict::Park, |(at, _)| Verdict::Take(at))
///     }
/// }
///
/// # let text = r#"
/// # [sides.till]
/// # adapter = "files"
/// # root = "till"
/// # [sides.books]
/// # adapter = "files"
/// # root = "books"
/// # [entities.product]
/// # direction = "both"
/// # [entities.product.sides]
/// # till = { path = "products" }
/// # books = { path = "products" }
/// # [entities.product.fields]
/// # price = { type = "decimal", till = "price", books = "price" }
/// # "#;
/// let config = Config::parse(text, std::path::Path::new("."))?;
/// let checked = check_policies(&config, &Policies::default().with(Greatest));
/// assert!(checked.findings.is_empty());
/// # Ok::<(), mizan::config::ConfigError>(())
/// ```
#[must_use]
pub fn check_policies(config: &Config, policy: &dyn Policy) -> Checked {
    smallworld::check_policies(&config.schema, policy, Bounds::default())
}

/// What was found, for people: one line where all is well, else each finding with its steps.
#[must_use]
pub fn told(checked: &Checked) -> String {
    let mut text = String::new();
    let Checked { worlds, sequences, capped, findings } = checked;
    for finding in findings {
        let _ = writeln!(
            text,
            "policies: {}.{} breaks a law: {}",
            finding.entity, finding.field, finding.law
        );
        for (at, step) in finding.steps.iter().enumerate() {
            let _ = writeln!(text, "  {}. {step}", at + 1);
        }
        let _ = writeln!(text, "  => {}", finding.what);
        if !finding.alike.is_empty() {
            let _ = writeln!(text, "  the same happens to {}", finding.alike.join(", "));
        }
    }
    if findings.is_empty() {
        let _ = write!(
            text,
            "policies: {sequences} sequences in {worlds} small worlds: nothing can be lost, nothing loops"
        );
    } else {
        let of = findings.len();
        let _ = write!(text, "policies: {of} of {worlds} small worlds break a law");
    }
    if !capped.is_empty() {
        let _ = write!(text, "\npolicies: not gone through to the end: {}", capped.join(", "));
    }
    text
}
