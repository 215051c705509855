//! What a run says: text tables as they come, and at its end the same text and the plots as files.

use std::io::{self, Write};
use std::path::Path;

use crate::plot::{self, Panel};
use crate::rounds::Spread;

/// The words and plots of one run.
#[derive(Debug, Default)]
pub struct Report {
    text: String,
    panels: Vec<Panel>,
}

impl Report {
    /// Says a line, or several.
    pub fn say(&mut self, text: &str) {
        // A closed pipe is no reason to stop: the files are still written.
        let _ = writeln!(io::stdout(), "{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Says a table.
    pub fn table(&mut self, table: &Table) {
        self.say(&table.to_text());
    }

    /// Adds a plot to the file.
    pub fn plot(&mut self, panel: Panel) {
        self.panels.push(panel);
    }

    /// Writes `name.txt`, and `name.svg` when there are plots, into the folder.
    pub fn write(mut self, folder: &Path, name: &str) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let svg = folder.join(format!("{name}.svg"));
        let text = folder.join(format!("{name}.txt"));
        if !self.panels.is_empty() {
            std::fs::write(&svg, plot::svg(&self.panels))?;
            self.say(&format!("plot: {}", svg.display()));
        }
        self.say(&format!("text: {}", text.display()));
        std::fs::write(text, self.text)
    }
}

/// A table of text: the first column to the left, the others to the right.
#[derive(Debug, Clone)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table with a title and the heads of its columns.
    pub fn new(title: impl Into<String>, heads: &[&str]) -> Self {
        Self {
            title: title.into(),
            rows: vec![heads.iter().map(|head| (*head).to_owned()).collect()],
            notes: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a line below the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn to_text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = format!("\n{}\n", self.title);
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line.push_str(&if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") });
            }
            text.push_str(line.trim_end());
            text.push('\n');
            if number == 0 {
                text.push_str(&"-".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1)));
                text.push('\n');
            }
        }
        for note in &self.notes {
            text.push_str(&format!("  {note}\n"));
        }
        text.pop();
        text
    }
}

/// A spread with so many decimals: the median, and the least and greatest.
pub fn spread(spread: Spread, decimals: usize) -> String {
    let Spread { median, min, max } = spread;
    format!("{median:.decimals$} [{min:.decimals$}–{max:.decimals$}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_heads() {
        let mut table = Table::new("Fruit", &["what", "how many"]);
        table.row(["apples".into(), "7".into()]);
        table.note("in all");
        assert_eq!(table.to_text(), "\nFruit\nwhat    how many\n----------------\napples         7\n  in all");
    }
}
