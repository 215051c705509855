//! Requests per second: reads only, 95/5 and 50/50, on one and several threads, in three situations.
//!
//! A read that misses is followed by a write of the same key, as a cache is used; where everything fits there are none.

use std::time::Duration;

use super::Scale;
use crate::engine::{Kind, Setting, Subject};
use crate::machine::thousands;
use crate::plot::Panel;
use crate::report::{Report, Table, spread};
use crate::rounds::{Series, Spread, interleave};
use crate::work::{Request, Zipf, streams};

const MIXES: [(&str, u8); 3] = [("reads only", 0), ("95/5", 5), ("50/50", 50)];

/// Long enough that nothing expires during a run.
const TTL: Option<Duration> = Some(Duration::from_secs(3600));

/// Everything fits.
pub(super) fn fit(report: &mut Report, scale: &Scale) {
    let streams = make_streams(scale, scale.keys);
    let keys = thousands(scale.keys as u64);
    for ttl in [None, TTL] {
        let setting = Setting { keys: scale.keys, room: None, ttl };
        situation(report, scale, &streams, &setting, &format!("{keys} keys, everything fits"));
    }
}

/// Room for a tenth of the keys.
pub(super) fn evict(report: &mut Report, scale: &Scale) {
    let streams = make_streams(scale, scale.keys);
    let (keys, room) = (thousands(scale.keys as u64), scale.keys / 10);
    for ttl in [None, TTL] {
        let setting = Setting { keys: scale.keys, room: Some(room), ttl };
        let title = format!("{keys} keys, room for {}", thousands(room as u64));
        situation(report, scale, &streams, &setting, &title);
    }
}

/// Few keys, all in the processor's caches.
pub(super) fn hot(report: &mut Report, scale: &Scale) {
    let streams = make_streams(scale, 1024);
    for ttl in [None, TTL] {
        situation(report, scale, &streams, &Setting { keys: 1024, room: None, ttl }, "1,024 keys, everything fits");
    }
}

fn make_streams(scale: &Scale, keys: usize) -> Vec<Vec<Request>> {
    streams(&Zipf::new(keys), scale.threads.iter().copied().max().unwrap_or(1), scale.requests)
}

fn situation(report: &mut Report, scale: &Scale, streams: &[Vec<Request>], setting: &Setting, title: &str) {
    let title = format!("{title}, {}", if setting.ttl.is_some() { "a TTL on each entry" } else { "no TTL" });
    let built: Vec<(Kind, Box<dyn Subject>)> =
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, kind.build(setting)?))).collect();
    for (_, subject) in &built {
        match setting.room {
            None => subject.fill(setting.keys as u64),
            Some(_) => drop(subject.replay(&mut streams[0].iter().copied())),
        }
    }
    if setting.room.is_some() && !built.iter().any(|(kind, _)| *kind == Kind::Memory) {
        report.say(&format!("\n{title}: jcache is left out, its memory engine cannot be bounded yet"));
    }
    let subjects: Vec<&dyn Subject> = built.iter().map(|(_, subject)| &**subject).collect();
    let base = built.iter().position(|(kind, _)| *kind == Kind::QuickCache).expect("quick_cache takes part");
    let mut panel = Panel { title: format!("{title}: ratio to quick_cache"), groups: Vec::new(), series: Vec::new() };
    panel.series.extend(built.iter().map(|(kind, _)| (kind.name().to_owned(), Vec::new())));
    for (mix, writes) in MIXES {
        let columns: Vec<Vec<Series>> = scale
            .threads
            .iter()
            .map(|threads| interleave(&subjects, &streams[..*threads], writes, scale.turn))
            .collect();
        for (threads, column) in scale.threads.iter().zip(&columns) {
            panel.groups.push(format!("{mix}, {threads} thr."));
            for ((_, bars), series) in panel.series.iter_mut().zip(column) {
                bars.push(Some(Spread::of_ratios(&series.rates, &column[base].rates).median));
            }
        }
        report.table(&table(&format!("{title}, {mix}"), scale, &built, &columns, base));
    }
    report.plot(panel);
}

fn table(
    title: &str,
    scale: &Scale,
    built: &[(Kind, Box<dyn Subject>)],
    columns: &[Vec<Series>],
    base: usize,
) -> Table {
    let names: Vec<String> =
        scale.threads.iter().map(|n| format!("{n} thread{}", if *n == 1 { "" } else { "s" })).collect();
    let mut heads = vec!["million requests/s"];
    names.iter().for_each(|name| heads.extend([name.as_str(), "× quick_cache"]));
    heads.extend(["hits", "entries"]);
    let mut table = Table::new(title, &heads);
    for (index, (kind, subject)) in built.iter().enumerate() {
        let cells = columns.iter().flat_map(|column| {
            let rates = &column[index].rates;
            let ratios = Spread::of_ratios(rates, &column[base].rates);
            [spread(Spread::of(rates.iter().copied()), 2), spread(ratios, 2)]
        });
        let hits = columns.last().map_or(0.0, |column| column[index].hit_ratio());
        let last = [format!("{:.1} %", hits * 100.0), thousands(subject.entries() as u64)];
        table.row(std::iter::once(kind.name().to_owned()).chain(cells).chain(last));
    }
    table
}
