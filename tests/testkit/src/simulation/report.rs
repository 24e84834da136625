//! What a simulation found, as a person reads it.

use super::story::Story;
use crate::policy_laws::BrokenLaw;
use crate::{Coverage, Law, Violation};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The smallest history found that breaks a law, and what happens in it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The law.
    pub law: Law,
    /// The history, which can be saved and replayed.
    pub story: Story,
    /// What happens in it, a line each.
    pub trace: Vec<String>,
    /// How the law is broken.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steps, seed) = (self.story.steps.len(), self.story.seed);
        writeln!(f, "{} is broken ({steps} steps, seed {seed}):", self.law)?;
        for line in &self.trace {
            writeln!(f, "    {line}")?;
        }
        for violation in &self.violations {
            writeln!(f, "  => {violation}")?;
        }
        write!(f, "  as a story:\n{}", self.story)
    }
}

/// What a simulation found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Histories that were run.
    pub histories: u64,
    /// How many broke each law.
    pub broken: BTreeMap<Law, u64>,
    /// The smallest history for each of them.
    pub failures: Vec<Told>,
    /// Laws that a policy of the user's breaks by itself.
    pub policies: Vec<BrokenLaw>,
    /// What happened, so that it can be seen that enough did.
    pub coverage: Coverage,
    /// Where the failing stories were saved.
    pub saved: Vec<PathBuf>,
    /// What could not be saved, and why.
    pub not_saved: Vec<String>,
}

impl Report {
    /// True where no law was broken.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.broken.is_empty() && self.policies.is_empty()
    }

    /// Ends a test where a law was broken, with the whole report.
    ///
    /// # Panics
    /// Where a law was broken.
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "{self}");
    }

    pub(super) fn save(&mut self, folder: &Path) {
        for told in &self.failures {
            let name = format!("{:?}-{}.story", told.law, told.story.seed);
            let path = folder.join(name);
            let text = format!(
                "# breaks {}; replay it with the same simulation\n{}",
                told.law, told.story
            );
            let written =
                std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
            match written {
                Ok(()) => self.saved.push(path),
                Err(error) => self.not_saved.push(format!("{}: {error}", path.display())),
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policies = self.policies.len();
        writeln!(
            f,
            "{} histories, {} laws broken in them, {policies} broken by policies",
            self.histories,
            self.broken.len()
        )?;
        for (law, count) in &self.broken {
            writeln!(f, "  {law}: in {count}")?;
        }
        for broken in &self.policies {
            writeln!(f, "\n{broken}")?;
        }
        for told in &self.failures {
            writeln!(f, "\n{told}")?;
        }
        for path in &self.saved {
            writeln!(f, "saved as {}", path.display())?;
        }
        for line in &self.not_saved {
            writeln!(f, "not saved: {line}")?;
        }
        Ok(())
    }
}
