//! Hit ratios of traces: each key is read, and written when it is not there; the first quarter is not counted.

use std::iter;

use super::Scale;
use crate::engine::{Kind, Setting};
use crate::machine::thousands;
use crate::plot::Panel;
use crate::report::{Report, Table};
use crate::work::{Request, Zipf, scatter};

const KINDS: [Kind; 5] = [Kind::Memory, Kind::QuickCache, Kind::Moka, Kind::Foyer, Kind::Lru];

/// In which order keys are asked for.
#[derive(Debug, Clone, Copy)]
enum Trace {
    /// Zipf over all keys.
    Zipf,
    /// Zipf; of every 100,000 requests, 20,000 in a row ask for keys never seen before or after (a scan), and 20,000 for
    /// the same keys as in the time before (a loop of a twentieth of all keys, gone through in turn).
    ScansAndLoops,
    /// Zipf over a window of a fifth of the keys, which moves on by one key every 20 requests: the newest is the most
    /// popular.
    Shifting,
}

const TRACES: [(&str, Trace); 3] =
    [("Zipf", Trace::Zipf), ("Zipf, scans and loops", Trace::ScansAndLoops), ("shifting set", Trace::Shifting)];

impl Trace {
    /// The numbers of the keys.
    fn numbers(self, keys: usize) -> Box<dyn Iterator<Item = u64>> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut at = 0;
        let ranks = if matches!(self, Trace::Shifting) { keys / 5 } else { keys };
        let zipf = Zipf::new(ranks);
        let (all, looped) = (keys as u64, keys as u64 / 20);
        let (mut scanned, mut turned) = (0, 0);
        Box::new(iter::from_fn(move || {
            at += 1;
            let rank = zipf.pick(&mut random) as u64;
            Some(match (self, at % 100_000) {
                (Trace::Zipf, _) | (Trace::ScansAndLoops, 0..60_000) => scatter(rank) % all,
                (Trace::ScansAndLoops, 60_000..80_000) => {
                    scanned += 1;
                    2 * all + scanned
                }
                (Trace::ScansAndLoops, _) => {
                    turned += 1;
                    all + turned % looped
                }
                (Trace::Shifting, _) => (at / 20 + all).wrapping_sub(rank),
            })
        }))
    }
}

pub(super) fn run(report: &mut Report, scale: &Scale) {
    let keys = scale.keys;
    let (mut groups, mut rows) = (Vec::new(), vec![Vec::new(); KINDS.len()]);
    for (name, trace) in TRACES {
        for part in [100, 10] {
            let setting = Setting { keys, room: Some(keys / part), ttl: None };
            groups.push(format!("{name}, {} %", 100 / part));
            for (kind, row) in KINDS.iter().zip(&mut rows) {
                row.push(hit_ratio(*kind, trace, &setting));
            }
        }
    }
    let title = format!("Hit ratio in per cent, room for 1 % and 10 % of {} keys", thousands(keys as u64));
    let heads: Vec<&str> = iter::once("").chain(groups.iter().map(String::as_str)).collect();
    let mut table = Table::new(&title, &heads);
    for (kind, row) in KINDS.iter().zip(&rows) {
        let cell = |it: &Option<f64>| it.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        table.row(iter::once(kind.name().to_owned()).chain(row.iter().map(cell)));
    }
    if rows[0].iter().all(Option::is_none) {
        table.note("jcache: its memory engine cannot be bounded yet");
    }
    report.table(&table);
    let series = KINDS.iter().zip(rows).map(|(kind, row)| (kind.name().to_owned(), row)).collect();
    report.plot(Panel { title, groups, series });
}

fn hit_ratio(kind: Kind, trace: Trace, setting: &Setting) -> Option<f64> {
    let subject = kind.build(setting)?;
    let counted = setting.keys * 3;
    let mut requests = trace.numbers(setting.keys).map(|number| Request::new(number, 0));
    subject.replay(&mut requests.by_ref().take(counted / 3));
    Some(subject.replay(&mut requests.take(counted)) as f64 / counted as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_never_seen_again_and_loops_are() {
        let numbers: Vec<u64> = Trace::ScansAndLoops.numbers(10_000).take(200_000).collect();
        let mut scanned: Vec<u64> = numbers.iter().copied().filter(|it| *it > 20_000).collect();
        assert_eq!(scanned.len(), 40_000);
        scanned.dedup();
        assert_eq!(scanned.len(), 40_000);
        let looped = numbers.iter().filter(|it| (10_000..10_500).contains(*it)).count();
        assert_eq!(looped, 40_000);
    }
}
