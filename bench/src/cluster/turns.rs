//! Rounds in which everybody has a turn, and the tables that come of them.

use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// One contender's turn: its figure.
pub(super) type Turn<'a> = Box<dyn FnMut() -> Result<f64, String> + 'a>;

/// Gives each contender its turn in every round; each round begins with another one, and the first only warms up.
pub(super) fn interleave(rounds: usize, turns: &mut [Turn<'_>]) -> Result<Vec<Vec<f64>>, String> {
    let mut figures = vec![Vec::new(); turns.len()];
    for round in 0..=rounds {
        for turn in 0..turns.len() {
            let index = (turn + round) % turns.len();
            let figure = turns[index]()?;
            if round > 0 {
                figures[index].push(figure);
            }
        }
    }
    Ok(figures)
}

/// A table of two contenders: what is measured, ours, theirs, the ratio, and the goal for it.
#[derive(Debug)]
pub(super) struct Duel {
    table: Table,
    rows: Vec<(String, f64)>,
    title: String,
    series: [String; 2],
}

impl Duel {
    /// A table with a title, the unit of the rows, and the names of both.
    pub(super) fn new(title: &str, unit: &str, ours: &str, theirs: &str) -> Self {
        let heads = [unit, ours, theirs, &format!("× {theirs}"), "goal"];
        let series = [ours.to_owned(), theirs.to_owned()];
        Self { table: Table::new(title, &heads), rows: Vec::new(), title: title.to_owned(), series }
    }

    /// Adds a row of figures that were taken in the same rounds.
    pub(super) fn row(&mut self, name: &str, ours: &[f64], theirs: &[f64], goal: &str) {
        let ratio = Spread::of_ratios(ours, theirs);
        let [ours, theirs] = [ours, theirs].map(|it| spread(Spread::of(it.iter().copied()), 1));
        self.table.row([name.to_owned(), ours, theirs, spread(ratio, 2), goal.to_owned()]);
        self.rows.push((name.to_owned(), ratio.median));
    }

    /// Adds a line below the table.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.table.note(note);
    }

    /// Says the table, and plots the ratios.
    pub(super) fn tell(self, report: &mut Report) {
        report.table(&self.table);
        let [ours, theirs] = self.series;
        let ratios: Vec<Option<f64>> = self.rows.iter().map(|(_, ratio)| Some(*ratio)).collect();
        let ones = vec![Some(1.0); ratios.len()];
        report.plot(crate::plot::Panel {
            title: format!("{}, × {theirs}", self.title),
            groups: self.rows.into_iter().map(|(name, _)| name).collect(),
            series: vec![(ours, ratios), (theirs, ones)],
        });
    }
}
