//! What a scenario came to, as one row of the table that is printed.

use std::fmt;

use jcache_testkit::check::Violation;

/// Sums over the runs of one scenario.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Runs, of one seed each.
    pub runs: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// Calls of clients.
    pub calls: u64,
    /// Writes that were acknowledged and have to be kept.
    pub acknowledged: u64,
    /// Writes whose outcome nobody knows.
    pub unknown: u64,
    /// Writes that were refused.
    pub refused: u64,
    /// Groups of keys whose order was looked for.
    pub groups: u64,
    /// Groups for which no order was found in the time that a search may take.
    pub undecided: u64,
    /// Microseconds from each fault until writes were accepted again.
    pub accepted: Vec<u64>,
    /// What was promised and did not hold.
    pub violations: Vec<Violation>,
    /// What else was measured.
    pub remarks: Vec<String>,
}

/// The head of the table.
pub const HEAD: &str = "\
| test | runs | faults | writes acknowledged | unknown | refused | lost | violations | groups linearizable | accepted again after (ms): median / p99 / most | remarks |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

impl Figures {
    /// Adds another run.
    pub fn merge(&mut self, other: Figures) {
        self.runs += other.runs;
        self.faults += other.faults;
        self.calls += other.calls;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.groups += other.groups;
        self.undecided += other.undecided;
        self.accepted.extend(other.accepted);
        self.violations.extend(other.violations);
        self.remarks.extend(other.remarks);
    }

    /// How often a check found something.
    fn found(&self, check: &str) -> usize {
        self.violations.iter().filter(|it| it.check == check).count()
    }

    /// The row of the scenario `id`.
    pub fn row(&self, id: &str) -> String {
        let mut linearizable = format!("{}", self.groups - self.undecided - self.found("C2") as u64);
        if self.undecided > 0 {
            linearizable += &format!(" ({} undecided)", self.undecided);
        }
        format!(
            "| {id} | {} | {} | {} | {} | {} | {} | {} | {linearizable} | {} | {} |",
            self.runs,
            self.faults,
            self.acknowledged,
            self.unknown,
            self.refused,
            self.found("C1"),
            self.violations.len(),
            Times(&self.accepted),
            self.remarks.join("; "),
        )
    }
}

/// Median, 99th percentile and the longest of some times in microseconds, shown in milliseconds.
#[derive(Debug)]
pub struct Times<'t>(pub &'t [u64]);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.0.to_vec();
        times.sort_unstable();
        let Some(last) = times.len().checked_sub(1) else { return f.write_str("–") };
        // The smallest time that so many percent of all do not exceed.
        let at = |percent: usize| times[(times.len() * percent).div_ceil(100).clamp(1, last + 1) - 1] as f64 / 1e3;
        write!(f, "{:.0} / {:.0} / {:.0}", at(50), at(99), at(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_milliseconds() {
        for (times, shown) in [
            (&[][..], "–"),
            (&[5_000], "5 / 5 / 5"),
            (&[3_000, 1_000, 2_000], "2 / 3 / 3"),
            (&[1_000, 2_000, 3_000, 4_000], "2 / 4 / 4"),
        ] {
            assert_eq!(Times(times).to_string(), shown);
        }
    }
}
