//! Bar charts as SVG: groups of bars, one bar for each engine, jcache's in one colour family and the peers' in others.

use std::fmt::Write;

/// One chart: for each group, a bar for each series that has a figure there.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What is shown, with its unit.
    pub title: String,
    /// The names under the groups.
    pub groups: Vec<String>,
    /// The engines with a figure for each group.
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

const WIDTH: f64 = 1100.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 54.0;
const PLOT: f64 = 160.0;

/// All panels, one below the other.
pub fn svg(panels: &[Panel]) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", HEIGHT * number as f64);
        draw(panel, &mut out);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn draw(panel: &Panel, out: &mut String) {
    let figures = panel.series.iter().flat_map(|(_, figures)| figures.iter().flatten());
    let step = step(figures.fold(0.0, |top: f64, figure| top.max(*figure)));
    let lines =
        (panel.series.iter().flat_map(|it| it.1.iter().flatten()).fold(0.0, |a: f64, b| a.max(*b)) / step).ceil();
    let scale = PLOT / (lines * step);
    text(out, LEFT, 18.0, "start", 14, &panel.title);
    legend(panel, out);
    for line in 0..=lines as usize {
        let (value, y) = (line as f64 * step, TOP + PLOT - line as f64 * step * scale);
        let _ = writeln!(out, "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"#d8d8d8\"/>", WIDTH - 10.0);
        text(out, LEFT - 6.0, y + 4.0, "end", 11, &format!("{value:.decimals$}", decimals = usize::from(step < 1.0)));
    }
    let group = (WIDTH - LEFT - 10.0) / panel.groups.len() as f64;
    let bar = (group - 8.0) / panel.series.len() as f64;
    for (at, name) in panel.groups.iter().enumerate() {
        let left = LEFT + group * at as f64 + 4.0;
        text(out, left + group / 2.0 - 4.0, TOP + PLOT + 16.0, "middle", 11, name);
        for (index, (engine, figures)) in panel.series.iter().enumerate() {
            let Some(figure) = figures.get(at).copied().flatten() else { continue };
            let (x, height) = (left + bar * index as f64, figure * scale);
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{}\"><title>{}: {figure:.2}\
                 </title></rect>",
                TOP + PLOT - height,
                (bar - 1.0).max(1.0),
                colour(engine, index),
                escape(engine),
            );
        }
    }
}

fn legend(panel: &Panel, out: &mut String) {
    let mut x = LEFT;
    for (index, (engine, _)) in panel.series.iter().enumerate() {
        let _ =
            writeln!(out, "<rect x=\"{x}\" y=\"29\" width=\"10\" height=\"10\" fill=\"{}\"/>", colour(engine, index));
        text(out, x + 14.0, 38.0, "start", 11, engine);
        x += 30.0 + 6.2 * engine.chars().count() as f64;
    }
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, size: u32, text: &str) {
    let text = escape(text);
    let _ =
        writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{text}</text>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn colour(engine: &str, index: usize) -> &'static str {
    const OURS: [&str; 3] = ["#b3261e", "#e0645c", "#f0a8a2"];
    const PEERS: [&str; 8] = ["#1f4e79", "#2e8b57", "#8a6d3b", "#6a5acd", "#5f9ea0", "#c0a000", "#777777", "#b0b0b0"];
    if engine.starts_with("jcache") { OURS[index % OURS.len()] } else { PEERS[index % PEERS.len()] }
}

/// A round distance between lines, some four to eight of them.
fn step(top: f64) -> f64 {
    if top <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf((top / 4.0).log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|step| top / step <= 8.0).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_figure() {
        let series =
            vec![("jcache <x>".to_owned(), vec![Some(1.0), None]), ("peer".to_owned(), vec![Some(2.0), Some(3.0)])];
        let out = svg(&[Panel { title: "t".into(), groups: vec!["a".into(), "b".into()], series }]);
        assert_eq!(out.matches("<title>").count(), 3);
        assert!(out.contains("jcache &lt;x&gt;: 1.00"));
    }

    #[test]
    fn lines_are_few_and_round() {
        for top in [0.3, 1.0, 7.7, 99.0, 12_345.0] {
            let lines = top / step(top);
            assert!((1.9..=8.0).contains(&lines), "{top}: {lines}");
        }
    }
}
