//! Medians, ratios, and the tables that show them.

use serde_json::json;
use std::time::{Duration, Instant};

/// The middle one; the mean of the two in the middle where their number is even.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.as_slice() {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The median of the round-by-round ratios: a machine that drifts between rounds does not show in it.
pub(crate) fn ratio(values: &[f64], baseline: &[f64]) -> f64 {
    let ratios: Vec<f64> = values.iter().zip(baseline).map(|(value, base)| value / base).collect();
    median(&ratios)
}

/// Runs `work` and says how long it took.
pub(crate) fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let begun = Instant::now();
    let result = work();
    (result, begun.elapsed())
}

/// The power of `size` that `cost` grows with.
pub(crate) fn exponent(costs: (f64, f64), sizes: (f64, f64)) -> f64 {
    (costs.1 / costs.0).ln() / (sizes.1 / sizes.0).ln()
}

/// The most memory that this process has had, in MiB.
pub(crate) fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

/// What a ratio should be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// One measured figure.
pub(crate) struct Figure {
    what: String,
    who: String,
    value: f64,
    unit: &'static str,
    against: Option<(f64, String)>,
    target: Option<Target>,
}

impl Figure {
    /// A median without a baseline.
    pub(crate) fn new(
        what: impl Into<String>,
        who: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Self {
        let (what, who) = (what.into(), who.into());
        Self { what, who, value, unit, against: None, target: None }
    }

    /// Its ratio to a baseline.
    pub(crate) fn against(mut self, ratio: f64, baseline: impl Into<String>) -> Self {
        self.against = Some((ratio, baseline.into()));
        self
    }

    /// What the ratio should be.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn met(&self) -> Option<bool> {
        let (ratio, _) = self.against.as_ref()?;
        Some(match self.target? {
            Target::AtLeast(least) => *ratio >= least,
            Target::AtMost(most) => *ratio <= most,
        })
    }

    fn row(&self) -> String {
        let (ratio, baseline) = match &self.against {
            Some((ratio, baseline)) => (format!("x{}", short(*ratio)), baseline.as_str()),
            None => (String::new(), ""),
        };
        let target = match self.target {
            Some(Target::AtLeast(least)) => format!(">= {}", short(least)),
            Some(Target::AtMost(most)) => format!("<= {}", short(most)),
            None => String::new(),
        };
        let met = match self.met() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        let (what, who, value, unit) = (&self.what, &self.who, short(self.value), self.unit);
        format!("| {what} | {who} | {value} {unit} | {ratio} | {baseline} | {target} | {met} |")
    }

    fn document(&self, section: &str) -> serde_json::Value {
        let against = self.against.as_ref();
        json!({
            "section": section,
            "what": self.what,
            "who": self.who,
            "value": self.value,
            "unit": self.unit,
            "ratio": against.map(|(ratio, _)| *ratio),
            "baseline": against.map(|(_, baseline)| baseline),
            "met": self.met(),
        })
    }
}

/// Three digits that mean something, with thousands divided.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        let mut digits = format!("{value:.0}");
        let mut at = digits.len();
        while at > 3 {
            at -= 3;
            digits.insert(at, ',');
        }
        return digits;
    }
    let places = match size {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

/// Where figures are printed.
pub(crate) struct Sheet {
    json: bool,
    section: String,
}

impl Sheet {
    /// Prints tables, or one JSON document a figure.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, section: String::new() }
    }

    /// Begins a table.
    pub(crate) fn section(&mut self, title: &str) {
        title.clone_into(&mut self.section);
        if !self.json {
            println!("\n### {title}\n");
            println!("| what | contender | median | ratio | to | target | met |");
            println!("| --- | --- | ---: | ---: | --- | --- | --- |");
        }
    }

    /// Shows one figure.
    pub(crate) fn add(&mut self, figure: &Figure) {
        if self.json {
            println!("{}", figure.document(&self.section));
        } else {
            println!("{}", figure.row());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine became ten times slower for both: the ratio is still 2.
        assert!((ratio(&[2.0, 20.0, 4.0], &[1.0, 10.0, 2.0]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(short(1_234_567.0), "1,234,567");
        assert_eq!(short(0.123_4), "0.123");
        assert_eq!(short(12.34), "12.3");
    }
}
