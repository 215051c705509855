//! Latency of single requests: 95 reads to 5 writes on two threads, with times to live that run out and with eviction.

use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Scale;
use crate::engine::{Kind, Setting, Subject};
use crate::machine::thousands;
use crate::redis_server::Server;
use crate::report::{Report, Table};
use crate::work::{Request, VALUE, Zipf, streams};

const THREADS: usize = 2;
const WRITES: u8 = 5;

/// Short: entries expire while the load runs.
const TTL: Duration = Duration::from_millis(500);

pub(super) fn run(report: &mut Report, scale: &Scale) {
    let streams = streams(&Zipf::new(scale.keys), THREADS, scale.requests);
    let setting = Setting { keys: scale.keys, room: Some(scale.keys / 10), ttl: Some(TTL) };
    let title = format!(
        "Latency in µs, 95/5 on {THREADS} threads, {} keys, room for a tenth, TTL {TTL:?}, {} requests a thread",
        thousands(scale.keys as u64),
        thousands(scale.requests as u64 * 4),
    );
    let mut table = Table::new(title, &["", "p50", "p99", "p99.9", "p99.99", "max"]);
    for kind in [Kind::Memory, Kind::Moka, Kind::QuickCache] {
        match kind.build(&setting) {
            Some(subject) => table.row(row(kind.name(), &load(&*subject, &streams, scale.requests * 4))),
            None => table.note(format!("{}: left out, it cannot be bounded yet", kind.name())),
        }
    }
    if let Some((name, histogram)) = over_loopback(scale, &streams) {
        table.row(row(&format!("{name}, loopback"), &histogram));
    }
    table.row(row("two clock reads alone", &clock()));
    table.note("clock reads are in every figure");
    report.table(&table);
}

/// A histogram of nanoseconds, up to a minute.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000_000, 3).expect("right bounds")
}

fn row(name: &str, histogram: &Histogram<u64>) -> Vec<String> {
    let quantiles = [0.5, 0.99, 0.999, 0.9999].map(|quantile| histogram.value_at_quantile(quantile));
    let figures = quantiles.into_iter().chain([histogram.max()]);
    std::iter::once(name.to_owned()).chain(figures.map(|nanos| format!("{:.2}", nanos as f64 / 1e3))).collect()
}

fn load(subject: &dyn Subject, streams: &[Vec<Request>], count: usize) -> Histogram<u64> {
    subject.replay(&mut streams[0].iter().copied());
    thread::scope(|scope| {
        let handles: Vec<_> =
            streams.iter().map(|stream| scope.spawn(move || subject.latency(stream, WRITES, count))).collect();
        handles.into_iter().map(|it| it.join().expect("no engine panics")).reduce(|a, b| a + b).expect("some threads")
    })
}

fn clock() -> Histogram<u64> {
    let mut histogram = empty();
    for _ in 0..1_000_000 {
        let begin = Instant::now();
        histogram.saturating_record(begin.elapsed().as_nanos() as u64);
    }
    histogram
}

/// redis-server with a bound that makes it evict, one connection a thread; fewer requests, as each is a round trip.
fn over_loopback(scale: &Scale, streams: &[Vec<Request>]) -> Option<(String, Histogram<u64>)> {
    let bound = format!("{}", 2_000_000 + scale.keys / 10 * 250);
    let server = Server::start(&["--maxmemory", &bound, "--maxmemory-policy", "allkeys-lru"])?;
    let count = scale.requests / 8;
    let request = |stream: &[Request]| {
        let mut connection = server.connect().ok()?;
        let mut histogram = empty();
        for request in stream.iter().cycle().take(count) {
            let mut set = redis::cmd("SET");
            set.arg(request.key()).arg(&VALUE).arg("PX").arg(TTL.as_millis() as u64);
            let get = redis::Cmd::get(request.key());
            let begin = Instant::now();
            if request.die < WRITES || get.query::<Option<Vec<u8>>>(&mut connection).ok()?.is_none() {
                set.exec(&mut connection).ok()?;
            }
            histogram.saturating_record(begin.elapsed().as_nanos() as u64);
        }
        Some(histogram)
    };
    let histograms: Option<Vec<Histogram<u64>>> = thread::scope(|scope| {
        let handles: Vec<_> = streams.iter().map(|stream| scope.spawn(|| request(stream))).collect();
        handles.into_iter().map(|it| it.join().ok().flatten()).collect()
    });
    Some((server.version(), histograms?.into_iter().reduce(|a, b| a + b)?))
}
