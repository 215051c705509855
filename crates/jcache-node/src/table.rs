//! Text in columns.

/// Lines in which the cells of `rows` stand below each other, two spaces apart.
pub(crate) fn table<S: AsRef<str>>(rows: &[Vec<S>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.as_ref().chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}  ", cell.as_ref()));
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn cells_stand_below_each_other() {
        let rows = [vec!["LEVEL", "HAS"], vec!["n"], vec!["gemäß", "a string"]];
        assert_eq!(table(&rows), "LEVEL  HAS\nn\ngemäß  a string\n");
    }
}
