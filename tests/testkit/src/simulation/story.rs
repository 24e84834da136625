//! Stories: a seed, a profile and steps, as a file that a person can read and change.

use crate::{BadStep, Profile, Setup, Step};
use std::fmt;
use std::str::FromStr;

/// Everything that a history is a function of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The seed of the set-up.
    pub seed: u64,
    /// What the sides offer.
    pub profile: Profile,
    /// How many sides.
    pub sides: usize,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Story {
    /// Draws a story from a seed.
    #[must_use]
    pub fn drawn(seed: u64, profile: Profile, sides: usize, least: usize, most: usize) -> Self {
        let late = Setup::drawn(seed, profile, sides).late_commits;
        let steps = Step::history(seed, sides, late, least, most);
        Self { seed, profile, sides, steps }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "profile {}", self.profile.name())?;
        writeln!(f, "sides {}", self.sides)?;
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

impl FromStr for Story {
    type Err = BadStep;

    fn from_str(text: &str) -> Result<Self, BadStep> {
        let mut story = Self { seed: 0, profile: Profile::Full, sides: 2, steps: Vec::new() };
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || BadStep(line.to_owned());
            match line.split_once(' ') {
                Some(("seed", rest)) => story.seed = rest.parse().map_err(|_| bad())?,
                Some(("profile", rest)) => story.profile = Profile::named(rest).ok_or_else(bad)?,
                Some(("sides", rest)) => story.sides = rest.parse().map_err(|_| bad())?,
                _ => story.steps.push(line.parse()?),
            }
        }
        Ok(story)
    }
}
